// Question: how long does one edit take in a builder that stays, by what was edited? Budget: 20 ms
// for a page of 10,000 (its body, title, a heading, a link), medians of 15.
//
//   bench-resident SITE    writes into SITE, and puts back what it wrote.
//
// `scripts/bench/site_pages N DIR` makes a site of N pages for it.

#include "base/clock.h"
#include "base/file.h"
#include "site/resident.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace weir;

namespace {

constexpr int rounds = 15;

class Editor {
 public:
  Editor(std::string root, site::ResidentBuilder& builder)
      : root_(std::move(root)), builder_(builder) {}

  // `edited(text, round)` is the file's next text.
  template <class Edited>
  bool measure(const char* what, const std::string& file, Edited edited) {
    const std::string path = root_ + '/' + file;
    const std::string before = read_file(path).value();
    std::vector<double> times;
    std::size_t rendered = 0, whole = 0;
    for (int round = 0; round < rounds; ++round) {
      const std::string text = edited(read_file(path).value(), std::to_string(round));
      if (!write_file_atomically(path, text, Sync::no).ok()) return false;
      // A file is unread by its look alone only when it is older than a tick of the file system.
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      const std::string written[] = {file};
      const Mono begun = clock_.mono();
      const site::ResidentBuilder::Result result = builder_.build(written);
      times.push_back(static_cast<double>((clock_.mono() - begun).count()) / 1e6);
      if (result.report.failed()) return false;
      rendered = result.report.outputs - result.report.kept;
      whole += result.report.phases.empty() ? 0 : 1;
    }
    std::sort(times.begin(), times.end());
    std::printf("%-24s %8.2f ms  (%.2f .. %.2f), %zu rendered, %zu of %d whole builds\n", what,
                times[times.size() / 2], times.front(), times.back(), rendered, whole, rounds);
    const std::string written[] = {file};
    return write_file_atomically(path, before, Sync::no).ok() &&
           !builder_.build(written).report.failed();
  }

 private:
  const SystemClock clock_;
  std::string root_;
  site::ResidentBuilder& builder_;
};

std::string with(std::string text, const std::string& begin, const std::string& end,
                 const std::string& put) {
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) return text;
  const std::size_t from = at + begin.size();
  return text.replace(from, text.find(end, from) - from, put);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return std::fprintf(stderr, "usage: bench-resident SITE\n"), 2;
  const SystemClock clock;
  const auto source = site::DirectorySource::open(arguments[1]);
  if (!source.ok()) return std::fprintf(stderr, "%s\n", source.error().text().c_str()), 1;
  site::BuildOptions options;
  options.clock = &clock;
  site::ResidentBuilder builder(**source, options);
  const Mono begun = clock.mono();
  if (builder.build().report.failed()) return std::fprintf(stderr, "the site fails\n"), 1;
  std::printf("%-24s %8.2f ms\n", "the first build",
              static_cast<double>((clock.mono() - begun).count()) / 1e6);
  Editor editor(arguments[1], builder);
  const std::string page = "content/blog/page-00077.md";
  const bool is_good =
      editor.measure("a body", page,
                     [](const std::string& text, const std::string& round) {
                       return text + "\nMore words " + round + ".\n";
                     }) &&
      editor.measure("a title", page,
                     [](const std::string& text, const std::string& round) {
                       return with(text, "title = \"", "\"", "A title " + round);
                     }) &&
      editor.measure("a heading", page,
                     [](const std::string& text, const std::string& round) {
                       return with(text, "\n## ", "\n", "A heading " + round);
                     }) &&
      editor.measure("a link", page,
                     [](const std::string& text, const std::string& round) {
                       return text + "\n[There](@/blog/page-0010" + std::string(1, round.back()) +
                              ".md)\n";
                     }) &&
      editor.measure("a description", page,
                     [](const std::string& text, const std::string& round) {
                       return with(text, "description = \"", "\"", "About " + round);
                     }) &&
      editor.measure("a date", page, [](const std::string& text, const std::string& round) {
        return with(text, "date = ", "\n", "2023-03-0" + std::to_string(1 + std::stoi(round) % 9));
      });
  return is_good ? 0 : 1;
}
