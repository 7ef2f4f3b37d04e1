#pragma once
// A release: everything one build made, as one immutable manifest beside one segment of blobs, and
// the inputs (configuration, templates, content, local data) that a later render of any of its
// pages needs.
//
// `ReleaseWriter` needs no lock on the store: it works beside a running server, under a build lease
// that garbage collection respects, until it is destroyed. When `finish` returns the release is
// durable but not active; the owner of the store makes it so (Store::adopt_release, one atomic
// step).
//
// `Release` holds the manifest as one copy, verified when it is opened: what happens to the file
// later cannot harm it. Opening 10,000 entries is one read and allocates nothing per entry, looking
// one up is one probe of a hash table in the file. Its grammar is drawn in manifest.h. Immutable,
// callable from any thread.

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/result.h"
#include "store/blob_store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::store {

// Grows with each build of one store; 0 = none.
using ReleaseId = std::uint64_t;

// The numbers are on disk: never change them.
enum class EntryKind : std::uint8_t { page = 0, static_file = 1, redirect = 2, generated = 3 };
enum class Renderable : std::uint8_t { no = 0, yes = 1 };

// How long an answer may be used (C-22). Without `ttl` it is fresh until a purge or the next
// release.
struct Policy {
  std::optional<Nanos> ttl = {};
  Nanos swr{};  // stale and served at once while it is refreshed
  Nanos sie{};  // stale and served when the refresh fails
  friend bool operator==(const Policy&, const Policy&) = default;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

struct NewEntry {
  std::string path = {};  // "/blog/a/": what a request's decoded path must equal
  int status = 200;
  EntryKind kind = EntryKind::page;
  Renderable renderable = Renderable::no;
  std::string content_type = {};
  Fields fields = {};  // beside Content-Type: Location, Cache-Control, Link ...
  std::string body = {};
  std::vector<std::string> tags = {};
  Policy policy = {};
};

struct NewInput {
  std::string name = {};  // path relative to the site's root, '/' between parts
  std::string bytes = {};
  std::int64_t modified_ns = 0;
};

struct ReleaseWriterSettings {
  std::string directory = {};  // the store's; made when missing
};

class ReleaseWriter {
 public:
  static Result<std::unique_ptr<ReleaseWriter>> open(ReleaseWriterSettings settings,
                                                     const Clock& clock, Disk& disk);
  ~ReleaseWriter();
  ReleaseWriter(const ReleaseWriter&) = delete;
  ReleaseWriter& operator=(const ReleaseWriter&) = delete;

  // Compress and hash on the caller's thread, then append. Callable from any thread. Bodies that
  // the newest release holds already are neither compressed nor written again. A path or name given
  // twice is Errc::exists at finish.
  Status add(NewEntry entry);
  Status add_input(NewInput input);

  // The newest release on disk; 0 = none. What is kept comes from there.
  ReleaseId previous() const;
  // The entry, or the input, as that release holds it, for a table look-up: its row goes into the
  // new manifest as it stands. False: it holds none. Callable from any thread.
  bool holds(std::string_view path) const;  // whether `keep` would
  bool keep(std::string_view path);
  bool keep_input(std::string_view name);

  // One fdatasync of the segment, one of its directory, then the manifest by name. Once.
  Result<ReleaseId> finish();

  // The last purge that had been recorded when this build began: what it read is not newer than
  // that (C-55).
  std::uint64_t fill_seq() const;

 private:
  struct Shared;
  explicit ReleaseWriter(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

// Where the manifest of release `id` lies.
std::string release_path_of(const std::string& directory, ReleaseId id);

struct BlobPlaceInSegment {
  std::string_view segment;  // file name in blobs/
  BlobPlace place;
};

class Release;

// One entry of a release. Views belong to the Release.
class ReleaseEntry {
 public:
  std::string_view path() const;
  int status() const;
  EntryKind kind() const;
  Renderable renderable() const;
  std::string_view content_type() const;
  Fields fields() const;
  std::size_t index() const { return index_; }  // Release::at
  Policy policy() const;
  Sha256 sha256() const;  // of the identity bytes
  BlobId body_id() const;
  std::uint64_t body_bytes() const;
  std::size_t tag_count() const;
  std::string_view tag(std::size_t index) const;
  std::uint32_t tag_number(std::size_t index) const;
  std::string_view fields_text() const;          // "name: value\n" lines
  bool has_tag(std::uint32_t tag_number) const;  // Release::find_tag

 private:
  friend class Release;
  ReleaseEntry(const Release& release, std::size_t index) : release_(&release), index_(index) {}
  const Release* release_;
  std::size_t index_;
};

class Release {
 public:
  // The manifest's checksum is verified here, the blobs when they are read. Errc::corrupt,
  // Errc::missing.
  static Result<std::shared_ptr<const Release>> open(const std::string& directory, ReleaseId id,
                                                     const HashKey& key, Disk& disk);

  ReleaseId id() const;
  Wall created() const;
  std::uint64_t fill_seq() const;

  std::size_t count() const;
  ReleaseEntry at(std::size_t index) const;                       // sorted by path, bytewise
  std::optional<ReleaseEntry> find(std::string_view path) const;  // no allocation, no lock
  Result<Body> read(const ReleaseEntry& entry) const;             // verified; blocking, for workers
  // The same in pieces. Errc::missing: it has no table of them, and is read as a whole.
  Result<std::shared_ptr<const PiecedBody>> open_pieces(const ReleaseEntry& entry) const;

  std::size_t tag_count() const;
  std::optional<std::uint32_t> find_tag(std::string_view tag) const;
  std::size_t entries_of_tag(std::uint32_t tag_number) const;  // how many carry it

  // Inputs, sorted by name. `directory` "" = all, "content" = below content/.
  std::vector<FoundFile> list_inputs(std::string_view directory) const;
  Result<std::string> read_input(std::string_view name) const;  // verified; Errc::missing

  std::vector<std::string> segment_names() const;  // files in blobs/ that it refers to
  // The same of a release that nobody needs to open: a few reads instead of megabytes. The checksum
  // is not verified. Errors as `open`.
  static Result<std::vector<std::string>> segment_names_of(const std::string& directory,
                                                           ReleaseId id, Disk& disk);
  // Where a body lies that this release holds. The view belongs to the release.
  std::optional<BlobPlaceInSegment> find_blob(const BlobId& id) const;
  ~Release();

  struct Manifest;                                         // release_manifest.h
  const Manifest& manifest() const { return *manifest_; }  // for the writer of the next one

 private:
  friend class ReleaseEntry;
  explicit Release(std::unique_ptr<const Manifest> manifest);
  std::unique_ptr<const Manifest> manifest_;
};

}  // namespace weir::store
