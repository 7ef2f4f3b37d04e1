#include "edge/config_hooks.h"

#include "edge/hook_senders.h"

#include "base/bytes.h"
#include "text/url.h"

namespace weir::edge {
namespace {

constexpr std::string_view targets_are = "\"path:...\", \"prefix:...\", \"tag:...\" or \"all\"";

bool is_target(std::string_view text) {
  return text == "all" || text.starts_with("path:/") || text.starts_with("prefix:/") ||
         (text.starts_with("tag:") && text.size() > 4);
}

// What a map's row may say has a hole for the value: "path:{}" too.
bool is_mapped_target(std::string_view text) {
  return is_target(text) || text.starts_with("path:{}") || text.starts_with("prefix:{}");
}

void read_map(Table& table, HookSettings& hook) {
  const text::Value* map = table.find("map");
  if (map == nullptr) return;
  if (!map->is_object())
    return table.error(map, table.label("map") + " must be a table, a field for each target");
  for (const text::Member& member : *map->object()) {
    const text::Value::Array* items = member.value.array();
    const auto take = [&](const text::Value& value) {
      const std::string* target = value.string();
      if (target == nullptr || !is_mapped_target(*target))
        return table.error(&value, table.label("map") + "." + member.name + " must be " +
                                       std::string(targets_are));
      hook.map.emplace_back(member.name, *target);
    };
    if (items == nullptr) {
      take(member.value);
    } else {
      for (const text::Value& item : *items) take(item);
    }
  }
}

void read_always(Table& table, HookSettings& hook) {
  table.read("always", hook.always);
  for (const std::string& target : hook.always) {
    if (is_target(target)) continue;
    table.error(table.find("always"), table.label("always") + " must be a list of " +
                                          std::string(targets_are) + ", not \"" + target + "\"");
  }
  if (hook.map.size() + hook.always.size() > limits::hook_targets_max)
    table.error(table.value(), table.label("map") + " and always name more than " +
                                   std::to_string(limits::hook_targets_max) + " targets");
}

void read_signing(Table table, HookSigning& signing) {
  if (table.value() == nullptr)
    return table.error(table.value(), table.name() + " is missing: how does the sender sign?",
                       "signature = { header = \"X-Signature\", encoding = \"hex\", signed = "
                       "\"{body}\" }");
  table.read("header", signing.header);
  table.read("prefix", signing.prefix);
  table.read_choice("algorithm", signing.algorithm, {"sha256", "sha384", "sha512", "sha1"});
  table.read_choice("encoding", signing.encoding, {"hex", "base64", "base64url"});
  table.read("signed", signing.signed_text);
  table.read("timestamp", signing.timestamp_header);
  table.read_choice("unit", signing.timestamp_unit, {"s", "ms"});
  table.read("id", signing.id_header);
  table.finish();
  for (std::string* name : {&signing.header, &signing.timestamp_header, &signing.id_header})
    *name = lower_of(*name);
  if (signing.header.empty())
    table.error(table.value(), table.label("header") + " must name the field of the signature");
  if (const Status good = check_signing(signing); !good.ok())
    table.error(table.value(), table.label("signed") + ": " + good.error().what, good.error().help);
}

void read_rate(Table& table, guard::Rate& rate) {
  std::string text;
  table.read("rate", text);
  if (text.empty()) return;
  if (const auto parsed = guard::parse_rate(text); parsed.ok()) rate = *parsed;
  else table.error(table.find("rate"), table.label("rate") + ": " + parsed.error().what);
}

}  // namespace

void read_own_hook(Table table, HookSettings& hook) {
  hook.sender = "weir";
  hook.place = table.place();
  table.read_secrets("secret", hook.secrets);
  table.read("max_skew", hook.skew_max);
  read_rate(table, hook.rate);
  table.finish();
}

void read_hook(std::string_view name, Table& table, Config& config) {
  HookSettings hook;
  hook.name = std::string(name);
  hook.place = table.place();
  table.read_choice(
      "sender", hook.sender,
      {"standard", "svix", "github", "gitlab", "contentful", "sanity", "stripe", "hmac", "weir"});
  table.read_secrets("secret", hook.secrets);
  table.read("legacy", hook.legacy);
  table.read("max_skew", hook.skew_max);
  read_rate(table, hook.rate);
  table.read_choice("mode", hook.mode, {"soft", "refresh", "hard"});
  read_map(table, hook);
  read_always(table, hook);
  if (hook.sender == "hmac") read_signing(table.table("signature"), hook.signing);
  table.finish();

  const std::string label = "[hook." + hook.name + "]";
  if (hook.secrets.empty()) table.error(table.value(), label + " needs a secret");
  if (hook.legacy && hook.sender != "gitlab")
    table.error(table.find("legacy"), label + " legacy is for sender = \"gitlab\" alone");
  if (!sends_own_form(hook) && hook.map.empty() && hook.always.empty())
    table.error(table.value(), label + " needs a map or always: what does a delivery make stale?",
                "always = [\"tag:posts\"], or map = { \"data.slug\" = \"path:/blog/{}/\" }");
  for (const Secret& secret : hook.secrets) {
    if (const Status good = check_secret(hook, secret); !good.ok())
      table.error(table.find("secret"), label + " " + good.error().what, good.error().help);
  }
  config.hooks.push_back(std::move(hook));
}

void read_peers(Table& table, CacheSettings& cache) {
  table.read("peers", cache.peers);
  table.read_secrets("peer_secret", cache.peer_secrets);
  table.read("max_lag", cache.max_lag);
  table.read("strict_lag", cache.strict_lag);
  std::string lease = "local";
  table.read_choice("lease", lease, {"local", "shared"});
  cache.shares_fills = lease == "shared";
  for (const std::string& peer : cache.peers) {
    const auto url = text::parse_http_url(peer);
    if (url.ok() && (url->path.empty() || url->path == "/") && !url->query && !url->fragment)
      continue;
    table.error(table.find("peers"),
                table.label("peers") +
                    " must be addresses such as \"http://10.0.0.2:8080\", not \"" + peer + "\"");
  }
  if (cache.peers.size() > limits::peers_max)
    table.error(table.find("peers"),
                table.label("peers") + " are more than " + std::to_string(limits::peers_max));
  if (!cache.peers.empty() && cache.peer_secrets.empty())
    table.error(table.find("peers"), table.label("peers") + " need a secret that all nodes share",
                "peer_secret = { file = \"secrets/peers\" }");
  if (cache.shares_fills && cache.peers.empty())
    table.error(table.find("lease"),
                table.label("lease") + " = \"shared\" needs the other nodes in peers",
                "peers = [\"http://10.0.0.2:8080\"]");
  if (cache.max_lag < limits::max_lag_least)
    table.error(table.find("max_lag"), table.label("max_lag") + " must be at least 2s");
}

}  // namespace weir::edge
