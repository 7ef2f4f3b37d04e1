#include "edge/pattern.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::edge {

Result<Pattern> parse_pattern(std::string_view text) {
  if (text.empty() || text.front() != '/') {
    return Error{Errc::invalid,
                 "a path pattern must begin with /, not \"" + std::string(text) + "\""};
  }
  Pattern pattern;
  pattern.text_ = std::string(text);
  std::string_view rest = text.substr(1);
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string_view word = rest.substr(0, slash);
    const bool is_last = slash == std::string_view::npos;
    if (word == "**") {
      if (!is_last)
        return Error{Errc::invalid,
                     "** must be the last part of the pattern \"" + pattern.text_ + "\""};
      pattern.segments_.push_back({Pattern::Part::rest, {}});
    } else if (word == "*") {
      pattern.segments_.push_back({Pattern::Part::any_one, {}});
    } else if (word.size() > 2 && word.front() == '{' && word.back() == '}') {
      pattern.segments_.push_back(
          {Pattern::Part::any_one, std::string(word.substr(1, word.size() - 2))});
    } else if (word.find_first_of("*{}") != std::string_view::npos) {
      return Error{Errc::invalid, "\"" + std::string(word) + "\" in the pattern \"" +
                                      pattern.text_ +
                                      "\" must be a whole segment: *, {name} or **"};
    } else {
      pattern.segments_.push_back({Pattern::Part::literal, std::string(word)});
    }
    if (is_last) return pattern;
    rest = rest.substr(slash + 1);
  }
}

bool Pattern::matches(std::string_view path) const {
  if (path.empty() || path.front() != '/') return false;
  bool ended = false;  // no further segment in `rest`
  std::string_view rest = path.substr(1);
  for (const Segment& segment : segments_) {
    if (segment.part == Part::rest) return true;
    if (ended) return false;
    const std::size_t slash = rest.find('/');
    const std::string_view word = rest.substr(0, slash);
    if (segment.part == Part::any_one ? word.empty() : word != segment.text) return false;
    ended = slash == std::string_view::npos;
    rest = ended ? std::string_view() : rest.substr(slash + 1);
  }
  return ended;
}

std::vector<std::pair<std::string_view, std::string_view>> Pattern::parameters_of(
    std::string_view path) const {
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  std::string_view rest = path.substr(std::min<std::size_t>(1, path.size()));
  for (const Segment& segment : segments_) {
    const std::size_t slash = rest.find('/');
    if (segment.part == Part::any_one && !segment.text.empty())
      parameters.emplace_back(segment.text, rest.substr(0, slash));
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return parameters;
}

std::vector<std::string_view> Pattern::names() const {
  std::vector<std::string_view> names;
  for (const Segment& segment : segments_)
    if (segment.part == Part::any_one && !segment.text.empty()) names.push_back(segment.text);
  return names;
}

bool Pattern::is_named() const {
  return std::ranges::all_of(segments_, [](const Segment& segment) {
    return segment.part == Part::literal ||
           (segment.part == Part::any_one && !segment.text.empty());
  });
}

std::string bare_host_of(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  std::string bare = lower_of(has_port ? authority.substr(0, colon) : authority);
  if (!bare.empty() && bare.back() == '.') bare.pop_back();
  return bare;
}

bool host_matches(std::string_view pattern, std::string_view host) {
  if (pattern == "*" || pattern == host) return true;
  if (pattern.size() < 3 || pattern.substr(0, 2) != "*.") return false;
  const std::string_view suffix = pattern.substr(1);
  return host.size() > suffix.size() && host.substr(host.size() - suffix.size()) == suffix;
}

}  // namespace weir::edge
