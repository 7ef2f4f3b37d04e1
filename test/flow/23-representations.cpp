// Goal: browsers get a page as its difference to the site's layout once they hold that, and hear
// what to fetch first while a page is made again; nobody else is bothered.

#include "server.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace weir;
using flow::Connection;
using flow::get;
using flow::post;

namespace {

void write_pages(const test::TemporaryDirectory& directory, std::string_view more = {}) {
  flow::write_site(directory, more);
  std::string nav;
  for (int item = 0; item < 50; ++item)
    nav +=
        "<a href=\"/part-" + std::to_string(item) + "/\">Part " + std::to_string(item) + "</a>\n";
  directory.write("templates/page.html",
                  "<!doctype html><html><head><title>{{ page.title }}</title><link "
                  "rel=\"stylesheet\" href=\"/site.css\"></head><body><nav>" +
                      nav + "</nav>{{ page.content | safe }}</body></html>\n");
  for (int number = 0; number < 12; ++number)
    directory.write("content/p" + std::to_string(number) + ".md",
                    "+++\ntitle = \"Page " + std::to_string(number) + "\"\n+++\nText of page " +
                        std::to_string(number) + ".\n");
}

std::string quoted_name(const std::string& link) {
  constexpr std::string_view mark = "</_weir/dictionary/";
  const std::size_t at = link.find(mark);
  if (at == std::string::npos) return {};
  return link.substr(at + 1, link.find('>', at) - at - 1);
}

}  // namespace

TEST_CASE("C-46: who holds the layout gets the difference, and the same page",
          "[flow][dictionary]") {
  const test::TemporaryDirectory directory;
  write_pages(directory);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const std::string plain = get(server.port(), "/p7/").body;
  REQUIRE_THAT(plain, Catch::Contains("Text of page 7."));
  const std::string accepts = "Accept-Encoding: gzip, br, zstd, dcb, dcz\r\n";
  std::string path;
  REQUIRE(flow::eventually([&] {
    path = quoted_name(get(server.port(), "/p7/", accepts).field("link"));
    return !path.empty();
  }));
  // Only clients that could use it are told.
  CHECK(get(server.port(), "/p7/", "Accept-Encoding: br\r\n").field("link").empty());

  const auto dictionary = get(server.port(), path);
  REQUIRE(dictionary.status == 200);
  CHECK_THAT(dictionary.field("use-as-dictionary"), Catch::Contains("match=\"/*\", id=\"layout-"));
  CHECK(get(server.port(), path + "0").status == 404);
  const std::string hash = digest_of(Digest::sha256, dictionary.body);
  const std::string holds =
      accepts + "Available-Dictionary: :" + base64_of(bytes_of(hash)) + ":\r\n";
  const auto dcz = get(server.port(), "/p7/", holds);
  CHECK(dcz.status == 200);
  CHECK(dcz.field("content-encoding") == "dcz");
  CHECK(dcz.field("vary") == "Accept-Encoding, Available-Dictionary");
  CHECK(dcz.field("link").empty());
  CHECK_THAT(dcz.field("etag"), Catch::EndsWith("-d\""));
  CHECK(dcz.body.substr(8, 32) == hash);
  const auto brotli = get(server.port(), "/p7/", "Accept-Encoding: br\r\n");
  CHECK(dcz.body.size() < brotli.body.size() / 2);

  // A client that holds the page in another coding has the same page.
  CHECK(get(server.port(), "/p7/", holds + "If-None-Match: " + brotli.field("etag") + "\r\n")
            .status == 304);
  CHECK(get(server.port(), "/p7/",
            "Accept-Encoding: br\r\nIf-None-Match: " + dcz.field("etag") + "\r\n")
            .status == 304);
  // Another dictionary, a piece of the page, a name that is not this machine: no difference.
  CHECK(get(server.port(), "/p7/",
            accepts + "Available-Dictionary: :" +
                base64_of(bytes_of(digest_of(Digest::sha256, "other"))) + ":\r\n")
            .field("content-encoding") != "dcz");
  CHECK(get(server.port(), "/p7/", holds + "Range: bytes=0-9\r\n").field("content-encoding") !=
        "dcz");
  Connection elsewhere(server.port());
  elsewhere.send("GET /p7/ HTTP/1.1\r\nHost: example.com\r\n" + holds + "\r\n");
  const auto far = elsewhere.receive();
  CHECK(far.field("content-encoding") == "br");
  CHECK(far.field("link").empty());

  if (std::system("zstd --version >/dev/null 2>&1") != 0)
    return test::skip("zstd is not installed");
  directory.write("dictionary", dictionary.body);
  directory.write("page.zst", dcz.body);
  const std::string command = "zstd -q -d -D '" + (directory / "dictionary") + "' '" +
                              (directory / "page.zst") + "' -o '" + (directory / "page") + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(read_file(directory / "page").value() == plain);
}

