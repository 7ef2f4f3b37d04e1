#pragma once
// One question to a server on behalf of the cache, from its being sent to what becomes of its
// answer: kept and shared, handed to the one client that it is for, or a failure (C-8 to C-15).
// Inside of the proxy. Loop thread.

#include "edge/fill_wire.h"
#include "edge/proxy_route.h"

#include "cache/answer_cache.h"
#include "http/upstream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace weir::edge {

class ProxyCache;
class ProxyLeased;
struct ProxyAsk;

struct ProxyFetch final : http::AnswerSink {
  explicit ProxyFetch(ProxyCache& its_owner);
  ~ProxyFetch() override;

  ProxyCache& owner;
  std::uint64_t number = 0;
  CacheRoute route;
  std::shared_ptr<http::Upstream> upstream;
  Nanos timeout{0};
  std::string key, path, selection;
  std::shared_ptr<cache::Flight> flight;     // null: for `ask` alone
  std::shared_ptr<const cache::Answer> old;  // whose validators the question carries; may be null
  std::shared_ptr<const cache::Question> question;
  http::Method method = http::Method::get;
  bool has_authorization = false, has_cookie = false, no_store = false;
  bool is_kept_back = false;    // keyed: fields of the client were left out (Forwarding::is_keyed)
  bool asks_condition = false;  // the client's own conditions went along
  // What the client said in fields that select, for answers with a Vary that is new to us.
  std::vector<std::pair<std::string, std::string>> said;
  std::uint64_t stamp = 0, fill_seq = 0;
  Mono sent;
  ProxyAsk* ask = nullptr;  // the client that caused it, as long as it is there
  http::UpstreamCall* call = nullptr;
  std::unique_ptr<ProxyLeased> leased;  // another node is asked first
  bool is_refresh = false;              // behind everybody's back
  bool passes = false;                  // the answer is for `ask` alone: everything goes there
  std::shared_ptr<cache::Filling> filling;
  bool was_announced = false;

  // AnswerSink
  void on_interim(const http::AnswerHead& head) override;
  void on_head(const http::AnswerHead& head) override;
  void on_switched(const http::AnswerHead& head) override;
  void on_body(std::string_view piece) override;
  void on_breath() override;
  void on_end(const http::Fields& trailers) override;
  void on_room() override;
  void on_failed(http::UpstreamFailure failure, std::string_view reason) override;
  // Another node's copy, in place of the server's answer. False: it cannot be used.
  bool take_copy(FillReply&& reply);

 private:
  cache::Policy policy_for(const http::AnswerHead& head) const;
  Result<std::shared_ptr<const cache::Answer>> with_news(const http::AnswerHead& head) const;
  void freshen(const http::AnswerHead& head);
  void learn_from_head(const http::AnswerHead& head);
  bool keep(const http::AnswerHead& head, const cache::Policy& policy);
  bool asks_with_more(const cache::VaryNames& names);
  std::string key_of_kept(std::span<const http::Field> fields) const;
  void pass(const http::AnswerHead& head, bool is_uncacheable);
  void mark_if_never_fresh(const cache::Policy& policy);
  void fail(http::UpstreamFailure failure, int status);
  void land(const cache::Landing& landing);
  void let_go();
};

}  // namespace weir::edge
