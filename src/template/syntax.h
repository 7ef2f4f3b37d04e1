#pragma once
// The tree that the parser makes of one template and the compiler turns into code. Texts are views
// of the template's source, which outlives the tree. `at` is a byte offset in the source.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tmpl {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// name = expression, in calls of functions, filters and macros.
struct Argument {
  std::string_view name;
  std::uint32_t at = 0;
  ExprPtr value;
};

struct FilterCall {
  std::string_view name;
  std::uint32_t at = 0;
  std::vector<Argument> arguments;
};

// One step of a path after its first name: `.name`, `["name"]`, `[0]`, or `[path]` with `index`
// set.
struct Step {
  std::string_view name;
  ExprPtr index;
};

enum class Operator : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  modulo,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
};
std::string_view sign_of(Operator sign);

struct Expr {
  enum class Is : std::uint8_t {
    integer,   // integer
    real,      // real
    boolean,   // flag
    string,    // text
    path,      // text, steps
    array,     // items
    concat,    // items
    math,      // sign, items[0], items[1]
    compare,   // sign, items[0], items[1]
    in,        // flag = "not in"; items[0] in items[1]
    both,      // items, joined by `and`
    either,    // items, joined by `or`
    negation,  // not items[0]
    test,      // flag = "is not"; items[0] is a path; text(items[1..])
    call,      // text(arguments): a function
    macro,     // space::text(arguments)
  };

  Is is;
  Operator sign = Operator::add;
  bool flag = false;
  std::uint32_t at = 0;
  std::uint32_t end = 0;
  std::uint32_t depth = 1;  // of the tree below; bounded, so that recursion over it is
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text;
  std::string_view space;
  std::vector<Step> steps;
  std::vector<ExprPtr> items;
  std::vector<Argument> arguments;
  std::vector<FilterCall> filters;

  bool has_filter_first(std::string_view name) const {
    return !filters.empty() && filters.front().name == name;
  }
  bool has_filter_last(std::string_view name) const {
    return !filters.empty() && filters.back().name == name;
  }
};

struct Node;
using Body = std::vector<Node>;

struct Branch {  // of an if; `condition` is null for else
  ExprPtr condition;
  Body body;
};

struct Node {
  enum class Is : std::uint8_t {
    text,   // text
    print,  // expr
    super,
    set,             // name = expr
    set_global,      // name = expr
    branch,          // branches
    loop,            // for [key,] name in expr: body, otherwise
    include,         // names, flag = ignore missing
    block,           // name, body
    filter_section,  // filter, body
    stop,            // break
    next,            // continue
  };

  Is is;
  bool flag = false;
  std::uint32_t at = 0;
  std::string_view text;
  std::string_view name;
  std::string_view key;
  ExprPtr expr;
  Body body;
  Body otherwise;
  std::vector<Branch> branches;
  std::vector<std::string_view> names;
  FilterCall filter;
};

struct MacroParameter {
  std::string_view name;
  ExprPtr otherwise;  // a literal, or null when the argument must be given
};

struct MacroDefinition {
  std::string_view name;
  std::uint32_t at = 0;
  std::vector<MacroParameter> parameters;
  Body body;
};

struct Import {
  std::string_view file;
  std::string_view space;
  std::uint32_t at = 0;
};

struct Syntax {
  std::string_view parent;  // empty: extends nothing
  std::uint32_t parent_at = 0;
  std::vector<Import> imports;
  std::vector<MacroDefinition> macros;
  Body body;
};

}  // namespace weir::tmpl
