// Site::render: one planned output, its context, its template, its bytes and tags.

#include "base/embedded.h"
#include "base/limits.h"
#include "http/mime.h"
#include "site/minify.h"
#include "site/search_index.h"
#include "site/site.h"
#include "site/views.h"

#include <algorithm>

namespace weir::site {

namespace {

using tmpl::ReadGroup;
using tmpl::ReadKind;
using tmpl::Value;

Value text_of(std::string_view text) { return Value::text(text); }

// A page or section whose content was rendered for this very output, because what it shows may have
// changed.
class FreshView final : public tmpl::ObjectView {
 public:
  FreshView(Value view, std::shared_ptr<const Rendered> rendered)
      : view_(std::move(view)), rendered_(std::move(rendered)) {}
  Value find(std::string_view name, tmpl::Recorder* recorder) const override {
    const bool is_fresh = name == "content" || name == "summary" || name == "toc";
    if (!is_fresh) return view_.object().find(name, recorder);
    if (recorder != nullptr) ReadSet::of(recorder)->add(rendered_->reads);
    if (name == "content") return Value::lend(std::string_view(rendered_->html));
    if (name == "toc") return toc_value_of(rendered_->toc);
    return rendered_->summary ? Value::lend(std::string_view(*rendered_->summary)) : Value::null();
  }
  std::size_t count() const override { return view_.object().count(); }
  std::string_view name_at(std::size_t index) const override {
    return view_.object().name_at(index);
  }

 private:
  Value view_;
  std::shared_ptr<const Rendered> rendered_;
};

class OutputRenderer {
 public:
  OutputRenderer(const Site& site, const Planned& planned)
      : site_(site), planned_(planned), context_(&site.base_context(planned.language)) {}

  Result<Output> render(ReadSet* reads) {
    output_.kind = planned_.kind;
    output_.path = planned_.path;
    output_.file = planned_.file;
    output_.content_type = http::content_type_of(planned_.file);
    output_.is_rendered =
        planned_.kind != OutputKind::asset && planned_.kind != OutputKind::static_file;
    TRY(fill());
    if (output_.is_rendered) {
      const bool is_html = output_.content_type.starts_with("text/html");
      if (is_html && (site_.config().minify_html || site_.options().minify))
        output_.bytes = minified_html(output_.bytes);
      output_.is_volatile = reads_.is_volatile();
      add_tags();
      // What it was made from changes with the release alone, and the compiler stays out of
      // servers.
      if (planned_.kind == OutputKind::style_sheet) output_.is_rendered = false;
    }
    if (reads != nullptr) *reads = std::move(reads_);
    return std::move(output_);
  }

 private:
  Status fill() {
    switch (planned_.kind) {
      case OutputKind::page: return render_page();
      case OutputKind::section: return render_section();
      case OutputKind::taxonomy_list: return render_taxonomy_list();
      case OutputKind::taxonomy_term: return render_taxonomy_term();
      case OutputKind::redirect: return render_redirect();
      case OutputKind::feed: return render_feed();
      case OutputKind::sitemap: return render_sitemap();
      case OutputKind::not_found: output_.status = 404; return run("404.html");
      case OutputKind::robots: return run("robots.txt");
      case OutputKind::search_index: return render_search_index();
      case OutputKind::style_sheet: return render_style_sheet();
      case OutputKind::asset:
      case OutputKind::static_file: break;
    }
    return copy_file();
  }

  Status render_style_sheet() {
    const std::optional<Highlighting>& highlighting = site_.config().markdown.highlighting;
    const CodeStyleSheet* sheet =
        highlighting ? highlighting->find_style_sheet(planned_.name) : nullptr;
    if (sheet == nullptr) return render_sass();
    output_.bytes = text::style_sheet_of(sheet->theme);
    return done;
  }

  Status copy_file() {
    constexpr std::string_view builtin = "builtin:";
    if (planned_.origin.starts_with(builtin)) {
      const EmbeddedFile* file =
          find_embedded(std::string_view(planned_.origin).substr(builtin.size()));
      if (file == nullptr)
        return Error{Errc::missing, std::string(planned_.origin) + " is not in this binary"};
      output_.bytes = file->bytes;
      return done;
    }
    output_.bytes = TRY(site_.source().read(planned_.origin));
    return done;
  }

