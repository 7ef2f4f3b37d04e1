#include "site/relink.h"

#include "site/page_order.h"
#include "site/plan.h"
#include "text/slug.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace weir::site {

namespace {

std::string_view directory_above(std::string_view directory) {
  const std::size_t slash = directory.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : directory.substr(0, slash);
}

// Every section that lists the page: the nearest, and those above while they are transparent.
std::vector<SectionId> owners_of(const Library& library, const SiteConfig& config,
                                 const Page& page) {
  std::vector<SectionId> owners;
  for (std::string_view directory = page.directory;; directory = directory_above(directory)) {
    const SectionId owner = library.section_of(section_path_of(config, directory, page.language));
    if (owner == no_id) return owners;
    owners.push_back(owner);
    if (!library.sections[owner].front.transparent || directory.empty()) return owners;
  }
}

bool takes_out(std::vector<PageId>& list, PageId id) {
  const auto at = std::find(list.begin(), list.end(), id);
  if (at == list.end()) return false;
  list.erase(at);
  return true;
}

std::size_t pagers_of(std::size_t count, const std::optional<std::size_t>& paginate_by) {
  return paginate_by ? site::pagers_of(count, *paginate_by) : 1;
}

class PageMove {
 public:
  PageMove(Library& library, const SiteConfig& config, PageId id, Relinked& relinked)
      : library_(library),
        config_(config),
        id_(id),
        page_(library.pages[id]),
        relinked_(relinked) {}

  bool made(PageFront front) {
    if (!front.date) front.date = date_of_name(page_);
    const PageFront& old = page_.front;
    if (std::tie(front.slug, front.path, front.draft, front.render, front.aliases) !=
        std::tie(old.slug, old.path, old.draft, old.render, old.aliases))
      return false;
    const std::vector<SectionId> owners = owners_of(library_, config_, page_);
    const std::optional<Terms> old_terms = terms_of(old);
    const std::optional<Terms> new_terms = terms_of(front);
    if (!old_terms || !new_terms) return false;
    const bool has_new_date = old.date.has_value() != front.date.has_value() ||
                              (old.date && old.date->time != front.date->time);
    const Taken taken = taken_from(owners);
    // The lists of terms are in order while the page is not in them.
    if (front.render && !leaves_terms(*old_terms, *new_terms, has_new_date)) return false;
    page_.front = std::move(front);
    page_.template_name = template_of(library_, page_);
    if (!page_.front.render) return true;
    return goes_back(owners, taken) && enters_terms(*old_terms, *new_terms, has_new_date);
  }

 private:
  using TermKey = std::pair<std::size_t, std::size_t>;      // a taxonomy, and a term of it
  using Terms = std::set<std::pair<TermKey, std::string>>;  // with the name that the page gives it
  struct Place {
    bool is_listed = false;  // else in `unsorted`, or nowhere
    std::size_t at = 0;
  };
  using Taken = std::vector<Place>;

  // Nothing when one of them is not known.
  std::optional<Terms> terms_of(const PageFront& front) const {
    Terms terms;
    for (const auto& [name, values] : front.taxonomies) {
      const Taxonomy* taxonomy = library_.taxonomy_of(name, page_.language);
      if (taxonomy == nullptr) return std::nullopt;
      if (!front.render) continue;
      const auto number = static_cast<std::size_t>(taxonomy - library_.taxonomies.data());
      for (const std::string& value : values) {
        const std::string slug = text::slugify(value, config_.slug_taxonomies);
        const auto term = std::lower_bound(
            taxonomy->terms.begin(), taxonomy->terms.end(), slug,
            [](const Term& one, const std::string& wanted) { return one.slug < wanted; });
        if (term == taxonomy->terms.end() || term->slug != slug) return std::nullopt;
        const auto place = static_cast<std::size_t>(term - taxonomy->terms.begin());
        terms.insert({{number, place}, value});
      }
    }
    return terms;
  }
  Term& term_at(const TermKey& key) const {
    return library_.taxonomies[key.first].terms[key.second];
  }
  static bool has(const Terms& terms, const TermKey& key) {
    const auto at = terms.lower_bound({key, std::string()});
    return at != terms.end() && at->first == key;
  }

