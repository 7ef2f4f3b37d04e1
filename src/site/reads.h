#pragma once
// What one render has read: pages and sections by group, templates, settings, data. From it come
// the cache tags of an output (S-72) and, for content, what everybody who prints that content
// depends on (S-70).
//
// Every render of this room is handed a ReadSet as its Recorder. It also carries the one thing a
// lazy view cannot return: an error. One render, one thread.

#include "base/result.h"
#include "template/recorder.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

constexpr tmpl::ReadKind key_kind(std::uint64_t key) {
  return static_cast<tmpl::ReadKind>((key >> 40) - 1);
}
constexpr tmpl::ReadGroup key_group(std::uint64_t key) {
  return static_cast<tmpl::ReadGroup>(key >> 32 & 0xFF);
}
constexpr std::uint32_t key_id(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

class ReadSet final : public tmpl::Recorder {
 public:
  void read(const tmpl::Read& what) override;
  void add(const ReadSet& other);  // all that `other` has read, its error too

  // The Recorder that every call and view of this room is handed is a ReadSet; null stays null.
  static ReadSet* of(tmpl::Recorder* recorder) { return static_cast<ReadSet*>(recorder); }

  bool is_volatile() const { return is_volatile_; }
  // Volatile, and not only in what it shows of the clock: nobody can tell whether another render
  // would be the same.
  bool is_unsettled() const { return is_unsettled_; }
  // The render is that of a body: the bodies of others are not there yet.
  void enter_content() { inside_content_ = true; }
  bool inside_content() const { return inside_content_; }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }
  const std::optional<Error>& error() const { return error_; }

  // Dense numbers, in rising order, without repeats; the groups do not matter.
  std::vector<std::uint32_t> ids_of(tmpl::ReadKind kind) const;
  // All that was read of the kinds that have numbers: key_kind, key_group and key_id take one
  // apart. In rising order.
  std::vector<std::uint64_t> keys() const;
  // Of the kinds that have no numbers of their own: "kind" is data, image, translation,
  // environment, config, term.
  struct Name {
    tmpl::ReadKind kind;
    tmpl::ReadGroup group;
    std::string name;
    friend auto operator<=>(const Name&, const Name&) = default;
  };
  const std::set<Name>& names() const { return names_; }

 private:
  void insert(std::uint64_t key);

  // Keys (kind, group, id) with open addressing: lists read the same few fields of thousands of
  // pages, so a repeat must cost a few nanoseconds and a new one no allocation of its own.
  std::vector<std::uint64_t> slots_;
  std::size_t count_ = 0;
  std::uint64_t last_ = 0;
  std::set<Name> names_;
  bool is_volatile_ = false;
  bool is_unsettled_ = false;
  bool inside_content_ = false;
  std::optional<Error> error_;
};

// Whether an image was resized for it.
bool is_resized_image(const ReadSet::Name& name);
bool asks_for_images(const ReadSet& reads);

}  // namespace weir::site
