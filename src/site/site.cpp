#include "site/site.h"

#include "base/embedded.h"
#include "base/must.h"
#include "base/version.h"
#include "base/worker_pool.h"
#include "site/code_language.h"
#include "site/content_render.h"
#include "site/functions.h"
#include "site/views.h"
#include "text/front_matter.h"
#include "text/utf8.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <tuple>

namespace weir::site {

namespace {

constexpr std::string_view system_root = "templates/system/";
constexpr std::string_view theme_root = "templates/theme/";
constexpr std::string_view shortcode_root = "shortcodes/";

bool is_template_file(std::string_view name) {
  for (const std::string_view ending :
       {".html", ".htm", ".xml", ".md", ".txt", ".json", ".js", ".css", ".ics", ".svg", ".atom",
        ".rss", ".webmanifest", ".tera", ".toml", ".yaml", ".yml", ".xsl", ".csv"})
    if (name.ends_with(ending)) return true;
  return false;
}

// Whether an id, or a name of the old kind, stands in the HTML: shortcodes make some that Markdown
// does not know.
bool html_has_id(std::string_view html, std::string_view id) {
  for (const std::string_view attribute : {"id", "name"}) {
    for (std::size_t at = html.find(id); at != std::string_view::npos; at = html.find(id, at + 1)) {
      std::string_view before = html.substr(0, at);
      const char after = at + id.size() < html.size() ? html[at + id.size()] : '>';
      const bool is_quoted = !before.empty() && (before.back() == '"' || before.back() == '\'');
      if (is_quoted ? after != before.back() : !(after == '>' || after == ' ' || after == '/'))
        continue;
      if (is_quoted) before.remove_suffix(1);
      while (!before.empty() && before.back() == ' ') before.remove_suffix(1);
      if (!before.ends_with('=')) continue;
      before.remove_suffix(1);
      while (!before.empty() && before.back() == ' ') before.remove_suffix(1);
      if (!before.ends_with(attribute)) continue;
      before.remove_suffix(attribute.size());
      if (before.ends_with(' ') || before.ends_with('\n') || before.ends_with('\t')) return true;
    }
  }
  return false;
}

}  // namespace

Site::Site(const SiteSource& source, const BuildOptions& options, Liveness liveness,
           Diagnostics& diagnostics)
    : source_(source),
      options_(options),
      liveness_(liveness),
      diagnostics_(diagnostics),
      style_sheets_(source) {}
Site::~Site() = default;

std::unique_ptr<Site> Site::load(const SiteSource& source, const BuildOptions& options,
                                 Liveness liveness, Diagnostics& diagnostics) {
  MUST(options.clock != nullptr);
  const std::int64_t begun_ns = SystemClock().wall().ns;
  std::optional<SiteConfig> config = read_config(source, options.config_file, diagnostics);
  if (!config) return nullptr;
  std::unique_ptr<Site> site(new Site(source, options, liveness, diagnostics));
  site->begun_ns_ = begun_ns;
  site->config_ = std::move(*config);
  if (options.base_url) site->config_.base_url = *options.base_url;
  site->files_ = std::make_unique<Files>(Files::open(source, site->config_, diagnostics));
  site->library_ = load_library(source, site->config_, options, diagnostics);
  site->options_.before = nullptr;  // it need not live as long as the site
  site->data_ = std::make_unique<DataLoader>(
      site->config_, *site->files_, site->options_,
      liveness == Liveness::built ? DataLoader::Remote::kept : DataLoader::Remote::anew);
  site->views_ = std::make_unique<Views>(*site);
  site->slots_ =
      std::make_unique<Slot[]>(site->library_.pages.size() + site->library_.sections.size());
  site->engine_ = std::make_unique<tmpl::Engine>(*options.clock);
  site->load_templates();
  site->add_contexts();
  site->plan_ = plan_of(site->config_, site->library_, *site->files_, diagnostics);
  for (const Planned& planned : site->plan_.outputs)
    if (planned.kind == OutputKind::asset)
      site->files_->note_published(planned.file, std::string(planned.origin));
  return site;
}

const Content& Site::content_of(ContentId id) const {
  if (id.is_page) return library_.pages[id.id];
  return library_.sections[id.id];
}

Site::Slot& Site::slot_of(ContentId id) const {
  return slots_[id.is_page ? id.id : library_.pages.size() + id.id];
}

// Lowest first, because of equal names the last one counts: ours, our theme's, the theme's, the
// site's. A theme's templates are also reachable as NAME/templates/x.html, so that the site's
// x.html can extend them.
void Site::load_templates() {
  std::vector<std::string> names;
  std::map<std::string, Hash128, std::less<>> hashes;
  const auto add = [&](std::string name, std::string source, std::string file) {
    names.push_back(name);
    if (options_.remembers) hashes[name] = hash_of_input(source);
    engine_->add_template(std::move(name), std::move(source), std::move(file));
  };
  const auto add_embedded = [&](std::string_view root) {
    for (const EmbeddedFile& file : embedded_files()) {
      if (!file.path.starts_with(root) || file.path.substr(root.size()).starts_with("static/"))
        continue;
      add(std::string(file.path.substr(root.size())), std::string(file.bytes),
          "builtin:" + std::string(file.path));
    }
  };
  const auto add_directory = [&](const std::string& directory, const std::string& second_prefix) {
    const Result<SiteSource::SharedListing> listing = source_.listing(directory);
    if (!listing.ok()) return diagnostics_.error(listing.error());
    for (const std::string& link : (*listing)->left_out)
      diagnostics_.warning(Error{
          Errc::denied, link + " is a link that leaves the site or leads nowhere; it is left out"}
                               .at({link, 0, 0, 0}));
    for (const FoundFile& file : (*listing)->files) {
      if (!is_template_file(file.path)) continue;
      Result<std::string> source = source_.read(file.path);
      if (!source.ok()) {
        diagnostics_.error(std::move(source).error().at({file.path, 0, 0, 0}));
        continue;
      }
      const std::string name = file.path.substr(directory.size() + 1);
      if (!second_prefix.empty()) add(second_prefix + name, *source, file.path);
      add(name, std::move(source).value(), file.path);
    }
  };
  add_embedded(system_root);
  if (files_->builtin_theme()) add_embedded(theme_root);
  if (!config_.theme.empty())
    add_directory("themes/" + config_.theme + "/templates", config_.theme + "/templates/");
  add_directory("templates", "");
  add_site_functions(*engine_, *this);

  tmpl::Linked linked = engine_->link();
  for (Error& error : linked.errors) diagnostics_.error(std::move(error));

  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    if (const std::optional<std::uint32_t> id = engine_->template_id(name)) {
      if (*id >= template_names_.size()) template_names_.resize(*id + 1);
      template_names_[*id] = name;
      if (options_.remembers) {
        template_hashes_.resize(template_names_.size());
        template_hashes_[*id] = hashes[name];
      }
    }
    if (!name.starts_with(shortcode_root)) continue;
    const std::size_t dot = name.rfind('.');
    const bool is_markdown = name.ends_with(".md");
    if (dot == std::string::npos || (!is_markdown && !name.ends_with(".html"))) continue;
    std::string shortcode = name.substr(shortcode_root.size(), dot - shortcode_root.size());
    if (!shortcodes_.empty() && shortcodes_.back().first == shortcode) {
      diagnostics_.error(
          Error{Errc::invalid, "shortcode `" + shortcode + "` exists twice: as .html and as .md"}
              .at({"templates/" + name, 0, 0, 0}));
      continue;
    }
    shortcodes_.emplace_back(std::move(shortcode),
                             is_markdown ? ShortcodeKind::markdown : ShortcodeKind::html);
  }
}

