#pragma once
// What a page says about itself on the wire, beside its content type: decided once, when it is built or rendered again,
// so that a hit copies bytes and decides nothing. Pure.

#include "edge/config.h"
#include "site/output.h"
#include "store/release.h"

namespace weir::cli {

// Cache-Control (cache C-27): browsers ask again for what may change (an ETag makes that cheap), and keep for a year
// what carries its hash in its name. Security headers (experience E-32). Location of a redirect, as a path when it
// leads to the site itself: nothing that is served depends on base_url.
store::Fields fields_of(const site::Output& output, std::string_view base_url);

// 301 for a redirect, else what the site said.
int status_of(const site::Output& output);

// Route, then front matter, then the defaults of [cache] for what a ttl leaves open (cache C-22).
store::Policy policy_of(const site::Output& output, const edge::Config& config);

store::EntryKind kind_of(site::OutputKind kind);

// "app.3f2a91bc.css", "app-3f2a91bc0d.js": eight or more hexadecimal digits, at least one of them a digit, between
// dots or behind a hyphen.
bool has_hash_in_name(std::string_view path);

}  // namespace weir::cli
