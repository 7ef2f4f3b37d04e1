// Goal: a head is understood in exactly one way or refused with the status that the wire
// specification names, wherever the bytes were cut (H-9 .. H-16, H-18, H-21, H-24, H-25). Method:
// tables of heads; each is parsed whole and cut at every byte.

#include "http/head_parser.h"

#include "base/limits.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

using Kind = HeadVerdict::Kind;

const HeadRules usual{limits::target_bytes_max, limits::head_bytes_max, limits::head_fields_max};

struct Parsed {
  HeadVerdict verdict;
  std::string bytes;  // what the views point into
  std::unique_ptr<Head> head = std::make_unique<Head>();
};

Parsed parse(std::string text, const HeadRules& rules = usual) {
  Parsed parsed;
  parsed.bytes = std::move(text);
  parsed.verdict = parse_head(parsed.bytes.data(), parsed.bytes.size(), rules, *parsed.head);
  return parsed;
}

// Every prefix is incomplete, or already refused with the status of the whole; never complete
// before its time.
void check_every_cut(const std::string& text, const HeadVerdict& whole,
                     const HeadRules& rules = usual) {
  const std::size_t end = whole.kind == Kind::complete ? whole.bytes : text.size();
  for (std::size_t cut = 0; cut < end; ++cut) {
    const Parsed part = parse(text.substr(0, cut), rules);
    if (part.verdict.kind == Kind::incomplete) continue;
    if (part.verdict.kind == whole.kind && part.verdict.status == whole.status) continue;
    FAIL_CHECK("cut at " << cut << " of " << text.substr(0, 80) << ": " << part.verdict.status);
    return;
  }
}

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

}  // namespace

TEST_CASE("the lines of a list are one list, and a repeated field of one value is known as such",
          "[http]") {
  const auto list_of = [](const Parsed& parsed, Known field) {
    return parsed.head->request.use_list(field,
                                         [](std::string_view list) { return std::string(list); });
  };
  const Parsed parsed = parse(get(
      "Accept-Encoding: gzip;q=0.1\r\nIf-None-Match: \"a\"\r\nX: y\r\naccept-encoding: br\r\n"));
  REQUIRE(parsed.verdict.kind == Kind::complete);
  CHECK(list_of(parsed, Known::accept_encoding) == "gzip;q=0.1, br");
  CHECK(list_of(parsed, Known::if_none_match) == "\"a\"");
  CHECK(list_of(parsed, Known::accept).empty());
  CHECK(parsed.head->request.repeats(Known::accept_encoding));
  CHECK_FALSE(parsed.head->request.repeats(Known::if_none_match));
  // What Connection takes away is neither there nor repeated.
  const Parsed dropped =
      parse(get("Range: bytes=0-1\r\nRange: bytes=2-3\r\nConnection: range\r\n"));
  REQUIRE(dropped.verdict.kind == Kind::complete);
  CHECK_FALSE(dropped.head->request.has(Known::range));
  CHECK_FALSE(dropped.head->request.repeats(Known::range));
  CHECK(list_of(dropped, Known::range).empty());
}

TEST_CASE("a plain request is read into its parts", "[http]") {
  const Parsed parsed = parse(
      "POST /a/b?x=1&y=%20 HTTP/1.1\r\nHost: Example.COM:8080\r\nUser-Agent: test/1\r\nX-Odd:\r\n"
      "Accept:  text/html \t\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\nbody follows");
  REQUIRE(parsed.verdict.kind == Kind::complete);
  CHECK(parsed.verdict.bytes == parsed.bytes.size() - 12);
  const Request& request = parsed.head->request;
  CHECK(request.method == Method::post);
  CHECK(request.method_text == "POST");
  CHECK(request.target == "/a/b?x=1&y=%20");
  CHECK(request.raw_path == "/a/b");
  CHECK(request.query == "x=1&y=%20");
  CHECK(request.host == "example.com:8080");
  CHECK(request.version_minor == 1);
  CHECK(request.framing == Framing::length);
  CHECK(request.content_length == 12);
  CHECK(request.fields.size() == 6);
  CHECK(request.known(Known::accept) == "text/html");
  CHECK(request.known(Known::user_agent) == "test/1");
  CHECK(request.find("x-odd") != nullptr);
  CHECK(request.find("x-odd")->value.empty());
  CHECK(request.find("x-none") == nullptr);
  CHECK_FALSE(request.has(Known::cookie));
  CHECK(parsed.head->keep_alive);
}

