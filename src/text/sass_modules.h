#pragma once
// `@use` and `@forward` for a Sass compiler that has only `@import`.
//
//   @use "a/theme" as t with ($gap: 2px);      ->  $gap: 2px;@import "use!a/theme";
//   @use "sass:math";                          ->  (a function for math.div)
//   width: math.div(t.$gap, 2)                 ->  width: math-div($gap, 2)
//   @include t.card;  t.double(3px)            ->  @include card;  double(3px)
//
// Lines stay where they are. All members share one name space, as with `@import`: two modules with
// members of one name get in each other's way, which modules were made to prevent. What cannot be
// said without modules (prefixes, show, hide, functions that the old language lacks) is an error at
// its place. The importer leaves out a file that a name with `sass_use_prefix` asks for again.

#include "base/result.h"

#include <string>
#include <string_view>

namespace weir::text {

inline constexpr std::string_view sass_use_prefix = "use!";

// `file` is for messages.
Result<std::string> sass_without_modules(std::string_view source, std::string_view file);

}  // namespace weir::text
