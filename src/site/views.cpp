#include "site/views.h"

#include "site/site.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace weir::site {

namespace {

using tmpl::ReadGroup;
using tmpl::ReadKind;
using tmpl::Recorder;
using tmpl::Value;

enum class Field : std::uint8_t {
  relative_path,
  colocated_path,
  content,
  permalink,
  slug,
  ancestors,
  title,
  description,
  updated,
  date,
  year,
  month,
  day,
  taxonomies,
  authors,
  extra,
  path,
  components,
  summary,
  toc,
  word_count,
  reading_time,
  assets,
  draft,
  lang,
  lower,
  higher,
  translations,
  backlinks,
  pages,
  subsections,
  generate_feeds,
  transparent,
  paginate_by,
  paginate_reversed,
  name,
  page_count,
  unknown,
};

struct FieldName {
  std::string_view name;
  Field field;
};

// In the order of loops.
constexpr FieldName page_fields[] = {{"relative_path", Field::relative_path},
                                     {"colocated_path", Field::colocated_path},
                                     {"content", Field::content},
                                     {"permalink", Field::permalink},
                                     {"slug", Field::slug},
                                     {"ancestors", Field::ancestors},
                                     {"title", Field::title},
                                     {"description", Field::description},
                                     {"updated", Field::updated},
                                     {"date", Field::date},
                                     {"year", Field::year},
                                     {"month", Field::month},
                                     {"day", Field::day},
                                     {"taxonomies", Field::taxonomies},
                                     {"authors", Field::authors},
                                     {"extra", Field::extra},
                                     {"path", Field::path},
                                     {"components", Field::components},
                                     {"summary", Field::summary},
                                     {"toc", Field::toc},
                                     {"word_count", Field::word_count},
                                     {"reading_time", Field::reading_time},
                                     {"assets", Field::assets},
                                     {"draft", Field::draft},
                                     {"lang", Field::lang},
                                     {"lower", Field::lower},
                                     {"higher", Field::higher},
                                     {"translations", Field::translations},
                                     {"backlinks", Field::backlinks}};
constexpr FieldName section_fields[] = {{"relative_path", Field::relative_path},
                                        {"colocated_path", Field::colocated_path},
                                        {"content", Field::content},
                                        {"permalink", Field::permalink},
                                        {"draft", Field::draft},
                                        {"ancestors", Field::ancestors},
                                        {"title", Field::title},
                                        {"description", Field::description},
                                        {"extra", Field::extra},
                                        {"path", Field::path},
                                        {"components", Field::components},
                                        {"toc", Field::toc},
                                        {"word_count", Field::word_count},
                                        {"reading_time", Field::reading_time},
                                        {"lang", Field::lang},
                                        {"assets", Field::assets},
                                        {"pages", Field::pages},
                                        {"subsections", Field::subsections},
                                        {"translations", Field::translations},
                                        {"backlinks", Field::backlinks},
                                        {"generate_feeds", Field::generate_feeds},
                                        {"transparent", Field::transparent},
                                        {"paginate_by", Field::paginate_by},
                                        {"paginate_reversed", Field::paginate_reversed}};
constexpr FieldName term_fields[] = {{"name", Field::name},   {"slug", Field::slug},
                                     {"path", Field::path},   {"permalink", Field::permalink},
                                     {"pages", Field::pages}, {"page_count", Field::page_count}};

// Names of one length are few, so a scan that compares lengths first is as good as a hash.
template <std::size_t N>
Field field_of(const FieldName (&fields)[N], std::string_view name) {
  for (const FieldName& field : fields)
    if (field.name.size() == name.size() && field.name == name) return field.field;
  return Field::unknown;
}

ReadGroup group_of(Field field) {
  switch (field) {
    case Field::content: return ReadGroup::content;
    case Field::summary: return ReadGroup::summary;
    case Field::toc: return ReadGroup::toc;
    case Field::ancestors:
    case Field::lower:
    case Field::higher:
    case Field::translations: return ReadGroup::links;
    case Field::backlinks: return ReadGroup::backlinks;
    case Field::word_count:
    case Field::reading_time: return ReadGroup::size;
    case Field::pages:
    case Field::subsections: return ReadGroup::list;
    default: return ReadGroup::meta;
  }
}

Value text_or_null(const std::optional<std::string>& text) {
  return text ? Value::lend(*text) : Value::null();
}

Value lent_strings(const std::vector<std::string>& strings) {
  std::vector<Value> items;
  items.reserve(strings.size());
  for (const std::string& string : strings) items.push_back(Value::lend(string));
  return Value::array(std::move(items));
}

Value components_of(std::string_view path) {
  std::vector<Value> items;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    if (slash > begin) items.push_back(Value::lend(path.substr(begin, slash - begin)));
    begin = slash + 1;
  }
  return Value::array(std::move(items));
}

