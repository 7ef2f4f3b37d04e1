#pragma once
// What a tenant knows of its documents without asking the disk: names, positions of the operations
// still in the log, and how far each is folded. Rebuilt at open (data, D-9): the log table has no
// second index, this is it.
//
// Holds committed facts only: the writer tells after each commit, readers ask at any time. Callable
// from any thread.

#include "base/bytes.h"
#include "base/limits.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::sync {

struct Document {
  std::int64_t id = 0;
  std::int64_t head = 0;     // position of its last operation
  std::int64_t folded = 0;   // its snapshot holds everything up to here
  std::int64_t gone = 0;     // operations up to here are only in the snapshot
  std::size_t unfolded = 0;  // operations after `folded`
  std::size_t fold_after = limits::sync_fold_ops_min;  // fold again when so many are unfolded
  bool is_full = false;  // the last fold found it over a bound of size
};

class Documents {
 public:
  std::optional<Document> find(std::string_view name) const;
  std::size_t count() const;

  // Positions of operations after `since`, oldest first, at most `count_max`.
  std::vector<std::int64_t> positions(std::string_view name, std::int64_t since,
                                      std::size_t count_max) const;

  // Operations of the log after `since`.
  std::size_t count_after(std::string_view name, std::int64_t since) const;

  void add(const std::string& name, const Document& document);
  void append(std::string_view name,
              std::span<const std::int64_t> positions);  // the name is known, positions rise
  struct Fold {
    std::int64_t folded = 0;
    std::size_t fold_after = limits::sync_fold_ops_min;
    bool is_full = false;
  };
  void note_fold(std::string_view name, const Fold& fold);
  void note_gone(std::string_view name, std::int64_t gone);
  void remove(std::string_view name);

 private:
  struct Entry {
    Document document;
    std::vector<std::int64_t> positions;  // of rows in the log
  };
  mutable std::shared_mutex mutex_;  // many readers, one writer
  std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;
};

}  // namespace weir::sync
