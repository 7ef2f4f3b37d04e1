#include "site/content_render.h"

#include "base/bytes.h"
#include "site/shortcode.h"
#include "site/views.h"
#include "text/escape.h"
#include "text/url.h"

#include <algorithm>
#include <map>

namespace weir::site {

namespace {

// Which line of the author's file a line of the expanded text came from.
class LineMap {
 public:
  explicit LineMap(std::uint32_t first_line) { add(1, first_line); }
  void add(std::uint32_t expanded, std::uint32_t source) {
    if (!steps_.empty() && steps_.back().expanded == expanded) steps_.back().source = source;
    else steps_.push_back({expanded, source});
  }
  std::uint32_t source_of(std::uint32_t expanded) const {
    auto at =
        std::upper_bound(steps_.begin(), steps_.end(), expanded,
                         [](std::uint32_t line, const Step& step) { return line < step.expanded; });
    if (at != steps_.begin()) --at;
    return expanded < at->expanded ? at->source : at->source + (expanded - at->expanded);
  }

 private:
  struct Step {
    std::uint32_t expanded;
    std::uint32_t source;
  };
  std::vector<Step> steps_;
};

std::size_t space_before(std::string_view text) {
  return std::min(text.find_first_not_of(" \t\r\n"), text.size());
}

class BodyRenderer final : public text::MarkdownHooks {
 public:
  BodyRenderer(const Site& site, std::uint32_t language, Place start)
      : site_(site),
        language_(language),
        start_(std::move(start)),
        context_(&site.base_context(language)),
        lines_(start_.line) {
    reads_.enter_content();
  }

  void set_page(PageId id) { context_.set("page", site_.views().page(id, Shown::in_markdown)); }
  void set_section(SectionId id) {
    context_.set("section", site_.views().section(id, Shown::in_markdown));
  }

  Result<text::Markdown> render(std::string_view body, const text::MarkdownOptions& options) {
    body_ = body;
    const std::vector<ShortcodePiece> pieces = TRY(parse_shortcodes(body, start_));
    const bool is_plain = pieces.size() == 1 && pieces.front().call.empty();
    if (!is_plain) TRY(expand(pieces));
    Place start = start_;
    if (!is_plain) start.line = 1;
    Result<text::Markdown> markdown =
        text::render_markdown(is_plain ? body : std::string_view(expanded_), options, *this, start);
    if (is_plain) return markdown;
    if (!markdown.ok()) {
      Error error = std::move(markdown).error();
      if (error.place.file == start_.file) error.place.line = lines_.source_of(error.place.line);
      return error;
    }
    for (std::vector<text::FoundLink>* links :
         {&markdown->internal_links, &markdown->external_links})
      for (text::FoundLink& link : *links) link.place.line = lines_.source_of(link.place.line);
    return markdown;
  }

  ReadSet take_reads() { return std::move(reads_); }
  std::vector<Error> take_warnings() { return std::move(warnings_); }
  std::vector<Error> take_broken_links() { return std::move(broken_links_); }
  std::vector<PlainCode> take_plain_code() { return std::move(plain_code_); }

  Status mistake(Error error) override {
    error.place.line = author_line(error.place.line);
    broken_links_.push_back(std::move(error));
    return done;
  }

  Result<std::string> resolve_internal_link(std::string_view target, const Place& place) override {
    Result<InternalLink> link = site::resolve_internal_link(site_, target);
    if (!link.ok()) {
      Place where = place;
      where.line = author_line(place.line);
      Error error = std::move(link).error().at(std::move(where));
      // The other links of the text are looked at too.
      (site_.config().internal_links == LinkLevel::error ? broken_links_ : warnings_)
          .push_back(std::move(error));
      return std::string(target);
    }
    const Content& content = site_.content_of(link->target);
    const tmpl::ReadKind kind =
        link->target.is_page ? tmpl::ReadKind::page : tmpl::ReadKind::section;
    reads_.read({kind, tmpl::ReadGroup::meta, link->target.id, content.relative_path});
    return std::move(link->permalink);
  }

  Result<std::string> anchor_link_html(std::string_view id, int level) override {
    tmpl::Context context(&site_.base_context(language_));
    context.set("id", tmpl::Value::lend(id)).set("level", tmpl::Value(level));
    return site_.engine().render("anchor-link.html", context, {&reads_, tmpl::Escape::by_name});
  }

