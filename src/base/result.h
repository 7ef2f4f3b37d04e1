#pragma once
// A value, or the reason why there is none.
//
// `Result<T>` is what every function returns that the world (disk, peer, author) can make fail.
// A broken promise of our own code is not an Error: that is `MUST` (must.h).
//
// An Error says what was expected, what was found, and where. `code` is for callers that branch;
// everything else is prose. Context is added on the way up: `return error.in("about.md")`.
// Errors about an author's file carry a Place, so that text/diagnostic.h can show the line with a
// caret.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weir {

// Under ten names: a caller branches on these. The rest is prose.
enum class Errc : std::uint8_t {
  invalid,    // the input is not what was asked for
  missing,    // it does not exist
  exists,     // it is already there, and must not be
  denied,     // permission, or a rule that forbids it
  too_large,  // over a limit of base/limits.h
  full,       // a queue, a disk or a table has no room now; later it may
  corrupt,    // stored bytes do not match their hash or their grammar
  io,         // the kernel or a peer failed
};

std::string_view name_of(Errc code);

// A position in an author's file. Lines and columns count from 1, columns in characters; 0 =
// unknown.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t end_column = 0;  // exclusive; 0 = one character
};

struct Error {
  Errc code = Errc::invalid;
  std::string what;
  Place place = {};
  std::string help = {};  // one sentence: what to do next
  std::vector<std::string> chain =
      {};  // "in page content/a.md", "included from base.html:3", innermost first

  Error in(std::string_view context) && {
    what.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
  Error at(Place where) && {
    place = std::move(where);
    return std::move(*this);
  }
  Error with_help(std::string text) && {
    help = std::move(text);
    return std::move(*this);
  }
  // "file:line:column: what (help)", for logs; authors get text/diagnostic.h.
  std::string text() const;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return held_.index() == 0; }
  bool ok() const { return held_.index() == 0; }

  T& value() & { return std::get<0>(held_); }
  const T& value() const& { return std::get<0>(held_); }
  T&& value() && { return std::get<0>(std::move(held_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(held_); }
  const Error& error() const& { return std::get<1>(held_); }
  Error&& error() && { return std::get<1>(std::move(held_)); }

  T value_or(T otherwise) && { return ok() ? std::move(*this).value() : std::move(otherwise); }

 private:
  std::variant<T, Error> held_;
};

struct Done {
  friend bool operator==(Done, Done) = default;
};
using Status = Result<Done>;
inline constexpr Done done{};

}  // namespace weir

// Unwraps a Result, or leaves the function with its error. Never nest one TRY in another.
#define TRY(expression)                                                     \
  __extension__({                                                           \
    auto weir_try_result_ = (expression);                                   \
    if (!weir_try_result_.ok()) return std::move(weir_try_result_).error(); \
    std::move(weir_try_result_).value();                                    \
  })
