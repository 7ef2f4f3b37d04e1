#include "edge/answer_describer.h"

#include "base/bytes.h"
#include "http/upstream_request.h"

#include <algorithm>

namespace weir::edge {
namespace {

// Fresh, stale or expired, and in words why.
struct State {
  std::string_view name;
  std::string why, next;
};

State state_of(const cache::Answer& answer, const cache::Judgement& judgement, cache::Purged purged,
               const std::string& purge_reason) {
  using cache::Reuse;
  if (purged == cache::Purged::hard)
    return {"expired", purge_reason, "the server is asked, and the client waits"};
  if (purged == cache::Purged::soft && !answer.policy.never_stale)
    return {"stale", purge_reason, "this copy, and the server is asked behind it"};
  switch (judgement.reuse) {
    case Reuse::fresh:
      if (purged == cache::Purged::soft)
        return {"expired", purge_reason, "the server is asked, and the client waits"};
      return {"fresh", {}, "this copy"};
    case Reuse::stale: return {"stale", "ttl", "this copy, and the server is asked behind it"};
    case Reuse::validate:
      return {"expired", answer.policy.must_validate ? "no-cache" : "ttl",
              judgement.sie_allowed ? "the server is asked; this copy when it fails"
                                    : "the server is asked, and the client waits"};
    default:
      return {"expired", answer.policy.must_validate ? "no-cache" : "ttl",
              "the server is asked; an error when it fails, as must-revalidate says"};
  }
}

}  // namespace

text::Value AnswerDescriber::describe(const cache::Answer& answer) {
  const cache::Judgement judgement = cache::judge(answer.policy, {answer.profile, false, false, {}},
                                                  clock_.mono() - answer.received);
  const State state = state_of(answer, judgement, answers_.purged(answer),
                               answers_.tags().reason(answer.path, answer.tags, answer.fill_seq));
  text::Value out = text::Value::Object{};
  out.set("state", std::string(state.name));
  out.set("why", state.why);
  out.set("next", state.next);
  out.set("status", static_cast<std::int64_t>(answer.status));
  out.set("vary", text::Value::Array(answer.vary.begin(), answer.vary.end()));
  out.set("selection", answer.selection);
  out.set("profile", answer.profile == cache::Profile::guarded ? "guarded" : "rfc9111");
  out.set("age", judgement.age_s);
  out.set("ttl", judgement.ttl_s);
  out.set("lifetime", answer.policy.lifetime_s);
  out.set("swr", answer.policy.swr_s);
  out.set("sie", answer.policy.sie_s);
  out.set("etag", answer.etag);
  out.set("generation", answer.generation);
  out.set("fill_seq", answer.fill_seq);
  out.set("tags", text::Value::Array(answer.tags.begin(), answer.tags.end()));
  text::Value::Array codings;
  for (std::size_t i = 0; i < store::rendition_count; ++i) {
    const auto rendition = static_cast<store::Rendition>(i);
    if (answer.find(rendition) != nullptr)
      codings.emplace_back(std::string(store::name_of(rendition)));
  }
  out.set("codings", std::move(codings));
  out.set("bytes", static_cast<std::uint64_t>(answer.body->size()));
  return out;
}

std::optional<text::Value> AnswerDescriber::describe(const EntryAsk& ask) {
  if (ask.route.proxy == nullptr) return std::nullopt;
  text::Value out = text::Value::Object{};
  if (!ask.route.proxy->cache) {
    out.set("state", "absent");
    out.set("why", "");
    out.set("next", "the server is asked: the route keeps no answers (it has no `cache`)");
    return out;
  }
  const bool is_guarded = ask.route.proxy->cache->profile == cache::Profile::guarded;
  text::Value::Array variants;
  std::string key;
  for (const std::string_view scheme : {"https://", "http://"}) {
    std::string base = std::string(scheme) + lower_of(ask.host);
    http::append_encoded_path(base, ask.path);
    key = answers_.key_of(base, is_guarded ? cache::guarded_query(ask.query) : ask.query);
    for (const auto& answer : answers_.variants(key)) variants.push_back(describe(*answer));
    if (!variants.empty()) break;
  }
  out.set("key", key);
  if (variants.empty()) {
    out.set("state", "absent");
    out.set("why", "");
    out.set("next", "the server is asked");
    return out;
  }
  for (const std::string_view name : {"state", "why", "next"})
    out.set(std::string(name), *variants.front().find(name));
  out.set("variants", std::move(variants));
  return out;
}

}  // namespace weir::edge
