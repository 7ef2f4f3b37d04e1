#pragma once
// The words in which an operator says amounts: "10s", "16KiB", "127.0.0.1:8080".
// Pure functions; nullopt = not understood (the caller knows the place and says what was expected).

#include "base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::edge {

// "250ms", "10s", "5m", "1h", "7d", "0s"; digits and one unit, at most 100 years.
std::optional<Nanos> parse_duration(std::string_view text);

// "512", "16KiB", "1MiB", "2GiB", and the decimal kB, MB, GB.
std::optional<std::uint64_t> parse_size(std::string_view text);

// "127.0.0.1:8080", "[::1]:8080", ":8080" (every address), "localhost:8080". Port 0 = any free
// port.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
std::optional<Endpoint> parse_endpoint(std::string_view text);
std::string text_of(const Endpoint& endpoint);
bool is_loopback(std::string_view host);  // 127.0.0.0/8, ::1, localhost

}  // namespace weir::edge
