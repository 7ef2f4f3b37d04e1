#include "base/bytes.h"
#include "template/machine.h"
#include "text/utf8.h"

#include <algorithm>
#include <map>
#include <utility>

// Variables, the scopes they live in, and loops. How the trails work is told in machine.h.

namespace weir::tmpl {
namespace {

std::string in_quotes(std::string_view name) { return '`' + std::string(name) + '`'; }

}  // namespace

Value Machine::loop_part(LoopPart part) const {
  const Loop& loop = loops_.back();
  switch (part) {
    case LoopPart::index: return static_cast<std::int64_t>(loop.index + 1);
    case LoopPart::index0: return static_cast<std::int64_t>(loop.index);
    case LoopPart::first: return loop.index == 0;
    case LoopPart::last: return loop.index + 1 == loop.count;
    case LoopPart::none: break;
  }
  return {};
}

Value Machine::resolve(const Path& path) {
  if (path.loop != LoopPart::none && loops_.size() > env_loops_) return loop_part(path.loop);
  if (path.dumps_context) return context_dump();
  const Value& variable = cells_[path.symbol];
  if (path.steps.empty()) return variable;
  Value value = variable.find(path.steps[0], recorder_);
  for (std::size_t i = 1; i < path.steps.size() && !value.is_undefined(); ++i)
    value = value.find(path.steps[i], recorder_);
  return value;
}

Value Machine::context_dump() {
  std::map<std::string_view, Value> variables;
  if (in_macro_) {
    for (std::size_t i = env_trail_; i < base_trail_.size(); ++i)
      variables[settings_.symbols->name_of(base_trail_[i].symbol)];
    for (std::size_t i = env_loops_; i < loops_.size(); ++i) {
      variables[settings_.symbols->name_of(loops_[i].site->value)];
      if (loops_[i].site->key != Symbols::none)
        variables[settings_.symbols->name_of(loops_[i].site->key)];
    }
    for (auto& [name, value] : variables) value = cells_[settings_.symbols->find(name)];
  } else {
    for (const Context* layer = settings_.context; layer != nullptr; layer = layer->parent())
      for (const auto& [name, value] : layer->own()) variables.emplace(name, value);
    for (std::uint32_t symbol = 0; symbol < settings_.symbols->count(); ++symbol)
      if (!cells_[symbol].is_undefined())
        variables[settings_.symbols->name_of(symbol)] = cells_[symbol];
  }
  std::vector<std::pair<std::string, Value>> members;
  for (auto& [name, value] : variables) members.emplace_back(name, value);
  std::string json;
  append_json(json, Value::object(std::move(members)), Layout::pretty, recorder_);
  return Value::text(json);
}

bool Machine::fail_undefined(const Path& path, const Instruction& at) {
  const std::string_view variable = settings_.symbols->name_of(path.symbol);
  const std::string text = in_quotes(path.text);
  const bool whole = path.steps.empty();
  if (cells_[path.symbol].is_undefined()) {
    std::vector<std::string_view> candidates;
    for (std::uint32_t symbol = 0; symbol < settings_.symbols->count(); ++symbol)
      if (!cells_[symbol].is_undefined()) candidates.push_back(settings_.symbols->name_of(symbol));
    if (!in_macro_)
      for (const Context* layer = settings_.context; layer != nullptr; layer = layer->parent())
        for (const auto& [name, value] : layer->own()) candidates.push_back(name);
    const std::string near = nearest_of(variable, candidates);
    std::string help = near.empty() ? std::string() : "did you mean " + in_quotes(near) + "?";
    if (whole) return fail(at, "there is no variable " + text, std::move(help));
    return fail(at, text + " is not defined: there is no variable " + in_quotes(variable),
                std::move(help));
  }
  Value owner = cells_[path.symbol];
  std::string owner_text(variable);
  for (const std::string_view step : path.steps) {
    Value member = owner.find(step, recorder_);
    if (!member.is_undefined()) {
      owner = std::move(member);
      owner_text += '.' + std::string(step);
      continue;
    }
    std::string what = text + " is not defined: " + in_quotes(owner_text);
    std::string help;
    if (owner.is_object()) {
      what += " has no member " + in_quotes(step);
      std::vector<std::string_view> candidates;
      constexpr std::size_t candidates_max = 1'000;
      for (std::size_t i = 0; i < std::min(owner.object().count(), candidates_max); ++i)
        candidates.push_back(owner.object().name_at(i));
      const std::string near = nearest_of(step, candidates);
      if (!near.empty()) help = "did you mean " + in_quotes(owner_text + '.' + near) + "?";
    } else if (owner.is_array()) {
      what += " is an array of " + std::to_string(owner.array().count()) + " and has no item " +
              in_quotes(step);
    } else {
      what += " is " + shown(owner) + " and has no members";
    }
    return fail(at, std::move(what), std::move(help));
  }
  return fail(at, text + " is not defined");
}

bool Machine::fail_undefined(std::string_view text, const Instruction& at) {
  return fail(at, in_quotes(text) + " is not defined: there is no such member or item");
}

void Machine::set(std::uint32_t symbol, Value value) {
  value = std::move(value).as_plain();
  if (loops_.size() > base_.loops) loop_trail_.push_back({symbol, std::move(cells_[symbol])});
  else if (base_.restores) base_trail_.push_back({symbol, std::move(cells_[symbol])});
  cells_[symbol] = std::move(value);
}

void Machine::set_global(std::uint32_t symbol, Value value) {
  if (loops_.size() == base_.loops) {
    set(symbol, std::move(value));
    return;
  }
  value = std::move(value).as_plain();
  // A loop that binds the same name hides the global one; its value waits on the trail.
  for (std::size_t i = base_.loop_trail; i < loop_trail_.size(); ++i) {
    if (loop_trail_[i].symbol != symbol) continue;
    if (base_.restores) base_trail_.push_back({symbol, loop_trail_[i].before});
    loop_trail_[i].before = std::move(value);
    return;
  }
  if (base_.restores) base_trail_.push_back({symbol, std::move(cells_[symbol])});
  cells_[symbol] = std::move(value);
}

void Machine::cut_loop_trail(std::size_t to) {
  while (loop_trail_.size() > to) {
    cells_[loop_trail_.back().symbol] = std::move(loop_trail_.back().before);
    loop_trail_.pop_back();
  }
}

void Machine::cut_base_trail(std::size_t to) {
  while (base_trail_.size() > to) {
    cells_[base_trail_.back().symbol] = std::move(base_trail_.back().before);
    base_trail_.pop_back();
  }
}

// --- loops ---

bool Machine::start_loop(const Instruction& at, const Instruction*& next, const Chunk& chunk) {
  const LoopSite& site = chunk.unit->loops[at.b];
  Loop loop{std::move(stack_.back()), &site, 0, 0, {}, loop_trail_.size(), 0};
  stack_.pop_back();
  const bool by_key = site.key != Symbols::none;
  switch (loop.container.kind()) {
    case Kind::array: loop.count = loop.container.array().count(); break;
    case Kind::string:
      loop.rest = loop.container.string();
      loop.count = text::graphemes_of(loop.rest);
      break;
    case Kind::object:
      loop.count = loop.container.object().count();
      if (!by_key)
        return fail(at, "a loop over an object needs a key and a value",
                    "write `{% for key, value in " + std::string(site.text) + " %}`");
      break;
    default:
      return fail(at, "expected an array, an object or a string to loop over, " +
                          in_quotes(site.text) + " is " + shown(loop.container));
  }
  if (by_key && !loop.container.is_object())
    return fail(at, "a loop with a key and a value needs an object, " + in_quotes(site.text) +
                        " is " + shown(loop.container));
  if (loop.count == 0) {
    next = chunk.code.data() + at.c;
    return true;
  }
  if (loops_.size() - env_loops_ > limits::template_frames_max * 16)
    return fail_limit(at, "too many loops within each other");
  loop_trail_.push_back({site.value, std::move(cells_[site.value])});
  if (by_key) loop_trail_.push_back({site.key, std::move(cells_[site.key])});
  loop.trail_iteration = loop_trail_.size();
  loops_.push_back(std::move(loop));
  bind_item(loops_.back());
  return true;
}

void Machine::bind_item(Loop& loop) {
  Value& cell = cells_[loop.site->value];
  switch (loop.container.kind()) {
    case Kind::array: cell = loop.container.array().at(loop.index, recorder_); return;
    case Kind::object: {
      const ObjectView& object = loop.container.object();
      const std::string_view name = object.name_at(loop.index);
      cell = object.at(loop.index, recorder_);
      cells_[loop.site->key] = loop.container.is_lent() ? Value::lend(name) : Value::text(name);
      return;
    }
    default: {
      const std::size_t bytes = text::first_grapheme_bytes(loop.rest);
      cell = Value::text(loop.rest.substr(0, bytes));
      loop.rest.remove_prefix(bytes);
      return;
    }
  }
}

bool Machine::next_item() {
  Loop& loop = loops_.back();
  cut_loop_trail(loop.trail_iteration);
  if (++loop.index == loop.count) {
    end_loop();
    return false;
  }
  bind_item(loop);
  return true;
}

void Machine::end_loop() {
  cut_loop_trail(loops_.back().trail_outside);
  loops_.pop_back();
}

}  // namespace weir::tmpl
