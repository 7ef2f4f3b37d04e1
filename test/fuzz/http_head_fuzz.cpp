// Property: a head is complete, incomplete or refused alike wherever the bytes were cut; what is
// complete keeps what the parser promises: tokens in lower case, clean values, one framing, views
// into the bytes, a path without dot segments.

#include "base/limits.h"
#include "base/must.h"
#include "http/head_parser.h"
#include "http/prepared.h"
#include "http/target.h"

#include <memory>
#include <string>

using namespace weir;
using namespace weir::http;

namespace {

using Kind = HeadVerdict::Kind;

void check_complete(const std::string& bytes, const HeadVerdict& verdict, const Head& head) {
  const Request& request = head.request;
  const auto inside = [&](std::string_view view) {
    return view.empty() || (view.data() >= bytes.data() &&
                            view.data() + view.size() <= bytes.data() + verdict.bytes);
  };
  MUST(verdict.bytes > 0);
  MUST(verdict.bytes <= bytes.size());
  MUST(inside(request.target));
  MUST(inside(request.host));
  MUST(request.fields.size() <= limits::head_fields_max);
  for (const Field& field : request.fields) {
    MUST(inside(field.name));
    MUST(inside(field.value));
    MUST(is_clean_field(field.name, field.value));
    for (const char c : field.name) MUST(lower(c) == c);
    MUST(field.name.find('_') == std::string_view::npos);
  }
  MUST(request.version_minor == 0 || !request.host.empty());
  if (request.framing == Framing::chunked) MUST(!request.has(Known::content_length));
  if (request.method == Method::connect) return;
  std::string scratch(request.raw_path.size(), '\0');
  const DecodedPath decoded = decode_path(request.raw_path, scratch.data());
  if (decoded.refusal != nullptr || request.target == "*") return;
  MUST(decoded.path.starts_with('/'));
  MUST(decoded.path.find('\0') == std::string_view::npos);
  MUST((std::string(decoded.path) + '/').find("/../") == std::string::npos);
  MUST((std::string(decoded.path) + '/').find("/./") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  static const auto head = std::make_unique<Head>();
  static const HeadRules rules{limits::target_bytes_max, limits::head_bytes_max,
                               limits::head_fields_max};
  const std::string original(reinterpret_cast<const char*>(data), count);
  std::string bytes = original;
  const HeadVerdict whole = parse_head(bytes.data(), bytes.size(), rules, *head);
  if (whole.kind == Kind::complete) check_complete(bytes, whole, *head);
  if (whole.kind == Kind::refused) MUST(whole.status >= 400);

  // A few cuts, spread over the bytes. The same buffer is read again, as a connection does it:
  // names in lower case.
  const std::size_t step = original.size() / 16 + 1;
  for (std::size_t cut = 0; cut < original.size(); cut += step) {
    std::string part = original.substr(0, cut);
    const HeadVerdict first = parse_head(part.data(), part.size(), rules, *head);
    if (first.kind == Kind::refused) {
      MUST(whole.kind == Kind::refused);
      MUST(whole.status == first.status);
    } else if (first.kind == Kind::complete) {
      MUST(whole.kind == Kind::complete);
      MUST(whole.bytes == first.bytes);
    } else {
      part += original.substr(cut);
      const HeadVerdict again = parse_head(part.data(), part.size(), rules, *head);
      MUST(again.kind == whole.kind);
      MUST(again.status == whole.status);
      MUST(again.bytes == whole.bytes);
    }
  }
  return 0;
}
