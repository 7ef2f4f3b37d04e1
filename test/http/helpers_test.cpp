// Goal: the pure helpers (dates, conditions, ranges, negotiation, types, problems, prepared
// answers) follow their RFCs. Method: one table each.

#include "http/conditions.h"
#include "http/dates.h"
#include "http/mime.h"
#include "http/negotiate.h"
#include "http/prepared.h"
#include "http/problem.h"
#include "http/ranges.h"

#include "base/limits.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::int64_t now = 1'795'217'325;  // 2026-11-20T23:28:45Z

// A request with the fields given, as the parser would leave it. The caller keeps `fields`.
Request request_of(Method method, const std::vector<Field>& fields) {
  static const std::vector<std::pair<std::string_view, Known>> names{
      {"if-match", Known::if_match},
      {"if-none-match", Known::if_none_match},
      {"if-range", Known::if_range},
      {"if-modified-since", Known::if_modified_since},
      {"if-unmodified-since", Known::if_unmodified_since},
      {"range", Known::range}};
  Request request;
  request.method = method;
  request.fields = fields;
  for (std::size_t i = 0; i < fields.size(); ++i)
    for (const auto& [name, known] : names)
      if (fields[i].name == name)
        request.known_at[static_cast<std::size_t>(known)] = static_cast<std::uint8_t>(i + 1);
  return request;
}

}  // namespace

