#include "site/files.h"

#include "base/embedded.h"
#include "site/glob.h"
#include "site/style_sheets.h"
#include "text/url.h"

#include <algorithm>

namespace weir::site {

namespace {

constexpr std::string_view builtin_static = "templates/theme/static/";

std::string_view name_of_file(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Files Files::open(const SiteSource& source, const SiteConfig& config, Diagnostics& diagnostics) {
  Files files;
  files.source_ = &source;
  files.theme_ = config.theme;
  std::vector<Glob> ignored;
  for (const std::string& pattern : config.ignored_static)
    if (Result<Glob> glob = Glob::parse(pattern); glob.ok())
      ignored.push_back(std::move(glob).value());
  const auto list = [&](const std::string& directory, auto&& use) {
    const Result<SiteSource::SharedListing> listing = source.listing(directory);
    if (!listing.ok()) return diagnostics.error(listing.error());
    for (const std::string& link : (*listing)->left_out)
      diagnostics.warning(Error{
          Errc::denied, link + " is a link that leaves the site or leads nowhere; it is left out"}
                              .at({link, 0, 0, 0}));
    for (const FoundFile& file : (*listing)->files)
      use(file.path, file.path.substr(directory.size() + 1));
  };
  const auto copy = [&](const std::string& path, const std::string& target) {
    for (const Glob& glob : ignored)
      if (glob.matches(target) || glob.matches(path) || glob.matches(name_of_file(target))) return;
    files.copied_.push_back({path, target});
  };
  const auto note_sass = [&](const std::string& path, const std::string&) {
    if (path.ends_with(".scss") || path.ends_with(".sass")) files.sass_.push_back(path);
  };

  const Result<bool> has_index = source.exists("templates/index.html");
  files.builtin_theme_ =
      config.uses_builtin_theme || (config.theme.empty() && has_index.ok() && !*has_index);
  if (files.builtin_theme_) {
    for (const EmbeddedFile& file : embedded_files())
      if (file.path.starts_with(builtin_static))
        files.copied_.push_back({"builtin:" + std::string(file.path),
                                 std::string(file.path.substr(builtin_static.size()))});
  }
  if (!config.theme.empty()) {
    list("themes/" + config.theme + "/static", copy);
    list("themes/" + config.theme + "/sass", note_sass);
  }
  list("static", copy);
  if (config.compile_sass) list("sass", note_sass);
  return files;
}

Result<std::optional<std::string>> Files::find(std::string_view path) const {
  std::string relative;
  if (path.starts_with("@/")) {
    relative = "content/" + std::string(path.substr(2));
  } else {
    relative = std::string(path.substr(std::min(path.find_first_not_of('/'), path.size())));
  }
  const std::optional<std::string> folded = text::folded_path(relative);
  if (!folded) return Error{Errc::denied, "\"" + relative + "\" is outside the site"};
  const std::string& inner = *folded;
  if (inner.empty()) return std::optional<std::string>();
  for (const std::string_view place : {"", "static/", "content/"}) {
    const bool is_there = TRY(source_->exists(std::string(place) + inner));
    if (is_there) return std::optional<std::string>(std::string(place) + inner);
  }
  if (const auto copied = published_.find(inner); copied != published_.end())
    return std::optional<std::string>(copied->second);
  if (theme_.empty()) return std::optional<std::string>();
  const std::string of_theme = "themes/" + theme_ + "/static/" + inner;
  const bool is_there = TRY(source_->exists(of_theme));
  return is_there ? std::optional<std::string>(of_theme) : std::nullopt;
}

std::optional<std::string> Files::sass_of(std::string_view path) const {
  while (path.starts_with('/')) path.remove_prefix(1);
  // The site's stand behind the theme's and win.
  for (auto file = sass_.rbegin(); file != sass_.rend(); ++file)
    if (style_sheet_of(*file) == path) return *file;
  return std::nullopt;
}

}  // namespace weir::site
