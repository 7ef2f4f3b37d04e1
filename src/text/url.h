#pragma once
// URLs (RFC 3986): split, put together, percent coding, queries. Pure functions.
//
// `parse_url` splits and checks; it does not change a byte. Hosts are not looked up and not
// converted from Unicode; a host is a reg-name, an IPv4 address or [IPv6] in brackets.

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::text {

// Which bytes stay as they are; every other byte becomes %XX (upper-case hex).
enum class PercentSet : std::uint8_t {
  unreserved,    // ALPHA DIGIT - . _ ~                    (a value in a query, strict)
  path,          // unreserved, sub-delims, : @ /          (a whole path)
  path_segment,  // path without /
  query,         // path and ?                             (a whole query)
  tera,          // ALPHA DIGIT - . _ ~ / %                (the template filter urlencode)
  alphanumeric,  // ALPHA DIGIT only                       (the template filter urlencode_strict)
  url,  // everything that may stand in a URL, % included: repairs blanks, quotes and bytes >= 0x80
};
void append_percent_encoded(std::string& out, std::string_view text, PercentSet keep);
std::string percent_encode(std::string_view text, PercentSet keep);

// Empty when a % is not followed by two hex digits. The result may hold any byte, also NUL and
// invalid UTF-8.
std::optional<std::string> percent_decode(std::string_view text);
// As browsers do it: a bad % stays as it is.
std::string percent_decode_lossy(std::string_view text);

// Views of the text that was parsed.
struct UrlParts {
  std::string_view scheme;    // "https"; empty in a relative reference
  std::string_view userinfo;  // without @
  std::string_view host;      // without [] for IPv6
  std::optional<std::uint16_t> port;
  std::string_view path;                     // with its leading slash, may be empty
  std::optional<std::string_view> query;     // without ?
  std::optional<std::string_view> fragment;  // without #
  bool has_authority = false;
};

// A URI or a relative reference. Errors: bytes that may not stand in one, bad port, bad IPv6, bad
// %.
Result<UrlParts> parse_url(std::string_view text);
// The same, with scheme http or https and a host.
Result<UrlParts> parse_http_url(std::string_view text);

// "https:", "mailto:", ... at the front: a letter, then letters, digits, + - . up to a colon (RFC
// 3986 3.1).
bool has_scheme(std::string_view text);

// RFC 3986 5.2. `base` must be absolute. Dots are resolved.
Result<std::string> join_url(std::string_view base, std::string_view reference);
// RFC 3986 5.2.4.
std::string remove_dot_segments(std::string_view path);
// A path of files without ".", ".." and empty parts, no '/' in front; nothing when it climbs above
// where it starts (which a URL's cannot).
std::optional<std::string> folded_path(std::string_view path);

// name=value&... with + as blank; bad % stays. At most `pairs_max` pairs, the rest is left out of
// the result.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query,
                                                             std::size_t pairs_max = 1'000);

}  // namespace weir::text
