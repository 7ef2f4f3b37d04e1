#include "support.h"

#include "base/file.h"
#include "base/must.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace weir::test {

TemporaryDirectory::TemporaryDirectory() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base == nullptr ? "/tmp" : base) + "/weir-test-XXXXXX";
  MUST(::mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // a test that removed its own directory is fine
  std::filesystem::remove_all(path_, ignored);
}

void TemporaryDirectory::write(std::string_view name, std::string_view bytes) const {
  const std::string path = *this / name;
  MUST(make_directories(path.substr(0, path.rfind('/'))).ok());
  MUST(write_file_atomically(path, bytes, Sync::no).ok());
}

std::string shared_directory() {
  const char* set = std::getenv("WEIR_SHARED");
  return set == nullptr ? "../shared" : set;
}

void skip(std::string_view reason) {
  std::printf("SKIPPED: %.*s\n", static_cast<int>(reason.size()), reason.data());
  std::fflush(stdout);
}

bool has_vectors(std::string_view relative) {
  const std::string path = shared_directory() + "/vectors/" + std::string(relative);
  if (std::filesystem::exists(path)) return true;
  skip(path + " is not here (set WEIR_SHARED)");
  return false;
}

std::size_t rounds(std::size_t reduced, std::size_t proof) {
  return std::getenv("WEIR_PROOF") == nullptr ? reduced : proof;
}

}  // namespace weir::test
