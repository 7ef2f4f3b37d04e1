#include "guard/token_cache.h"

#include "base/must.h"
#include "text/json.h"

#include <algorithm>

namespace weir::guard {

std::string_view name_of(TokenReason reason) {
  constexpr std::array<std::string_view, 26> names{"good",
                                                   "absent",
                                                   "several",
                                                   "not-bearer",
                                                   "too-large",
                                                   "form",
                                                   "encrypted",
                                                   "header",
                                                   "algorithm",
                                                   "critical",
                                                   "type",
                                                   "kid-unknown",
                                                   "key-ambiguous",
                                                   "key-mismatch",
                                                   "signature",
                                                   "claims",
                                                   "expired",
                                                   "not-yet",
                                                   "issued-ahead",
                                                   "lifetime",
                                                   "issuer",
                                                   "audience",
                                                   "subject",
                                                   "authorized-party",
                                                   "forwarded-value",
                                                   "keys-unavailable"};
  static_assert(names.size() == static_cast<std::size_t>(TokenReason::keys_unavailable) + 1);
  return names[static_cast<std::size_t>(reason)];
}

std::string TokenClaims::text_of(std::string_view claim) const {
  const text::Value* value = claims.find(claim);
  if (value == nullptr) return "";
  if (value->string() != nullptr) return *value->string();
  return value->integer() != nullptr || value->large_integer() != nullptr ||
                 value->real() != nullptr
             ? text::json_of(*value)
             : "";
}

bool TokenClaims::has_scope(std::string_view scope) const {
  for (const char* claim : {"scope", "scp"}) {
    const text::Value* value = claims.find(claim);
    if (value == nullptr) continue;
    if (const auto* list = value->array()) {
      for (const text::Value& item : *list)
        if (item.string() != nullptr && *item.string() == scope) return true;
    } else if (value->string() != nullptr) {
      std::string_view rest = *value->string();
      while (!rest.empty()) {
        const std::size_t blank = std::min(rest.find(' '), rest.size());
        if (rest.substr(0, blank) == scope) return true;
        rest.remove_prefix(std::min(blank + 1, rest.size()));
      }
    }
  }
  return false;
}

namespace {
bool holds(const TokenSpan& valid, Mono kept_until, Moment now) {
  return now.wall >= valid.from && now.wall < valid.until && now.mono < kept_until;
}
}  // namespace

TokenCache::TokenCache(std::size_t entries, std::size_t bytes_max)
    : slots_per_shard_(std::max(entries / shards_count / ways, std::size_t{1}) * ways),
      bytes_per_shard_(bytes_max / shards_count) {}

std::optional<TokenVerdict> TokenCache::find(std::string_view token, std::uint64_t generation,
                                             Moment now) {
  const std::uint64_t hash = key_.hash64(token);
  return shards_[hash % shards_count].with([&](Shard& shard) -> std::optional<TokenVerdict> {
    if (shard.slots.empty()) return std::nullopt;
    const std::size_t first = (hash / shards_count) % (slots_per_shard_ / ways) * ways;
    for (std::size_t i = first; i < first + ways; ++i) {
      Slot& slot = shard.slots[i];
      if (slot.hash != hash || slot.token != token) continue;
      if (slot.generation == generation && holds(slot.valid, slot.kept_until, now))
        return slot.verdict;
    }
    return std::nullopt;
  });
}

void TokenCache::keep(std::string_view token, std::uint64_t generation, TokenSpan valid,
                      Mono kept_until, TokenVerdict verdict) {
  if (token.empty() || token.size() > bytes_per_shard_) return;
  const std::uint64_t hash = key_.hash64(token);
  shards_[hash % shards_count].with([&](Shard& shard) {
    if (shard.slots.empty()) shard.slots.resize(slots_per_shard_);
    const auto drop = [&](Slot& slot) {
      shard.bytes -= slot.token.size();
      slot = Slot{};
    };
    const std::size_t first = (hash / shards_count) % (slots_per_shard_ / ways) * ways;
    Slot* place = nullptr;
    for (std::size_t i = first; i < first + ways; ++i) {
      Slot& slot = shard.slots[i];
      if (slot.hash == hash && slot.token == token) {
        place = &slot;
        break;
      }
      // Free slots have kept_until 0 and therefore win.
      if (place == nullptr || slot.kept_until < place->kept_until) place = &slot;
    }
    drop(*place);
    while (shard.bytes + token.size() > bytes_per_shard_) {
      drop(shard.slots[shard.hand]);
      shard.hand = (shard.hand + 1) % shard.slots.size();
    }
    *place = Slot{hash, generation, valid, kept_until, std::string(token), std::move(verdict)};
    shard.bytes += token.size();
  });
}

std::size_t TokenCache::bytes() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard.with([](const Shard& it) { return it.bytes; });
  return sum;
}

}  // namespace weir::guard
