#include "template/engine.h"
#include "template/machine.h"

#include <utility>

// What functions, filters and tests see: Context and Call.

namespace weir::tmpl {

Context& Context::set(std::string_view name, Value value) {
  for (auto& [known, held] : own_) {
    if (known != name) continue;
    held = std::move(value);
    return *this;
  }
  own_.emplace_back(std::string(name), std::move(value));
  return *this;
}

Value Context::find(std::string_view name) const {
  for (const Context* layer = this; layer != nullptr; layer = layer->parent_)
    for (const auto& [known, value] : layer->own_)
      if (known == name) return Value::lend(value);
  return {};
}

namespace {

std::string in_quotes(std::string_view name) { return '`' + std::string(name) + '`'; }

std::string expected(std::string_view argument, std::string_view what, const Value& found) {
  return "argument " + in_quotes(argument) + " must be " + std::string(what) + ", not " +
         shown(found);
}

}  // namespace

const Value* Call::find(std::string_view argument) const {
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (names_[i] == argument) return &values_[i];
  return nullptr;
}

Result<Value> Call::value(std::string_view argument) const {
  if (const Value* found = find(argument)) return *found;
  return error("needs the argument " + in_quotes(argument));
}

Result<std::string_view> Call::text(std::string_view argument) const {
  const Value* found = find(argument);
  if (found == nullptr) return error("needs the argument " + in_quotes(argument));
  if (!found->is_string()) return error(expected(argument, "a string", *found));
  return found->string();
}

Result<std::string_view> Call::text_or(std::string_view argument,
                                       std::string_view otherwise) const {
  if (find(argument) == nullptr) return otherwise;
  return text(argument);
}

Result<std::int64_t> Call::integer(std::string_view argument) const {
  const Value* found = find(argument);
  if (found == nullptr) return error("needs the argument " + in_quotes(argument));
  if (!found->is_integer()) return error(expected(argument, "an integer", *found));
  return found->integer();
}

Result<std::int64_t> Call::integer_or(std::string_view argument, std::int64_t otherwise) const {
  if (find(argument) == nullptr) return otherwise;
  return integer(argument);
}

Result<bool> Call::boolean_or(std::string_view argument, bool otherwise) const {
  const Value* found = find(argument);
  if (found == nullptr) return otherwise;
  if (!found->is_boolean()) return error(expected(argument, "true or false", *found));
  return found->boolean();
}

Error Call::error(std::string what) const {
  return Error{Errc::invalid, std::string(what_) + ' ' + in_quotes(name_) + ": " + std::move(what),
               place()};
}

Value Call::variable(std::string_view name) const {
  return machine_->settings_.context->find(name);
}
const Context& Call::context() const { return *machine_->settings_.context; }
Recorder* Call::recorder() const { return machine_->recorder_; }
const Clock& Call::clock() const { return *machine_->settings_.clock; }
const Engine& Call::engine() const { return *machine_->settings_.engine; }
std::string_view Call::template_name() const { return machine_->chunk_->unit->name; }

Place Call::place() const { return place_of(*machine_->chunk_->unit, machine_->at_->at); }

void Call::mark_volatile() const {
  if (machine_->recorder_ != nullptr)
    machine_->recorder_->read({ReadKind::volatile_, ReadGroup::meta, 0, name_});
}

}  // namespace weir::tmpl
