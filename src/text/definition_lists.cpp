#include "text/definition_lists.h"

#include "base/bytes.h"

namespace weir::text {

namespace {

std::size_t indent_of(std::string_view line) {
  std::size_t columns = 0;
  for (const char c : line) {
    if (c == ' ') ++columns;
    else if (c == '\t') columns += 4 - columns % 4;
    else break;
  }
  return columns;
}

// The length of a fence at the start of a line; 0: none.
std::size_t fence_of(std::string_view line, char& mark) {
  std::string_view text = trim(line);
  // A fence may open behind the marker of a definition or an item.
  while (text.starts_with(": ") || text.starts_with("- ") || text.starts_with("* "))
    text = trim(text.substr(2));
  if (!text.starts_with("```") && !text.starts_with("~~~")) return 0;
  mark = text.front();
  return std::min(text.find_first_not_of(mark), text.size());
}

}  // namespace

MarkedDefinitions definitions_marked(std::string_view text,
                                     const std::set<std::uint32_t>& not_those) {
  MarkedDefinitions out;
  out.text = text;
  char fence = '\0';
  std::size_t fence_length = 0;
  std::uint32_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t begin = at;
    at = end + 1;
    ++number;
    char mark = '\0';
    const std::size_t length = fence_of(line, mark);
    if (fence_length > 0) {
      const bool closes = length >= fence_length && mark == fence &&
                          trim(line).find_first_not_of(mark) == std::string_view::npos;
      if (closes) fence_length = 0;
      continue;
    }
    const std::size_t colon = line.find_first_not_of(' ');
    const bool is_definition = colon != std::string_view::npos && colon <= 3 &&
                               line[colon] == ':' && colon + 1 < line.size() &&
                               is_space(line[colon + 1]) && !trim(line.substr(colon + 1)).empty() &&
                               indent_of(line) <= 3;
    if (is_definition && !not_those.contains(number)) {
      out.text[begin + colon] = '+';
      out.columns.emplace(number, static_cast<std::uint32_t>(colon + 1));
    }
    if (length > 0) {
      fence = mark;
      fence_length = length;
    }
  }
  return out;
}

}  // namespace weir::text
