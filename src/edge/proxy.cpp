#include "edge/proxy.h"

#include "edge/answers.h"
#include "edge/pipeline.h"

namespace weir::edge {
namespace {

std::size_t times_in(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

}  // namespace

Proxy::Proxy(LoopState& state, http::NameResolver& resolver, const ProxyStore& store)
    : client_(state.loop, resolver) {
  if (store.answers == nullptr) return;
  cache_.emplace(
      ProxyCache::Parts{state, client_, composer_, *store.answers,
                        [this](ProxyAsk& ask, const ProxyRoute& route) { pass(ask, route); },
                        store.purge, store.workers, store.disk, store.lease, store.polisher});
}
Proxy::~Proxy() = default;

ProxyAsk& Proxy::take(Visit& visit) {
  if (free_.empty()) {
    asks_.push_back(std::make_unique<ProxyAsk>());
    free_.push_back(asks_.back().get());
  }
  ProxyAsk& ask = *free_.back();
  free_.pop_back();
  ask.visit = &visit;
  visit.proxy_ask = &ask;
  return ask;
}

void Proxy::finished(Visit& visit) {
  auto* const ask = static_cast<ProxyAsk*>(visit.proxy_ask);
  visit.proxy_ask = nullptr;
  if (ask->call != nullptr) {
    ask->record(http::UpstreamFailure::none);
    ask->call->cancel();
  }
  if (ask->cache != nullptr) ask->cache->finished(*ask);
  ask->reset();
  free_.push_back(ask);
}

void Proxy::refresh(const std::shared_ptr<const cache::Answer>& old,
                    std::shared_ptr<const ProxyRoute> route, std::function<void(bool)> ready) {
  if (!cache_) return ready(false);
  cache_->refresh(old, std::move(route), std::move(ready));
}

void Proxy::fill(const FillQuestion::AnswerAsked& asked, std::shared_ptr<const ProxyRoute> route,
                 ProxyCache::CopyReady ready) {
  if (!cache_) return ready(nullptr, "unknown");
  cache_->fill(asked, std::move(route), std::move(ready));
}

void Proxy::answer(Visit& visit) {
  const ProxyRoute& route = *visit.route->proxy;
  http::Exchange& exchange = *visit.exchange;
  const http::Request& request = exchange.request();
  visit.decision.upstream.name = route.upstream->settings().name;
  if (route.refuses_encoded_slash && request.encoded_slash)
    return refuse(visit, {400, "bad-request", "The path holds an encoded slash."});
  if (times_in(joined_lines(request.fields, "via"), our_name) >= limits::upstream_hops_max)
    return refuse(visit, {508, "loop", "This request has come through this server before."});
  ProxyAsk& ask = take(visit);
  if (route.cache && cache_) cache_->answer(ask, route);
  else pass(ask, route);
}

void Proxy::pass(ProxyAsk& ask, const ProxyRoute& route) {
  Visit& visit = *ask.visit;
  http::Exchange& exchange = *visit.exchange;
  const http::Request& request = exchange.request();
  const bool has_body = request.framing != http::Framing::none && !visit.body_read;
  if (has_body && request.framing == http::Framing::length &&
      request.content_length > route.body_bytes_max)
    return exchange.stream_body(route.body_bytes_max, ask);  // 413 before anybody is asked
  if (!composer_.compose(order_, ask, route, {}))
    return refuse(visit, {400, "bad-request", "The request cannot be passed on as it is."});

  const auto begun = client_.begin(route.upstream, std::move(order_), ask, route.timeout);
  if (begun.call == nullptr) return ask.on_failed(begun.failure, {});
  ask.call = begun.call;
  exchange.on_gone([] {});  // a client that has left is noticed, and the call cancelled (H-45)
  exchange.set_deadline(route.timeout + engine_grace);
  if (visit.body_read) {
    ask.call->send(visit.body != nullptr ? std::string_view(*visit.body) : exchange.body());
    ask.call->end();
  } else if (has_body) {
    exchange.stream_body(route.body_bytes_max, ask);
  }
}

}  // namespace weir::edge
