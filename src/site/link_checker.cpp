#include "site/link_checker.h"

#include "base/bytes.h"
#include "base/limits_site.h"
#include "base/worker_pool.h"
#include "site/glob.h"
#include "site/site.h"

#include <algorithm>
#include <atomic>
#include <map>

namespace weir::site {

namespace {

using Places = std::vector<Place>;
using Links = std::map<std::string, Places>;  // by URL, with its fragment

bool starts_with_one(std::string_view url, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [url](const std::string& prefix) { return url.starts_with(prefix); });
}

std::string_view host_of(std::string_view url) {
  const std::size_t begin = std::min(url.find("://"), url.size() - 3) + 3;
  return url.substr(begin, url.find_first_of("/?#", begin) - begin);
}

Links links_of(const Site& site) {
  const LinkCheckerConfig& config = site.config().link_checker;
  std::vector<Glob> ignored;
  for (const std::string& pattern : config.ignored_files)
    if (Result<Glob> glob = Glob::parse(pattern); glob.ok())
      ignored.push_back(std::move(glob).value());
  Links links;
  const auto collect = [&](ContentId id) {
    const Content& content = site.content_of(id);
    for (const Glob& glob : ignored)
      if (glob.matches(content.relative_path) || glob.matches(content.file)) return;
    const auto rendered = site.rendered(id, nullptr);
    if (!rendered.ok()) return;
    for (const text::FoundLink& link : (*rendered)->external_links)
      if (!starts_with_one(link.target, config.skip_prefixes))
        links[link.target].push_back(link.place);
  };
  for (std::uint32_t i = 0; i < site.library().pages.size(); ++i) collect({true, i});
  for (std::uint32_t i = 0; i < site.library().sections.size(); ++i) collect({false, i});
  return links;
}

// id="x", id=x or name="x" anywhere in the page.
bool has_anchor(std::string_view html, std::string_view id) {
  for (const std::string_view name : {"id=", "name="})
    for (const std::string_view quote : {"\"", "'", ""}) {
      const std::string wanted =
          std::string(name) + std::string(quote) + std::string(id) + std::string(quote);
      for (std::size_t at = html.find(wanted); at != std::string_view::npos;
           at = html.find(wanted, at + 1)) {
        const std::size_t end = at + wanted.size();
        const bool ends =
            !quote.empty() || end == html.size() || is_space(html[end]) || html[end] == '>';
        if (at > 0 && is_space(html[at - 1]) && ends) return true;
      }
    }
  return false;
}

// Nothing, or what is wrong.
std::optional<std::string> fault_of(const Site& site, const std::string& url) {
  Fetcher& fetcher = *site.options().fetcher;
  RemoteRequest request;
  request.url = url.substr(0, url.find('#'));
  request.allow_addresses = site.config().allow_addresses;
  const std::size_t hash = url.find('#');
  const std::string anchor = hash == std::string::npos ? std::string() : url.substr(hash + 1);
  const bool wants_anchor =
      !anchor.empty() && !starts_with_one(url, site.config().link_checker.skip_anchor_prefixes);
  const auto is_good = [](int status) { return status >= 200 && status <= 299; };
  if (!wants_anchor) {
    request.method = "HEAD";
    const Result<RemoteAnswer> head = fetcher.ask(request);
    if (head.ok() && is_good(head->status)) return std::nullopt;
    if (!head.ok() && head.error().code == Errc::denied) return head.error().what;
  }
  request.method = "GET";
  Result<RemoteAnswer> answer = fetcher.ask(request);
  if (!answer.ok() && answer.error().code == Errc::io) answer = fetcher.ask(request);
  if (!answer.ok()) {
    if (answer.error().code == Errc::too_large) return std::nullopt;  // there is something
    return answer.error().what;
  }
  if (!is_good(answer->status)) return "status " + std::to_string(answer->status);
  const bool is_html = answer->content_type.find("html") != std::string::npos;
  if (wants_anchor && is_html && !has_anchor(answer->body, anchor))
    return "the page has no anchor #" + anchor;
  return std::nullopt;
}

}  // namespace

std::size_t check_external_links(const Site& site, Diagnostics& diagnostics) {
  if (site.options().fetcher == nullptr || site.options().network == Network::offline) {
    diagnostics.remark({Errc::io, "external links are not checked: the build is offline"});
    return 0;
  }
  const Links links = links_of(site);
  std::map<std::string_view, std::vector<const Links::value_type*>> by_host;
  for (const Links::value_type& link : links) by_host[host_of(link.first)].push_back(&link);
  std::vector<std::vector<const Links::value_type*>> hosts;
  for (auto& [host, urls] : by_host) hosts.push_back(std::move(urls));
  for_each_parallel(hosts.size(), limits::link_check_hosts_max, [&](std::size_t i) {
    for (const Links::value_type* link : hosts[i]) {
      const std::optional<std::string> fault = fault_of(site, link->first);
      if (!fault) continue;
      for (const Place& place : link->second) {
        Error error = Error{Errc::missing, "broken link " + link->first + ": " + *fault}.at(place);
        site.config().link_checker.external_level == LinkLevel::error
            ? diagnostics.error(std::move(error))
            : diagnostics.warning(std::move(error));
      }
    }
  });
  return links.size();
}

}  // namespace weir::site