Value assets_of(const Content& content) {
  std::vector<Value> items;
  items.reserve(content.assets.size());
  for (const Asset& asset : content.assets) items.push_back(Value::text(content.path + asset.name));
  return Value::array(std::move(items));
}

Value ancestors_of(const Site& site, const Content& content) {
  std::vector<Value> items;
  items.reserve(content.ancestors.size());
  for (const SectionId id : content.ancestors)
    items.push_back(Value::lend(site.library().sections[id].relative_path));
  return Value::array(std::move(items));
}

Value title_of(const Site& site, PageId page, SectionId section) {
  return page != no_id ? text_or_null(site.library().pages[page].front.title)
                       : text_or_null(site.library().sections[section].front.title);
}

const Content& content_of(const Site& site, PageId page, SectionId section) {
  return site.content_of(page != no_id ? ContentId{true, page} : ContentId{false, section});
}

Value translations_of(const Site& site, const Content& content) {
  std::vector<Value> items;
  if (content.translations != no_id) {
    for (const Translation& one : site.library().translations[content.translations]) {
      const Content& other = content_of(site, one.page, one.section);
      items.push_back(
          Value::object({{"lang", Value::lend(site.config().languages[one.language].code)},
                         {"permalink", Value::lend(other.permalink)},
                         {"title", title_of(site, one.page, one.section)},
                         {"path", Value::lend(other.relative_path)}}));
    }
  }
  return Value::array(std::move(items));
}

Value backlinks_of(const Site& site, ContentId id) {
  std::vector<Value> items;
  for (const Backlink& link : site.backlinks_of(id))
    items.push_back(Value::object(
        {{"permalink", Value::lend(content_of(site, link.page, link.section).permalink)},
         {"title", title_of(site, link.page, link.section)}}));
  return Value::array(std::move(items));
}

// html, summary or toc. What is volatile was rendered for this call and is copied; else the site
// keeps it.
Value rendered_field(const Site& site, ContentId id, Field field, Recorder* recorder) {
  ReadSet* reads = ReadSet::of(recorder);
  Result<std::shared_ptr<const Rendered>> rendered = site.rendered(id, reads);
  if (!rendered.ok()) {
    if (reads != nullptr) reads->fail(std::move(rendered).error());
    return Value::null();
  }
  const Rendered& held = **rendered;
  const bool is_kept = !(site.liveness() == Liveness::live && held.reads.is_volatile());
  const auto text = [&](std::string_view view) {
    return is_kept ? Value::lend(view) : Value::text(view);
  };
  if (field == Field::content) return text(held.html);
  if (field == Field::summary) return held.summary ? text(*held.summary) : Value::null();
  return toc_value_of(held.toc);
}

// The fields that pages and sections share; undefined for all others.
Value common_field(const Site& site, ContentId id, const Content& content, Field field, Shown shown,
                   Recorder* recorder) {
  const bool in_markdown = shown == Shown::in_markdown;
  switch (field) {
    case Field::relative_path: return Value::lend(content.relative_path);
    case Field::colocated_path:
      return content.colocated_path.empty() ? Value::null() : Value::lend(content.colocated_path);
    case Field::permalink: return Value::lend(content.permalink);
    case Field::path: return Value::lend(content.path);
    case Field::components: return components_of(content.path);
    case Field::extra: return Value::lend(content.extra);
    case Field::ancestors: return in_markdown ? Value::array({}) : ancestors_of(site, content);
    case Field::assets: return assets_of(content);
    case Field::lang: return Value::lend(site.config().languages[content.language].code);
    case Field::word_count: return Value(static_cast<std::int64_t>(content.word_count));
    case Field::reading_time: return Value(static_cast<std::int64_t>(content.reading_time()));
    case Field::content:
      return in_markdown ? Value::lend(std::string_view())
                         : rendered_field(site, id, field, recorder);
    case Field::summary:
      return in_markdown ? Value::null() : rendered_field(site, id, field, recorder);
    case Field::toc:
      return in_markdown ? Value::array({}) : rendered_field(site, id, field, recorder);
    case Field::translations:
      return in_markdown ? Value::array({}) : translations_of(site, content);
    case Field::backlinks: {
      const ReadSet* reads = ReadSet::of(recorder);
      return in_markdown || (reads != nullptr && reads->inside_content()) ? Value::array({})
                                                                          : backlinks_of(site, id);
    }
    default: return Value();
  }
}

