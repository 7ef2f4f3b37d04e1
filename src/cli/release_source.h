#pragma once
// The site as a release keeps it: what a page is rendered from again on a host that never saw the
// author's directory. Immutable; callable from any thread.

#include "site/source.h"
#include "store/release.h"

#include <memory>

namespace weir::cli {

class ReleaseSource final : public site::SiteSource {
 public:
  explicit ReleaseSource(std::shared_ptr<const store::Release> release)
      : release_(std::move(release)) {}
  Result<RootDirectory::Listing> list(std::string_view directory) const override;
  Result<std::string> read(std::string_view path) const override;
  Result<bool> exists(std::string_view path) const override;

 private:
  std::shared_ptr<const store::Release> release_;
};

// How the release was built, kept among its inputs, so that a later render makes the same page.
struct BuildNote {
  std::string config_file;
  std::string base_url;
  bool has_base_url = false;  // --base-url was given
  bool drafts = false;
  bool minify = false;
  std::string site_url = {};  // the base_url that was used, configured or given
};
inline constexpr std::string_view build_note_name = ".weir/build.json";
std::string build_note_text(const BuildNote& note);
Result<BuildNote> parse_build_note(std::string_view text);

}  // namespace weir::cli
