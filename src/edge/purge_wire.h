#pragma once
// How nodes tell each other what was purged (cache C-58).
//
// Every node has its own numbers. What travels is not a list of records but what they fold to: for
// each name that was purged on the node since number `after`, its greatest soft and hard number.
// Merging takes the maximum, so neither order nor repetition matters, and a node that was away for
// long catches up in one answer of bounded size.
//
//   GET /_weir/purges?after=N&wait=S&node=ME
//   {"node": "32 hex", "seq": N, "all": [soft, hard], "tags": [["blog", soft, hard], ...],
//    "prefixes": [["/blog/", soft, hard], ...],
//    "refresh": [{"all": false, "tags": [...], "paths": [...], "prefixes": [...], "hosts": [...]}]}
//
// `refresh`: of those purges the ones whose pages should be made again at once (C-52). It is a hint
// that nothing depends on, and may be missing.
//
// `after` is what the asker has applied and synced; above the node's own `seq` it means 0. The
// request is signed like a webhook, over "GET " and the target; the answer over its body, under the
// request's id, so that neither can be made by somebody in between. Pure functions.

#include "edge/secret.h"

#include "base/clock.h"
#include "cache/purge.h"
#include "http/message.h"
#include "store/store.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::edge {

struct PurgePage {
  std::string node;
  store::PurgeState purges;  // seq and what is above `after`
  std::vector<cache::PurgeRequest> refreshes = {};
};

std::string encode_purges(const PurgePage& page, std::uint64_t after);
Result<PurgePage> parse_purges(std::string_view body);

// The purges of a page as records: at most a soft and a hard one.
std::vector<store::PurgeRecord> records_of(const PurgePage& page, std::uint64_t after);

// The fields of a signed message; the verdict over one.
http::Fields signed_fields(std::string_view id, Wall now, std::string_view text,
                           const Secret& secret);
bool is_signed_by_peer(std::span<const http::Field> fields, std::string_view text,
                       std::span<const Secret> secrets, Wall now);

}  // namespace weir::edge
