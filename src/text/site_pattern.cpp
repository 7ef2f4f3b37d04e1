#include "text/site_pattern.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::text {
namespace {

bool is_letter(char c) { return (lower(c) >= 'a' && lower(c) <= 'z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, slash - begin));
    begin = slash + 1;
  }
  return parts;
}

}  // namespace

std::string_view name_of(Hosting hosting) {
  return hosting == Hosting::netlify ? "netlify" : "cloudflare";
}

Result<SitePattern> SitePattern::parse(std::string_view text, Hosting hosting) {
  SitePattern pattern;
  pattern.hosting_ = hosting;
  if (!text.starts_with('/')) return Error{Errc::invalid, "a path must begin with '/'"};
  if (hosting == Hosting::netlify && text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
  const auto add_name = [&pattern](std::string_view name) -> Status {
    if (std::ranges::find(pattern.names_, name) != pattern.names_.end())
      return Error{Errc::invalid, "the name ':" + std::string(name) + "' stands twice in the path"};
    pattern.names_.emplace_back(name);
    return done;
  };
  bool leading = true;
  for (const std::string_view part : split(text)) {
    Segment segment;
    if (const std::size_t star = part.find('*'); star != std::string_view::npos) {
      if (pattern.splat_ != none || part.find('*', star + 1) != std::string_view::npos)
        return Error{Errc::invalid, "a path may hold only one '*'"};
      for (std::size_t at = 0; at + 1 < part.size(); ++at)
        if (part[at] == ':' && is_letter(part[at + 1]))
          return Error{Errc::invalid, "a placeholder and '*' cannot share a segment"};
      pattern.splat_ = pattern.segments_.size();
      TRY(add_name("splat"));
      segment.pieces = {{std::string(part.substr(0, star)), none},
                        {std::string(part.substr(star + 1)), none}};
      leading = false;
    } else {
      std::string literal;
      for (std::size_t at = 0; at < part.size();) {
        if (part[at] != ':' || at + 1 == part.size() || !is_letter(part[at + 1])) {
          literal += part[at++];
          continue;
        }
        std::size_t end = at + 2;
        while (end < part.size() && is_word(part[end])) ++end;
        if (!segment.pieces.empty() && literal.empty())
          return Error{Errc::invalid, "two placeholders need something between them"};
        if (!literal.empty()) segment.pieces.push_back({std::exchange(literal, {}), none});
        TRY(add_name(part.substr(at + 1, end - at - 1)));
        segment.pieces.push_back({{}, pattern.names_.size() - 1});
        leading = false;
        at = end;
      }
      if (!literal.empty() || segment.pieces.empty())
        segment.pieces.push_back({std::move(literal), none});
      if (leading) {
        pattern.prefix_ += '/' + segment.pieces.front().text;
        ++pattern.literals_;
      }
    }
    pattern.segments_.push_back(std::move(segment));
  }
  if (hosting == Hosting::netlify && pattern.splat_ != none &&
      (pattern.splat_ + 1 != pattern.segments_.size() ||
       !pattern.segments_.back().pieces.back().text.empty()))
    return Error{Errc::invalid, "Netlify knows '*' only at the end of a path"};
  return pattern;
}

// From the right: each literal takes its last place that leaves a character for the placeholder
// behind it, so that what stands before gets as much as it can.
bool SitePattern::matches_segment(const Segment& segment, std::string_view text,
                                  Captures& captures) const {
  const std::vector<Piece>& pieces = segment.pieces;
  if (pieces.size() == 1 && pieces.front().name == none) return pieces.front().text == text;
  std::size_t first = 0;
  if (pieces.front().name == none) {
    if (!text.starts_with(pieces.front().text)) return false;
    text.remove_prefix(pieces.front().text.size());
    first = 1;
  }
  std::size_t last = pieces.size();
  if (pieces.back().name == none) {
    if (!text.ends_with(pieces.back().text)) return false;
    text.remove_suffix(pieces.back().text.size());
    --last;
  }
  // Now placeholder (literal placeholder)*.
  while (last > first + 1) {
    const std::string& literal = pieces[last - 2].text;
    if (text.size() < literal.size() + 1) return false;
    const std::size_t at = text.rfind(literal, text.size() - literal.size() - 1);
    if (at == std::string_view::npos) return false;
    captures.emplace_back(names_[pieces[last - 1].name], text.substr(at + literal.size()));
    text = text.substr(0, at);
    last -= 2;
  }
  if (text.empty()) return false;
  captures.emplace_back(names_[pieces[first].name], text);
  return true;
}

bool SitePattern::matches_splat(std::string_view text, Captures& captures) const {
  const std::vector<Piece>& ends = segments_[splat_].pieces;
  if (text.size() < ends[0].text.size() + ends[1].text.size() || !text.starts_with(ends[0].text) ||
      !text.ends_with(ends[1].text))
    return false;
  text.remove_prefix(ends[0].text.size());
  text.remove_suffix(ends[1].text.size());
  captures.emplace_back("splat", text);
  return true;
}

bool SitePattern::matches(std::string_view path, Captures& captures) const {
  captures.clear();
  if (!path.starts_with('/')) return false;
  // A splat keeps the "/" at the end: it is part of where the path goes.
  if (hosting_ == Hosting::netlify && splat_ == none && path.size() > 1 && path.ends_with("/"))
    path.remove_suffix(1);
  // The segments before the "*", left to right; `at` stands behind the "/" of the next one.
  const std::size_t before = splat_ == none ? segments_.size() : splat_;
  std::size_t at = 1;
  for (std::size_t i = 0; i < before; ++i) {
    if (at > path.size()) return false;
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (!matches_segment(segments_[i], path.substr(at, end - at), captures)) return false;
    at = end + 1;
  }
  if (splat_ == none) return at > path.size();
  if (at > path.size()) {  // "/a" for "/a/*"
    const bool takes = hosting_ == Hosting::netlify && segments_[splat_].pieces[0].text.empty();
    if (takes) captures.emplace_back("splat", path.substr(path.size()));
    return takes;
  }
  // Those behind it, right to left.
  std::size_t end = path.size();
  for (std::size_t i = segments_.size(); i-- > splat_ + 1;) {
    const std::size_t slash = path.rfind('/', end == 0 ? 0 : end - 1);
    if (slash == std::string_view::npos || slash < at) return false;
    if (!matches_segment(segments_[i], path.substr(slash + 1, end - slash - 1), captures))
      return false;
    end = slash;
  }
  return matches_splat(path.substr(at, end - at), captures);
}

}  // namespace weir::text
