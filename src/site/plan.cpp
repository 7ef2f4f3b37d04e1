#include "site/plan.h"

#include "base/limits.h"
#include "site/files.h"
#include "site/search_index.h"
#include "site/style_sheets.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace weir::site {

namespace {

// The file that answers a URL path.
std::string file_of(std::string_view path) {
  std::string file(path.substr(1));
  if (file.empty() || file.back() == '/') file += "index.html";
  return file;
}

class Planner {
 public:
  Planner(const SiteConfig& config, const Library& library, const Files& files,
          Diagnostics& diagnostics)
      : config_(config), library_(library), files_(files), diagnostics_(diagnostics) {}

  Plan plan() {
    added_.reserve(library_.pages.size() * 2 + 64);  // address space, not memory, if it is too much
    add_style_sheets();
    add_search();
    add_aliases();
    for (SectionId id = 0; id < library_.sections.size(); ++id) add_section(id);
    for (PageId id = 0; id < library_.pages.size(); ++id) add_page(id);
    add_sitemaps();
    add_feeds();
    add_single(OutputKind::not_found, "404.html");
    if (config_.generate_robots_txt) add_single(OutputKind::robots, "robots.txt");
    add_taxonomies();
    add_code_style_sheets();
    add_static();
    return finish();
  }

 private:
  void add(Planned planned);
  void add_single(OutputKind kind, std::string file);
  void add_style_sheets();
  void add_search();
  void add_aliases();
  void add_alias(std::string_view alias, const Content& content);
  void add_assets(const Content& content);
  void add_section(SectionId id);
  void add_page(PageId id);
  void add_pagers(Planned first, std::string_view permalink, std::string_view paginate_path,
                  std::size_t count);
  void add_feed(const Planned& about, std::string_view base_path);
  void add_feeds();
  bool sitemap_has_room() const;
  void add_sitemaps();
  void add_taxonomies();
  void add_code_style_sheets();
  void add_static();
  void refuse_twice(const Planned& one, const Planned& other);
  Plan finish();

