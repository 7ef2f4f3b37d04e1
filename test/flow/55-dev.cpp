// Goal: the author's server shows what an edit makes, tells open pages, keeps the last good pages
// when an edit is wrong, and answers to nobody but this machine. The real binary, real files.

#include "server.h"

#include "base/bytes.h"
#include "base/file.h"

#include <catch2/catch.hpp>

#include <csignal>

using namespace weir;
using namespace weir::flow;

namespace {

class Dev {
 public:
  explicit Dev(const std::string& root)
      : process_({"--root", root, "dev", "--port", "0", "--debounce", "5"}) {
    // The address is told when the first build is over.
    const std::string mark = "http://127.0.0.1:";
    test::eventually([&] { return process_.output().find('\n') != std::string::npos; });
    const std::string said = process_.output();
    const std::size_t at = said.find(mark);
    REQUIRE(at != std::string::npos);
    port_ = static_cast<unsigned short>(std::stoul(said.substr(at + mark.size())));
  }
  Process& process() { return process_; }
  unsigned short port() const { return port_; }
  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }
  Answer get(const std::string& path, const std::string& more = {}) const {
    Connection client(port_);
    const std::string host = more.find("Host:") == std::string::npos
                                 ? "Host: localhost:" + std::to_string(port_) + "\r\n"
                                 : "";
    client.send("GET " + path + " HTTP/1.1\r\n" + host + more + "\r\n");
    return client.receive();
  }

 private:
  Process process_;
  unsigned short port_ = 0;
};

void write(const std::string& path, const std::string& bytes) {
  REQUIRE(write_file_atomically(path, bytes, Sync::no).ok());
}

std::string page(const std::string& body) {
  return "+++\ntitle = \"A page\"\n+++\n\n" + body + "\n";
}

}  // namespace

TEST_CASE("S-76: weir dev shows an edit, tells open pages, and survives a wrong one", "[dev]") {
  const test::TemporaryDirectory site;
  for (const char* directory : {"/content", "/templates"})
    REQUIRE(make_directories(site.path() + directory).ok());
  write(site.path() + "/config.toml", "base_url = \"https://example.org\"\n");
  write(site.path() + "/templates/index.html", "<body>{{ section.title }}</body>");
  write(site.path() + "/templates/page.html",
        "<body>{{ page.content | safe }}{{ page.permalink | safe }}</body>");
  write(site.path() + "/content/a.md", page("Before."));
  Dev dev(site.path());

  const Answer first = dev.get("/a/");
  CHECK(first.status == 200);
  CHECK_THAT(first.body, Catch::Contains("Before."));
  CHECK_THAT(first.body, Catch::Contains(dev.address() + "/a/"));  // links lead here
  CHECK_THAT(first.body, Catch::Contains("<script src=\"/_weir/dev.js\" defer></script></body>"));
  CHECK(dev.get("/a").field("location") == "/a/");
  CHECK(dev.get("/nowhere/").status == 404);
  CHECK(dev.get("/_weir/dev.js").status == 200);

  Connection events(dev.port());
  events.send("GET /_weir/dev/events HTTP/1.1\r\nHost: localhost:" + std::to_string(dev.port()) +
              "\r\n\r\n");
  CHECK_THAT(events.receive_until("event: build"), Catch::Contains("event: build"));
  const auto shows = [&](const std::string& path, const std::string& text) {
    test::eventually([&] { return dev.get(path).body.find(text) != std::string::npos; });
  };
  write(site.path() + "/content/a.md", page("After the edit."));
  shows("/a/", "After the edit.");

  write(site.path() + "/content/a.md", page("{{ no_such_shortcode() }}"));
  REQUIRE(dev.process().wait_for_line("the last good pages are served").has_value());
  CHECK_THAT(dev.get("/a/").body, Catch::Contains("After the edit."));
  const std::string told = events.receive_until("event: failed");
  CHECK(told.find("event: build", told.find("event: build") + 1) != std::string::npos);
  CHECK_THAT(told, Catch::Contains("event: failed"));

  write(site.path() + "/content/a.md", page("Mended."));
  write(site.path() + "/content/b.md", page("A new page."));
  shows("/a/", "Mended.");
  shows("/b/", "A new page.");
  REQUIRE(make_directories(site.path() + "/content/deep").ok());
  write(site.path() + "/content/deep/c.md", page("In a new directory."));
  shows("/deep/c/", "In a new directory.");

  dev.process().signal(SIGTERM);
  CHECK(dev.process().wait() == 0);
}

TEST_CASE("S-76: weir dev answers to nobody else's names", "[dev]") {
  const test::TemporaryDirectory site;
  REQUIRE(make_directories(site.path() + "/content").ok());
  write(site.path() + "/config.toml", "base_url = \"https://example.org\"\n");
  write(site.path() + "/content/_index.md", "+++\ntitle = \"Home\"\n+++\n");
  Dev dev(site.path());
  CHECK(dev.get("/").status == 200);
  CHECK(dev.get("/", "Host: 127.0.0.1\r\n").status == 200);
  CHECK(dev.get("/", "Host: [::1]:1\r\n").status == 200);
  CHECK(dev.get("/", "Host: evil.example\r\n").status == 403);
  CHECK(dev.get("/", "Host: localhost.evil.example\r\n").status == 403);
  CHECK(dev.get("/_weir/dev/events", "Origin: https://evil.example\r\n").status == 403);
  CHECK(run({"--root", site.path(), "dev", "--port", "99999"}).code == 2);
}

TEST_CASE("weir dev shows the pages that routes make, anew after each edit", "[dev]") {
  const test::TemporaryDirectory site;
  for (const char* directory : {"/content", "/templates", "/data"})
    REQUIRE(make_directories(site.path() + directory).ok());
  write(site.path() + "/weir.toml",
        "base_url = \"https://example.org\"\n\n[[route]]\nname = \"products\"\nmatch = { path = "
        "\"/products/{slug}\" }\nto = { page = \"product.html\", load = { path = "
        "\"data/products.json\", key = \"slug\" } }\n\n[[route]]\nname = \"notes\"\nmatch = { path "
        "= \"/notes/{id}\" }\nto = { page = \"product.html\", load = { kv = \"notes\", key = "
        "\"id\" } "
        "}\n\n[data]\ndir = \"data-side\"\n");
  write(site.path() + "/content/_index.md", "+++\ntitle = \"Home\"\n+++\n");
  write(site.path() + "/templates/index.html", "<body>home</body>");
  write(site.path() + "/templates/product.html", "<body>{{ item.name }} {{ params.slug }}</body>");
  write(site.path() + "/data/products.json", R"([{"slug":"mug","name":"Mug"}])");
  Dev dev(site.path());
  const Answer first = dev.get("/products/mug");
  CHECK(first.status == 200);
  CHECK_THAT(first.body, Catch::Contains("<body>Mug mug<script"));
  CHECK(dev.get("/products/nothing").status == 404);
  CHECK(dev.get("/elsewhere").status == 404);
  write(site.path() + "/data/products.json", R"([{"slug":"mug","name":"Bigger"}])");
  test::eventually(
      [&] { return dev.get("/products/mug").body.find("Bigger") != std::string::npos; });
  write(site.path() + "/templates/product.html", "<p>{{ item.name }}</p>");
  test::eventually([&] { return dev.get("/products/mug").body.starts_with("<p>Bigger</p>"); });
  const Answer refused = dev.get("/notes/1");
  CHECK(refused.status == 500);
  CHECK_THAT(refused.body, Catch::Contains("the data side, which weir dev does not have"));
  CHECK(dev.process().wait_for_line("weir serve shows it").has_value());
}
