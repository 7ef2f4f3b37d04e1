#pragma once
// Small sites in memory, and where their outputs go: what every test of the site room needs.

#include "base/guarded.h"
#include "site/build.h"
#include "site/renderer.h"

#include <atomic>
#include <map>
#include <string>
#include <vector>

namespace weir::test {

class MemorySource final : public site::SiteSource {
 public:
  using Files = std::map<std::string, std::string, std::less<>>;
  explicit MemorySource(Files files) : files_(std::move(files)) {}

  Result<RootDirectory::Listing> list(std::string_view directory) const override {
    RootDirectory::Listing listing;
    const std::string prefix = directory.empty() ? "" : std::string(directory) + '/';
    for (const auto& [path, bytes] : files_)
      if (path.starts_with(prefix)) listing.files.push_back({path, bytes.size(), 0});
    return listing;
  }
  Result<std::string> read(std::string_view path) const override {
    const auto at = files_.find(path);
    if (at == files_.end()) return Error{Errc::missing, "no file " + std::string(path)};
    return at->second;
  }
  Result<bool> exists(std::string_view path) const override {
    return files_.find(path) != files_.end();
  }
  void write(const std::string& path, std::string bytes) { files_[path] = std::move(bytes); }

 private:
  Files files_;
};

class MemorySink final : public site::OutputSink {
 public:
  Status put(site::Output&& output) override {
    outputs_.with([&](auto& all) {
      std::string file = output.file;
      all.emplace(std::move(file), std::move(output));
    });
    return done;
  }
  // By file. MUST not be called while a build runs.
  std::map<std::string, site::Output> take() {
    return outputs_.with([](auto& all) { return std::move(all); });
  }

 private:
  Guarded<std::map<std::string, site::Output>> outputs_;
};

class FakeFetcher final : public site::Fetcher {
 public:
  std::map<std::string, site::RemoteAnswer> pages;  // by method and URL: "HEAD https://x/"
  Result<site::RemoteAnswer> ask(const site::RemoteRequest& request) override {
    ++calls;
    const auto at = pages.find(request.method + ' ' + request.url);
    if (at == pages.end()) return Error{Errc::io, "nobody answers"};
    return at->second;
  }
  std::map<std::string, std::string> answers;
  std::atomic<int> calls{0};
  Result<std::string> fetch(const site::RemoteRequest& request) override {
    ++calls;
    const auto at = answers.find(request.url);
    if (at == answers.end()) return Error{Errc::io, "nobody answers"};
    return at->second;
  }
};

struct Built {
  site::BuildReport report;
  std::map<std::string, site::Output> outputs;

  const std::string& bytes(const std::string& file) const;
  bool has(const std::string& file) const { return outputs.count(file) != 0; }
  // All messages, a line each: "error content/a.md:3:1 what (help)".
  std::string messages() const;
  std::vector<std::string> files() const;
};

// base_url is https://example.com unless the files have a configuration; the clock stands at
// 2026-11-20T00:00:00Z.
Built build_site(MemorySource::Files files, site::BuildOptions options = {});
site::BuildOptions options_with_clock(site::BuildOptions options = {});

}  // namespace weir::test
