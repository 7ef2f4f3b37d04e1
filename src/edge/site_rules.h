#pragma once
// The `_redirects` of the release that is served, for all loops: read once for each release, from
// what the build kept in it, so that rules and pages change in one step.
//
// Callable from any thread. The first caller after a release was activated reads the rules (about
// 1 us a line); the others wait for it.

#include "base/guarded.h"
#include "cache/page_cache.h"
#include "text/redirects.h"

#include <cstdint>
#include <memory>

namespace weir::edge {

class SiteRules {
 public:
  // Null when the release has none.
  std::shared_ptr<const text::Redirects> redirects_of(const cache::PageCache& cache);

 private:
  struct Read {
    store::ReleaseId release = 0;
    std::shared_ptr<const text::Redirects> redirects;
  };
  Guarded<Read> read_;
};

// The names among a release's inputs, and the first line of each: whose rules they are.
//   rules = "netlify" | "cloudflare" LF *OCTET (the author's file)
inline constexpr std::string_view redirects_input_name = ".weir/_redirects";
inline constexpr std::string_view headers_input_name = ".weir/_headers";
struct KeptRules {
  text::Hosting hosting = text::Hosting::cloudflare;
  std::string_view text;
};
std::string kept_rules_text(text::Hosting hosting, std::string_view text);
KeptRules parse_kept_rules(std::string_view input);

}  // namespace weir::edge
