#include "template/filters.h"
#include "template/library.h"
#include "text/utf8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// The filters of S-45 whose input is an array.

namespace weir::tmpl {

Result<const ArrayView*> array_input(const Value& input, const Call& call) {
  if (!input.is_array()) return call.error("expected an array, not " + shown(input));
  if (input.array().count() <= limits::template_items_max) return &input.array();
  Error error = call.error("the array has more than " + std::to_string(limits::template_items_max) +
                           " items");
  error.code = Errc::too_large;
  return error;
}

namespace {

// The next part of a dotted attribute; quotes keep dots together, brackets separate like dots.
std::string_view next_part(std::string_view& attribute) {
  while (!attribute.empty() && (attribute[0] == '.' || attribute[0] == '[' || attribute[0] == ']'))
    attribute.remove_prefix(1);
  if (attribute.empty()) return {};
  const char quote = attribute[0];
  std::size_t end = 0;
  if (quote == '"' || quote == '\'') {
    attribute.remove_prefix(1);
    end = std::min(attribute.find(quote), attribute.size());
    const std::string_view part = attribute.substr(0, end);
    attribute.remove_prefix(std::min(end + 1, attribute.size()));
    return part;
  }
  end = std::min(attribute.find_first_of(".[]"), attribute.size());
  const std::string_view part = attribute.substr(0, end);
  attribute.remove_prefix(end);
  return part;
}

}  // namespace

Value value_at(const Value& value, std::string_view attribute, Recorder* recorder) {
  Value found = value;
  for (std::string_view part = next_part(attribute); !part.empty(); part = next_part(attribute)) {
    found = found.find(part, recorder);
    if (found.is_undefined()) break;
  }
  return found;
}

namespace {

Value empty_text() { return Value::lend(std::string_view("")); }

std::string json_of(const Value& value, const Call& call) {
  std::string text;
  append_json(text, value, Layout::compact, call.recorder());
  return text;
}

Result<Value> first(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  return array->count() == 0 ? empty_text() : array->at(0, call.recorder());
}

Result<Value> last(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  return array->count() == 0 ? empty_text() : array->at(array->count() - 1, call.recorder());
}

Result<Value> nth(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  if (array->count() == 0) return empty_text();
  const std::int64_t index = TRY(call.integer("n"));
  if (index < 0)
    return call.error("argument `n` must not be negative, it is " + std::to_string(index));
  if (static_cast<std::size_t>(index) >= array->count()) return empty_text();
  return array->at(static_cast<std::size_t>(index), call.recorder());
}

Result<Value> join(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  const std::string_view given = TRY(call.text_or("sep", ""));
  const std::string separator = unescaped(given);
  std::string out;
  for (std::size_t i = 0; i < array->count(); ++i) {
    if (i > 0) out += separator;
    append_text(out, array->at(i, call.recorder()), call.recorder());
    if (out.size() > limits::template_output_bytes_max) return too_large_error(call);
  }
  return Value::text(out);
}

// Sorts like IEEE 754's totalOrder, so that even NaN has its place.
std::int64_t total_order(double number) {
  std::int64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  return bits < 0 ? bits ^ std::numeric_limits<std::int64_t>::max() : bits;
}

struct Keyed {
  Value item;
  Value key;
};

// The items with what the attribute says of them; all must have it, and of one kind.
Result<std::vector<Keyed>> keyed(const ArrayView& array, std::string_view attribute,
                                 const Call& call) {
  std::vector<Keyed> pairs;
  pairs.reserve(array.count());
  for (std::size_t i = 0; i < array.count(); ++i) {
    Value item = array.at(i, call.recorder());
    Value key = value_at(item, attribute, call.recorder());
    if (key.is_undefined())
      return call.error("the attribute `" + std::string(attribute) + "` does not exist in item " +
                        std::to_string(i));
    pairs.push_back({std::move(item), std::move(key)});
  }
  return pairs;
}

bool same_sort(const Value& a, const Value& b) {
  return a.is_number() ? b.is_number() : a.kind() == b.kind();
}

bool sorts_before(const Value& a, const Value& b) {
  switch (a.kind()) {
    case Kind::boolean: return !a.boolean() && b.boolean();
    case Kind::string: return a.string() < b.string();
    case Kind::array: return a.array().count() < b.array().count();
    default: return total_order(a.number()) < total_order(b.number());
  }
}

Result<Value> sort(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  const std::string_view attribute = TRY(call.text_or("attribute", ""));
  if (array->count() == 0) return input;
  std::vector<Keyed> pairs = TRY(keyed(*array, attribute, call));
  const Value& model = pairs.front().key;
  if (model.is_null() || model.is_object()) return call.error(shown(model) + " cannot be sorted");
  for (const Keyed& pair : pairs)
    if (!same_sort(model, pair.key))
      return call.error("cannot sort " + shown(model) + " with " + shown(pair.key) + ": " +
                        json_of(pair.key, call).substr(0, 60));
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Keyed& a, const Keyed& b) { return sorts_before(a.key, b.key); });
  std::vector<Value> items;
  items.reserve(pairs.size());
  for (Keyed& pair : pairs) items.push_back(std::move(pair.item));
  return Value::array(std::move(items));
}

