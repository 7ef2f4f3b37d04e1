#include "text/rule.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace weir::text {

// --- patterns ------------------------------------------------------------------------------------

namespace {

// RFC 7519 section 4.1 and the claims that rules are mostly written over.
constexpr std::array<std::string_view, 11> claims_of_note{
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "roles", "groups", "tid"};

bool is_name_start(char c) { return is_alpha(c) || c == '_'; }
bool is_name_part(char c) { return is_alnum(c) || c == '_' || c == '-'; }

bool is_name(std::string_view text) {
  return !text.empty() && is_name_start(text.front()) &&
         std::all_of(text.begin(), text.end(), is_name_part);
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.empty()) return segments;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    segments.push_back(path.substr(0, slash));
    path.remove_prefix(slash + 1);
  }
  segments.push_back(path);
  return segments;
}

}  // namespace

Result<PathPattern> PathPattern::compile(std::string_view pattern) {
  PathPattern compiled;
  const std::string shown = "pattern '" + std::string(pattern) + "': ";
  const std::vector<std::string_view> segments = segments_of(pattern);
  if (segments.empty()) return Error{Errc::invalid, shown + "is empty; `**` matches every path"};
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view segment = segments[i];
    if (segment.empty())
      return Error{Errc::invalid,
                   shown + "has an empty segment; write it without a slash at either end"};
    if (segment == "**") {
      if (i + 1 != segments.size())
        return Error{Errc::invalid, shown + "`**` may only be the last segment"};
      compiled.segments_.push_back({Kind::rest, {}});
    } else if (segment == "*") {
      compiled.segments_.push_back({Kind::any, {}});
    } else if (segment.front() == '{' && segment.back() == '}' && segment.size() > 2) {
      const std::string name(segment.substr(1, segment.size() - 2));
      if (!is_name(name))
        return Error{Errc::invalid,
                     shown + "'" + name + "' is not a name (letters, digits, _ and -)"};
      if (std::find(claims_of_note.begin(), claims_of_note.end(), name) != claims_of_note.end())
        return Error{Errc::invalid,
                     shown + "a variable may not have the name of the claim '" + name + "'"}
            .with_help("name it after what it is in the path, as in {owner}");
      if (std::find(compiled.variables_.begin(), compiled.variables_.end(), name) !=
          compiled.variables_.end())
        return Error{Errc::invalid, shown + "the variable '" + name + "' appears twice"};
      compiled.variables_.push_back(name);
      compiled.segments_.push_back({Kind::variable, name});
    } else if (segment.find_first_of("{}*") != std::string_view::npos) {
      return Error{Errc::invalid,
                   shown + "'" + std::string(segment) + "' is neither a text, {name}, * nor **"};
    } else {
      compiled.segments_.push_back({Kind::literal, std::string(segment)});
    }
  }
  return compiled;
}

std::optional<std::vector<PathVariable>> PathPattern::match(std::string_view path) const {
  std::vector<PathVariable> bound;
  const std::vector<std::string_view> segments = segments_of(path);
  std::size_t at = 0;
  for (const Segment& expected : segments_) {
    if (expected.kind == Kind::rest) return bound;
    if (at == segments.size()) return std::nullopt;
    const std::string_view segment = segments[at++];
    if (expected.kind == Kind::literal && segment != expected.text) return std::nullopt;
    if (segment.empty()) return std::nullopt;
    if (expected.kind == Kind::variable) bound.push_back({expected.text, segment});
  }
  if (at != segments.size()) return std::nullopt;
  return bound;
}

// --- expressions ---------------------------------------------------------------------------------

namespace {

enum class Operation : std::uint8_t { constant, both, either, negate, equal, unequal, member };

struct Operand {
  enum class Kind : std::uint8_t { literal, variable, claim };
  Kind kind = Kind::literal;
  Value literal;
  std::vector<std::string> path;  // the variable, or the claim and the names within it
};

}  // namespace

struct Rule::Node {
  Operation operation = Operation::constant;
  bool constant = false;
  Operand left;
  Operand right;
  std::vector<std::shared_ptr<const Node>> parts;  // of both, either, negate
};

namespace {

using NodePointer = std::shared_ptr<const Rule::Node>;

enum class TokenKind : std::uint8_t { end, name, text, number, sign };
struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // of a text without its quotes
  std::size_t column = 1;
};

Error error_at(std::size_t column, std::string what) {
  Place place;
  place.column = static_cast<std::uint32_t>(column);
  return Error{Errc::invalid, "rule, column " + std::to_string(column) + ": " + std::move(what)}.at(
      std::move(place));
}

