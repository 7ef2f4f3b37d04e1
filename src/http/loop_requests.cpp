#include "http/loop_core.h"
#include "http/target.h"

#include <algorithm>
#include <bit>
#include <cstring>

// What both versions of HTTP do with a head that was understood: an exchange is made of it, and
// what is answered alike on every route is answered.

namespace weir::http {
namespace {

constexpr std::string_view engine_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

}  // namespace

// The bytes of the head are copied once, so that all views stay where they are for as long as the
// exchange lives, whatever the connection reads meanwhile.
LoopCore::Begun LoopCore::begin_exchange(const Origin& origin, const char* bytes,
                                         std::size_t count) {
  Exchange& exchange = take_exchange();
  exchange.carrier_ = &origin.carrier;
  exchange.started_ = now;
  exchange.deadline_ = now + engine.settings.timeouts.answer;
  counters.requests.add(1);

  Request& request = exchange.request_;
  request = head.request;
  const std::size_t wanted = count + request.raw_path.size();
  if (exchange.head_capacity_ < wanted) {
    exchange.head_capacity_ = std::max<std::size_t>(1024, std::bit_ceil(wanted));
    exchange.head_bytes_ = std::make_unique_for_overwrite<char[]>(exchange.head_capacity_);
  }
  char* const kept = exchange.head_bytes_.get();
  std::memcpy(kept, bytes, count);
  const auto moved = [bytes, kept, count](std::string_view view) {  // literals stay where they are
    const bool inside = view.data() >= bytes && view.data() <= bytes + count;
    return inside ? std::string_view(kept + (view.data() - bytes), view.size()) : view;
  };
  exchange.fields_.resize(head.field_count);
  for (std::size_t i = 0; i < head.field_count; ++i)
    exchange.fields_[i] = {moved(head.fields[i].name), moved(head.fields[i].value)};
  request.fields = exchange.fields_;
  request.method_text = moved(request.method_text);
  request.target = moved(request.target);
  request.raw_path = moved(request.raw_path);
  request.query = moved(request.query);
  request.host = moved(request.host);
  request.protocol = moved(request.protocol);
  request.peer = &origin.peer;
  request.secure = origin.tls != nullptr;
  request.client_certificate = origin.tls == nullptr ? nullptr : origin.tls->client_certificate();
  request.listener_tag = origin.listener_tag;

  const DecodedPath decoded = decode_path(request.raw_path, kept + count);
  request.path = decoded.refusal == nullptr ? decoded.path : request.raw_path;
  request.encoded_slash = decoded.encoded_slash;
  request.path_is_utf8 = decoded.is_utf8;
  return {exchange, decoded.refusal, head.expectation_unknown};
}

// A body on GET or HEAD is framed, thrown away, and never visible (H-19).
void LoopCore::drop_useless_body(Request& request) {
  if (request.method != Method::get && request.method != Method::head) return;
  request.dropped_body = true;
  request.framing = Framing::none;
  request.content_length = 0;
}

bool LoopCore::answer_at_the_door(const Begun& begun) {
  Exchange& exchange = begun.exchange;
  const Request& request = exchange.request_;
  const auto refuse_here = [this, &exchange](int status, std::string_view detail, Fields extra) {
    counters.refused.add(1);
    exchange.refuse(status, detail, std::move(extra));
    return true;
  };
  // A client may have sent what was meant for the tunnel already; that is not ours to read.
  if (request.method == Method::connect || begun.path_refusal != nullptr)
    exchange.close_after_ = true;
  if (request.method == Method::trace || request.method == Method::connect)
    return refuse_here(405, "This method is not served here.",
                       {{"Allow", std::string(engine_methods)}});
  if (begun.path_refusal != nullptr) return refuse_here(400, begun.path_refusal, {});
  if (begun.expectation_unknown) {
    // It may wait for us before it sends its body, or not.
    exchange.close_after_ = request.framing != Framing::none || request.dropped_body;
    return refuse_here(417, "Expect can only be 100-continue.", {});
  }
  if (request.target == "*") {
    exchange.respond(Response{204, {{"Allow", std::string(engine_methods)}}, {}});
    return true;
  }
  return false;
}

bool LoopCore::charge_bodies(std::size_t bytes) {
  const std::size_t before = engine.bodies_buffered.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= engine.settings.limits.bodies_buffered_bytes) return true;
  engine.bodies_buffered.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

}  // namespace weir::http
