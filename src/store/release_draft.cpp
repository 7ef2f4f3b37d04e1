#include "store/release_draft.h"

#include "base/must.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <unordered_map>

namespace weir::store {
namespace {

using manifest::Entry;
using manifest::Text;

constexpr std::size_t alignment = 8;
std::size_t padding_of(std::size_t bytes) { return (alignment - bytes % alignment) % alignment; }

const Release::Manifest* rows_of(const Release* release) {
  return release == nullptr ? nullptr : &release->manifest();
}
template <class T>
std::span<const T> rows_of(const Release* release, manifest::Section section) {
  return release == nullptr ? std::span<const T>() : release->manifest().all<T>(section);
}

bool is_readable(const Release::Manifest& rows, std::uint32_t number) {
  const manifest::Blob* const blob = rows.blob(number);
  return blob != nullptr && blob->segment < rows.segments.size() && blob->codec < codec_count;
}

// 1 = once, 3 = more often; a count could run over.
void note_kept(std::atomic<std::uint8_t>& row) {
  if (row.fetch_or(1, std::memory_order_relaxed) != 0) row.fetch_or(2, std::memory_order_relaxed);
}

// The bytes behind all names.
class TextSection {
 public:
  Text append(std::string_view text) {
    MUST(bytes_.size() + text.size() <= UINT32_MAX);
    const Text place{static_cast<std::uint32_t>(bytes_.size()),
                     static_cast<std::uint32_t>(text.size())};
    bytes_ += text;
    return place;
  }
  // Written once where it repeats (content types, fields).
  Text keep(std::string_view text) {
    const auto found = places_.find(text);
    if (found != places_.end()) return found->second;
    return places_[std::string(text)] = append(text);
  }
  const std::string& bytes() const { return bytes_; }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }

 private:
  std::string bytes_;
  std::unordered_map<std::string, Text, StringHash, std::equal_to<>> places_;
};

// Rows of the previous table that go on and new ones, in one order; and where each went.
struct Merged {
  std::vector<std::uint32_t> order;  // with of_previous
  std::vector<std::uint32_t> place_of_old, place_of_new;
};

// `position(i)` is how many rows of the previous table are less than the new row i; `by_order` are
// the new rows sorted.
template <class Position>
Merged merged(const std::vector<std::uint8_t>& goes_on, const std::vector<std::uint32_t>& by_order,
              Position position) {
  Merged all;
  all.place_of_old.resize(goes_on.size());
  all.place_of_new.resize(by_order.size());
  all.order.reserve(goes_on.size() + by_order.size());
  std::size_t at = 0;
  const auto take_old = [&](std::size_t end) {
    for (; at < end; ++at) {
      if (goes_on[at] == 0) continue;
      all.place_of_old[at] = static_cast<std::uint32_t>(all.order.size());
      all.order.push_back(static_cast<std::uint32_t>(at) | of_previous);
    }
  };
  for (const std::uint32_t row : by_order) {
    take_old(position(row));
    all.place_of_new[row] = static_cast<std::uint32_t>(all.order.size());
    all.order.push_back(row);
  }
  take_old(goes_on.size());
  return all;
}

std::vector<std::uint32_t> numbers_up_to(std::size_t count) {
  std::vector<std::uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  return numbers;
}

std::vector<std::uint8_t> flags_of(const ReleaseDraft::Kept& kept) {
  std::vector<std::uint8_t> flags(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) flags[i] = kept[i].load(std::memory_order_relaxed);
  return flags;
}

class Assembly {
 public:
  Assembly(const ReleaseDraft& draft, const HashKey& key)
      : draft_(draft), key_(key), old_(rows_of(draft.previous)) {
    // Most releases are about as large as the one before.
    if (old_ != nullptr) {
      out_.reserve(old_->file.size() + old_->file.size() / 16);
      text_.reserve(old_->all<char>(manifest::text).size() * 17 / 16);
    }
    out_.resize(sizeof header_, '\0');
  }

  std::string made(const ManifestHead& head) {
    header_.id = head.id;
    header_.created_ns = static_cast<std::uint64_t>(head.created.ns);
    header_.fill_seq = head.fill_seq;
    order_pages();
    order_inputs();
    order_blobs();
    order_tags();
    write_entries();
    write_blobs();
    write_inputs();
    write_names();
    return finished();
  }

