#include "edge/units.h"

#include "base/bytes.h"

#include <arpa/inet.h>

namespace weir::edge {
namespace {

// Digits in front, at most 15 of them, so that no product below overflows unseen.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  if (count == 0 || count > 15) return std::nullopt;
  const auto number = parse_u64(text.substr(0, count));
  text.remove_prefix(count);
  return number;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr Unit time_units[] = {
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", second_ns},
    {"m", 60 * second_ns},
    {"h", 3'600 * second_ns},
    {"d", 86'400 * second_ns},
    {"w", 604'800 * second_ns},
};
constexpr Unit size_units[] = {
    {"", 1},       {"B", 1},          {"KiB", KiB},
    {"MiB", MiB},  {"GiB", GiB},      {"TiB", 1024 * GiB},
    {"kB", 1'000}, {"MB", 1'000'000}, {"GB", 1'000'000'000},
};
constexpr std::uint64_t duration_ns_max =
    36'525ULL * 86'400 * second_ns;  // 100 years: fits 63 bits
constexpr std::uint64_t size_max = 1ULL << 50;

template <std::size_t count>
std::optional<std::uint64_t> scaled(std::string_view text, const Unit (&units)[count],
                                    std::uint64_t most) {
  const auto number = take_digits(text);
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name == text) {
      if (*number > most / unit.factor) return std::nullopt;
      return *number * unit.factor;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Nanos> parse_duration(std::string_view text) {
  if (text == "0") return Nanos(0);
  const auto ns = scaled(text, time_units, duration_ns_max);
  if (!ns) return std::nullopt;
  return Nanos(static_cast<std::int64_t>(*ns));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return scaled(text, size_units, size_max);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_u64(text.substr(colon + 1));
  if (!port || *port > 65'535) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos)
    return std::nullopt;  // an IPv6 address needs brackets
  if (host == "localhost") host = "127.0.0.1";
  if (host.empty() || host == "*") host = "0.0.0.0";
  in6_addr parsed{};
  const std::string name(host);
  if (::inet_pton(bracketed ? AF_INET6 : AF_INET, name.c_str(), &parsed) != 1) return std::nullopt;
  return Endpoint{name, static_cast<std::uint16_t>(*port)};
}

std::string text_of(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

bool is_loopback(std::string_view host) {
  return host == "::1" || host == "localhost" || host.substr(0, 4) == "127.";
}

}  // namespace weir::edge