Value taxonomies_of(const Page& page) {
  std::vector<std::pair<std::string, Value>> members;
  members.reserve(page.front.taxonomies.size());
  for (const auto& [name, terms] : page.front.taxonomies)
    members.emplace_back(name, lent_strings(terms));
  return Value::object(std::move(members));
}

Value date_part(const Page& page, Field field) {
  if (!page.front.date) return Value::null();
  const text::CalendarFields calendar = text::calendar_of(page.front.date->time);
  if (field == Field::year) return Value(static_cast<std::int64_t>(calendar.year));
  return Value(static_cast<std::int64_t>(field == Field::month ? calendar.month : calendar.day));
}

Value taxonomy_config_value(const TaxonomyConfig& config) {
  return Value::object(
      {{"name", Value::text(config.name)},
       {"slug", Value::text(config.slug)},
       {"paginate_by",
        config.paginate_by ? Value(static_cast<std::int64_t>(*config.paginate_by)) : Value::null()},
       {"paginate_path", config.paginate_by ? Value::text(config.paginate_path) : Value::null()},
       {"render", Value(config.render)},
       {"feed", Value(config.feed)}});
}

Value array_of(const std::vector<std::string>& strings) {
  std::vector<Value> items;
  for (const std::string& string : strings) items.push_back(Value::text(string));
  return Value::array(std::move(items));
}

Value language_value(const LanguageConfig& language) {
  std::vector<Value> taxonomies;
  for (const TaxonomyConfig& taxonomy : language.taxonomies)
    taxonomies.push_back(taxonomy_config_value(taxonomy));
  return Value::object(
      {{"title", Value::text(language.title)},
       {"description", Value::text(language.description)},
       {"generate_feeds", Value(language.generate_feeds)},
       {"feed_filenames", array_of(language.feed_filenames)},
       {"taxonomies", Value::array(std::move(taxonomies))},
       {"build_search_index", Value(language.build_search_index)},
       {"search", Value::object({{"index_format", Value::text(language.search_index_format)}})},
       {"translations", tmpl::value_of(language.translations)}});
}

// [markdown] as it stands in the configuration, with the defaults of what is not there.
Value markdown_value(const MarkdownConfig& config) {
  constexpr std::string_view anchors[] = {"none", "left", "right", "heading"};
  const text::MarkdownOptions& options = config.options;
  text::Value tree = config.as_written;
  text::Value defaults = text::Value::Object{};
  defaults.set("render_emoji", options.render_emoji);
  defaults.set("external_links_class", options.external_links_class.empty()
                                           ? text::Value()
                                           : text::Value(options.external_links_class));
  defaults.set("external_links_target_blank", options.external_links_target_blank);
  defaults.set("external_links_no_follow", options.external_links_no_follow);
  defaults.set("external_links_no_referrer", options.external_links_no_referrer);
  defaults.set("external_links_external", options.external_links_external);
  defaults.set("smart_punctuation", options.smart_punctuation);
  defaults.set("definition_list", options.definition_list);
  defaults.set("bottom_footnotes", options.bottom_footnotes);
  defaults.set("lazy_async_image", options.lazy_async_image);
  defaults.set("github_alerts", options.github_alerts);
  defaults.set("insert_anchor_links",
               anchors[static_cast<std::size_t>(options.insert_anchor_links)]);
  merge_missing(tree, defaults);
  return tmpl::value_of(tree);
}

}  // namespace

Value toc_value_of(const std::vector<text::Heading>& toc) {
  std::vector<Value> items;
  items.reserve(toc.size());
  for (const text::Heading& heading : toc)
    items.push_back(Value::object({{"level", Value(heading.level)},
                                   {"id", Value::text(heading.id)},
                                   {"permalink", Value::text(heading.permalink)},
                                   {"title", Value::text(heading.title)},
                                   {"children", toc_value_of(heading.children)}}));
  return Value::array(std::move(items));
}

Value PageView::find(std::string_view name, Recorder* recorder) const {
  const Field field = field_of(page_fields, name);
  if (field == Field::unknown) return Value();
  const Page& page = site_.library().pages[id_];
  if (recorder != nullptr)
    recorder->read({ReadKind::page, group_of(field), id_, page.relative_path});
  switch (field) {
    case Field::slug: return Value::lend(page.slug);
    case Field::title: return text_or_null(page.front.title);
    case Field::description: return text_or_null(page.front.description);
    case Field::date: return page.front.date ? Value::lend(page.front.date->text) : Value::null();
    case Field::updated:
      return page.front.updated ? Value::lend(page.front.updated->text) : Value::null();
    case Field::year:
    case Field::month:
    case Field::day: return date_part(page, field);
    case Field::taxonomies: return taxonomies_of(page);
    case Field::authors: return lent_strings(page.front.authors);
    case Field::draft: return Value(page.front.draft);
    case Field::lower:
    case Field::higher: {
      const PageId other = field == Field::lower ? page.lower : page.higher;
      if (shown_ != Shown::all || other == no_id) return Value::null();
      return site_.views().page(other, Shown::alone);
    }
    default: return common_field(site_, {true, id_}, page, field, shown_, recorder);
  }
}
std::size_t PageView::count() const { return std::size(page_fields); }
std::string_view PageView::name_at(std::size_t index) const { return page_fields[index].name; }

