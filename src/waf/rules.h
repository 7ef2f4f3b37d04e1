#pragma once
// The rules of the firewall: read from TOML, checked, and compiled into one immutable engine
// (waf sections 4, 5 and 7). The own rules travel in the binary under src/waf/rules/.
//
//   [[rule]]
//   id = 30000101                        # 30,000,000 and up, unique
//   name = "log4shell"
//   severity = "critical"                # critical 25, error 20, warning 15, notice 10 points
//   targets = ["args", "headers", "!headers:referer", "cookies:sid"]
//   transform = ["url_decode", "html_entity", "lower"]
//   regex = '\$\{jndi:'                  # or one of: any_of, contains, starts_with, equals,
//                                        # json_key, sqli, xss
//   paranoia = 1
//   tags = ["attack-rce"]
//   test_block = ["${jndi:ldap://a/b}"]  # must hit this rule; required
//   test_pass = ["the ${name} placeholder"]  # must not; required
//
// A RuleSet never changes: shared by all loops and workers. State of one request is in
// waf/inspect.h.

#include "base/limits.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::waf {

enum class Severity : std::uint8_t { notice, warning, error, critical };
constexpr int points_of(Severity severity) {
  constexpr int points[] = {10, 15, 20, 25};
  return points[static_cast<std::size_t>(severity)];
}
std::string_view name_of(Severity severity);

// `token` is the decoded header of a JSON Web Token in Authorization, a cookie or an argument; a
// path is decoded once, and so are arguments; headers and cookies stay as they are; `args_names` of
// JSON are paths ("a.b.0").
enum class Target : std::uint8_t {
  method,
  path,
  query,
  args,
  args_names,
  headers,
  header_names,
  cookies,
  cookie_names,
  json_keys,
  body,
  files,
  token
};
inline constexpr std::size_t targets_count = 13;
std::string_view name_of(Target target);

struct Rule {
  std::uint32_t id = 0;
  std::string name;
  Severity severity = Severity::critical;
  int paranoia = 1;
  std::vector<std::string> tags;
  std::vector<std::string> test_block, test_pass;
  std::vector<Target> targets;  // the whole classes; for tests and `weir explain`
  std::string file;             // with line: where it is written
  std::uint32_t line = 0;
};

struct RuleFile {
  std::string name;
  std::string text;
};

// Switches a rule (by id) or a tag off, for paths that begin with `path` and names of a target.
struct Exclusion {
  std::uint32_t rule = 0;  // 0 = by tag
  std::string tag = {};
  std::string path = {};    // empty = everywhere
  std::string target = {};  // "args:q"; empty = all
};

struct RuleSetOptions {
  int paranoia = 1;
  std::vector<Exclusion> exclusions = {};
};

struct Compiled;  // engine.h

class RuleSet {
 public:
  // Every rule that cannot be compiled is an error with file and line; there is no silent skip.
  static Result<std::shared_ptr<const RuleSet>> compile(std::span<const RuleFile> files,
                                                        const RuleSetOptions& options);
  // The rules in the binary, then `more`.
  static Result<std::shared_ptr<const RuleSet>> own(const RuleSetOptions& options,
                                                    std::span<const RuleFile> more = {});

  ~RuleSet();
  std::span<const Rule> rules() const { return rules_; }
  const Rule* find(std::uint32_t id) const;
  const Compiled& compiled() const { return *compiled_; }

  // How much of the work the prefilter can prove away; printed by the bench and `weir check`.
  struct Figures {
    std::size_t rules = 0, active = 0, always_candidate = 0, atoms = 0, states = 0, byte_sets = 0;
  };
  Figures figures() const;

 private:
  RuleSet() = default;
  std::vector<Rule> rules_;
  std::unique_ptr<const Compiled> compiled_;
};

// Runs every rule's test_block and test_pass through the engine on each target the rule declares.
// One sentence per failure.
std::vector<std::string> self_test(const RuleSet& rules);

}  // namespace weir::waf
