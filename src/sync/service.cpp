// What the data side answers to one request: documents, keys, sessions. Long because its parts
// share the tenants, the readers, the waiting and the counters; what they do to data stands
// elsewhere (push, pages, fold, kv).

#include "sync/service.h"

#include "base/file.h"
#include "base/guarded.h"
#include "base/must.h"
#include "sync/access.h"
#include "sync/fold.h"
#include "sync/kv.h"
#include "sync/long_poll.h"
#include "sync/pages.h"
#include "sync/push.h"
#include "sync/session.h"
#include "sync/tenants.h"
#include "text/url.h"
#include "text/utf8.h"

#include <algorithm>
#include <condition_variable>
#include <thread>
#include <unordered_map>

#include <fcntl.h>
#include <sys/file.h>

namespace weir::sync {

namespace {

using namespace std::chrono_literals;

// How long the timekeeper sleeps at most: expired keys go with its ticks.
constexpr auto tick = 1s;

class Query {
 public:
  explicit Query(std::string_view raw) : pairs_(text::parse_query(raw, 32)) {}
  std::string_view find(std::string_view name) const {
    for (const auto& [key, value] : pairs_)
      if (key == name) return value;
    return {};
  }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

std::string_view field_of(const Ask& ask, std::string_view name) {
  for (const auto& [key, value] : ask.fields)
    if (key == name) return value;
  return {};
}

Reply not_allowed(std::string_view allow) {
  Reply reply =
      problem_reply(Problem::method_not_allowed, "this address understands " + std::string(allow));
  reply.fields.emplace_back("allow", allow);
  return reply;
}

Reply overloaded_reply() {
  return problem_reply(Problem::overloaded, "too many requests are waiting; try again in a second");
}

bool take_suffix(std::string& path, std::string_view suffix) {
  if (path.size() <= suffix.size() ||
      std::string_view(path).substr(path.size() - suffix.size()) != suffix)
    return false;
  path.resize(path.size() - suffix.size());
  return true;
}

Reply epoch_changed(const Tenant& tenant) {
  return problem_reply(Problem::epoch_changed,
                       "the position is of another epoch; push again what was not acknowledged, "
                       "then load a snapshot",
                       {{"epoch", text::Value(tenant.epoch())}});
}

// Where a reader stands.
struct Cursor {
  std::int64_t since = 0;
  std::string epoch;  // empty = any
};

std::variant<Cursor, Reply> parse_cursor(const Query& query, std::string_view last_event_id) {
  Cursor cursor;
  std::string_view since = query.find("since");
  cursor.epoch = query.find("epoch");
  if (const std::size_t dot = last_event_id.rfind('.'); dot != std::string_view::npos) {
    cursor.epoch = last_event_id.substr(0, dot);
    since = last_event_id.substr(dot + 1);
  }
  if (since.empty()) return cursor;
  const auto position = parse_i64(since);
  if (!position || *position < 0)
    return problem_reply(Problem::bad_request,
                         "since: expected the position of an operation, from 0");
  cursor.since = *position;
  return cursor;
}

bool is_of(const Tenant& tenant, const Cursor& cursor) {
  return (cursor.epoch.empty() || cursor.epoch == tenant.epoch()) &&
         cursor.since <= tenant.last_position();
}

std::variant<std::size_t, Reply> parse_count(std::string_view text, std::string_view name,
                                             std::size_t most) {
  if (text.empty()) return most;
  const auto count = parse_u64(text);
  if (!count || *count == 0)
    return problem_reply(Problem::bad_request,
                         std::string(name) + ": expected a whole number from 1");
  return std::min<std::size_t>(*count, most);
}

Reply stream_reply(std::shared_ptr<LogFeed> feed) {
  Reply reply;
  reply.fields = {{"content-type", "text/event-stream"}, {"cache-control", "no-store"}};
  reply.feed = std::make_shared<FeedHandle>(std::move(feed));
  return reply;
}

Result<Descriptor> own_directory(const std::string& directory) {
  TRY(make_directories(directory));
  const std::string path = directory + "/LOCK";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.is_open())
    return Error{errc_of(errno), "cannot open " + path + ": " + reason_of(errno)};
  if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0)
    return Error{Errc::exists, directory + " is in use by another weir"}.with_help(
        "stop it, or give this one another data.dir");
  return lock;
}

}  // namespace

