#include "template/value.h"

#include "base/limits.h"
#include "base/must.h"
#include "base/text_escape.h"
#include "template/recorder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace weir::tmpl {
namespace {

// An owned string: the count stands in front of the bytes, so that a Value can point at the bytes
// whether they are owned or lent.
struct StringHead {
  std::atomic<std::uint32_t> owners;
};
constexpr std::size_t head_bytes = sizeof(StringHead);

StringHead* head_of(const char* bytes) {
  return reinterpret_cast<StringHead*>(const_cast<char*>(bytes) - head_bytes);
}

// Depth and weight of a container, as Value::size_ keeps them.
class Measure {
 public:
  void add(const Value& part) {
    depth_ = std::max(depth_, part.depth());
    weight_ = std::min(weight_ + part.weight(), weight_max);
  }
  std::uint32_t size() const {
    return static_cast<std::uint32_t>(weight_ << 8 | std::min<std::size_t>(depth_ + 1, 0xFF));
  }

 private:
  static constexpr std::size_t weight_max = 0xFF'FFFF;
  std::size_t depth_ = 0;
  std::size_t weight_ = 1;
};

class PlainArray final : public ArrayView {
 public:
  explicit PlainArray(std::vector<Value> items) : items_(std::move(items)) {}
  std::size_t count() const override { return items_.size(); }
  Value at(std::size_t index, Recorder*) const override { return items_[index]; }

 private:
  std::vector<Value> items_;
};

// Members in the order of their making; above eight also an index by name.
class PlainObject final : public ObjectView {
 public:
  explicit PlainObject(std::vector<std::pair<std::string, Value>> members)
      : members_(std::move(members)) {
    if (members_.size() <= linear_max) {
      drop_doubles_linearly();
      return;
    }
    by_name_.resize(members_.size());
    for (std::uint32_t i = 0; i < by_name_.size(); ++i) by_name_[i] = i;
    std::stable_sort(by_name_.begin(), by_name_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return members_[a].first < members_[b].first;
    });
    drop_doubles_by_index();
  }
  Value find(std::string_view name, Recorder*) const override {
    if (by_name_.empty()) {
      for (const auto& [key, value] : members_)
        if (key == name) return value;
      return {};
    }
    const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                        [&](std::uint32_t index, std::string_view wanted) {
                                          return members_[index].first < wanted;
                                        });
    if (found == by_name_.end() || members_[*found].first != name) return {};
    return members_[*found].second;
  }
  std::size_t count() const override { return members_.size(); }
  std::string_view name_at(std::size_t index) const override { return members_[index].first; }
  Value at(std::size_t index, Recorder*) const override { return members_[index].second; }

 private:
  static constexpr std::size_t linear_max = 8;

  // The first place with the last value, as a map does.
  void drop_doubles_linearly() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      std::size_t same = 0;
      while (same < kept && members_[same].first != members_[i].first) ++same;
      if (same < kept) {
        members_[same].second = std::move(members_[i].second);
        continue;
      }
      if (kept != i) members_[kept] = std::move(members_[i]);
      ++kept;
    }
    members_.resize(kept);
  }
  void drop_doubles_by_index() {
    const bool doubles = std::adjacent_find(by_name_.begin(), by_name_.end(), [&](auto a, auto b) {
                           return members_[a].first == members_[b].first;
                         }) != by_name_.end();
    if (!doubles) return;
    std::vector<bool> dropped(members_.size());
    for (std::size_t i = 0; i < by_name_.size();) {
      std::size_t j = i + 1;
      while (j < by_name_.size() && members_[by_name_[j]].first == members_[by_name_[i]].first) {
        members_[by_name_[i]].second = std::move(members_[by_name_[j]].second);
        dropped[by_name_[j]] = true;
        ++j;
      }
      i = j;
    }
    std::vector<std::pair<std::string, Value>> kept;
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (!dropped[i]) kept.push_back(std::move(members_[i]));
    *this = PlainObject(std::move(kept), 0);
  }
  PlainObject(std::vector<std::pair<std::string, Value>> members, int)
      : members_(std::move(members)) {
    if (members_.size() <= linear_max) return;
    by_name_.resize(members_.size());
    for (std::uint32_t i = 0; i < by_name_.size(); ++i) by_name_[i] = i;
    std::sort(by_name_.begin(), by_name_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return members_[a].first < members_[b].first;
    });
  }
  PlainObject& operator=(PlainObject&& other) noexcept {
    members_ = std::move(other.members_);
    by_name_ = std::move(other.by_name_);
    return *this;
  }

  std::vector<std::pair<std::string, Value>> members_;
  std::vector<std::uint32_t> by_name_;  // indexes into members_, sorted by name; empty when linear
};

}  // namespace

