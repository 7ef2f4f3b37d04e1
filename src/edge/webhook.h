#pragma once
// Signed webhooks: who may ask for a refresh from outside (experience E-39).
//
// The form is Standard Webhooks: `webhook-id`, `webhook-timestamp` (unix seconds),
// `webhook-signature` with one or more `v1,<base64>` of HMAC-SHA256 over "id.timestamp.body", the
// raw body. Svix's names (`svix-id`, ...) are read too. A secret is `whsec_` + base64, or raw text.
// Every configured secret may have signed (rotation); all are always tried in full, in constant
// time. A message older or newer than the window is refused. Replays are recognised by the
// message's id where the purge is recorded, which survives a restart. Pure functions.

#include "edge/config.h"

#include "base/clock.h"
#include "cache/purge.h"
#include "http/message.h"
#include "text/value.h"

#include <span>
#include <string>
#include <string_view>

namespace weir::edge {

struct WebhookHead {
  std::string_view id;
  std::string_view timestamp;
  std::string_view signatures;
};
WebhookHead webhook_head_of(const http::Request& request);

enum class WebhookVerdict : std::uint8_t { good, unsigned_, malformed, stale, wrong_signature };
std::string_view name_of(WebhookVerdict verdict);

WebhookVerdict verify_webhook(const WebhookHead& head, std::string_view body,
                              std::span<const Secret> secrets, Wall now, Nanos skew_max);

// For the sender's side (`weir purge --target`, tests): the value of `webhook-signature`.
std::string webhook_signature_of(std::string_view id, std::string_view timestamp,
                                 std::string_view body, const Secret& secret);

// The body of POST /_weir/purge:
// {"tags":[],"paths":[],"prefix":[],"all":false,"mode":"soft","wait":"durable","id":""}. Unknown
// members are refused, so that a misspelt "tag" is not a purge of nothing.
Result<cache::PurgeRequest> parse_purge(std::string_view body, cache::Mode standard_mode);

// A CMS's own payload, through the hook's map: {"data.slug" -> "path:/blog/{}/"}.
Result<cache::PurgeRequest> map_payload(std::string_view body, const HookSettings& hook);

}  // namespace weir::edge
