// How a build becomes a release. Pages arrive from many threads; each is hashed and compressed on
// its own thread, and appended to one segment under a mutex, a megabyte at a time. What the newest
// release on disk holds already is only referred to. The manifest is assembled at the end, when all
// names are known (its grammar: manifest.h).

#include "base/limits.h"
#include "base/must.h"
#include "store/layout.h"
#include "store/log.h"
#include "store/manifest.h"
#include "store/release.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>
#include <unordered_map>

namespace weir::store {
namespace {

constexpr std::size_t flush_bytes = 1 * MiB;
constexpr std::size_t alignment = 8;

struct BlobIdHash {
  std::size_t operator()(const BlobId& id) const { return static_cast<std::size_t>(id.low); }
};

std::size_t padding_of(std::size_t bytes) { return (alignment - bytes % alignment) % alignment; }

Status check(const NewEntry& entry) {
  if (!entry.path.starts_with('/'))
    return Error{Errc::invalid, "a release's path must begin with '/', found '" + entry.path + "'"};
  if (entry.status < 200 || entry.status > 599)
    return Error{Errc::invalid,
                 entry.path + ": expected a final status, found " + std::to_string(entry.status)};
  if (entry.body.size() > limits::file_bytes_max)
    return Error{Errc::too_large, entry.path + ": " + std::to_string(entry.body.size()) +
                                      " bytes are more than a release holds"};
  if (entry.tags.size() > limits::entry_tags_max)
    return Error{Errc::too_large, entry.path + ": " + std::to_string(entry.tags.size()) +
                                      " tags are more than 65536"};
  for (const auto& [name, value] : entry.fields)
    if (name.empty() || (name + value).find_first_of("\r\n") != std::string::npos ||
        name.find(':') != std::string::npos)
      return Error{Errc::invalid,
                   entry.path + ": field '" + name + "' cannot be written in one line"};
  return done;
}

}  // namespace

struct ReleaseWriter::Shared {
  struct Page {
    std::string path, content_type, fields;
    std::vector<std::uint32_t> tags;
    manifest::Entry fixed;
  };
  struct Kept {
    std::string name;
    std::uint32_t blob;
    std::int64_t modified_ns;
  };

  Shared(std::string where, const Clock& time, Disk& files, HashKey secret, BuildLease held)
      : directory(std::move(where)),
        clock(time),
        disk(files),
        key(secret),
        lease(std::move(held)) {}

  const std::string directory;
  const Clock& clock;
  Disk& disk;
  const HashKey key;
  BuildLease lease;
  std::shared_ptr<const Release> previous;  // the newest on disk; null = none
  std::uint64_t fill_seq = 0;

  std::mutex mutex;
  bool is_finished = false;
  std::string segment_name, unfinished_path;
  Descriptor segment;
  std::uint64_t flushed = 0;
  std::string buffer;
  std::vector<std::string> segments;  // number -> name; the new one is number 0
  std::vector<manifest::Blob> blobs;
  std::unordered_map<BlobId, std::uint32_t, BlobIdHash> blob_numbers;
  std::unordered_map<std::string, std::uint32_t, StringHash, std::equal_to<>> tag_numbers;
  std::vector<std::uint32_t> kept_tags;  // by the previous release's number
  std::vector<Page> pages;
  std::vector<Kept> inputs;

