#pragma once
// Slugs for paths, taxonomies and heading anchors. Pure functions, never an error; the result may
// be empty.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::text {

enum class SlugMode : std::uint8_t {
  on,  // ASCII: transliterated, lower case, runs of anything else become one '-', none at the ends
  safe,  // as written, without < > : " / \ | ? * and control characters, trailing blanks and dots
         // cut
  off,   // as written
};

std::string slugify(std::string_view text, SlugMode mode);
// Heading ids: in modes safe and off ASCII white space becomes '_'.
std::string slugify_anchor(std::string_view text, SlugMode mode);

// Each character by its ASCII spelling (é to e, Ж to Zh, 日 to Ri); characters without one are left
// out.
std::string transliterated(std::string_view text);

}  // namespace weir::text
