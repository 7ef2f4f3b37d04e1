#pragma once
// Names of months and days in 44 locales, for the date filter's `locale`: the names the GNU C
// Library's locales (2.36) have in LC_TIME, on which its authors claim no copyright. Months stand
// in the form of a date ("5 de maig", "5. května"). Pure functions over one constant table.

#include "text/date.h"

#include <array>
#include <string>
#include <string_view>

namespace weir::tmpl {

struct Locale {
  std::string_view name;  // "fr_FR"
  std::array<std::string_view, 12> months;
  std::array<std::string_view, 12> months_short;
  std::array<std::string_view, 7> days;  // from Sunday
  std::array<std::string_view, 7> days_short;
};

// By "fr_FR", "fr-FR" or "fr"; a territory that we do not have gets the names of the first one of
// its language. Null when we do not have the language.
const Locale* find_locale(std::string_view name);
std::string locale_names();  // "ar_SA, bg_BG, ..."

// The format with %A %a %B %b %h replaced by the names themselves, %% and everything else
// untouched.
std::string localised_format(std::string_view format, const Locale& locale,
                             const text::CalendarFields& date);

}  // namespace weir::tmpl
