// Goal: which fields of an answer are kept, what a 304 changes, what selects an answer, which tags
// and targets it names: C-29, C-30, C-37, C-39, C-40, C-53, C-57. Method: tables of fields.

#include "cache/http_fields.h"

#include "base/limits.h"

#include <catch2/catch.hpp>

#include <string>

using namespace weir;
using namespace weir::cache;
using weir::http::Field;

namespace {

using List = std::vector<Field>;
using Names = std::vector<std::string>;

std::string selection(const Names& names, const List& fields) {
  http::Request request;
  request.fields = fields;
  return selection_of(names, request.fields);
}

}  // namespace

TEST_CASE("C-30: fields of the hop and those that Connection names are not kept", "[cache]") {
  const List fields = {
      {"content-type", "text/plain"},
      {"connection", "x-hop, Keep-Alive"},
      {"connection", "X-Other"},
      {"x-hop", "1"},
      {"x-other", "1"},
      {"keep-alive", "timeout=5"},
      {"transfer-encoding", "chunked"},
      {"te", "trailers"},
      {"trailer", "x-sum"},
      {"upgrade", "h2c"},
      {"proxy-authenticate", "Basic"},
      {"proxy-authentication-info", "x"},
      {"proxy-authorization", "x"},
      {"proxy-connection", "close"},
      {"content-length", "10"},
      {"age", "7"},
      {"set-cookie", "a=1"},
      {"set-cookie", "b=2"},
      {"x-unknown", ""},
  };
  const http::Fields expected = {{"content-type", "text/plain"},
                                 {"set-cookie", "a=1"},
                                 {"set-cookie", "b=2"},
                                 {"x-unknown", ""}};
  CHECK(kept_fields(fields) == expected);
}

TEST_CASE("C-29: a 304 replaces the fields it has, but for those of the bytes", "[cache]") {
  const http::Fields stored = {{"etag", "\"1\""},
                               {"content-encoding", "gzip"},
                               {"content-range", "bytes 0-1/2"},
                               {"x-two", "a"},
                               {"x-two", "b"},
                               {"x-old", "stays"},
                               {"cache-control", "max-age=1"}};
  const List news = {{"etag", "\"2\""},
                     {"content-encoding", "br"},
                     {"content-range", "bytes 3-4/5"},
                     {"content-length", "77"},
                     {"connection", "x-old"},
                     {"x-old", "of the hop"},
                     {"age", "3"},
                     {"x-two", "c"},
                     {"x-new", "1"},
                     {"x-new", "2"},
                     {"cache-control", "max-age=9"}};
  const http::Fields expected = {{"content-encoding", "gzip"},
                                 {"content-range", "bytes 0-1/2"},
                                 {"x-old", "stays"},
                                 {"etag", "\"2\""},
                                 {"x-two", "c"},
                                 {"x-new", "1"},
                                 {"x-new", "2"},
                                 {"cache-control", "max-age=9"}};
  CHECK(freshened(stored, news) == expected);
  CHECK(freshened(stored, {}) == stored);
}

TEST_CASE("C-39: Vary is a set of names, and a * anywhere selects nothing", "[cache]") {
  CHECK(vary_of(List{}) == Names{});
  CHECK(vary_of(List{{"vary", ""}}) == Names{});
  CHECK(vary_of(List{{"vary", "Foo, bar ,FOO,, Baz"}}) == Names{"bar", "baz", "foo"});
  CHECK(vary_of(List{{"vary", "Foo"}, {"x", "*"}, {"vary", "Bar"}}) == Names{"bar", "foo"});
  for (const List& fields :
       {List{{"vary", "*"}}, List{{"vary", "*, *"}}, List{{"vary", ", *"}},
        List{{"vary", "*, Foo"}}, List{{"vary", "Foo, *"}}, List{{"vary", "Foo,*,Bar"}},
        List{{"vary", "\t*\t"}}, List{{"vary", "*"}, {"vary", "*"}},
        List{{"vary", ""}, {"vary", "*"}}, List{{"vary", "Foo"}, {"vary", "Bar, *"}}}) {
    INFO(fields[0].value);
    CHECK_FALSE(vary_of(fields).has_value());
  }
  // What is no field name selects in a way that nobody knows; it would be "absent" in all requests.
  for (const std::string_view odd : {"Foo Bar", "foo;q=1", "foo=bar", "foo, (x)", "\"foo\""}) {
    INFO(odd);
    CHECK_FALSE(vary_of(List{{"vary", odd}}).has_value());
  }
}

