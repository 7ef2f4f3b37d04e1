#include "waf/inspect.h"

#include "http/message.h"
#include "waf/arena.h"
#include "waf/clean_values.h"
#include "waf/engine.h"
#include "waf/json_values.h"
#include "waf/multipart.h"

#include <algorithm>
#include <bit>

namespace weir::waf {
namespace {

// Findings that are the engine's own; no rule file may use these ids.
constexpr std::uint32_t unreadable_body_id = 30'000'001;
constexpr std::uint32_t bound_exceeded_id = 30'000'002;

// What is looked up as one in the memory of clean values.
enum class Unit : std::uint8_t { none, path, query, header, cookies };

enum class BodyKind : std::uint8_t { raw, form, json, multipart };
BodyKind kind_of(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  const auto ends_with = [&](std::string_view end) {
    return type.size() > end.size() &&
           equals_ignoring_case(type.substr(type.size() - end.size()), end);
  };
  if (equals_ignoring_case(type, "application/x-www-form-urlencoded")) return BodyKind::form;
  if (equals_ignoring_case(type, "application/json") || ends_with("+json")) return BodyKind::json;
  if (equals_ignoring_case(type, "multipart/form-data")) return BodyKind::multipart;
  return BodyKind::raw;
}

std::string_view field_of(std::span<const http::Field> fields, std::string_view name) {
  for (const http::Field& field : fields)
    if (field.name == name) return field.value;
  return {};
}

}  // namespace

std::string_view name_of(Band band) {
  constexpr std::array<std::string_view, 3> names{"allow", "log", "block"};
  return names[static_cast<std::size_t>(band)];
}

struct Inspector::State final : JsonValues::Visitor {
  State(std::shared_ptr<const RuleSet> set, InspectorOptions chosen)
      : rules(std::move(set)), engine(rules->compiled()), options(chosen) {
    hits.reserve(limits::waf_hits_max);
    texts.reserve(engine.chains.size());
  }

  // --- one request -------------------------------------------------------------------------------
  void begin(const WafRequest& request) {
    arena.reset();
    hits.clear();
    score = 0;
    bound_exceeded = false;
    reads_json = request.body_reading == BodyReading::json;
    off = RuleBits{};
    narrow.clear();
    for (const CompiledExclusion& exclusion : engine.exclusions) {
      if (!request.raw_path.starts_with(exclusion.path)) continue;
      if (exclusion.target) narrow.push_back(&exclusion);
      else off |= exclusion.rules;
    }
    // Under an exclusion "clean" would mean something else.
    remembers = options.clean_memory == CleanMemory::on && off.none() && narrow.empty();
  }
  Verdict verdict() const { return {score, hits, bound_exceeded}; }

  // More than can be inspected is never "not inspected" (W-25), and the record says why it scored.
  void exceed(Target target) {
    if (bound_exceeded) return;
    bound_exceeded = true;
    add_hit({bound_exceeded_id, "bound-exceeded", Severity::critical, target, "", 0});
  }

  // Runs `scan` unless this very unit was found clean before.
  template <class Scan>
  void unit(Unit kind, std::string_view name, std::string_view value, Scan scan) {
    if (!remembers || name.size() + value.size() > limits::waf_remembered_bytes_max) return scan();
    const CleanValues::Key key = clean.key(static_cast<std::uint8_t>(kind), name, value);
    if (clean.has(key)) {
      ++counts.remembered;
      return;
    }
    scan();
    if (hits.empty() && !bound_exceeded) clean.keep(key);
  }

