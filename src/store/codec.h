#pragma once
// The codings a body is kept in. Compression happens when something is built, filled or enriched on
// a worker, never while a client waits for a page that is in memory.
//
// One library, one file: zstd.cpp (libzstd), brotli.cpp (libbrotlienc), gzip.cpp (libdeflate).
// All functions are pure and callable from any thread.

#include "base/bytes.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::store {

// The numbers are on disk (blob.h): never change them.
enum class Codec : std::uint8_t { identity = 0, zstd = 1, gzip = 2, brotli = 3 };
inline constexpr std::size_t codec_count = 4;

std::string_view coding_of(Codec codec);  // "", "zstd", "gzip", "br": the token of Content-Encoding

// A body as it is sent: a codec, and how much was spent on it. The best ones are made in idle time
// and take the place of the quick ones; their bytes are others, so their entity tags are, too.
enum class Rendition : std::uint8_t { identity, zstd, gzip, brotli, best_zstd, best_brotli };
inline constexpr std::size_t rendition_count = 6;

Codec codec_of(Rendition rendition);
Rendition rendition_of(Codec codec);            // the quick one
Rendition best_of(Rendition rendition);         // itself where there is no better one
std::string_view name_of(Rendition rendition);  // "identity", "br", "br-11": for people
char etag_letter_of(Rendition rendition);       // i, z, g, b, Z, B (C-45)
inline constexpr std::string_view etag_letters = "izgbZBd";  // and d: the difference to a layout

// Bodies under 512 B, and types that are compressed already (images, fonts, archives, video), gain
// nothing.
bool is_worth_compressing(std::string_view content_type, std::size_t body_bytes);

// Level 3. Bodies above `whole_bytes_max` become independent frames of `piece_bytes` one after the
// other, which every decoder reads as one stream (RFC 8878 3.1) and a range need not read from the
// start (pieced_body.h).
inline constexpr std::size_t whole_bytes_max = 1 * MiB;
inline constexpr std::size_t piece_bytes = 256 * KiB;
std::string zstd_of(std::string_view body);
// Of what `zstd_of` made, or the rest of it behind a frame.
std::size_t first_zstd_frame_bytes(std::string_view frames);
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

// Brotli 11 and zstd 19: a second or more for a megabyte. `goes_on` is asked after each 32 KiB, so
// every 0.3 s at the latest; nothing when it said no.
using GoesOn = std::function<bool()>;
std::optional<std::string> best_brotli_of(std::string_view body, const GoesOn& goes_on);
std::optional<std::string> best_zstd_of(std::string_view body, const GoesOn& goes_on);

}  // namespace weir::store