  // --- sections ---

  Taken taken_from(const std::vector<SectionId>& owners) {
    Taken taken;
    for (const SectionId owner : owners) {
      Section& section = library_.sections[owner];
      Place place;
      const auto at = std::find(section.pages.begin(), section.pages.end(), id_);
      place.is_listed = at != section.pages.end();
      place.at = static_cast<std::size_t>(at - section.pages.begin());
      if (section.front.sort_by != SortBy::none) {
        takes_out(section.pages, id_);
        takes_out(section.unsorted, id_);
      }
      taken.push_back(place);
    }
    return taken;
  }
  bool goes_back(const std::vector<SectionId>& owners, const Taken& taken) {
    for (std::size_t i = 0; i < owners.size(); ++i) {
      Section& section = library_.sections[owners[i]];
      const SortBy by = section.front.sort_by;
      if (by == SortBy::none) continue;
      const Place now = put_into(section, by);
      if (now.is_listed == taken[i].is_listed && (!now.is_listed || now.at == taken[i].at))
        continue;
      const std::size_t before =
          section.pages.size() - (now.is_listed ? 1 : 0) + (taken[i].is_listed ? 1 : 0);
      if (pagers_of(before, section.front.paginate_by) !=
          pagers_of(section.pages.size(), section.front.paginate_by))
        return false;
      relinked_.lists.push_back(owners[i]);
      if (section.front.transparent) continue;
      if (taken[i].is_listed) link_around(section, taken[i].at);
      if (now.is_listed) link_around(section, now.at);
      if (!now.is_listed) {
        page_.lower = page_.higher = no_id;
        relinked_.neighbours.push_back(id_);
      }
    }
    return true;
  }
  Place put_into(Section& section, SortBy by) {
    if (!has_sort_key(page_, by)) {
      section.unsorted.insert(
          std::lower_bound(section.unsorted.begin(), section.unsorted.end(), id_), id_);
      return {};
    }
    const auto at = section.pages.insert(
        std::lower_bound(section.pages.begin(), section.pages.end(), id_,
                         [&](PageId a, PageId b) {
                           return is_listed_before(library_.pages[a], library_.pages[b], by);
                         }),
        id_);
    return {true, static_cast<std::size_t>(at - section.pages.begin())};
  }
  // The page at that place, and two on each side: what was moved away lay between them.
  void link_around(const Section& section, std::size_t at) {
    const std::vector<PageId>& pages = section.pages;
    for (std::size_t i = at < 2 ? 0 : at - 2; i < std::min(pages.size(), at + 3); ++i) {
      Page& page = library_.pages[pages[i]];
      page.lower = i > 0 ? pages[i - 1] : no_id;
      page.higher = i + 1 < pages.size() ? pages[i + 1] : no_id;
      relinked_.neighbours.push_back(pages[i]);
    }
  }

  // --- terms ---

