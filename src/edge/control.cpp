#include "edge/control.h"

#include "base/crypto.h"
#include "base/text_escape.h"
#include "edge/answers.h"
#include "edge/metrics.h"
#include "edge/tables.h"
#include "edge/webhook.h"
#include "text/json.h"
#include "text/url.h"

namespace weir::edge {

struct ControlRow {
  enum class Who : std::uint8_t { everybody, signed_, admin };
  std::string_view name;  // below /_weir/
  std::string_view allow;
  Who who;
  void (Control::*run)(Visit&, std::string_view rest);

  static std::span<const ControlRow> all();
};

std::span<const ControlRow> ControlRow::all() {
  // `signed_`: for everybody when a webhook secret is configured, and for the admin.
  static constexpr ControlRow endpoints[] = {
      {"healthz", "GET, HEAD", Who::everybody, &Control::healthz},
      {"readyz", "GET, HEAD", Who::everybody, &Control::readyz},
      {"problems", "GET, HEAD", Who::everybody, &Control::problem},
      {"purge", "POST, GET", Who::signed_, &Control::purge},
      {"revalidate", "POST", Who::signed_, &Control::revalidate},
      {"metrics", "GET, HEAD", Who::admin, &Control::metrics},
      {"entry", "GET, HEAD", Who::admin, &Control::entry},
      {"releases", "POST, GET", Who::admin, &Control::release},
      {"config", "POST", Who::admin, &Control::config},
  };
  return endpoints;
}

namespace {

http::Response json(int status, std::string body) {
  body += '\n';
  return {status,
          {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          std::move(body)};
}

http::Response plain(int status, std::string body) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          std::move(body)};
}

bool allows(std::string_view allow, std::string_view method) {
  std::size_t at = 0;
  while ((at = allow.find(method, at)) != std::string_view::npos) {
    const std::size_t end = at + method.size();
    if ((at == 0 || allow[at - 1] == ' ') && (end == allow.size() || allow[end] == ','))
      return true;
    at = end;
  }
  return false;
}

void not_found(Visit& visit) {
  refuse(visit, {404, "not-found", "There is nothing at this address."});
}

// Runs `work` on a worker and `finish` on the loop with what it made, if the client is still there.
template <class Work, class Finish>
void on_worker(WorkerPool& workers, Visit& visit, Work work, Finish finish) {
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  const Status offered =
      workers.offer([&loop, id, work = std::move(work), finish = std::move(finish)] {
        auto made = std::make_shared<decltype(work())>(work());
        loop.post([&loop, id, made, finish] {
          http::Exchange* exchange = loop.find(id);
          if (exchange == nullptr || exchange->answered()) return;
          finish(*static_cast<Visit*>(exchange->user()), *made);
        });
      });
  if (!offered.ok())
    refuse(visit, {503, "overloaded", "The queue is full.", {}, {{"Retry-After", "1"}}});
}

}  // namespace

bool Control::is_admin(Visit& visit, ListenerKind kind) {
  if (kind == ListenerKind::admin_socket || kind == ListenerKind::admin) return true;
  if (kind != ListenerKind::admin_with_token) return false;
  const std::string_view said = visit.exchange->request().known(http::Known::authorization);
  bool good = false;
  for (const Secret& token : visit.tables->shared->admin_tokens) {
    good = equal_in_constant_time(said, "Bearer " + std::string(token.reveal())) || good;
  }
  return good;
}

