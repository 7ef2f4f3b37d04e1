#include "cache/answer_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace weir::cache {
namespace {

constexpr std::string_view policy_name = ":policy", vary_name = ":vary", path_name = ":path",
                           selection_name = ":selection", part_name = ":part",
                           question_name = ":question.";

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

std::string policy_text_of(const AnswerFacts& answer) {
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

std::string text_of(const VaryNames& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ",").append(name);
  return out;
}

VaryNames names_in(std::string_view text) {
  VaryNames names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    names.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

store::Fill record_of(const Answer& answer) {
  store::Fill fill;
  fill.status = answer.status;
  fill.fields = answer.fields;
  fill.fields.emplace_back(policy_name, policy_text_of(answer));
  fill.fields.emplace_back(vary_name, text_of(answer.vary));
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
  fill.sha256 = sha256_of(*answer.body);
  return fill;
}

Result<AnswerFacts> facts_of(const store::Fill& fill) {
  const Error foreign{Errc::corrupt, "a stored answer without its policy"};
  AnswerFacts facts;
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
      facts.vary = names_in(value);
    } else if (field == selection_name) {
      facts.selection = value;
    } else if (field == path_name) {
      facts.path = value;
    } else if (field == part_name) {
      std::array<std::int64_t, 2> numbers{};
      if (!read_numbers(value, numbers) || numbers[0] < 0 || numbers[1] < 0) return foreign;
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
  return facts;
}

}  // namespace weir::cache
