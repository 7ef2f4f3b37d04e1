// Goal: whatever single bit of a store's files rots, no visitor ever gets bytes that were not made
// for that page, and no acknowledged purge is undone (C-63, C-76).
// Method: one store with a release, fills of both kinds and purges; for each round a copy of it
// with one bit flipped, opened and read by a cache whose origin is down, so that only the disk
// speaks.

#include "cache/fixture.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t keys = 8;

std::string key_of(std::size_t i) { return "/p" + std::to_string(i) + "/"; }

// Small ones live in the log, large ones in a file of their own; those of the build in a segment.
std::string body_of(std::size_t i, std::string_view version) {
  std::string body = key_of(i) + " " + std::string(version) + "\n";
  std::mt19937 chance(static_cast<unsigned>(i));
  while (body.size() < (i % 2 == 0 ? 600U : 9'000U))
    body += std::to_string(chance()) + (chance() % 3 == 0 ? "\n" : " ");
  return body;
}

void flip_a_bit(const std::string& directory, std::mt19937_64& chance, std::string& told) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file() && entry.file_size() > 0) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  const std::filesystem::path& path = files[chance() % files.size()];
  const auto at = static_cast<std::streamoff>(chance() % std::filesystem::file_size(path));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ (1 << chance() % 8)));
  told = path.string() + " at " + std::to_string(at);
}

}  // namespace

TEST_CASE("C-76: one bit that rots anywhere on disk is never served and undoes no purge",
          "[cache][store]") {
  CacheBench bench;
  std::vector<std::set<std::string>> made(keys);
  std::vector<store::NewEntry> entries;
  for (std::size_t i = 0; i < keys; ++i) {
    entries.push_back(bench.isr(key_of(i), body_of(i, "built"), {"k" + std::to_string(i), "all"}));
    made[i].insert(body_of(i, "built"));
  }
  bench.open(entries);
  bench.origin.answer = [&](const RenderRequest& request, int) {
    const auto i = static_cast<std::size_t>(request.path[2] - '0');
    return bench.origin.ok(body_of(i, "rendered"));
  };
  // Half of the pages are rendered anew, and of those two are purged once more: one softly, and one
  // whose old copies must never be seen again.
  for (std::size_t i = 0; i < keys / 2; ++i) {
    made[i].insert(body_of(i, "rendered"));
    bench.purge({.paths = {key_of(i)}, .mode = Mode::refresh});
    bench.work();
    CHECK(bench.see(key_of(i)) == body_of(i, "rendered"));
  }
  bench.purge({.paths = {key_of(0)}});
  bench.purge({.paths = {key_of(1)}, .mode = Mode::hard});
  bench.purge({.paths = {key_of(keys - 1)}, .mode = Mode::hard});
  need(bench.store->snapshot());
  bench.purge({.paths = {key_of(2)}});
  bench.close();

  const std::string directory = bench.disk.settings().directory;
  const std::string sound = bench.disk.directory.path() + "/sound";
  std::filesystem::copy(directory, sound, std::filesystem::copy_options::recursive);
  bench.origin.answer = [](const RenderRequest&, int) { return Error{Errc::io, "down"}; };
  std::mt19937_64 chance(7);
  std::size_t served = 0;
  for (std::size_t round = 0; round < rounds(60, 1'000); ++round) {
    std::filesystem::remove_all(directory);
    std::filesystem::copy(sound, directory, std::filesystem::copy_options::recursive);
    std::string told;
    flip_a_bit(directory, chance, told);
    INFO("round " << round << ", " << told);
    auto opened =
        store::Store::open(bench.disk.settings(), bench.clock(), bench.disk.log, bench.disk.disk);
    if (!opened) continue;  // said aloud, and nothing is served
    bench.store = std::move(opened).value();
    bench.start();
    for (std::size_t i = 0; i < keys; ++i) {
      const Fetched got = bench.get(key_of(i));
      if (got.lookup.kind != Lookup::Kind::page) continue;
      ++served;
      const std::string body = CacheBench::body(got.lookup);
      CHECK(made[i].contains(body));
      if (i == 0 || i == 2) CHECK(got.lookup.freshness != Freshness::fresh);
      if (i == 1 || i == keys - 1) FAIL_CHECK("what was purged hard is served: " + key_of(i));
    }
    bench.close();
  }
  CHECK(served > rounds(60, 1'000) * 2);
}