  void pairs(std::string_view text, Target names, Target values) {
    std::size_t count = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('&'), text.size());
      const std::string_view pair = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (pair.empty()) continue;
      if (++count > limits::waf_arguments_max) return exceed(values);
      const std::size_t equals = pair.find('=');
      const std::string_view name = url_decoded(pair.substr(0, equals), Plus::is_blank, arena);
      scan(names, name, name);
      if (equals == std::string_view::npos) continue;
      argument(values, name, url_decoded(pair.substr(equals + 1), Plus::is_blank, arena));
    }
  }

  void cookies(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(';'), text.size());
      const std::string_view pair = trim(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      const std::size_t equals = pair.find('=');
      const std::string_view name = pair.substr(0, equals);
      scan(Target::cookie_names, name, name);
      if (equals != std::string_view::npos)
        argument(Target::cookies, name, pair.substr(equals + 1));
    }
  }

  // A value that may be a token: then its header is looked at as well.
  void argument(Target target, std::string_view name, std::string_view value) {
    scan(target, name, value);
    token(name, value);
  }
  void token(std::string_view name, std::string_view value) {
    constexpr std::string_view scheme = "Bearer ";
    if (value.size() > scheme.size() &&
        equals_ignoring_case(value.substr(0, scheme.size()), scheme))
      value.remove_prefix(scheme.size());
    if (!value.starts_with("ey")) return;  // {" in base64
    const std::size_t dot = value.find('.');
    if (dot != std::string_view::npos)
      scan(Target::token, name, apply(Transform::base64, value.substr(0, dot), arena));
  }

  // --- bodies ------------------------------------------------------------------------------------
  void name(std::string_view path, std::string_view member) override {
    scan(Target::json_keys, path, member);
    scan(Target::args_names, path, path);
  }
  void leaf(std::string_view path, std::string_view value) override {
    argument(Target::args, path, value);
    // A value that the consumer will decode is looked at as it will be (`POST /kv/atomic`).
    constexpr std::string_view encoded = ".b64";
    if (reads_json && path.ends_with(encoded))
      scan(Target::body, path, apply(Transform::base64, value, arena));
  }

  void json(std::string_view body) {
    switch (json_values.read(body, arena, *this)) {
      case JsonValues::End::whole: return;
      case JsonValues::End::too_deep:
      case JsonValues::End::too_many: return exceed(Target::body);
      case JsonValues::End::broken: unreadable(body);
    }
  }
  void multipart(std::string_view body, std::string_view content_type) {
    const MultipartEnd end = read_multipart(body, boundary_of(content_type), parts);
    for (const Part& part : parts) {
      scan(Target::args_names, part.name, part.name);
      if (!part.file_name) {
        argument(Target::args, part.name, part.content);
        continue;
      }
      scan(Target::files, part.name, *part.file_name);
      // Contents of files are not text of ours, except where a browser would run them.
      const bool runs = part.content_type.find("svg") != std::string_view::npos ||
                        part.content_type.find("xml") != std::string_view::npos ||
                        part.file_name->ends_with(".svg");
      if (runs) scan(Target::body, part.name, part.content);
    }
    if (end == MultipartEnd::too_many) exceed(Target::body);
    if (end == MultipartEnd::broken) unreadable(body);
  }
  void unreadable(std::string_view body) {
    add_hit({unreadable_body_id, "unreadable-body", Severity::warning, Target::body, "", 0});
    scan(Target::body, "", body);
  }

  // --- one value ---------------------------------------------------------------------------------
  void scan(Target target, std::string_view name, std::string_view value) {
    const std::size_t index = static_cast<std::size_t>(target);
    const RuleBits& relevant = engine.by_target[index];
    if (value.empty() || relevant.none()) return;
    ++counts.values;
    counts.bytes += value.size();
    const ByteMask seen = mask_of(value);
    if ((seen & engine.triggers[index]) == 0)
      return match(target, name, value, seen, relevant.without(off));

    // What each transformation leaves, parents first; equal texts are looked at once.
    texts.clear();
    for (const ChainNode& node : engine.chains) {
      Text text = texts.empty() ? Text{value, seen, {}} : texts[node.parent];
      text.rules = node.rules & relevant;
      if (!texts.empty() && (text.mask & trigger_of(node.step)) != 0 &&
          !(node.subtree & relevant).none()) {
        const std::string_view changed = apply(node.step, text.text, arena);
        if (changed != text.text) text = {changed, mask_of(changed), text.rules};
      }
      texts.push_back(text);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].rules.none()) continue;
      RuleBits asked = texts[i].rules;
      for (std::size_t later = i + 1; later < texts.size(); ++later) {
        if (texts[later].rules.none() || texts[later].text != texts[i].text) continue;
        asked |= texts[later].rules;
        texts[later].rules = RuleBits{};
      }
      match(target, name, texts[i].text, texts[i].mask, asked.without(off));
    }
  }

  // Which of the rules could hit at all.
  RuleBits candidates(std::string_view text, ByteMask seen, const RuleBits& asked) const {
    RuleBits left;
    const ByteMask missing = ~seen;
    for (std::size_t word = 0; word < RuleBits::words_count; ++word) {
      for (std::uint64_t bits = asked.words[word]; bits != 0; bits &= bits - 1) {
        const std::size_t index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        const ByteNeeds& needs = engine.needs[index];
        if ((needs.all & missing) != 0) continue;
        if ((needs.any[0] & seen) == 0 || (needs.any[1] & seen) == 0 ||
            (needs.any[2] & seen) == 0 || (needs.any[3] & seen) == 0)
          continue;
        left.set(index);
      }
    }
    const RuleBits waiting = left & engine.with_atoms;
    if (waiting.none()) return left;
    return left.without(engine.with_atoms) | (waiting & engine.atoms.find(text));
  }

  void match(Target target, std::string_view name, std::string_view text, ByteMask seen,
             const RuleBits& asked) {
    if (text.empty()) return;
    const RuleBits chosen =
        options.prefilter == Prefilter::on ? candidates(text, seen, asked) : asked;
    for (std::size_t word = 0; word < RuleBits::words_count; ++word)
      for (std::uint64_t bits = chosen.words[word]; bits != 0; bits &= bits - 1)
        try_rule(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)), target, name, text);
  }

  void try_rule(std::size_t index, Target target, std::string_view name, std::string_view text) {
    ++counts.candidates;
    const CompiledRule& rule = engine.rules[index];
    const Rule& said = rules->rules()[rule.rule];
    if (!is_for(rule, target, name) || is_excluded(index, target, name) || has_hit(said.id)) return;
    ++counts.confirms;
    if (rule.what == Operator::sqli || rule.what == Operator::xss) ++counts.injections;
    const text::Match match = confirm(rule, text);
    if (match == text::Match::gave_up) ++counts.limits_hit;
    // A value that exhausts the matcher must not slip through by that (W-35).
    const bool hit = match == text::Match::yes ||
                     (match == text::Match::gave_up && rule.severity == Severity::critical);
    if (hit)
      add_hit({said.id, said.name, rule.severity, target, arena.copy(name.substr(0, 64)),
               match == text::Match::yes ? offset_of(rule, text) : 0});
  }

  static bool names_equal(const Selector& selector, Target target, std::string_view name) {
    return selector.target == target && equals_ignoring_case(selector.name, name);
  }
  static bool is_for(const CompiledRule& rule, Target target, std::string_view name) {
    bool listed = false, wanted = false;
    for (const Selector& selector : rule.selectors) {
      if (selector.excludes) {
        if (names_equal(selector, target, name)) return false;
      } else if (selector.target == target) {
        listed = true;
        wanted = wanted || names_equal(selector, target, name);
      }
    }
    return !listed || wanted;
  }
  bool is_excluded(std::size_t index, Target target, std::string_view name) const {
    return std::ranges::any_of(narrow, [&](const CompiledExclusion* exclusion) {
      return exclusion->rules.has(index) && exclusion->target->target == target &&
             (exclusion->target->name.empty() || names_equal(*exclusion->target, target, name));
    });
  }
  bool has_hit(std::uint32_t id) const {
    return std::ranges::any_of(hits, [&](const Hit& hit) { return hit.rule == id; });
  }
  void add_hit(const Hit& hit) {
    if (hits.size() == limits::waf_hits_max) return;
    hits.push_back(hit);
    score += points_of(hit.severity);
  }

  struct Text {
    std::string_view text;
    ByteMask mask;
    RuleBits rules;
  };

  std::shared_ptr<const RuleSet> rules;
  const Compiled& engine;
  InspectorOptions options;
  Arena arena;
  CleanValues clean;
  JsonValues json_values;
  std::vector<Part> parts;
  std::vector<Text> texts;
  std::vector<Hit> hits;
  std::vector<const CompiledExclusion*> narrow;
  RuleBits off;
  int score = 0;
  bool bound_exceeded = false;
  bool remembers = true;
  bool reads_json = false;  // the consumer's own JSON, not only what Content-Type declares
  Counts counts;
};