void Site::add_contexts() {
  base_contexts_.reserve(config_.languages.size());
  for (std::uint32_t language = 0; language < config_.languages.size(); ++language) {
    base_contexts_.emplace_back();
    base_contexts_.back()
        .set("config", views_->config(language))
        .set("lang", tmpl::Value::lend(std::string_view(config_.languages[language].code)))
        .set("zola_version", tmpl::Value::lend(zola_version))
        .set("weir_version", tmpl::Value::lend(version));
  }
}

std::optional<Site::ShortcodeKind> Site::shortcode_kind(std::string_view name) const {
  const auto at =
      std::lower_bound(shortcodes_.begin(), shortcodes_.end(), name,
                       [](const auto& one, std::string_view wanted) { return one.first < wanted; });
  if (at == shortcodes_.end() || at->first != name) return std::nullopt;
  return at->second;
}

std::vector<std::string_view> Site::shortcode_names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, kind] : shortcodes_) names.push_back(name);
  return names;
}

void Site::render_all_content() {
  const std::size_t threads = options_.threads == 0 ? cores() : options_.threads;
  const std::size_t pages = library_.pages.size();
  if (options_.progress != nullptr)
    options_.progress->begin("reading Markdown", pages + library_.sections.size());
  for_each_parallel(pages + library_.sections.size(), threads, [this, pages](std::size_t i) {
    if (options_.progress != nullptr)
      options_.progress->done.fetch_add(1, std::memory_order_relaxed);
    const ContentId id = i < pages ? ContentId{true, static_cast<std::uint32_t>(i)}
                                   : ContentId{false, static_cast<std::uint32_t>(i - pages)};
    if (slot_of(id).row != BuildMemory::none) return;
    Result<std::shared_ptr<const Rendered>> rendered = render_content(*this, id);
    if (!rendered.ok()) {
      const std::string& file = content_of(id).file;
      Error error = std::move(rendered).error();
      if (error.place.file != file) error.chain.push_back("in the content of " + file);
      return diagnostics_.error(std::move(error));
    }
    for (const Error& warning : (*rendered)->warnings) diagnostics_.warning(warning);
    for (const Error& broken : (*rendered)->broken_links) diagnostics_.error(broken);
    // Each slot is written by one thread, before anybody reads it.
    if (options_.remembers) slot_of(id).hashes = hashes_of(**rendered);
    slot_of(id).rendered = std::move(*rendered);
    // The body is not needed again; ten thousand of them would be half of a build's memory.
    if (liveness_ == Liveness::built) {
      Content& content =
          id.is_page ? static_cast<Content&>(library_.pages[id.id]) : library_.sections[id.id];
      content.text = std::string();
    }
  });
  options_.progress = nullptr;  // of the build; the site may live longer
  tell_plain_code();
  if (!diagnostics_.failed()) check_links();
}