  Status render_search_index() {
    output_.bytes = TRY(site_.liveness() == Liveness::built
                            ? site_.search_indexes().of(planned_.language, reads_)
                            : search_index_of(site_, planned_.language, reads_));
    return done;
  }

  Status render_sass() {
    const std::shared_ptr<const StyleSheet> sheet = TRY(site_.style_sheets().of(planned_.origin));
    reads_.read({ReadKind::whole, ReadGroup::list, 0, whole_sass});
    for (const std::string& file : sheet->files) {
      reads_.read({ReadKind::lookup, ReadGroup::meta, 0, file});
      reads_.read({ReadKind::data, ReadGroup::meta, 0, file});
      site_.data().note_file(file);
    }
    output_.bytes = sheet->css;
    return done;
  }

  void set_place(std::string_view permalink, std::string_view path) {
    context_.set("current_url", text_of(permalink)).set("current_path", text_of(path));
  }

  // The page's own content is asked for first, so that an error in it is told as such.
  Result<Value> view_of(ContentId id) {
    const Value view = id.is_page
                           ? site_.views().page(id.id, Shown::all)
                           : site_.views().section(
                                 id.id, planned_.pager == no_pager ? Shown::all : Shown::metadata);
    if (site_.liveness() == Liveness::built) return view;
    std::shared_ptr<const Rendered> rendered = TRY(site_.rendered(id, nullptr));
    if (!rendered->reads.is_volatile()) return view;
    return Value::own(
        std::unique_ptr<const tmpl::ObjectView>(new FreshView(view, std::move(rendered))));
  }

  Status render_page() {
    const Page& page = site_.library().pages[planned_.page];
    output_.policy = page.front.cache.policy;
    own_tags_ = &page.front.cache.tags;
    context_.set("page", TRY(view_of({true, planned_.page})));
    set_place(page.permalink, page.path);
    chain_ = "page " + page.file;
    return run_or_say_missing(page.template_name, page.front.template_place, {true, planned_.page});
  }

  Status render_section() {
    const Section& section = site_.library().sections[planned_.section];
    output_.policy = section.front.cache.policy;
    own_tags_ = &section.front.cache.tags;
    context_.set("section", TRY(view_of({false, planned_.section})));
    set_place(site_.config().permalink_of(planned_.path), planned_.path);
    if (planned_.pager != no_pager)
      add_paginator(section.pages, *section.front.paginate_by, section.front.paginate_path,
                    section.permalink,
                    section.front.paginate_reversed ? PagerOrder::reversed : PagerOrder::as_listed);
    chain_ = "section " + section.file;
    return run_or_say_missing(section.template_name(), section.front.template_place,
                              {false, planned_.section});
  }

  void add_paginator(const std::vector<PageId>& pages, std::size_t paginate_by,
                     std::string_view paginate_path, std::string_view permalink, PagerOrder order) {
    const std::size_t count = pagers_of(pages.size(), paginate_by);
    const std::size_t number = planned_.pager;
    const std::string base =
        std::string(permalink) + std::string(paginate_path) + (paginate_path.empty() ? "" : "/");
    const auto permalink_of = [&](std::size_t pager) {
      return text_of(pager == 1 ? std::string(permalink) : base + std::to_string(pager) + '/');
    };
    pager_pages_ = pages_of_pager(pages, paginate_by, number, order);
    if (planned_.section != no_id)
      reads_.read({ReadKind::section, ReadGroup::list, planned_.section,
                   site_.library().sections[planned_.section].relative_path});
    context_.set("paginator",
                 Value::object({{"paginate_by", Value(static_cast<std::int64_t>(paginate_by))},
                                {"base_url", text_of(base)},
                                {"number_pagers", Value(static_cast<std::int64_t>(count))},
                                {"first", permalink_of(1)},
                                {"last", permalink_of(count)},
                                {"previous", number > 1 ? permalink_of(number - 1) : Value::null()},
                                {"next", number < count ? permalink_of(number + 1) : Value::null()},
                                {"pages", list_of(pager_pages_)},
                                {"current_index", Value(static_cast<std::int64_t>(number))},
                                {"total_pages", Value(static_cast<std::int64_t>(pages.size()))}}));
  }