TEST_CASE("dates are written and read back in all three forms", "[http]") {
  CHECK(date_of(now) == "Fri, 20 Nov 2026 23:28:45 GMT");
  CHECK(date_of(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(date_of(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(date_of(951'782'400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(date_of(253'402'300'799) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(date_of(253'402'300'800) == "Fri, 31 Dec 9999 23:59:59 GMT");
  for (std::int64_t day = -25'000; day < 60'000; day += 7) {
    const std::int64_t seconds = day * 86'400 + 12'345;
    REQUIRE(parse_date(date_of(seconds), now) == seconds);
  }
  CHECK(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", now) == 784'111'777);
  CHECK(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", now) == 784'111'777);
  CHECK(parse_date("Sun Nov  6 08:49:37 1994", now) == 784'111'777);
  CHECK(parse_date("Friday, 20-Nov-76 23:28:45 GMT", now) ==
        parse_date("Fri, 20 Nov 2076 23:28:45 GMT", now));
  CHECK(parse_date("Saturday, 20-Nov-77 23:28:45 GMT", now) ==
        parse_date("Sun, 20 Nov 1977 23:28:45 GMT", now));
}

TEST_CASE("what only looks like a date is none", "[http]") {
  for (const char* text : {"", "0", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
                           "sun, 06 nov 1994 08:49:37 gmt", "Sun, 31 Feb 1994 08:49:37 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 8:49:37 GMT",
                           "1994-11-06T08:49:37Z", "Sun Nov 06 08:49:37 94"})
    CHECK_FALSE(parse_date(text, now).has_value());
}

TEST_CASE("preconditions are judged in the order of RFC 9110 13.2.2", "[http]") {
  const Validators page{true, "\"page-i\"", {}, {"\"page", "izg"}, 784'111'777, std::nullopt};
  const std::string same = "Sun, 06 Nov 1994 08:49:37 GMT";
  const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
  const std::string after = "Sun, 06 Nov 1994 08:49:38 GMT";
  struct Row {
    Method method;
    std::vector<Field> fields;
    Condition wanted;
  };
  using enum Condition;
  const std::vector<Row> rows{
      {Method::get, {}, proceed},
      {Method::get, {{"if-none-match", "\"page-i\""}}, not_modified},
      {Method::head, {{"if-none-match", "\"page-i\""}}, not_modified},
      {Method::put, {{"if-none-match", "\"page-i\""}}, precondition_failed},
      {Method::get, {{"if-none-match", "\"page-g\""}}, not_modified},
      {Method::get, {{"if-none-match", "W/\"page-i\""}}, not_modified},
      {Method::get, {{"if-none-match", "\"a\", \"b,c\" ,W/\"page-z\""}}, not_modified},
      {Method::get, {{"if-none-match", "*"}}, not_modified},
      {Method::put, {{"if-none-match", "*"}}, precondition_failed},
      {Method::get, {{"if-none-match", "\"other\""}}, proceed},
      {Method::get, {{"if-none-match", "\"page-b\""}}, proceed},  // no letter of ours
      {Method::get, {{"if-none-match", "\"page\", \"-z\", \"page-zz\", \"pagez\""}}, proceed},
      {Method::get, {{"if-none-match", "page-i"}}, proceed},
      {Method::get, {{"if-none-match", "\"other\" \"page-i\""}}, proceed},
      {Method::get, {{"if-none-match", ""}}, proceed},
      {Method::get, {{"if-none-match", "\"other\""}, {"if-modified-since", same}}, proceed},
      {Method::get, {{"if-modified-since", same}}, not_modified},
      {Method::get, {{"if-modified-since", after}}, not_modified},
      {Method::get, {{"if-modified-since", before}}, proceed},
      {Method::get, {{"if-modified-since", "yesterday"}}, proceed},
      {Method::post, {{"if-modified-since", same}}, proceed},
      {Method::get, {{"if-match", "\"page-i\""}}, proceed},
      {Method::get, {{"if-match", "\"x\", \"page-z\""}}, proceed},
      {Method::get, {{"if-match", "W/\"page-i\""}}, precondition_failed},
      {Method::get, {{"if-match", "\"x\""}}, precondition_failed},
      {Method::get, {{"if-match", "*"}}, proceed},
      {Method::get, {{"if-match", "\"x\""}, {"if-none-match", "\"page-i\""}}, precondition_failed},
      {Method::get, {{"if-match", "\"page-i\""}, {"if-none-match", "\"page-i\""}}, not_modified},
      {Method::get, {{"if-unmodified-since", before}}, precondition_failed},
      {Method::get, {{"if-unmodified-since", same}}, proceed},
      {Method::get, {{"if-match", "\"page-i\""}, {"if-unmodified-since", before}}, proceed},
      {Method::get, {{"range", "bytes=0-1"}, {"if-range", "\"page-i\""}}, proceed},
      {Method::get, {{"range", "bytes=0-1"}, {"if-range", "\"page-g\""}}, proceed_whole},
      {Method::get, {{"range", "bytes=0-1"}, {"if-range", "W/\"page-i\""}}, proceed_whole},
      {Method::get, {{"range", "bytes=0-1"}, {"if-range", same}}, proceed},
      {Method::get, {{"range", "bytes=0-1"}, {"if-range", after}}, proceed_whole},
      {Method::get, {{"range", "bytes=0-1"}, {"if-range", "x"}}, proceed_whole},
      {Method::get, {{"if-range", "\"other\""}}, proceed},
  };
  for (const Row& row : rows) {
    INFO((row.fields.empty()
              ? std::string()
              : std::string(row.fields[0].name) + ": " + std::string(row.fields[0].value)));
    CHECK(condition_of(request_of(row.method, row.fields), page, now) == row.wanted);
  }
}

TEST_CASE("C-45: a tag of another server, and those that we have made of it, are one generation",
          "[http]") {
  struct Row {
    const char* chosen;
    const char* plain;
    const char* stem;
    const char* field;
    bool matches;
  };
  for (const Row& row :
       {Row{"\"rev-b-z\"", "\"rev-b\"", "\"rev-b", "\"rev-b\"", true},
        Row{"\"rev-b-z\"", "\"rev-b\"", "\"rev-b", "\"rev-b-g\"", true},
        Row{"\"rev-b\"", "\"rev-b\"", "\"rev-b", "\"rev-z\"", false},
        Row{"W/\"a-z\"", "W/\"a\"", "W/\"a", "\"a-i\"", true},
        Row{"W/\"a-z\"", "W/\"a\"", "W/\"a", "W/\"a\"", true}, Row{"", "", "", "\"-z\"", false}}) {
    INFO(row.field);
    const Validators now_there{true, row.chosen, row.plain, {row.stem, "izgbd"}, {}, {}};
    const std::vector<Field> fields{{"if-none-match", row.field}};
    const bool matches =
        condition_of(request_of(Method::get, fields), now_there, now) == Condition::not_modified;
    CHECK(matches == row.matches);
  }
}

TEST_CASE("a resource that does not exist matches no entity tag", "[http]") {
  const Validators nothing{false, {}, {}, {}, std::nullopt, std::nullopt};
  const std::vector<Field> any{{"if-match", "*"}};
  CHECK(condition_of(request_of(Method::put, any), nothing, now) == Condition::precondition_failed);
  const std::vector<Field> none{{"if-none-match", "*"}};
  CHECK(condition_of(request_of(Method::put, none), nothing, now) == Condition::proceed);
}

TEST_CASE("Date stands in for a missing Last-Modified", "[http]") {
  const Validators page{true, "\"a\"", {}, {}, std::nullopt, 784'111'777};
  const std::vector<Field> same{{"if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  CHECK(condition_of(request_of(Method::get, same), page, now) == Condition::not_modified);
}

TEST_CASE("ranges: one, several, the whole, or none", "[http]") {
  using Kind = RangePlan::Kind;
  struct Row {
    std::string field;
    Kind kind;
    std::vector<ByteRange> ranges;
  };
  const std::vector<Row> rows{
      {"bytes=0-9", Kind::single, {{0, 9}}},
      {"bytes=0-0", Kind::single, {{0, 0}}},
      {"bytes=99-", Kind::single, {{99, 99}}},
      {"bytes=-1", Kind::single, {{99, 99}}},
      {"bytes=-1000", Kind::single, {{0, 99}}},
      {"bytes=50-1000", Kind::single, {{50, 99}}},
      {"Bytes=0-9", Kind::single, {{0, 9}}},
      {"bytes= 0-9 , ", Kind::single, {{0, 9}}},
      {"bytes=0-99999999999999999999999", Kind::single, {{0, 99}}},
      {"bytes=0-9,20-29", Kind::several, {{0, 9}, {20, 29}}},
      {"bytes=20-29, 0-9", Kind::several, {{20, 29}, {0, 9}}},
      {"bytes=0-1,3-4,6-7,9-10,12-13", Kind::several, {{0, 1}, {3, 4}, {6, 7}, {9, 10}, {12, 13}}},
      {"bytes=0-9,200-", Kind::single, {{0, 9}}},
      {"bytes=0-1,3-4,6-7,9-10,12-13,15-16", Kind::whole, {}},
      {"bytes=0-9,5-14", Kind::whole, {}},
      {"bytes=0-9,9-14", Kind::whole, {}},
      {"bytes=0-,-1", Kind::whole, {}},
      {"bytes=100-", Kind::unsatisfiable, {}},
      {"bytes=-0", Kind::unsatisfiable, {}},
      {"bytes=99999999999999999999999-", Kind::unsatisfiable, {}},
      {"bytes=", Kind::whole, {}},
      {"bytes=,", Kind::whole, {}},
      {"bytes=-", Kind::whole, {}},
      {"bytes=9-0", Kind::whole, {}},
      {"bytes=a-b", Kind::whole, {}},
      {"bytes=1", Kind::whole, {}},
      {"bytes=+1-2", Kind::whole, {}},
      {"bytes=1--2", Kind::whole, {}},
      {"bytes=0-9,x", Kind::whole, {}},
      {"items=0-9", Kind::whole, {}},
      {"bytes", Kind::whole, {}},
      {"", Kind::whole, {}},
  };
  for (const Row& row : rows) {
    INFO(row.field);
    const RangePlan plan = plan_ranges(row.field, 100);
    CHECK(plan.kind == row.kind);
    if (row.kind == Kind::single || row.kind == Kind::several) CHECK(plan.ranges == row.ranges);
  }
  CHECK(plan_ranges("bytes=0-", 0).kind == Kind::unsatisfiable);
  CHECK(plan_ranges("bytes=-5", 0).kind == Kind::unsatisfiable);
  CHECK(content_range_of({0, 9}, 100) == "bytes 0-9/100");
  CHECK(unsatisfied_range_of(100) == "bytes */100");
}

TEST_CASE("a multipart body holds each range with its place", "[http]") {
  const Multipart made = multipart_of({{0, 1}, {4, 5}}, "abcdef", "text/plain", "B");
  CHECK(made.content_type == "multipart/byteranges; boundary=B");
  CHECK(made.body ==
        "--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/6\r\n\r\nab"
        "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 4-5/6\r\n\r\nef\r\n--B--\r\n");
}

TEST_CASE("Accept-Encoding is weighed as RFC 9110 12.5.3 says", "[http]") {
  const Encoding ours[] = {Encoding::brotli, Encoding::zstd, Encoding::gzip, Encoding::identity};
  const auto choice = [&ours](std::string_view field) -> std::string {
    const int index = choose_encoding(parse_accept_encoding(field), ours);
    return index < 0 ? "none" : std::string(token_of(ours[index]));
  };
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "identity"},
      {"gzip", "gzip"},
      {"gzip, deflate, br, zstd", "br"},
      {"gzip, zstd", "zstd"},
      {"GZip", "gzip"},
      {"x-gzip", "gzip"},
      {"br;q=0.5, gzip;q=0.8", "gzip"},
      {"br;q=0.8,gzip;q=0.8", "br"},
      {"gzip;q=0", "identity"},
      {"gzip;q=0.001", "gzip"},
      {"*", "br"},
      {"*;q=0.1, gzip", "gzip"},
      {"gzip;q=0, *", "br"},
      {"identity", "identity"},
      {"identity;q=1, gzip;q=0.5", "identity"},
      {"identity;q=0.5, gzip;q=1", "gzip"},
      {"identity;q=0", "none"},
      {"*;q=0", "none"},
      {"*;q=0, gzip", "gzip"},
      {"identity;q=0, gzip;q=0.2", "gzip"},
      {"deflate", "identity"},
      {"gzip;q=2", "identity"},
      {"gzip;q=0.1234", "identity"},
      {"gzip;q=", "identity"},
      {"gzip;q=1.001", "identity"},
      {"br ; q=0.3 , gzip ; Q=0.4", "gzip"},
      {", ,gzip", "gzip"},
      {"gzip;q=1.000", "gzip"},
      {"brx", "identity"},
  };
  for (const auto& [field, wanted] : rows) {
    INFO(field);
    CHECK(choice(field) == wanted);
  }
}

TEST_CASE("Accept weighs media types, the most specific range first", "[http]") {
  CHECK(accept_weight("", "text/html") == 1000);
  CHECK(accept_weight("text/html", "text/html") == 1000);
  CHECK(accept_weight("text/*;q=0.3, */*;q=0.1", "text/html") == 300);
  CHECK(accept_weight("text/*;q=0.3, text/html;q=0.7", "text/html") == 700);
  CHECK(accept_weight("*/*;q=0.1", "application/json") == 100);
  CHECK(accept_weight("application/json", "text/html") == 0);
  CHECK(prefers_problem("application/json"));
  CHECK(prefers_problem("application/problem+json, */*;q=0.1"));
  CHECK_FALSE(prefers_problem("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
  CHECK_FALSE(prefers_problem("*/*"));
  CHECK_FALSE(prefers_problem(""));
}

TEST_CASE("content types go by extension, whatever its case", "[http]") {
  CHECK(content_type_of("index.html") == "text/html; charset=utf-8");
  CHECK(content_type_of("a/b.c/PHOTO.JPG") == "image/jpeg");
  CHECK(content_type_of("style.min.css") == "text/css; charset=utf-8");
  CHECK(content_type_of("app.js") == "text/javascript; charset=utf-8");
  CHECK(content_type_of("a.woff2") == "font/woff2");
  CHECK(content_type_of("atom.xml") == "application/xml; charset=utf-8");
  CHECK(content_type_of("x.webmanifest") == "application/manifest+json; charset=utf-8");
  for (const char* unknown :
       {"", "README", "a.", "a.unknown", "a.averyverylongextension", "dir.html/file", "."})
    CHECK(content_type_of(unknown) == "application/octet-stream");
  CHECK(is_compressible("text/html; charset=utf-8"));
  CHECK(is_compressible("application/ld+json"));
  CHECK(is_compressible("image/svg+xml; charset=utf-8"));
  CHECK_FALSE(is_compressible("image/png"));
  CHECK_FALSE(is_compressible("font/woff2"));
  CHECK_FALSE(is_compressible("application/octet-stream"));
}

TEST_CASE("a prepared answer has its slots where it says", "[http]") {
  const auto body = std::make_shared<const std::string>("hello");
  const auto made = prepare(200, {{"Content-Type", "text/plain"}, {"content-length", "99"}}, body,
                            {PrepareOptions::Age::slot, "weir; hit"});
  REQUIRE(made.ok());
  const Prepared& prepared = **made;
  CHECK(prepared.head.starts_with("HTTP/1.1 200 OK\r\nServer: weir\r\n"));
  CHECK(prepared.head.ends_with("\r\n"));
  CHECK(prepared.head.find("Content-Length: 5\r\n") != std::string::npos);
  CHECK(prepared.head.find("99") == std::string::npos);
  CHECK(prepared.head.substr(prepared.date_at - 6, 6) == "Date: ");
  CHECK(prepared.head.substr(prepared.age_at - 5, 16) == "Age:           0");
  CHECK(prepared.head.find("Cache-Status: weir; hit; ttl=0          \r\n") == prepared.ttl_at - 29);
  CHECK(prepared.body.data() == body->data());

  const auto stored = prepare(200, {{"Date", date_of(now)}}, body);
  CHECK((*stored)->date_at == 0);
  const auto not_modified = prepare(304, {{"ETag", "\"a\""}}, nullptr);
  CHECK((*not_modified)->head.find("Content-Length") == std::string::npos);
  CHECK((*not_modified)->body.empty());
  CHECK_FALSE(prepare(200, {{"X", "a\r\nSet-Cookie: b"}}, body).ok());
  CHECK_FALSE(prepare(200, {{"X y", "a"}}, body).ok());
  CHECK_FALSE(prepare(200, {}, body, {PrepareOptions::Age::none, "a\nb"}).ok());
}

TEST_CASE("numbers fill their slot to the last byte", "[http]") {
  const auto slot = [](std::int64_t value) {
    std::string text(Prepared::number_bytes, '?');
    write_number_slot(text.data(), value);
    return text;
  };
  CHECK(slot(0) == "          0");
  CHECK(slot(-5) == "         -5");
  CHECK(slot(INT64_MIN) == "-2147483648");
  CHECK(slot(INT64_MAX) == " 2147483647");
}

TEST_CASE("problems are valid JSON and pages are escaped", "[http]") {
  const Response problem = problem_response({.status = 429,
                                             .type = "https://x/y",
                                             .detail = "a \"quote\"\n",
                                             .instance = "id",
                                             .members = "\"n\":1"});
  CHECK(problem.status == 429);
  CHECK(problem.fields[0].second == "application/problem+json");
  CHECK(problem.body ==
        "{\"type\":\"https://x/y\",\"title\":\"Too Many Requests\",\"status\":429,"
        "\"detail\":\"a \\\"quote\\\"\\n\",\"instance\":\"id\",\"n\":1}\n");
  const Response page = error_page_response(404, "<script>");
  CHECK(page.body.find("<script>") == std::string::npos);
  CHECK(page.body.find("404 Not Found") != std::string::npos);
}

TEST_CASE("lists are read as far as patience reaches", "[http]") {
  const auto many = [](std::string_view text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::size_t most = limits::list_members_max;
  CHECK(parse_accept_encoding(many("x,", most - 1) + "gzip").gzip == 1000);
  CHECK(parse_accept_encoding(many("x,", most) + "gzip").gzip == 0);
  CHECK(accept_weight(many("a/b,", most) + "text/html", "text/html") == 0);
  CHECK(etag_list_matches(many("\"x\", ", most - 1) + "\"y\"", "\"y\"", Comparison::weak));
  CHECK_FALSE(etag_list_matches(many("\"x\", ", most) + "\"y\"", "\"y\"", Comparison::weak));
}
