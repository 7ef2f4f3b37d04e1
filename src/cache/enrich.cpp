// Further codings of pages, made by one task at a time behind everybody's back: gzip, brotli, and
// the difference to the layout of the release (dcz).

#include "cache/dictionary.h"
#include "cache/page_cache_shared.h"

#include <algorithm>
#include <cstdint>

namespace weir::cache {
namespace {

const std::shared_ptr<const std::string>& body_of(const Bodies& bodies, store::Codec codec) {
  return bodies[static_cast<std::size_t>(codec)];
}

}  // namespace

void PageCache::Shared::enrich_later(const std::shared_ptr<const Page>& page) {
  if (page->gone) return;
  const std::size_t body_bytes = page->find(store::Codec::identity)->body->size();
  if (!store::is_worth_compressing(page->content_type, body_bytes)) return;
  const bool starts = to_enrich.with([&page](ToEnrich& all) {
    if (all.pages.size() >= limits::enrich_queue_max) return false;
    all.pages.push_back(page);
    return !std::exchange(all.is_running, true);
  });
  if (!starts) return;
  if (!renders.offer([self = shared_from_this()] { self->enrich_next(); }))
    to_enrich.with([](ToEnrich& all) { all.is_running = false; });  // the next page tries again
}

void PageCache::Shared::enrich_next() {
  const auto page = to_enrich.with([](ToEnrich& all) {
    std::shared_ptr<const Page> next;
    if (!all.pages.empty()) next = std::move(all.pages.front());
    if (next != nullptr) all.pages.pop_front();
    return next;
  });
  // One that was replaced meanwhile is nobody's business any more.
  if (page != nullptr && in_memory(page->key) == page) enrich(*page);
  const bool goes_on =
      to_enrich.with([](ToEnrich& all) { return all.is_running = !all.pages.empty(); });
  if (goes_on && !renders.offer([self = shared_from_this()] { self->enrich_next(); }))
    to_enrich.with([](ToEnrich& all) { all.is_running = false; });
}

void PageCache::Shared::enrich(const Page& page) {
  Bodies bodies = bodies_of(page);
  const std::string& identity = *body_of(bodies, store::Codec::identity);
  const bool is_of_release = page.generation == page.activation;
  bool has_more = false;
  for (const store::Codec codec : {store::Codec::gzip, store::Codec::brotli}) {
    std::shared_ptr<const std::string>& body = bodies[static_cast<std::size_t>(codec)];
    if (body != nullptr) continue;
    if (is_of_release) {
      auto kept = store.blobs().read_coding(page.body_id, codec);
      if (kept) body = std::make_shared<const std::string>(std::move(kept).value());
    }
    if (body == nullptr) {
      std::string packed =
          codec == store::Codec::gzip ? store::gzip_of(identity) : store::brotli_of(identity);
      if (packed.size() >= identity.size()) continue;
      if (is_of_release)
        if (const Status put = store.blobs().put_coding(page.body_id, codec, packed); !put)
          counts.not_stored.fetch_add(1, std::memory_order_relaxed);
      body = std::make_shared<const std::string>(std::move(packed));
    }
    has_more = true;
  }
  const auto bytes_of = [&bodies](store::Codec codec) {
    const auto& body = body_of(bodies, codec);
    return body == nullptr ? SIZE_MAX : body->size();
  };
  const DictionaryCoding dcz = dictionary_coding_of(
      page, std::min(bytes_of(store::Codec::brotli), bytes_of(store::Codec::zstd)));
  if (!has_more && dcz.dictionary == page.dictionary) return;
  const auto more = with_codings(page, bodies, dcz);
  if (more.ok()) shelf.put(*more, [](ShelfEntry&) {});
}

// What the page is to who has the layout; nothing where that gains nothing.
DictionaryCoding PageCache::Shared::dictionary_coding_of(const Page& page, std::size_t best_bytes) {
  const auto now = dictionary.with([](const auto& held) { return held; });
  if (now == nullptr || page.status != 200 || !page.content_type.starts_with("text/html"))
    return {};
  if (page.dictionary == now) return {now, page.dcz.body};
  auto dcz =
      std::make_shared<const std::string>(now->dcz_of(*page.find(store::Codec::identity)->body));
  if (dcz->size() >= best_bytes) return {};
  return {now, std::move(dcz)};
}

void PageCache::Shared::make_dictionary_later(const std::shared_ptr<const Active>& from) {
  if (!settings.dictionaries || from->release == nullptr) return;
  const Status offered =
      loads.offer([self = shared_from_this(), from] { self->make_dictionary(from); });
  if (!offered) log.info("cache.no_dictionary", {{"reason", offered.error().what}});
}

// Pages that came into memory before it was there get their difference now.
void PageCache::Shared::make_dictionary(const std::shared_ptr<const Active>& from) {
  const auto made = Dictionary::of(*from->release);
  if (hold_active() != from) return;  // another release came
  dictionary.with([&made](auto& held) { held = made; });
  if (made == nullptr) return;
  log.info("cache.dictionary", {{"name", made->name()}, {"bytes", made->bytes().size()}});
  for (const std::shared_ptr<const Page>& page : shelf.pages()) enrich_later(page);
}

}  // namespace weir::cache