void Control::answer(Visit& visit, ListenerKind kind) {
  const http::Request& request = visit.exchange->request();
  admin_ = is_admin(visit, kind);
  constexpr std::string_view root = "/_weir/";
  if (request.path.size() <= root.size()) return not_found(visit);
  const std::string_view below = request.path.substr(root.size());
  const std::size_t slash = below.find('/');
  const std::string_view name = below.substr(0, slash);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : below.substr(slash + 1);
  for (const ControlRow& endpoint : ControlRow::all()) {
    if (endpoint.name != name) continue;
    if (endpoint.who == ControlRow::Who::admin && !admin_) break;
    const bool has_secret = !visit.tables->shared->config.cache.webhook_secrets.empty() ||
                            !visit.tables->shared->config.hooks.empty();
    if (endpoint.who == ControlRow::Who::signed_ && !admin_ && !has_secret) break;
    if (!allows(endpoint.allow, request.method_text)) {
      return refuse(visit, {405,
                            "method-not-allowed",
                            "This endpoint takes other methods.",
                            {},
                            {{"Allow", std::string(endpoint.allow)}}});
    }
    return (this->*endpoint.run)(visit, rest);
  }
  not_found(visit);
}

void Control::healthz(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  respond(visit, plain(200, "ok\n"));
}

void Control::readyz(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  const bool draining = parts_.draining.load(std::memory_order_acquire);
  const auto release = parts_.cache.release();
  const bool ready = !draining && release != nullptr;
  std::string body = "{\"ready\":";
  body += ready ? "true" : "false";
  body += ",\"checks\":{\"release\":" +
          (release == nullptr ? std::string("null") : std::to_string(release->id()));
  body += draining ? ",\"draining\":true}" : ",\"draining\":false}";
  body += ",\"notes\":[";
  bool first = true;
  const auto add_note = [&](std::string_view note) {
    if (!first) body += ',';
    first = false;
    append_json_string(body, note);
  };
  for (const std::string& note : visit.tables->shared->notes) add_note(note);
  if (parts_.certificate_notes)
    for (const std::string& note : parts_.certificate_notes()) add_note(note);
  if (const std::string kept = parts_.kept(); !kept.empty())
    add_note("the old configuration is kept: " + kept);
  body += "]}";
  respond(visit, json(ready ? 200 : 503, std::move(body)));
}

void Control::problem(Visit& visit, std::string_view slug) {
  const ProblemText* found = find_problem(slug);
  if (found == nullptr) return not_found(visit);
  respond(visit, {200,
                  {{"Content-Type", "text/html; charset=utf-8"},
                   {"Cache-Control", "public, max-age=3600"}},
                  problem_page(*found)});
}

// What a POST to purge or revalidate waits for while its body comes in.
struct Control::Asked {
  enum class What : std::uint8_t { purge, revalidate, hook } what = What::purge;
  const HookSettings* hook = nullptr;
  bool is_signed = true;  // false on an admin listener
};

void Control::purge(Visit& visit, std::string_view rest) {
  const http::Request& request = visit.exchange->request();
  if (request.method == http::Method::get) {
    const auto seq = parse_u64(rest);
    if (!seq || !admin_) return not_found(visit);
    const std::uint64_t applied = parts_.cache.counters().purge_seq;
    if (*seq == 0 || *seq > applied) return not_found(visit);
    return respond(visit,
                   json(200, "{\"seq\":" + std::to_string(*seq) +
                                 ",\"durable\":true,\"nodes\":[{\"node\":\"self\",\"applied\":" +
                                 std::to_string(applied) + "}]}"));
  }
  if (!rest.empty()) return not_found(visit);
  if (!admin_ && visit.tables->shared->config.cache.webhook_secrets.empty())
    return not_found(visit);
  receive(visit, {Asked::What::purge, nullptr, !admin_});
}

void Control::revalidate(Visit& visit, std::string_view name) {
  if (name.empty()) {
    if (!admin_ && visit.tables->shared->config.cache.webhook_secrets.empty())
      return not_found(visit);
    return receive(visit, {Asked::What::revalidate, nullptr, !admin_});
  }
  for (const HookSettings& hook : visit.tables->shared->config.hooks) {
    if (hook.name == name) return receive(visit, {Asked::What::hook, &hook, !admin_});
  }
  not_found(visit);
}

