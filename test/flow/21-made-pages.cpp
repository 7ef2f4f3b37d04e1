// Goal: a route makes pages that no file is, from local data, from a remote address and from the
// data side; what nobody has asked for before is shown as the route says; a change of the data
// reaches the page.

#include "backend.h"

#include <catch2/catch.hpp>

#include <atomic>

using namespace weir;
using flow::get;
using flow::post;

namespace {

constexpr std::string_view product_template =
    "<!doctype html><title>{{ config.title }}</title>{% if item %}<p>{{ item.name }} {{ "
    "params.slug }} {{ current_path | safe }} {{ current_url | safe }} page={{ query.page | "
    "default(value='1') "
    "}}</p>{% else %}<p>coming</p>{% endif %}\n";

std::string route(std::string_view load, std::string_view cache = {}, std::string_view more = {}) {
  return "[build]\nallow_addresses = [\"127.0.0.0/8\"]\n\n[[route]]\nname = \"products\"\nmatch = "
         "{ "
         "path = \"/products/{slug}\" }\nto = { page = \"product.html\", load = { " +
         std::string(load) + " }" + std::string(more) + " }\ncache = { " + std::string(cache) +
         " }\n\n";
}

void write_shop(const test::TemporaryDirectory& directory, const std::string& config) {
  flow::write_site(directory, config);
  directory.write("templates/product.html", std::string(product_template));
  directory.write("data/products.json",
                  R"([{"slug":"mug","name":"Mug"},{"slug":"7","name":"Seven"}])");
}

std::string http_json(std::string_view body, std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("a route makes a page of each record of a local file", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  write_shop(directory, route("path = \"data/products.json\", key = \"slug\"",
                              "ttl = \"1h\", tags = [\"shop\"], query = [\"page\"]"));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto first = get(server.port(), "/products/mug");
  CHECK(first.status == 200);
  CHECK(first.field("content-type") == "text/html; charset=utf-8");
  CHECK_THAT(first.field("cache-status"), Catch::Contains("fwd=miss"));
  CHECK_THAT(first.body, Catch::Contains("<p>Mug mug /products/mug "
                                         "https://example.com/products/mug page=1</p>"));
  CHECK_THAT(get(server.port(), "/products/mug").field("cache-status"), Catch::Contains("hit"));
  CHECK_THAT(get(server.port(), "/products/7").body, Catch::Contains("Seven"));

  // Parameters that the route does not list are no part of the page's identity.
  CHECK_THAT(get(server.port(), "/products/mug?x=1").field("cache-status"), Catch::Contains("hit"));
  const auto second = get(server.port(), "/products/mug?x=1&page=2");
  CHECK_THAT(second.field("cache-status"), Catch::Contains("fwd=miss"));
  CHECK_THAT(second.body, Catch::Contains("page=2"));
  CHECK_THAT(get(server.port(), "/products/mug?page=2&y=2").field("cache-status"),
             Catch::Contains("hit"));
  // An encoded question mark is part of the path, and no page has that.
  CHECK(get(server.port(), "/products/mug%3Fpage=2").status == 404);

  const auto missing = get(server.port(), "/products/nothing");
  CHECK(missing.status == 404);
  CHECK(get(server.port(), "/products/nothing").status == 404);
  const auto metrics = get(server.admin_port(), "/_weir/metrics");
  CHECK_THAT(metrics.body, Catch::Contains("negative"));

  const auto entry = get(server.admin_port(), "/_weir/entry?url=/products/mug");
  for (const char* tag : {"data:data/products.json", "tpl:product.html", "shop", "route:products"})
    CHECK_THAT(entry.body, Catch::Contains(tag));
  REQUIRE(
      post(server.admin_port(), "/_weir/purge", R"({"tags":["data:data/products.json"]})").status ==
      200);
  CHECK_THAT(get(server.port(), "/products/mug").field("cache-status"),
             Catch::Contains("fwd=stale"));
}

TEST_CASE("a made page survives a restart, and the next build's data replaces it",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  write_shop(directory, route("path = \"data/products.json\", key = \"slug\"", "ttl = \"1h\""));
  {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    REQUIRE(get(server.port(), "/products/mug").status == 200);
    // The second time that it is made it is worth its place on disk (C-67).
    REQUIRE(post(server.admin_port(), "/_weir/purge",
                 R"({"paths":["/products/mug"],"mode":"refresh","wait":"fresh"})")
                .status == 200);
    server.stop();
  }
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  CHECK_THAT(get(server.port(), "/products/mug").field("cache-status"),
             !Catch::Contains("fwd-status=200; stored"));
  directory.write("data/products.json", R"({"mug":{"name":"Bigger mug"}})");
  REQUIRE(flow::run({"build", "--root", directory.path()}).code == 0);
  CHECK(flow::eventually([&] {
    return get(server.port(), "/products/mug").body.find("Bigger mug") != std::string::npos;
  }));
  CHECK(flow::eventually([&] { return get(server.port(), "/products/7").status == 404; }, 15));
}

TEST_CASE("records come from a remote address, whose failures hurt nobody", "[flow][cache]") {
  std::atomic<int> asked{0};
  std::atomic<int> mode{0};
  flow::Backend backend([&](flow::Talk& talk) {
    for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
      ++asked;
      if (head.find("/api/none") != std::string::npos) talk.say(http_json("{}", "404 Not Found"));
      else if (mode == 1) talk.say(http_json("{}", "500 Internal Server Error"));
      else talk.say(http_json(R"({"name":"Remote )" + std::to_string(asked) + "\"}"));
    }
  });
  const test::TemporaryDirectory directory;
  write_shop(directory, route("url = \"" + backend.url() + "/api/{slug}?a=b\"",
                              "ttl = \"1s\", swr = \"1h\", sie = \"1h\", neg_ttl = \"30s\""));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  CHECK_THAT(get(server.port(), "/products/one").body, Catch::Contains("Remote 1"));
  CHECK(get(server.port(), "/products/none").status == 404);
  const int before = asked;
  CHECK(get(server.port(), "/products/none").status == 404);
  CHECK(asked == before);  // believed for neg_ttl

