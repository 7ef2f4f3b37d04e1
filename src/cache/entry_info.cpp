// What the state of an entry means for the next request, in words.

#include "cache/page_cache.h"

namespace weir::cache {
namespace {

std::string seconds(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " second" : " seconds");
}

std::string renewal_of(const EntryInfo& info) {
  if (!info.renderable) return "the file is read again from its release";
  if (info.state == "refreshing") return "a render is under way";
  if (info.next_try_s && *info.next_try_s > 0)
    return "the last render failed; the next try is in " + seconds(*info.next_try_s);
  return "the hit starts one render for all";
}

std::string next_of_fresh(const EntryInfo& info) {
  if (!info.ttl_s) return "a hit, until a purge or the next release";
  std::string text = "a hit for " + seconds(*info.ttl_s);
  if (info.swr_s && *info.swr_s > 0)
    text += ", then served stale for " + seconds(*info.swr_s) + " while it is rendered again";
  return text;
}

}  // namespace

std::string next_of(const EntryInfo& info) {
  const std::string_view state = info.state;
  const bool is_over = info.ttl_s && info.swr_s && *info.ttl_s < -*info.swr_s;
  if (state == "absent") return "404: the release has no such path";
  if (state == "filling") return "waits for the one render or load that is under way";
  if (state == "gone") return "404: the last render said that it is gone; " + renewal_of(info);
  if (state == "fresh") return next_of_fresh(info);
  if (state == "expired") return "waits: nothing may be served; " + renewal_of(info);
  if (info.generation == 0) return "502: it could not be read; " + renewal_of(info);
  if (is_over && info.sie_s && *info.ttl_s < -*info.sie_s)
    return "waits: the copy is too old to be served; " + renewal_of(info);
  return "the stale copy at once; " + renewal_of(info);
}

}  // namespace weir::cache
