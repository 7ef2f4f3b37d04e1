// Property: whatever another node sends is refused, or is a question or a reply that is written
// again as it was read; a copy's body is what its record says.

#include "edge/fill_wire.h"

#include "base/crypto.h"
#include "base/must.h"
#include "cache/answer_record.h"

#include <cstdint>
#include <string_view>

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes == 0 || bytes > 8'192) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, bytes - 1);
  if (data[0] % 2 == 0) {
    const auto asked = edge::parse_fill_question(text);
    if (!asked.ok()) return 0;
    const std::string written = edge::encode_fill_question(*asked);
    const auto again = edge::parse_fill_question(written);
    MUST(again.ok());
    MUST(edge::encode_fill_question(*again) == written);
    return 0;
  }
  const auto reply = edge::parse_fill_reply(text);
  if (!reply.ok() || !reply->why.empty()) return 0;
  const bool has_body = !reply->is_same && reply->record.kind != store::FillKind::gone;
  if (has_body) MUST(sha256_of(reply->body) == reply->record.sha256);
  MUST(edge::parse_fill_reply(edge::encode_fill_reply(*reply)).ok());
  static_cast<void>(cache::facts_of(reply->record));
  return 0;
}
