// Goal: the house stands as ARCHITECTURE.md draws it.
// Method: read every file of src/ and test/ as text: floors, library fences, and a few habits.
// The rules are run on planted violations too, so that a rule that has gone blind is noticed.

#include "support.h"

#include "base/bytes.h"
#include "base/file.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>

using namespace weir;

namespace {

// Floor of each room. A file includes its own room, or rooms on strictly lower floors.
const std::map<std::string, int, std::less<>> floors{
    {"base", 0},     {"text", 1},  {"store", 1}, {"http", 1}, {"data", 1},
    {"template", 2}, {"cache", 2}, {"guard", 2}, {"waf", 2},  {"sync", 2},
    {"site", 3},     {"edge", 3},  {"cli", 4},
};

// One library, one room, one .cpp (a library with several headers may have one file for each).
struct Fence {
  std::string_view include;  // the start of what stands between < and >
  std::vector<std::string_view> files;
};
const std::vector<Fence> fences{
    {"sqlite3.h", {"src/data/sqlite.cpp"}},
    {"openssl/ssl.h", {"src/http/tls.cpp"}},
    {"openssl/err.h", {"src/http/tls.cpp", "src/base/signature.cpp", "src/base/certificate.cpp"}},
    {"openssl/x509", {"src/base/certificate.cpp"}},
    {"openssl/evp.h", {"src/base/crypto.cpp", "src/base/signature.cpp"}},
    {"openssl/",
     {"src/http/tls.cpp", "src/base/crypto.cpp", "src/base/signature.cpp",
      "src/base/certificate.cpp"}},
    {"cmark-gfm", {"src/text/markdown.cpp"}},
    {"pcre2.h", {"src/text/regex.cpp"}},
    {"toml++", {"src/text/toml.cpp"}},
    {"yaml-cpp", {"src/text/yaml.cpp"}},
    {"httplib.h", {"src/http/client.cpp"}},
    {"nghttp2", {"src/http/http2_session.cpp"}},
    {"xxhash.h", {"src/base/hash.cpp"}},
    {"zstd", {"src/store/zstd.cpp"}},
    {"brotli", {"src/store/brotli.cpp"}},
    {"libdeflate.h", {"src/store/gzip.cpp"}},
    {"jpeglib.h", {"src/site/image_jpeg.cpp"}},
    {"png.h", {"src/site/image_png.cpp"}},
    {"webp/", {"src/site/image_webp.cpp"}},
    {"sass", {"src/text/sass.cpp"}},
    {"seccomp.h", {"src/cli/sandbox.cpp"}},
};

struct Source {
  std::string path;  // "src/cache/page.cpp"
  std::string text;
};

std::string room_of(std::string_view path) {
  if (!path.starts_with("src/")) return "";
  path.remove_prefix(4);
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

// Every finding is "path:line: what is wrong".
std::vector<std::string> findings_of(const Source& source) {
  static const std::regex include(R"rx(^\s*#\s*include\s*(["<])([^">]+)[">])rx");
  static const std::regex unfinished(
      "\\b(FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  static const std::regex vague_todo(R"(TO)"
                                     R"(DO(?!\((perf|safety|cleanup|test)\)))");
  const bool product = source.path.starts_with("src/");
  const std::string room = room_of(source.path);
  std::vector<std::string> findings;
  std::size_t number = 0;
  std::size_t start = 0;
  while (start < source.text.size()) {
    std::size_t end = source.text.find('\n', start);
    if (end == std::string::npos) end = source.text.size();
    const std::string line = source.text.substr(start, end - start);
    start = end + 1;
    ++number;
    const auto found = [&](std::string_view what) {
      findings.push_back(source.path + ':' + std::to_string(number) + ": " + std::string(what));
    };
    std::smatch match;
    if (std::regex_search(line, match, unfinished))
      found("'" + match.str() + "' is for your own desk");
    if (std::regex_search(line, vague_todo))
      found("a to-do needs its kind: perf, safety, cleanup or test");
    if (!product) continue;
    if (line.find("using namespace") != std::string::npos && source.path.ends_with(".h"))
      found("no using namespace in headers");
    if (!std::regex_search(line, match, include)) continue;
    const std::string target = match[2];
    if (match[1] == "\"") {
      const std::string other = target.substr(0, target.find('/'));
      const auto mine = floors.find(room);
      const auto theirs = floors.find(other);
      if (theirs == floors.end()) found("\"" + target + "\" names no room");
      else if (room.empty()) continue;  // main.cpp stands above all floors
      else if (other != room && theirs->second >= mine->second)
        found(room + " (floor " + std::to_string(mine->second) + ") includes " + other +
              " (floor " + std::to_string(theirs->second) + ")");
    } else {
      for (const Fence& fence : fences) {
        if (!target.starts_with(fence.include)) continue;
        bool allowed = false;
        for (const std::string_view file : fence.files) allowed = allowed || source.path == file;
        if (!allowed)
          found("<" + target + "> belongs in " + std::string(fence.files.front()) + " alone");
        break;
      }
    }
  }
  return findings;
}

std::vector<Source> sources() {
  std::vector<Source> all;
  for (const char* root : {"src", "test"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const std::string path = entry.path().string();
      if (path.ends_with(".cpp") || path.ends_with(".h")) {
        auto text = read_file(path);
        REQUIRE(text.ok());
        all.push_back({path, *text});
      }
    }
  return all;
}

}  // namespace

TEST_CASE("every file keeps to its floor, its libraries and the habits of the house", "[tidy]") {
  if (!std::filesystem::exists("src/base/result.h")) {
    test::skip("the sources are not here (run from the top of the checkout)");
    return;
  }
  std::set<std::string> rooms;
  for (const Source& source : sources()) {
    for (const std::string& finding : findings_of(source)) FAIL_CHECK(finding);
    if (!room_of(source.path).empty()) rooms.insert(room_of(source.path));
  }
  for (const std::string& room : rooms) CHECK(floors.count(room) == 1);
}

TEST_CASE("a planted violation of each rule is found", "[tidy]") {
  struct Row {
    Source source;
    std::string_view finding;
  };
  const std::vector<Row> rows{
      {{"src/cache/a.cpp", "#include \"site/build.h\"\n"},
       "cache (floor 2) includes site (floor 3)"},
      {{"src/cache/a.cpp", "#include \"waf/rules.h\"\n"}, "cache (floor 2) includes waf (floor 2)"},
      {{"src/base/a.h", "\n# include \"text/json.h\"\n"},
       "src/base/a.h:2: base (floor 0) includes text (floor 1)"},
      {{"src/text/a.cpp", "#include \"nowhere/x.h\"\n"}, "names no room"},
      {{"src/edge/a.cpp", "#include <sqlite3.h>\n"},
       "<sqlite3.h> belongs in src/data/sqlite.cpp alone"},
      {{"src/guard/a.cpp", "#include <openssl/evp.h>\n"}, "belongs in src/base/crypto.cpp alone"},
      {{"src/text/a.h", "using namespace std;\n"}, "no using namespace in headers"},
      {{"src/text/a.cpp",
        "// FIX"
        "ME later\n"},
       "is for your own desk"},
      {{"test/text/a.cpp",
        "// TO"
        "DO later\n"},
       "a to-do needs its kind"},
  };
  for (const Row& row : rows) {
    const auto findings = findings_of(row.source);
    INFO(row.source.text);
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().find(row.finding) != std::string::npos);
  }
}

TEST_CASE("what the rules allow is not reported", "[tidy]") {
  CHECK(findings_of({"src/edge/a.cpp",
                     "#include \"cache/page.h\"\n#include \"edge/b.h\"\n#include <vector>\n"})
            .empty());
  CHECK(findings_of({"src/main.cpp", "#include \"cli/main.h\"\n"}).empty());
  CHECK(findings_of({"src/data/sqlite.cpp", "#include <sqlite3.h>\n"}).empty());
  CHECK(findings_of({"src/text/a.cpp",
                     "// TO"
                     "DO(perf): copies once\n"})
            .empty());
}
