// Question: what does a byte of code cost to colour? Budget: 30 ns, lexed and written as HTML with
// classes.
//
//   bench-highlight LANGUAGE FILE...    the languages by their published names: rust, shellscript

#include "base/clock.h"
#include "base/file.h"
#include "text/highlight_html.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace {

using namespace weir;

constexpr int rounds = 15;

struct Times {
  double lexed = 0, written = 0;  // ns per byte, the median
};

template <class Work>
double median_of(std::size_t bytes, Work work) {
  const SystemClock clock;
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const Mono start = clock.mono();
    work();
    times.push_back(static_cast<double>((clock.mono() - start).count()) /
                    static_cast<double>(bytes));
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[rounds / 2];
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::fprintf(stderr, "usage: bench-highlight LANGUAGE FILE...\n"), 2;
  const text::CodeLanguage* language = text::find_code_language(arguments[1]);
  if (language == nullptr) return std::fprintf(stderr, "no language %s\n", arguments[1]), 2;
  std::string code;
  for (int i = 2; i < count; ++i) {
    const Result<std::string> bytes = read_file(arguments[i]);
    if (!bytes.ok()) return std::fprintf(stderr, "%s\n", bytes.error().text().c_str()), 1;
    code += *bytes;
  }
  const text::CodeLook look{text::CodeStyle::classes, *text::find_code_theme("nord"), std::nullopt};
  std::size_t kept = 0;  // so that no work is left out
  Times times;
  times.lexed =
      median_of(code.size(), [&] { kept += text::tokens_of(code, *language).list.size(); });
  times.written = median_of(code.size(), [&] {
    kept += text::highlighted_html_of({code, arguments[1], language}, {}, look).size();
  });
  std::printf("%-12s %9zu bytes: lexed %5.1f ns/byte, with HTML %5.1f ns/byte (%zu)\n",
              arguments[1], code.size(), times.lexed, times.written, kept % 10);
  return 0;
}
