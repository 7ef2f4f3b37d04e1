#pragma once
// What a site becomes: one Output for each URL, handed to an OutputSink as soon as it is rendered.

#include "base/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

enum class OutputKind {
  page,
  section,  // also each further page of a paginated one
  taxonomy_list,
  taxonomy_term,  // also each further page of a paginated one
  redirect,       // an alias, `redirect_to`, or page/1/ of a pager
  feed,
  sitemap,
  robots,
  not_found,  // 404.html
  style_sheet,
  search_index,
  asset,  // a file beside a page or section
  static_file,
};
std::string_view name_of(OutputKind kind);

// From `[extra.cache]` of the front matter (S-13); what is not set is the server's to decide.
struct Policy {
  std::optional<std::chrono::seconds> ttl;
  std::optional<std::chrono::seconds> swr;
  std::optional<std::chrono::seconds> sie;
};

struct Output {
  OutputKind kind = OutputKind::page;
  std::string path;          // URL path without the base: "/blog/x/", "/atom.xml"
  std::string file;          // below the output directory: "blog/x/index.html", "atom.xml"
  std::string content_type;  // "text/html; charset=utf-8"
  std::string bytes;
  int status = 200;  // 404 for not_found
  Policy policy;
  // What was read to make it, sorted, no repeats: "page:blog/x.md", "section:blog/_index.md",
  // "term:tags/a", "tpl:page.html", "data:data/x.json", "cfg:title", and the front matter's own
  // tags as they stand there.
  std::vector<std::string> tags;
  // Read now(), get_random(), the environment or a URL: another render may give other bytes with
  // nothing edited.
  bool is_volatile = false;
  // A SiteRenderer can make this one again; false for files that are copied.
  bool is_rendered = false;
  std::string template_name;  // that it was rendered with; empty for what is copied
  std::string redirect_to;    // kind redirect: the absolute URL it sends to; `bytes` holds an HTML
                              // page that does so too
};

struct HostingRules;

class OutputSink {
 public:
  virtual ~OutputSink() = default;
  // Once, before the first output.
  virtual void use_rules(const HostingRules&) {}
  // Called from many threads at once, each file exactly once. An error stops the build and is its
  // error.
  virtual Status put(Output&& output) = 0;
  // The output of that file and URL path would be what the last build made. True: it is taken over;
  // false: it cannot be, so that it is rendered.
  virtual bool keep(const std::string& /*file*/, const std::string& /*path*/) { return false; }
  // Whether `keep` would take it over.
  virtual bool holds(const std::string& /*file*/, const std::string& /*path*/) const {
    return false;
  }
};

}  // namespace weir::site
