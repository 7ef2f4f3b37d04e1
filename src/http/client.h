#pragma once
// The outbound HTTP client: blocking, for workers and commands only, never for a loop's thread.
// cpp-httplib does the talking (client.cpp alone includes it), with bounds put round it.
//
// Promises: at most `bytes_max` bytes of body are kept, whatever the server says or how it
// compresses; `timeout` bounds the whole call; redirects keep to http and https, at most five, and
// never lead where the address policy forbids; a name is resolved once and the connection goes to
// an address that was checked (no second look-up that could answer otherwise). Certificates are
// verified for https. Callable from any thread.

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

#include <chrono>
#include <string>
#include <vector>

namespace weir::http {

enum class AddressPolicy : std::uint8_t {
  any,          // the operator wrote this URL
  public_only,  // it came from content or clients: loopback, private, link-local, unique-local, ...
                // are refused
};

struct FetchRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://; with unix_path set only its path and host count
  Fields headers = {};
  std::string body = {};
  std::size_t bytes_max = 8 * MiB;
  std::chrono::milliseconds timeout{10'000};
  AddressPolicy addresses = AddressPolicy::any;
  // Exempt from public_only: a host name, an address, or a block ("127.0.0.0/8", "fd00::/8").
  std::vector<std::string> allowed_hosts = {};
  std::string unix_path = {};  // talk to this Unix socket
  std::string ca_file = {};    // default: the usual bundle of the system
  std::size_t redirects_max = 5;
};

struct Fetched {
  int status = 0;
  Fields fields;  // names in lower case
  std::string body;
  std::string url;  // the last one, after redirects
  // First value of that lower-case name; null when there is none.
  const std::string* find(std::string_view lower_name) const;
};

// Errc::invalid: the URL. denied: the address policy, or the certificate. too_large: bytes_max.
// io: everything the network does, with the host and the reason. Any status is a success.
Result<Fetched> fetch(const FetchRequest& request);

// True when public_only would refuse this numeric address (v4, v6, v4-mapped and v4-embedding
// forms), or when it is none.
bool is_private_address(std::string_view numeric_address);
// True when the address lies in the block "address/bits", or is the address `block`.
bool address_is_in(std::string_view numeric_address, std::string_view block);

}  // namespace weir::http
