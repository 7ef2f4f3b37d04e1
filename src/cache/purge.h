#pragma once
// What an operator, a CMS or a build asks for: these pages are not right any more.
//
//   soft     the next hit is answered stale at once and starts a refresh
//   refresh  soft, and the refreshes start now, hottest first, so that no visitor's hit starts them
//   hard     the old copy is never served again

#include "base/limits.h"
#include "base/result.h"
#include "store/store.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

enum class Mode : std::uint8_t { soft, refresh, hard };
// none: recorded, on disk within 20 ms. durable: on disk. fresh: durable, and the refreshed pages
// are live (mode refresh; at most limits::fresh_wait_max).
enum class Wait : std::uint8_t { none, durable, fresh };

struct PurgeRequest {
  std::vector<std::string> tags = {};
  std::vector<std::string> paths = {};     // "/blog/a/"; a query is ignored
  std::vector<std::string> prefixes = {};  // "/blog/"
  // "example.com": everything that is served under that name. Pages are the same under each name
  // that the site answers to (CacheSettings::hosts), so such a name means all of them.
  std::vector<std::string> hosts = {};
  bool all = false;
  Mode mode = Mode::soft;
  Wait wait = Wait::durable;
  std::string id =
      {};  // idempotency key; a repeated one answers the first one's seq and does nothing
};

struct PurgeAnswer {
  std::uint64_t seq = 0;
  std::size_t matched_estimate = 0;
  bool durable = false;
  bool repeated = false;
  std::size_t refreshed = 0;  // wait = fresh: pages that are live now
  std::size_t failed = 0;     // wait = fresh: renders that failed; the old copies are served
};

// Within limits (purge_items_max -> Errc::too_large, tag_bytes_max, paths begin with '/'), and asks
// for something.
Status check_purge(const PurgeRequest& request);

// Tags that stand for other things than what a page was made from: a path, a host, and all pages of
// the site whatever their host.
std::string tag_of_path(std::string_view path);  // a query is left away
std::string tag_of_host(std::string_view host);  // lower case, without port and final dot
inline constexpr std::string_view tag_of_pages = "host:";

// `site_hosts`: the names that the site answers to, "*.example.com" for those below one; empty =
// any.
store::PurgeRecord record_of(const PurgeRequest& request,
                             const std::vector<std::string>& site_hosts = {});
bool names_site(const PurgeRequest& request, const std::vector<std::string>& site_hosts);

std::string_view name_of(Mode mode);
Result<Mode> parse_mode(std::string_view text);
std::string_view name_of(Wait wait);
Result<Wait> parse_wait(std::string_view text);

}  // namespace weir::cache
