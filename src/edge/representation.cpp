#include "edge/representation.h"

#include <array>

namespace weir::edge {
namespace {

using store::Rendition;

struct Offered {
  Rendition rendition;
  http::Encoding encoding;
};
// The server's order of preference.
constexpr std::array preference{Offered{Rendition::best_brotli, http::Encoding::brotli},
                                Offered{Rendition::best_zstd, http::Encoding::zstd},
                                Offered{Rendition::brotli, http::Encoding::brotli},
                                Offered{Rendition::zstd, http::Encoding::zstd},
                                Offered{Rendition::gzip, http::Encoding::gzip},
                                Offered{Rendition::identity, http::Encoding::identity}};

constexpr std::array<std::string_view, cache_outcomes> outcome_names{"hit", "stale", "miss",
                                                                     "bypass"};

}  // namespace

std::optional<Rendition> choose_rendition(RenditionSet held, const http::EncodingWeights& weights) {
  std::array<http::Encoding, preference.size()> encodings{};
  std::array<Rendition, preference.size()> renditions{};
  std::size_t count = 0;
  for (const Offered& offered : preference) {
    if (!held[static_cast<std::size_t>(offered.rendition)]) continue;
    encodings[count] = offered.encoding;
    renditions[count++] = offered.rendition;
  }
  const int at = http::choose_encoding(weights, {encodings.data(), count});
  if (at < 0) return std::nullopt;
  return renditions[static_cast<std::size_t>(at)];
}

void note_outcome(Visit& visit, CacheOutcome outcome) {
  const auto at = static_cast<std::size_t>(outcome);
  visit.decision.cache = outcome_names[at];
  visit.loop->counters.cache[at].add();
}

}  // namespace weir::edge
