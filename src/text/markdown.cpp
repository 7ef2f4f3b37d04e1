// cmark-gfm: its own HTML, and its tree read into ours.
//
// Footnotes need care. cmark moves every referenced definition to the end of the document, drops
// the others, and gives references the number of their definition. Zola keeps definitions where
// they stand. So a first paragraph that refers to every "[^label]:" of the text is put before it
// (and left out of the tree): all definitions survive, in the order of the text, and are then
// sorted back in by their lines.
#include "text/markdown.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/must.h"
#include "text/markdown_tree.h"
#include "text/utf8.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string>

namespace weir::text {
namespace {

struct ParserFree {
  void operator()(cmark_parser* parser) const { cmark_parser_free(parser); }
};
struct NodeFree {
  void operator()(cmark_node* node) const { cmark_node_free(node); }
};
struct TextFree {
  void operator()(char* text) const { std::free(text); }  // the default allocator is malloc
};
using ParserOwner = std::unique_ptr<cmark_parser, ParserFree>;
using NodeOwner = std::unique_ptr<cmark_node, NodeFree>;
using TextOwner = std::unique_ptr<char, TextFree>;

// cmark keeps its extensions in a list of the process; this is the one place that touches it.
void register_extensions() {
  static std::once_flag once;
  std::call_once(once, [] { cmark_gfm_core_extensions_ensure_registered(); });
}

void attach(cmark_parser* parser, const char* name) {
  cmark_syntax_extension* extension = cmark_find_syntax_extension(name);
  MUST(extension != nullptr);
  cmark_parser_attach_syntax_extension(parser, extension);
}

std::string_view view_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// The labels of all lines that look like the start of a footnote definition. Too many do no harm.
std::vector<std::string_view> labels_of(std::string_view text) {
  std::vector<std::string_view> labels;
  for (std::size_t at = text.find("[^"); at != std::string_view::npos;
       at = text.find("[^", at + 2)) {
    const std::size_t end = text.find_first_of("]\n", at);
    if (end == std::string_view::npos) break;
    if (text[end] == ']' && end + 1 < text.size() && text[end + 1] == ':')
      labels.push_back(text.substr(at, end - at + 1));
  }
  return labels;
}

}  // namespace

Result<std::string> gfm_html_of(std::string_view markdown, const GfmOptions& options) {
  if (markdown.size() > limits::markdown_bytes_max)
    return Error{Errc::too_large,
                 "markdown of more than " + std::to_string(limits::markdown_bytes_max) + " bytes"};
  register_extensions();
  int flags = CMARK_OPT_UNSAFE;
  if (options.footnotes) flags |= CMARK_OPT_FOOTNOTES;
  if (options.smart) flags |= CMARK_OPT_SMART;
  const ParserOwner parser(cmark_parser_new(flags));
  if (options.table) attach(parser.get(), "table");
  if (options.autolink) attach(parser.get(), "autolink");
  if (options.strikethrough) attach(parser.get(), "strikethrough");
  if (options.tagfilter) attach(parser.get(), "tagfilter");
  if (options.tasklist) attach(parser.get(), "tasklist");
  cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
  const NodeOwner root(cmark_parser_finish(parser.get()));
  const TextOwner html(
      cmark_render_html(root.get(), flags, cmark_parser_get_syntax_extensions(parser.get())));
  return std::string(html.get());
}

void MarkdownTree::Keeper::operator()(void* cmark_root) const {
  cmark_node_free(static_cast<cmark_node*>(cmark_root));
}

// Copies cmark's tree into the array, without recursion.
class MarkdownTree::Reader {
 public:
  Reader(MarkdownTree& tree, std::size_t lines_before, const Place& start)
      : tree_(tree), lines_before_(static_cast<std::int64_t>(lines_before)), start_(start) {}

  Status read(cmark_node* root, bool skips_first) {
    add(root);
    cmark_node* node = cmark_node_first_child(root);
    if (skips_first && node != nullptr) node = cmark_node_next(node);
    std::vector<NodeIndex> open{MarkdownTree::root};  // the ancestors of `node` in our tree
    std::vector<NodeIndex> last(1, no_node);          // the last child of each so far
    while (node != nullptr) {
      const NodeIndex index = add(node);
      link(open.back(), last.back(), index);
      if (cmark_node* child = cmark_node_first_child(node)) {
        if (open.size() == limits::markdown_depth_max) return too_deep(tree_.nodes_[index]);
        open.push_back(index);
        last.push_back(no_node);
        node = child;
        continue;
      }
      while (node != nullptr && node != root && cmark_node_next(node) == nullptr) {
        node = cmark_node_parent(node);
        if (node == root) node = nullptr;
        open.pop_back();
        last.pop_back();
      }
      if (node != nullptr) node = cmark_node_next(node);
    }
    put_footnotes_back();
    return done;
  }

