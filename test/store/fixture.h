#pragma once
// What the tests of the store share: a directory, a clock that stands still, a silent log, and a
// disk that can fail.

#include "base/log.h"
#include "store/store.h"
#include "support.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

namespace weir::test {

// Fails writing operations when `fails` says so of their number (from 1). A failed write leaves
// half of its bytes.
class FailingDisk : public store::Disk {
 public:
  std::function<bool(std::uint64_t)> fails = [](std::uint64_t) { return false; };
  Errc code = Errc::full;
  std::atomic<std::uint64_t> operations{0};

  Result<Descriptor> create(const std::string& path) override {
    return guard<Descriptor>([&] { return Disk::create(path); });
  }
  Status write(int descriptor, std::uint64_t offset, std::string_view bytes,
               const std::string& path) override {
    const Status allowed = guard<Done>([] { return Status(done); });
    if (allowed) return Disk::write(descriptor, offset, bytes, path);
    (void)Disk::write(descriptor, offset, bytes.substr(0, bytes.size() / 2), path).ok();
    return allowed;
  }
  Status sync(int descriptor, const std::string& path) override {
    return guard<Done>([&] { return Disk::sync(descriptor, path); });
  }
  Status truncate(int descriptor, std::uint64_t bytes, const std::string& path) override {
    return guard<Done>([&] { return Disk::truncate(descriptor, bytes, path); });
  }
  Status rename(const std::string& from, const std::string& to) override {
    return guard<Done>([&] { return Disk::rename(from, to); });
  }
  Status link(const std::string& from, const std::string& to) override {
    return guard<Done>([&] { return Disk::link(from, to); });
  }
  Status sync_directory(const std::string& path) override {
    return guard<Done>([&] { return Disk::sync_directory(path); });
  }

 private:
  template <class T, class F>
  Result<T> guard(F work) {
    if (fails(++operations))
      return Error{code, "the test's disk refuses operation " + std::to_string(operations)};
    return work();
  }
};

struct StoreBench {
  TemporaryDirectory directory;
  ManualClock clock;
  Descriptor nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};  // closed behind its writer
  LineWriter lines{std::getenv("WEIR_TEST_LOG") != nullptr ? 2 : nowhere.number(), 1024};
  Log log{clock, lines, LogLevel::debug, LogForm::json};
  FailingDisk disk;

  store::StoreSettings settings() const {
    store::StoreSettings settings;
    settings.directory = directory.path() + "/cache";
    settings.background = store::Background::none;
    return settings;
  }
  std::unique_ptr<store::Store> open() {
    auto opened = store::Store::open(settings(), clock, log, disk);
    if (!opened) FAIL(opened.error().text());
    return std::move(opened).value();
  }
  std::unique_ptr<store::ReleaseWriter> writer() {
    auto opened = store::ReleaseWriter::open({settings().directory}, clock, disk);
    if (!opened) FAIL(opened.error().text());
    return std::move(opened).value();
  }
};

template <class T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().text());
  return std::move(result).value();
}

inline store::NewEntry page(std::string path, std::string body,
                            std::vector<std::string> tags = {}) {
  store::NewEntry entry;
  entry.path = std::move(path);
  entry.body = std::move(body);
  entry.content_type = "text/html; charset=utf-8";
  entry.tags = std::move(tags);
  entry.renderable = store::Renderable::yes;
  return entry;
}

inline store::Fill fill_of(store::Store& store, std::string key, std::string_view body,
                           store::PackedBlob& packed) {
  packed = store::pack_blob(store.blobs().key(), body, "text/html");
  store::Fill fill;
  fill.key = std::move(key);
  fill.content_type = "text/html";
  fill.body_id = packed.header.id;
  fill.sha256 = sha256_of(body);
  fill.body_bytes = body.size();
  fill.rendered = fill.modified = store.wall();
  const auto active = store.active();
  fill.release = active.release == nullptr ? 0 : active.release->id();
  return fill;
}

inline Result<std::uint64_t> keep(store::Store& store, std::string key, std::string_view body) {
  store::PackedBlob packed;
  store::Fill fill = fill_of(store, std::move(key), body, packed);
  return store.put_fill(std::move(fill), &packed);
}

// One bit of a file that lies on disk.
inline void damage(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  REQUIRE(file.good());
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 4));
}

inline std::string body_in(store::Store& store, std::string_view key) {
  const auto fill = store.find_fill(key);
  if (!fill) return "(none)";
  auto body = store.read_fill(*fill);
  return body ? body->identity : "(" + body.error().text() + ")";
}

}  // namespace weir::test
