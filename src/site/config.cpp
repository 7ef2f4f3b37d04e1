#include "site/config.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "site/fields.h"
#include "text/toml.h"
#include "text/url.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <span>

namespace weir::site {

namespace {

using text::Value;

// weir's own tables beside [build]; the server reads and judges them.
constexpr std::string_view server_tables[] = {
    "serve",    "tls",    "cache",    "hook",         "observability", "auth",
    "limit",    "waf",    "schema",   "breaker",      "data",          "agent",
    "function", "route",  "upstream", "experiment",   "redirects",     "headers",
    "deploy",   "target", "acme",     "search_server"};

// Keys that older Zola versions had (S-7). What they did is either done under the modern key or not
// needed.
struct LegacyKey {
  std::string_view name;
  std::string_view instead;
};
constexpr LegacyKey legacy_root_keys[] = {
    {"highlight_code", "[markdown.highlighting] theme"},
    {"highlight_theme", "[markdown.highlighting] theme"},
    {"highlight_themes_css", "[markdown.highlighting] light_theme and dark_theme"},
    {"extra_syntaxes_and_themes", "[markdown.highlighting] extra_grammars and extra_themes"},
    {"extra_syntaxes", "[markdown.highlighting] extra_grammars"},
    {"generate_feed", "generate_feeds"},
    {"feed_filename", "feed_filenames"},
    {"generate_rss", "generate_feeds"},
    {"rss_limit", "feed_limit"},
    {"generate_tags_pages", "taxonomies = [{ name = \"tags\" }]"},
    {"generate_categories_pages", "taxonomies = [{ name = \"categories\" }]"},
    {"check_external_links", "weir check --external"},
    {"default_theme", "theme"},
};
constexpr LegacyKey legacy_markdown_keys[] = {
    {"highlight_code", "[markdown.highlighting] theme"},
    {"highlight_theme", "[markdown.highlighting] theme"},
    {"highlight_themes_css", "[markdown.highlighting] light_theme and dark_theme"},
    {"extra_syntaxes_and_themes", "[markdown.highlighting] extra_grammars and extra_themes"},
    {"build_search_index", "build_search_index at the root"},
    {"external_links_external_class", "external_links_class"},
};

constexpr std::string_view slug_words[] = {"on", "safe", "off"};
constexpr std::string_view anchor_words[] = {"none", "left", "right", "heading"};
constexpr std::string_view level_words[] = {"error", "warn"};
constexpr std::string_view format_words[] = {"elasticlunr_javascript", "elasticlunr_json",
                                             "fuse_javascript", "fuse_json"};

text::SlugMode slug_mode_of(std::size_t word) {
  constexpr text::SlugMode modes[] = {text::SlugMode::on, text::SlugMode::safe,
                                      text::SlugMode::off};
  return modes[word];
}

// A Unicode language identifier in the form that file names use: "en", "pt-BR", "zh_Hans".
bool is_language_code(std::string_view code) {
  std::size_t part_bytes = 0;
  bool is_first = true;
  for (std::size_t i = 0; i <= code.size(); ++i) {
    if (i == code.size() || code[i] == '-' || code[i] == '_') {
      if (part_bytes < 2 || part_bytes > 8) return false;
      is_first = false;
      part_bytes = 0;
    } else if (is_alpha(code[i]) || (is_digit(code[i]) && !is_first)) {
      ++part_bytes;
    } else {
      return false;
    }
  }
  return true;
}

class ConfigReader {
 public:
  ConfigReader(const SiteSource& source, Diagnostics& diagnostics)
      : source_(source), diagnostics_(diagnostics) {}

  std::optional<SiteConfig> read(std::string_view named);

 private:
  std::optional<Value> read_table(std::string_view file);
  void read_root(Fields& root);
  void read_legacy(Fields& fields, std::span<const LegacyKey> keys);
  void read_legacy_feeds(Fields& fields, LanguageConfig& language);
  void read_markdown(Fields& root);
  void read_links_and_slugs(Fields& root);
  void read_search(Fields& parent, LanguageConfig& language);
  void read_language_keys(Fields& fields, LanguageConfig& language);
  void read_languages(Fields& root);
  void read_language_list(const Value& list);
  void read_language(std::string_view code, const Value& table, Place place);
  std::vector<TaxonomyConfig> read_taxonomies(Fields& fields, std::string_view what);
  void read_build(Fields& root);
  void read_theme();
  void deprecated(Fields& fields, std::string_view name, std::string_view instead);

