// Goal: what engine.h promises beyond the language itself: errors that help, bounds that hold,
// scopes, recording, safe results, and renders that many threads may do at once. Method: small
// templates; the recorded language cases are in vectors_test.cpp.

#include "template/engine.h"

#include "base/clock.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::tmpl {
namespace {

using Templates = std::vector<std::pair<std::string, std::string>>;

Templates one(std::string name, std::string source) {
  Templates templates;
  templates.emplace_back(std::move(name), std::move(source));
  return templates;
}

// An engine over a few templates; the first one is the one to render.
struct House {
  explicit House(Templates given) : engine(clock), templates(std::move(given)) {}
  House& link() {
    for (const auto& [name, source] : templates) engine.add_template(name, source, name);
    linked = engine.link();
    return *this;
  }
  Result<std::string> render(const Context& context = Context(),
                             const RenderOptions& options = {}) const {
    return engine.render(templates.front().first, context, options);
  }

  ManualClock clock;
  Engine engine;
  Templates templates;
  Linked linked;
};

Context context_of(std::string_view json) {
  Context context;
  const auto tree = text::parse_json(json);
  REQUIRE(tree.ok());
  for (const text::Member& member : *tree->object())
    context.set(member.name, value_of(member.value));
  return context;
}

// "file:line:column: what (help)" and the chain, one per line.
std::string told(const Error& error) {
  std::string text = error.text();
  for (const std::string& line : error.chain) text += "\n  " + line;
  return text;
}

std::string rendered(std::string_view source, std::string_view json = "{}") {
  House house(one("t", std::string(source)));
  const auto result = house.link().render(context_of(json));
  if (!house.linked.errors.empty()) return "error: " + told(house.linked.errors.front());
  return result.ok() ? *result : "error: " + told(result.error());
}

constexpr std::string_view page_json =
    R"({"page": {"title": "Tide", "tags": ["a", "b"], "extra": {"n": 7}}, "n": 3, "flag": true})";

}  // namespace

TEST_CASE("an error says what, where, and what was probably meant", "[template]") {
  struct Row {
    std::string_view source;
    std::string_view error;
  };
  const Row rows[] = {
      {"{{ pgae }}", "t:1:4: there is no variable `pgae` (did you mean `page`?)"},
      {"a\n  {{ page.titel }}",
       "t:2:6: `page.titel` is not defined: `page` has no member `titel` (did you mean "
       "`page.title`?)"},
      {"{{ page.extra.m }}",
       "t:1:4: `page.extra.m` is not defined: `page.extra` has no member `m`"},
      {"{{ page.tags.9 }}",
       "t:1:4: `page.tags.9` is not defined: `page.tags` is an array of 2 and has no item `9`"},
      {"{{ n.x }}", "t:1:4: `n.x` is not defined: `n` is the integer 3 and has no members"},
      {"{{ page[x] }}", "t:1:9: there is no variable `x`"},
      {"{{ page[flag] }}",
       "t:1:9: an index must be a string or a number; in `page[flag]` it is the boolean true"},
      {"{{ n | uper }}", "t:1:8: there is no filter `uper` (did you mean `upper`?)"},
      {"{{ rang(end=3) }}", "t:1:4: there is no function `rang` (did you mean `range`?)"},
      {"{% if n is od %}{% endif %}", "t:1:7: there is no test `od` (did you mean `odd`?)"},
      {"{{ n | upper }}", "t:1:8: filter `upper`: expected a string, not the integer 3"},
      {"{{ page.title | replace(from=\"a\") }}",
       "t:1:17: filter `replace`: needs the argument `to`"},
      {"{{ page.title | truncate(length=\"x\") }}",
       "t:1:17: filter `truncate`: argument `length` must be an integer, not the string \"x\""},
      {"{{ throw(message=\"no \" ~ n) }}", "t:1:4: function `throw`: no 3"},
      {"{{ page.title + 1 }}", "t:1:4: `+` takes numbers, `page.title` is the string \"Tide\""},
      {"{{ n < page.title }}", "t:1:4: `<` takes numbers, `page.title` is the string \"Tide\""},
      {"{{ n % 0 }}", "t:1:4: modulo by zero: 3 % 0"},
      {"{{ 9223372036854775807 + n }}", "t:1:4: out of the 64-bit range: 9223372036854775807 + 3"},
      {"{{ page ~ n }}", "t:1:4: `~` joins strings and numbers, the 1st part is an object"},
      {"{{ n in n }}",
       "t:1:4: `in` looks into strings, arrays and objects, not into the integer 3"},
      {"{% for x in n %}{% endfor %}",
       "t:1:13: expected an array, an object or a string to loop over, `n` is the integer 3"},
      {"{% for x in page %}{% endfor %}",
       "t:1:13: a loop over an object needs a key and a value (write `{% for key, value in page "
       "%}`)"},
      {"{% for k, v in page.tags %}{% endfor %}",
       "t:1:16: a loop with a key and a value needs an object, `page.tags` is an array"},
      {"{% include \"nav\" %}",
       "t:1:1: there is no template `nav` (add `ignore missing` if that is fine)"},
      {"{{ ui::card() }}",
       "t:1:4: no macros are imported as `ui` (add `{% import \"file.html\" as ui %}` at the top)"},
      {"{{ super() }}",
       "t:1:4: `super()` stands outside of a block, or is part of an expression (write `{{ super() "
       "}}` alone, "
       "within `{% block %}`)"},
      {"{% if page.title is matching(\"(\") %}{% endif %}",
       "t:1:7: test `matching`: `(` is no regular expression: in the regular expression '(': "
       "missing closing parenthesis"},
      {"{{ n | default }}{{ m | default }}", "t:1:25: filter `default` needs the argument `value`"},
  };
  const Context context = context_of(page_json);

  for (const Row& row : rows) {
    House house(one("t", std::string(row.source)));
    house.link();
    REQUIRE(house.linked.errors.empty());
    const auto result = house.render(context);
    REQUIRE_FALSE(result.ok());
    CHECK(told(result.error()) == row.error);
  }
}

