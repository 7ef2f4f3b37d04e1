// Property: what is accepted is written, in each of the three forms, so that it reads back the
// same.
#include "base/must.h"
#include "text/json.h"

using namespace weir;
using namespace weir::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const auto value = parse_json(text);
  if (!value.ok()) {
    MUST(value.error().place.line > 0 || value.error().code == Errc::too_large);
    return 0;
  }
  const auto compact = parse_json(json_of(*value));
  MUST(compact.ok() && *compact == *value);
  const auto pretty = parse_json(pretty_json_of(*value));
  MUST(pretty.ok() && *pretty == *value);
  const std::string canonical = canonical_json_of(*value);
  const auto again = parse_json(canonical);
  MUST(again.ok() && canonical_json_of(*again) == canonical);
  return 0;
}
