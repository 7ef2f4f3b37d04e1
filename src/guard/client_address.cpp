#include "guard/client_address.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <algorithm>
#include <charconv>

namespace weir::guard {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> parts{};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t end = i < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view part = text.substr(0, end);
    if (part.size() > 3 || (part.size() > 1 && part.front() == '0')) return std::nullopt;
    const auto number = parse_u64(part);
    if (!number || *number > 255) return std::nullopt;
    parts[i] = static_cast<std::uint8_t>(*number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<unsigned> parse_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    const int digit = hex_digit_of(c);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(digit);
  }
  return value;
}

// The groups on one side of "::" (or all eight), the last of them maybe an IPv4 address.
bool append_groups(std::vector<std::uint8_t>& out, std::string_view text) {
  if (text.empty()) return true;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4) return false;
      out.insert(out.end(), v4->begin(), v4->end());
      return true;
    }
    const auto value = parse_group(group);
    if (!value || out.size() > 14) return false;
    out.push_back(static_cast<std::uint8_t>(*value >> 8));
    out.push_back(static_cast<std::uint8_t>(*value & 0xff));
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
  }
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  const std::size_t gap = text.find("::");
  std::vector<std::uint8_t> left, right;
  if (!append_groups(left, text.substr(0, gap))) return std::nullopt;
  IpAddress address;
  if (gap == std::string_view::npos) {
    if (left.size() != 16) return std::nullopt;
  } else {
    if (!append_groups(right, text.substr(gap + 2))) return std::nullopt;
    if (left.size() + right.size() > 14) return std::nullopt;  // "::" stands for at least one group
  }
  std::ranges::copy(left, address.bytes.begin());
  std::ranges::copy_backward(right, address.bytes.end());
  return address;
}

// Walks one forwarding list from its right end.
class Walk {
 public:
  Walk(const IpAddress& peer, const TrustedProxies& proxies) : client_(peer), proxies_(proxies) {}
  // False: the walk is over.
  bool step(std::optional<IpAddress> entry) {
    if (!entry || ++hops_ > limits::forwarded_hops_max) return false;
    client_ = *entry;
    return proxies_.has(*entry);
  }
  const IpAddress& client() const { return client_; }

 private:
  IpAddress client_;
  const TrustedProxies& proxies_;
  std::size_t hops_ = 0;
};

// A comma list, from its right end; commas between quotes do not count. An empty element is an
// element.
class ListFromEnd {
 public:
  explicit ListFromEnd(std::string_view list) : list_(list) {}
  bool at_end() const { return at_end_; }
  std::string_view take();

 private:
  std::string_view list_;
  bool at_end_ = false;
};

std::string_view ListFromEnd::take() {
  const std::string_view list = list_;
  bool quoted = false;
  std::size_t comma = std::string_view::npos;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (quoted && list[i] == '\\') ++i;
    else if (!quoted && list[i] == ',') comma = i;
  }
  const std::string_view last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  at_end_ = comma == std::string_view::npos;
  if (!at_end_) list_ = list.substr(0, comma);
  return trim(last);
}

// The address of for= in one forwarded-element (RFC 7239 section 4); "unknown" and "_hidden" are
// none.
std::optional<IpAddress> forwarded_for(std::string_view element) {
  while (!element.empty()) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < element.size() && (quoted || element[end] != ';'); ++end) {
      if (quoted && element[end] == '\\' && end + 1 < element.size()) ++end;
      else if (element[end] == '"') quoted = !quoted;
    }
    const std::string_view pair = trim(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    if (pair.size() < 4 || !equals_ignoring_case(pair.substr(0, 4), "for=")) continue;
    std::string_view value = pair.substr(4);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return parse_forwarded_ip(value);
  }
  return std::nullopt;
}

}  // namespace

bool IpAddress::is_v4() const {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin());
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
         bytes[15] == 1;
}

