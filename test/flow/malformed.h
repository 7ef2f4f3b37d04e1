#pragma once
// Requests that are wrong, or look wrong, one row per spelling, with the one answer that the rules
// H-9 to H-26 of the wire specification give. Behind every row the runner sends a bait, a request
// of its own: where the connection has to close, the bait must never be understood.

#include <cstdint>
#include <string>
#include <vector>

namespace weir::flow {

enum class Then : std::uint8_t { closes, goes_on };

struct MalformedCase {
  std::string rule;
  std::string name;
  std::string bytes;
  int status = 400;
  Then then = Then::closes;
};

// They want a server with a page at "/", no page at "/none", and PUT allowed on "/kv/a".
const std::vector<MalformedCase>& malformed_cases();

}  // namespace weir::flow
