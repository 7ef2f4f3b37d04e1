#pragma once
// A site in memory: configuration, library, templates and rendered content, with the views that
// templates see.
//
// Made in the order of the build's phases: `load` reads everything; `render_all_content` turns
// Markdown into HTML on all cores and checks links; after that `render` makes any planned output
// from any thread. A SiteRenderer leaves the second phase out: content is then rendered when it is
// first asked for, and anew for every render when it is volatile (it reads the time or remote
// data).
//
// Nothing changes after `load` but the content slots, each of which is set once; unless somebody
// edits the site where it stands (`read_again` and what follows it).

#include "site/build.h"
#include "site/config.h"
#include "site/data_loader.h"
#include "site/diagnostics.h"
#include "site/files.h"
#include "site/library.h"
#include "site/plan.h"
#include "site/processed_images.h"
#include "site/reads.h"
#include "site/relink.h"
#include "site/search_index.h"
#include "site/style_sheets.h"
#include "template/engine.h"
#include "text/markdown.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

class Views;

// A code block that is shown without colours though it names a language.
struct PlainCode {
  bool is_unknown = true;  // else it is known, but has no lexer
  std::string language;
  Place place;
};

// The body of a page or section, rendered.
struct Rendered {
  std::string html;
  std::optional<std::string> summary;
  std::vector<text::Heading> toc;
  std::vector<std::string> ids;
  std::vector<text::FoundLink> internal_links;
  std::vector<text::FoundLink> external_links;  // in Mode::check alone
  std::vector<Error> warnings;
  std::vector<PlainCode> plain_code;
  std::vector<Error> broken_links;  // errors, where the site does not call them warnings
  ReadSet reads;
};

// Of what a body became, and of what was read for it.
struct ContentHashes {
  Hash128 html, summary, toc;
};

// Who links here; in order of permalink.
struct Backlink {
  PageId page = no_id;
  SectionId section = no_id;
};

// A page or a section.
struct ContentId {
  bool is_page = true;
  std::uint32_t id = 0;
};

enum class Liveness : std::uint8_t {
  built,  // one build: remote data is fetched once for each address
  live,   // a server runs: remote data and time are asked anew for every render
};

class Site {
 public:
  // Null when there is no configuration to go on with. `diagnostics` must outlive the site.
  static std::unique_ptr<Site> load(const SiteSource& source, const BuildOptions& options,
                                    Liveness liveness, Diagnostics& diagnostics);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  const SiteConfig& config() const { return config_; }
  const Library& library() const { return library_; }
  const tmpl::Engine& engine() const { return *engine_; }
  const Views& views() const { return *views_; }
  const Files& files() const { return *files_; }
  const Plan& plan() const { return plan_; }
  const SiteSource& source() const { return source_; }
  const BuildOptions& options() const { return options_; }
  Liveness liveness() const { return liveness_; }
  DataLoader& data() const { return *data_; }
  ProcessedImages& processed_images() const { return processed_images_; }
  const SearchIndexes& search_indexes() const { return search_indexes_; }
  const StyleSheets& style_sheets() const { return style_sheets_; }
  Diagnostics& diagnostics() const { return diagnostics_; }
  const Content& content_of(ContentId id) const;

  // The body would become what it became when that row of `kept_from` was written: it is rendered
  // only if somebody asks for it. Before render_all_content, each id in one thread.
  void keep_content(ContentId id, std::uint32_t row) { slot_of(id).row = row; }
  // The memory with the rows of all that is kept. It must outlive the site, or be replaced.
  void keep_from(const BuildMemory& memory) { kept_from_ = &memory; }
  // Markdown of everything that is not kept, on all cores, then anchors and backlinks. Errors go to
  // the diagnostics.
  void render_all_content();
  // Of what the body became; it is rendered or kept by now.
  ContentHashes content_hashes(ContentId id) const;
  // For who edits a built site where it stands (edit_in_place.h): nobody else reads meanwhile, and
  // after an answer of false the site is good for nothing. Implemented in site_edit.cpp.
  //
  // The file was written again: what is in it goes to the library. False: that changes which
  // outputs there are, or has to be complained about.
  bool read_again(ContentId id, const FileLook& look, Relinked& relinked);
  // The body is rendered again, and its hashes are new; each id in one thread. False: there is
  // something to say about it, or nobody can tell whether another render would be the same.
  struct NewBody {
    bool is_plain = false;
    std::vector<std::string> old_links, new_links;  // internal ones, as they are written
  };
  NewBody render_again(ContentId id);
  // Whether the links of these bodies, and those that lead into them, find their anchors.
  bool has_all_anchors(const std::vector<ContentId>& bodies) const;
  // Those it leads to now know of it, those it led to forget it.
  void note_backlinks(ContentId from, const NewBody& body);
  // Null when it is kept and nobody has asked for it.
  std::shared_ptr<const Rendered> rendered_now(ContentId id) const;
  // Null when it is not kept.
  const ContentRow* kept_row(ContentId id) const {
    const std::uint32_t row = slot_of(id).row;
    return row == BuildMemory::none ? nullptr : &kept_from_->contents[row];
  }
  // What templates print of it. Reports the reads of the content itself to `reads`.
  Result<std::shared_ptr<const Rendered>> rendered(ContentId id, ReadSet* reads) const;
  // Rendered anew, whatever the slot holds.
  Result<std::shared_ptr<const Rendered>> render_anew(ContentId id) const;
  // Needs all content; a live site renders it at the first call.
  const std::vector<Backlink>& backlinks_of(ContentId id) const;