 private:
  template <class T>
  std::span<const T> old_rows(manifest::Section section) const {
    return rows_of<T>(draft_.previous, section);
  }
  std::uint32_t blob_place(std::uint32_t number) const {
    return (number & of_previous) != 0 ? blobs_.place_of_old[number & ~of_previous]
                                       : blobs_.place_of_new[number];
  }

  void order_pages() {
    const auto old = old_rows<Entry>(manifest::entries);
    pages_ = merged(
        flags_of(draft_.kept_pages), numbers_up_to(draft_.pages.size()), [&](std::uint32_t row) {
          return std::ranges::lower_bound(old, std::string_view(draft_.pages[row].path), {},
                                          [&](const Entry& one) { return old_->text(one.path); }) -
                 old.begin();
        });
  }
  void order_inputs() {
    const auto old = old_rows<manifest::Input>(manifest::inputs);
    inputs_ = merged(
        flags_of(draft_.kept_inputs), numbers_up_to(draft_.inputs.size()), [&](std::uint32_t row) {
          return std::ranges::lower_bound(
                     old, std::string_view(draft_.inputs[row].name), {},
                     [&](const manifest::Input& one) { return old_->text(one.name); }) -
                 old.begin();
        });
  }
  void order_blobs() {
    const auto old = old_rows<manifest::Blob>(manifest::blobs);
    std::vector<std::uint8_t> goes_on(old.size());
    const auto note = [&](std::uint32_t number) {
      if ((number & of_previous) != 0) goes_on[number & ~of_previous] = 1;
    };
    for (const std::uint32_t row : pages_.order)
      note((row & of_previous) != 0
               ? old_rows<Entry>(manifest::entries)[row & ~of_previous].blob | of_previous
               : draft_.pages[row].fixed.blob);
    for (const std::uint32_t row : inputs_.order)
      note((row & of_previous) != 0
               ? old_rows<manifest::Input>(manifest::inputs)[row & ~of_previous].blob | of_previous
               : draft_.inputs[row].blob);
    const auto id_of = [](const manifest::Blob& blob) {
      return std::pair(blob.id_high, blob.id_low);
    };
    std::vector<std::uint32_t> by_id = numbers_up_to(draft_.blobs.size());
    std::ranges::sort(by_id, {}, [&](std::uint32_t row) { return id_of(draft_.blobs[row]); });
    blobs_ = merged(goes_on, by_id, [&](std::uint32_t row) {
      return std::ranges::lower_bound(old, id_of(draft_.blobs[row]), {}, id_of) - old.begin();
    });
  }
  void order_tags() {
    const auto old = old_rows<manifest::Tag>(manifest::tags);
    std::vector<std::uint8_t> goes_on(old.size());
    for (const std::uint32_t row : pages_.order) {
      if ((row & of_previous) != 0) {
        for (const std::uint32_t tag : old_tags(row))
          if (tag < goes_on.size()) goes_on[tag] = 1;
      } else {
        for (const std::uint32_t tag : draft_.pages[row].tags)
          if ((tag & of_previous) != 0) goes_on[tag & ~of_previous] = 1;
      }
    }
    std::vector<std::uint32_t> by_name = numbers_up_to(draft_.tags.size());
    std::ranges::sort(by_name, {},
                      [&](std::uint32_t row) -> const std::string& { return draft_.tags[row]; });
    tags_ = merged(goes_on, by_name, [&](std::uint32_t row) {
      return std::ranges::lower_bound(
                 old, std::string_view(draft_.tags[row]), {},
                 [&](const manifest::Tag& one) { return old_->text(one.name); }) -
             old.begin();
    });
  }
  std::span<const std::uint32_t> old_tags(std::uint32_t row) const {
    return old_->tags_of(old_rows<Entry>(manifest::entries)[row & ~of_previous]);
  }

