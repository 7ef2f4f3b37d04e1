#pragma once
// What a page says about itself on the wire, beside its content type: decided once, when it is
// built or rendered again, so that a hit copies bytes and decides nothing. Pure.

#include "edge/config.h"
#include "site/output.h"
#include "store/release.h"
#include "text/header_rules.h"

namespace weir::cli {

// Security headers (experience E-32), and the Location of a redirect, as a path when it leads to
// the site itself: nothing that is served depends on base_url. Cache-Control, ETag and the rest are
// the cache's.
store::Fields fields_of(const site::Output& output, std::string_view base_url);

// 301 for a redirect, else what the site said.
int status_of(const site::Output& output);

// Route, then front matter, then the defaults of [cache] for what a ttl leaves open (cache C-22).
store::Policy policy_of(const site::Output& output, const edge::Config& config);

// What `_headers` says about the path. An answer that comes in several codings keeps saying so.
void apply_header_rules(const text::HeaderRules& rules, std::string_view path,
                        store::Fields& fields, std::string& content_type);

store::EntryKind kind_of(site::OutputKind kind);

}  // namespace weir::cli
