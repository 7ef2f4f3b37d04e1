#pragma once
// One page as it is served: immutable, all its heads and bodies prepared. A refresh makes a new Page and swaps it
// whole, so that no answer mixes the fields of one generation with the body of another.

#include "base/clock.h"
#include "base/crypto.h"
#include "cache/tags.h"
#include "store/release.h"
#include "store/store.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::http {
struct Prepared;
}

namespace weir::cache {

// One coding of the page. `ok` is the whole answer with the page's own status, `not_modified` the 304 for it.
struct Representation {
  std::string etag;  // with quotes: "<22 characters of base64url SHA-256>-<i|g|b|z>" (C-45)
  std::shared_ptr<const http::Prepared> ok;
  std::shared_ptr<const http::Prepared> not_modified;
  std::shared_ptr<const std::string> body;
};

struct Page : std::enable_shared_from_this<Page> {
  std::string key;
  int status = 200;
  store::EntryKind kind = store::EntryKind::page;
  store::Renderable renderable = store::Renderable::no;
  bool gone = false;  // a negative entry: no representations; the caller answers its own 404 or 410
  std::string content_type;
  store::Fields fields;

  // By store::Codec. Identity is always there (unless `gone`); the others once they were made.
  std::array<Representation, store::codec_count> representations;
  const Representation* find(store::Codec codec) const {
    const Representation& found = representations[static_cast<std::size_t>(codec)];
    return found.ok == nullptr ? nullptr : &found;
  }

  Sha256 sha256{};
  store::BlobId body_id;
  store::Policy policy;
  PageTags tags;
  store::ReleaseId release = 0;
  std::uint64_t fill_seq = 0;
  std::uint64_t generation = 0;
  Mono rendered;       // fresh until rendered + ttl
  Wall rendered_wall;  // Date of the stored answer
  Wall modified;       // Last-Modified
  std::size_t bytes = 0;  // what it costs the memory tier

  // purge number << 2 | Purged, as last checked. A cache of TagEpochs::check, nothing else changes.
  mutable std::atomic<std::uint64_t> checked{0};
};

}  // namespace weir::cache
