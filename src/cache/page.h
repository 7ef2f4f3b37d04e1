#pragma once
// One page as it is served: immutable, all its heads and bodies prepared. A refresh makes a new
// Page and swaps it whole, so that no answer mixes the fields of one generation with the body of
// another.

#include "base/clock.h"
#include "base/crypto.h"
#include "cache/origin.h"
#include "cache/tags.h"
#include "store/release.h"
#include "store/store.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {
struct Prepared;
}

namespace weir::cache {

class Dictionary;

// One coding of the page. `ok` is the whole answer with the page's own status, `not_modified` the
// 304 for it.
struct Representation {
  std::string etag;  // with quotes: "<22 characters of base64url SHA-256>-<letter>" (C-45)
  std::shared_ptr<const http::Prepared> ok;
  std::shared_ptr<const http::Prepared> not_modified;
  std::shared_ptr<const std::string> body;
};

// What a page is, apart from its bytes.
struct PageFacts {
  std::string key;
  int status = 200;
  store::EntryKind kind = store::EntryKind::page;
  store::Renderable renderable = store::Renderable::no;
  std::string content_type;
  store::Fields fields;  // the page's own, beside those that page_maker adds
  Sha256 sha256{};       // of the identity bytes
  store::BlobId body_id;
  store::Policy policy;
  std::vector<std::string> tags;
  store::ReleaseId release = 0;  // whose inputs it was rendered from
  std::uint64_t activation = 0;  // the activation that it is served under
  bool outdated = false;       // from an older release than the active one: stale whatever its age
  std::uint64_t fill_seq = 0;  // the last purge it has seen
  std::uint64_t generation = 0;           // grows per key
  Mono rendered;                          // fresh until rendered + ttl
  Wall rendered_wall;                     // Date of the stored answer
  Wall modified;                          // Last-Modified
  std::shared_ptr<const KeyRules> rules;  // of a dynamic route's page; null = the release holds it
};

struct Page : PageFacts, std::enable_shared_from_this<Page> {
  PageTags epochs;    // of `tags` and the path
  bool gone = false;  // a negative entry: no representations; the caller answers its own 404 or 410

  // By store::Rendition. Identity is always there (unless `gone`); the others once they were made,
  // and of one codec either the quick or the best.
  std::array<Representation, store::rendition_count> representations;
  const Representation* find(store::Rendition rendition) const {
    const Representation& found = representations[static_cast<std::size_t>(rendition)];
    return found.ok == nullptr ? nullptr : &found;
  }
  const Representation* find(store::Codec codec) const { return find(store::rendition_of(codec)); }

  // What changed against the layout of its release, for clients that hold that (RFC 9842). Both or
  // none.
  std::shared_ptr<const Dictionary> dictionary;
  Representation dcz;

  std::string preloads;  // for 103 Early Hints: the value of a Link field; empty = none

  std::size_t bytes = 0;  // what it costs the memory tier

  // What TagEpochs::check last said, and at which purge. A memo; nothing else of a page changes.
  mutable std::atomic<std::uint64_t> checked{0};
};

}  // namespace weir::cache