  mode = 1;
  bool is_ever_wrong = false;
  const bool was_asked = flow::eventually([&] {
    const auto answer = get(server.port(), "/products/one");
    is_ever_wrong = is_ever_wrong || answer.status != 200;
    return asked > before + 1;
  });
  CHECK(was_asked);
  CHECK_FALSE(is_ever_wrong);
  mode = 0;
  CHECK(flow::eventually(
      [&] {
        const auto answer = get(server.port(), "/products/one");
        return answer.status == 200 && answer.body.find("Remote 1 ") == std::string::npos;
      },
      15));
}

TEST_CASE("C-19: a source that fails is left alone, and so are its visitors' copies",
          "[flow][cache]") {
  std::atomic<int> asked{0};
  std::atomic<bool> is_down{false};
  flow::Backend backend([&](flow::Talk& talk) {
    for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
      ++asked;
      if (is_down) talk.say(http_json("{}", "503 Service Unavailable"));
      else talk.say(http_json(R"({"name":"Remote"})"));
    }
  });
  const test::TemporaryDirectory directory;
  write_shop(directory, route("url = \"" + backend.url() + "/api/{slug}\"", "ttl = \"1h\""));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  REQUIRE(get(server.port(), "/products/one").status == 200);
  is_down = true;
  const int before = asked;
  for (int i = 0; i < 20; ++i)
    CHECK(get(server.port(), "/products/down-" + std::to_string(i)).status == 502);
  CHECK(asked - before == 5);  // the breaker's `failures`
  CHECK(get(server.port(), "/products/one").status == 200);
}

TEST_CASE("C-16: what nobody has asked for before is a shell at once, and the page soon after",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  write_shop(directory, route("path = \"data/products.json\", key = \"slug\"",
                              "ttl = \"1h\", fallback = \"shell\""));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto shell = get(server.port(), "/products/mug");
  CHECK(shell.status == 200);
  CHECK(shell.field("cache-control") == "no-store");
  CHECK_THAT(shell.body, Catch::Contains("<p>coming</p>"));
  CHECK(flow::eventually([&] {
    const auto page = get(server.port(), "/products/mug");
    return page.body.find("Mug mug") != std::string::npos &&
           page.field("cache-control") != "no-store";
  }));
  CHECK(flow::eventually([&] { return get(server.port(), "/products/no").status == 404; }));
}