  // What it read is added to `reads`, if that is given.
  Result<Output> render(const Planned& planned, ReadSet* reads = nullptr) const;
  const tmpl::Context& base_context(std::uint32_t language) const {
    return base_contexts_[language];
  }
  // Every name in the engine that is a template of the site, theme or binary, by the engine's
  // number.
  const std::vector<std::string>& template_names() const { return template_names_; }
  // Of the source of one; only when the build remembers.
  Hash128 template_hash(std::uint32_t id) const {
    return id < template_hashes_.size() ? template_hashes_[id] : Hash128{};
  }
  // Whether a file of that look may still change, or have changed, without looking different.
  bool is_racy(const FileLook& look) const {
    return std::max(look.modified_ns, look.changed_ns) >= begun_ns_ - racy_ns;
  }
  std::int64_t begun_ns() const { return begun_ns_; }
  // "index.html" and the like fall back to a plain page of ours that says what is missing.
  bool has_template(std::string_view name) const { return engine_->has_template(name); }
  // The kind of a shortcode's template, or nothing.
  enum class ShortcodeKind : std::uint8_t { html, markdown };
  std::optional<ShortcodeKind> shortcode_kind(std::string_view name) const;
  std::vector<std::string_view> shortcode_names() const;

 private:
  Site(const SiteSource& source, const BuildOptions& options, Liveness liveness,
       Diagnostics& diagnostics);
  void load_templates();
  void add_contexts();
  void check_links();
  void tell_plain_code();
  void collect_backlinks() const;
  ContentHashes hashes_of(const Rendered& content) const;
  // Calls use(target, place) for every internal link of a content.
  void for_each_link(ContentId id,
                     const std::function<void(std::string_view, const Place&)>& use) const;
  bool has_anchor(ContentId id, const std::string& fragment) const;
  std::optional<std::vector<std::string>> ids_of(ContentId id) const;

  struct Slot {
    std::mutex mutex;
    std::uint32_t row = BuildMemory::none;  // of kept_from_
    ContentHashes hashes;
    std::shared_ptr<const Rendered> rendered;
  };
  Slot& slot_of(ContentId id) const;

  const BuildMemory* kept_from_ = nullptr;
  const SiteSource& source_;
  BuildOptions options_;
  Liveness liveness_;
  Diagnostics& diagnostics_;
  SiteConfig config_;
  Library library_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<DataLoader> data_;
  StyleSheets style_sheets_;
  mutable ProcessedImages processed_images_;
  SearchIndexes search_indexes_{*this};
  std::unique_ptr<tmpl::Engine> engine_;
  std::unique_ptr<Views> views_;
  std::vector<std::string> template_names_;
  std::vector<Hash128> template_hashes_;
  std::int64_t begun_ns_ = 0;
  std::vector<std::pair<std::string, ShortcodeKind>> shortcodes_;  // sorted by name
  std::vector<tmpl::Context> base_contexts_;                       // by language
  mutable std::unique_ptr<Slot[]> slots_;                          // pages, then sections
  mutable std::once_flag backlinks_once_;
  mutable std::vector<std::vector<Backlink>> backlinks_;  // as the slots
  Plan plan_;
};

// The cache tags of what has read `reads` (S-72), with `own` ones: sorted, without repeats, those
// that are too long left out.
std::vector<std::string> cache_tags_of(const Site& site, const ReadSet& reads,
                                       std::vector<std::string> own);

}  // namespace weir::site
