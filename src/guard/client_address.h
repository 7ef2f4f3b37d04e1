#pragma once
// Who the client is (guard G-33): the peer, unless the peer is a proxy we trust; then the
// forwarding fields are walked from right to left, past trusted proxies, to the first address that
// is not one. A malformed entry stops the walk at the last good address.
//
// Pure functions; callable from any thread.

#include "base/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::guard {

// IPv4 is kept in its mapped form (::ffff:a.b.c.d), so that one comparison serves both.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v4() const;
  bool is_loopback() const;
  // The address with all but its first `prefix` bits cleared. IPv4 counts its own 32 bits and is
  // never cut by a prefix of 32 or more: "ip/64" means a /64 of IPv6 and a whole IPv4 address.
  IpAddress cut_to(unsigned prefix) const;
  std::string text() const;  // RFC 5952
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// Strict: no port, no brackets, no zone, no leading zeros in IPv4. Mapped IPv4 is IPv4.
std::optional<IpAddress> parse_ip(std::string_view text);
// As proxies write it: "1.2.3.4:567", "[2001:db8::1]:443", "fe80::1%eth0", each also without the
// extras.
std::optional<IpAddress> parse_forwarded_ip(std::string_view text);

struct Network {
  IpAddress address;
  unsigned bits = 128;  // of the mapped form
  bool has(const IpAddress& other) const;
};
Result<Network> parse_network(std::string_view text);  // "10.0.0.0/8", "2001:db8::/32", "192.0.2.1"

class TrustedProxies {
 public:
  TrustedProxies() = default;
  explicit TrustedProxies(std::vector<Network> networks) : networks_(std::move(networks)) {}
  bool has(const IpAddress& address) const;

 private:
  std::vector<Network> networks_;
};

// The values of every X-Forwarded-For line and every Forwarded line, in order of arrival. When both
// kinds are there, only Forwarded counts (RFC 7239 is the standard one).
struct ForwardingFields {
  std::span<const std::string_view> x_forwarded_for = {};
  std::span<const std::string_view> forwarded = {};
};
IpAddress client_of(const IpAddress& peer, const ForwardingFields& fields,
                    const TrustedProxies& proxies);

}  // namespace weir::guard
