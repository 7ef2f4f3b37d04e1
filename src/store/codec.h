#pragma once
// The codings a body is kept in. Compression happens when something is built, filled or enriched on
// a worker, never while a client waits for a page that is in memory.
//
// One library, one file: zstd.cpp (libzstd), brotli.cpp (libbrotlienc), gzip.cpp (libdeflate).
// All functions are pure and callable from any thread.

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::store {

// The numbers are on disk (blob.h): never change them.
enum class Codec : std::uint8_t { identity = 0, zstd = 1, gzip = 2, brotli = 3 };
inline constexpr std::size_t codec_count = 4;

std::string_view coding_of(Codec codec);  // "", "zstd", "gzip", "br": the token of Content-Encoding
char etag_letter_of(Codec codec);         // i, z, g, b (C-45)

// Bodies under 512 B, and types that are compressed already (images, fonts, archives, video), gain
// nothing.
bool is_worth_compressing(std::string_view content_type, std::size_t body_bytes);

// Level 3. Bodies above 1 MiB become independent frames of 256 KiB one after the other, which every
// decoder reads as one stream (RFC 8878 3.1) and a range need not read from the start.
std::string zstd_of(std::string_view body);
// `body_bytes` is what the header promised; more or less is Errc::corrupt, and nothing larger is
// allocated.
Result<std::string> unpack_zstd(std::string_view stored, std::size_t body_bytes);

// Bytes that a body is compressed against (raw content: no trained tables). Immutable once made;
// callable from any thread.
class ZstdDictionary;
std::shared_ptr<const ZstdDictionary> prepare_dictionary(std::string_view bytes);
std::string zstd_of(std::string_view body,
                    const ZstdDictionary& dictionary);  // level 12, one frame

std::string gzip_of(std::string_view body);    // level 6
std::string brotli_of(std::string_view body);  // quality 5, window 22

}  // namespace weir::store