TEST_CASE("a template that cannot be read says where and what was expected", "[template]") {
  struct Row {
    std::string_view source;
    std::string_view error;
  };
  const Row rows[] = {
      {"{% iff x %}", "t:1:1: there is no tag `iff` (did you mean `if`?)"},
      {"{% if x %}\nabc",
       "t:2:4: expected `{% endif %}`, found the end of the template; `{% if %}` was opened on "
       "line 1"},
      {"{% for a in b %}{% endif %}",
       "t:1:17: `{% endif %}` does not belong here; expected `{% else %}` or `{% endfor %}` or "
       "content"},
      {"{{ a | }}", "t:1:8: expected the name of a filter, found `}}`"},
      {"{{ a b }}", "t:1:6: expected an operator, a filter or `}}`, found `b`"},
      {"{{ f(1) }}", "t:1:6: expected the name of an argument (name=value) or `)`, found `1`"},
      {"{{ \"abc }}", "t:1:4: expected a value, found a string without its closing `\"`"},
      {"{# abc", "t:1:1: this comment has no end; expected `#}`"},
      {"a{% extends \"b\" %}",
       "t:1:2: `{% extends %}` is only allowed once, at the top of a template"},
      {"{% break %}", "t:1:1: `{% break %}` is only allowed within a loop"},
      {"{% block a %}{% endblock %}{% block a %}{% endblock %}",
       "t:1:37: the block `a` stands twice in this template"},
      {"{% macro m(a=[]) %}{% endmacro %}",
       "t:1:14: expected a literal: a number, a string, `true` or `false`, found `[`"},
      {"{{ 99999999999999999999 }}",
       "t:1:4: this integer is out of the 64-bit range: 99999999999999999999"},
      {"é{{ a b }}", "t:1:7: expected an operator, a filter or `}}`, found `b`"},
  };
  for (const Row& row : rows) {
    House house(one("t", std::string(row.source)));
    house.link();
    REQUIRE(house.linked.errors.size() == 1);
    CHECK(told(house.linked.errors.front()) == row.error);
  }
}

