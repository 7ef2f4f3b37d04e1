#include "sync/long_poll.h"

#include "sync/pages.h"

namespace weir::sync {

bool LongPoll::has_news() const {
  const auto document = tenant_->documents().find(question_.document);
  return document && (document->head > question_.since || document->gone > question_.since);
}

Reply LongPoll::read() {
  const auto page = [this]() -> Result<Page> {
    Tenant::Lease lease = TRY(tenant_->read());
    return read_page(*tenant_, *lease, question_.document, question_.since,
                     {question_.ops_max, limits::sync_page_bytes_max});
  }();
  if (page) return page_reply(*tenant_, question_.document, *page);
  tenant_->room().log.error("read failed",
                            {{"tenant", tenant_->name()}, {"reason", page.error().what}});
  return problem_reply(Problem::storage_failed, "the operations cannot be read");
}

void LongPoll::begin(std::shared_ptr<Tenant> tenant) {
  tenant_ = std::move(tenant);
  if (has_news()) return finish(read());
  const std::uint64_t id = tenant_->room().hub.follow(
      document_key(tenant_->name(), question_.document), shared_from_this(), question_.deadline);
  if (id == 0 && tenant_->room().is_stopping) return on_end();
  if (id == 0)
    return finish(problem_reply(Problem::overloaded, "too many are waiting; ask without wait"));
  id_ = id;
  // A commit between the first look and `follow` told nobody. Later ones tell us.
  if (has_news()) return finish(read());
  if (answer_.with([](const Answer& answer) { return !answer; }))
    tenant_->room().hub.leave(id);  // cancelled meanwhile
}

void LongPoll::finish(Reply reply) {
  const Answer answer = answer_.with([](Answer& held) { return std::exchange(held, nullptr); });
  if (const std::uint64_t id = id_.exchange(0); id != 0) tenant_->room().hub.leave(id);
  if (answer) answer(std::move(reply));
}

void LongPoll::refuse(Reply reply) { finish(std::move(reply)); }

void LongPoll::cancel() {
  const Answer forgotten = answer_.with([](Answer& held) { return std::exchange(held, nullptr); });
  if (const std::uint64_t id = id_.exchange(0); id != 0) tenant_->room().hub.leave(id);
}

void LongPoll::on_frame(const SharedFrame& frame) {
  if (auto reply = frame_reply(*tenant_, *frame, question_.since, question_.ops_max))
    return finish(*std::move(reply));
  if (!has_news()) return;
  const Status offered =
      tenant_->room().readers.offer([self = shared_from_this()] { self->finish(self->read()); });
  if (!offered)
    finish(problem_reply(Problem::overloaded, "too many reads are waiting; try again in a second"));
}

std::optional<Mono> LongPoll::on_time(Mono) {
  on_end();
  return std::nullopt;
}

void LongPoll::on_end() {
  Page empty;
  empty.from = empty.to = question_.since;
  finish(page_reply(*tenant_, question_.document, empty));
}

}  // namespace weir::sync