TEST_CASE("C-39: requests that mean the same select the same, others do not", "[cache]") {
  const Names names = {"foo"};
  const std::string one_two = selection(names, {{"foo", "1, 2"}});
  CHECK(selection(names, {{"foo", "1,2"}}) == one_two);
  CHECK(selection(names, {{"foo", "1 ,\t2"}}) == one_two);
  CHECK(selection(names, {{"foo", "1"}, {"other", "x"}, {"foo", "2"}}) == one_two);
  CHECK(selection(names, {{"foo", "2, 1"}}) != one_two);
  CHECK(selection(names, {{"foo", "12"}}) != one_two);
  CHECK(selection(names, {{"foo", "1 2"}}) != one_two);
  CHECK(selection(names, {{"foo", "1"}}) != one_two);
  CHECK(selection(names, {{"bar", "1, 2"}}) != one_two);
  CHECK(selection(names, {{"foo", "A"}}) != selection(names, {{"foo", "a"}}));
  // Absent matches absent, and nothing else (RFC 9111 4.1).
  CHECK(selection(names, {}) == selection(names, {{"bar", "1"}}));
  CHECK(selection(names, {}) != selection(names, {{"foo", ""}}));
  // White space within quotes means something.
  CHECK(selection(names, {{"foo", "\"a, b\""}}) != selection(names, {{"foo", "\"a,b\""}}));
  CHECK(selection(names, {{"foo", "\"a, b"}}) == selection(names, {{"foo", "\"a,b"}}));
  // The values of two names are not mixed up.
  const Names two = {"bar", "foo"};
  CHECK(selection(two, {{"foo", "1"}, {"bar", "2"}}) ==
        selection(two, {{"bar", "2"}, {"foo", "1"}}));
  CHECK(selection(two, {{"foo", "1"}, {"bar", "2"}}) !=
        selection(two, {{"foo", "2"}, {"bar", "1"}}));
  CHECK(selection(two, {{"foo", "1"}}) != selection(two, {{"bar", "1"}}));
}

TEST_CASE("C-40: languages are compared without order, case and blanks", "[cache]") {
  const auto languages = [](std::string_view value) {
    return selection({"accept-language"}, {{"accept-language", value}});
  };
  const std::string en_de = languages("en, de");
  for (const std::string_view same :
       {"de, en", "eN, De", " en ,   de", "de;q=1,en", "en;q=1.0,de", "en; q=1.000, de;Q=1"}) {
    INFO(same);
    CHECK(languages(same) == en_de);
  }
  for (const std::string_view other :
       {"en", "en, de;q=0.5", "en;q=0.5, de", "en, fr", "en-de", "en, de, de", "en;q=2, de",
        "en;q=nan, de", "en;q=inf,de", "en;q=1e0, de", "en;q=-1, de", "en;q=0.9999, de", "", "*"}) {
    INFO(other);
    CHECK(languages(other) != en_de);
  }
  CHECK(languages("en;q=0.29, de") != languages("en;q=0.28, de"));
  CHECK(languages("en;q=0.2, de") == languages("en;q=0.200, de"));
  CHECK(languages("en;q=a") != languages("en;q=b"));  // no weights: what they mean nobody knows
}

TEST_CASE("C-40: a language has the weight of the longest range that holds it", "[cache]") {
  const struct {
    std::string_view accepts, language;
    int weight;
  } cases[] = {
      {"", "de", 1000},
      {"de", "de", 1000},
      {"de", "DE-ch", 1000},
      {"DE", "de", 1000},
      {"de-CH", "de", 0},
      {"de", "den", 0},
      {"en, fr;q=0.5", "de", 0},
      {"fr;q=0.5, de;q=1.0", "de", 1000},
      {"de;q=0.25, *;q=0.5", "de", 250},
      {"*;q=0.5, de;q=0.25", "de-AT", 250},
      {"de;q=0.3, de-AT;q=0.7", "de-at", 700},
      {"de;q=0, *", "de", 0},
      {"*;q=0.125", "fr", 125},
      {"de;q=0.29", "de", 290},
      {";q=1", "de", 0},
  };
  for (const auto& one : cases) {
    INFO(one.accepts << " / " << one.language);
    CHECK(language_weight(one.accepts, one.language) == one.weight);
  }
}

