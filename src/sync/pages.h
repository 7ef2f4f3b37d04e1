#pragma once
// Reading the log of a document: pages of operations, for those who come back, wait, or follow.
// All of it waits for the disk and belongs on reader threads, apart from what a Frame answers.

#include "sync/hub.h"
#include "sync/log_feed.h"
#include "sync/tenant.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace weir::sync {

struct Page {
  std::int64_t from = 0;
  std::int64_t to = 0;  // position of the last operation; `from` when there is none
  bool has_more = false;
  bool needs_snapshot = false;  // `from` lies behind what the log still holds
  std::size_t count = 0;
  std::string operations;  // JSON objects with commas between
};

struct PageBounds {
  std::size_t ops_max = limits::sync_page_ops_max;
  std::size_t bytes_max = limits::sync_page_bytes_max;
};

struct LoggedOp {
  std::int64_t position = 0;
  std::string_view replica;
  std::int64_t counter = 0;
  std::string_view body;
};
// Calls `take` for the rows at these positions, in order, until it says false. Returns how many it
// took; fewer than asked without a refusal means that the next row is not there (deleted, or not
// yet visible to this transaction).
Result<std::size_t> read_operations(Reader& reader, std::int64_t document,
                                    std::span<const std::int64_t> positions,
                                    const std::function<bool(const LoggedOp&)>& take);

// `leaves_out`: operations that count, but are not told.
Result<Page> read_page(const Tenant& tenant, Reader& reader, const std::string& name,
                       std::int64_t since, const PageBounds& bounds,
                       const std::function<bool(const LoggedOp&)>& leaves_out = {});
Reply page_reply(const Tenant& tenant, const std::string& name, const Page& page);
// The reply for a caught-up reader who waited for this commit, without the disk. Empty when the
// frame does not fit.
std::optional<Reply> frame_reply(const Tenant& tenant, const Frame& frame, std::int64_t since,
                                 std::size_t ops_max);

// For feeds: the events of a document after a cursor.
LogFeed::Read document_events(std::shared_ptr<Tenant> tenant, std::string name);

}  // namespace weir::sync