 private:
  void link(NodeIndex parent, NodeIndex& last_child, NodeIndex index) {
    if (last_child == no_node) tree_.nodes_[parent].first_child = index;
    else tree_.nodes_[last_child].next = index;
    last_child = index;
  }

  Error too_deep(const Node& node) const {
    Place place{start_.file, start_.line, 0};
    if (node.line > 0) place.line += node.line - 1;
    return Error{
        Errc::too_large,
        "markdown nested deeper than " + std::to_string(limits::markdown_depth_max) + " levels",
        std::move(place)};
  }

  NodeIndex add(cmark_node* from) {
    Node node;
    node.line = static_cast<std::uint32_t>(
        std::max<std::int64_t>(0, cmark_node_get_start_line(from) - lines_before_));
    node.column = static_cast<std::uint32_t>(std::max(0, cmark_node_get_start_column(from)));
    fill(node, from);
    tree_.nodes_.push_back(node);
    return static_cast<NodeIndex>(tree_.nodes_.size() - 1);
  }

  void fill(Node& node, cmark_node* from) {
    switch (cmark_node_get_type(from)) {
      case CMARK_NODE_DOCUMENT: node.kind = NodeKind::document; return;
      case CMARK_NODE_BLOCK_QUOTE: node.kind = NodeKind::block_quote; return;
      case CMARK_NODE_LIST:
        node.kind = NodeKind::list;
        node.is_ordered = cmark_node_get_list_type(from) == CMARK_ORDERED_LIST;
        node.number = cmark_node_get_list_start(from);
        return;
      case CMARK_NODE_ITEM:
        node.kind = NodeKind::item;
        if (view_of(cmark_node_get_type_string(from)) == "tasklist")
          node.task = cmark_gfm_extensions_get_tasklist_item_checked(from) ? TaskMark::done
                                                                           : TaskMark::open;
        return;
      case CMARK_NODE_CODE_BLOCK:
        node.kind = NodeKind::code_block;
        node.text = view_of(cmark_node_get_literal(from));
        node.title = view_of(cmark_node_get_fence_info(from));
        return;
      case CMARK_NODE_HTML_BLOCK: literal(node, NodeKind::html_block, from); return;
      case CMARK_NODE_PARAGRAPH:
        node.kind = NodeKind::paragraph;
        node.is_tight = is_in_tight_list(from);
        return;
      case CMARK_NODE_HEADING:
        node.kind = NodeKind::heading;
        node.number = cmark_node_get_heading_level(from);
        return;
      case CMARK_NODE_THEMATIC_BREAK: node.kind = NodeKind::rule; return;
      case CMARK_NODE_FOOTNOTE_DEFINITION:
        literal(node, NodeKind::footnote_definition, from);
        return;
      case CMARK_NODE_TEXT: literal(node, NodeKind::text, from); return;
      case CMARK_NODE_SOFTBREAK: node.kind = NodeKind::soft_break; return;
      case CMARK_NODE_LINEBREAK: node.kind = NodeKind::line_break; return;
      case CMARK_NODE_CODE: literal(node, NodeKind::code, from); return;
      case CMARK_NODE_HTML_INLINE: literal(node, NodeKind::html_inline, from); return;
      case CMARK_NODE_EMPH: node.kind = NodeKind::emphasis; return;
      case CMARK_NODE_STRONG: node.kind = NodeKind::strong; return;
      case CMARK_NODE_LINK: target(node, NodeKind::link, from); return;
      case CMARK_NODE_IMAGE: target(node, NodeKind::image, from); return;
      case CMARK_NODE_FOOTNOTE_REFERENCE: literal(node, NodeKind::footnote_reference, from); return;
      default: fill_extension(node, from);
    }
  }

  // The node types of extensions are numbers given at run time; their names are fixed.
  void fill_extension(Node& node, cmark_node* from) {
    const std::string_view type = view_of(cmark_node_get_type_string(from));
    if (type == "strikethrough") {
      node.kind = NodeKind::strike;
    } else if (type == "table") {
      node.kind = NodeKind::table;
    } else if (type == "table_row" || type == "table_header") {
      node.kind = NodeKind::table_row;
      node.is_header = cmark_gfm_extensions_get_table_row_is_header(from) != 0;
      column_index_ = 0;
    } else {
      MUST(type == "table_cell");
      node.kind = NodeKind::table_cell;
      cmark_node* table = cmark_node_parent(cmark_node_parent(from));
      const std::uint8_t* alignments = cmark_gfm_extensions_get_table_alignments(table);
      const char alignment = column_index_ < cmark_gfm_extensions_get_table_columns(table)
                                 ? static_cast<char>(alignments[column_index_])
                                 : '\0';
      node.alignment = alignment == 'l'   ? Alignment::left
                       : alignment == 'c' ? Alignment::centre
                       : alignment == 'r' ? Alignment::right
                                          : Alignment::none;
      ++column_index_;
    }
  }

