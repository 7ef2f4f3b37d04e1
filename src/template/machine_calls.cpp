#include "base/bytes.h"
#include "base/must.h"
#include "template/machine.h"

#include <algorithm>
#include <utility>

// Calls: of functions, filters and tests; of macros, includes and blocks.

namespace weir::tmpl {
namespace {

std::string in_quotes(std::string_view name) { return '`' + std::string(name) + '`'; }

}  // namespace

Call Machine::make_call(const CallSite& site, std::string_view what, std::size_t count) const {
  Call call;
  call.name_ = site.name;
  call.what_ = what;
  call.follows_clock_ = site.follows_clock;
  call.names_ = site.names;
  call.values_ = std::span(stack_).last(count);
  call.machine_ = const_cast<Machine*>(this);
  return call;
}

bool Machine::call_function(const Instruction& at) {
  const CallSite& site = chunk_->unit->calls[at.b];
  const std::size_t count = site.names.size();
  const Call call = make_call(site, "function", count);
  Result<Value> result = (*site.function)(call);
  if (!result) return fail_with(at, std::move(result).error());
  drop(count);
  stack_.push_back(result->is_undefined() ? Value::null() : std::move(*result));
  return charge_value(stack_.back(), at);
}

bool Machine::call_filter(const Instruction& at) {
  const CallSite& site = chunk_->unit->calls[at.b];
  const std::size_t count = site.names.size();
  const Call call = make_call(site, "filter", count);
  charge_steps(stack_[stack_.size() - count - 1]);
  Result<Value> result = (*site.filter)(stack_[stack_.size() - count - 1], call);
  if (!result) return fail_with(at, std::move(result).error());
  drop(count);
  stack_.back() = result->is_undefined() ? Value::null() : std::move(*result);
  return charge_value(stack_.back(), at);
}

bool Machine::call_test(const Instruction& at) {
  const CallSite& site = chunk_->unit->calls[at.b];
  const Call call = make_call(site, "test", site.count);
  Result<bool> result = (*site.test)(stack_[stack_.size() - site.count - 1], call);
  if (!result) return fail_with(at, std::move(result).error());
  drop(site.count);
  stack_.back() = *result != (at.a != 0);
  return true;
}

Result<const Macro*> Machine::find_macro(const MacroSite& site, const Instruction& at) {
  if (site.macro != nullptr) return site.macro;
  // Not imported here: then by a template that includes this one.
  const Unit* holder = chunk_->unit->find_namespace(site.space);
  for (auto unit = units_.rbegin(); holder == nullptr && unit != units_.rend(); ++unit)
    holder = (*unit)->find_namespace(site.space);
  const std::string name = std::string(site.space) + "::" + std::string(site.name);
  if (holder == nullptr) {
    std::vector<std::string_view> spaces;
    for (const auto& [space, unit] : chunk_->unit->namespaces) spaces.push_back(space);
    const std::string near = nearest_of(site.space, spaces);
    return Error{Errc::missing, "no macros are imported as " + in_quotes(site.space),
                 place_of(*chunk_->unit, at.at),
                 near.empty() ? "add `{% import \"file.html\" as " + std::string(site.space) +
                                    " %}` at the top"
                              : "did you mean " + in_quotes(near) + "?"};
  }
  if (const Macro* macro = holder->find_macro(site.name)) return macro;
  std::vector<std::string_view> names;
  for (const auto& macro : holder->macros_defined) names.push_back(macro->name);
  const std::string near = nearest_of(site.name, names);
  return Error{Errc::missing,
               "there is no macro " + in_quotes(name) + " in " + in_quotes(holder->name),
               place_of(*chunk_->unit, at.at),
               near.empty() ? std::string() : "did you mean " + in_quotes(near) + "?"};
}

bool Machine::call_macro(const Instruction& at) {
  const MacroSite& site = chunk_->unit->macros[at.b];
  Result<const Macro*> found = find_macro(site, at);
  if (!found) return fail_with(at, std::move(found).error());
  const Macro& macro = **found;
  if (!enter(at)) return false;

  std::unique_ptr<Value[]> cells = take_cells();
  Value* const outer_cells = std::exchange(cells_, cells.get());
  const std::size_t outer_env_trail = std::exchange(env_trail_, base_trail_.size());
  const std::size_t outer_env_loops = std::exchange(env_loops_, loops_.size());
  const bool outer_in_macro = std::exchange(in_macro_, true);
  const Base outer_base = std::exchange(base_, Base{loops_.size(), loop_trail_.size(), true});
  const Unit* const outer_active = std::exchange(active_, macro.unit);
  const BlockLevel outer_block = std::exchange(block_, {});

  const std::size_t count = site.names.size();
  const std::size_t first = stack_.size() - count;
  bool ok = true;
  for (const Macro::Parameter& parameter : macro.parameters) {
    const auto given = std::find(site.names.begin(), site.names.end(), parameter.name);
    if (given == site.names.end() && parameter.must_be_given) {
      ok = fail(
          at, "macro " + in_quotes(macro.name) + " needs the argument " + in_quotes(parameter.name),
          "it is defined in " + place_of(*macro.unit, macro.at).file + ':' +
              std::to_string(place_of(*macro.unit, macro.at).line));
      break;
    }
    set(parameter.symbol,
        given == site.names.end()
            ? Value::lend(parameter.otherwise)
            : stack_[first + static_cast<std::size_t>(given - site.names.begin())]);
  }
  const std::size_t captures = captures_.size();
  const std::size_t stack = stack_.size();
  if (ok) {
    units_.push_back(macro.unit);
    ok = run(macro.chunk);
    units_.pop_back();
    if (!ok)
      add_to_chain("in macro `" + std::string(site.space) + "::" + std::string(macro.name) +
                   "`, called from " + where(*chunk_, at));
  }

  stack_.resize(stack);
  cut_captures(captures);
  cut_loop_trail(base_.loop_trail);
  loops_.erase(loops_.begin() + static_cast<std::ptrdiff_t>(base_.loops), loops_.end());
  cut_base_trail(env_trail_);
  spare_cells_.push_back(std::move(cells));
  cells_ = outer_cells;
  env_trail_ = outer_env_trail;
  env_loops_ = outer_env_loops;
  in_macro_ = outer_in_macro;
  base_ = outer_base;
  active_ = outer_active;
  block_ = outer_block;
  --frames_;
  drop(count);
  return ok;
}

bool Machine::call_include(const Instruction& at) {
  const IncludeSite& site = chunk_->unit->includes[at.b];
  if (site.unit == nullptr) {
    if (site.ignore_missing) return true;
    std::string names;
    for (const std::string_view name : site.names)
      names += (names.empty() ? "" : ", ") + in_quotes(name);
    return fail(at,
                site.names.size() == 1 ? "there is no template " + names
                                       : "there is none of the templates " + names,
                site.names.size() == 1 ? "add `ignore missing` if that is fine" : "");
  }
  const Unit& unit = *site.unit;
  if (!unit.syntax.parent.empty())
    return fail(at, "the included template " + in_quotes(unit.name) + " extends " +
                        in_quotes(unit.syntax.parent) +
                        "; an included template cannot extend another");
  if (!enter(at)) return false;
  report(unit);
  const Base outer_base = std::exchange(base_, Base{loops_.size(), loop_trail_.size(), true});
  const std::size_t trail = base_trail_.size();
  const std::size_t stack = stack_.size();
  const std::size_t captures = captures_.size();
  const Unit* const outer_active = std::exchange(active_, &unit);
  const BlockLevel outer_block = std::exchange(block_, {});
  units_.push_back(&unit);
  const bool ok = run(unit.body);
  units_.pop_back();
  if (!ok) add_to_chain("included from " + where(*chunk_, at));
  stack_.resize(stack);
  cut_captures(captures);
  cut_loop_trail(base_.loop_trail);
  loops_.erase(loops_.begin() + static_cast<std::ptrdiff_t>(base_.loops), loops_.end());
  cut_base_trail(trail);
  base_ = outer_base;
  active_ = outer_active;
  block_ = outer_block;
  --frames_;
  return ok;
}

bool Machine::call_block(const Instruction& at) {
  const BlockChain* chain = active_->find_chain(at.b);
  MUST(chain != nullptr);
  return run_block({chain, 0}, at);
}

bool Machine::call_super(const Instruction& at) {
  if (block_.chain == nullptr || block_.level + 1 >= block_.chain->chunks.size()) {
    const std::string name =
        block_.chain == nullptr ? std::string("this block") : in_quotes(block_.chain->name);
    return fail(at, "`super()` has nothing above it: no parent template has the block " + name);
  }
  return run_block({block_.chain, block_.level + 1}, at);
}

bool Machine::run_block(BlockLevel block, const Instruction& at) {
  if (!enter(at)) return false;
  const Chunk& chunk = *block.chain->chunks[block.level];
  const BlockLevel outer_block = std::exchange(block_, block);
  units_.push_back(chunk.unit);
  const bool ok = run(chunk);
  units_.pop_back();
  if (!ok && chunk.unit != chunk_->unit)
    add_to_chain("in block `" + std::string(block.chain->name) + "` of " + chunk.unit->file +
                 ", placed by " + where(*chunk_, at));
  block_ = outer_block;
  --frames_;
  return ok;
}

}  // namespace weir::tmpl
