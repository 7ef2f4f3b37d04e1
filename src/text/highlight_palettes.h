#pragma once
// The colours of the themes, a row each. The numbers are those that the themes publish; 0 says
// "as the text".

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::text {

struct Palette {
  std::string_view name;
  std::uint32_t foreground, background, line_number;
  std::uint32_t comment, string, escape, number, literal;
  std::uint32_t keyword, storage, operation, function, type;
  std::uint32_t variable, property, key, tag, attribute, punctuation;
  std::uint32_t green, red;
};
std::span<const Palette> palettes();

// Names of Zola before 0.22, and of others, with the palette nearest to them.
struct PaletteAlias {
  std::string_view name, palette;
};
std::span<const PaletteAlias> palette_aliases();

}  // namespace weir::text