  Value list_of(const std::vector<PageId>& pages, Shown shown = Shown::all) {
    std::vector<Value> views;
    views.reserve(pages.size());
    for (const PageId id : pages) views.push_back(site_.views().page(id, shown));
    return Value::array(std::move(views));
  }

  // "tags/list.html", else "taxonomy_list.html".
  std::string taxonomy_template(std::string_view kind) const {
    const Taxonomy& taxonomy = site_.library().taxonomies[planned_.taxonomy];
    std::string own = taxonomy.config->name + '/' + std::string(kind) + ".html";
    return site_.has_template(own) ? own : "taxonomy_" + std::string(kind) + ".html";
  }

  Status render_taxonomy_list() {
    const Taxonomy& taxonomy = site_.library().taxonomies[planned_.taxonomy];
    reads_.read({ReadKind::term, ReadGroup::list, 0, taxonomy.config->slug});
    context_.set("taxonomy", site_.views().taxonomy_config(planned_.taxonomy))
        .set("terms", site_.views().terms(planned_.taxonomy));
    set_place(taxonomy.permalink, taxonomy.path);
    chain_ = "taxonomy " + taxonomy.config->name;
    return run(taxonomy_template("list"));
  }

  Status render_taxonomy_term() {
    const Taxonomy& taxonomy = site_.library().taxonomies[planned_.taxonomy];
    const Term& term = taxonomy.terms[planned_.term];
    const bool is_paginated = planned_.pager != no_pager;
    reads_.read({ReadKind::term, ReadGroup::list, 0, taxonomy.config->slug + '/' + term.slug});
    context_.set("taxonomy", site_.views().taxonomy_config(planned_.taxonomy))
        .set("term", site_.views().term(
                         planned_.taxonomy, planned_.term,
                         is_paginated ? TermView::Pages::left_out : TermView::Pages::listed));
    set_place(site_.config().permalink_of(planned_.path), planned_.path);
    if (is_paginated)
      add_paginator(term.pages, *taxonomy.config->paginate_by, taxonomy.config->paginate_path,
                    term.permalink, PagerOrder::as_listed);
    chain_ = "term " + taxonomy.config->name + '/' + term.name;
    return run(taxonomy_template("single"));
  }

  Status render_redirect() {
    output_.redirect_to = planned_.redirect;
    context_.set("url", text_of(planned_.redirect));
    return run("internal/alias.html");
  }

  // Dated pages, newest first, at most feed_limit.
  std::vector<PageId> feed_pages() {
    const Library& library = site_.library();
    std::vector<PageId> pages;
    // Which ones those are, and which date is the latest, is decided by the dates of all.
    reads_.read({ReadKind::whole, ReadGroup::list, 0,
                 std::string(whole_dates) + site_.config().languages[planned_.language].code});
    if (planned_.term != no_id) {
      pages = library.taxonomies[planned_.taxonomy].terms[planned_.term].pages;
    } else if (planned_.section != no_id) {
      const Section& section = library.sections[planned_.section];
      pages = section.pages;
      pages.insert(pages.end(), section.unsorted.begin(), section.unsorted.end());
    } else {
      for (PageId id = 0; id < library.pages.size(); ++id)
        if (library.pages[id].language == planned_.language) pages.push_back(id);
    }
    std::erase_if(pages, [&](PageId id) { return !library.pages[id].front.date; });
    std::sort(pages.begin(), pages.end(), [&](PageId a, PageId b) {
      const text::DateTime& x = library.pages[a].front.date->time;
      const text::DateTime& y = library.pages[b].front.date->time;
      if (is_before(y, x)) return true;
      if (is_before(x, y)) return false;
      return library.pages[a].permalink < library.pages[b].permalink;
    });
    return pages;
  }

