#include "http/message.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace weir::http {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Reason {
  int status;
  std::string_view phrase;
};

// RFC 9110 section 15, and the registrations that we use.
constexpr Reason reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

}  // namespace

bool Peer::is_v4() const {
  return kind == Kind::ip && std::equal(v4_prefix.begin(), v4_prefix.end(), address.begin());
}

bool Peer::is_loopback() const {
  if (kind == Kind::unix_socket) return true;
  if (is_v4()) return address[12] == 127;
  constexpr std::array<std::uint8_t, 16> one{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return address == one;
}

std::string Peer::text() const {
  if (kind == Kind::unix_socket) return "unix";
  char text[INET6_ADDRSTRLEN] = {};
  if (is_v4()) ::inet_ntop(AF_INET, address.data() + 12, text, sizeof text);
  else ::inet_ntop(AF_INET6, address.data(), text, sizeof text);
  return text;
}

std::string_view Request::known(Known field) const {
  const std::uint8_t at = known_at[static_cast<std::size_t>(field)];
  return at == 0 ? std::string_view{} : fields[at - 1].value;
}

std::string Request::joined(Known field) const {
  const std::string_view name = fields[known_at[static_cast<std::size_t>(field)] - 1U].name;
  std::string all;
  for (const Field& one : fields) {
    if (one.name != name) continue;
    if (!all.empty()) all += ", ";
    all += one.value;
  }
  return all;
}

const Field* Request::find(std::string_view lower_name) const {
  for (const Field& field : fields)
    if (field.name == lower_name) return &field;
  return nullptr;
}

std::string_view name_of(Method method) {
  switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::patch: return "PATCH";
    case Method::delete_: return "DELETE";
    case Method::options: return "OPTIONS";
    case Method::trace: return "TRACE";
    case Method::connect: return "CONNECT";
    case Method::other: return "";
  }
  return "";
}

std::string_view reason_phrase_of(int status) {
  const auto* found =
      std::lower_bound(std::begin(reasons), std::end(reasons), status,
                       [](const Reason& row, int wanted) { return row.status < wanted; });
  return found != std::end(reasons) && found->status == status ? found->phrase : "Unknown";
}

bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace weir::http
