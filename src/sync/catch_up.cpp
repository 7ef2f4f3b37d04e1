// How a session's feed catches up with a document: a snapshot in parts where the log does not reach
// back, else the operations since.

#include "http/websocket_frames.h"
#include "sync/fold.h"
#include "sync/pages.h"
#include "sync/session.h"
#include "text/json.h"

#include <algorithm>

namespace weir::sync {

bool needs_snapshot(const Tenant& tenant, const std::string& document, std::int64_t since) {
  const auto known = tenant.documents().find(document);
  return known && (since < known->gone || tenant.documents().count_after(document, since) >
                                              limits::session_replay_ops_max);
}

namespace {

// The end of a piece of `text` from `at`, between characters.
std::size_t piece_end(std::string_view text, std::size_t at) {
  std::size_t end = std::min(text.size(), at + limits::session_snapshot_part_bytes);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  return end;
}

std::vector<SharedText> snapshot_messages(const std::string& document, const Folded& folded) {
  const std::string state = folded.state.text();
  const std::string head =
      "{\"t\":\"snap\",\"d\":" + quoted(document) + ",\"seq\":" + std::to_string(folded.position);
  std::vector<SharedText> messages;
  std::size_t at = 0;
  do {
    const std::size_t end = piece_end(state, at);
    const bool is_last = end == state.size();
    std::string json = head + ",\"part\":" + std::to_string(messages.size()) +
                       (is_last ? ",\"last\":true" : ",\"last\":false");
    if (is_last) {
      json += ",\"vv\":" + json_of(folded.state.versions());
      json += ",\"xxh3\":\"" + state_hash_text(state) + '"';
    }
    json += ",\"state\":" + quoted(std::string_view(state).substr(at, end - at)) + '}';
    messages.push_back(message_frame(json));
    at = end;
  } while (at < state.size());
  return messages;
}

}  // namespace

LogFeed::Read document_messages(std::shared_ptr<Tenant> tenant, std::string document,
                                std::shared_ptr<const OwnOperations> own) {
  return [tenant = std::move(tenant), document = std::move(document),
          own = std::move(own)](std::int64_t cursor) -> Result<LogFeed::Refill> {
    Tenant::Lease lease = TRY(tenant->read());
    LogFeed::Refill refill;
    refill.cursor = cursor;
    if (needs_snapshot(*tenant, document, cursor)) {
      const Folded folded = TRY(fold_document(*tenant, *lease, document));
      refill.texts = snapshot_messages(document, folded);
      refill.cursor = folded.position;
      refill.has_more = true;  // what came after the fold
      return refill;
    }
    const PageBounds bounds{limits::sync_page_ops_max, limits::feed_bytes_max};
    const Page page = TRY(read_page(*tenant, *lease, document, cursor, bounds,
                                    [&own](const LoggedOp& op) { return own->has(op.position); }));
    refill.cursor = page.to;
    refill.has_more = page.has_more || page.needs_snapshot;  // compacted meanwhile: ask again
    if (page.count > 0)
      refill.texts = {operations_message(document, page.from, page.to, page.operations)};
    return refill;
  };
}

}  // namespace weir::sync
