#include "edge/control.h"

#include "base/crypto.h"
#include "base/text_escape.h"
#include "cache/dictionary.h"
#include "edge/control_answers.h"
#include "edge/metrics.h"
#include "edge/tables.h"
#include "http/negotiate.h"
#include "text/json.h"

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
      {"dictionary", "GET, HEAD", Who::everybody, &Control::dictionary},
      {"purge", "POST, GET", Who::signed_, &Control::purge},
      {"purges", "GET", Who::everybody, &Control::purges},
      {"fill", "POST", Who::everybody, &Control::fill},
      {"revalidate", "POST", Who::signed_, &Control::revalidate},
      {"deliveries", "GET, HEAD", Who::admin, &Control::deliveries},
      {"metrics", "GET, HEAD", Who::admin, &Control::metrics},
      {"entry", "GET, HEAD", Who::admin, &Control::entry},
      {"releases", "POST, GET", Who::admin, &Control::release},
      {"config", "POST", Who::admin, &Control::config},
  };
  return endpoints;
}

namespace {

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
    const bool has_secret = !visit.tables->shared->config.own_hook.secrets.empty() ||
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

// The layout that pages are sent as a difference to (RFC 9842). A name says what the bytes are, so
// they are good for ever; after the next release nobody asks for them.
void Control::dictionary(Visit& visit, std::string_view name) {
  const auto found = parts_.cache.dictionary();
  if (found == nullptr || found->name() != name) return not_found(visit);
  const http::Request& request = visit.exchange->request();
  const auto weights = request.use_list(http::Known::accept_encoding, http::parse_accept_encoding);
  http::Response response;
  response.fields = {{"Content-Type", "application/octet-stream"},
                     {"Cache-Control", "public, max-age=31536000, immutable"},
                     {"Vary", "Accept-Encoding"},
                     {"Use-As-Dictionary", "match=\"/*\", id=\"layout-" + found->name() + '"'}};
  if (weights.zstd > 0) {
    response.fields.emplace_back("Content-Encoding", "zstd");
    response.body = found->zstd();
  } else {
    response.body = found->bytes();
  }
  respond(visit, std::move(response));
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
  if (parts_.answers != nullptr) sources.answers = parts_.answers->counters();
  if (parts_.lease != nullptr) sources.lease = parts_.lease->row();
  if (parts_.answer_disk != nullptr)
    sources.answers_not_admitted = parts_.answer_disk->not_admitted();
  if (parts_.answer_polisher != nullptr)
    sources.answers_polished = parts_.answer_polisher->counters();
  if (parts_.peers) sources.peers = parts_.peers();
  if (parts_.upstreams) sources.upstreams = parts_.upstreams();
  if (parts_.certificates) sources.certificates = parts_.certificates();
  respond(visit, {200,
                  {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
                   {"Cache-Control", "no-store"}},
                  metrics_text(sources)});
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
