#include "waf/rules.h"

#include "base/embedded.h"
#include "base/must.h"
#include "text/toml.h"
#include "text/value.h"
#include "waf/engine.h"
#include "waf/injection.h"
#include "waf/pattern_reader.h"

#include <algorithm>

namespace weir::waf {
namespace {

constexpr std::array<std::string_view, 4> severity_names{"notice", "warning", "error", "critical"};
constexpr std::array<std::string_view, targets_count> target_names{
    "method",  "path",         "query",     "args", "args_names", "headers", "header_names",
    "cookies", "cookie_names", "json_keys", "body", "files",      "token"};

struct OperatorRow {
  std::string_view key;
  Operator what;
};
// `contains` is any_of with one text; `json_key` is equals on the names of JSON members.
constexpr std::array<OperatorRow, 8> operator_rows{{
    {"regex", Operator::regex},
    {"any_of", Operator::any_of},
    {"contains", Operator::any_of},
    {"starts_with", Operator::starts_with},
    {"equals", Operator::equals},
    {"json_key", Operator::equals},
    {"sqli", Operator::sqli},
    {"xss", Operator::xss},
}};
constexpr std::array<std::string_view, 18> rule_keys{
    "id",       "name",        "severity",  "targets",     "transform", "paranoia",
    "tags",     "test_block",  "test_pass", "description", "regex",     "any_of",
    "contains", "starts_with", "equals",    "json_key",    "sqli",      "xss"};

template <std::size_t count>
std::string one_of(const std::array<std::string_view, count>& names) {
  std::string out;
  for (const std::string_view name : names) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

// One [[rule]] table on its way to a Rule and a CompiledRule. Errors carry the place of the member.
class RuleReader {
 public:
  RuleReader(const text::Value& table, const std::string& file) : table_(table), file_(file) {}

  struct Read {
    Rule rule;
    CompiledRule compiled;
    std::vector<Transform> steps;
    std::vector<Target> targets;  // also those of selectors
    Needs needs;
  };

  Result<Read> read() {
    for (const text::Member& member : *table_.object())
      if (std::ranges::find(rule_keys, std::string_view(member.name)) == rule_keys.end())
        return Error{Errc::invalid, "a rule has no key '" + member.name + "'", place(member),
                     nearest_of(member.name, rule_keys)};
    Read out;
    out.rule.file = file_;
    out.rule.line = table_.line;
    out.rule.id = TRY(id());
    out.rule.name = TRY(required_text("name"));
    out.rule.severity = TRY(severity());
    out.rule.paranoia = TRY(paranoia());
    out.rule.tags = TRY(texts("tags"));
    out.rule.test_block = TRY(texts("test_block"));
    out.rule.test_pass = TRY(texts("test_pass"));
    if (out.rule.test_block.empty() || out.rule.test_pass.empty())
      return Error{Errc::invalid, "a rule needs test_block and test_pass, at least one value each",
                   place()};
    out.compiled.severity = out.rule.severity;
    TRY(read_targets(out));
    TRY(read_transforms(out));
    TRY(read_operator(out));
    return out;
  }

 private:
  Place place() const { return {file_, table_.line, table_.column}; }
  Place place(const text::Member& member) const { return {file_, member.line, member.column}; }
  Place place(const text::Value& value) const { return {file_, value.line, value.column}; }

  Result<std::uint32_t> id() const {
    const text::Value* value = table_.find("id");
    if (value == nullptr || value->integer() == nullptr || *value->integer() < 30'000'000 ||
        *value->integer() > 2'000'000'000)
      return Error{Errc::invalid, "id must be a number of 30000000 or more",
                   value == nullptr ? place() : place(*value)};
    return static_cast<std::uint32_t>(*value->integer());
  }
  Result<std::string> required_text(std::string_view key) const {
    const text::Value* value = table_.find(key);
    if (value == nullptr || value->string() == nullptr)
      return Error{Errc::invalid, std::string(key) + " must be a string",
                   value == nullptr ? place() : place(*value)};
    return *value->string();
  }
  Result<Severity> severity() const {
    const std::string name = TRY(required_text("severity"));
    const auto at = std::ranges::find(severity_names, std::string_view(name));
    if (at == severity_names.end())
      return Error{Errc::invalid,
                   "severity must be one of " + one_of(severity_names) + ", not '" + name + "'",
                   place(*table_.find("severity"))};
    return static_cast<Severity>(at - severity_names.begin());
  }
  Result<int> paranoia() const {
    const text::Value* value = table_.find("paranoia");
    if (value == nullptr) return 1;
    if (value->integer() == nullptr || *value->integer() < 1 || *value->integer() > 4)
      return Error{Errc::invalid, "paranoia must be 1 to 4", place(*value)};
    return static_cast<int>(*value->integer());
  }
  // An array of strings, or one string; empty when absent.
  Result<std::vector<std::string>> texts(std::string_view key) const {
    std::vector<std::string> out;
    const text::Value* value = table_.find(key);
    if (value == nullptr) return out;
    if (value->string() != nullptr) return std::vector<std::string>{*value->string()};
    if (!value->is_array())
      return Error{Errc::invalid, std::string(key) + " must be an array of strings", place(*value)};
    for (const text::Value& item : *value->array()) {
      if (item.string() == nullptr)
        return Error{Errc::invalid, std::string(key) + " must hold strings only", place(item)};
      out.push_back(*item.string());
    }
    return out;
  }

  Status read_targets(Read& out) const {
    const std::vector<std::string> names = TRY(texts("targets"));
    if (names.empty())
      return Error{Errc::invalid, "targets must name at least one of " + one_of(target_names),
                   place()};
    for (const std::string& name : names) {
      auto selector = parse_selector(name);
      if (!selector.ok()) return std::move(selector.error()).at(place(*table_.find("targets")));
      if (!selector->excludes &&
          std::ranges::find(out.targets, selector->target) == out.targets.end())
        out.targets.push_back(selector->target);
      if (selector->name.empty()) out.rule.targets.push_back(selector->target);
      else out.compiled.selectors.push_back(std::move(*selector));
    }
    // A target that is named as a whole needs no including selectors.
    std::erase_if(out.compiled.selectors, [&](const Selector& one) {
      return !one.excludes &&
             std::ranges::find(out.rule.targets, one.target) != out.rule.targets.end();
    });
    return done;
  }

  Status read_transforms(Read& out) const {
    for (const std::string& name : TRY(texts("transform"))) {
      if (name == "lower") {
        out.compiled.ignores_case = true;
        continue;
      }
      const auto transform = parse_transform(name);
      if (!transform)
        return Error{Errc::invalid, "there is no transformation '" + name + "'",
                     place(*table_.find("transform"))};
      out.steps.push_back(*transform);
    }
    return done;
  }

  Status read_operator(Read& out) const {
    const OperatorRow* row = nullptr;
    for (const OperatorRow& one : operator_rows) {
      if (table_.find(one.key) == nullptr) continue;
      if (row != nullptr)
        return Error{Errc::invalid,
                     "a rule has one operator, not both " + std::string(row->key) + " and " +
                         std::string(one.key),
                     place()};
      row = &one;
    }
    if (row == nullptr)
      return Error{Errc::invalid,
                   "a rule needs an operator: regex, any_of, starts_with, equals, sqli or xss",
                   place()};
    const text::Value& value = *table_.find(row->key);
    out.compiled.what = row->what;
    switch (row->what) {
      case Operator::regex: return read_regex(value, out);
      case Operator::sqli:
      case Operator::xss:
        if (value.boolean() == nullptr || !*value.boolean())
          return Error{Errc::invalid, std::string(row->key) + " can only be true", place(value)};
        out.needs.any = {row->what == Operator::sqli ? sql_injection_needs()
                                                     : script_injection_needs()};
        return done;
      case Operator::any_of:
      case Operator::starts_with:
      case Operator::equals: break;
    }
    out.compiled.texts = TRY(texts(row->key));
    for (std::string& text : out.compiled.texts) {
      if (text.empty())
        return Error{Errc::invalid, std::string(row->key) + " must not hold an empty text",
                     place(value)};
      if (out.compiled.ignores_case) text = lower_of(text);
    }
    if (out.compiled.texts.empty())
      return Error{Errc::invalid, std::string(row->key) + " must hold at least one text",
                   place(value)};
    out.needs = needs_of_texts(out.compiled.texts);
    return done;
  }

  Status read_regex(const text::Value& value, Read& out) const {
    if (value.string() == nullptr)
      return Error{Errc::invalid, "regex must be a string", place(value)};
    text::RegexOptions options;
    options.flavour = text::RegexFlavour::pcre;
    options.utf = false;
    options.ignore_case = out.compiled.ignores_case;
    options.dot_all = true;
    options.multi_line = true;
    options.match_limit = limits::waf_match_limit;
    auto regex = text::Regex::compile(*value.string(), options);
    if (!regex.ok()) {
      Place at = place(value);
      at.column += regex.error().place.column;  // behind the opening quote
      return std::move(regex.error()).at(std::move(at));
    }
    out.compiled.regex = std::move(*regex);
    out.needs = needs_of_pattern(*value.string());
    return done;
  }

  const text::Value& table_;
  const std::string& file_;
};

// Rules come in one by one; the automaton is built when all are there.
class Builder {
 public:
  explicit Builder(const RuleSetOptions& options) : options_(options) {
    compiled_->chains.emplace_back();
  }

  Status add(RuleReader::Read read, std::vector<Rule>& rules) {
    for (const Rule& other : rules)
      if (other.id == read.rule.id)
        return Error{Errc::exists,
                     "rule " + std::to_string(other.id) + " is already in " + other.file + ":" +
                         std::to_string(other.line),
                     {read.rule.file, read.rule.line, 1}};
    rules.push_back(std::move(read.rule));
    if (rules.back().paranoia > options_.paranoia) return done;
    const std::size_t index = compiled_->rules.size();
    if (index == limits::waf_rules_max)
      return Error{Errc::too_large,
                   "more than " + std::to_string(limits::waf_rules_max) + " rules",
                   {rules.back().file, rules.back().line, 1}};
    read.compiled.rule = static_cast<std::uint32_t>(rules.size() - 1);
    compiled_->rules.push_back(std::move(read.compiled));
    add_needs(read.needs, index);
    const ByteMask triggers = add_chain(read.steps, index);
    for (const Target target : read.targets) {
      compiled_->by_target[static_cast<std::size_t>(target)].set(index);
      compiled_->triggers[static_cast<std::size_t>(target)] |= triggers;
    }
    return done;
  }

  Result<std::unique_ptr<const Compiled>> finish(const std::vector<Rule>& rules) {
    compiled_->atoms.build();
    for (const Exclusion& exclusion : options_.exclusions) {
      CompiledExclusion out;
      out.path = exclusion.path;
      if (!exclusion.target.empty()) out.target = TRY(parse_selector(exclusion.target));
      for (std::size_t i = 0; i < compiled_->rules.size(); ++i) {
        const Rule& rule = rules[compiled_->rules[i].rule];
        if (exclusion.rule != 0 ? rule.id == exclusion.rule
                                : std::ranges::find(rule.tags, exclusion.tag) != rule.tags.end())
          out.rules.set(i);
      }
      compiled_->exclusions.push_back(std::move(out));
    }
    return std::unique_ptr<const Compiled>(std::move(compiled_));
  }

 private:
  void add_needs(const Needs& needs, std::size_t index) {
    ByteNeeds bytes;
    bytes.all = needs.all;
    for (std::size_t i = 0; i < std::min(needs.any.size(), bytes.any.size()); ++i)
      bytes.any[i] = needs.any[i];
    compiled_->needs.push_back(bytes);
    if (needs.atoms.empty() ||
        compiled_->atoms.count() + needs.atoms.size() > limits::waf_atoms_max)
      return;
    for (const std::string& atom : needs.atoms) compiled_->atoms.add(atom, index);
    compiled_->with_atoms.set(index);
  }
  // Gives the bytes without which the whole chain changes nothing.
  ByteMask add_chain(const std::vector<Transform>& steps, std::size_t rule) {
    auto& nodes = compiled_->chains;
    ByteMask triggers = 0;
    std::size_t at = 0;
    nodes[0].subtree.set(rule);
    for (const Transform step : steps) {
      triggers |= trigger_of(step);
      std::size_t child = at + 1;
      while (child < nodes.size() && !(nodes[child].parent == at && nodes[child].step == step))
        ++child;
      if (child == nodes.size()) nodes.push_back({at, step, {}, {}});
      at = child;
      nodes[at].subtree.set(rule);
    }
    nodes[at].rules.set(rule);
    return triggers;
  }

  const RuleSetOptions& options_;
  std::unique_ptr<Compiled> compiled_ = std::make_unique<Compiled>();
};

}  // namespace

std::string_view name_of(Severity severity) {
  return severity_names[static_cast<std::size_t>(severity)];
}
std::string_view name_of(Target target) { return target_names[static_cast<std::size_t>(target)]; }

Result<Selector> parse_selector(std::string_view text) {
  Selector out;
  if (text.starts_with('!')) {
    out.excludes = true;
    text.remove_prefix(1);
  }
  const std::size_t colon = text.find(':');
  const std::string_view target = text.substr(0, colon);
  const auto at = std::ranges::find(target_names, target);
  if (at == target_names.end() || (colon != std::string_view::npos && colon + 1 == text.size()))
    return Error{Errc::invalid, "expected a target, one of " + one_of(target_names) +
                                    ", or TARGET:NAME, not '" + std::string(text) + "'"};
  out.target = static_cast<Target>(at - target_names.begin());
  if (colon != std::string_view::npos) out.name = lower_of(text.substr(colon + 1));
  if (out.excludes && out.name.empty())
    return Error{Errc::invalid,
                 "'!" + std::string(text) + "' must name what is left out, as in !headers:referer"};
  return out;
}

text::Match confirm(const CompiledRule& rule, std::string_view text) {
  const auto as_match = [](bool hit) { return hit ? text::Match::yes : text::Match::no; };
  const auto equals = [&](std::string_view a, const std::string& b) {
    return rule.ignores_case ? equals_ignoring_case(a, b) : a == b;
  };
  switch (rule.what) {
    case Operator::regex: return rule.regex->test(text);
    case Operator::sqli: return as_match(is_sql_injection(text));
    case Operator::xss: return as_match(is_script_injection(text));
    case Operator::equals:
      return as_match(std::ranges::any_of(
          rule.texts, [&](const std::string& one) { return equals(text, one); }));
    case Operator::starts_with:
      return as_match(std::ranges::any_of(rule.texts, [&](const std::string& one) {
        return equals(text.substr(0, one.size()), one);
      }));
    case Operator::any_of: {
      const auto same = [&](char a, char b) { return (rule.ignores_case ? lower(a) : a) == b; };
      return as_match(std::ranges::any_of(rule.texts, [&](const std::string& one) {
        return std::search(text.begin(), text.end(), one.begin(), one.end(), same) != text.end();
      }));
    }
  }
  return text::Match::no;
}

std::uint32_t offset_of(const CompiledRule& rule, std::string_view text) {
  if (rule.what == Operator::regex) {
    const auto found = rule.regex->find(text);
    return found.ok() && *found ? static_cast<std::uint32_t>((*found)->begin) : 0;
  }
  if (rule.what != Operator::any_of) return 0;
  const auto same = [&](char a, char b) { return (rule.ignores_case ? lower(a) : a) == b; };
  for (const std::string& one : rule.texts) {
    const auto at = std::search(text.begin(), text.end(), one.begin(), one.end(), same);
    if (at != text.end()) return static_cast<std::uint32_t>(at - text.begin());
  }
  return 0;
}

RuleSet::~RuleSet() = default;

Result<std::shared_ptr<const RuleSet>> RuleSet::compile(std::span<const RuleFile> files,
                                                        const RuleSetOptions& options) {
  std::shared_ptr<RuleSet> set(new RuleSet);
  Builder builder(options);
  for (const RuleFile& file : files) {
    const text::Value document = TRY(text::parse_toml(file.text, file.name));
    for (const text::Member& member : *document.object()) {
      if (member.name != "rule" || !member.value.is_array())
        return Error{Errc::invalid,
                     "a rule file holds [[rule]] tables only, not '" + member.name + "'",
                     {file.name, member.line, member.column}};
      for (const text::Value& table : *member.value.array()) {
        if (!table.is_object())
          return Error{
              Errc::invalid, "expected a [[rule]] table", {file.name, table.line, table.column}};
        RuleReader::Read read = TRY(RuleReader(table, file.name).read());
        TRY(builder.add(std::move(read), set->rules_));
      }
    }
  }
  set->compiled_ = TRY(builder.finish(set->rules_));
  return std::shared_ptr<const RuleSet>(std::move(set));
}

Result<std::shared_ptr<const RuleSet>> RuleSet::own(const RuleSetOptions& options,
                                                    std::span<const RuleFile> more) {
  std::vector<RuleFile> files;
  for (const EmbeddedFile& file : embedded_files())
    if (file.path.starts_with("src/waf/rules/") && file.path.ends_with(".toml"))
      files.push_back({std::string(file.path), std::string(file.bytes)});
  MUST(!files.empty());
  files.insert(files.end(), more.begin(), more.end());
  return compile(files, options);
}

const Rule* RuleSet::find(std::uint32_t id) const {
  const auto at = std::ranges::find(rules_, id, &Rule::id);
  return at == rules_.end() ? nullptr : &*at;
}

RuleSet::Figures RuleSet::figures() const {
  Figures out;
  out.rules = rules_.size();
  out.active = compiled_->rules.size();
  out.atoms = compiled_->atoms.count();
  out.states = compiled_->atoms.states();
  for (std::size_t i = 0; i < compiled_->rules.size(); ++i) {
    const ByteNeeds& needs = compiled_->needs[i];
    const bool any =
        std::ranges::any_of(needs.any, [](ByteMask set) { return set != ~ByteMask{0}; });
    if (needs.all != 0 || any) ++out.byte_sets;
    else if (!compiled_->with_atoms.has(i)) ++out.always_candidate;
  }
  return out;
}

}  // namespace weir::waf
