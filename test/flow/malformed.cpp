#include "malformed.h"

#include <cstddef>
#include <string_view>

namespace weir::flow {
namespace {

using Rows = std::vector<MalformedCase>;

// Keeps the NULs that a C string would end at.
template <std::size_t N>
std::string raw(const char (&bytes)[N]) {
  return std::string(bytes, N - 1);
}

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}
// A request line of its own, with a good head behind it.
std::string line(std::string_view request_line) {
  return std::string(request_line) + "\r\nHost: x\r\n\r\n";
}
// A good GET with these field lines in it, each with its end.
std::string with(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
}
std::string host(std::string_view field_lines) {
  return "GET / HTTP/1.1\r\n" + std::string(field_lines) + "\r\n";
}
std::string put(std::string_view fields, std::string_view body) {
  return "PUT /kv/a HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string chunked(std::string_view body) { return put("Transfer-Encoding: chunked\r\n", body); }
std::string chunked_get(std::string_view body) {
  return with("Transfer-Encoding: chunked\r\n") + std::string(body);
}
std::string many(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

void add(Rows& rows, const char* rule, Rows more) {
  for (MalformedCase& row : more) {
    row.rule = rule;
    rows.push_back(std::move(row));
  }
}

void add_line_ends(Rows& rows) {
  add(rows, "H-9",
      {
          {"", "lone LF everywhere", "GET / HTTP/1.1\nHost: x\n\n"},
          {"", "lone LF behind the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n"},
          {"", "lone LF behind a field", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"},
          {"", "lone LF as the empty line", "GET / HTTP/1.1\r\nHost: x\r\n\n"},
          {"", "lone LF, then CRLF", "GET / HTTP/1.1\r\nHost: x\n\r\n"},
          {"", "lone CR everywhere", "GET / HTTP/1.1\rHost: x\r\r"},
          {"", "lone CR behind the request line", "GET / HTTP/1.1\rHost: x\r\n\r\n"},
          {"", "lone CR behind a field", with("A: b\rC: d\r\n")},
          {"", "lone CR as the empty line", "GET / HTTP/1.1\r\nHost: x\r\n\rX"},
          {"", "CR CR LF behind a field", with("A: b\r\r\n")},
          {"", "CR CR LF behind the request line", "GET / HTTP/1.1\r\r\nHost: x\r\n\r\n"},
          {"", "LF CR behind a field", with("A: b\n\rC: d\r\n")},
          {"", "CR inside a field name", with("A\rB: c\r\n")},
          {"", "CR in front of the colon", with("A\r: c\r\n")},
          {"", "CR hides Transfer-Encoding", put("A: b\rTransfer-Encoding: chunked\r\n", "")},
          {"", "LF hides Transfer-Encoding", put("A: b\nTransfer-Encoding: chunked\r\n", "")},
          {"", "LF in front of the request", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"},
          {"", "CR in front of the request", "\rGET / HTTP/1.1\r\nHost: x\r\n\r\n"},
          {"", "LF behind CRLF in front", "\r\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"},
          {"", "NUL in front of the request", raw("\0GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
          {"", "NUL in the method", raw("G\0T / HTTP/1.1\r\nHost: x\r\n\r\n")},
          {"", "NUL in the target", raw("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n")},
          {"", "NUL in the version", raw("GET / HTTP/1.1\0\r\nHost: x\r\n\r\n")},
          {"", "NUL in a field name", raw("GET / HTTP/1.1\r\nHost: x\r\nA\0B: c\r\n\r\n")},
          {"", "NUL in a field value", raw("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n")},
          {"", "NUL at the end of a value", raw("GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n")},
          {"", "NUL in the Host", raw("GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n")},
          {"", "NUL in the Content-Length",
           raw("PUT /kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\0\r\n\r\nhello")},
          {"", "NUL instead of the empty line", raw("GET / HTTP/1.1\r\nHost: x\r\n\0\r\n\r\n")},
          {"", "LF behind a chunk size", chunked("5\nhello\r\n0\r\n\r\n")},
          {"", "CR alone behind a chunk size", chunked("5\rhello\r\n0\r\n\r\n")},
          {"", "CR CR LF behind a chunk size", chunked("5\r\r\nhello\r\n0\r\n\r\n")},
          {"", "LF behind chunk data", chunked("5\r\nhello\n0\r\n\r\n")},
          {"", "CR alone behind chunk data", chunked("5\r\nhello\r0\r\n\r\n")},
          {"", "LF behind the last chunk", chunked("5\r\nhello\r\n0\n\r\n")},
          {"", "LF as the end of the body", chunked("5\r\nhello\r\n0\r\n\n")},
          {"", "LF in a chunk extension", chunked("5;a\nhello\r\n0\r\n\r\n")},
          {"", "LF in a quoted chunk extension", chunked("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n")},
          {"", "CRLF in a quoted chunk extension", chunked("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n")},
          {"", "CR in a chunk extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")},
          {"", "LF behind a trailer", chunked("0\r\nA: b\n\r\n")},
          {"", "CR inside a trailer", chunked("0\r\nA: b\rC: d\r\n\r\n")},
          {"", "NUL in a chunk size",
           raw("PUT /kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\0\r\nhello\r\n"
               "0\r\n\r\n")},
          {"", "NUL in a chunk extension",
           raw("PUT /kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\0\r\nhello"
               "\r\n0\r\n\r\n")},
          {"", "NUL in a trailer",
           raw("PUT /kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: \0\r\n"
               "\r\n")},
          {"", "an empty line in front is skipped", "\r\n" + get("/"), 200, Then::goes_on},
      });
}

void add_request_lines(Rows& rows) {
  add(rows, "H-10",
      {
          {"", "two spaces behind the method", line("GET  / HTTP/1.1")},
          {"", "two spaces behind the target", line("GET /  HTTP/1.1")},
          {"", "a space in front", line(" GET / HTTP/1.1")},
          {"", "a space at the end", line("GET / HTTP/1.1 ")},
          {"", "a tab behind the method", line("GET\t/ HTTP/1.1")},
          {"", "a tab behind the target", line("GET /\tHTTP/1.1")},
          {"", "a vertical tab for a space", line("GET\v/ HTTP/1.1")},
          {"", "a form feed for a space", line("GET /\fHTTP/1.1")},
          {"", "a no-break space for a space", line("GET /\xa0HTTP/1.1")},
          {"", "four words", line("GET / x HTTP/1.1")},
          {"", "two versions", line("GET / HTTP/1.1 HTTP/1.1")},
          {"", "a request within the line", line("GET / HTTP/1.1 GET /bait HTTP/1.1")},
          {"", "no target", line("GET HTTP/1.1")},
          {"", "no target, two spaces", line("GET  HTTP/1.1")},
          {"", "no version (HTTP/0.9)", "GET /\r\n\r\n"},
          {"", "no version, a space", "GET / \r\n\r\n"},
          {"", "a method alone", "GET\r\n\r\n"},
          {"", "lower case version", line("GET / http/1.1")},
          {"", "mixed case version", line("GET / Http/1.1")},
          {"", "no slash in the version", line("GET / HTTP1.1")},
          {"", "no dot in the version", line("GET / HTTP/11")},
          {"", "no minor version", line("GET / HTTP/1")},
          {"", "a dot and no minor version", line("GET / HTTP/1.")},
          {"", "no major version", line("GET / HTTP/.1")},
          {"", "two digits behind the dot", line("GET / HTTP/1.10")},
          {"", "two digits in front of the dot", line("GET / HTTP/01.1")},
          {"", "three numbers", line("GET / HTTP/1.1.1")},
          {"", "a comma for the dot", line("GET / HTTP/1,1")},
          {"", "a letter for a digit", line("GET / HTTP/1.x")},
          {"", "a sign in the version", line("GET / HTTP/+1.1")},
          {"", "a space in the version", line("GET / HTTP/ 1.1")},
          {"", "another protocol", line("GET / RTSP/1.1")},
          {"", "a longer protocol", line("GET / HTTPS/1.1")},
          {"", "a shorter protocol", line("GET / HTT/1.1")},
          {"", "HTTP/0.9 in words", line("GET / HTTP/0.9"), 505},
          {"", "HTTP/2.0", line("GET / HTTP/2.0"), 505},
          {"", "HTTP/3.0", line("GET / HTTP/3.0"), 505},
          {"", "HTTP/9.9", line("GET / HTTP/9.9"), 505},
          {"", "HTTP/1.2 is read as 1.1", line("GET / HTTP/1.2"), 200, Then::goes_on},
      });
  add(rows, "H-11",
      {
          {"", "33 letters of method", line(std::string(33, 'A') + " / HTTP/1.1"), 501},
          {"", "9,000 letters of method", line(std::string(9'000, 'A') + " / HTTP/1.1"), 501},
          {"", "a method without an end", std::string(20'000, 'A'), 501},
          {"", "an empty method", line(" / HTTP/1.1")},
          {"", "a parenthesis in the method", line("GE(T / HTTP/1.1")},
          {"", "a colon in the method", line("GET: / HTTP/1.1")},
          {"", "a slash in the method", line("GET/ / HTTP/1.1")},
          {"", "a quote in the method", line("\"GET\" / HTTP/1.1")},
          {"", "a high byte in the method", line("GET\xc3\xa9 / HTTP/1.1")},
          {"", "CONNECT to another host", line("CONNECT example.com:443 HTTP/1.1"), 405},
          {"", "CONNECT to a path", line("CONNECT / HTTP/1.1"), 405},
          {"", "TRACE", line("TRACE / HTTP/1.1"), 405, Then::goes_on},
          {"", "a method nobody knows", line("BREW / HTTP/1.1"), 405, Then::goes_on},
          {"", "methods have case", line("get / HTTP/1.1"), 405, Then::goes_on},
      });
}

void add_fields(Rows& rows) {
  add(rows, "H-12",
      {
          {"", "a space in front of the colon", with("A : b\r\n")},
          {"", "a tab in front of the colon", with("A\t: b\r\n")},
          {"", "a space in front of the first field",
           "GET / HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n"},
          {"", "folding with a space", with("A: b\r\n c\r\n")},
          {"", "folding with a tab", with("A: b\r\n\tc\r\n")},
          {"", "folding into an empty line", with("A: b\r\n \r\n")},
          {"", "folding hides a length", put("A: b\r\n Content-Length: 5\r\n", "")},
          {"", "folding of a coding", put("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")},
          {"", "folding of the Host", "GET / HTTP/1.1\r\nHost:\r\n x\r\n\r\n"},
          {"", "a line without a colon", with("nothing\r\n")},
          {"", "a request line among the fields", with("GET /bait HTTP/1.1\r\n")},
          {"", "an empty name", with(": b\r\n")},
          {"", "a colon alone", with(":\r\n")},
          {"", "a space in the name", with("A B: c\r\n")},
          {"", "a parenthesis in the name", with("A(b): c\r\n")},
          {"", "a slash in the name", with("A/b: c\r\n")},
          {"", "a quote in the name", with("\"A\": c\r\n")},
          {"", "an at sign in the name", with("A@b: c\r\n")},
          {"", "a bracket in the name", with("A[0]: c\r\n")},
          {"", "a high byte in the name", with("\xc3\x84: c\r\n")},
          {"", "a byte order mark in the name",
           with("\xef\xbb\xbf"
                "A: c\r\n")},
          {"", "a control character in the name", with("A\x01: c\r\n")},
          {"", "a bell in the value", with("A: \x07\r\n")},
          {"", "an escape in the value", with("A: \x1b[31m\r\n")},
          {"", "a vertical tab in the value", with("A: b\vc\r\n")},
          {"", "a form feed at the end", with("A: b\f\r\n")},
          {"", "a rubout in the value", with("A: \x7f\r\n")},
          {"", "101 fields", with(many("A: b\r\n", 101)), 431},
          {"", "20,000 bytes of value", with("A: " + std::string(20'000, 'b') + "\r\n"), 431},
          {"", "20,000 bytes of name", with(std::string(20'000, 'a') + ": b\r\n"), 431},
          {"", "a value without an end",
           "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(70'000, 'b'), 431},
          {"", "99 fields beside Host", with(many("A: b\r\n", 99)), 200, Then::goes_on},
          {"", "an empty value", with("A:\r\n"), 200, Then::goes_on},
          {"", "white space around a value", with("A: \t b \t \r\n"), 200, Then::goes_on},
          {"", "high bytes in a value", with("A: \xff\xfe\r\n"), 200, Then::goes_on},
      });
  add(rows, "H-13",
      {
          {"", "no Host", host("")},
          {"", "no Host, absolute form", "GET http://x/ HTTP/1.1\r\n\r\n"},
          {"", "an empty Host", host("Host:\r\n")},
          {"", "a Host of white space", host("Host: \t \r\n")},
          {"", "two Hosts", host("Host: x\r\nHost: y\r\n")},
          {"", "two equal Hosts", host("Host: x\r\nHost: x\r\n")},
          {"", "two Hosts of other case", host("Host: x\r\nhOST: x\r\n")},
          {"", "two Hosts, one empty", host("Host: x\r\nHost:\r\n")},
          {"", "two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n"},
          {"", "two Hosts, absolute form", "GET http://x/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
          {"", "a bad Host behind an absolute form", "GET http://x/ HTTP/1.1\r\nHost: a b\r\n\r\n"},
          {"", "a list of Hosts", host("Host: x, y\r\n")},
          {"", "a list of Hosts without spaces", host("Host: x,y\r\n")},
          {"", "a space in the Host", host("Host: x y\r\n")},
          {"", "user information in the Host", host("Host: user@x\r\n")},
          {"", "a password in the Host", host("Host: user:secret@x\r\n")},
          {"", "a slash in the Host", host("Host: x/y\r\n")},
          {"", "a URL as Host", host("Host: http://x\r\n")},
          {"", "a question mark in the Host", host("Host: x?y\r\n")},
          {"", "a fragment in the Host", host("Host: x#y\r\n")},
          {"", "a backslash in the Host", host("Host: x\\y\r\n")},
          {"", "a quoted Host", host("Host: \"x\"\r\n")},
          {"", "an angle bracket in the Host", host("Host: <x>\r\n")},
          {"", "a high byte in the Host", host("Host: \xc3\xa9\r\n")},
          {"", "an encoded NUL in the Host", host("Host: x%00y\r\n")},
          {"", "an encoded slash in the Host", host("Host: x%2fy\r\n")},
          {"", "an encoded CRLF in the Host", host("Host: x%0d%0ay\r\n")},
          {"", "an encoded at sign in the Host", host("Host: x%40y\r\n")},
          {"", "a broken escape in the Host", host("Host: x%zz\r\n")},
          {"", "a port of letters", host("Host: x:http\r\n")},
          {"", "a port with a sign", host("Host: x:+80\r\n")},
          {"", "a port that is too large", host("Host: x:65536\r\n")},
          {"", "two ports", host("Host: x:80:80\r\n")},
          {"", "a port alone", host("Host: :80\r\n")},
          {"", "an open bracket", host("Host: [::1\r\n")},
          {"", "a closed bracket", host("Host: ::1]\r\n")},
          {"", "an address without brackets", host("Host: ::1\r\n")},
          {"", "letters behind the bracket", host("Host: [::1]x\r\n")},
          {"", "a name in brackets", host("Host: [x]\r\n")},
          {"", "a zone in brackets", host("Host: [fe80::1%25eth0]\r\n")},
          {"", "an IPv4 address in brackets", host("Host: [127.0.0.1]\r\n")},
          {"", "a space in front of the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n"},
          {"", "absolute form without a host", line("GET http:///none HTTP/1.1")},
          {"", "absolute form with a port alone", line("GET http://:80/ HTTP/1.1")},
          {"", "absolute form with user information", line("GET http://u@x/ HTTP/1.1")},
          {"", "absolute form with a bad port", line("GET http://x:99999/ HTTP/1.1")},
          {"", "absolute form with one slash", line("GET http:/x/ HTTP/1.1")},
          {"", "absolute form of another scheme", line("GET ftp://x/ HTTP/1.1")},
          {"", "absolute form of a file", line("GET file:///etc/passwd HTTP/1.1")},
          {"", "a scheme in disguise", line("GET javascript:alert(1) HTTP/1.1")},
          {"", "absolute form names another host", line("GET http://y:81/ HTTP/1.1"), 200,
           Then::goes_on},
          {"", "an address in brackets", host("Host: [::1]:8080\r\n"), 200, Then::goes_on},
          {"", "a Host of other case", host("HOST:x\r\n"), 200, Then::goes_on},
      });
}

void add_lengths(Rows& rows) {
  const auto length = [](std::string_view value) {
    return put("Content-Length: " + std::string(value) + "\r\n", "12345");
  };
  add(rows, "H-14",
      {
          {"", "a plus sign", length("+5")},
          {"", "a minus sign", length("-5")},
          {"", "minus nothing", length("-0")},
          {"", "hexadecimal", length("0x5")},
          {"", "a hexadecimal digit", length("a")},
          {"", "many leading zeros", length("0000000000000000005")},
          {"", "a fraction", length("5.0")},
          {"", "an exponent", length("5e0")},
          {"", "an underscore", length("1_0")},
          {"", "a thousands comma", length("1,000")},
          {"", "a list", length("5, 5")},
          {"", "a list without spaces", length("5,5")},
          {"", "a list of unequal ones", length("5, 6")},
          {"", "a trailing comma", length("5,")},
          {"", "a leading comma", length(",5")},
          {"", "a semicolon", length("5;")},
          {"", "two numbers", length("5 5")},
          {"", "a quoted number", length("\"5\"")},
          {"", "an empty number", put("Content-Length:\r\n", "")},
          {"", "white space for a number", put("Content-Length: \t\r\n", "")},
          {"", "a word", length("five")},
          {"", "a vertical tab", length("\v5")},
          {"", "a no-break space",
           length("\xa0"
                  "5")},
          {"", "a full-width digit", length("\xef\xbc\x95")},
          {"", "2^64", length("18446744073709551616")},
          {"", "2^64 and five", length("18446744073709551621")},
          {"", "2^63", length("9223372036854775808")},
          {"", "2^32 squared and more", length("99999999999999999999999999999999")},
          {"", "twice, equal", put("Content-Length: 5\r\nContent-Length: 5\r\n", "12345")},
          {"", "twice, unequal", put("Content-Length: 5\r\nContent-Length: 6\r\n", "12345")},
          {"", "twice, other case", put("Content-Length: 5\r\ncontent-length: 0\r\n", "12345")},
          {"", "twice on GET", with("Content-Length: 0\r\nContent-Length: 0\r\n")},
          {"", "twice in HTTP/1.0",
           "PUT /kv/a HTTP/1.0\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\n12345"},
          {"", "a space in front of the colon", put("Content-Length : 5\r\n", "12345")},
          {"", "a bad one on GET", with("Content-Length: x\r\n")},
          {"", "a bad one beside a good one",
           put("Content-Length: 5\r\nContent-Length: x\r\n", "12345")},
          {"", "more than the route takes", put("Content-Length: 99999999\r\n", ""), 413},
          {"", "nothing", with("Content-Length: 0\r\n"), 200, Then::goes_on},
          {"", "a leading zero", length("05"), 200, Then::goes_on},
          {"", "a body on GET", with("Content-Length: 5\r\n") + "12345", 200, Then::goes_on},
          {"", "a request as the body of GET",
           with("Content-Length: 37\r\n") + "GET /trap HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n", 200,
           Then::goes_on},
      });
}

void add_codings(Rows& rows) {
  const auto coded = [](std::string_view field_lines) {
    return put(field_lines, "5\r\n12345\r\n0\r\n\r\n");
  };
  const auto one = [&coded](std::string_view value) {
    return coded("Transfer-Encoding: " + std::string(value) + "\r\n");
  };
  add(rows, "H-15",
      {
          {"", "in HTTP/1.0",
           "PUT /kv/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"},
          {"", "in HTTP/1.0 that stays",
           "PUT /kv/a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: "
           "chunked\r\n\r\n0\r\n\r\n"},
          {"", "empty", one("")},
          {"", "white space", one(" \t ")},
          {"", "a comma", one(",")},
          {"", "identity", one("identity")},
          {"", "gzip", one("gzip")},
          {"", "an unknown coding", one("cow")},
          {"", "chunked, then identity", one("chunked, identity")},
          {"", "chunked, then gzip", one("chunked, gzip")},
          {"", "chunked, then an unknown one", one("chunked, cow")},
          {"", "chunked twice", one("chunked, chunked")},
          {"", "chunked twice, two lines",
           coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
          {"", "chunked, then identity, two lines",
           coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
          {"", "chunked, then an unknown one, two lines",
           coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n")},
          {"", "chunked, then an empty line of it",
           coded("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n")},
          {"", "an empty line of it, then chunked",
           coded("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n")},
          {"", "a trailing comma", one("chunked,")},
          {"", "a leading comma", one(", chunked")},
          {"", "a parameter", one("chunked;q=1")},
          {"", "a semicolon", one("chunked;")},
          {"", "quoted", one("\"chunked\"")},
          {"", "single quotes", one("'chunked'")},
          {"", "xchunked", one("xchunked")},
          {"", "chunkedx", one("chunkedx")},
          {"", "chunk", one("chunk")},
          {"", "two words", one("chunked identity")},
          {"", "a vertical tab in front", one("\vchunked")},
          {"", "a form feed behind", one("chunked\f")},
          {"", "a no-break space in front",
           one("\xa0"
               "chunked")},
          {"", "a no-break space behind", one("chunked\xa0")},
          {"", "a next-line byte in front",
           one("\x85"
               "chunked")},
          {"", "a byte order mark in front",
           one("\xef\xbb\xbf"
               "chunked")},
          {"", "a long s",
           one("chun\xc5\xbf"
               "ed")},
          {"", "a kelvin sign",
           one("chun\xe2\x84\xaa"
               "ed")},
          {"", "a NUL behind",
           raw("PUT /kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n")},
          {"", "a space in front of the colon", coded("Transfer-Encoding : chunked\r\n")},
          {"", "a tab in front of the colon", coded("Transfer-Encoding\t: chunked\r\n")},
          {"", "a space in front of the name", coded(" Transfer-Encoding: chunked\r\n")},
          {"", "a CR in front of the name", coded("A: b\r\n\rTransfer-Encoding: chunked\r\n")},
          {"", "no colon", coded("Transfer-Encoding chunked\r\n")},
          {"", "bad on GET", with("Transfer-Encoding: cow\r\n")},
          {"", "gzip, then chunked", one("gzip, chunked"), 501},
          {"", "identity, then chunked", one("identity, chunked"), 501},
          {"", "an unknown one, then chunked", one("cow, chunked"), 501},
          {"", "gzip, then chunked, two lines",
           coded("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 501},
          {"", "other case", one("ChUnKeD"), 201, Then::goes_on},
          {"", "white space around it", one(" \tchunked\t "), 200, Then::goes_on},
      });
  const std::string both = "0\r\n\r\n";
  add(rows, "H-16",
      {
          {"", "length, then coding",
           put("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", both)},
          {"", "coding, then length",
           put("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", both)},
          {"", "a length of 0", put("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", both)},
          {"", "other case", put("CONTENT-LENGTH: 5\r\ntransfer-encoding: CHUNKED\r\n", both)},
          {"", "an identity coding",
           put("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", both)},
          {"", "an unknown coding", put("Content-Length: 5\r\nTransfer-Encoding: x\r\n", both)},
          {"", "an empty coding", put("Content-Length: 5\r\nTransfer-Encoding:\r\n", both)},
          {"", "gzip, then chunked",
           put("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n", both)},
          {"", "a bad length", put("Content-Length: x\r\nTransfer-Encoding: chunked\r\n", both)},
          {"", "two codings around",
           put("Transfer-Encoding: identity\r\nContent-Length: 5\r\nTransfer-Encoding: "
               "chunked\r\n",
               both)},
          {"", "on GET", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + both},
          {"", "in HTTP/1.0",
           "PUT /kv/a HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + both},
          {"", "Connection names the length",
           put("Connection: content-length\r\nContent-Length: 5\r\nTransfer-Encoding: "
               "chunked\r\n",
               both)},
          {"", "Connection names the coding",
           put("Connection: transfer-encoding\r\nContent-Length: 5\r\nTransfer-Encoding: "
               "chunked\r\n",
               both)},
          {"", "white space around both",
           put("Content-Length:\t5 \r\nTransfer-Encoding:  chunked\t\r\n", both)},
      });
}

void add_chunks(Rows& rows) {
  const std::string end = "0\r\n\r\n";
  const struct {
    const char* name;
    std::string body;
  } bad[] = {
      {"0x in front of the size", "0x5\r\nhello\r\n" + end},
      {"a plus sign", "+5\r\nhello\r\n" + end},
      {"a minus sign", "-5\r\nhello\r\n" + end},
      {"minus nothing", "-0\r\n\r\n"},
      {"an underscore", "0_5\r\nhello\r\n" + end},
      {"a space in front", " 5\r\nhello\r\n" + end},
      {"a space behind", "5 \r\nhello\r\n" + end},
      {"a tab behind", "5\t\r\nhello\r\n" + end},
      {"spaces behind the last", "0 \r\n\r\n"},
      {"a space in the size", "1 0\r\nhello\r\n" + end},
      {"a letter behind f", "g\r\nhello\r\n" + end},
      {"an h for hexadecimal", "5h\r\nhello\r\n" + end},
      {"a comma", "0,5\r\nhello\r\n" + end},
      {"a dot", "5.\r\nhello\r\n" + end},
      {"quotes", "\"5\"\r\nhello\r\n" + end},
      {"an empty size", "\r\nhello\r\n" + end},
      {"an empty line in front", "\r\n5\r\nhello\r\n" + end},
      {"an empty size behind a chunk", "5\r\nhello\r\n\r\n" + end},
      {"2^64", "10000000000000000\r\nhello\r\n" + end},
      {"2^64 and five", "10000000000000005\r\nhello\r\n" + end},
      {"2^63", "8000000000000000\r\nhello\r\n" + end},
      {"all ones", "ffffffffffffffff\r\nhello\r\n" + end},
      {"all ones below the end", "fffffffffffffffb\r\nhello\r\n" + end},
      {"forty digits", std::string(40, '0') + "5\r\nhello\r\n" + end},
      {"20,000 digits", std::string(20'000, '0') + "5\r\nhello\r\n" + end},
      {"data longer than its size", "4\r\nhello\r\n" + end},
      {"data shorter than its size", "6\r\nhello\r\n" + end},
      {"no CRLF behind the data", "5\r\nhello" + end},
      {"two bytes for the CRLF", "5\r\nhelloXX" + end},
      {"a size of other bytes", "\xef\xbc\x95\r\nhello\r\n" + end},
      {"a semicolon alone", "5;\r\nhello\r\n" + end},
      {"two semicolons", "5;;a\r\nhello\r\n" + end},
      {"an extension without a name", "5;=b\r\nhello\r\n" + end},
      {"an extension without a value", "5;a=\r\nhello\r\n" + end},
      {"an extension with an open quote", "5;a=\"b\r\nhello\r\n" + end},
      {"an extension with bytes behind the quote", "5;a=\"b\"c\r\nhello\r\n" + end},
      {"an extension without a semicolon", "5 a=b\r\nhello\r\n" + end},
      {"an extension with a rubout", "5;a=\x7f\r\nhello\r\n" + end},
      {"257 bytes of extension", "5;" + std::string(256, 'a') + "\r\nhello\r\n" + end},
      {"4 KiB of extensions", many("1;" + std::string(200, 'a') + "\r\nx\r\n", 21) + end},
      {"an extension of the last chunk without an end", "0;" + std::string(9'000, 'a')},
      {"17 trailers", "0\r\n" + many("A: b\r\n", 17) + "\r\n"},
      {"a trailer of 5,000 bytes", "0\r\nA: " + std::string(5'000, 'b') + "\r\n\r\n"},
      {"a trailer without a colon", "0\r\nnothing\r\n\r\n"},
      {"a trailer with a space in front of the colon", "0\r\nA : b\r\n\r\n"},
      {"a trailer without a name", "0\r\n: b\r\n\r\n"},
      {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"},
      {"a trailer that begins with a space", "0\r\n A: b\r\n\r\n"},
      {"a request instead of the end", "0\r\n"},
      {"a bell in a trailer", "0\r\nA: \x07\r\n\r\n"},
  };
  for (const auto& [name, body] : bad) {
    rows.push_back({"H-17", name, chunked(body)});
    rows.push_back({"H-17", std::string(name) + " (GET)", chunked_get(body)});
  }
  add(rows, "H-17",
      {
          {"", "a good body", chunked("5\r\n12345\r\n0\r\n\r\n"), 201, Then::goes_on},
          {"", "a size in capitals, zeros in front", chunked("00A\r\n1234567890\r\n0000\r\n\r\n"),
           200, Then::goes_on},
          {"", "extensions", chunked("5;a;b=c;d=\"e \\\" f\"\r\n12345\r\n0;g\r\n\r\n"), 200,
           Then::goes_on},
          {"", "trailers that would be framing",
           chunked("5\r\n12345\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nHost: "
                   "y\r\n\r\n"),
           200, Then::goes_on},
          {"", "a good body on GET", chunked_get("5\r\n12345\r\n0\r\n\r\n"), 200, Then::goes_on},
      });
}

void add_expectations(Rows& rows) {
  add(rows, "H-18",
      {
          {"", "an unknown expectation", with("Expect: miracles\r\n"), 417, Then::goes_on},
          {"", "an empty expectation", with("Expect:\r\n"), 417, Then::goes_on},
          {"", "two expectations", with("Expect: 100-continue, x\r\n"), 417, Then::goes_on},
          {"", "a parameter", with("Expect: 100-continue;a=b\r\n"), 417, Then::goes_on},
          {"", "an unknown one behind a good one", with("Expect: 100-continue\r\nExpect: x\r\n"),
           417, Then::goes_on},
          {"", "an unknown one, and a body that may not come",
           put("Expect: x\r\nContent-Length: 5\r\n", ""), 417},
          {"", "a good one, refused before the body",
           "PUT /none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
           405},
          {"", "a good one, in chunks, refused before the body",
           "PUT /none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: "
           "chunked\r\n\r\n",
           405},
          {"", "a good one with a length that is too large",
           put("Expect: 100-continue\r\nContent-Length: 99999999\r\n", ""), 413},
          {"", "without a body", with("Expect: 100-continue\r\n"), 200, Then::goes_on},
      });
}

void add_other_protocols(Rows& rows) {
  add(rows, "H-20",
      {
          {"", "Connection: close", with("Connection: close\r\n"), 200},
          {"", "Connection: close in a list", with("Connection: keep-alive, Close\r\n"), 200},
          {"", "Connection: close in the second line",
           with("Connection: keep-alive\r\nConnection: close\r\n"), 200},
          {"", "HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\n\r\n", 200},
      });
  add(rows, "H-21",
      {
          {"", "a TLS 1.3 greeting",
           raw("\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03") + std::string(192, 'A') +
               "\r\n\r\n"},
          {"", "an SSL 2 greeting", raw("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\r\n\r\n")},
          {"", "the preface of HTTP/2", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
           505},
          {"", "the old preface", line("PRI * HTTP/1.1")},
          {"", "SSH", "SSH-2.0-OpenSSH_9.2\r\n"},
          {"", "SMTP", "EHLO example.com\r\n"},
          {"", "a PROXY line", "PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n" + get("/")},
          {"", "a PROXY header of version 2",
           raw("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\1\x7f\0\0\1\0\1\0\2") + get("/")},
          {"", "an HTTP answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
          {"", "JSON", "{\"jsonrpc\":\"2.0\"}\r\n\r\n"},
          {"", "Redis", "*1\r\n$4\r\nPING\r\n"},
      });
}

void add_targets(Rows& rows) {
  add(rows, "H-25",
      {
          {"", "a fragment", get("/#a")},
          {"", "a fragment behind a query", get("/?a#b")},
          {"", "a fragment of an absolute form", get("http://x/#a")},
          {"", "a backslash", get("/a\\b")},
          {"", "a backslash in front", get("\\a")},
          {"", "a backslash in the query", get("/?a\\b")},
          {"", "a backslash in the authority", get("http://x\\y/")},
          {"", "a space", get("/a b")},
          {"", "a tab", get("/a\tb")},
          {"", "a control character",
           get("/a\x01"
               "b")},
          {"", "a rubout", get("/a\x7f")},
          {"", "UTF-8", get("/\xc3\xa9")},
          {"", "UTF-8 in the query", get("/?\xc3\xa9")},
          {"", "an overlong slash", get("/..\xc0\xaf..")},
          {"", "a high byte", get("/\xff")},
          {"", "no slash in front", get("a/b")},
          {"", "a query alone", get("?a")},
          {"", "an authority", get("example.com:443")},
          {"", "a dot in front", get("./a")},
          {"", "two dots in front", get("../../etc/passwd")},
          {"", "an encoded slash in front", get("%2fetc/passwd")},
          {"", "asterisk with GET", get("*")},
          {"", "asterisk and more", line("OPTIONS *x HTTP/1.1")},
          {"", "asterisk with a query", line("OPTIONS *?a HTTP/1.1")},
          {"", "8,193 bytes", get("/" + std::string(8'192, 'a')), 414},
          {"", "60,000 bytes", get("/" + std::string(60'000, 'a')), 414},
          {"", "a target without an end", "GET /" + std::string(70'000, 'a'), 414},
          {"", "a query of 9,000 bytes", get("/?" + std::string(9'000, 'a')), 414},
          {"", "asterisk with OPTIONS", line("OPTIONS * HTTP/1.1"), 204, Then::goes_on},
          {"", "8 KiB", get("/" + std::string(8'191, 'a')), 404, Then::goes_on},
      });
  add(rows, "H-26",
      {
          {"", "an encoded NUL", get("/%00")},
          {"", "an encoded NUL behind a name", get("/index.html%00.png")},
          {"", "a percent sign at the end", get("/a%")},
          {"", "a percent sign and one digit", get("/a%2")},
          {"", "a percent sign and no digits", get("/a%zz")},
          {"", "a percent sign in Unicode style", get("/%u002e%u002e/")},
          {"", "a percent sign and a sign", get("/a%+1")},
          {"", "two percent signs", get("/%%32%65")},
          {"", "an encoded slash", get("/a%2fb")},
          {"", "an encoded slash in capitals", get("/a%2Fb")},
          {"", "above the root", get("/..")},
          {"", "above the root, deeper", get("/a/../../b")},
          {"", "above the root, many", get("/" + many("../", 40) + "etc/passwd")},
          {"", "above the root, encoded", get("/%2e%2e/%2e%2e/etc/passwd")},
          {"", "above the root, half encoded", get("/.%2e/etc/passwd")},
          {"", "above the root, encoded slash", get("/..%2f..%2fetc%2fpasswd")},
          {"", "above the root of an absolute form", get("http://x/../a")},
          {"", "encoded twice is not decoded twice", get("/%252e%252e/etc/passwd"), 404,
           Then::goes_on},
          {"", "an encoded slash encoded twice", get("/%252fetc"), 404, Then::goes_on},
          {"", "an encoded NUL encoded twice", get("/%2500"), 404, Then::goes_on},
          {"", "an overlong slash", get("/..%c0%af..%c0%afetc"), 404, Then::goes_on},
          {"", "an overlong dot", get("/%c0%ae%c0%ae/etc"), 404, Then::goes_on},
          {"", "an overlong NUL", get("/%c0%80"), 404, Then::goes_on},
          {"", "a lone surrogate", get("/%ed%a0%80"), 404, Then::goes_on},
          {"", "half a sequence", get("/%c3"), 404, Then::goes_on},
          {"", "a full-width dot", get("/%ef%bc%8e%ef%bc%8e/etc"), 404, Then::goes_on},
          {"", "an encoded backslash", get("/..%5c..%5cetc"), 404, Then::goes_on},
          {"", "path parameters behind dots", get("/..;/etc"), 404, Then::goes_on},
          {"", "three dots", get("/.../etc"), 404, Then::goes_on},
          {"", "two slashes", get("//etc/passwd"), 404, Then::goes_on},
          {"", "two slashes and a host", get("//example.com/a"), 404, Then::goes_on},
          {"", "an encoded CRLF", get("/a%0d%0aA:b"), 404, Then::goes_on},
          {"", "dots within the root", get("/none/%2e%2e/"), 200, Then::goes_on},
          {"", "a dot", get("/./"), 200, Then::goes_on},
          {"", "the query is not decoded", get("/?%00%2f%zz"), 200, Then::goes_on},
      });
}

}  // namespace

const std::vector<MalformedCase>& malformed_cases() {
  static const Rows all = [] {
    Rows rows;
    add_line_ends(rows);
    add_request_lines(rows);
    add_fields(rows);
    add_lengths(rows);
    add_codings(rows);
    add_chunks(rows);
    add_expectations(rows);
    add_other_protocols(rows);
    add_targets(rows);
    return rows;
  }();
  return all;
}

}  // namespace weir::flow
