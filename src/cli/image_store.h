#pragma once
// Resized images between builds: one file each in a directory of the store.

#include "site/image_store.h"

#include <string>

namespace weir::cli {

class DirectoryImages final : public site::ImageStore {
 public:
  explicit DirectoryImages(std::string directory) : directory_(std::move(directory)) {}
  std::optional<std::string> find(std::string_view name) override;
  Status keep(std::string_view name, std::string_view bytes) override;
  void prune(const std::set<std::string>& names) override;

 private:
  std::string directory_;
};

}  // namespace weir::cli