TEST_CASE("C-16: a shell may be a page of the site, and 404 makes nothing for strangers",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  write_shop(directory,
             route("path = \"data/products.json\", key = \"slug\"", "fallback = \"shell\"",
                   ", shell = \"/blog/one/\"") +
                 "[[route]]\nname = \"quiet\"\nmatch = { path = \"/quiet/{slug}\" }\nto = { page = "
                 "\"product.html\", load = { path = \"data/products.json\", key = \"slug\" } "
                 "}\ncache = { fallback = \"404\" }\n\n");
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto shell = get(server.port(), "/products/mug");
  CHECK(shell.field("cache-control") == "no-store");
  CHECK_THAT(shell.body, Catch::Contains("The first post."));

  CHECK(get(server.port(), "/quiet/mug").status == 404);
  REQUIRE(post(server.admin_port(), "/_weir/purge",
               R"({"paths":["/quiet/mug"],"mode":"refresh","wait":"fresh"})")
              .status == 200);
  CHECK(get(server.port(), "/quiet/mug").status == 200);
}

TEST_CASE("C-68: a client makes only so many new pages", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  write_shop(directory, route("path = \"data/products.json\", key = \"slug\"",
                              "ttl = \"1h\", new_keys = \"1/m\""));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  REQUIRE(get(server.port(), "/products/mug").status == 200);
  int refused = 0;
  for (int i = 0; i < 20; ++i)
    refused += get(server.port(), "/products/none-" + std::to_string(i)).status == 429 ? 1 : 0;
  CHECK(refused >= 9);  // a burst of ten, one of them used
  CHECK(get(server.port(), "/products/mug").status == 200);
}

TEST_CASE("a page made from a key-value record is stale when the record was written",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  write_shop(directory,
             "[data]\n\n[[data.kv_rule]]\nmatch = \"products/{slug}\"\nread = "
             "\"true\"\nwrite = \"true\"\n\n" +
                 route("kv = \"products\", key = \"slug\"", "ttl = \"1h\""));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  flow::Connection connection(server.port());
  const auto put = [&](std::string_view value) {
    return connection
        .request("PUT", "/kv/products/mug", "Content-Type: application/json\r\n", value)
        .status;
  };
  CHECK(get(server.port(), "/products/mug").status == 404);
  CHECK(put(R"({"name":"Kept mug"})") / 100 == 2);
  CHECK(flow::eventually([&] {
    return get(server.port(), "/products/mug").body.find("Kept mug") != std::string::npos;
  }));
  CHECK(put(R"({"name":"Other mug"})") / 100 == 2);
  CHECK_THAT(get(server.port(), "/products/mug").field("cache-status"),
             Catch::Contains("fwd=stale"));
  CHECK(flow::eventually([&] {
    return get(server.port(), "/products/mug").body.find("Other mug") != std::string::npos;
  }));
  CHECK(connection
            .request("POST", "/kv/atomic", "Content-Type: application/json\r\n",
                     R"({"sets":[{"k":"products/mug","v":{"name":"Third mug"}}]})")
            .status == 200);
  CHECK_THAT(get(server.port(), "/products/mug").field("cache-status"),
             Catch::Contains("fwd=stale"));
  CHECK(flow::eventually([&] {
    return get(server.port(), "/products/mug").body.find("Third mug") != std::string::npos;
  }));
}

TEST_CASE("a route to pages that cannot work is refused with its place", "[flow][cli]") {
  struct Row {
    std::string config, says;
  };
  const Row rows[] = {
      {route("path = \"data/none.json\", key = \"slug\""), "data/none.json does not exist"},
      {route("path = \"data/products.json\", key = \"slug\"", "", ", shell = \"/no/\""),
       "the site has no page /no/ for its shell"},
      {route("path = \"data/products.json\", key = \"slug\"", "", ", lang = \"fr\""),
       "the site has no language \"fr\""},
      {"[[route]]\nname = \"x\"\nmatch = { path = \"/x/{a}\" }\nto = { page = \"prodct.html\" }\n",
       "there is no template \"prodct.html\""},
  };
  for (const Row& row : rows) {
    const test::TemporaryDirectory directory;
    write_shop(directory, row.config);
    const flow::Ran ran = flow::run({"check", "--root", directory.path()});
    INFO(ran.err);
    CHECK(ran.code != 0);
    CHECK_THAT(ran.err, Catch::Contains(row.says));
    CHECK_THAT(ran.err, Catch::Contains("weir.toml:"));
  }
}
