// Goal: whatever Tera's own tests assert of the language holds here too.
// Method: 749 cases recorded from them: templates, context, and the exact output or that and where
// it fails. The wording of errors is ours; the place of parse errors and every name that an error
// quotes must be in it.

#include "base/clock.h"
#include "base/file.h"
#include "support.h"
#include "template/engine.h"
#include "template/parser.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weir {
namespace {

using tmpl::Value;

std::string text_at(const text::Value& object, std::string_view name) {
  const text::Value* found = object.find(name);
  return found != nullptr && found->string() != nullptr ? *found->string() : std::string();
}

bool is_place(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ':' || (c >= '0' && c <= '9'); });
}

// The `names` between backquotes.
std::vector<std::string> quoted_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find('`'); at != std::string_view::npos; at = text.find('`', at)) {
    const std::size_t end = text.find('`', at + 1);
    if (end == std::string_view::npos) break;
    const std::string_view name = text.substr(at + 1, end - at - 1);
    // `arr.10` is how Tera rewrites the author's `arr[10]`; `value` is what it calls a filter's
    // input.
    const std::string_view before = text.substr(0, at);
    if (!before.ends_with("evaluated version was ") && name != "value") names.emplace_back(name);
    at = end + 1;
  }
  return names;
}

std::string whole_text(const Error& error) {
  std::string text = error.text();
  for (const std::string& line : error.chain) text += '\n' + line;
  return text;
}

class Case {
 public:
  explicit Case(const text::Value& data) : data_(data), kind_(text_at(data, "kind")) {}

  // Empty when the case holds; else what differs.
  std::string problem() {
    const text::Value::Object& templates = *data_.find("templates")->object();
    if (kind_ == "parse-ok" || kind_ == "parse-error") {
      for (const text::Member& one : templates) {
        const Result<tmpl::Syntax> syntax = tmpl::parse_template(*one.value.string(), one.name);
        if (!syntax)
          return kind_ == "parse-error" ? problem_of(syntax.error(), true)
                                        : "does not parse: " + whole_text(syntax.error());
      }
      return kind_ == "parse-error" ? "parses" : "";
    }
    ManualClock clock;
    tmpl::Engine engine(clock);
    add_functions(engine);
    for (const text::Member& one : templates)
      engine.add_template(one.name, *one.value.string(), one.name);
    const tmpl::Linked linked = engine.link();
    if (kind_ == "load-error") return linked.errors.empty() ? "links" : "";
    if (!linked.errors.empty()) return "does not link: " + whole_text(linked.errors.front());
    return render(engine);
  }

 private:
  void add_functions(tmpl::Engine& engine) {
    const text::Value* functions = data_.find("functions");
    if (functions == nullptr || functions->object() == nullptr) return;
    for (const text::Member& one : *functions->object()) {
      const bool safe = one.value.object() != nullptr && one.value.find("safe") != nullptr;
      Value result =
          safe ? Value::text_safe(*one.value.find("safe")->string()) : tmpl::value_of(one.value);
      engine.add_function(one.name,
                          [result](const tmpl::Call&) -> Result<Value> { return result; });
    }
  }

  std::string render(const tmpl::Engine& engine) {
    if (const text::Value* environment = data_.find("env");
        environment != nullptr && environment->object() != nullptr)
      for (const text::Member& one : *environment->object())
        setenv(one.name.c_str(), one.value.string()->c_str(), 1);
    tmpl::Context context;
    if (const text::Value* variables = data_.find("context");
        variables != nullptr && variables->object() != nullptr)
      for (const text::Member& one : *variables->object())
        context.set(one.name, tmpl::value_of(one.value));
    const text::Value* escape = data_.find("autoescape");
    const bool escapes = escape != nullptr && escape->boolean() != nullptr && *escape->boolean();
    const Result<std::string> result =
        engine.render(text_at(data_, "main"), context,
                      {.escape = escapes ? tmpl::Escape::on : tmpl::Escape::off});
    const text::Value* expected = data_.find("expected");
    if (expected == nullptr || expected->string() == nullptr)
      return result ? "renders, but should fail: " + *result : problem_of(result.error(), false);
    if (!result) return "does not render: " + whole_text(result.error());
    return *result == *expected->string()
               ? ""
               : "renders\n" + *result + "\ninstead of\n" + *expected->string();
  }

  std::string problem_of(const Error& error, bool with_place) const {
    const text::Value* wanted = data_.find("error_contains");
    if (wanted == nullptr || wanted->array() == nullptr) return {};
    const std::string text = whole_text(error);
    for (const text::Value& one : *wanted->array()) {
      if (with_place && is_place(*one.string())) {
        const std::string place =
            std::to_string(error.place.line) + ':' + std::to_string(error.place.column);
        if (place != *one.string())
          return "fails at " + place + " instead of " + *one.string() + ": " + text;
      }
      if (with_place) continue;
      for (const std::string& name : quoted_names(*one.string()))
        if (text.find(name) == std::string::npos) return "does not name `" + name + "`: " + text;
    }
    return {};
  }

  const text::Value& data_;
  std::string kind_;
};

// Cases that we answer differently, on purpose.
const std::map<std::string, std::string>& exceptions() {
  static const std::map<std::string, std::string> table = {};
  return table;
}

}  // namespace

TEST_CASE("templates mean what Tera's own tests say", "[template]") {
  if (!test::has_vectors("tera-v1")) return;
  std::ifstream file(test::shared_directory() + "/vectors/tera-v1/cases.json", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const Result<text::Value> cases = text::parse_json(bytes);
  REQUIRE(cases);

  std::size_t passed = 0;
  std::size_t excepted = 0;
  for (const text::Value& data : *cases->array()) {
    const std::string id = text_at(data, "id");
    const std::string problem = Case(data).problem();
    if (problem.empty()) {
      ++passed;
      CHECK(exceptions().count(id) == 0);
    } else if (exceptions().count(id) != 0) {
      ++excepted;
    } else {
      FAIL_CHECK(id << ": " << problem);
    }
  }

  CHECK(cases->array()->size() == 749);
  CHECK(passed + excepted == 749);
}

}  // namespace weir
