#pragma once
// The answer of a site route: a page from the cache, in the coding and with the status that the
// request asks for.
//
// The hit path allocates nothing and takes no lock: find, choose a coding, look at the conditions,
// hand the prepared answer to the engine. What is not in memory is loaded or rendered by workers
// while the request waits; a stale page is answered at once, its refresh belongs to no connection.
//
//   /blog/a/      the page                      /blog/a           301 to /blog/a/ when that exists
//   /blog/a/index.html   301 to /blog/a/        anything else     the site's 404 page, of the
//   language if it has one
//
// One per loop, used on its thread.

#include "edge/visit.h"

#include "cache/page_cache.h"

#include <memory>

namespace weir::edge {

enum class Negotiation : std::uint8_t {
  lenient,
  strict
};  // strict: 406 when no coding is acceptable

class Pages {
 public:
  Pages(cache::PageCache& cache, Negotiation negotiation);

  void answer(Visit& visit);

 private:
  struct Sent;
  void find_and_send(Visit& visit, std::string_view key);
  void load(Visit& visit, std::string_view key);
  void loaded(Visit& visit, const std::string& key, const cache::Fetched& fetched);
  void send(Visit& visit, const cache::Lookup& lookup, const cache::Fetched* fetched);
  void send_range(Visit& visit, const cache::Lookup& lookup, const cache::Representation& chosen,
                  std::string_view status_field);
  void answer_absent(Visit& visit, std::string_view key);
  bool redirects(Visit& visit);
  void refuse_method(Visit& visit);
  std::string_view extra_fields(Visit& visit, const cache::Lookup& lookup,
                                const cache::Fetched* fetched);

  cache::PageCache& cache_;
  std::unique_ptr<cache::PageCache::Reader> reader_;
  Negotiation negotiation_;
  std::string scratch_;  // keys that are put together, fields of one answer; keeps its room
};

}  // namespace weir::edge
