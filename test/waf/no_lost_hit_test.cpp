// Goal: the prefilter loses no hit (W-71), and libinjection's shortcuts neither (W-39).
// Method: the same values through two inspectors, one that always confirms; values are the rules'
// own tests and seeded mutations of them, random bytes, and attack-word soup.

#include "support.h"

#include "waf/injection.h"
#include "waf/inspect.h"
#include "waf/pattern_reader.h"

#include <catch2/catch.hpp>

#include <random>

using namespace weir;
using namespace weir::waf;

namespace {

constexpr std::array<Target, 8> targets{Target::args,  Target::args_names, Target::headers,
                                        Target::path,  Target::body,       Target::cookies,
                                        Target::files, Target::json_keys};

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}
  std::string mutate(std::string value) {
    for (std::size_t rounds = 1 + random_() % 3; rounds > 0; --rounds) step(value);
    return value;
  }
  std::string noise(std::size_t bytes_max) {
    std::string out(random_() % bytes_max, '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }

 private:
  void step(std::string& value) {
    if (value.empty()) return;
    const std::size_t at = random_() % value.size();
    switch (random_() % 7) {
      case 0: value[at] = static_cast<char>(value[at] ^ 0x20); break;  // case, mostly
      case 1: value.insert(at, 1, static_cast<char>(random_())); break;
      case 2: value.erase(at, 1); break;
      case 3: {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(value[at]);
        value.replace(at, 1, {'%', digits[byte >> 4], digits[byte & 15]});
        break;
      }
      case 4:
        value.replace(at, 1, "&#" + std::to_string(static_cast<unsigned char>(value[at])) + ";");
        break;
      case 5: value.insert(at, random_() % 2 == 0 ? " " : "/**/"); break;
      case 6: value += value.substr(at); break;
    }
  }
  std::mt19937 random_;
};

struct Pair {
  Inspector filtered, always;
  explicit Pair(const std::shared_ptr<const RuleSet>& rules)
      : filtered(rules, {.clean_memory = CleanMemory::off}),
        always(rules, {.clean_memory = CleanMemory::off, .prefilter = Prefilter::off}) {}
  void compare(std::string_view value) {
    for (const Target target : targets) {
      const Verdict with = filtered.inspect_value(target, "x", value);
      const Verdict without = always.inspect_value(target, "x", value);
      const bool equal = with.score == without.score && with.hits.size() == without.hits.size();
      if (equal) continue;
      std::string lost;
      for (const Hit& hit : without.hits)
        if (std::ranges::find(with.hits, hit.rule, &Hit::rule) == with.hits.end())
          lost += std::to_string(hit.rule) + ' ';
      FAIL_CHECK("lost " << lost << "in " << name_of(target) << ": " << value);
    }
  }
};

}  // namespace

TEST_CASE("the prefilter loses no hit", "[waf]") {
  const auto rules = RuleSet::own({.paranoia = 4});
  REQUIRE(rules.ok());
  Pair pair(*rules);
  std::vector<std::string> values;
  for (const Rule& rule : (*rules)->rules()) {
    values.insert(values.end(), rule.test_block.begin(), rule.test_block.end());
    values.insert(values.end(), rule.test_pass.begin(), rule.test_pass.end());
  }
  Mutator mutator(11);
  for (const std::string& value : values) pair.compare(value);
  for (std::size_t i = 0; i < test::rounds(3'000, 100'000); ++i)
    pair.compare(mutator.mutate(values[mutator.number() % values.size()]));
  for (std::size_t i = 0; i < test::rounds(300, 10'000); ++i) pair.compare(mutator.noise(200));
  for (std::size_t i = 0; i < test::rounds(100, 5'000); ++i) {  // soup
    std::string soup;
    for (int words = 0; words < 8; ++words) soup += values[mutator.number() % values.size()] + ' ';
    pair.compare(soup);
  }
}

TEST_CASE("the shortcuts before libinjection lose nothing", "[waf]") {
  const auto rules = RuleSet::own({});
  REQUIRE(rules.ok());
  Mutator mutator(5);
  std::vector<std::string> values;
  for (const Rule& rule : (*rules)->rules())
    values.insert(values.end(), rule.test_block.begin(), rule.test_block.end());
  for (std::size_t i = 0; i < test::rounds(20'000, 200'000); ++i) {
    const std::string value =
        i % 4 == 0 ? mutator.noise(40) : mutator.mutate(values[mutator.number() % values.size()]);
    INFO(value);
    REQUIRE(is_sql_injection(value) == is_sql_injection_unfiltered(value));
    REQUIRE(is_script_injection(value) == is_script_injection_unfiltered(value));
  }
  // And short words over the very alphabet of the shortcut.
  constexpr std::string_view alphabet = "ab01_.-xeE";
  for (std::size_t i = 0; i < test::rounds(50'000, 500'000); ++i) {
    std::string word;
    for (std::size_t count = mutator.number() % 8; count > 0; --count)
      word += alphabet[mutator.number() % alphabet.size()];
    INFO(word);
    REQUIRE(is_sql_injection(word) == is_sql_injection_unfiltered(word));
  }
}

TEST_CASE("the reader of patterns proves what it can and claims no more", "[waf]") {
  const auto bits = [](std::string_view text) {
    ByteMask sum = 0;
    for (const char c : text) sum |= folded_mask_of(c);
    return sum;
  };
  Needs needs = needs_of_pattern(R"(\$\{jndi:)");
  CHECK(needs.atoms == std::vector<std::string>{"${jndi:"});
  CHECK(needs.all == bits("${jndi:"));
  needs = needs_of_pattern("(?:cat|wget)\\s");
  CHECK(std::ranges::all_of(needs.atoms, [](const std::string& atom) {
    return atom.starts_with("cat") || atom.starts_with("wget");
  }));
  needs = needs_of_pattern("a?b+c*d{2,}e{0,3}");
  CHECK(needs.all == bits("bd"));
  CHECK(needs.atoms.empty());
  needs = needs_of_pattern("foo(?=bar)baz|foo(?!x)baz");
  CHECK(needs.atoms == std::vector<std::string>{"foobaz"});
  needs = needs_of_pattern("(?:foo|)bar");
  CHECK(std::ranges::find(needs.atoms, "bar") != needs.atoms.end());
  needs = needs_of_pattern("x[ij]y");
  CHECK(needs.atoms == std::vector<std::string>{"xiy", "xjy"});
  needs = needs_of_pattern("ABC");
  CHECK(needs.atoms == std::vector<std::string>{"abc"});
  needs = needs_of_pattern("(\\w{1,20})=\\1");
  CHECK(needs.all == bits("="));
  CHECK(needs_of_pattern("a{,3}b").all == bits("a{,3}b"));  // a literal brace in PCRE2 10.42
  for (const char* strange : {"(?|a|b)", "\\Qa.b\\E", "(?R)", "(?x) a b", "(*ACCEPT)a",
                              "[[:alpha:]]x", "a(", "\\p{L}", "(?(1)a|b)"}) {
    INFO(strange);
    CHECK_FALSE(needs_of_pattern(strange).understood);
  }
}
