#include "guard/acme.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/must.h"
#include "base/version.h"
#include "http/dates.h"
#include "text/json.h"

#include <algorithm>

namespace weir::guard {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view bad_nonce = "urn:ietf:params:acme:error:badNonce";
constexpr auto first_look = 500ms;  // at something that is being worked on, when nothing is said
constexpr auto look_again_max = 15s;

std::string string_in(const text::Value& value, std::string_view name) {
  const text::Value* const found = value.find(name);
  return found == nullptr || found->string() == nullptr ? std::string() : *found->string();
}

std::vector<std::string> strings_in(const text::Value& value, std::string_view name) {
  std::vector<std::string> all;
  const text::Value* const found = value.find(name);
  if (found == nullptr || !found->is_array()) return all;
  for (const text::Value& item : *found->array())
    if (item.string() != nullptr) all.push_back(*item.string());
  return all;
}

std::string_view name_of(AcmeChallenge challenge) {
  return challenge == AcmeChallenge::http_01 ? "http-01" : "tls-alpn-01";
}

std::string encoded(std::string_view text) { return base64url_of(bytes_of(text)); }

// "120", or an HTTP date.
std::optional<Nanos> parse_retry_after(const std::string* text, Wall now) {
  if (text == nullptr) return std::nullopt;
  if (const auto seconds = parse_u64(*text); seconds && *seconds < 1'000'000'000)
    return std::chrono::seconds(*seconds);
  const auto date = http::parse_date(*text, now.seconds());
  if (!date || *date <= now.seconds()) return std::nullopt;
  return std::chrono::seconds(*date - now.seconds());
}

// The members of a JWK that its thumbprint is made of, in their order (RFC 7638 3.2).
std::string jwk_of(const SignatureKey& key) {
  std::string x, y;
  for (const SignatureKey::Number& number : key.numbers(SignatureKey::Part::public_only)) {
    if (number.name == "x") x = encoded(number.bytes);
    if (number.name == "y") y = encoded(number.bytes);
  }
  return R"({"crv":"P-256","kty":"EC","x":")" + x + R"(","y":")" + y + "\"}";
}

}  // namespace

AcmeClient::AcmeClient(AcmeWishes wishes, const SignatureKey& account, Parts parts)
    : wishes_(std::move(wishes)), account_(account), parts_(std::move(parts)) {
  MUST(account.kind() == KeyKind::p256);
  MUST(account.can_sign());
  MUST(!wishes_.names.empty());
  jwk_ = jwk_of(account);
  thumbprint_ = base64url_of(sha256_of(jwk_));
}

Result<std::string> AcmeClient::obtain() {
  retry_after_.reset();
  give_up_at_ = parts_.clock.mono() + limits::acme_order_time_max;
  TRY(read_directory());
  TRY(register_account());
  text::Value wanted = text::Value::Object{};
  text::Value::Array identifiers;
  for (const std::string& name : wishes_.names) {
    text::Value one = text::Value::Object{};
    one.set("type", "dns");
    one.set("value", name);
    identifiers.push_back(std::move(one));
  }
  wanted.set("identifiers", std::move(identifiers));
  const Reply order = TRY(expect(post(new_order_, text::json_of(wanted)), "the order"));
  if (order.location.empty()) return Error{Errc::invalid, "the order came without its address"};
  for (const std::string& url : strings_in(order.body, "authorizations")) TRY(prove(url));
  return finish(order.location, order.body);
}

// --- requests ------------------------------------------------------------------------------------

Result<AcmeClient::Reply> AcmeClient::send(const http::FetchRequest& asked) {
  if (!asked.url.starts_with("https://"))
    return Error{Errc::denied,
                 "an ACME authority is only spoken to over https, not at " + asked.url};
  http::FetchRequest request = asked;
  request.headers.emplace_back("User-Agent", "weir/" + std::string(version));
  request.ca_file = wishes_.ca_file;
  request.bytes_max = limits::acme_answer_bytes_max;
  request.timeout = limits::acme_call_time_max;
  request.redirects_max = 0;
  http::Fetched fetched = TRY(parts_.fetch(request));
  Reply reply;
  reply.status = fetched.status;
  if (const std::string* const fresh = fetched.find("replay-nonce")) nonce_ = *fresh;
  if (const std::string* const location = fetched.find("location")) reply.location = *location;
  reply.retry_after = parse_retry_after(fetched.find("retry-after"), parts_.clock.wall());
  if (auto parsed = text::parse_json(fetched.body); parsed.ok()) reply.body = std::move(*parsed);
  reply.bytes = std::move(fetched.body);
  return reply;
}

