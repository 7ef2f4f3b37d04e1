#include "cli/answer_fields.h"

#include "edge/pattern.h"

#include <algorithm>

namespace weir::cli {

int status_of(const site::Output& output) {
  return output.kind == site::OutputKind::redirect && !output.redirect_to.empty() ? 301
                                                                                  : output.status;
}

store::EntryKind kind_of(site::OutputKind kind) {
  switch (kind) {
    case site::OutputKind::page:
    case site::OutputKind::section:
    case site::OutputKind::taxonomy_list:
    case site::OutputKind::taxonomy_term: return store::EntryKind::page;
    case site::OutputKind::redirect: return store::EntryKind::redirect;
    case site::OutputKind::feed:
    case site::OutputKind::sitemap:
    case site::OutputKind::robots:
    case site::OutputKind::not_found:
    case site::OutputKind::search_index:
    case site::OutputKind::style_sheet: return store::EntryKind::generated;
    case site::OutputKind::asset:
    case site::OutputKind::static_file: break;
  }
  return store::EntryKind::static_file;
}

store::Fields fields_of(const site::Output& output, std::string_view base_url) {
  store::Fields fields;
  const bool is_html = output.content_type.rfind("text/html", 0) == 0;
  fields.emplace_back("X-Content-Type-Options", "nosniff");
  if (is_html) fields.emplace_back("Referrer-Policy", "strict-origin-when-cross-origin");
  if (status_of(output) == 301) {
    std::string_view target = output.redirect_to;
    while (!base_url.empty() && base_url.back() == '/') base_url.remove_suffix(1);
    const bool is_own = !base_url.empty() && target.substr(0, base_url.size()) == base_url &&
                        target.substr(base_url.size(), 1) == "/" &&
                        target.substr(base_url.size(), 2) != "//";
    // The path of base_url itself stays: a site below /docs/ redirects below /docs/.
    if (is_own) {
      const std::size_t authority = base_url.find("://");
      const std::size_t path = authority == std::string_view::npos
                                   ? std::string_view::npos
                                   : base_url.find('/', authority + 3);
      target = target.substr(path == std::string_view::npos ? base_url.size() : path);
    }
    fields.emplace_back("Location", std::string(target));
  }
  return fields;
}

void apply_header_rules(const text::HeaderRules& rules, std::string_view path,
                        store::Fields& fields, std::string& content_type) {
  rules.apply(path, fields);
  for (auto field = fields.begin(); field != fields.end();) {
    const bool is_type = equals_ignoring_case(field->first, "content-type");
    if (is_type && !field->second.empty()) content_type = field->second;
    if (equals_ignoring_case(field->first, "vary")) {
      // Without Accept-Encoding a shared cache would hand one client the coding of another.
      if (field->second.empty()) field->second = "Accept-Encoding";
      else if (lower_of(field->second).find("accept-encoding") == std::string::npos)
        field->second += ", Accept-Encoding";
    }
    field = is_type ? fields.erase(field) : field + 1;
  }
}

store::Policy policy_of(const site::Output& output, const edge::Config& config) {
  edge::PolicySettings said;
  for (const edge::RouteSettings& route : config.routes) {
    if (route.target != edge::RouteTarget::site) continue;
    const bool matches =
        route.paths.empty() ||
        std::any_of(route.paths.begin(), route.paths.end(), [&](const std::string& text) {
          const auto pattern = edge::parse_pattern(text);
          return pattern.ok() && pattern->matches(output.path);
        });
    if (!matches) continue;
    said = route.policy;
    break;
  }
  const auto or_else =
      [](const std::optional<Nanos>& first,
         const std::optional<std::chrono::seconds>& second) -> std::optional<Nanos> {
    if (first) return first;
    if (second) return Nanos(*second);
    return std::nullopt;
  };
  store::Policy policy;
  policy.ttl = output.is_rendered ? or_else(said.ttl, output.policy.ttl) : std::nullopt;
  if (!policy.ttl) return policy;
  policy.swr =
      or_else(said.swr, output.policy.swr).value_or(config.cache.standard.swr.value_or(Nanos(0)));
  policy.sie =
      or_else(said.sie, output.policy.sie).value_or(config.cache.standard.sie.value_or(Nanos(0)));
  return policy;
}

}  // namespace weir::cli