TEST_CASE("linking reports the errors of every template, and names that nobody has as warnings",
          "[template]") {
  House house(Templates{{"a.html", "{% if %}"},
                        {"b.html", "{% extends \"bose.html\" %}"},
                        {"base.html", "{{ x | nofilter }}{% include \"foot.html\" %}"},
                        {"c.html", "{% import \"macro.html\" as m %}"},
                        {"d.html", "{% extends \"e.html\" %}"},
                        {"e.html", "{% extends \"d.html\" %}"},
                        {"macros.html", ""}});

  house.link();

  std::vector<std::string> errors;
  for (const Error& error : house.linked.errors) errors.push_back(told(error));
  CHECK(
      errors ==
      std::vector<std::string>{
          "a.html:1:7: expected a value, found `%}`",
          "b.html:1:12: `b.html` extends `bose.html`, which does not exist (did you mean "
          "`base.html`?)",
          "d.html:1:12: circular extends: `d.html` -> `e.html` -> `d.html`",
          "e.html:1:12: circular extends: `e.html` -> `d.html` -> `e.html`",
          "c.html:1:11: macros are imported from `macro.html`, which does not exist (did you mean "
          "`macros.html`?)"});
  std::vector<std::string> warnings;
  for (const Error& warning : house.linked.warnings) warnings.push_back(told(warning));
  CHECK(warnings == std::vector<std::string>{
                        "base.html:1:8: there is no filter `nofilter` (did you mean `filter`?)",
                        "base.html:1:19: there is no template `foot.html`"});
}

TEST_CASE("a block that no parent has is a warning", "[template]") {
  House house(Templates{{"page.html",
                         "{% extends \"base.html\" %}{% block contnet %}{% block free %}{% "
                         "endblock %}{% endblock %}"},
                        {"base.html", "{% block content %}{% endblock %}"}});

  house.link();

  REQUIRE(house.linked.warnings.size() == 1);
  CHECK(told(house.linked.warnings.front()) ==
        "page.html:1:26: no parent of `page.html` has the block `contnet`, so it is never shown "
        "(did you mean `content`?)");
}

TEST_CASE("the chain of an error tells how the render got there, innermost first", "[template]") {
  House house(
      Templates{{"page.html",
                 "{% extends \"base.html\" %}{% import \"m.html\" as m %}\n{% block main %}\n{{ "
                 "m::card(x=1) }}"
                 "{% endblock %}"},
                {"base.html", "<html>\n\n{% block main %}{% endblock %}"},
                {"m.html", "{% macro card(x) %}\n\n\n{% include \"part.html\" %}{% endmacro %}"},
                {"part.html", "\n{{ x }}{{ nothing }}"}});
  house.link();
  REQUIRE(house.linked.errors.empty());

  const auto result = house.render();

  REQUIRE_FALSE(result.ok());
  CHECK(told(result.error()) ==
        "part.html:2:11: there is no variable `nothing`\n"
        "  included from m.html:4\n"
        "  in macro `m::card`, called from page.html:3\n"
        "  in block `main` of page.html, placed by base.html:3\n"
        "  in base.html, the parent of page.html");
}

