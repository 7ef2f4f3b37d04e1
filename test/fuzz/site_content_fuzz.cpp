// Property: whatever stands in a content file, a CSV file, a glob or an image, the readers of the
// site room come back within bounds; the pieces of a shortcode text put together have no more bytes
// than the text.

#include "site/csv.h"
#include "site/glob.h"
#include "site/image_size.h"
#include "site/minify.h"
#include "site/shortcode.h"

#include <cstdint>
#include <cstdlib>

namespace {

std::size_t bytes_of_pieces(const std::vector<weir::site::ShortcodePiece>& pieces) {
  std::size_t bytes = 0;
  for (const weir::site::ShortcodePiece& piece : pieces) {
    bytes += piece.text.size();
    for (const weir::site::ShortcodeCall& call : piece.call) bytes += bytes_of_pieces(call.body);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto pieces = weir::site::parse_shortcodes(text, {"fuzz.md", 1, 1, 0});
  if (pieces.ok() && bytes_of_pieces(*pieces) > text.size()) std::abort();
  (void)weir::site::parse_csv(text, "fuzz.csv");
  (void)weir::site::image_size_of(text, "fuzz.png");
  (void)weir::site::minified_html(text);
  const std::size_t half = text.size() / 2;
  if (half < 256) {
    const auto glob = weir::site::Glob::parse(text.substr(0, half));
    if (glob.ok()) (void)glob->matches(text.substr(half));
  }
  return 0;
}
