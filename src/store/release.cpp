#include "store/release.h"

#include "base/limits.h"
#include "base/must.h"
#include "store/manifest.h"
#include "store/release_manifest.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace weir::store {
namespace {

std::size_t bytes_of_one(std::size_t section) {
  using namespace manifest;
  constexpr std::array<std::size_t, section_count> sizes{
      sizeof(Entry), 4, sizeof(Blob), sizeof(Input), sizeof(Tag), 4, sizeof(Text), 1};
  return sizes[section];
}

Error corrupt(const std::string& path, std::string_view what) {
  return Error{Errc::corrupt, path + ": " + std::string(what)};
}

}  // namespace

std::string release_path_of(const std::string& directory, ReleaseId id) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%010llu.release", static_cast<unsigned long long>(id));
  return directory + "/manifest/" + name.data();
}

Release::Release(std::unique_ptr<const Manifest> manifest) : manifest_(std::move(manifest)) {}
Release::~Release() = default;

Result<std::shared_ptr<const Release>> Release::open(const std::string& directory, ReleaseId id,
                                                     const HashKey& key, Disk& disk) {
  const std::string path = release_path_of(directory, id);
  auto held = std::make_unique<Manifest>();
  held->file = TRY(read_whole(disk, path));
  held->key = key;
  const std::string_view bytes = held->file;
  manifest::Header& header = held->header;
  if (bytes.size() < sizeof header) return corrupt(path, "shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic_bytes.data(), manifest::magic, 8) != 0)
    return corrupt(path, "expected 'WEIRREL1' at its start");
  if (header.format != manifest::version)
    return corrupt(path, "expected format 1, found " + std::to_string(header.format));
  if (header.file_bytes != bytes.size())
    return corrupt(path, "expected " + std::to_string(header.file_bytes) + " bytes, found " +
                             std::to_string(bytes.size()));
  if (header.id != id) return corrupt(path, "says it is release " + std::to_string(header.id));
  if (xxh3_64(bytes.substr(manifest::summed_from)) != header.sum)
    return corrupt(path, "its checksum does not match");
  for (std::size_t section = 0; section < manifest::section_count; ++section) {
    const manifest::Range& range = header.ranges[section];
    if (range.offset > bytes.size() || range.offset % 8 != 0 ||
        range.count > (bytes.size() - range.offset) / bytes_of_one(section))
      return corrupt(path, "section " + std::to_string(section) + " does not lie within it");
  }
  for (const manifest::Text& name : held->all<manifest::Text>(manifest::segments)) {
    if (name.bytes == 0) {  // a build that wrote no body of its own
      held->segments.push_back(nullptr);
      continue;
    }
    const std::string segment = directory + "/blobs/" + std::string(held->text(name));
    auto opened = Segment::open(disk, segment);
    if (!opened) return std::move(opened).error().in(path);
    held->segments.push_back(std::move(opened).value());
  }
  return std::shared_ptr<const Release>(new Release(std::move(held)));
}

Result<std::vector<std::string>> Release::segment_names_of(const std::string& directory,
                                                           ReleaseId id, Disk& disk) {
  const std::string path = release_path_of(directory, id);
  const Descriptor file = TRY(disk.open(path));
  manifest::Header header;
  const std::string head = TRY(disk.read(file.number(), 0, sizeof header, path));
  if (head.size() != sizeof header) return corrupt(path, "shorter than its header");
  std::memcpy(&header, head.data(), sizeof header);
  if (std::memcmp(header.magic_bytes.data(), manifest::magic, 8) != 0 || header.id != id ||
      header.format != manifest::version)
    return corrupt(path, "expected the header of release " + std::to_string(id));
  const auto [rows_at, row_count] = header.ranges[manifest::segments];
  const auto [text_at, text_bytes] = header.ranges[manifest::text];
  if (row_count > header.file_bytes / sizeof(manifest::Text))
    return corrupt(path, "more segments than it has room for");
  const std::size_t row_bytes = static_cast<std::size_t>(row_count) * sizeof(manifest::Text);
  const std::string rows = TRY(disk.read(file.number(), rows_at, row_bytes, path));
  if (rows.size() != row_bytes) return corrupt(path, "its list of segments is cut short");
  std::vector<std::string> names;
  for (std::size_t at = 0; at < row_bytes; at += sizeof(manifest::Text)) {
    manifest::Text name;
    std::memcpy(&name, rows.data() + at, sizeof name);
    if (name.bytes == 0) continue;
    if (name.offset > text_bytes || name.bytes > text_bytes - name.offset)
      return corrupt(path, "the name of a segment does not lie within it");
    std::string text = TRY(disk.read(file.number(), text_at + name.offset, name.bytes, path));
    if (text.size() != name.bytes) return corrupt(path, "the name of a segment is cut short");
    names.push_back(std::move(text));
  }
  return names;
}

ReleaseId Release::id() const { return manifest_->header.id; }
Wall Release::created() const { return {static_cast<std::int64_t>(manifest_->header.created_ns)}; }
std::uint64_t Release::fill_seq() const { return manifest_->header.fill_seq; }
std::size_t Release::count() const {
  return manifest_->all<manifest::Entry>(manifest::entries).size();
}

ReleaseEntry Release::at(std::size_t index) const {
  MUST(index < count());
  return {*this, index};
}

std::optional<ReleaseEntry> Release::find(std::string_view path) const {
  const auto entries = manifest_->all<manifest::Entry>(manifest::entries);
  const auto slots = manifest_->all<std::uint32_t>(manifest::slots);
  if (slots.empty()) return std::nullopt;
  const std::size_t mask =
      slots.size() - 1;  // a power of two: a wrong file finds less, never outside
  std::size_t at = manifest_->key.hash64(path) & mask;
  for (std::size_t probes = 0; probes < slots.size(); ++probes, at = (at + 1) & mask) {
    const std::uint32_t number = slots[at];
    if (number == 0) return std::nullopt;
    if (number <= entries.size() && manifest_->text(entries[number - 1].path) == path)
      return ReleaseEntry(*this, number - 1);
  }
  return std::nullopt;
}

Result<Body> Release::read(const ReleaseEntry& entry) const {
  auto body =
      manifest_->read(manifest_->all<manifest::Entry>(manifest::entries)[entry.index_].blob);
  if (!body) return std::move(body).error().in(entry.path());
  return body;
}

Result<std::shared_ptr<const PiecedBody>> Release::open_pieces(const ReleaseEntry& entry) const {
  const std::uint32_t number =
      manifest_->all<manifest::Entry>(manifest::entries)[entry.index_].blob;
  const auto [segment, place] = TRY(manifest_->place_of(number));
  auto body = PiecedBody::open(segment, place.offset, place.header);
  if (!body) return std::move(body).error().in(entry.path());
  return body;
}

std::size_t Release::tag_count() const {
  return manifest_->all<manifest::Tag>(manifest::tags).size();
}

std::optional<std::uint32_t> Release::find_tag(std::string_view tag) const {
  return manifest_->find_tag(tag);
}

std::size_t Release::entries_of_tag(std::uint32_t tag_number) const {
  const auto tags = manifest_->all<manifest::Tag>(manifest::tags);
  return tag_number < tags.size() ? tags[tag_number].entries : 0;
}

std::vector<FoundFile> Release::list_inputs(std::string_view directory) const {
  std::vector<FoundFile> found;
  const auto inputs = manifest_->all<manifest::Input>(manifest::inputs);
  std::string below(directory);
  if (!below.empty() && !below.ends_with('/')) below += '/';
  auto at = std::ranges::lower_bound(
      inputs, std::string_view(below), {},
      [&](const manifest::Input& input) { return manifest_->text(input.name); });
  for (; at != inputs.end() && manifest_->text(at->name).starts_with(below); ++at) {
    const manifest::Blob* const blob = manifest_->blob(at->blob);
    found.push_back({std::string(manifest_->text(at->name)),
                     blob == nullptr ? 0 : static_cast<std::size_t>(blob->identity_bytes),
                     at->modified_ns});
  }
  return found;
}

Result<std::string> Release::read_input(std::string_view name) const {
  const std::optional<std::uint32_t> number = manifest_->find_input(name);
  if (!number)
    return Error{Errc::missing,
                 std::string(name) + ": release " + std::to_string(id()) + " has no such input"};
  auto body = manifest_->read(manifest_->all<manifest::Input>(manifest::inputs)[*number].blob);
  if (!body) return std::move(body).error().in(name);
  return std::move(body->identity);
}

std::vector<std::string> Release::segment_names() const {
  std::vector<std::string> names;
  for (const manifest::Text& name : manifest_->all<manifest::Text>(manifest::segments))
    if (name.bytes != 0) names.emplace_back(manifest_->text(name));
  return names;
}

std::optional<BlobPlaceInSegment> Release::find_blob(const BlobId& id) const {
  const std::optional<std::uint32_t> number = manifest_->find_blob(id);
  if (!number) return std::nullopt;
  const manifest::Blob* const found = manifest_->blob(*number);
  if (found->segment >= manifest_->segments.size() || found->codec >= codec_count)
    return std::nullopt;
  const manifest::Text segment = manifest_->all<manifest::Text>(manifest::segments)[found->segment];
  return BlobPlaceInSegment{manifest_->text(segment),
                            {found->offset,
                             {static_cast<Codec>(found->codec), found->identity_bytes,
                              found->stored_bytes, id, found->stored_sum}}};
}

// --- ReleaseEntry --------------------------------------------------------------------------------

namespace {
template <class Mapped>
const manifest::Entry& entry_of(const Mapped& mapped, std::size_t index) {
  return mapped.template all<manifest::Entry>(manifest::entries)[index];
}
}  // namespace

std::string_view ReleaseEntry::path() const {
  return release_->manifest_->text(entry_of(*release_->manifest_, index_).path);
}
int ReleaseEntry::status() const { return entry_of(*release_->manifest_, index_).status; }
EntryKind ReleaseEntry::kind() const {
  return static_cast<EntryKind>(entry_of(*release_->manifest_, index_).kind & 3);
}
Renderable ReleaseEntry::renderable() const {
  return entry_of(*release_->manifest_, index_).renderable == 1 ? Renderable::yes : Renderable::no;
}
std::string_view ReleaseEntry::content_type() const {
  return release_->manifest_->text(entry_of(*release_->manifest_, index_).content_type);
}

Fields ReleaseEntry::fields() const {
  Fields fields;
  std::string_view lines = release_->manifest_->text(entry_of(*release_->manifest_, index_).fields);
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos)
      fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return fields;
}

