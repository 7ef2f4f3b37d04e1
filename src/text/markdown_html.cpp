// The HTML that Zola 0.22 writes, from our tree. Each block starts on a fresh line, and closes as
// pulldown-cmark does, so that pages stay equal byte by byte where the parsers agree. Long because
// it is one writer: a short function for each kind of node, all on the same lines and lists.
#include "base/bytes.h"
#include "base/must.h"
#include "text/emoji.h"
#include "text/escape.h"
#include "text/markdown.h"
#include "text/markdown_tree.h"
#include "text/url.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>

namespace weir::text {
namespace {

constexpr std::string_view marker_start = "\xEF\xA3\xBA";  // U+F8FA, private use
constexpr std::string_view marker_end = "\xEF\xA3\xBB";    // U+F8FB
constexpr std::string_view continue_reading = "<span id=\"continue-reading\"></span>";

constexpr std::size_t marker_bytes_max = 32;

// The marker at the front of `text`, if there is one.
struct Marker {
  std::size_t bytes = 0;  // 0 = none
  std::size_t index = 0;
};
Marker marker_at_front(std::string_view text) {
  if (!text.starts_with(marker_start)) return {};
  const std::size_t end = text.substr(0, marker_bytes_max).find(marker_end);
  if (end == std::string_view::npos) return {};
  const auto index = parse_u64(text.substr(marker_start.size(), end - marker_start.size()));
  if (!index) return {};
  return {end + marker_end.size(), *index};
}

// <!-- more -->, in any case and with any white space.
std::size_t more_divider_bytes(std::string_view html, std::size_t at) {
  std::string_view rest = html.substr(at);
  if (!rest.starts_with("<!--")) return 0;
  std::size_t end = 4;
  while (end < rest.size() && is_space(rest[end])) ++end;
  if (!equals_ignoring_case(rest.substr(end, 4), "more")) return 0;
  end += 4;
  while (end < rest.size() && is_space(rest[end])) ++end;
  return rest.substr(end).starts_with("-->") ? end + 3 : 0;
}

std::size_t find_more_divider(std::string_view html) {
  for (std::size_t at = html.find("<!--"); at != std::string_view::npos;
       at = html.find("<!--", at + 1))
    if (more_divider_bytes(html, at) > 0) return at;
  return std::string_view::npos;
}

// A URL in href or src: what may not stand there is percent-coded, & and ' are escaped for HTML.
void append_href(std::string& out, std::string_view url) {
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_unsafe = byte <= 0x20 || byte >= 0x7F ||
                           std::string_view("\"<>[\\]^`{|}").find(c) != std::string_view::npos;
    if (c == '&') out += "&amp;";
    else if (c == '\'') out += "&#x27;";
    else if (is_unsafe)
      append_percent_encoded(out, std::string_view(&c, 1), PercentSet::unreserved);
    else out += c;
  }
}

// {#id .class key=value}
struct HeadingAttributes {
  std::string id;
  std::vector<std::string_view> classes;
  std::vector<std::pair<std::string_view, std::string_view>> others;
};

// Takes the attributes off the end of the last text of a heading.
HeadingAttributes take_attributes(std::string_view& text) {
  HeadingAttributes attributes;
  const std::string_view trimmed = trim(text);
  const std::size_t open = text.rfind('{');
  if (!trimmed.ends_with('}') || open == std::string_view::npos) return attributes;
  const std::size_t close = text.rfind('}');
  std::string_view inner = text.substr(open + 1, close - open - 1);
  if (inner.find_first_of("<>\\") != std::string_view::npos) return attributes;
  text = text.substr(0, open);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  while (true) {
    inner = trim(inner);
    if (inner.empty()) return attributes;
    const std::size_t end = std::min(inner.find_first_of(" \t"), inner.size());
    const std::string_view word = inner.substr(0, end);
    inner.remove_prefix(end);
    const std::size_t equals = word.find('=');
    if (word[0] == '#') attributes.id = word.substr(1);
    else if (word[0] == '.') attributes.classes.push_back(word.substr(1));
    else if (equals == std::string_view::npos) attributes.others.emplace_back(word, "");
    else attributes.others.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
}

// Below the last heading, or below its last child, and so on.
void insert_heading(std::vector<Heading>& toc, Heading heading) {
  std::vector<Heading>* level = &toc;
  while (!level->empty() && heading.level > level->back().level) level = &level->back().children;
  level->push_back(std::move(heading));
}

// What follows `id=` or `name=` in the tags of raw HTML.
void append_ids(std::vector<std::string>& ids, std::string_view html) {
  for (const std::string_view name : {"id=", "name="})
    for (std::size_t at = html.find(name); at != std::string_view::npos;
         at = html.find(name, at + 1)) {
      if (at == 0 || !is_space(html[at - 1])) continue;
      std::string_view value = html.substr(at + name.size());
      const bool is_quoted = value.starts_with('"') || value.starts_with('\'');
      const std::size_t end = is_quoted ? value.find(value[0], 1) : value.find_first_of(" \t\n>");
      if (is_quoted) value.remove_prefix(1);
      if (end != std::string_view::npos)
        ids.emplace_back(value.substr(0, is_quoted ? end - 1 : end));
    }
}

struct AlertKind {
  std::string_view marker, name;
};
constexpr std::array alerts{AlertKind{"[!NOTE]", "note"}, AlertKind{"[!TIP]", "tip"},
                            AlertKind{"[!IMPORTANT]", "important"},
                            AlertKind{"[!WARNING]", "warning"}, AlertKind{"[!CAUTION]", "caution"}};

enum class TaskMark : std::uint8_t { none, open, done };

class Writer {
 public:
  Writer(MarkdownTree& tree, const MarkdownOptions& options, MarkdownHooks& hooks,
         const Place& start)
      : tree_(tree), options_(options), hooks_(hooks), start_(start) {}

  Result<Markdown> write() {
    if (options_.render_emoji) replace_emoji(MarkdownTree::root);
    reserve_below(MarkdownTree::root);
    collect_definitions(MarkdownTree::root);
    TRY(write_children(MarkdownTree::root));
    if (options_.bottom_footnotes) TRY(write_bottom_footnotes());
    result_.html = std::move(out_);
    return std::move(result_);
  }

 private:
  struct Footnote {
    std::size_t number = 0;
    std::size_t references = 0;
    NodeIndex definition = no_node;
  };

  const Node& node(NodeIndex index) const { return tree_[index]; }

  // Names may be spread over texts that stand side by side, because cmark parts them at "_".
  void replace_emoji(NodeIndex parent) {
    for (NodeIndex at = node(parent).first_child; at != no_node; at = node(at).next) {
      if (node(at).kind != NodeKind::text) {
        replace_emoji(at);
        continue;
      }
      std::string whole(node(at).text);
      NodeIndex behind = node(at).next;
      for (; behind != no_node && node(behind).kind == NodeKind::text; behind = node(behind).next)
        whole += node(behind).text;
      if (whole.find(':') == std::string::npos) continue;
      std::string replaced = emoji_replaced(whole);
      if (replaced == whole) continue;
      texts_.push_back(std::move(replaced));
      tree_.edit(at).text = texts_.back();
      tree_.edit(at).next = behind;
    }
  }

  Place place_of(const Node& at) const {
    Place place = start_;
    place.column = at.column;
    if (at.line > 1) place.line += at.line - 1;
    return place;
  }
  void fresh_line() {
    if (!out_.empty() && out_.back() != '\n') out_ += '\n';
  }

  Status write_node(NodeIndex index) {
    const Node& at = node(index);
    switch (at.kind) {
      case NodeKind::document: return write_children(index);
      case NodeKind::block_quote: return write_quote(index);
      case NodeKind::list: return write_list(index);
      case NodeKind::item: return write_item(index);
      case NodeKind::code_block: return write_code_block(at);
      case NodeKind::html_block:
      case NodeKind::html_inline: return write_html(at.text);
      case NodeKind::paragraph: return write_paragraph(index);
      case NodeKind::heading: return write_heading(index);
      case NodeKind::rule:
        fresh_line();
        out_ += "<hr />\n";
        return done;
      case NodeKind::footnote_definition: return write_footnote_definition(index);
      case NodeKind::definition_list:
        fresh_line();
        return write_element(index, "<dl>\n", "</dl>\n");
      case NodeKind::definition_term: fresh_line(); return write_element(index, "<dt>", "</dt>\n");
      case NodeKind::definition_details:
        fresh_line();
        return write_element(index, "<dd>", "</dd>\n");
      case NodeKind::table: return write_table(index);
      case NodeKind::table_row: return write_row(index);
      case NodeKind::table_cell: return write_cell(index);
      case NodeKind::text: return write_text(at.text);
      case NodeKind::soft_break: out_ += '\n'; return done;
      case NodeKind::line_break: out_ += "<br />\n"; return done;
      case NodeKind::code:
        out_ += "<code>";
        TRY(write_text(at.text, Markers::as_text));
        out_ += "</code>";
        return done;
      case NodeKind::emphasis: return write_element(index, "<em>", "</em>");
      case NodeKind::strong: return write_element(index, "<strong>", "</strong>");
      case NodeKind::strike: return write_element(index, "<del>", "</del>");
      case NodeKind::link: return write_link(index);
      case NodeKind::image: return write_image(index);
      case NodeKind::footnote_reference: write_reference(at.text); return done;
    }
    return done;
  }

  Status write_children(NodeIndex parent) {
    for (NodeIndex child = node(parent).first_child; child != no_node; child = node(child).next)
      TRY(write_node(child));
    return done;
  }

  // `end` is also what the summary needs when it is cut within this element.
  Status write_element(NodeIndex index, std::string_view start, std::string_view end) {
    out_ += start;
    open_ends_.push_back(end);
    TRY(write_children(index));
    open_ends_.pop_back();
    out_ += end;
    return done;
  }

  enum class Markers : std::uint8_t { as_html, as_text };

  // Text with shortcode markers replaced. In code and attributes what a shortcode gives is text as
  // well.
  Status write_text(std::string_view text, Markers markers = Markers::as_html) {
    while (true) {
      const std::size_t at = text.find(marker_start);
      append_html_text(out_, text.substr(0, at));
      if (at == std::string_view::npos) return done;
      text.remove_prefix(at);
      const Marker marker = marker_at_front(text);
      if (marker.bytes == 0) {
        out_ += marker_start;
        text.remove_prefix(marker_start.size());
        continue;
      }
      const std::string html = TRY(hooks_.marker_html(marker.index));
      if (markers == Markers::as_text) append_html_text(out_, html);
      else TRY(write_html(html));
      text.remove_prefix(marker.bytes);
    }
  }

  // Every marker replaced, nothing escaped: code on its way to a hook, URLs.
  Result<std::string> with_markers_replaced(std::string_view text) {
    std::string out;
    while (true) {
      const std::size_t at = text.find(marker_start);
      out += text.substr(0, at);
      if (at == std::string_view::npos) return out;
      text.remove_prefix(at);
      const Marker marker = marker_at_front(text);
      if (marker.bytes > 0) out += TRY(hooks_.marker_html(marker.index));
      text.remove_prefix(std::max<std::size_t>(marker.bytes, 1));
    }
  }

  Status write_html(std::string_view html) {
    if (html.find(marker_start) != std::string_view::npos) {
      const std::string replaced = TRY(with_markers_replaced(html));
      return write_html(replaced);
    }
    append_ids(result_.ids, html);
    if (!result_.summary && may_cut_summary_) {
      if (const std::size_t at = find_more_divider(html); at != std::string_view::npos) {
        // The line of the divider becomes the span; what the same HTML block holds besides stays.
        out_ += html.substr(0, at);
        TRY(cut_summary());
        out_ += continue_reading;
        std::string_view rest = html.substr(at + more_divider_bytes(html, at));
        if (rest.starts_with('\n')) rest.remove_prefix(1);
        out_ += rest;
        return done;
      }
    }
    out_ += html;
    return done;
  }

  Status cut_summary() {
    std::string summary;
    // Footnotes are at the end of the page, so references to them make no sense in the summary.
    std::size_t copied = 0;
    for (const auto& [begin, end] : reference_spans_) {
      summary += std::string_view(out_).substr(copied, begin - copied);
      copied = end;
    }
    summary += std::string_view(out_).substr(copied);
    if (!open_ends_.empty()) {
      summary += TRY(hooks_.summary_cutoff_html());
      for (auto end = open_ends_.rbegin(); end != open_ends_.rend(); ++end) summary += *end;
    }
    result_.summary = std::move(summary);
    return done;
  }

  Status write_paragraph(NodeIndex index) {
    const Node& paragraph = node(index);
    if (paragraph.is_tight) {
      write_task_mark();
      return write_children(index);
    }
    // A paragraph that is one shortcode is replaced by what the shortcode gives.
    const Node& first = node(paragraph.first_child);
    if (paragraph.first_child != no_node && first.next == no_node && first.kind == NodeKind::text &&
        marker_at_front(trim(first.text)).bytes == trim(first.text).size() &&
        !trim(first.text).empty())
      return write_text(trim(first.text));
    fresh_line();
    out_ += "<p>";
    write_task_mark();
    open_ends_.push_back("</p>\n");
    TRY(write_children(index));
    open_ends_.pop_back();
    paragraph_end_ = out_.size();
    out_ += "</p>\n";
    return done;
  }

  void write_task_mark() {
    if (task_ == TaskMark::none) return;
    out_ += task_ == TaskMark::done ? "<input disabled=\"\" type=\"checkbox\" checked=\"\"/>\n"
                                    : "<input disabled=\"\" type=\"checkbox\"/>\n";
    task_ = TaskMark::none;
  }

  Status write_quote(NodeIndex index) {
    fresh_line();
    std::string start = "<blockquote>\n";
    if (const AlertKind* alert = options_.github_alerts ? take_alert(index) : nullptr)
      start = "<blockquote class=\"markdown-alert-" + std::string(alert->name) + "\">\n";
    return write_element(index, start, "</blockquote>\n");
  }

  // A quote whose first line is [!NOTE] or its like; the line is taken out.
  const AlertKind* take_alert(NodeIndex quote) {
    const NodeIndex paragraph = node(quote).first_child;
    if (paragraph == no_node || node(paragraph).kind != NodeKind::paragraph) return nullptr;
    const NodeIndex text = node(paragraph).first_child;
    if (text == no_node || node(text).kind != NodeKind::text) return nullptr;
    const NodeIndex behind = node(text).next;
    if (behind != no_node && node(behind).kind != NodeKind::soft_break) return nullptr;
    for (const AlertKind& alert : alerts) {
      if (!equals_ignoring_case(trim(node(text).text), alert.marker)) continue;
      if (behind == no_node) tree_.edit(quote).first_child = node(paragraph).next;
      else tree_.edit(paragraph).first_child = node(behind).next;
      return &alert;
    }
    return nullptr;
  }

  Status write_list(NodeIndex index) {
    const Node& list = node(index);
    fresh_line();
    if (!list.is_ordered) return write_element(index, "<ul>\n", "</ul>\n");
    if (list.number == 1) return write_element(index, "<ol>\n", "</ol>\n");
    return write_element(index, "<ol start=\"" + std::to_string(list.number) + "\">\n", "</ol>\n");
  }

  Status write_item(NodeIndex index) {
    fresh_line();
    task_ = take_task_mark(index);
    return write_element(index, "<li>", "</li>\n");
  }

  // "[ ] " or "[x] " at the start of an item. (The extension of cmark does not see it within
  // quotes.)
  TaskMark take_task_mark(NodeIndex item) {
    const NodeIndex paragraph = node(item).first_child;
    if (paragraph == no_node || node(paragraph).kind != NodeKind::paragraph) return TaskMark::none;
    const NodeIndex first = node(paragraph).first_child;
    if (first == no_node || node(first).kind != NodeKind::text) return TaskMark::none;
    std::string_view& text = tree_.edit(first).text;
    const bool is_open = text.starts_with("[ ] ");
    const bool is_done = text.starts_with("[x] ") || text.starts_with("[X] ");
    if (!is_open && !is_done) return TaskMark::none;
    text.remove_prefix(4);
    return is_done ? TaskMark::done : TaskMark::open;
  }

  Status write_code_block(const Node& block) {
    const std::string code = TRY(with_markers_replaced(block.text));
    const std::optional<std::string> html =
        TRY(hooks_.code_block_html({.info = block.title, .text = code, .place = place_of(block)}));
    if (html) {
      out_ += *html;
      return done;
    }
    const std::string_view language = block.title.substr(0, block.title.find_first_of(", \t{"));
    out_ += "<pre><code";
    if (!language.empty()) {
      out_ += " data-lang=\"";
      append_html_attribute(out_, language);
      out_ += '"';
    }
    out_ += '>';
    append_html_text(out_, code);
    out_ += "</code></pre>";
    return done;
  }

  Status write_table(NodeIndex index) {
    fresh_line();
    return write_element(index, "<table>", "</tbody></table>\n");
  }

  Status write_row(NodeIndex index) {
    const bool is_header = node(index).is_header;
    const std::string_view outer_cell = std::exchange(cell_, is_header ? "th" : "td");
    TRY(is_header ? write_element(index, "<thead><tr>", "</tr></thead><tbody>\n")
                  : write_element(index, "<tr>", "</tr>\n"));
    cell_ = outer_cell;
    return done;
  }

  Status write_cell(NodeIndex index) {
    constexpr std::array<std::string_view, 4> styles{"", " style=\"text-align: left\"",
                                                     " style=\"text-align: center\"",
                                                     " style=\"text-align: right\""};
    const std::string_view style = styles[static_cast<std::size_t>(node(index).alignment)];
    const std::string_view end = cell_ == "th" ? "</th>" : "</td>";
    return write_element(index, "<" + std::string(cell_) + std::string(style) + ">", end);
  }

  // --- headings ----------------------------------------------------------------------------------

  NodeIndex last_child_of(NodeIndex parent) const {
    NodeIndex last = no_node;
    for (NodeIndex child = node(parent).first_child; child != no_node; child = node(child).next)
      last = child;
    return last;
  }

  // All ids that authors chose are taken before any is made up.
  void reserve_below(NodeIndex parent) {
    for (NodeIndex child = node(parent).first_child; child != no_node; child = node(child).next) {
      const NodeKind kind = node(child).kind;
      if (kind == NodeKind::heading) {
        const NodeIndex last = last_child_of(child);
        if (last == no_node || node(last).kind != NodeKind::text) continue;
        std::string_view text = node(last).text;
        HeadingAttributes attributes = take_attributes(text);
        tree_.edit(last).text = text;
        if (!attributes.id.empty()) taken_ids_.insert(attributes.id);
        heading_attributes_.emplace(child, std::move(attributes));
      } else if (kind == NodeKind::block_quote || kind == NodeKind::list ||
                 kind == NodeKind::item || kind == NodeKind::footnote_definition) {
        reserve_below(child);
      }
    }
  }

  std::string id_for(const std::string& title) {
    const std::string slug = slugify_anchor(title, options_.anchors);
    std::string id = slug;
    for (std::size_t& repeat = repeats_[slug]; !taken_ids_.insert(id).second;)
      id = slug + '-' + std::to_string(++repeat);
    return id;
  }

  // What is to be read of inline nodes: text and code, breaks as blanks.
  void append_plain(std::string& out, NodeIndex parent) const {
    for (NodeIndex child = node(parent).first_child; child != no_node; child = node(child).next) {
      const Node& at = node(child);
      if (at.kind == NodeKind::text || at.kind == NodeKind::code) out += at.text;
      else if (at.kind == NodeKind::soft_break || at.kind == NodeKind::line_break) out += ' ';
      else append_plain(out, child);
    }
  }

  Status write_heading(NodeIndex index) {
    const int level = node(index).number;
    const auto known = heading_attributes_.find(index);
    const HeadingAttributes attributes =
        known == heading_attributes_.end() ? HeadingAttributes{} : known->second;
    std::string title;
    append_plain(title, index);
    title = TRY(with_markers_replaced(title));
    const std::string id = attributes.id.empty() ? id_for(title) : attributes.id;
    result_.ids.push_back(id);

    // As in Zola, headings and code blocks go where they are, without a line of their own.
    const std::string name = "h" + std::to_string(level);
    out_ += '<' + name + " id=\"";
    append_html_attribute(out_, id);
    out_ += '"';
    for (std::size_t i = 0; i < attributes.classes.size(); ++i) {
      out_ += i == 0 ? " class=\"" : " ";
      append_html_attribute(out_, attributes.classes[i]);
    }
    if (!attributes.classes.empty()) out_ += '"';
    for (const auto& [key, value] : attributes.others) {
      (out_ += ' ') += key;
      out_ += "=\"";
      append_html_attribute(out_, value);
      out_ += '"';
    }
    out_ += '>';
    const std::string end = "</" + name + ">\n";
    open_ends_.push_back(end);
    TRY(write_heading_inside(index, id, level));
    open_ends_.pop_back();
    out_ += end;
    insert_heading(result_.toc, {level, id, options_.permalink + '#' + id, title, {}});
    return done;
  }

  Status write_heading_inside(NodeIndex index, const std::string& id, int level) {
    if (options_.insert_anchor_links == AnchorLinks::none) return write_children(index);
    const std::string anchor = TRY(hooks_.anchor_link_html(id, level));
    switch (options_.insert_anchor_links) {
      case AnchorLinks::none: break;
      case AnchorLinks::left: out_ += anchor; return write_children(index);
      case AnchorLinks::right:
        TRY(write_children(index));
        out_ += anchor;
        return done;
      case AnchorLinks::heading: break;
    }
    // The <a ...> of the template goes round the heading's own text.
    const std::size_t open = anchor.find("<a");
    const std::size_t close = open == std::string::npos ? open : anchor.find('>', open);
    if (close == std::string::npos) return write_children(index);
    return write_element(index, std::string_view(anchor).substr(open, close - open + 1), "</a>");
  }

  // --- links -------------------------------------------------------------------------------------

  static bool is_external(std::string_view url) {
    return url.starts_with("http://") || url.starts_with("https://");
  }
  static bool is_colocated(std::string_view url) {
    return !url.starts_with('/') && !url.starts_with("..") && !url.starts_with('#') &&
           !has_scheme(url);
  }

  Result<std::string> resolved(std::string_view url, const Place& place) {
    if (url.starts_with("@/")) {
      result_.internal_links.push_back({std::string(url), place});
      auto permalink = hooks_.resolve_internal_link(url, place);
      if (!permalink.ok() && permalink.error().place.line == 0)
        return std::move(permalink.error()).at(place);
      return permalink;
    }
    if (is_external(url)) result_.external_links.push_back({std::string(url), place});
    if (url == "#" || url.starts_with(marker_start)) return std::string(url);
    if (url.starts_with('#')) {
      result_.internal_links.push_back({std::string(url), place});
      return options_.permalink + std::string(url);
    }
    return is_colocated(url) ? options_.permalink + std::string(url) : std::string(url);
  }

  Status write_link(NodeIndex index) {
    const Node& link = node(index);
    const Place place = place_of(link);
    if (link.text.empty())
      TRY(hooks_.mistake({Errc::invalid,
                          "a link without a URL",
                          place,
                          "write the URL between the parentheses",
                          {}}));
    const std::string url = TRY(with_markers_replaced(link.text));
    const std::string target = TRY(resolved(url, place));
    std::string tag = "<a ";
    const bool is_tagged = is_external(url);
    if (is_tagged) append_external_attributes(tag);
    if (is_tagged && !link.title.empty()) append_attribute(tag, "title", link.title);
    tag += "href=\"";
    append_href(tag, target);
    tag += '"';
    if (!is_tagged && !link.title.empty()) {
      tag += " title=\"";
      append_html_attribute(tag, link.title);
      tag += '"';
    }
    tag += '>';
    return write_element(index, tag, "</a>");
  }

  static void append_attribute(std::string& tag, std::string_view name, std::string_view value) {
    (tag += name) += "=\"";
    append_html_attribute(tag, value);
    tag += "\" ";
  }

  void append_external_attributes(std::string& tag) const {
    if (!options_.external_links_class.empty())
      append_attribute(tag, "class", options_.external_links_class);
    std::string rel;
    const auto add = [&rel](bool is_wanted, std::string_view word) {
      if (is_wanted) (rel += rel.empty() ? "" : " ") += word;
    };
    add(options_.external_links_target_blank, "noopener");
    add(options_.external_links_no_follow, "nofollow");
    add(options_.external_links_no_referrer, "noreferrer");
    add(options_.external_links_external, "external");
    if (!rel.empty()) append_attribute(tag, "rel", rel);
    if (options_.external_links_target_blank) append_attribute(tag, "target", "_blank");
  }

  Status write_image(NodeIndex index) {
    const Node& image = node(index);
    const std::string url = TRY(with_markers_replaced(image.text));
    std::string alternative;
    append_alternative(alternative, index);
    out_ += "<img src=\"";
    append_href(out_, is_colocated(url) && !image.text.starts_with(marker_start)
                          ? options_.permalink + url
                          : url);
    if (options_.lazy_async_image && !image.title.empty()) append_title(image.title);
    out_ += "\" alt=\"";
    append_html_attribute(out_, TRY(with_markers_replaced(alternative)));
    if (!options_.lazy_async_image && !image.title.empty()) append_title(image.title);
    out_ += options_.lazy_async_image ? "\" loading=\"lazy\" decoding=\"async\" />" : "\" />";
    return done;
  }

  void append_title(std::string_view title) {
    out_ += "\" title=\"";
    append_html_attribute(out_, title);
  }

  void append_alternative(std::string& out, NodeIndex parent) const {
    for (NodeIndex child = node(parent).first_child; child != no_node; child = node(child).next) {
      const Node& at = node(child);
      if (at.kind == NodeKind::text || at.kind == NodeKind::code ||
          at.kind == NodeKind::html_inline)
        out += at.text;
      else if (at.kind == NodeKind::soft_break || at.kind == NodeKind::line_break) out += ' ';
      else append_alternative(out, child);
    }
  }

  // --- footnotes ---------------------------------------------------------------------------------

  void collect_definitions(NodeIndex parent) {
    for (NodeIndex child = node(parent).first_child; child != no_node; child = node(child).next) {
      const NodeKind kind = node(child).kind;
      if (kind == NodeKind::footnote_definition) footnotes_[node(child).text].definition = child;
      else if (kind == NodeKind::block_quote || kind == NodeKind::list || kind == NodeKind::item)
        collect_definitions(child);
    }
  }

  // Numbered in the order in which they are met.
  Footnote& numbered(Footnote& footnote) {
    if (footnote.number == 0) {
      footnote.number = order_.size() + 1;
      order_.push_back(footnote.definition);
    }
    return footnote;
  }

  void write_reference(std::string_view label) {
    const auto known = footnotes_.find(label);
    if (known == footnotes_.end()) {
      out_ += "[^";
      append_html_text(out_, label);
      out_ += ']';
      return;
    }
    Footnote& footnote = numbered(known->second);
    const std::size_t begin = out_.size();
    out_ += "<sup class=\"footnote-reference\"";
    std::string name;
    append_html_attribute(name, label);
    if (options_.bottom_footnotes)
      out_ += " id=\"fr-" + name + '-' + std::to_string(++footnote.references) +
              "\"><a href=\"#fn-" + name;
    else out_ += "><a href=\"#" + name;
    out_ += "\">" + std::to_string(footnote.number) + "</a></sup>";
    reference_spans_.emplace_back(begin, out_.size());
  }

  Status write_footnote_definition(NodeIndex index) {
    if (options_.bottom_footnotes) return done;
    const std::string_view label = node(index).text;
    const Footnote& footnote = numbered(footnotes_[label]);
    result_.ids.emplace_back(label);
    std::string name;
    append_html_attribute(name, label);
    fresh_line();
    return write_element(index,
                         "<div class=\"footnote-definition\" id=\"" + name +
                             "\"><sup class=\"footnote-definition-label\">" +
                             std::to_string(footnote.number) + "</sup>",
                         "</div>\n");
  }

  // The notes that are referred to, each with links back. A note may refer to others, which then
  // follow; so all are written before the links back are counted.
  Status write_bottom_footnotes() {
    if (order_.empty()) return done;
    struct Body {
      std::string html;
      std::size_t links_at;
    };
    std::vector<Body> bodies;
    may_cut_summary_ = false;
    const std::string page = std::exchange(out_, "");
    for (std::size_t i = 0; i < order_.size(); ++i) {
      out_.clear();
      paragraph_end_ = 0;
      TRY(write_children(order_[i]));
      const NodeIndex last = last_child_of(order_[i]);
      const bool ends_in_paragraph =
          last != no_node && node(last).kind == NodeKind::paragraph && paragraph_end_ > 0;
      bodies.push_back({out_, ends_in_paragraph ? paragraph_end_ : out_.size()});
    }
    out_ = page;
    fresh_line();
    out_ += "<section class=\"footnotes\">\n<ol class=\"footnotes-list\">\n";
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const std::string_view label = node(order_[i]).text;
      std::string name;
      append_html_attribute(name, label);
      std::string links;
      for (std::size_t reference = 1; reference <= footnotes_[label].references; ++reference)
        links += " <a href=\"#fr-" + name + '-' + std::to_string(reference) + "\">↩" +
                 (reference > 1 ? std::to_string(reference) : "") + "</a>";
      bodies[i].html.insert(bodies[i].links_at, links);
      result_.ids.push_back("fn-" + std::string(label));
      ((out_ += "<li id=\"fn-" + name + "\">\n") += bodies[i].html) += "</li>\n";
    }
    out_ += "</ol>\n</section>\n";
    return done;
  }

  MarkdownTree& tree_;
  std::deque<std::string> texts_;  // that the tree refers to since they were changed
  const MarkdownOptions& options_;
  MarkdownHooks& hooks_;
  const Place& start_;

  std::string out_;
  Markdown result_;
  std::vector<std::string_view> open_ends_;  // what closes the elements that are open now
  TaskMark task_ = TaskMark::none;           // of the item that was just opened
  std::string_view cell_ = "td";
  bool may_cut_summary_ = true;
  std::size_t paragraph_end_ = 0;  // where the last </p> starts in out_

  std::set<std::string, std::less<>> taken_ids_;
  std::map<std::string, std::size_t, std::less<>> repeats_;  // of a slug so far
  std::map<NodeIndex, HeadingAttributes> heading_attributes_;

  std::map<std::string_view, Footnote> footnotes_;                    // by label
  std::vector<NodeIndex> order_;                                      // definitions by number
  std::vector<std::pair<std::size_t, std::size_t>> reference_spans_;  // in out_
};

}  // namespace

