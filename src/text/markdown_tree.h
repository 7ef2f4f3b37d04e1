#pragma once
// A markdown document as a tree of small nodes in one array. For the
// markdown files of this room alone: markdown.cpp makes it from cmark-gfm's tree, markdown_html.cpp
// writes it.
//
// Texts are views of cmark's tree, which the MarkdownTree keeps alive, or of the parsed text.
// Footnote definitions stand where the author put them. Depth is at most
// limits::markdown_depth_max, so that a writer may recurse.

#include "base/result.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace weir::text {

enum class NodeKind : std::uint8_t {
  document,
  block_quote,
  list,
  item,
  code_block,
  html_block,
  paragraph,
  heading,
  rule,
  footnote_definition,
  definition_list,
  definition_term,
  definition_details,
  table,
  table_row,
  table_cell,
  text,
  soft_break,
  line_break,
  code,
  html_inline,
  emphasis,
  strong,
  strike,
  link,
  image,
  footnote_reference,
};

enum class Alignment : std::uint8_t { none, left, centre, right };

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex no_node = 0;  // the document is nobody's child or neighbour

struct Node {
  NodeKind kind = NodeKind::document;
  bool is_tight = false;                  // a paragraph without <p>
  bool is_ordered = false;                // a list
  bool is_header = false;                 // a table row
  Alignment alignment = Alignment::none;  // a table cell
  std::int32_t number = 0;                // heading level, first number of a list
  NodeIndex first_child = no_node;
  NodeIndex next = no_node;
  std::uint32_t line = 0, column = 0, line_last = 0;  // in the text; 0 = unknown
  std::string_view text = {};   // text, code, HTML; label of a footnote; URL of a link or an image
  std::string_view title = {};  // of a link or an image; what follows the fence of a code block
};

class MarkdownTree {
 public:
  enum class Punctuation : std::uint8_t { plain, smart };
  enum class Definitions : std::uint8_t { plain, read };
  struct Syntax {
    Punctuation punctuation = Punctuation::plain;
    Definitions definitions = Definitions::plain;  // text/definition_lists.h
  };
  // `start` is where `text` starts in its file, for errors.
  static Result<MarkdownTree> parse(std::string_view text, Syntax syntax, const Place& start);

  const Node& operator[](NodeIndex index) const { return nodes_[index]; }
  Node& edit(NodeIndex index) { return nodes_[index]; }
  static constexpr NodeIndex root = 0;

 private:
  struct Keeper {
    void operator()(void* arena) const;
  };
  class Reader;
  // Labels are views of `original`, which is `text` or differs from it in marks of definitions.
  static Result<MarkdownTree> parse_as_it_stands(std::string_view text, std::string_view original,
                                                 Punctuation punctuation, const Place& start);
  void gather_definitions(NodeIndex parent, const std::map<std::uint32_t, std::uint32_t>& columns,
                          std::set<std::uint32_t>& strays);
  std::unique_ptr<void, Keeper> memory_;  // of cmark's tree
  std::vector<Node> nodes_;
};

}  // namespace weir::text
