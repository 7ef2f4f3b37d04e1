// cmark-gfm: its own HTML, and its tree read into ours.
//
// Footnotes need care. cmark moves every referenced definition to the end of the document, drops
// the others, and gives references the number of their definition. Zola keeps definitions where
// they stand. So a first paragraph with a reference to every "[^label]:" of the text, one on each
// line, is put before it (and left out of the tree): all definitions survive, we learn which number
// has which label, and sort the definitions back in by their lines.
#include "text/markdown.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/must.h"
#include "text/definition_lists.h"
#include "text/markdown_tree.h"
#include "text/utf8.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

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

// The labels of all that looks like the start of a footnote definition. Too many do no harm.
std::vector<std::string_view> labels_of(std::string_view text) {
  std::vector<std::string_view> labels;
  for (std::size_t at = text.find("[^"); at != std::string_view::npos;
       at = text.find("[^", at + 2)) {
    const std::size_t end = text.find_first_of("] \t\r\n", at);
    if (end == std::string_view::npos) break;
    if (text.substr(end).starts_with("]:")) labels.push_back(text.substr(at + 2, end - at - 2));
  }
  return labels;
}

// cmark is linear but for two things, which are bounded here: the columns of a table, and the
// images of one paragraph (`![[]()` repeated). What they would take above the bound is quadratic.
Status check_bounds(std::string_view text, const Place& start) {
  std::size_t images = 0;
  std::uint32_t number = start.line;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (trim(line).empty()) images = 0;
    for (std::size_t image = line.find("!["); image != std::string_view::npos;
         image = line.find("![", image + 2))
      ++images;
    if (images > limits::markdown_images_max)
      return Error{
          Errc::too_large,
          "more than " + std::to_string(limits::markdown_images_max) + " images in one paragraph",
          Place{start.file, number, 1},
          "put an empty line between them",
          {}};
    if (line.size() <= 2 * limits::markdown_columns_max ||
        line.find_first_not_of("|:- \t\r>") != std::string_view::npos)
      continue;
    if (static_cast<std::size_t>(std::count(line.begin(), line.end(), '|')) >
        limits::markdown_columns_max)
      return Error{
          Errc::too_large,
          "a table of more than " + std::to_string(limits::markdown_columns_max) + " columns",
          Place{start.file, number, 1}};
  }
  return done;
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

namespace {

// Memory of one document, given back as a whole. cmark asks for some hundred small pieces a page;
// malloc and free of them took a third of its time (its own arena is slower still, it clears four
// megabytes for each document).
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    if (first_ && !spare()) spare() = std::move(first_);
  }

  void* allocate(std::size_t bytes) {
    const std::size_t whole = (bytes + sizeof(Head) + alignof(Head) - 1) & ~(alignof(Head) - 1);
    if (whole > room_) add_chunk(whole);
    Head* const head = new (at_) Head{bytes};
    at_ += whole;
    room_ -= whole;
    return std::memset(head + 1, 0, bytes);
  }
  void* reallocate(void* old, std::size_t bytes) {
    if (old == nullptr) return allocate(bytes);
    const std::size_t kept = std::min((static_cast<Head*>(old) - 1)->bytes, bytes);
    return std::memcpy(allocate(bytes), old, kept);
  }

  // The arena that cmark's calls on this thread use.
  static Arena*& current() {
    thread_local Arena* arena = nullptr;
    return arena;
  }
  static cmark_mem* memory() {
    static cmark_mem calls{
        [](std::size_t count, std::size_t bytes) { return current()->allocate(count * bytes); },
        [](void* old, std::size_t bytes) { return current()->reallocate(old, bytes); },
        [](void*) {}};
    return &calls;
  }

 private:
  struct alignas(16) Head {
    std::size_t bytes;
  };
  using Chunk = std::unique_ptr<char[]>;
  static constexpr std::size_t chunk_bytes = 256 * KiB;

  static Chunk& spare() {
    thread_local Chunk chunk;
    return chunk;
  }
  void add_chunk(std::size_t least) {
    room_ = std::max(least, chunk_bytes);
    if (!first_ && room_ == chunk_bytes) {
      first_ = spare() ? std::move(spare()) : Chunk(new char[chunk_bytes]);
      at_ = first_.get();
    } else {
      more_.push_back(Chunk(new char[room_]));
      at_ = more_.back().get();
    }
  }

  Chunk first_;  // of the usual size: the next document of this thread takes it
  std::vector<Chunk> more_;
  char* at_ = nullptr;
  std::size_t room_ = 0;
};

class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : outer_(std::exchange(Arena::current(), &arena)) {}
  ~ArenaScope() { Arena::current() = outer_; }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena* outer_;
};

}  // namespace

void MarkdownTree::Keeper::operator()(void* arena) const { delete static_cast<Arena*>(arena); }