Value ObjectView::at(std::size_t index, Recorder* recorder) const {
  return find(name_at(index), recorder);
}

Value Value::text_of_bytes(std::size_t bytes, char*& into) {
  MUST(bytes <= std::numeric_limits<std::uint32_t>::max());
  char* block = static_cast<char*>(::operator new(head_bytes + bytes));
  new (block) StringHead{1};
  into = block + head_bytes;
  Value value;
  value.held_.bytes = into;
  value.size_ = static_cast<std::uint32_t>(bytes);
  value.kind_ = Kind::string;
  value.owned_ = true;
  return value;
}

Value Value::text(std::string_view text) {
  if (text.empty()) return lend(std::string_view(""));
  char* into = nullptr;
  Value value = text_of_bytes(text.size(), into);
  std::memcpy(into, text.data(), text.size());
  return value;
}

Value Value::text_safe(std::string_view text) { return Value::text(text).as_safe(); }

Value Value::as_safe() && {
  safe_ = true;
  return std::move(*this);
}

Value Value::array(std::vector<Value> items) {
  Measure measure;
  for (const Value& item : items) measure.add(item);
  Value value = own(std::unique_ptr<const ArrayView>(new PlainArray(std::move(items))));
  value.size_ = measure.size();
  return value;
}

Value Value::object(std::vector<std::pair<std::string, Value>> members) {
  Measure measure;
  for (const auto& [name, member] : members) measure.add(member);
  Value value = own(std::unique_ptr<const ObjectView>(new PlainObject(std::move(members))));
  value.size_ = measure.size();
  return value;
}

Value Value::own(std::unique_ptr<const ArrayView> view) {
  Value value = lend(*view);
  view.release()->owners_.store(1, std::memory_order_relaxed);
  value.owned_ = true;
  return value;
}

Value Value::own(std::unique_ptr<const ObjectView> view) {
  Value value = lend(*view);
  view.release()->owners_.store(1, std::memory_order_relaxed);
  value.owned_ = true;
  return value;
}

Value Value::lend(std::string_view text) noexcept {
  Value value;
  value.held_.bytes = text.data();
  value.size_ = static_cast<std::uint32_t>(text.size());
  value.kind_ = Kind::string;
  return value;
}

Value Value::lend(const ArrayView& view) noexcept {
  Value value;
  value.held_.array = &view;
  value.size_ = Measure().size();
  value.kind_ = Kind::array;
  return value;
}

Value Value::lend(const ObjectView& view) noexcept {
  Value value;
  value.held_.object = &view;
  value.size_ = Measure().size();
  value.kind_ = Kind::object;
  return value;
}

Value Value::lend(const Value& value) noexcept {
  Value same;
  same.held_ = value.held_;
  same.size_ = value.size_;
  same.kind_ = value.kind_;
  same.safe_ = value.safe_;
  return same;
}