TEST_CASE("C-46: without dictionaries nobody is told of one", "[flow][dictionary]") {
  const test::TemporaryDirectory directory;
  write_pages(directory, "[cache]\ndictionaries = false\n");
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string accepts = "Accept-Encoding: br, dcz\r\n";
  CHECK(flow::eventually(
      [&] { return get(server.port(), "/p7/", accepts).field("content-encoding") == "br"; }));
  CHECK(get(server.port(), "/p7/", accepts).field("link").empty());
}

TEST_CASE("C-33: while a page is made again, a browser hears what to fetch first",
          "[flow][dictionary]") {
  const test::TemporaryDirectory directory;
  write_pages(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  REQUIRE(get(server.port(), "/p3/").status == 200);
  const auto purge = [&] {
    CHECK(post(server.admin_port(), "/_weir/purge", R"({"paths":["/p3/"],"mode":"hard"})").status ==
          200);
  };
  const auto ask = [&](std::string_view fields) {
    Connection connection(server.port());
    connection.send("GET /p3/ HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n");
    return connection.receive(Connection::Body::no);
  };
  purge();
  const auto hinted = ask("Sec-Fetch-Mode: navigate\r\n");
  CHECK(hinted.status == 103);
  CHECK(hinted.field("link") == "</site.css>; rel=preload; as=style");
  REQUIRE(flow::eventually([&] { return get(server.port(), "/p3/").status == 200; }));
  purge();
  CHECK(ask("").status == 200);                              // not a browser, over HTTP/1.1
  CHECK(ask("Sec-Fetch-Mode: navigate\r\n").status == 200);  // it is there again
}

TEST_CASE("C-43: an idle server makes a page smaller, under another entity tag", "[flow][polish]") {
  const test::TemporaryDirectory directory;
  write_pages(directory, "[cache]\ndictionaries = false\n");
  std::string style;
  for (int rule = 0; rule < 900; ++rule)
    style += ".part-" + std::to_string(rule * 7 % 911) + " { margin: " + std::to_string(rule % 13) +
             "px; color: var(--tone-" + std::to_string(rule % 17) + ") }\n";
  directory.write("static/parts.css", style);
  const std::string brotli = "Accept-Encoding: br\r\n", zstd = "Accept-Encoding: zstd\r\n";
  flow::Answer quick, best;
  {
    flow::Server server(directory.path());
    INFO(server.process().errors());
    REQUIRE(server.port() != 0);
    REQUIRE(flow::eventually([&] {
      quick = get(server.port(), "/parts.css", brotli);
      return quick.field("content-encoding") == "br";
    }));
    CHECK_THAT(quick.field("etag"), Catch::EndsWith("-b\""));
    const auto quick_zstd = get(server.port(), "/parts.css", zstd);
    CHECK_THAT(quick_zstd.field("etag"), Catch::EndsWith("-z\""));
    REQUIRE(flow::eventually(
        [&] {
          best = get(server.port(), "/parts.css", brotli);
          return best.field("etag") != quick.field("etag");
        },
        20));
    CHECK_THAT(best.field("etag"), Catch::EndsWith("-B\""));
    CHECK(best.field("content-encoding") == "br");
    CHECK(*parse_u64(best.field("content-length")) < *parse_u64(quick.field("content-length")));
    REQUIRE(flow::eventually(
        [&] { return get(server.port(), "/parts.css", zstd).field("etag").ends_with("-Z\""); }));
    const auto best_zstd = get(server.port(), "/parts.css", zstd);
    CHECK(best_zstd.body.size() < quick_zstd.body.size());
    // Whoever holds the page in any of its forms holds this generation.
    for (const std::string& etag : {quick.field("etag"), best.field("etag"),
                                    quick_zstd.field("etag"), best_zstd.field("etag")}) {
      const std::string condition = "If-None-Match: " + etag + "\r\n";
      for (const std::string& accepts : {brotli, zstd, std::string()})
        CHECK(get(server.port(), "/parts.css", accepts + condition).status == 304);
    }
    // A part of the old form is not a part of the new one.
    const auto part = get(server.port(), "/parts.css",
                          brotli + "Range: bytes=0-9\r\nIf-Range: " + quick.field("etag") + "\r\n");
    CHECK(part.status == 200);
    const auto same = get(server.port(), "/parts.css",
                          brotli + "Range: bytes=0-9\r\nIf-Range: " + best.field("etag") + "\r\n");
    CHECK(same.status == 206);
    CHECK(same.body == best.body.substr(0, 10));
    const std::string metrics = get(server.admin_port(), "/_weir/metrics").body;
    CHECK_THAT(metrics, !Catch::Contains("\nweir_cache_polished_total 0\n"));
    CHECK_THAT(metrics, !Catch::Contains("\nweir_cache_polished_saved_bytes_total 0\n"));
    CHECK(server.stop() == 0);
  }
  flow::Server again(directory.path());
  REQUIRE(again.port() != 0);
  // Not made anew: it lies on disk. Known before that, too.
  CHECK(get(again.port(), "/parts.css", brotli + "If-None-Match: " + best.field("etag") + "\r\n")
            .status == 304);
  REQUIRE(flow::eventually(
      [&] { return get(again.port(), "/parts.css", brotli).field("etag") == best.field("etag"); }));
  CHECK(get(again.port(), "/parts.css", brotli).body == best.body);
  CHECK_THAT(get(again.admin_port(), "/_weir/metrics").body,
             Catch::Contains("\nweir_cache_polished_total 0\n"));
}

TEST_CASE("C-43: a server that polishes a large page leaves it when it ends", "[flow][polish]") {
  const test::TemporaryDirectory directory;
  write_pages(directory);
  std::string style;
  for (int rule = 0; style.size() < 1'000'000; ++rule)
    style += ".part-" + std::to_string(rule * 7'919L % 100'003) +
             " { margin: " + std::to_string(rule * 31 % 97) + "px }\n";
  directory.write("static/parts.css", style);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  CHECK(get(server.port(), "/parts.css").status == 200);
  const auto waits = [&] {
    const std::string metrics = get(server.admin_port(), "/_weir/metrics").body;
    return metrics.find("\nweir_cache_to_polish 0\n") == std::string::npos;
  };
  REQUIRE(flow::eventually(waits));
  REQUIRE(flow::eventually([&] { return !waits(); }, 20));  // its turn has come
  CHECK(server.stop() == 0);
  // Had it gone on to the end, the result would lie on disk, and be what is sent in brotli.
  flow::Server again(directory.path());
  REQUIRE(again.port() != 0);
  flow::Answer answer;
  REQUIRE(flow::eventually([&] {
    answer = get(again.port(), "/parts.css", "Accept-Encoding: br\r\n");
    return answer.field("content-encoding") == "br";
  }));
  CHECK_THAT(answer.field("etag"), !Catch::Contains("-B"));
}