  const SiteConfig& config_;
  const Library& library_;
  const Files& files_;
  Diagnostics& diagnostics_;
  std::vector<Planned> added_;  // in the order of S-59: of two for one file the later one wins
  Plan plan_;
};

// A slug, path or alias must not lead out of the output directory.
bool stays_inside(std::string_view file) {
  for (std::size_t begin = 0; begin <= file.size();) {
    const std::size_t slash = std::min(file.find('/', begin), file.size());
    const std::string_view part = file.substr(begin, slash - begin);
    if (part == ".." || part == "." || part.find('\0') != std::string_view::npos) return false;
    begin = slash + 1;
  }
  return true;
}

bool is_of_content(const Planned& planned) {
  return planned.kind == OutputKind::page || planned.kind == OutputKind::section ||
         planned.kind == OutputKind::redirect;
}

void Planner::add(Planned planned) {
  if (planned.file.empty()) planned.file = file_of(planned.path);
  if (!stays_inside(planned.file))
    return diagnostics_.error(
        Error{Errc::denied, "the path " + planned.path + " leads out of the site"}
            .at({std::string(planned.origin), 0, 0, 0})
            .with_help("a slug, path or alias has no part \".\" or \"..\""));
  added_.push_back(std::move(planned));
}

void Planner::add_single(OutputKind kind, std::string file) {
  Planned planned;
  planned.kind = kind;
  planned.path = '/' + file;
  planned.file = std::move(file);
  planned.name = planned.file;
  add(std::move(planned));
}

// The theme's before the site's, which wins; two of one folder are a mistake.
void Planner::add_style_sheets() {
  std::map<std::string, std::string_view, std::less<>> known_origins;
  for (const std::string& file : files_.sass()) {
    std::string target = style_sheet_of(file);
    if (target.empty()) continue;
    const auto stem_of = [](std::string_view path) { return path.substr(0, path.rfind('.')); };
    const auto [known, is_new] = known_origins.try_emplace(target, file);
    if (!is_new && stem_of(known->second) == stem_of(file))
      diagnostics_.error(Error{
          Errc::invalid, "both " + std::string(known->second) + " and " + file + " make " + target}
                             .at({file, 0, 0, 0})
                             .with_help("rename one of them, or make it a partial: _name.scss"));
    known->second = file;
    Planned planned;
    planned.kind = OutputKind::style_sheet;
    planned.path = '/' + target;
    planned.file = target;
    planned.origin = file;
    add(std::move(planned));
  }
}

void Planner::add_search() {
  const std::string& format = config_.languages.front().search_index_format;
  bool has_index = false;
  for (std::uint32_t i = 0; i < config_.languages.size(); ++i) {
    if (!config_.languages[i].build_search_index) continue;
    has_index = true;
    Planned planned;
    planned.kind = OutputKind::search_index;
    planned.file = search_index_file(format, config_.languages[i].code);
    planned.path = '/' + planned.file;
    planned.language = i;
    add(std::move(planned));
  }
  if (!has_index || !needs_elasticlunr(format)) return;
  Planned client;
  client.kind = OutputKind::static_file;
  client.file = elasticlunr_file;
  client.path = '/' + client.file;
  client.origin = elasticlunr_origin;
  add(std::move(client));
}

void Planner::add_alias(std::string_view alias, const Content& content) {
  while (alias.starts_with('/')) alias.remove_prefix(1);
  Planned planned;
  planned.kind = OutputKind::redirect;
  planned.path = '/' + std::string(alias);
  if (!alias.ends_with(".html") && planned.path.back() != '/') planned.path += '/';
  planned.origin = content.file;
  planned.language = content.language;
  planned.redirect = content.permalink;
  add(std::move(planned));
}

void Planner::add_aliases() {
  for (const Page& page : library_.pages)
    for (const std::string& alias : page.front.aliases) add_alias(alias, page);
  for (const Section& section : library_.sections)
    for (const std::string& alias : section.front.aliases) add_alias(alias, section);
}

void Planner::add_assets(const Content& content) {
  for (const Asset& asset : content.assets) {
    Planned planned;
    planned.kind = OutputKind::asset;
    planned.path = content.path + asset.name;
    planned.origin = asset.file;
    add(std::move(planned));
  }
}

void Planner::add_pagers(Planned first, std::string_view permalink, std::string_view paginate_path,
                         std::size_t count) {
  const std::string base = std::string(paginate_path) + (paginate_path.empty() ? "" : "/");
  for (std::size_t number = 1; number <= count; ++number) {
    Planned planned = first;
    planned.pager = static_cast<std::uint32_t>(number);
    if (number > 1) planned.path += base + std::to_string(number) + '/';
    add(std::move(planned));
  }
  Planned redirect;
  redirect.kind = OutputKind::redirect;
  redirect.path = first.path + base + "1/";
  redirect.origin = first.origin;
  redirect.redirect = permalink;
  add(std::move(redirect));
}

void Planner::add_section(SectionId id) {
  const Section& section = library_.sections[id];
  Planned planned;
  planned.kind = OutputKind::section;
  planned.path = section.path;
  planned.origin = section.file;
  planned.language = section.language;
  planned.section = id;
  if (section.front.generate_feeds) add_feed(planned, section.path);
  add_assets(section);
  if (!section.front.render) return;
  if (section.front.redirect_to) {
    planned.kind = OutputKind::redirect;
    planned.redirect = config_.permalink_of(*section.front.redirect_to);
    return add(std::move(planned));
  }
  if (!section.front.paginate_by) return add(std::move(planned));
  add_pagers(std::move(planned), section.permalink, section.front.paginate_path,
             pagers_of(section.pages.size(), *section.front.paginate_by));
}

void Planner::add_page(PageId id) {
  const Page& page = library_.pages[id];
  if (!page.front.render) return;
  Planned planned;
  planned.kind = OutputKind::page;
  planned.path = page.path;
  planned.origin = page.file;
  planned.language = page.language;
  planned.page = id;
  add(std::move(planned));
  add_assets(page);
}

// Also when none of its pages is dated: the template may list pages of its own choice, and readers
// that know the address should not get a 404.
void Planner::add_feed(const Planned& about, std::string_view base_path) {
  for (const std::string& name : config_.languages[about.language].feed_filenames) {
    Planned planned = about;
    planned.kind = OutputKind::feed;
    planned.path = std::string(base_path) + name;
    planned.file.clear();
    planned.pager = no_pager;
    planned.name = name;
    add(std::move(planned));
  }
}

void Planner::add_feeds() {
  for (std::uint32_t language = 0; language < config_.languages.size(); ++language) {
    if (!config_.languages[language].generate_feeds) continue;
    Planned about;
    about.language = language;
    add_feed(about, config_.language_prefix(language) + '/');
  }
}

// Whether even with repeats there are fewer entries than one sitemap holds.
bool Planner::sitemap_has_room() const {
  std::size_t entries = library_.pages.size() + library_.sections.size();
  for (const Section& section : library_.sections)
    if (section.front.paginate_by)
      entries += pagers_of(section.pages.size(), *section.front.paginate_by);
  for (const Taxonomy& taxonomy : library_.taxonomies)
    for (const Term& term : taxonomy.terms)  // itself, and pagers
      entries += 2 + term.pages.size() / taxonomy.config->paginate_by.value_or(SIZE_MAX);
  entries += library_.taxonomies.size();
  return entries < limits::sitemap_entries_max;
}

void Planner::add_sitemaps() {
  if (!config_.generate_sitemap) return;
  Planned planned;
  planned.kind = OutputKind::sitemap;
  planned.path = "/sitemap.xml";
  planned.name = "sitemap.xml";
  if (!sitemap_has_room()) plan_.sitemap_entries = sitemap_entries_of(config_, library_).size();
  if (plan_.sitemap_entries < limits::sitemap_entries_max) return add(std::move(planned));
  const std::size_t parts =
      (plan_.sitemap_entries + limits::sitemap_entries_max - 1) / limits::sitemap_entries_max;
  for (std::size_t part = 1; part <= parts; ++part) {
    Planned piece = planned;
    piece.path = "/sitemap" + std::to_string(part) + ".xml";
    piece.sitemap_part = part;
    add(std::move(piece));
  }
  planned.name = "split_sitemap_index.xml";
  add(std::move(planned));
}

void Planner::add_taxonomies() {
  for (std::uint32_t number = 0; number < library_.taxonomies.size(); ++number) {
    const Taxonomy& taxonomy = library_.taxonomies[number];
    if (taxonomy.terms.empty()) continue;
    Planned planned;
    planned.kind = OutputKind::taxonomy_list;
    planned.path = taxonomy.path;
    planned.origin = config_.file;
    planned.language = taxonomy.language;
    planned.taxonomy = number;
    if (taxonomy.config->render) add(planned);
    planned.kind = OutputKind::taxonomy_term;
    for (std::uint32_t i = 0; i < taxonomy.terms.size(); ++i) {
      const Term& term = taxonomy.terms[i];
      planned.path = term.path;
      planned.term = i;
      if (taxonomy.config->feed) add_feed(planned, term.path);
      if (!taxonomy.config->render) continue;
      if (!taxonomy.config->paginate_by) {
        add(planned);
      } else {
        add_pagers(planned, term.permalink, taxonomy.config->paginate_path,
                   pagers_of(term.pages.size(), *taxonomy.config->paginate_by));
      }
    }
  }
}

// An author's file of the same name in static/ wins.
void Planner::add_code_style_sheets() {
  if (!config_.markdown.highlighting) return;
  for (const CodeStyleSheet& sheet : config_.markdown.highlighting->style_sheets)
    add_single(OutputKind::style_sheet, sheet.file);
}

void Planner::add_static() {
  for (const Files::Copied& copied : files_.copied()) {
    Planned planned;
    planned.kind = OutputKind::static_file;
    planned.file = copied.target;
    planned.path = '/' + copied.target;
    if (copied.target == "index.html" || copied.target.ends_with("/index.html"))
      planned.path.resize(planned.path.size() - std::string_view("index.html").size());
    planned.origin = copied.file;
    add(std::move(planned));
  }
}

// Both were asked for under one file name.
void Planner::refuse_twice(const Planned& one, const Planned& other) {
  if (!is_of_content(one) || !is_of_content(other) || one.origin == other.origin) return;
  const std::string first(std::min(one.origin, other.origin));
  const std::string second(std::max(one.origin, other.origin));
  diagnostics_.error(
      Error{Errc::invalid, "both " + first + " and " + second + " make " + other.path}
          .at({second, 0, 0, 0})
          .with_help("give one of them another slug, path or alias"));
}

// Where it stands: a second copy of ten thousand plans would cost more than their sorting.
void put_in_order(std::vector<Planned>& plans, std::vector<std::uint32_t> order) {
  for (std::uint32_t first = 0; first < plans.size(); ++first) {
    if (order[first] == first) continue;
    Planned held = std::move(plans[first]);
    std::uint32_t place = first;
    for (; order[place] != first; place = std::exchange(order[place], place))
      plans[place] = std::move(plans[order[place]]);
    plans[place] = std::move(held);
    order[place] = place;
  }
}

Plan Planner::finish() {
  std::size_t outputs = 0;
  std::vector<std::uint32_t> order(added_.size());
  std::iota(order.begin(), order.end(), 0U);
  // Most come in the order of their files, so runs of them are merged, not sorted.
  std::stable_sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
    return added_[a].file < added_[b].file;
  });
  put_in_order(added_, std::move(order));
  for (Planned& planned : added_) {
    if (outputs == 0 || added_[outputs - 1].file != planned.file) {
      if (&added_[outputs] != &planned) added_[outputs] = std::move(planned);
      ++outputs;
    } else {
      refuse_twice(added_[outputs - 1], planned);
      added_[outputs - 1] = std::move(planned);
    }
  }
  added_.resize(outputs);
  plan_.outputs = std::move(added_);
  plan_.by_path.reserve(plan_.outputs.size());
  for (std::size_t i = 0; i < plan_.outputs.size(); ++i)
    plan_.by_path.emplace(plan_.outputs[i].path, i);
  return std::move(plan_);
}

}  // namespace

