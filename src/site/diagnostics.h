#pragma once
// Collects what is wrong with an author's files, so that all errors of a phase are told at once
// (S-78).
//
// Callable from any thread. The order told is that of files, lines and columns, whatever thread
// found them.

#include "base/guarded.h"
#include "base/result.h"
#include "site/build.h"

#include <atomic>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace weir::site {

class Diagnostics {
 public:
  explicit Diagnostics(Strictness strictness) : strictness_(strictness) {}

  void error(Error error) { add(Severity::error, std::move(error)); }
  // An error under `--strict`.
  void warning(Error error) {
    add(strictness_ == Strictness::strict ? Severity::error : Severity::warning, std::move(error));
  }
  // Worth knowing, never an error.
  void remark(Error error) { add(Severity::warning, std::move(error)); }
  // Something of weir's that is not there yet; never an error, and said once for each text.
  void notice(std::string_view what);

  bool failed() const { return errors_.load() != 0; }
  std::size_t errors() const { return errors_.load(); }
  std::size_t warnings() const { return warnings_.load(); }
  // Sorted, without repeats; at most limits::diagnostics_max of each severity. One mistake of a
  // template that many pages meet is told once, with the first page and the count of the others.
  std::vector<Diagnostic> sorted() const;

 private:
  using Chain = std::vector<std::string>;
  struct Kept {
    Diagnostic diagnostic;   // with an empty chain
    std::set<Chain> chains;  // of every way that led to it
  };
  void add(Severity severity, Error error);

  Strictness strictness_;
  std::atomic<std::size_t> errors_{0};
  std::atomic<std::size_t> warnings_{0};
  Guarded<std::vector<Kept>> kept_;
};

// "did you mean \"x\"?" or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace weir::site