  void write_entries() {
    std::vector<manifest::Tag> tags;
    for (const std::uint32_t row : tags_.order)
      tags.push_back(
          {text_.append(
               (row & of_previous) != 0
                   ? old_->text(old_rows<manifest::Tag>(manifest::tags)[row & ~of_previous].name)
                   : std::string_view(draft_.tags[row])),
           0, 0});
    std::vector<Entry> entries;
    std::vector<std::uint32_t> entry_tags, numbers;
    entries.reserve(pages_.order.size());
    std::unordered_map<std::uint64_t, Text> texts;  // of the previous manifest
    const auto kept_text = [&](Text text) {
      const std::uint64_t place = static_cast<std::uint64_t>(text.offset) << 32 | text.bytes;
      const auto [at, is_new] = texts.try_emplace(place);
      if (is_new) at->second = text_.keep(old_->text(text));
      return at->second;
    };
    for (const std::uint32_t row : pages_.order) {
      Entry entry;
      numbers.clear();
      if ((row & of_previous) != 0) {
        entry = old_rows<Entry>(manifest::entries)[row & ~of_previous];
        entry.path = text_.append(old_->text(entry.path));
        entry.content_type = kept_text(entry.content_type);
        entry.fields = kept_text(entry.fields);
        entry.blob = blobs_.place_of_old[entry.blob];
        for (const std::uint32_t tag : old_tags(row))
          if (tag < tags_.place_of_old.size()) numbers.push_back(tags_.place_of_old[tag]);
      } else {
        const ReleaseDraft::Page& page = draft_.pages[row];
        entry = page.fixed;
        entry.path = text_.append(page.path);
        entry.content_type = text_.keep(page.content_type);
        entry.fields = text_.keep(page.fields);
        entry.blob = blob_place(page.fixed.blob);
        for (const std::uint32_t tag : page.tags)
          numbers.push_back((tag & of_previous) != 0 ? tags_.place_of_old[tag & ~of_previous]
                                                     : tags_.place_of_new[tag]);
        std::ranges::sort(numbers);
        numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
      }
      for (const std::uint32_t number : numbers) ++tags[number].entries;
      entry.tags_first = static_cast<std::uint32_t>(entry_tags.size());
      entry.tags_count = static_cast<std::uint32_t>(numbers.size());
      entry_tags.insert(entry_tags.end(), numbers.begin(), numbers.end());
      entries.push_back(entry);
    }
    add(manifest::entries, entries);
    write_slots(entries);
    add(manifest::tags, tags);
    add(manifest::entry_tags, entry_tags);
  }
  void write_slots(const std::vector<Entry>& entries) {
    std::size_t slot_count = 8;
    while (slot_count < entries.size() * 2) slot_count *= 2;
    std::vector<std::uint32_t> slots(slot_count, 0);
    const std::string_view texts = text_.bytes();
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      const Text path = entries[i].path;
      std::size_t at = key_.hash64(texts.substr(path.offset, path.bytes)) & (slot_count - 1);
      while (slots[at] != 0) at = (at + 1) & (slot_count - 1);
      slots[at] = i + 1;
    }
    add(manifest::slots, slots);
  }
  void write_blobs() {
    std::vector<manifest::Blob> blobs;
    blobs.reserve(blobs_.order.size());
    // The new segment is number 0. A release without a blob of its own has none: number 0 then
    // names one that is never opened.
    segments_.emplace_back(draft_.segment_name);
    std::map<std::uint32_t, std::uint32_t> numbers;  // of the previous manifest's segments
    for (const std::uint32_t row : blobs_.order) {
      if ((row & of_previous) == 0) {
        blobs.push_back(draft_.blobs[row]);
        continue;
      }
      manifest::Blob blob = old_rows<manifest::Blob>(manifest::blobs)[row & ~of_previous];
      const auto [at, is_new] =
          numbers.try_emplace(blob.segment, static_cast<std::uint32_t>(segments_.size()));
      if (is_new) segments_.push_back(old_->text(old_rows<Text>(manifest::segments)[blob.segment]));
      blob.segment = at->second;
      blobs.push_back(blob);
    }
    add(manifest::blobs, blobs);
  }
  void write_inputs() {
    std::vector<manifest::Input> rows;
    rows.reserve(inputs_.order.size());
    for (const std::uint32_t row : inputs_.order) {
      if ((row & of_previous) != 0) {
        manifest::Input input = old_rows<manifest::Input>(manifest::inputs)[row & ~of_previous];
        input.name = text_.append(old_->text(input.name));
        input.blob = blobs_.place_of_old[input.blob];
        rows.push_back(input);
      } else {
        const ReleaseDraft::Input& input = draft_.inputs[row];
        rows.push_back({text_.append(input.name), blob_place(input.blob), 0, input.modified_ns});
      }
    }
    add(manifest::inputs, rows);
  }
  void write_names() {
    std::vector<Text> segments;
    for (const std::string_view name : segments_)
      segments.push_back(name.empty() ? Text{} : text_.append(name));
    add(manifest::segments, segments);
    add_bytes(manifest::text, text_.bytes(), text_.bytes().size());
  }