Result<std::vector<Token>> tokens_of(std::string_view source) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (true) {
    while (at < source.size() && is_space(source[at])) ++at;
    const std::size_t column = at + 1;
    if (at == source.size()) {
      tokens.push_back({TokenKind::end, {}, column});
      return tokens;
    }
    const char c = source[at];
    std::size_t end = at + 1;
    TokenKind kind = TokenKind::sign;
    if (is_name_start(c)) {
      kind = TokenKind::name;
      while (end < source.size() && (is_name_part(source[end]) || source[end] == '.')) ++end;
    } else if (is_digit(c) || (c == '-' && end < source.size() && is_digit(source[end]))) {
      kind = TokenKind::number;
      while (end < source.size() && is_digit(source[end])) ++end;
    } else if (c == '\'' || c == '"') {
      end = source.find(c, at + 1);
      if (end == std::string_view::npos)
        return error_at(column, "the text that begins here has no closing quote");
      tokens.push_back({TokenKind::text, source.substr(at + 1, end - at - 1), column});
      at = end + 1;
      continue;
    } else if ((c == '=' || c == '!') && end < source.size() && source[end] == '=') {
      ++end;
    } else if (c != '(' && c != ')') {
      std::string what = "unexpected '" + std::string(1, c) + "'";
      if (c == '=') what += "; write == to compare";
      if (c == '&' || c == '|' || c == '!') what += "; write and, or, not";
      return error_at(column, std::move(what));
    }
    tokens.push_back({kind, source.substr(at, end - at), column});
    at = end;
  }
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, std::span<const std::string> variables)
      : tokens_(std::move(tokens)), variables_(variables) {}

  Result<NodePointer> whole() {
    NodePointer root = TRY(either(0));
    if (next().kind != TokenKind::end) return unexpected("and, or, or the end of the rule");
    return root;
  }

 private:
  const Token& next() const { return tokens_[at_]; }
  bool accept(std::string_view word) {
    const bool is_it =
        next().kind != TokenKind::text && next().kind != TokenKind::end && next().text == word;
    if (is_it) ++at_;
    return is_it;
  }
  Error unexpected(std::string_view expected) const {
    const std::string found =
        next().kind == TokenKind::end ? "the end" : "'" + std::string(next().text) + "'";
    return error_at(next().column, "expected " + std::string(expected) + ", found " + found);
  }

  Result<NodePointer> either(std::size_t depth) { return chain(Operation::either, "or", depth); }

  Result<NodePointer> chain(Operation operation, std::string_view word, std::size_t depth) {
    std::vector<NodePointer> parts;
    do {
      NodePointer part = operation == Operation::either ? TRY(chain(Operation::both, "and", depth))
                                                        : TRY(unary(depth));
      parts.push_back(std::move(part));
    } while (accept(word));
    if (parts.size() == 1) return std::move(parts.front());
    auto node = std::make_shared<Rule::Node>();
    node->operation = operation;
    node->parts = std::move(parts);
    return NodePointer(std::move(node));
  }

  Result<NodePointer> unary(std::size_t depth) {
    if (depth == limits::rule_depth_max)
      return error_at(next().column,
                      "more than " + std::to_string(limits::rule_depth_max) + " levels");
    if (accept("not")) {
      auto node = std::make_shared<Rule::Node>();
      node->operation = Operation::negate;
      node->parts.push_back(TRY(unary(depth + 1)));
      return NodePointer(std::move(node));
    }
    if (accept("(")) {
      NodePointer inner = TRY(either(depth + 1));
      if (!accept(")")) return unexpected("')'");
      return inner;
    }
    return comparison();
  }

  Result<NodePointer> comparison() {
    auto node = std::make_shared<Rule::Node>();
    const std::size_t column = next().column;
    node->left = TRY(operand());
    if (accept("==")) node->operation = Operation::equal;
    else if (accept("!=")) node->operation = Operation::unequal;
    else if (accept("in")) node->operation = Operation::member;
    else if (const bool* constant = node->left.literal.boolean()) {
      node->constant = *constant;
      return NodePointer(std::move(node));
    } else {
      return error_at(column, "a name or text alone says nothing")
          .with_help("compare it: admin == true, sub == owner");
    }
    node->right = TRY(operand());
    return NodePointer(std::move(node));
  }

  Result<Operand> operand() {
    const Token token = next();
    Operand operand;
    if (token.kind == TokenKind::text) {
      operand.literal = Value(token.text);
    } else if (token.kind == TokenKind::number) {
      const auto number = parse_i64(token.text);
      if (!number) return error_at(token.column, "the number is too large");
      operand.literal = Value(*number);
    } else if (token.kind == TokenKind::name && (token.text == "true" || token.text == "false")) {
      operand.literal = Value(token.text == "true");
    } else if (token.kind == TokenKind::name && !is_word(token.text)) {
      TRY(name_into(operand, token));
    } else {
      return unexpected("a name, a 'text', a number, true or false");
    }
    ++at_;
    return operand;
  }

  static bool is_word(std::string_view text) {
    return text == "and" || text == "or" || text == "not" || text == "in";
  }

  Status name_into(Operand& operand, const Token& token) const {
    const std::string whole(token.text);
    if (std::find(variables_.begin(), variables_.end(), whole) != variables_.end()) {
      operand.kind = Operand::Kind::variable;
      operand.path = {whole};
      return done;
    }
    operand.kind = Operand::Kind::claim;
    std::string_view rest = token.text;
    while (true) {
      const std::size_t dot = rest.find('.');
      const std::string_view part = rest.substr(0, dot);
      if (part.empty())
        return error_at(token.column, "'" + whole + "' has an empty part between dots");
      operand.path.emplace_back(part);
      if (dot == std::string_view::npos) return done;
      rest.remove_prefix(dot + 1);
    }
  }

  std::vector<Token> tokens_;
  std::span<const std::string> variables_;
  std::size_t at_ = 0;
};

