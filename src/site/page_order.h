#pragma once
// In which order pages stand in the lists of sections and terms (S-17).

#include "site/library.h"

#include <string_view>
#include <vector>

namespace weir::site {

bool has_sort_key(const Page& page, SortBy by);
// In a list in that order; both have its key. No two pages are equal, since no two have one
// address.
bool is_listed_before(const Page& a, const Page& b, SortBy by);
void sort_pages(std::vector<PageId>& ids, const std::vector<Page>& pages, SortBy by);

// Less than, as people sort: case and accents do not count, runs of digits are numbers.
bool is_before_naturally(std::string_view a, std::string_view b);

}  // namespace weir::site
