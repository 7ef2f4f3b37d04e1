#include "sync/commit.h"

#include "base/must.h"

#include <algorithm>

namespace weir::sync {

Result<WriteStatements> WriteStatements::prepare(data::Database& database) {
  WriteStatements sql;
  sql.insert_op = TRY(database.prepare(
      "INSERT INTO log (seq, doc, rep, ctr, hlc, recv, body) VALUES (?,?,?,?,?,?,?)",
      "append to the log"));
  sql.find_replica =
      TRY(database.prepare("SELECT id, subject FROM rep WHERE name=?", "look up a replica"));
  sql.insert_replica = TRY(database.prepare(
      "INSERT INTO rep (name, subject) VALUES (?,?) RETURNING id", "remember a replica"));
  sql.find_high =
      TRY(database.prepare("SELECT ctr FROM high WHERE doc=? AND rep=?", "look up a counter"));
  sql.put_high = TRY(
      database.prepare("INSERT INTO high (doc, rep, ctr, seen) VALUES (?,?,?,?) "
                       "ON CONFLICT (doc, rep) DO UPDATE SET ctr=excluded.ctr, seen=excluded.seen",
                       "raise a counter"));
  sql.put_meta = TRY(database.prepare(
      "UPDATE meta SET v=CASE k WHEN 'seq' THEN ?1 ELSE ?2 END WHERE k IN ('seq','hlc')",
      "store position and clock"));
  sql.count_pages = TRY(database.prepare("PRAGMA page_count", "count the pages"));
  sql.find_kv = TRY(
      database.prepare("SELECT ver FROM kv WHERE k=? AND (exp IS NULL OR exp>?)", "look up a key"));
  sql.put_kv = TRY(database.prepare(
      "INSERT OR REPLACE INTO kv (k, ver, exp, type, v) VALUES (?,?,?,?,?)", "store a key"));
  sql.drop_kv = TRY(database.prepare("DELETE FROM kv WHERE k=?", "delete a key"));
  return sql;
}

Commit::Staged& Commit::stage(const std::string& name) {
  has_changes_ = true;
  const auto known = staged_.find(name);
  if (known != staged_.end()) return known->second;
  Staged& staged = staged_[name];
  if (const auto committed = context_.documents.find(name)) {
    staged.document = *committed;
    staged.head_before = committed->head;
  }
  staged.is_followed = context_.hub.is_followed(document_key(context_.tenant, name));
  return staged;
}

std::optional<Document> Commit::find_document(std::string_view name) const {
  const auto known = staged_.find(name);
  if (known == staged_.end()) return context_.documents.find(name);
  if (known->second.is_removed) return std::nullopt;
  return known->second.document;
}

Result<Document> Commit::create_document(const std::string& name) {
  data::Statement insert = TRY(context_.database.prepare(
      "INSERT INTO doc (name) VALUES (?) RETURNING id", "make a document"));
  const bool has_row = TRY(insert.bind_text(1, name).step());
  MUST(has_row);
  Staged& staged = stage(name);
  staged.document = Document{};
  staged.document.id = insert.integer(0);
  staged.is_new = true;
  staged.is_removed = false;
  return staged.document;
}

void Commit::append(const std::string& name, const Appended& operation) {
  Staged& staged = stage(name);
  staged.document.head = operation.position;
  staged.positions.push_back(operation.position);
  if (!staged.is_followed) return;
  if (!staged.operations.empty()) staged.operations += ',';
  append_operation(staged.operations, operation.position, operation.replica, operation.counter,
                   operation.body);
  if (staged.parts.empty() || staged.parts.back().origin != operation.origin)
    staged.parts.push_back({operation.origin, 0});
  staged.parts.back().end = staged.operations.size();
}

void Commit::remove_document(const std::string& name) {
  Staged& staged = stage(name);
  staged.document = Document{};
  staged.is_removed = true;
  staged.is_new = false;
  staged.positions.clear();
  staged.operations.clear();
  staged.parts.clear();
}

std::vector<std::int64_t> Commit::positions_of(const std::string& name) const {
  const auto known = staged_.find(name);
  const bool is_replaced =
      known != staged_.end() && (known->second.is_new || known->second.is_removed);
  std::vector<std::int64_t> positions;
  if (!is_replaced) positions = context_.documents.positions(name, 0, SIZE_MAX);
  if (known != staged_.end())
    positions.insert(positions.end(), known->second.positions.begin(),
                     known->second.positions.end());
  return positions;
}

void Commit::change_key(std::string_view key, std::int64_t position,
                        const std::function<std::string()>& event) {
  has_changes_ = true;
  std::string followed = kv_key(context_.tenant, key);
  if (!context_.hub.is_followed(followed)) {
    // Somebody may begin to follow before this is published: tell him that something came.
    key_frames_.emplace_back(std::move(followed), nullptr);
    return;
  }
  auto frame = std::make_shared<Frame>();
  frame->kind = Frame::Kind::value;
  frame->to = position;
  frame->count = 1;
  frame->value = std::make_shared<const std::string>(event());
  key_frames_.emplace_back(std::move(followed), std::move(frame));
}

void Commit::after(std::function<void(Documents&)> change) {
  has_changes_ = true;
  after_.push_back(std::move(change));
}

void Commit::reveal(Documents& documents) {
  for (const auto& note : before_) note();
  for (auto& [name, staged] : staged_) {
    if (staged.is_removed || staged.is_new) documents.remove(name);
    if (staged.is_new) {
      Document empty;
      empty.id = staged.document.id;
      documents.add(name, empty);
    }
    documents.append(name, staged.positions);
  }
  for (const auto& change : after_) change(documents);
}

void Commit::publish(Hub& hub) {
  for (auto& [name, staged] : staged_) {
    if (staged.positions.empty() && !staged.is_removed) continue;
    auto frame = std::make_shared<Frame>();
    frame->kind = staged.positions.empty() ? Frame::Kind::removal : Frame::Kind::operations;
    frame->from = staged.head_before;
    frame->to = staged.positions.empty() ? last_position_ : staged.positions.back();
    frame->count = staged.positions.size();
    if (staged.is_followed) {
      frame->document = name;
      frame->epoch = context_.epoch;
      frame->operations = std::move(staged.operations);
      frame->parts = std::move(staged.parts);
    }
    hub.publish(document_key(context_.tenant, name), std::move(frame));
  }
  for (auto& [key, frame] : key_frames_) {
    if (frame == nullptr) {
      auto unseen = std::make_shared<Frame>();
      unseen->kind = Frame::Kind::value;
      unseen->to = last_position_;
      frame = std::move(unseen);
    }
    hub.publish(key, frame);
  }
}

std::vector<std::string> Commit::touched_documents() const {
  std::vector<std::string> names;
  for (const auto& [name, staged] : staged_)
    if (!staged.positions.empty()) names.push_back(name);
  return names;
}

void append_operation(std::string& out, std::int64_t position, std::string_view replica,
                      std::int64_t counter, std::string_view body) {
  out += "{\"seq\":";
  out += std::to_string(position);
  out += ",\"rep\":\"";
  out += replica;
  out += "\",\"ctr\":";
  out += std::to_string(counter);
  out += ',';
  out += body;
}

}  // namespace weir::sync
