#pragma once
// The folded state of a document: what all its operations together say (data, sections 5 and 10).
//
// Merge: lww keeps the greatest (h, replica, canonical value); gset is the union; orset lets adds
// win, because a remove names the tags that it saw; max and min compare numbers exactly. Every cell
// is a join of a semilattice, so the state does not depend on order, grouping or repetition of the
// operations. One field used with two types has one cell for each, for the same reason.
//
// State text, canonical JSON (entities and fields sorted as RFC 8785 has it, set members by their
// canonical text):
//
//   {"task-17":{"done":{"max":60},
//               "tags":{"gset":["home"]},
//               "title":{"lww":{"h":"0193a5c2f1e80000","rep":"r_..","v":"Buy milk"}},
//               "who":{"orset":{"a":[["ann",["r_..:43"]]]}}}}
//
// Removed tags are not kept: the version vector (highest counter per replica) tells that a tag
// which is absent was removed. Only a remove that came before its add stands in `"x"` until the add
// comes; clients cannot cause that through the server's log, except by naming tags that do not
// exist.
//
// A value that belongs to one thread at a time.

#include "base/result.h"
#include "sync/op.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::sync {

// Names in the order of their UTF-16 code units, as RFC 8785 sorts members.
struct Utf16Less {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

// Highest counter by replica.
using VersionVector = std::map<std::string, std::int64_t, std::less<>>;
std::string json_of(const VersionVector& versions);
Result<VersionVector> parse_versions(std::string_view json);

class DocumentState {
 public:
  DocumentState() = default;
  // Goes on from a stored snapshot: its text and the version vector that belongs to it.
  static Result<DocumentState> parse(std::string_view state, VersionVector versions);

  // Operations that the version vector of the snapshot covers are dropped.
  void merge(std::string_view replica, std::int64_t counter, const Op& op);

  // All that was merged. Counters of one replica have no holes when everything has arrived.
  const VersionVector& versions() const { return versions_; }
  std::string text() const;
  std::uint64_t hash() const;  // xxh3 of text()

  struct Size {
    std::size_t entities = 0;
    std::size_t fields_most = 0;   // in one entity
    std::size_t members_most = 0;  // values of a gset, tags of an orset
    std::size_t live_values = 0;
  };
  Size size() const;

 private:
  struct Register {
    Hlc stamp;
    std::string replica;
    std::string value;
    friend auto operator<=>(const Register&, const Register&) = default;
  };
  using Tags = std::set<std::string, std::less<>>;
  struct ObservedSet {
    std::map<std::string, Tags, std::less<>> values;  // canonical value -> tags that hold it
    Tags removed;
  };
  struct Cell {
    std::optional<std::set<std::string, std::less<>>> gset;
    std::optional<Register> lww;
    std::optional<std::string> max;
    std::optional<std::string> min;
    std::optional<ObservedSet> orset;
  };
  using Fields = std::map<std::string, Cell, Utf16Less>;

  static Status read_cell(const text::Value& value, Cell& cell);
  static void merge_observed(ObservedSet& set, std::string_view replica, std::int64_t counter,
                             const Op& op);
  void append_cell(std::string& out, const Cell& cell) const;
  void append_observed(std::string& out, const ObservedSet& set) const;
  std::vector<std::string_view> early_removals(const ObservedSet& set) const;

  std::map<std::string, Fields, Utf16Less> entities_;
  VersionVector covered_;  // of the snapshot that this started from
  VersionVector versions_;
};

}  // namespace weir::sync
