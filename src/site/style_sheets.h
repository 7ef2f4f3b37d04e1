#pragma once
// Style sheets made from Sass (S-63): each is compiled once for a site, when it is first asked for.
//
// Imports stay below the site's root. Callable from any thread.

#include "base/guarded.h"
#include "base/result.h"
#include "site/source.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

struct StyleSheet {
  std::string css;
  std::vector<std::string> files;  // that were read, the main one first
};

class StyleSheets {
 public:
  explicit StyleSheets(const SiteSource& source) : source_(source) {}
  // Of the Sass file at `file`, below the site's root.
  Result<std::shared_ptr<const StyleSheet>> of(std::string_view file) const;

 private:
  const SiteSource& source_;
  using Sheets = std::map<std::string, std::shared_ptr<const StyleSheet>, std::less<>>;
  mutable Guarded<Sheets> kept_;
};

// "a/b.css" for "sass/a/b.scss" and "themes/x/sass/a/b.sass"; empty for a partial, "_b.scss".
std::string style_sheet_of(std::string_view sass_file);

}  // namespace weir::site
