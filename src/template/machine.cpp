#include "template/machine.h"

#include "text/escape.h"

#include <algorithm>
#include <utility>

// The loop of instructions, and what every instruction may need: errors, bounds, output. Operators
// are in machine_operators.cpp, variables and loops in machine_scopes.cpp, calls in
// machine_calls.cpp.

namespace weir::tmpl {
Machine::Machine(const Settings& settings)
    : settings_(settings),
      recorder_(settings.recorder),
      escape_(settings.escape),
      output_bytes_max_(settings.options->output_bytes_max),
      steps_left_(settings.options->steps_max),
      working_left_(settings.options->working_bytes_max) {
  if (settings.outer != nullptr) {
    frames_ = settings.outer->frames_;
    steps_left_ = std::min(steps_left_, settings.outer->steps_left_);
    working_left_ = std::min(working_left_, settings.outer->working_left_);
  }
  steps_given_ = steps_left_;
  working_given_ = working_left_;
  stack_.reserve(32);
  // The own variables of a context hide those of its parent, so they come last.
  std::vector<const Context*> layers;
  for (const Context* layer = settings.context; layer != nullptr; layer = layer->parent())
    layers.push_back(layer);
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    for (const auto& [name, value] : (*layer)->own()) {
      const std::uint32_t symbol = settings.symbols->find(name);
      if (symbol != Symbols::none) given_.emplace_back(symbol, Value::lend(value));
    }
  }
  cells_owned_ = take_cells();
  cells_ = cells_owned_.get();
}

std::unique_ptr<Value[]> Machine::take_cells() {
  if (!spare_cells_.empty()) {
    std::unique_ptr<Value[]> cells = std::move(spare_cells_.back());
    spare_cells_.pop_back();
    return cells;
  }
  auto cells = std::make_unique<Value[]>(settings_.symbols->count());
  for (const auto& [symbol, value] : given_) cells[symbol] = value;
  return cells;
}

void Machine::report(const Unit& unit) {
  if (recorder_ == nullptr) return;
  for (const Unit* read : unit.reads)
    recorder_->read({ReadKind::template_file, ReadGroup::meta, read->id, read->name});
}

Result<std::string> Machine::render(const Unit& unit) {
  const Instruction start{Op::halt};
  const Unit& root = unit.root();
  chunk_ = &root.body;
  active_ = &unit;
  report(unit);
  out_.reserve(root.source.size() + 1024);
  units_.push_back(&unit);
  const bool ok = enter(start) && run(root.body);
  if (settings_.outer != nullptr) {
    Machine& outer = *settings_.outer;
    outer.steps_left_ -= std::min(outer.steps_left_, steps_given_ - steps_left_);
    outer.working_left_ -= std::min(outer.working_left_, working_given_ - working_left_);
  }
  if (ok) return std::move(out_);
  if (&root != &unit) add_to_chain("in " + root.name + ", the parent of " + unit.name);
  return std::move(*error_);
}

// --- errors ---

bool Machine::fail_with(const Instruction& at, Error error) {
  if (error.place.file.empty()) error.place = place_of(*chunk_->unit, at.at);
  error_ = std::move(error);
  return false;
}

bool Machine::fail(const Instruction& at, std::string what, std::string help) {
  return fail_with(at, Error{Errc::invalid, std::move(what), {}, std::move(help)});
}

bool Machine::fail_limit(const Instruction& at, std::string what) {
  return fail_with(at, Error{Errc::too_large, std::move(what)});
}

void Machine::add_to_chain(std::string text) {
  constexpr std::size_t shown_max = 32;  // of a recursion that went 200 deep nobody reads all
  if (error_->chain.size() < shown_max) error_->chain.push_back(std::move(text));
}

std::string Machine::where(const Chunk& chunk, const Instruction& at) const {
  const Place place = place_of(*chunk.unit, at.at);
  return place.file + ':' + std::to_string(place.line);
}

bool Machine::enter(const Instruction& at) {
  if (frames_ < limits::template_frames_max) {
    ++frames_;
    return true;
  }
  return fail_limit(
      at, "more than " + std::to_string(limits::template_frames_max) +
              " macros, includes and blocks within each other: a recursion that does not end");
}

