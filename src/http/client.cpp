#define CPPHTTPLIB_OPENSSL_SUPPORT
#define CPPHTTPLIB_REDIRECT_MAX_COUNT \
  0  // redirects are followed here, each checked like the first URL
#include <httplib.h>

#include "http/client.h"

#include "base/file.h"
#include "http/tls.h"
#include "http/upstream_names.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace weir::http {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// --- URLs ----------------------------------------------------------------------------------------

struct Url {
  bool secure = false;
  std::string host;  // without brackets, lower case
  int port = 0;
  std::string path;  // with the query; starts with '/'
  bool default_port() const { return port == (secure ? 443 : 80); }
  std::string authority() const {
    std::string text = host.find(':') == std::string::npos ? host : '[' + host + ']';
    if (!default_port()) text += ':' + std::to_string(port);
    return text;
  }
  std::string text() const { return (secure ? "https://" : "http://") + authority() + path; }
};

Result<Url> parse_url(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return Error{Errc::invalid, "expected an http or https URL, found '" + std::string(text) +
                                    "': " + std::string(why)};
  };
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
      return wrong("it holds a blank or a control character");
  Url url;
  std::string_view rest = text;
  const std::size_t colon = rest.find("://");
  if (colon == std::string_view::npos) return wrong("it has no scheme");
  const std::string scheme = lower_of(rest.substr(0, colon));
  if (scheme != "http" && scheme != "https") return wrong("its scheme is another one");
  url.secure = scheme == "https";
  rest.remove_prefix(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  url.path = rest.substr(end);
  if (url.path.empty() || url.path.front() == '?') url.path.insert(0, "/");
  if (authority.find('@') != std::string_view::npos)
    return wrong("user information is not supported");
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return wrong("'[' is not closed");
    url.host = lower_of(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return wrong("only a port may follow ']'");
  } else {
    const std::size_t mark = std::min(authority.find(':'), authority.size());
    url.host = lower_of(authority.substr(0, mark));
    port = authority.substr(mark);
  }
  if (url.host.empty()) return wrong("it has no host");
  url.port = url.secure ? 443 : 80;
  if (port.size() > 1) {
    const auto number = parse_u64(port.substr(1));
    if (!number || *number == 0 || *number > 65535) return wrong("its port is not 1..65535");
    url.port = static_cast<int>(*number);
  }
  return url;
}

// The URL that a Location names, seen from `base` (RFC 3986 5.2; only what redirects use).
Result<Url> resolve_location(const Url& base, std::string_view location) {
  if (location.find("://") != std::string_view::npos) return parse_url(location);
  if (location.starts_with("//"))
    return parse_url((base.secure ? "https:" : "http:") + std::string(location));
  Url url = base;
  if (location.starts_with('/')) {
    url.path = location;
  } else if (location.starts_with('?')) {
    url.path = base.path.substr(0, base.path.find('?')) + std::string(location);
  } else {
    const std::string path = base.path.substr(0, base.path.find('?'));
    url.path = path.substr(0, path.rfind('/') + 1) + std::string(location);
  }
  return parse_url(url.text());
}

// --- addresses -----------------------------------------------------------------------------------

using Bytes16 = std::array<std::uint8_t, 16>;

std::optional<Bytes16> parse_address(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));  // without a zone
  Bytes16 bytes{};
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  if (::inet_pton(AF_INET, address.c_str(), bytes.data() + 12) != 1) return std::nullopt;
  bytes[10] = bytes[11] = 0xff;
  return bytes;
}

bool in_block(const Bytes16& address, const Bytes16& base, unsigned bits) {
  for (unsigned i = 0; i < bits; ++i) {
    const unsigned mask = 0x80U >> (i % 8);
    if ((address[i / 8] & mask) != (base[i / 8] & mask)) return false;
  }
  return true;
}

// Blocks that are not public (the IANA special-purpose registries, and multicast).
constexpr std::string_view private_blocks[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "::/96",         "64:ff9b::/96",    "64:ff9b:1::/48", "100::/64",       "2001::/23",
    "2001:db8::/32", "2002::/16",       "fc00::/7",       "fe80::/10",      "fec0::/10",
    "ff00::/8",
};

Result<std::vector<std::string>> resolve(const Url& url) {
  std::vector<std::string> addresses;
  for (const SocketAddress& address : TRY(look_up(url.host, 0)))
    addresses.push_back(address.host());
  return addresses;
}

