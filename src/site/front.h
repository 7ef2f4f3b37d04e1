#pragma once
// Front matter, read: what an author says about a page or a section (S-10 to S-14).
//
// Wrong values are reported with their place and left at their default, so that all of a file's
// mistakes are told at once. A page ignores keys it does not know, as Zola does; a section reports
// them.

#include "site/diagnostics.h"
#include "site/output.h"
#include "text/date.h"
#include "text/markdown.h"
#include "text/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::site {

// `[extra.cache]`
struct CacheFront {
  Policy policy;
  std::vector<std::string> tags;
};

struct Dated {
  std::string text;  // as templates see it
  text::DateTime time;
};

struct PageFront {
  bool in_search_index = true;
  std::optional<std::string> title;
  std::optional<std::string> description;
  std::optional<Dated> date;
  std::optional<Dated> updated;
  std::optional<std::string> slug;
  std::optional<std::string> path;
  std::optional<std::string> template_name;
  std::optional<std::int64_t> weight;
  bool draft = false;
  bool render = true;
  std::vector<std::string> authors;
  std::vector<std::string> aliases;
  std::vector<std::pair<std::string, std::vector<std::string>>> taxonomies;
  text::Value extra = text::Value::Object{};
  CacheFront cache;
  Place taxonomies_place;
  Place template_place;
};

enum class SortBy : std::uint8_t {
  none,
  date,
  update_date,
  title,
  title_bytes,
  weight,
  slug,
  permalink
};

struct SectionFront {
  std::optional<std::string> title;
  std::optional<std::string> description;
  SortBy sort_by = SortBy::none;
  std::int64_t weight = 0;
  bool draft = false;
  bool render = true;
  bool transparent = false;
  bool generate_feeds = false;
  bool in_search_index = true;
  std::optional<std::string> template_name;
  std::optional<std::string> page_template;
  std::optional<std::size_t> paginate_by;  // never 0
  bool paginate_reversed = false;
  std::string paginate_path = "page";
  std::optional<text::AnchorLinks> insert_anchor_links;
  std::optional<std::string> redirect_to;
  std::vector<std::string> aliases;
  text::Value extra = text::Value::Object{};
  CacheFront cache;
  Place template_place;
};

PageFront page_front_of(const text::Value& table, std::string_view file, Diagnostics& diagnostics);
SectionFront section_front_of(const text::Value& table, std::string_view file,
                              Diagnostics& diagnostics);

}  // namespace weir::site