bool Machine::check_output(const Instruction& at) {
  if (out_.size() <= output_bytes_max_) return true;
  return fail_limit(at,
                    "the output is larger than " + std::to_string(output_bytes_max_) + " bytes");
}

bool Machine::charge(std::size_t bytes, const Instruction& at) {
  if (bytes <= working_left_) {
    working_left_ -= bytes;
    return true;
  }
  return fail_limit(at, "this render makes more than " +
                            std::to_string(settings_.options->working_bytes_max) +
                            " bytes of strings and arrays");
}

// Work that one instruction does over a large value counts as steps too; generously, because lists
// of thousands of pages are filtered and sorted on every page of a real site.
void Machine::charge_steps(const Value& value) {
  std::size_t work = 0;
  if (value.is_string()) work = value.string().size() / 1024;
  else if (value.is_array()) work = value.array().count() / 16;
  steps_left_ -= std::min(steps_left_, work);
}

bool Machine::charge_value(const Value& value, const Instruction& at) {
  if (value.is_string()) return charge(value.string().size(), at);
  if (value.depth() > limits::template_nesting_max)
    return fail_limit(at, "arrays are nested more than " +
                              std::to_string(limits::template_nesting_max) + " deep");
  if (value.weight() > limits::template_items_max)
    return fail_limit(
        at, "this value holds more than " + std::to_string(limits::template_items_max) + " others");
  return value.is_array() ? charge(value.array().count() * sizeof(Value), at) : true;
}

// --- output ---

void Machine::cut_captures(std::size_t count) {
  if (captures_.size() <= count) return;
  escape_ = captures_[count].escape;
  captures_.resize(count);
}

bool Machine::print(const Value& value, bool escaped, const Instruction& at) {
  if (!value.is_string()) append_text(out_, value, recorder_);
  else if (escaped) text::append_html_escaped(out_, value.string());
  else out_ += value.string();
  return check_output(at);
}

// --- the loop ---

