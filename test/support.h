#pragma once
// What many tests need: a temporary directory, the shared test vectors, and one way to skip.

#include <functional>
#include <string>
#include <string_view>

namespace weir::test {

// An empty directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }
  void write(std::string_view name, std::string_view bytes) const;  // makes parent directories

 private:
  std::string path_;
};

// $WEIR_SHARED, else ../shared; without a slash at the end.
std::string shared_directory();

// Catch2 2.13 has no SKIP. Says "SKIPPED: reason" on stdout, where scripts/run-tests counts it. The
// test then returns.
void skip(std::string_view reason);

// True when shared vectors named `relative` are there; else skips, saying which are missing.
bool has_vectors(std::string_view relative);

// Waits until it is so, asking again and again; after a minute the test has failed.
void eventually(const std::function<bool()>& is_so);

// Reduced counts in `make test`, the acceptance counts when WEIR_PROOF is set (make proof).
std::size_t rounds(std::size_t reduced, std::size_t proof);

}  // namespace weir::test
