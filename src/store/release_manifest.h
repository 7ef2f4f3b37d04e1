#pragma once
// A manifest as one copy in memory, for the two who know its grammar (manifest.h): the Release that
// answers from it, and the ReleaseWriter that takes over from it what has not changed.
//
// Every reference is checked against its section's bounds. Immutable; callable from any thread.

#include "base/hash.h"
#include "store/manifest.h"
#include "store/release.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::store {

// Read, verified, with its segments open. All look-ups go through here and stay within their
// section.
struct Release::Manifest {
  std::string file;  // a copy: whoever shortens the file on disk cannot reach what was verified
  HashKey key;
  manifest::Header header;
  std::vector<std::shared_ptr<const Segment>> segments;

  template <class T>
  std::span<const T> all(manifest::Section section) const {
    const manifest::Range& range = header.ranges[section];
    return {reinterpret_cast<const T*>(file.data() + range.offset),
            static_cast<std::size_t>(range.count)};
  }
  std::string_view text(manifest::Text where) const {
    const auto room = all<char>(manifest::text);
    if (where.offset > room.size() || where.bytes > room.size() - where.offset) return {};
    return {room.data() + where.offset, where.bytes};
  }
  std::span<const std::uint32_t> tags_of(const manifest::Entry& entry) const {
    const auto numbers = all<std::uint32_t>(manifest::entry_tags);
    if (entry.tags_first > numbers.size() || entry.tags_count > numbers.size() - entry.tags_first)
      return {};
    return numbers.subspan(entry.tags_first, entry.tags_count);
  }
  const manifest::Blob* blob(std::uint32_t number) const {
    const auto blobs = all<manifest::Blob>(manifest::blobs);
    return number < blobs.size() ? &blobs[number] : nullptr;
  }
  // Numbers within their sections, which the writer sorted.
  std::optional<std::uint32_t> find_blob(const BlobId& id) const {
    const auto blobs = all<manifest::Blob>(manifest::blobs);
    const auto found = std::ranges::lower_bound(
        blobs, std::pair(id.high, id.low), {},
        [](const manifest::Blob& one) { return std::pair(one.id_high, one.id_low); });
    if (found == blobs.end() || found->id_low != id.low || found->id_high != id.high)
      return std::nullopt;
    return static_cast<std::uint32_t>(found - blobs.begin());
  }
  std::optional<std::uint32_t> find_input(std::string_view name) const {
    return find<manifest::Input>(manifest::inputs, name);
  }
  std::optional<std::uint32_t> find_tag(std::string_view name) const {
    return find<manifest::Tag>(manifest::tags, name);
  }
  Result<std::pair<std::shared_ptr<const Segment>, BlobPlace>> place_of(
      std::uint32_t number) const {
    const manifest::Blob* const found = blob(number);
    if (found == nullptr || found->segment >= segments.size() ||
        segments[found->segment] == nullptr || found->codec >= codec_count)
      return Error{Errc::corrupt, "release " + std::to_string(header.id) +
                                      ": refers to a blob that it does not have"};
    return std::pair(segments[found->segment], BlobPlace{found->offset,
                                                         {static_cast<Codec>(found->codec),
                                                          found->identity_bytes,
                                                          found->stored_bytes,
                                                          {found->id_low, found->id_high},
                                                          found->stored_sum}});
  }
  Result<Body> read(std::uint32_t number) const {
    const auto [segment, place] = TRY(place_of(number));
    return segment->read(key, place);
  }

 private:
  template <class T>
  std::optional<std::uint32_t> find(manifest::Section section, std::string_view name) const {
    const auto rows = all<T>(section);
    const auto found =
        std::ranges::lower_bound(rows, name, {}, [&](const T& row) { return text(row.name); });
    if (found == rows.end() || text(found->name) != name) return std::nullopt;
    return static_cast<std::uint32_t>(found - rows.begin());
  }
};

}  // namespace weir::store