  Result<std::uint32_t> keep(const BlobId& id, std::string_view body,
                             std::string_view content_type);
  std::optional<std::uint32_t> find(const BlobId& id);
  std::uint32_t number_of_kept_tag(std::uint32_t old);
  std::uint32_t number_of_segment(std::string_view name);
  Status flush();
  Status close_segment();
  std::string assemble(ReleaseId id);
};

Result<std::unique_ptr<ReleaseWriter>> ReleaseWriter::open(ReleaseWriterSettings settings,
                                                           const Clock& clock, Disk& disk) {
  const HashKey key = TRY(prepare_directory(settings.directory, disk));
  BuildLease lease = TRY(BuildLease::take(settings.directory));
  auto shared = std::make_unique<Shared>(settings.directory, clock, disk, key, std::move(lease));
  shared->fill_seq = TRY(last_purge_seq_of(settings.directory, disk));
  const auto ids = TRY(numbered_files(settings.directory + "/manifest", ".release"));
  if (!ids.empty()) {
    // One that cannot be read only means that every body is written again.
    auto previous = Release::open(settings.directory, ids.back(), key, disk);
    if (previous) shared->previous = std::move(previous).value();
  }
  const std::string name = Hash128{random_u64(), random_u64()}.hex() + ".seg";
  shared->segment_name = name;
  shared->unfinished_path = settings.directory + "/tmp/" + name;
  shared->segment = TRY(disk.create(shared->unfinished_path));
  shared->segments.push_back(name);
  return std::unique_ptr<ReleaseWriter>(new ReleaseWriter(std::move(shared)));
}

ReleaseWriter::ReleaseWriter(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}

ReleaseWriter::~ReleaseWriter() {
  // A build that failed leaves nothing; if the file cannot be removed, the next start sweeps it.
  if (!shared_->is_finished) (void)shared_->disk.remove(shared_->unfinished_path).ok();
}

std::uint64_t ReleaseWriter::fill_seq() const { return shared_->fill_seq; }

Status ReleaseWriter::add(NewEntry entry) {
  TRY(check(entry));
  const BlobId id = shared_->key.hash(entry.body);
  Sha256 sha{};
  const auto before =
      shared_->previous == nullptr ? std::nullopt : shared_->previous->find(entry.path);
  sha = before && before->body_id() == id ? before->sha256() : sha256_of(entry.body);
  const std::uint32_t blob = TRY(shared_->keep(id, entry.body, entry.content_type));

  Shared::Page page;
  page.path = std::move(entry.path);
  page.content_type = std::move(entry.content_type);
  for (const auto& [name, value] : entry.fields) page.fields += name + ": " + value + '\n';
  page.fixed.blob = blob;
  page.fixed.status = static_cast<std::uint16_t>(entry.status);
  page.fixed.kind = static_cast<std::uint8_t>(entry.kind);
  page.fixed.renderable = static_cast<std::uint8_t>(entry.renderable);
  page.fixed.ttl_ns = entry.policy.ttl ? entry.policy.ttl->count() : -1;
  page.fixed.swr_ns = entry.policy.swr.count();
  page.fixed.sie_ns = entry.policy.sie.count();
  std::memcpy(page.fixed.sha256.data(), sha.data(), sha.size());

  const std::lock_guard lock(shared_->mutex);
  for (std::string& tag : entry.tags) {
    const auto next = static_cast<std::uint32_t>(shared_->tag_numbers.size());
    page.tags.push_back(shared_->tag_numbers.try_emplace(std::move(tag), next).first->second);
  }
  shared_->pages.push_back(std::move(page));
  return done;
}

Status ReleaseWriter::add_input(NewInput input) {
  if (input.name.empty() || input.bytes.size() > limits::file_bytes_max)
    return Error{Errc::invalid, "input '" + input.name + "' of " +
                                    std::to_string(input.bytes.size()) + " bytes cannot be kept"};
  // Inputs are text as far as compression is concerned: what does not shrink is kept as it is.
  const std::uint32_t blob =
      TRY(shared_->keep(shared_->key.hash(input.bytes), input.bytes, "text/plain"));
  const std::lock_guard lock(shared_->mutex);
  shared_->inputs.push_back({std::move(input.name), blob, input.modified_ns});
  return done;
}

ReleaseId ReleaseWriter::previous() const {
  return shared_->previous == nullptr ? 0 : shared_->previous->id();
}

bool ReleaseWriter::keep(std::string_view path) {
  Shared& shared = *shared_;
  if (shared.previous == nullptr) return false;
  const std::optional<ReleaseEntry> entry = shared.previous->find(path);
  if (!entry) return false;
  Shared::Page page;
  page.path = path;
  page.content_type = entry->content_type();
  page.fields = entry->fields_text();
  page.fixed.status = static_cast<std::uint16_t>(entry->status());
  page.fixed.kind = static_cast<std::uint8_t>(entry->kind());
  page.fixed.renderable = static_cast<std::uint8_t>(entry->renderable());
  const Policy policy = entry->policy();
  page.fixed.ttl_ns = policy.ttl ? policy.ttl->count() : -1;
  page.fixed.swr_ns = policy.swr.count();
  page.fixed.sie_ns = policy.sie.count();
  const Sha256 sha = entry->sha256();
  std::memcpy(page.fixed.sha256.data(), sha.data(), sha.size());

  const std::lock_guard lock(shared.mutex);
  const std::optional<std::uint32_t> blob = shared.find(entry->body_id());
  if (!blob) return false;
  page.fixed.blob = *blob;
  page.tags.reserve(entry->tag_count());
  for (std::size_t i = 0; i < entry->tag_count(); ++i)
    page.tags.push_back(shared.number_of_kept_tag(entry->tag_number(i)));
  shared.pages.push_back(std::move(page));
  return true;
}

bool ReleaseWriter::keep_input(std::string_view name) {
  Shared& shared = *shared_;
  if (shared.previous == nullptr) return false;
  const std::optional<Release::InputPlace> input = shared.previous->find_input(name);
  if (!input) return false;
  const std::lock_guard lock(shared.mutex);
  const std::optional<std::uint32_t> blob = shared.find(input->body);
  if (!blob) return false;
  shared.inputs.push_back({std::string(name), *blob, input->modified_ns});
  return true;
}

// A tag of the previous release in this one; each is looked up once.
std::uint32_t ReleaseWriter::Shared::number_of_kept_tag(std::uint32_t old) {
  constexpr std::uint32_t unknown = 0xffff'ffff;
  if (kept_tags.empty()) kept_tags.assign(previous->tag_count(), unknown);
  MUST(old < kept_tags.size());
  std::uint32_t& number = kept_tags[old];
  if (number == unknown) {
    const auto next = static_cast<std::uint32_t>(tag_numbers.size());
    number = tag_numbers.try_emplace(std::string(previous->tag_name(old)), next).first->second;
  }
  return number;
}

std::optional<std::uint32_t> ReleaseWriter::Shared::find(const BlobId& id) {
  const auto found = blob_numbers.find(id);
  if (found != blob_numbers.end()) return found->second;
  if (previous == nullptr) return std::nullopt;
  const auto place = previous->find_blob(id);
  if (!place) return std::nullopt;
  const BlobHeader& header = place->place.header;
  blobs.push_back({place->place.offset, number_of_segment(place->segment),
                   static_cast<std::uint32_t>(header.codec), header.identity_bytes,
                   header.stored_bytes, id.low, id.high, header.stored_sum});
  return blob_numbers[id] = static_cast<std::uint32_t>(blobs.size() - 1);
}

std::uint32_t ReleaseWriter::Shared::number_of_segment(std::string_view name) {
  const auto found = std::ranges::find(segments, name);
  if (found == segments.end()) segments.emplace_back(name);
  const auto at = std::ranges::find(segments, name);
  return static_cast<std::uint32_t>(at - segments.begin());
}

Result<std::uint32_t> ReleaseWriter::Shared::keep(const BlobId& id, std::string_view body,
                                                  std::string_view content_type) {
  {
    const std::lock_guard lock(mutex);
    if (const auto known = find(id)) return *known;
  }
  const PackedBlob blob = pack_blob(key, body, content_type);
  const std::lock_guard lock(mutex);
  MUST(!is_finished);
  if (const auto known = find(id)) return *known;  // another thread had the same body
  const std::uint64_t offset = flushed + buffer.size();
  buffer += encode_blob_header(blob.header);
  buffer += blob.stored;
  buffer.append(padding_of(buffer.size()), '\0');
  blobs.push_back({offset, 0, static_cast<std::uint32_t>(blob.header.codec),
                   blob.header.identity_bytes, blob.header.stored_bytes, id.low, id.high,
                   blob.header.stored_sum});
  const auto number = blob_numbers[id] = static_cast<std::uint32_t>(blobs.size() - 1);
  if (buffer.size() >= flush_bytes) TRY(flush());
  return number;
}

Status ReleaseWriter::Shared::flush() {
  TRY(disk.write(segment.number(), flushed, buffer, unfinished_path));
  flushed += buffer.size();
  buffer.clear();
  return done;
}

Status ReleaseWriter::Shared::close_segment() {
  TRY(flush());
  if (flushed == 0) return disk.remove(unfinished_path);
  TRY(disk.sync(segment.number(), unfinished_path));
  TRY(disk.rename(unfinished_path, directory + "/blobs/" + segment_name));
  return disk.sync_directory(directory + "/blobs");
}

Result<ReleaseId> ReleaseWriter::finish() {
  Shared& shared = *shared_;
  const std::lock_guard lock(shared.mutex);
  MUST(!shared.is_finished);
  std::ranges::sort(shared.pages, {}, &Shared::Page::path);
  std::ranges::sort(shared.inputs, {}, &Shared::Kept::name);
  const auto twice = std::ranges::adjacent_find(shared.pages, {}, &Shared::Page::path);
  if (twice != shared.pages.end())
    return Error{Errc::exists, "two pages of this build have the path '" + twice->path + "'"};
  const auto again = std::ranges::adjacent_find(shared.inputs, {}, &Shared::Kept::name);
  if (again != shared.inputs.end())
    return Error{Errc::exists, "two inputs of this build have the name '" + again->name + "'"};

  TRY(shared.close_segment());
  shared.is_finished = true;
  const auto ids = TRY(numbered_files(shared.directory + "/manifest", ".release"));
  ReleaseId id = ids.empty() ? 1 : ids.back() + 1;
  const std::string unfinished = shared.directory + "/tmp/manifest-" + std::to_string(random_u64());
  // Another build may take the number first; then ours is written again with the next one.
  for (;; ++id) {
    {
      const Descriptor file = TRY(shared.disk.create(unfinished));
      TRY(shared.disk.write(file.number(), 0, shared.assemble(id), unfinished));
      TRY(shared.disk.sync(file.number(), unfinished));
    }
    const Status linked = shared.disk.link(unfinished, release_path_of(shared.directory, id));
    TRY(shared.disk.remove(unfinished));
    if (linked) break;
    if (linked.error().code != Errc::exists) return linked.error();
  }
  TRY(shared.disk.sync_directory(shared.directory + "/manifest"));
  return id;
}

// --- the manifest --------------------------------------------------------------------------------

namespace {

// The bytes behind all names, each written once where it repeats (content types, fields).
class TextSection {
 public:
  manifest::Text keep(std::string_view text) {
    const auto found = places_.find(text);
    if (found != places_.end()) return found->second;
    return places_[std::string(text)] = append(text);
  }
  manifest::Text append(std::string_view text) {
    MUST(bytes_.size() + text.size() <= UINT32_MAX);
    const manifest::Text place{static_cast<std::uint32_t>(bytes_.size()),
                               static_cast<std::uint32_t>(text.size())};
    bytes_ += text;
    return place;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::unordered_map<std::string, manifest::Text, StringHash, std::equal_to<>> places_;
};

class Assembly {
 public:
  Assembly() : out_(sizeof(manifest::Header), '\0') {}
  template <class T>
  void add(manifest::Section section, const std::vector<T>& items) {
    add_bytes(section, {reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T)},
              items.size());
  }
  void add_bytes(manifest::Section section, std::string_view bytes, std::size_t count) {
    header.ranges[section] = {out_.size(), count};
    out_ += bytes;
    out_.append(padding_of(out_.size()), '\0');
  }
  std::string finish() {
    std::memcpy(header.magic_bytes.data(), manifest::magic, 8);
    header.file_bytes = out_.size();
    std::memcpy(out_.data(), &header, sizeof header);
    header.sum = xxh3_64(std::string_view(out_).substr(manifest::summed_from));
    std::memcpy(out_.data(), &header, sizeof header);
    return std::move(out_);
  }
  manifest::Header header;

