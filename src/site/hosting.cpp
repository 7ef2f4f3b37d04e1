#include "site/hosting.h"

#include "base/bytes.h"
#include "text/redirects.h"
#include "text/url.h"

namespace weir::site {
namespace {

struct RuleFile {
  std::string origin;  // for places
  std::string text;
};

std::optional<RuleFile> read_rule_file(const Site& site, std::string_view path,
                                       Diagnostics& diagnostics) {
  const Planned* planned = site.plan().find(path);
  if (planned == nullptr || planned->kind != OutputKind::static_file) return std::nullopt;
  Result<std::string> text = site.source().read(planned->origin);
  if (!text.ok()) {
    diagnostics.error(std::move(text).error());
    return std::nullopt;
  }
  return RuleFile{std::string(planned->origin), std::move(*text)};
}

void tell(std::vector<Error>& left_out, std::vector<Error>& notes, Diagnostics& diagnostics) {
  for (Error& error : left_out) diagnostics.warning(std::move(error));
  for (Error& error : notes) diagnostics.remark(std::move(error));
}

}  // namespace

std::string host_of(std::string_view base_url) {
  const auto parts = text::parse_http_url(base_url);
  return parts.ok() ? lower_of(parts->host) : std::string();
}

HostingRules read_hosting_rules(const Site& site, Diagnostics& diagnostics) {
  HostingRules rules;
  rules.hosting = site.config().hosting.value_or(text::Hosting::cloudflare);
  if (auto file = read_rule_file(site, redirects_path, diagnostics)) {
    auto parsed = text::Redirects::parse(file->text, file->origin, site.config().hosting);
    tell(parsed.left_out, parsed.notes, diagnostics);
    rules.hosting = parsed.rules.hosting();
    rules.redirects = std::move(file->text);
  }
  if (auto file = read_rule_file(site, headers_path, diagnostics)) {
    auto parsed = text::HeaderRules::parse(file->text, file->origin, rules.hosting,
                                           host_of(site.config().base_url));
    tell(parsed.left_out, parsed.notes, diagnostics);
    if (parsed.rules.count() != 0)
      rules.header_rules = std::make_shared<const text::HeaderRules>(std::move(parsed.rules));
    rules.headers = std::move(file->text);
  }
  return rules;
}

}  // namespace weir::site
