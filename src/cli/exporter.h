#pragma once
// Plain files beside the release, as Zola writes them (site S-68).
//
// What changed is written to a side directory first and moved into place when the whole build is
// good, so that a broken build leaves the last good files. A file whose hash is on record is not
// touched (its time stays). Files that no longer belong are removed. What weir wrote is on record
// in `.weir-outputs` in the directory itself. The site's own output directory without such a record
// is emptied first, as Zola does (dot files kept when the site says so); any other directory that
// is not empty needs --force. `put` is callable from many threads.

#include "base/guarded.h"
#include "base/result.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

// Refuses an output directory whose emptying would take the author's files or the store with it:
// one that holds the site or the store, or lies in the store or in a directory that the site is
// made from.
Status check_output_directory(const std::string& directory, const std::string& root,
                              const std::string& store);

class Exporter {
 public:
  enum class Claim {
    configured,
    asked_for,
    forced
  };  // output_dir of the site; --output-dir; with --force
  static Result<std::unique_ptr<Exporter>> open(const std::string& directory, Claim claim);
  ~Exporter();  // removes what was not moved into place
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  Status put(std::string_view file, std::string_view bytes);
  // Whether the file was there when this was opened, and weir wrote it.
  bool holds(std::string_view file) const;
  // It stays as it is; it must be held. Like `put`, once for each file.
  void keep(std::string_view file);
  // Whether every file on record, and no other number of them, is there.
  bool holds_all(std::size_t count) const;

  struct Counts {
    std::size_t written = 0;
    std::size_t unchanged = 0;
    std::size_t removed = 0;
  };
  enum class DotFiles { remove, keep };
  Result<Counts> finish(DotFiles dot_files);

 private:
  // A line of the record; views of `record_`.
  struct Known {
    std::string_view file, hash;
    std::int64_t bytes = -1;  // of the file that is there; -1: none is
    bool is_kept = false;
  };
  struct Row {
    std::string file;
    std::string hash;
    bool changed = false;
    std::size_t aside = 0;  // its number in the side directory, if it changed
  };
  explicit Exporter(std::string directory) : directory_(std::move(directory)) {}
  void parse_record();
  void look_at_files();
  const Known* find(std::string_view file) const;
  Status clear(DotFiles dot_files) const;
  bool remove_left_over(std::string_view file) const;
  Status move_into_place(const Row& row) const;
  std::string side() const { return directory_ + "/.weir-new"; }
  // One flat directory: a tree like the site's would be made and removed again for every build.
  std::string aside_of(std::size_t number) const { return side() + '/' + std::to_string(number); }

  std::string directory_;
  bool has_record_ = false;
  std::string record_;         // as it was found
  std::vector<Known> before_;  // sorted by file
  Guarded<std::vector<Row>> now_;
  std::atomic<std::size_t> asides_{0};
};

}  // namespace weir::cli
