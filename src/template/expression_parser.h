#pragma once
// The half of the parser that reads expressions; parser.cpp reads tags with it. See parser.h for
// the grammar.

#include "base/result.h"
#include "template/lexer.h"
#include "template/syntax.h"

#include <string>
#include <string_view>
#include <vector>

namespace weir::tmpl {

class ExpressionParser {
 public:
  ExpressionParser(std::string_view source, std::string_view file) : lexer_(source), file_(file) {}

 protected:
  // Counts how deep we are while it lives.
  class Level {
   public:
    explicit Level(ExpressionParser& parser) : parser_(parser) { ++parser_.levels_; }
    ~Level() { --parser_.levels_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool too_deep() const;

   private:
    ExpressionParser& parser_;
  };

  Result<ExprPtr> parse_expression();
  Result<FilterCall> parse_filter_call();
  Result<std::vector<Argument>> parse_arguments();  // after the "("; takes the ")"
  Result<ExprPtr> parse_literal();                  // of a macro's parameter
  Result<Token> take_name(std::string_view what);
  Result<Token> take_string(std::string_view what);
  Status take(TokenIs is, std::string_view what);

  bool next_is(TokenIs is) { return lexer_.peek().is == is; }
  bool next_is_word(std::string_view word);

  Error error_at(std::uint32_t begin, std::uint32_t end, std::string what) const;
  Error expected(std::string_view what);  // and what was found instead, at the next token
  Error too_deep_at(std::uint32_t at) const;

  Lexer lexer_;
  std::string_view file_;

 private:
  Result<ExprPtr> parse_both();
  Result<ExprPtr> parse_value();
  Result<ExprPtr> parse_comparison();
  Result<ExprPtr> parse_operand();
  Result<ExprPtr> parse_filtered(ExprPtr first);
  Result<ExprPtr> parse_math(ExprPtr first);
  Result<ExprPtr> parse_concat(ExprPtr first);
  Result<ExprPtr> parse_primary();
  Result<ExprPtr> parse_number();
  Result<ExprPtr> parse_group();
  Result<ExprPtr> parse_array();
  Result<ExprPtr> parse_named();
  Result<ExprPtr> parse_path(const Token& name);
  Result<ExprPtr> parse_test(ExprPtr path);
  Status parse_filters(Expr& of);
  Result<ExprPtr> join(Expr::Is is, Operator sign, ExprPtr left, ExprPtr right);
  ExprPtr make(Expr::Is is, const Token& token) const;

  std::size_t levels_ = 0;
};

}  // namespace weir::tmpl