  Status render_feed() {
    const Library& library = site_.library();
    std::vector<PageId> pages = feed_pages();
    const Dated* latest = nullptr;
    for (const PageId id : pages)
      for (const std::optional<Dated>* date :
           {&library.pages[id].front.updated, &library.pages[id].front.date})
        if (*date && (latest == nullptr || is_before(latest->time, (*date)->time)))
          latest = &**date;
    if (site_.config().feed_limit && pages.size() > *site_.config().feed_limit)
      pages.resize(*site_.config().feed_limit);
    context_.set("feed_url", text_of(site_.config().permalink_of(planned_.path)))
        .set("last_updated",
             latest != nullptr ? Value::lend(std::string_view(latest->text)) : Value::null())
        .set("pages", list_of(pages, Shown::alone));
    if (planned_.section != no_id) {
      reads_.read({ReadKind::section, ReadGroup::list, planned_.section,
                   library.sections[planned_.section].relative_path});
      context_.set("section", site_.views().section(planned_.section, Shown::metadata));
    }
    if (planned_.term != no_id) {
      const Taxonomy& taxonomy = library.taxonomies[planned_.taxonomy];
      reads_.read({ReadKind::term, ReadGroup::list, 0,
                   taxonomy.config->slug + '/' + taxonomy.terms[planned_.term].slug});
      context_.set("taxonomy", site_.views().taxonomy_config(planned_.taxonomy))
          .set("term",
               site_.views().term(planned_.taxonomy, planned_.term, TermView::Pages::left_out));
    }
    chain_ = "feed " + planned_.path;
    // Feed readers and proxies look at the type, and the name may be anything.
    if (planned_.name == "atom.xml") output_.content_type = "application/atom+xml; charset=utf-8";
    if (planned_.name == "rss.xml") output_.content_type = "application/rss+xml; charset=utf-8";
    return run(planned_.name);
  }

  Value entry_value(const SitemapEntry& entry) {
    const Library& library = site_.library();
    Value updated = Value::null();
    Value extra = Value::null();
    if (entry.page != no_id) {
      const Page& page = library.pages[entry.page];
      reads_.read({ReadKind::page, ReadGroup::list, entry.page, page.relative_path});
      const std::optional<Dated>& date = page.front.updated ? page.front.updated : page.front.date;
      if (date) updated = Value::lend(std::string_view(date->text));
      extra = Value::lend(page.extra);
    } else if (entry.section != no_id) {
      extra = Value::lend(library.sections[entry.section].extra);
    }
    return Value::object(
        {{"permalink", text_of(entry.permalink)}, {"updated", updated}, {"extra", extra}});
  }

  Status render_sitemap() {
    const bool is_index = planned_.name != "sitemap.xml";
    std::vector<SitemapEntry> entries;
    reads_.read({ReadKind::whole, ReadGroup::list, 0, whole_sitemap});
    if (!is_index) entries = sitemap_entries_of(site_.config(), site_.library());
    if (planned_.sitemap_part != 0) {
      const std::size_t begin =
          std::min(entries.size(), (planned_.sitemap_part - 1) * limits::sitemap_entries_max);
      const std::size_t end = std::min(entries.size(), begin + limits::sitemap_entries_max);
      entries = std::vector<SitemapEntry>(entries.begin() + static_cast<std::ptrdiff_t>(begin),
                                          entries.begin() + static_cast<std::ptrdiff_t>(end));
    }
    std::vector<Value> values;
    for (const SitemapEntry& entry : entries) values.push_back(entry_value(entry));
    if (is_index) {
      const std::size_t parts = (site_.plan().sitemap_entries + limits::sitemap_entries_max - 1) /
                                limits::sitemap_entries_max;
      std::vector<Value> sitemaps;
      for (std::size_t part = 1; part <= parts; ++part) {
        std::string url = site_.config().permalink_of("sitemap" + std::to_string(part) + ".xml");
        if (url.ends_with('/')) url.pop_back();
        sitemaps.push_back(text_of(url));
      }
      context_.set("sitemaps", Value::array(std::move(sitemaps)));
    } else {
      context_.set("entries", Value::array(std::move(values)));
    }
    return run(planned_.name);
  }