TEST_CASE("C-53: tags come from four fields, groups belong to their origin", "[cache]") {
  CHECK(tags_of(List{{"cache-tag", "a, b,,a"}, {"cache-tag", "c d"}}, "o") ==
        Names{"a", "b", "c d"});
  CHECK(tags_of(List{{"surrogate-key", "a  b\tc"}, {"xkey", "d a"}}, "o") ==
        Names{"a", "b", "c", "d"});
  CHECK(tags_of(List{{"cache-groups", R"("Scripts", "a,b";x=1)"}, {"cache-groups", R"("scripts")"}},
                "h") == Names{"group:h:Scripts", "group:h:a,b", "group:h:scripts"});
  CHECK(tags_of(List{{"cache-groups", R"(scripts, "a", 1, ("b"))"}}, "h") == Names{"group:h:a"});
  CHECK(tags_of(List{{"cache-groups", R"("a", "b)"}}, "h").empty());
  CHECK(tags_of(List{{"cache-tag", "group:h:a"}}, "h") == Names{"group:h:a"});
  CHECK(invalidated_groups(List{{"cache-group-invalidation", R"("a", "b")"}}, "h") ==
        Names{"group:h:a", "group:h:b"});
  CHECK(invalidated_groups(List{{"cache-groups", R"("a")"}}, "h").empty());

  // RFC 9875 2: at least 32 groups of 32 characters each, whatever the origin's name is.
  std::string many;
  for (int i = 0; i < 40; ++i)
    many += (i == 0 ? "\"" : ", \"") + std::string(30, 'g') + std::to_string(10 + i) + "\"";
  CHECK(tags_of(List{{"cache-groups", many}}, std::string(250, 'h')).size() == 40);
  const std::string longest(limits::tag_bytes_max, 't');
  const std::string too_long = longest + 't';
  CHECK(tags_of(List{{"cache-tag", longest}, {"xkey", too_long}}, "h") == Names{longest});
}

TEST_CASE("C-57: Location and Content-Location name what else is not right any more", "[cache]") {
  const auto targets = [](std::string_view name, std::string_view value,
                          std::string_view authority = "Example.com") {
    const auto all = invalidated_targets(List{{name, value}}, authority, "/a/b?q");
    REQUIRE(all.size() <= 1);
    return all.empty() ? "none" : all[0];
  };
  for (const std::string_view name : {"location", "content-location"}) {
    CHECK(targets(name, "/x?y#z") == "/x?y");
    CHECK(targets(name, "x") == "/a/x");
    CHECK(targets(name, "../x") == "/x");
    CHECK(targets(name, "?p") == "/a/b?p");
    CHECK(targets(name, "http://example.COM/x") == "/x");
    CHECK(targets(name, "https://example.com") == "/");
    CHECK(targets(name, "http://example.com?p") == "/?p");
    CHECK(targets(name, "//example.com/x") == "/x");
    CHECK(targets(name, "http://example.com:80/x") == "/x");
    CHECK(targets(name, "https://example.com.:443/x") == "/x");
    CHECK(targets(name, "http://example.com/x", "example.com:80") == "/x");
    CHECK(targets(name, "http://example.com:8080/x", "example.com:8080") == "/x");
    // Another host's answers are none of its business (RFC 9111 4.4).
    CHECK(targets(name, "http://example.com:8080/x") == "none");
    CHECK(targets(name, "http://example.com/x", "example.com:8080") == "none");
    CHECK(targets(name, "http://evil.example/x") == "none");
    CHECK(targets(name, "http://example.com.evil.example/x") == "none");
    CHECK(targets(name, "http://example.com@evil.example/x") == "none");
    CHECK(targets(name, "http://evil@example.com/x") == "none");
    CHECK(targets(name, "//evil.example/x") == "none");
    CHECK(targets(name, "mailto:a@example.com") == "none");
  }
  CHECK(targets("link", "/x") == "none");
  CHECK(invalidated_targets(List{{"location", "/x"}, {"content-location", "/y"}}, "h", "/") ==
        Names{"/x", "/y"});
}

TEST_CASE("C-37: No-Vary-Search says which parameters do not select", "[cache]") {
  const auto rule = [](std::string_view value) {
    return no_vary_search_of(List{{"no-vary-search", value}});
  };
  CHECK_FALSE(no_vary_search_of(List{}).has_value());
  CHECK(rule("key-order") == NoVarySearch{true, false, {}});
  CHECK(rule("params") == NoVarySearch{false, true, {}});
  CHECK(rule("params=?0, key-order=?0") == NoVarySearch{});
  CHECK(rule(R"(params=("a" "b c"))") == NoVarySearch{false, false, {"a", "b c"}});
  CHECK(rule(R"(params=("a+b%41"))") == NoVarySearch{false, false, {"a bA"}});
  CHECK(rule(R"(params, except=("a"), key-order)") == NoVarySearch{true, true, {"a"}});
  CHECK(rule(R"(except=("a"), params)") == NoVarySearch{false, true, {"a"}});
  CHECK(rule("x=1, key-order") == NoVarySearch{true, false, {}});
  // Whatever breaks the rules of the field is no rule: everything selects.
  for (const std::string_view broken :
       {"key-order=1", "key-order=(\"a\")", "params=1", "params=\"a\"", "params=(a)", "params=(1)",
        "except=(\"a\")", "params=?0, except=(\"a\")", "params=(\"b\"), except=(\"a\")",
        "params, except=\"a\"", "params, except", "params, except=(a)", "params=(\"a\"", "Params",
        ""}) {
    INFO(broken);
    CHECK_FALSE(rule(broken).has_value());
  }
}

TEST_CASE("C-37: what does not select is not part of the query", "[cache]") {
  const NoVarySearch order{true, false, {}};
  const NoVarySearch without_a{false, false, {"a"}};
  const NoVarySearch only_a{false, true, {"a"}};
  const NoVarySearch nothing{false, true, {}};
  const struct {
    const NoVarySearch& rule;
    std::string_view query, expected;
  } cases[] = {
      {order, "b=1&a=2&b=0", "a=2&b=1&b=0"},
      {order, "a=1&%61=2", "a=1&%61=2"},  // one name: their order means something
      {order, "%61=2&a=1", "%61=2&a=1"},
      {without_a, "a=1&b=2&a&A=3", "b=2&A=3"},
      {without_a, "%61=1&b=2", "b=2"},
      {without_a, "", ""},
      {without_a, "&&a=1&&b&", "b"},
      {only_a, "b=2&a=1&c", "a=1"},
      {only_a, "%61=1&ab=1", "%61=1"},  // the same parameter, written in another way: it selects
      {nothing, "a=1&b", ""},
  };
  for (const auto& one : cases) {
    INFO(one.query);
    CHECK(selecting_query(one.query, one.rule) == one.expected);
  }
}

TEST_CASE("C-37: on a guarded route parameters are sorted, trackers dropped", "[cache]") {
  const struct {
    std::string_view query, expected;
  } cases[] = {
      {"", ""},
      {"b=2&a=1", "a=1&b=2"},
      {"a=2&a=1", "a=2&a=1"},
      {"a=1&utm_source=x&utm_=y&gclid=z&fbclid", "a=1"},
      {"utm=1&xutm_a=2&gclid2=3", "gclid2=3&utm=1&xutm_a=2"},
      {"%75tm_source=x&a", "a"},
      {"&&", ""},
      {"a=1&%61=2", "a=1&%61=2"},
      {"%61=2&a=1", "%61=2&a=1"},
      // Another parser begins a parameter at ';': what it would find there selects.
      {"utm_x=1;id=5&a=1", "a=1&utm_x=1;id=5"},
      {"b=%26a=1&a=%3D", "a=%3D&b=%26a=1"},
  };
  for (const auto& one : cases) {
    INFO(one.query);
    CHECK(guarded_query(one.query) == one.expected);
  }
}