void Control::receive(Visit& visit, Asked asked) {
  visit.exchange->read_body(limits::webhook_bytes_max, [this, asked](http::Exchange& exchange) {
    received(*static_cast<Visit*>(exchange.user()), asked);
  });
}

void Control::received(Visit& visit, const Asked& asked) {
  const http::Request& request = visit.exchange->request();
  const std::string_view body = visit.exchange->body();
  const WebhookHead head = webhook_head_of(request);
  if (asked.is_signed) {
    const std::vector<Secret>& secrets = asked.hook == nullptr
                                             ? visit.tables->shared->config.cache.webhook_secrets
                                             : asked.hook->secrets;
    const WebhookVerdict verdict =
        verify_webhook(head, body, secrets, visit.loop->clock.wall(),
                       visit.tables->shared->config.cache.webhook_skew_max);
    if (verdict == WebhookVerdict::malformed) {
      return refuse(visit, {400, "bad-request", "webhook-id or webhook-timestamp is malformed."});
    }
    if (verdict != WebhookVerdict::good) {
      parts_.log.warning("webhook-refused",
                         {{"reason", name_of(verdict)}, {"client", visit.client.text()}});
      return refuse(visit,
                    {401, "signature", "The signature, its time or its secret does not fit."});
    }
  }
  const bool own_form =
      asked.hook == nullptr || asked.hook->sender == "weir" || asked.hook->map.empty();
  const cache::Mode mode =
      asked.what == Asked::What::purge ? cache::Mode::soft : cache::Mode::refresh;
  Result<cache::PurgeRequest> purge =
      own_form ? parse_purge(body, mode) : map_payload(body, *asked.hook);
  if (!purge.ok()) {
    const std::string detail =
        purge.error().what + (purge.error().help.empty() ? "" : " (" + purge.error().help + ")");
    const bool is_large = purge.error().code == Errc::too_large;
    return refuse(visit, {is_large ? 413 : 400, is_large ? "too-large" : "bad-request", detail});
  }
  if (purge->id.empty() && !head.id.empty()) {
    purge->id =
        (asked.hook == nullptr ? std::string() : asked.hook->name) + ":" + std::string(head.id);
  }
  const bool asks =
      !purge->tags.empty() || !purge->paths.empty() || !purge->prefixes.empty() || purge->all;
  if (!asks) return respond(visit, json(200, "{\"matched_estimate\":0,\"durable\":true}"));
  run_purge(visit, std::move(purge).value());
}