std::shared_ptr<const Rendered> Site::rendered_now(ContentId id) const {
  Slot& slot = slot_of(id);
  const std::lock_guard lock(slot.mutex);
  return slot.rendered;
}

void Site::for_each_link(ContentId id,
                         const std::function<void(std::string_view, const Place&)>& use) const {
  if (const ContentRow* row = kept_row(id); row != nullptr) {
    if (row->links.count == 0) return;
    Place place{content_of(id).file, 0, 0, 0};
    for (std::uint32_t i = 0; i < row->links.count; ++i) {
      const LinkRow& link = kept_from_->links[row->links.first + i];
      place.line = link.line;
      place.column = link.column;
      use(kept_from_->text_at(link.target), place);
    }
  } else if (liveness_ == Liveness::live) {
    const Result<std::shared_ptr<const Rendered>> content = rendered(id, nullptr);
    if (!content.ok()) return;
    for (const text::FoundLink& link : (*content)->internal_links) use(link.target, link.place);
  } else if (const std::shared_ptr<const Rendered> content = rendered_now(id)) {
    for (const text::FoundLink& link : content->internal_links) use(link.target, link.place);
  }
}

// Nothing when it is neither kept nor rendered.
std::optional<std::vector<std::string>> Site::ids_of(ContentId id) const {
  const ContentRow* row = kept_row(id);
  if (row == nullptr) {
    const std::shared_ptr<const Rendered> content = rendered_now(id);
    return content == nullptr ? std::nullopt : std::optional(content->ids);
  }
  std::vector<std::string> ids;
  for (std::uint32_t i = 0; i < row->ids.count; ++i)
    ids.emplace_back(kept_from_->text_at(kept_from_->ids[row->ids.first + i]));
  return ids;
}