TEST_CASE("every known field is found whatever the case of its name", "[http]") {
  const std::vector<std::pair<std::string, Known>> rows{
      {"ACCEPT-encoding", Known::accept_encoding},
      {"Authorization", Known::authorization},
      {"Cache-Control", Known::cache_control},
      {"cookie", Known::cookie},
      {"If-None-Match", Known::if_none_match},
      {"If-Modified-Since", Known::if_modified_since},
      {"Range", Known::range},
      {"If-Range", Known::if_range},
      {"Traceparent", Known::traceparent},
      {"TRACESTATE", Known::tracestate},
      {"X-Forwarded-For", Known::x_forwarded_for},
      {"Last-Event-ID", Known::last_event_id},
      {"Sec-Fetch-Site", Known::sec_fetch_site},
      {"Origin", Known::origin},
      {"Content-Type", Known::content_type},
      {"Referer", Known::referer},
      {"If-Match", Known::if_match},
      {"If-Unmodified-Since", Known::if_unmodified_since},
      {"Accept-Language", Known::accept_language},
      {"Content-Encoding", Known::content_encoding},
      {"Upgrade", Known::upgrade},
      {"Forwarded", Known::forwarded},
  };
  for (const auto& [name, known] : rows) {
    const Parsed parsed = parse(get(name + ": v1\r\n" + name + ": v2\r\n"));
    INFO(name);
    REQUIRE(parsed.verdict.kind == Kind::complete);
    CHECK(parsed.head->request.known(known) == "v1");
  }
}

