#include "template/expression_parser.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "text/utf8.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace weir::tmpl {
namespace {

// How deep a tree may be, chains of operators included; the parser's own recursion is bounded by
// `template_nesting_max`.
constexpr std::uint32_t tree_depth_max = 1'000;

struct SignRow {
  TokenIs token;
  Operator sign;
  std::string_view text;
};
constexpr SignRow signs[] = {
    {TokenIs::plus, Operator::add, "+"},
    {TokenIs::minus, Operator::subtract, "-"},
    {TokenIs::times, Operator::multiply, "*"},
    {TokenIs::slash, Operator::divide, "/"},
    {TokenIs::percent, Operator::modulo, "%"},
    {TokenIs::equal, Operator::equal, "=="},
    {TokenIs::not_equal, Operator::not_equal, "!="},
    {TokenIs::less, Operator::less, "<"},
    {TokenIs::less_equal, Operator::less_equal, "<="},
    {TokenIs::greater, Operator::greater, ">"},
    {TokenIs::greater_equal, Operator::greater_equal, ">="},
};

const SignRow* find_sign(TokenIs token) {
  for (const SignRow& row : signs)
    if (row.token == token) return &row;
  return nullptr;
}
bool is_math(Operator sign) { return sign <= Operator::modulo; }
bool binds_tightly(Operator sign) {
  return sign == Operator::multiply || sign == Operator::divide || sign == Operator::modulo;
}

std::uint32_t deepest_of(const std::vector<Argument>& arguments) {
  std::uint32_t depth = 0;
  for (const Argument& argument : arguments) depth = std::max(depth, argument.value->depth);
  return depth;
}

std::string described(const Token& token) {
  switch (token.is) {
    case TokenIs::end: return "the end of the template";
    case TokenIs::string: return "a string";
    case TokenIs::unknown:
      if (token.text == "\"" || token.text == "'" || token.text == "`")
        return "a string without its closing `" + std::string(token.text) + '`';
      break;
    default: break;
  }
  return '`' + std::string(token.text) + '`';
}

}  // namespace

std::string_view sign_of(Operator sign) {
  for (const SignRow& row : signs)
    if (row.sign == sign) return row.text;
  return "?";
}

bool ExpressionParser::Level::too_deep() const {
  return parser_.levels_ > limits::template_nesting_max;
}

Error ExpressionParser::error_at(std::uint32_t begin, std::uint32_t end, std::string what) const {
  const std::string_view source = lexer_.source();
  Place place{std::string(file_), text::line_of(source, begin), text::column_of(source, begin), 0};
  if (end > begin + 1 && source.substr(begin, end - begin).find('\n') == std::string_view::npos)
    place.end_column = text::column_of(source, end);
  return Error{Errc::invalid, std::move(what), std::move(place)};
}

Error ExpressionParser::expected(std::string_view what) {
  const Token token = lexer_.peek();
  return error_at(token.begin, token.end,
                  "expected " + std::string(what) + ", found " + described(token));
}

Error ExpressionParser::too_deep_at(std::uint32_t at) const {
  Error error = error_at(
      at, at,
      "nested too deeply: more than " + std::to_string(limits::template_nesting_max) + " levels");
  error.code = Errc::too_large;
  return error;
}

bool ExpressionParser::next_is_word(std::string_view word) {
  const Token& token = lexer_.peek();
  return token.is == TokenIs::name && token.text == word;
}

Status ExpressionParser::take(TokenIs is, std::string_view what) {
  if (!next_is(is)) return expected(what);
  lexer_.take();
  return done;
}

Result<Token> ExpressionParser::take_name(std::string_view what) {
  if (!next_is(TokenIs::name)) return expected(what);
  return lexer_.take();
}

Result<Token> ExpressionParser::take_string(std::string_view what) {
  if (!next_is(TokenIs::string)) return expected(what);
  return lexer_.take();
}

ExprPtr ExpressionParser::make(Expr::Is is, const Token& token) const {
  auto expr = std::make_unique<Expr>();
  expr->is = is;
  expr->at = token.begin;
  expr->end = token.end;
  return expr;
}

// Chains of `and`, of `or` and of `~` stay flat; everything else is a pair.
Result<ExprPtr> ExpressionParser::join(Expr::Is is, Operator sign, ExprPtr left, ExprPtr right) {
  const bool flat = is == Expr::Is::both || is == Expr::Is::either;
  if (flat && left->is == is && left->filters.empty()) {
    left->end = right->end;
    left->depth = std::max(left->depth, right->depth + 1);
    left->items.push_back(std::move(right));
    return left;
  }
  auto expr = std::make_unique<Expr>();
  expr->is = is;
  expr->sign = sign;
  expr->at = left->at;
  expr->end = right->end;
  expr->depth = 1 + std::max(left->depth, right->depth);
  if (expr->depth > tree_depth_max) {
    Error error = error_at(expr->at, expr->at, "this expression has too many operators");
    error.code = Errc::too_large;
    return error;
  }
  expr->items.push_back(std::move(left));
  expr->items.push_back(std::move(right));
  return expr;
}