// --- the parts -----------------------------------------------------------------------------------

class SyncService::Parts {
 public:
  Parts(SyncSettings settings, const Clock& clock, Log& log, Descriptor lock, TenantOf tenant_of,
        AccessRules sync_rules, AccessRules kv_rules);
  ~Parts();

  AskId answer(Ask ask, Answer on_reply);
  std::variant<std::shared_ptr<Session>, Reply> open_session(SessionAsk ask);
  void cancel(AskId id);
  void stop();
  void let_go();
  Status take_back();
  Counters counters() const;

 private:
  using WithTenant = std::function<void(const std::shared_ptr<Tenant>&)>;
  using WithReader = std::function<Result<Reply>(const Tenant&, Reader&)>;

  Answer counted(Answer on_reply);
  void on_reader(const Answer& answer, std::function<void()> work);
  // Runs `use` here when the tenant is open, else on a reader thread after opening it.
  void with_tenant(const std::string& name, const Answer& answer, WithTenant use);
  void read(const std::string& tenant, const Answer& answer, WithReader use);
  void fail(const Answer& answer, const Error& error);

  AskId answer_sync(const std::string& tenant, Ask& ask, const Answer& answer);
  AskId answer_document(const std::string& tenant, Ask& ask, const Answer& answer);
  void push(const std::string& tenant, Ask& ask, const Answer& answer);
  void snapshot(const std::string& tenant, const Ask& ask, const Answer& answer);
  void follow(const std::string& tenant, const Ask& ask, const Cursor& cursor,
              const Answer& answer);
  void page(const std::string& tenant, const Ask& ask, const Cursor& cursor, std::size_t ops_max,
            const Answer& answer);
  AskId wait(const std::string& tenant, const Cursor& cursor, LongPoll::Question question,
             const Answer& answer);

  void answer_kv(const std::string& tenant, Ask& ask, const Answer& answer);
  void list_keys(const std::string& tenant, const Ask& ask, const Answer& answer);
  void write_key(const std::string& tenant, Ask& ask, const Answer& answer);
  void write_keys(const std::string& tenant, Ask& ask, const Answer& answer);
  void watch_key(const std::string& tenant, const Ask& ask, const Answer& answer);

  void keep_time();

  const SyncSettings settings_;
  const Clock& clock_;
  Log& log_;
  Descriptor lock_;
  const TenantOf tenant_of_;
  const AccessRules sync_rules_;
  const AccessRules kv_rules_;

  std::atomic<bool> is_stopping_{false};
  std::atomic<std::uint64_t> refused_{0};
  Tally tally_;

  std::mutex mutex_;  // of the two below, for the condition
  std::condition_variable changed_;
  std::size_t in_flight_ = 0;
  bool time_is_up_ = false;
  bool is_nudged_ = false;

  Guarded<std::unordered_map<AskId, std::weak_ptr<LongPoll>>> waiting_;
  std::atomic<AskId> last_ask_{0};

  Hub hub_;
  // Destroyed before everything they use.
  WorkerPool keepers_;
  WorkerPool writers_;
  WorkerPool readers_;
  Tenants tenants_;
  SessionTable sessions_;
  std::atomic<bool> restarts_{false};
  std::atomic<std::uint64_t> last_origin_{0};
  std::thread timekeeper_;
};

