#pragma once
// The path patterns of `_redirects` and `_headers` files: "/news/:year/*", "/files/*.pdf".
//
//   pattern   = "/" segment *( "/" segment )
//   segment   = literal | mixed | [literal] "*" [literal]      at most one "*" in a pattern
//   mixed     = any mix of literals and ":name"
//   name      = ALPHA *( ALPHA | DIGIT | "_" )
//
// ":name" takes one or more characters other than "/", "*" takes anything, also nothing and also
// "/"; both take as much as they can. As a placeholder never crosses a "/", segments are matched
// one by one from both ends and every match is linear in the path, whoever chose it.
//
// Immutable, callable from any thread.

#include "base/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::text {

// Whose rules: they differ in defaults and in what wins over what.
enum class Hosting : std::uint8_t { cloudflare, netlify };
std::string_view name_of(Hosting hosting);

class SitePattern {
 public:
  // Names and what they stand for; "splat" for "*". Views of the path.
  using Captures = std::vector<std::pair<std::string_view, std::string_view>>;

  // `text` is a decoded path that begins with "/".
  static Result<SitePattern> parse(std::string_view text, Hosting hosting);

  // Cloudflare: byte by byte. Netlify: a "/" at the end does not count, and "/a/*" takes "/a" too.
  bool matches(std::string_view path, Captures& captures) const;

  bool is_literal() const { return segments_.size() == literals_ && splat_ == none; }
  // The leading literal segments, "/a/b" (no "/" at the end): no path matches without them.
  const std::string& prefix() const { return prefix_; }
  std::size_t prefix_segments() const { return literals_; }
  const std::vector<std::string>& names() const { return names_; }
  // A "*" with something behind it.
  bool ends_inside() const {
    return splat_ != none &&
           (splat_ + 1 != segments_.size() || !segments_[splat_].pieces[1].text.empty());
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  struct Piece {
    std::string text;         // a literal, or
    std::size_t name = none;  // the index in names_
  };
  struct Segment {
    std::vector<Piece> pieces;  // of a splat segment: what stands before and behind the "*"
  };
  bool matches_segment(const Segment& segment, std::string_view text, Captures& captures) const;
  bool matches_splat(std::string_view text, Captures& captures) const;

  Hosting hosting_ = Hosting::cloudflare;
  std::vector<Segment> segments_;
  std::vector<std::string> names_;
  std::size_t splat_ = none;  // which segment holds the "*"
  std::size_t literals_ = 0;  // leading segments without names and "*"
  std::string prefix_;
};

}  // namespace weir::text
