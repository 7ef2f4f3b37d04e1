#pragma once
// Which form of a body a client gets, and what the answer is called in log and metrics: the same
// for pages (pages.cpp) and for answers of other servers (stored_answers.cpp).
//
//   Accept-Encoding: br;q=0.9, zstd          zstd: the highest weight
//   Accept-Encoding: gzip, br, zstd          br: of equal weights the server's order decides (C-44)
//   Accept-Encoding: identity;q=0, gzip      nothing, where gzip is not made (yet)
//
// The difference to a dictionary (dcz) goes before all of these; only pages have it, so they ask
// for it first. Pure, but for `note_outcome`, which belongs to the visit's loop.

#include "edge/visit.h"

#include "http/negotiate.h"
#include "store/codec.h"

#include <bitset>
#include <cstdint>
#include <optional>

namespace weir::edge {

using RenditionSet = std::bitset<store::rendition_count>;  // by store::Rendition

// What is held of a page or an answer: whatever its `find` has.
template <class Held>
RenditionSet renditions_of(const Held& held) {
  RenditionSet renditions;
  for (std::size_t at = 0; at < store::rendition_count; ++at)
    renditions[at] = held.find(static_cast<store::Rendition>(at)) != nullptr;
  return renditions;
}

// Nothing: the client accepts none of them.
std::optional<store::Rendition> choose_rendition(RenditionSet held,
                                                 const http::EncodingWeights& weights);

enum class CacheOutcome : std::uint8_t { hit, stale, miss, bypass };
void note_outcome(Visit& visit, CacheOutcome outcome);

}  // namespace weir::edge
