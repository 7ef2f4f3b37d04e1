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

Result<RootDirectory::Listing> ListedSource::list(std::string_view directory) const {
  const auto known = listed_.with([&](auto& all) {
    const auto at = all.find(directory);
    return at == all.end() ? std::optional<RootDirectory::Listing>() : at->second;
  });
  if (known) return *known;
  RootDirectory::Listing listing = TRY(source_.list(directory));
  return listed_.with(
      [&](auto& all) { return all.emplace(directory, std::move(listing)).first->second; });
}

}  // namespace weir::site
