#include "edge/hook_senders.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/signature.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace weir::edge {
namespace {

constexpr std::string_view hmac_key_prefix = "whsec_";
constexpr std::string_view public_key_prefix = "whpk_";
constexpr std::uint64_t latest_second = 1ULL << 40;  // far beyond any clock, far below overflow

// A field that a check rests on. Two lines of it are two messages, and nobody can say which one was
// signed.
struct Once {
  std::string_view value;
  bool is_there = false;
  bool is_twice = false;
};

Once find_once(const SignedMessage& message, std::string_view lower_name) {
  Once found;
  for (const http::Field& field : message.fields) {
    if (field.name != lower_name) continue;
    found.is_twice = found.is_there;
    found.is_there = true;
    found.value = field.value;
    if (found.is_twice) break;
  }
  return found;
}

// What a message claims, read by the rules of its sender.
struct Claim {
  WebhookVerdict verdict = WebhookVerdict::good;  // of the reading
  std::string what = {};
  Digest digest = Digest::sha256;
  std::string text = {};                     // that was signed
  std::vector<std::string> signatures = {};  // raw bytes; one that cannot be read is empty
  std::vector<std::string> by_public_key = {};
  std::optional<std::int64_t> sent_ms = {};
  std::string id = {};
};

Claim unreadable(WebhookVerdict verdict, std::string_view what) {
  Claim claim;
  claim.verdict = verdict;
  claim.what = what;
  return claim;
}

std::optional<std::int64_t> parse_time(std::string_view text, bool is_ms) {
  const auto number = parse_u64(text);
  const std::uint64_t scale = is_ms ? 1 : 1'000;
  if (!number || *number / (is_ms ? 1'000 : 1) > latest_second) return std::nullopt;
  return static_cast<std::int64_t>(*number * scale);
}

std::string decoded(std::string_view encoding, std::string_view text) {
  std::optional<std::string> bytes;
  if (encoding == "hex") bytes = parse_hex(text);
  else if (encoding == "base64") bytes = parse_base64(text);
  else bytes = parse_base64url(text);
  return bytes.value_or(std::string());
}

std::string joined(std::initializer_list<std::string_view> parts, char mark) {
  std::string text;
  const char* between = "";
  const char marks[] = {mark, 0};
  for (const std::string_view part : parts) {
    text += between;
    text += part;
    between = marks;
  }
  return text;
}

// --- the readers, one per way of signing ---------------------------------------------------------

Claim read_standard(const SignedMessage& message) {
  struct Names {
    std::string_view id, time, signature;
  };
  constexpr Names forms[] = {{"webhook-id", "webhook-timestamp", "webhook-signature"},
                             {"svix-id", "svix-timestamp", "svix-signature"}};
  const bool is_svix = !find_once(message, forms[0].signature).is_there;
  const Names& names = forms[is_svix ? 1 : 0];
  const Once id = find_once(message, names.id);
  const Once time = find_once(message, names.time);
  const Once signatures = find_once(message, names.signature);
  if (id.is_twice || time.is_twice || signatures.is_twice)
    return unreadable(WebhookVerdict::malformed,
                      "webhook-id, -timestamp or -signature is there twice");
  if (id.value.empty() || time.value.empty() || signatures.value.empty())
    return unreadable(WebhookVerdict::unsigned_, {});
  Claim claim;
  claim.sent_ms = parse_time(time.value, false);
  if (!claim.sent_ms || id.value.size() > limits::tag_bytes_max)
    return unreadable(WebhookVerdict::malformed, "webhook-id or webhook-timestamp is malformed");
  claim.id = id.value;
  claim.text = joined({id.value, time.value, message.body}, '.');
  std::string_view rest = signatures.value;
  std::size_t read = 0;
  while (!rest.empty() && read < limits::webhook_signatures_max) {
    const std::size_t blank = rest.find(' ');
    const std::string_view one = rest.substr(0, blank);
    rest = blank == std::string_view::npos ? std::string_view() : rest.substr(blank + 1);
    if (one.starts_with("v1,")) claim.signatures.push_back(decoded("base64", one.substr(3)));
    else if (one.starts_with("v1a,"))
      claim.by_public_key.push_back(decoded("base64", one.substr(4)));
    else continue;
    ++read;
  }
  return claim;
}

// "t=1633519811129,v1=...": Sanity (milliseconds, one base64url) and Stripe (seconds, several hex).
Claim read_keyed(const SignedMessage& message, std::string_view name, bool is_sanity) {
  const Once field = find_once(message, name);
  if (!field.is_there) return unreadable(WebhookVerdict::unsigned_, {});
  if (field.is_twice) return unreadable(WebhookVerdict::malformed, "the signature is there twice");
  Claim claim;
  std::string_view time;
  std::string_view rest = field.value;
  while (!rest.empty() && claim.signatures.size() < limits::webhook_signatures_max) {
    const std::size_t end = rest.find_first_of(is_sanity ? ", " : ",");
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (part.starts_with("t=")) {
      if (!time.empty())
        return unreadable(WebhookVerdict::malformed, "the signature tells two times");
      time = part.substr(2);
    } else if (part.starts_with("v1=")) {
      claim.signatures.push_back(decoded(is_sanity ? "base64url" : "hex", part.substr(3)));
      if (claim.id.empty()) claim.id = part.substr(3);
    }
  }
  claim.sent_ms = parse_time(time, is_sanity);
  if (!claim.sent_ms || claim.signatures.empty())
    return unreadable(WebhookVerdict::malformed, "the signature must be \"t=TIME,v1=SIGNATURE\"");
  claim.text = joined({time, message.body}, '.');
  return claim;
}

// encodeURI of ECMAScript: what it leaves alone.
void append_encoded_uri(std::string& out, std::string_view text) {
  constexpr std::string_view kept = "-_.!~*'();/?:@&=+$,#";
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        kept.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
}

// The query as node's querystring.escape writes it.
std::string escaped_query(std::string_view text) {
  constexpr std::string_view kept = "-_.!~*'()";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       kept.find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain) out += c;
    else out += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return out;
}

Claim read_contentful(const SignedMessage& message) {
  constexpr std::string_view list_name = "x-contentful-signed-headers";
  constexpr std::string_view time_name = "x-contentful-timestamp";
  const Once signature = find_once(message, "x-contentful-signature");
  const Once list = find_once(message, list_name);
  const Once time = find_once(message, time_name);
  if (!signature.is_there || !list.is_there || !time.is_there)
    return unreadable(WebhookVerdict::unsigned_, {});
  if (signature.is_twice || list.is_twice || time.is_twice)
    return unreadable(WebhookVerdict::malformed, "an x-contentful field is there twice");
  Claim claim;
  claim.sent_ms = parse_time(time.value, true);
  if (!claim.sent_ms)
    return unreadable(WebhookVerdict::malformed, "x-contentful-timestamp is malformed");
  // These two are always signed, named or not: otherwise the list itself could be cut short.
  std::vector<std::string> names{std::string(list_name), std::string(time_name)};
  std::string_view rest = list.value;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string name = lower_of(trim(rest.substr(0, comma)));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (name.empty() || !find_once(message, name).is_there) continue;
    if (find_once(message, name).is_twice)
      return unreadable(WebhookVerdict::malformed, "a signed header is there twice");
    names.push_back(std::move(name));
    if (names.size() > limits::signed_headers_max)
      return unreadable(WebhookVerdict::malformed, "too many signed headers");
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string all_names, headers;
  for (const std::string& name : names) all_names += (all_names.empty() ? "" : ",") + name;
  for (const std::string& name : names) {
    headers += (headers.empty() ? "" : ";") + name + ':';
    headers += name == list_name ? std::string_view(all_names) : find_once(message, name).value;
  }
  std::string path;
  append_encoded_uri(path, message.path);
  if (!message.query.empty()) {
    path += '?';
    append_encoded_uri(path, escaped_query(message.query));
  }
  claim.text = joined({message.method, path, headers, message.body}, '\n');
  claim.signatures.push_back(decoded("hex", signature.value));
  claim.id = signature.value;
  return claim;
}

// --- the template --------------------------------------------------------------------------------

// Calls `text` for what stands between placeholders and `hole` for each of them.
template <class Text, class Hole>
Status walk_template(std::string_view pattern, Text text, Hole hole) {
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    text(pattern.substr(0, open));
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', open);
    if (close == std::string_view::npos)
      return Error{Errc::invalid, "'{' without '}' in \"" + std::string(pattern) + "\""};
    const std::string_view name = pattern.substr(open + 1, close - open - 1);
    if (!hole(name))
      return Error{Errc::invalid, "\"{" + std::string(name) + "}\" is not known"}.with_help(
          "{body}, {timestamp}, {id}, {method}, {path} and {header:NAME} are");
    pattern = pattern.substr(close + 1);
  }
  return done;
}

Claim read_template(const SignedMessage& message, const HookSigning& signing) {
  const Once signature = find_once(message, signing.header);
  if (!signature.is_there) return unreadable(WebhookVerdict::unsigned_, {});
  if (signature.is_twice)
    return unreadable(WebhookVerdict::malformed, "the signature is there twice");
  Claim claim;
  Once time, id;
  if (!signing.timestamp_header.empty()) {
    time = find_once(message, signing.timestamp_header);
    if (!time.is_there) return unreadable(WebhookVerdict::unsigned_, {});
    claim.sent_ms = parse_time(time.value, signing.timestamp_unit == "ms");
    if (time.is_twice || !claim.sent_ms)
      return unreadable(WebhookVerdict::malformed, "the timestamp is malformed");
  }
  if (!signing.id_header.empty()) id = find_once(message, signing.id_header);
  if (id.is_twice || id.value.size() > limits::tag_bytes_max)
    return unreadable(WebhookVerdict::malformed, "the delivery's id is malformed");
  const auto put = [&claim](std::string_view text) { claim.text += text; };
  const auto fill = [&](std::string_view name) {
    constexpr std::string_view header = "header:";
    if (name == "body") put(message.body);
    else if (name == "timestamp") put(time.value);
    else if (name == "id") put(id.value);
    else if (name == "method") put(message.method);
    else if (name == "path") {
      put(message.path);
      if (!message.query.empty()) put("?" + std::string(message.query));
    } else if (name.starts_with(header)) {
      put(find_once(message, lower_of(name.substr(header.size()))).value);
    } else return false;
    return true;
  };
  if (!walk_template(signing.signed_text, put, fill))
    return unreadable(WebhookVerdict::malformed, "the hook's template is malformed");
  if (signing.algorithm == "sha1") claim.digest = Digest::sha1;
  if (signing.algorithm == "sha384") claim.digest = Digest::sha384;
  if (signing.algorithm == "sha512") claim.digest = Digest::sha512;
  if (signature.value.starts_with(signing.prefix))
    claim.signatures.push_back(
        decoded(signing.encoding, signature.value.substr(signing.prefix.size())));
  claim.id = id.value.empty() ? signature.value : id.value;
  return claim;
}

const HookSigning& github_signing() {
  static const HookSigning signing = [] {
    HookSigning made;
    made.header = "x-hub-signature-256";
    made.prefix = "sha256=";
    made.id_header = "x-github-delivery";
    return made;
  }();
  return signing;
}

bool is_standard(const HookSettings& hook) {
  return hook.sender == "standard" || hook.sender == "svix" || hook.sender == "weir" ||
         hook.sender == "gitlab";
}

Claim claim_of(const HookSettings& hook, const SignedMessage& message) {
  if (hook.sender == "github") return read_template(message, github_signing());
  if (hook.sender == "contentful") return read_contentful(message);
  if (hook.sender == "sanity") return read_keyed(message, "sanity-webhook-signature", true);
  if (hook.sender == "stripe") return read_keyed(message, "stripe-signature", false);
  if (hook.sender == "hmac") return read_template(message, hook.signing);
  return read_standard(message);
}

// `whsec_` means base64 where Standard Webhooks says so; anything else is used as it stands.
std::string key_of(const Secret& secret, bool standard) {
  const std::string_view text = secret.reveal();
  if (!standard || !text.starts_with(hmac_key_prefix)) return std::string(text);
  return parse_base64(text.substr(hmac_key_prefix.size())).value_or(std::string(text));
}

std::optional<SignatureKey> public_key_of(const Secret& secret) {
  const std::string_view text = secret.reveal();
  if (!text.starts_with(public_key_prefix)) return std::nullopt;
  const auto bytes = parse_base64(text.substr(public_key_prefix.size()));
  if (!bytes) return std::nullopt;
  auto key = SignatureKey::ed25519(*bytes, {});
  if (!key) return std::nullopt;
  return std::move(key).value();
}

// Every secret is compared with every signature, so that the time does not tell which one was near.
bool is_signed(const HookSettings& hook, const Claim& claim) {
  bool good = false;
  const bool standard = is_standard(hook);
  for (const Secret& secret : hook.secrets) {
    if (const auto key = standard ? public_key_of(secret) : std::nullopt) {
      for (const std::string& signature : claim.by_public_key)
        good = key->verify(SignatureAlgorithm::eddsa, claim.text, signature) || good;
      continue;
    }
    const std::string wanted = hmac_of(claim.digest, key_of(secret, standard), claim.text);
    for (const std::string& signature : claim.signatures)
      good = equal_in_constant_time(wanted, signature) || good;
  }
  return good;
}

// GitLab's old form proves only that the sender knows the secret.
std::optional<Verified> verify_legacy(const HookSettings& hook, const SignedMessage& message) {
  const Once token = find_once(message, "x-gitlab-token");
  if (!hook.legacy || !token.is_there || find_once(message, "webhook-signature").is_there)
    return std::nullopt;
  bool good = false;
  for (const Secret& secret : hook.secrets)
    good = equal_in_constant_time(secret.reveal(), token.value) || good;
  Once id = find_once(message, "idempotency-key");
  if (!id.is_there) id = find_once(message, "x-gitlab-event-uuid");
  if (token.is_twice || id.is_twice || id.value.size() > limits::tag_bytes_max)
    return Verified{WebhookVerdict::malformed, {}, "X-Gitlab-Token or the id is malformed"};
  if (!good) return Verified{WebhookVerdict::wrong_signature};
  if (!id.value.empty()) return Verified{WebhookVerdict::good, std::string(id.value)};
  return Verified{WebhookVerdict::good, hex_of(sha256_of(message.body))};
}

}  // namespace

