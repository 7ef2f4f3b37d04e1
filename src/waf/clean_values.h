#pragma once
// Values that were inspected and found clean, kept by their full bytes (waf W-34): what a browser
// repeats with every request is looked up instead of inspected again. Bounded; a colliding value
// takes the place of the older of two. Only values without any hit are kept, so that a hit is
// always found anew.
//
// Belongs to one thread.

#include "base/hash.h"
#include "base/limits.h"

#include <memory>
#include <string_view>
#include <utility>

namespace weir::waf {

class CleanValues {
 public:
  // What was asked: the kind of unit, its name and its value.
  struct Key {
    std::uint8_t kind;
    std::string_view name, value;
    std::uint64_t hash;
  };
  Key key(std::uint8_t kind, std::string_view name, std::string_view value) const {
    const std::uint64_t salt = (kind + name.size() * 256 +
                                (name.empty() ? 0 : static_cast<unsigned char>(name[0]) * 65536));
    return {kind, name, value, hash_.hash64(value) ^ salt * 0x9e3779b97f4a7c15ull};
  }
  bool has(const Key& key) const {
    const Slot* pair = &slots_[key.hash % pairs_count * 2];
    return is(pair[0], key) || is(pair[1], key);
  }
  void keep(const Key& key) {
    if (key.name.size() + key.value.size() > sizeof Slot::bytes) return;
    Slot* pair = &slots_[key.hash % pairs_count * 2];
    std::swap(pair[0], pair[1]);
    Slot& slot = pair[0];
    slot.hash = key.hash;
    slot.kind = key.kind;
    slot.name_bytes = static_cast<std::uint16_t>(key.name.size());
    slot.value_bytes = static_cast<std::uint16_t>(key.value.size());
    key.name.copy(slot.bytes, key.name.size());
    key.value.copy(slot.bytes + key.name.size(), key.value.size());
  }

 private:
  struct Slot {
    std::uint64_t hash;
    std::uint16_t name_bytes, value_bytes;
    std::uint8_t kind;  // 0 = free
    char bytes[limits::waf_remembered_bytes_max];
  };
  static bool is(const Slot& slot, const Key& key) {
    return slot.hash == key.hash && slot.kind == key.kind &&
           std::string_view(slot.bytes, slot.name_bytes) == key.name &&
           std::string_view(slot.bytes + slot.name_bytes, slot.value_bytes) == key.value;
  }
  static constexpr std::size_t pairs_count = limits::waf_remembered_values / 2;
  HashKey hash_ = HashKey::random();
  std::unique_ptr<Slot[]> slots_ = std::make_unique<Slot[]>(pairs_count * 2);
};

}  // namespace weir::waf
