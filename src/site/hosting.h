#pragma once
// The `_redirects` and `_headers` files of a site: in `static/` (or the theme's), where Netlify and
// Cloudflare Pages find them in what is built. They are copied as they are, so that the output can
// go to those hosts too, and read here, so that what is wrong with them is told with its place.

#include "site/site.h"
#include "text/header_rules.h"

#include <memory>
#include <optional>
#include <string>

namespace weir::site {

inline constexpr std::string_view redirects_path = "/_redirects";
inline constexpr std::string_view headers_path = "/_headers";

struct HostingRules {
  text::Hosting hosting = text::Hosting::cloudflare;
  std::optional<std::string> redirects;  // the file's text
  std::optional<std::string> headers;
  std::shared_ptr<const text::HeaderRules> header_rules;  // null when there are none
};

// What is left out is a warning, an error under --strict.
HostingRules read_hosting_rules(const Site& site, Diagnostics& diagnostics);

// The host of base_url, in lower case and without its port: whose blocks of `_headers` count.
std::string host_of(std::string_view base_url);

}  // namespace weir::site
