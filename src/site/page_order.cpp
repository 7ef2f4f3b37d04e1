#include "site/page_order.h"

#include "base/bytes.h"
#include "text/slug.h"

#include <algorithm>

namespace weir::site {

namespace {

// The later of the two dates, or the one there is.
const text::DateTime& update_time_of(const Page& page) {
  if (!page.front.updated) return page.front.date->time;
  if (!page.front.date) return page.front.updated->time;
  return is_before(page.front.date->time, page.front.updated->time) ? page.front.updated->time
                                                                    : page.front.date->time;
}

int compared(const Page& a, const Page& b, SortBy by) {
  const auto sign = [](bool is_less, bool is_greater) { return is_less ? -1 : is_greater ? 1 : 0; };
  const auto newest_first = [&](const text::DateTime& x, const text::DateTime& y) {
    return sign(is_before(y, x), is_before(x, y));
  };
  switch (by) {
    case SortBy::date: return newest_first(a.front.date->time, b.front.date->time);
    case SortBy::update_date: return newest_first(update_time_of(a), update_time_of(b));
    case SortBy::weight:
      return sign(*a.front.weight < *b.front.weight, *b.front.weight < *a.front.weight);
    case SortBy::title:
      return sign(is_before_naturally(*a.front.title, *b.front.title),
                  is_before_naturally(*b.front.title, *a.front.title));
    case SortBy::title_bytes:
      return sign(*a.front.title < *b.front.title, *b.front.title < *a.front.title);
    case SortBy::slug:
      return sign(is_before_naturally(a.slug, b.slug), is_before_naturally(b.slug, a.slug));
    case SortBy::permalink:
    case SortBy::none: return 0;
  }
  return 0;
}

}  // namespace

bool has_sort_key(const Page& page, SortBy by) {
  switch (by) {
    case SortBy::date: return page.front.date.has_value();
    case SortBy::update_date: return page.front.date.has_value() || page.front.updated.has_value();
    case SortBy::title:
    case SortBy::title_bytes: return page.front.title.has_value();
    case SortBy::weight: return page.front.weight.has_value();
    case SortBy::none:
    case SortBy::slug:
    case SortBy::permalink: return true;
  }
  return true;
}

bool is_listed_before(const Page& a, const Page& b, SortBy by) {
  const int order = compared(a, b, by);
  return order != 0 ? order < 0 : a.permalink < b.permalink;
}

void sort_pages(std::vector<PageId>& ids, const std::vector<Page>& pages, SortBy by) {
  std::stable_sort(ids.begin(), ids.end(),
                   [&](PageId a, PageId b) { return is_listed_before(pages[a], pages[b], by); });
}

bool is_before_naturally(std::string_view a, std::string_view b) {
  const std::string x = lower_of(text::transliterated(a));
  const std::string y = lower_of(text::transliterated(b));
  std::size_t i = 0;
  std::size_t j = 0;
  const auto run_of_digits = [](const std::string& text, std::size_t& at) {
    const std::size_t first = std::min(text.find_first_not_of('0', at), text.size());
    std::size_t end = first;
    while (end < text.size() && is_digit(text[end])) ++end;
    at = end;
    return std::string_view(text).substr(first, end - first);
  };
  while (i < x.size() && j < y.size()) {
    if (is_digit(x[i]) && is_digit(y[j])) {
      const std::string_view number_a = run_of_digits(x, i);
      const std::string_view number_b = run_of_digits(y, j);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
      continue;
    }
    if (x[i] != y[j]) {
      if (is_alnum(x[i]) != is_alnum(y[j])) return !is_alnum(x[i]);
      return x[i] < y[j];
    }
    ++i;
    ++j;
  }
  const std::size_t rest_a = x.size() - i;
  const std::size_t rest_b = y.size() - j;
  return rest_a != rest_b ? rest_a < rest_b : a < b;
}

}  // namespace weir::site
