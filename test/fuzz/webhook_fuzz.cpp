// Webhook heads and bodies. Properties: no message is good that was not signed with the secret;
// whatever is signed is good; a purge that is accepted keeps within its limits. Input: first line
// id, second timestamp, third signatures, the rest is the body.

#include "edge/webhook.h"

#include "base/must.h"

#include <cstddef>
#include <cstdint>

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  std::string_view rest(reinterpret_cast<const char*>(data), count);
  std::string_view parts[3];
  for (std::string_view& part : parts) {
    const std::size_t end = rest.find('\n');
    part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  const std::vector<edge::Secret> secrets{edge::Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                                          edge::Secret("raw")};
  constexpr Wall now{1'700'000'000'000'000'000};
  constexpr Nanos window = std::chrono::minutes(5);
  const auto verdict =
      edge::verify_webhook({parts[0], parts[1], parts[2]}, rest, secrets, now, window);
  MUST(verdict != edge::WebhookVerdict::good);  // 2^256 to one

  if (!parts[0].empty() && parts[0].size() <= limits::tag_bytes_max) {
    const std::string signature =
        edge::webhook_signature_of(parts[0], "1700000000", rest, secrets[count % 2]);
    MUST(edge::verify_webhook({parts[0], "1700000000", signature}, rest, secrets, now, window) ==
         edge::WebhookVerdict::good);
  }
  const auto purge = edge::parse_purge(rest, cache::Mode::soft);
  if (purge.ok())
    MUST(purge->tags.size() + purge->paths.size() + purge->prefixes.size() <=
         limits::purge_items_max);
  edge::HookSettings hook;
  hook.map = {{"a.b", "path:/{}/"}, {"t", "tag:{}"}};
  const auto mapped = edge::map_payload(rest, hook);
  if (mapped.ok()) MUST(mapped->tags.size() + mapped->paths.size() <= limits::purge_items_max);
  return 0;
}
