// Goal: a part of a large body costs the pieces that it touches, is what a slice of the whole is,
// and is never wrong: a byte that rotted is said, and does not harm the other pieces (C-48).

#include "store/pieced_body.h"

#include "store/blob_store.h"
#include "store/fixture.h"

#include <filesystem>
#include <fstream>
#include <random>

using namespace weir;
using namespace weir::store;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::string text_of(std::size_t bytes, unsigned seed = 7) {
  std::mt19937 random(seed);
  std::string text;
  text.reserve(bytes + 16);
  while (text.size() < bytes) text += "word" + std::to_string(random() % 5'000) + ' ';
  text.resize(bytes);
  return text;
}

std::string noise_of(std::size_t bytes) {
  std::mt19937_64 random(3);
  std::string noise(bytes, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return noise;
}

// A disk that counts what is read.
class CountingDisk : public Disk {
 public:
  Result<std::string> read(int descriptor, std::uint64_t offset, std::size_t bytes,
                           const std::string& path) override {
    bytes_read += bytes;
    return Disk::read(descriptor, offset, bytes, path);
  }
  std::size_t bytes_read = 0;
};

struct Bench : StoreBench {
  CountingDisk counting;
  std::unique_ptr<Store> opened = open();
  BlobStore blobs{settings().directory, opened->blobs().key(), counting, log};

  std::shared_ptr<const PiecedBody> put(const std::string& body, const char* type) {
    const PackedBlob blob = pack_blob(blobs.key(), body, type);
    REQUIRE(blobs.put(blob).ok());
    return need(blobs.open_pieces(blob.header.id));
  }
};

}  // namespace

TEST_CASE("C-48: every boundary of a body in pieces reads like a slice of the whole", "[store]") {
  Bench bench;
  const std::size_t sizes[] = {whole_bytes_max + 1, 5 * piece_bytes - 1, 5 * piece_bytes,
                               5 * piece_bytes + 1};
  for (const std::size_t size : sizes) {
    for (const char* const type : {"text/plain", "video/mp4"}) {
      INFO(size << ' ' << type);
      const std::string body = text_of(size, static_cast<unsigned>(size));
      const auto pieces = bench.put(body + type, type);
      const std::string whole = body + type;
      const Codec codec = pieces->header().codec;
      CHECK((codec == Codec::zstd) == (type == std::string_view("text/plain")));
      const std::size_t edges[] = {0,
                                   1,
                                   piece_bytes - 1,
                                   piece_bytes,
                                   piece_bytes + 1,
                                   2 * piece_bytes,
                                   whole.size() - 1,
                                   whole.size()};
      for (const std::size_t first : edges)
        for (const std::size_t end : edges)
          if (first <= end)
            CHECK(need(pieces->read(Codec::identity, first, end - first)) ==
                  whole.substr(first, end - first));
      const std::string stored = need(pieces->read(codec, 0, pieces->bytes(codec)));
      if (codec == Codec::zstd) CHECK(need(unpack_zstd(stored, whole.size())) == whole);
      CHECK(need(pieces->read(codec, 1'000, 200'000)) == stored.substr(1'000, 200'000));
    }
  }
}

TEST_CASE("C-48: random ranges of random bodies are slices", "[store]") {
  Bench bench;
  std::mt19937_64 random(20'261'121);
  for (int round = 0; round < 6; ++round) {
    const std::size_t size = whole_bytes_max + 1 + random() % (3 * whole_bytes_max);
    std::string body = text_of(size, static_cast<unsigned>(round));
    for (std::size_t at = random() % size; at < size; at += 300'000) body[at] = '\xff';
    const auto pieces = bench.put(body, round % 3 == 0 ? "image/jpeg" : "application/json");
    const Codec codec = pieces->header().codec;
    const std::string stored = need(pieces->read(codec, 0, pieces->bytes(codec)));
    for (int ask = 0; ask < 60; ++ask) {
      const std::size_t first = random() % size;
      const std::size_t bytes = random() % std::min<std::size_t>(size - first + 1, 600'000);
      CHECK(need(pieces->read(Codec::identity, first, bytes)) == body.substr(first, bytes));
      const std::size_t from = random() % stored.size();
      CHECK(need(pieces->read(codec, from, stored.size() - from)) == stored.substr(from));
    }
  }
}

TEST_CASE("C-48: a range reads the pieces that it touches and no more", "[store]") {
  Bench bench;
  const std::string body = noise_of(8 * whole_bytes_max);
  const auto pieces = bench.put(body, "video/mp4");
  bench.counting.bytes_read = 0;
  CHECK(need(pieces->read(Codec::identity, body.size() - 65'536, 65'536)) ==
        body.substr(body.size() - 65'536));
  CHECK(bench.counting.bytes_read == piece_bytes);
  bench.counting.bytes_read = 0;
  CHECK(need(pieces->read(Codec::identity, piece_bytes - 10, 20)).size() == 20);
  CHECK(bench.counting.bytes_read == 2 * piece_bytes);
}

TEST_CASE("C-48: a rotten piece is said, and the others are served", "[store]") {
  Bench bench;
  const std::string body = text_of(6 * piece_bytes);
  const auto pieces = bench.put(body, "text/plain");
  const std::string path = pieces->path();
  // Somewhere in the second half of what is stored.
  damage(path, blob_header_bytes + pieces->header().stored_bytes * 3 / 4);
  CHECK(need(pieces->read(Codec::identity, 0, 2 * piece_bytes)) == body.substr(0, 2 * piece_bytes));
  std::size_t corrupt = 0;
  for (std::size_t piece = 0; piece < 6; ++piece) {
    const auto read = pieces->read(Codec::identity, piece * piece_bytes, piece_bytes);
    if (read) CHECK(*read == body.substr(piece * piece_bytes, piece_bytes));
    else CHECK(read.error().code == Errc::corrupt);
    corrupt += read ? 0 : 1;
  }
  CHECK(corrupt == 1);
  CHECK(pieces->read(Codec::zstd, 0, pieces->bytes(Codec::zstd)).error().code == Errc::corrupt);
}

TEST_CASE("C-48: no flipped bit of a blob in pieces gives a wrong byte", "[store]") {
  Bench bench;
  const std::string body = text_of(5 * piece_bytes);
  const auto good = bench.put(body, "text/plain");
  const std::string path = good->path();
  const auto file_bytes = std::filesystem::file_size(path);
  std::mt19937_64 random(11);
  for (int flip = 0; flip < 120; ++flip) {
    // A third in the header, a third in the table, a third anywhere.
    const std::uint64_t at = flip % 3 == 0   ? random() % blob_header_bytes
                             : flip % 3 == 1 ? file_bytes - 1 - random() % 60
                                             : random() % file_bytes;
    damage(path, at);
    auto file = need(Segment::open(bench.counting, path));
    const auto opened = PiecedBody::open(file, 0, good->header());
    const std::size_t first = random() % body.size();
    const std::size_t bytes = body.size() - first;
    const auto read = opened ? (*opened)->read(Codec::identity, first, bytes)
                             : Result<std::string>(opened.error());
    if (read) CHECK(*read == body.substr(first, bytes));
    else CHECK(read.error().code == Errc::corrupt);
    damage(path, at);
  }
}

TEST_CASE("C-63: a large file whose header or table rots is quarantined when it is opened",
          "[store]") {
  Bench bench;
  const auto pieces = bench.put(text_of(5 * piece_bytes), "text/plain");
  const BlobId id = pieces->header().id;
  damage(pieces->path(), std::filesystem::file_size(pieces->path()) - 3);
  CHECK(bench.blobs.open_pieces(id).error().code == Errc::corrupt);
  CHECK(bench.blobs.corrupt_count() == 1);
  CHECK(bench.blobs.open_pieces(id).error().code == Errc::missing);
}

TEST_CASE("C-48: small bodies, and large ones of an older store, have no pieces and are read whole",
          "[store]") {
  Bench bench;
  const std::string small = text_of(whole_bytes_max);
  const PackedBlob packed = pack_blob(bench.blobs.key(), small, "text/plain");
  CHECK(packed.table.empty());
  CHECK(encode_blob_header(packed.header)[4] == 1);
  REQUIRE(bench.blobs.put(packed).ok());
  CHECK(bench.blobs.open_pieces(packed.header.id).error().code == Errc::missing);

  const std::string large = text_of(3 * whole_bytes_max);
  PackedBlob old = pack_blob(bench.blobs.key(), large, "text/plain");
  CHECK(encode_blob_header(old.header)[4] == 2);
  old.table.clear();
  old.header.table_sum = 0;
  REQUIRE(bench.blobs.put(old).ok());
  CHECK(bench.blobs.open_pieces(old.header.id).error().code == Errc::missing);
  CHECK(need(bench.blobs.read(old.header.id)).identity == large);
  CHECK(bench.blobs.corrupt_count() == 0);
}

TEST_CASE(
    "C-48: a release has its large bodies in pieces, and the scrubber reads past their tables",
    "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  const auto writer = bench.writer();
  const std::string large = text_of(6 * piece_bytes + 77);
  for (const char* const path : {"/a.txt", "/b.txt", "/c.txt"})
    need(writer->add(page(path, large + path)));
  need(writer->add(page("/small", "small")));
  need(store->adopt_release(need(writer->finish())));
  const auto release = store->active().release;
  const auto pieces = need(release->open_pieces(*release->find("/b.txt")));
  CHECK(need(pieces->read(Codec::identity, large.size() - 5, 11)) ==
        (large + "/b.txt").substr(large.size() - 5));
  CHECK(need(release->read(*release->find("/c.txt"))).identity == large + "/c.txt");
  CHECK(release->open_pieces(*release->find("/small")).error().code == Errc::missing);
  for (int second = 0; second < 8; ++second) {
    bench.clock.advance(1s);
    store->tick();
  }
  CHECK(store->counters().corrupt == 0);

  damage(pieces->path(), blob_header_bytes + 1'000);  // of the first of them, whichever that is
  std::size_t good = 0;
  for (const char* const path : {"/a.txt", "/b.txt", "/c.txt"}) {
    const auto one = need(release->open_pieces(*release->find(path)));
    const auto read = one->read(Codec::identity, 0, 100);
    if (read) CHECK(*read == large.substr(0, 100));
    good += read ? 1 : 0;
    CHECK(need(one->read(Codec::identity, 3 * piece_bytes, 9)) == large.substr(3 * piece_bytes, 9));
  }
  CHECK(good == 2);
}