Result<Value> unique(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  const std::string_view attribute = TRY(call.text_or("attribute", ""));
  const bool case_sensitive = TRY(call.boolean_or("case_sensitive", false));
  if (array->count() == 0) return input;
  const Value model = value_at(array->at(0, call.recorder()), attribute, call.recorder());
  if (model.is_undefined())
    return call.error("the attribute `" + std::string(attribute) + "` does not exist in item 0");
  if (model.is_null() || model.kind() >= Kind::array)
    return call.error(shown(model) + " cannot be compared");
  std::unordered_set<std::string> seen;
  std::vector<Value> items;
  for (std::size_t i = 0; i < array->count(); ++i) {
    Value item = array->at(i, call.recorder());
    const Value key = value_at(item, attribute, call.recorder());
    if (key.is_undefined()) continue;
    if (!same_sort(model, key))
      return call.error("cannot compare " + shown(model) + " with " + shown(key));
    std::string text;
    append_text(text, key, call.recorder());
    if (key.is_string() && !case_sensitive) text = text::lower_of_utf8(text);
    if (seen.insert(std::move(text)).second) items.push_back(std::move(item));
  }
  return Value::array(std::move(items));
}

Result<Value> slice(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  const std::size_t count = array->count();
  std::size_t bounds[2] = {0, count};
  constexpr std::string_view names[2] = {"start", "end"};
  for (std::size_t i = 0; i < 2; ++i) {
    const Value* given = call.find(names[i]);
    if (given == nullptr) continue;
    if (!given->is_number())
      return call.error("argument `" + std::string(names[i]) + "` must be a number, not " +
                        shown(*given));
    double index = given->number();
    if (index < 0) index += static_cast<double>(count);
    bounds[i] = index <= 0 || std::isnan(index)
                    ? 0
                    : static_cast<std::size_t>(std::min(index, static_cast<double>(count)));
  }
  std::vector<Value> items;
  for (std::size_t i = bounds[0]; i < bounds[1]; ++i)
    items.push_back(array->at(i, call.recorder()));
  return Value::array(std::move(items));
}

Result<Value> group_by(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  if (array->count() == 0) return Value::object({});
  const std::string_view attribute = TRY(call.text("attribute"));
  std::vector<std::pair<std::string, std::vector<Value>>> groups;
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < array->count(); ++i) {
    Value item = array->at(i, call.recorder());
    const Value key = value_at(item, attribute, call.recorder());
    if (key.is_undefined() || key.is_null()) continue;
    std::string name = key.is_string() ? std::string(key.string()) : json_of(key, call);
    const auto [place, is_new] = places.emplace(name, groups.size());
    if (is_new) groups.emplace_back(std::move(name), std::vector<Value>{});
    groups[place->second].second.push_back(std::move(item));
  }
  std::vector<std::pair<std::string, Value>> members;
  for (auto& [name, items] : groups)
    members.emplace_back(std::move(name), Value::array(std::move(items)));
  return Value::object(std::move(members));
}

Result<Value> filter(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  if (array->count() == 0) return input;
  const std::string_view attribute = TRY(call.text("attribute"));
  const Value* wanted = call.find("value");
  const bool any = wanted == nullptr || wanted->is_null();
  std::vector<Value> items;
  for (std::size_t i = 0; i < array->count(); ++i) {
    Value item = array->at(i, call.recorder());
    const Value found = value_at(item, attribute, call.recorder());
    const bool exists = !found.is_undefined() && !found.is_null();
    if (any ? exists : exists && equal(found, *wanted, call.recorder()))
      items.push_back(std::move(item));
  }
  return Value::array(std::move(items));
}

Result<Value> map(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  if (array->count() == 0) return input;
  const std::string_view attribute = TRY(call.text("attribute"));
  std::vector<Value> items;
  for (std::size_t i = 0; i < array->count(); ++i) {
    Value found = value_at(array->at(i, call.recorder()), attribute, call.recorder());
    if (!found.is_undefined() && !found.is_null()) items.push_back(std::move(found));
  }
  return Value::array(std::move(items));
}

Result<Value> concat(const Value& input, const Call& call) {
  const ArrayView* array = TRY(array_input(input, call));
  const Value with = TRY(call.value("with"));
  std::vector<Value> items;
  const std::size_t more = with.is_array() ? with.array().count() : 1;
  if (array->count() + more > limits::template_items_max) return too_large_error(call);
  items.reserve(array->count() + more);
  for (std::size_t i = 0; i < array->count(); ++i) items.push_back(array->at(i, call.recorder()));
  if (with.is_array())
    for (std::size_t i = 0; i < more; ++i) items.push_back(with.array().at(i, call.recorder()));
  else items.push_back(with);
  return Value::array(std::move(items));
}

}  // namespace

void add_list_filters(Library& library) {
  struct Row {
    const char* name;
    Result<Value> (*filter)(const Value&, const Call&);
  };
  static constexpr Row rows[] = {
      {"first", first},   {"last", last},     {"nth", nth},       {"join", join},
      {"sort", sort},     {"unique", unique}, {"slice", slice},   {"group_by", group_by},
      {"filter", filter}, {"map", map},       {"concat", concat},
  };
  for (const Row& row : rows) library.filters.add(row.name, row.filter);
}

}  // namespace weir::tmpl