  const SiteSource& source_;
  Diagnostics& diagnostics_;
  SiteConfig config_;
};

std::optional<Value> ConfigReader::read_table(std::string_view file) {
  Result<std::string> text = source_.read(file);
  if (!text.ok()) {
    diagnostics_.error(std::move(text).error().at({std::string(file), 0, 0, 0}));
    return std::nullopt;
  }
  Result<Value> table = text::parse_toml(*text, file);
  if (!table.ok()) {
    diagnostics_.error(std::move(table).error());
    return std::nullopt;
  }
  return std::move(table).value();
}

std::optional<SiteConfig> ConfigReader::read(std::string_view named) {
  constexpr std::string_view known[] = {"weir.toml", "zola.toml", "config.toml"};
  std::vector<std::string_view> candidates(std::begin(known), std::end(known));
  if (!named.empty()) candidates = {named};
  std::optional<Value> table;
  std::optional<Value> own_table;  // weir.toml, when the site's keys are in a file beside it
  for (const std::string_view file : candidates) {
    const Result<bool> is_there = source_.exists(file);
    if (!is_there.ok() || !*is_there) continue;
    table = read_table(file);
    if (!table) return std::nullopt;
    config_.file = file;
    const bool has_site_keys = table->find("base_url") != nullptr;
    if (has_site_keys || file != "weir.toml" || own_table) break;
    own_table = std::move(table);
    table.reset();
  }
  if (!table && own_table) {
    table = std::move(own_table);
    own_table.reset();
    config_.file = "weir.toml";
  }
  if (!table) {
    diagnostics_.error(
        Error{Errc::missing, named.empty() ? "no weir.toml, zola.toml or config.toml here"
                                           : "no configuration file \"" + std::string(named) + "\""}
            .with_help("`weir init NAME` makes a site; `--root DIR` names one"));
    return std::nullopt;
  }

  config_.languages.emplace_back();
  Fields root(*table, config_.file, "the configuration", diagnostics_);
  read_root(root);
  root.report_unknown(Fields::Unknown::warning);
  if (own_table) {
    Fields own(*own_table, "weir.toml", "weir.toml", diagnostics_);
    for (const std::string_view name : server_tables) own.find(name);
    read_build(own);
    own.report_unknown(Fields::Unknown::warning);
  }
  read_theme();
  return std::move(config_);
}

void ConfigReader::deprecated(Fields& fields, std::string_view name, std::string_view instead) {
  diagnostics_.warning(
      Error{Errc::invalid, "\"" + std::string(name) + "\" is a key of an older Zola"}
          .at(fields.place_of_name(name))
          .with_help("today it is " + std::string(instead)));
}

void ConfigReader::read_legacy(Fields& fields, std::span<const LegacyKey> keys) {
  for (const LegacyKey& key : keys)
    if (fields.find(key.name) != nullptr) deprecated(fields, key.name, key.instead);
}

void ConfigReader::read_root(Fields& root) {
  const Value* base_url = root.find("base_url");
  config_.base_url =
      base_url != nullptr && base_url->string() != nullptr ? *base_url->string() : "";
  if (config_.base_url.empty())
    diagnostics_.error(
        Error{Errc::invalid, "base_url is required"}
            .at(base_url != nullptr ? root.place_of_name("base_url") : Place{config_.file, 1, 1, 0})
            .with_help("base_url = \"https://example.com\""));
  LanguageConfig& main = config_.languages.front();
  config_.theme = root.string("theme").value_or("");
  config_.default_language = root.string("default_language").value_or("en");
  main.code = config_.default_language;
  if (!is_language_code(main.code))
    diagnostics_.error(
        Error{Errc::invalid, "default_language \"" + main.code + "\" is not a language code"}.at(
            root.place_of_name("default_language")));
  config_.feed_limit = root.integer("feed_limit", 0);
  if (!config_.feed_limit) config_.feed_limit = root.integer("rss_limit", 0);
  config_.taxonomy_root = root.string("taxonomy_root").value_or("");
  if (std::optional<std::string> author = root.string("author")) {
    config_.author = std::move(*author);
    config_.has_author = true;
  }
  root.boolean("hard_link_static");
  root.find("mode");
  config_.compile_sass = root.boolean("compile_sass").value_or(false);
  config_.minify_html = root.boolean("minify_html").value_or(false);
  config_.ignored_content = root.strings("ignored_content").value_or(std::vector<std::string>{});
  config_.ignored_static = root.strings("ignored_static").value_or(std::vector<std::string>{});
  config_.output_dir = root.string("output_dir").value_or("public");
  config_.preserve_dotfiles_in_output = root.boolean("preserve_dotfiles_in_output").value_or(false);
  config_.generate_sitemap = root.boolean("generate_sitemap").value_or(true);
  config_.generate_robots_txt = root.boolean("generate_robots_txt").value_or(true);
  constexpr std::string_view exclude_words[] = {"none", "all"};
  config_.sitemap_has_pagers =
      root.word("exclude_paginated_pages_in_sitemap", exclude_words).value_or(0) == 0;
  if (const Value* extra = root.table("extra")) config_.extra = *extra;

  read_links_and_slugs(root);
  read_language_keys(root, main);
  config_.title = main.title;
  config_.description = main.description;
  for (const std::string_view name : {"tags", "categories"}) {
    const Value* old = root.find("generate_" + std::string(name) + "_pages");
    if (old != nullptr && old->boolean() != nullptr && *old->boolean()) {
      const bool is_known = std::any_of(main.taxonomies.begin(), main.taxonomies.end(),
                                        [&](const TaxonomyConfig& t) { return t.name == name; });
      if (!is_known) {
        TaxonomyConfig taxonomy;
        taxonomy.name = name;
        taxonomy.slug = name;
        main.taxonomies.push_back(std::move(taxonomy));
      }
    }
  }
  read_legacy(root, legacy_root_keys);
  read_markdown(root);
  read_languages(root);
  for (const std::string_view name : server_tables) root.find(name);
  read_build(root);
}

void ConfigReader::read_legacy_feeds(Fields& fields, LanguageConfig& language) {
  for (const std::string_view name : {"generate_feed", "generate_rss"})
    if (const std::optional<bool> flag = fields.boolean(name)) {
      language.generate_feeds = *flag;
      if (name == "generate_rss") language.feed_filenames = {"rss.xml"};
    }
  if (const std::optional<std::string> name = fields.string("feed_filename"))
    language.feed_filenames = {*name};
}

void ConfigReader::read_language_keys(Fields& fields, LanguageConfig& language) {
  language.title = fields.string("title").value_or(language.title);
  language.description = fields.string("description").value_or(language.description);
  read_legacy_feeds(fields, language);
  language.generate_feeds = fields.boolean("generate_feeds").value_or(language.generate_feeds);
  language.feed_filenames = fields.strings("feed_filenames").value_or(language.feed_filenames);
  language.build_search_index =
      fields.boolean("build_search_index").value_or(language.build_search_index);
  if (fields.find("taxonomies") != nullptr)
    language.taxonomies = read_taxonomies(fields, language.code);
  if (const Value* translations = fields.table("translations"))
    language.translations = *translations;
  read_search(fields, language);
}

std::vector<TaxonomyConfig> ConfigReader::read_taxonomies(Fields& fields,
                                                          std::string_view /*what*/) {
  std::vector<TaxonomyConfig> out;
  const Value* list = fields.list("taxonomies");
  if (list == nullptr) return out;
  for (const Value& item : *list->array()) {
    Fields table(item, config_.file, "taxonomies", diagnostics_);
    TaxonomyConfig taxonomy;
    if (const std::string* name = item.string()) {
      taxonomy.name = *name;
    } else {
      taxonomy.name = table.string("name").value_or("");
      if (taxonomy.name.empty()) {
        diagnostics_.error(
            Error{Errc::invalid, "a taxonomy needs a \"name\""}.at(table.place_of(item)));
        continue;
      }
    }
    const std::optional<std::int64_t> paginate_by = table.integer("paginate_by", 0);
    if (paginate_by.value_or(0) > 0) taxonomy.paginate_by = static_cast<std::size_t>(*paginate_by);
    taxonomy.paginate_path = table.string("paginate_path").value_or("page");
    taxonomy.render = table.boolean("render").value_or(true);
    taxonomy.feed = table.boolean("feed").value_or(false);
    if (const std::optional<bool> rss = table.boolean("rss")) {
      taxonomy.feed = *rss;
      deprecated(table, "rss", "feed");
    }
    std::string language;
    if (const std::optional<std::string> code = table.string("lang")) {
      language = *code;
      deprecated(table, "lang", "a taxonomy under [languages." + *code + "]");
    }
    table.report_unknown(Fields::Unknown::warning);
    taxonomy.slug = text::slugify(taxonomy.name, config_.slug_taxonomies);
    if (!language.empty() && language != config_.default_language) {
      // Kept until [languages] is read; a language of that code takes them over.
      const auto known = std::find_if(config_.languages.begin(), config_.languages.end(),
                                      [&](const LanguageConfig& l) { return l.code == language; });
      if (known != config_.languages.end()) {
        known->taxonomies.push_back(std::move(taxonomy));
      } else {
        LanguageConfig other;
        other.code = language;
        other.taxonomies.push_back(std::move(taxonomy));
        config_.languages.push_back(std::move(other));
      }
      continue;
    }
    out.push_back(std::move(taxonomy));
  }
  return out;
}

void ConfigReader::read_search(Fields& parent, LanguageConfig& language) {
  const Value* table = parent.table("search");
  if (table == nullptr) return;
  Fields search(*table, config_.file, "[search]", diagnostics_);
  struct Flag {
    std::string_view name;
    bool& value;
  };
  SearchConfig& held = language.search;
  for (const Flag& flag :
       std::initializer_list<Flag>{{"include_title", held.include_title},
                                   {"include_content", held.include_content},
                                   {"include_description", held.include_description},
                                   {"include_date", held.include_date},
                                   {"include_path", held.include_path}})
    flag.value = search.boolean(flag.name).value_or(flag.value);
  held.truncate_content_length = search.integer("truncate_content_length", 0);
  if (const std::optional<std::size_t> format = search.word("index_format", format_words))
    language.search_index_format = format_words[*format];
  search.report_unknown(Fields::Unknown::warning);
}

void ConfigReader::read_markdown(Fields& root) {
  const Value* table = root.table("markdown");
  const Value nothing = Value::Object{};
  Fields markdown(table != nullptr ? *table : nothing, config_.file, "[markdown]", diagnostics_);
  if (table != nullptr) config_.markdown.as_written = *table;
  text::MarkdownOptions& options = config_.markdown.options;
  struct Flag {
    std::string_view name;
    bool& value;
  };
  for (const Flag& flag : std::initializer_list<Flag>{
           {"render_emoji", options.render_emoji},
           {"external_links_target_blank", options.external_links_target_blank},
           {"external_links_no_follow", options.external_links_no_follow},
           {"external_links_no_referrer", options.external_links_no_referrer},
           {"external_links_external", options.external_links_external},
           {"smart_punctuation", options.smart_punctuation},
           {"definition_list", options.definition_list},
           {"bottom_footnotes", options.bottom_footnotes},
           {"lazy_async_image", options.lazy_async_image},
           {"github_alerts", options.github_alerts}})
    flag.value = markdown.boolean(flag.name).value_or(flag.value);
  options.external_links_class = markdown.string("external_links_class").value_or("");
  if (const auto anchor = markdown.word("insert_anchor_links", anchor_words))
    options.insert_anchor_links = static_cast<text::AnchorLinks>(*anchor);
  read_legacy(markdown, legacy_markdown_keys);
  if (const Value* index = markdown.find("build_search_index");
      index != nullptr && index->boolean() != nullptr)
    config_.languages.front().build_search_index = *index->boolean();
  config_.markdown.highlighting =
      read_highlighting(source_, config_.file, {root, markdown}, diagnostics_);
  if (table != nullptr) markdown.report_unknown(Fields::Unknown::warning);
}

void ConfigReader::read_links_and_slugs(Fields& root) {
  if (const Value* table = root.table("link_checker")) {
    Fields links(*table, config_.file, "[link_checker]", diagnostics_);
    LinkCheckerConfig& held = config_.link_checker;
    held.skip_prefixes = links.strings("skip_prefixes").value_or(std::vector<std::string>{});
    held.skip_anchor_prefixes =
        links.strings("skip_anchor_prefixes").value_or(std::vector<std::string>{});
    held.ignored_files = links.strings("ignored_files").value_or(std::vector<std::string>{});
    if (links.word("internal_level", level_words).value_or(0) == 1)
      config_.internal_links = LinkLevel::warning;
    if (links.word("external_level", level_words).value_or(0) == 1)
      held.external_level = LinkLevel::warning;
    links.report_unknown(Fields::Unknown::warning);
  }
  const Value* table = root.find("slugify");
  if (table == nullptr) return;
  if (const bool* old = table->boolean()) {  // Zola 0.9 to 0.10: one switch for all
    const text::SlugMode mode = *old ? text::SlugMode::on : text::SlugMode::safe;
    config_.slug_paths = config_.slug_taxonomies = config_.markdown.options.anchors = mode;
    deprecated(root, "slugify", "the table [slugify]");
    return;
  }
  if (!table->is_object()) return root.wrong("slugify", "a table");
  Fields slugs(*table, config_.file, "[slugify]", diagnostics_);
  if (const auto word = slugs.word("paths", slug_words)) config_.slug_paths = slug_mode_of(*word);
  if (const auto word = slugs.word("taxonomies", slug_words))
    config_.slug_taxonomies = slug_mode_of(*word);
  if (const auto word = slugs.word("anchors", slug_words))
    config_.markdown.options.anchors = slug_mode_of(*word);
  config_.paths_keep_dates = slugs.boolean("paths_keep_dates").value_or(false);
  slugs.report_unknown(Fields::Unknown::warning);
}

void ConfigReader::read_language(std::string_view code, const Value& table, Place place) {
  if (!is_language_code(code)) {
    diagnostics_.error(
        Error{Errc::invalid, "language \"" + std::string(code) + "\" is not a language code"}
            .at(std::move(place))
            .with_help("\"fr\", \"pt-BR\", \"zh-Hans\""));
    return;
  }
  auto known = std::find_if(config_.languages.begin(), config_.languages.end(),
                            [&](const LanguageConfig& l) { return l.code == code; });
  if (known == config_.languages.end()) {
    config_.languages.emplace_back();
    known = config_.languages.end() - 1;
    known->code = code;
    known->search_index_format = config_.languages.front().search_index_format;
  }
  const std::string name = "[languages." + std::string(code) + "]";
  Fields fields(table, config_.file, name, diagnostics_);
  for (const std::string_view old : {"generate_feed", "feed_filename", "generate_rss"})
    if (fields.find(old) != nullptr)
      deprecated(fields, old, old == "feed_filename" ? "feed_filenames" : "generate_feeds");
  read_language_keys(fields, *known);
  fields.report_unknown(Fields::Unknown::warning);
}

// Zola before 0.14: languages = [{ code = "fr", feed = true, search = true }], translations = { fr
// = { ... } }.
void ConfigReader::read_language_list(const Value& list) {
  for (const Value& item : *list.array()) {
    Fields fields(item, config_.file, "languages", diagnostics_);
    LanguageConfig language;
    language.code = fields.string("code").value_or("");
    language.generate_feeds =
        fields.boolean("feed").value_or(false) || fields.boolean("rss").value_or(false);
    language.build_search_index = fields.boolean("search").value_or(false);
    fields.report_unknown(Fields::Unknown::warning);
    if (!is_language_code(language.code)) {
      diagnostics_.error(
          Error{Errc::invalid, "a language needs a \"code\""}.at(fields.place_of(item)));
      continue;
    }
    const auto known =
        std::find_if(config_.languages.begin(), config_.languages.end(),
                     [&](const LanguageConfig& l) { return l.code == language.code; });
    if (known == config_.languages.end()) {
      config_.languages.push_back(std::move(language));
    } else {
      known->generate_feeds = language.generate_feeds;
      known->build_search_index = language.build_search_index;
    }
  }
}

void ConfigReader::read_languages(Fields& root) {
  const Value* languages = root.find("languages");
  if (languages != nullptr && languages->is_array()) {
    deprecated(root, "languages", "one table [languages.CODE] for each");
    read_language_list(*languages);
  } else if (languages != nullptr && root.table("languages") != nullptr) {
    for (const text::Member& member : *languages->object()) {
      if (!member.value.is_object()) {
        root.wrong("languages", "a table of tables");
        continue;
      }
      read_language(member.name, member.value,
                    {config_.file, member.line, member.column,
                     member.column + static_cast<std::uint32_t>(member.name.size())});
    }
  }
  // Old translations are one table per language at the root.
  const Value* translations = root.find("translations");
  if (translations == nullptr || !translations->is_object()) return;
  for (const text::Member& member : *translations->object()) {
    const std::optional<std::uint32_t> language = config_.language_of(member.name);
    if (language && member.value.is_object()) {
      deprecated(root, "translations", "[languages." + member.name + ".translations]");
      config_.languages[*language].translations = member.value;
    }
  }
}

void ConfigReader::read_build(Fields& root) {
  const Value* table = root.table("build");
  if (table == nullptr) return;
  Fields build(*table, config_.file, "[build]", diagnostics_);
  constexpr std::string_view language_words[] = {"auto", "tera1", "tera2"};
  if (build.word("template_language", language_words).value_or(0) == 2)
    diagnostics_.error(Error{Errc::invalid, "template_language \"tera2\" is not available yet"}
                           .at(build.place_of_name("template_language"))
                           .with_help("templates of Tera 1 are read"));
  config_.exports = build.boolean("export").value_or(true);
  constexpr std::string_view theme_words[] = {"weir"};
  config_.uses_builtin_theme = build.word("theme", theme_words).has_value();
  constexpr std::string_view hosting_words[] = {"auto", "cloudflare", "netlify"};
  switch (build.word("hosting", hosting_words).value_or(0)) {
    case 1: config_.hosting = text::Hosting::cloudflare; break;
    case 2: config_.hosting = text::Hosting::netlify; break;
    default: break;
  }
  config_.allow_addresses = build.strings("allow_addresses").value_or(std::vector<std::string>{});
  build.report_unknown(Fields::Unknown::error);
}

void ConfigReader::read_theme() {
  if (config_.theme.empty()) return;
  const std::string file = "themes/" + config_.theme + "/theme.toml";
  const Result<bool> is_there = source_.exists(file);
  if (!is_there.ok() || !*is_there) {
    const Result<RootDirectory::Listing> files = source_.list("themes/" + config_.theme);
    if (files.ok() && !files->files.empty()) {
      diagnostics_.warning(
          Error{Errc::missing, "theme \"" + config_.theme + "\" has no theme.toml"}.at(
              {file, 0, 0, 0}));
      return;
    }
    diagnostics_.error(
        Error{Errc::missing, "theme \"" + config_.theme + "\" is not there: no " + file}
            .at({config_.file, 0, 0, 0})
            .with_help("a theme that is a git submodule needs `git submodule update --init`"));
    return;
  }
  const std::optional<Value> table = read_table(file);
  if (!table) return;
  if (const Value* extra = table->find("extra")) merge_missing(config_.extra, *extra);
}

}  // namespace

void merge_missing(Value& upper, const Value& lower) {
  const Value::Object* members = lower.object();
  if (members == nullptr || !upper.is_object()) return;
  for (const text::Member& member : *members) {
    Value* known = upper.find(member.name);
    if (known == nullptr) {
      upper.set(member.name, member.value);
    } else {
      merge_missing(*known, member.value);
    }
  }
}

std::optional<std::uint32_t> SiteConfig::language_of(std::string_view code) const {
  for (std::size_t i = 0; i < languages.size(); ++i)
    if (languages[i].code == code) return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

std::string SiteConfig::permalink_of(std::string_view path) const {
  const bool base_ends = !base_url.empty() && base_url.back() == '/';
  std::string_view base = base_url;
  if (base_ends) base.remove_suffix(1);
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  bool needs_slash = !path.empty() && path.back() != '/';
  if (needs_slash)
    for (const LanguageConfig& language : languages)
      for (const std::string& feed : language.feed_filenames)
        needs_slash = needs_slash && !path.ends_with(feed);
  std::string out;
  out.reserve(base.size() + path.size() + 2);
  out.append(base).append("/").append(path);
  if (needs_slash) out += '/';
  return out;
}

std::string SiteConfig::language_prefix(std::uint32_t language) const {
  return language == 0 ? "" : "/" + languages[language].code;
}

std::optional<SiteConfig> read_config(const SiteSource& source, std::string_view named,
                                      Diagnostics& diagnostics) {
  return ConfigReader(source, diagnostics).read(named);
}

}  // namespace weir::site
