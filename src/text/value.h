#pragma once
// The tree that JSON, TOML and YAML become: the common data type of configuration, front matter,
// data files, claims and request bodies. A plain value: copyable, compared by content.
//
// Objects keep the order of the text. Look-ups in objects are linear up to a few members and that
// is fine for documents; code that looks up many names makes its own index. `line` and `column`
// count from 1 and are 0 where the parser keeps no places (JSON keeps none).

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weir::text {

struct Member;
struct Null {
  friend bool operator==(Null, Null) = default;
};
// A TOML date-time, or a YAML or JSON text that a caller has recognised as one; as it was written.
struct DateText {
  std::string text;
  friend bool operator==(const DateText&, const DateText&) = default;
};

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;

  Value();
  Value(Null);
  Value(bool flag);
  Value(std::int64_t number);
  Value(int number);
  Value(std::uint64_t number);  // only for numbers above INT64_MAX
  Value(double number);
  Value(std::string text);
  Value(std::string_view text);
  Value(const char* text);
  Value(DateText date);
  Value(Array items);
  Value(Object members);

  bool is_null() const { return std::holds_alternative<Null>(held_); }
  bool is_array() const { return array() != nullptr; }
  bool is_object() const { return object() != nullptr; }

  // Null when the value is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&held_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&held_); }
  const std::uint64_t* large_integer() const { return std::get_if<std::uint64_t>(&held_); }
  const double* real() const { return std::get_if<double>(&held_); }
  const std::string* string() const { return std::get_if<std::string>(&held_); }
  const DateText* date() const { return std::get_if<DateText>(&held_); }
  const Array* array() const { return std::get_if<Array>(&held_); }
  const Object* object() const { return std::get_if<Object>(&held_); }
  Array* array() { return std::get_if<Array>(&held_); }
  Object* object() { return std::get_if<Object>(&held_); }

  // The member of that name; null when there is none or this is no object.
  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);
  // Replaces or appends. Turns null into an empty object first; MUST not be another kind.
  Value& set(std::string_view name, Value value);

  // "null", "boolean", "integer", "number", "string", "date", "array", "object": for messages.
  std::string_view kind() const;

  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend bool operator==(const Value& a, const Value& b);  // places do not count

 private:
  std::variant<Null, bool, std::int64_t, std::uint64_t, double, std::string, DateText, Array,
               Object>
      held_;
};

struct Member {
  std::string name;
  Value value;
  std::uint32_t line = 0;  // of the name
  std::uint32_t column = 0;
  friend bool operator==(const Member& a, const Member& b);
};

// Defined here, where Member is complete: clang's view of a variant asks for that.
inline Value::Value() = default;
inline Value::Value(Null) {}
inline Value::Value(bool flag) : held_(flag) {}
inline Value::Value(std::int64_t number) : held_(number) {}
inline Value::Value(int number) : held_(static_cast<std::int64_t>(number)) {}
inline Value::Value(std::uint64_t number) : held_(number) {}
inline Value::Value(double number) : held_(number) {}
inline Value::Value(std::string text) : held_(std::move(text)) {}
inline Value::Value(std::string_view text) : held_(std::string(text)) {}
inline Value::Value(const char* text) : held_(std::string(text)) {}
inline Value::Value(DateText date) : held_(std::move(date)) {}
inline Value::Value(Array items) : held_(std::move(items)) {}
inline Value::Value(Object members) : held_(std::move(members)) {}
inline bool operator==(const Member& a, const Member& b) {
  return a.name == b.name && a.value == b.value;
}
inline bool operator==(const Value& a, const Value& b) { return a.held_ == b.held_; }

}  // namespace weir::text
