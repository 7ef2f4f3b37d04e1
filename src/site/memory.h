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
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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

struct LinkNote {
  std::string target;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// One fact; the meaning of `name` is the Recorder's.
struct FactName {
  tmpl::ReadKind kind{};
  tmpl::ReadGroup group{};
  std::string name;
  friend bool operator==(const FactName&, const FactName&) = default;
};

// A content file: what is in it, and what its body became.
struct ContentNote {
  std::string front;  // encoded by encode_value
  std::uint32_t body_offset = 0;
  std::uint32_t body_line = 1;
  std::uint64_t word_count = 0;
  Hash128 front_hash;
  Hash128 body_hash;
  // What the body became.
  bool is_settled = false;  // false: it must be rendered again whatever happens (time, warnings)
  Hash128 around;           // of what its HTML depends on without reading it: address, section
  Hash128 html, summary, toc;
  std::vector<std::string> ids;
  std::vector<LinkNote> internal_links;
  std::vector<std::uint32_t> facts;  // numbers in BuildMemory::facts
};

struct OutputNote {
  Hash128 plan;  // of what was asked for
  bool is_settled = false;
  std::vector<std::uint32_t> facts;
};

struct BuildMemory {
  Hash128 options;            // of the options of the build
  Hash128 settings;           // of everything that makes all outputs new: these, the configuration
  std::int64_t begun_ns = 0;  // wall time
  std::uint64_t release = 0;  // the caller's: in which release the outputs are
  std::uint64_t pages = 0, sections = 0, orphans = 0;
  std::uint64_t warnings = 0;
  bool has_unsettled = false;
  std::unordered_map<std::string, FileLook> files;  // below `directories`, and what else was read
  std::vector<std::string> directories;
  std::vector<std::string> absent;  // looked for at these places of the root, and not there
  std::unordered_map<std::string, ContentNote> contents;  // by file
  std::vector<FactName> facts;
  std::vector<Hash128> values;                          // of `facts`
  std::unordered_map<std::string, OutputNote> outputs;  // by file

  // Changed so shortly before or after it was read that its look proves nothing.
  bool is_racy(const FileLook& look) const {
    return std::max(look.modified_ns, look.changed_ns) >= begun_ns - racy_ns;
  }
};

// Numbers of facts while a memory is written: each name has one, given when it is first asked for.
// Borrows the memory, whose facts nobody else may touch meanwhile.
class FactNumbers {
 public:
  explicit FactNumbers(BuildMemory& memory);
  // `value()` is asked once, for a name that is new.
  template <class Value>
  std::uint32_t of(FactName fact, Value value) {
    const auto [at, is_new] =
        numbers_.try_emplace(key_of(fact), static_cast<std::uint32_t>(memory_.facts.size()));
    if (is_new) {
      memory_.values.push_back(value(fact));
      memory_.facts.push_back(std::move(fact));
    }
    return at->second;
  }

 private:
  static std::string key_of(const FactName& fact);
  BuildMemory& memory_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

// The same bytes, the same hash, in every run of every build.
Hash128 hash_of_input(std::string_view bytes);

std::string encode_memory(const BuildMemory& memory);
std::optional<BuildMemory> decode_memory(std::string_view text);

// Front matter with its places.
std::string encode_value(const text::Value& value);
std::optional<text::Value> decode_value(std::string_view text);

}  // namespace weir::site
