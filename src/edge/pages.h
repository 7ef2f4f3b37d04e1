#pragma once
// The answer of a site route: a page from the cache, in the coding and with the status that the
// request asks for.
//
// The hit path allocates nothing and takes no lock: find, choose a coding, look at the conditions,
// hand the prepared answer to the engine. What is not in memory is loaded or rendered by workers
// while the request waits; a stale page is answered at once, its refresh belongs to no connection.
//
//   /blog/a/             the page
//   /blog/a              301 to /blog/a/ when that exists
//   /blog/a/index.html   301 to /blog/a/
//   /blog/b              the page /blog/b.html (clean_urls)
//   /products/x          on a route to a page (page_route.h): the file of the release, else the
//                        page that the template makes; unknown ones as the route's `fallback`
//                        says (C-16)
//   anything else        the site's 404 page, of the language if it has one
//
// The rules of the release's `_redirects` are asked before the pages when they may shadow one, else
// behind them.
//
// What lies on disk and is not brought into memory is answered from pages_on_disk.cpp.
//
// One per loop, used on its thread.

#include "edge/config.h"
#include "edge/site_rules.h"
#include "edge/visit.h"

#include "cache/page_cache.h"
#include "http/ranges.h"

#include <memory>

namespace weir::edge {

enum class Negotiation : std::uint8_t {
  lenient,
  strict
};  // strict: 406 when no coding is acceptable

struct PagesSettings {
  Negotiation negotiation = Negotiation::lenient;
  CleanUrls clean_urls = CleanUrls::serve;
};

class Pages {
 public:
  // All must outlive it.
  Pages(cache::PageCache& cache, SiteRules& rules, PagesSettings settings);

  void answer(Visit& visit);
  void set(PagesSettings settings) { settings_ = settings; }

 private:
  struct Sent;
  void find_and_send(Visit& visit, std::string_view key);
  void load(Visit& visit, std::string_view key);
  bool stays_on_disk(const Visit& visit, std::string_view key) const;
  void open_large(Visit& visit, std::string_view key);
  void send_large(Visit& visit, const std::shared_ptr<const cache::LargePage>& large);
  void send_parts(Visit& visit, const std::shared_ptr<const cache::LargePage>& large,
                  store::Rendition rendition, const http::RangePlan& plan);
  void answer_made(Visit& visit);
  void answer_unknown(Visit& visit, const std::string& key);
  void send_shell(Visit& visit);
  void show_shell(Visit& visit, const cache::Page& page);
  void loaded(Visit& visit, const std::string& key, const cache::Fetched& fetched);
  void send(Visit& visit, const cache::Lookup& lookup, const cache::Fetched* fetched);
  void send_range(Visit& visit, const cache::Lookup& lookup, const cache::Representation& chosen,
                  std::string_view status_field);
  void send_as(Visit& visit, const cache::Page& page);
  void hint(Visit& visit, std::string_view key);
  void answer_absent(Visit& visit, std::string_view key);
  enum class Asked : std::uint8_t { before_pages, behind_pages };
  bool follows_rule(Visit& visit, Asked asked);
  void redirect(Visit& visit, int status, std::string target, std::string_view vary);
  bool redirect_within(Visit& visit, std::size_t cut, std::string_view added);
  // What a path without a page of its own means: another path that has one.
  struct Meaning {
    enum class Kind : std::uint8_t { nothing, page, redirect } kind = Kind::nothing;
    std::string path;             // decoded
    std::size_t cut = 0;          // redirect: characters taken from the end of the path
    std::string_view added = {};  // redirect: and put there
  };
  bool has_page(std::string_view path);
  Meaning meaning_of(std::string_view path);
  bool answers_meaning(Visit& visit);
  void refuse_method(Visit& visit);
  std::string_view extra_fields(Visit& visit, const cache::Lookup& lookup,
                                const cache::Fetched* fetched,
                                const cache::Dictionary* offered = nullptr);

  cache::PageCache& cache_;
  std::unique_ptr<cache::PageCache::Reader> reader_;
  SiteRules& rules_;
  PagesSettings settings_;
  std::uint64_t activation_ = 0;  // that `redirects_` is of
  std::shared_ptr<const text::Redirects> redirects_;
  std::string scratch_;  // keys that are put together, fields of one answer; keeps its room
};

}  // namespace weir::edge