Result<std::string> AcmeClient::nonce() {
  if (nonce_.empty()) TRY(send({.method = "HEAD", .url = new_nonce_}));
  if (nonce_.empty()) return Error{Errc::invalid, new_nonce_ + " gave no nonce"};
  return std::exchange(nonce_, {});
}

std::string AcmeClient::signed_body(const std::string& url, const std::string& nonce,
                                    std::string_view payload) const {
  text::Value head = text::Value::Object{};
  head.set("alg", "ES256");
  if (account_url_.empty()) head.set("jwk", text::parse_json(jwk_).value());
  else head.set("kid", account_url_);
  head.set("nonce", nonce);
  head.set("url", url);
  const std::string protected_part = encoded(text::json_of(head));
  const std::string payload_part = encoded(payload);
  const auto signature =
      account_.sign(SignatureAlgorithm::es256, protected_part + "." + payload_part);
  MUST(signature.ok());
  return R"({"protected":")" + protected_part + R"(","payload":")" + payload_part +
         R"(","signature":")" + encoded(*signature) + "\"}";
}

// An empty payload is "POST-as-GET" (RFC 8555 6.3).
Result<AcmeClient::Reply> AcmeClient::post(const std::string& url, std::string_view payload) {
  for (std::size_t tries = 1;; ++tries) {
    const std::string fresh = TRY(nonce());
    Reply reply = TRY(send({.method = "POST",
                            .url = url,
                            .headers = {{"Content-Type", "application/jose+json"}},
                            .body = signed_body(url, fresh, payload)}));
    const bool refused = reply.status == 400 && string_in(reply.body, "type") == bad_nonce;
    if (!refused || tries == limits::acme_nonce_tries_max) return reply;
  }
}

Error AcmeClient::failed(std::string_view step, const Reply& reply) {
  retry_after_ = reply.retry_after;
  std::string what = std::string(step) + ": the authority answered " + std::to_string(reply.status);
  const std::string detail = string_in(reply.body, "detail");
  if (!detail.empty()) what += ": " + detail;
  if (const text::Value* const parts = reply.body.find("subproblems");
      parts != nullptr && parts->is_array())
    for (const text::Value& part : *parts->array()) what += "; " + string_in(part, "detail");
  return Error{reply.status == 429 ? Errc::full : Errc::io, what};
}

Result<AcmeClient::Reply> AcmeClient::expect(Result<Reply> reply, std::string_view step) {
  if (!reply.ok()) return std::move(reply).error().in(std::string(step));
  if (reply->status / 100 != 2) return failed(step, *reply);
  return reply;
}

// --- the steps -----------------------------------------------------------------------------------

Status AcmeClient::read_directory() {
  const Reply reply = TRY(expect(send({.url = wishes_.directory}), "the directory"));
  new_nonce_ = string_in(reply.body, "newNonce");
  new_account_ = string_in(reply.body, "newAccount");
  new_order_ = string_in(reply.body, "newOrder");
  if (new_nonce_.empty() || new_account_.empty() || new_order_.empty())
    return Error{Errc::invalid,
                 wishes_.directory + ": expected the directory of an ACME authority"};
  const text::Value* const meta = reply.body.find("meta");
  const text::Value* const bound =
      meta == nullptr ? nullptr : meta->find("externalAccountRequired");
  if (bound != nullptr && bound->boolean() != nullptr && *bound->boolean())
    return Error{Errc::denied, wishes_.directory +
                                   ": the authority wants an account made elsewhere (external "
                                   "account binding), which is not available"};
  return done;
}

// The same request finds the account that there is (RFC 8555 7.3.1), so that nothing but the key
// must be kept.
Status AcmeClient::register_account() {
  account_url_.clear();
  text::Value wanted = text::Value::Object{};
  wanted.set("termsOfServiceAgreed", true);
  if (!wishes_.email.empty())
    wanted.set("contact", text::Value::Array{text::Value("mailto:" + wishes_.email)});
  const Reply reply = TRY(expect(post(new_account_, text::json_of(wanted)), "the account"));
  if (reply.location.empty()) return Error{Errc::invalid, "the account came without its address"};
  account_url_ = reply.location;
  return done;
}