// Every address of the name must be allowed, not only the one that is taken: who answers with a
// private address beside a public one is trying something.
Result<std::vector<std::string>> allowed_addresses(const FetchRequest& request, const Url& url) {
  const std::vector<std::string> addresses = TRY(resolve(url));
  if (request.addresses == AddressPolicy::any) return addresses;
  for (const std::string& entry : request.allowed_hosts)
    if (lower_of(entry) == url.host) return addresses;
  for (const std::string& address : addresses) {
    const bool listed =
        std::any_of(request.allowed_hosts.begin(), request.allowed_hosts.end(),
                    [&](const std::string& entry) { return address_is_in(address, entry); });
    if (!listed && is_private_address(address))
      return Error{Errc::denied,
                   "'" + url.host + "' is at " + address + ", which is not a public address"}
          .with_help("list the host or its block if it may be fetched from");
  }
  return addresses;
}

// --- one call ------------------------------------------------------------------------------------

std::string ca_bundle(const FetchRequest& request) {
  return request.ca_file.empty() ? system_ca_file() : request.ca_file;
}

// Ends the call at its deadline even when the peer sends a byte now and then, which the library's
// own timeouts, each for one read, would allow for ever.
class Watchdog {
 public:
  Watchdog(httplib::ClientImpl& client, SteadyTime deadline)
      : thread_([this, &client, deadline] {
          std::unique_lock lock(mutex_);
          if (!finished_came_.wait_until(lock, deadline, [this] { return finished_; })) {
            barked_ = true;
            lock.unlock();
            client.stop();
          }
        }) {}
  ~Watchdog() { finish(); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  bool finish() {  // true = the deadline passed
    if (thread_.joinable()) {
      {
        const std::lock_guard lock(mutex_);
        finished_ = true;
      }
      finished_came_.notify_one();
      thread_.join();
    }
    return barked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable finished_came_;
  bool finished_ = false;
  bool barked_ = false;
  std::thread thread_;
};

Errc code_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::SSLServerVerification:
    case httplib::Error::SSLServerHostnameVerification: return Errc::denied;
    default: return Errc::io;
  }
}

std::string reason_of_error(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection: return "cannot connect";
    case httplib::Error::ConnectionTimeout: return "the connection was not made in time";
    case httplib::Error::Read: return "the answer did not come, was cut short, or is not HTTP";
    case httplib::Error::Write: return "the request could not be sent";
    case httplib::Error::SSLConnection: return "the TLS handshake failed";
    case httplib::Error::SSLLoadingCerts: return "the file of trusted certificates cannot be read";
    case httplib::Error::SSLServerVerification: return "the server's certificate is not trusted";
    case httplib::Error::SSLServerHostnameVerification:
      return "the server's certificate is for another name";
    default: return httplib::to_string(error);
  }
}

struct Call {
  const FetchRequest& request;
  const Url& url;
  std::string method;
  Fields headers;
  SteadyTime deadline;
};

Result<Fetched> send_over(httplib::ClientImpl& client, const Call& call) {
  const auto left = call.deadline - std::chrono::steady_clock::now();
  const auto left_us = std::chrono::duration_cast<std::chrono::microseconds>(left);
  if (left_us.count() <= 0)
    return Error{Errc::io, call.url.authority() + ": the time allowed was over"};
  client.set_connection_timeout(left_us);
  client.set_read_timeout(left_us);
  client.set_write_timeout(left_us);
  client.set_follow_location(false);
  client.set_keep_alive(false);
  client.set_url_encode(false);

  httplib::Request out;
  out.method = call.method;
  out.path = call.url.path;
  out.headers.emplace("Host", call.url.authority());
  bool agent = false;
  for (const auto& [name, value] : call.headers) {
    agent |= equals_ignoring_case(name, "user-agent");
    if (!equals_ignoring_case(name, "host")) out.headers.emplace(name, value);
  }
  if (!agent) out.headers.emplace("User-Agent", "weir");
  if (call.method == "GET" || call.method == "HEAD") out.body.clear();
  else out.body = call.request.body;

  Fetched fetched;
  bool too_large = false;
  out.response_handler = [&](const httplib::Response& head) {
    const auto length = parse_u64(head.get_header_value("Content-Length"));
    too_large = call.method != "HEAD" && length && *length > call.request.bytes_max;
    return !too_large;
  };
  out.content_receiver = [&](const char* data, std::size_t bytes, std::uint64_t, std::uint64_t) {
    too_large = fetched.body.size() + bytes > call.request.bytes_max;
    if (!too_large) fetched.body.append(data, bytes);
    return !too_large;
  };

  httplib::Response in;
  httplib::Error error = httplib::Error::Success;
  Watchdog watchdog(client, call.deadline);
  const bool ok = client.send(out, in, error);
  const bool late = watchdog.finish();
  if (too_large)
    return Error{Errc::too_large, call.url.text() + ": the answer is larger than " +
                                      std::to_string(call.request.bytes_max) + " bytes"};
  if (!ok && late) return Error{Errc::io, call.url.text() + ": the answer did not come in time"};
  if (!ok) return Error{code_of(error), call.url.text() + ": " + reason_of_error(error)};
  fetched.status = in.status;
  fetched.url = call.url.text();
  if (fetched.body.empty()) fetched.body = std::move(in.body);
  for (const auto& [name, value] : in.headers) fetched.fields.emplace_back(lower_of(name), value);
  return fetched;
}

