// Goal: plain files change only where the site changed, and never half.

#include "cli/exporter.h"

#include "base/file.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace weir;
using cli::Exporter;

namespace {

Exporter::Counts write(const std::string& directory, Exporter::Claim claim,
                       const std::vector<std::pair<std::string, std::string>>& files,
                       Exporter::DotFiles dot_files = Exporter::DotFiles::remove) {
  auto exporter = Exporter::open(directory, claim);
  REQUIRE(exporter.ok());
  for (const auto& [file, bytes] : files) REQUIRE((*exporter)->put(file, bytes).ok());
  const auto counts = (*exporter)->finish(dot_files);
  REQUIRE(counts.ok());
  return *counts;
}

}  // namespace

TEST_CASE("a file whose bytes are the same is not touched", "[cli]") {
  const test::TemporaryDirectory directory;
  const std::string out = directory / "public";
  CHECK(write(out, Exporter::Claim::configured, {{"a.html", "1"}, {"b/c.html", "2"}}).written == 2);
  const auto time = std::filesystem::last_write_time(out + "/a.html");
  const auto counts = write(out, Exporter::Claim::configured, {{"a.html", "1"}, {"b/c.html", "3"}});
  CHECK(counts.written == 1);
  CHECK(counts.unchanged == 1);
  CHECK(std::filesystem::last_write_time(out + "/a.html") == time);
  CHECK(*read_file(out + "/b/c.html") == "3");
}

TEST_CASE("what is kept is not written, and can be kept again", "[cli]") {
  const test::TemporaryDirectory directory;
  const std::string out = directory / "public";
  write(out, Exporter::Claim::configured, {{"a.html", "1"}, {"b.html", "2"}});
  for (int round = 0; round < 2; ++round) {
    auto exporter = Exporter::open(out, Exporter::Claim::configured);
    REQUIRE(exporter.ok());
    CHECK((*exporter)->holds_all(2));
    CHECK_FALSE((*exporter)->holds_all(3));
    REQUIRE((*exporter)->holds("a.html"));
    CHECK_FALSE((*exporter)->holds("c.html"));
    (*exporter)->keep("a.html");
    REQUIRE((*exporter)->put("b.html", "2").ok());
    const auto counts = (*exporter)->finish(Exporter::DotFiles::remove);
    REQUIRE(counts.ok());
    CHECK(counts->unchanged == 2);
    CHECK(counts->written == 0);
    CHECK(counts->removed == 0);
  }
  std::filesystem::remove(out + "/a.html");
  CHECK_FALSE((*Exporter::open(out, Exporter::Claim::configured))->holds("a.html"));
}

TEST_CASE("a file that somebody changed by hand is written again", "[cli]") {
  const test::TemporaryDirectory directory;
  const std::string out = directory / "public";
  write(out, Exporter::Claim::configured, {{"a.html", "one"}});
  std::filesystem::remove(out + "/a.html");
  CHECK(write(out, Exporter::Claim::configured, {{"a.html", "one"}}).written == 1);
  CHECK(*read_file(out + "/a.html") == "one");
}

TEST_CASE("what is no longer in the site goes, with the directories that it leaves empty",
          "[cli]") {
  const test::TemporaryDirectory directory;
  const std::string out = directory / "public";
  write(out, Exporter::Claim::configured, {{"a.html", "1"}, {"x/y/z.html", "2"}});
  directory.write("public/foreign.txt", "not ours");
  CHECK(write(out, Exporter::Claim::configured, {{"a.html", "1"}}).removed == 1);
  CHECK_FALSE(std::filesystem::exists(out + "/x"));
  CHECK(std::filesystem::exists(out + "/foreign.txt"));
}

TEST_CASE("a build that does not finish leaves the last files and no side directory", "[cli]") {
  const test::TemporaryDirectory directory;
  const std::string out = directory / "public";
  write(out, Exporter::Claim::configured, {{"a.html", "good"}});
  {
    auto exporter = Exporter::open(out, Exporter::Claim::configured);
    REQUIRE(exporter.ok());
    REQUIRE((*exporter)->put("a.html", "half").ok());
  }
  CHECK(*read_file(out + "/a.html") == "good");
  CHECK_FALSE(std::filesystem::exists(out + "/.weir-new"));
}

TEST_CASE("the configured directory is emptied once, another one only with force", "[cli]") {
  const test::TemporaryDirectory directory;
  directory.write("public/old.html", "of another tool");
  directory.write("public/.git/config", "x");
  CHECK_FALSE(Exporter::open(directory / "public", Exporter::Claim::asked_for).ok());
  write(directory / "public", Exporter::Claim::configured, {{"a.html", "1"}},
        Exporter::DotFiles::keep);
  CHECK_FALSE(std::filesystem::exists(directory / "public/old.html"));
  CHECK(std::filesystem::exists(directory / "public/.git/config"));
  CHECK(Exporter::open(directory / "public", Exporter::Claim::asked_for).ok());  // ours by now
}

TEST_CASE("no output leaves the directory", "[cli]") {
  const test::TemporaryDirectory directory;
  auto exporter = Exporter::open(directory / "public", Exporter::Claim::configured);
  REQUIRE(exporter.ok());
  for (const std::string_view bad : {"../x", "/etc/x", "a/../../x", ""})
    CHECK_FALSE((*exporter)->put(bad, "x").ok());
}

TEST_CASE("no output directory may take the author's files or the store with it", "[cli]") {
  const test::TemporaryDirectory directory;
  const std::string root = directory / "site";
  directory.write("site/content/_index.md", "+++\n+++\n");
  const std::string store = root + "/cache";
  for (const std::string& bad :
       {root, root + "/", root + "/.", directory / "", root + "/content", root + "/content/x",
        root + "/static", root + "/templates/", root + "/../site/data", store, store + "/blobs",
        std::string("/")}) {
    INFO(bad);
    const Status refused = cli::check_output_directory(bad, root, store);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::denied);
  }
  std::filesystem::create_directory_symlink(root, directory / "alias");
  CHECK_FALSE(cli::check_output_directory(directory / "alias", root, store).ok());
  for (const std::string& good :
       {root + "/public", root + "/content-out", directory / "out", root + "/../other"}) {
    INFO(good);
    CHECK(cli::check_output_directory(good, root, store).ok());
  }
}