// Copies cmark's tree into the array, without recursion.
class MarkdownTree::Reader {
 public:
  Reader(MarkdownTree& tree, const std::vector<std::string_view>& labels, const Place& start)
      : tree_(tree),
        labels_(labels),
        lines_before_(labels.empty() ? 0 : static_cast<std::int64_t>(labels.size()) + 1),
        start_(start) {}

  Status read(cmark_node* root) {
    add(root);
    cmark_node* node = cmark_node_first_child(root);
    if (!labels_.empty()) {
      read_numbers(node);
      node = cmark_node_next(node);
    }
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
  // Each line of the paragraph before the text is a reference by number, or text when nothing
  // defines it.
  void read_numbers(cmark_node* paragraph) {
    std::size_t line = 0;
    for (cmark_node* at = cmark_node_first_child(paragraph); at != nullptr && line < labels_.size();
         at = cmark_node_next(at)) {
      const cmark_node_type type = cmark_node_get_type(at);
      if (type == CMARK_NODE_SOFTBREAK) ++line;
      if (type != CMARK_NODE_FOOTNOTE_REFERENCE) continue;
      const auto number = parse_u64(view_of(cmark_node_get_literal(at)));
      if (number) label_of_.emplace(*number, labels_[line]);
    }
  }

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
    node.line = line_from(cmark_node_get_start_line(from));
    node.line_last = line_from(cmark_node_get_end_line(from));
    node.column = static_cast<std::uint32_t>(std::max(0, cmark_node_get_start_column(from)));
    fill(node, from);
    tree_.nodes_.push_back(node);
    return static_cast<NodeIndex>(tree_.nodes_.size() - 1);
  }

  std::uint32_t line_from(int cmark_line) const {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(0, cmark_line - lines_before_));
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
      case CMARK_NODE_ITEM: node.kind = NodeKind::item; return;
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

  // Definitions stand at the end, in the order of their numbers; references carry those numbers.
  void put_footnotes_back() {
    std::vector<NodeIndex> definitions;
    NodeIndex before = no_node;
    for (NodeIndex at = tree_.nodes_[0].first_child; at != no_node; at = tree_.nodes_[at].next) {
      if (tree_.nodes_[at].kind == NodeKind::footnote_definition) definitions.push_back(at);
      else before = at;
    }
    if (definitions.empty()) return;
    if (before == no_node) tree_.nodes_[0].first_child = no_node;
    else tree_.nodes_[before].next = no_node;
    for (Node& node : tree_.nodes_)
      if (node.kind == NodeKind::footnote_reference)
        node.text = label_by(parse_u64(node.text).value_or(0));
    for (std::size_t i = 0; i < definitions.size(); ++i)
      tree_.nodes_[definitions[i]].text = label_by(i + 1);
    std::stable_sort(definitions.begin(), definitions.end(), [this](NodeIndex a, NodeIndex b) {
      return tree_.nodes_[a].line < tree_.nodes_[b].line;
    });
    insert_by_line(MarkdownTree::root, definitions);
  }

  std::string_view label_by(std::uint64_t number) const {
    const auto known = label_of_.find(number);
    return known == label_of_.end() ? std::string_view() : known->second;
  }

  // Each before the first block that starts further down, in the innermost quote or item that
  // reaches so far. `definitions` are sorted by line.
  void insert_by_line(NodeIndex parent, std::span<const NodeIndex> definitions) {
    NodeIndex before = no_node;
    NodeIndex next = tree_.nodes_[parent].first_child;
    for (std::size_t i = 0; i < definitions.size();) {
      const std::uint32_t line = tree_.nodes_[definitions[i]].line;
      for (; next != no_node && tree_.nodes_[next].line <= line; next = tree_.nodes_[next].next)
        before = next;
      if (before != no_node && reaches(tree_.nodes_[before], line)) {
        std::size_t end = i + 1;
        while (end < definitions.size() &&
               reaches(tree_.nodes_[before], tree_.nodes_[definitions[end]].line))
          ++end;
        insert_by_line(before, definitions.subspan(i, end - i));
        i = end;
        continue;
      }
      NodeIndex& slot =
          before == no_node ? tree_.nodes_[parent].first_child : tree_.nodes_[before].next;
      tree_.nodes_[definitions[i]].next = slot;
      slot = definitions[i];
      before = definitions[i];
      ++i;
    }
  }

  static bool reaches(const Node& node, std::uint32_t line) {
    const bool is_container = node.kind == NodeKind::block_quote || node.kind == NodeKind::list ||
                              node.kind == NodeKind::item;
    return is_container && node.line_last >= line;
  }

  MarkdownTree& tree_;
  const std::vector<std::string_view>& labels_;
  std::map<std::uint64_t, std::string_view> label_of_;
  std::int64_t lines_before_;
  const Place& start_;
  std::uint16_t column_index_ = 0;
};

