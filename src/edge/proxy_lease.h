#pragma once
// What goes from the proxy's cache to other nodes: the question of a ProxyFetch to the node that
// holds the lease of its key, and the news that an answer is not right any more. Whatever goes
// wrong with a question, the fetch goes on and asks the server.
//
// Inside of the proxy. Loop thread.

#include "edge/fill_lease.h"
#include "edge/proxy_fetch.h"

#include <functional>
#include <memory>
#include <string>

namespace weir::edge {

class ProxyLeased final : public http::AnswerSink {
 public:
  ProxyLeased(ProxyFetch& fetch, FillLease& lease, std::shared_ptr<const FillLease::Holder> holder);
  ~ProxyLeased() override;

  // False: it could not even be asked.
  bool ask(http::UpstreamClient& client, const std::string& body);

  // AnswerSink
  void on_interim(const http::AnswerHead&) override {}
  void on_head(const http::AnswerHead& head) override;
  void on_switched(const http::AnswerHead& head) override;
  void on_body(std::string_view piece) override;
  void on_breath() override {}
  void on_end(const http::Fields& trailers) override;
  void on_room() override {}
  void on_failed(http::UpstreamFailure failure, std::string_view reason) override;

 private:
  std::function<Result<FillReply>()> reader_of_reply();
  void take(Result<FillReply> reply);
  void ask_the_server();

  ProxyFetch& fetch_;
  FillLease& lease_;
  const std::shared_ptr<const FillLease::Holder> holder_;
  http::UpstreamCall* call_ = nullptr;
  FillLease::Signed asked_;
  int status_ = 0;
  http::Fields fields_;
  std::string body_;
};

// Tells a holder that an answer is not right any more. What comes of it changes nothing here: one
// that does not hear it is wrong for the rest of a lifetime, as any cache is that RFC 9111 4.4 does
// not reach.
class ProxyNote final : public http::AnswerSink {
 public:
  explicit ProxyNote(ProxyCache& owner) : owner_(owner) {}
  ~ProxyNote() override;
  // False: it could not be sent.
  bool send(const FillLease::Holder& holder, const std::string& body);

  // AnswerSink
  void on_interim(const http::AnswerHead&) override {}
  void on_head(const http::AnswerHead&) override {}
  void on_switched(const http::AnswerHead& head) override;
  void on_body(std::string_view) override {}
  void on_breath() override {}
  void on_end(const http::Fields&) override { leave(); }
  void on_room() override {}
  void on_failed(http::UpstreamFailure, std::string_view) override { leave(); }

 private:
  void leave();  // it is gone after this turn of the loop
  ProxyCache& owner_;
  http::UpstreamCall* call_ = nullptr;
};

}  // namespace weir::edge
