// Goal: every own rule does what it says, rules with mistakes are refused with their place, and
// there are enough.

#include "waf/rules.h"
#include "waf/inspect.h"

#include <catch2/catch.hpp>

#include <set>

using namespace weir;
using namespace weir::waf;

namespace {

std::shared_ptr<const RuleSet> own_rules(int paranoia = 4) {
  auto rules = RuleSet::own({.paranoia = paranoia});
  INFO((rules.ok() ? "" : rules.error().text()));
  REQUIRE(rules.ok());
  return *rules;
}

const std::string frame = R"(
[[rule]]
id = 31000000
name = "x"
severity = "warning"
targets = ["args"]
test_block = ["attack"]
test_pass = ["fine"]
)";

Result<std::shared_ptr<const RuleSet>> compile(std::string text) {
  const std::vector<RuleFile> files{{"my.toml", std::move(text)}};
  return RuleSet::compile(files, {});
}

}  // namespace

TEST_CASE(
    "every own rule hits its test_block and passes its test_pass, on every target it declares",
    "[waf]") {
  const auto rules = own_rules();
  for (const std::string& failure : self_test(*rules)) FAIL_CHECK(failure);
}

TEST_CASE("at least 32 own rules are active at paranoia 1, and their ids are unique", "[waf]") {
  const auto rules = own_rules(1);
  CHECK(rules->figures().active >= 32);
  std::set<std::uint32_t> ids;
  for (const Rule& rule : rules->rules()) ids.insert(rule.id);
  CHECK(ids.size() == rules->rules().size());
}

TEST_CASE("a rule with a mistake is refused with file, line and what was expected", "[waf]") {
  struct Row {
    std::string text, says;
    std::uint32_t line;
  };
  const std::vector<Row> rows{
      {frame, "needs an operator", 2},
      {frame + "regex = 'a('", "", 9},
      {frame + "regex = 'a'\nsqli = true", "not both", 2},
      {frame + "regx = 'a'", "no key 'regx'", 9},
      {frame + "sqli = false", "can only be true", 9},
      {frame + "any_of = []", "at least one", 9},
      {frame + "any_of = [7]", "strings only", 9},
      {frame + "contains = ''", "empty", 9},
      {frame + "contains = 'a'\ntransform = ['rot13']", "no transformation 'rot13'", 10},
      {frame + "contains = 'a'\nparanoia = 5", "1 to 4", 10},
      {"[[rule]]\nid = 5\nname='x'\n", "30000000 or more", 2},
      {"[[rules]]\nid = 5\n", "[[rule]] tables only", 1},
      {"rule = 7\n", "[[rule]] tables only", 1},
      {frame + "contains = 'a'\n" + frame + "contains = 'b'", "already in my.toml:2", 11},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto rules = compile(row.text);
    REQUIRE_FALSE(rules.ok());
    CHECK(rules.error().what.find(row.says) != std::string::npos);
    CHECK(rules.error().place.file == "my.toml");
    CHECK(rules.error().place.line == row.line);
  }
  std::string text = frame + "contains = 'a'";
  text.replace(text.find("[\"args\"]"), 8, "[\"argz\"]");
  CHECK_FALSE(compile(text).ok());
  text = frame + "contains = 'a'";
  text.replace(text.find("test_pass = [\"fine\"]"), 20, "");
  CHECK_FALSE(compile(text).ok());
}

TEST_CASE("a rule that misses its own test is told by the self-test", "[waf]") {
  const auto rules = compile(frame + "contains = 'fine'");
  REQUIRE(rules.ok());
  const auto failures = self_test(**rules);
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].find(
            "my.toml:2: rule 31000000 (x) misses its own test_block \"attack\" in args") == 0);
  CHECK(failures[1].find("hits its own test_pass") != std::string::npos);
}

TEST_CASE("own rules of the operator stand beside the built-in ones", "[waf]") {
  const std::vector<RuleFile> more{{"my.toml", frame + "contains = 'attack'"}};
  const auto rules = RuleSet::own({}, more);
  REQUIRE(rules.ok());
  Inspector inspector(*rules);
  CHECK(inspector.inspect_value(Target::args, "q", "an attack").score == 15);
  CHECK((*rules)->find(31000000) != nullptr);
}
