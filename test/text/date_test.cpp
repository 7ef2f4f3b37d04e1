// Goal: dates are read as authors write them, shifted as the zone's law says, and written as asked.
#include "text/date.h"

#include "support.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace weir;
using namespace weir::text;

namespace {

DateTime date(std::string_view text) {
  const auto parsed = parse_date(text);
  INFO(text);
  REQUIRE(parsed.ok());
  return *parsed;
}

std::string formatted(const DateTime& date, std::string_view format) {
  const auto text = format_date(date, format);
  INFO(format);
  REQUIRE(text.ok());
  return *text;
}

}  // namespace

TEST_CASE("dates are read with their form", "[text]") {
  struct Row {
    std::string_view text;
    std::int64_t seconds;
    std::uint32_t nanos;
    std::int32_t offset;
    DateForm form;
  };
  const std::vector<Row> rows{
      {"1970-01-01", 0, 0, 0, DateForm::date},
      {"2024-02-29", 1'709'164'800, 0, 0, DateForm::date},
      {"0000-01-01", -62'167'219'200, 0, 0, DateForm::date},
      {"9999-12-31T23:59:59Z", 253'402'300'799, 0, 0, DateForm::offset},
      {"1970-01-01T00:01", 60, 0, 0, DateForm::local},
      {"1970-01-01 00:01:02.5", 62, 500'000'000, 0, DateForm::local},
      {"1970-01-01T00:00:00.1234567899Z", 0, 123'456'789, 0, DateForm::offset},
      {"1970-01-01t01:00:00z", 3'600, 0, 0, DateForm::offset},
      {"1970-01-01T01:00:00+01:30", -1'800, 0, 5'400, DateForm::offset},
      {"1996-12-19T16:39:57-08:00", 851'042'397, 0, -28'800, DateForm::offset},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(date(row.text) == DateTime{row.seconds, row.nanos, row.offset, row.form, ""});
  }
}

TEST_CASE("what is no date is refused", "[text]") {
  for (const std::string_view text :
       {"", "2024", "2024-13-01", "2024-00-01", "2023-02-29", "2024-02-30", "2024-2-3", "24-02-03",
        "2024-02-03T", "2024-02-03T24:00", "2024-02-03T10:60", "2024-02-03T10:00:60Z",
        "2024-02-03T10:00:00.", "2024-02-03T10:00:00+1", "2024-02-03T10:00:00+01:00x",
        "2024-02-03 ", "+024-02-03", "2024-02-03T10:00:00+0100"}) {
    INFO(text);
    CHECK_FALSE(parse_date(text).ok());
  }
  CHECK_FALSE(date_of_seconds(253'402'300'800).ok());
  CHECK_FALSE(date_of_seconds(std::numeric_limits<std::int64_t>::min()).ok());
}

TEST_CASE("a file name gives its date and the rest", "[text]") {
  struct Row {
    std::string_view name, date, rest;
  };
  const std::vector<Row> rows{
      {"2018-10-08_hello", "2018-10-08", "hello"},
      {"2018-10-08-hello-2", "2018-10-08", "hello-2"},
      {"2018-10-08T10:00:00Z-hello", "2018-10-08T10:00:00Z", "hello"},
      {"2018-10-08T10:00:00-08:00_hello", "2018-10-08T10:00:00-08:00", "hello"},
      {"2018-10-08", "", "2018-10-08"},
      {"2018-13-08-hello", "", "2018-13-08-hello"},
      {"hello", "", "hello"},
      {"", "", ""},
  };
  for (const Row& row : rows) {
    const DatedName name = dated_name_of(row.name);
    CHECK(name.has_date == !row.date.empty());
    CHECK(name.date == row.date);
    CHECK(name.rest == row.rest);
  }
}

TEST_CASE("every strftime specifier is written", "[text]") {
  const DateTime when = date("2001-07-08T00:34:59.026490+09:30");
  struct Row {
    std::string_view format, text;
  };
  const std::vector<Row> rows{
      {"%Y %C %y", "2001 20 01"},
      {"%m %b %B %h", "07 Jul July Jul"},
      {"%d %e %a %A %w %u", "08  8 Sun Sunday 0 7"},
      {"%U %W %G %g %V %j", "27 27 2001 01 27 189"},
      {"%D %x %F %v", "07/08/01 07/08/01 2001-07-08  8-Jul-2001"},
      {"%H %k %I %l %P %p", "00  0 12 12 am AM"},
      {"%M %S %f", "34 59 026490000"},
      {"%.f %.3f %.6f %.9f", ".026490 .026 .026490 .026490000"},
      {"%3f %6f %9f", "026 026490 026490000"},
      {"%R %T %X %r", "00:34 00:34:59 00:34:59 12:34:59 AM"},
      {"%Z %z %:z %::z %:::z", "+09:30 +0930 +09:30 +09:30:00 +09"},
      {"%c", "Sun Jul  8 00:34:59 2001"},
      {"%+", "2001-07-08T00:34:59.026490+09:30"},
      {"%s", "994518299"},
      {"%t%n%%", "\t\n%"},
      {"%-d %_d %0e %-m %_H %-j", "8  8 08 7  0 189"},
      {"é %Y 日", "é 2001 日"},
      {"", ""},
  };
  for (const Row& row : rows) CHECK(formatted(when, row.format) == row.text);
  CHECK(formatted(date("2017-01-01"), "%+S %Z") == "2017-01-01T00:00:00+00:00S UTC");
  CHECK(formatted(*date_of_seconds(1'648'302'603), "%F %T %Z (%z)") ==
        "2022-03-26 13:50:03 UTC (+0000)");
  CHECK(formatted(date("2024-05-01T13:00:00.5Z"), "%I %l %p %.f") == "01  1 PM .500");
}

TEST_CASE("weeks are those of ISO 8601", "[text]") {
  struct Row {
    std::string_view date, week;
  };
  const std::vector<Row> rows{
      {"2005-01-01", "2004-53"}, {"2005-01-02", "2004-53"}, {"2007-01-01", "2007-01"},
      {"2008-12-29", "2009-01"}, {"2009-12-31", "2009-53"}, {"2010-01-03", "2009-53"},
      {"2012-01-01", "2011-52"}, {"2020-12-31", "2020-53"}, {"2021-01-04", "2021-01"}};
  for (const Row& row : rows) CHECK(formatted(date(row.date), "%G-%V") == row.week);
}

TEST_CASE("an unknown specifier is named", "[text]") {
  for (const std::string_view format : {"%", "%Q", "%2f", "%-Z", "%::::z", "%:Y", "%.2f", "%-"}) {
    const auto text = format_date(date("2001-07-08"), format);
    INFO(format);
    REQUIRE_FALSE(text.ok());
    CHECK_THAT(text.error().what, Catch::StartsWith("unknown specifier '%"));
  }
}

TEST_CASE("dates are written as RFC 3339", "[text]") {
  CHECK(rfc3339_of(date("2024-02-29")) == "2024-02-29T00:00:00Z");
  CHECK(rfc3339_of(date("2024-02-29T12:00:00.50-08:30")) == "2024-02-29T12:00:00.5-08:30");
  CHECK(iso_date_of(date("2024-02-29T23:00:00-08:00")) == "2024-02-29");
  CHECK(rfc3339_of(date_of_wall({-1})) == "1969-12-31T23:59:59.999999999Z");
  CHECK(is_before(date("2024-01-01T00:00:00+01:00"), date("2024-01-01")));
}

TEST_CASE("zones shift by the database, also after its last transition", "[text]") {
  if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) {
    test::skip("/usr/share/zoneinfo is not installed");
    return;
  }
  struct Row {
    std::string_view zone, date, text;
  };
  const std::vector<Row> rows{
      {"Europe/Berlin", "2022-03-26T00:30:00Z", "2022-03-26 01:30 CET +0100"},
      {"Europe/Berlin", "2022-03-27T00:59:59Z", "2022-03-27 01:59 CET +0100"},
      {"Europe/Berlin", "2022-03-27T01:00:00Z", "2022-03-27 03:00 CEST +0200"},
      {"Europe/Berlin", "2022-10-30T01:00:00Z", "2022-10-30 02:00 CET +0100"},
      {"Europe/Berlin", "2095-07-01T00:00:00Z", "2095-07-01 02:00 CEST +0200"},
      {"Europe/Berlin", "2095-12-01T00:00:00Z", "2095-12-01 01:00 CET +0100"},
      {"Australia/Sydney", "2095-01-01T00:00:00Z", "2095-01-01 11:00 AEDT +1100"},
      {"Australia/Sydney", "2095-07-01T00:00:00Z", "2095-07-01 10:00 AEST +1000"},
      {"America/New_York", "2019-09-19T01:48:44Z", "2019-09-18 21:48 EDT -0400"},
      {"Asia/Kolkata", "2020-01-01T00:00:00Z", "2020-01-01 05:30 IST +0530"},
      {"Asia/Tokyo", "1800-01-01T00:00:00Z", "1800-01-01 09:18 LMT +0918"},
      {"UTC", "2020-01-01T00:00:00+05:00", "2019-12-31 19:00 UTC +0000"},
  };
  for (const Row& row : rows) {
    const auto zone = TimeZone::open(row.zone);
    INFO(row.zone);
    REQUIRE(zone.ok());
    CHECK(formatted(zone->shifted(date(row.date)), "%F %R %Z %z") == row.text);
  }
}

TEST_CASE("an unknown zone is an error, never UTC", "[text]") {
  for (const std::string_view name :
       {"Narnia", "", "/etc/passwd", "../zoneinfo/UTC", "Europe", "Europe/Berlin\n"}) {
    INFO(name);
    CHECK_FALSE(TimeZone::open(name).ok());
  }
  CHECK_FALSE(TimeZone::open("Europe/Berlin", "/nowhere").ok());
  CHECK(TimeZone::open("UTC", "/nowhere").ok());
}

TEST_CASE("a damaged zone file is refused, wherever it is cut", "[text]") {
  const test::TemporaryDirectory directory;
  const auto header = [](std::uint8_t times, std::uint8_t types, std::uint8_t chars) {
    std::string text = "TZif2" + std::string(15, '\0');
    for (const std::uint8_t count :
         {std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}, times, types, chars})
      text += std::string(3, '\0') + static_cast<char>(count);
    return text;
  };
  const std::string type = std::string("\0\0\x0e\x10\0\0", 6);
  const std::string good = header(0, 1, 4) + type + std::string("ABC\0", 4) + header(1, 1, 4) +
                           std::string(8, '\0') + std::string(1, '\0') + type +
                           std::string("ABC\0", 4) + "\nABC-1\n";
  directory.write("Good", good);
  const auto zone = TimeZone::open("Good", directory.path());
  REQUIRE(zone.ok());
  CHECK(formatted(zone->shifted(date("2020-01-01")), "%T %Z") == "01:00:00 ABC");
  const std::size_t footer = good.size() - 7;
  for (std::size_t bytes = 0; bytes < footer; ++bytes) {
    directory.write("Cut", good.substr(0, bytes));
    CHECK_FALSE(TimeZone::open("Cut", directory.path()).ok());
  }
  directory.write("Rule", good.substr(0, footer) + "\nABC-1DEF,M13.1.0,M1.1.0\n");
  CHECK_FALSE(TimeZone::open("Rule", directory.path()).ok());
}
