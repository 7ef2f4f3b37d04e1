#pragma once
// What templates compute with: an immutable value of 16 bytes.
//
// Strings, arrays and objects are either *owned* (shared by an atomic reference count) or *lent*
// (they refer to memory of somebody who promises to keep it until the last render that could see it
// has ended). The library of a site lends; what a render makes, it owns. Copying a lent value costs
// nothing, so page and section contexts are never cloned: they are an ObjectView or ArrayView that
// is asked on demand.
//
// `undefined` is the answer to a name that does not exist; it is no value of the language, but
// travels like one until somebody needs a real one. A `safe` string is printed without escaping.
//
// What a view that is *owned* hands out must be owned too, or outlive it: the view may die before
// its parts.
//
// Every const method here and in the views is callable from many threads at once. A view reports
// what was read to the Recorder it is handed (recorder.h); null means that nobody listens.

#include "text/value.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::tmpl {

class Recorder;
class Value;

enum class Kind : std::uint8_t { undefined, null, boolean, integer, real, string, array, object };

// The counted base of everything an owned value refers to. A lent one never has its count touched.
class Shared {
 public:
  Shared() = default;
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  virtual ~Shared() = default;

 private:
  friend class Value;
  mutable std::atomic<std::uint32_t> owners_{0};
};

class ArrayView : public Shared {
 public:
  virtual std::size_t count() const = 0;
  virtual Value at(std::size_t index, Recorder* recorder) const = 0;  // index < count()
};

class ObjectView : public Shared {
 public:
  // `undefined` when there is no such member.
  virtual Value find(std::string_view name, Recorder* recorder) const = 0;
  // For loops over an object, printing and json_encode. The order of members is the order of loops.
  virtual std::size_t count() const = 0;
  virtual std::string_view name_at(std::size_t index) const = 0;  // lives as long as the view
  virtual Value at(std::size_t index, Recorder* recorder) const;  // default: find(name_at(index))
};

class Value {
 public:
  Value() noexcept : held_{.integer = 0} {}  // undefined
  static Value null() {
    Value value;
    value.kind_ = Kind::null;
    return value;
  }
  Value(bool flag) noexcept : held_{.integer = flag}, kind_(Kind::boolean) {}
  Value(std::int64_t number) noexcept : held_{.integer = number}, kind_(Kind::integer) {}
  Value(int number) noexcept : Value(static_cast<std::int64_t>(number)) {}
  Value(double number) noexcept : held_{.real = number}, kind_(Kind::real) {}
  Value(const char*) = delete;  // say text() or lend()

  static Value text(std::string_view text);  // a copy
  static Value text_safe(std::string_view text);
  static Value array(std::vector<Value> items);
  static Value object(
      std::vector<std::pair<std::string, Value>> members);  // of equal names the last counts
  static Value own(std::unique_ptr<const ArrayView> view);
  static Value own(std::unique_ptr<const ObjectView> view);

  static Value lend(std::string_view text) noexcept;
  static Value lend(const ArrayView& view) noexcept;
  static Value lend(const ObjectView& view) noexcept;
  // The same value without counting: `value` (or a copy of it) must outlive the result.
  static Value lend(const Value& value) noexcept;

  Value(const Value& other) noexcept
      : held_(other.held_),
        size_(other.size_),
        kind_(other.kind_),
        owned_(other.owned_),
        safe_(other.safe_) {
    if (owned_) retain();
  }
  Value(Value&& other) noexcept
      : held_(other.held_),
        size_(other.size_),
        kind_(other.kind_),
        owned_(other.owned_),
        safe_(other.safe_) {
    other.owned_ = false;
    other.kind_ = Kind::undefined;
  }
  Value& operator=(Value other) noexcept {
    swap(other);
    return *this;
  }
  ~Value() {
    if (owned_) release();
  }
  void swap(Value& other) noexcept {
    std::swap(held_, other.held_);
    std::swap(size_, other.size_);
    std::swap(kind_, other.kind_);
    std::swap(owned_, other.owned_);
    std::swap(safe_, other.safe_);
  }

  Kind kind() const { return kind_; }
  bool is_undefined() const { return kind_ == Kind::undefined; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_integer() const { return kind_ == Kind::integer; }
  bool is_number() const { return kind_ == Kind::integer || kind_ == Kind::real; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }
  bool is_safe() const { return safe_; }
  bool is_lent() const { return !owned_; }
  Value as_safe() &&;
  Value as_plain() && {
    safe_ = false;
    return std::move(*this);
  }

  // Each MUST be of that kind.
  bool boolean() const { return held_.integer != 0; }
  std::int64_t integer() const { return held_.integer; }
  double real() const { return held_.real; }
  double number() const {
    return kind_ == Kind::integer ? static_cast<double>(held_.integer) : held_.real;
  }
  std::string_view string() const { return {held_.bytes, size_}; }  // lives as long as this value
  const ArrayView& array() const { return *held_.array; }
  const ObjectView& object() const { return *held_.object; }

  // How deep arrays and objects nest (0 for scalars, up to 255) and how many values hang below,
  // shared ones counted as often as they are seen (up to 2^24 - 1). A view of somebody else
  // counts 1. The machine keeps both under their limits, so that recursion over a value is bounded
  // in depth and in time.
  std::size_t depth() const { return kind_ >= Kind::array ? size_ & 0xFF : 0; }
  std::size_t weight() const { return kind_ >= Kind::array ? size_ >> 8 : 1; }

  // 0, "", [], {}, null, false, NaN and undefined are false.
  bool truthy() const;
  // A member of an object or, by decimal digits, of an array; else undefined.
  Value find(std::string_view name, Recorder* recorder = nullptr) const;

 private:
  union Held {
    std::int64_t integer;
    double real;
    const char* bytes;
    const ArrayView* array;
    const ObjectView* object;
  };
  void retain() const noexcept;
  void release() noexcept;
  static Value text_of_bytes(std::size_t bytes, char*& into);

  Held held_;
  std::uint32_t size_ = 0;  // bytes of a string; of an array or object the weight << 8 | depth
  Kind kind_ = Kind::undefined;
  bool owned_ = false;
  bool safe_ = false;
};
static_assert(sizeof(Value) == 16);

// "a string", "a number", ...: for messages.
std::string_view name_of(Kind kind);
// `the string "x"`, `the integer 50`, `an array`: for messages; long strings are cut.
std::string shown(const Value& value);

// As `==` of the language sees it: numbers by value, a number never equals another kind, containers
// deeply.
bool equal(const Value& a, const Value& b, Recorder* recorder);

// As `{{ }}` prints it, not escaped: null and undefined are nothing, "[a, b]", "[object]" (S-42).
void append_text(std::string& out, const Value& value, Recorder* recorder);
// The shortest digits that read back as the same double; no exponent, no trailing ".0"; "NaN",
// "inf".
void append_real(std::string& out, double number);

// JSON as `json_encode` writes it: 1.0 keeps its point, an exponent where it is shorter.
// `Layout::pretty` is two spaces per level.
enum class Layout : std::uint8_t { compact, pretty };
void append_json(std::string& out, const Value& value, Layout layout, Recorder* recorder);

// A deep copy of a configuration, front matter or data tree. Dates become strings as they were
// written; numbers above INT64_MAX become doubles.
Value value_of(const text::Value& tree);

}  // namespace weir::tmpl
