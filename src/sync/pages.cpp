#include "sync/pages.h"

#include "text/url.h"

#include <algorithm>

namespace weir::sync {

namespace {

LoggedOp row_of(const data::Statement& statement) {
  return {statement.integer(0), statement.bytes(1), statement.integer(2), statement.bytes(3)};
}

// A page of one busy document lies close together: then one range is cheaper than a look-up for
// each row.
constexpr std::int64_t spread_max = 4;

// A full page never changes (data, D-38). `private`: who may read it is decided by claims.
constexpr std::string_view immutable = "private, max-age=31536000, immutable";

}  // namespace

Result<std::size_t> read_operations(Reader& reader, std::int64_t document,
                                    std::span<const std::int64_t> positions,
                                    const std::function<bool(const LoggedOp&)>& take) {
  std::size_t taken = 0;
  if (positions.empty()) return taken;
  const std::int64_t span = positions.back() - positions.front() + 1;
  if (span <= spread_max * static_cast<std::int64_t>(positions.size())) {
    reader.operations.bind(1, positions.front()).bind(2, positions.back()).bind(3, document);
    while (TRY(reader.operations.step())) {
      const LoggedOp row = row_of(reader.operations);
      if (row.position != positions[taken] || !take(row)) break;
      ++taken;
    }
    reader.operations.reset();
    return taken;
  }
  for (const std::int64_t position : positions) {
    reader.operation.bind(1, position);
    const bool is_there = TRY(reader.operation.step());
    const bool goes_on = is_there && take(row_of(reader.operation));
    reader.operation.reset();
    if (!goes_on) break;
    ++taken;
  }
  return taken;
}

Result<Page> read_page(const Tenant& tenant, Reader& reader, const std::string& name,
                       std::int64_t since, const PageBounds& bounds,
                       const std::function<bool(const LoggedOp&)>& leaves_out) {
  Page page;
  page.from = since;
  page.to = since;
  const auto document = tenant.documents().find(name);
  if (!document) return page;
  if (since < document->gone) {
    page.needs_snapshot = true;
    return page;
  }
  std::vector<std::int64_t> positions =
      tenant.documents().positions(name, since, bounds.ops_max + 1);
  page.has_more = positions.size() > bounds.ops_max;
  if (page.has_more) positions.pop_back();
  page.count = TRY(read_operations(reader, document->id, positions, [&](const LoggedOp& op) {
    if (!leaves_out || !leaves_out(op)) {
      if (!page.operations.empty() && page.operations.size() + op.body.size() > bounds.bytes_max)
        return false;
      if (!page.operations.empty()) page.operations += ',';
      append_operation(page.operations, op.position, op.replica, op.counter, op.body);
    }
    page.to = op.position;
    return true;
  }));
  // Cut by bytes, or rows were compacted away under us: the reader asks again from `to` and misses
  // nothing.
  if (page.count < positions.size()) page.has_more = true;
  return page;
}

Reply page_reply(const Tenant& tenant, const std::string& name, const Page& page) {
  if (page.needs_snapshot) {
    Reply reply = problem_reply(Problem::snapshot_required,
                                "operations after " + std::to_string(page.from) +
                                    " are only in the snapshot; load it and go on from its seq");
    // Relative to the document's own address; "./" keeps a colon in the name from looking like a
    // scheme.
    const std::string segment = name.substr(name.rfind('/') + 1);
    reply.fields.emplace_back(
        "location",
        "./" + text::percent_encode(segment, text::PercentSet::unreserved) + "/snapshot");
    return reply;
  }
  Reply reply = json_reply(
      200, json_of({tenant.epoch(), page.from, page.to, page.has_more, page.operations}));
  if (page.has_more && page.count > 0) {
    reply.fields.emplace_back("cache-control", immutable);
    reply.fields.emplace_back("etag", '"' + tenant.epoch() + ':' + std::to_string(page.from) + ':' +
                                          std::to_string(page.to) + '"');
  } else {
    reply.fields.emplace_back("cache-control", "no-store");
  }
  return reply;
}

std::optional<Reply> frame_reply(const Tenant& tenant, const Frame& frame, std::int64_t since,
                                 std::size_t ops_max) {
  if (frame.operations.empty() || since < frame.from || since >= frame.to) return std::nullopt;
  if (frame.count > ops_max || frame.operations.size() > limits::sync_page_bytes_max)
    return std::nullopt;
  // Positions are the tenant's: `since` may lie between two operations of this very commit.
  if (since > frame.from && frame.count > 1) return std::nullopt;
  Reply reply =
      json_reply(200, json_of({tenant.epoch(), since, frame.to, false, frame.operations}));
  reply.fields.emplace_back("cache-control", "no-store");
  return reply;
}

LogFeed::Read document_events(std::shared_ptr<Tenant> tenant, std::string name) {
  return [tenant = std::move(tenant),
          name = std::move(name)](std::int64_t cursor) -> Result<LogFeed::Refill> {
    Tenant::Lease lease = TRY(tenant->read());
    const PageBounds bounds{limits::sync_page_ops_max, limits::feed_bytes_max};
    const Page page = TRY(read_page(*tenant, *lease, name, cursor, bounds));
    LogFeed::Refill refill;
    refill.cursor = page.to;
    refill.has_more = page.has_more;
    if (page.needs_snapshot) return Error{Errc::missing, "behind the compaction point"};
    if (page.count == 0) return refill;
    const std::string json =
        json_of({tenant->epoch(), page.from, page.to, page.has_more, page.operations});
    refill.texts = {
        std::make_shared<const std::string>(event_text(tenant->epoch(), page.to, "ops", json))};
    return refill;
  };
}

}  // namespace weir::sync
