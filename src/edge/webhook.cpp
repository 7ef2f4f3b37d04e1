#include "edge/webhook.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "text/json.h"

namespace weir::edge {
namespace {

std::string_view first_of(const http::Request& request, std::string_view name,
                          std::string_view other_name) {
  if (const http::Field* field = request.find(name)) return field->value;
  const http::Field* field = request.find(other_name);
  return field == nullptr ? std::string_view() : field->value;
}

// `whsec_` means base64; anything else is used as it stands.
std::string key_of(const Secret& secret) {
  constexpr std::string_view prefix = "whsec_";
  const std::string_view text = secret.reveal();
  if (text.substr(0, prefix.size()) != prefix) return std::string(text);
  return parse_base64(text.substr(prefix.size())).value_or(std::string(text));
}

std::string signed_text(std::string_view id, std::string_view timestamp, std::string_view body) {
  std::string text(id);
  text += '.';
  text += timestamp;
  text += '.';
  text += body;
  return text;
}

}  // namespace

WebhookHead webhook_head_of(const http::Request& request) {
  return {first_of(request, "webhook-id", "svix-id"),
          first_of(request, "webhook-timestamp", "svix-timestamp"),
          first_of(request, "webhook-signature", "svix-signature")};
}

std::string_view name_of(WebhookVerdict verdict) {
  constexpr std::string_view names[] = {"good", "unsigned", "malformed", "stale",
                                        "wrong-signature"};
  return names[static_cast<std::size_t>(verdict)];
}

WebhookVerdict verify_webhook(const WebhookHead& head, std::string_view body,
                              std::span<const Secret> secrets, Wall now, Nanos skew_max) {
  if (head.id.empty() || head.timestamp.empty() || head.signatures.empty())
    return WebhookVerdict::unsigned_;
  const auto sent = parse_u64(head.timestamp);
  if (!sent || *sent > 1ULL << 40 || head.id.size() > limits::tag_bytes_max)
    return WebhookVerdict::malformed;
  const std::string text = signed_text(head.id, head.timestamp, body);
  // Every secret is compared with every signature, so that the time does not tell which one was
  // near.
  bool good = false;
  std::size_t tried = 0;
  std::string_view rest = head.signatures;
  while (!rest.empty() && tried < limits::webhook_signatures_max) {
    const std::size_t blank = rest.find(' ');
    const std::string_view one = rest.substr(0, blank);
    rest = blank == std::string_view::npos ? std::string_view() : rest.substr(blank + 1);
    if (one.substr(0, 3) != "v1,") continue;
    ++tried;
    const std::string claimed = parse_base64(one.substr(3)).value_or(std::string());
    for (const Secret& secret : secrets) {
      const std::string wanted = hmac_of(Digest::sha256, key_of(secret), text);
      good = equal_in_constant_time(wanted, claimed) || good;
    }
  }
  if (!good) return WebhookVerdict::wrong_signature;
  const std::int64_t difference = now.seconds() - static_cast<std::int64_t>(*sent);
  const std::int64_t window = skew_max.count() / 1'000'000'000;
  if (difference > window || difference < -window) return WebhookVerdict::stale;
  return WebhookVerdict::good;
}

std::string webhook_signature_of(std::string_view id, std::string_view timestamp,
                                 std::string_view body, const Secret& secret) {
  return "v1," + base64_of(bytes_of(
                     hmac_of(Digest::sha256, key_of(secret), signed_text(id, timestamp, body))));
}

namespace {

Error member_error(std::string_view name, std::string_view expected) {
  return Error{Errc::invalid, "\"" + std::string(name) + "\" must be " + std::string(expected)};
}

Status read_strings(const text::Member& member, std::vector<std::string>& into) {
  const text::Value::Array* items = member.value.array();
  if (items == nullptr) return member_error(member.name, "a list of strings");
  for (const text::Value& item : *items) {
    const std::string* text = item.string();
    if (text == nullptr) return member_error(member.name, "a list of strings");
    into.push_back(*text);
  }
  return done;
}

Result<std::string> string_of(const text::Member& member) {
  const std::string* text = member.value.string();
  if (text == nullptr) return member_error(member.name, "a string");
  return *text;
}

Status read_member(const text::Member& member, cache::PurgeRequest& purge) {
  constexpr std::string_view known[] = {"tags", "paths", "prefix", "all",
                                        "mode", "wait",  "id",     "host"};
  if (member.name == "tags") return read_strings(member, purge.tags);
  if (member.name == "paths") return read_strings(member, purge.paths);
  if (member.name == "prefix") return read_strings(member, purge.prefixes);
  if (member.name == "all") {
    if (member.value.boolean() == nullptr) return member_error(member.name, "true or false");
    purge.all = *member.value.boolean();
  } else if (member.name == "mode") {
    const std::string mode = TRY(string_of(member));
    purge.mode = TRY(cache::parse_mode(mode));
  } else if (member.name == "wait") {
    const std::string wait = TRY(string_of(member));
    purge.wait = TRY(cache::parse_wait(wait));
  } else if (member.name == "id") {
    purge.id = TRY(string_of(member));
  } else if (member.name == "host") {
    const std::string host = TRY(string_of(member));
    if (!host.empty())
      return Error{Errc::invalid, "\"host\" is not available yet: a store holds one site"};
  } else {
    const std::string near = nearest_of(member.name, known);
    return Error{Errc::invalid, "unknown member \"" + member.name + "\""}.with_help(
        near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
  return done;
}

// "data.slug" -> the member `slug` of the member `data`.
const text::Value* find_dotted(const text::Value& root, std::string_view dotted) {
  const text::Value* at = &root;
  while (at != nullptr && !dotted.empty()) {
    const std::size_t dot = dotted.find('.');
    at = at->find(dotted.substr(0, dot));
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
  }
  return at;
}

void add_mapped(const text::Value& value, std::string_view target, cache::PurgeRequest& purge) {
  if (const text::Value::Array* items = value.array()) {
    for (const text::Value& item : *items) {
      if (!item.is_array()) add_mapped(item, target, purge);
    }
    return;
  }
  std::string word;
  if (const std::string* text = value.string()) word = *text;
  if (const std::int64_t* number = value.integer()) word = std::to_string(*number);
  if (word.empty()) return;
  const bool is_path = target.rfind("path:", 0) == 0;
  std::string out(target.substr(target.find(':') + 1));
  const std::size_t hole = out.find("{}");
  if (hole != std::string::npos) out.replace(hole, 2, word);
  (is_path ? purge.paths : purge.tags).push_back(std::move(out));
}

}  // namespace

Result<cache::PurgeRequest> parse_purge(std::string_view body, cache::Mode standard_mode) {
  const text::Value root = TRY(text::parse_json(
      body, {limits::json_depth_max, text::Duplicates::refuse, limits::webhook_bytes_max}));
  if (!root.is_object()) return Error{Errc::invalid, "the body must be a JSON object"};
  cache::PurgeRequest purge;
  purge.mode = standard_mode;
  for (const text::Member& member : *root.object()) TRY(read_member(member, purge));
  TRY(cache::check_purge(purge));
  return purge;
}

Result<cache::PurgeRequest> map_payload(std::string_view body, const HookSettings& hook) {
  const text::Value root = TRY(text::parse_json(
      body, {limits::json_depth_max, text::Duplicates::refuse, limits::webhook_bytes_max}));
  cache::PurgeRequest purge;
  purge.mode = cache::Mode::refresh;
  for (const auto& row : hook.map) {
    if (const text::Value* found = find_dotted(root, row.first))
      add_mapped(*found, row.second, purge);
  }
  const bool asks = !purge.tags.empty() || !purge.paths.empty();
  if (asks) TRY(cache::check_purge(purge));
  return purge;
}

}  // namespace weir::edge
