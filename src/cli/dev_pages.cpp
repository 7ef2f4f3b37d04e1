#include "cli/dev_pages.h"

namespace weir::cli {

site::DynamicPage dynamic_page_of(const edge::MadePage& page) {
  const edge::PageSettings& said = page.route->settings;
  site::DynamicPage asked;
  asked.template_name = said.template_name;
  asked.language = said.language;
  asked.path = page.path;
  asked.parameters = page.parameters;
  asked.query = page.query;
  asked.data_path = said.data_path;
  asked.data_url = said.data_url;
  asked.key = said.key;
  asked.is_shell = page.is_shell;
  asked.tags = said.tags;
  asked.tags.push_back("route:" + page.route->name);
  return asked;
}

Result<std::unique_ptr<DevPages>> DevPages::open(const LoadedConfig& loaded,
                                                 const site::SiteSource& source,
                                                 site::BuildOptions options) {
  edge::PageRoutes routes;
  for (const edge::RouteSettings& settings : loaded.config.routes) {
    if (settings.page.template_name.empty()) continue;
    auto route =
        std::make_shared<edge::PageRoute>(edge::PageRoute::of(settings, loaded.config.cache));
    for (const std::string& path : settings.paths)
      route->patterns.push_back(TRY(edge::parse_pattern(path)));
    routes.push_back(std::move(route));
  }
  return std::unique_ptr<DevPages>(new DevPages(std::move(routes), source, std::move(options)));
}

// The source is the caller's: shared without being owned.
DevPages::DevPages(edge::PageRoutes routes, const site::SiteSource& source,
                   site::BuildOptions options)
    : routes_(std::move(routes)),
      source_(std::shared_ptr<const site::SiteSource>(), &source),
      options_(std::move(options)) {}

std::optional<std::string> DevPages::key_of(std::string_view path, std::string_view query) const {
  std::string key;
  for (const auto& route : routes_)
    if (route->write_key(path, query, key)) return key;
  return std::nullopt;
}

Result<site::Output> DevPages::make(std::string_view key) {
  const auto page = edge::made_page_of(routes_, key);
  if (!page) return Error{Errc::missing, "no route makes " + std::string(key)};
  if (!page->route->settings.kv.empty())
    return Error{Errc::denied, "the route \"" + page->route->name + "\" shows " +
                                   page->route->settings.kv +
                                   "/... of the data side, which weir dev does not have"}
        .with_help("weir serve shows it");
  return renderer()->render(dynamic_page_of(*page));
}

void DevPages::changed() {
  renderer_.with([](auto& held) { held.reset(); });
}

std::shared_ptr<site::SiteRenderer> DevPages::renderer() {
  return renderer_.with([this](std::shared_ptr<site::SiteRenderer>& held) {
    if (held == nullptr) held = site::SiteRenderer::open(source_, options_);  // reads nothing yet
    return held;
  });
}

}  // namespace weir::cli
