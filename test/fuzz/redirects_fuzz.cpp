// Property: whatever a `_redirects` file and a request say, a redirect to a path leads to a path of
// this host, to a URL to the authority that the rule spells, nothing in it can end a header line,
// and
// `_headers` files only make lines that can be sent.

#include "base/must.h"
#include "text/header_rules.h"
#include "text/redirects.h"
#include "text/utf8.h"

#include <algorithm>

using namespace weir;
using namespace weir::text;

namespace {

bool is_clean(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

void check_answer(const RedirectAnswer& answer) {
  if (answer.is_rewrite()) {
    MUST(answer.target.starts_with('/'));
    return;
  }
  MUST(answer.status >= 301 && answer.status <= 308);
  MUST(is_clean(answer.target));
  MUST(std::ranges::all_of(answer.target, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  }));
  if (answer.target.starts_with('/')) {
    MUST(!answer.target.starts_with("//"));
    MUST(!answer.target.starts_with("/\\"));
  } else {
    MUST(answer.target.starts_with("https://") || answer.target.starts_with("http://"));
    const std::size_t begin = answer.target.find("//") + 2;
    const std::string_view authority =
        std::string_view(answer.target).substr(begin, answer.target.find('/', begin) - begin);
    MUST(authority.find('@') == std::string_view::npos);
  }
}

}  // namespace

// file LF LF path LF query LF language LF cookie
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view all(reinterpret_cast<const char*>(data), bytes);
  const std::size_t cut = all.find("\n\n");
  const std::string_view file = all.substr(0, cut);
  std::string_view rest = cut == std::string_view::npos ? std::string_view() : all.substr(cut + 2);
  const auto next = [&rest] {
    const std::size_t newline = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(std::min(newline + 1, rest.size()));
    return line;
  };
  RedirectRequest request;
  request.path = next();
  request.query = next();
  request.accept_language = next();
  const std::string_view cookies[] = {next()};
  request.cookies = cookies;
  if (!is_utf8(request.path)) return 0;  // names nothing: never asked
  for (const auto hosting : {Hosting::cloudflare, Hosting::netlify}) {
    const auto parsed = Redirects::parse(file, "_redirects", hosting);
    for (const Error& error : parsed.left_out) MUST(error.place.line != 0);
    for (const bool exists : {false, true})
      if (const auto answer = parsed.rules.find(request, [exists] { return exists; }))
        check_answer(*answer);
    const auto headers = HeaderRules::parse(file, "_headers", hosting, "example.com");
    HeaderRules::Fields fields{{"Cache-Control", "public"}};
    headers.rules.apply(request.path, fields);
    for (const auto& [name, value] : fields) {
      MUST(!name.empty());
      MUST(std::ranges::all_of(value, [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
      }));
    }
  }
  return 0;
}
