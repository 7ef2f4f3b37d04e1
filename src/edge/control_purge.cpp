// Control's purges: who asks (the admin, or a signed webhook), what for, and what came of it.
//
// The order of checks of a webhook (experience E-39): how often this client knocks, the size of the
// body, the signature over the raw body, its time; then the purge, which is known again by the
// delivery's id, recorded, synced, and only then answered.

#include "edge/control.h"

#include "base/crypto.h"
#include "edge/control_answers.h"
#include "edge/tables.h"
#include "edge/webhook.h"
#include "text/json.h"
#include "text/url.h"

#include <algorithm>

namespace weir::edge {
namespace {

SignedMessage message_of(const http::Exchange& exchange) {
  const http::Request& request = exchange.request();
  return {request.method_text, request.raw_path, request.query, request.fields, exchange.body()};
}

// The same delivery by the same hook; of any length, because senders choose their ids.
std::string purge_id_of(const HookSettings& hook, const std::string& delivery) {
  std::string id = hook.name + ':' + delivery;
  if (id.size() <= limits::purge_id_bytes_max) return id;
  return "sha256:" + hex_of(sha256_of(id));
}

void note(DeliveryLog& log, Delivery delivery, int status, std::string_view outcome) {
  delivery.status = status;
  delivery.outcome = outcome;
  log.add(std::move(delivery));
}

}  // namespace

// What a POST to purge or revalidate waits for while its body comes in.
struct Control::Asked {
  const HookSettings* hook = nullptr;  // of the tables that the visit holds
  cache::Mode mode = cache::Mode::soft;
  bool is_signed = true;  // false on an admin listener
};

void Control::purge(Visit& visit, std::string_view rest) {
  const http::Request& request = visit.exchange->request();
  const Config& config = visit.tables->shared->config;
  if (request.method == http::Method::get) {
    const auto seq = parse_u64(rest);
    if (!seq || !admin_) return not_found(visit);
    const std::uint64_t applied = parts_.cache.counters().purge_seq;
    if (*seq == 0 || *seq > applied) return not_found(visit);
    return describe_purge(visit, *seq);
  }
  if (!rest.empty() || (!admin_ && config.own_hook.secrets.empty())) return not_found(visit);
  receive(visit, {&config.own_hook, cache::Mode::soft, !admin_});
}

void Control::revalidate(Visit& visit, std::string_view name) {
  const Config& config = visit.tables->shared->config;
  if (name.empty()) {
    if (!admin_ && config.own_hook.secrets.empty()) return not_found(visit);
    return receive(visit, {&config.own_hook, cache::Mode::refresh, !admin_});
  }
  for (const HookSettings& hook : config.hooks) {
    if (hook.name == name) return receive(visit, {&hook, cache::Mode::refresh, !admin_});
  }
  not_found(visit);
}

Delivery Control::delivery_of(const Visit& visit, const HookSettings& hook) const {
  Delivery delivery;
  delivery.at = visit.loop->clock.wall();
  delivery.hook = hook.name;
  delivery.sender = hook.sender;
  delivery.client = visit.client.text();
  return delivery;
}

void Control::receive(Visit& visit, Asked asked) {
  if (asked.is_signed) {
    const auto wait =
        parts_.webhook_limits.take(*asked.hook, visit.client, visit.loop->clock.mono());
    if (wait > 0) {
      note(parts_.deliveries, delivery_of(visit, *asked.hook), 429, "rate-limited");
      return refuse(visit, {429,
                            "rate-limited",
                            "This sender delivers more often than its hook allows.",
                            {},
                            {{"Retry-After", std::to_string(wait)}}});
    }
  }
  visit.exchange->read_body(limits::webhook_bytes_max, [this, asked](http::Exchange& exchange) {
    received(*static_cast<Visit*>(exchange.user()), asked);
  });
}

void Control::received(Visit& visit, const Asked& asked) {
  const HookSettings& hook = *asked.hook;
  const SignedMessage message = message_of(*visit.exchange);
  Delivery delivery = delivery_of(visit, hook);
  delivery.body_bytes = message.body.size();
  if (asked.is_signed) {
    Verified verified = verify_webhook(hook, message, visit.loop->clock.wall());
    if (verified.verdict != WebhookVerdict::good) {
      const bool malformed = verified.verdict == WebhookVerdict::malformed;
      parts_.log.warning("webhook-refused", {{"hook", hook.name},
                                             {"reason", name_of(verified.verdict)},
                                             {"client", delivery.client}});
      note(parts_.deliveries, std::move(delivery), malformed ? 400 : 401,
           name_of(verified.verdict));
      if (malformed) return refuse(visit, {400, "bad-request", verified.what});
      return refuse(visit,
                    {401, "signature", "The signature, its time or its secret does not fit."});
    }
    delivery.id = purge_id_of(hook, verified.id);
  }
  if (is_ping(hook, message)) {
    note(parts_.deliveries, std::move(delivery), 200, "ping");
    return respond(visit, json(200, "{\"ping\":true}"));
  }
  Result<cache::PurgeRequest> purge = sends_own_form(hook) ? parse_purge(message.body, asked.mode)
                                                           : map_payload(message.body, hook);
  if (!purge.ok()) {
    const std::string detail =
        purge.error().what + (purge.error().help.empty() ? "" : " (" + purge.error().help + ")");
    const bool is_large = purge.error().code == Errc::too_large;
    note(parts_.deliveries, std::move(delivery), is_large ? 413 : 400, detail);
    return refuse(visit, {is_large ? 413 : 400, is_large ? "too-large" : "bad-request", detail});
  }
  if (purge->id.empty()) purge->id = delivery.id;
  else delivery.id = purge->id;
  delivery.items =
      purge->tags.size() + purge->paths.size() + purge->prefixes.size() + purge->hosts.size();
  if (!asks_for_something(*purge)) {
    note(parts_.deliveries, std::move(delivery), 200, "nothing-to-do");
    return respond(visit, json(200, "{\"matched_estimate\":0,\"durable\":true}"));
  }
  run_purge(visit, std::move(purge).value(), std::move(delivery));
}

void Control::run_purge(Visit& visit, cache::PurgeRequest request, Delivery delivery) {
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  const bool waits = request.wait == cache::Wait::fresh;
  DeliveryLog& deliveries = parts_.deliveries;
  const auto finish = [&deliveries, &loop, id, waits,
                       delivery](const Result<cache::PurgeAnswer>& result) {
    Delivery noted = delivery;
    if (result.ok()) noted.seq = result->seq;
    note(deliveries, std::move(noted), result.ok() ? 200 : 503,
         !result.ok()       ? std::string_view(result.error().what)
         : result->repeated ? "repeated"
                            : "purged");
    auto answer = std::make_shared<const Result<cache::PurgeAnswer>>(result);
    loop.post([&loop, id, waits, answer] {
      http::Exchange* exchange = loop.find(id);
      if (exchange == nullptr || exchange->answered()) return;
      Visit& asked = *static_cast<Visit*>(exchange->user());
      if (!answer->ok()) {
        return refuse(asked, {503, "storage-failed",
                              "The purge could not be recorded: " + answer->error().what});
      }
      const cache::PurgeAnswer& told = answer->value();
      std::string body = "{\"seq\":" + std::to_string(told.seq) +
                         ",\"matched_estimate\":" + std::to_string(told.matched_estimate);
      body += told.durable ? ",\"durable\":true" : ",\"durable\":false";
      if (told.repeated) body += ",\"repeated\":true";
      if (waits)
        body += ",\"refreshed\":" + std::to_string(told.refreshed) +
                ",\"failed\":" + std::to_string(told.failed);
      respond(asked, json(200, body + "}"));
    });
  };
  cache::PageCache& cache = parts_.cache;
  const Status offered = parts_.workers.offer(
      [&cache, request = std::move(request), finish] { cache.purge(request, finish); });
  if (!offered.ok()) {
    note(deliveries, std::move(delivery), 503, "overloaded");
    refuse(visit, {503, "overloaded", "The queue is full.", {}, {{"Retry-After", "1"}}});
  }
}

// GET ?hook=NAME&limit=N: newest first.
void Control::deliveries(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  std::size_t count = 100;
  std::optional<std::string> hook;
  for (const auto& pair : text::parse_query(visit.exchange->request().query, 16)) {
    if (pair.first == "hook") hook = pair.second;
    if (pair.first != "limit") continue;
    const auto wanted = parse_u64(pair.second);
    if (!wanted || *wanted == 0)
      return refuse(visit, {400, "bad-request", "limit must be a whole number above 0."});
    count = static_cast<std::size_t>(*wanted);
  }
  text::Value::Array rows;
  for (const Delivery& one : parts_.deliveries.newest(count, hook ? &*hook : nullptr)) {
    text::Value row = text::Value::Object{};
    row.set("at", one.at.seconds());
    row.set("hook", one.hook);
    row.set("sender", one.sender);
    row.set("status", static_cast<std::int64_t>(one.status));
    row.set("outcome", one.outcome);
    row.set("seq", one.seq);
    row.set("items", static_cast<std::uint64_t>(one.items));
    row.set("bytes", static_cast<std::uint64_t>(one.body_bytes));
    row.set("client", one.client);
    row.set("id", one.id);
    rows.push_back(std::move(row));
  }
  text::Value out = text::Value::Object{};
  out.set("deliveries", std::move(rows));
  respond(visit, json(200, text::json_of(out)));
}

}  // namespace weir::edge
