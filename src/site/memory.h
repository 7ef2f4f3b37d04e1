#pragma once
// What one build leaves for the next: which files it read and what they held, what each output was
// made from, and what that was worth then (S-70, S-71).
//
// A fact is one thing that a render may read: the meta data of a page, its content, the list of a
// section, a template, a data file. Each has a hash of all it can show. An output whose facts all
// have the hash on record, and that is planned as it was, would become the same bytes again; so it
// is not rendered.
//
// The text form begins with this binary's version and commit and ends with a checksum; whatever is
// not exactly that is no memory at all (S-74), and everything is rendered.
//
// A value: no invariants beyond what is said at the fields. One thread.

#include "base/hash.h"
#include "template/recorder.h"
#include "text/value.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

// How a file looked when it was read; equal looks mean equal bytes, unless it was changed within
// `racy_ns` of that look (a clock tick of the file system).
struct FileLook {
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileLook&, const FileLook&) = default;
};
inline constexpr std::int64_t racy_ns = 20'000'000;

// One fact; the meaning of `name` is the Recorder's, its bytes are whose it is.
struct FactName {
  tmpl::ReadKind kind{};
  tmpl::ReadGroup group{};
  std::string_view name;
};

// The rows of a memory are of one size and refer to its pools, so that they are read from disk and
// written there as they lie, and what has not changed is taken over by copying.
struct TextPlace {  // in BuildMemory::text
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};
struct Span32 {  // of rows in one of the pools
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct FileRow {
  TextPlace path;
  FileLook look;
};

struct LinkRow {
  TextPlace target;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// A content file: what is in it, and what its body became.
struct ContentRow {
  TextPlace file;
  TextPlace front;  // encoded by encode_value
  std::uint32_t body_offset = 0;
  std::uint32_t body_line = 1;
  std::uint64_t word_count = 0;
  Hash128 front_hash;
  Hash128 body_hash;
  // What the body became.
  std::uint64_t is_settled = 0;  // 0: it must be rendered again whatever happens (time, warnings)
  Hash128 around;                // of what its HTML depends on without reading it: address, section
  Hash128 html, summary, toc;
  Span32 ids;    // BuildMemory::ids
  Span32 links;  // BuildMemory::links, the internal ones
  Span32 facts;  // BuildMemory::numbers
};

struct FactRow {
  TextPlace name;
  std::uint32_t kind = 0;
  std::uint32_t group = 0;
  Hash128 value;
};

struct OutputRow {
  TextPlace file;
  Hash128 plan;  // of what was asked for
  std::uint64_t is_settled = 0;
  Span32 facts;  // BuildMemory::numbers
};

// Text that grows and is never changed. What was read from a file stays where it lies there, for
// all copies together; what was added is behind it.
class TextPool {
 public:
  TextPool() = default;
  // `part` is of `file`.
  TextPool(std::shared_ptr<const std::string> file, std::string_view part)
      : file_(std::move(file)), read_(part) {}

  std::size_t size() const { return read_.size() + added_.size(); }
  // Of one `add`, or of what was read.
  std::string_view at(TextPlace place) const {
    if (place.offset < read_.size()) return read_.substr(place.offset, place.bytes);
    return std::string_view(added_).substr(place.offset - read_.size(), place.bytes);
  }
  TextPlace add(std::string_view text);
  std::string_view part_read() const { return read_; }
  std::string_view part_added() const { return added_; }

 private:
  std::shared_ptr<const std::string> file_;
  std::string_view read_;
  std::string added_;
};

struct BuildMemory {
  static constexpr std::uint32_t none = 0xffff'ffff;

