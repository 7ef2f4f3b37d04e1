#pragma once
// Who wants to know what a render has read: the builder (incremental builds) and the cache (tags).
//
// The engine itself reports every template it touches (rendered, parent, included, imported,
// shortcode) and the environment variables and volatile functions (now, get_random). Lazy views and
// the functions of the site report everything else. One Recorder belongs to one render, hence to
// one thread; it may be told the same thing many times and must be cheap about it: `id` is a dense
// number of the reporter's own, made for bit sets.

#include <cstdint>
#include <string_view>

namespace weir::tmpl {

enum class ReadKind : std::uint8_t {
  template_file,  // name: of the template; id: its number in the engine (Engine::template_id)
  page,           // name: path of the source file; id: number in the library
  section,        // the same for sections
  term,           // name: "taxonomy/slug"
  config,         // name: key, "extra.x"
  translation,    // name: "lang/key"
  data,           // name: path or URL
  image,          // name: path
  environment,    // name: of the variable
  volatile_,      // name: of the function; the output must be rendered again every time
  lookup,         // name: a path as it was asked for, whether a file was found or not
  whole,          // name: of a list of the whole site: "pages/LANGUAGE", "sitemap", "sass"
  clock,          // name: how the time was formatted, and what was shown (shown_time.h)
};

// What of a page or section was read. An edit of a body does not touch who read only `meta`.
enum class ReadGroup : std::uint8_t {
  meta,  // title, dates, path, taxonomies, extra ...
  content,
  summary,
  toc,
  links,  // lower, higher, translations, ancestors
  list,   // the pages or subsections of a section, of a term, or of the site: which, and in which
          // order
  backlinks,
  size,  // word_count, reading_time
};

struct Read {
  ReadKind kind;
  ReadGroup group = ReadGroup::meta;
  std::uint32_t id = 0;
  std::string_view name;  // lives only as long as the call
};

class Recorder {
 public:
  virtual void read(const Read& what) = 0;

 protected:
  ~Recorder() = default;
};

}  // namespace weir::tmpl
