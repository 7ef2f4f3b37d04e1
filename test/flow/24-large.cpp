// Goal: ranges of large files over a real socket are slices of the file, whether it lies on disk or
// in memory, and a file that memory would not keep is sent piece by piece (C-47, C-48).

#include "server.h"

#include "base/file.h"
#include "store/decoding.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <random>

using namespace weir;
using flow::Connection;
using flow::get;

namespace {

std::string large_text(std::size_t bytes) {
  std::mt19937 random(5);
  std::string text;
  while (text.size() < bytes) text += "word " + std::to_string(random() % 9'000) + '\n';
  text.resize(bytes);
  return text;
}

std::string range_of(std::string_view spec) { return "Range: bytes=" + std::string(spec) + "\r\n"; }

// The parts of a multipart/byteranges body, by their Content-Range.
std::map<std::string, std::string> parts_of(const flow::Answer& answer) {
  std::map<std::string, std::string> parts;
  const std::string type = answer.field("content-type");
  const std::string mark = "--" + type.substr(type.find("boundary=") + 9);
  std::size_t at = answer.body.find(mark);
  while (at != std::string::npos) {
    const std::size_t next = answer.body.find("\r\n" + mark, at + 1);
    const std::size_t gap = answer.body.find("\r\n\r\n", at);
    if (next == std::string::npos || gap > next) break;
    const std::string head = answer.body.substr(at, gap - at);
    const std::size_t range = head.find("Content-Range: ");
    parts[head.substr(range + 15)] = answer.body.substr(gap + 4, next - gap - 4);
    at = next + 2;
  }
  return parts;
}

void check_ranges(unsigned short port, const std::string& path, const std::string& text) {
  const std::string total = std::to_string(text.size());
  Connection connection(port);
  const auto last = connection.get(path, range_of("-65536"));
  CHECK(last.status == 206);
  CHECK(last.body == text.substr(text.size() - 65'536));
  CHECK(last.field("content-range") == "bytes " + std::to_string(text.size() - 65'536) + "-" +
                                           std::to_string(text.size() - 1) + "/" + total);
  CHECK(last.field("content-length") == "65536");
  CHECK(last.field("accept-ranges").empty());
  CHECK_THAT(last.field("etag"), Catch::EndsWith("-i\""));
  CHECK_FALSE(last.has("content-encoding"));
  for (const std::size_t first : {0UL, 1UL, 262'143UL, 262'144UL, 1'048'575UL, text.size() - 1}) {
    const auto one =
        connection.get(path, range_of(std::to_string(first) + "-" + std::to_string(first + 9)));
    CHECK(one.status == 206);
    CHECK(one.body == text.substr(first, 10));
  }
  const auto rest = connection.get(path, range_of("100000-"));
  CHECK(rest.status == 206);
  CHECK(rest.body == text.substr(100'000));
  const auto several = connection.get(path, range_of("0-99,1000000-1300000,-7"));
  CHECK(several.status == 206);
  const auto parts = parts_of(several);
  CHECK(parts.size() == 3);
  CHECK(parts.at("bytes 0-99/" + total) == text.substr(0, 100));
  CHECK(parts.at("bytes 1000000-1300000/" + total) == text.substr(1'000'000, 300'001));
  const auto beyond = connection.get(path, range_of(total + "-"));
  CHECK(beyond.status == 416);
  CHECK(beyond.field("content-range") == "bytes */" + total);

  const std::string etag = last.field("etag");
  CHECK(connection.get(path, range_of("0-9") + "If-Range: " + etag + "\r\n").status == 206);
  const auto whole = connection.get(path, range_of("0-9") + "If-Range: \"other\"\r\n");
  CHECK(whole.status == 200);
  CHECK(whole.body == text);
  CHECK(connection.get(path, "If-None-Match: " + etag + "\r\n").status == 304);
  CHECK(connection.get(path, range_of("0-9") + "If-None-Match: " + etag + "\r\n").status == 304);
  connection.send("HEAD " + path + " HTTP/1.1\r\nHost: localhost\r\n" + range_of("0-9") + "\r\n");
  const auto head = connection.receive(Connection::Body::no);
  CHECK(head.status == 200);
  CHECK(head.field("content-length") == total);
  CHECK(head.field("accept-ranges") == "bytes");
}

std::string metric(unsigned short admin_port, const std::string& name) {
  const std::string text = get(admin_port, "/_weir/metrics").body;
  const std::size_t at = text.find("\n" + name + " ");
  if (at == std::string::npos) return "none";
  return text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
}

}  // namespace

TEST_CASE("C-48: a range of a large text file is the same from disk and from memory",
          "[flow][large]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const std::string text = large_text(2'500'000);
  directory.write("static/a.txt", text);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  check_ranges(server.port(), "/a.txt", text);  // its last questions have brought it into memory
  const auto whole = get(server.port(), "/a.txt");
  CHECK(whole.body == text);
  check_ranges(server.port(), "/a.txt", text);
}

TEST_CASE("C-48: ranges alone bring no large file into memory", "[flow][large]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const std::string text = large_text(3'000'000);
  directory.write("static/a.txt", text);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string before = metric(server.admin_port(), "weir_cache_memory_bytes");
  Connection connection(server.port());
  for (std::size_t at = 0; at < 20; ++at) {
    const auto part = connection.get("/a.txt", range_of(std::to_string(at * 100'000) + "-" +
                                                        std::to_string(at * 100'000 + 999)));
    CHECK(part.body == text.substr(at * 100'000, 1'000));
  }
  CHECK(metric(server.admin_port(), "weir_cache_memory_bytes") == before);
  // In the coding that it is stored in: a range of those bytes, which are one zstd stream.
  const auto zstd = connection.get("/a.txt", "Accept-Encoding: zstd\r\n" + range_of("0-"));
  CHECK(zstd.status == 206);
  CHECK(zstd.field("content-encoding") == "zstd");
  CHECK_THAT(zstd.field("etag"), Catch::EndsWith("-z\""));
  CHECK(store::decode_zstd(zstd.body, text.size()).value() == text);
  const auto middle = connection.get("/a.txt", "Accept-Encoding: zstd\r\n" + range_of("5000-5999"));
  CHECK(middle.body == zstd.body.substr(5'000, 1'000));
}

TEST_CASE("C-48: a file beyond what memory keeps is sent piece by piece", "[flow][large]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[cache]\nmemory = \"16MiB\"\n");
  const std::string text = large_text(9'000'000);
  directory.write("static/a.txt", text);
  std::mt19937_64 random(1);
  std::string noise(5'000'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  directory.write("static/film.mp4", noise);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  for (int round = 0; round < 2; ++round) {
    check_ranges(server.port(), "/a.txt", text);
    check_ranges(server.port(), "/film.mp4", noise);
    CHECK(get(server.port(), "/film.mp4").body == noise);
  }
  const auto zstd = get(server.port(), "/a.txt", "Accept-Encoding: gzip, zstd\r\n");
  CHECK(zstd.field("content-encoding") == "zstd");
  CHECK(store::decode_zstd(zstd.body, text.size()).value() == text);
  CHECK(get(server.port(), "/a.txt",
            "Accept-Encoding: br\r\nIf-None-Match: " + zstd.field("etag") + "\r\n")
            .status == 304);
  CHECK(metric(server.admin_port(), "weir_cache_parts_read_total") != "0");
  // One who leaves in the middle harms nobody.
  {
    Connection gone(server.port());
    gone.send("GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_THAT(gone.receive_until("\r\n\r\n"), Catch::Contains("200 OK"));
  }
  CHECK(get(server.port(), "/a.txt").body == text);
}

TEST_CASE("C-63: a large file that has rotted on disk is never sent", "[flow][large]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[cache]\nmemory = \"16MiB\"\n");
  const std::string text = large_text(9'000'000);
  directory.write("static/a.txt", text);
  REQUIRE(flow::run({"--root", directory.path(), "build"}).code == 0);
  std::string segment;
  for (const auto& one : std::filesystem::recursive_directory_iterator(directory.path()))
    if (one.path().extension() == ".seg") segment = one.path();
  REQUIRE_FALSE(segment.empty());
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(std::filesystem::file_size(segment) / 2);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
  }
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  std::size_t good = 0, bad = 0;
  for (std::size_t at = 0; at + 100 < text.size(); at += 262'144) {
    const auto part =
        get(server.port(), "/a.txt", range_of(std::to_string(at) + "-" + std::to_string(at + 99)));
    (part.status == 206 ? good : bad) += 1;
    if (part.status == 206) CHECK(part.body == text.substr(at, 100));
    else CHECK(part.status >= 500);
  }
  CHECK(bad == 1);
  CHECK(good > 30);
  CHECK(metric(server.admin_port(), "weir_store_corrupt_total") != "0");
}
