#include "cache/answer_disk.h"

#include "base/limits.h"
#include "store/blob_store.h"

#include <algorithm>
#include <charconv>

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

// What a fill has no room for goes among its fields, under names that no field has.
constexpr std::string_view policy_name = ":policy", vary_name = ":vary", path_name = ":path",
                           selection_name = ":selection", part_name = ":part",
                           question_name = ":question.";

std::string joined(const VaryNames& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ",").append(name);
  return out;
}
VaryNames split(std::string_view text) {
  VaryNames names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    names.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

std::string numbers_of(std::initializer_list<std::int64_t> numbers) {
  std::string out;
  for (const std::int64_t number : numbers)
    out.append(out.empty() ? "" : " ").append(std::to_string(number));
  return out;
}
// False: not as many as that.
bool read_numbers(std::string_view text, std::span<std::int64_t> into) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::int64_t& number : into) {
    while (at != end && *at == ' ') ++at;
    const auto read = std::from_chars(at, end, number);
    if (read.ec != std::errc()) return false;
    at = read.ptr;
  }
  return at == end;
}

constexpr std::array flags{&Policy::must_validate,  &Policy::never_stale,  &Policy::is_shared,
                           &Policy::is_for_cookies, &Policy::no_transform, &Policy::is_explicit,
                           &Policy::sie_on_answers};

std::string text_of(const Answer& answer) {
  const Policy& policy = answer.policy;
  std::int64_t bits = 0;
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (policy.*flags[i]) bits |= std::int64_t{1} << i;
  return numbers_of({policy.lifetime_s, policy.initial_age_s, policy.swr_s, policy.sie_s,
                     policy.date_s, bits, static_cast<std::int64_t>(answer.profile),
                     answer.took.count()});
}

bool read_policy(std::string_view text, AnswerFacts& facts) {
  std::array<std::int64_t, 8> numbers{};
  if (!read_numbers(text, numbers)) return false;
  Policy& policy = facts.policy;
  policy.is_storable = true;
  policy.lifetime_s = numbers[0];
  policy.initial_age_s = numbers[1];
  policy.swr_s = numbers[2];
  policy.sie_s = numbers[3];
  policy.date_s = numbers[4];
  for (std::size_t i = 0; i < flags.size(); ++i) policy.*flags[i] = (numbers[5] >> i & 1) != 0;
  facts.profile = numbers[6] == 1 ? Profile::rfc9111 : Profile::guarded;
  facts.took = Nanos(numbers[7]);
  return true;
}

struct QuestionPart {
  std::string_view name;
  std::string Question::*text;
};
constexpr QuestionPart question_parts[] = {
    {"route", &Question::route}, {"target", &Question::target},      {"host", &Question::host},
    {"lines", &Question::lines}, {"client", &Question::client_host}, {"path", &Question::path},
};

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
    const std::string selection = selection_of(split(value), request_fields);
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
  AnswerFacts facts;
  const std::string_view name = fill.key;
  const std::size_t end = name.find('\n');
  if (!name.starts_with("answer ") || end == std::string_view::npos) return foreign;
  facts.key = name.substr(7, end - 7);
  facts.status = fill.status;
  facts.tags = fill.tags;
  facts.fill_seq = fill.fill_seq;
  auto question = std::make_shared<Question>();
  bool has_policy = false;
  for (const auto& [field, value] : fill.fields) {
    if (!field.starts_with(':')) {
      facts.fields.emplace_back(field, value);
    } else if (field == policy_name) {
      has_policy = read_policy(value, facts);
    } else if (field == vary_name) {
      facts.vary = split(value);
    } else if (field == selection_name) {
      facts.selection = value;
    } else if (field == path_name) {
      facts.path = value;
    } else if (field == part_name) {
      std::array<std::int64_t, 2> numbers{};
      if (!read_numbers(value, numbers)) return foreign;
      facts.part =
          Part{static_cast<std::uint64_t>(numbers[0]), static_cast<std::uint64_t>(numbers[1])};
    } else if (field.starts_with(question_name)) {
      const std::string_view part = std::string_view(field).substr(question_name.size());
      for (const QuestionPart& one : question_parts)
        if (one.name == part) (*question).*one.text = value;
    }
  }
  if (!has_policy) return foreign;
  if (!question->target.empty()) facts.question = std::move(question);
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

void AnswerDisk::keep(const Answer& answer) {
  const std::string name = variant_name(answer.key, answer.selection);
  if (!doorkeeper_.knocks_again(name)) return;
  const auto put = [this](store::Fill fill, const store::PackedBlob* body) {
    fill.release = store::outside_releases;
    const auto kept = parts_.store.put_fill(std::move(fill), body);
    if (!kept) parts_.log.warning("cache.answer_not_kept", {{"reason", kept.error().what}});
    return kept.ok();
  };
  if (!answer.vary.empty()) {
    store::Fill list;
    if (auto known = parts_.store.find_fill(list_name(answer.key))) list = std::move(*known);
    const std::string names = joined(answer.vary);
    const bool is_known = std::ranges::any_of(
        list.fields, [&names](const auto& field) { return field.second == names; });
    if (!is_known) {
      if (list.fields.size() >= lists_max) list.fields.erase(list.fields.begin());
      list.fields.emplace_back(vary_name, names);
      list.key = list_name(answer.key);
      list.kind = store::FillKind::gone;
      list.rendered = answer.received_wall;
      if (!put(std::move(list), nullptr)) return;
    }
  }
  store::Fill fill;
  fill.key = name;
  fill.status = answer.status;
  fill.fields = answer.fields;
  fill.fields.emplace_back(policy_name, text_of(answer));
  fill.fields.emplace_back(vary_name, joined(answer.vary));
  fill.fields.emplace_back(selection_name, answer.selection);
  fill.fields.emplace_back(path_name, answer.path);
  if (answer.part)
    fill.fields.emplace_back(part_name,
                             numbers_of({static_cast<std::int64_t>(answer.part->first),
                                         static_cast<std::int64_t>(answer.part->total)}));
  if (answer.question != nullptr)
    for (const QuestionPart& part : question_parts)
      fill.fields.emplace_back(std::string(question_name) + std::string(part.name),
                               (*answer.question).*part.text);
  fill.tags = answer.tags;
  fill.fill_seq = answer.fill_seq;
  fill.rendered = fill.modified = answer.received_wall;
  fill.body_bytes = answer.body->size();
  const HashKey& key = parts_.store.blobs().key();
  store::PackedBlob packed =
      store::pack_blob(key, *answer.body, field_of(answer.fields, "content-type"));
  fill.body_id = packed.header.id;
  fill.sha256 = sha256_of(*answer.body);
  put(std::move(fill), &packed);
}

}  // namespace weir::cache
