#include "template/parser.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "template/expression_parser.h"

#include <array>
#include <span>
#include <utility>

namespace weir::tmpl {
namespace {

// What the tags around us allow.
struct Surroundings {
  bool top_level = false;  // macros may be defined here
  bool blocks = false;     // blocks may stand here
  bool loop = false;       // break and continue mean something
  bool block = false;      // super() means something
  Surroundings within() const { return {false, blocks, loop, block}; }
};

// The tags that may end a body, for example elif, else, endif.
using Enders = std::span<const std::string_view>;

std::string quoted(Enders enders) {
  std::string text;
  for (std::size_t i = 0; i < enders.size(); ++i) {
    if (i > 0) text += i + 1 == enders.size() ? " or " : ", ";
    text += "`{% " + std::string(enders[i]) + " %}`";
  }
  return text;
}

class TemplateParser : private ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Result<Syntax> parse() {
    const std::string_view source = lexer_.source();
    if (source.size() > limits::template_bytes_max) {
      Error error = error_at(
          0, 0,
          "this template is larger than " + std::to_string(limits::template_bytes_max) + " bytes");
      error.code = Errc::too_large;
      return error;
    }
    Body body = TRY(parse_body(Surroundings{true, true, false, false}, {}, 0, "template"));
    syntax_.body = std::move(body);
    return std::move(syntax_);
  }

 private:
  struct Tag {
    std::string_view name;
    std::uint32_t at = 0;  // of the opening mark
  };

  // Reads until one of `enders` and takes its name, so that the caller finds it in `ender_`.
  Result<Body> parse_body(Surroundings around, Enders enders, std::uint32_t opened_at,
                          std::string_view opened) {
    const Level level(*this);
    if (level.too_deep()) return too_deep_at(opened_at);
    Body body;
    for (;;) {
      const Piece piece = lexer_.next_piece();
      if (!piece.text.empty()) add_text(body, piece.text);
      switch (piece.opens) {
        case Opens::comment_without_end:
          return error_at(piece.at, piece.at + 2, "this comment has no end; expected `#}`");
        case Opens::print: {
          content_seen_ = content_seen_ || !is_only_space(body);
          Node node = TRY(parse_print(piece.at, around));
          content_seen_ = true;
          body.push_back(std::move(node));
          break;
        }
        case Opens::tag: {
          const Token name = TRY(take_name("the name of a tag"));
          const Tag tag{name.text, piece.at};
          for (const std::string_view ender : enders) {
            if (tag.name != ender) continue;
            ender_ = tag;
            return body;
          }
          TRY(parse_tag(tag, around, enders, body));
          break;
        }
        case Opens::nothing:
          if (piece.at < lexer_.source().size()) break;  // a comment ended the piece
          if (enders.empty()) return body;
          return end_missing(enders, opened_at, opened);
      }
    }
  }

  Error end_missing(Enders enders, std::uint32_t opened_at, std::string_view opened) const {
    const auto end = static_cast<std::uint32_t>(lexer_.source().size());
    const Place begin = error_at(opened_at, opened_at, {}).place;
    return error_at(end, end,
                    "expected " + quoted(enders.last(1)) + ", found the end of the template; `{% " +
                        std::string(opened) + " %}` was opened on line " +
                        std::to_string(begin.line));
  }

  static void add_text(Body& body, std::string_view text) {
    Node node{};
    node.is = Node::Is::text;
    node.text = text;
    body.push_back(std::move(node));
  }
  static bool is_only_space(const Body& body) {
    for (const Node& node : body)
      if (node.is != Node::Is::text || !trim_start(node.text).empty()) return false;
    return true;
  }

  Result<Node> parse_print(std::uint32_t at, Surroundings around) {
    Node node{};
    node.is = Node::Is::print;
    node.at = at;
    node.expr = TRY(parse_expression());
    TRY(take(TokenIs::end_tag, "an operator, a filter or `}}`"));
    const Expr& expr = *node.expr;
    if (expr.is == Expr::Is::call && expr.text == "super" && expr.arguments.empty() &&
        expr.filters.empty() && around.block) {
      node.is = Node::Is::super;
      node.expr = nullptr;
    }
    return node;
  }

