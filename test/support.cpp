#include "support.h"

#include "base/faults.h"
#include "base/file.h"
#include "base/must.h"
#include "known_leaks.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <thread>

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

void eventually(const std::function<bool()>& is_so) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > until)
      throw std::runtime_error("waited a minute in vain");
    std::this_thread::yield();
  }
}

std::size_t rounds(std::size_t reduced, std::size_t proof) {
  return std::getenv("WEIR_PROOF") == nullptr ? reduced : proof;
}

}  // namespace weir::test

// In the builds with faults an allocation can be made to fail like any other call (base/faults.h).
#ifdef WEIR_FAULTS
void* operator new(std::size_t bytes) {
  if (weir::faults::strike(weir::faults::Call::allocate) == weir::faults::none)
    if (void* const at = std::malloc(bytes == 0 ? 1 : bytes)) return at;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return std::malloc(bytes == 0 ? 1 : bytes);  // for whoever asks like this, failing is no fault
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
#endif