TEST_CASE("macros: arguments are checked, names near by are offered, the context is seen",
          "[template]") {
  const Templates macros = {{"m.html",
                             "{% macro card(title, n=2) %}{{ title }}{{ n }}{{ site | "
                             "default(value=\"-\") }}{% endmacro %}"}};
  const auto render = [&](const std::string& call) {
    Templates templates = {{"t.html", "{% import \"m.html\" as mac %}{% set hidden = 1 %}" + call}};
    templates.insert(templates.end(), macros.begin(), macros.end());
    House house(std::move(templates));
    house.link();
    REQUIRE(house.linked.errors.empty());
    const auto result = house.render(context_of(R"({"site": "S"})"));
    return result.ok() ? *result : told(result.error());
  };

  CHECK(render("{{ mac::card(title=\"a\") }}") == "a2S");
  // What a macro prints is escaped where it is printed, not where it is a value.
  CHECK(render("{{ mac::card(title=\"a/b\") }}") == "a&#x2F;b2S");
  CHECK(render("{% set v = mac::card(title=\"a/b\") %}{{ v | safe }} {{ v }}") ==
        "a/b2S a&#x2F;b2S");
  CHECK(render("{% if mac::card(title=\"a/b\") == \"a/b2S\" %}same{% endif %}") == "same");
  CHECK(render("{{ mac::card(title=\"a/b\") | upper }}{{ mac::card(title=\"/\") }}") ==
        "A&amp;#X2F;B2S&#x2F;2S");
  CHECK(render("{{ mac::card(title=\"a\", n=5, more=1) }}") == "a5S");
  CHECK(render("{{ mac::card(title=\"a\", unknown=nothing) }}") == "a2S");
  CHECK(render("{{ mac::card(n=5) }}") ==
        "t.html:1:52: macro `card` needs the argument `title` (it is defined in m.html:1)");
  CHECK(render("{{ mac::crad(title=1) }}") ==
        "t.html:1:52: there is no macro `mac::crad` in `m.html` (did you mean `card`?)");
  CHECK(render("{{ mcc::card(title=1) }}") ==
        "t.html:1:52: no macros are imported as `mcc` (did you mean `mac`?)");
}

TEST_CASE(
    "scopes: a loop forgets at each turn, an include at its end, set_global goes round the loops",
    "[template]") {
  CHECK(
      rendered(
          "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}") ==
      "15151");
  CHECK(rendered("{% for i in [1, 2] %}{% for j in [1] %}{% set_global x = i %}{% endfor %}{% "
                 "endfor %}{{ x }}") == "2");
  CHECK(
      rendered(
          "{% set i = 9 %}{% for i in [1, 2] %}{% set_global i = 7 %}{{ i }}{% endfor %}{{ i }}") ==
      "127");
  CHECK(rendered("{% for x in [1, 2, 3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{{ "
                 "loop.last }}{% endfor %}") == "1false3true");
  CHECK(rendered("{% for x in [1, 2, 3] %}{% set y = x %}{% if x == 2 %}{% break %}{% endif %}{{ x "
                 "}}{% endfor %}"
                 "{{ y is defined }}{{ x is defined }}") == "1falsefalse");
  CHECK(rendered("{% for k, v in page %}{{ k }}={% if v is iterable %}+{% else %}{{ v }}{% endif "
                 "%};{% else %}none"
                 "{% endfor %}",
                 page_json) == "title=Tide;tags=+;extra=+;");
  CHECK(rendered("{% for c in \"e\xCC\x81\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9z\" %}[{{ c "
                 "}}]{% endfor %}") ==
        "[e\xCC\x81][\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9][z]");

  House house(
      {{"t",
        "{% set a = 1 %}{% for i in [4] %}{% include \"u\" %}{% endfor %}{{ a }}{{ b | "
        "default(value=0) }}"},
       {"u",
        "{{ a }}{{ i }}{{ loop.index }}{% set a = 2 %}{% set_global b = 3 %}{% for z in [1] %}"
        "{% set_global a = 8 %}{% endfor %}{{ a }}{{ b }}"}});
  house.link();
  const auto result = house.render();
  REQUIRE(result.ok());
  CHECK(*result == "1418310");
}

TEST_CASE("what is undefined is false in conditions, and default takes its place", "[template]") {
  CHECK(rendered("{% if a %}y{% else %}n{% endif %}{% if not a %}y{% endif %}{% if a or b.c %}y{% "
                 "else %}n{% endif %}") == "nyn");
  CHECK(rendered("{% if a | length %}y{% else %}n{% endif %}{% if a | nofilter %}y{% else %}n{% "
                 "endif %}") == "nn");
  CHECK(
      rendered(
          "{{ a.b.c | default(value=1) }}{{ a[b].c | default(value=2) }}{{ n | default(value=9) }}",
          R"({"n": 3})") == "123");
  CHECK(rendered("{{ n | default(value=9) }}", R"({"n": null})") == "9");
  CHECK(rendered("{% if a == 1 %}{% endif %}") == "error: t:1:7: there is no variable `a`");
  CHECK(rendered("{% if 1 == \"1\" %}a{% endif %}{% if 1 != \"1\" %}b{% endif %}{% if \"a\" != "
                 "\"b\" %}c{% endif %}") == "c");
}