  template <class T>
  void add(manifest::Section section, const std::vector<T>& items) {
    add_bytes(section, {reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T)},
              items.size());
  }
  void add_bytes(manifest::Section section, std::string_view bytes, std::size_t count) {
    header_.ranges[section] = {out_.size(), count};
    out_ += bytes;
    out_.append(padding_of(out_.size()), '\0');
  }
  std::string finished() {
    std::memcpy(header_.magic_bytes.data(), manifest::magic, 8);
    header_.file_bytes = out_.size();
    std::memcpy(out_.data(), &header_, sizeof header_);
    header_.sum = xxh3_64(std::string_view(out_).substr(manifest::summed_from));
    std::memcpy(out_.data(), &header_, sizeof header_);
    return std::move(out_);
  }

  const ReleaseDraft& draft_;
  const HashKey& key_;
  const Release::Manifest* const old_;
  manifest::Header header_;
  std::string out_;
  TextSection text_;
  Merged pages_, inputs_, blobs_, tags_;
  std::vector<std::string_view> segments_;
};

}  // namespace

ReleaseDraft::ReleaseDraft(const Release* release)
    : previous(release),
      kept_pages(rows_of<Entry>(release, manifest::entries).size()),
      kept_inputs(rows_of<manifest::Input>(release, manifest::inputs).size()) {}

bool ReleaseDraft::keep_page(std::string_view path) {
  if (previous == nullptr) return false;
  const std::optional<ReleaseEntry> entry = previous->find(path);
  if (!entry) return false;
  const Entry& row = rows_of<Entry>(previous, manifest::entries)[entry->index()];
  if (!is_readable(previous->manifest(), row.blob)) return false;
  note_kept(kept_pages[entry->index()]);
  return true;
}

bool ReleaseDraft::keep_input(std::string_view name) {
  if (previous == nullptr) return false;
  const std::optional<std::uint32_t> number = previous->manifest().find_input(name);
  if (!number) return false;
  const manifest::Input& row = rows_of<manifest::Input>(previous, manifest::inputs)[*number];
  if (!is_readable(previous->manifest(), row.blob)) return false;
  note_kept(kept_inputs[*number]);
  return true;
}

Status ReleaseDraft::settle() {
  std::ranges::sort(pages, {}, &Page::path);
  std::ranges::sort(inputs, {}, &Input::name);
  const auto page_twice = [](std::string_view path) {
    return Error{Errc::exists, "two pages of this build have the path '" + std::string(path) + "'"};
  };
  const auto input_twice = [](std::string_view name) {
    return Error{Errc::exists,
                 "two inputs of this build have the name '" + std::string(name) + "'"};
  };
  const auto twice = std::ranges::adjacent_find(pages, {}, &Page::path);
  if (twice != pages.end()) return page_twice(twice->path);
  const auto again = std::ranges::adjacent_find(inputs, {}, &Input::name);
  if (again != inputs.end()) return input_twice(again->name);
  if (previous == nullptr) return done;
  const Release::Manifest& rows = previous->manifest();
  for (std::size_t i = 0; i < kept_pages.size(); ++i)
    if (kept_pages[i] > 1) return page_twice(previous->at(i).path());
  for (std::size_t i = 0; i < kept_inputs.size(); ++i)
    if (kept_inputs[i] > 1)
      return input_twice(rows.text(rows.all<manifest::Input>(manifest::inputs)[i].name));
  for (const Page& page : pages)
    if (const auto old = previous->find(page.path); old && kept_pages[old->index()] != 0)
      return page_twice(page.path);
  for (const Input& input : inputs)
    if (const auto old = rows.find_input(input.name); old && kept_inputs[*old] != 0)
      return input_twice(input.name);
  return done;
}

std::string assemble(const ReleaseDraft& draft, const HashKey& key, const ManifestHead& head) {
  return Assembly(draft, key).made(head);
}

}  // namespace weir::store