SyncService::Parts::Parts(SyncSettings settings, const Clock& clock, Log& log, Descriptor lock,
                          TenantOf tenant_of, AccessRules sync_rules, AccessRules kv_rules)
    : settings_(std::move(settings)),
      clock_(clock),
      log_(log),
      lock_(std::move(lock)),
      tenant_of_(std::move(tenant_of)),
      sync_rules_(std::move(sync_rules)),
      kv_rules_(std::move(kv_rules)),
      hub_(settings_.feeds_max,
           [this] {
             const std::lock_guard nudged(mutex_);
             is_nudged_ = true;
             changed_.notify_all();
           }),
      keepers_("sync-keep", 1, limits::tenants_open_max),
      writers_("sync-write", settings_.writer_threads, 2 * limits::tenants_open_max),
      readers_("sync-read", settings_.reader_threads, limits::worker_queue_max),
      tenants_(TenantRoom{settings_, clock, log, hub_, tally_, writers_, readers_, keepers_,
                          is_stopping_}),
      timekeeper_([this] { keep_time(); }) {}

SyncService::Parts::~Parts() {
  stop();
  {
    const std::lock_guard lock(mutex_);
    time_is_up_ = true;
  }
  changed_.notify_all();
  timekeeper_.join();
  // Background work that was under way: readers may still offer to writers, but from here on nobody
  // offers to readers.
  readers_.wait_until_idle();
  writers_.wait_until_idle();
  keepers_.wait_until_idle();
}

void SyncService::Parts::stop() {
  is_stopping_ = true;
  hub_.end_all();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return in_flight_ == 0; });
}

void SyncService::Parts::let_go() {
  restarts_ = true;
  stop();
  readers_.wait_until_idle();
  writers_.wait_until_idle();
  keepers_.wait_until_idle();
  lock_.close();
}

Status SyncService::Parts::take_back() {
  lock_ = TRY(own_directory(settings_.directory));
  hub_.begin_again();
  restarts_ = false;
  is_stopping_ = false;
  return done;
}

void SyncService::Parts::keep_time() {
  std::unique_lock lock(mutex_);
  while (!time_is_up_) {
    is_nudged_ = false;
    lock.unlock();
    const std::optional<Mono> next = hub_.expire(clock_.mono());
    if (!is_stopping_)
      for (const std::shared_ptr<Tenant>& tenant : tenants_.all()) tenant->sweep_when_due();
    Nanos sleep = tick;
    if (next) sleep = std::clamp<Nanos>(*next - clock_.mono(), Nanos(0), sleep);
    lock.lock();
    changed_.wait_for(lock, sleep, [this] { return time_is_up_ || is_nudged_; });
  }
}

