#pragma once
// Strings inside JSON and log lines. Pure functions.

#include <string>
#include <string_view>

namespace weir {

// Appends `text` between quotes as a JSON string (RFC 8259). Control characters are escaped; bytes
// that are not valid UTF-8 become U+FFFD, so that the result is always valid JSON (wire.md A-17).
void append_json_string(std::string& out, std::string_view text);
std::string json_string_of(std::string_view text);

// How many bytes the UTF-8 sequence at the front takes; 0 = invalid (overlong, surrogate, cut
// short).
std::size_t utf8_sequence_bytes(std::string_view text);

}  // namespace weir