std::string marker_of(std::size_t index) {
  return std::string(marker_start) + std::to_string(index) + std::string(marker_end);
}

std::string without_markers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(marker_start) || rest.starts_with(marker_end)) at += marker_start.size();
    else out += text[at++];
  }
  return out;
}

Result<std::optional<std::string>> MarkdownHooks::code_block_html(const CodeBlock&) {
  return std::optional<std::string>();
}
Result<std::string> MarkdownHooks::marker_html(std::size_t) { return std::string(); }
Result<std::string> MarkdownHooks::summary_cutoff_html() { return std::string(); }

Result<Markdown> render_markdown(std::string_view text, const MarkdownOptions& options,
                                 MarkdownHooks& hooks, const Place& start) {
  MarkdownTree::Syntax syntax;
  if (options.smart_punctuation) syntax.punctuation = MarkdownTree::Punctuation::smart;
  if (options.definition_list) syntax.definitions = MarkdownTree::Definitions::read;
  MarkdownTree tree = TRY(MarkdownTree::parse(text, syntax, start));
  return Writer(tree, options, hooks, start).write();
}

std::size_t markdown_words_of(std::string_view text) {
  constexpr std::string_view fence = "```";
  std::size_t words = 0;
  for (bool is_code = false; !text.empty(); is_code = !is_code) {
    const std::size_t end = std::min(text.find(fence), text.size());
    if (!is_code) words += words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + fence.size(), text.size()));
  }
  return words;
}

}  // namespace weir::text
