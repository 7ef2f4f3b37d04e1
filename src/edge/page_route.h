#pragma once
// A route to pages that no file is, ready to be asked: the key of a request, and back from a key to
// the page that it names. A worker that renders knows a key and nothing of the request.
//
//   key   = path [ "?" name "=" value { "&" name "=" value } ] | "shell:" route
//
// The path is decoded; one that holds a '?' itself has no key, so that no two requests share one by
// accident. Of the query only the listed parameters count, in the order of the list, each with its
// first value, percent-encoded (C-37). Immutable; any thread.

#include "edge/config.h"
#include "edge/pattern.h"

#include "cache/origin.h"
#include "store/release.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::edge {

inline constexpr std::string_view shell_prefix = "shell:";

struct PageRoute {
  std::string name;
  std::vector<Pattern> patterns;
  PageSettings settings;
  store::Policy policy;  // with the defaults of [cache]
  std::shared_ptr<const cache::KeyRules> rules;
  std::shared_ptr<const guard::Limit> new_keys;  // of one client (C-68)

  static PageRoute of(const RouteSettings& route, const CacheSettings& cache);

  // Writes the key into `key`; false when the request cannot name a page of the route.
  bool write_key(std::string_view path, std::string_view query, std::string& key) const;
  std::string shell_key() const;  // of what is shown before a page was ever made
};

struct MadePage {
  std::shared_ptr<const PageRoute> route;
  bool is_shell = false;
  std::string path;
  std::vector<std::pair<std::string, std::string>> parameters, query;
};
using PageRoutes = std::vector<std::shared_ptr<const PageRoute>>;

// The first route that makes the key; nullopt when none does.
std::optional<MadePage> made_page_of(const PageRoutes& routes, std::string_view key);
std::shared_ptr<const PageRoute> route_of_key(const PageRoutes& routes, std::string_view key);

}  // namespace weir::edge