std::string_view name_of(WebhookVerdict verdict) {
  constexpr std::string_view names[] = {"good", "unsigned", "malformed", "stale",
                                        "wrong-signature"};
  return names[static_cast<std::size_t>(verdict)];
}

Verified verify_webhook(const HookSettings& hook, const SignedMessage& message, Wall now) {
  if (hook.sender == "gitlab")
    if (auto legacy = verify_legacy(hook, message)) return std::move(*legacy);
  Claim claim = claim_of(hook, message);
  if (claim.verdict != WebhookVerdict::good) return {claim.verdict, {}, std::move(claim.what)};
  if (!is_signed(hook, claim)) return {WebhookVerdict::wrong_signature};
  if (claim.sent_ms) {
    const std::int64_t difference = now.ns / 1'000'000 - *claim.sent_ms;
    const std::int64_t window = hook.skew_max.count() / 1'000'000;
    if (difference > window || difference < -window) return {WebhookVerdict::stale};
  }
  return {WebhookVerdict::good, std::move(claim.id)};
}

bool is_ping(const HookSettings& hook, const SignedMessage& message) {
  return hook.sender == "github" && find_once(message, "x-github-event").value == "ping";
}

bool sends_own_form(const HookSettings& hook) {
  const bool writes_own = hook.sender == "standard" || hook.sender == "svix" ||
                          hook.sender == "hmac" || hook.sender == "weir";
  return hook.sender == "weir" || (writes_own && hook.map.empty() && hook.always.empty());
}

