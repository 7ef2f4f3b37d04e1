#include "edge/page_route.h"

#include "text/url.h"

#include <algorithm>

namespace weir::edge {
namespace {

const Pattern* find_pattern(const PageRoute& route, std::string_view path) {
  const auto found = std::ranges::find_if(
      route.patterns, [path](const Pattern& pattern) { return pattern.matches(path); });
  return found == route.patterns.end() ? nullptr : &*found;
}

}  // namespace

PageRoute PageRoute::of(const RouteSettings& route, const CacheSettings& cache) {
  PageRoute made;
  made.name = route.name;
  made.settings = route.page;
  const PolicySettings& said = route.policy;
  made.policy.ttl = said.ttl ? said.ttl : cache.standard.ttl;
  made.policy.swr = said.swr.value_or(cache.standard.swr.value_or(Nanos(0)));
  made.policy.sie = said.sie.value_or(cache.standard.sie.value_or(Nanos(0)));
  auto rules = std::make_shared<cache::KeyRules>();
  rules->neg_ttl = route.page.neg_ttl;
  rules->fill_wait = route.page.fill_wait;
  rules->source = route.page.data_url.substr(
      0, route.page.data_url.find('/', route.page.data_url.find("://") + 3));
  rules->is_local = !route.page.kv.empty();
  if (!route.page.hard_on_error.empty())
    rules->hard_on_error =
        route.page.hard_on_error == "stale" ? cache::HardOnError::stale : cache::HardOnError::error;
  made.rules = std::move(rules);
  return made;
}

bool PageRoute::write_key(std::string_view path, std::string_view query, std::string& key) const {
  if (path.find('?') != std::string_view::npos) return false;
  // A client that hides dots from the path's parser must not move through a URL that we ask.
  const Pattern* pattern = find_pattern(*this, path);
  if (pattern == nullptr) return false;
  for (const auto& parameter : pattern->parameters_of(path))
    if (parameter.second == "." || parameter.second == "..") return false;
  key = path;
  if (settings.query.empty() || query.empty()) return true;
  const auto given = text::parse_query(query);
  char mark = '?';
  for (const std::string& listed : settings.query) {
    const auto found =
        std::ranges::find(given, listed, &std::pair<std::string, std::string>::first);
    if (found == given.end()) continue;
    if (found->second.size() > limits::page_query_value_bytes_max) return false;
    key += mark;
    key += listed;
    key += '=';
    text::append_percent_encoded(key, found->second, text::PercentSet::unreserved);
    mark = '&';
  }
  return true;
}

std::string PageRoute::shell_key() const {
  return settings.shell.empty() ? std::string(shell_prefix) + name : settings.shell;
}

std::shared_ptr<const PageRoute> route_of_key(const PageRoutes& routes, std::string_view key) {
  const bool is_shell = key.starts_with(shell_prefix);
  const std::string_view path = key.substr(0, key.find('?'));
  for (const auto& route : routes) {
    const bool fits = is_shell ? key.substr(shell_prefix.size()) == route->name
                               : find_pattern(*route, path) != nullptr;
    if (fits) return route;
  }
  return nullptr;
}

std::optional<MadePage> made_page_of(const PageRoutes& routes, std::string_view key) {
  MadePage made;
  made.route = route_of_key(routes, key);
  if (made.route == nullptr) return std::nullopt;
  made.is_shell = key.starts_with(shell_prefix);
  if (made.is_shell) {
    made.path = made.route->patterns.front().text();
    return made;
  }
  const std::size_t mark = key.find('?');
  made.path = key.substr(0, mark);
  for (const auto& [name, value] : find_pattern(*made.route, made.path)->parameters_of(made.path))
    made.parameters.emplace_back(name, value);
  if (mark != std::string_view::npos) made.query = text::parse_query(key.substr(mark + 1));
  return made;
}

}  // namespace weir::edge