  Result<std::optional<std::string>> code_block_html(const text::CodeBlock& block) override {
    const std::optional<Highlighting>& highlighting = site_.config().markdown.highlighting;
    if (!highlighting) return std::optional<std::string>();
    ShownCode shown = highlighted(*highlighting, text::code_fence_of(block.info), block.text);
    if (!shown.unknown_language.empty() || !shown.plain_language.empty()) {
      Place place = block.place;
      place.line = author_line(place.line);
      plain_code_.push_back({!shown.unknown_language.empty(),
                             shown.unknown_language + shown.plain_language, std::move(place)});
    }
    return std::optional<std::string>(std::move(shown.html));
  }

  Result<std::string> marker_html(std::size_t index) override {
    if (index >= htmls_.size()) return std::string();
    return htmls_[index];
  }

  Result<std::string> summary_cutoff_html() override {
    return site_.engine().render("summary-cutoff.html", site_.base_context(language_),
                                 {&reads_, tmpl::Escape::by_name});
  }

 private:
  std::uint32_t author_line(std::uint32_t line) const {
    return expanded_.empty() ? line : lines_.source_of(line);
  }

  // Fills `expanded_`, `htmls_` and `lines_`.
  Status expand(const std::vector<ShortcodePiece>& pieces) {
    std::uint32_t expanded_line = 1;
    std::uint32_t source_line = start_.line;
    const auto lines_in = [](std::string_view text) {
      return static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
    };
    for (const ShortcodePiece& piece : pieces) {
      if (piece.call.empty()) {
        expanded_ += text::without_markers(piece.text);
        expanded_line += lines_in(piece.text);
        source_line += lines_in(piece.text);
        continue;
      }
      const ShortcodeCall& call = piece.call.front();
      const Expanded expanded = TRY(render_call(call));
      const std::size_t begin = expanded_.size();
      if (expanded.kind == Site::ShortcodeKind::html) {
        expanded_ += text::marker_of(htmls_.size());
        htmls_.push_back(expanded.text);
      } else {
        expanded_ += text::without_markers(expanded.text);
      }
      expanded_line += lines_in(std::string_view(expanded_).substr(begin));
      source_line += lines_in(body_.substr(call.offset, call.end - call.offset));
      lines_.add(expanded_line, source_line);
    }
    return done;
  }

  struct Expanded {
    Site::ShortcodeKind kind = Site::ShortcodeKind::html;
    std::string text;
  };

  Place place_of(const ShortcodeCall& call) const {
    const std::string_view before = body_.substr(0, call.offset);
    const std::size_t line_begin =
        before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    Place place = start_;
    place.line += static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
    place.column = static_cast<std::uint32_t>(call.offset - line_begin) + 1;
    return place;
  }

  Result<Expanded> render_call(const ShortcodeCall& call) {
    const std::optional<Site::ShortcodeKind> kind = site_.shortcode_kind(call.name);
    if (!kind) {
      Place place = place_of(call);
      place.column += 3;  // behind "{{ "
      place.end_column = place.column + static_cast<std::uint32_t>(call.name.size());
      std::string help = did_you_mean(call.name, site_.shortcode_names());
      if (help.empty())
        help = "a shortcode is a template in templates/shortcodes: " + std::string(call.name) +
               ".html or .md";
      return Error{Errc::missing, "there is no shortcode `" + std::string(call.name) + "`"}
          .at(std::move(place))
          .with_help(std::move(help));
    }
    tmpl::Context context(&context_);
    for (const auto& [name, value] : call.arguments) {
      // What the page gives wins over arguments of the same name.
      if (context_.find(name).is_undefined()) context.set(name, value);
    }
    const std::int64_t nth = ++counts_[std::string(call.name)];
    context.set("nth", tmpl::Value(nth));
    std::string body;
    if (call.has_body) {
      for (const ShortcodePiece& piece : call.body) {
        if (piece.call.empty()) {
          const bool is_first = &piece == &call.body.front();
          body += piece.text.substr(is_first ? space_before(piece.text) : 0);
        } else {
          const Expanded inner = TRY(render_call(piece.call.front()));
          body += inner.text;
        }
      }
      while (!body.empty() && (body.back() == ' ' || (body.back() >= '\t' && body.back() <= '\r')))
        body.pop_back();
      context.set("body", tmpl::Value::lend(body));
    }
    const std::string name = "shortcodes/" + std::string(call.name) +
                             (*kind == Site::ShortcodeKind::html ? ".html" : ".md");
    Result<std::string> text =
        site_.engine().render(name, context, {&reads_, tmpl::Escape::by_name});
    if (text.ok() && reads_.error()) text = *reads_.error();
    if (!text.ok()) {
      Error error = std::move(text).error();
      const Place place = place_of(call);
      error.chain.push_back("shortcode `" + std::string(call.name) + "` called from " + place.file +
                            ":" + std::to_string(place.line));
      return error;
    }
    return Expanded{*kind, std::move(text).value()};
  }