  Hash128 options;            // of the options of the build
  Hash128 settings;           // of everything that makes all outputs new: these, the configuration
  Hash128 structure;          // of which files there were, and all front matter
  std::int64_t begun_ns = 0;  // wall time
  std::uint64_t release = 0;  // the caller's: in which release the outputs are
  std::uint64_t pages = 0, sections = 0, orphans = 0;
  std::uint64_t warnings = 0;
  std::uint64_t has_unsettled = 0;
  std::uint64_t made = 0;      // outputs, with resized images
  std::vector<FileRow> files;  // below `directories`, and what else was read; sorted by path
  std::vector<TextPlace> directories;
  std::vector<TextPlace> absent;     // looked for at these places of the root, and not there
  std::vector<ContentRow> contents;  // sorted by file
  std::vector<FactRow> facts;
  std::vector<OutputRow> outputs;  // sorted by file
  // The pools.
  std::vector<TextPlace> ids;
  std::vector<LinkRow> links;
  std::vector<std::uint32_t> numbers;  // of facts
  TextPool text;

  std::string_view text_at(TextPlace place) const { return text.at(place); }
  FactName fact_at(std::uint32_t number) const {
    const FactRow& row = facts[number];
    return {static_cast<tmpl::ReadKind>(row.kind), static_cast<tmpl::ReadGroup>(row.group),
            text_at(row.name)};
  }
  std::span<const std::uint32_t> numbers_at(Span32 span) const {
    return std::span(numbers).subspan(span.first, span.count);
  }
  // Numbers of rows; `none` when there is none. The row `guess` is looked at first.
  std::uint32_t find_file(std::string_view path, std::uint32_t guess = 0) const;
  std::uint32_t find_content(std::string_view file, std::uint32_t guess = 0) const;
  std::uint32_t find_output(std::string_view file, std::uint32_t guess = 0) const;

  TextPlace add_text(std::string_view added) { return text.add(added); }
  Span32 add_numbers(std::span<const std::uint32_t> added);

  // Whether anything there is was made from it. Facts that nobody reads any more stay until all is
  // written anew. Looks at every row.
  bool is_read(std::uint32_t fact) const;

  // Changed so shortly before or after it was read that its look proves nothing.
  bool is_racy(const FileLook& look) const {
    return std::max(look.modified_ns, look.changed_ns) >= begun_ns - racy_ns;
  }
  // Half of the pools is of rows that are no more: it is time to write all anew.
  bool is_sparse() const;
};

// Numbers of facts while a memory is written: each name has one, given when it is first asked for.
// Borrows the memory, whose facts nobody else may touch meanwhile.
class FactNumbers {
 public:
  explicit FactNumbers(BuildMemory& memory);
  // `value(fact)` is asked once, for a name that is new.
  template <class Value>
  std::uint32_t of(const FactName& fact, Value value) {
    const std::uint32_t known = slots_[slot_of(fact)];
    return known != 0 ? known - 1 : add(fact, value(fact));
  }
  // BuildMemory::none for a name that has none.
  std::uint32_t find(const FactName& fact) const {
    const std::uint32_t known = slots_[slot_of(fact)];
    return known != 0 ? known - 1 : BuildMemory::none;
  }

 private:
  std::size_t slot_of(const FactName& fact) const;
  std::uint32_t add(const FactName& fact, Hash128 value);
  void make_room();
  BuildMemory& memory_;
  std::vector<std::uint32_t> slots_;  // number + 1, open addressing
};

// The same bytes, the same hash, in every run of every build.
Hash128 hash_of_input(std::string_view bytes);

// The file is a label and a body, in this order; the release is known last.
inline constexpr std::size_t label_bytes = 24;
std::uint64_t encode_body(const BuildMemory& memory,
                          const std::function<void(std::string_view)>& put);  // returns its sum
std::string label_of(std::uint64_t sum_of_body, std::uint64_t release);
std::string encode_memory(const BuildMemory& memory);  // both, with the release that is in it
// The memory lends from what it was given.
std::optional<BuildMemory> decode_memory(std::string file);

// Front matter with its places.
std::string encode_value(const text::Value& value);
std::optional<text::Value> decode_value(std::string_view text);

}  // namespace weir::site
