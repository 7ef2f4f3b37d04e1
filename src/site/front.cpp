#include "site/front.h"

#include "base/bytes.h"
#include "site/fields.h"

#include <array>

namespace weir::site {

namespace {

using text::Value;

// "90s", "10m", "2h", "1d", or whole seconds.
std::optional<std::chrono::seconds> duration_of(const Value& value) {
  constexpr std::int64_t seconds_max = std::int64_t{10} * 365 * 24 * 3600;
  std::int64_t factor = 1;
  std::optional<std::int64_t> count;
  if (const std::int64_t* number = value.integer()) {
    count = *number;
  } else if (const std::string* text = value.string(); text != nullptr && !text->empty()) {
    std::string_view digits = *text;
    constexpr std::pair<char, std::int64_t> units[] = {
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    for (const auto& [unit, seconds] : units)
      if (digits.back() == unit) factor = seconds;
    if (!is_digit(digits.back())) digits.remove_suffix(1);
    if (factor != 1 || digits.size() == text->size() || text->back() == 's')
      count = parse_i64(digits);
  }
  if (!count || *count < 0 || *count > seconds_max / factor) return std::nullopt;
  return std::chrono::seconds(*count * factor);
}

CacheFront cache_front_of(const Value& extra, std::string_view file, Diagnostics& diagnostics) {
  CacheFront cache;
  const Value* table = extra.find("cache");
  if (table == nullptr || !table->is_object()) return cache;
  Fields fields(*table, file, "[extra.cache]", diagnostics);
  const auto read = [&](std::string_view name, std::optional<std::chrono::seconds>& into) {
    const Value* value = fields.find(name);
    if (value == nullptr) return;
    into = duration_of(*value);
    if (!into)
      fields.wrong(name,
                   "a duration such as \"90s\", \"10m\", \"2h\", \"1d\" or a number of seconds");
  };
  read("ttl", cache.policy.ttl);
  read("swr", cache.policy.swr);
  read("sie", cache.policy.sie);
  cache.tags = fields.strings("tags").value_or(std::vector<std::string>{});
  fields.report_unknown(Fields::Unknown::warning);
  return cache;
}

std::optional<Dated> date_of(Fields& fields, std::string_view name) {
  const Value* value = fields.find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  const std::string* text = value->string();
  if (const text::DateText* date = value->date()) text = &date->text;
  if (text == nullptr) {
    fields.wrong(name, "a date");
    return std::nullopt;
  }
  Result<text::DateTime> time = text::parse_date(*text);
  if (!time.ok()) {
    fields.wrong(name, "a date such as 2024-02-29 or 2024-02-29T12:00:00Z");
    return std::nullopt;
  }
  return Dated{*text, std::move(time).value()};
}

std::vector<std::pair<std::string, std::vector<std::string>>> taxonomies_of(
    const Value& table, std::string_view file, Diagnostics& diagnostics) {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  Fields fields(table, file, "[taxonomies]", diagnostics);
  for (const text::Member& member : *table.object())
    if (std::optional<std::vector<std::string>> terms = fields.strings(member.name))
      out.emplace_back(member.name, std::move(*terms));
  return out;
}

constexpr std::string_view sort_words[] = {"none",        "date",   "update_date", "title",
                                           "title_bytes", "weight", "slug",        "permalink"};
constexpr std::string_view anchor_words[] = {"none", "left", "right", "heading"};

}  // namespace

PageFront page_front_of(const Value& table, std::string_view file, Diagnostics& diagnostics) {
  PageFront front;
  Fields fields(table, file, "page front matter", diagnostics);
  front.title = fields.string("title");
  front.description = fields.string("description");
  front.date = date_of(fields, "date");
  front.updated = date_of(fields, "updated");
  front.slug = fields.string("slug");
  if (front.slug && front.slug->empty()) fields.wrong("slug", "not empty");
  front.path = fields.string("path");
  if (front.path && front.path->empty()) fields.wrong("path", "not empty");
  front.template_name = fields.string("template");
  if (front.template_name) front.template_place = fields.place_of_name("template");
  front.weight = fields.integer("weight", 0);
  front.draft = fields.boolean("draft").value_or(false);
  front.render = fields.boolean("render").value_or(true);
  front.in_search_index = fields.boolean("in_search_index").value_or(true);
  front.authors = fields.strings("authors").value_or(std::vector<std::string>{});
  front.aliases = fields.strings("aliases").value_or(std::vector<std::string>{});
  if (const Value* taxonomies = fields.table("taxonomies")) {
    front.taxonomies = taxonomies_of(*taxonomies, file, diagnostics);
    front.taxonomies_place = fields.place_of_name("taxonomies");
  }
  if (const Value* extra = fields.table("extra")) {
    front.extra = *extra;
    front.cache = cache_front_of(*extra, file, diagnostics);
  }
  return front;
}

SectionFront section_front_of(const Value& table, std::string_view file, Diagnostics& diagnostics) {
  SectionFront front;
  Fields fields(table, file, "section front matter", diagnostics);
  front.title = fields.string("title");
  front.description = fields.string("description");
  if (const auto word = fields.word("sort_by", sort_words))
    front.sort_by = static_cast<SortBy>(*word);
  front.weight = fields.integer("weight", 0).value_or(0);
  front.draft = fields.boolean("draft").value_or(false);
  front.render = fields.boolean("render").value_or(true);
  front.transparent = fields.boolean("transparent").value_or(false);
  front.generate_feeds = fields.boolean("generate_feeds").value_or(false);
  if (const std::optional<bool> old = fields.boolean("generate_feed")) {
    front.generate_feeds = *old;
    diagnostics.warning(Error{Errc::invalid, "\"generate_feed\" is a key of an older Zola"}
                            .at(fields.place_of_name("generate_feed"))
                            .with_help("today it is generate_feeds"));
  }
  front.template_name = fields.string("template");
  if (front.template_name) front.template_place = fields.place_of_name("template");
  front.page_template = fields.string("page_template");
  const std::int64_t paginate_by = fields.integer("paginate_by", 0).value_or(0);
  if (paginate_by > 0) front.paginate_by = static_cast<std::size_t>(paginate_by);
  front.paginate_reversed = fields.boolean("paginate_reversed").value_or(false);
  front.paginate_path = fields.string("paginate_path").value_or("page");
  if (const auto word = fields.word("insert_anchor_links", anchor_words))
    front.insert_anchor_links = static_cast<text::AnchorLinks>(*word);
  front.redirect_to = fields.string("redirect_to");
  front.in_search_index = fields.boolean("in_search_index").value_or(true);
  front.aliases = fields.strings("aliases").value_or(std::vector<std::string>{});
  if (const Value* extra = fields.table("extra")) {
    front.extra = *extra;
    front.cache = cache_front_of(*extra, file, diagnostics);
  }
  fields.report_unknown(Fields::Unknown::warning);
  return front;
}

}  // namespace weir::site
