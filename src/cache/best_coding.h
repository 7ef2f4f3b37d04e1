#pragma once
// The best codings of a body, and when they are worth making: for pages (polish.cpp) and answers
// (answer_polish.h). Pure.

#include "store/codec.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace weir::cache {

inline constexpr std::array best_renditions{store::Rendition::best_brotli,
                                            store::Rendition::best_zstd};

// By type and size (C-43).
bool is_worth_polishing(std::string_view content_type, std::size_t body_bytes);

// Nothing: `goes_on` said no.
std::optional<std::string> best_coding_of(std::string_view body, store::Rendition best,
                                          const store::GoesOn& goes_on);

}  // namespace weir::cache