TEST_CASE("printing: what is escaped, and how numbers look", "[template]") {
  House house(one("t.html",
                  "{{ h }}|{{ h | safe }}|{{ h | upper }}|{{ [h] }}|{{ mark() }}|{{ plain() }}|{% "
                  "set m = mark() %}{{ m }}"
                  "|{{ \"<\" ~ 1 }}|{{ \"<\" ~ plain() }}|{{ \"<\" ~ mark() }}"));
  house.engine.add_function("mark",
                            [](const Call&) -> Result<Value> { return Value::text_safe("<b>"); });
  house.engine.add_function("plain",
                            [](const Call&) -> Result<Value> { return Value::text("<i>"); });
  house.link();
  const auto result = house.render(context_of(R"({"h": "<'&/>"})"));
  REQUIRE(result.ok());
  CHECK(*result ==
        "&lt;&#x27;&amp;&#x2F;&gt;|<'&/>|&lt;&#x27;&amp;&#x2F;&gt;|[<'&/>]|<b>|&lt;i&gt;|&lt;b&gt;"
        "|<1|&lt;&lt;i&gt;|<<b>");

  CHECK(rendered("{{ 6 / 2 }} {{ 7 / 2 }} {{ 1.0 }} {{ 2.5 + 0.5 }} {{ 1 / 0 }} {{ 1e }}",
                 R"({"e": 1})") ==
        "error: t:1:67: expected an operator, a filter or `}}`, found `e`");
  CHECK(
      rendered("{{ 6 / 2 }} {{ 7 / 2 }} {{ 1.0 }} {{ 2.5 + 0.5 }} {{ 1 / 0 }} {{ x }} {{ -7 % 3 }}",
               R"({"x": 1e21})") == "3 3.5 1 3 NaN 1000000000000000000000 -1");
  CHECK(rendered("{{ x | json_encode }}",
                 R"({"x": [1.0, 1e21, 1.5e-7, 0.0001, 12.5, "a\"\n", null, {"k": true}]})") ==
        "[1.0,1e21,1.5e-7,0.0001,12.5,\"a\\\"\\n\",null,{\"k\":true}]");
  CHECK(rendered("{{ 1 + 2 | json_encode }} {{ s | length + 1 }} {{ 2 + 3 * 4 - 1 }} {{ (2 + "
                 "3) * 4 }} {{ 10 - 2 - 3 }}",
                 R"({"s": "ab"})") == "3 3 13 20 5");
}

TEST_CASE("dates take names of months and days from the locale", "[template]") {
  CHECK(rendered("{{ \"2022-08-06\" | date(format=\"%A %-d %B %%A %b\", locale=\"fr_FR\") }}") ==
        "samedi 6 août %A août");
  CHECK(rendered("{{ \"2022-03-06\" | date(format=\"%a %d. %b\", locale=\"de\") }}") ==
        "So 06. Mär");
  CHECK(rendered("{{ \"2023-01-31\" | date(format=\"%-d %B\", locale=\"ar_SA\") }}") == "31 يناير");
  CHECK(rendered("{{ \"2023-05-08\" | date(format=\"%d %B %a\", locale=\"ca_ES\") }}") ==
        "08 de maig dl.");
  CHECK(rendered("{{ \"2022-08-06\" | date(locale=\"xx_XX\") }}")
            .starts_with("error: t:1:19: filter `date`: no locale `xx_XX`"));
  CHECK(rendered("{{ \"soon\" | date }}")
            .starts_with("error: t:1:13: filter `date`: `soon` is no date"));
}

