#include "guard/jwt.h"

#include "base/bytes.h"
#include "base/must.h"
#include "text/json.h"

#include <algorithm>
#include <cmath>

namespace weir::guard {
namespace {

constexpr text::JsonOptions token_json{.depth_max = limits::token_depth_max,
                                       .duplicates = text::Duplicates::refuse,
                                       .bytes_max = limits::token_bytes_max};

struct Parts {
  TokenReason reason = TokenReason::good;
  std::string_view header, payload, signature;
};

// RFC 7515 section 7.1: three parts between two dots. Five are a JWE (RFC 7516 section 7.1).
Parts parts_of(std::string_view token) {
  if (token.size() > limits::token_bytes_max) return {TokenReason::too_large, {}, {}, {}};
  const auto dots = std::ranges::count(token, '.');
  if (dots == 4) return {TokenReason::encrypted, {}, {}, {}};
  if (dots != 2) return {TokenReason::form, {}, {}, {}};
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  return {TokenReason::good, token.substr(0, first), token.substr(first + 1, second - first - 1),
          token.substr(second + 1)};
}

// The header's members by RFC 7515 section 4.1. jwk, jku, x5u and x5c are never looked at (RFC
// 8725, 3.10).
TokenReason read_members(const text::Value& header, std::span<const SignatureAlgorithm> allowed,
                         JoseHeader& jose) {
  if (!header.is_object()) return TokenReason::header;
  const text::Value* algorithm = nullptr;
  for (const text::Member& member : *header.object()) {
    const std::string* value = member.value.string();
    if (member.name == "alg") {
      algorithm = &member.value;
    } else if (member.name == "crit" || member.name == "b64" || member.name == "zip") {
      return TokenReason::critical;
    } else if (member.name == "enc") {
      return TokenReason::encrypted;
    } else if (member.name == "cty") {
      if (value == nullptr) return TokenReason::header;
      if (equals_ignoring_case(*value, "JWT")) return TokenReason::encrypted;
    } else if (member.name == "typ") {
      if (value == nullptr) return TokenReason::header;
      jose.type = *value;
    } else if (member.name == "kid") {
      if (value == nullptr || value->size() > limits::token_kid_bytes_max)
        return TokenReason::header;
      jose.kid = *value;
    }
  }
  if (algorithm == nullptr || algorithm->string() == nullptr) return TokenReason::header;
  const auto known = parse_signature_algorithm(*algorithm->string());
  if (!known || std::ranges::find(allowed, *known) == allowed.end()) return TokenReason::algorithm;
  jose.algorithm = *known;
  return TokenReason::good;
}

struct HeaderOutcome {
  TokenReason reason;
  std::shared_ptr<const JoseHeader> header = nullptr;
};
HeaderOutcome read_header(std::string_view text, std::span<const SignatureAlgorithm> allowed) {
  const auto decoded = parse_base64url(text);
  if (!decoded) return {TokenReason::form};
  const auto document = text::parse_json(*decoded, token_json);
  if (!document.ok()) return {TokenReason::header};
  auto header = std::make_shared<JoseHeader>();
  const TokenReason reason = read_members(*document, allowed, *header);
  if (reason != TokenReason::good) return {reason};
  header->text = text;
  return {reason, std::move(header)};
}

TokenReason reason_of(Jwks::Found found) {
  switch (found) {
    case Jwks::Found::one: return TokenReason::good;
    case Jwks::Found::unknown_kid: return TokenReason::kid_unknown;
    case Jwks::Found::ambiguous: return TokenReason::key_ambiguous;
    case Jwks::Found::mismatch: return TokenReason::key_mismatch;
  }
  return TokenReason::key_mismatch;
}

// RFC 7519 NumericDate, as whole seconds. Absent is fine; anything but a number in 0..2^53 is not.
struct NumericDate {
  bool good = true;
  std::optional<std::int64_t> seconds;
};
NumericDate date_of(const text::Value& claims, std::string_view name) {
  constexpr std::int64_t seconds_max = std::int64_t{1} << 53;
  const text::Value* value = claims.find(name);
  if (value == nullptr) return {};
  if (const std::int64_t* whole = value->integer())
    return {*whole >= 0 && *whole <= seconds_max, *whole};
  if (const double* real = value->real())
    if (std::isfinite(*real) && *real >= 0 && *real <= static_cast<double>(seconds_max))
      return {true, static_cast<std::int64_t>(std::floor(*real))};
  return {false, std::nullopt};
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Of a claim that goes into a header: strings and numbers as they are, arrays of them joined by
// blanks.
std::string header_text_of(const text::Value& value) {
  if (value.string() != nullptr) return *value.string();
  if (const auto* items = value.array()) {
    std::string joined;
    for (const text::Value& item : *items) {
      if (!joined.empty()) joined += ' ';
      joined += header_text_of(item);
    }
    return joined;
  }
  return value.is_null() || value.is_object() ? "" : text::json_of(value);
}

// True when `aud` names one of the audiences; nullopt when it is of the wrong kind.
std::optional<bool> names_audience(const text::Value* aud,
                                   const std::vector<std::string>& audiences) {
  if (aud == nullptr) return false;
  const auto is_ours = [&](const std::string& name) {
    return std::ranges::find(audiences, name) != audiences.end();
  };
  if (aud->string() != nullptr) return is_ours(*aud->string());
  if (aud->array() == nullptr) return std::nullopt;
  bool found = false;
  for (const text::Value& item : *aud->array()) {
    if (item.string() == nullptr) return std::nullopt;
    found = found || is_ours(*item.string());
  }
  return found;
}

// A string claim: absent is null, of another kind is an error.
struct TextClaim {
  bool good = true;
  const std::string* text = nullptr;
};
TextClaim text_claim(const text::Value& claims, std::string_view name) {
  const text::Value* value = claims.find(name);
  if (value == nullptr) return {};
  return {value->string() != nullptr, value->string()};
}

Wall wall_of(std::int64_t seconds) {
  constexpr std::int64_t seconds_max = INT64_MAX / 1'000'000'000;
  return {std::clamp(seconds, -seconds_max, seconds_max) * 1'000'000'000};
}

std::string canonical_header(std::string_view name) {
  std::string out = lower_of(name);
  std::ranges::replace(out, '_', '-');
  return out;
}

}  // namespace

Status check_policy(const JwtPolicy& policy) {
  if (policy.algorithms.empty())
    return Error{Errc::invalid, "algorithms must name at least one, for example [\"ES256\"]"};
  if (policy.leeway < Nanos(0) || policy.leeway > limits::token_leeway_max)
    return Error{Errc::invalid, "leeway must be between 0 and 300 seconds"};
  if (policy.max_lifetime && *policy.max_lifetime <= Nanos(0))
    return Error{Errc::invalid, "max_lifetime must be above 0"};
  // One kind of key per policy: a public key must never serve as an HMAC secret (RFC 8725
  // section 3.1).
  const auto is_hmac = [](SignatureAlgorithm it) { return it <= SignatureAlgorithm::hs512; };
  const auto hmacs = std::ranges::count_if(policy.algorithms, is_hmac);
  if (hmacs != 0 && static_cast<std::size_t>(hmacs) != policy.algorithms.size())
    return Error{Errc::invalid, "algorithms must not mix HS* with public-key algorithms"};
  for (const ClaimHeader& row : policy.forward)
    if (row.header.empty() || row.header != lower_of(row.header) || row.claim.empty())
      return Error{Errc::invalid, "a forwarded header needs a lower-case name and a claim"};
  return done;
}

JwsOutcome verify_jws(std::string_view token, const Jwks& keys,
                      std::span<const SignatureAlgorithm> allowed,
                      std::shared_ptr<const JoseHeader> known) {
  const Parts parts = parts_of(token);
  if (parts.reason != TokenReason::good) return {parts.reason, std::nullopt};
  // An empty payload is a fine JWS; as a JWT it is refused by `judge`.
  if (parts.header.empty() || parts.signature.empty()) return {TokenReason::form, std::nullopt};
  auto payload = parse_base64url(parts.payload);
  const auto signature = parse_base64url(parts.signature);
  if (!payload || !signature) return {TokenReason::form, std::nullopt};
  if (known == nullptr || known->text != parts.header) {
    HeaderOutcome read = read_header(parts.header, allowed);
    if (read.reason != TokenReason::good) return {read.reason, std::nullopt};
    known = std::move(read.header);
  }
  const Jwks::Choice choice = keys.choose(known->kid, known->algorithm);
  const SignatureAlgorithm algorithm = known->algorithm;
  JwsOutcome outcome{reason_of(choice.found), Jws{std::move(*payload), std::move(known)}};
  if (choice.found != Jwks::Found::one) return outcome;
  const std::string_view signing_input =
      token.substr(0, parts.header.size() + 1 + parts.payload.size());
  if (!choice.key->key.verify(algorithm, signing_input, *signature))
    outcome.reason = TokenReason::signature;
  return outcome;
}

JwtVerifier::JwtVerifier(JwtPolicy policy, KeySource& keys)
    : policy_(std::move(policy)),
      keys_(keys),
      good_(policy_.cache_tokens, limits::token_cache_bytes_max),
      refused_(limits::token_refusals_max, limits::token_refusals_max * KiB) {}

TokenVerdict JwtVerifier::verify(std::string_view token, Moment now) {
  if (token.empty()) return {TokenReason::absent};
  if (token.size() > limits::token_bytes_max) return {TokenReason::too_large};
  // Read before the keys are: a swap in between makes the entry useless, never wrong.
  const std::uint64_t generation = keys_.generation();
  if (auto known = good_.find(token, generation, now)) return std::move(*known);
  if (auto known = refused_.find(token, generation, now)) return std::move(*known);

  Judged judged = judge(token, now);
  if (judged.verdict.ok())
    good_.keep(token, generation, judged.valid, now.mono + limits::token_kept_max, judged.verdict);
  else if (judged.verdict.reason != TokenReason::keys_unavailable)
    refused_.keep(token, generation, {}, now.mono + policy_.negative_ttl, judged.verdict);
  return std::move(judged.verdict);
}

TokenVerdict JwtVerifier::verify_afresh(std::string_view token, Moment now) {
  return token.empty() ? TokenVerdict{TokenReason::absent} : judge(token, now).verdict;
}

JwtVerifier::Judged JwtVerifier::judge(std::string_view token, Moment now) {
  const auto keys = keys_.keys(now.mono);
  if (keys == nullptr) return {{TokenReason::keys_unavailable}, {}};
  const auto known = last_header();
  const JwsOutcome outcome = verify_jws(token, *keys, policy_.algorithms, known);
  if (outcome.jws && outcome.jws->payload.empty()) return {{TokenReason::form}, {}};
  if (outcome.reason == TokenReason::kid_unknown)
    keys_.unknown_kid(outcome.jws->header->kid.value_or(""), now.mono);
  if (outcome.reason != TokenReason::good) return {{outcome.reason}, {}};
  const auto& header = outcome.jws->header;
  if (header != known)
    last_header_.with([&header](std::shared_ptr<const JoseHeader>& last) { last = header; });
  if (!is_good_type(header->type)) return {{TokenReason::type}, {}};
  return judge_claims(outcome.jws->payload, now.wall);
}

std::shared_ptr<const JoseHeader> JwtVerifier::last_header() const {
  return last_header_.with([](const std::shared_ptr<const JoseHeader>& last) { return last; });
}

bool JwtVerifier::is_good_type(const std::optional<std::string>& type) const {
  if (policy_.types.empty()) return true;
  if (!type) return false;
  // RFC 7515 section 4.1.9: a media type, compared without case, whose "application/" may be left
  // out.
  std::string_view name = *type;
  constexpr std::string_view prefix = "application/";
  if (name.size() > prefix.size() && equals_ignoring_case(name.substr(0, prefix.size()), prefix))
    name.remove_prefix(prefix.size());
  return std::ranges::any_of(policy_.types, [&](const std::string& allowed) {
    return equals_ignoring_case(allowed, name);
  });
}

JwtVerifier::Judged JwtVerifier::judge_claims(const std::string& payload, Wall now) const {
  const auto refuse = [](TokenReason reason) { return Judged{{reason}, {}}; };
  auto parsed = text::parse_json(payload, token_json);
  if (!parsed.ok() || !parsed->is_object()) return refuse(TokenReason::claims);
  auto token = std::make_shared<TokenClaims>();
  token->claims = std::move(*parsed);
  const text::Value& claims = token->claims;

  const NumericDate exp = date_of(claims, "exp");
  const NumericDate nbf = date_of(claims, "nbf");
  const NumericDate iat = date_of(claims, "iat");
  if (!exp.good || !nbf.good || !iat.good || !exp.seconds) return refuse(TokenReason::claims);
  const std::int64_t leeway = policy_.leeway / std::chrono::seconds(1);
  const std::int64_t seconds = now.seconds();
  if (seconds >= *exp.seconds + leeway) return refuse(TokenReason::expired);
  if (nbf.seconds && *nbf.seconds > seconds + leeway) return refuse(TokenReason::not_yet);
  if (iat.seconds && *iat.seconds > seconds + leeway) return refuse(TokenReason::issued_ahead);
  if (policy_.max_lifetime) {
    // Without iat the lifetime cannot be shown to be short enough.
    const std::int64_t longest = *policy_.max_lifetime / std::chrono::seconds(1);
    if (!iat.seconds || *exp.seconds - *iat.seconds > longest) return refuse(TokenReason::lifetime);
  }

  const TextClaim iss = text_claim(claims, "iss");
  const TextClaim sub = text_claim(claims, "sub");
  const TextClaim azp = text_claim(claims, "azp");
  if (!iss.good || !sub.good || !azp.good) return refuse(TokenReason::claims);
  if (!policy_.issuer.empty() && (iss.text == nullptr || *iss.text != policy_.issuer))
    return refuse(TokenReason::issuer);
  if (!policy_.audiences.empty()) {
    const auto named = names_audience(claims.find("aud"), policy_.audiences);
    if (!named) return refuse(TokenReason::claims);
    if (!*named) return refuse(TokenReason::audience);
  }
  if (policy_.subject_required && (sub.text == nullptr || sub.text->empty()))
    return refuse(TokenReason::subject);
  if (sub.text != nullptr) token->subject = *sub.text;
  if (!policy_.authorized_parties.empty() &&
      (azp.text == nullptr || std::ranges::find(policy_.authorized_parties, *azp.text) ==
                                  policy_.authorized_parties.end()))
    return refuse(TokenReason::authorized_party);

  for (const ClaimHeader& row : policy_.forward) {
    const text::Value* value = claims.find(row.claim);
    if (value == nullptr) continue;
    std::string text = header_text_of(*value);
    if (has_control(text)) return refuse(TokenReason::forwarded_value);
    token->headers.emplace_back(row.header, std::move(text));
  }
  const std::int64_t from = std::max(nbf.seconds.value_or(0), iat.seconds.value_or(0)) - leeway;
  return {{TokenReason::good, std::move(token)}, {wall_of(from), wall_of(*exp.seconds + leeway)}};
}

Credential bearer_of(std::span<const std::string_view> authorization) {
  using enum Credential::Found;
  if (authorization.empty()) return {none};
  if (authorization.size() > 1) return {several};
  constexpr std::string_view scheme = "bearer";
  std::string_view value = authorization.front();
  if (value.size() <= scheme.size() ||
      !equals_ignoring_case(value.substr(0, scheme.size()), scheme) || value[scheme.size()] != ' ')
    return {not_bearer};
  value.remove_prefix(scheme.size());
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return {one, value};
}

void ForwardedHeaders::add(const JwtPolicy& policy) {
  for (const ClaimHeader& row : policy.forward) names_.push_back(canonical_header(row.header));
}

bool ForwardedHeaders::owns(std::string_view name) const {
  return std::ranges::any_of(names_, [&](const std::string& own) {
    return own.size() == name.size() && std::ranges::equal(own, name, [](char a, char b) {
             return a == (b == '_' ? '-' : lower(b));
           });
  });
}

Result<std::string> mint_token(const Jwk& key, const MintOrder& order, Wall now) {
  if (!order.claims.is_object() && !order.claims.is_null())
    return Error{Errc::invalid, "claims must be a JSON object"};
  std::optional<SignatureAlgorithm> algorithm = key.algorithm;
  for (std::size_t i = 0; !algorithm && i < signature_algorithms_count; ++i)
    if (key.key.fits(static_cast<SignatureAlgorithm>(i)))
      algorithm = static_cast<SignatureAlgorithm>(i);
  if (!algorithm) return Error{Errc::invalid, "no signature algorithm fits this key"};

  text::Value header;
  header.set("alg", name_of(*algorithm));
  header.set("typ", order.type);
  if (!key.kid.empty()) header.set("kid", key.kid);
  text::Value claims = order.claims;
  const std::int64_t lifetime = order.lifetime / std::chrono::seconds(1);
  if (claims.find("iat") == nullptr) claims.set("iat", now.seconds());
  if (claims.find("exp") == nullptr) claims.set("exp", now.seconds() + lifetime);

  std::string token = base64url_of(bytes_of(text::json_of(header)));
  token += '.';
  token += base64url_of(bytes_of(text::json_of(claims)));
  const std::string signature = TRY(key.key.sign(*algorithm, token));
  token += '.';
  token += base64url_of(bytes_of(signature));
  return token;
}

}  // namespace weir::guard
