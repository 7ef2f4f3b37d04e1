#pragma once
// The content of a site, linked: pages, sections, terms, and how they stand to each other (S-15 to
// S-24).
//
// `load_library` reads and parses all content files on all cores and links them; afterwards nothing
// changes, so any number of threads may read, unless a page is moved in it where nobody does
// (relink.h). Numbers (PageId, SectionId) are dense and the same for the same content, whatever the
// number of threads: files are numbered in bytewise order of their paths.

#include "site/config.h"
#include "site/diagnostics.h"
#include "site/front.h"
#include "site/memory.h"
#include "site/source.h"
#include "template/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::site {

using PageId = std::uint32_t;
using SectionId = std::uint32_t;
inline constexpr std::uint32_t no_id = 0xffff'ffff;

// A file that is copied beside the page or section.
struct Asset {
  std::string file;  // "content/blog/x/photo.jpg"
  std::string name;  // "photo.jpg", below the owner's URL
};

// What pages and sections have in common.
struct Content {
  std::string file;            // "content/blog/x.fr.md"
  std::string relative_path;   // "blog/x.fr.md"
  std::string directory;       // "blog", where its section is; for dir/index.md the directory above
  std::string canonical;       // "blog/x": the same for all languages
  std::string colocated_path;  // "blog/x/" for blog/x/index.md, else empty
  std::uint32_t language = 0;
  std::string path;                  // "/fr/blog/x/"
  std::string permalink;             // base_url and path
  std::vector<SectionId> ancestors;  // the index first, the own section last
  std::vector<Asset> assets;
  std::uint32_t translations = no_id;  // index in Library::translations
  tmpl::Value extra;
  // The file; the body is behind the front matter. Empty also when it was not read again, because
  // it looks as it did when its front matter was remembered.
  std::string text;
  bool has_text = false;
  // Only for a build that remembers: the front matter as encode_value writes it, if it was read
  // anew, and the row of the memory of before, if that has one.
  std::string front_kept;
  std::uint32_t row_before = BuildMemory::none;
  Hash128 front_hash;  // the same
  Hash128 body_hash;
  FileLook look;
  std::uint32_t body_offset = 0;
  std::uint32_t body_line = 1;
  std::size_t word_count = 0;

  std::string_view body() const { return std::string_view(text).substr(body_offset); }
  std::size_t reading_time() const { return (word_count + 199) / 200; }
};

struct Page : Content {
  PageFront front;
  std::string slug;
  SectionId section = no_id;  // the nearest; none: an orphan
  PageId lower = no_id;
  PageId higher = no_id;
  std::string template_name = "page.html";
};

struct Section : Content {
  SectionFront front;
  bool is_index = false;         // the home page of a language
  bool has_file = true;          // false: an index nobody wrote
  std::vector<PageId> pages;     // in order
  std::vector<PageId> unsorted;  // lack the sort key: rendered, not listed
  std::vector<SectionId> subsections;

  std::string_view template_name() const {
    if (front.template_name) return *front.template_name;
    return is_index ? "index.html" : "section.html";
  }
};

struct Term {
  std::string name;
  std::string slug;
  std::string path;
  std::string permalink;
  std::vector<PageId> pages;
};

struct Taxonomy {
  const TaxonomyConfig* config = nullptr;
  std::uint32_t language = 0;
  std::string path;
  std::string permalink;
  std::vector<Term> terms;  // by slug, then name
};

struct Translation {
  std::uint32_t language = 0;
  PageId page = no_id;
  SectionId section = no_id;
};

struct Library {
  std::vector<Page> pages;
  std::vector<Section> sections;
  std::vector<Taxonomy> taxonomies;  // of all languages
  std::vector<std::vector<Translation>> translations;
  std::vector<PageId> orphans;
  std::vector<std::string> ignored;  // content files that ignored_content leaves out

  PageId page_of(std::string_view relative_path) const;        // no_id when there is none
  SectionId section_of(std::string_view relative_path) const;  // the same
  const Taxonomy* taxonomy_of(std::string_view name, std::uint32_t language) const;

  std::unordered_map<std::string_view, PageId> page_ids;  // views of the pages' relative_path
  std::unordered_map<std::string_view, SectionId> section_ids;
};

// Errors go to `diagnostics`; what could be read is in the answer all the same, so that later
// phases can tell their errors too.
Library load_library(const SiteSource& source, const SiteConfig& config,
                     const BuildOptions& options, Diagnostics& diagnostics);

// What linking goes by, also where one page is linked anew (relink.h).
// "blog", 0 -> "blog/_index.md"
std::string section_path_of(const SiteConfig& config, std::string_view directory,
                            std::uint32_t language);
// The date that stands in front of a file's or directory's name.
std::optional<Dated> date_of_name(const Page& page);
// The template that front matter names, the page's own or the nearest section's.
std::string template_of(const Library& library, const Page& page);

}  // namespace weir::site