  // Names that differ but have one slug are one term, under the name that sorts first.
  bool keeps_name(const TermKey& key, const Terms& old_terms, const Terms& new_terms) const {
    const Term& term = term_at(key);
    const auto is_of_term = [&](const auto& one) { return one.first == key; };
    const auto is_named_so = [&](const Terms& terms) { return terms.count({key, term.name}) != 0; };
    for (auto at = std::find_if(new_terms.begin(), new_terms.end(), is_of_term);
         at != new_terms.end() && is_of_term(*at); ++at)
      if (at->second < term.name) return false;
    if (!is_named_so(old_terms) || is_named_so(new_terms)) return true;
    const std::string& taxonomy = library_.taxonomies[key.first].config->name;
    return std::any_of(term.pages.begin(), term.pages.end(), [&](PageId other) {
      if (other == id_) return false;
      const auto& all = library_.pages[other].front.taxonomies;
      return std::any_of(all.begin(), all.end(), [&](const auto& one) {
        return one.first == taxonomy &&
               std::find(one.second.begin(), one.second.end(), term.name) != one.second.end();
      });
    });
  }
  bool leaves_terms(const Terms& old_terms, const Terms& new_terms, bool has_new_date) {
    for (const auto& [key, name] : old_terms) {
      if (!keeps_name(key, old_terms, new_terms)) return false;
      const bool stays = has(new_terms, key);
      if (stays && !has_new_date) continue;
      Term& term = term_at(key);
      const std::size_t count = term.pages.size();
      if (!takes_out(term.pages, id_)) continue;  // by another name of it
      if (!stays && !has_room(key, count, count - 1)) return false;
    }
    return true;
  }
  bool enters_terms(const Terms& old_terms, const Terms& new_terms, bool has_new_date) {
    for (const auto& [key, name] : new_terms) {
      if (!keeps_name(key, old_terms, new_terms)) return false;
      const bool was_there = has(old_terms, key);
      if (was_there && !has_new_date) continue;
      Term& term = term_at(key);
      if (std::find(term.pages.begin(), term.pages.end(), id_) != term.pages.end()) continue;
      if (!was_there && !has_room(key, term.pages.size(), term.pages.size() + 1)) return false;
      put_into(term);
    }
    for (const Terms* terms : {&old_terms, &new_terms}) {
      for (const auto& [key, name] : *terms) {
        const bool is_in_both = has(old_terms, key) && has(new_terms, key);
        if (is_in_both && !has_new_date) continue;
        const Taxonomy& taxonomy = library_.taxonomies[key.first];
        relinked_.terms.push_back(taxonomy.config->slug + '/' + term_at(key).slug);
        if (!is_in_both) relinked_.terms.push_back(taxonomy.config->slug);
      }
    }
    return true;
  }
  // Whether the term is still one, of as many pagers.
  bool has_room(const TermKey& key, std::size_t before, std::size_t now) const {
    const auto& paginate_by = library_.taxonomies[key.first].config->paginate_by;
    return now != 0 && pagers_of(before, paginate_by) == pagers_of(now, paginate_by);
  }
  // Those without a date are behind the others, by number.
  void put_into(Term& term) {
    const auto has_date = [&](PageId other) {
      return library_.pages[other].front.date.has_value();
    };
    const auto undated = std::partition_point(term.pages.begin(), term.pages.end(), has_date);
    const auto at =
        has_date(id_) ? std::lower_bound(term.pages.begin(), undated, id_,
                                         [&](PageId a, PageId b) {
                                           return is_listed_before(library_.pages[a],
                                                                   library_.pages[b], SortBy::date);
                                         })
                      : std::lower_bound(undated, term.pages.end(), id_);
    term.pages.insert(at, id_);
  }

  Library& library_;
  const SiteConfig& config_;
  const PageId id_;
  Page& page_;
  Relinked& relinked_;
};

}  // namespace

bool take_front(Library& library, const SiteConfig& config, PageId id, PageFront front,
                Relinked& relinked) {
  return PageMove(library, config, id, relinked).made(std::move(front));
}

bool take_front(Library& library, SectionId id, SectionFront front, Relinked& relinked) {
  Section& section = library.sections[id];
  const SectionFront& old = section.front;
  const auto decisive = [](const SectionFront& one) {
    return std::tie(one.sort_by, one.draft, one.render, one.transparent, one.generate_feeds,
                    one.page_template, one.paginate_by, one.paginate_reversed, one.paginate_path,
                    one.insert_anchor_links, one.redirect_to, one.aliases);
  };
  if (decisive(front) != decisive(old)) return false;
  const bool has_new_weight = front.weight != old.weight;
  section.front = std::move(front);
  if (!has_new_weight) return true;
  for (SectionId parent = 0; parent < library.sections.size(); ++parent) {
    std::vector<SectionId>& below = library.sections[parent].subsections;
    if (std::find(below.begin(), below.end(), id) == below.end()) continue;
    std::sort(below.begin(), below.end(), [&](SectionId a, SectionId b) {
      return std::pair(library.sections[a].front.weight, a) <
             std::pair(library.sections[b].front.weight, b);
    });
    relinked.lists.push_back(parent);
  }
  return true;
}

}  // namespace weir::site
