#pragma once
// One page or section of a linked library whose front matter is new: it is moved to where it
// belongs in its lists, without reading or sorting those of the others.
//
// Only while the outputs of the site stay the same ones: another address, alias, number of pages in
// a pager, a term that comes or goes, and whatever in a section's front matter decides about its
// pages, need the library to be made anew. One thread, nobody reads meanwhile.

#include "site/library.h"

#include <string>
#include <vector>

namespace weir::site {

// What stands elsewhere than before.
struct Relinked {
  std::vector<PageId> neighbours;  // pages whose lower or higher may be another
  std::vector<SectionId> lists;
  std::vector<std::string> terms;  // "tags/a", and "tags" when the numbers of pages are others
};

// False: the library has to be made anew; it may be half changed.
bool take_front(Library& library, const SiteConfig& config, PageId id, PageFront front,
                Relinked& relinked);
bool take_front(Library& library, SectionId id, SectionFront front, Relinked& relinked);

}  // namespace weir::site
