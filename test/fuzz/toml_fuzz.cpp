// Property: any text gives a value or an error with a place, and what is accepted is an object of
// bounded depth.
#include "base/must.h"
#include "text/json.h"
#include "text/toml.h"

using namespace weir;
using namespace weir::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const auto value = parse_toml(text, "f");
  if (!value.ok()) {
    MUST(value.error().place.line > 0);
    return 0;
  }
  MUST(value->is_object());
  MUST(parse_json(json_of(*value), {.depth_max = limits::json_depth_ceiling}).ok());
  return 0;
}
