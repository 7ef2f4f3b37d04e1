#include "http/target.h"

#include "base/bytes.h"
#include "base/text_escape.h"

#include <arpa/inet.h>

#include <array>

namespace weir::http {
namespace {

// unreserved and sub-delims of RFC 3986: what a registered name may hold besides percent escapes.
// The comma is left out: it is what a proxy makes of two Host fields.
constexpr std::array<bool, 256> name_bytes = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 256; ++c) table[c] = is_alnum(static_cast<char>(c));
  for (const char c : std::string_view("-._~!$&'()*+;="))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// An escape at the front that stands for a letter, a digit or a byte above ASCII. One that hides a
// delimiter or a control character makes another host of it for whoever decodes it.
bool is_escaped_letter(std::string_view text) {
  if (text.size() < 3 || text.front() != '%') return false;
  const int high = hex_digit_of(text[1]);
  const int low = hex_digit_of(text[2]);
  if (high < 0 || low < 0) return false;
  const int byte = high * 16 + low;
  return byte >= 0x80 || is_alnum(static_cast<char>(byte));
}

bool is_valid_port(std::string_view port) {  // may be empty (RFC 3986 3.2.3)
  if (port.size() > 5) return false;
  unsigned number = 0;
  for (const char c : port) {
    if (!is_digit(c)) return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number <= 65535;
}

bool is_ipv6_literal(std::string_view inside) {
  char text[INET6_ADDRSTRLEN];
  if (inside.empty() || inside.size() >= sizeof text) return false;
  inside.copy(text, inside.size());
  text[inside.size()] = '\0';
  in6_addr parsed;
  return ::inet_pton(AF_INET6, text, &parsed) == 1;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() &&
         equals_ignoring_case(text.substr(0, lower_prefix.size()), lower_prefix);
}

// Resolves "." and ".." segments of an absolute path in place. False when it climbs above the root.
// The writer never passes the reader, so one buffer serves both.
bool resolve_dot_segments(char* path, std::size_t& bytes) {
  std::size_t written = 0;
  std::size_t at = 0;
  while (at < bytes) {
    std::size_t end = at + 1;  // path[at] is '/'
    while (end < bytes && path[end] != '/') ++end;
    const std::string_view segment(path + at + 1, end - at - 1);
    const bool last = end == bytes;
    if (segment == ".") {
      if (last) path[written++] = '/';
    } else if (segment == "..") {
      if (written == 0) return false;
      do --written;
      while (path[written] != '/');
      if (last) path[written++] = '/';
    } else {
      for (std::size_t i = at; i < end; ++i) path[written++] = path[i];
    }
    at = end;
  }
  bytes = written == 0 ? (path[0] = '/', 1) : written;
  return true;
}

bool is_utf8_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = utf8_sequence_bytes(text.substr(at));
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

}  // namespace

bool is_valid_authority(std::string_view authority) {
  if (authority.empty()) return false;
  if (authority.front() == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos || !is_ipv6_literal(authority.substr(1, close - 1)))
      return false;
    const std::string_view rest = authority.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && is_valid_port(rest.substr(1)));
  }
  const std::size_t colon = authority.find(':');
  if (colon == 0) return false;
  if (colon != std::string_view::npos && !is_valid_port(authority.substr(colon + 1))) return false;
  const std::string_view name = authority.substr(0, colon);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name_bytes[static_cast<unsigned char>(name[i])]) continue;
    if (!is_escaped_letter(name.substr(i))) return false;
    i += 2;
  }
  return true;
}

TargetParts split_target(std::string_view target, Method method) {
  TargetParts parts;
  if (target == "*") {
    parts.ok = method == Method::options;
    parts.raw_path = target;
    return parts;
  }
  if (target.front() != '/') {
    const std::size_t scheme = starts_with_ignoring_case(target, "http://")    ? 7
                               : starts_with_ignoring_case(target, "https://") ? 8
                                                                               : 0;
    if (scheme == 0) return parts;
    const std::size_t end = std::min(target.find_first_of("/?", scheme), target.size());
    parts.authority = target.substr(scheme, end - scheme);
    if (!is_valid_authority(parts.authority)) return parts;
    target.remove_prefix(end);
    if (target.empty()) target = "/";
  }
  const std::size_t mark = target.find('?');
  parts.raw_path = target.substr(0, mark);
  if (mark != std::string_view::npos) parts.query = target.substr(mark + 1);
  if (parts.raw_path.empty()) parts.raw_path = "/";  // http://host?query
  parts.ok = true;
  return parts;
}

bool needs_decoding(std::string_view raw) {
  char before = 0;
  for (const char c : raw) {
    if (c == '%' || (c == '.' && before == '/')) return true;
    before = c;
  }
  return false;
}

DecodedPath decode_path(std::string_view raw, char* scratch) {
  DecodedPath decoded;
  if (!needs_decoding(raw)) {
    decoded.path = raw;
    return decoded;
  }
  std::size_t bytes = 0;
  bool above_ascii = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const int high = i + 2 < raw.size() ? hex_digit_of(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? hex_digit_of(raw[i + 2]) : -1;
      if (high < 0 || low < 0) {
        decoded.refusal = "the path has a '%' without two hexadecimal digits";
        return decoded;
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '\0') {
        decoded.refusal = "the path holds an encoded NUL";
        return decoded;
      }
      decoded.encoded_slash |= c == '/';
      above_ascii |= (c & 0x80) != 0;
    }
    scratch[bytes++] = c;
  }
  if (!resolve_dot_segments(scratch, bytes)) {
    decoded.refusal = "the path climbs above the root";
    return decoded;
  }
  decoded.path = {scratch, bytes};
  decoded.is_utf8 = !above_ascii || is_utf8_text(decoded.path);
  return decoded;
}

}  // namespace weir::http