// Content that failed has every anchor: it has been complained about.
bool Site::has_anchor(ContentId id, const std::string& fragment) const {
  const auto is_in = [&](const std::vector<std::string>& ids) {
    return std::find(ids.begin(), ids.end(), fragment) != ids.end();
  };
  const std::optional<std::vector<std::string>> known = ids_of(id);
  if (!known || is_in(*known)) return true;
  const Result<std::shared_ptr<const Rendered>> content = rendered(id, nullptr);
  return !content.ok() || is_in((*content)->ids) || html_has_id((*content)->html, fragment);
}

// Each language once, with the first place that names it.
void Site::tell_plain_code() {
  if (!config_.markdown.highlighting) return;
  std::map<std::pair<std::string, bool>, Place> first;
  const auto is_before = [](const Place& a, const Place& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  };
  for (std::size_t i = 0; i < library_.pages.size() + library_.sections.size(); ++i) {
    if (!slots_[i].rendered) continue;
    for (const PlainCode& code : slots_[i].rendered->plain_code) {
      const auto [known, is_new] = first.try_emplace({code.language, code.is_unknown}, code.place);
      if (!is_new && is_before(code.place, known->second)) known->second = code.place;
    }
  }
  for (const auto& [language, place] : first) {
    const auto& [name, is_unknown] = language;
    if (!is_unknown) {
      diagnostics_.remark(
          Error{Errc::missing, "code in \"" + name + "\" has no colours yet"}.at(place));
      continue;
    }
    Error error = Error{Errc::missing, "the language \"" + name +
                                           "\" of a code block is not known; it is shown plain"}
                      .at(place)
                      .with_help(did_you_mean(name, language_words()));
    config_.markdown.highlighting->is_missing_language_an_error
        ? diagnostics_.error(std::move(error))
        : diagnostics_.remark(std::move(error));
  }
}

void Site::check_links() {
  const auto check_all_of = [this](ContentId id) {
    for_each_link(id, [&](std::string_view link, const Place& place) {
      const std::size_t hash = link.find('#');
      if (hash == std::string_view::npos || hash + 1 == link.size()) return;
      const std::string fragment(link.substr(hash + 1));
      ContentId target = id;
      if (link.starts_with("@/")) {
        const Result<InternalLink> resolved = resolve_internal_link(*this, link);
        if (!resolved.ok()) return;  // said already
        target = resolved->target;
      }
      if (has_anchor(target, fragment)) return;
      const Result<std::shared_ptr<const Rendered>> other = rendered(target, nullptr);
      std::vector<std::string_view> known;
      if (other.ok()) known.assign((*other)->ids.begin(), (*other)->ids.end());
      Error error =
          Error{Errc::missing, "the link " + std::string(link) + " leads to an anchor that " +
                                   content_of(target).file + " does not have"}
              .at(place)
              .with_help(did_you_mean(fragment, known));
      config_.internal_links == LinkLevel::error ? diagnostics_.error(std::move(error))
                                                 : diagnostics_.warning(std::move(error));
    });
  };
  for (std::uint32_t id = 0; id < library_.pages.size(); ++id) check_all_of({true, id});
  for (std::uint32_t id = 0; id < library_.sections.size(); ++id) check_all_of({false, id});
}

ContentHashes Site::content_hashes(ContentId id) const {
  if (const ContentRow* row = kept_row(id)) return {row->html, row->summary, row->toc};
  return slot_of(id).hashes;
}