Inspector::Inspector(std::shared_ptr<const RuleSet> rules, InspectorOptions options)
    : state_(std::make_unique<State>(std::move(rules), options)) {}
Inspector::~Inspector() = default;

Verdict Inspector::inspect_head(const WafRequest& request) {
  State& state = *state_;
  state.begin(request);
  state.scan(Target::method, "", request.method);
  state.unit(Unit::path, "", request.raw_path, [&] {
    state.scan(Target::path, "", url_decoded(request.raw_path, Plus::stays, state.arena));
  });
  if (!request.query.empty())
    state.unit(Unit::query, "", request.query, [&] {
      state.scan(Target::query, "", request.query);
      state.pairs(request.query, Target::args_names, Target::args);
    });
  for (const http::Field& field : request.fields) {
    if (field.name == "cookie") {
      state.unit(Unit::cookies, "", field.value, [&] { state.cookies(field.value); });
      continue;
    }
    state.unit(Unit::header, field.name, field.value, [&] {
      state.scan(Target::header_names, field.name, field.name);
      state.scan(Target::headers, field.name, field.value);
      if (field.name == "authorization") state.token(field.name, field.value);
    });
  }
  return state.verdict();
}

Verdict Inspector::inspect_body(const WafRequest& request, std::string_view body) {
  State& state = *state_;
  state.begin(request);
  if (body.size() > state.options.body_bytes_max) {
    state.exceed(Target::body);
    return state.verdict();
  }
  const std::string_view content_type = field_of(request.fields, "content-type");
  const bool is_json = request.body_reading == BodyReading::json;
  switch (is_json ? BodyKind::json : kind_of(content_type)) {
    case BodyKind::form: state.pairs(body, Target::args_names, Target::args); break;
    case BodyKind::json: state.json(body); break;
    case BodyKind::multipart: state.multipart(body, content_type); break;
    case BodyKind::raw: state.scan(Target::body, "", body); break;
  }
  return state.verdict();
}

Verdict Inspector::inspect_value(Target target, std::string_view name, std::string_view value) {
  state_->begin({});
  state_->scan(target, name, value);
  return state_->verdict();
}

const Inspector::Counts& Inspector::counts() const { return state_->counts; }

}  // namespace weir::waf
