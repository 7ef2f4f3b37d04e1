// Control's side of the fill lease: another node asks for a copy, so that one node asks the server
// or makes the page, and not each of them (cache C-18). What is said: fill_wire.h.

#include "edge/control.h"

#include "edge/control_answers.h"
#include "edge/fill_lease.h"
#include "edge/tables.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/limits_invalidation.h"
#include "cache/answer_record.h"
#include "cache/page_maker.h"
#include "http/loop.h"

#include <new>

namespace weir::edge {
namespace {

// Of the answer to a question that waits for another: a little longer than the asker waits.
constexpr Nanos answer_time = limits::fill_lease_time + std::chrono::seconds(1);

FillReply without(std::string_view why) {
  FillReply reply;
  reply.why = why;
  return reply;
}

void spare_body(FillReply& reply, const std::string& has) {
  reply.is_same = !has.empty() && has == hex_of(reply.record.sha256);
  if (reply.is_same) reply.body.clear();
}

FillReply copy_of(const cache::Answer& answer, Nanos age, const std::string& has) {
  FillReply reply;
  reply.record = cache::record_of(answer);
  reply.age = age;
  reply.body = *answer.body;
  spare_body(reply, has);
  return reply;
}

FillReply copy_of(const cache::Page& page, Nanos age, const std::string& has) {
  FillReply reply;
  store::Fill& record = reply.record;
  record.kind = page.gone ? store::FillKind::gone : store::FillKind::page;
  record.status = page.status;
  record.content_type = page.content_type;
  record.fields = page.fields;
  record.tags = page.tags;
  record.policy = page.policy;
  record.sha256 = page.sha256;
  reply.age = age;
  if (page.gone) return reply;
  const auto body = cache::bodies_of(page)[static_cast<std::size_t>(store::Codec::identity)];
  if (body == nullptr) return without("not-shared");
  reply.body = *body;
  record.body_bytes = body->size();
  spare_body(reply, has);
  return reply;
}

}  // namespace

// What a question waits for, off the exchange that brought it. A worker may outlive the Control that
// has asked it, so it holds what it needs.
struct Control::FillAsked {
  const ControlParts& parts;
  http::Loop& loop;
  http::ExchangeId exchange;
  std::string id;
  FillQuestion question;

  using Asked = std::shared_ptr<const FillAsked>;
  // From any thread. Only the first one counts.
  static void reply(const Asked& asked, const FillReply& said) {
    auto response = std::make_shared<http::Response>();
    response->body = encode_fill_reply(said);
    response->fields = {{"Content-Type", "application/octet-stream"},
                        {"Cache-Control", "no-store"}};
    for (auto& field : asked->parts.lease->sign_reply(asked->id, response->body))
      response->fields.push_back(std::move(field));
    asked->loop.post([asked, response, is_copy = said.why.empty()] {
      http::Exchange* const exchange = asked->loop.find(asked->exchange);
      if (exchange == nullptr || exchange->answered()) return;
      FillLease::Counts& counts = asked->parts.lease->counts;
      (is_copy ? counts.given : counts.declined).fetch_add(1, std::memory_order_relaxed);
      respond(*static_cast<Visit*>(exchange->user()), std::move(*response));
    });
  }
  // Hashed and signed off the loop. `make` is told what the asker has.
  static void reply_later(const Asked& asked, std::function<FillReply(const std::string&)> make) {
    const Status offered = asked->parts.workers.offer([asked, make = std::move(make)] {
      try {
        reply(asked, make(asked->question.has));
      } catch (const std::bad_alloc&) {
        reply(asked, without("full"));
      }
    });
    if (!offered.ok()) reply(asked, without("full"));
  }
  static void fill_page(const Asked& asked);
  static void tell_of_page(const Asked& asked, store::ReleaseId release,
                           const cache::Fetched& made);
};

void Control::fill(Visit& visit, std::string_view rest) {
  if (!rest.empty() || parts_.lease == nullptr) return not_found(visit);
  visit.exchange->read_body(limits::fill_question_bytes_max, [this](http::Exchange& exchange) {
    fill_asked(*static_cast<Visit*>(exchange.user()));
  });
}

void Control::fill_asked(Visit& visit) {
  const http::Request& request = visit.exchange->request();
  const http::Field* const id = request.find("webhook-id");
  if (id == nullptr || !parts_.lease->is_signed(request.fields, visit.exchange->body())) {
    parts_.log.warning("peer-refused", {{"client", visit.client.text()}});
    return refuse(visit, {401, "signature", "The signature, its time or its secret does not fit."});
  }
  auto question = parse_fill_question(visit.exchange->body());
  if (!question.ok()) return refuse(visit, {400, "bad-request", question.error().what});
  if (question->drop) {
    answer_dropper_(*question->drop);
    return respond(visit, {204, {{"Cache-Control", "no-store"}}, {}});
  }
  visit.exchange->set_deadline(answer_time);
  http::Loop& loop = visit.exchange->loop();
  const auto asked = std::make_shared<const FillAsked>(FillAsked{
      parts_, loop, visit.exchange->id(), std::string(id->value), std::move(question).value()});
  // A server that is slow is not a node that is gone: the asker is told before it gives us up.
  loop.after(Nanos(limits::fill_slow_time), [asked] {
    const http::Exchange* const there = asked->loop.find(asked->exchange);
    if (there != nullptr && !there->answered()) FillAsked::reply(asked, without("slow"));
  });
  const Mono until = visit.loop->clock.mono() + Nanos(limits::fill_seen_wait);
  parts_.lease->when_seen(asked->question.seen, until, [this, &loop, asked](bool is_seen) {
    loop.post([this, asked, is_seen] {  // the loop has ended: so have we, and this is not run
      if (asked->loop.find(asked->exchange) == nullptr) return;
      if (!is_seen) return FillAsked::reply(asked, without("behind"));
      if (asked->question.answer) fill_answer(asked);
      else FillAsked::fill_page(asked);
    });
  });
}

void Control::fill_answer(const std::shared_ptr<const FillAsked>& asked) {
  answer_filler_(*asked->question.answer,
                 [asked](const std::shared_ptr<const cache::Answer>& answer, std::string_view why) {
                   if (answer == nullptr) return FillAsked::reply(asked, without(why));
                   FillAsked::reply_later(asked, [asked, answer](const std::string& has) {
                     return copy_of(*answer, asked->parts.clock.mono() - answer->received, has);
                   });
                 });
}

void Control::FillAsked::fill_page(const Asked& asked) {
  const Status offered = asked->parts.workers.offer([asked] {
    const auto release = asked->parts.cache.release();
    const auto site = asked->parts.lease->site_of(release);
    if (!site.ok() || *site != asked->question.page->site)
      return reply(asked, without("another-site"));
    const Status begun = asked->parts.cache.make_fresh(
        asked->question.page->key,
        [asked, id = release->id()](const cache::Fetched& made) { tell_of_page(asked, id, made); });
    if (!begun.ok()) reply(asked, without("full"));
  });
  if (!offered.ok()) reply(asked, without("full"));
}

// A render that had begun before the release was activated is of the one before.
void Control::FillAsked::tell_of_page(const Asked& asked, store::ReleaseId release,
                                      const cache::Fetched& made) {
  const auto& page = made.lookup.page;
  if (page == nullptr || made.lookup.freshness != cache::Freshness::fresh)
    return reply(asked, without("failed"));
  if (page->release != release) return reply(asked, without("another-site"));
  reply_later(asked, [asked, page](const std::string& has) {
    return copy_of(*page, asked->parts.clock.mono() - page->rendered, has);
  });
}

}  // namespace weir::edge