// A paragraph and the list of definitions behind it are one definition list, with those that
// follow. Lists of definitions without a term go to `strays`.
void MarkdownTree::gather_definitions(NodeIndex parent,
                                      const std::map<std::uint32_t, std::uint32_t>& columns,
                                      std::set<std::uint32_t>& strays) {
  NodeIndex before = no_node;  // what stands before `term`
  NodeIndex term = no_node;    // the neighbour before `at`, when it is a paragraph
  NodeIndex at = nodes_[parent].first_child;
  while (at != no_node) {
    const NodeIndex next = nodes_[at].next;
    const auto mark = columns.find(nodes_[at].line);
    const bool is_definition = nodes_[at].kind == NodeKind::list && mark != columns.end() &&
                               mark->second == nodes_[at].column;
    if (is_definition && term == no_node) strays.insert(nodes_[at].line);
    gather_definitions(at, columns, strays);
    if (!is_definition || term == no_node) {
      if (term != no_node) before = term;
      term = nodes_[at].kind == NodeKind::paragraph ? at : no_node;
      if (term == no_node) before = at;
      at = next;
      continue;
    }
    const bool is_loose = nodes_[term].line_last + 1 < nodes_[at].line;
    nodes_[term].kind = NodeKind::definition_term;
    NodeIndex last = no_node;
    for (NodeIndex item = nodes_[at].first_child; item != no_node; item = nodes_[item].next) {
      nodes_[item].kind = NodeKind::definition_details;
      const NodeIndex first = nodes_[item].first_child;
      if (is_loose && last == no_node && first != no_node) nodes_[first].is_tight = false;
      last = item;
    }
    nodes_[term].next = nodes_[at].first_child;
    if (before != no_node && nodes_[before].kind == NodeKind::definition_list) {
      NodeIndex end = nodes_[before].first_child;
      while (nodes_[end].next != no_node) end = nodes_[end].next;
      nodes_[end].next = term;
      nodes_[before].next = next;
    } else {
      nodes_[at].kind = NodeKind::definition_list;
      nodes_[at].first_child = term;
      if (before == no_node) nodes_[parent].first_child = at;
      else nodes_[before].next = at;
      before = at;
    }
    term = no_node;
    at = next;
  }
}

Result<MarkdownTree> MarkdownTree::parse(std::string_view text, Syntax syntax, const Place& start) {
  const bool has_definitions =
      syntax.definitions == Definitions::read &&
      (text.starts_with(":") || text.find("\n:") != std::string_view::npos ||
       text.find(" :") != std::string_view::npos);
  if (!has_definitions) return parse_as_it_stands(text, text, syntax.punctuation, start);
  // Only the tree shows which marks follow no term. Each round takes those back, and there are
  // fewer each time; who makes up a text that needs more rounds gets lists.
  constexpr int rounds_max = 4;
  std::set<std::uint32_t> strays;
  for (int round = 1;; ++round) {
    const MarkedDefinitions marked = definitions_marked(text, strays);
    MarkdownTree tree = TRY(parse_as_it_stands(marked.text, text, syntax.punctuation, start));
    const std::size_t known = strays.size();
    tree.gather_definitions(root, marked.columns, strays);
    if (strays.size() == known || round == rounds_max) return tree;
  }
}

Result<MarkdownTree> MarkdownTree::parse_as_it_stands(std::string_view text,
                                                      std::string_view original,
                                                      Punctuation punctuation, const Place& start) {
  if (text.size() > limits::markdown_bytes_max)
    return Error{Errc::too_large,
                 "markdown of more than " + std::to_string(limits::markdown_bytes_max) + " bytes",
                 start};
  TRY(check_bounds(text, start));
  register_extensions();
  const std::vector<std::string_view> labels = labels_of(original);
  int flags = CMARK_OPT_FULL_INFO_STRING;
  if (!labels.empty()) flags |= CMARK_OPT_FOOTNOTES;
  if (punctuation == Punctuation::smart) flags |= CMARK_OPT_SMART;
  MarkdownTree tree;
  auto owned = std::make_unique<Arena>();
  Arena& arena = *owned;
  tree.memory_.reset(owned.release());
  const ArenaScope scope(arena);
  const ParserOwner parser(cmark_parser_new_with_mem(flags, Arena::memory()));
  for (const char* extension : {"table", "strikethrough"}) attach(parser.get(), extension);
  std::string references;
  for (const std::string_view label : labels) ((references += "[^") += label) += "]\n";
  if (!labels.empty()) references += '\n';
  cmark_parser_feed(parser.get(), references.data(), references.size());
  cmark_parser_feed(parser.get(), text.data(), text.size());
  cmark_node* const root = cmark_parser_finish(parser.get());
  TRY(Reader(tree, labels, start).read(root));
  return tree;
}

}  // namespace weir::text
