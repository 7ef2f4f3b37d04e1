#include "edge/config_pages.h"

#include "edge/pattern.h"
#include "text/url.h"

#include <algorithm>

namespace weir::edge {
namespace {

using namespace std::chrono_literals;

// A page is made from its path alone, by workers who know no request.
void check_match(Table& target, const RouteSettings& route) {
  if (route.paths.empty())
    target.error(target.value(), "a route to a page needs match = { path = \"/products/{slug}\" }");
  if (!route.hosts.empty())
    target.error(target.value(), "a route to a page cannot be chosen by host",
                 "its pages are shared by all hosts of the site");
  if (!route.methods.empty())
    target.error(target.value(), "a route to a page cannot be chosen by method",
                 "pages are read with GET and HEAD");
  for (const std::string& path : route.paths) {
    const auto pattern = parse_pattern(path);
    if (!pattern.ok()) continue;  // said by the route
    if (!pattern->is_named())
      target.error(target.value(),
                   "the pattern \"" + path + "\" of a route to a page must name what varies",
                   "write {name} instead of * or **");
    const std::vector<std::string_view> names = pattern->names();
    for (std::size_t i = 0; i < names.size(); ++i)
      if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
          names.begin() + static_cast<std::ptrdiff_t>(i))
        target.error(target.value(), "the pattern \"" + path + "\" has two parts named {" +
                                         std::string(names[i]) + "}");
  }
}

// The braces of a URL are judged here, so that a parameter can never choose the host.
void check_url(Table& load, const RouteSettings& route, const std::string& url) {
  const std::size_t brace = url.find('{');
  const auto parts = text::parse_http_url(url.substr(0, brace));
  const std::size_t authority = url.find("://");
  const bool is_in_path = brace == std::string::npos ||
                          (authority != std::string::npos && url.find('/', authority + 3) < brace);
  if (!parts.ok() || !is_in_path) {
    load.error(load.find("url"),
               "load.url must be a URL like \"https://api.example.org/products/{slug}\", not \"" +
                   url + "\"",
               is_in_path ? "" : "names in braces may stand behind the host only");
    return;
  }
  for (std::size_t at = brace; at != std::string::npos; at = url.find('{', at + 1)) {
    const std::size_t end = url.find('}', at);
    const std::string name = end == std::string::npos ? "" : url.substr(at + 1, end - at - 1);
    for (const std::string& path : route.paths) {
      const auto pattern = parse_pattern(path);
      if (!pattern.ok()) continue;
      const auto names = pattern->names();
      if (std::find(names.begin(), names.end(), name) == names.end())
        load.error(load.find("url"),
                   "{" + name + "} in load.url is not a part of the pattern \"" + path + "\"");
    }
  }
}

void read_load(Table load, const Config& config, RouteSettings& route) {
  PageSettings& page = route.page;
  load.read("path", page.data_path);
  load.read("url", page.data_url);
  load.read("kv", page.kv);
  load.read("key", page.key);
  load.finish();
  const int sources =
      int{!page.data_path.empty()} + int{!page.data_url.empty()} + int{!page.kv.empty()};
  if (load.value() != nullptr && sources != 1)
    load.error(load.value(), "load needs one of path, url and kv, not " +
                                 std::string(sources == 0 ? "none" : "several") + " of them");
  if (!page.data_path.empty() &&
      (page.data_path.front() == '/' || page.data_path.find("..") != std::string::npos))
    load.error(load.find("path"),
               "load.path must be a file of the site, like \"data/products.json\", not \"" +
                   page.data_path + "\"");
  if (!page.data_url.empty()) check_url(load, route, page.data_url);
  if (!page.kv.empty() && !config.data.present)
    load.error(load.find("kv"), "load.kv reads the data side, but there is no table [data]");
  if (!page.kv.empty() && config.data.tenant.rfind("const:", 0) != 0)
    load.error(
        load.find("kv"),
        "load.kv needs one tenant for all, but data.tenant is \"" + config.data.tenant + "\"",
        "a page is the same for everybody: say data.tenant = \"const:NAME\"");
  if (!page.kv.empty() && page.key.empty())
    load.error(load.value(), "load.kv needs key: the record's key is \"" + page.kv +
                                 "/\" and the part of the path that key names");
  if (!page.data_path.empty() && page.key.empty()) return;  // the whole file is the item
  for (const std::string& path : route.paths) {
    const auto pattern = parse_pattern(path);
    if (!pattern.ok() || page.key.empty()) continue;
    const auto names = pattern->names();
    if (std::find(names.begin(), names.end(), page.key) != names.end()) continue;
    const std::string near = nearest_of(page.key, names);
    load.error(load.find("key"),
               "load.key \"" + page.key + "\" is not a part of the pattern \"" + path + "\"",
               near.empty() ? "name it there: \"/products/{" + page.key + "}\""
                            : "did you mean \"" + near + "\"?");
  }
}

}  // namespace

void read_page(Table& target, const Config& config, RouteSettings& route) {
  PageSettings& page = route.page;
  target.read("page", page.template_name);
  target.read("lang", page.language);
  target.read("shell", page.shell);
  if (page.template_name.empty()) target.error(target.find("page"), "page names a template");
  if (!page.shell.empty() && page.shell.front() != '/')
    target.error(
        target.find("shell"),
        "shell must be the path of a page, like \"/products/_shell/\", not \"" + page.shell + "\"");
  check_match(target, route);
  if (target.has("load")) read_load(target.table("load"), config, route);
  // What [cache] says for all; the route's own `cache` comes later.
  using Fallback = PageSettings::Fallback;
  page.fallback = config.cache.fallback == "shell" ? Fallback::shell
                  : config.cache.fallback == "404" ? Fallback::not_found
                                                   : Fallback::blocking;
}

void read_page_cache(Table& cache, PageSettings& page) {
  cache.read("neg_ttl", page.neg_ttl);
  cache.read("fill_wait", page.fill_wait);
  cache.read_choice("hard_on_error", page.hard_on_error, {"error", "stale"});
  cache.read("tags", page.tags);
  cache.read("query", page.query);
  std::string fallback;
  cache.read_choice("fallback", fallback, {"blocking", "shell", "404"});
  using Fallback = PageSettings::Fallback;
  if (fallback == "blocking") page.fallback = Fallback::blocking;
  if (fallback == "shell") page.fallback = Fallback::shell;
  if (fallback == "404") page.fallback = Fallback::not_found;
  if (page.neg_ttl && (*page.neg_ttl < 0s || *page.neg_ttl > 60s))
    cache.error(cache.find("neg_ttl"), "neg_ttl must be 0s to 60s");
  if (page.query.size() > limits::page_query_names_max)
    cache.error(
        cache.find("query"),
        "query names at most " + std::to_string(limits::page_query_names_max) + " parameters");
  for (const std::string& tag : page.tags)
    if (tag.empty() || tag.size() > limits::tag_bytes_max)
      cache.error(cache.find("tags"),
                  "a tag has 1 to " + std::to_string(limits::tag_bytes_max) + " bytes");
  std::string rate;
  cache.read("new_keys", rate);
  if (rate.empty()) return;
  const auto parsed = guard::parse_rate(rate);
  if (!parsed.ok()) return cache.error(cache.find("new_keys"), parsed.error().what);
  page.new_rate = *parsed;
  page.has_default_rate = false;
  page.new_burst = std::min<std::uint64_t>(parsed->limit * 10, limits::new_keys_burst_max);
}

}  // namespace weir::edge
