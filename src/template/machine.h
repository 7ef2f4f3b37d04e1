#pragma once
// One render: runs the instructions of units over the values of a context and writes into one
// buffer.
//
// Scopes. Every symbol has one cell; what a loop, an include or a macro binds is written into the
// cell and what stood there before goes onto a trail, from which it is put back at the end (shallow
// binding). So a look-up is one array access, and an included template sees the scopes of its
// caller for free. Two trails, because `set_global` within loops binds in the scope round the
// loops: `loop_trail_` is cut at the end of each iteration, `base_trail_` at the end of an include.
// A macro gets fresh cells, which hold only the variables the render started with, and its
// parameters.
//
// Captures (filter sections, macros within expressions) are marks in the one output buffer.
//
// One Machine is one render on one thread. It never throws; bounds are checked per instruction, per
// frame and per value made.

#include "base/limits.h"
#include "base/result.h"
#include "template/code.h"
#include "template/engine.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tmpl {

class Machine {
 public:
  struct Settings {
    const Engine* engine;
    const Clock* clock;
    const Symbols* symbols;
    const Context* context;
    Recorder* recorder;
    bool escape;
    const RenderOptions* options;
    Machine* outer;  // whose function call asked for this render; null for the first
  };

  explicit Machine(const Settings& settings);

  Result<std::string> render(const Unit& unit);

 private:
  friend class Call;
  friend class Engine;

  struct Bound {
    std::uint32_t symbol;
    Value before;
  };
  struct Loop {
    Value container;
    const LoopSite* site;
    std::size_t index;
    std::size_t count;
    std::string_view rest;        // of a string: what comes after the current item
    std::size_t trail_outside;    // where the trail is cut when the loop ends
    std::size_t trail_iteration;  // and after each iteration
  };
  // The scope that `set_global` writes to: the render itself, an include or a macro.
  struct Base {
    std::size_t loops = 0;
    std::size_t loop_trail = 0;
    bool restores = false;  // the render itself need not put anything back
  };
  struct BlockLevel {
    const BlockChain* chain = nullptr;
    std::size_t level = 0;
  };
  struct Guard {
    std::uint32_t target;
    std::size_t stack;
    std::size_t output;
    std::size_t captures;
  };

  // False: error_ is set.
  bool run(const Chunk& chunk);
  bool enter(const Instruction& at);  // one frame more

  bool print(const Value& value, bool escaped, const Instruction& at);
  bool check_output(const Instruction& at);
  bool charge(std::size_t bytes, const Instruction& at);
  void charge_steps(const Value& value);
  bool charge_value(const Value& value, const Instruction& at);

  Value resolve(const Path& path);
  Value loop_part(LoopPart part) const;
  Value context_dump();
  bool fail_undefined(const Path& path, const Instruction& at);
  bool fail_undefined(std::string_view text, const Instruction& at);

  bool index(const Instruction& at);
  bool math(const Instruction& at);
  bool compare(const Instruction& at);
  bool contains(const Instruction& at);
  bool concat(const Instruction& at);
  bool array(const Instruction& at);

  bool call_function(const Instruction& at);
  bool call_filter(const Instruction& at);
  bool call_test(const Instruction& at);
  bool call_macro(const Instruction& at);
  bool call_include(const Instruction& at);
  bool call_block(const Instruction& at);
  bool call_super(const Instruction& at);
  bool run_block(BlockLevel block, const Instruction& at);
  Result<const Macro*> find_macro(const MacroSite& site, const Instruction& at);
  Call make_call(const CallSite& site, std::string_view what, std::size_t count) const;
  void drop(std::size_t count) { stack_.resize(stack_.size() - count); }

  void set(std::uint32_t symbol, Value value);
  void set_global(std::uint32_t symbol, Value value);
  bool start_loop(const Instruction& at, const Instruction*& next, const Chunk& chunk);
  void bind_item(Loop& loop);
  bool next_item();  // false: the loop has ended
  void end_loop();
  void cut_loop_trail(std::size_t to);
  void cut_base_trail(std::size_t to);
  std::unique_ptr<Value[]> take_cells();
  void report(const Unit& unit);

  bool fail(const Instruction& at, std::string what, std::string help = {});
  bool fail_limit(const Instruction& at, std::string what);
  bool fail_with(const Instruction& at, Error error);
  void add_to_chain(std::string text);
  std::string where(const Chunk& chunk, const Instruction& at) const;  // "page.html:7"

  Settings settings_;
  Recorder* recorder_;
  bool escape_;
  std::size_t output_bytes_max_;
  std::string out_;
  // Where a capture began, and whether escaping was on around it.
  struct Capture {
    std::size_t begin;
    bool escape;
  };
  std::vector<Capture> captures_;
  void cut_captures(std::size_t count);  // to the first `count`, escaping as it was
  std::vector<Value> stack_;
  std::vector<Loop> loops_;
  std::vector<Bound> loop_trail_;
  std::vector<Bound> base_trail_;
  Base base_;
  const Unit* active_ = nullptr;  // whose blocks count
  BlockLevel block_;
  const Chunk* chunk_ = nullptr;  // which runs
  const Instruction* at_ = nullptr;
  std::vector<const Unit*> units_;  // whose text is being rendered, outermost first

  std::unique_ptr<Value[]> cells_owned_;
  Value* cells_ = nullptr;
  std::size_t env_trail_ = 0;  // base_trail_ of the macro we are in starts here
  std::size_t env_loops_ = 0;  // and its loops here
  bool in_macro_ = false;
  std::vector<std::unique_ptr<Value[]>> spare_cells_;
  std::vector<std::pair<std::uint32_t, Value>> given_;  // the context, by symbol

  std::size_t frames_ = 0;
  std::size_t steps_given_ = 0;
  std::size_t working_given_ = 0;
  std::size_t steps_left_;
  std::size_t working_left_;
  std::optional<Error> error_;
};

}  // namespace weir::tmpl
