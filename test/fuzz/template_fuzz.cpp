// Property: any four templates link or say where they are wrong; what links renders twice to the
// same bytes or to the same error, within its bounds, and an error has a place. Input: up to four
// templates, separated by a zero byte: t.html, base.html, macros.html, part.html.
#include "base/clock.h"
#include "base/must.h"
#include "template/engine.h"
#include "text/json.h"

#include <array>
#include <string>
#include <string_view>

using namespace weir;
using namespace weir::tmpl;

namespace {

constexpr std::string_view variables =
    R"({"page": {"title": "Tide & time", "date": "2024-02-29", "tags": ["b", "a", "c"], "extra": {"n": 7, "x": null}},)"
    R"( "pages": [{"t": "a", "n": 2, "w": 1.5}, {"t": "b", "n": 1}, {"t": "a", "n": 3, "w": null}],)"
    R"( "n": 3, "f": 2.5, "s": "héllo <b>w</b>\n", "flag": true, "none": null, "list": [3, 1, 2], "nested": [[1], [2, [3]]]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  std::string_view rest(reinterpret_cast<const char*>(data), bytes);
  const ManualClock clock;
  Engine engine(clock);
  engine.add_function("get_random", [](const Call&) -> Result<Value> { return Value(4); });
  engine.add_function("nest", [](const Call& call) -> Result<Value> {
    return Value::text(TRY(call.engine().render("part.html", call.context(), {.within = &call})));
  });
  constexpr std::array<std::string_view, 4> names = {"t.html", "base.html", "macros.html",
                                                     "part.html"};
  for (const std::string_view name : names) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    engine.add_template(std::string(name), std::string(rest.substr(0, end)), std::string(name));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const Linked linked = engine.link();
  for (const Error& error : linked.errors) MUST(error.place.line > 0);
  if (!linked.errors.empty()) return 0;

  static const text::Value tree = *text::parse_json(variables);
  Context context;
  for (const text::Member& member : *tree.object())
    context.set(member.name, value_of(member.value));
  const RenderOptions options{
      .steps_max = 20'000, .output_bytes_max = 100'000, .working_bytes_max = 4'000'000};
  const auto once = engine.render("t.html", context, options);
  const auto again = engine.render("t.html", context, options);
  MUST(once.ok() == again.ok());
  if (once.ok()) {
    MUST(*once == *again);
    MUST(once->size() <= options.output_bytes_max);
  } else {
    MUST(once.error().text() == again.error().text());
    MUST(once.error().place.line > 0);
  }
  return 0;
}
