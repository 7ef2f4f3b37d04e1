// Further codings of pages, made by one task at a time behind everybody's back: gzip, brotli, and
// the difference to the layout of the release (dcz). The page is served without them until then
// (C-43). Those of a release's pages are kept on disk; those of fills, which may change every
// second, only in memory. The best ones come later (polish.cpp), and are kept for both.

#include "cache/dictionary.h"
#include "cache/page_cache_shared.h"

#include <algorithm>
#include <cstdint>
#include <new>

namespace weir::cache {
namespace {

using store::Rendition;

std::shared_ptr<const std::string>& body_of(Bodies& bodies, Rendition rendition) {
  return bodies[static_cast<std::size_t>(rendition)];
}

}  // namespace

void PageCache::Shared::enrich_later(const std::shared_ptr<const Page>& page) {
  if (page->gone) return;
  const std::size_t body_bytes = page->find(Rendition::identity)->body->size();
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
  // The page may stand there under another address by now, with codings of its own but without the
  // difference to a layout that came later. What holds other bytes has its own turn.
  if (page != nullptr)
    if (const auto now = in_memory(page->key);
        now != nullptr && !now->gone && now->body_id == page->body_id)
      try {
        enrich(*now);
      } catch (const std::bad_alloc&) {  // it goes out as it is, and the others have their turns
      }
  const bool goes_on =
      to_enrich.with([](ToEnrich& all) { return all.is_running = !all.pages.empty(); });
  if (goes_on && !renders.offer([self = shared_from_this()] { self->enrich_next(); }))
    to_enrich.with([](ToEnrich& all) { all.is_running = false; });
}

void PageCache::Shared::enrich(const Page& page) {
  Bodies more;
  std::size_t best_bytes = SIZE_MAX;  // of what goes out if the difference does not
  bool has_best = true;
  for (const Rendition rendition : {Rendition::gzip, Rendition::brotli, Rendition::zstd}) {
    const Rendition best = store::best_of(rendition);
    std::shared_ptr<const std::string> body;
    if (best != rendition) {
      body = page.find(best) != nullptr ? page.find(best)->body : kept_coding(page, best);
      body_of(more, best) = body;
      has_best = has_best && body != nullptr;
    }
    if (body == nullptr && page.find(rendition) != nullptr) body = page.find(rendition)->body;
    if (body == nullptr && rendition != Rendition::zstd)
      body = body_of(more, rendition) = quick_coding(page, rendition);
    if (body != nullptr && rendition != Rendition::gzip)
      best_bytes = std::min(best_bytes, body->size());
  }
  add_codings(page.key, page.body_id, more, dictionary_coding_of(page, best_bytes));
  if (!has_best) polish_later(page);
}

// From disk, or made now; nothing where it gains nothing. Of what may change every second it is not
// kept on disk.
std::shared_ptr<const std::string> PageCache::Shared::quick_coding(const Page& page,
                                                                   Rendition rendition) {
  const bool is_of_release = page.generation == page.activation;
  if (is_of_release)
    if (auto kept = kept_coding(page, rendition); kept != nullptr) return kept;
  const std::string& identity = *page.find(Rendition::identity)->body;
  std::string packed =
      rendition == Rendition::gzip ? store::gzip_of(identity) : store::brotli_of(identity);
  if (packed.size() >= identity.size()) return nullptr;
  if (is_of_release)
    if (const Status put = store.blobs().put_coding(page.body_id, rendition, packed); !put)
      counts.not_stored.fetch_add(1, std::memory_order_relaxed);
  return std::make_shared<const std::string>(std::move(packed));
}

// Whether codings of it belong on disk: its body lies there.
bool PageCache::Shared::keeps_codings(const Page& page) const {
  return page.generation == page.activation || store.has_fill(page.key);
}

std::shared_ptr<const std::string> PageCache::Shared::kept_coding(const Page& page,
                                                                  Rendition rendition) {
  if (!keeps_codings(page)) return nullptr;
  auto kept = store.blobs().read_coding(page.body_id, rendition);
  return kept ? std::make_shared<const std::string>(std::move(kept).value()) : nullptr;
}

// To the page that is in memory by now, if its bytes are still those. A best coding takes the place
// of the quick one in one step: the page is swapped whole.
void PageCache::Shared::add_codings(const std::string& key, const store::BlobId& body_id,
                                    const Bodies& more,
                                    const std::optional<DictionaryCoding>& dcz) {
  const std::lock_guard one_at_a_time(dressing);
  const std::shared_ptr<const Page> page = in_memory(key);
  if (page == nullptr || page->gone || page->body_id != body_id) return;
  Bodies bodies = bodies_of(*page);
  bool has_more = false;
  for (std::size_t at = 0; at < bodies.size(); ++at) {
    const auto best = static_cast<std::size_t>(store::best_of(static_cast<Rendition>(at)));
    if (more[at] == nullptr || bodies[at] != nullptr || bodies[best] != nullptr) continue;
    bodies[at] = more[at];
    has_more = true;
  }
  for (const Rendition quick : {Rendition::zstd, Rendition::brotli})
    if (body_of(bodies, store::best_of(quick)) != nullptr) body_of(bodies, quick).reset();
  const DictionaryCoding held{page->dictionary, page->dcz.body};
  if (!has_more && (!dcz || dcz->dictionary == held.dictionary)) return;
  const auto dressed = with_codings(*page, bodies, dcz ? *dcz : held);
  // What was published meanwhile stays, and so does a page that would not fit with its codings.
  if (dressed.ok()) static_cast<void>(shelf.replace(*page, *dressed));
}

// What the page is to who has the layout; nothing where that gains nothing.
DictionaryCoding PageCache::Shared::dictionary_coding_of(const Page& page, std::size_t best_bytes) {
  const auto now = dictionary.with([](const auto& held) { return held; });
  if (now == nullptr || page.status != 200 || !page.content_type.starts_with("text/html"))
    return {};
  if (page.dictionary == now) return {now, page.dcz.body};
  auto dcz =
      std::make_shared<const std::string>(now->dcz_of(*page.find(Rendition::identity)->body));
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
  const bool is_current = dictionary.with([&](auto& held) {
    if (hold_active() != from) return false;  // another release came
    held = made;
    return true;
  });
  if (!is_current || made == nullptr) return;
  log.info("cache.dictionary", {{"name", made->name()}, {"bytes", made->bytes().size()}});
  for (const std::shared_ptr<const Page>& page : shelf.pages()) enrich_later(page);
}

}  // namespace weir::cache
