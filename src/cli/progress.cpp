#include "cli/progress.h"

#include <algorithm>
#include <chrono>

namespace weir::cli {

namespace {
constexpr std::chrono::milliseconds first_after{1000};
constexpr std::chrono::milliseconds again_after{100};
}  // namespace

std::string progress_text(const site::BuildProgress& counts) {
  std::string text = counts.phase.load(std::memory_order_relaxed);
  const std::size_t all = counts.all.load(std::memory_order_relaxed);
  const std::size_t done = std::min(counts.done.load(std::memory_order_relaxed), all);
  if (all != 0) text += ' ' + std::to_string(done) + " of " + std::to_string(all);
  return text;
}

Progress::Progress(const Session& session) : session_(session) {
  if (session.shows_progress()) thread_ = std::thread([this] { run(); });
}

void Progress::run() {
  // The last column stays free: a terminal may begin a new line behind it.
  const std::size_t columns = session_.columns() == 0 ? 80 : session_.columns();
  std::size_t shown = 0;
  std::chrono::milliseconds wait = first_after;
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, wait, [this] { return is_over_; })) {
    wait = again_after;
    std::string text = progress_text(counts_).substr(0, columns - 1);
    const std::size_t bytes = text.size();
    text.append(shown > bytes ? shown - bytes : 0, ' ');
    session_.talk('\r' + text);
    shown = bytes;
  }
  if (shown != 0) session_.talk('\r' + std::string(shown, ' ') + '\r');
}

void Progress::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  stopping_.notify_one();
  thread_.join();
}

}  // namespace weir::cli