 private:
  std::string out_;
};

// new_number_of[old] after sorting by `less`.
template <class Less>
std::vector<std::uint32_t> order_of(std::size_t count, Less less) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, less);
  return order;
}
std::vector<std::uint32_t> inverse_of(const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> inverse(order.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) inverse[order[i]] = i;
  return inverse;
}

}  // namespace

std::string ReleaseWriter::Shared::assemble(ReleaseId id) {
  Assembly assembly;
  TextSection text;

  const auto blob_order = order_of(blobs.size(), [this](std::uint32_t a, std::uint32_t b) {
    return std::pair(blobs[a].id_high, blobs[a].id_low) <
           std::pair(blobs[b].id_high, blobs[b].id_low);
  });
  const auto blob_number_of = inverse_of(blob_order);
  std::vector<manifest::Blob> sorted_blobs;
  for (const std::uint32_t number : blob_order) sorted_blobs.push_back(blobs[number]);

  std::vector<std::string_view> tag_names(tag_numbers.size());
  for (const auto& [name, number] : tag_numbers) tag_names[number] = name;
  const auto tag_order = order_of(tag_names.size(), [&](std::uint32_t a, std::uint32_t b) {
    return tag_names[a] < tag_names[b];
  });
  const auto tag_number_of = inverse_of(tag_order);
  std::vector<manifest::Tag> tags;
  for (const std::uint32_t number : tag_order)
    tags.push_back({text.append(tag_names[number]), 0, 0});

  std::vector<manifest::Entry> entries;
  std::vector<std::uint32_t> entry_tags;
  for (const Page& page : pages) {
    manifest::Entry entry = page.fixed;
    entry.path = text.append(page.path);
    entry.content_type = text.keep(page.content_type);
    entry.fields = text.keep(page.fields);
    entry.blob = blob_number_of[page.fixed.blob];
    std::vector<std::uint32_t> numbers;
    for (const std::uint32_t number : page.tags) numbers.push_back(tag_number_of[number]);
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    for (const std::uint32_t number : numbers) ++tags[number].entries;
    entry.tags_first = static_cast<std::uint32_t>(entry_tags.size());
    entry.tags_count = static_cast<std::uint32_t>(numbers.size());
    entry_tags.insert(entry_tags.end(), numbers.begin(), numbers.end());
    entries.push_back(entry);
  }

  std::size_t slot_count = 8;
  while (slot_count < entries.size() * 2) slot_count *= 2;
  std::vector<std::uint32_t> slots(slot_count, 0);
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    std::size_t at = key.hash64(pages[i].path) & (slot_count - 1);
    while (slots[at] != 0) at = (at + 1) & (slot_count - 1);
    slots[at] = i + 1;
  }

  std::vector<manifest::Input> input_rows;
  for (const Kept& input : inputs)
    input_rows.push_back(
        {text.append(input.name), blob_number_of[input.blob], 0, input.modified_ns});
  // Without a blob of its own this release has no new segment: number 0 then names one that is
  // never opened.
  std::vector<manifest::Text> segment_rows;
  for (const std::string& name : segments)
    segment_rows.push_back(flushed == 0 && name == segment_name ? manifest::Text{}
                                                                : text.append(name));

  assembly.header.id = id;
  assembly.header.created_ns = static_cast<std::uint64_t>(clock.wall().ns);
  assembly.header.fill_seq = fill_seq;
  assembly.add(manifest::entries, entries);
  assembly.add(manifest::slots, slots);
  assembly.add(manifest::blobs, sorted_blobs);
  assembly.add(manifest::inputs, input_rows);
  assembly.add(manifest::tags, tags);
  assembly.add(manifest::entry_tags, entry_tags);
  assembly.add(manifest::segments, segment_rows);
  assembly.add_bytes(manifest::text, text.bytes(), text.bytes().size());
  return assembly.finish();
}

}  // namespace weir::store
