// Goal: a site's `_redirects` and `_headers` are followed with its release, addresses have one
// spelling, and nothing outside of the release is ever an answer.

#include "server.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <memory>

#include <sys/stat.h>

using namespace weir;
using flow::Connection;
using flow::get;

namespace {

flow::Ran build(const test::TemporaryDirectory& directory, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"--root", directory.path(), "build"};
  words.insert(words.end(), more.begin(), more.end());
  return flow::run(words);
}

}  // namespace

TEST_CASE("a Cloudflare site's rules are followed before its pages", "[flow][static]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("static/_redirects",
                  "/go/* /:splat\n/blog/one/ /moved 301\n/shown /blog/two/ 200\n"
                  "/out https://example.com/x 307\n/gone /nothing-here 200\n");
  directory.write("static/_headers",
                  "/*\n  X-Frame-Options: DENY\n  ! Referrer-Policy\n"
                  "/blog/*\n  Cache-Control: public, max-age=60\n  Content-Security-Policy: "
                  "default-src 'self'\n");
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  Connection connection(server.port());
  const auto moved = connection.get("/blog/one/?a=1");
  CHECK(moved.status == 301);
  CHECK(moved.field("location") == "/moved?a=1");
  CHECK(connection.get("/out").field("location") == "https://example.com/x");
  CHECK(connection.get("/out").status == 307);
  CHECK(connection.request("POST", "/out", {}, "x").status == 307);
  const auto shown = connection.get("/shown");
  CHECK(shown.status == 200);
  CHECK(shown.body == connection.get("/blog/two/").body);
  CHECK(connection.get("/gone").status == 404);
  // No spelling leads to another host.
  for (const std::string_view path : {"/go//evil.example", "/go/%2e%2e//evil.example",
                                      "/go/%5Cevil.example", "/go///evil.example/"}) {
    INFO(path);
    const auto answer = connection.get(path);
    const std::string location = answer.field("location");
    CHECK((answer.status == 302 || answer.status == 404));
    CHECK(location.substr(0, 2) != "//");
    CHECK((location.empty() || location.front() == '/'));
  }
  // The fields of the file: set, joined over the server's own, taken away.
  const auto page = connection.get("/blog/two/");
  CHECK(page.field("x-frame-options") == "DENY");
  CHECK(page.field("cache-control") == "public, max-age=60");
  CHECK(page.field("content-security-policy") == "default-src 'self'");
  CHECK_FALSE(page.has("referrer-policy"));
  CHECK(page.has("x-content-type-options"));
  // The files themselves are no pages.
  CHECK(connection.get("/_redirects").status == 404);
  CHECK(connection.get("/_headers").status == 404);
  CHECK(connection.get("/.weir/_redirects").status == 404);
}

TEST_CASE("a Netlify site's pages win over rules that are not forced", "[flow][static]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("static/_redirects",
                  "/blog/one/ /forced 302!\n/blog/two/ /not-followed\n/old/* /blog/:splat\n"
                  "/lost/* /blog/two/ 404\n/* /index.html 200\n");
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  Connection connection(server.port());
  CHECK(connection.get("/blog/one/").field("location") == "/forced");
  CHECK(connection.get("/blog/two/").status == 200);
  CHECK(connection.get("/blog/two").status == 301);
  CHECK(connection.get("/old/two/").field("location") == "/blog/two/");
  const auto lost = connection.get("/lost/x");
  CHECK(lost.status == 404);
  CHECK(lost.body == connection.get("/blog/two/").body);
  const auto app = connection.get("/any/route");
  CHECK(app.status == 200);
  CHECK(app.body == connection.get("/").body);
}

TEST_CASE("new rules come with a new release, in one step", "[flow][static]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("static/_redirects", "/a /one\n");
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  CHECK(get(server.port(), "/a").field("location") == "/one");
  directory.write("static/_redirects", "/a /two\n");
  const auto built = build(directory);
  INFO(built.err);
  REQUIRE(built.code == 0);
  CHECK(get(server.port(), "/a").field("location") == "/two");
}

TEST_CASE("a bad line of the rules is told with its place, and fails a strict build",
          "[flow][static]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("static/_redirects", "/fine /there\n/bad /there 999\n");
  directory.write("static/_headers", "/*\n  Content-Length: 5\n  X-A: b\n");
  const auto usual = build(directory);
  CHECK(usual.code == 0);
  CHECK_THAT(usual.err, Catch::Contains("static/_redirects:2:13"));
  CHECK_THAT(usual.err, Catch::Contains("static/_headers:2:3"));
  CHECK(std::filesystem::exists(directory / "public/_redirects"));
  CHECK(std::filesystem::exists(directory / "public/_headers"));
  CHECK(build(directory, {"--strict"}).code != 0);
}

