#pragma once
// Errors and warnings as authors read them:
//
//   content/blog/hello.md:3:1: error: unknown key "tittle" in page front matter
//     3 | tittle = "Hello"
//       | ^^^^^^
//     help: did you mean "title"?
//
// and as JSON for editors. Columns count characters; the caret stands right also after tabs and
// wide characters. Pure.

#include "base/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::text {

enum class Severity : std::uint8_t { error, warning };
enum class Colour : std::uint8_t { off, on };

struct Diagnostic {
  Severity severity = Severity::error;
  Error error;
};

struct DiagnosticStyle {
  Colour colour = Colour::off;
  // The width of the terminal; a longer source line is cut round the caret. 0 = no cut.
  std::size_t columns_max = 0;
};

// With a newline at the end. `source` is the text of the whole file, or empty when it is not at
// hand (no frame then).
std::string diagnostic_text(const Diagnostic& diagnostic, std::string_view source,
                            const DiagnosticStyle& style = {});

// {"severity","code","file","line","column","end_column","message","help","chain"}
std::string diagnostic_json(const Diagnostic& diagnostic);

// `did you mean "title"?` for the candidate within two edits of `word`, or empty.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace weir::text