TEST_CASE("what a head may not hold is refused with its status, wherever it is cut", "[http]") {
  struct Row {
    int status;
    std::string head;
  };
  const std::string nul(1, '\0');
  const std::vector<Row> rows{
      // H-9: line ends, control bytes
      {400, "GET / HTTP/1.1\nHost: a\n\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n\rX"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a" + nul + "b\r\n\r\n"},
      {400, "GET /" + nul + " HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX" + nul + ": b\r\n\r\n"},
      {400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, get("X: a\x01z\r\n")},
      {400, get("X: a\x7fz\r\n")},
      {400, get("X: 12345678\x1f\r\n")},
      // H-10: the request line
      {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/11\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/01.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.x\r\nHost: a\r\n\r\n"},
      {400, "GET / HTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\r\n\r\n"},
      {400, "GET\r\n\r\n"},
      {400, "/ HTTP/1.1\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/3.1\r\nHost: a\r\n\r\n"},
      // H-11: the method
      {400, "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "G\xc3\xa9T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {501, std::string(33, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n"},
      // H-12: field lines
      {400, get("X : a\r\n")},
      {400, get("X\t: a\r\n")},
      {400, get(": a\r\n")},
      {400, get("no colon here\r\n")},
      {400, get("nocolon\r\n")},
      {400, get("X: a\r\n folded\r\n")},
      {400, get("X: a\r\n\tfolded\r\n")},
      {400, get(" X: a\r\n")},
      {400, get("X(y): a\r\n")},
      {400, get("X\xe4: a\r\n")},
      {400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      // H-13: Host
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {400, "GET http://b/ HTTP/1.1\r\n\r\n"},
      {400, "GET http://b/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      // H-14: Content-Length
      {400, get("Content-Length: 1, 1\r\n")},
      {400, get("Content-Length: 5\r\nContent-Length: 5\r\n")},
      {400, get("Content-Length: 5\r\ncontent-length: 6\r\n")},
      {400, get("Content-Length: +5\r\n")},
      {400, get("Content-Length: -5\r\n")},
      {400, get("Content-Length: 5 5\r\n")},
      {400, get("Content-Length: 0x5\r\n")},
      {400, get("Content-Length: 5;\r\n")},
      {400, get("Content-Length:\r\n")},
      {400, get("Content-Length: 18446744073709551616\r\n")},
      {400, get("Content-Length: 9999999999999999999999\r\n")},
      // H-15: Transfer-Encoding
      {400, get("Transfer-Encoding: identity\r\n")},
      {400, get("Transfer-Encoding:\r\n")},
      {400, get("Transfer-Encoding: chunked, identity\r\n")},
      {400, get("Transfer-Encoding: chunked, chunked\r\n")},
      {400, get("Transfer-Encoding: chunked,\r\n")},
      {400, get("Transfer-Encoding: , chunked\r\n")},
      {400, get("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n")},
      {400, get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {400, get("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
      {400, get("Transfer-Encoding: xchunked\r\n")},
      {400, get("Transfer-Encoding: \"chunked\"\r\n")},
      {400, get("Transfer-Encoding: chunked;q=1\r\n")},
      {400, get("Transfer-Encoding: \x0b"
                "chunked\r\n")},
      {501, get("Transfer-Encoding: gzip, chunked\r\n")},
      {501, get("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")},
      {400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
      // H-16: both
      {400, get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {400, get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
      {400, get("transfer-encoding:\tCHUNKED\r\nCONTENT-LENGTH:0\r\n")},
      // H-21: other protocols
      {400, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)},
      {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {400, "\x80\x2e\x01\x00\x02"},
      // H-25: the target
      {400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET ?x HTTP/1.1\r\nHost: a\r\n\r\n"},
  };
  for (const Row& row : rows) {
    const Parsed parsed = parse(row.head);
    INFO(row.head);
    CHECK(parsed.verdict.kind == Kind::refused);
    CHECK(parsed.verdict.status == row.status);
    CHECK(std::string_view(parsed.verdict.reason).size() > 10);
    check_every_cut(row.head, parsed.verdict);
  }
}

TEST_CASE("what is unusual but good is accepted, wherever it is cut", "[http]") {
  const std::vector<std::string> rows{
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.9\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      std::string(32, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n",
      "get / HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://b.example/p?q HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a|b{c}\"<>^`'~!$&()*+,;=:@ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET //a//b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
      "GET / HTTP/1.1\r\nhOsT:a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9 \xff\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \t \r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^`|~1aZ: v\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tChunked \r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0042\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: %C3%A9%41.example\r\n\r\n",
  };
  for (const std::string& row : rows) {
    const Parsed parsed = parse(row);
    INFO(row << " -> " << parsed.verdict.reason);
    CHECK(parsed.verdict.kind == Kind::complete);
    CHECK(parsed.verdict.bytes == row.size());
    check_every_cut(row, parsed.verdict);
  }
}

TEST_CASE("bytes behind a head are not part of it", "[http]") {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const Parsed parsed = parse(first + "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n");
  REQUIRE(parsed.verdict.kind == Kind::complete);
  CHECK(parsed.verdict.bytes == first.size());
  CHECK(parsed.head->request.path.empty());  // decoding is the caller's next step
  CHECK(parsed.head->request.raw_path == "/1");
}

TEST_CASE("leading empty lines alone may be dropped by the caller", "[http]") {
  CHECK(parse("\r\n").verdict.bytes == 2);
  CHECK(parse("\r\n\r\n\r").verdict.bytes == 4);
  CHECK(parse("").verdict.bytes == 0);
  CHECK(parse("\r\n\r\n").verdict.kind == Kind::incomplete);
}

TEST_CASE("limits of a head hold below, at and one above", "[http]") {
  const HeadRules small{20, 200, 3};
  const auto target = [&small](std::size_t bytes) {
    return parse("GET /" + std::string(bytes - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", small)
        .verdict;
  };
  CHECK(target(19).kind == Kind::complete);
  CHECK(target(20).kind == Kind::complete);
  CHECK(target(21).status == 414);
  CHECK(parse("GET /" + std::string(30, 'x'), small).verdict.status ==
        414);  // at once, not when the line ends

  const auto fields = [&small](std::size_t count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < count; ++i) text += "X: y\r\n";
    return parse(text + "\r\n", small).verdict;
  };
  CHECK(fields(2).kind == Kind::complete);
  CHECK(fields(3).kind == Kind::complete);
  CHECK(fields(4).status == 431);

  const auto whole = [&small](std::size_t bytes) {
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    return parse(begin + std::string(bytes - begin.size() - 4, 'y') + "\r\n\r\n", small).verdict;
  };
  CHECK(whole(199).kind == Kind::complete);
  CHECK(whole(200).kind == Kind::complete);
  CHECK(whole(201).status == 431);
  CHECK(parse("GET / HTTP/1.1\r\nX: " + std::string(300, 'y'), small).verdict.status == 431);
  const std::string one_above =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(300, 'y') + "\r\n\r\n";
  check_every_cut(one_above, parse(one_above, small).verdict, small);
}

TEST_CASE("underscores in field names are dropped, or refused on request", "[http]") {
  const Parsed dropped = parse(get("X_Y: 1\r\nX-Y: 2\r\n"));
  REQUIRE(dropped.verdict.kind == Kind::complete);
  CHECK(dropped.head->request.fields.size() == 2);
  HeadRules rules = usual;
  rules.underscores = Underscores::reject;
  CHECK(parse(get("X_Y: 1\r\n"), rules).verdict.status == 400);
}

TEST_CASE("a lone LF ends a line only where the operator allows it", "[http]") {
  HeadRules rules = usual;
  rules.line_ends = LineEnds::lenient_lf;
  const Parsed parsed = parse("GET / HTTP/1.1\nHost: a\nX: b\n\n", rules);
  REQUIRE(parsed.verdict.kind == Kind::complete);
  CHECK(parsed.head->request.find("x")->value == "b");
  CHECK(parse("GET / HTTP/1.1\rHost: a\n\n", rules).verdict.status == 400);
}

TEST_CASE("fields named in Connection never reach a handler", "[http]") {
  const Parsed parsed = parse(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Internal: 1\r\nConnection: close, "
      "X-Internal\r\nAuthorization: b\r\n"
      "Connection: cookie\r\nCookie: c\r\n\r\n");
  REQUIRE(parsed.verdict.kind == Kind::complete);
  const Request& request = parsed.head->request;
  CHECK(request.find("x-internal") == nullptr);
  CHECK(request.find("cookie") == nullptr);
  CHECK_FALSE(request.has(Known::cookie));
  CHECK(request.known(Known::authorization) == "b");
  CHECK(request.known(Known::host) == "a");
  CHECK_FALSE(parsed.head->keep_alive);
}

TEST_CASE("the authority of an absolute target replaces Host", "[http]") {
  const Parsed parsed = parse("GET http://B.example:81?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(parsed.verdict.kind == Kind::complete);
  CHECK(parsed.head->request.host == "b.example:81");
  CHECK(parsed.head->request.raw_path == "/");
  CHECK(parsed.head->request.query == "x=1");
}

TEST_CASE("keep-alive follows version and Connection", "[http]") {
  const auto keeps = [](std::string_view version, std::string_view fields) {
    return parse("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) +
                 "\r\n")
        .head->keep_alive;
  };
  CHECK(keeps("1.1", ""));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: keep-alive, close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: x\r\nConnection: CLOSE\r\n"));
}

TEST_CASE("Expect is 100-continue or unknown, and nothing in HTTP/1.0", "[http]") {
  const Parsed good =
      parse("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
  CHECK(good.head->request.wants_continue);
  CHECK_FALSE(good.head->expectation_unknown);
  CHECK(parse(get("Expect: tea\r\n")).head->expectation_unknown);
  const Parsed old = parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  CHECK_FALSE(old.head->request.wants_continue);
}