ContentHashes Site::hashes_of(const Rendered& content) const {
  std::string toc;
  const auto add_headings = [&](const auto& self,
                                const std::vector<text::Heading>& headings) -> void {
    for (const text::Heading& heading : headings) {
      toc += std::to_string(heading.level) + '\n' + heading.id + '\n' + heading.permalink + '\n' +
             heading.title + '\n';
      self(self, heading.children);
      toc += '\n';
    }
  };
  add_headings(add_headings, content.toc);
  // What was read counts too: it becomes the tags of whoever prints any of it.
  std::string reads;
  for (const std::uint64_t key : content.reads.keys()) {
    const std::uint32_t read = key_id(key);
    const tmpl::ReadKind kind = key_kind(key);
    reads += static_cast<char>('0' + static_cast<int>(kind));
    reads += kind == tmpl::ReadKind::page      ? library_.pages[read].relative_path
             : kind == tmpl::ReadKind::section ? library_.sections[read].relative_path
                                               : template_names_[read];
    reads += '\n';
  }
  for (const ReadSet::Name& name : content.reads.names())
    reads += static_cast<char>('0' + static_cast<int>(name.kind)) + name.name + '\n';
  const auto hash_with_reads = [&](std::string_view text) {
    return hash_of_input(std::string(text) + '\n' + reads);
  };
  return {hash_with_reads(content.html),
          hash_with_reads(content.summary ? '+' + *content.summary : std::string("-")),
          hash_with_reads(toc)};
}

Result<std::shared_ptr<const Rendered>> Site::rendered(ContentId id, ReadSet* reads) const {
  // Content sees none of the others': two shortcodes that print each other's page would never end.
  if (reads != nullptr && reads->inside_content())
    return std::shared_ptr<const Rendered>(std::make_shared<Rendered>());
  Slot& slot = slot_of(id);
  std::shared_ptr<const Rendered> held;
  if (liveness_ == Liveness::built && slot.row == BuildMemory::none) {
    held = slot.rendered;
    MUST(held != nullptr);
  } else {
    {
      const std::lock_guard lock(slot.mutex);
      held = slot.rendered;
    }
    if (!held || (liveness_ == Liveness::live && held->reads.is_volatile())) {
      std::shared_ptr<const Rendered> fresh = TRY(render_anew(id));
      const std::lock_guard lock(slot.mutex);
      // Whoever came first stays: views of it have been lent, for as long as the site lives.
      if (!slot.rendered || slot.rendered->reads.is_volatile()) slot.rendered = std::move(fresh);
      held = slot.rendered;
    }
  }
  if (reads != nullptr) reads->add(held->reads);
  return held;
}

Result<std::shared_ptr<const Rendered>> Site::render_anew(ContentId id) const {
  auto rendered = TRY(render_content(*this, id));
  if (!rendered->broken_links.empty()) return rendered->broken_links.front();
  return rendered;
}

void Site::collect_backlinks() const {
  const std::size_t pages = library_.pages.size();
  backlinks_.resize(pages + library_.sections.size());
  const auto collect = [&](ContentId id) {
    for_each_link(id, [&](std::string_view target, const Place&) {
      if (!target.starts_with("@/")) return;
      const Result<InternalLink> resolved = resolve_internal_link(*this, target);
      if (!resolved.ok()) return;
      std::vector<Backlink>& links =
          backlinks_[resolved->target.is_page ? resolved->target.id : pages + resolved->target.id];
      const Backlink from = id.is_page ? Backlink{id.id, no_id} : Backlink{no_id, id.id};
      const bool is_known = std::any_of(links.begin(), links.end(), [&](const Backlink& known) {
        return known.page == from.page && known.section == from.section;
      });
      if (!is_known) links.push_back(from);
    });
  };
  for (std::uint32_t id = 0; id < pages; ++id) collect({true, id});
  for (std::uint32_t id = 0; id < library_.sections.size(); ++id) collect({false, id});
  const auto permalink_of = [this](const Backlink& link) -> const std::string& {
    return content_of(link.page != no_id ? ContentId{true, link.page}
                                         : ContentId{false, link.section})
        .permalink;
  };
  for (std::vector<Backlink>& links : backlinks_)
    std::sort(links.begin(), links.end(), [&](const Backlink& a, const Backlink& b) {
      return permalink_of(a) < permalink_of(b);
    });
}

const std::vector<Backlink>& Site::backlinks_of(ContentId id) const {
  std::call_once(backlinks_once_, [this] { collect_backlinks(); });
  return backlinks_[id.is_page ? id.id : library_.pages.size() + id.id];
}

}  // namespace weir::site
