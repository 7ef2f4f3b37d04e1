#pragma once
// One commit in the making: what the jobs of a batch may see and do inside the transaction, and
// what becomes visible once it is on disk. Belongs to the writer of its tenant.

#include "base/clock.h"
#include "data/sqlite.h"
#include "sync/documents.h"
#include "sync/hlc.h"
#include "sync/hub.h"
#include "sync/reply.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::sync {

// Prepared once per tenant, for what happens with every push and put.
struct WriteStatements {
  data::Statement insert_op;
  data::Statement find_replica;
  data::Statement insert_replica;
  data::Statement find_high;
  data::Statement put_high;
  data::Statement put_meta;
  data::Statement count_pages;
  data::Statement find_kv;
  data::Statement put_kv;
  data::Statement drop_kv;

  static Result<WriteStatements> prepare(data::Database& database);
};

// What a commit is made of and never changes.
struct CommitContext {
  data::Database& database;
  WriteStatements& sql;
  const Documents& documents;
  const Hub& hub;
  const std::string& tenant;
  const std::string& epoch;
};

class Commit {
 public:
  Commit(const CommitContext& context, Wall now, std::int64_t last_position, const HlcClock& clock)
      : context_(context), now_(now), last_position_(last_position), clock_(clock) {}

  const CommitContext& context() const { return context_; }
  WriteStatements& sql() { return context_.sql; }
  Wall now() const { return now_; }
  std::int64_t take_position() { return ++last_position_; }
  std::int64_t last_position() const { return last_position_; }
  // The server's clock; taken over by the writer when the commit succeeds, and stored with it.
  HlcClock& clock() { return clock_; }
  bool has_changes() const { return has_changes_; }

  struct Counts {
    std::uint64_t ops_stored = 0;
    std::uint64_t ops_duplicate = 0;
    std::uint64_t kv_writes = 0;
  };
  Counts counts;

  // Documents as they are after the jobs so far.
  std::optional<Document> find_document(std::string_view name) const;
  Result<Document> create_document(const std::string& name);
  // As a row of the log, where it already is; `replica` and `body` as in op.h.
  struct Appended {
    std::int64_t position = 0;
    std::string_view replica;
    std::int64_t counter = 0;
    std::string_view body;
    std::uint64_t origin = 0;  // of the socket that sent it (Frame::Part)
  };
  void append(const std::string& name, const Appended& operation);
  void remove_document(const std::string& name);
  // Rows of the log that belong to it, also those of this commit.
  std::vector<std::int64_t> positions_of(const std::string& name) const;
  // The key has another value now, or none. `event` is made only when somebody follows.
  void change_key(std::string_view key, std::int64_t position,
                  const std::function<std::string()>& event);
  // Runs once the commit is on disk, before any reader sees it.
  void before(std::function<void()> note) { before_.push_back(std::move(note)); }
  // Runs after the commit, before anything is published.
  void after(std::function<void(Documents&)> change);

  // The commit is on disk: readers may see it.
  void reveal(Documents& documents);
  void publish(Hub& hub);
  std::vector<std::string> touched_documents() const;

 private:
  struct Staged {
    Document document;
    bool is_new = false;
    bool is_removed = false;
    bool is_followed = false;
    std::int64_t head_before = 0;
    std::vector<std::int64_t> positions;
    std::string operations;
    std::vector<Frame::Part> parts;
  };
  Staged& stage(const std::string& name);

  CommitContext context_;
  Wall now_;
  std::int64_t last_position_;
  HlcClock clock_;
  bool has_changes_ = false;
  std::map<std::string, Staged, std::less<>> staged_;
  std::vector<std::function<void()>> before_;
  std::vector<std::function<void(Documents&)>> after_;
  std::vector<std::pair<std::string, SharedFrame>> key_frames_;
};

// {"seq":7,"rep":"r_..","ctr":41,"e":...}
void append_operation(std::string& out, std::int64_t position, std::string_view replica,
                      std::int64_t counter, std::string_view body);

}  // namespace weir::sync