  Status end_tag() { return take(TokenIs::end_tag, "`%}`"); }

  using TagParser = Status (TemplateParser::*)(const Tag&, Surroundings, Body&);
  struct TagRow {
    std::string_view name;
    TagParser parse;
  };
  static const std::array<TagRow, 13> tags;

  Status parse_tag(const Tag& tag, Surroundings around, Enders enders, Body& body) {
    const bool heads = tag.name == "extends" || tag.name == "import";
    if (!heads) content_seen_ = true;
    for (const TagRow& row : tags)
      if (row.name == tag.name) return (this->*row.parse)(tag, around, body);
    return unexpected(tag, enders);
  }

  Error unexpected(const Tag& tag, Enders enders) const {
    const auto end = static_cast<std::uint32_t>(tag.at + 2);
    static constexpr std::array<std::string_view, 8> partners = {
        "else", "elif", "endif", "endfor", "endblock", "endmacro", "endfilter", "endraw"};
    for (const std::string_view partner : partners) {
      if (tag.name != partner) continue;
      std::string what = "`{% " + std::string(tag.name) + " %}` does not belong here";
      if (!enders.empty()) what += "; expected " + quoted(enders) + " or content";
      return error_at(tag.at, end, std::move(what));
    }
    Error error = error_at(tag.at, end, "there is no tag `" + std::string(tag.name) + "`");
    std::vector<std::string_view> names;
    for (const TagRow& row : tags) names.push_back(row.name);
    names.insert(names.end(), partners.begin(), partners.end());
    const std::string near = nearest_of(tag.name, names);
    if (!near.empty()) error.help = "did you mean `" + near + "`?";
    return error;
  }

  Error misplaced(const Tag& tag, std::string_view where) const {
    return error_at(tag.at, tag.at + 2,
                    "`{% " + std::string(tag.name) + " %}` is only allowed " + std::string(where));
  }

  Status parse_extends(const Tag& tag, Surroundings around, Body& body) {
    if (!around.top_level || content_seen_ || !is_only_space(body) || !syntax_.parent.empty())
      return misplaced(tag, "once, at the top of a template");
    body.clear();
    const Token file = TRY(take_string("the name of the parent template, a string"));
    syntax_.parent = file.text;
    syntax_.parent_at = file.begin;
    TRY(end_tag());
    lexer_.trim_following();
    return done;
  }

  Status parse_import(const Tag& tag, Surroundings around, Body& body) {
    if (!around.top_level || content_seen_ || !is_only_space(body))
      return misplaced(tag, "at the top of a template");
    body.clear();
    const Token file = TRY(take_string("the name of a template, a string"));
    if (!next_is_word("as")) return expected("`as` and a name for the macros");
    lexer_.take();
    const Token space = TRY(take_name("a name for the macros"));
    TRY(end_tag());
    lexer_.trim_following();
    syntax_.imports.push_back({file.text, space.text, file.begin});
    return done;
  }

  Status parse_macro(const Tag& tag, Surroundings around, Body&) {
    if (!around.top_level) return misplaced(tag, "outside of other tags");
    MacroDefinition macro;
    const Token name = TRY(take_name("the name of the macro"));
    macro.name = name.text;
    macro.at = name.begin;
    for (const MacroDefinition& other : syntax_.macros)
      if (other.name == macro.name)
        return error_at(
            name.begin, name.end,
            "the macro `" + std::string(name.text) + "` is defined twice in this template");
    TRY(take(TokenIs::open, "`(`"));
    while (!next_is(TokenIs::close)) {
      const Token parameter = TRY(take_name("the name of a parameter or `)`"));
      ExprPtr otherwise;
      if (next_is(TokenIs::assign)) {
        lexer_.take();
        otherwise = TRY(parse_literal());
      }
      macro.parameters.push_back({parameter.text, std::move(otherwise)});
      if (!next_is(TokenIs::comma)) break;
      lexer_.take();
    }
    TRY(take(TokenIs::close, "`,` or `)`"));
    TRY(end_tag());
    static constexpr std::array<std::string_view, 1> enders = {"endmacro"};
    macro.body = TRY(parse_body(Surroundings{}, enders, tag.at, "macro"));
    TRY(end_of_named());
    syntax_.macros.push_back(std::move(macro));
    return done;
  }

