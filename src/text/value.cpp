#include "text/value.h"

#include "base/must.h"

namespace weir::text {

const Value* Value::find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (const Member& member : *members)
    if (member.name == name) return &member.value;
  return nullptr;
}

Value* Value::find(std::string_view name) {
  return const_cast<Value*>(std::as_const(*this).find(name));
}

Value& Value::set(std::string_view name, Value value) {
  if (is_null()) held_ = Object{};
  Object* members = object();
  MUST(members != nullptr);
  if (Value* known = find(name)) return *known = std::move(value);
  members->push_back({std::string(name), std::move(value)});
  return members->back().value;
}

std::string_view Value::kind() const {
  constexpr std::string_view names[] = {"null",   "boolean", "integer", "integer", "number",
                                        "string", "date",    "array",   "object"};
  return names[held_.index()];
}

}  // namespace weir::text
