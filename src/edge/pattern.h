#pragma once
// Path patterns of routes and rules: "/blog/*/edit", "/products/{slug}", "/sync/**".
//
// `*` is one segment, `{x}` one with a name, `**` (only at the end) the rest, also empty:
// "/sync/**" matches "/sync",
// "/sync/" and "/sync/a/b". Everything else is compared byte by byte with the decoded path.
// Matching allocates nothing.

#include "base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::edge {

class Pattern {
 public:
  bool matches(std::string_view path) const;
  // The named segments of a path that matches, in order. Views of the path.
  std::vector<std::pair<std::string_view, std::string_view>> parameters_of(
      std::string_view path) const;
  std::vector<std::string_view> names() const;  // of the segments, in order
  bool is_named() const;                        // no segment is * or **
  const std::string& text() const { return text_; }

 private:
  friend Result<Pattern> parse_pattern(std::string_view text);
  enum class Part : unsigned char { literal, any_one, rest };
  struct Segment {
    Part part = Part::literal;
    std::string text;  // of a literal; of a named one its name
  };
  std::string text_;
  std::vector<Segment> segments_;
};

Result<Pattern> parse_pattern(std::string_view text);

// The authority of a request without port and final dot, in lower case: "Example.com.:8080" ->
// "example.com".
std::string bare_host_of(std::string_view authority);

// "*", "example.com", "*.example.com" against a host in lower case without its port.
bool host_matches(std::string_view pattern, std::string_view host);

}  // namespace weir::edge
