#pragma once
// Where a site's files come from: a directory of the author, or the inputs that a release kept.
//
// `build` and `SiteRenderer` read through this and nothing else, so that a page can be rendered
// again on a host that never saw the author's directory. Paths are relative to the site's root, '/'
// between parts, and never leave it. All functions are callable from any thread at once.

#include "base/file.h"
#include "base/guarded.h"
#include "base/result.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

class SiteSource {
 public:
  virtual ~SiteSource() = default;

  // All files below `directory` ("" = the root), sorted bytewise by path; a directory that does not
  // exist is an empty listing. Paths in the answer are relative to the site's root. Links that
  // leave it are in `left_out`, never followed.
  virtual Result<RootDirectory::Listing> list(std::string_view directory) const = 0;
  // The same, held by whoever has it already: no copy of ten thousand names.
  using SharedListing = std::shared_ptr<const RootDirectory::Listing>;
  virtual Result<SharedListing> listing(std::string_view directory) const;

  // Errc::missing when there is none, Errc::denied when it would leave the root.
  virtual Result<std::string> read(std::string_view path) const = 0;
  virtual Result<bool> exists(std::string_view path) const = 0;
  // Nothing when there is no such file. A source without times tells the size only.
  virtual Result<std::optional<FoundFile>> look(std::string_view path) const;
};

// The author's directory.
class DirectorySource final : public SiteSource {
 public:
  static Result<std::unique_ptr<DirectorySource>> open(const std::string& root);

  Result<RootDirectory::Listing> list(std::string_view directory) const override;
  Result<std::string> read(std::string_view path) const override;
  Result<bool> exists(std::string_view path) const override;
  Result<std::optional<FoundFile>> look(std::string_view path) const override;
  const std::string& root() const { return root_.path(); }

 private:
  explicit DirectorySource(RootDirectory root) : root_(std::move(root)) {}
  RootDirectory root_;
};

// Another source whose directories are listed once: who asks again sees what was there at first.
// For one build, whose parts then agree on what the site is; ten thousand files are looked at once,
// not four times. `source` must outlive it.
class ListedSource final : public SiteSource {
 public:
  explicit ListedSource(const SiteSource& source) : source_(source) {}
  Result<RootDirectory::Listing> list(std::string_view directory) const override;
  Result<SharedListing> listing(std::string_view directory) const override;
  Result<std::string> read(std::string_view path) const override { return source_.read(path); }
  Result<bool> exists(std::string_view path) const override { return source_.exists(path); }
  Result<std::optional<FoundFile>> look(std::string_view path) const override {
    return source_.look(path);
  }

 private:
  const SiteSource& source_;
  mutable Guarded<std::map<std::string, SharedListing, std::less<>>> listed_;
};

}  // namespace weir::site
