#pragma once
// Names of months and days in the languages that sites use most, for the date filter's `locale`.
// The names are those of the Unicode CLDR in the form that stands in a date ("5 août"), as the C
// library's locales have them. Pure functions over one constant table.

#include "text/date.h"

#include <array>
#include <string>
#include <string_view>

namespace weir::tmpl {

struct Locale {
  std::string_view language;  // "fr"
  std::array<std::string_view, 12> months;
  std::array<std::string_view, 12> months_short;
  std::array<std::string_view, 7> days;  // from Sunday
  std::array<std::string_view, 7> days_short;
};

// By "fr_FR", "fr-FR" or "fr"; the territory must look like one but does not choose between names.
// Null when we do not have the language.
const Locale* find_locale(std::string_view name);
std::string locale_names();  // "cs, da, de ..."

// The format with %A %a %B %b %h replaced by the names themselves, %% and everything else
// untouched.
std::string localised_format(std::string_view format, const Locale& locale,
                             const text::CalendarFields& date);

}  // namespace weir::tmpl