  // `{% endblock %}` or `{% endblock name %}`. Tera does not compare the names, so neither do we.
  Status end_of_named() {
    if (next_is(TokenIs::name)) lexer_.take();
    return end_tag();
  }

  Status parse_block(const Tag& tag, Surroundings around, Body& body) {
    if (!around.blocks) return misplaced(tag, "outside of loops and macros");
    const Token name = TRY(take_name("the name of the block"));
    for (const std::string_view other : blocks_)
      if (other == name.text)
        return error_at(name.begin, name.end,
                        "the block `" + std::string(name.text) + "` stands twice in this template");
    blocks_.push_back(name.text);
    TRY(end_tag());
    Node node{};
    node.is = Node::Is::block;
    node.at = tag.at;
    node.name = name.text;
    static constexpr std::array<std::string_view, 1> enders = {"endblock"};
    Surroundings within = around.within();
    within.block = true;
    node.body = TRY(parse_body(within, enders, tag.at, "block"));
    TRY(end_of_named());
    body.push_back(std::move(node));
    return done;
  }

  Status parse_if(const Tag& tag, Surroundings around, Body& body) {
    static constexpr std::array<std::string_view, 3> before_else = {"elif", "else", "endif"};
    static constexpr std::array<std::string_view, 1> after_else = {"endif"};
    Node node{};
    node.is = Node::Is::branch;
    node.at = tag.at;
    ender_ = {"elif", tag.at};
    while (ender_.name == "elif") {
      ExprPtr condition = TRY(parse_expression());
      TRY(take(TokenIs::end_tag, "an operator, a filter or `%}`"));
      Body branch = TRY(parse_body(around.within(), before_else, tag.at, "if"));
      node.branches.push_back({std::move(condition), std::move(branch)});
    }
    if (ender_.name == "else") {
      TRY(end_tag());
      Body branch = TRY(parse_body(around.within(), after_else, tag.at, "if"));
      node.branches.push_back({nullptr, std::move(branch)});
    }
    TRY(end_tag());
    body.push_back(std::move(node));
    return done;
  }

  Status parse_for(const Tag& tag, Surroundings around, Body& body) {
    static constexpr std::array<std::string_view, 2> before_else = {"else", "endfor"};
    static constexpr std::array<std::string_view, 1> after_else = {"endfor"};
    Node node{};
    node.is = Node::Is::loop;
    node.at = tag.at;
    const Token first = TRY(take_name("the name of the loop's variable"));
    node.name = first.text;
    if (next_is(TokenIs::comma)) {
      lexer_.take();
      node.key = node.name;
      const Token second = TRY(take_name("the name of the value's variable"));
      node.name = second.text;
    }
    if (!next_is_word("in")) return expected("`in`");
    lexer_.take();
    node.expr = TRY(parse_expression());
    TRY(take(TokenIs::end_tag, "a filter or `%}`"));
    Surroundings within = around.within();
    within.blocks = false;
    within.loop = true;
    node.body = TRY(parse_body(within, before_else, tag.at, "for"));
    if (ender_.name == "else") {
      TRY(end_tag());
      within.loop = around.loop;
      node.otherwise = TRY(parse_body(within, after_else, tag.at, "for"));
    }
    TRY(end_tag());
    body.push_back(std::move(node));
    return done;
  }

