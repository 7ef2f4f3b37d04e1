// Control's side of what nodes tell each other: the purges that were asked for here, and who has
// applied them.

#include "edge/control.h"

#include "edge/control_answers.h"
#include "edge/purge_wire.h"
#include "edge/tables.h"
#include "text/json.h"
#include "text/url.h"

#include <algorithm>

namespace weir::edge {

// GET /_weir/purge/{seq}: {"seq", "durable", "nodes": [{"node", "applied", "has_it", "silent"}]}.
// `applied` of another node is a number of ours: up to where it has recorded what we purged.
void Control::describe_purge(Visit& visit, std::uint64_t seq) {
  const ControlParts& parts = parts_;
  const Mono now = visit.loop->clock.mono();
  on_worker(
      parts.workers, visit,
      [&parts, seq, now]() -> Result<std::string> {
        TRY(parts.store.sync());
        text::Value::Array nodes;
        text::Value self = text::Value::Object{};
        self.set("node", "self");
        self.set("name", parts.store.node());
        self.set("applied", parts.cache.counters().purge_seq);
        self.set("has_it", true);
        nodes.push_back(std::move(self));
        for (const PurgeFeed::Reader& reader : parts.purge_feed.readers()) {
          text::Value row = text::Value::Object{};
          row.set("node", reader.node);
          row.set("applied", reader.applied);
          row.set("has_it", reader.applied >= std::min(seq, parts.store.own_purge_seq()));
          row.set("silent_ms", (now - reader.seen).count() / 1'000'000);
          nodes.push_back(std::move(row));
        }
        text::Value out = text::Value::Object{};
        out.set("seq", seq);
        out.set("durable", true);
        out.set("nodes", std::move(nodes));
        return text::json_of(out);
      },
      [](Visit& asked, const Result<std::string>& body) {
        if (body.ok()) return respond(asked, json(200, *body));
        refuse(asked, {503, "storage-failed", "The purge could not be synced."});
      });
}

void Control::purges(Visit& visit, std::string_view rest) {
  const http::Request& request = visit.exchange->request();
  const std::vector<Secret>& secrets = visit.tables->shared->config.cache.peer_secrets;
  if (!rest.empty() || (secrets.empty() && !admin_)) return not_found(visit);
  const http::Field* const id = request.find("webhook-id");
  if (!admin_ &&
      (id == nullptr || !is_signed_by_peer(request.fields, "GET " + std::string(request.target),
                                           secrets, visit.loop->clock.wall()))) {
    parts_.log.warning("peer-refused", {{"client", visit.client.text()}});
    return refuse(visit, {401, "signature", "The signature, its time or its secret does not fit."});
  }
  std::uint64_t after = 0;
  std::uint64_t wait_s = 0;
  std::string node;
  for (const auto& pair : text::parse_query(request.query, 16)) {
    if (pair.first == "node") node = pair.second;
    if (pair.first != "after" && pair.first != "wait") continue;
    const auto number = parse_u64(pair.second);
    if (!number) return refuse(visit, {400, "bad-request", "after and wait must be numbers."});
    (pair.first == "after" ? after : wait_s) = *number;
  }
  const Mono now = visit.loop->clock.mono();
  if (node.size() == 32 && node != parts_.store.node()) parts_.purge_feed.note(node, after, now);
  std::string name = id == nullptr ? std::string() : std::string(id->value);
  const Nanos wait = std::min<Nanos>(std::chrono::seconds(std::min<std::uint64_t>(wait_s, 3'600)),
                                     limits::purge_poll_max);
  const bool has_news = parts_.store.own_purge_seq() != after;
  if (has_news || wait.count() == 0) return send_purges(visit, after, std::move(name));
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId exchange_id = visit.exchange->id();
  const auto resume = [this, &loop, exchange_id, after, name] {
    loop.post([this, &loop, exchange_id, after, name] {
      http::Exchange* exchange = loop.find(exchange_id);
      if (exchange == nullptr || exchange->answered()) return;
      send_purges(*static_cast<Visit*>(exchange->user()), after, name);
    });
  };
  if (!parts_.purge_feed.wait(now + wait, resume))
    return send_purges(visit, after, std::move(name));
  // A purge between the look and the wait has woken nobody.
  if (parts_.store.own_purge_seq() != after) parts_.purge_feed.wake();
}

// What is told is on disk first: a number that a crash takes back would be given twice.
void Control::send_purges(Visit& visit, std::uint64_t after, std::string id) {
  const ControlParts& parts = parts_;
  const std::vector<Secret>& secrets = visit.tables->shared->config.cache.peer_secrets;
  const Secret secret = secrets.empty() ? Secret() : secrets.front();
  const Wall now = visit.loop->clock.wall();
  on_worker(
      parts.workers, visit,
      [&parts, after, id = std::move(id), secret, now]() -> Result<http::Response> {
        PurgePage page{parts.store.node(), parts.cache.own_purges()};
        TRY(parts.store.sync());
        const std::uint64_t behind = after > page.purges.seq ? 0 : after;
        page.refreshes = parts.purge_feed.refreshes_behind(behind, page.purges.seq);
        http::Response response = json(200, encode_purges(page, behind));
        if (!id.empty() && !secret.is_empty())
          for (auto& field : signed_fields(id, now, response.body, secret))
            response.fields.push_back(std::move(field));
        return response;
      },
      [](Visit& asked, const Result<http::Response>& made) {
        if (!made.ok())
          return refuse(asked, {503, "storage-failed", "The purges could not be synced."});
        http::Response response = *made;
        respond(asked, std::move(response));
      });
}

}  // namespace weir::edge
