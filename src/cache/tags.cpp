#include "cache/tags.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "cache/purge.h"

#include <algorithm>
#include <map>

namespace weir::cache {
namespace {

constexpr std::size_t sweep_least = 4'096;  // tags known before the first sweep

void raise(TagEpoch& epoch, store::PurgeMode mode, std::uint64_t seq) {
  std::atomic<std::uint64_t>& number = mode == store::PurgeMode::soft ? epoch.soft : epoch.hard;
  // One writer at a time (mutex_), so a plain comparison is enough.
  if (seq > number.load(std::memory_order_relaxed)) number.store(seq, std::memory_order_release);
}

void raise(TagEpoch& epoch, const TagEpoch& other) {
  raise(epoch, store::PurgeMode::soft, other.soft.load(std::memory_order_relaxed));
  raise(epoch, store::PurgeMode::hard, other.hard.load(std::memory_order_relaxed));
}

Purged verdict_of(std::uint64_t soft, std::uint64_t hard, std::uint64_t fill_seq) {
  if (hard > fill_seq) return Purged::hard;
  return soft > fill_seq ? Purged::soft : Purged::no;
}

Purged verdict_of(const TagEpoch& epoch, std::uint64_t fill_seq) {
  return verdict_of(epoch.soft.load(std::memory_order_acquire),
                    epoch.hard.load(std::memory_order_acquire), fill_seq);
}

}  // namespace

// Sorted by prefix. `outer` is the longest other prefix that this one begins with; the epochs
// include those of all outer ones. The prefixes of a path are then the chain from its predecessor
// in the order.
struct TagEpochs::Prefixes {
  struct Row {
    std::string prefix;
    store::Epochs own, folded;
    std::ptrdiff_t outer = -1;
  };
  std::vector<Row> rows;

  const Row* find(std::string_view path) const {
    auto above = std::ranges::upper_bound(
        rows, path, {}, [](const Row& row) { return std::string_view(row.prefix); });
    if (above == rows.begin()) return nullptr;
    for (std::ptrdiff_t at = above - rows.begin() - 1; at >= 0;
         at = rows[static_cast<std::size_t>(at)].outer) {
      const Row& row = rows[static_cast<std::size_t>(at)];
      if (path.starts_with(row.prefix)) return &row;
    }
    return nullptr;
  }
  void link() {
    std::vector<std::ptrdiff_t> open;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      while (!open.empty() &&
             !rows[i].prefix.starts_with(rows[static_cast<std::size_t>(open.back())].prefix))
        open.pop_back();
      rows[i].outer = open.empty() ? -1 : open.back();
      rows[i].folded = rows[i].own;
      if (!open.empty()) {
        const store::Epochs& outer = rows[static_cast<std::size_t>(open.back())].folded;
        rows[i].folded.raise(store::PurgeMode::soft, outer.soft);
        rows[i].folded.raise(store::PurgeMode::hard, outer.hard);
      }
      open.push_back(static_cast<std::ptrdiff_t>(i));
    }
  }
};

struct TagEpochs::TagNode : TagEpoch {
  std::vector<std::weak_ptr<TagEpoch>> sets;  // interned sets that hold this tag
  bool is_purged() const { return soft.load() != 0 || hard.load() != 0; }
};

struct TagEpochs::Tables {
  std::unordered_map<std::string, std::shared_ptr<TagNode>, StringHash, std::equal_to<>> tags;
  std::map<std::vector<std::string>, std::weak_ptr<TagEpoch>> sets;
  std::size_t sweep_at = sweep_least;
  std::size_t purged_count = 0;
};

TagEpochs::TagEpochs(EpochDomain& domain)
    : domain_(domain),
      prefixes_owner_(std::make_shared<Prefixes>()),
      tables_(std::make_unique<Tables>()) {
  prefixes_.store(prefixes_owner_.get());
}
TagEpochs::~TagEpochs() = default;

void TagEpochs::restore(const store::PurgeState& state) {
  const std::lock_guard lock(mutex_);
  weir::cache::raise(all_, store::PurgeMode::soft, state.all.soft);
  weir::cache::raise(all_, store::PurgeMode::hard, state.all.hard);
  for (const auto& [name, epochs] : state.tags) {
    const auto node = node_of(name);
    weir::cache::raise(*node, store::PurgeMode::soft, epochs.soft);
    weir::cache::raise(*node, store::PurgeMode::hard, epochs.hard);
  }
  tables_->purged_count = state.tags.size();
  auto prefixes = std::make_shared<Prefixes>();
  for (const auto& [name, epochs] : state.prefixes)
    prefixes->rows.push_back({name, epochs, {}, -1});
  std::ranges::sort(prefixes->rows, {}, &Prefixes::Row::prefix);
  prefixes->link();
  prefixes_.store(prefixes.get());
  domain_.retire(std::exchange(prefixes_owner_, std::move(prefixes)));
  seq_.store(state.seq);
}

Purged TagEpochs::check(const PageTags& tags, std::uint64_t fill_seq) const {
  Purged worst = verdict_of(all_, fill_seq);
  for (const auto& epoch : tags.epochs) worst = std::max(worst, verdict_of(*epoch, fill_seq));
  if (const Prefixes::Row* const row = prefixes_.load()->find(tags.path))
    worst = std::max(worst, verdict_of(row->folded.soft, row->folded.hard, fill_seq));
  return worst;
}

