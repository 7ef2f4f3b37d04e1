#pragma once
// A RuleSet as the engine runs it; private to this room.
//
// Per value: one byte pass -> which transformations can change it -> per distinct text: rules of
// the target whose byte sets all occur, of these the ones with an atom in the text (or with none to
// look for), and only for those the operator itself. The usual clean value ends without a single
// candidate.

#include "text/regex.h"
#include "waf/atoms.h"
#include "waf/byte_mask.h"
#include "waf/rules.h"
#include "waf/transform.h"

#include <array>
#include <optional>

namespace weir::waf {

enum class Operator : std::uint8_t { regex, any_of, starts_with, equals, sqli, xss };

struct Selector {
  Target target;
  std::string name;  // lower case
  bool excludes = false;
};

struct CompiledRule {
  std::uint32_t rule = 0;  // index into RuleSet::rules()
  Severity severity = Severity::critical;
  Operator what = Operator::regex;
  bool ignores_case = false;
  std::optional<text::Regex> regex;
  std::vector<std::string> texts;  // lower case when ignores_case
  std::vector<Selector> selectors;
};

// The byte sets of a rule, apart from it, because the prefilter walks through those of all rules.
struct ByteNeeds {
  ByteMask all = 0;
  std::array<ByteMask, 4> any{~ByteMask{0}, ~ByteMask{0}, ~ByteMask{0}, ~ByteMask{0}};
};

// The chains of transformations of all rules, as a tree: what several chains begin with is done
// once per value. Parents stand before their children; node 0 is the value itself.
struct ChainNode {
  std::size_t parent = 0;
  Transform step = Transform::url_decode;
  RuleBits rules;    // whose chain ends here
  RuleBits subtree;  // whose chain goes through here
};

struct CompiledExclusion {
  RuleBits rules;
  std::string path;
  std::optional<Selector> target;  // none = the rules are off altogether
};

struct Compiled {
  std::vector<CompiledRule> rules;
  std::vector<ByteNeeds> needs;
  std::vector<ChainNode> chains;
  std::array<RuleBits, targets_count> by_target{};
  std::array<ByteMask, targets_count> triggers{};  // of all chains that rules of the target use
  Atoms atoms;
  RuleBits with_atoms;
  std::vector<CompiledExclusion> exclusions;
};

// "args:q" -> target and name; "args" -> target alone.
Result<Selector> parse_selector(std::string_view text);

// Does the operator hit `text`? For a regular expression over its match limit: Match::gave_up.
text::Match confirm(const CompiledRule& rule, std::string_view text);
// Where, in a text that was hit; 0 for operators that know no place.
std::uint32_t offset_of(const CompiledRule& rule, std::string_view text);

}  // namespace weir::waf