// What an operand stands for now. A path variable is a text that lives in the path; the rest are
// values that exist.
using Meaning = std::variant<std::monostate, std::string_view, const Value*>;

Meaning meaning_of(const Operand& operand, std::span<const PathVariable> variables,
                   const Value* claims) {
  if (operand.kind == Operand::Kind::literal) return &operand.literal;
  if (operand.kind == Operand::Kind::variable) {
    for (const PathVariable& variable : variables)
      if (variable.name == operand.path.front()) return variable.value;
    return {};
  }
  const Value* found = claims;
  for (const std::string& name : operand.path) {
    if (found == nullptr) return {};
    found = found->find(name);
  }
  if (found == nullptr || found->is_null()) return {};
  return found;
}

std::optional<std::string_view> text_in(const Meaning& meaning) {
  if (const auto* text = std::get_if<std::string_view>(&meaning)) return *text;
  const auto* value = std::get_if<const Value*>(&meaning);
  if (value == nullptr) return std::nullopt;
  const std::string* text = (*value)->string();
  return text == nullptr ? std::nullopt : std::optional<std::string_view>(*text);
}

bool same(const Meaning& a, const Meaning& b) {
  const auto a_text = text_in(a);
  const auto b_text = text_in(b);
  if (a_text || b_text) return a_text == b_text;
  return *std::get<const Value*>(a) == *std::get<const Value*>(b);
}

bool is_member(const Meaning& item, const Meaning& group) {
  if (const auto words = text_in(group)) {
    const auto word = text_in(item);
    if (!word || word->empty() || word->find(' ') != std::string_view::npos) return false;
    std::string_view rest = *words;
    while (true) {
      const std::size_t blank = rest.find(' ');
      if (rest.substr(0, blank) == *word) return true;
      if (blank == std::string_view::npos) return false;
      rest.remove_prefix(blank + 1);
    }
  }
  const Value::Array* items = std::get<const Value*>(group)->array();
  return items != nullptr && std::any_of(items->begin(), items->end(), [&item](const Value& value) {
           return same(item, &value);
         });
}

bool holds_at(const Rule::Node& node, std::span<const PathVariable> variables,
              const Value* claims) {
  const auto holds = [variables, claims](const NodePointer& part) {
    return holds_at(*part, variables, claims);
  };
  switch (node.operation) {
    case Operation::constant: return node.constant;
    case Operation::both: return std::all_of(node.parts.begin(), node.parts.end(), holds);
    case Operation::either: return std::any_of(node.parts.begin(), node.parts.end(), holds);
    case Operation::negate: return !holds(node.parts.front());
    case Operation::equal:
    case Operation::unequal:
    case Operation::member: break;
  }
  const Meaning left = meaning_of(node.left, variables, claims);
  const Meaning right = meaning_of(node.right, variables, claims);
  if (left.index() == 0 || right.index() == 0)
    return false;  // a missing claim decides nothing in anyone's favour
  if (node.operation == Operation::member) return is_member(left, right);
  return same(left, right) == (node.operation == Operation::equal);
}

}  // namespace

bool Rule::holds(std::span<const PathVariable> variables, const Value* claims) const {
  return root_ != nullptr && holds_at(*root_, variables, claims);
}

Result<Rule> compile_rule(std::string_view expression, std::span<const std::string> variables) {
  if (expression.size() > limits::rule_bytes_max)
    return error_at(1, "longer than " + std::to_string(limits::rule_bytes_max) + " bytes");
  Parser parser(TRY(tokens_of(expression)), variables);
  Rule rule;
  rule.root_ = TRY(parser.whole());
  return rule;
}

}  // namespace weir::text
