#pragma once
// The site's configuration: Zola's keys with Zola's defaults (S-3 to S-9), legacy keys of older
// Zola versions, and weir's own table [build]. Other tables of weir's are the server's and are left
// alone here.
//
// A value, immutable once read. Errors and warnings carry file, line and column.

#include "site/diagnostics.h"
#include "site/highlighting.h"
#include "site/source.h"
#include "text/markdown.h"
#include "text/site_pattern.h"
#include "text/slug.h"
#include "text/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

struct TaxonomyConfig {
  std::string name;
  std::string slug;  // of the name
  std::optional<std::size_t> paginate_by;
  std::string paginate_path = "page";
  bool render = true;
  bool feed = false;
};

// [search]: what goes into an index.
struct SearchConfig {
  bool include_title = true;
  bool include_content = true;
  bool include_description = false;
  bool include_date = false;
  bool include_path = false;
  std::optional<std::size_t> truncate_content_length;
};

struct LanguageConfig {
  std::string code;
  std::string title;
  std::string description;
  bool generate_feeds = false;
  std::vector<std::string> feed_filenames = {"atom.xml"};
  std::vector<TaxonomyConfig> taxonomies;
  bool build_search_index = false;
  SearchConfig search;
  std::string search_index_format = "elasticlunr_javascript";  // the default language's counts
  text::Value translations = text::Value::Object{};
};

enum class LinkLevel : std::uint8_t { error, warning };

struct MarkdownConfig {
  text::MarkdownOptions options;             // its permalink is each page's own
  std::optional<Highlighting> highlighting;  // nothing: code is shown plain
  text::Value as_written = text::Value::Object{};
};

// [link_checker], but for `internal_level`.
struct LinkCheckerConfig {
  std::vector<std::string> skip_prefixes;
  std::vector<std::string> skip_anchor_prefixes;
  std::vector<std::string> ignored_files;
  LinkLevel external_level = LinkLevel::error;
};

struct SiteConfig {
  std::string file;  // that the site keys were read from
  std::string base_url;
  std::string theme;
  std::string title;
  std::string description;
  std::string default_language = "en";
  std::optional<std::size_t> feed_limit;
  std::string taxonomy_root;
  std::string author;
  bool has_author = false;
  bool compile_sass = false;
  bool minify_html = false;
  std::vector<std::string> ignored_content;
  std::vector<std::string> ignored_static;
  std::string output_dir = "public";
  bool preserve_dotfiles_in_output = false;
  bool generate_sitemap = true;
  bool generate_robots_txt = true;
  bool sitemap_has_pagers = true;
  LinkLevel internal_links = LinkLevel::error;
  LinkCheckerConfig link_checker;
  text::SlugMode slug_paths = text::SlugMode::on;
  text::SlugMode slug_taxonomies = text::SlugMode::on;
  bool paths_keep_dates = false;
  MarkdownConfig markdown;
  text::Value extra = text::Value::Object{};
  std::vector<LanguageConfig> languages;  // the default language is the first

  // [build]
  bool exports = true;
  bool uses_builtin_theme = false;  // [build] theme = "weir"
  std::vector<std::string> allow_addresses;
  std::optional<text::Hosting> hosting;  // whose `_redirects` and `_headers`; nothing = both's

  bool is_multilingual() const { return languages.size() > 1; }
  // The index in `languages`; nothing when it is not configured.
  std::optional<std::uint32_t> language_of(std::string_view code) const;
  // base_url and path with one slash between and one at the end, unless the path is that of a feed.
  std::string permalink_of(std::string_view path) const;
  // "/fr" for another language than the default one, else nothing.
  std::string language_prefix(std::uint32_t language) const;
};

// Reads weir.toml, else zola.toml, else config.toml, or `named` when it is not empty; with the
// theme's
// `[extra]` merged below the site's. Nothing when there was an error that leaves no configuration
// to go on with; `diagnostics` says why.
std::optional<SiteConfig> read_config(const SiteSource& source, std::string_view named,
                                      Diagnostics& diagnostics);

// Keys of `lower` that `upper` does not have, table by table (S-8).
void merge_missing(text::Value& upper, const text::Value& lower);

}  // namespace weir::site
