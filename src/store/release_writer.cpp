// How a build becomes a release. Pages arrive from many threads; each is hashed and compressed on
// its own thread, and appended to one segment under a mutex, a megabyte at a time. What the newest
// release on disk holds already is only referred to. The manifest is assembled at the end, when all
// names are known (its grammar: manifest.h).

#include "base/limits.h"
#include "base/must.h"
#include "store/layout.h"
#include "store/log.h"
#include "store/release.h"
#include "store/release_draft.h"

#include <algorithm>
#include <cstring>
#include <mutex>
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
  Shared(std::string where, const Clock& time, Disk& files, HashKey secret, BuildLease held,
         std::shared_ptr<const Release> newest)
      : directory(std::move(where)),
        clock(time),
        disk(files),
        key(secret),
        lease(std::move(held)),
        previous(std::move(newest)),
        draft(previous.get()) {}

  const std::string directory;
  const Clock& clock;
  Disk& disk;
  const HashKey key;
  BuildLease lease;
  const std::shared_ptr<const Release> previous;  // the newest on disk; null = none
  std::uint64_t fill_seq = 0;

  std::mutex mutex;
  bool is_finished = false;
  std::string segment_name, unfinished_path;
  Descriptor segment;
  std::uint64_t flushed = 0;
  std::string buffer;
  std::unordered_map<BlobId, std::uint32_t, BlobIdHash> blob_numbers;  // of the new ones
  std::unordered_map<std::string, std::uint32_t, StringHash, std::equal_to<>> tag_numbers;
  ReleaseDraft draft;

  Result<std::uint32_t> keep(const BlobId& id, std::string_view body,
                             std::string_view content_type);
  std::optional<std::uint32_t> find(const BlobId& id) const;
  std::uint32_t number_of_tag(std::string&& name);
  Status flush();
  Status close_segment();
};

Result<std::unique_ptr<ReleaseWriter>> ReleaseWriter::open(ReleaseWriterSettings settings,
                                                           const Clock& clock, Disk& disk) {
  const HashKey key = TRY(prepare_directory(settings.directory, disk));
  BuildLease lease = TRY(BuildLease::take(settings.directory));
  const std::uint64_t fill_seq = TRY(last_purge_seq_of(settings.directory, disk));
  const auto ids = TRY(numbered_files(settings.directory + "/manifest", ".release"));
  std::shared_ptr<const Release> previous;
  if (!ids.empty()) {
    // One that cannot be read only means that every body is written again.
    auto opened = Release::open(settings.directory, ids.back(), key, disk);
    if (opened) previous = std::move(opened).value();
  }
  auto shared = std::make_unique<Shared>(settings.directory, clock, disk, key, std::move(lease),
                                         std::move(previous));
  shared->fill_seq = fill_seq;
  const std::string name = Hash128{random_u64(), random_u64()}.hex() + ".seg";
  shared->segment_name = name;
  shared->unfinished_path = settings.directory + "/tmp/" + name;
  shared->segment = TRY(disk.create(shared->unfinished_path));
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

  ReleaseDraft::Page page;
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
  for (std::string& tag : entry.tags) page.tags.push_back(shared_->number_of_tag(std::move(tag)));
  shared_->draft.pages.push_back(std::move(page));
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
  shared_->draft.inputs.push_back({std::move(input.name), blob, input.modified_ns});
  return done;
}

ReleaseId ReleaseWriter::previous() const {
  return shared_->previous == nullptr ? 0 : shared_->previous->id();
}

bool ReleaseWriter::holds(std::string_view path) const {
  return shared_->previous != nullptr && shared_->previous->find(path).has_value();
}
bool ReleaseWriter::keep(std::string_view path) { return shared_->draft.keep_page(path); }
bool ReleaseWriter::keep_input(std::string_view name) { return shared_->draft.keep_input(name); }

std::uint32_t ReleaseWriter::Shared::number_of_tag(std::string&& name) {
  if (previous != nullptr)
    if (const auto old = previous->find_tag(name)) return *old | of_previous;
  const auto next = static_cast<std::uint32_t>(draft.tags.size());
  const auto [at, is_new] = tag_numbers.try_emplace(std::move(name), next);
  if (is_new) draft.tags.push_back(at->first);
  return at->second;
}

std::optional<std::uint32_t> ReleaseWriter::Shared::find(const BlobId& id) const {
  const auto found = blob_numbers.find(id);
  if (found != blob_numbers.end()) return found->second;
  if (previous == nullptr || !previous->find_blob(id)) return std::nullopt;
  return *previous->manifest().find_blob(id) | of_previous;
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
  buffer += blob.table;
  buffer.append(padding_of(buffer.size()), '\0');
  draft.blobs.push_back({offset, 0, static_cast<std::uint32_t>(blob.header.codec),
                         blob.header.identity_bytes, blob.header.stored_bytes, id.low, id.high,
                         blob.header.stored_sum});
  const auto number = blob_numbers[id] = static_cast<std::uint32_t>(draft.blobs.size() - 1);
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
  TRY(shared.draft.settle());
  TRY(shared.close_segment());
  if (shared.flushed != 0) shared.draft.segment_name = shared.segment_name;
  shared.is_finished = true;
  const auto ids = TRY(numbered_files(shared.directory + "/manifest", ".release"));
  ReleaseId id = ids.empty() ? 1 : ids.back() + 1;
  const std::string unfinished = shared.directory + "/tmp/manifest-" + std::to_string(random_u64());
  // Another build may take the number first; then ours is written again with the next one.
  for (;; ++id) {
    {
      const Descriptor file = TRY(shared.disk.create(unfinished));
      TRY(shared.disk.write(
          file.number(), 0,
          assemble(shared.draft, shared.key, {id, shared.clock.wall(), shared.fill_seq}),
          unfinished));
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

}  // namespace weir::store
