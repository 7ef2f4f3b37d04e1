// Goal: no spelling of a path brings out what is not in the site (A-5, H-26, H-27).
// Method: a site with links out of its root, a FIFO and a device in its static folder, and secrets
// beside it; mutated paths over the wire, and many more through the decoder and the release's
// look-up in this process, compared with the strict reader's own resolution.

#include "mutator.h"
#include "server.h"
#include "wire_client.h"

#include "base/log.h"
#include "http/target.h"
#include "store/store.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <set>

using namespace weir;
using flow::Dice;

namespace {

constexpr std::string_view marker = "LEAKED-7c21e0";

const std::vector<std::string>& names() {
  static const std::vector<std::string> all{"blog",
                                            "one",
                                            "two",
                                            "robots-note.txt",
                                            "app.3f2a91bc.js",
                                            "link-file",
                                            "link-folder",
                                            "secret",
                                            "pipe",
                                            "device",
                                            "proc-link",
                                            "secret.txt",
                                            "..",
                                            "cache",
                                            "blobs",
                                            "content",
                                            "templates",
                                            "weir.toml",
                                            "index.html",
                                            "tags",
                                            "rivers",
                                            "_index.md",
                                            ".git",
                                            "link-up"};
  return all;
}

// The site lies beside a folder of secrets.
void write_trap(const test::TemporaryDirectory& around, const test::TemporaryDirectory& site) {
  around.write("secret.txt", marker);
  around.write("secret/secret.txt", marker);
  flow::write_site(site,
                   "[[route]]\nname = \"site\"\nmatch = { path = \"/**\" }\nto = { site = "
                   "true }\nstages = []\n");
  const std::string fixed = site / "static/";
  REQUIRE(::symlink((around / "secret.txt").c_str(), (fixed + "link-file").c_str()) == 0);
  REQUIRE(::symlink(around.path().c_str(), (fixed + "link-folder").c_str()) == 0);
  REQUIRE(::symlink("/proc/self", (fixed + "proc-link").c_str()) == 0);
  REQUIRE(::mkfifo((fixed + "pipe").c_str(), 0600) == 0);
  // Only root may make a device; the others go without.
  (void)::mknod((fixed + "device").c_str(), S_IFCHR | 0600, makedev(1, 5));
}

bool leaks(std::string_view body) {
  for (const std::string_view text :
       {marker, std::string_view("root:x:0"), std::string_view("base_url ="),
        std::string_view("+++\n"), std::string_view("{{ page"), std::string_view("PATH=")})
    if (body.find(text) != std::string_view::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("no path over the wire brings out what is not in the site", "[flow][paths]") {
  const test::TemporaryDirectory around, site;
  write_trap(around, site);
  flow::Server server(site.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  CHECK(flow::get(server.port(), "/blog/one/").status == 200);
  for (const std::string_view path :
       {"/link-file", "/link-folder/secret.txt", "/proc-link/environ", "/pipe", "/device",
        "/link-folder/", "/proc-link/root/etc/passwd"}) {
    INFO(path);
    CHECK(flow::get(server.port(), path).status == 404);
  }
  constexpr std::size_t batch = 12;  // pipelined; a refusal ends the batch early
  const std::size_t batches = test::rounds(2'500, 100'000);
  std::size_t found = 0, refused = 0;
  for (std::uint64_t seed = 1; seed <= batches; ++seed) {
    Dice dice(seed);
    std::string script;
    for (std::size_t i = 0; i < batch; ++i)
      script += "GET " + flow::mutated_path(dice, names()) + " HTTP/1.1\r\nHost: x\r\n\r\n";
    flow::WireClient client(server.port());
    REQUIRE(client.is_open());
    const flow::Heard heard = client.converse(script, {.silence_ms = 30'000, .answers = batch});
    for (std::size_t i = 0; i < heard.statuses.size(); ++i) {
      found += heard.statuses[i] == 200 ? 1 : 0;
      refused += heard.statuses[i] == 400 ? 1 : 0;
      if (!leaks(heard.bodies[i])) continue;
      FAIL_CHECK("seed " << seed << ", request " << i << " of\n" << script << heard.bodies[i]);
    }
    CHECK((heard.ended || heard.statuses.size() == batch));
  }
  CHECK(found > 0);
  CHECK(refused > 0);
  CHECK(server.stop() == 0);
}

TEST_CASE("a path is decoded as the strict reader does, and names only what was built",
          "[flow][paths]") {
  const test::TemporaryDirectory around, site;
  write_trap(around, site);
  const auto built = flow::run({"--root", site.path(), "build", "--no-export"});
  INFO(built.err);
  REQUIRE(built.code == 0);
  // The build said which links it left out.
  CHECK_THAT(built.err, Catch::Contains("link-file") && Catch::Contains("link-folder"));

  SystemClock clock;
  LineWriter lines(2, 64);
  Log log(clock, lines, LogLevel::error, LogForm::json);
  store::Disk disk;
  store::StoreSettings settings;
  settings.directory = site / "cache";
  settings.background = store::Background::none;
  auto opened = store::Store::open(settings, clock, log, disk);
  REQUIRE(opened.ok());
  const auto release = (*opened)->active().release;
  REQUIRE(release != nullptr);
  std::set<std::string, std::less<>> known;
  for (std::size_t i = 0; i < release->count(); ++i) {
    const store::ReleaseEntry entry = release->at(i);
    known.emplace(entry.path());
    const auto body = release->read(entry);
    if (body) CHECK_FALSE(leaks(body->identity));
  }
  CHECK(known.contains("/robots-note.txt"));
  CHECK_FALSE(known.contains("/link-file"));

  const std::size_t count = test::rounds(100'000, 10'000'000);
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    Dice dice(seed);
    const std::string raw = flow::mutated_path(dice, names());
    bool plain = true;  // what the parser lets through (H-25)
    for (const char c : raw) plain &= c > 0x20 && c < 0x7f && c != '#' && c != '\\';
    if (!plain) continue;
    const std::string path = raw.substr(0, raw.find('?'));
    std::string scratch(path.size() + 1, '\0');
    const http::DecodedPath mine = http::decode_path(path, scratch.data());
    const auto theirs = flow::resolved_path_of(path);
    const bool agree = (mine.refusal == nullptr) == theirs.has_value() &&
                       (mine.refusal != nullptr || mine.path == *theirs);
    if (!agree) {
      FAIL_CHECK("seed " << seed << ": " << path << " is " << mine.path << " or "
                         << theirs.value_or("refused"));
      continue;
    }
    if (mine.refusal != nullptr || mine.encoded_slash || !mine.is_utf8) continue;
    const auto entry = release->find(mine.path);
    if (!entry) continue;
    ++found;
    if (!known.contains(mine.path)) FAIL_CHECK("seed " << seed << ": " << path);
  }
  CHECK(found > count / 1'000);
}