TEST_CASE("whatever a template does, it ends within its bounds", "[template]") {
  std::string nested_if;
  std::string nested_group;
  for (int i = 0; i < 200; ++i) nested_if += "{% if true %}";
  for (int i = 0; i < 200; ++i) nested_group += '(';
  std::string sum = "{{ 1";
  for (int i = 0; i < 2'000; ++i) sum += " + 1";
  std::string calls = "1";
  for (int i = 0; i < 60; ++i) {
    std::string chain = "f(a=" + calls + ")";
    for (int j = 0; j < 100; ++j) chain += " + 1";
    calls = std::move(chain);
  }
  struct Row {
    std::string source;
    std::string_view part;
  };
  const Row rows[] = {
      {"{% for a in range(end=1000) %}{% for b in range(end=1000) %}{% set c = a %}{% endfor %}{% "
       "endfor "
       "%}",
       "steps"},
      {"{% set s = \"0123456789\" %}{% for a in range(end=40) %}{% set_global s = s ~ s %}{% "
       "endfor %}",
       "bytes"},
      {"{% set s = [1] %}{% for a in range(end=400) %}{% set_global s = [s] %}{% endfor %}",
       "nested more than"},
      {"{% set s = [1] %}{% for a in range(end=60) %}{% set_global s = [s, s] %}{% endfor %}{{ s "
       "== [s] }}",
       "holds more than"},
      {"{% for a in range(end=100000) %}{{ \"0123456789012345678901234567890123456789\" }}{% "
       "endfor %}",
       "output is larger"},
      {"{{ range(end=99999999999) | length }}", "more than 4000000 numbers"},
      {"{% set s = \"a\" | indent(prefix=\"0123456789\", first=true) %}{% set t = s | "
       "replace(from=\"\", to=s) %}"
       "{% set t = t | replace(from=\"\", to=t) %}{% set t = t | replace(from=\"\", to=t) %}"
       "{% set t = t | replace(from=\"\", to=t) %}",
       "larger than"},
      {"{% include \"t\" %}", "recursion"},
      {nested_if, "nested too deeply"},
      {"{{ " + nested_group, "nested too deeply"},
      {sum + " }}", "too many operators"},
      {"{{ " + calls + " }}", "too many operators"},
  };
  for (const Row& row : rows) {
    House house(one("t", row.source));
    house.link();
    const bool links = house.linked.errors.empty();
    const auto result =
        links ? house.render(Context(), {.steps_max = 1'000'000, .output_bytes_max = 1'000'000})
              : Result<std::string>(house.linked.errors.front());
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::too_large);
    CHECK_THAT(result.error().what, Catch::Contains(std::string(row.part)));
    CHECK(result.error().place.line == 1);
  }
}

TEST_CASE("a macro that calls itself without end stops at 200 frames", "[template]") {
  House house(Templates{{"t", "{% import \"m\" as m %}{{ m::f(n=1) }}"},
                        {"m", "{% macro f(n) %}{{ self::f(n=n) }}{% endmacro %}"}});
  house.link();
  const auto result = house.render();
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Errc::too_large);
  CHECK_THAT(result.error().what, Catch::Contains("more than 200"));
  CHECK(result.error().chain.size() == 32);
}

TEST_CASE("a function may render templates itself, and their frames count together", "[template]") {
  House house(Templates{{"t", "{{ again() }}"}, {"leaf", "<{{ x }}>"}, {"user", "{{ leaf() }}"}});
  house.engine.add_function("again", [](const Call& call) -> Result<Value> {
    return Value::text(TRY(call.engine().render("t", Context(), {.within = &call})));
  });
  house.engine.add_function("leaf", [](const Call& call) -> Result<Value> {
    Context context(&call.context());
    context.set("x", call.variable("lang"));
    return Value::text(TRY(call.engine().render("leaf", context, {.within = &call})));
  });
  house.link();

  Context context;
  context.set("lang", Value::text("en"));
  const auto leaf = house.engine.render("user", context);
  REQUIRE(leaf.ok());
  CHECK(*leaf == "<en>");
  const auto endless = house.render();
  REQUIRE_FALSE(endless.ok());
  CHECK(endless.error().code == Errc::too_large);
}

