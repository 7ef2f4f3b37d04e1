#pragma once
// What the compiler makes and the machine runs.
//
// One template becomes one Unit: its body, blocks and macros as chunks of instructions, and the
// tables that the instructions point into. Variables are *symbols*: dense numbers that all units
// share, so that a variable is one array access wherever it stands (scoping is in machine.h). A
// stack machine: instructions push and pop Values.

#include "template/engine.h"
#include "template/syntax.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir::tmpl {

// The names of variables and blocks to dense numbers. A second layer (of a template that is not
// kept) goes on counting where its base, which no longer changes, ends.
class Symbols {
 public:
  explicit Symbols(const Symbols* base = nullptr) : base_(base), first_(base ? base->count() : 0) {}
  std::uint32_t intern(std::string_view name);
  static constexpr std::uint32_t none = 0xFFFF'FFFF;
  std::uint32_t find(std::string_view name) const;  // none
  std::string_view name_of(std::uint32_t symbol) const;
  std::uint32_t count() const { return first_ + static_cast<std::uint32_t>(names_.size()); }

 private:
  const Symbols* base_;
  std::uint32_t first_;
  std::vector<std::unique_ptr<std::string>> names_;
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

enum class Op : std::uint8_t {
  text,               // appends texts[b]
  print,              // pops and appends as it is
  print_escaped,      // pops and appends, a string escaped
  print_unless_safe,  // pops and appends, a string escaped unless it says that it is safe
  print_path,         // paths[b], escaped
  push,               // constants[b]
  path,               // pushes paths[b]; an error when undefined
  path_soft,          // pushes paths[b], or undefined
  member,             // replaces the top by its member texts[b], or undefined
  index,              // pops an index and a container, pushes the member or undefined
  require,            // the top must not be undefined; texts[b] is how the author wrote it
  truth,              // replaces the top by whether it is true
  invert,             // replaces the boolean at the top
  jump,               // to b
  jump_false,         // pops a boolean; to b when false
  keep_false,         // to b when the top is false, else pops it
  keep_true,          // to b when the top is true, else pops it
  keep_present,       // to b when the top is neither undefined nor null, else pops it
  guard,  // until the matching unguard, an error is not one: the stack is cut, false is pushed, to
          // b
  unguard,
  math,     // pops two, pushes; a = Operator; operands' texts are sites of two texts: texts[b],
            // texts[c]
  compare,  // the same for < <= > >=
  equal,    // a = 1 for !=
  in,       // a = 1 for not in
  concat,   // pops b; bit i of c says that item i is the result of a function
  array,    // pops b
  call_function,  // calls[b]
  call_filter,
  call_test,   // a = 1 for is not
  argument,    // of macros[c], the a-th: when the macro does not know it, undefined is pushed; to b
  call_macro,  // macros[b]; appends to the output
  capture,     // what is appended from here (a: nothing of it is escaped) ...
  captured,    // ... to here is cut off and pushed as a string
  include,     // includes[b]
  block,       // the block with symbol b, by the most derived template
  super,       // the same block, one template up
  set,         // pops into symbol b
  set_global,
  loop,       // pops a container, starts loops[b]; to c when it is empty
  loop_next,  // to b for the next item, else ends the loop
  loop_stop,  // ends the loop
  fail,       // failures[b]
  halt,       // the end of the chunk
};

struct Instruction {
  Op op;
  std::uint8_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t at = 0;  // in the source, for errors
};

struct Unit;

struct Chunk {
  const Unit* unit = nullptr;
  std::vector<Instruction> code;
};

// `loop.index` and its like read the innermost loop, everything else a variable.
enum class LoopPart : std::uint8_t { none, index, index0, first, last };

struct Path {
  std::uint32_t symbol = 0;
  LoopPart loop = LoopPart::none;
  bool dumps_context = false;  // __tera_context
  std::vector<std::string_view> steps;
  std::string_view text;  // as the author wrote it
};

struct CallSite {
  std::string_view name;
  const Function* function = nullptr;
  const Filter* filter = nullptr;
  const Test* test = nullptr;
  std::vector<std::string_view> names;  // of the arguments, in the order of the stack
  std::uint32_t count = 0;              // of the arguments of a test
  bool follows_clock = false;           // of `now() | date(…)`: both
};

struct Macro {
  std::string_view name;
  const Unit* unit = nullptr;
  std::uint32_t at = 0;
  struct Parameter {
    std::string_view name;
    std::uint32_t symbol = 0;
    bool must_be_given = false;
    Value otherwise;
  };
  std::vector<Parameter> parameters;
  Chunk chunk;
};

struct MacroSite {
  std::string_view space;
  std::string_view name;
  const Macro* macro = nullptr;  // null: looked for in the templates around, when it runs
  std::vector<std::string_view> names;
  std::vector<bool> known;  // which of the names the macro has; set with it
};

struct IncludeSite {
  std::vector<std::string_view> names;
  bool ignore_missing = false;
  const Unit* unit = nullptr;
};

struct LoopSite {
  std::uint32_t value = 0;
  std::uint32_t key = Symbols::none;
  std::string_view text;  // of the container
};

struct Failure {
  std::string what;
  std::string help;
};

// All definitions of one block along a chain of parents, most derived first.
struct BlockChain {
  std::uint32_t symbol = 0;
  std::string_view name;
  std::vector<const Chunk*> chunks;
};

struct Unit {
  std::string name;
  std::string source;
  std::string file;
  std::uint32_t id = 0;

  Syntax syntax;
  Chunk body;
  std::vector<std::unique_ptr<Macro>> macros_defined;
  std::vector<std::pair<std::uint32_t, std::unique_ptr<Chunk>>> blocks_defined;  // by symbol

  std::vector<std::string_view> texts;
  std::vector<Value> constants;
  std::vector<Path> paths;
  std::vector<CallSite> calls;
  std::vector<MacroSite> macros;
  std::vector<IncludeSite> includes;
  std::vector<LoopSite> loops;
  std::vector<Failure> failures;

  // Set by the linker.
  std::vector<const Unit*> ancestors;  // parent first, root last
  std::vector<std::pair<std::string_view, const Unit*>>
      namespaces;  // of macros: own, of imports, of parents
  std::vector<BlockChain> chains;
  std::vector<const Unit*> reads;  // itself, ancestors and imports: what a render of it has read

  const Unit& root() const { return ancestors.empty() ? *this : *ancestors.back(); }
  const Macro* find_macro(std::string_view macro) const;
  const Unit* find_namespace(std::string_view space) const;
  const BlockChain* find_chain(std::uint32_t symbol) const;
};

// The place of a byte of a unit's source.
Place place_of(const Unit& unit, std::uint32_t at);

}  // namespace weir::tmpl