void Control::run_purge(Visit& visit, cache::PurgeRequest request) {
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  const bool waits = request.wait == cache::Wait::fresh;
  const auto finish = [&loop, id, waits](const Result<cache::PurgeAnswer>& result) {
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
  if (!offered.ok())
    refuse(visit, {503, "overloaded", "The queue is full.", {}, {{"Retry-After", "1"}}});
}

void Control::metrics(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  MetricsSources sources;
  sources.engine = parts_.engine_counters();
  sources.loops = parts_.loop_counters();
  sources.cache = parts_.cache.counters();
  sources.store = parts_.store.counters();
  if (parts_.sync != nullptr) sources.sync = parts_.sync->counters();
  sources.key_ages = parts_.key_ages();
  if (parts_.upstreams) sources.upstreams = parts_.upstreams();
  if (parts_.certificates) sources.certificates = parts_.certificates();
  respond(visit, {200,
                  {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
                   {"Cache-Control", "no-store"}},
                  metrics_text(sources)});
}

void Control::entry(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  std::string path;
  for (const auto& pair : text::parse_query(visit.exchange->request().query, 16)) {
    if (pair.first == "url") path = pair.second;
  }
  if (const auto url = text::parse_url(path); url.ok() && url->has_authority)
    path = std::string(url->path);
  path = path.substr(0, path.find_first_of("?#"));
  path = text::percent_decode(path).value_or(path);
  if (path.empty() || path[0] != '/') {
    return refuse(visit, {400, "bad-request", "Ask with ?url=/path/ or a whole URL."});
  }
  cache::PageCache& cache = parts_.cache;
  on_worker(
      parts_.workers, visit, [&cache, path] { return cache.describe(path); },
      [](Visit& asked, const cache::EntryInfo& info) {
        text::Value out = text::Value::Object{};
        out.set("key", info.key);
        out.set("state", info.state);
        out.set("why", info.why);
        out.set("generation", info.generation);
        out.set("fill_seq", info.fill_seq);
        out.set("release", info.release);
        out.set("age", info.age_s);
        out.set("ttl", info.ttl_s ? text::Value(*info.ttl_s) : text::Value());
        out.set("next_try", info.next_try_s ? text::Value(*info.next_try_s) : text::Value());
        out.set("failures", static_cast<std::int64_t>(info.failures));
        out.set("last_error", info.last_error);
        out.set("tags", text::Value::Array(info.tags.begin(), info.tags.end()));
        out.set("codings", text::Value::Array(info.codings.begin(), info.codings.end()));
        out.set("bytes", static_cast<std::uint64_t>(info.body_bytes));
        out.set("in_memory", info.in_memory);
        respond(asked, json(info.state == "absent" ? 404 : 200, text::json_of(out)));
      });
}

// GET lists the releases that are kept. POST {"release":N} makes N the active one: how `weir build`
// hands over what it has written beside a running server (cache C-59). Durable and active before
// the answer.
void Control::release(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  if (visit.exchange->request().method == http::Method::get) {
    std::string body = "{\"active\":";
    const auto active = parts_.cache.release();
    body += active == nullptr ? "null" : std::to_string(active->id());
    body += ",\"releases\":[";
    bool first = true;
    for (const store::ReleaseId id : parts_.store.releases()) {
      body += (first ? "" : ",") + std::to_string(id);
      first = false;
    }
    return respond(visit, json(200, body + "]}"));
  }
  visit.exchange->read_body(limits::control_body_bytes_max, [this](http::Exchange& exchange) {
    Visit& asked = *static_cast<Visit*>(exchange.user());
    const auto body = text::parse_json(exchange.body());
    const text::Value* wanted = body.ok() ? body->find("release") : nullptr;
    const std::int64_t* number = wanted == nullptr ? nullptr : wanted->integer();
    if (number == nullptr || *number <= 0)
      return refuse(asked, {400, "bad-request", "The body must be {\"release\": NUMBER}."});
    const auto id = static_cast<store::ReleaseId>(*number);
    const ControlParts& parts = parts_;
    on_worker(
        parts.workers, asked,
        [&parts, id]() -> Status {
          TRY(parts.store.adopt_release(id));
          parts.cache.use_active_release();
          parts.log.info("release-activated", {{"release", id}});
          return done;
        },
        [id](Visit& waiting, const Status& adopted) {
          if (adopted.ok())
            return respond(waiting,
                           json(200, "{\"release\":" + std::to_string(id) + ",\"active\":true}"));
          const bool missing = adopted.error().code == Errc::missing;
          refuse(waiting, {missing ? 404 : 503, missing ? "not-found" : "storage-failed",
                           adopted.error().what});
        });
  });
}

// POST: reads the configuration file again (wire H-47). 422 and the old one stays when the new one
// is bad.
void Control::config(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  const ControlParts& parts = parts_;
  on_worker(
      parts.workers, visit, [&parts] { return parts.reload(); },
      [](Visit& asked, const Reloaded& reloaded) {
        if (!reloaded.reason.empty()) return refuse(asked, {422, "configuration", reloaded.reason});
        text::Value out = text::Value::Object{};
        out.set("reloaded", true);
        out.set("needs_upgrade",
                text::Value::Array(reloaded.needs_upgrade.begin(), reloaded.needs_upgrade.end()));
        respond(asked, json(200, text::json_of(out)));
      });
}

}  // namespace weir::edge
