#pragma once
// One client of the subprotocol weir.sync.v1 (data, section 8), without its socket: what it says
// comes in as texts, what it is told goes out as whole WebSocket frames.
//
// The promise:
//   - an `ack` is sent after the commit is on disk, and tells the same as the reply over HTTP; a
//     `nack` means that nothing of the batch was stored;
//   - per document, `ops` frames follow each other without a gap: each has `from` at most the
//     client's cursor, and its `to` is the next cursor. The operations that this socket sent itself
//     since it subscribed are not in them, but their positions are, so the cursor stays one number
//     (own_operations.h has the bound). A client that reads too slowly loses its queue, never an
//     operation (log_feed.h);
//   - rules are asked at hello, at each sub and push, and again with each new token.
//
// Messages, JSON objects with `t`; C is the client, S the server:
//   C hello {v:1, docs:[{d, since}], rep?, epoch?}   first, within limits::session_hello_max
//   S ready {epoch, now, limits, docs:[{d, seq, mode:"tail|catchup|snapshot"} | {d, err}]}
//   C push  {id, d, rep, n, ops}                     S ack {id, d, epoch, seq, last, high, dup,
//                                                    hlc, durable} | S nack {id, d, problem}
//   C sub {d, since}, unsub {d}                      S ready with that one document; none for unsub
//   S ops {d, from, to, ops}                         S removed {d, to}: the document was deleted
//   S snap {d, seq, part, last, state, vv?, xxh3?}   `state`: a piece of the state's text; vv and
//                                                    xxh3 with the last one
//   C pres {d, v}, S pres {d, rep, v}                v null: gone; also sent when a socket closes
//   S reauth {in}, C auth {jwt}, S auth {in}         seconds until the token ends
//   S gone {d, err}                                  the subscription has ended
//   S bye {reason:"stop"|"restart", retry_ms}        then the socket closes with 1001 or 1012
// Close codes: 4400 bad message, 4401 auth, 4403 forbidden, 4408 hello timeout, 4409 epoch changed
// (the reason is the epoch that holds), 4429 rate, 1013 overloaded.
//
// Use as a Feed: `take` whenever the socket has room; `wake` is called, from any thread and without
// a lock held, when there is more to take or `wants_input` has changed. Callable from any thread;
// `receive` by one thread at a time, not while `wants_input` is false. Never blocks on a disk.

#include "base/guarded.h"
#include "base/limits_live.h"
#include "sync/access.h"
#include "sync/log_feed.h"
#include "sync/own_operations.h"
#include "sync/tenants.h"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::sync {

// How many sockets each subject has.
class SessionTable {
 public:
  // False: over limits::sessions_per_subject_max. The empty subject is not counted.
  bool enter(const std::string& subject);
  void leave(const std::string& subject);

 private:
  Guarded<std::unordered_map<std::string, std::size_t>> counts_;
};

// What a service lends to its sessions; outlives them.
struct SessionRoom {
  const SyncSettings& settings;
  const Clock& clock;
  Hub& hub;
  WorkerPool& readers;
  Tenants& tenants;
  const AccessRules& rules;
  const TenantOf& tenant_of;
  SessionTable& table;
  const std::atomic<bool>& restarts;  // a successor takes over: the end is no stop
  // Keeps the service from stopping until the reply has come.
  std::function<Answer(Answer)> counted;
};

enum class Farewell : std::uint8_t { stop, restart };

class Session final : public Follower, public std::enable_shared_from_this<Session> {
 public:
  // `origin` is never used again in the life of the service.
  Session(const SessionRoom& room, SessionAsk ask, std::string tenant, std::uint64_t origin);
  ~Session() override;
  enum class Joined : std::uint8_t { yes, too_many, too_many_of_subject };
  Joined join();  // begins the time for hello

  void start(std::function<void()> wake);
  void receive(std::string_view message);

  struct Taken {
    std::vector<SharedText> frames;  // whole WebSocket frames, oldest first
    bool wants_input = true;
    std::uint16_t close_code = 0;  // not 0: say this after the frames; nothing will follow
    std::string close_reason;
  };
  Taken take(std::size_t bytes_max);

