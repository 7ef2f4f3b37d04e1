// Property: front matter is an object, the body is the tail of the file, and its line is right; or
// an error has a line.
#include "base/must.h"
#include "text/front_matter.h"
#include "text/json.h"

#include <algorithm>

using namespace weir;
using namespace weir::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const auto page = parse_front_matter(text, "f");
  if (!page.ok()) {
    MUST(page.error().place.line > 0);
    return 0;
  }
  MUST(page->data.is_object());
  MUST(text.ends_with(page->body));
  const std::string_view before = text.substr(0, text.size() - page->body.size());
  const auto newlines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  MUST(page->body.empty() || page->body_line == newlines + 1);
  MUST(parse_json(json_of(page->data), {.depth_max = limits::json_depth_ceiling}).ok());
  return 0;
}
