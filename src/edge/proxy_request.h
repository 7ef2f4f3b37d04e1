#pragma once
// What a server behind a proxy route is asked, written from what the guards saw (wire, section 7;
// guard G-13; cache C-38). One per loop: its scratch strings keep their room.

#include "edge/proxy_ask.h"

#include "guard/client_address.h"

#include <span>
#include <string>
#include <string_view>

namespace weir::edge {

inline constexpr std::string_view our_name = "1.1 weir";  // in Via: a pseudonym, without a version

// Several lines of one field as one list.
std::string joined_lines(std::span<const http::Field> fields, std::string_view name);

// What a cache changes about a request (RFC 9111 4.3.1; C-38, C-41).
struct Forwarding {
  // Only what selects an answer goes on, so that nothing else of one client's request can show in
  // what others get: the fields of `names`, none that tells one client from another.
  bool is_keyed = false;
  const cache::VaryNames* names = nullptr;  // with is_keyed
  bool drops_conditions = false;            // the client's own If-* and Range
  std::string_view more = {};               // whole lines: our own conditions
};

// A field that a keyed request leaves out and that changes nothing for a client who sent it. Any
// other one makes the request private.
bool is_harmless(std::string_view lower_name);

class ProxyComposer {
 public:
  // False: it cannot be passed on as it is. `ask` gets what its answer must be compared with.
  bool compose(http::UpstreamOrder& order, ProxyAsk& ask, const ProxyRoute& route,
               const Forwarding& forwarding);
  // The same question asked by ourselves. Without conditions; `more` are whole lines.
  static bool compose(http::UpstreamOrder& order, const cache::Question& question,
                      std::string_view more);
  // What `compose` has just written, to be asked again.
  std::string_view lines() const { return lines_; }
  std::string_view target() const { return target_; }
  std::string_view host() const { return host_; }

 private:
  void append_fields(const ProxyAsk& ask, const ProxyRoute& route, const Forwarding& forwarding);
  void append_keyed(const http::Request& request, const Forwarding& forwarding);
  void append_origin(const ProxyAsk& ask, const ProxyRoute& route);
  std::string_view text_of(const guard::IpAddress& address);

  std::string lines_, target_, host_;
  guard::IpAddress address_;  // of the request before: a keep-alive connection asks many times
  std::string address_text_;
};

}  // namespace weir::edge
