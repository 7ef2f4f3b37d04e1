#include "text/front_matter.h"

#include "text/toml.h"
#include "text/yaml.h"

#include "base/bytes.h"
#include "text/utf8.h"

namespace weir::text {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

struct Line {
  std::string_view text;  // without its line end and blanks behind it
  std::size_t end;        // offset of the next line
};

Line line_from(std::string_view text, std::size_t start) {
  const std::size_t newline = text.find('\n', start);
  const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
  std::string_view line =
      text.substr(start, (newline == std::string_view::npos ? end : newline) - start);
  while (line.ends_with('\r') || line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
  return {line, end};
}

}  // namespace

Result<FrontMatter> parse_front_matter(std::string_view text, std::string_view file) {
  std::size_t start = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  while (start < text.size() && is_space(text[start])) ++start;
  const std::uint32_t first_line = line_of(text, start);
  const Line opening = line_from(text, start);
  const std::string_view fence = opening.text;
  if (fence != "+++" && fence != "---")
    return Error{Errc::invalid,
                 "expected front matter",
                 Place{std::string(file), first_line, 1},
                 "start the file with a line +++ (TOML) or --- (YAML), and end the front matter "
                 "with the same line",
                 {}};

  std::uint32_t number = first_line + 1;
  for (std::size_t at = opening.end; at < text.size(); ++number) {
    const Line line = line_from(text, at);
    if (line.text == fence) {
      const std::string_view source = text.substr(opening.end, at - opening.end);
      FrontMatter result;
      result.data = TRY(fence == "+++" ? parse_toml(source, file, first_line + 1)
                                       : parse_yaml(source, file, first_line + 1));
      if (result.data.is_null()) result.data = Value::Object{};
      if (!result.data.is_object())
        return Error{Errc::invalid,
                     "expected names and values in the front matter, found a single " +
                         std::string(result.data.kind()),
                     Place{std::string(file), result.data.line, result.data.column}};
      result.body = text.substr(line.end);
      result.body_line = number + 1;
      return result;
    }
    at = line.end;
  }
  return Error{Errc::invalid,
               "the front matter that starts here has no end",
               Place{std::string(file), first_line, 1, 4},
               "end it with a line " + std::string(fence),
               {}};
}

}  // namespace weir::text
