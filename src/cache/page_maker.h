#pragma once
// Makes a Page: heads and bodies prepared once, so that a hit only copies them.
//
// Fields of every answer: Content-Type, ETag, Last-Modified, Cache-Control, Vary, the page's own,
// Date and Age.
//   - A page with a ttl was made at some moment: its Date is that moment and Age counts from it
//     (C-27).
//   - A page without one is true until a purge or the next release says otherwise; we are its
//     origin, so its Date is now and its Age 0. (With the build's date, a downstream cache would
//     find it too old for any max-age.)
//   - Cache-Control is for clients and says nothing about our own policy: HTML and the like must be
//     revalidated (that costs a 304), static files whose name holds a hash of their content are
//     immutable.

#include "cache/page.h"
#include "cache/tags.h"
#include "store/codec.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

// By Rendition; null = not made. Identity must be there.
using Bodies = std::array<std::shared_ptr<const std::string>, store::rendition_count>;
Bodies bodies_of(store::Body body);
Bodies bodies_of(const Page& page);

// Errc::invalid when a field cannot be sent.
Result<std::shared_ptr<const Page>> make_page(PageFacts facts, const Bodies& bodies,
                                              TagEpochs& tags);
std::shared_ptr<const Page> make_gone_page(PageFacts facts, TagEpochs& tags);

// A page of facts alone, whose body is read from disk.
std::shared_ptr<const Page> make_outline(PageFacts facts, TagEpochs& tags);

// The same generation with more codings. `dcz` is of that dictionary; both or none.
struct DictionaryCoding {
  std::shared_ptr<const Dictionary> dictionary = {};
  std::shared_ptr<const std::string> body = {};
};
Result<std::shared_ptr<const Page>> with_codings(const Page& page, const Bodies& bodies,
                                                 const DictionaryCoding& dcz);

std::string etag_of(const Sha256& sha256, store::Rendition rendition);
std::string etag_of(const Sha256& sha256, char letter);
std::string_view cache_control_of(store::EntryKind kind, std::string_view path);

// The fields of a whole answer, and of its 304, without Age and Content-Length.
store::Fields whole_fields_of(const Page& page, store::Rendition rendition);
store::Fields fields_for_304(const Page& page, store::Rendition rendition);
// What every answer that is made of a page carries, be it whole, 304 or 206 (RFC
// 9110 15.3.7, 15.4.5): ETag, Cache-Control, Vary and Date, as far as the page's own fields do not
// say so themselves.
store::Fields shared_fields_of(const Page& page, store::Rendition rendition);

}  // namespace weir::cache