  // index.html, section.html and page.html may be missing; any other template may not (S-53).
  Status run_or_say_missing(std::string_view name, const Place& asked_at, ContentId id) {
    if (site_.has_template(name)) return run(name);
    const bool has_default = name == "index.html" || name == "section.html" || name == "page.html";
    if (!has_default) {
      const Content& content = site_.content_of(id);
      std::vector<std::string_view> known;
      for (const std::string& one : site_.template_names()) known.push_back(one);
      Place place = asked_at.file.empty() ? Place{content.file, 0, 0, 0} : asked_at;
      return Error{Errc::missing, "there is no template \"" + std::string(name) + "\""}
          .at(std::move(place))
          .with_help(did_you_mean(name, known));
    }
    const std::shared_ptr<const Rendered> rendered = TRY(site_.rendered(id, &reads_));
    context_.set("name", text_of(name)).set("content", text_of(rendered->html));
    return run("internal/missing.html");
  }

  Status run(std::string_view name) {
    if (!site_.has_template(name)) {
      std::vector<std::string_view> known;
      for (const std::string& one : site_.template_names()) known.push_back(one);
      return Error{Errc::missing, "there is no template \"" + std::string(name) + "\", which " +
                                      planned_.path + " needs"}
          .at({site_.config().file, 0, 0, 0})
          .with_help(did_you_mean(name, known));
    }
    Result<std::string> text =
        site_.engine().render(name, context_, {&reads_, tmpl::Escape::by_name});
    if (text.ok() && reads_.error()) text = *reads_.error();
    if (!text.ok()) {
      Error error = std::move(text).error();
      if (!chain_.empty()) error.chain.push_back("in " + chain_);
      return error;
    }
    output_.bytes = std::move(text).value();
    output_.template_name = name;
    return done;
  }

  void add_tags() {
    const Library& library = site_.library();
    if (own_tags_ != nullptr) output_.tags = *own_tags_;
    if (planned_.page != no_id)
      output_.tags.push_back("page:" + library.pages[planned_.page].relative_path);
    if (planned_.section != no_id)
      output_.tags.push_back("section:" + library.sections[planned_.section].relative_path);
    output_.tags = cache_tags_of(site_, reads_, std::move(output_.tags));
  }

  const Site& site_;
  const Planned& planned_;
  tmpl::Context context_;
  ReadSet reads_;
  Output output_;
  std::vector<PageId> pager_pages_;
  const std::vector<std::string>* own_tags_ = nullptr;
  std::string chain_;
};

}  // namespace

std::vector<std::string> cache_tags_of(const Site& site, const ReadSet& reads,
                                       std::vector<std::string> tags) {
  const Library& library = site.library();
  for (const std::uint32_t id : reads.ids_of(ReadKind::page))
    tags.push_back("page:" + library.pages[id].relative_path);
  for (const std::uint32_t id : reads.ids_of(ReadKind::section))
    tags.push_back("section:" + library.sections[id].relative_path);
  for (const std::uint32_t id : reads.ids_of(ReadKind::template_file))
    if (id < site.template_names().size()) tags.push_back("tpl:" + site.template_names()[id]);
  for (const ReadSet::Name& name : reads.names()) {
    if (name.kind == ReadKind::data || name.kind == ReadKind::image)
      tags.push_back("data:" + name.name);
    if (name.kind == ReadKind::config) tags.push_back("cfg:" + name.name);
    if (name.kind == ReadKind::translation) tags.push_back("cfg:translations." + name.name);
    if (name.kind == ReadKind::term) tags.push_back("term:" + name.name);
  }
  std::erase_if(tags, [](const std::string& tag) { return tag.size() > limits::tag_bytes_max; });
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

Result<Output> Site::render(const Planned& planned, ReadSet* reads) const {
  return OutputRenderer(*this, planned).render(reads);
}

}  // namespace weir::site
