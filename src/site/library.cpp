// How content becomes a library. Files are listed once, sorted; each `_index.md` is a section,
// every other `.md` a page; they are read and parsed on all cores, then numbered and linked on one,
// in the order of their paths.

#include "site/library.h"

#include "base/bytes.h"
#include "base/worker_pool.h"
#include "site/glob.h"
#include "site/page_order.h"
#include "text/front_matter.h"
#include "text/slug.h"
#include "text/utf8.h"

#include <algorithm>
#include <map>
#include <set>

namespace weir::site {

namespace {

constexpr std::string_view content_root = "content/";

std::string_view directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
std::string_view name_of_file(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
std::string joined(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : std::string(directory) + '/' + std::string(name);
}

// One content file: what its name says.
struct ContentFile {
  std::string relative_path;
  std::string directory;
  std::string stem;  // without language and ".md"
  FileLook look;
  std::uint32_t language = 0;
  bool is_section = false;
};

class Loader {
 public:
  Loader(const SiteSource& source, const SiteConfig& config, const BuildOptions& options,
         Diagnostics& diagnostics)
      : source_(source), config_(config), options_(options), diagnostics_(diagnostics) {}

  Library load();

 private:
  void list_files();
  bool is_ignored(std::string_view relative_path) const;
  void classify(const std::string& relative_path, const FoundFile& found);
  std::uint32_t language_of_name(std::string_view relative_path, std::string& stem);
  void refuse_mixed_indexes();
  void read_all();
  void read_page(const ContentFile& file, Page& page, std::size_t guess);
  void read_section(const ContentFile& file, Section& section, std::size_t guess);
  bool read_front_matter(Content& content, text::Value& table, std::size_t guess);
  bool remember_front_matter(Content& content, text::Value& table, std::size_t guess) const;
  void drop_drafts();
  void place_page(const ContentFile& file, Page& page);
  void place_section(const ContentFile& file, Section& section);
  void add_missing_indexes();
  void find_assets(Content& content, std::string_view directory, std::size_t depth_max);
  void number();
  void link_sections();
  void link_pages();
  void order_by_date();
  void sort_sections();
  void link_translations();
  void link_taxonomies();
  void collect_terms(std::vector<std::map<std::string, Term>>& terms);
  void complain_of_taxonomy(const Page& page, std::string_view name);

  const SiteSource& source_;
  const SiteConfig& config_;
  const BuildOptions& options_;
  Diagnostics& diagnostics_;
  Library library_;
  std::vector<std::string> assets_;  // all other files below content/, sorted
  std::vector<ContentFile> page_files_;
  std::vector<ContentFile> section_files_;
  std::vector<Glob> ignored_;
  // Those with a date, the newest first, then by permalink; and where each of them is in there.
  std::vector<PageId> by_date_;
  std::vector<std::uint32_t> place_by_date_;
};

bool Loader::is_ignored(std::string_view relative_path) const {
  if (ignored_.empty()) return false;
  const std::string whole = std::string(content_root) + std::string(relative_path);
  for (const Glob& glob : ignored_) {
    if (glob.matches(name_of_file(relative_path))) return true;
    // A pattern may name a directory: every prefix counts.
    for (std::size_t end = relative_path.find('/'); end != std::string_view::npos;
         end = relative_path.find('/', end + 1))
      if (glob.matches(relative_path.substr(0, end)) ||
          glob.matches(whole.substr(0, content_root.size() + end)))
        return true;
    if (glob.matches(relative_path) || glob.matches(whole)) return true;
  }
  return false;
}

void Loader::list_files() {
  for (const std::string& pattern : config_.ignored_content) {
    Result<Glob> glob = Glob::parse(pattern);
    if (glob.ok()) {
      ignored_.push_back(std::move(glob).value());
    } else {
      diagnostics_.error(std::move(glob).error().at({config_.file, 0, 0, 0}));
    }
  }
  const Result<SiteSource::SharedListing> listing = source_.listing("content");
  if (!listing.ok()) return diagnostics_.error(listing.error());
  for (const std::string& link : (*listing)->left_out)
    diagnostics_.warning(Error{
        Errc::denied, link + " is a link that leaves the site or leads nowhere; it is left out"}
                             .at({link, 0, 0, 0}));
  for (const FoundFile& file : (*listing)->files) {
    const std::string relative_path = file.path.substr(content_root.size());
    if (is_ignored(relative_path)) {
      library_.ignored.push_back(file.path);
    } else {
      classify(relative_path, file);
    }
  }
}

void Loader::classify(const std::string& relative_path, const FoundFile& found) {
  const std::string_view name = name_of_file(relative_path);
  if (!name.ends_with(".md") || name.front() == '.') {
    if (!name.ends_with(".md") && name.front() != '.') assets_.push_back(relative_path);
    return;
  }
  ContentFile file;
  file.relative_path = relative_path;
  file.look = {found.bytes, found.modified_ns, found.changed_ns};
  file.directory = directory_of(relative_path);
  file.stem = name.substr(0, name.size() - 3);
  file.language = language_of_name(relative_path, file.stem);
  file.is_section = file.stem == "_index";
  (file.is_section ? section_files_ : page_files_).push_back(std::move(file));
}

// "name.fr" is the French version of "name". In a site of one language dots mean nothing.
std::uint32_t Loader::language_of_name(std::string_view relative_path, std::string& stem) {
  const std::size_t dot = stem.rfind('.');
  if (dot == std::string::npos || !config_.is_multilingual()) return 0;
  const std::string code = stem.substr(dot + 1);
  if (const std::optional<std::uint32_t> language = config_.language_of(code)) {
    stem.resize(dot);
    return *language;
  }
  const bool looks_like_code =
      (code.size() == 2 || code.size() == 3) &&
      std::all_of(code.begin(), code.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (looks_like_code)
    diagnostics_.error(
        Error{Errc::invalid, "language \"" + code + "\" in the file's name is not configured"}
            .at({std::string(content_root) + std::string(relative_path), 0, 0, 0})
            .with_help("add [languages." + code + "] to " + config_.file));
  return 0;
}

void Loader::refuse_mixed_indexes() {
  std::set<std::string_view> section_directories;
  for (const ContentFile& file : section_files_) section_directories.insert(file.directory);
  for (const ContentFile& file : page_files_) {
    if (file.stem != "index" || section_directories.count(file.directory) == 0) continue;
    diagnostics_.error(
        Error{Errc::invalid,
              "index.md stands beside _index.md: a directory is a page or a section, not both"}
            .at({std::string(content_root) + file.relative_path, 0, 0, 0})
            .with_help("rename index.md, or move it to a directory of its own"));
  }
}

// What the last build read, if the file still looks as it did. `guess` is about where its rows are.
bool Loader::remember_front_matter(Content& content, text::Value& table, std::size_t guess) const {
  const BuildMemory* before = options_.before;
  if (before == nullptr) return false;
  const auto near = static_cast<std::uint32_t>(guess);
  content.row_before = before->find_content(content.file, near);
  const std::uint32_t file = before->find_file(content.file, near);
  if (file == BuildMemory::none || content.row_before == BuildMemory::none) return false;
  if (before->files[file].look != content.look || before->is_racy(content.look)) return false;
  const ContentRow& row = before->contents[content.row_before];
  std::optional<text::Value> kept = decode_value(before->text_at(row.front));
  if (!kept) return false;
  table = std::move(*kept);
  content.has_text = content.look.bytes != 0;
  content.body_offset = row.body_offset;
  content.body_line = row.body_line;
  content.word_count = static_cast<std::size_t>(row.word_count);
  content.front_hash = row.front_hash;
  content.body_hash = row.body_hash;
  return true;
}

bool Loader::read_front_matter(Content& content, text::Value& table, std::size_t guess) {
  if (remember_front_matter(content, table, guess)) return true;
  Result<std::string> text = source_.read(content.file);
  if (!text.ok()) {
    diagnostics_.error(std::move(text).error().at({content.file, 0, 0, 0}));
    return false;
  }
  content.text = std::move(text).value();
  if (const std::size_t bad = text::find_utf8_error(content.text); bad != std::string::npos) {
    diagnostics_.error(Error{Errc::invalid, "the file is not valid UTF-8"}
                           .at({content.file, text::line_of(content.text, bad),
                                text::column_of(content.text, bad), 0})
                           .with_help("save it as UTF-8"));
    return false;
  }
  Result<text::FrontMatter> front = text::parse_front_matter(content.text, content.file);
  if (!front.ok()) {
    diagnostics_.error(std::move(front).error());
    return false;
  }
  table = std::move(front->data);
  content.body_offset = static_cast<std::uint32_t>(
      front->body.empty() ? content.text.size()
                          : static_cast<std::size_t>(front->body.data() - content.text.data()));
  content.body_line = front->body_line;
  content.has_text = !content.text.empty();
  content.word_count = text::markdown_words_of(content.body());
  if (options_.remembers) {
    content.front_kept = encode_value(table);
    content.front_hash = hash_of_input(content.front_kept);
    content.body_hash = hash_of_input(content.body());
  }
  return true;
}

void Loader::read_page(const ContentFile& file, Page& page, std::size_t guess) {
  page.relative_path = file.relative_path;
  page.file = std::string(content_root) + file.relative_path;
  page.language = file.language;
  page.look = file.look;
  text::Value table = text::Value::Object{};
  if (read_front_matter(page, table, guess))
    page.front = page_front_of(table, page.file, diagnostics_);
  page.extra = tmpl::value_of(page.front.extra);
  place_page(file, page);
}

void Loader::read_section(const ContentFile& file, Section& section, std::size_t guess) {
  section.relative_path = file.relative_path;
  section.file = std::string(content_root) + file.relative_path;
  section.language = file.language;
  section.look = file.look;
  text::Value table = text::Value::Object{};
  if (read_front_matter(section, table, guess))
    section.front = section_front_of(table, section.file, diagnostics_);
  section.extra = tmpl::value_of(section.front.extra);
  place_section(file, section);
}

void Loader::read_all() {
  library_.pages.resize(page_files_.size());
  library_.sections.resize(section_files_.size());
  const std::size_t threads = options_.threads == 0 ? cores() : options_.threads;
  for_each_parallel(page_files_.size() + section_files_.size(), threads, [this](std::size_t i) {
    if (i < section_files_.size()) {
      read_section(section_files_[i], library_.sections[i], i);
    } else {
      const std::size_t page = i - section_files_.size();
      read_page(page_files_[page], library_.pages[page], i);
    }
  });
}

// A draft section takes all that is below its directory with it.
void Loader::drop_drafts() {
  if (options_.drafts == Drafts::include) return;
  std::set<std::string, std::less<>> dropped;
  for (const Section& section : library_.sections)
    if (section.front.draft) dropped.insert(section.directory);
  const auto is_dropped = [&](std::string_view directory) {
    for (;; directory = directory_of(directory)) {
      if (dropped.find(directory) != dropped.end()) return true;
      if (directory.empty()) return false;
    }
  };
  if (!dropped.empty())
    std::erase_if(library_.sections, [&](const Section& s) { return is_dropped(s.directory); });
  std::erase_if(library_.pages, [&](const Page& page) {
    return page.front.draft || (!dropped.empty() && is_dropped(directory_of(page.relative_path)));
  });
}

void Loader::place_page(const ContentFile& file, Page& page) {
  page.directory = file.directory;
  std::string_view name = file.stem;
  const bool is_index = file.stem == "index";
  if (is_index && !file.directory.empty()) {
    page.colocated_path = file.directory + "/";
    name = name_of_file(file.directory);
    page.directory = directory_of(file.directory);
  }
  page.canonical = joined(file.directory, file.stem);

  std::string_view slug_source = name;
  const text::DatedName dated = text::dated_name_of(name);
  if (dated.has_date && !config_.paths_keep_dates) slug_source = dated.rest;
  if (!page.front.date) page.front.date = date_of_name(page);
  if (page.front.slug) slug_source = *page.front.slug;
  page.slug = text::slugify(slug_source, config_.slug_paths);

  if (page.front.path) {
    const std::string_view path = trim(*page.front.path);
    page.path = path.starts_with('/') ? std::string(path) : '/' + std::string(path);
  } else {
    page.path = config_.language_prefix(page.language) + '/';
    const bool is_home = is_index && file.directory.empty();
    page.path += is_home ? "" : joined(page.directory, page.slug);
  }
  if (page.path.back() != '/') page.path += '/';
  page.permalink = config_.permalink_of(page.path);
  if (is_index) find_assets(page, file.directory, std::string_view::npos);
}

void Loader::place_section(const ContentFile& file, Section& section) {
  section.directory = file.directory;
  section.canonical = joined(file.directory, "_index");
  section.is_index = file.directory.empty();
  section.path = config_.language_prefix(section.language) + '/';
  if (!file.directory.empty()) section.path += file.directory + '/';
  section.permalink = config_.permalink_of(section.path);
  if (section.has_file) find_assets(section, file.directory, 1);
}

void Loader::add_missing_indexes() {
  for (std::uint32_t language = 0; language < config_.languages.size(); ++language) {
    const bool is_there = std::any_of(
        library_.sections.begin(), library_.sections.end(),
        [&](const Section& section) { return section.is_index && section.language == language; });
    if (is_there) continue;
    ContentFile file;
    file.stem = "_index";
    file.language = language;
    file.relative_path =
        language == 0 ? "_index.md" : "_index." + config_.languages[language].code + ".md";
    Section section;
    section.has_file = false;
    section.language = language;
    section.relative_path = file.relative_path;
    section.file = std::string(content_root) + file.relative_path;
    section.extra = tmpl::Value::object({});
    place_section(file, section);
    library_.sections.push_back(std::move(section));
  }
}

void Loader::find_assets(Content& content, std::string_view directory, std::size_t depth_max) {
  const std::string prefix = directory.empty() ? "" : std::string(directory) + '/';
  for (auto at = std::lower_bound(assets_.begin(), assets_.end(), prefix);
       at != assets_.end() && at->starts_with(prefix); ++at) {
    const std::string name = at->substr(prefix.size());
    if (depth_max == 1 && name.find('/') != std::string::npos) continue;
    content.assets.push_back({std::string(content_root) + *at, name});
  }
  std::sort(content.assets.begin(), content.assets.end(), [](const Asset& a, const Asset& b) {
    const std::string lower_a = lower_of(a.name);
    const std::string lower_b = lower_of(b.name);
    return lower_a != lower_b ? lower_a < lower_b : a.name < b.name;
  });
}

void Loader::number() {
  const auto by_path = [](const Content& a, const Content& b) {
    return a.relative_path < b.relative_path;
  };
  // Files were listed in that order; only missing indexes are behind it.
  const auto sort = [&](auto& contents) {
    if (!std::is_sorted(contents.begin(), contents.end(), by_path))
      std::sort(contents.begin(), contents.end(), by_path);
  };
  sort(library_.pages);
  sort(library_.sections);
  library_.page_ids.reserve(library_.pages.size());
  for (std::uint32_t i = 0; i < library_.pages.size(); ++i)
    library_.page_ids.emplace(library_.pages[i].relative_path, i);
  for (std::uint32_t i = 0; i < library_.sections.size(); ++i)
    library_.section_ids.emplace(library_.sections[i].relative_path, i);
}

void Loader::link_sections() {
  for (SectionId id = 0; id < library_.sections.size(); ++id) {
    Section& section = library_.sections[id];
    if (section.directory.empty()) continue;
    std::size_t end = 0;
    for (std::string_view directory; directory != section.directory;) {
      const SectionId ancestor =
          library_.section_of(section_path_of(config_, directory, section.language));
      if (ancestor != no_id) section.ancestors.push_back(ancestor);
      end = section.directory.find('/', directory.empty() ? 0 : end + 1);
      directory = std::string_view(section.directory).substr(0, end);
    }
    const SectionId parent = library_.section_of(
        section_path_of(config_, directory_of(section.directory), section.language));
    if (parent != no_id) library_.sections[parent].subsections.push_back(id);
  }
  for (Section& section : library_.sections)
    std::stable_sort(section.subsections.begin(), section.subsections.end(),
                     [this](SectionId a, SectionId b) {
                       return library_.sections[a].front.weight < library_.sections[b].front.weight;
                     });
}

void Loader::link_pages() {
  // Neighbours are most often in one directory.
  std::string_view last_directory;
  std::uint32_t last_language = no_id;
  SectionId last_owner = no_id;
  const auto owner_of = [&](std::string_view directory, std::uint32_t language) {
    if (directory != last_directory || language != last_language) {
      last_owner = library_.section_of(section_path_of(config_, directory, language));
      last_directory = directory;
      last_language = language;
    }
    return last_owner;
  };
  for (PageId id = 0; id < library_.pages.size(); ++id) {
    Page& page = library_.pages[id];
    std::string_view directory = page.directory;
    for (;;) {
      const SectionId owner = owner_of(directory, page.language);
      if (owner == no_id) break;
      Section& section = library_.sections[owner];
      if (page.section == no_id) page.section = owner;
      if (page.front.render) section.pages.push_back(id);
      page.ancestors = section.ancestors;
      page.ancestors.push_back(owner);
      if (!section.front.transparent || directory.empty()) break;
      directory = directory_of(directory);
    }
    page.template_name = template_of(library_, page);
    if (page.section == no_id && page.front.render) library_.orphans.push_back(id);
  }
}

// Once for all lists that are in this order: a page is in its section and in those of its terms.
void Loader::order_by_date() {
  const std::vector<Page>& pages = library_.pages;
  for (PageId id = 0; id < pages.size(); ++id)
    if (pages[id].front.date) by_date_.push_back(id);
  sort_pages(by_date_, pages, SortBy::date);
  place_by_date_.assign(pages.size(), no_id);
  for (std::uint32_t place = 0; place < by_date_.size(); ++place)
    place_by_date_[by_date_[place]] = place;
}

void Loader::sort_sections() {
  for (Section& section : library_.sections) {
    const SortBy by = section.front.sort_by;
    if (by == SortBy::none) continue;
    const auto first_unsorted =
        std::stable_partition(section.pages.begin(), section.pages.end(),
                              [&](PageId id) { return has_sort_key(library_.pages[id], by); });
    section.unsorted.assign(first_unsorted, section.pages.end());
    section.pages.erase(first_unsorted, section.pages.end());
    if (by == SortBy::date) {
      std::sort(section.pages.begin(), section.pages.end(),
                [this](PageId a, PageId b) { return place_by_date_[a] < place_by_date_[b]; });
    } else {
      sort_pages(section.pages, library_.pages, by);
    }
    if (section.front.transparent) continue;
    for (std::size_t i = 0; i < section.pages.size(); ++i) {
      Page& page = library_.pages[section.pages[i]];
      if (i > 0) page.lower = section.pages[i - 1];
      if (i + 1 < section.pages.size()) page.higher = section.pages[i + 1];
    }
  }
}

void Loader::link_translations() {
  if (!config_.is_multilingual()) return;
  std::map<std::string_view, std::vector<Translation>> groups;
  for (PageId id = 0; id < library_.pages.size(); ++id)
    groups[library_.pages[id].canonical].push_back({library_.pages[id].language, id, no_id});
  for (SectionId id = 0; id < library_.sections.size(); ++id)
    groups[library_.sections[id].canonical].push_back({library_.sections[id].language, no_id, id});
  for (auto& [name, group] : groups) {
    std::sort(group.begin(), group.end(),
              [](const Translation& a, const Translation& b) { return a.language < b.language; });
    const std::uint32_t number = static_cast<std::uint32_t>(library_.translations.size());
    for (const Translation& one : group) {
      Content& content = one.page != no_id ? static_cast<Content&>(library_.pages[one.page])
                                           : library_.sections[one.section];
      content.translations = number;
    }
    library_.translations.push_back(std::move(group));
  }
}

void Loader::link_taxonomies() {
  for (std::uint32_t language = 0; language < config_.languages.size(); ++language) {
    for (const TaxonomyConfig& taxonomy_config : config_.languages[language].taxonomies) {
      Taxonomy taxonomy;
      taxonomy.config = &taxonomy_config;
      taxonomy.language = language;
      taxonomy.path = config_.language_prefix(language) + '/' +
                      (config_.taxonomy_root.empty() ? "" : config_.taxonomy_root + '/') +
                      taxonomy_config.slug + '/';
      taxonomy.permalink = config_.permalink_of(taxonomy.path);
      library_.taxonomies.push_back(std::move(taxonomy));
    }
  }
  std::vector<std::map<std::string, Term>> terms(library_.taxonomies.size());  // by slug
  collect_terms(terms);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    Taxonomy& taxonomy = library_.taxonomies[i];
    for (auto& [slug, term] : terms[i]) {
      term.path = taxonomy.path + slug + '/';
      term.permalink = config_.permalink_of(term.path);
      taxonomy.terms.push_back(std::move(term));
    }
  }
}

// Pages are met in the order in which terms list them: the newest first, those without a date last.
void Loader::collect_terms(std::vector<std::map<std::string, Term>>& terms) {
  std::vector<std::unordered_map<std::string_view, Term*>> by_name(terms.size());  // names repeat
  const auto term_of = [&](std::size_t taxonomy, const std::string& name) -> Term& {
    const auto [known, is_new] = by_name[taxonomy].try_emplace(name);
    if (!is_new) return *known->second;
    std::string slug = text::slugify(name, config_.slug_taxonomies);
    Term& term = terms[taxonomy][slug];
    // Names that differ but have one slug are one term, under the name that sorts first.
    if (term.name.empty() || name < term.name) term.name = name;
    term.slug = std::move(slug);
    known->second = &term;
    return term;
  };
  const auto collect = [&](PageId id) {
    const Page& page = library_.pages[id];
    for (const auto& [name, values] : page.front.taxonomies) {
      const Taxonomy* taxonomy = library_.taxonomy_of(name, page.language);
      if (taxonomy == nullptr) {
        complain_of_taxonomy(page, name);
        continue;
      }
      if (!page.front.render) continue;
      for (const std::string& value : values) {
        Term& term =
            term_of(static_cast<std::size_t>(taxonomy - library_.taxonomies.data()), value);
        if (term.pages.empty() || term.pages.back() != id) term.pages.push_back(id);
      }
    }
  };
  for (const PageId id : by_date_) collect(id);
  for (PageId id = 0; id < library_.pages.size(); ++id)
    if (place_by_date_[id] == no_id) collect(id);
}

void Loader::complain_of_taxonomy(const Page& page, std::string_view name) {
  std::vector<std::string_view> known;
  for (const TaxonomyConfig& one : config_.languages[page.language].taxonomies)
    known.push_back(one.name);
  std::string help = did_you_mean(name, known);
  if (help.empty())
    help = "add { name = \"" + std::string(name) + "\" } to taxonomies in " + config_.file;
  diagnostics_.error(
      Error{Errc::invalid, "taxonomy \"" + std::string(name) + "\" is not configured"}
          .at(page.front.taxonomies_place)
          .with_help(std::move(help)));
}

Library Loader::load() {
  list_files();
  refuse_mixed_indexes();
  read_all();
  drop_drafts();
  add_missing_indexes();
  number();
  link_sections();
  link_pages();
  order_by_date();
  sort_sections();
  link_translations();
  link_taxonomies();
  return std::move(library_);
}

}  // namespace

std::string section_path_of(const SiteConfig& config, std::string_view directory,
                            std::uint32_t language) {
  return joined(directory,
                language == 0 ? "_index.md" : "_index." + config.languages[language].code + ".md");
}

std::optional<Dated> date_of_name(const Page& page) {
  // "blog/2024-02-29-x", or that directory with an index.md
  std::string_view name = name_of_file(page.canonical);
  if (!page.colocated_path.empty()) name = name_of_file(directory_of(page.canonical));
  const text::DatedName dated = text::dated_name_of(name);
  if (!dated.has_date) return std::nullopt;
  Result<text::DateTime> time = text::parse_date(dated.date);
  if (!time.ok()) return std::nullopt;
  return Dated{std::string(dated.date), std::move(time).value()};
}

std::string template_of(const Library& library, const Page& page) {
  if (page.front.template_name) return *page.front.template_name;
  if (page.section != no_id) {
    const Section& owner = library.sections[page.section];
    if (owner.front.page_template) return *owner.front.page_template;
    for (auto at = owner.ancestors.rbegin(); at != owner.ancestors.rend(); ++at)
      if (const auto& name = library.sections[*at].front.page_template) return *name;
  }
  return "page.html";
}

PageId Library::page_of(std::string_view relative_path) const {
  const auto found = page_ids.find(relative_path);
  return found == page_ids.end() ? no_id : found->second;
}
SectionId Library::section_of(std::string_view relative_path) const {
  const auto found = section_ids.find(relative_path);
  return found == section_ids.end() ? no_id : found->second;
}
const Taxonomy* Library::taxonomy_of(std::string_view name, std::uint32_t language) const {
  for (const Taxonomy& taxonomy : taxonomies)
    if (taxonomy.language == language && taxonomy.config->name == name) return &taxonomy;
  return nullptr;
}

Library load_library(const SiteSource& source, const SiteConfig& config,
                     const BuildOptions& options, Diagnostics& diagnostics) {
  return Loader(source, config, options, diagnostics).load();
}

}  // namespace weir::site
