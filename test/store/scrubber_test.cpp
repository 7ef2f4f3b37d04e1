// Goal: what rots on disk is found without a visitor, slowly, and moved out of the way (C-63).

#include "store/scrubber.h"

#include "store/fixture.h"

#include <filesystem>
#include <fstream>

using namespace weir;
using namespace weir::store;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::string body_of(char fill, std::size_t bytes) {
  std::string body;
  std::uint64_t number = static_cast<unsigned char>(fill);
  while (body.size() < bytes) {  // nothing that zstd could make small
    number = number * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    body += static_cast<char>(number >> 56);
  }
  return body;
}

}  // namespace

TEST_CASE("C-63: a rotten file is quarantined before anybody asks for it", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  need(keep(*store, "/good", body_of('a', 9'000)));
  need(keep(*store, "/bad", body_of('b', 9'000)));
  damage(store->blobs().path_of(store->find_fill("/bad")->body_id), 5'000);
  for (int second = 0; second < 3; ++second) {
    bench.clock.advance(1s);
    store->tick();
  }
  CHECK(store->counters().corrupt == 1);
  CHECK(body_in(*store, "/good") == body_of('a', 9'000));
  CHECK(body_in(*store, "/bad").front() == '(');
  CHECK(std::filesystem::exists(bench.settings().directory + "/quarantine"));
  CHECK(store->counters().corrupt == 1);  // found once: it is out of the way
}

TEST_CASE("C-63: a rotten blob in a segment is told, and the segment stays", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  const auto writer = bench.writer();
  for (char name = 'a'; name < 'f'; ++name)
    need(writer->add(page(std::string("/") + name, body_of(name, 300'000))));
  need(store->adopt_release(need(writer->finish())));
  std::string segment;
  for (const auto& file :
       std::filesystem::directory_iterator(bench.settings().directory + "/blobs"))
    if (file.path().extension() == ".seg") segment = file.path();
  REQUIRE_FALSE(segment.empty());
  damage(segment, 700'000);
  for (int second = 0; second < 5; ++second) {
    bench.clock.advance(1s);
    store->tick();
  }
  CHECK(store->counters().corrupt == 1);
  CHECK(std::filesystem::exists(segment));
  std::size_t good = 0;
  const auto release = store->active().release;
  for (std::size_t i = 0; i < release->count(); ++i)
    good += release->read(release->at(i)).ok() ? 1 : 0;
  CHECK(good == 4);
}

TEST_CASE("C-63: a round reads all there is, no more than its share a second, and then rests",
          "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  for (int i = 0; i < 8; ++i)
    need(keep(*store, "/" + std::to_string(i), body_of(static_cast<char>('a' + i), 500'000)));
  Scrubber scrubber(bench.settings().directory, store->blobs(), bench.disk);
  std::size_t read = scrubber.step(bench.clock.mono());
  CHECK(read == 0);
  int seconds = 0;
  while (scrubber.rounds() == 0 && seconds < 100) {
    bench.clock.advance(1s);
    ++seconds;
    read += scrubber.step(bench.clock.mono());
    CHECK(read <= static_cast<std::size_t>(seconds) * limits::scrub_bytes_per_second + 500'100);
  }
  CHECK(read >= 8 * 500'000);
  CHECK(seconds >= 3);
  CHECK(store->counters().corrupt == 0);
  bench.clock.advance(1s);
  CHECK(scrubber.step(bench.clock.mono()) == 0);
  bench.clock.advance(1h);
  CHECK(scrubber.step(bench.clock.mono()) > 0);
}