  Status parse_assignment(const Tag& tag, Surroundings, Body& body) {
    Node node{};
    node.is = tag.name == "set" ? Node::Is::set : Node::Is::set_global;
    node.at = tag.at;
    const Token name = TRY(take_name("the name of a variable"));
    node.name = name.text;
    TRY(take(TokenIs::assign, "`=`"));
    node.expr = TRY(parse_expression());
    TRY(take(TokenIs::end_tag, "an operator, a filter or `%}`"));
    body.push_back(std::move(node));
    return done;
  }

  Status parse_include(const Tag& tag, Surroundings, Body& body) {
    Node node{};
    node.is = Node::Is::include;
    node.at = tag.at;
    if (next_is(TokenIs::open_square)) {
      lexer_.take();
      while (!next_is(TokenIs::close_square)) {
        const Token name = TRY(take_string("the name of a template, a string"));
        node.names.push_back(name.text);
        if (!next_is(TokenIs::comma)) break;
        lexer_.take();
      }
      TRY(take(TokenIs::close_square, "`,` or `]`"));
    } else {
      const Token name = TRY(take_string("the name of a template, a string, or an array of them"));
      node.names.push_back(name.text);
    }
    if (next_is_word("ignore")) {
      lexer_.take();
      if (!next_is_word("missing")) return expected("`missing` after `ignore`");
      lexer_.take();
      node.flag = true;
    }
    TRY(end_tag());
    body.push_back(std::move(node));
    return done;
  }

  Status parse_filter_section(const Tag& tag, Surroundings around, Body& body) {
    Node node{};
    node.is = Node::Is::filter_section;
    node.at = tag.at;
    node.filter = TRY(parse_filter_call());
    TRY(end_tag());
    static constexpr std::array<std::string_view, 1> enders = {"endfilter"};
    Surroundings within = around.within();
    within.loop = false;  // a jump out of here would leave the filter undone
    node.body = TRY(parse_body(within, enders, tag.at, "filter"));
    TRY(end_tag());
    body.push_back(std::move(node));
    return done;
  }

  Status parse_jump(const Tag& tag, Surroundings around, Body& body) {
    if (!around.loop) return misplaced(tag, "within a loop");
    Node node{};
    node.is = tag.name == "break" ? Node::Is::stop : Node::Is::next;
    node.at = tag.at;
    TRY(end_tag());
    body.push_back(std::move(node));
    return done;
  }

  Status parse_raw(const Tag& tag, Surroundings, Body& body) {
    TRY(end_tag());
    std::string_view text;
    static constexpr std::array<std::string_view, 1> enders = {"endraw"};
    if (!lexer_.take_raw(text)) return end_missing(enders, tag.at, "raw");
    if (!text.empty()) add_text(body, text);
    return done;
  }

  Syntax syntax_;
  std::vector<std::string_view> blocks_;  // defined so far; a template has few
  bool content_seen_ = false;             // extends and import come too late
  Tag ender_;                             // which tag ended the last body
};

const std::array<TemplateParser::TagRow, 13> TemplateParser::tags = {{
    {"if", &TemplateParser::parse_if},
    {"for", &TemplateParser::parse_for},
    {"set", &TemplateParser::parse_assignment},
    {"set_global", &TemplateParser::parse_assignment},
    {"block", &TemplateParser::parse_block},
    {"include", &TemplateParser::parse_include},
    {"extends", &TemplateParser::parse_extends},
    {"import", &TemplateParser::parse_import},
    {"macro", &TemplateParser::parse_macro},
    {"filter", &TemplateParser::parse_filter_section},
    {"raw", &TemplateParser::parse_raw},
    {"break", &TemplateParser::parse_jump},
    {"continue", &TemplateParser::parse_jump},
}};

}  // namespace

Result<Syntax> parse_template(std::string_view source, std::string_view file) {
  return TemplateParser(source, file).parse();
}

}  // namespace weir::tmpl
