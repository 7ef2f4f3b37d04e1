#pragma once
// One request of a client to a proxy route, and its answer on the way back. Inside of the proxy:
// for proxy*.cpp alone. A ProxyAsk belongs to one loop's thread.

#include "edge/proxy_route.h"
#include "edge/visit.h"

#include "cache/answer_cache.h"
#include "http/upstream.h"

#include <memory>
#include <optional>
#include <string>

namespace weir::edge {

class ProxyCache;
struct ProxyFetch;

inline constexpr auto engine_grace = std::chrono::seconds(5);  // our own 504 before the engine's

// A request on its way through us, and its answer on the way back. Taken from the Proxy's list when
// the steps have passed, given back when the exchange has ended.
struct ProxyAsk final : http::AnswerSink, http::BodySink, http::TunnelSink {
  Visit* visit = nullptr;
  http::UpstreamCall* call = nullptr;
  http::Response response;               // composed, not sent yet
  std::optional<std::uint64_t> length;   // of its body
  http::StreamWriter* stream = nullptr;  // the answer is on its way
  http::Tunnel* tunnel = nullptr;
  std::string pending;  // what the client's side did not take
  http::Fields trailers;
  bool composed = false;
  bool ended = false;  // the server's side is over; `pending` is the rest
  bool takes_trailers = false;
  // Sec-WebSocket-Accept that the server must say: for a client that came by an extended CONNECT
  // and so has no key of its own (RFC 8441, section 5). Empty = the client looks at it itself.
  std::string accept;

  // --- where answers are kept (proxy_cache.h)
  ProxyCache* cache = nullptr;
  std::string key;                        // of the answer; empty = not asked for
  std::string_view forwarded_for = {};    // `fwd` of Cache-Status (RFC 9211 2.2): why it was asked
  std::shared_ptr<cache::Flight> flight;  // that it waits for
  std::uint64_t ticket = 0;
  ProxyFetch* fetch = nullptr;              // that it leads
  std::shared_ptr<cache::Filling> filling;  // that it reads
  std::uint64_t reader = 0;
  unsigned tries = 0;       // that it was looked up again
  bool was_loaded = false;  // the disk was looked at
  bool goes_alone = false;  // what others get is not for it
  bool is_leader = false;
  bool invalidates = false;  // a method that says that what is stored is not right any more

  http::Exchange& exchange() const { return *visit->exchange; }
  void reset();
  void record(http::UpstreamFailure failure);
  void compose_answer(const http::AnswerHead& head);
  http::Fields fields_of(const http::AnswerHead& head);
  void send_whole();
  void start();
  void pass_on(std::string_view piece);
  void push();
  void finish();
  void read_filling();  // as far as the client takes it
  void leave_cache();

  // AnswerSink
  void on_interim(const http::AnswerHead& head) override;
  void on_head(const http::AnswerHead& head) override;
  void on_switched(const http::AnswerHead& head) override;
  void on_body(std::string_view piece) override;
  void on_breath() override;
  void on_end(const http::Fields& answer_trailers) override;
  void on_room() override;
  void on_failed(http::UpstreamFailure failure, std::string_view reason) override;
  // BodySink
  void on_body(http::Exchange& exchange, std::string_view piece) override;
  void on_body_end(http::Exchange& exchange, const http::Fields& request_trailers) override;
  // TunnelSink
  void on_bytes(http::Tunnel& from, std::string_view bytes) override;
  void on_room(http::Tunnel& to) override;
  void on_end(http::Tunnel& from, http::Ending ending) override;
};

// 502, 503 or 504 in the usual form.
void refuse_for(Visit& visit, http::UpstreamFailure failure);

}  // namespace weir::edge
