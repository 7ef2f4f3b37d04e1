#include "site/glob.h"

namespace weir::site {

namespace {

constexpr std::size_t alternatives_max = 64;

// The position behind a class that opens at `at`, or npos when it is not closed.
std::size_t class_end(std::string_view pattern, std::size_t at) {
  std::size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  if (i < pattern.size() && pattern[i] == ']') ++i;
  i = pattern.find(']', i);
  return i == std::string_view::npos ? i : i + 1;
}

bool class_holds(std::string_view inside, char c) {
  const bool is_negated = !inside.empty() && (inside[0] == '!' || inside[0] == '^');
  if (is_negated) inside.remove_prefix(1);
  bool found = false;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (i + 2 < inside.size() && inside[i + 1] == '-') {
      found |= inside[i] <= c && c <= inside[i + 2];
      i += 2;
    } else {
      found |= inside[i] == c;
    }
  }
  return found != is_negated;
}

// How many pattern bytes the element at `at` has when it matches one character `c`; 0 = it does not
// match.
std::size_t one_matches(std::string_view pattern, std::size_t at, char c) {
  if (pattern[at] == '?') return 1;
  if (pattern[at] == '\\' && at + 1 < pattern.size()) return pattern[at + 1] == c ? 2 : 0;
  if (pattern[at] == '[') {
    const std::size_t end = class_end(pattern, at);
    if (end != std::string_view::npos)
      return class_holds(pattern.substr(at + 1, end - at - 2), c) ? end - at : 0;
  }
  return pattern[at] == c ? 1 : 0;
}

// The usual single-fallback scan: only the last star ever needs to be widened.
bool simple_matches(std::string_view pattern, std::string_view path) {
  std::size_t p = 0;
  std::size_t s = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_s = 0;
  while (s < path.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_s = s;
      continue;
    }
    const std::size_t step = p < pattern.size() ? one_matches(pattern, p, path[s]) : 0;
    if (step != 0) {
      p += step;
      ++s;
    } else if (star != std::string_view::npos) {
      p = star;
      s = ++star_s;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

struct Braces {
  std::size_t open = std::string_view::npos;
  std::size_t close = 0;
  std::vector<std::string_view> parts;
};

Braces first_braces(std::string_view pattern) {
  Braces braces;
  std::size_t depth = 0;
  std::size_t part = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '{' && depth++ == 0) {
      braces.open = i;
      part = i + 1;
    } else if (depth == 1 && (pattern[i] == ',' || pattern[i] == '}')) {
      braces.parts.push_back(pattern.substr(part, i - part));
      part = i + 1;
      if (pattern[i] == '}') {
        braces.close = i;
        return braces;
      }
    } else if (pattern[i] == '}' && depth > 0) {
      --depth;
    }
  }
  return {};
}

}  // namespace

Result<Glob> Glob::parse(std::string_view pattern) {
  Glob glob;
  std::vector<std::string> open{std::string(pattern)};
  while (!open.empty()) {
    const std::string current = std::move(open.back());
    open.pop_back();
    if (open.size() + glob.alternatives_.size() > alternatives_max)
      return Error{Errc::too_large,
                   "the pattern \"" + std::string(pattern) + "\" has more than 64 alternatives"};
    if (const Braces braces = first_braces(current); braces.open != std::string_view::npos) {
      for (const std::string_view part : braces.parts)
        open.push_back(current.substr(0, braces.open) + std::string(part) +
                       current.substr(braces.close + 1));
    } else if (const std::size_t any = current.find("**/"); any != std::string::npos) {
      // Also no directory at all.
      open.push_back(current.substr(0, any) + "*/" + current.substr(any + 3));
      open.push_back(current.substr(0, any) + current.substr(any + 3));
    } else {
      glob.alternatives_.push_back(current);
    }
  }
  return glob;
}

bool Glob::matches(std::string_view path) const {
  for (const std::string& alternative : alternatives_)
    if (simple_matches(alternative, path)) return true;
  return false;
}

}  // namespace weir::site