bool Machine::run(const Chunk& chunk) {
  const Unit& unit = *chunk.unit;
  const Chunk* const outer_chunk = std::exchange(chunk_, &chunk);
  const Instruction* const outer_at = at_;
  std::vector<Guard> guards;
  const Instruction* next = chunk.code.data();
  bool ok = true;
  for (;;) {
    const Instruction& at = *next++;
    at_ = &at;
    if (steps_left_ == 0) {
      ok = fail_limit(at, "more than " + std::to_string(settings_.options->steps_max) +
                              " steps: this template does not end");
    } else {
      --steps_left_;
      switch (at.op) {
        case Op::text:
          out_ += unit.texts[at.b];
          ok = check_output(at);
          break;
        case Op::print:
          ok = print(stack_.back(), false, at);
          stack_.pop_back();
          break;
        case Op::print_escaped:
          ok = print(stack_.back(), escape_, at);
          stack_.pop_back();
          break;
        case Op::print_unless_safe:
          ok = print(stack_.back(), escape_ && !stack_.back().is_safe(), at);
          stack_.pop_back();
          break;
        case Op::print_path: {
          const Path& path = unit.paths[at.b];
          const Value value = resolve(path);
          ok = value.is_undefined() ? fail_undefined(path, at) : print(value, escape_, at);
          break;
        }
        case Op::push: stack_.push_back(Value::lend(unit.constants[at.b])); break;
        case Op::path:
          stack_.push_back(resolve(unit.paths[at.b]));
          if (stack_.back().is_undefined()) ok = fail_undefined(unit.paths[at.b], at);
          break;
        case Op::path_soft: stack_.push_back(resolve(unit.paths[at.b])); break;
        case Op::member: {
          Value member = stack_.back().find(unit.texts[at.b], recorder_);
          stack_.back() = std::move(member);
          break;
        }
        case Op::index: ok = index(at); break;
        case Op::require:
          if (stack_.back().is_undefined()) ok = fail_undefined(unit.texts[at.b], at);
          break;
        case Op::truth: stack_.back() = stack_.back().truthy(); break;
        case Op::invert: stack_.back() = !stack_.back().boolean(); break;
        case Op::jump: next = chunk.code.data() + at.b; break;
        case Op::jump_false:
          if (!stack_.back().boolean()) next = chunk.code.data() + at.b;
          stack_.pop_back();
          break;
        case Op::keep_false:
        case Op::keep_true:
          if (stack_.back().boolean() == (at.op == Op::keep_true)) next = chunk.code.data() + at.b;
          else stack_.pop_back();
          break;
        case Op::keep_present:
          if (!stack_.back().is_undefined() && !stack_.back().is_null())
            next = chunk.code.data() + at.b;
          else stack_.pop_back();
          break;
        case Op::guard:
          guards.push_back({at.b, stack_.size(), out_.size(), captures_.size()});
          break;
        case Op::unguard: guards.pop_back(); break;
        case Op::math: ok = math(at); break;
        case Op::compare: ok = compare(at); break;
        case Op::equal: {
          const std::size_t top = stack_.size();
          const bool numbers = stack_[top - 2].is_number() || stack_[top - 1].is_number();
          const bool both = stack_[top - 2].is_number() && stack_[top - 1].is_number();
          steps_left_ -= std::min(steps_left_, stack_[top - 1].weight() / 16);
          const bool same = equal(stack_[top - 2], stack_[top - 1], recorder_);
          drop(2);
          // Between a number and something else both == and != are false (S-41).
          stack_.push_back(at.a == 0 ? same : !same && (!numbers || both));
          break;
        }
        case Op::in: ok = contains(at); break;
        case Op::concat: ok = concat(at); break;
        case Op::array: ok = array(at); break;
        case Op::call_function: ok = call_function(at); break;
        case Op::call_filter: ok = call_filter(at); break;
        case Op::call_test: ok = call_test(at); break;
        case Op::argument: {
          const MacroSite& site = unit.macros[at.c];
          if (site.macro == nullptr || site.known[at.a]) break;
          stack_.emplace_back();
          next = chunk.code.data() + at.b;
          break;
        }
        case Op::call_macro: ok = call_macro(at); break;
        case Op::capture:
          captures_.push_back({out_.size(), escape_});
          if (at.a != 0) escape_ = false;
          break;
        case Op::captured: {
          const std::size_t begin = captures_.back().begin;
          cut_captures(captures_.size() - 1);
          stack_.push_back(Value::text(std::string_view(out_).substr(begin)));
          out_.resize(begin);
          ok = charge_value(stack_.back(), at);
          break;
        }
        case Op::include: ok = call_include(at); break;
        case Op::block: ok = call_block(at); break;
        case Op::super: ok = call_super(at); break;
        case Op::set:
          set(at.b, std::move(stack_.back()));
          stack_.pop_back();
          break;
        case Op::set_global:
          set_global(at.b, std::move(stack_.back()));
          stack_.pop_back();
          break;
        case Op::loop: ok = start_loop(at, next, chunk); break;
        case Op::loop_next:
          if (next_item()) next = chunk.code.data() + at.b;
          break;
        case Op::loop_stop: end_loop(); break;
        case Op::fail: {
          const Failure& failure = unit.failures[at.b];
          ok = fail(at, failure.what, failure.help);
          break;
        }
        case Op::halt:
          chunk_ = outer_chunk;
          at_ = outer_at;
          return true;
      }
    }
    if (ok) [[likely]]
      continue;
    // An error within a condition makes it false (S-39); a limit is never forgiven.
    if (guards.empty() || error_->code == Errc::too_large) {
      chunk_ = outer_chunk;
      at_ = outer_at;
      return false;
    }
    const Guard guard = guards.back();
    guards.pop_back();
    stack_.resize(guard.stack);
    out_.resize(guard.output);
    cut_captures(guard.captures);
    stack_.push_back(false);
    next = chunk.code.data() + guard.target;
    error_.reset();
    ok = true;
  }
}

}  // namespace weir::tmpl
