// Goal: the ground floor keeps the promises in its headers.

#include "support.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/file_draft.h"
#include "base/guarded.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/result.h"
#include "base/text_escape.h"
#include "base/worker_pool.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <future>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace weir;
using namespace std::chrono_literals;

namespace {

Result<int> half_of(int number) {
  if (number % 2 != 0) return Error{Errc::invalid, std::to_string(number) + " is odd"};
  return number / 2;
}
Result<int> quarter_of(int number) {
  const int half = TRY(half_of(number));
  const int quarter = TRY(half_of(half));
  return quarter;
}

}  // namespace

TEST_CASE("TRY goes on with the value or leaves with the error", "[base]") {
  CHECK(quarter_of(8).value() == 2);
  CHECK(quarter_of(6).error().what == "3 is odd");
  CHECK(quarter_of(5).error().what == "5 is odd");
}

TEST_CASE("an error gathers context on its way up and says where", "[base]") {
  const Error error = Error{Errc::invalid, "expected '='"}
                          .in("front matter")
                          .at({"about.md", 3, 1, 0})
                          .with_help("write k = v");
  CHECK(error.text() == "about.md:3:1: front matter: expected '=' (write k = v)");
  CHECK(name_of(error.code) == "invalid");
}

TEST_CASE("hex, base64 and base64url follow RFC 4648 and refuse every other spelling", "[base]") {
  struct Row {
    std::string_view plain, base64, base64url;
  };
  const Row rows[] = {{"", "", ""},
                      {"f", "Zg==", "Zg"},
                      {"fo", "Zm8=", "Zm8"},
                      {"foo", "Zm9v", "Zm9v"},
                      {"foob", "Zm9vYg==", "Zm9vYg"},
                      {"\xfb\xff\xbf", "+/+/", "-_-_"}};
  for (const Row& row : rows) {
    CHECK(base64_of(bytes_of(row.plain)) == row.base64);
    CHECK(base64url_of(bytes_of(row.plain)) == row.base64url);
    CHECK(parse_base64(row.base64) == row.plain);
    CHECK(parse_base64url(row.base64url) == row.plain);
  }
  for (const char* bad : {"Zg", "Zg=", "Z===", "Zh==", "Zm9v\n", "Zm-v", "===="})
    CHECK_FALSE(parse_base64(bad));
  for (const char* bad : {"Zg==", "Z", "Zh", "Zm9v ", "+/+/"}) CHECK_FALSE(parse_base64url(bad));
  CHECK(hex_of(bytes_of("\x01\xab")) == "01ab");
  CHECK(parse_hex("01AB") == "\x01\xab");
  CHECK_FALSE(parse_hex("0"));
  CHECK_FALSE(parse_hex("0g"));
}

TEST_CASE("whole numbers are digits and nothing else", "[base]") {
  CHECK(parse_u64("18446744073709551615") == 18446744073709551615ULL);
  CHECK(parse_i64("-42") == -42);
  for (const char* bad : {"", "+1", " 1", "1 ", "0x1", "-1", "18446744073709551616"})
    CHECK_FALSE(parse_u64(bad));
}

TEST_CASE("the nearest word is at most two edits away and never a whole replacement", "[base]") {
  const std::string_view words[] = {"title", "draft", "date", "id"};
  CHECK(nearest_of("tittle", words) == "title");
  CHECK(nearest_of("dtae", words) == "date");
  CHECK(nearest_of("xy", words) == "");
  CHECK(nearest_of("template", words) == "");
}

TEST_CASE("digests, HMAC and constant-time comparison match their published vectors", "[base]") {
  CHECK(hex_of(sha256_of("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex_of(bytes_of(digest_of(Digest::md5, ""))) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(hex_of(bytes_of(digest_of(Digest::sha1, "abc"))) ==
        "a9993e364706816aba3e25717850c26c9cd0d89d");
  // RFC 4231, test case 2
  CHECK(hex_of(bytes_of(hmac_of(Digest::sha256, "Jefe", "what do ya want for nothing?"))) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac_of(Digest::sha256, "", "").size() == 32);
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "abcd"));
  CHECK(random_bytes(16) != random_bytes(16));
}

