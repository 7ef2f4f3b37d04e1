#pragma once
// The data side as one object: CRDT sync (`/sync/**`) and key-value (`/kv/**`) of all tenants.
//
// The promise:
//   - what a reply acknowledges is on disk (a commit with synchronous=FULL); what any reader or
//     feed has seen, too;
//   - rules are deny by default: without a [[data.sync_rule]] (or kv_rule) nobody reads or writes,
//     and the reply names the table to add;
//   - a refused batch has stored nothing.
//
// Threads: `answer` and `cancel` may be called from any thread and never touch a disk or wait:
// small bodies are decoded on the caller's thread (at most limits::sync_inline_bytes_max),
// everything else goes to the service's own threads. A reply comes exactly once, mostly on a
// service thread, sometimes before `answer` returns on the caller's; the callback must be cheap
// (post to a loop). After the destructor no callback runs.
//
// Requests (path below the mount, decoded, no slash in front):
//   sync  POST   {doc}/ops        {"rep","n","ops"}
//                                 -> {"epoch","seq","last","high","dup","hlc","durable"} and
//                                 Sync-Token
//         GET    {doc}            ?since=&limit=&wait=&epoch=
//                                 -> {"epoch","from","to","more","ops"}; ?live=sse -> feed
//         GET    {doc}/snapshot   -> {"epoch","seq","vv","xxh3","state"}
//         HEAD   {doc}            -> Sync-Seq field
//         DELETE {doc}            -> 204
//   kv    GET    {key}            -> the value; ?watch=1 -> feed. HEAD alike
//         PUT    {key}            If-Match, If-None-Match: *, Expires-In (seconds), Expires-At
//                                 (RFC 3339)
//         DELETE {key}            If-Match
//         GET    (empty path)     ?prefix=&cursor=&limit= -> {"items","cursor"}
//         POST   atomic           {"checks","sets","deletes"}

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/result.h"
#include "sync/feed.h"
#include "sync/reply.h"
#include "text/value.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weir::sync {

enum class Surface : std::uint8_t { sync, kv };

// The request fields that the data side reads; edge copies those that are present, names in lower
// case.
inline constexpr std::array<std::string_view, 6> ask_fields{
    "if-match", "if-none-match", "expires-in", "expires-at", "content-type", "last-event-id"};

struct Ask {
  Surface surface = Surface::sync;
  std::string method;  // "GET"
  std::string path;    // below the mount, percent-decoded once, without a slash in front
  std::string query;   // raw, without '?'
  std::string host;    // lower case, without port; only used when the tenant is the host
  std::vector<std::pair<std::string, std::string>> fields = {};  // of ask_fields
  std::shared_ptr<const text::Value> claims = {};  // of the verified token; null = nobody
  std::string body = {};                           // read within limits::sync_body_bytes_max
};

enum class Verb : std::uint8_t { read, write };

// What the edge decides for a session (session.h): it knows routes, tokens and inspection.
class SessionGate {
 public:
  virtual ~SessionGate() = default;
  // Whether the document's own address is guarded as the socket's is. Any thread.
  virtual bool may_reach(Verb verb, std::string_view document) const = 0;
  // The claims of a new token; null = it is not good. Any thread.
  virtual std::shared_ptr<const text::Value> authenticate(std::string_view token) const = 0;
  // Whether the message looks like an attack. Any thread.
  virtual bool is_attack(std::string_view message) const = 0;
};

// A client who wants to speak weir.sync.v1.
struct SessionAsk {
  std::string host;                                // as in Ask
  std::shared_ptr<const text::Value> claims = {};  // as in Ask
  std::shared_ptr<SessionGate> gate = {};
};

class Session;

enum class Durability : std::uint8_t { full, relaxed };

// One [[data.sync_rule]] or [[data.kv_rule]].
struct AccessRule {
  std::string match;  // "notes/{owner}/**"
  std::string read;   // rule expression (text/rule.h); empty = nobody
  std::string write;
  Place place = {};  // of the table, for errors
};

struct SyncSettings {
  std::string directory;              // data.dir; made when missing
  std::string tenant = "const:main";  // "claim:<name>" | "host" | "const:<name>"
  Durability durability = Durability::full;
  Nanos drift_max = limits::sync_drift_max;
  Nanos long_poll_max = limits::sync_long_poll_max;
  Nanos retain = limits::sync_retain;
  std::size_t batch_ops_max = limits::sync_batch_ops_max;
  std::size_t value_bytes_max = limits::sync_value_bytes_max;
  std::size_t tenant_bytes_max = limits::tenant_bytes_max;
  std::size_t feeds_max = limits::sync_waiters_max;  // feeds and long polls together
  std::size_t feed_bytes_max = limits::feed_bytes_max;
  std::vector<AccessRule> sync_rules = {};
  std::vector<AccessRule> kv_rules = {};
  std::size_t writer_threads = 2;
  std::size_t reader_threads = 2;
};

// Names one call of `answer` until its reply came; 0 names none.
using AskId = std::uint64_t;

class SyncService {
 public:
  // Compiles the rules (errors carry the rule's place), takes the directory's lock (Errc::exists
  // when another process owns it) and starts the threads. `clock` and `log` must outlive the
  // service.
  static Result<std::unique_ptr<SyncService>> open(SyncSettings settings, const Clock& clock,
                                                   Log& log);
  ~SyncService();  // stop(), then joins
  SyncService(const SyncService&) = delete;
  SyncService& operator=(const SyncService&) = delete;

  AskId answer(Ask ask, Answer on_reply);
  // A session, or why there is none: 401, 403, 429 (too many of this subject), 503. Close it when
  // the socket has gone. On the caller's thread; does not wait.
  std::variant<std::shared_ptr<Session>, Reply> open_session(SessionAsk ask);
  // The asker is gone: a waiting long poll is forgotten without a reply. No effect once the reply
  // is under way.
  void cancel(AskId id);

  // For the drain on shutdown: long polls are answered with an empty page, feeds end, later asks
  // get 503 overloaded; what is queued is committed and acknowledged. Returns when the queues are
  // empty.
  void stop();

  // For a successor on the same directory (a binary upgrade): `stop`, and the directory is free.
  // `take_back` is for when the successor has failed; Errc::exists = somebody has the directory.
  void let_go();
  Status take_back();

  struct Counters {
    std::uint64_t ops_stored = 0;
    std::uint64_t ops_duplicate = 0;
    std::uint64_t commits = 0;
    std::uint64_t kv_writes = 0;
    std::uint64_t refused = 0;  // replies with a problem
    std::uint64_t waiting = 0;  // long polls, feeds and sessions with each of their documents
    std::uint64_t tenants_open = 0;
    std::uint64_t tenants_failed = 0;  // read-only after a failed write or sync
  };
  Counters counters() const;

 private:
  class Parts;
  explicit SyncService(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::sync
