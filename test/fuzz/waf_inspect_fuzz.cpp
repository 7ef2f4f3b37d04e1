// Any bytes as a query, a header, a cookie or a body of any kind: never a crash, and the prefilter
// never changes the verdict. The first byte chooses the kind.

#include "base/must.h"
#include "http/message.h"
#include "waf/inspect.h"

#include <array>
#include <string_view>

using namespace weir;
using namespace weir::waf;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t bytes) {
  static const auto rules = *RuleSet::own({.paranoia = 4});
  static Inspector filtered(rules, {.clean_memory = CleanMemory::off});
  static Inspector always(rules, {.clean_memory = CleanMemory::off, .prefilter = Prefilter::off});
  if (bytes == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, bytes - 1);
  constexpr std::array<std::string_view, 5> types{
      "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=X",
      "text/xml", ""};
  const unsigned kind = data[0] % 8;
  const std::vector<http::Field> fields{kind < types.size()
                                            ? http::Field{"content-type", types[kind]}
                                        : kind == 6 ? http::Field{"cookie", text}
                                                    : http::Field{"user-agent", text}};
  const WafRequest request{"POST", kind == 7 ? text : "/", kind == 5 ? text : "", fields};
  const auto judge = [&](Inspector& inspector) {
    return kind < types.size() ? inspector.inspect_body(request, text)
                               : inspector.inspect_head(request);
  };
  const Verdict with = judge(filtered);
  const std::uint64_t limits_hit = always.counts().limits_hit;
  const Verdict without = judge(always);
  // A rule that gave up counts as hit (W-35); the prefilter may know better than to ask it.
  if (always.counts().limits_hit != limits_hit) return 0;
  MUST(with.score == without.score);
  MUST(with.hits.size() == without.hits.size());
  return 0;
}
