#include "cache/answer.h"

#include "http/dates.h"

#include <algorithm>

namespace weir::cache {
namespace {

std::atomic<std::uint64_t> generations{0};

// "abc" in another coding is "abc-z"; weak ones stay weak (C-45).
std::string etag_in(std::string_view etag, store::Rendition rendition) {
  if (rendition == store::Rendition::identity || !etag.ends_with('"')) return std::string(etag);
  std::string out(etag.substr(0, etag.size() - 1));
  out += '-';
  out += store::etag_letter_of(rendition);
  return out + '"';
}

bool names_accept_encoding(const http::Fields& fields) {
  return lower_of(field_of(fields, "vary")).find("accept-encoding") != std::string::npos;
}

bool stays_in_304(std::string_view name) {
  // RFC 9110 15.4.5, and what a client's own cache needs to go on with.
  constexpr std::array<std::string_view, 10> kept{
      "cache-control", "content-location", "date",       "etag", "expires",
      "vary",          "last-modified",    "set-cookie", "via",  "cache-status"};
  return std::ranges::find(kept, name) != kept.end();
}

http::Fields fields_in(const Answer& answer, const Answer::Form& form, store::Rendition rendition,
                       bool is_coded) {
  http::Fields fields;
  fields.reserve(answer.fields.size() + 2);
  for (const auto& [name, value] : answer.fields)
    fields.emplace_back(name, name == "etag" && !form.etag.empty() ? form.etag : value);
  if (!is_coded) return fields;
  if (rendition != store::Rendition::identity)
    fields.emplace_back("content-encoding", store::coding_of(store::codec_of(rendition)));
  if (answer.adds_vary) fields.emplace_back("vary", "Accept-Encoding");
  return fields;
}

std::size_t bytes_of(const Answer& answer) {
  std::size_t bytes = sizeof answer + answer.key.size() * 2 + answer.selection.size();
  for (const auto& [name, value] : answer.fields)
    bytes += sizeof(answer.fields[0]) + name.size() + value.size();
  for (const Answer::Form& form : answer.forms)
    if (form.ok != nullptr) bytes += form.ok->bytes() + form.not_modified->bytes();
  for (const std::string& tag : answer.tags) bytes += sizeof tag + tag.size() + 16;
  if (answer.question != nullptr)
    bytes += sizeof(Question) + answer.question->lines.size() + answer.question->target.size();
  return bytes;
}

}  // namespace

std::string_view field_of(const http::Fields& fields, std::string_view lower_name) {
  for (const auto& [name, value] : fields)
    if (name == lower_name) return value;
  return {};
}

http::Fields fields_for_304(const Answer& answer, const Answer::Form& form) {
  http::Fields fields;
  for (const auto& [name, value] : answer.fields)
    if (stays_in_304(name))
      fields.emplace_back(name, name == "etag" && !form.etag.empty() ? form.etag : value);
  if (answer.adds_vary) fields.emplace_back("vary", "Accept-Encoding");
  return fields;
}

Result<std::shared_ptr<const Answer>> make_answer(AnswerFacts facts,
                                                  std::shared_ptr<const std::string> body,
                                                  TagEpochs& tags, const Codings& codings) {
  auto answer = std::make_shared<Answer>();
  static_cast<AnswerFacts&>(*answer) = std::move(facts);
  if (field_of(answer->fields, "date").empty())
    answer->fields.emplace_back("date", http::date_of(answer->policy.date_s));
  answer->generation = generations.fetch_add(1, std::memory_order_relaxed) + 1;
  answer->etag = field_of(answer->fields, "etag");
  answer->last_modified = field_of(answer->fields, "last-modified");
  answer->content_language = field_of(answer->fields, "content-language");
  answer->epochs = tags.intern(answer->path, answer->tags);
  answer->body = std::move(body);
  const bool is_coded =
      std::ranges::any_of(codings, [](const auto& coding) { return coding != nullptr; });
  answer->adds_vary = is_coded && !names_accept_encoding(answer->fields);
  const http::PrepareOptions options{.age = http::PrepareOptions::Age::slot};
  for (std::size_t i = 0; i < store::rendition_count; ++i) {
    const auto rendition = static_cast<store::Rendition>(i);
    const bool is_identity = rendition == store::Rendition::identity;
    Answer::Form& form = answer->forms[i];
    form.body = is_identity ? answer->body : codings[i];
    if (form.body == nullptr) continue;
    form.etag = etag_in(answer->etag, rendition);
    form.ok = TRY(http::prepare(answer->status, fields_in(*answer, form, rendition, is_coded),
                                form.body, options));
    form.not_modified = TRY(http::prepare(304, fields_for_304(*answer, form), nullptr, options));
  }
  answer->bytes = bytes_of(*answer);
  return std::shared_ptr<const Answer>(std::move(answer));
}

}  // namespace weir::cache