TEST_CASE("a text that is not kept may extend, include and import what is kept", "[template]") {
  House house(Templates{{"base.html", "[{% block b %}{% endblock %}]"},
                        {"m.html", "{% macro f(x) %}({{ x }}){% endmacro %}"}});
  house.link();
  Context context;
  context.set("v", Value::text("<"));

  const auto result = house.engine.render_text(
      "{% extends \"base.html\" %}{% import \"m.html\" as m %}{% block b %}{{ m::f(x=v) }}{{ fresh "
      "| default(value=v) }}{% endblock %}",
      "one-off.html", context, {});
  REQUIRE(result.ok());
  CHECK(*result == "[(&lt;)&lt;]");

  const auto broken = house.engine.render_text("{{ fresh }}", "content/a.md", context, {});
  REQUIRE_FALSE(broken.ok());
  CHECK(told(broken.error()) == "content/a.md:1:4: there is no variable `fresh`");
}

TEST_CASE("the recorder hears every template, and that now() is volatile", "[template]") {
  class Ears final : public Recorder {
   public:
    void read(const Read& what) override {
      heard += what.kind == ReadKind::volatile_     ? "volatile:"
               : what.kind == ReadKind::environment ? "env:"
                                                    : "";
      heard += std::string(what.name) + ' ';
    }
    std::string heard;
  };
  House house(
      Templates{{"page.html",
                 "{% extends \"base.html\" %}{% block b %}{% include \"part.html\" %}{{ now() }}{% "
                 "endblock %}"},
                {"base.html",
                 "{% import \"m.html\" as m %}{% block b %}{% endblock %}{{ "
                 "get_env(name=\"WEIR_NONE\", default=\"\") }}"},
                {"m.html", "{% macro f() %}{% endmacro %}"},
                {"part.html", ""},
                {"other.html", ""}});
  house.link();
  Ears ears;

  const auto result = house.render(Context(), {.recorder = &ears});

  REQUIRE(result.ok());
  CHECK(ears.heard ==
        "page.html base.html m.html part.html volatile:now env:WEIR_NONE volatile:get_env ");
  CHECK(house.engine.templates_of("page.html") ==
        std::vector<std::string_view>{"page.html", "base.html", "m.html", "part.html"});
}

TEST_CASE("many threads render from one engine and write the same bytes", "[template]") {
  House house(Templates{
      {"t.html",
       "{% import \"m\" as m %}{% for p in pages | sort(attribute=\"n\") %}{{ m::row(p=p) "
       "}}{% set x = p.n %}{{ x }}"
       "{% if p.name is matching(\"^p\") %}!{% endif %}{% endfor %}"},
      {"m", "{% macro row(p) %}<{{ p.name | upper }}>{% endmacro %}"}});
  house.link();
  const Context context = context_of(
      R"({"pages": [{"name": "p1", "n": 2}, {"name": "q", "n": 1}, {"name": "p3", "n": 3}]})");
  const auto expected = house.render(context);
  REQUIRE(expected.ok());

  std::vector<int> different(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back(
        [&house, &context, &expected, &wrong = different[static_cast<std::size_t>(t)]] {
          for (int i = 0; i < 200; ++i) {
            const auto result = house.render(context);
            if (!result.ok() || *result != *expected) ++wrong;
          }
        });
  for (std::thread& thread : threads) thread.join();

  CHECK(different == std::vector<int>(4, 0));
}

TEST_CASE("a lent view is asked for what is read and never copied", "[template]") {
  class Page final : public ObjectView {
   public:
    Value find(std::string_view name, Recorder*) const override {
      ++asked;
      return name == "title" ? Value::lend(std::string_view(title)) : Value();
    }
    std::size_t count() const override { return 1; }
    std::string_view name_at(std::size_t) const override { return "title"; }
    std::string title = "A title that is long enough not to fit anywhere";
    mutable int asked = 0;
  };
  const Page page;
  House house(one(
      "t", "{{ page.title }}{% set p = page %}{{ p.title | length }}{% if page %}y{% endif %}"));
  house.link();
  Context context;
  context.set("page", Value::lend(page));

  const auto result = house.render(context);

  REQUIRE(result.ok());
  CHECK(*result == page.title + "47y");
  CHECK(page.asked == 2);
}

}  // namespace weir::tmpl