TEST_CASE("keyed hashes depend on the key, round-trip as text, and the checksum adds up",
          "[base]") {
  const HashKey one = HashKey::of("one");
  const HashKey two = HashKey::of("two");
  CHECK(one.hash("page") == HashKey::of("one").hash("page"));
  CHECK(one.hash("page") != two.hash("page"));
  CHECK(one.hash64("page") != two.hash64("page"));
  CHECK(parse_hash128(one.hash("page").hex()) == one.hash("page"));
  CHECK_FALSE(parse_hash128("00"));
  Checksum sum;
  sum.add("hello ");
  sum.add("world");
  CHECK(sum.value() == xxh3_64("hello world"));
}

TEST_CASE("JSON strings are valid whatever the bytes are", "[base]") {
  CHECK(json_string_of("a\"b\\c\n\x01\x7f") == "\"a\\\"b\\\\c\\n\\u0001\\u007f\"");
  CHECK(json_string_of("\xc3\xa9 \xff\xc3") == "\"\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(utf8_sequence_bytes("\xed\xa0\x80") == 0);  // a surrogate
  CHECK(utf8_sequence_bytes("\xc0\x80") == 0);      // overlong
  CHECK(utf8_sequence_bytes("\xf4\x90\x80\x80") == 0);
  CHECK(utf8_sequence_bytes("\xf0\x9f\x98\x80") == 4);
}

TEST_CASE("log lines are valid JSON and a slow reader costs lines, not time", "[base]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_NONBLOCK) == 0);
  ManualClock clock({1'700'000'000'123'000'000});
  {
    LineWriter writer(ends[1], 4);
    Log log(clock, writer, LogLevel::info, LogForm::json);
    log.debug("not said");
    log.info("listening", {{"address", "127.0.0.1\n"}, {"port", 8080}, {"tls", false}});
  }
  char text[512];
  const ssize_t count = ::read(ends[0], text, sizeof text);
  REQUIRE(count > 0);
  CHECK(std::string_view(text, static_cast<std::size_t>(count)) ==
        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"event\":\"listening\","
        "\"address\":\"127.0.0.1\\n\",\"port\":8080,\"tls\":false}\n");
  {
    LineWriter writer(ends[1], 4);
    std::uint64_t refused = 0;
    const std::string line(32'000, 'x');  // the pipe holds two of them
    for (int i = 0; i < 100; ++i) refused += writer.write(line) ? 0 : 1;
    CHECK(refused > 0);
    CHECK(writer.dropped() == refused);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a worker pool runs everything once and refuses what is over its bound", "[base]") {
  std::atomic<int> runs{0};
  {
    WorkerPool pool("test", 2, 1'000);
    for (int i = 0; i < 500; ++i) REQUIRE(pool.offer([&runs] { ++runs; }).ok());
    pool.wait_until_idle();
    CHECK(runs == 500);
  }
  std::promise<void> gate;  // ahead of the pool: its thread may still look at them when it ends
  std::promise<void> started;
  WorkerPool narrow("narrow", 1, 1);
  REQUIRE(narrow
              .offer([&] {
                started.set_value();
                gate.get_future().wait();
              })
              .ok());
  started.get_future().wait();
  CHECK(narrow.offer([] {}).ok());
  const Status refused = narrow.offer([] {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::full);
  gate.set_value();
}

TEST_CASE("parallel loops visit each index once", "[base]") {
  std::vector<std::atomic<int>> visits(1'000);
  for_each_parallel(visits.size(), 4, [&visits](std::size_t i) { ++visits[i]; });
  for (const auto& count : visits) REQUIRE(count == 1);
  for_each_parallel(0, 4, [](std::size_t) { FAIL("nothing to visit"); });
}

TEST_CASE("a guarded value is never torn between threads", "[base]") {
  Guarded<std::pair<int, int>> pair{{0, 0}};
  for_each_parallel(4'000, 4, [&pair](std::size_t) {
    pair.with([](auto& p) {
      ++p.first;
      ++p.second;
    });
  });
  CHECK(pair.with([](const auto& p) { return p.first == 4'000 && p.second == 4'000; }));
}

TEST_CASE("files are replaced whole and directories are made", "[base]") {
  test::TemporaryDirectory directory;
  REQUIRE(make_directories(directory / "a/b/c").ok());
  const std::string path = directory / "a/b/c/file";
  REQUIRE(write_file_atomically(path, "one", Sync::yes).ok());
  REQUIRE(write_file_atomically(path, "two", Sync::no).ok());
  CHECK(read_file(path).value() == "two");
  CHECK(std::distance(std::filesystem::directory_iterator(directory / "a/b/c"), {}) == 1);
  CHECK(read_file(directory / "none").error().code == Errc::missing);
  CHECK(make_directories(path).error().code == Errc::exists);
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
  CHECK(read_file(directory / "fifo").error().code == Errc::denied);
}

TEST_CASE("a file in parts has its name when it is whole, and leaves nothing when it never is",
          "[base]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/whole";
  REQUIRE(write_file_atomically(path, "old", Sync::no));
  {
    const auto given_up = FileDraft::create(path);
    REQUIRE(given_up);
    REQUIRE((*given_up)->append("new"));
  }
  CHECK(read_file(path).value() == "old");

  const auto draft = FileDraft::create(path);
  REQUIRE(draft);
  REQUIRE((*draft)->append("..0-"));
  REQUIRE((*draft)->append("three"));
  REQUIRE((*draft)->overwrite(0, "two"));
  CHECK(read_file(path).value() == "old");
  REQUIRE((*draft)->publish());

  CHECK(read_file(path).value() == "two-three");
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("a root directory cannot be left by any spelling or link", "[base]") {
  test::TemporaryDirectory directory;
  directory.write("outside.txt", "secret");
  directory.write("root/in.txt", "fine");
  directory.write("root/sub/deep.txt", "deep");
  std::filesystem::create_symlink("../outside.txt", directory / "root/leaves");
  std::filesystem::create_symlink("/etc", directory / "root/etc");
  std::filesystem::create_symlink("sub/deep.txt", directory / "root/stays");
  std::filesystem::create_symlink("..", directory / "root/sub/loop");
  std::filesystem::create_symlink("nowhere", directory / "root/dangles");
  std::filesystem::create_symlink("sub/../sub/../in.txt", directory / "root/winds");
  std::filesystem::create_symlink("sub/../../root/in.txt", directory / "root/winds-out");
  std::filesystem::create_symlink("self", directory / "root/self");
  std::filesystem::create_symlink("/proc/self/root", directory / "root/magic");
  REQUIRE(::mkfifo((directory / "root/fifo").c_str(), 0600) == 0);

  const auto root = RootDirectory::open(directory / "root");
  REQUIRE(root.ok());
  CHECK(root->read("in.txt").value() == "fine");
  CHECK(root->read("stays").value() == "deep");
  CHECK(root->read("sub/../in.txt").value() == "fine");
  CHECK(root->read("./sub//deep.txt").value() == "deep");
  CHECK(root->read("winds").value() == "fine");
  for (const char* path :
       {"../outside.txt", "leaves", "etc/passwd", "/etc/passwd", "sub/../../outside.txt",
        "winds-out", "sub/loop/../../outside.txt", "self", "magic/etc/passwd", "fifo", "sub"}) {
    INFO(path);
    CHECK(root->read(path).error().code == Errc::denied);
  }
  CHECK(root->read("in.txt/x").error().code == Errc::missing);
  CHECK(root->read("sub/absent").error().code == Errc::missing);
  CHECK_FALSE(root->exists("fifo").value());
  CHECK(root->exists("in.txt").value());
  CHECK_FALSE(root->exists("absent").value());

  const auto listing = root->list("");
  REQUIRE(listing.ok());
  std::vector<std::string> names;
  for (const FoundFile& file : listing->files) names.push_back(file.path);
  CHECK(names == std::vector<std::string>{"in.txt", "stays", "sub/deep.txt", "winds"});
  CHECK(listing->left_out ==
        std::vector<std::string>{"dangles", "etc", "fifo", "leaves", "magic", "self", "winds-out"});
}

TEST_CASE("embedded files are sorted and found by name", "[base]") {
  const auto files = embedded_files();
  for (std::size_t i = 1; i < files.size(); ++i) CHECK(files[i - 1].path < files[i].path);
  for (const EmbeddedFile& file : files) CHECK(find_embedded(file.path) == &file);
  CHECK(find_embedded("templates/none") == nullptr);
}
