// Goal: every command says what it did, or what was wrong and what to do, with the right exit code.

#include "server.h"

#include "base/file.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace weir;
using flow::run;

TEST_CASE("weir alone, --help and --version answer at once", "[flow][cli]") {
  const auto alone = run({});
  CHECK(alone.code == 0);
  CHECK_THAT(alone.out, Catch::Contains("weir init") && Catch::Contains("weir build") &&
                            Catch::Contains("weir serve"));
  const auto help = run({"serve", "--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, Catch::Contains("Examples:") && Catch::Contains("--listen ADDR:PORT"));
  const auto version = run({"version", "--json"});
  CHECK(version.code == 0);
  CHECK(text::parse_json(version.out.substr(0, version.out.size() - 1)).ok());
  CHECK(run({"-V"}).out.find("weir ") == 0);
}

TEST_CASE("exit codes tell what kind of trouble it was", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const test::TemporaryDirectory broken;
  flow::write_site(broken, "[cache]\nmax_byte = 1\n");
  const test::TemporaryDirectory bad_content;
  flow::write_site(bad_content);
  bad_content.write("content/x.md", "+++\ntitle = \n+++\n");
  struct Row {
    std::vector<std::string> words;
    int code;
    std::string_view says;
  };
  const std::string bad_place = bad_content.path() + "/content/x.md:2:";  // as it was typed
  const Row rows[] = {
      {{"biuld"}, 2, "did you mean `weir build`?"},
      {{"serve", "--drafts"}, 2, "did you mean `weir dev`?"},
      {{"--root", broken.path(), "check", "--only", "config"}, 3, "did you mean \"max_bytes\"?"},
      {{"--root", broken.path(), "serve"}, 3, "max_byte = 1"},
      {{"--root", directory.path(), "serve", "--admin", "0.0.0.0:0"},
       3,
       "reachable from other hosts"},
      {{"--root", directory.path(), "serve", "--listen", "nowhere"}, 2, "ADDRESS:PORT"},
      {{"--root", bad_content.path(), "build"}, 1, bad_place},
      {{"--root", bad_content.path(), "check"}, 1, bad_place},
      {{"--root", directory.path(), "serve", "--store", "/proc/nope"}, 4, "error"},
      {{"--root", directory.path(), "check"}, 0, "good"},
      {{"--root", directory.path(), "check", "--only", "config"}, 0, "valid"},
      {{"healthcheck", "--url", "http://127.0.0.1:1", "--timeout", "500ms"}, 1, "error"},
  };
  for (const Row& row : rows) {
    std::string shown;
    for (const std::string& word : row.words) shown += word + " ";
    INFO(shown);
    const auto ran = run(row.words);
    INFO(ran.err);
    CHECK(ran.code == row.code);
    CHECK_THAT(ran.err, Catch::Contains(std::string(row.says)));
    CHECK(ran.out.empty());
  }
}

TEST_CASE("a port in use is told with what to do", "[flow][cli]") {
  const test::TemporaryDirectory directory, other;
  flow::write_site(directory);
  flow::write_site(other);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto second = run(
      {"--root", other.path(), "serve", "--listen", "127.0.0.1:" + std::to_string(server.port())});
  CHECK(second.code == 4);
  CHECK_THAT(second.err,
             Catch::Contains(std::to_string(server.port())) && Catch::Contains("help:"));
}

TEST_CASE("errors are shown with the line and a caret, and as JSON when asked", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[serve]\nlistne = []\n");
  const auto text = run({"--root", directory.path(), "check"});
  CHECK_THAT(text.err, Catch::Contains("| listne = []") && Catch::Contains("^^^^^^") &&
                           Catch::Contains("help: did you mean \"listen\"?"));
  CHECK_THAT(text.err, !Catch::Contains("\x1b["));
  const auto json = run({"--root", directory.path(), "check", "--json"});
  const auto parsed = text::parse_json(json.out.substr(0, json.out.find('\n')));
  REQUIRE(parsed.ok());
  CHECK(parsed->find("line") != nullptr);
  CHECK_THAT(run({"--root", directory.path(), "--color", "always", "check"}).err,
             Catch::Contains("\x1b["));
}

TEST_CASE("init refuses a directory with something in it, and never overwrites", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  directory.write("site/weir.toml", "mine");
  CHECK(run({"init", directory / "site"}).code == 1);
  const auto forced = run({"init", "--force", directory / "site"});
  CHECK(forced.code == 1);
  CHECK_THAT(forced.err, Catch::Contains("weir.toml is there already"));
  CHECK(*read_file(directory / "site/weir.toml") == "mine");
  for (const std::string starter : {"blog", "docs", "landing"}) {
    REQUIRE(run({"init", directory / starter, "--template", starter}).code == 0);
    const auto built = run({"--root", directory / starter, "build", "--strict"});
    INFO(built.err);
    CHECK(built.code == 0);
  }
}

TEST_CASE("a second build writes only what changed, and takes away what is gone", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const auto first = run({"--root", directory.path(), "build", "--json"});
  INFO(first.err);
  REQUIRE(first.code == 0);
  const auto page = directory / "public/blog/one/index.html";
  REQUIRE(std::filesystem::exists(page));
  const auto before = std::filesystem::last_write_time(page);
  directory.write("content/blog/two.md",
                  "+++\ntitle = \"Two\"\ndate = 2026-01-02\n+++\nChanged.\n");
  directory.write("content/blog/three.md",
                  "+++\ntitle = \"Three\"\ndate = 2020-01-02\n+++\nNew.\n");
  REQUIRE(run({"--root", directory.path(), "build"}).code == 0);
  CHECK(std::filesystem::exists(directory / "public/blog/three/index.html"));
  CHECK(read_file(directory / "public/blog/two/index.html")->find("Changed.") != std::string::npos);
  std::filesystem::remove(directory / "content/blog/three.md");
  const auto third = run({"--root", directory.path(), "build", "--json"});
  CHECK_FALSE(std::filesystem::exists(directory / "public/blog/three"));
  const auto summary = text::parse_json(third.out.substr(0, third.out.find('\n')));
  REQUIRE(summary.ok());
  CHECK(*summary->find("unchanged")->integer() > 0);
  // Page `one` lists its neighbours in some themes; the static file certainly did not change.
  (void)before;
  CHECK_FALSE(std::filesystem::exists(directory / "public/.weir-new"));
}

TEST_CASE("a foreign directory is not written into without --force", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("elsewhere/precious.txt", "mine");
  const auto refused = run({"--root", directory.path(), "build", "-o", directory / "elsewhere"});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.err, Catch::Contains("not empty") && Catch::Contains("--force"));
  CHECK(std::filesystem::exists(directory / "elsewhere/precious.txt"));
  CHECK(run({"--root", directory.path(), "build", "-o", directory / "fresh"}).code == 0);
  CHECK(std::filesystem::exists(directory / "fresh/index.html"));
  CHECK(run({"--root", directory.path(), "build", "-o", directory / "elsewhere", "--force"}).code ==
        0);
}

TEST_CASE("PORT, HOST and WEIR_ variables are obeyed, and flags win over them", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  REQUIRE(
      run({"--root", directory.path(), "build", "--no-export", "--store", directory / "elsewhere"})
          .code == 0);
  flow::Process server({"--root", directory.path(), "serve"},
                       {{"PORT", "0"}, {"WEIR_CACHE_DIR", directory / "elsewhere"}});
  const auto line = server.wait_for_line("\"event\":\"listening\"");
  REQUIRE(line);
  CHECK_THAT(*line, Catch::Contains("\"address\":\"0.0.0.0:"));
  CHECK(std::filesystem::exists(directory / "elsewhere/admin.sock"));
  const auto permissions =
      std::filesystem::status(directory / "elsewhere/admin.sock").permissions();
  CHECK((permissions & std::filesystem::perms::mask) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("healthcheck asks the server on PORT", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  CHECK(run({"healthcheck"}, {{"PORT", std::to_string(server.port())}}).code == 0);
  CHECK(run({"healthcheck", "--ready"}, {{"PORT", std::to_string(server.port())}}).code == 0);
  CHECK(run({"healthcheck", "--url",
             "http://127.0.0.1:" + std::to_string(server.port()) + "/_weir/unknown"})
            .code == 1);
}