Value SectionView::find(std::string_view name, Recorder* recorder) const {
  const Field field = field_of(section_fields, name);
  if (field == Field::unknown) return Value();
  const Section& section = site_.library().sections[id_];
  if (recorder != nullptr)
    recorder->read({ReadKind::section, group_of(field), id_, section.relative_path});
  switch (field) {
    case Field::title: return text_or_null(section.front.title);
    case Field::description: return text_or_null(section.front.description);
    case Field::draft: return Value(section.front.draft);
    case Field::pages:
      return shown_ == Shown::all ? site_.views().section_pages(id_) : Value::array({});
    case Field::subsections: {
      if (shown_ == Shown::in_markdown) return Value::array({});
      std::vector<Value> items;
      for (const SectionId id : section.subsections)
        items.push_back(Value::lend(site_.library().sections[id].relative_path));
      return Value::array(std::move(items));
    }
    case Field::generate_feeds: return Value(section.front.generate_feeds);
    case Field::transparent: return Value(section.front.transparent);
    case Field::paginate_by:
      return section.front.paginate_by
                 ? Value(static_cast<std::int64_t>(*section.front.paginate_by))
                 : Value::null();
    case Field::paginate_reversed: return Value(section.front.paginate_reversed);
    default: return common_field(site_, {false, id_}, section, field, shown_, recorder);
  }
}
std::size_t SectionView::count() const { return std::size(section_fields); }
std::string_view SectionView::name_at(std::size_t index) const {
  return section_fields[index].name;
}

Value PageListView::at(std::size_t index, Recorder*) const {
  return site_.views().page(pages_[index], shown_);
}

Value TermView::find(std::string_view name, Recorder* recorder) const {
  const Field field = field_of(term_fields, name);
  if (field == Field::unknown) return Value();
  if (recorder != nullptr) {
    const std::string full = taxonomy_.config->slug + '/' + term_.slug;
    recorder->read({ReadKind::term, group_of(field), 0, full});
  }
  switch (field) {
    case Field::name: return Value::lend(term_.name);
    case Field::slug: return Value::lend(term_.slug);
    case Field::path: return Value::lend(term_.path);
    case Field::permalink: return Value::lend(term_.permalink);
    case Field::page_count: return Value(static_cast<std::int64_t>(term_.pages.size()));
    default: return shows_ == Pages::listed ? Value::lend(pages_) : Value::array({});
  }
}
std::size_t TermView::count() const { return std::size(term_fields); }
std::string_view TermView::name_at(std::size_t index) const { return term_fields[index].name; }

// [extra]: each key at its top is recorded by itself.
class ConfigView::ExtraView final : public tmpl::ObjectView {
 public:
  explicit ExtraView(const text::Value& extra) {
    for (const text::Member& member : *extra.object())
      members_.emplace_back(member.name, "extra." + member.name, tmpl::value_of(member.value));
  }
  Value find(std::string_view name, Recorder* recorder) const override {
    for (const auto& [known, full, value] : members_) {
      if (known != name) continue;
      if (recorder != nullptr) recorder->read({ReadKind::config, ReadGroup::meta, 0, full});
      return Value::lend(value);
    }
    return Value();
  }
  std::size_t count() const override { return members_.size(); }
  std::string_view name_at(std::size_t index) const override {
    return std::get<0>(members_[index]);
  }

 private:
  std::vector<std::tuple<std::string, std::string, Value>> members_;
};

