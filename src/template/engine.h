#pragma once
// Templates in, text out: the language of Tera v1 (site specification, section 7).
//
// Use: construct, add functions, filters, tests and templates, `link()` once, then `render` from
// any number of threads; after `link` the engine never changes. `link` parses everything, resolves
// inheritance, imports and macros, compiles to code for one virtual machine (vm.h), and returns
// every error of every template.
//
// A name that no template or function has is found out when the line runs, as in Tera: themes carry
// code for settings that are off. `link` lists such names as warnings.
//
// Bounds (base/limits.h): steps, frames, output bytes and working bytes per render, nesting of
// templates. Above them a render fails with Errc::too_large. No template can crash the process.
//
// Errors carry the place in the template file, and in `chain` how the render got there, innermost
// first: "in macro `ui::card` of macros.html:3", "included from page.html:7", "in block `main` of
// base.html:12".

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "template/recorder.h"
#include "template/value.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::tmpl {

// The variables that a render starts with. Few, so look-ups are linear. `parent` (config and the
// like, shared by many renders) is asked after the own ones and must outlive the context.
class Context {
 public:
  explicit Context(const Context* parent = nullptr) : parent_(parent) {}
  Context& set(std::string_view name, Value value);  // replaces
  Value find(std::string_view name) const;           // lent; undefined when there is none

  const Context* parent() const { return parent_; }
  std::span<const std::pair<std::string, Value>> own() const { return own_; }

 private:
  const Context* parent_;
  std::vector<std::pair<std::string, Value>> own_;
};

class Engine;

// What a function, filter or test sees of its call. Lives only as long as the call, and so do texts
// of arguments, which may be lent by the template: who keeps one copies it.
class Call {
 public:
  // The name it was called by.
  std::string_view name() const { return name_; }

  // A named argument; null when it was not given. Unknown names are ignored, as in Tera.
  const Value* find(std::string_view argument) const;
  // The positional arguments of a test.
  std::span<const Value> positional() const { return values_; }

  // Named arguments of one kind. The error says which function, which argument, what was expected
  // and found.
  Result<std::string_view> text(std::string_view argument) const;  // must be given
  Result<std::string_view> text_or(std::string_view argument, std::string_view otherwise) const;
  Result<std::int64_t> integer(std::string_view argument) const;
  Result<std::int64_t> integer_or(std::string_view argument, std::int64_t otherwise) const;
  Result<bool> boolean_or(std::string_view argument, bool otherwise) const;
  Result<Value> value(std::string_view argument) const;  // any kind; must be given

  // An error at the place of the call: "function `get_url`: what".
  Error error(std::string what) const;

  // A variable of the context the render started with ("lang", "page"); undefined when there is
  // none. What templates `set` is not seen.
  Value variable(std::string_view name) const;
  const Context& context() const;
  Recorder* recorder() const;
  const Clock& clock() const;
  const Engine& engine() const;
  // What this call has read changes every time (now, get_random): the output is volatile.
  void mark_volatile() const;
  // This is one of the two calls of `now() | date(…)`: the time goes from the one into the other,
  // and what is read of the clock is what the filter makes of it (shown_time.h).
  bool follows_clock() const { return follows_clock_; }
  std::string_view template_name() const;  // whose line calls
  Place place() const;

 private:
  friend class Machine;
  friend class Engine;
  Call() = default;
  std::string_view name_;
  std::string_view what_;  // "function", "filter", "test"
  std::span<const std::string_view> names_;
  std::span<const Value> values_;
  class Machine* machine_ = nullptr;
  bool follows_clock_ = false;
};

using Function = std::function<Result<Value>(const Call&)>;
using Filter = std::function<Result<Value>(const Value& input, const Call&)>;
using Test = std::function<Result<bool>(const Value& input, const Call&)>;

enum class Escape : std::uint8_t {
  by_name,  // on when the name of the rendered template ends in .html, .htm or .xml
  on,
  off,
};

struct RenderOptions {
  Recorder* recorder = nullptr;
  Escape escape = Escape::by_name;
  // The call that asks for this render, when a function or filter renders a template itself: the
  // frames of both count together, and the recorder is the outer one's unless another is given.
  const Call* within = nullptr;
  // Bounds of this render; above them it fails with Errc::too_large.
  std::size_t steps_max = limits::template_steps_max;
  std::size_t output_bytes_max = limits::template_output_bytes_max;
  std::size_t working_bytes_max = limits::template_working_bytes_max;
};

struct Linked {
  std::vector<Error> errors;    // not empty: every render fails with the first of them
  std::vector<Error> warnings;  // unknown filters, functions, tests, includes; blocks never shown
};

class Engine {
 public:
  // With the filters, tests and functions of Tera. `clock` (for now()) must outlive the engine.
  explicit Engine(const Clock& clock);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Of equal names the last one counts. `file` is what errors name: the path the author knows.
  void add_template(std::string name, std::string source, std::string file);
  void add_function(std::string name, Function function);
  void add_filter(std::string name, Filter filter);
  void add_test(std::string name, Test test);

  Linked link();

  bool has_template(std::string_view name) const;
  // Dense, for recorders; nullopt when there is none.
  std::optional<std::uint32_t> template_id(std::string_view name) const;
  // Which templates a render of `name` may touch without choosing: itself, its parents, imports and
  // includes.
  std::vector<std::string_view> templates_of(std::string_view name) const;

  Result<std::string> render(std::string_view name, const Context& context,
                             const RenderOptions& options = {}) const;
  // A template that is not kept (Tera's one_off): it may extend, import and include linked ones.
  Result<std::string> render_text(std::string_view source, std::string file, const Context& context,
                                  const RenderOptions& options) const;

 private:
  friend class Machine;
  struct Held;
  std::unique_ptr<Held> held_;
};

}  // namespace weir::tmpl