std::shared_ptr<TagEpochs::TagNode> TagEpochs::node_of(std::string_view tag) {
  const auto found = tables_->tags.find(tag);
  if (found != tables_->tags.end()) return found->second;
  if (tables_->tags.size() >= tables_->sweep_at) sweep();
  return tables_->tags.try_emplace(std::string(tag), std::make_shared<TagNode>()).first->second;
}

// Forgets tags that no page carries and nobody has purged, and sets that no page refers to.
void TagEpochs::sweep() {
  std::erase_if(tables_->tags, [](const auto& item) {
    return item.second.use_count() == 1 && !item.second->is_purged();
  });
  std::erase_if(tables_->sets, [](const auto& item) { return item.second.expired(); });
  for (auto& [name, node] : tables_->tags)
    std::erase_if(node->sets, [](const auto& set) { return set.expired(); });
  tables_->sweep_at = std::max(sweep_least, tables_->tags.size() * 2);
}

PageTags TagEpochs::intern(std::string_view path, const std::vector<std::string>& names) {
  PageTags tags;
  tags.path = path.substr(0, path.find('?'));
  const std::lock_guard lock(mutex_);
  tags.epochs.push_back(node_of(tag_of_path(path)));
  tags.epochs.push_back(node_of(tag_of_pages));
  if (names.size() <= limits::tags_per_entry_max) {
    for (const std::string& name : names) tags.epochs.push_back(node_of(name));
    return tags;
  }
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::shared_ptr<TagEpoch> set = tables_->sets[sorted].lock();
  if (set == nullptr) {
    set = std::make_shared<TagEpoch>();
    for (const std::string& name : sorted) {
      const auto node = node_of(name);
      weir::cache::raise(*set, *node);
      node->sets.push_back(set);
    }
    tables_->sets[std::move(sorted)] = set;
  }
  tags.epochs.push_back(std::move(set));
  return tags;
}

void TagEpochs::raise(const store::PurgeRecord& record, std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  if (record.all) weir::cache::raise(all_, record.mode, seq);
  for (const std::string& name : record.tags) {
    const auto node = node_of(name);
    tables_->purged_count += node->is_purged() ? 0 : 1;
    weir::cache::raise(*node, record.mode, seq);
    for (const auto& weak : node->sets)
      if (const auto set = weak.lock()) weir::cache::raise(*set, record.mode, seq);
  }
  if (!record.prefixes.empty()) {
    auto next = std::make_shared<Prefixes>(*prefixes_owner_);
    for (const std::string& prefix : record.prefixes) {
      auto at = std::ranges::lower_bound(next->rows, prefix, {}, &Prefixes::Row::prefix);
      if (at == next->rows.end() || at->prefix != prefix)
        at = next->rows.insert(at, {prefix, {}, {}, -1});
      at->own.raise(record.mode, seq);
    }
    if (next->rows.size() > limits::purged_prefixes_max) {
      // Too many to look through: everything counts as purged, more than asked and nothing less.
      for (const Prefixes::Row& row : next->rows) {
        weir::cache::raise(all_, store::PurgeMode::soft, row.own.soft);
        weir::cache::raise(all_, store::PurgeMode::hard, row.own.hard);
      }
      next->rows.clear();
    }
    next->link();
    prefixes_.store(next.get());
    domain_.retire(std::exchange(prefixes_owner_, std::move(next)));
  }
  if (tables_->purged_count > limits::purged_tags_max) {
    for (const auto& [name, node] : tables_->tags) weir::cache::raise(all_, *node);
    for (const auto& [name, node] : tables_->tags) {
      node->soft.store(0);
      node->hard.store(0);
    }
    tables_->purged_count = 0;
    sweep();
  }
  seq_.store(std::max(seq_.load(), seq), std::memory_order_seq_cst);
}

std::string TagEpochs::reason(std::string_view path, const std::vector<std::string>& names,
                              std::uint64_t fill_seq) const {
  const auto at = [](std::string_view what, std::uint64_t seq) {
    return std::string(what) + " at " + std::to_string(seq);
  };
  const std::lock_guard lock(mutex_);
  const auto newest = [](const TagEpoch& epoch) {
    return std::max(epoch.soft.load(), epoch.hard.load());
  };
  if (newest(all_) > fill_seq) return at("all", newest(all_));
  const auto node_at = [&](std::string_view name) -> std::uint64_t {
    const auto found = tables_->tags.find(name);
    return found == tables_->tags.end() ? 0 : newest(*found->second);
  };
  if (const std::uint64_t seq = node_at(tag_of_path(path)); seq > fill_seq) return at("path", seq);
  for (const std::string& name : names)
    if (const std::uint64_t seq = node_at(name); seq > fill_seq) return at("tag " + name, seq);
  if (const std::uint64_t seq = node_at(tag_of_pages); seq > fill_seq) return at("host", seq);
  for (const Prefixes::Row& row : prefixes_owner_->rows)
    if (std::max(row.own.soft, row.own.hard) > fill_seq && path.starts_with(row.prefix))
      return at("prefix " + row.prefix, std::max(row.own.soft, row.own.hard));
  return {};
}

std::size_t TagEpochs::tag_count() const {
  const std::lock_guard lock(mutex_);
  return tables_->tags.size();
}

}  // namespace weir::cache
