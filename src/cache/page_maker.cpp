#include "cache/page_maker.h"

#include "base/bytes.h"
#include "cache/preloads.h"
#include "http/dates.h"
#include "http/prepared.h"

#include <algorithm>

namespace weir::cache {
namespace {

constexpr std::size_t etag_hash_characters = 22;
constexpr std::size_t name_hash_digits_min = 8;

// "app.3f2a9c1b.css", "font-0a1b2c3d4e.woff2": a run of at least 8 hex digits with a digit among
// them, between marks.
bool has_hash_in_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  std::size_t start = 0;
  while (start < name.size()) {
    const std::size_t end = std::min(name.find_first_of(".-_", start), name.size());
    const std::string_view part = name.substr(start, end - start);
    const bool is_hex = std::ranges::all_of(part, [](char c) { return hex_digit_of(c) >= 0; });
    const bool is_inner = start > 0 && end < name.size();
    if (is_inner && is_hex && part.size() >= name_hash_digits_min &&
        std::ranges::any_of(part, is_digit))
      return true;
    start = end + 1;
  }
  return false;
}

store::Fields shared_fields(const Page& page, char letter);

bool holds(const store::Fields& fields, std::string_view name) {
  return std::ranges::any_of(
      fields, [name](const auto& field) { return equals_ignoring_case(field.first, name); });
}

struct Coding {
  char letter;             // of the ETag
  std::string_view token;  // of Content-Encoding; empty = none
};
constexpr Coding dcz_coding{'d', "dcz"};
Coding whole_coding_of(store::Rendition rendition) {
  return {store::etag_letter_of(rendition), store::coding_of(store::codec_of(rendition))};
}

store::Fields whole_fields(const Page& page, Coding coding) {
  store::Fields whole;
  if (!page.content_type.empty()) whole.emplace_back("Content-Type", page.content_type);
  const store::Fields shared = shared_fields(page, coding.letter);
  whole.insert(whole.end(), shared.begin(), shared.end());
  if (page.status == 200) {
    whole.emplace_back("Last-Modified", http::date_of(page.modified.seconds()));
    whole.emplace_back("Accept-Ranges", "bytes");
  }
  if (!coding.token.empty()) whole.emplace_back("Content-Encoding", coding.token);
  for (const auto& field : page.fields)  // an empty one is one that the site took away
    if (!field.second.empty()) whole.push_back(field);
  return whole;
}

store::Fields brief_fields(const Page& page, char letter) {
  constexpr std::array<std::string_view, 4> kept{"cache-control", "vary", "expires",
                                                 "content-location"};
  store::Fields brief = shared_fields(page, letter);
  for (const auto& field : page.fields)
    if (!field.second.empty() && std::ranges::find(kept, lower_of(field.first)) != kept.end())
      brief.push_back(field);
  return brief;
}

Result<Representation> represent(const Page& page, Coding coding,
                                 std::shared_ptr<const std::string> body) {
  const http::PrepareOptions options{.age = http::PrepareOptions::Age::slot};
  Representation out;
  out.etag = etag_of(page.sha256, coding.letter);
  out.ok = TRY(http::prepare(page.status, whole_fields(page, coding), body, options));
  out.not_modified = TRY(http::prepare(304, brief_fields(page, coding.letter), nullptr, options));
  out.body = std::move(body);
  return out;
}

std::shared_ptr<Page> blank_page(PageFacts facts, TagEpochs& tags) {
  auto page = std::make_shared<Page>();
  page->epochs = tags.intern(facts.key, facts.tags);
  static_cast<PageFacts&>(*page) = std::move(facts);
  return page;
}

std::size_t bytes_of_facts(const Page& page) {
  std::size_t bytes = sizeof page + page.key.size() * 2 + page.content_type.size();
  for (const auto& [name, value] : page.fields)
    bytes += sizeof(page.fields[0]) + name.size() + value.size();
  for (const std::string& name : page.tags)
    bytes += sizeof name + name.size() + sizeof page.epochs.epochs[0];
  return bytes;
}

Status dress(Page& page, const Bodies& bodies, const std::shared_ptr<const std::string>& dcz) {
  page.bytes = bytes_of_facts(page);
  for (std::size_t i = 0; i < store::rendition_count; ++i) {
    if (bodies[i] == nullptr) continue;
    page.representations[i] =
        TRY(represent(page, whole_coding_of(static_cast<store::Rendition>(i)), bodies[i]));
    page.bytes +=
        page.representations[i].ok->bytes() + page.representations[i].not_modified->bytes();
  }
  if (dcz != nullptr) {
    page.dcz = TRY(represent(page, dcz_coding, dcz));
    page.bytes += page.dcz.ok->bytes() + page.dcz.not_modified->bytes();
  }
  page.bytes += page.preloads.size();
  return done;
}

}  // namespace