TEST_CASE("paths without .html show the file, and by option the file sends there",
          "[flow][static]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("static/about.html", "<!doctype html><title>About</title>about us");
  {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    Connection connection(server.port());
    CHECK_THAT(connection.get("/about").body, Catch::Contains("about us"));
    CHECK(connection.get("/about.html").status == 200);
    CHECK(connection.get("/about/?q=1").field("location") == "/about?q=1");
    CHECK(connection.get("/index").field("location") == "/");
    CHECK(connection.get("/blog/one/index").field("location") == "/blog/one/");
    const auto head = connection.request("HEAD", "/about", {}, {});
    CHECK(head.status == 200);
  }
  flow::write_site(directory, "[serve]\nclean_urls = \"redirect\"\n");
  {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    Connection connection(server.port());
    const auto moved = connection.get("/about.html?q=1");
    CHECK(moved.status == 301);
    CHECK(moved.field("location") == "/about?q=1");
    CHECK(connection.get("/about").status == 200);
  }
  flow::write_site(directory, "[serve]\nclean_urls = \"off\"\n");
  {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    CHECK(get(server.port(), "/about").status == 404);
    CHECK(get(server.port(), "/about.html").status == 200);
  }
}

TEST_CASE("no fuzzed path is answered from outside of the release", "[flow][static]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("outside/secret.txt", "the-secret-of-the-house");
  directory.write("static/inner.txt", "a file that may be read");
  std::filesystem::create_symlink("../outside/secret.txt", directory / "static/inside-the-root");
  std::filesystem::create_symlink("/etc/passwd", directory / "static/passwd");
  std::filesystem::create_symlink("/", directory / "static/all");
  REQUIRE(::mkfifo((directory / "static/fifo").c_str(), 0600) == 0);
  directory.write("weir.toml.secret", "the-secret-of-the-house");
  const auto built = build(directory);
  CHECK_THAT(built.err, Catch::Contains("static/passwd"));
  CHECK_THAT(built.err, Catch::Contains("static/all"));
  CHECK(build(directory, {"--strict"}).code != 0);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  Connection connection(server.port());
  CHECK(connection.get("/inside-the-root").status == 200);  // a link within the root is followed
  CHECK(connection.get("/passwd").status == 404);
  CHECK(connection.get("/all/etc/passwd").status == 404);
  CHECK(connection.get("/fifo").status == 404);

  // Pieces that make traversals, in every order; 10^7 of them in the proof.
  constexpr std::string_view pieces[] = {
      "/",          "..",      ".",         "%2e%2e",     "%2E.",    "%2f",   "%5c",    "%00",
      "//",         "...",     "%252e",     "etc",        "passwd",  "proc",  "self",   "root",
      "weir.toml",  ".weir",   "outside",   "secret.txt", "static",  "all",   "%c0%ae", "%e0%80%ae",
      "index.html", ";",       "~",         ":",          "*",       "cache", "blobs",  "%",
      "\\",         "content", "_index.md", "data",       "now.txt", ".html", "?",      "fifo"};
  std::uint64_t random = 88172645463325252ULL;
  const auto next = [&random](std::size_t most) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return static_cast<std::size_t>(random % most);
  };
  const std::size_t rounds = test::rounds(4'000, 10'000'000);
  auto pipe = std::make_unique<Connection>(server.port());
  std::size_t leaks = 0, answers = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    std::string path = "/";
    for (std::size_t n = next(8); n-- > 0;) path += pieces[next(std::size(pieces))];
    const auto answer = pipe->get(path);
    if (answer.status == 0 || answer.field("connection") == "close")
      pipe = std::make_unique<Connection>(server.port());
    answers += answer.status == 0 ? 0 : 1;
    const bool leaked = answer.body.find("root:x:0") != std::string::npos ||
                        answer.body.find("the-secret-of-the-house") != std::string::npos ||
                        answer.body.find("base_url") != std::string::npos ||
                        answer.field("location").substr(0, 2) == "//";
    if (leaked) {
      INFO(path);
      ++leaks;
      CHECK_FALSE(leaked);
    }
  }
  CHECK(leaks == 0);
  CHECK(answers > rounds / 2);
}
