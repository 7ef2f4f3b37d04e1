#pragma once
// Whose webhook a message is: the ways in which senders sign (experience E-39).
//
//   standard, svix, weir  webhook-id, webhook-timestamp, webhook-signature (or svix-*): HMAC-SHA256
//                         (`v1,`) or Ed25519 (`v1a,`, a secret `whpk_...`) over
//                         "id.timestamp.body" (Standard Webhooks 1.0)
//   gitlab                the same; with `legacy` also the plain secret in X-Gitlab-Token
//   github                X-Hub-Signature-256: "sha256=" and hex over the body; X-GitHub-Delivery
//   contentful            x-contentful-signature: hex over method, path, "name:value" of the headers
//                         that x-contentful-signed-headers names, joined by ";", and body, joined by
//                         line feeds (@contentful/node-apps-toolkit); x-contentful-timestamp in ms
//   sanity                sanity-webhook-signature: t=<ms>,v1=<base64url> over "t.body"
//   stripe                Stripe-Signature: t=<s>,v1=<hex>[,v1=<hex>] over "t.body"
//   hmac                  as [hook.NAME] signature says
//
// The promises: the raw body is what is signed; every secret is tried with every signature, in
// constant time, whichever was right; a signature is looked at before the time that it covers, so
// that nobody learns anything by a time alone. A field that must occur once and occurs twice is
// malformed. `id` names the delivery, so that a repetition is known again: the sender's own id, or
// the signature where there is none. Pure functions.

#include "edge/config.h"

#include "base/clock.h"
#include "http/message.h"

#include <span>
#include <string>
#include <string_view>

namespace weir::edge {

enum class WebhookVerdict : std::uint8_t { good, unsigned_, malformed, stale, wrong_signature };
std::string_view name_of(WebhookVerdict verdict);

// What the checks look at; views of the request.
struct SignedMessage {
  std::string_view method;
  std::string_view path;   // as sent, without the query
  std::string_view query;  // as sent, without '?'
  std::span<const http::Field> fields;
  std::string_view body;
};

struct Verified {
  WebhookVerdict verdict = WebhookVerdict::unsigned_;
  std::string id = {};    // not empty when good
  std::string what = {};  // malformed: which field, for the answer
};
Verified verify_webhook(const HookSettings& hook, const SignedMessage& message, Wall now);

// A test of the connection, which asks for nothing: GitHub's ping.
bool is_ping(const HookSettings& hook, const SignedMessage& message);

// The body may be that of POST /_weir/purge: without a map, and from a sender whose payload the
// operator writes.
bool sends_own_form(const HookSettings& hook);

// For the configuration: a placeholder that is none; a secret that cannot be one of this sender.
Status check_signing(const HookSigning& signing);
Status check_secret(const HookSettings& hook, const Secret& secret);

// For the sender's side (`weir purge --target`, tests): the value of `webhook-signature`.
std::string webhook_signature_of(std::string_view id, std::string_view timestamp,
                                 std::string_view body, const Secret& secret);

}  // namespace weir::edge