IpAddress IpAddress::cut_to(unsigned prefix) const {
  const unsigned keep = is_v4() ? 96 + std::min(prefix, 32u) : std::min(prefix, 128u);
  IpAddress out;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned bits = keep > i * 8 ? std::min(keep - i * 8, 8u) : 0;
    out.bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00u >> bits));
  }
  return out;
}

std::string IpAddress::text() const {
  std::string out;
  if (is_v4()) {
    for (std::size_t i = 12; i < 16; ++i) out += (i > 12 ? "." : "") + std::to_string(bytes[i]);
    return out;
  }
  // The longest run of two or more zero groups becomes "::" (RFC 5952 section 4.2).
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i)
    groups[i] = static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  std::size_t best = 8, best_count = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t count = 0;
    while (i + count < 8 && groups[i + count] == 0) ++count;
    if (count > best_count) best = i, best_count = count;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_count - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    out.append(digits.data(), end);
  }
  return out;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.size() > 45) return std::nullopt;
  if (text.find(':') != std::string_view::npos) return parse_v6(text);
  const auto v4 = parse_v4(text);
  if (!v4) return std::nullopt;
  IpAddress address;
  std::ranges::copy(mapped_prefix, address.bytes.begin());
  std::ranges::copy(*v4, address.bytes.begin() + 12);
  return address;
}

std::optional<IpAddress> parse_forwarded_ip(std::string_view text) {
  const auto is_port = [](std::string_view port) {
    const auto number = parse_u64(port);
    return number && *number <= 65535;
  };
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view behind = text.substr(close + 1);
    if (!behind.empty() && (behind.front() != ':' || !is_port(behind.substr(1))))
      return std::nullopt;
    text = text.substr(1, close - 1);
    if (text.find(':') == std::string_view::npos) return std::nullopt;
  } else if (std::ranges::count(text, ':') == 1) {
    const std::size_t colon = text.find(':');
    if (!is_port(text.substr(colon + 1))) return std::nullopt;
    text = text.substr(0, colon);
  }
  const std::size_t zone = text.find('%');
  if (zone != std::string_view::npos) {
    if (zone + 1 == text.size() || text.find(':') == std::string_view::npos) return std::nullopt;
    text = text.substr(0, zone);
  }
  return parse_ip(text);
}

bool Network::has(const IpAddress& other) const {
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned count = bits > i * 8 ? std::min(bits - i * 8, 8u) : 0;
    const unsigned mask = (0xff00u >> count) & 0xffu;
    if ((address.bytes[i] & mask) != (other.bytes[i] & mask)) return false;
  }
  return true;
}

Result<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  const std::string shown = "'" + std::string(text) + "'";
  if (!address)
    return Error{Errc::invalid, "expected an address or a network like 10.0.0.0/8, not " + shown};
  const unsigned own_bits = address->is_v4() ? 32 : 128;
  unsigned bits = own_bits;
  if (slash != std::string_view::npos) {
    const auto number = parse_u64(text.substr(slash + 1));
    if (!number || *number > own_bits)
      return Error{Errc::invalid,
                   "the prefix of " + shown + " must be 0 to " + std::to_string(own_bits)};
    bits = static_cast<unsigned>(*number);
  }
  return Network{*address, bits + (128 - own_bits)};
}

bool TrustedProxies::has(const IpAddress& address) const {
  return std::ranges::any_of(networks_,
                             [&](const Network& network) { return network.has(address); });
}

IpAddress client_of(const IpAddress& peer, const ForwardingFields& fields,
                    const TrustedProxies& proxies) {
  if (!proxies.has(peer)) return peer;
  Walk walk(peer, proxies);
  const bool standard = !fields.forwarded.empty();
  const auto lines = standard ? fields.forwarded : fields.x_forwarded_for;
  for (std::size_t i = lines.size(); i-- > 0;) {
    ListFromEnd list(lines[i]);
    while (!list.at_end()) {
      const std::string_view entry = list.take();
      if (!walk.step(standard ? forwarded_for(entry) : parse_forwarded_ip(entry)))
        return walk.client();
    }
  }
  return walk.client();
}

}  // namespace weir::guard