Result<Fetched> send_once(const Call& call) {
  if (!call.request.unix_path.empty()) {
    httplib::ClientImpl client(call.request.unix_path);
    client.set_address_family(AF_UNIX);
    return send_over(client, call);
  }
  const std::vector<std::string> addresses = TRY(allowed_addresses(call.request, call.url));
  std::optional<Error> failure;
  for (const std::string& address :
       addresses) {  // the next one only when nobody answers at this one
    std::unique_ptr<httplib::ClientImpl> client;
    if (call.url.secure) {
      const std::string bundle = ca_bundle(call.request);
      if (bundle.empty())
        return Error{Errc::io,
                     call.url.text() + ": this machine has no bundle of trusted certificates"}
            .with_help("install ca-certificates, or name a bundle in SSL_CERT_FILE");
      auto secure = std::make_unique<httplib::SSLClient>(call.url.host, call.url.port);
      secure->set_ca_cert_path(bundle);
      secure->enable_server_certificate_verification(true);
      client = std::move(secure);
    } else {
      client = std::make_unique<httplib::ClientImpl>(call.url.host, call.url.port);
    }
    client->set_hostname_addr_map({{call.url.host, address}});
    Result<Fetched> fetched = send_over(*client, call);
    if (fetched.ok()) return fetched;
    const bool unreachable = fetched.error().what.ends_with("cannot connect") ||
                             fetched.error().what.ends_with("the connection was not made in time");
    failure = std::move(fetched).error();
    if (!unreachable) break;
  }
  return std::move(*failure);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Credentials stay with the origin that they were meant for.
void drop_credentials(Fields& headers) {
  std::erase_if(headers, [](const auto& field) {
    return equals_ignoring_case(field.first, "authorization") ||
           equals_ignoring_case(field.first, "cookie") ||
           equals_ignoring_case(field.first, "proxy-authorization");
  });
}

Result<Fetched> fetch_following(const FetchRequest& request) {
  Url url = TRY(parse_url(request.url));
  Call call{request, url, request.method, request.headers,
            std::chrono::steady_clock::now() + request.timeout};
  for (std::size_t hops = 0;; ++hops) {
    Fetched fetched = TRY(send_once(call));
    const std::string* const location = fetched.find("location");
    if (!is_redirect(fetched.status) || location == nullptr || request.redirects_max == 0)
      return fetched;
    if (hops == request.redirects_max)
      return Error{Errc::io, request.url + ": more than " + std::to_string(request.redirects_max) +
                                 " redirects"};
    const Url next = TRY(resolve_location(url, *location));
    if (next.authority() != url.authority() || next.secure != url.secure)
      drop_credentials(call.headers);
    if (fetched.status == 303 || (fetched.status <= 302 && call.method == "POST"))
      call.method = call.method == "HEAD" ? "HEAD" : "GET";
    url = next;  // call.url refers to it
  }
}

}  // namespace

const std::string* Fetched::find(std::string_view lower_name) const {
  for (const auto& [name, value] : fields)
    if (name == lower_name) return &value;
  return nullptr;
}

bool address_is_in(std::string_view numeric_address, std::string_view block) {
  const std::size_t slash = block.find('/');
  const auto address = parse_address(numeric_address);
  const auto base = parse_address(block.substr(0, slash));
  if (!address || !base) return false;
  const bool v4 = block.substr(0, slash).find(':') == std::string_view::npos;
  const unsigned whole = v4 ? 32 : 128;
  std::uint64_t bits = whole;
  if (slash != std::string_view::npos) {
    const auto given = parse_u64(block.substr(slash + 1));
    if (!given || *given > whole) return false;
    bits = *given;
  }
  return in_block(*address, *base, static_cast<unsigned>(bits) + (v4 ? 96 : 0));
}

bool is_private_address(std::string_view numeric_address) {
  if (!parse_address(numeric_address)) return true;
  return std::any_of(
      std::begin(private_blocks), std::end(private_blocks),
      [numeric_address](std::string_view block) { return address_is_in(numeric_address, block); });
}

Result<Fetched> fetch(const FetchRequest& request) {
  for (const auto& [name, value] : request.headers)
    if (!httplib::detail::fields::is_field_name(name) ||
        !httplib::detail::fields::is_field_value(value))
      return Error{Errc::invalid, "the request's field '" + name + "' is not a clean header field"};
  try {
    return fetch_following(request);
  } catch (const std::exception& thrown) {  // the library's; nothing of ours throws
    return Error{Errc::io, request.url + ": " + thrown.what()};
  }
}

}  // namespace weir::http
