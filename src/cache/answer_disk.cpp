#include "cache/answer_disk.h"

#include "base/limits.h"
#include "cache/answer_record.h"
#include "store/blob_store.h"

#include <algorithm>

namespace weir::cache {
namespace {

// Keys of fills: pages begin with '/', these do not. A variant is named by what it was selected by;
// where anything selects, the list of fields that do lies beside it.
std::string variant_name(std::string_view key, std::string_view selection) {
  std::string name = "answer ";
  name.append(key).append("\n").append(selection);
  return name;
}
std::string list_name(std::string_view key) { return "vary " + std::string(key); }

constexpr std::size_t lists_max = 8;  // of fields that select, at one key

}  // namespace

std::string AnswerDisk::tag_of_key(std::string_view key) {
  // Long ones by their hash: a tag is bounded, and one that means two keys only asks once more.
  std::string tag = "key:" + std::string(key);
  if (tag.size() <= limits::tag_bytes_max) return tag;
  return "key:" + std::to_string(xxh3_64(key));
}

std::optional<store::Fill> AnswerDisk::find(std::string_view key,
                                            std::span<const http::Field> request_fields) const {
  if (auto plain = parts_.store.find_fill(variant_name(key, {}))) return plain;
  const auto list = parts_.store.find_fill(list_name(key));
  if (!list) return std::nullopt;
  std::optional<store::Fill> newest;
  for (const auto& [name, value] : list->fields) {
    const std::string selection = selection_of(names_in(value), request_fields);
    auto found = parts_.store.find_fill(variant_name(key, selection));
    if (found && (!newest || found->generation > newest->generation)) newest = std::move(found);
  }
  return newest;
}

bool AnswerDisk::holds(std::string_view key) const {
  return parts_.store.find_fill(variant_name(key, {})).has_value() ||
         parts_.store.find_fill(list_name(key)).has_value();
}

Result<std::shared_ptr<const Answer>> AnswerDisk::read(const store::Fill& fill) const {
  const Error foreign{Errc::corrupt, "a stored answer without its policy"};
  const std::string_view name = fill.key;
  const std::size_t end = name.find('\n');
  if (!name.starts_with("answer ") || end == std::string_view::npos) return foreign;
  auto recorded = facts_of(fill);
  if (!recorded) return foreign;
  AnswerFacts facts = std::move(*recorded);
  facts.key = name.substr(7, end - 7);
  // By the wall clock, which never runs behind what the store has seen (C-1).
  const Nanos resident = std::max(parts_.store.wall() - fill.rendered, Nanos(0));
  facts.received = Mono{parts_.clock.mono().ns - resident.count()};
  facts.received_wall = fill.rendered;
  store::Body body = TRY(parts_.store.read_fill(fill));
  auto answer =
      TRY(make_answer(std::move(facts),
                      std::make_shared<const std::string>(std::move(body.identity)), parts_.tags));
  answer->was_wanted.store(true, std::memory_order_relaxed);  // it is there already
  return answer;
}

bool AnswerDisk::keep(const Answer& answer) {
  const std::string name = variant_name(answer.key, answer.selection);
  if (!doorkeeper_.knocks_again(name)) {
    not_admitted_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const std::lock_guard one_at_a_time(keeping_);
  if (const auto there = parts_.store.find_fill(name);
      there && there->rendered > answer.received_wall)
    return false;
  const auto put = [this](store::Fill fill, const store::PackedBlob* body) {
    fill.release = store::outside_releases;
    const auto kept = parts_.store.put_fill(std::move(fill), body);
    if (!kept) parts_.log.warning("cache.answer_not_kept", {{"reason", kept.error().what}});
    return kept.ok();
  };
  if (!answer.vary.empty()) {
    store::Fill list;
    if (auto known = parts_.store.find_fill(list_name(answer.key))) list = std::move(*known);
    const std::string names = text_of(answer.vary);
    const bool is_known = std::ranges::any_of(
        list.fields, [&names](const auto& field) { return field.second == names; });
    if (!is_known) {
      if (list.fields.size() >= lists_max) list.fields.erase(list.fields.begin());
      list.fields.emplace_back(":vary", names);
      list.key = list_name(answer.key);
      list.kind = store::FillKind::gone;
      list.rendered = answer.received_wall;
      if (!put(std::move(list), nullptr)) return false;
    }
  }
  store::Fill fill = record_of(answer);
  fill.key = name;
  const HashKey& key = parts_.store.blobs().key();
  store::PackedBlob packed =
      store::pack_blob(key, *answer.body, field_of(answer.fields, "content-type"));
  fill.body_id = packed.header.id;
  return put(std::move(fill), &packed);
}

}  // namespace weir::cache
