// Goal: the rule language of text/rule.h decides as its header says, and refuses what it does not
// understand. Method: tables of expressions and claims; no service round it.

#include "text/rule.h"
#include "base/limits.h"
#include "text/json.h"

#include <catch2/catch.hpp>

namespace weir::text {

namespace {

const std::vector<std::string> owner_only{"owner"};

bool holds(std::string_view expression, std::string_view claims_json,
           std::string_view owner = "ann") {
  const Result<Rule> rule = compile_rule(expression, owner_only);
  REQUIRE(rule);
  const Value claims = claims_json.empty() ? Value() : parse_json(claims_json).value();
  const PathVariable bound[] = {{"owner", owner}};
  return rule->holds(bound, claims_json.empty() ? nullptr : &claims);
}

}  // namespace

TEST_CASE("a rule compares claims, path variables and literals", "[rule]") {
  struct Row {
    const char* rule;
    const char* claims;
    bool holds;
  };
  const Row rows[] = {
      {"sub == owner", R"({"sub":"ann"})", true},
      {"sub == owner", R"({"sub":"bob"})", false},
      {"sub != owner", R"({"sub":"bob"})", true},
      {"owner == 'ann'", "", true},
      {"role == \"admin\"", R"({"role":"admin"})", true},
      {"level == 3", R"({"level":3})", true},
      {"level == '3'", R"({"level":3})", false},
      {"level == -3", R"({"level":-3})", true},
      {"admin == true", R"({"admin":true})", true},
      {"admin != true", R"({"admin":false})", true},
      {"realm.roles.first == 'x'", R"({"realm":{"roles":{"first":"x"}}})", true},
      {"realm.roles.first == 'x'", R"({"realm":"x"})", false},
      {"true", "", true},
      {"false", "", false},
      {"not false", "", true},
      {"false or true and true", "", true},
      {"(true or true) and false", "", false},
      {"true or true and false", "", true},
      {"not (sub == owner)", R"({"sub":"bob"})", true},
      {"not not true", "", true},
  };
  for (const Row& row : rows) {
    INFO(row.rule << " with " << row.claims);
    CHECK(holds(row.rule, row.claims) == row.holds);
  }
}

TEST_CASE("membership is in an array or among the words of a text", "[rule]") {
  struct Row {
    const char* rule;
    const char* claims;
    bool holds;
  };
  const Row rows[] = {
      {"'notes:read' in scope", R"({"scope":"mail notes:read"})", true},
      {"'notes:read' in scope", R"({"scope":"notes:reader"})", false},
      {"'notes' in scope", R"({"scope":"notes:read"})", false},
      {"'' in scope", R"({"scope":"a  b"})", false},
      {"'a b' in scope", R"({"scope":"a b"})", false},
      {"'admin' in roles", R"({"roles":["user","admin"]})", true},
      {"owner in friends", R"({"friends":["eve","ann"]})", true},
      {"owner in friends", R"({"friends":["eve"]})", false},
      {"7 in numbers", R"({"numbers":[6,7]})", true},
      {"7 in text", R"({"text":"7"})", false},
      {"sub in group", R"({"sub":"x","group":{"x":1}})", false},
  };
  for (const Row& row : rows) {
    INFO(row.rule << " with " << row.claims);
    CHECK(holds(row.rule, row.claims) == row.holds);
  }
}

TEST_CASE("a missing claim makes its comparison false, whatever the operator", "[rule]") {
  for (const char* rule :
       {"sub == owner", "sub != owner", "owner in friends", "role in roles", "a.b == 'x'"}) {
    INFO(rule);
    CHECK_FALSE(holds(rule, "{}"));
    CHECK_FALSE(holds(rule, ""));
    CHECK_FALSE(holds(rule, R"({"sub":null,"friends":null})"));
  }
}

TEST_CASE("an absent rule never holds", "[rule]") { CHECK_FALSE(Rule().holds({}, nullptr)); }

TEST_CASE("a rule that cannot be read is refused at its column", "[rule]") {
  struct Row {
    const char* rule;
    std::uint32_t column;
    const char* says;
  };
  const Row rows[] = {
      {"", 1, "found the end"},
      {"sub", 1, "alone says nothing"},
      {"sub ==", 7, "found the end"},
      {"sub = owner", 5, "write == to compare"},
      {"sub == owner && true", 14, "write and, or, not"},
      {"(sub == owner", 14, "')'"},
      {"sub == owner)", 13, "found ')'"},
      {"sub == 'ann", 8, "no closing quote"},
      {"sub == owner owner", 14, "the end of the rule"},
      {"a..b == 'x'", 1, "empty part"},
      {"and == 'x'", 1, "found 'and'"},
      {"99999999999999999999 == x", 1, "too large"},
  };
  for (const Row& row : rows) {
    INFO(row.rule);
    const Result<Rule> rule = compile_rule(row.rule, owner_only);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().place.column == row.column);
    CHECK(rule.error().what.find(row.says) != std::string::npos);
  }
}

TEST_CASE("a rule nests as deep as its bound and no deeper", "[rule]") {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '(') + "true" + std::string(levels, ')');
  };
  CHECK(compile_rule(nested(limits::rule_depth_max - 1), {}).ok());
  CHECK_FALSE(compile_rule(nested(limits::rule_depth_max), {}).ok());
  CHECK_FALSE(compile_rule(nested(1'900), {}).ok());
  CHECK_FALSE(compile_rule(std::string(limits::rule_bytes_max + 1, ' '), {}).ok());
}

TEST_CASE("patterns match whole paths, segment by segment", "[rule]") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Row rows[] = {
      {"notes", "notes", true},
      {"notes", "notes/a", false},
      {"notes/**", "notes", true},
      {"notes/**", "notes/a/b", true},
      {"notes/*", "notes/a", true},
      {"notes/*", "notes", false},
      {"notes/*", "notes/", false},
      {"notes/{x}", "notes/a", true},
      {"notes/{x}", "notes/a/b", false},
      {"notes/{x}/**", "notes/a", true},
      {"**", "", true},
      {"**", "a/b", true},
      {"notes/{x}/y", "notes/a/y", true},
      {"notes/{x}/y", "notes//y", false},
      {"notes", "note", false},
  };
  for (const Row& row : rows) {
    INFO(row.pattern << " on " << row.path);
    CHECK(PathPattern::compile(row.pattern)->match(row.path).has_value() == row.matches);
  }
  const auto pattern = PathPattern::compile("{a}/x/{b}/**");  // the names are views of it
  const auto bound = pattern->match("1/x/2/3/4");
  REQUIRE(bound);
  REQUIRE(bound->size() == 2);
  CHECK((*bound)[0].value == "1");
  CHECK((*bound)[1].name == "b");
  CHECK((*bound)[1].value == "2");
}

TEST_CASE("patterns that mislead are refused", "[rule]") {
  for (const char* pattern : {"", "/a", "a/", "a//b", "**/a", "a/**/b", "{a}/{a}", "{sub}",
                              "{scope}", "{1a}", "{}", "a{b}", "a*"}) {
    INFO(pattern);
    CHECK_FALSE(PathPattern::compile(pattern).ok());
  }
}

}  // namespace weir::text
