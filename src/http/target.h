#pragma once
// Request targets (wire H-25, H-26): split once, decoded once, dot segments resolved, or refused.
// Everything behind the parser (guards, cache key, look-up, upstream) uses the same decoded value.
// Pure; views point into the bytes given, or into `scratch`.

#include "http/message.h"

#include <string_view>

namespace weir::http {

// uri-host [ ":" port ] of RFC 3986: a registered name, an IPv4 address or a bracketed IPv6
// address, without user information; a port of at most 65535. Not empty.
bool is_valid_authority(std::string_view authority);

struct TargetParts {
  bool ok = false;
  std::string_view authority;  // of the absolute form, else empty
  std::string_view raw_path;   // never empty when ok
  std::string_view query;
};
// `target` holds only bytes the parser lets through. Origin form, absolute form (http, https), or
// "*" with OPTIONS.
TargetParts split_target(std::string_view target, Method method);

struct DecodedPath {
  const char* refusal = nullptr;  // why it is 400; null = fine
  std::string_view path;
  bool encoded_slash = false;
  bool is_utf8 = true;
};
// `raw` begins with '/'. `scratch` has room for raw.size() bytes; it is written to only when the
// path is not already in its final form
// (`needs_decoding`).
DecodedPath decode_path(std::string_view raw, char* scratch);
bool needs_decoding(std::string_view raw);

}  // namespace weir::http
