#pragma once
// The grammar of a release on disk. Written once by ReleaseWriter, mapped by Release.
//
//   file     = header section*      all numbers little-endian, sections at multiples of 8
//   header   = magic "WEIRREL1" | sum u64 | version u32 = 1 | 0 u32 | id u64 | created_ns u64
//            | fill_seq u64 | file_bytes u64 | (offset u64, count u64) for each Section
//                                   sum = xxh3-64 of all behind it
//   entries  = Entry*               sorted by path
//   slots    = u32*                 hash table: entry number + 1, 0 = empty
//   blobs    = Blob*                sorted by id
//   inputs   = Input*               sorted by name
//   tags     = Tag*                 sorted by name
//   entry_tags = u32*               numbers of tags, sorted per entry
//   segments = Text*                names in blobs/, or none
//   text     = bytes                what Text points into
//
//   Text  = offset u32, bytes u32 (within `text`)
//   Entry = path Text, content_type Text, fields Text, tags first u32, tags count u32, blob u32,
//           status u16, kind u8, renderable u8, ttl i64 (-1 = none), swr i64, sie i64,
//           sha256 32 bytes                                                      (96 bytes)
//   Blob  = offset u64, segment u32, codec u32, identity u64, stored u64, id.low u64, id.high u64,
//           stored_sum u64                                                       (56)
//   Input = name Text, blob u32, 0 u32, modified_ns i64                          (24)
//   Tag   = name Text, entries u32, 0 u32                                        (16)
//
// `fields` is "name: value\n" lines; names and values have neither CR nor LF (checked by the
// writer). The slot of a path is hash64(path) under the store's secret, modulo the power of two,
// then linear. The sum is verified when the file is opened; after that every reference is still
// checked against its section's bounds, so that a wrong file can give wrong words but no access
// outside of the mapping.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::store::manifest {

inline constexpr char magic[9] = "WEIRREL1";
inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t summed_from = 16;

enum Section : std::size_t {
  entries,
  slots,
  blobs,
  inputs,
  tags,
  entry_tags,
  segments,
  text,
  section_count
};

struct Text {
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};

struct Range {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
};

struct Header {
  std::array<char, 8> magic_bytes{};
  std::uint64_t sum = 0;
  std::uint32_t format = version;
  std::uint32_t zero = 0;
  std::uint64_t id = 0;
  std::uint64_t created_ns = 0;
  std::uint64_t fill_seq = 0;
  std::uint64_t file_bytes = 0;
  std::array<Range, section_count> ranges{};
};

struct Entry {
  Text path, content_type, fields;
  std::uint32_t tags_first = 0, tags_count = 0, blob = 0;
  std::uint16_t status = 0;
  std::uint8_t kind = 0, renderable = 0;
  std::int64_t ttl_ns = -1, swr_ns = 0, sie_ns = 0;
  std::array<unsigned char, 32> sha256{};
};

struct Blob {
  std::uint64_t offset = 0;
  std::uint32_t segment = 0, codec = 0;
  std::uint64_t identity_bytes = 0, stored_bytes = 0, id_low = 0, id_high = 0, stored_sum = 0;
};

struct Input {
  Text name;
  std::uint32_t blob = 0, zero = 0;
  std::int64_t modified_ns = 0;
};

struct Tag {
  Text name;
  std::uint32_t entries = 0, zero = 0;
};

static_assert(sizeof(Header) == 56 + 16 * section_count);
static_assert(sizeof(Entry) == 96 && alignof(Entry) == 8);
static_assert(sizeof(Blob) == 56 && sizeof(Input) == 24 && sizeof(Tag) == 16);

}  // namespace weir::store::manifest