const Planned* Plan::find(std::string_view path) const {
  const auto found = by_path.find(path);
  return found == by_path.end() ? nullptr : &outputs[found->second];
}

std::size_t pagers_of(std::size_t count, std::size_t paginate_by) {
  return std::max<std::size_t>(1, (count + paginate_by - 1) / paginate_by);
}

std::vector<PageId> pages_of_pager(const std::vector<PageId>& pages, std::size_t paginate_by,
                                   std::size_t pager, PagerOrder order) {
  const std::size_t begin = std::min(pages.size(), (pager - 1) * paginate_by);
  const std::size_t end = std::min(pages.size(), begin + paginate_by);
  std::vector<PageId> out;
  out.reserve(end - begin);
  for (std::size_t i = begin; i < end; ++i)
    out.push_back(order == PagerOrder::reversed ? pages[pages.size() - 1 - i] : pages[i]);
  return out;
}

std::vector<SitemapEntry> sitemap_entries_of(const SiteConfig& config, const Library& library) {
  std::vector<SitemapEntry> entries;
  const auto add_pagers = [&](std::string_view permalink, std::string_view paginate_path,
                              std::size_t count, std::optional<std::size_t> paginate_by) {
    if (!paginate_by || !config.sitemap_has_pagers) return;
    const std::size_t pagers = (count + *paginate_by - 1) / *paginate_by;
    for (std::size_t number = 1; number <= pagers; ++number)
      entries.push_back(
          {std::string(permalink) + std::string(paginate_path) + '/' + std::to_string(number) + '/',
           no_id, no_id});
  };
  for (PageId id = 0; id < library.pages.size(); ++id)
    if (library.pages[id].front.render) entries.push_back({library.pages[id].permalink, id, no_id});
  for (SectionId id = 0; id < library.sections.size(); ++id) {
    const Section& section = library.sections[id];
    if (!section.front.render) continue;
    entries.push_back({section.permalink, no_id, id});
    add_pagers(section.permalink, section.front.paginate_path, section.pages.size(),
               section.front.paginate_by);
  }
  for (const Taxonomy& taxonomy : library.taxonomies) {
    if (!taxonomy.config->render || taxonomy.terms.empty()) continue;
    entries.push_back({taxonomy.permalink, no_id, no_id});
    for (const Term& term : taxonomy.terms) {
      entries.push_back({term.permalink, no_id, no_id});
      add_pagers(term.permalink, taxonomy.config->paginate_path, term.pages.size(),
                 taxonomy.config->paginate_by);
    }
  }
  std::stable_sort(
      entries.begin(), entries.end(),
      [](const SitemapEntry& a, const SitemapEntry& b) { return a.permalink < b.permalink; });
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const SitemapEntry& a, const SitemapEntry& b) {
                              return a.permalink == b.permalink;
                            }),
                entries.end());
  return entries;
}

Plan plan_of(const SiteConfig& config, const Library& library, const Files& files,
             Diagnostics& diagnostics) {
  return Planner(config, library, files, diagnostics).plan();
}

}  // namespace weir::site