Status AcmeClient::prove(const std::string& authorization_url) {
  const Reply reply = TRY(expect(post(authorization_url, {}), "an authorization"));
  const std::string status = string_in(reply.body, "status");
  if (status == "valid") return done;  // from an order before
  const text::Value* const identifier = reply.body.find("identifier");
  const std::string name = identifier == nullptr ? std::string() : string_in(*identifier, "value");
  if (status != "pending")
    return Error{Errc::io, "the authorization for " + name + " is " + status};
  const Status proved = prove(authorization_url, reply.body);
  return proved.ok() ? proved : Status(Error(proved.error()).in(name));
}

Status AcmeClient::prove(const std::string& authorization_url, const text::Value& authorization) {
  const text::Value* const challenges = authorization.find("challenges");
  const text::Value* chosen = nullptr;
  if (challenges != nullptr && challenges->is_array())
    for (const text::Value& one : *challenges->array())
      if (string_in(one, "type") == name_of(wishes_.challenge)) chosen = &one;
  if (chosen == nullptr)
    return Error{Errc::denied, "the authority does not offer " +
                                   std::string(name_of(wishes_.challenge)) + " here"};
  AcmeProof proof;
  proof.kind = wishes_.challenge;
  const text::Value* const identifier = authorization.find("identifier");
  proof.name = identifier == nullptr ? std::string() : string_in(*identifier, "value");
  proof.token = string_in(*chosen, "token");
  // It becomes a path and a map key: only what base64url has (RFC 8555 8.1).
  const bool clean = std::all_of(proof.token.begin(), proof.token.end(),
                                 [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
  if (proof.token.empty() || !clean)
    return Error{Errc::invalid, "the authority's token is not base64url"};
  proof.key_authorization = proof.token + "." + thumbprint_;
  TRY(parts_.proofs.show(proof));
  Status outcome = done;
  const auto begun = expect(post(string_in(*chosen, "url"), "{}"), "the challenge");
  if (!begun.ok()) {
    outcome = begun.error();
  } else {
    const auto after = settled(authorization_url, "pending", "processing");
    if (!after.ok()) outcome = after.error();
    else if (string_in(*after, "status") != "valid") {
      std::string why = "the authority could not verify " + std::string(name_of(proof.kind));
      if (const text::Value* const all = after->find("challenges");
          all != nullptr && all->is_array())
        for (const text::Value& one : *all->array())
          if (const text::Value* const problem = one.find("error"))
            why += ": " + string_in(*problem, "detail");
      outcome = Error{Errc::denied, why};
    }
  }
  parts_.proofs.withdraw(proof);
  return outcome;
}

// Asks until the status is another one than these two.
Result<text::Value> AcmeClient::settled(const std::string& url, std::string_view waiting_status,
                                        std::string_view other_waiting_status) {
  Nanos wait = first_look;
  while (true) {
    Reply reply = TRY(expect(post(url, {}), "the outcome"));
    const std::string status = string_in(reply.body, "status");
    if (status != waiting_status && status != other_waiting_status) return std::move(reply.body);
    if (parts_.clock.mono() >= give_up_at_)
      return Error{Errc::io, "the authority is still at work after ten minutes"};
    const Nanos pause = std::min<Nanos>(reply.retry_after.value_or(wait), look_again_max);
    if (!parts_.pause(pause)) return Error{Errc::io, "the server is stopping"};
    wait = std::min<Nanos>(wait * 2, look_again_max);
  }
}

Result<std::string> AcmeClient::finish(const std::string& order_url, const text::Value& order) {
  text::Value ready = TRY(settled(order_url, "pending", "processing"));
  if (string_in(ready, "status") == "invalid")
    return Error{Errc::denied, "the authority refuses the order"};
  const CertificateRequest request = TRY(make_certificate_request(wishes_.names, wishes_.key));
  text::Value wanted = text::Value::Object{};
  wanted.set("csr", encoded(request.der));
  TRY(expect(post(string_in(order, "finalize"), text::json_of(wanted)),
             "the request for the certificate"));
  const text::Value issued = TRY(settled(order_url, "processing", "ready"));
  const std::string url = string_in(issued, "certificate");
  if (string_in(issued, "status") != "valid" || url.empty()) {
    const text::Value* const problem = issued.find("error");
    return Error{Errc::denied,
                 "the authority gave no certificate" +
                     (problem == nullptr ? std::string() : ": " + string_in(*problem, "detail"))};
  }
  const Reply chain = TRY(expect(post(url, {}), "the certificate"));
  const Certificate facts = TRY(parse_certificate(chain.bytes));
  for (const std::string& name : wishes_.names)
    if (!covers(facts, name))
      return Error{Errc::invalid, "the authority's certificate does not name " + name};
  return request.key_pem + chain.bytes;
}

}  // namespace weir::guard
