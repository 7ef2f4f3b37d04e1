// strftime, as the template filter `date` knows it: one table from specifier to number or text.
#include "text/date.h"

#include "base/bytes.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>

namespace weir::text {
namespace {

constexpr std::array<std::string_view, 12> months{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct IsoWeek {
  std::int64_t year = 0;
  std::int64_t week = 0;
};

// ISO 8601: a week belongs to the year of its Thursday.
IsoWeek iso_week_of(const CalendarFields& fields) {
  namespace chrono = std::chrono;
  const std::int64_t from_monday = (fields.weekday + 6) % 7;
  const std::int64_t thursday =
      static_cast<std::int64_t>(fields.day_of_year) - from_monday + 3;  // of its week
  const auto days_in = [](std::int64_t year) {
    return chrono::year(static_cast<int>(year)).is_leap() ? 366 : 365;
  };
  if (thursday < 1) return {fields.year - 1, (thursday + days_in(fields.year - 1) + 6) / 7};
  if (thursday > days_in(fields.year)) return {fields.year + 1, 1};
  return {fields.year, (thursday + 6) / 7};
}

struct Number {
  std::int64_t value;
  int digits;
  char pad = '0';
};

std::optional<Number> number_of(char specifier, const DateTime& date, const CalendarFields& f) {
  const std::int64_t yday = f.day_of_year;
  const std::int64_t hour12 = f.hour % 12 == 0 ? 12 : f.hour % 12;
  switch (specifier) {
    case 'Y': return Number{f.year, 4};
    case 'C': return Number{f.year / 100, 2};
    case 'y': return Number{f.year % 100, 2};
    case 'm': return Number{f.month, 2};
    case 'd': return Number{f.day, 2};
    case 'e': return Number{f.day, 2, ' '};
    case 'w': return Number{f.weekday, 1};
    case 'u': return Number{f.weekday == 0 ? 7 : f.weekday, 1};
    case 'U': return Number{(yday + 6 - f.weekday) / 7, 2};
    case 'W': return Number{(yday + 6 - (f.weekday + 6) % 7) / 7, 2};
    case 'G': return Number{iso_week_of(f).year, 4};
    case 'g': return Number{iso_week_of(f).year % 100, 2};
    case 'V': return Number{iso_week_of(f).week, 2};
    case 'j': return Number{yday, 3};
    case 'H': return Number{f.hour, 2};
    case 'k': return Number{f.hour, 2, ' '};
    case 'I': return Number{hour12, 2};
    case 'l': return Number{hour12, 2, ' '};
    case 'M': return Number{f.minute, 2};
    case 'S': return Number{f.second, 2};
    case 'f': return Number{date.nanos, 9};
    case 's': return Number{date.seconds, 1};
    default: return std::nullopt;
  }
}

void append_number(std::string& out, Number number) {
  const std::string digits = std::to_string(std::llabs(number.value));
  if (number.value < 0) out += '-';
  if (number.pad != '\0' && digits.size() < static_cast<std::size_t>(number.digits))
    out.append(static_cast<std::size_t>(number.digits) - digits.size(), number.pad);
  out += digits;
}

// What one specifier stands for in terms of others.
std::string_view expansion_of(char specifier) {
  switch (specifier) {
    case 'D':
    case 'x': return "%m/%d/%y";
    case 'F': return "%Y-%m-%d";
    case 'v': return "%e-%b-%Y";
    case 'R': return "%H:%M";
    case 'T':
    case 'X': return "%H:%M:%S";
    case 'r': return "%I:%M:%S %p";
    case 'c': return "%a %b %e %H:%M:%S %Y";
    case '+': return "%Y-%m-%dT%H:%M:%S%.f%:z";
    default: return "";
  }
}

enum class OffsetForm : std::uint8_t { plain, colon, seconds, hours };

void append_offset(std::string& out, std::int32_t offset, OffsetForm form) {
  out += offset < 0 ? '-' : '+';
  const std::int64_t seconds = std::abs(offset);
  append_number(out, {seconds / 3600, 2});
  if (form == OffsetForm::hours) return;
  if (form != OffsetForm::plain) out += ':';
  append_number(out, {seconds / 60 % 60, 2});
  if (form != OffsetForm::seconds) return;
  out += ':';
  append_number(out, {seconds % 60, 2});
}

void append_fraction(std::string& out, std::uint32_t nanos, std::size_t digits) {
  std::string all;
  append_number(all, {nanos, 9});
  out += std::string_view(all).substr(0, digits);
}

class Formatter {
 public:
  Formatter(const DateTime& date, std::string_view format)
      : date_(date), fields_(calendar_of(date)), format_(format) {}

  Result<std::string> formatted() {
    while (at_ < format_.size()) {
      if (format_[at_] != '%') {
        out_ += format_[at_++];
        continue;
      }
      const std::size_t start = at_++;
      if (!append_specifier())
        return Error{.what = "unknown specifier '" +
                             std::string(format_.substr(start, at_ - start + 1)) +
                             "' in the date format '" + std::string(format_) + "'"};
    }
    return std::move(out_);
  }

 private:
  bool append_specifier() {
    char pad = 'n';  // as the specifier wants
    const char flag = peek();
    if (flag == '-' || flag == '_' || flag == '0') {
      pad = flag == '-' ? '\0' : flag == '_' ? ' ' : '0';
      ++at_;
    }
    const char specifier = peek();
    if (const auto number = number_of(specifier, date_, fields_)) {
      Number padded = *number;
      if (pad != 'n') padded.pad = pad;
      append_number(out_, padded);
      ++at_;
      return true;
    }
    if (pad != 'n') return false;
    if (specifier == ':') return append_colon_offset();
    if (specifier == '.') return append_dot_fraction();
    if (is_digit(specifier)) return append_digits_fraction();
    return append_text(specifier);
  }

  bool append_text(char specifier) {
    const std::string_view month = months[fields_.month - 1];
    const std::string_view weekday = weekdays[fields_.weekday];
    switch (specifier) {
      case 'B': out_ += month; break;
      case 'b':
      case 'h': out_ += month.substr(0, 3); break;
      case 'A': out_ += weekday; break;
      case 'a': out_ += weekday.substr(0, 3); break;
      case 'p': out_ += fields_.hour < 12 ? "AM" : "PM"; break;
      case 'P': out_ += fields_.hour < 12 ? "am" : "pm"; break;
      case 'z': append_offset(out_, date_.offset_seconds, OffsetForm::plain); break;
      case 'Z':
        if (!date_.zone.empty()) out_ += date_.zone;
        else if (date_.form != DateForm::offset) out_ += "UTC";
        else append_offset(out_, date_.offset_seconds, OffsetForm::colon);
        break;
      case 't': out_ += '\t'; break;
      case 'n': out_ += '\n'; break;
      case '%': out_ += '%'; break;
      default: {
        const std::string_view expansion = expansion_of(specifier);
        if (expansion.empty()) return false;
        auto expanded = Formatter(date_, expansion).formatted();
        if (!expanded.ok()) return false;
        out_ += *expanded;
      }
    }
    ++at_;
    return true;
  }

  // %:z %::z %:::z
  bool append_colon_offset() {
    constexpr std::array forms{OffsetForm::colon, OffsetForm::seconds, OffsetForm::hours};
    std::size_t colons = 0;
    for (; peek() == ':'; ++at_) ++colons;
    if (peek() != 'z' || colons > forms.size()) return false;
    append_offset(out_, date_.offset_seconds, forms[colons - 1]);
    ++at_;
    return true;
  }

  // %.f (as many of 0, 3, 6, 9 digits as there are), %.3f %.6f %.9f
  bool append_dot_fraction() {
    ++at_;
    std::size_t digits = 0;
    if (is_digit(peek())) {
      digits = static_cast<std::size_t>(peek() - '0');
      if (digits != 3 && digits != 6 && digits != 9) return false;
      ++at_;
    } else if (date_.nanos != 0) {
      digits = date_.nanos % 1'000'000 == 0 ? 3 : date_.nanos % 1'000 == 0 ? 6 : 9;
    }
    if (peek() != 'f') return false;
    ++at_;
    if (digits == 0) return true;
    out_ += '.';
    append_fraction(out_, date_.nanos, digits);
    return true;
  }

  // %3f %6f %9f
  bool append_digits_fraction() {
    const auto digits = static_cast<std::size_t>(peek() - '0');
    if (digits != 3 && digits != 6 && digits != 9) return false;
    ++at_;
    if (peek() != 'f') return false;
    ++at_;
    append_fraction(out_, date_.nanos, digits);
    return true;
  }

  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  const DateTime& date_;
  CalendarFields fields_;
  std::string_view format_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> format_date(const DateTime& date, std::string_view format) {
  return Formatter(date, format).formatted();
}

}  // namespace weir::text