  // What was pushed is acknowledged, then `bye` and a close.
  void say_goodbye(Farewell farewell);
  void close();  // the socket has gone

  void on_frame(const SharedFrame&) override {}
  std::optional<Mono> on_time(Mono now) override;
  void on_end() override;

 private:
  enum class Phase : std::uint8_t { greeting, live, over };
  struct Subscription {
    std::shared_ptr<LogFeed> feed;
    std::shared_ptr<OwnOperations> own;  // pushed since it began
    bool is_ready = false;               // stands in ready_
    bool has_presence = false;
  };
  using Wake = std::function<void()>;

  // Messages; each runs alone (busy_ or the thread of receive) and takes the lock where it must.
  void understand(std::string_view message);
  void hello(const text::Value& message);
  void greet(const std::shared_ptr<Tenant>& tenant, const text::Value& message);
  void push(const text::Value& message, bool is_attack);
  void subscribe(const text::Value& message);
  void unsubscribe(const text::Value& message);
  void show_presence(const text::Value& message);
  void renew(const text::Value& message);

  std::optional<std::string> follow(const text::Value& wanted, std::vector<std::string>& followed);
  void say_ready(const std::vector<std::string>& rows);
  std::optional<std::string> document_in(const text::Value& message);
  void refuse_push(const std::string& id, const std::string& document, const Reply& reply);
  void acknowledge(const std::string& id, const std::string& document, const Reply& reply);
  void drop(const std::string& document);
  void publish_presence(const std::string& document, std::string_view value);
  void on_feed(const std::string& document);

  void say(std::string_view json);
  void end(std::uint16_t code, std::string reason);
  void set_busy(bool busy);
  bool wants_input() const;    // call with the lock held
  Mono reauth_at() const;      // call with the lock held
  Mono next_deadline() const;  // call with the lock held
  Wake stir();                 // call with the lock held, run the result without it
  void finish_farewell();      // call with the lock held
  std::shared_ptr<const text::Value> claims() const;
  bool may(Verb verb, const std::string& document) const;

  const SessionRoom room_;
  const std::string host_;
  const std::string tenant_name_;
  const std::string subject_;
  const std::shared_ptr<SessionGate> gate_;
  const std::uint64_t origin_;
  bool counted_in_table_ = false;

  // Written while no message is understood.
  std::shared_ptr<Tenant> tenant_;
  std::string replica_;

  mutable std::mutex mutex_;  // nothing is called while it is held but feeds, and the pool's offer
  Phase phase_ = Phase::greeting;
  std::shared_ptr<const text::Value> claims_;
  std::uint64_t follower_ = 0;
  Wake wake_;
  bool woken_ = false;
  std::size_t busy_ = 0;  // a message is worked on elsewhere
  bool hello_came_ = false;
  std::size_t unacknowledged_ = 0;
  std::deque<SharedText> said_;
  std::map<std::string, Subscription, std::less<>> subscriptions_;
  std::deque<std::string> ready_;  // documents whose feed may have something
  std::optional<Farewell> farewell_;
  std::uint16_t close_code_ = 0;
  std::string close_reason_;
  Mono hello_until_;
  Mono token_until_;
  bool reauth_asked_ = false;

  // Rates: so many at once, refilled by the clock.
  struct Bucket {
    double left = 0;
    Mono at;
    bool take(Mono now, double per_second, double most);
  };
  Bucket messages_;
  Bucket pushes_;
  Bucket presences_;
};

// The log does not reach back to `since`, or too much would have to be sent.
bool needs_snapshot(const Tenant& tenant, const std::string& document, std::int64_t since);

// For feeds of sockets: the messages of a document after a cursor, without the operations in `own`;
// a snapshot when the log does not reach back, or when more than limits::session_replay_ops_max
// operations would have to be sent.
LogFeed::Read document_messages(std::shared_ptr<Tenant> tenant, std::string document,
                                std::shared_ptr<const OwnOperations> own);

}  // namespace weir::sync
