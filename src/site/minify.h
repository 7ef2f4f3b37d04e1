#pragma once
// Smaller HTML that reads the same (S-63): comments go, runs of white space become one blank, or
// nothing beside a block element. What is inside pre, textarea, script and style stays as it is.
// Pure, linear.

#include <string>
#include <string_view>

namespace weir::site {

std::string minified_html(std::string_view html);

}  // namespace weir::site
