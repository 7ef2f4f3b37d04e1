#include "edge/site_rules.h"

#include "store/release.h"

namespace weir::edge {

std::string kept_rules_text(text::Hosting hosting, std::string_view text) {
  return std::string(name_of(hosting)) + '\n' + std::string(text);
}

KeptRules parse_kept_rules(std::string_view input) {
  const std::size_t newline = std::min(input.find('\n'), input.size());
  KeptRules kept;
  if (input.substr(0, newline) == name_of(text::Hosting::netlify))
    kept.hosting = text::Hosting::netlify;
  kept.text = input.substr(std::min(newline + 1, input.size()));
  return kept;
}

std::shared_ptr<const text::Redirects> SiteRules::redirects_of(const cache::PageCache& cache) {
  const std::shared_ptr<const store::Release> release = cache.release();
  if (release == nullptr) return nullptr;
  return read_.with([&](Read& read) {
    if (read.release == release->id()) return read.redirects;
    read = {release->id(), nullptr};
    // Without the input the release has no rules; a broken one is told by every read of a page.
    const auto input = release->read_input(redirects_input_name);
    if (!input.ok()) return read.redirects;
    const KeptRules kept = parse_kept_rules(*input);
    auto parsed = text::Redirects::parse(kept.text, "_redirects", kept.hosting);
    if (parsed.rules.count() != 0)
      read.redirects = std::make_shared<const text::Redirects>(std::move(parsed.rules));
    return read.redirects;
  });
}

}  // namespace weir::edge