Result<ExprPtr> ExpressionParser::parse_expression() {
  const Level level(*this);
  if (level.too_deep()) return too_deep_at(lexer_.peek().begin);
  ExprPtr left = TRY(parse_both());
  while (next_is_word("or")) {
    lexer_.take();
    ExprPtr right = TRY(parse_both());
    left = TRY(join(Expr::Is::either, Operator::add, std::move(left), std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::parse_both() {
  ExprPtr left = TRY(parse_value());
  while (next_is_word("and")) {
    lexer_.take();
    ExprPtr right = TRY(parse_value());
    left = TRY(join(Expr::Is::both, Operator::add, std::move(left), std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::parse_value() {
  if (!next_is_word("not")) return parse_comparison();
  const Token word = lexer_.take();
  ExprPtr operand = TRY(parse_comparison());
  ExprPtr expr = make(Expr::Is::negation, word);
  expr->end = operand->end;
  expr->depth = operand->depth + 1;
  expr->items.push_back(std::move(operand));
  return expr;
}

Result<ExprPtr> ExpressionParser::parse_comparison() {
  ExprPtr left = TRY(parse_operand());
  const SignRow* row = find_sign(lexer_.peek().is);
  if (row != nullptr && !is_math(row->sign)) {
    lexer_.take();
    ExprPtr right = TRY(parse_operand());
    return join(Expr::Is::compare, row->sign, std::move(left), std::move(right));
  }
  bool negated = false;
  if (next_is_word("not")) {
    lexer_.take();
    if (!next_is_word("in")) return expected("`in` after `not`");
    negated = true;
  }
  if (!next_is_word("in")) return left;
  lexer_.take();
  ExprPtr right = TRY(parse_operand());
  ExprPtr in = TRY(join(Expr::Is::in, Operator::add, std::move(left), std::move(right)));
  in->flag = negated;
  return in;
}

Result<ExprPtr> ExpressionParser::parse_operand() {
  ExprPtr first = TRY(parse_primary());
  if (first->is == Expr::Is::string || next_is(TokenIs::tilde)) {
    ExprPtr concat = TRY(parse_concat(std::move(first)));
    TRY(parse_filters(*concat));
    return concat;
  }
  return parse_filtered(std::move(first));
}

Result<ExprPtr> ExpressionParser::parse_concat(ExprPtr first) {
  if (!next_is(TokenIs::tilde)) return first;
  auto concat = std::make_unique<Expr>();
  concat->is = Expr::Is::concat;
  concat->at = first->at;
  concat->depth = first->depth + 1;
  concat->items.push_back(std::move(first));
  while (next_is(TokenIs::tilde)) {
    lexer_.take();
    ExprPtr item = TRY(parse_primary());
    concat->depth = std::max(concat->depth, item->depth + 1);
    concat->end = item->end;
    concat->items.push_back(std::move(item));
  }
  return concat;
}

// Two layers of precedence climbing over one kind of operator: the inner one (parse_math) up to a
// filter, the outer one over what the filters have made.
Result<ExprPtr> ExpressionParser::parse_filtered(ExprPtr first) {
  struct Waiting {
    ExprPtr left;
    Operator sign;
  };
  std::optional<Waiting> waiting;  // a sum that may still lose its right side to a * behind it
  ExprPtr left = TRY(parse_math(std::move(first)));
  TRY(parse_filters(*left));
  for (;;) {
    const SignRow* row = find_sign(lexer_.peek().is);
    if (row == nullptr || !is_math(row->sign)) break;
    lexer_.take();
    ExprPtr head = TRY(parse_primary());
    ExprPtr right = TRY(parse_math(std::move(head)));
    TRY(parse_filters(*right));
    if (binds_tightly(row->sign)) {
      left = TRY(join(Expr::Is::math, row->sign, std::move(left), std::move(right)));
      continue;
    }
    if (waiting)
      left = TRY(join(Expr::Is::math, waiting->sign, std::move(waiting->left), std::move(left)));
    waiting = Waiting{std::move(left), row->sign};
    left = std::move(right);
  }
  if (waiting)
    return join(Expr::Is::math, waiting->sign, std::move(waiting->left), std::move(left));
  return left;
}

Result<ExprPtr> ExpressionParser::parse_math(ExprPtr first) {
  ExprPtr sum;  // what stands left of the last + or -
  Operator sum_sign = Operator::add;
  ExprPtr product = std::move(first);
  for (;;) {
    const SignRow* row = find_sign(lexer_.peek().is);
    if (row == nullptr || !is_math(row->sign)) break;
    lexer_.take();
    ExprPtr right = TRY(parse_primary());
    if (binds_tightly(row->sign)) {
      product = TRY(join(Expr::Is::math, row->sign, std::move(product), std::move(right)));
      continue;
    }
    if (sum) product = TRY(join(Expr::Is::math, sum_sign, std::move(sum), std::move(product)));
    sum = std::move(product);
    sum_sign = row->sign;
    product = std::move(right);
  }
  if (sum) return join(Expr::Is::math, sum_sign, std::move(sum), std::move(product));
  return product;
}

Status ExpressionParser::parse_filters(Expr& of) {
  while (next_is(TokenIs::pipe)) {
    lexer_.take();
    FilterCall filter = TRY(parse_filter_call());
    of.depth = std::max(of.depth, deepest_of(filter.arguments) + 1);
    of.filters.push_back(std::move(filter));
  }
  return done;
}

Result<FilterCall> ExpressionParser::parse_filter_call() {
  const Token name = TRY(take_name("the name of a filter"));
  FilterCall filter;
  filter.name = name.text;
  filter.at = name.begin;
  if (next_is(TokenIs::open)) {
    lexer_.take();
    filter.arguments = TRY(parse_arguments());
  }
  return filter;
}

Result<std::vector<Argument>> ExpressionParser::parse_arguments() {
  std::vector<Argument> arguments;
  while (!next_is(TokenIs::close)) {
    const Token name =
        TRY(take_name(arguments.empty() ? "the name of an argument (name=value) or `)`"
                                        : "the name of an argument (name=value)"));
    TRY(take(TokenIs::assign, "`=` and the argument's value (arguments have names)"));
    ExprPtr value = TRY(parse_expression());
    // Of equal names the last one counts.
    std::erase_if(arguments, [&](const Argument& other) { return other.name == name.text; });
    arguments.push_back({name.text, name.begin, std::move(value)});
    if (!next_is(TokenIs::comma)) break;
    lexer_.take();
  }
  TRY(take(TokenIs::close, "`,` or `)`"));
  return arguments;
}

Result<ExprPtr> ExpressionParser::parse_primary() {
  const Token& token = lexer_.peek();
  switch (token.is) {
    case TokenIs::integer:
    case TokenIs::real:
    case TokenIs::minus: return parse_number();
    case TokenIs::string: {
      const Token string = lexer_.take();
      ExprPtr expr = make(Expr::Is::string, string);
      expr->text = string.text;
      return expr;
    }
    case TokenIs::open: return parse_group();
    case TokenIs::open_square: return parse_array();
    case TokenIs::name: return parse_named();
    default: return expected("a value");
  }
}

Result<ExprPtr> ExpressionParser::parse_number() {
  Token token = lexer_.take();
  const std::uint32_t begin = token.begin;
  std::string digits;
  if (token.is == TokenIs::minus) {
    const bool touches = next_is(TokenIs::integer) || next_is(TokenIs::real);
    if (!touches || lexer_.peek().begin != token.end)
      return expected("a number directly after `-`");
    token = lexer_.take();
    digits = "-";
  }
  digits += token.text;
  ExprPtr expr = make(token.is == TokenIs::real ? Expr::Is::real : Expr::Is::integer, token);
  expr->at = begin;
  const char* last = digits.data() + digits.size();
  if (token.is == TokenIs::real) {
    if (std::from_chars(digits.data(), last, expr->real).ec != std::errc{})
      return error_at(begin, token.end, "this number is out of the range of doubles: " + digits);
  } else if (std::from_chars(digits.data(), last, expr->integer).ec != std::errc{}) {
    return error_at(begin, token.end, "this integer is out of the 64-bit range: " + digits);
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::parse_group() {
  lexer_.take();
  ExprPtr inner = TRY(parse_expression());
  TRY(take(TokenIs::close, "`)`"));
  return inner;
}

Result<ExprPtr> ExpressionParser::parse_array() {
  ExprPtr array = make(Expr::Is::array, lexer_.take());
  while (!next_is(TokenIs::close_square)) {
    ExprPtr item = TRY(parse_expression());
    array->depth = std::max(array->depth, item->depth + 1);
    array->items.push_back(std::move(item));
    if (!next_is(TokenIs::comma)) break;
    lexer_.take();
  }
  array->end = lexer_.peek().end;
  TRY(take(TokenIs::close_square, "`,` or `]`"));
  return array;
}

Result<ExprPtr> ExpressionParser::parse_named() {
  const Token name = lexer_.take();
  if (name.text == "true" || name.text == "True" || name.text == "false" || name.text == "False") {
    ExprPtr expr = make(Expr::Is::boolean, name);
    expr->flag = name.text[0] == 't' || name.text[0] == 'T';
    return expr;
  }
  // A `.` or `[` only counts directly behind; look before the next token is read.
  if (lexer_.touches('.') || lexer_.touches('[')) {
    ExprPtr path = TRY(parse_path(name));
    return next_is_word("is") ? parse_test(std::move(path)) : Result<ExprPtr>(std::move(path));
  }
  if (next_is(TokenIs::open)) {
    lexer_.take();
    ExprPtr call = make(Expr::Is::call, name);
    call->text = name.text;
    call->arguments = TRY(parse_arguments());
    call->depth = deepest_of(call->arguments) + 1;
    call->end = lexer_.offset();
    return call;
  }
  if (next_is(TokenIs::colons)) {
    lexer_.take();
    ExprPtr call = make(Expr::Is::macro, name);
    call->space = name.text;
    const Token macro = TRY(take_name("the name of a macro"));
    call->text = macro.text;
    TRY(take(TokenIs::open, "`(` and the macro's arguments"));
    call->arguments = TRY(parse_arguments());
    call->depth = deepest_of(call->arguments) + 1;
    call->end = lexer_.offset();
    return call;
  }
  ExprPtr path = make(Expr::Is::path, name);
  path->text = name.text;
  return next_is_word("is") ? parse_test(std::move(path)) : Result<ExprPtr>(std::move(path));
}

Result<ExprPtr> ExpressionParser::parse_path(const Token& name) {
  ExprPtr path = make(Expr::Is::path, name);
  path->text = name.text;
  for (;;) {
    if (lexer_.touches('.')) {
      lexer_.take();
      const std::string_view segment = lexer_.take_segment();
      if (segment.empty()) return expected("a name or an index after `.`");
      path->steps.push_back({segment, nullptr});
    } else if (lexer_.touches('[')) {
      lexer_.take();
      ExprPtr index = TRY(parse_expression());
      path->depth = std::max(path->depth, index->depth + 1);
      if (!next_is(TokenIs::close_square)) return expected("`]`");
      lexer_.take();
      // A literal is known now; anything else is asked when the line runs.
      if (index->is == Expr::Is::string && index->filters.empty()) {
        path->steps.push_back({index->text, nullptr});
      } else if (index->is == Expr::Is::integer && index->filters.empty() && index->integer >= 0) {
        path->steps.push_back({lexer_.source().substr(index->at, index->end - index->at), nullptr});
      } else {
        path->steps.push_back({{}, std::move(index)});
      }
    } else {
      path->end = lexer_.offset();
      return path;
    }
  }
}

Result<ExprPtr> ExpressionParser::parse_test(ExprPtr path) {
  lexer_.take();
  auto test = std::make_unique<Expr>();
  test->is = Expr::Is::test;
  test->at = path->at;
  test->depth = path->depth + 1;
  test->items.push_back(std::move(path));
  if (next_is_word("not")) {
    lexer_.take();
    test->flag = true;
  }
  const Token name = TRY(take_name("the name of a test"));
  test->text = name.text;
  test->end = name.end;
  if (!next_is(TokenIs::open)) return test;
  lexer_.take();
  do {
    ExprPtr argument = TRY(parse_expression());
    test->depth = std::max(test->depth, argument->depth + 1);
    test->items.push_back(std::move(argument));
    if (!next_is(TokenIs::comma)) break;
    lexer_.take();
  } while (!next_is(TokenIs::close));
  test->end = lexer_.peek().end;
  TRY(take(TokenIs::close, "`,` or `)`"));
  return test;
}

Result<ExprPtr> ExpressionParser::parse_literal() {
  const Token token = lexer_.peek();
  const bool flag = token.is == TokenIs::name && (token.text == "true" || token.text == "True" ||
                                                  token.text == "false" || token.text == "False");
  switch (token.is) {
    case TokenIs::integer:
    case TokenIs::real:
    case TokenIs::minus:
    case TokenIs::string: return parse_primary();
    default:
      if (flag) return parse_primary();
      return expected("a literal: a number, a string, `true` or `false`");
  }
}

}  // namespace weir::tmpl
