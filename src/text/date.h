#pragma once
// Dates of front matter, feeds and templates: read, shift into a zone, write with strftime
// specifiers. Proleptic Gregorian calendar, years 0000 to 9999. No locale of the system is used;
// names are English. Pure functions apart from TimeZone::open, which reads one file.

#include "base/clock.h"
#include "base/result.h"

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::text {

// What the author wrote.
enum class DateForm : std::uint8_t { date, local, offset };

struct DateTime {
  std::int64_t seconds = 0;  // since 1970-01-01T00:00:00Z; a date or a local time is taken as UTC
  std::uint32_t nanos = 0;   // 0..999'999'999
  std::int32_t offset_seconds =
      0;  // east of Greenwich; the fields of the calendar are those of this offset
  DateForm form = DateForm::offset;
  std::string zone = {};  // "CET" for %Z when shifted into a zone; empty: the offset is printed
  friend bool operator==(const DateTime&, const DateTime&) = default;
};
// Earlier in time; form, offset and zone do not count.
bool is_before(const DateTime& a, const DateTime& b);

struct CalendarFields {  // in the offset of the DateTime
  std::int32_t year = 1970;
  std::uint32_t month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::uint32_t weekday = 4;      // 0 = Sunday
  std::uint32_t day_of_year = 1;  // from 1
};
CalendarFields calendar_of(const DateTime& date);

// RFC 3339 ("2024-02-29T12:00:00.5+01:00"; T, t or a blank; Z or z), local
// ("2024-02-29T12:00[:00[.5]]") or date ("2024-02-29"). Errors name what is wrong; leap seconds
// (:60) are refused.
Result<DateTime> parse_date(std::string_view text);
// The date at the front of "2018-10-08_slug", "2018-10-08-slug", "2018-10-08T10:00:00Z-slug" and
// the slug after it; false when there is none.
struct DatedName {
  bool has_date = false;
  std::string_view date = {};
  std::string_view rest = {};  // the whole name when there is no date
};
DatedName dated_name_of(std::string_view name);

DateTime date_of_wall(Wall wall);
Result<DateTime> date_of_seconds(std::int64_t seconds);  // an error outside of years 0 to 9999
std::string rfc3339_of(const DateTime& date);   // "2024-02-29T11:00:00.5Z"; Z when the offset is 0
std::string iso_date_of(const DateTime& date);  // "2024-02-29"

// An IANA zone. Copies share the immutable table. Safe from any thread.
class TimeZone {
 public:
  // `directory` holds TZif files (RFC 8536). An unknown name or a missing database is an error,
  // never UTC in silence; "UTC" and "Etc/UTC" are always there.
  static Result<TimeZone> open(std::string_view name,
                               const std::string& directory = "/usr/share/zoneinfo");
  DateTime shifted(DateTime date) const;

 private:
  struct Table;
  explicit TimeZone(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
  std::shared_ptr<const Table> table_;
};

// All specifiers: %Y %C %y %m %b %B %h %d %e %a %A %w %u %U %W %G %g %V %j %D %x %F %v %H %k %I %l
// %P %p %M %S %f %.f %.3f
// %.6f %.9f %3f %6f %9f %R %T %X %r %Z %z %:z %::z %:::z %#z %c %+ %s %t %n %%, with the padding
// flags %-d %_d %0d. An unknown specifier is an error that names it.
Result<std::string> format_date(const DateTime& date, std::string_view format);

}  // namespace weir::text
