#include "site/source.h"

namespace weir::site {

Result<std::unique_ptr<DirectorySource>> DirectorySource::open(const std::string& root) {
  RootDirectory directory = TRY(RootDirectory::open(root));
  return std::unique_ptr<DirectorySource>(new DirectorySource(std::move(directory)));
}

Result<RootDirectory::Listing> DirectorySource::list(std::string_view directory) const {
  return root_.list(directory);
}
Result<std::string> DirectorySource::read(std::string_view path) const { return root_.read(path); }
Result<std::optional<FoundFile>> SiteSource::look(std::string_view path) const {
  if (!TRY(exists(path))) return std::optional<FoundFile>();
  const std::string bytes = TRY(read(path));
  return std::optional<FoundFile>({std::string(path), bytes.size(), 0, 0});
}

Result<std::optional<FoundFile>> DirectorySource::look(std::string_view path) const {
  return root_.look(path);
}
Result<bool> DirectorySource::exists(std::string_view path) const { return root_.exists(path); }

Result<SiteSource::SharedListing> SiteSource::listing(std::string_view directory) const {
  return std::make_shared<const RootDirectory::Listing>(TRY(list(directory)));
}

Result<RootDirectory::Listing> ListedSource::list(std::string_view directory) const {
  return *TRY(listing(directory));
}

Result<SiteSource::SharedListing> ListedSource::listing(std::string_view directory) const {
  SharedListing known = listed_.with([&](auto& all) {
    const auto at = all.find(directory);
    return at == all.end() ? nullptr : at->second;
  });
  if (known != nullptr) return known;
  known = TRY(source_.listing(directory));
  return listed_.with(
      [&](auto& all) { return all.emplace(directory, std::move(known)).first->second; });
}

}  // namespace weir::site
