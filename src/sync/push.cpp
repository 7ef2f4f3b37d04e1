#include "sync/push.h"

#include "base/must.h"

namespace weir::sync {

using text::Value;

namespace {

struct Push {
  std::string document;
  Pusher pusher;
  Batch batch;
};

struct Replica {
  std::int64_t id = 0;  // 0 = not seen before
  bool is_strangers = false;
};

Result<Replica> find_replica(Commit& commit, const Push& push) {
  data::Statement& find = commit.sql().find_replica;
  find.bind_text(1, push.batch.replica);
  Replica replica;
  if (TRY(find.step())) {
    replica.id = find.integer(0);
    replica.is_strangers = find.bytes(1) != push.pusher.subject;
  }
  find.reset();
  return replica;
}

Result<std::int64_t> make_replica(Commit& commit, const Push& push) {
  data::Statement& insert = commit.sql().insert_replica;
  const bool has_row =
      TRY(insert.bind_text(1, push.batch.replica).bind_text(2, push.pusher.subject).step());
  MUST(has_row);
  const std::int64_t id = insert.integer(0);
  insert.reset();
  return id;
}

Result<std::int64_t> high_of(Commit& commit, std::int64_t document, std::int64_t replica) {
  data::Statement& find = commit.sql().find_high;
  find.bind(1, document).bind(2, replica);
  const std::int64_t high = TRY(find.step()) ? find.integer(0) : 0;
  find.reset();
  return high;
}

struct Ack {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t high = 0;
  std::int64_t duplicates = 0;
  Hlc stamp;
};

Reply ack_reply(const Tenant& tenant, const Ack& ack) {
  std::string body = "{\"epoch\":\"" + tenant.epoch() + "\",\"seq\":" + std::to_string(ack.first);
  body += ",\"last\":" + std::to_string(ack.last) + ",\"high\":" + std::to_string(ack.high);
  body += ",\"dup\":" + std::to_string(ack.duplicates) + ",\"hlc\":\"" + ack.stamp.text();
  body += tenant.is_durable() ? "\",\"durable\":true}" : "\",\"durable\":false}";
  Reply reply = json_reply(200, std::move(body));
  reply.fields.emplace_back("sync-token", tenant.sync_token(ack.last));
  reply.fields.emplace_back("cache-control", "no-store");
  return reply;
}

Result<Reply> store(const Tenant& tenant, Commit& commit, const Push& push) {
  const Batch& batch = push.batch;
  const auto count = static_cast<std::int64_t>(batch.ops.size());
  auto document = commit.find_document(push.document);
  Replica replica = TRY(find_replica(commit, push));
  if (replica.is_strangers)
    return problem_reply(
        Problem::replica_mismatch,
        "the replica " + batch.replica + " belongs to another subject; take a new id");
  const bool is_known = document && replica.id != 0;
  const std::int64_t high = is_known ? TRY(high_of(commit, document->id, replica.id)) : 0;
  if (batch.first > high + 1)
    return problem_reply(Problem::op_gap,
                         "the next counter of this replica is " + std::to_string(high + 1) +
                             ", not " + std::to_string(batch.first),
                         {{"expected", Value(high + 1)}});
  const std::int64_t last_counter = batch.first + count - 1;
  const std::int64_t duplicates = std::min(count, high + 1 - batch.first);
  commit.counts.ops_duplicate += static_cast<std::uint64_t>(duplicates);
  if (duplicates == count)
    return ack_reply(tenant,
                     {document->head, document->head, high, duplicates, commit.clock().last()});
  if (document && document->is_full)
    return problem_reply(Problem::too_large,
                         "the document has reached its bounds; begin another one");
  if (!document && tenant.documents().count() >= limits::documents_max)
    return problem_reply(Problem::quota,
                         "the tenant has " + std::to_string(limits::documents_max) + " documents");

  if (!document) document = TRY(commit.create_document(push.document));
  if (replica.id == 0) replica.id = TRY(make_replica(commit, push));
  Ack ack{0, 0, last_counter, duplicates, {}};
  data::Statement& insert = commit.sql().insert_op;
  for (std::int64_t i = duplicates; i < count; ++i) {
    const StoredOp& op = batch.ops[static_cast<std::size_t>(i)];
    const std::int64_t position = commit.take_position();
    insert.bind(1, position).bind(2, document->id).bind(3, replica.id).bind(4, batch.first + i);
    insert.bind(5, static_cast<std::int64_t>(op.stamp.stamp))
        .bind(6, commit.now().millis())
        .bind_blob(7, op.body);
    TRY(insert.run());
    commit.append(push.document,
                  {position, batch.replica, batch.first + i, op.body, push.pusher.origin});
    ack.stamp = commit.clock().receive(op.stamp);
    if (ack.first == 0) ack.first = position;
    ack.last = position;
  }
  if (push.pusher.own != nullptr)
    commit.before([own = push.pusher.own, ack] { own->add(ack.first, ack.last); });
  data::Statement& put_high = commit.sql().put_high;
  put_high.bind(1, document->id)
      .bind(2, replica.id)
      .bind(3, last_counter)
      .bind(4, commit.now().millis());
  TRY(put_high.run());
  commit.counts.ops_stored += static_cast<std::uint64_t>(count - duplicates);
  return ack_reply(tenant, ack);
}

}  // namespace

BatchBounds bounds_at(const SyncSettings& settings, Wall now) {
  BatchBounds bounds;
  bounds.ops_max = settings.batch_ops_max;
  bounds.value_bytes_max = settings.value_bytes_max;
  bounds.server_now_ms = now.millis();
  bounds.stamp_max = hlc_of((now + settings.drift_max).millis(), 0xffff);
  return bounds;
}

Job push_job(const std::shared_ptr<Tenant>& tenant, std::string document, Pusher pusher,
             Batch batch) {
  Job job;
  job.ops = batch.ops.size();
  job.bytes = batch.bytes;
  const auto push =
      std::make_shared<const Push>(Push{std::move(document), std::move(pusher), std::move(batch)});
  job.apply = [tenant, push](Commit& commit) { return store(*tenant, commit, *push); };
  return job;
}

Job remove_job(const std::shared_ptr<Tenant>& tenant, std::string document) {
  Job job;
  job.grows = false;
  job.apply = [tenant, document = std::move(document)](Commit& commit) -> Result<Reply> {
    const auto found = commit.find_document(document);
    if (!found) return problem_reply(Problem::not_found, "there is no document of this name");
    data::Database& database = commit.context().database;
    commit.take_position();  // the end has a place in the order, too
    data::Statement drop =
        TRY(database.prepare("DELETE FROM log WHERE seq=?", "delete operations"));
    for (const std::int64_t position : commit.positions_of(document))
      TRY(drop.bind(1, position).run());
    for (const std::string_view sql :
         {"DELETE FROM high WHERE doc=?", "DELETE FROM doc WHERE id=?"}) {
      data::Statement statement = TRY(database.prepare(sql, "delete a document"));
      TRY(statement.bind(1, found->id).run());
    }
    commit.remove_document(document);
    Reply reply;
    reply.status = 204;
    reply.fields.emplace_back("sync-token", tenant->sync_token(commit.last_position()));
    return reply;
  };
  return job;
}

}  // namespace weir::sync
