#include "waf/engine.h"
#include "waf/inspect.h"
#include "waf/rules.h"

#include "text/json.h"

#include <algorithm>

namespace weir::waf {
namespace {

struct Spot {
  Target target;
  std::string name;
};

// Every target that the rule declares; of one with names, the first.
std::vector<Spot> places_of(const Rule& rule, const CompiledRule& compiled) {
  std::vector<Spot> out;
  for (const Target target : rule.targets) out.push_back({target, "value"});
  for (const Selector& selector : compiled.selectors)
    if (!selector.excludes) out.push_back({selector.target, selector.name});
  return out;
}

}  // namespace

std::vector<std::string> self_test(const RuleSet& rules) {
  std::vector<std::string> failures;
  // Not owned: the inspector dies before `rules` does.
  const std::shared_ptr<const RuleSet> view(std::shared_ptr<const RuleSet>(), &rules);
  Inspector inspector(view, {.clean_memory = CleanMemory::off});
  for (const CompiledRule& compiled : rules.compiled().rules) {
    const Rule& rule = rules.rules()[compiled.rule];
    const auto hits = [&](const Spot& place, const std::string& value) {
      const Verdict verdict = inspector.inspect_value(place.target, place.name, value);
      return std::ranges::any_of(verdict.hits, [&](const Hit& hit) { return hit.rule == rule.id; });
    };
    const auto fail = [&](const char* what, const std::string& value, const Spot& place) {
      failures.push_back(rule.file + ":" + std::to_string(rule.line) + ": rule " +
                         std::to_string(rule.id) + " (" + rule.name + ") " + what + " " +
                         text::json_of(text::Value(value)) + " in " +
                         std::string(name_of(place.target)));
    };
    for (const Spot& place : places_of(rule, compiled)) {
      for (const std::string& value : rule.test_block)
        if (!hits(place, value)) fail("misses its own test_block", value, place);
      for (const std::string& value : rule.test_pass)
        if (hits(place, value)) fail("hits its own test_pass", value, place);
    }
  }
  return failures;
}

}  // namespace weir::waf
