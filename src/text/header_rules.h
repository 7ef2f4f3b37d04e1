#pragma once
// `_headers` files of Netlify and of Cloudflare Pages, read as they are.
//
//   file    = *( comment | block )         comment = "#" at the first character of a line
//   block   = path line, then lines of     name ":" value        the field is set
//                                          "! " name             it is taken away (Cloudflare)
//
// Every block whose path fits applies, in the order of the file. A field that an earlier block (or
// line) has set gets the further value behind a comma (Set-Cookie: a line of its own); any other
// field of that name is replaced. ":name" and ":splat" in a value stand for what the path brought.
//
// A line that its vendor would leave out is left out here too, with an error that has file, line
// and column; so are fields that only the server can know. Immutable, callable from any thread.

#include "text/site_pattern.h"

#include "base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::text {

class HeaderRules {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  struct Parsed;
  // `host`: whose blocks "https://host/path" are; other hosts' are left out.
  static Parsed parse(std::string_view text, std::string_view file, Hosting hosting,
                      std::string_view host);

  // Changes the fields of the answer at `path` (decoded). A field that was taken away stays as one
  // with an empty value, so that nobody sets its default.
  void apply(std::string_view path, Fields& fields) const;
  std::size_t count() const { return blocks_.size(); }

 private:
  struct Block {
    SitePattern path;
    std::vector<std::pair<std::string, std::string>> set;  // names in lower case
    std::vector<std::string> unset;                        // likewise
  };
  std::vector<Block> blocks_;
};

struct HeaderRules::Parsed {
  HeaderRules rules;
  std::vector<Error> left_out;
  std::vector<Error> notes;
};

}  // namespace weir::text
