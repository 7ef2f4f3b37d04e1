#pragma once
// The last step of a compressed style sheet: colours and attribute selectors in their short forms,
// as today's Sass compilers write them and libsass does not.
//
//   [data-theme='dark'] a{color:white;background:#FF0000;border-color:transparent}
//   [data-theme=dark] a{color:#fff;background:red;border-color:rgba(0,0,0,0)}
//
// Custom properties, strings, url() and conditions of at-rules stay as they are. For CSS that a
// compiler wrote, without comments but "/*!".

#include <string>
#include <string_view>

namespace weir::text {

std::string compressed_css(std::string_view css);

}  // namespace weir::text
