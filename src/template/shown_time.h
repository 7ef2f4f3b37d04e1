#pragma once
// A time as a template prints it: `now() | date(format="%Y")` in a footer reads the clock, but what
// it shows changes once a year. Such a call is reported as ReadKind::clock under a name that says
// how the time was formatted and what came of it, so that a builder can ask whether it would show
// the same now. Every other use of now() is volatile.
//
// Callable from any thread.

#include "base/clock.h"
#include "base/result.h"
#include "text/date.h"

#include <optional>
#include <string>
#include <string_view>

namespace weir::tmpl {

// The arguments of the filter `date`.
struct DateForm {
  std::string_view format = "%Y-%m-%d";
  std::optional<std::string_view> timezone = {};
  std::string_view locale = {};
};
Result<std::string> date_text(text::DateTime date, const DateForm& form);

// What now() gives.
enum class TimeForm : unsigned char { text, stamp };
std::string now_text(const Clock& clock);

// The name of the read.
std::string shown_time(TimeForm time, const DateForm& form, std::string_view shown);
// What was shown under that name, and what would be now; nothing for what is no such name, or
// cannot be formatted.
std::optional<std::string_view> text_shown(std::string_view name);
std::optional<std::string> text_shown_now(std::string_view name, const Clock& clock);

}  // namespace weir::tmpl
