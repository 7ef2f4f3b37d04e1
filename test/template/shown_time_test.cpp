#include "template/shown_time.h"

#include "template/engine.h"

#include <catch2/catch.hpp>

// Goal: what a template reads of the clock is told as exactly what it shows, and everything that is
// not shown through a date is told as volatile.

namespace weir::tmpl {

namespace {

class Ears final : public Recorder {
 public:
  void read(const Read& what) override {
    if (what.kind == ReadKind::volatile_) ++volatiles;
    if (what.kind == ReadKind::clock) shown.emplace_back(what.name);
  }
  int volatiles = 0;
  std::vector<std::string> shown;
};

// 2024-02-29T23:30:00Z
constexpr std::int64_t leap_evening_ns = 1'709'249'400'000'000'000;

}  // namespace

TEST_CASE("of now() behind a date what is shown is told, of any other now() that it is read",
          "[template]") {
  struct Row {
    const char* text;
    const char* gives;
    int volatiles;
    std::vector<std::string> shown;
  };
  const Row rows[] = {
      {"{{ now() | date(format=\"%Y\") }}", "2024", 0, {"2024"}},
      {"{{ now(timestamp=true) | date }}", "2024-02-29", 0, {"2024-02-29"}},
      {"{{ now() | date(format=\"%d\", timezone=\"Asia/Tokyo\") }}", "01", 0, {"01"}},
      {"{{ now() | date(format=\"%B\", locale=\"de_DE\") | upper }}", "FEBRUAR", 0, {"Februar"}},
      {"{% set f = \"%m\" %}{% set y = now() | date(format=f) %}{{ y }}", "02", 0, {"02"}},
      {"{% if now() | date(format=\"%Y\") == \"2024\" %}y{% endif %}", "y", 0, {"2024"}},
      {"{{ now() | truncate(length=4, end=\"\") | safe }}", "2024", 1, {}},
      {"{% set n = now() %}{{ n | date(format=\"%Y\") }}", "2024", 1, {}},
      {"{{ now(timestamp=true) }}", "1709249400", 1, {}},
      {"{{ \"2020-01-01\" | date(format=\"%Y\") }}", "2020", 0, {}},
      {"{{ now() | default(value=1) | date(format=\"%Y\") }}", "2024", 1, {}},
  };
  const ManualClock clock(Wall{leap_evening_ns});
  for (const Row& row : rows) {
    Engine engine(clock);
    engine.add_template("t", row.text, "t");
    REQUIRE(engine.link().errors.empty());
    Ears ears;
    const Result<std::string> made = engine.render("t", Context(), {.recorder = &ears});
    INFO(row.text);
    REQUIRE(made.ok());
    CHECK(*made == row.gives);
    CHECK(ears.volatiles == row.volatiles);
    std::vector<std::string> shown;
    for (const std::string& name : ears.shown) {
      shown.emplace_back(text_shown(name).value_or("none"));
      CHECK(text_shown_now(name, clock) == shown.back());
    }
    CHECK(shown == row.shown);
  }
}

TEST_CASE("a time that was shown can be asked for again", "[template]") {
  const ManualClock evening(Wall{leap_evening_ns});
  ManualClock later(Wall{leap_evening_ns});
  later.advance(std::chrono::minutes(31));
  const std::string day = shown_time(TimeForm::text, {"%d"}, "29");
  const std::string month_there = shown_time(TimeForm::stamp, {"%m", "America/Lima"}, "02");

  CHECK(text_shown_now(day, evening) == "29");
  CHECK(text_shown_now(day, later) == "01");
  CHECK(text_shown_now(month_there, later) == "02");
  CHECK_FALSE(text_shown_now(shown_time(TimeForm::text, {"%d", "No/Where"}, "1"), later));
  for (const char* foreign : {"", "t", "t9:x", "t2:%d1:-0:", "t2:%d0:0:1:x"})
    CHECK_FALSE(text_shown(foreign));
}

}  // namespace weir::tmpl
