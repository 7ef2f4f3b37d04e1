// Property: whatever the language (the first byte chooses it) and the bytes, the tokens cover the
// code once and in order, in linear steps; and the HTML is written for any fence.
#include "base/must.h"
#include "text/highlight.h"
#include "text/highlight_html.h"

using namespace weir;
using namespace weir::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static const std::vector<std::string_view> names = code_language_names();
  static const CodeLook look{CodeStyle::classes, *find_code_theme("nord"), std::nullopt};
  if (bytes == 0) return 0;
  const std::string_view name = names[data[0] % names.size()];
  const std::string_view code(reinterpret_cast<const char*>(data) + 1, bytes - 1);
  const CodeLanguage& language = *find_code_language(name);
  const Tokens tokens = tokens_of(code, language);
  std::size_t at = 0;
  for (const Token& token : tokens.list) {
    MUST(token.end > at);
    MUST(token.end <= code.size());
    at = token.end;
  }
  MUST(at == code.size());
  MUST(tokens.steps <= 12 * code.size() + 10'000);
  const std::string_view info = code.substr(0, code.find('\n'));
  const std::string html = highlighted_html_of({code, name, &language}, code_fence_of(info), look);
  MUST(html.ends_with("</code></pre>"));
  return 0;
}