ConfigView::ConfigView(const SiteConfig& config, std::uint32_t language, Mode mode) {
  constexpr std::string_view modes[] = {"build", "serve", "check"};
  const LanguageConfig& own = config.languages[language];
  std::vector<std::pair<std::string, Value>> others;
  // All of them, also the default one; a site of one language has none, so that templates can ask.
  for (std::size_t i = 0; config.is_multilingual() && i < config.languages.size(); ++i)
    others.emplace_back(config.languages[i].code, language_value(config.languages[i]));
  std::vector<Value> taxonomies;
  for (const TaxonomyConfig& taxonomy : own.taxonomies)
    taxonomies.push_back(taxonomy_config_value(taxonomy));
  members_ = {
      {"base_url", Value::text(config.base_url)},
      {"mode", Value::lend(modes[static_cast<std::size_t>(mode)])},
      {"title", own.title.empty() ? Value::null() : Value::text(own.title)},
      {"description", own.description.empty() ? Value::null() : Value::text(own.description)},
      {"languages", Value::object(std::move(others))},
      {"default_language", Value::text(config.default_language)},
      {"generate_feed", Value(own.generate_feeds)},
      {"generate_feeds", Value(own.generate_feeds)},
      {"feed_filenames", array_of(own.feed_filenames)},
      {"taxonomies", Value::array(std::move(taxonomies))},
      {"author", config.has_author ? Value::text(config.author) : Value::null()},
      {"build_search_index", Value(own.build_search_index)},
      {"extra", Value::own(std::unique_ptr<const tmpl::ObjectView>(new ExtraView(config.extra)))},
      {"markdown", markdown_value(config.markdown)},
      {"search", Value::object({{"index_format", Value::text(own.search_index_format)}})},
      {"generate_sitemap", Value(config.generate_sitemap)},
      {"generate_robots_txt", Value(config.generate_robots_txt)},
      {"exclude_paginated_pages_in_sitemap",
       Value::text(config.sitemap_has_pagers ? "none" : "all")}};
}

Value ConfigView::find(std::string_view name, Recorder* recorder) const {
  for (const auto& [known, value] : members_) {
    if (known != name) continue;
    if (recorder != nullptr && name != "extra")
      recorder->read({ReadKind::config, ReadGroup::meta, 0, known});
    return Value::lend(value);
  }
  return Value();
}

Views::Views(const Site& site) {
  const Library& library = site.library();
  pages_.reserve(library.pages.size());
  for (PageId id = 0; id < library.pages.size(); ++id)
    pages_.emplace_back(new Kinds<PageView>{{site, id, Shown::all},
                                            {site, id, Shown::alone},
                                            {site, id, Shown::in_markdown},
                                            {site, id, Shown::metadata}});
  for (SectionId id = 0; id < library.sections.size(); ++id) {
    sections_.emplace_back(new Kinds<SectionView>{{site, id, Shown::all},
                                                  {site, id, Shown::alone},
                                                  {site, id, Shown::in_markdown},
                                                  {site, id, Shown::metadata}});
    section_page_lists_.push_back(std::make_unique<PageListView>(site, library.sections[id].pages));
    section_pages_.push_back(Value::lend(*section_page_lists_.back()));
  }
  for (const Taxonomy& taxonomy : library.taxonomies) {
    auto views = std::make_unique<TaxonomyViews>();
    for (const Term& term : taxonomy.terms) {
      views->listed.push_back(
          std::make_unique<TermView>(site, taxonomy, term, TermView::Pages::listed));
      views->bare.push_back(
          std::make_unique<TermView>(site, taxonomy, term, TermView::Pages::left_out));
    }
    views->config = taxonomy_config_value(*taxonomy.config);
    taxonomies_.push_back(std::move(views));
  }
  for (std::uint32_t language = 0; language < site.config().languages.size(); ++language) {
    config_views_.push_back(
        std::make_unique<ConfigView>(site.config(), language, site.options().mode));
    configs_.push_back(Value::lend(*config_views_.back()));
  }
}

Value Views::page(PageId id, Shown shown) const {
  const Kinds<PageView>& kinds = *pages_[id];
  switch (shown) {
    case Shown::alone: return Value::lend(kinds.alone);
    case Shown::in_markdown: return Value::lend(kinds.in_markdown);
    case Shown::metadata: return Value::lend(kinds.metadata);
    case Shown::all: break;
  }
  return Value::lend(kinds.all);
}

Value Views::section(SectionId id, Shown shown) const {
  const Kinds<SectionView>& kinds = *sections_[id];
  switch (shown) {
    case Shown::alone: return Value::lend(kinds.alone);
    case Shown::in_markdown: return Value::lend(kinds.in_markdown);
    case Shown::metadata: return Value::lend(kinds.metadata);
    case Shown::all: break;
  }
  return Value::lend(kinds.all);
}

Value Views::term(std::uint32_t taxonomy, std::uint32_t term, TermView::Pages pages) const {
  const TaxonomyViews& views = *taxonomies_[taxonomy];
  return Value::lend(pages == TermView::Pages::listed ? *views.listed[term] : *views.bare[term]);
}

}  // namespace weir::site