void Value::retain() const noexcept {
  if (kind_ == Kind::string) {
    head_of(held_.bytes)->owners.fetch_add(1, std::memory_order_relaxed);
  } else {
    const Shared* shared =
        kind_ == Kind::array ? static_cast<const Shared*>(held_.array) : held_.object;
    shared->owners_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Value::release() noexcept {
  if (kind_ == Kind::string) {
    StringHead* head = head_of(held_.bytes);
    // The only owner needs no atomic subtraction: nobody else can gain a count from nothing.
    if (head->owners.load(std::memory_order_acquire) == 1 ||
        head->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
      ::operator delete(head);
    return;
  }
  const Shared* shared =
      kind_ == Kind::array ? static_cast<const Shared*>(held_.array) : held_.object;
  if (shared->owners_.load(std::memory_order_acquire) == 1 ||
      shared->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    delete shared;
}

bool Value::truthy() const {
  switch (kind_) {
    case Kind::undefined:
    case Kind::null: return false;
    case Kind::boolean:
    case Kind::integer: return held_.integer != 0;
    case Kind::real: return held_.real != 0.0 && !std::isnan(held_.real);
    case Kind::string: return size_ != 0;
    case Kind::array: return held_.array->count() != 0;
    case Kind::object: return held_.object->count() != 0;
  }
  return false;
}

Value Value::find(std::string_view name, Recorder* recorder) const {
  if (kind_ == Kind::object) return held_.object->find(name, recorder);
  if (kind_ != Kind::array || name.empty() || (name.size() > 1 && name[0] == '0')) return {};
  std::size_t index = 0;
  const auto [end, errc] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (errc != std::errc{} || end != name.data() + name.size() || index >= held_.array->count())
    return {};
  return held_.array->at(index, recorder);
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::undefined: return "nothing";
    case Kind::null: return "null";
    case Kind::boolean: return "a boolean";
    case Kind::integer: return "an integer";
    case Kind::real: return "a number";
    case Kind::string: return "a string";
    case Kind::array: return "an array";
    case Kind::object: return "an object";
  }
  return "?";
}

std::string shown(const Value& value) {
  constexpr std::size_t shown_bytes_max = 60;
  std::string text;
  switch (value.kind()) {
    case Kind::boolean:
    case Kind::integer:
    case Kind::real:
      append_text(text, value, nullptr);
      return (value.is_boolean()   ? "the boolean "
              : value.is_integer() ? "the integer "
                                   : "the number ") +
             text;
    case Kind::string: {
      const std::string_view whole = value.string();
      text = whole.substr(0, shown_bytes_max);
      return "the string \"" + text + (whole.size() > shown_bytes_max ? "...\"" : "\"");
    }
    default: return std::string(name_of(value.kind()));
  }
}

namespace {

bool equal_within(const Value& a, const Value& b, Recorder* recorder, std::size_t levels) {
  if (a.is_number() || b.is_number()) {
    if (!a.is_number() || !b.is_number()) return false;
    if (a.is_integer() && b.is_integer()) return a.integer() == b.integer();
    return a.number() == b.number();
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::boolean: return a.boolean() == b.boolean();
    case Kind::string: return a.string() == b.string();
    case Kind::array: {
      if (&a.array() == &b.array()) return true;
      const std::size_t count = a.array().count();
      if (count != b.array().count() || levels == 0) return false;
      for (std::size_t i = 0; i < count; ++i)
        if (!equal_within(a.array().at(i, recorder), b.array().at(i, recorder), recorder,
                          levels - 1))
          return false;
      return true;
    }
    case Kind::object: {
      if (&a.object() == &b.object()) return true;
      const std::size_t count = a.object().count();
      if (count != b.object().count() || levels == 0) return false;
      for (std::size_t i = 0; i < count; ++i) {
        const Value other = b.object().find(a.object().name_at(i), recorder);
        if (other.is_undefined() ||
            !equal_within(a.object().at(i, recorder), other, recorder, levels - 1))
          return false;
      }
      return true;
    }
    default: return true;  // null and null, undefined and undefined
  }
}

void append_integer(std::string& out, std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

// The form of JSON writers that print the shortest digits: 1.0, 12.5, 0.00001, 1e16, 1.5e-7.
void append_json_real(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr;
  std::string_view written(text, static_cast<std::size_t>(end - text));
  if (written.front() == '-') {
    out += '-';
    written.remove_prefix(1);
  }
  const std::size_t e = written.find('e');
  std::string digits(written.substr(0, 1));
  if (e > 2) digits += written.substr(2, e - 2);
  int exponent = 0;
  const char* from = written.data() + e + 1;
  if (*from == '+') ++from;
  std::from_chars(from, written.data() + written.size(), exponent);
  const int point = exponent + 1;  // how many digits stand before the decimal point
  const int count = static_cast<int>(digits.size());
  if (count <= point && point <= 16) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
    out += ".0";
  } else if (0 < point && point <= 16) {
    out.append(digits, 0, static_cast<std::size_t>(point));
    out += '.';
    out.append(digits, static_cast<std::size_t>(point));
  } else if (-5 < point && point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else {
    out += digits[0];
    if (count > 1) {
      out += '.';
      out.append(digits, 1);
    }
    out += 'e';
    append_integer(out, exponent);
  }
}

// Lent views may lead round in a circle (a page to its neighbour and back), so the depth is bounded
// here.
class JsonWriter {
 public:
  JsonWriter(std::string& out, Layout layout, Recorder* recorder)
      : out_(out), layout_(layout), recorder_(recorder) {}

  void write(const Value& value, std::size_t depth) {
    switch (value.kind()) {
      case Kind::undefined:
      case Kind::null: out_ += "null"; return;
      case Kind::boolean: out_ += value.boolean() ? "true" : "false"; return;
      case Kind::integer: append_integer(out_, value.integer()); return;
      case Kind::real: append_json_real(out_, value.real()); return;
      case Kind::string: append_json_string(out_, value.string()); return;
      case Kind::array: write_array(value.array(), depth); return;
      case Kind::object: write_object(value.object(), depth); return;
    }
  }

 private:
  // The render fails on a string this large; here it only must end.
  bool too_large() const { return out_.size() > limits::template_output_bytes_max; }
  bool too_deep(std::size_t depth) {
    if (depth < limits::template_nesting_max) return false;
    out_ += "null";
    return true;
  }
  void line(std::size_t depth) {
    if (layout_ == Layout::compact) return;
    out_ += '\n';
    out_.append(2 * depth, ' ');
  }
  void write_array(const ArrayView& array, std::size_t depth) {
    if (too_deep(depth)) return;
    const std::size_t count = array.count();
    out_ += '[';
    for (std::size_t i = 0; i < count && !too_large(); ++i) {
      if (i > 0) out_ += ',';
      line(depth + 1);
      write(array.at(i, recorder_), depth + 1);
    }
    if (count > 0) line(depth);
    out_ += ']';
  }
  void write_object(const ObjectView& object, std::size_t depth) {
    if (too_deep(depth)) return;
    const std::size_t count = object.count();
    out_ += '{';
    for (std::size_t i = 0; i < count && !too_large(); ++i) {
      if (i > 0) out_ += ',';
      line(depth + 1);
      append_json_string(out_, object.name_at(i));
      out_ += layout_ == Layout::compact ? ":" : ": ";
      write(object.at(i, recorder_), depth + 1);
    }
    if (count > 0) line(depth);
    out_ += '}';
  }

  std::string& out_;
  Layout layout_;
  Recorder* recorder_;
};

}  // namespace

bool equal(const Value& a, const Value& b, Recorder* recorder) {
  return equal_within(a, b, recorder, limits::template_nesting_max);
}

void append_real(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "NaN";
    return;
  }
  char text[400];  // 309 digits before the point, or 325 behind it
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed).ptr;
  out.append(text, end);
}

void append_text(std::string& out, const Value& value, Recorder* recorder) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::null: return;
    case Kind::boolean: out += value.boolean() ? "true" : "false"; return;
    case Kind::integer: append_integer(out, value.integer()); return;
    case Kind::real: append_real(out, value.real()); return;
    case Kind::string: out += value.string(); return;
    case Kind::object: out += "[object]"; return;
    case Kind::array: break;
  }
  out += '[';
  const std::size_t count = value.array().count();
  for (std::size_t i = 0; i < count && out.size() <= limits::template_output_bytes_max; ++i) {
    if (i > 0) out += ", ";
    append_text(out, value.array().at(i, recorder), recorder);
  }
  out += ']';
}

void append_json(std::string& out, const Value& value, Layout layout, Recorder* recorder) {
  JsonWriter(out, layout, recorder).write(value, 0);
}

Value value_of(const text::Value& tree) {
  if (const bool* flag = tree.boolean()) return *flag;
  if (const std::int64_t* number = tree.integer()) return *number;
  if (const std::uint64_t* number = tree.large_integer()) return static_cast<double>(*number);
  if (const double* number = tree.real()) return *number;
  if (const std::string* string = tree.string()) return Value::text(*string);
  if (const text::DateText* date = tree.date()) return Value::text(date->text);
  if (const text::Value::Array* array = tree.array()) {
    std::vector<Value> items;
    items.reserve(array->size());
    for (const text::Value& item : *array) items.push_back(value_of(item));
    return Value::array(std::move(items));
  }
  if (const text::Value::Object* object = tree.object()) {
    std::vector<std::pair<std::string, Value>> members;
    members.reserve(object->size());
    for (const text::Member& member : *object)
      members.emplace_back(member.name, value_of(member.value));
    return Value::object(std::move(members));
  }
  return Value::null();
}

}  // namespace weir::tmpl