Policy ReleaseEntry::policy() const {
  const manifest::Entry& entry = entry_of(*release_->manifest_, index_);
  Policy policy;
  if (entry.ttl_ns >= 0) policy.ttl = Nanos(entry.ttl_ns);
  policy.swr = Nanos(entry.swr_ns);
  policy.sie = Nanos(entry.sie_ns);
  return policy;
}

Sha256 ReleaseEntry::sha256() const {
  Sha256 hash;
  std::memcpy(hash.data(), entry_of(*release_->manifest_, index_).sha256.data(), hash.size());
  return hash;
}

BlobId ReleaseEntry::body_id() const {
  const manifest::Blob* const blob =
      release_->manifest_->blob(entry_of(*release_->manifest_, index_).blob);
  return blob == nullptr ? BlobId{} : BlobId{blob->id_low, blob->id_high};
}

std::uint64_t ReleaseEntry::body_bytes() const {
  const manifest::Blob* const blob =
      release_->manifest_->blob(entry_of(*release_->manifest_, index_).blob);
  return blob == nullptr ? 0 : blob->identity_bytes;
}

std::size_t ReleaseEntry::tag_count() const {
  return release_->manifest_->tags_of(entry_of(*release_->manifest_, index_)).size();
}

std::string_view ReleaseEntry::tag(std::size_t index) const {
  const auto numbers = release_->manifest_->tags_of(entry_of(*release_->manifest_, index_));
  const auto tags = release_->manifest_->all<manifest::Tag>(manifest::tags);
  if (index >= numbers.size() || numbers[index] >= tags.size()) return {};
  return release_->manifest_->text(tags[numbers[index]].name);
}

std::uint32_t ReleaseEntry::tag_number(std::size_t index) const {
  const auto numbers = release_->manifest_->tags_of(entry_of(*release_->manifest_, index_));
  return index < numbers.size() ? numbers[index] : 0;
}

std::string_view ReleaseEntry::fields_text() const {
  return release_->manifest_->text(entry_of(*release_->manifest_, index_).fields);
}

bool ReleaseEntry::has_tag(std::uint32_t tag_number) const {
  const auto numbers = release_->manifest_->tags_of(entry_of(*release_->manifest_, index_));
  return std::ranges::binary_search(numbers, tag_number);
}

}  // namespace weir::store
