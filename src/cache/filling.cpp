#include "cache/filling.h"

#include "base/limits.h"

#include <algorithm>
#include <vector>

namespace weir::cache {
namespace {

// Of an answer that is too large to keep: what may lie between the server and the slowest reader.
constexpr std::size_t ahead_bytes_max = 1 * MiB;

}  // namespace

bool Filling::append(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  pieces_.push_back(std::make_shared<const std::string>(bytes));
  held_ += bytes.size();
  hold(static_cast<std::ptrdiff_t>(bytes.size()));
  if (held_ > bytes_max_ || (budget_ != nullptr && budget_->held.load() > budget_->bytes_max))
    is_too_large_ = true;
  if (!is_too_large_) return false;
  trim();
  is_paused_ = held_ > ahead_bytes_max && !readers_.empty();
  return is_paused_;
}

// Drops what every reader has taken. The caller holds the lock.
void Filling::trim() {
  std::uint64_t needed = first_ + pieces_.size();
  for (const auto& [number, reader] : readers_) needed = std::min(needed, reader.next);
  while (first_ < needed) {
    held_ -= pieces_.front()->size();
    hold(-static_cast<std::ptrdiff_t>(pieces_.front()->size()));
    pieces_.pop_front();
    ++first_;
  }
}

void Filling::tell() {
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.reserve(readers_.size());
    for (const auto& [number, reader] : readers_) calls.push_back(reader.notify);
  }
  for (const auto& call : calls) call();
}

void Filling::end() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  tell();
}

void Filling::fail() {
  {
    const std::lock_guard lock(mutex_);
    has_failed_ = true;
  }
  tell();
}

bool Filling::is_kept() const {
  const std::lock_guard lock(mutex_);
  return !is_too_large_;
}

std::string Filling::body() const {
  const std::lock_guard lock(mutex_);
  std::string whole;
  whole.reserve(held_);
  for (const Piece& piece : pieces_) whole += *piece;
  return whole;
}

std::optional<std::uint64_t> Filling::enter(std::function<void()> notify) {
  const std::lock_guard lock(mutex_);
  if (is_too_large_ && first_ > 0) return std::nullopt;
  const std::uint64_t number = ++numbers_;
  readers_.emplace(number, Reader{first_, std::move(notify)});
  return number;
}

void Filling::leave(std::uint64_t reader) {
  bool makes_room = false;
  {
    const std::lock_guard lock(mutex_);
    readers_.erase(reader);
    if (is_too_large_) trim();
    makes_room = is_paused_ && (held_ <= ahead_bytes_max || readers_.empty());
    if (makes_room) is_paused_ = false;
  }
  if (makes_room) wake_();
}

Filling::Next Filling::read(std::uint64_t reader) {
  Next next;
  bool makes_room = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = readers_.find(reader);
    if (found == readers_.end()) return {{}, false, true};
    std::uint64_t& at = found->second.next;
    if (at < first_ + pieces_.size()) {
      next.piece = pieces_[static_cast<std::size_t>(at - first_)];
      ++at;
      if (is_too_large_) trim();
      makes_room = is_paused_ && held_ <= ahead_bytes_max;
      if (makes_room) is_paused_ = false;
    } else {
      next.has_ended = has_ended_;
      next.has_failed = has_failed_;
    }
  }
  if (makes_room) wake_();
  return next;
}

}  // namespace weir::cache
