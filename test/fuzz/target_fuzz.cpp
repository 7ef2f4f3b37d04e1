// Property: a path that is taken begins with '/', has no dot segment and no NUL left in it, is no
// longer than what was sent, and does not change when its own encoding is decoded again: guards,
// cache and store all see one spelling, whatever the client wrote.

#include "http/target.h"

#include "base/must.h"

#include <cstdint>
#include <string>

using namespace weir;
using namespace weir::http;

namespace {

std::string encoded(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '/') {
      out += c;
      continue;
    }
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view target(reinterpret_cast<const char*>(data), bytes);
  for (const char c : target) {  // what the parser of heads lets through
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '#' || c == '\\') return 0;
  }
  const TargetParts parts = split_target(target, Method::get);
  if (!parts.ok) return 0;
  MUST(!parts.raw_path.empty());
  std::string scratch(parts.raw_path.size(), '\0');
  const DecodedPath decoded = decode_path(parts.raw_path, scratch.data());
  if (decoded.refusal != nullptr) return 0;
  const std::string path(decoded.path);
  MUST(path.starts_with('/'));
  MUST(path.size() <= parts.raw_path.size());
  MUST(path.find('\0') == std::string::npos);
  if (!decoded.encoded_slash) {
    const std::string closed = path + '/';
    MUST(closed.find("/../") == std::string::npos);
    MUST(closed.find("/./") == std::string::npos);
    const std::string again = encoded(path);
    std::string room(again.size(), '\0');
    const DecodedPath twice = decode_path(again, room.data());
    MUST(twice.refusal == nullptr);
    MUST(twice.path == path);
  }
  return 0;
}