  const Site& site_;
  std::uint32_t language_;
  Place start_;
  tmpl::Context context_;
  std::string_view body_;
  std::string expanded_;
  std::vector<std::string> htmls_;
  LineMap lines_;
  std::map<std::string, std::int64_t> counts_;
  ReadSet reads_;
  std::vector<Error> warnings_;
  std::vector<Error> broken_links_;
  std::vector<PlainCode> plain_code_;
};

text::AnchorLinks anchor_links_of(const Site& site, ContentId id) {
  const Library& library = site.library();
  const SectionId owner = id.is_page ? library.pages[id.id].section : id.id;
  if (owner != no_id && library.sections[owner].front.insert_anchor_links)
    return *library.sections[owner].front.insert_anchor_links;
  return site.config().markdown.options.insert_anchor_links;
}

}  // namespace

Result<InternalLink> resolve_internal_link(const Site& site, std::string_view link) {
  InternalLink found;
  std::string_view path = link.substr(2);  // behind "@/"
  if (const std::size_t hash = path.find('#'); hash != std::string_view::npos) {
    found.fragment = path.substr(hash + 1);
    path = path.substr(0, hash);
  }
  const std::string decoded = text::percent_decode_lossy(path);
  const Library& library = site.library();
  const PageId page = library.page_of(decoded);
  const SectionId section = page == no_id ? library.section_of(decoded) : no_id;
  if (page == no_id && section == no_id) {
    std::vector<std::string_view> known;
    for (const Page& one : library.pages) known.push_back(one.relative_path);
    for (const Section& one : library.sections) known.push_back(one.relative_path);
    const std::string nearest = nearest_of(decoded, known);
    return Error{Errc::missing, "the link " + std::string(link) + " leads to no content"}.with_help(
        nearest.empty() ? "" : "did you mean \"@/" + nearest + "\"?");
  }
  found.target = page != no_id ? ContentId{true, page} : ContentId{false, section};
  found.permalink = site.content_of(found.target).permalink;
  if (!found.fragment.empty()) found.permalink += '#' + found.fragment;
  return found;
}

Result<std::shared_ptr<const Rendered>> render_content(const Site& site, ContentId id) {
  const Content& content = site.content_of(id);
  auto rendered = std::make_shared<Rendered>();
  if (!content.has_text) return std::shared_ptr<const Rendered>(std::move(rendered));
  // Read again, where the text was not kept.
  std::string text;
  if (content.text.empty()) text = TRY(site.source().read(content.file));
  const std::string_view whole = content.text.empty() ? std::string_view(text) : content.text;
  const std::string_view body =
      whole.substr(std::min<std::size_t>(content.body_offset, whole.size()));
  text::MarkdownOptions options = site.config().markdown.options;
  options.permalink = content.permalink;
  options.insert_anchor_links = anchor_links_of(site, id);
  BodyRenderer renderer(site, content.language, {content.file, content.body_line, 1, 0});
  id.is_page ? renderer.set_page(id.id) : renderer.set_section(id.id);
  text::Markdown markdown = TRY(renderer.render(body, options));
  rendered->html = std::move(markdown.html);
  rendered->html.shrink_to_fit();  // it is kept; what it grew by is not needed
  rendered->summary = std::move(markdown.summary);
  rendered->toc = std::move(markdown.toc);
  rendered->ids = std::move(markdown.ids);
  rendered->internal_links = std::move(markdown.internal_links);
  if (site.options().mode == Mode::check)
    rendered->external_links = std::move(markdown.external_links);
  rendered->reads = renderer.take_reads();
  rendered->warnings = renderer.take_warnings();
  rendered->broken_links = renderer.take_broken_links();
  rendered->plain_code = renderer.take_plain_code();
  return std::shared_ptr<const Rendered>(std::move(rendered));
}

Result<std::string> render_markdown_text(const Site& site, std::string_view text, ReadSet* reads,
                                         const Place& place) {
  text::MarkdownOptions options = site.config().markdown.options;
  options.insert_anchor_links = text::AnchorLinks::none;
  BodyRenderer renderer(site, 0, {place.file, 1, 1, 0});
  Result<text::Markdown> markdown = renderer.render(text, options);
  if (std::vector<Error> broken = renderer.take_broken_links(); markdown.ok() && !broken.empty())
    markdown = std::move(broken.front());
  if (!markdown.ok()) {
    Error error = std::move(markdown).error();
    // Its lines are those of the text, not of the template.
    if (error.place.file == place.file) error.place = place;
    return error;
  }
  if (reads != nullptr) reads->add(renderer.take_reads());
  return std::move(markdown->html);
}

}  // namespace weir::site
