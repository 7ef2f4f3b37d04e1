#include "sync/fold.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "sync/pages.h"

#include <algorithm>

namespace weir::sync {

Result<Folded> fold_document(const Tenant& tenant, Reader& reader, const std::string& name) {
  Folded folded;
  const auto document = tenant.documents().find(name);
  if (!document) return folded;
  // Before the transaction: what is compacted in between is in the snapshot that the transaction
  // sees. Asked behind it, the positions of a compaction that it does not see would be missing, and
  // so would the operations. They may name rows that are younger; read_operations stops there.
  std::vector<std::int64_t> positions =
      tenant.documents().positions(name, document->folded, SIZE_MAX);
  const data::Transaction transaction =
      TRY(data::Transaction::begin(reader.database, data::Transaction::Kind::read));
  reader.snapshot.bind(1, document->id);
  if (!TRY(reader.snapshot.step())) {  // deleted since we looked
    reader.snapshot.reset();
    return folded;
  }
  folded.document = document->id;
  folded.position = reader.snapshot.integer(0);
  if (!reader.snapshot.is_null(2)) {
    VersionVector versions = TRY(parse_versions(reader.snapshot.bytes(1)));
    folded.state = TRY(DocumentState::parse(reader.snapshot.bytes(2), std::move(versions)));
  }
  reader.snapshot.reset();

  positions.erase(positions.begin(),
                  std::upper_bound(positions.begin(), positions.end(), folded.position));
  std::optional<Error> broken;
  folded.replayed =
      TRY(read_operations(reader, document->id, positions, [&folded, &broken](const LoggedOp& row) {
        Result<Op> op = parse_body(row.body);
        if (!op) {
          broken = std::move(op).error().in("operation " + std::to_string(row.position));
          return false;
        }
        folded.state.merge(row.replica, row.counter, *op);
        folded.position = row.position;
        return true;
      }));
  if (broken) return *std::move(broken);
  return folded;
}

std::string snapshot_etag(const Tenant& tenant, std::int64_t position) {
  return '"' + tenant.epoch() + ":s" + std::to_string(position) + '"';
}

std::string state_hash_text(std::string_view state) {
  std::string hash(8, '\0');
  const std::uint64_t checksum = xxh3_64(state);
  for (std::size_t i = 0; i < hash.size(); ++i)
    hash[i] = static_cast<char>(checksum >> (56 - 8 * i) & 0xff);
  return hex_of(bytes_of(hash));
}

Reply snapshot_reply(const Tenant& tenant, const Folded& folded) {
  const std::string state = folded.state.text();
  std::string body =
      "{\"epoch\":\"" + tenant.epoch() + "\",\"seq\":" + std::to_string(folded.position);
  body += ",\"vv\":" + json_of(folded.state.versions()) + ",\"xxh3\":\"" + state_hash_text(state) +
          "\",\"state\":";
  body += state;
  body += '}';
  Reply reply = json_reply(200, std::move(body));
  reply.fields.emplace_back("etag", snapshot_etag(tenant, folded.position));
  reply.fields.emplace_back("cache-control", "private, no-cache");
  return reply;
}

namespace {

// Old rows that the snapshot holds. One bounded commit; offers itself again while there is more.
Job compact_job(const std::shared_ptr<Tenant>& tenant, const std::string& name) {
  Job job;
  job.ops = limits::sync_compact_rows;
  job.grows = false;
  const auto is_more = std::make_shared<bool>(false);
  job.apply = [tenant, name, is_more](Commit& commit) -> Result<Reply> {
    const auto document = commit.find_document(name);
    if (!document) return Reply{};
    const std::int64_t horizon_ms =
        commit.now().millis() -
        std::chrono::duration_cast<std::chrono::milliseconds>(tenant->room().settings.retain)
            .count();
    data::Database& database = commit.context().database;
    data::Statement drop =
        TRY(database.prepare("DELETE FROM log WHERE seq=? AND recv<?", "delete old operations"));
    std::int64_t gone = document->gone;
    std::size_t dropped = 0;
    for (const std::int64_t position :
         tenant->documents().positions(name, 0, limits::sync_compact_rows)) {
      if (position > document->folded) break;
      TRY(drop.bind(1, position).bind(2, horizon_ms).run());
      if (database.changes() == 0) break;
      gone = position;
      ++dropped;
    }
    if (dropped == 0) return Reply{};
    data::Statement note =
        TRY(database.prepare("UPDATE doc SET gone=? WHERE id=?", "note what is gone"));
    TRY(note.bind(1, gone).bind(2, document->id).run());
    commit.after([name, gone](Documents& documents) { documents.note_gone(name, gone); });
    *is_more = dropped == limits::sync_compact_rows;
    return Reply{};
  };
  job.answer = [tenant, name, is_more](const Reply& reply) {
    if (!reply.failed() && *is_more && !tenant->room().is_stopping)
      tenant->offer(compact_job(tenant, name));
  };
  return job;
}

bool is_over_bounds(const DocumentState::Size& size, std::size_t bytes) {
  return size.entities > limits::sync_entities_max || size.fields_most > limits::sync_fields_max ||
         size.members_most > limits::sync_set_max || bytes > limits::sync_document_bytes_max;
}

Job store_job(const std::shared_ptr<Tenant>& tenant, const std::string& name,
              const Folded& folded) {
  const DocumentState::Size size = folded.state.size();
  struct Stored {
    std::string state;
    std::string versions;
    std::int64_t document;
    Documents::Fold fold;
  };
  auto stored = std::make_shared<Stored>();
  stored->state = folded.state.text();
  stored->versions = json_of(folded.state.versions());
  stored->document = folded.document;
  // A large document is rewritten as a whole: let the work for it grow with what is new.
  stored->fold = {folded.position, std::max(limits::sync_fold_ops_min, size.live_values / 4),
                  is_over_bounds(size, stored->state.size())};
  Job job;
  job.bytes = stored->state.size();
  job.grows = false;  // it is how a full tenant becomes smaller
  job.apply = [stored, name, tenant](Commit& commit) -> Result<Reply> {
    const auto document = commit.find_document(name);
    if (!document || document->id != stored->document) return Reply{};  // deleted meanwhile
    data::Statement store = TRY(commit.context().database.prepare(
        "UPDATE doc SET snap=?, vv=?, snap_seq=?, seq=max(seq, ?), is_full=? WHERE id=?",
        "store a snapshot"));
    store.bind_blob(1, stored->state).bind_blob(2, stored->versions);
    store.bind(3, stored->fold.folded)
        .bind(4, stored->fold.folded)
        .bind(5, stored->fold.is_full ? 1 : 0);
    TRY(store.bind(6, stored->document).run());
    commit.after([stored, name](Documents& documents) { documents.note_fold(name, stored->fold); });
    return Reply{};
  };
  return job;
}

}  // namespace

void fold_in_background(const std::shared_ptr<Tenant>& tenant, const std::string& name,
                        std::function<void()> when_done) {
  const auto fold = [&tenant, &name]() -> Result<Folded> {
    Tenant::Lease lease = TRY(tenant->read());
    return fold_document(*tenant, *lease, name);
  };
  Result<Folded> folded = fold();
  if (!folded || folded->document == 0) {
    if (!folded)
      tenant->room().log.error(
          "fold failed",
          {{"tenant", tenant->name()}, {"document", name}, {"reason", folded.error().what}});
    when_done();
    return;
  }
  Job job = store_job(tenant, name, *folded);
  job.answer = [tenant, name, when_done = std::move(when_done)](const Reply& reply) {
    when_done();
    if (!reply.failed() && !tenant->room().is_stopping) tenant->offer(compact_job(tenant, name));
  };
  tenant->offer(std::move(job));
}

}  // namespace weir::sync
