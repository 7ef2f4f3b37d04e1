// What does a range at the end of a large file cost, beside reading the whole of it?
//
// Budget: 64 KiB at the end of 256 MiB below 2 ms of wall and processor time, be it text (kept as
// zstd frames) or media (kept as it is); a hundredth of the whole at most. Each number is the
// median of several; the file lies in the kernel's page cache, as nginx would find it.
//
//   make build/release/bench-range && build/release/bench-range [MiB]
//
// Beside nginx over sockets: scripts/bench/range.

#include "base/limits.h"
#include "store/pieced_body.h"
#include "store/store.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

using namespace weir;

namespace {

double processor_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

struct Cost {
  double wall_ms = 0, processor_ms = 0;
};

template <class Work>
Cost median_of(int times, Work work) {
  std::vector<double> walls, processors;
  for (int i = 0; i < times; ++i) {
    const auto began = std::chrono::steady_clock::now();
    const double before = processor_ms();
    work();
    processors.push_back(processor_ms() - before);
    walls.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
            .count());
  }
  std::ranges::sort(walls);
  std::ranges::sort(processors);
  return {walls[walls.size() / 2], processors[processors.size() / 2]};
}

template <class T>
T need(Result<T> result) {
  if (result) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(1);
}

std::string text_of(std::size_t bytes) {
  std::mt19937 random(1);
  std::string text;
  text.reserve(bytes + 32);
  while (text.size() < bytes)
    text += "word" + std::to_string(random() % 5'000) + (random() % 12 == 0 ? "\n" : " ");
  text.resize(bytes);
  return text;
}

std::string noise_of(std::size_t bytes) {
  std::mt19937_64 random(2);
  std::string noise(bytes, '\0');
  for (std::size_t at = 0; at + 8 <= bytes; at += 8) {
    const std::uint64_t word = random();
    std::copy_n(reinterpret_cast<const char*>(&word), 8, noise.data() + at);
  }
  return noise;
}

}  // namespace

int main(int count, char** words) {
  const std::size_t bytes = (count > 1 ? std::strtoull(words[1], nullptr, 10) : 256) * MiB;
  constexpr std::size_t range_bytes = 64 * KiB;
  const std::string directory =
      std::filesystem::temp_directory_path() / ("range-" + std::to_string(::getpid()));
  SystemClock clock;
  store::Disk disk;
  LineWriter lines(2, 64);
  Log log(clock, lines, LogLevel::error, LogForm::json);
  std::string result = "RESULT";
  {
    const auto writer = need(store::ReleaseWriter::open({directory}, clock, disk));
    for (const char* const kind : {"text", "media"}) {
      store::NewEntry entry;
      entry.path = std::string("/") + kind;
      entry.content_type = kind == std::string_view("text") ? "text/plain" : "video/mp4";
      entry.body = kind == std::string_view("text") ? text_of(bytes) : noise_of(bytes);
      need(writer->add(std::move(entry)));
    }
    const auto store = need(store::Store::open({.directory = directory}, clock, log, disk));
    need(store->adopt_release(need(writer->finish())));
    const auto release = store->active().release;
    for (const char* const kind : {"text", "media"}) {
      const auto entry = *release->find(std::string("/") + kind);
      const Cost whole = median_of(3, [&] { (void)need(release->read(entry)); });
      const Cost part = median_of(21, [&] {
        const auto body = need(release->open_pieces(entry));
        (void)need(body->read(store::Codec::identity, bytes - range_bytes, range_bytes));
      });
      std::printf(
          "%-5s  64 KiB at the end %8.3f ms (processor %8.3f ms)   whole %8.1f ms "
          "(processor %8.1f ms)\n",
          kind, part.wall_ms, part.processor_ms, whole.wall_ms, whole.processor_ms);
      char line[160];
      std::snprintf(line, sizeof line, " %s_range_ms=%.3f %s_whole_ms=%.1f", kind, part.wall_ms,
                    kind, whole.wall_ms);
      result += line;
    }
  }
  std::filesystem::remove_all(directory);
  std::printf("%s mib=%zu\n", result.c_str(), bytes / MiB);
}