Status check_signing(const HookSigning& signing) {
  bool has_body = false;
  TRY(walk_template(
      signing.signed_text, [](std::string_view) {},
      [&](std::string_view name) {
        has_body = has_body || name == "body";
        return name == "body" || name == "timestamp" || name == "id" || name == "method" ||
               name == "path" || (name.starts_with("header:") && name.size() > 7);
      }));
  if (!has_body)
    return Error{Errc::invalid, "\"" + signing.signed_text + "\" does not cover {body}"};
  const bool tells_time = signing.signed_text.find("{timestamp}") != std::string::npos;
  if (!signing.timestamp_header.empty() && !tells_time)
    return Error{Errc::invalid, "a timestamp that is not signed proves nothing"}.with_help(
        "signed = \"{timestamp}.{body}\"");
  if (signing.timestamp_header.empty() && tells_time)
    return Error{Errc::invalid, "{timestamp} needs timestamp = \"NAME-OF-A-FIELD\""};
  return done;
}

Status check_secret(const HookSettings& hook, const Secret& secret) {
  const std::string_view text = secret.reveal();
  if (text.empty()) return done;  // said already where it was read
  if (hook.sender == "contentful") {
    const bool fits = text.size() == 64 && std::ranges::all_of(text, [](char c) {
                        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
                      });
    if (!fits)
      return Error{Errc::invalid,
                   "secret must be Contentful's 64 characters of 0-9a-zA-Z+/=_-, "
                   "these are " +
                       std::to_string(text.size())};
  }
  if (!is_standard(hook)) return done;
  if (text.starts_with(hmac_key_prefix) && !parse_base64(text.substr(hmac_key_prefix.size())))
    return Error{Errc::invalid, "secret begins with whsec_, so base64 must follow"};
  if (text.starts_with(public_key_prefix) && !public_key_of(secret))
    return Error{Errc::invalid,
                 "secret begins with whpk_, so base64 of an Ed25519 key must follow"};
  return done;
}

std::string webhook_signature_of(std::string_view id, std::string_view timestamp,
                                 std::string_view body, const Secret& secret) {
  return "v1," + base64_of(bytes_of(hmac_of(Digest::sha256, key_of(secret, true),
                                            joined({id, timestamp, body}, '.'))));
}

}  // namespace weir::edge
