#include "http/proxy_protocol.h"

#include "base/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace weir::http {
namespace {

using Kind = ProxyVerdict::Kind;

constexpr std::string_view first_word = "PROXY ";
constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t line_bytes_max = 107;  // the specification's bound for v1, with CRLF
constexpr std::size_t fixed_bytes = 16;      // of v2, before the addresses

ProxyVerdict refused(const char* reason) { return {Kind::refused, 0, {}, reason}; }

// --- version 1 -----------------------------------------------------------------------------------

std::optional<std::uint16_t> port_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint32_t port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

std::optional<Peer> address_of(int family, std::string_view text) {
  Peer peer;
  std::array<char, INET6_ADDRSTRLEN> ended{};
  if (text.size() >= ended.size()) return std::nullopt;
  std::copy(text.begin(), text.end(), ended.begin());
  if (family == AF_INET6) {
    if (::inet_pton(AF_INET6, ended.data(), peer.address.data()) != 1) return std::nullopt;
    return peer;
  }
  peer.address[10] = peer.address[11] = 0xff;
  if (::inet_pton(AF_INET, ended.data(), peer.address.data() + 12) != 1) return std::nullopt;
  return peer;
}

// The next word up to one space, or the rest.
std::string_view take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

ProxyVerdict parse_line(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, line_bytes_max).find('\n');
  if (end == std::string_view::npos) {
    if (bytes.size() >= line_bytes_max) return refused("a PROXY line of more than 107 bytes");
    return {};
  }
  if (bytes[end - 1] != '\r') return refused("a PROXY line that does not end with CRLF");
  std::string_view rest = bytes.substr(0, end - 1);
  if (std::ranges::any_of(rest, [](char c) { return c < 0x20 || c > 0x7e; }))
    return refused("a control character in a PROXY line");
  rest.remove_prefix(first_word.size());
  const ProxyVerdict nobody{Kind::complete, end + 1, {}, ""};
  const std::string_view family = take_word(rest);
  if (family == "UNKNOWN") return nobody;
  if (family != "TCP4" && family != "TCP6")
    return refused("a PROXY line whose family is neither TCP4, TCP6 nor UNKNOWN");
  if (std::ranges::count(rest, ' ') != 3)
    return refused("a PROXY line without exactly two addresses and two ports");
  const int number = family == "TCP4" ? AF_INET : AF_INET6;
  std::optional<Peer> client = address_of(number, take_word(rest));
  const std::optional<Peer> target = address_of(number, take_word(rest));
  const auto port = port_of(take_word(rest));
  if (!client || !target) return refused("an address in a PROXY line that is not of its family");
  if (!port || !port_of(rest)) return refused("a port in a PROXY line that is not 0 to 65535");
  client->port = *port;
  return {Kind::complete, end + 1, client, ""};
}

// --- version 2 -----------------------------------------------------------------------------------

std::size_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

bool are_tlvs(std::string_view rest) {
  while (!rest.empty()) {
    if (rest.size() < 3 || rest.size() - 3 < u16_at(rest, 1)) return false;
    rest.remove_prefix(3 + u16_at(rest, 1));
  }
  return true;
}

ProxyVerdict parse_binary(std::string_view bytes) {
  if (bytes.size() < fixed_bytes) return {};
  const auto version = static_cast<unsigned char>(bytes[12]);
  const auto family = static_cast<unsigned char>(bytes[13]);
  const std::size_t total = fixed_bytes + u16_at(bytes, 14);
  constexpr unsigned local = 0x20, proxied = 0x21;
  if (version != local && version != proxied)
    return refused("a PROXY header of another version than 2, or with an unknown command");
  if (total > limits::proxy_header_bytes_max) return refused("a PROXY header that is too long");
  struct Family {
    unsigned char code;
    std::size_t bytes;  // of both addresses and ports
  };
  // Only what can stand for a stream; the target's address tells nothing that we would use.
  constexpr std::array<Family, 4> families{{{0x00, 0}, {0x11, 12}, {0x21, 36}, {0x31, 216}}};
  const auto* const known =
      std::ranges::find_if(families, [family](const Family& each) { return each.code == family; });
  if (version == proxied && known == families.end())
    return refused("a PROXY header of an unknown family, or not for a stream");
  const std::size_t addresses = known == families.end() ? 0 : known->bytes;
  if (version == proxied && total - fixed_bytes < addresses)
    return refused("a PROXY header that is too short for its addresses");
  if (bytes.size() < total) return {};
  ProxyVerdict verdict{Kind::complete, total, {}, ""};
  if (version == local) return verdict;  // a health check of the balancer itself
  if (family != 0x00 &&
      !are_tlvs(bytes.substr(fixed_bytes + addresses, total - fixed_bytes - addresses)))
    return refused("a PROXY header whose extensions do not end with it");
  if (family == 0x11) {
    Peer client;
    client.address[10] = client.address[11] = 0xff;
    std::memcpy(client.address.data() + 12, bytes.data() + fixed_bytes, 4);
    client.port = static_cast<std::uint16_t>(u16_at(bytes, fixed_bytes + 8));
    verdict.client = client;
  } else if (family == 0x21) {
    Peer client;
    std::memcpy(client.address.data(), bytes.data() + fixed_bytes, 16);
    client.port = static_cast<std::uint16_t>(u16_at(bytes, fixed_bytes + 32));
    verdict.client = client;
  }
  return verdict;
}

bool begins_like(std::string_view bytes, std::string_view beginning) {
  return bytes.substr(0, beginning.size()) == beginning.substr(0, bytes.size());
}

}  // namespace

ProxyVerdict parse_proxy_header(std::string_view bytes) {
  if (!begins_like(bytes, first_word) && !begins_like(bytes, signature))
    return refused("no PROXY header");
  if (bytes.size() >= first_word.size() && bytes[0] == 'P') return parse_line(bytes);
  if (bytes.size() >= signature.size()) return parse_binary(bytes);
  return {};
}

}  // namespace weir::http
