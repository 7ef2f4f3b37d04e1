#include "sync/documents.h"

#include "base/must.h"

#include <algorithm>
#include <mutex>

namespace weir::sync {

std::optional<Document> Documents::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return std::nullopt;
  return entry->second.document;
}

std::size_t Documents::count() const {
  const std::shared_lock lock(mutex_);
  return entries_.size();
}

std::vector<std::int64_t> Documents::positions(std::string_view name, std::int64_t since,
                                               std::size_t count_max) const {
  const std::shared_lock lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return {};
  const std::vector<std::int64_t>& all = entry->second.positions;
  const auto first = std::upper_bound(all.begin(), all.end(), since);
  const auto count = std::min(static_cast<std::size_t>(all.end() - first), count_max);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

std::size_t Documents::count_after(std::string_view name, std::int64_t since) const {
  const std::shared_lock lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return 0;
  const std::vector<std::int64_t>& all = entry->second.positions;
  return static_cast<std::size_t>(all.end() - std::upper_bound(all.begin(), all.end(), since));
}

void Documents::add(const std::string& name, const Document& document) {
  const std::unique_lock lock(mutex_);
  entries_[name].document = document;
}

void Documents::append(std::string_view name, std::span<const std::int64_t> positions) {
  if (positions.empty()) return;
  const std::unique_lock lock(mutex_);
  const auto entry = entries_.find(name);
  MUST(entry != entries_.end());
  Entry& known = entry->second;
  MUST(known.positions.empty() || known.positions.back() < positions.front());
  known.positions.insert(known.positions.end(), positions.begin(), positions.end());
  known.document.head = positions.back();
  known.document.unfolded += positions.size();
}

void Documents::note_fold(std::string_view name, const Fold& fold) {
  const std::unique_lock lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return;
  const auto& all = entry->second.positions;
  entry->second.document.folded = fold.folded;
  entry->second.document.unfolded =
      static_cast<std::size_t>(all.end() - std::upper_bound(all.begin(), all.end(), fold.folded));
  entry->second.document.fold_after = fold.fold_after;
  entry->second.document.is_full = fold.is_full;
}

void Documents::note_gone(std::string_view name, std::int64_t gone) {
  const std::unique_lock lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return;
  auto& all = entry->second.positions;
  all.erase(all.begin(), std::upper_bound(all.begin(), all.end(), gone));
  entry->second.document.gone = gone;
}

void Documents::remove(std::string_view name) {
  const std::unique_lock lock(mutex_);
  if (const auto entry = entries_.find(name); entry != entries_.end()) entries_.erase(entry);
}

}  // namespace weir::sync
