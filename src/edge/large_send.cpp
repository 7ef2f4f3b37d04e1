#include "edge/large_send.h"

#include "base/must.h"

#include <algorithm>

namespace weir::edge {
namespace {

constexpr Nanos busy_pause = std::chrono::milliseconds(20);  // before a refused read is tried again
constexpr std::uint64_t read_bytes = 1 * MiB;  // at a time, and up to a multiple of it

}  // namespace

void LargeSend::begin(cache::PageCache& cache, http::Exchange& exchange, LargeAnswer answer) {
  MUST(!answer.stretches.empty());
  const auto send = std::make_shared<LargeSend>(cache, exchange, std::move(answer));
  if (exchange.request().method != http::Method::head) return send->read_next();
  const std::uint64_t bytes = send->bytes_left();
  exchange.start_stream(std::move(send->answer_.head), bytes).close();
}

std::uint64_t LargeSend::bytes_left() const {
  std::uint64_t bytes = answer_.end.size();
  for (const Stretch& stretch : answer_.stretches) bytes += stretch.before.size() + stretch.bytes;
  return bytes;
}

void LargeSend::read_next() {
  const Stretch& stretch = answer_.stretches.front();
  const std::uint64_t to_boundary = read_bytes - stretch.first % read_bytes;
  const cache::PartOfBody part{answer_.codec, stretch.first,
                               static_cast<std::size_t>(std::min(stretch.bytes, to_boundary))};
  const Status begun =
      cache_.read_part(answer_.page, part, [self = shared_from_this()](Result<std::string> bytes) {
        const auto held = std::make_shared<Result<std::string>>(std::move(bytes));
        self->loop_.post([self, held] { self->took(std::move(*held)); });
      });
  if (!begun) took(begun.error());
}

void LargeSend::took(Result<std::string> bytes) {
  http::Exchange* const exchange = loop_.find(id_);
  if (exchange == nullptr || exchange->answered()) return;
  if (!bytes) {
    // Many read at the moment: a file that is on its way waits for its turn.
    const bool is_busy = bytes.error().code == Errc::full && writer_ != nullptr;
    if (is_busy) {
      loop_.after(busy_pause, [self = shared_from_this()] { self->read_next(); });
      return;
    }
    if (writer_ != nullptr) return writer_->abort();
    return answer_.otherwise(*static_cast<Visit*>(exchange->user()));
  }
  const std::uint64_t left = bytes_left();
  Stretch& stretch = answer_.stretches.front();
  stretch.first += bytes->size();
  stretch.bytes -= bytes->size();
  if (!stretch.before.empty()) bytes->insert(0, std::exchange(stretch.before, {}));
  if (stretch.bytes == 0) answer_.stretches.pop_front();
  if (answer_.stretches.empty()) bytes->append(std::exchange(answer_.end, {}));
  if (writer_ == nullptr && answer_.stretches.empty()) {
    answer_.head.body = std::move(bytes).value();
    return exchange->respond(std::move(answer_.head));
  }
  if (writer_ == nullptr) {
    writer_ = &exchange->start_stream(std::move(answer_.head), left);
    writer_->on_room([self = shared_from_this()] { self->push(); });
  }
  next_ = std::make_shared<const std::string>(std::move(bytes).value());
  push();
}

void LargeSend::push() {
  if (next_ == nullptr) return;
  if (writer_->write(next_) == http::Wrote::full) return;  // on_room comes back here
  next_.reset();
  http::Exchange* const exchange = loop_.find(id_);
  if (exchange == nullptr || !exchange->streaming()) return;
  if (answer_.stretches.empty()) writer_->close();
  else read_next();
}

}  // namespace weir::edge