std::string etag_of(const Sha256& sha256, char letter) {
  std::string etag = "\"" + base64url_of(sha256).substr(0, etag_hash_characters) + '-';
  etag += letter;
  return etag + '"';
}

std::string etag_of(const Sha256& sha256, store::Rendition rendition) {
  return etag_of(sha256, store::etag_letter_of(rendition));
}

std::string_view cache_control_of(store::EntryKind kind, std::string_view path) {
  if (kind == store::EntryKind::static_file && has_hash_in_name(path))
    return "public, max-age=31536000, immutable";
  return "public, max-age=0, must-revalidate";
}

store::Fields whole_fields_of(const Page& page, store::Rendition rendition) {
  return whole_fields(page, whole_coding_of(rendition));
}

store::Fields fields_for_304(const Page& page, store::Rendition rendition) {
  return brief_fields(page, store::etag_letter_of(rendition));
}

store::Fields shared_fields_of(const Page& page, store::Rendition rendition) {
  return shared_fields(page, store::etag_letter_of(rendition));
}

namespace {

store::Fields shared_fields(const Page& page, char letter) {
  store::Fields fields;
  fields.emplace_back("ETag", etag_of(page.sha256, letter));
  if (!holds(page.fields, "cache-control"))
    fields.emplace_back("Cache-Control", cache_control_of(page.kind, page.key));
  // Whether a coding is at hand now or only later, the answer depends on what the client accepts.
  const bool varies = letter != store::etag_letter_of(store::Rendition::identity) ||
                      store::is_worth_compressing(page.content_type, 1 * MiB);
  const bool has_dictionary = page.dictionary != nullptr;
  if (varies && !holds(page.fields, "vary"))
    fields.emplace_back(
        "Vary", has_dictionary ? "Accept-Encoding, Available-Dictionary" : "Accept-Encoding");
  if (page.policy.ttl) fields.emplace_back("Date", http::date_of(page.rendered_wall.seconds()));
  return fields;
}

std::string_view link_field_of(const store::Fields& fields) {
  for (const auto& [name, value] : fields)
    if (equals_ignoring_case(name, "link")) return value;
  return {};
}

}  // namespace

Bodies bodies_of(store::Body body) {
  Bodies bodies;
  bodies[static_cast<std::size_t>(store::Rendition::identity)] =
      std::make_shared<const std::string>(std::move(body.identity));
  if (!body.zstd.empty())
    bodies[static_cast<std::size_t>(store::Rendition::zstd)] =
        std::make_shared<const std::string>(std::move(body.zstd));
  return bodies;
}

Bodies bodies_of(const Page& page) {
  Bodies bodies;
  for (std::size_t i = 0; i < store::rendition_count; ++i) bodies[i] = page.representations[i].body;
  return bodies;
}

Result<std::shared_ptr<const Page>> make_page(PageFacts facts, const Bodies& bodies,
                                              TagEpochs& tags) {
  MUST(bodies[static_cast<std::size_t>(store::Rendition::identity)] != nullptr);
  std::shared_ptr<Page> page = blank_page(std::move(facts), tags);
  if (page->renderable == store::Renderable::yes && page->content_type.starts_with("text/html"))
    page->preloads = preloads_of(*bodies[static_cast<std::size_t>(store::Rendition::identity)],
                                 link_field_of(page->fields));
  TRY(dress(*page, bodies, nullptr));
  return std::shared_ptr<const Page>(std::move(page));
}

std::shared_ptr<const Page> make_gone_page(PageFacts facts, TagEpochs& tags) {
  std::shared_ptr<Page> page = blank_page(std::move(facts), tags);
  page->gone = true;
  page->bytes = bytes_of_facts(*page);
  return page;
}

std::shared_ptr<const Page> make_outline(PageFacts facts, TagEpochs& tags) {
  return blank_page(std::move(facts), tags);
}

Result<std::shared_ptr<const Page>> with_codings(const Page& page, const Bodies& bodies,
                                                 const DictionaryCoding& dcz) {
  auto more = std::make_shared<Page>();
  static_cast<PageFacts&>(*more) = page;
  more->epochs = page.epochs;
  more->preloads = page.preloads;
  more->dictionary = dcz.dictionary;
  TRY(dress(*more, bodies, dcz.body));
  return std::shared_ptr<const Page>(std::move(more));
}

}  // namespace weir::cache
