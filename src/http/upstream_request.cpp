#include "http/upstream_request.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "http/prepared.h"
#include "http/target.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace weir::http {
namespace {

// What the serialiser writes itself, or never sends: a caller's copy could say something else.
constexpr std::string_view own_fields[] = {
    "host",       "content-length", "transfer-encoding", "expect", "proxy-connection",
    "connection", "upgrade",        "keep-alive",        "te",     "trailer"};

constexpr std::string_view hop_fields[] = {"connection",
                                           "keep-alive",
                                           "proxy-authenticate",
                                           "proxy-authentication-info",
                                           "proxy-authorization",
                                           "proxy-connection",
                                           "te",
                                           "trailer",
                                           "transfer-encoding",
                                           "upgrade"};

// RFC 9110 6.5.1, and the fields on which caches and browsers act.
constexpr std::string_view head_only_fields[] = {"age",
                                                 "authorization",
                                                 "cache-control",
                                                 "clear-site-data",
                                                 "connection",
                                                 "content-encoding",
                                                 "content-length",
                                                 "content-location",
                                                 "content-range",
                                                 "content-type",
                                                 "cookie",
                                                 "date",
                                                 "expect",
                                                 "expires",
                                                 "forwarded",
                                                 "host",
                                                 "keep-alive",
                                                 "location",
                                                 "max-forwards",
                                                 "pragma",
                                                 "proxy-authenticate",
                                                 "proxy-authorization",
                                                 "proxy-connection",
                                                 "range",
                                                 "retry-after",
                                                 "set-cookie",
                                                 "strict-transport-security",
                                                 "te",
                                                 "trailer",
                                                 "transfer-encoding",
                                                 "upgrade",
                                                 "vary",
                                                 "via",
                                                 "warning",
                                                 "www-authenticate"};

template <std::size_t count>
bool is_listed(const std::string_view (&list)[count], std::string_view lower_name) {
  return std::find(std::begin(list), std::end(list), lower_name) != std::end(list);
}

// pchar of RFC 3986 3.3 and '/': what a path may hold as it is.
constexpr std::array<bool, 256> path_byte = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 128; ++c) table[c] = is_alnum(static_cast<char>(c));
  for (const char c : std::string_view("-._~!$&'()*+,;=:@/"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_method(std::string_view method) {
  return !method.empty() && method.size() <= limits::method_bytes_max &&
         is_clean_field(method, {});  // a token, as names of fields are
}

bool is_target(std::string_view target) {
  if (target == "*") return true;
  return target.starts_with('/') && std::all_of(target.begin(), target.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte > 0x20 && byte < 0x7f && c != '#' && c != '\\';
         });
}

}  // namespace

bool append_field(std::string& lines, std::string_view name, std::string_view value) {
  if (!is_clean_field(name, value)) return false;
  for (const std::string_view own : own_fields)
    if (equals_ignoring_case(name, own)) return false;
  lines.append(name).append(": ").append(value).append("\r\n");
  return true;
}

bool append_request_head(std::string& out, const UpstreamRequest& request) {
  if (!is_method(request.method) || !is_target(request.target) ||
      !is_valid_authority(request.host) ||
      (!request.upgrade.empty() && !is_clean_field(request.upgrade, {})))
    return false;
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
  out.append(request.host).append("\r\n").append(request.fields);
  char digits[24];
  switch (request.body) {
    case Framing::none: {
      // A server may wait for a body behind these methods when no length is told.
      const bool expects =
          request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
      if (expects) out += "Content-Length: 0\r\n";
      break;
    }
    case Framing::length: {
      const char* const end = std::to_chars(digits, digits + sizeof digits, request.body_bytes).ptr;
      out.append("Content-Length: ").append(digits, static_cast<std::size_t>(end - digits));
      out += "\r\n";
      break;
    }
    case Framing::chunked: out += "Transfer-Encoding: chunked\r\n"; break;
  }
  if (!request.upgrade.empty()) {
    out.append("Connection: Upgrade\r\nUpgrade: ").append(request.upgrade).append("\r\n");
  } else if (request.takes_trailers) {
    out += "TE: trailers\r\nConnection: TE\r\n";
  }
  out += "\r\n";
  return true;
}

bool is_idempotent(std::string_view method) {
  constexpr std::string_view methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return is_listed(methods, method);
}

bool is_hop_field(std::string_view lower_name) {
  // Few names begin like these, and most fields are asked about.
  switch (lower_name.empty() ? '\0' : lower_name.front()) {
    case 'c':
    case 'k':
    case 'p':
    case 't':
    case 'u': return is_listed(hop_fields, lower_name);
    default: return false;
  }
}

bool is_named_in_connection(std::span<const Field> fields, std::string_view lower_name) {
  for (const Field& field : fields) {
    if (field.name != "connection") continue;
    std::string_view list = field.value;
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      if (equals_ignoring_case(trim(list.substr(0, comma)), lower_name)) return true;
      if (comma == std::string_view::npos) break;
      list.remove_prefix(comma + 1);
    }
  }
  return false;
}

bool is_allowed_trailer(std::string_view lower_name) {
  return !is_listed(head_only_fields, lower_name) && !lower_name.starts_with("if-") &&
         !lower_name.starts_with("x-forwarded-") && !lower_name.starts_with("access-control-");
}

void append_encoded_path(std::string& out, std::string_view decoded) {
  constexpr char digits[] = "0123456789ABCDEF";
  for (const char c : decoded) {
    const auto byte = static_cast<unsigned char>(c);
    if (path_byte[byte]) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

}  // namespace weir::http
