#pragma once
// Finding the files that templates name (S-58), and those that are only copied.
//
// Nothing outside the site's root is ever found. Callable from any thread.

#include "site/config.h"
#include "site/diagnostics.h"
#include "site/source.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::site {

class Files {
 public:
  // Lists `static` of the site and of its theme, and the sass files.
  static Files open(const SiteSource& source, const SiteConfig& config, Diagnostics& diagnostics);

  // The path below the root of the file that a function's `path` argument means: the root, static,
  // content, what is copied to that place of the output, the theme's static; "@/x" is content/x.
  // Nothing when there is none; Errc::denied when it would leave the root.
  Result<std::optional<std::string>> find(std::string_view path) const;
  // Copies that pages and sections bring along: their place in the output, and the file.
  void note_published(std::string target, std::string file) {
    published_.emplace(std::move(target), std::move(file));
  }
  Result<std::string> read(std::string_view found) const { return source_->read(found); }
  // The Sass file from which a style sheet of that URL path would be made.
  std::optional<std::string> sass_of(std::string_view path) const;

  struct Copied {
    std::string file;    // below the root, or "builtin:templates/theme/static/x"
    std::string target;  // below the output directory
  };
  const std::vector<Copied>& copied() const { return copied_; }  // the theme's before the site's
  const std::vector<std::string>& sass() const { return sass_; }
  bool builtin_theme() const { return builtin_theme_; }

 private:
  const SiteSource* source_ = nullptr;
  std::string theme_;
  std::vector<Copied> copied_;
  std::vector<std::string> sass_;
  std::map<std::string, std::string, std::less<>> published_;
  bool builtin_theme_ = false;
};

}  // namespace weir::site
