#include "site/reads.h"

#include <algorithm>

namespace weir::site {

namespace {
// 0 marks an empty slot, so the kind is stored plus one.
std::uint64_t key_of(const tmpl::Read& what) {
  return (static_cast<std::uint64_t>(what.kind) + 1) << 40 |
         static_cast<std::uint64_t>(what.group) << 32 | what.id;
}
std::size_t slot_of(std::uint64_t key, std::size_t mask) {
  return static_cast<std::size_t>((key * 0x9E37'79B9'7F4A'7C15ULL) >> 20) & mask;
}
bool has_numbers(tmpl::ReadKind kind) {
  return kind == tmpl::ReadKind::page || kind == tmpl::ReadKind::section ||
         kind == tmpl::ReadKind::template_file;
}
}  // namespace

void ReadSet::read(const tmpl::Read& what) {
  if (has_numbers(what.kind)) return insert(key_of(what));
  if (what.kind == tmpl::ReadKind::volatile_) is_volatile_ = is_unsettled_ = true;
  if (what.kind == tmpl::ReadKind::clock) is_volatile_ = true;
  names_.insert({what.kind, what.group, std::string(what.name)});
}

void ReadSet::insert(std::uint64_t key) {
  if (key == last_) return;
  last_ = key;
  if (count_ * 2 >= slots_.size()) {
    std::vector<std::uint64_t> larger(std::max<std::size_t>(16, slots_.size() * 4));
    for (const std::uint64_t old : slots_) {
      if (old == 0) continue;
      std::size_t at = slot_of(old, larger.size() - 1);
      while (larger[at] != 0) at = (at + 1) & (larger.size() - 1);
      larger[at] = old;
    }
    slots_ = std::move(larger);
  }
  std::size_t at = slot_of(key, slots_.size() - 1);
  while (slots_[at] != 0 && slots_[at] != key) at = (at + 1) & (slots_.size() - 1);
  if (slots_[at] == key) return;
  slots_[at] = key;
  ++count_;
}

void ReadSet::add(const ReadSet& other) {
  for (const std::uint64_t key : other.slots_)
    if (key != 0) insert(key);
  names_.insert(other.names_.begin(), other.names_.end());
  is_volatile_ |= other.is_volatile_;
  is_unsettled_ |= other.is_unsettled_;
  if (other.error_) fail(*other.error_);
}

std::vector<std::uint64_t> ReadSet::keys() const {
  std::vector<std::uint64_t> keys;
  keys.reserve(count_);
  for (const std::uint64_t key : slots_)
    if (key != 0) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<std::uint32_t> ReadSet::ids_of(tmpl::ReadKind kind) const {
  std::vector<std::uint32_t> ids;
  for (const std::uint64_t key : slots_)
    if (key >> 40 == static_cast<std::uint64_t>(kind) + 1)
      ids.push_back(static_cast<std::uint32_t>(key));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

bool is_resized_image(const ReadSet::Name& name) {
  return name.kind == tmpl::ReadKind::image && name.name.starts_with("processed_images/");
}

bool asks_for_images(const ReadSet& reads) {
  return std::any_of(reads.names().begin(), reads.names().end(), is_resized_image);
}

}  // namespace weir::site