  static void literal(Node& node, NodeKind kind, cmark_node* from) {
    node.kind = kind;
    node.text = view_of(cmark_node_get_literal(from));
  }
  static void target(Node& node, NodeKind kind, cmark_node* from) {
    node.kind = kind;
    node.text = view_of(cmark_node_get_url(from));
    node.title = view_of(cmark_node_get_title(from));
  }
  static bool is_in_tight_list(cmark_node* paragraph) {
    cmark_node* item = cmark_node_parent(paragraph);
    if (item == nullptr || cmark_node_get_type(item) != CMARK_NODE_ITEM) return false;
    return cmark_node_get_list_tight(cmark_node_parent(item)) != 0;
  }

  // Definitions stand at the end, in the order of their numbers. References outside of them carry
  // that number, references inside still their label.
  void put_footnotes_back() {
    std::vector<NodeIndex> definitions;
    NodeIndex before = no_node;
    for (NodeIndex node = tree_.nodes_[0].first_child; node != no_node;
         node = tree_.nodes_[node].next) {
      if (tree_.nodes_[node].kind == NodeKind::footnote_definition) definitions.push_back(node);
      else before = node;
    }
    if (definitions.empty()) return;
    if (before == no_node) tree_.nodes_[0].first_child = no_node;
    else tree_.nodes_[before].next = no_node;
    for (NodeIndex node = 1; node < definitions.front(); ++node)
      name_reference(tree_.nodes_[node], definitions);
    for (const NodeIndex definition : definitions) insert_by_line(definition);
  }

  void name_reference(Node& node, const std::vector<NodeIndex>& definitions) const {
    if (node.kind != NodeKind::footnote_reference) return;
    const auto number = parse_u64(node.text);
    if (number && *number >= 1 && *number <= definitions.size())
      node.text = tree_.nodes_[definitions[*number - 1]].text;
  }

  // Before the first block that starts further down, in the innermost quote or item that reaches
  // this far.
  void insert_by_line(NodeIndex definition) {
    const std::uint32_t line = tree_.nodes_[definition].line;
    NodeIndex parent = MarkdownTree::root;
    NodeIndex before = no_node;
    while (true) {
      before = no_node;
      for (NodeIndex node = tree_.nodes_[parent].first_child;
           node != no_node && tree_.nodes_[node].line <= line; node = tree_.nodes_[node].next)
        before = node;
      if (before == no_node || !may_hold(tree_.nodes_[before], definition)) break;
      parent = before;
    }
    NodeIndex& slot =
        before == no_node ? tree_.nodes_[parent].first_child : tree_.nodes_[before].next;
    tree_.nodes_[definition].next = slot;
    slot = definition;
  }

  bool may_hold(const Node& node, NodeIndex definition) const {
    const bool is_container = node.kind == NodeKind::block_quote || node.kind == NodeKind::list ||
                              node.kind == NodeKind::item;
    return is_container && tree_.nodes_[definition].column > node.column;
  }

  MarkdownTree& tree_;
  std::int64_t lines_before_;
  const Place& start_;
  std::uint16_t column_index_ = 0;
};

Result<MarkdownTree> MarkdownTree::parse(std::string_view text, Punctuation punctuation,
                                         const Place& start) {
  if (text.size() > limits::markdown_bytes_max)
    return Error{Errc::too_large,
                 "markdown of more than " + std::to_string(limits::markdown_bytes_max) + " bytes",
                 start};
  register_extensions();
  const std::vector<std::string_view> labels = labels_of(text);
  int flags = CMARK_OPT_FULL_INFO_STRING;
  if (!labels.empty()) flags |= CMARK_OPT_FOOTNOTES;
  if (punctuation == Punctuation::smart) flags |= CMARK_OPT_SMART;
  const ParserOwner parser(cmark_parser_new(flags));
  for (const char* extension : {"table", "strikethrough", "tasklist"})
    attach(parser.get(), extension);
  std::string references;
  for (const std::string_view label : labels) references += label;
  if (!labels.empty()) references += "\n\n";
  cmark_parser_feed(parser.get(), references.data(), references.size());
  cmark_parser_feed(parser.get(), text.data(), text.size());
  MarkdownTree tree;
  cmark_node* const root = cmark_parser_finish(parser.get());
  tree.cmark_root_.reset(root);
  TRY(Reader(tree, labels.empty() ? 0 : 2, start).read(root, !labels.empty()));
  return tree;
}

}  // namespace weir::text
