#pragma once
// Small things about bytes that every room needs: sizes, hex, base64, little-endian numbers, ASCII.
// All functions are pure. Views are the caller's bytes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;
inline constexpr std::size_t GiB = 1024 * MiB;

using ByteView = std::span<const std::byte>;

inline ByteView bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex_of(ByteView bytes);  // lower case
std::optional<std::string> parse_hex(std::string_view text);

// RFC 4648. `base64url_of` writes no padding. The parsers are strict: no white space, no unused
// bits, and for base64url no '='; for base64 exactly the padding that belongs there.
std::string base64_of(ByteView bytes);
std::string base64url_of(ByteView bytes);
std::optional<std::string> parse_base64(std::string_view text);
std::optional<std::string> parse_base64url(std::string_view text);

// Little-endian numbers in file formats. `at` points at sizeof(T) bytes that exist.
template <class T>
T load_le(const void* at) {
  static_assert(std::is_unsigned_v<T>);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;  // we build for little-endian machines only (static_assert in bytes.cpp)
}
template <class T>
void store_le(void* at, T value) {
  static_assert(std::is_unsigned_v<T>);
  std::memcpy(at, &value, sizeof value);
}
template <class T>
void append_le(std::string& out, T value) {
  static_assert(std::is_unsigned_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// ASCII only, whatever the locale.
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr int hex_digit_of(char c) {  // -1 = not one
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string lower_of(std::string_view text);
std::string_view trim(std::string_view text);  // ASCII white space at both ends

// Whole numbers in decimal: digits only, no sign for unsigned, no blanks, nothing behind.
std::optional<std::uint64_t> parse_u64(std::string_view text);
std::optional<std::int64_t> parse_i64(std::string_view text);

// Lets a map with string keys be searched by string_view without making a string.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

// How many single-character edits turn `a` into `b`; stops counting above `most`. For did-you-mean.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t most = 3);
// The candidate nearest to `word` within two edits, or empty.
std::string nearest_of(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace weir
