#pragma once
// Which outputs a site has: all of them, before any is rendered, so that two of one name are found,
// later writers win in the order of S-59, and the rest can be rendered in any order on any thread.

#include "site/library.h"
#include "site/output.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::site {

inline constexpr std::uint32_t no_pager = 0;
// As a ReadKind::whole.
inline constexpr std::string_view whole_sitemap = "sitemap";
inline constexpr std::string_view whole_dates = "dates/";        // and a language: what feeds go by
inline constexpr std::string_view whole_searched = "searched/";  // and a language: what is indexed
inline constexpr std::string_view whole_sass = "sass";  // all files that a style sheet may import

struct Planned {
  OutputKind kind = OutputKind::page;
  std::string path;  // URL path
  std::string file;  // below the output directory
  // Whose file asked for it, for messages, and for copies the file that is copied. As the library,
  // the configuration or `Files` holds it.
  std::string_view origin;
  std::uint32_t language = 0;
  PageId page = no_id;
  SectionId section = no_id;
  std::uint32_t taxonomy = no_id;  // index in Library::taxonomies
  std::uint32_t term = no_id;
  std::uint32_t pager = no_pager;  // counts from 1
  std::string name;                // the template of a feed or sitemap
  std::string redirect;            // the absolute URL of a redirect
  std::size_t sitemap_part = 0;    // counts from 1; 0: the only one, or the index
};

struct Plan {
  std::vector<Planned> outputs;     // each file once
  std::size_t sitemap_entries = 0;  // when they need more than one sitemap

  // Null when no output has that URL path.
  const Planned* find(std::string_view path) const;

  std::unordered_map<std::string_view, std::size_t> by_path;  // views of the outputs' paths
};

// How many pagers `count` pages make: at least one.
std::size_t pagers_of(std::size_t count, std::size_t paginate_by);
enum class PagerOrder : std::uint8_t { as_listed, reversed };
// The pages of one, in its order.
std::vector<PageId> pages_of_pager(const std::vector<PageId>& pages, std::size_t paginate_by,
                                   std::size_t pager, PagerOrder order);

struct SitemapEntry {
  std::string permalink;
  PageId page = no_id;
  SectionId section = no_id;
};
// Sorted by permalink, without repeats.
std::vector<SitemapEntry> sitemap_entries_of(const SiteConfig& config, const Library& library);

class Files;
Plan plan_of(const SiteConfig& config, const Library& library, const Files& files,
             Diagnostics& diagnostics);

}  // namespace weir::site