// The returned callback, and every copy, keeps the service from stopping.
Answer SyncService::Parts::counted(Answer on_reply) {
  struct InFlight {
    Parts& parts;
    explicit InFlight(Parts& its_parts) : parts(its_parts) {
      const std::lock_guard lock(parts.mutex_);
      ++parts.in_flight_;
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight() {
      const std::lock_guard lock(parts.mutex_);
      if (--parts.in_flight_ == 0) parts.changed_.notify_all();
    }
  };
  return [this, in_flight = std::make_shared<InFlight>(*this),
          on_reply = std::move(on_reply)](Reply reply) {
    if (reply.failed()) ++refused_;
    if (reply.status == 503) reply.fields.emplace_back("retry-after", "1");
    on_reply(std::move(reply));
  };
}

void SyncService::Parts::on_reader(const Answer& answer, std::function<void()> work) {
  if (!readers_.offer(std::move(work))) answer(overloaded_reply());
}

void SyncService::Parts::fail(const Answer& answer, const Error& error) {
  if (error.code == Errc::full) return answer(overloaded_reply());
  log_.error("storage failed", {{"reason", error.what}});
  answer(problem_reply(Problem::storage_failed, "the storage cannot be read"));
}

void SyncService::Parts::with_tenant(const std::string& name, const Answer& answer,
                                     WithTenant use) {
  if (const std::shared_ptr<Tenant> tenant = tenants_.find(name)) return use(tenant);
  on_reader(answer, [this, name, answer, use = std::move(use)] {
    const Result<std::shared_ptr<Tenant>> tenant = tenants_.open(name);
    if (tenant) use(*tenant);
    else fail(answer, tenant.error());
  });
}

void SyncService::Parts::read(const std::string& name, const Answer& answer, WithReader use) {
  on_reader(answer, [this, name, answer, use = std::move(use)] {
    const auto reply = [this, &name, &use]() -> Result<Reply> {
      const std::shared_ptr<Tenant> tenant = TRY(tenants_.open(name));
      Tenant::Lease lease = TRY(tenant->read());
      return use(*tenant, *lease);
    }();
    if (reply) answer(*reply);
    else fail(answer, reply.error());
  });
}

AskId SyncService::Parts::answer(Ask ask, Answer on_reply) {
  const Answer answer = counted(std::move(on_reply));
  if (is_stopping_) {
    answer(problem_reply(Problem::overloaded, "the server is stopping"));
    return 0;
  }
  auto tenant = tenant_of_.name(ask);
  if (Reply* refused = std::get_if<Reply>(&tenant)) {
    answer(std::move(*refused));
    return 0;
  }
  if (ask.surface == Surface::sync) return answer_sync(std::get<std::string>(tenant), ask, answer);
  answer_kv(std::get<std::string>(tenant), ask, answer);
  return 0;
}

// --- documents -----------------------------------------------------------------------------------

AskId SyncService::Parts::answer_sync(const std::string& tenant, Ask& ask, const Answer& answer) {
  const bool is_push = take_suffix(ask.path, "/ops");
  const bool is_snapshot = !is_push && take_suffix(ask.path, "/snapshot");
  const bool is_read = ask.method == "GET" || ask.method == "HEAD";
  std::optional<Reply> refused = refuse_document(ask.path);
  if (!refused && is_push && ask.method != "POST") refused = not_allowed("POST");
  if (!refused && is_snapshot && !is_read) refused = not_allowed("GET, HEAD");
  if (!refused && !is_push && !is_snapshot && !is_read && ask.method != "DELETE")
    refused = not_allowed("GET, HEAD, DELETE");
  const Verb verb = is_read ? Verb::read : Verb::write;
  if (!refused && !sync_rules_.allow(verb, ask.path, ask.claims.get()))
    refused = sync_rules_.refusal(verb, ask.path, ask.claims.get());
  if (refused) answer(*std::move(refused));
  else if (is_push) push(tenant, ask, answer);
  else if (is_snapshot) snapshot(tenant, ask, answer);
  else return answer_document(tenant, ask, answer);
  return 0;
}

void SyncService::Parts::push(const std::string& tenant, Ask& ask, const Answer& answer) {
  const BatchBounds bounds = bounds_at(settings_, clock_.wall());
  const bool is_small = ask.body.size() <= limits::sync_inline_bytes_max;
  const auto decode = [this, tenant, asked = std::make_shared<const Ask>(std::move(ask)), bounds,
                       answer] {
    auto decoded = decode_batch(asked->body, bounds);
    if (Reply* refused = std::get_if<Reply>(&decoded)) return answer(std::move(*refused));
    auto batch = std::make_shared<Batch>(std::get<Batch>(std::move(decoded)));
    with_tenant(tenant, answer, [asked, batch, answer](const std::shared_ptr<Tenant>& open) {
      Job job = push_job(open, asked->path, {subject_of(asked->claims.get()), 0, nullptr},
                         std::move(*batch));
      job.answer = answer;
      open->offer(std::move(job));
    });
  };
  if (is_small) decode();
  else on_reader(answer, decode);
}

void SyncService::Parts::snapshot(const std::string& tenant, const Ask& ask, const Answer& answer) {
  const std::string known(trim(field_of(ask, "if-none-match")));
  read(tenant, answer,
       [name = ask.path, known](const Tenant& open, Reader& reader) -> Result<Reply> {
         const auto document = open.documents().find(name);
         if (document && !known.empty() && known == snapshot_etag(open, document->head)) {
           Reply reply;
           reply.status = 304;
           reply.fields.emplace_back("etag", known);
           return reply;
         }
         const Folded folded = TRY(fold_document(open, reader, name));
         return snapshot_reply(open, folded);
       });
}

AskId SyncService::Parts::answer_document(const std::string& tenant, Ask& ask,
                                          const Answer& answer) {
  if (ask.method == "DELETE") {
    with_tenant(tenant, answer, [name = ask.path, answer](const std::shared_ptr<Tenant>& open) {
      Job job = remove_job(open, name);
      job.answer = answer;
      open->offer(std::move(job));
    });
    return 0;
  }
  if (ask.method == "HEAD") {
    with_tenant(tenant, answer, [name = ask.path, answer](const std::shared_ptr<Tenant>& open) {
      const auto document = open->documents().find(name);
      Reply reply;
      reply.fields = {{"sync-epoch", open->epoch()},
                      {"sync-seq", std::to_string(document ? document->head : 0)},
                      {"cache-control", "no-store"}};
      answer(std::move(reply));
    });
    return 0;
  }
  const Query query(ask.query);
  const bool is_live = query.find("live") == "sse";
  auto cursor = parse_cursor(query, is_live ? field_of(ask, "last-event-id") : std::string_view());
  auto ops_max = parse_count(query.find("limit"), "limit", limits::sync_page_ops_max);
  const auto wait_max = static_cast<std::size_t>(
      std::chrono::duration_cast<std::chrono::seconds>(settings_.long_poll_max).count());
  const std::string_view wait_text = query.find("wait");
  auto seconds = parse_count(wait_text == "0" ? std::string_view() : wait_text, "wait", wait_max);
  if (Reply* refused = std::get_if<Reply>(&cursor)) answer(std::move(*refused));
  else if (Reply* uncounted = std::get_if<Reply>(&ops_max)) answer(std::move(*uncounted));
  else if (Reply* untimed = std::get_if<Reply>(&seconds)) answer(std::move(*untimed));
  else if (!query.find("live").empty() && !is_live)
    answer(problem_reply(Problem::bad_request, "live: expected sse"));
  else if (is_live) follow(tenant, ask, std::get<Cursor>(cursor), answer);
  else if (wait_text.empty() || wait_text == "0")
    page(tenant, ask, std::get<Cursor>(cursor), std::get<std::size_t>(ops_max), answer);
  else {
    const Mono deadline = clock_.mono() + std::chrono::seconds(std::get<std::size_t>(seconds));
    return wait(
        tenant, std::get<Cursor>(cursor),
        {ask.path, std::get<Cursor>(cursor).since, std::get<std::size_t>(ops_max), deadline},
        answer);
  }
  return 0;
}

void SyncService::Parts::page(const std::string& tenant, const Ask& ask, const Cursor& cursor,
                              std::size_t ops_max, const Answer& answer) {
  const std::string known(trim(field_of(ask, "if-none-match")));
  read(tenant, answer,
       [name = ask.path, cursor, ops_max, known](const Tenant& open,
                                                 Reader& reader) -> Result<Reply> {
         if (!is_of(open, cursor)) return epoch_changed(open);
         const Page found = TRY(
             read_page(open, reader, name, cursor.since, {ops_max, limits::sync_page_bytes_max}));
         Reply reply = page_reply(open, name, found);
         const auto is_known = [&known](const auto& field) {
           return field.first == "etag" && field.second == known;
         };
         if (std::any_of(reply.fields.begin(), reply.fields.end(), is_known)) {
           reply.status = 304;
           reply.body = nullptr;
           std::erase_if(reply.fields,
                         [](const auto& field) { return field.first == "content-type"; });
         }
         return reply;
       });
}

AskId SyncService::Parts::wait(const std::string& tenant, const Cursor& cursor,
                               LongPoll::Question question, const Answer& answer) {
  const AskId id = ++last_ask_;
  // The entry goes with the answer, whoever gives it.
  const auto forget = [this, id, answer](Reply reply) {
    waiting_.with([id](auto& waiting) { waiting.erase(id); });
    answer(std::move(reply));
  };
  auto poll = std::make_shared<LongPoll>(std::move(question), forget);
  waiting_.with([id, &poll](auto& waiting) { waiting[id] = poll; });
  const Answer refuse = [poll](Reply reply) { poll->refuse(std::move(reply)); };
  with_tenant(tenant, refuse, [this, poll, cursor](const std::shared_ptr<Tenant>& open) {
    if (!is_of(*open, cursor)) return poll->refuse(epoch_changed(*open));
    if (!readers_.offer([poll, open] { poll->begin(open); })) poll->refuse(overloaded_reply());
  });
  return id;
}

void SyncService::Parts::cancel(AskId id) {
  const std::shared_ptr<LongPoll> poll =
      waiting_.with([id](auto& waiting) -> std::shared_ptr<LongPoll> {
        const auto entry = waiting.find(id);
        if (entry == waiting.end()) return nullptr;
        std::shared_ptr<LongPoll> found = entry->second.lock();
        waiting.erase(entry);
        return found;
      });
  if (poll != nullptr) poll->cancel();
}

void SyncService::Parts::follow(const std::string& tenant, const Ask& ask, const Cursor& cursor,
                                const Answer& answer) {
  const Mono ends_at = end_of_token(ask.claims.get(), clock_);
  with_tenant(
      tenant, answer,
      [this, name = ask.path, cursor, ends_at, answer](const std::shared_ptr<Tenant>& open) {
        if (!is_of(*open, cursor)) return answer(epoch_changed(*open));
        const auto document = open->documents().find(name);
        if (document && cursor.since < document->gone) {
          Page gone;
          gone.from = cursor.since;
          gone.needs_snapshot = true;
          return answer(page_reply(*open, name, gone));
        }
        auto feed = std::make_shared<LogFeed>(
            hub_, readers_, clock_, document_events(open, name),
            LogFeed::Settings{cursor.since, settings_.feed_bytes_max, ends_at});
        if (feed->join(document_key(open->name(), name))) answer(stream_reply(std::move(feed)));
        else answer(problem_reply(Problem::overloaded, "too many are following; ask without live"));
      });
}

// --- keys ----------------------------------------------------------------------------------------

void SyncService::Parts::answer_kv(const std::string& tenant, Ask& ask, const Answer& answer) {
  const bool is_read = ask.method == "GET" || ask.method == "HEAD";
  if (ask.path.empty())
    return is_read ? list_keys(tenant, ask, answer) : answer(not_allowed("GET, HEAD"));
  if (ask.path == "atomic" && ask.method == "POST") return write_keys(tenant, ask, answer);
  if (!is_read && ask.method != "PUT" && ask.method != "DELETE")
    return answer(not_allowed("GET, HEAD, PUT, DELETE"));
  if (auto refused = refuse_key(ask.path)) return answer(*std::move(refused));
  const Verb verb = is_read ? Verb::read : Verb::write;
  if (!kv_rules_.allow(verb, ask.path, ask.claims.get()))
    return answer(kv_rules_.refusal(verb, ask.path, ask.claims.get()));
  if (!is_read) return write_key(tenant, ask, answer);
  if (Query(ask.query).find("watch") == "1") return watch_key(tenant, ask, answer);
  const std::string known(field_of(ask, "if-none-match"));
  read(tenant, answer, [key = ask.path, known](const Tenant& open, Reader& reader) {
    return kv_get(open, reader, key, known);
  });
}

void SyncService::Parts::write_key(const std::string& tenant, Ask& ask, const Answer& answer) {
  auto condition = parse_condition(field_of(ask, "if-match"), field_of(ask, "if-none-match"));
  auto expiry =
      parse_expiry(field_of(ask, "expires-in"), field_of(ask, "expires-at"), clock_.wall());
  if (Reply* refused = std::get_if<Reply>(&condition)) return answer(std::move(*refused));
  if (Reply* refused = std::get_if<Reply>(&expiry)) return answer(std::move(*refused));
  KvSet set;
  set.key = ask.path;
  set.value.expiry_ms = std::get<0>(expiry);
  if (const std::string_view type = field_of(ask, "content-type"); !type.empty())
    set.value.type = type;
  const bool is_put = ask.method == "PUT";
  set.value.bytes = std::move(ask.body);
  if (is_put) {
    if (auto refused = refuse_value(set.value)) return answer(*std::move(refused));
  }
  with_tenant(tenant, answer,
              [set = std::move(set), condition = std::get<KvCondition>(condition), is_put,
               answer](const std::shared_ptr<Tenant>& open) {
                Job job = is_put ? kv_put_job(open, set, condition)
                                 : kv_delete_job(open, set.key, condition);
                job.answer = answer;
                open->offer(std::move(job));
              });
}

void SyncService::Parts::write_keys(const std::string& tenant, Ask& ask, const Answer& answer) {
  on_reader(answer, [this, tenant, ask = std::make_shared<const Ask>(std::move(ask)), answer] {
    auto decoded = decode_kv_batch(ask->body, clock_.wall());
    if (Reply* refused = std::get_if<Reply>(&decoded)) return answer(std::move(*refused));
    const KvBatch& batch = std::get<KvBatch>(decoded);
    const text::Value* claims = ask->claims.get();
    for (const KvCheck& check : batch.checks)
      if (!kv_rules_.allow(Verb::read, check.key, claims))
        return answer(kv_rules_.refusal(Verb::read, check.key, claims));
    for (const KvSet& set : batch.sets)
      if (!kv_rules_.allow(Verb::write, set.key, claims))
        return answer(kv_rules_.refusal(Verb::write, set.key, claims));
    for (const std::string& key : batch.deletes)
      if (!kv_rules_.allow(Verb::write, key, claims))
        return answer(kv_rules_.refusal(Verb::write, key, claims));
    with_tenant(tenant, answer, [batch, answer](const std::shared_ptr<Tenant>& open) {
      Job job = kv_atomic_job(open, batch);
      job.answer = answer;
      open->offer(std::move(job));
    });
  });
}

void SyncService::Parts::list_keys(const std::string& tenant, const Ask& ask,
                                   const Answer& answer) {
  const Query query(ask.query);
  auto count_max = parse_count(query.find("limit"), "limit", limits::kv_list_max);
  if (Reply* refused = std::get_if<Reply>(&count_max)) return answer(std::move(*refused));
  if (!kv_rules_.exist())
    return answer(kv_rules_.refusal(Verb::read, query.find("prefix"), ask.claims.get()));
  KvListing listing;
  listing.prefix = query.find("prefix");
  listing.cursor = query.find("cursor");
  listing.count_max = std::get<std::size_t>(count_max);
  listing.may_read = [this, claims = ask.claims](std::string_view key) {
    return kv_rules_.allow(Verb::read, key, claims.get());
  };
  read(tenant, answer,
       [listing](const Tenant& open, Reader& reader) { return kv_list(open, reader, listing); });
}

void SyncService::Parts::watch_key(const std::string& tenant, const Ask& ask,
                                   const Answer& answer) {
  auto cursor = parse_cursor(Query(ask.query), field_of(ask, "last-event-id"));
  if (Reply* refused = std::get_if<Reply>(&cursor)) return answer(std::move(*refused));
  const Mono ends_at = end_of_token(ask.claims.get(), clock_);
  with_tenant(
      tenant, answer,
      [this, key = ask.path, cursor = std::get<Cursor>(cursor), ends_at,
       answer](const std::shared_ptr<Tenant>& open) {
        if (!is_of(*open, cursor)) return answer(epoch_changed(*open));
        auto feed = std::make_shared<LogFeed>(
            hub_, readers_, clock_, kv_events(open, key),
            LogFeed::Settings{cursor.since, settings_.feed_bytes_max, ends_at});
        if (feed->join(kv_key(open->name(), key))) answer(stream_reply(std::move(feed)));
        else answer(problem_reply(Problem::overloaded, "too many are watching; ask without watch"));
      });
}

// --- sessions ------------------------------------------------------------------------------------

std::variant<std::shared_ptr<Session>, Reply> SyncService::Parts::open_session(SessionAsk ask) {
  const auto refused = [this](Reply reply) {
    ++refused_;
    if (reply.status == 503) reply.fields.emplace_back("retry-after", "1");
    return reply;
  };
  if (is_stopping_) return refused(problem_reply(Problem::overloaded, "the server is stopping"));
  Ask asker;
  asker.host = ask.host;
  asker.claims = ask.claims;
  auto tenant = tenant_of_.name(asker);
  if (Reply* nameless = std::get_if<Reply>(&tenant)) return refused(std::move(*nameless));
  if (!sync_rules_.exist()) return refused(sync_rules_.refusal(Verb::read, "", ask.claims.get()));
  const SessionRoom room{settings_,  clock_,
                         hub_,       readers_,
                         tenants_,   sync_rules_,
                         tenant_of_, sessions_,
                         restarts_,  [this](Answer answer) { return counted(std::move(answer)); }};
  auto session = std::make_shared<Session>(
      room, std::move(ask), std::get<std::string>(std::move(tenant)), ++last_origin_);
  const Session::Joined joined = session->join();
  if (joined == Session::Joined::yes) return session;
  session->close();
  if (joined == Session::Joined::too_many) return refused(overloaded_reply());
  return refused(
      problem_reply(Problem::rate_limited, "this subject has " +
                                               std::to_string(limits::sessions_per_subject_max) +
                                               " sockets already; close one"));
}

SyncService::Counters SyncService::Parts::counters() const {
  Counters counters;
  counters.ops_stored = tally_.ops_stored;
  counters.ops_duplicate = tally_.ops_duplicate;
  counters.commits = tally_.commits;
  counters.kv_writes = tally_.kv_writes;
  counters.refused = refused_;
  counters.waiting = hub_.followers();
  counters.tenants_open = tenants_.count();
  counters.tenants_failed = tally_.tenants_failed;
  return counters;
}

// --- the service ---------------------------------------------------------------------------------

SyncService::SyncService(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SyncService::~SyncService() = default;

Result<std::unique_ptr<SyncService>> SyncService::open(SyncSettings settings, const Clock& clock,
                                                       Log& log) {
  TenantOf tenant_of = TRY(TenantOf::parse(settings.tenant));
  AccessRules sync_rules = TRY(AccessRules::compile(settings.sync_rules, "data.sync_rule"));
  AccessRules kv_rules = TRY(AccessRules::compile(settings.kv_rules, "data.kv_rule"));
  Descriptor lock = TRY(own_directory(settings.directory));
  if (settings.durability == Durability::relaxed)
    log.warning("relaxed durability",
                {{"meaning", "a power cut may lose what was acknowledged since the last sync"}});
  auto parts =
      std::make_unique<Parts>(std::move(settings), clock, log, std::move(lock),
                              std::move(tenant_of), std::move(sync_rules), std::move(kv_rules));
  return std::unique_ptr<SyncService>(new SyncService(std::move(parts)));
}

AskId SyncService::answer(Ask ask, Answer on_reply) {
  return parts_->answer(std::move(ask), std::move(on_reply));
}
std::variant<std::shared_ptr<Session>, Reply> SyncService::open_session(SessionAsk ask) {
  return parts_->open_session(std::move(ask));
}
void SyncService::cancel(AskId id) { parts_->cancel(id); }
void SyncService::stop() { parts_->stop(); }
void SyncService::let_go() { parts_->let_go(); }
Status SyncService::take_back() { return parts_->take_back(); }
SyncService::Counters SyncService::counters() const { return parts_->counters(); }

}  // namespace weir::sync
