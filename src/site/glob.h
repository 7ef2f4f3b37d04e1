#pragma once
// Shell patterns of `ignored_content` and `ignored_static`: `*` and `**` any characters, also '/';
// `?` one; `[a-z]`,
// `[!a]` a class; `{a,b}` either. Pure; time is at most pattern times path for each alternative, of
// which there are at most 64 (more: the pattern matches nothing, and parse says so).

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

class Glob {
 public:
  static Result<Glob> parse(std::string_view pattern);
  bool matches(std::string_view path) const;

 private:
  std::vector<std::string> alternatives_;
};

}  // namespace weir::site
