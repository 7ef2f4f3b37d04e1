// Goal: what comes between a question and its answer is not lost: purges, writes, clients and
// servers that leave, answers that break off (C-17, C-18, C-23, C-29, C-33, C-36, C-37, C-41,
// C-55). Method: as in 69-proxy-cache; the server is held at a gate while something happens.

#include "cached_backend.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <initializer_list>
#include <map>
#include <memory>
#include <utility>

using namespace weir;
using flow::Answer;
using flow::CachedSite;
using flow::Connection;
using flow::Question;
using flow::reply;

namespace {

constexpr std::chrono::seconds test_patience(30);  // of a backend, should its story break off

std::string numbered(const Question& question) {
  return "number " + std::to_string(question.number);
}
std::string fresh(const Question& question) {
  return reply(200, "Cache-Control: max-age=3600\r\nCache-Tag: one\r\n", numbered(question));
}

// A site before a server whose answers come in halves, eight times the digit of their question's
// number; of those in `held` the second half waits for `finish`.
struct Halves {
  Halves(std::string_view profile, std::initializer_list<int> held)
      : backend([this](flow::Talk& talk) { play(talk); }) {
    for (const int number : held) {
      auto& [told, heard] = ends[number];
      heard = told.get_future();
    }
    flow::write_site(directory, flow::proxy_route("/**", backend.url(), {},
                                                  "stages = []\ncache = { profile = \"" +
                                                      std::string(profile) + "\" }"));
    server = std::make_unique<flow::Server>(directory.path());
  }
  void play(flow::Talk& talk) {
    while (!talk.hear_head().empty()) {
      const int number = ++asked;
      const std::string half(4, static_cast<char>('0' + number));
      talk.say(
          "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nCache-Tag: one\r\n"
          "Content-Length: 8\r\n\r\n" +
          half);
      if (const auto end = ends.find(number); end != ends.end())
        end->second.second.wait_for(test_patience);
      talk.say(half);
    }
  }
  void finish(int number) { ends.at(number).first.set_value(); }
  Answer purge(const std::string& tag, const std::string& more = {}) const {
    return flow::post(server->admin_port(), "/_weir/purge",
                      R"({"tags": [")" + tag + "\"]" + more + "}",
                      "Content-Type: application/json\r\n");
  }
  std::string body() const { return flow::get(server->port(), "/a").body; }

  std::atomic<int> asked{0};
  std::map<int, std::pair<std::promise<void>, std::shared_future<void>>> ends;
  flow::Backend backend;
  test::TemporaryDirectory directory;
  std::unique_ptr<flow::Server> server;
};

}  // namespace

TEST_CASE("C-55: a purge that comes while the server is asked is not lost", "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    for (const std::string_view what :
         {R"("paths": ["/a"])", R"("tags": ["one"])", R"("all": true)"}) {
      INFO(profile << " " << what);
      CachedSite site(profile, fresh);
      REQUIRE(site.port() != 0);
      site.backend.close_gate();
      auto first = std::async(std::launch::async, [&site] { return site.get("/a"); });
      REQUIRE(flow::eventually([&site] { return site.backend.asked("/a") == 1; }));
      const Answer purged = flow::post(site.server->admin_port(), "/_weir/purge",
                                       "{" + std::string(what) + ", \"mode\": \"hard\"}",
                                       "Content-Type: application/json\r\n");
      CHECK(purged.status / 100 == 2);
      site.backend.open_gate();
      CHECK(first.get().status == 200);
      CHECK(site.get("/a").body != "number 1");  // it was on its way before the purge
    }
  }
}

TEST_CASE("C-4, C-55: a long answer is shared while others are purged, and by nobody after its own",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    Halves site(profile, {1});
    REQUIRE(site.server->port() != 0);
    std::vector<std::unique_ptr<Connection>> readers;
    const auto read = [&] {
      readers.push_back(std::make_unique<Connection>(site.server->port()));
      readers.back()->send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    };
    read();
    CHECK_THAT(readers[0]->receive_until("1111"), Catch::EndsWith("1111"));
    CHECK(site.purge("other").status / 100 == 2);
    for (int i = 0; i < 5; ++i) read();
    for (const auto& reader : readers)
      CHECK_THAT(reader->receive_until("1111"), Catch::EndsWith("1111"));
    CHECK(site.asked == 1);
    CHECK(site.purge("one").status / 100 == 2);
    std::vector<std::unique_ptr<Connection>> before = std::move(readers);
    readers.clear();
    for (int i = 0; i < 5; ++i) read();
    for (const auto& reader : readers) CHECK(reader->receive().body == "22222222");
    CHECK(site.asked == 2);
    site.finish(1);
    for (const auto& reader : before) CHECK(reader->receive().body == "11111111");
    CHECK(site.body() == "22222222");  // it does not come back
    CHECK(site.asked == 2);
  }
}

TEST_CASE("C-53, C-55: a purge in mode refresh waits for what was asked after it, to its end",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    Halves site(profile, {2, 3});
    REQUIRE(site.server->port() != 0);
    CHECK(site.body() == "11111111");
    CHECK(site.purge("one", R"(, "mode": "soft")").status / 100 == 2);
    CHECK(site.body() == "11111111");  // the old one, and the new one is asked for
    REQUIRE(flow::eventually([&] { return site.asked == 2; }));
    // That was before this purge, which asks by itself and waits until its answer is whole.
    auto told = std::async(std::launch::async, [&] {
      return site.purge("one", R"(, "mode": "refresh", "wait": "fresh")");
    });
    REQUIRE(flow::eventually([&] { return site.asked == 3; }));
    site.finish(2);
    CHECK(told.wait_for(std::chrono::milliseconds(100)) == std::future_status::timeout);
    site.finish(3);
    const Answer answer = told.get();
    CHECK_THAT(answer.body,
               Catch::Contains(R"("refreshed":1)") && Catch::Contains(R"("failed":0)"));
    CHECK(site.body() == "33333333");
    CHECK(site.asked == 3);
  }
}

TEST_CASE("C-57: a write that succeeds while the server is asked makes that answer old",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    std::promise<void> may_answer;
    std::shared_future<void> allowed(may_answer.get_future());
    CachedSite site(profile, [allowed](const Question& question) {
      if (question.method == "POST") return reply(204, {}, {});
      if (question.number == 1) allowed.wait_for(test_patience);
      return fresh(question);
    });
    REQUIRE(site.port() != 0);
    auto first = std::async(std::launch::async, [&site] { return site.get("/a"); });
    REQUIRE(flow::eventually([&site] { return site.backend.asked("/a") == 1; }));
    CHECK(flow::post(site.port(), "/a", "x").status == 204);
    may_answer.set_value();
    CHECK(first.get().status == 200);
    CHECK(site.get("/a").body != "number 1");
  }
}

TEST_CASE("C-18: the one who asked first may leave; the others get their answer",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, fresh);
    REQUIRE(site.port() != 0);
    site.backend.close_gate();
    auto leader = std::make_unique<Connection>(site.port());
    leader->send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(flow::eventually([&site] { return site.backend.asked("/a") == 1; }));
    auto other = std::async(std::launch::async, [&site] { return site.get("/a"); });
    leader.reset();
    // A request of another kind shows that the server's loop has seen all of this.
    CHECK(site.get("/b", "Cache-Control: only-if-cached\r\n").status == 504);
    site.backend.open_gate();
    const Answer answer = other.get();
    CHECK(answer.status == 200);
    CHECK_THAT(answer.body, Catch::StartsWith("number "));
    CHECK(site.get("/a").status == 200);
  }
}

TEST_CASE("C-36: an answer that breaks off is not stored; one that ends is",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    // Each answers by closing: the text is all that was said.
    flow::Backend backend([](flow::Talk& talk) {
      const std::string head = talk.hear_head();
      if (head.empty()) return;
      const std::string start = "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n";
      if (head.find("/length ") != std::string::npos)
        talk.say(start + "Content-Length: 10\r\n\r\n01234");
      if (head.find("/chunks ") != std::string::npos)
        talk.say(start + "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n");
      if (head.find("/whole ") != std::string::npos) talk.say(start + "\r\n0123456789");
      if (head.find("/reset ") != std::string::npos) {
        talk.say(start + "\r\n01234");
        talk.reset();
      }
    });
    const test::TemporaryDirectory directory;
    flow::write_site(
        directory, "\n[upstream.app]\nservers = [\"" + backend.url() + "\"]\nbreaker = \"off\"\n" +
                       flow::proxy_route(
                           "/**", "app", {},
                           "stages = []\ncache = { profile = \"" + std::string(profile) + "\" }"));
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    for (const std::string path : {"/length", "/chunks", "/reset"}) {
      INFO(path);
      for (int i = 0; i < 3; ++i) {
        const int before = backend.connections();
        const Answer answer = flow::get(server.port(), path);
        CHECK(answer.field("cache-status").find("hit") == std::string::npos);
        // Asked again, or (guarded, C-11) refused while the server is left alone after its failure.
        CHECK((backend.connections() > before || answer.status == 502));
      }
    }
    CHECK(flow::get(server.port(), "/whole").body == "0123456789");
    const int before = backend.connections();
    CHECK(flow::get(server.port(), "/whole").body == "0123456789");
    CHECK(backend.connections() == before);
  }
}

TEST_CASE("C-33: interim answers are passed on, and neither stored nor merged",
          "[flow][proxy-cache]") {
  CachedSite site("rfc9111", [](const Question& question) {
    return "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nX-Interim: 1\r\n\r\n" +
           fresh(question);
  });
  REQUIRE(site.port() != 0);
  Connection client(site.port());
  client.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string all = client.receive_until("number 1");
  CHECK_THAT(all, Catch::StartsWith("HTTP/1.1 103"));
  REQUIRE(all.find("HTTP/1.1 200") != std::string::npos);
  CHECK_THAT(all.substr(all.find("HTTP/1.1 200")),
             !Catch::Contains("x-interim", Catch::CaseSensitive::No));
  Connection other(site.port());
  other.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string again = other.receive_until("number 1");
  CHECK_THAT(again, Catch::StartsWith("HTTP/1.1 200"));
  CHECK_THAT(again, !Catch::Contains("x-interim", Catch::CaseSensitive::No));
  CHECK(site.backend.asked("/a") == 1);
}

TEST_CASE("C-41: the question about a stored answer carries the fields that chose it",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      return reply(200,
                   "Cache-Control: max-age=10, stale-while-revalidate=3600\r\nAge: 20\r\nVary: "
                   "Accept-Language\r\nETag: \"e" +
                       question.field("accept-language") + "\"\r\n",
                   question.field("accept-language") + " " + std::to_string(question.number));
    });
    REQUIRE(site.port() != 0);
    for (const std::string language : {"de", "en"}) {
      INFO(language);
      const std::string field = "Accept-Language: " + language + "\r\n";
      CHECK_THAT(site.get("/" + language, field).body, Catch::StartsWith(language));
      const std::size_t before = site.backend.asked("/" + language);
      CHECK_THAT(site.get("/" + language, field).body, Catch::StartsWith(language));
      REQUIRE(flow::eventually([&] { return site.backend.asked("/" + language) > before; }));
      const Question question = site.backend.last("/" + language);
      CHECK(question.field("accept-language") == language);
      CHECK(question.field("if-none-match") == "\"e" + language + "\"");
    }
  }
}

TEST_CASE("C-23: a targeted field rules us and is not passed on", "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    return reply(200, "Cache-Control: no-store\r\nCDN-Cache-Control: max-age=3600\r\n",
                 numbered(question));
  });
  REQUIRE(site.port() != 0);
  const Answer first = site.get("/a");
  CHECK(first.body == site.get("/a").body);
  CHECK_FALSE(first.has("cdn-cache-control"));
  CHECK_FALSE(site.get("/a").has("cdn-cache-control"));
  CHECK(first.field("cache-control") == "no-store");
}

TEST_CASE("C-37: No-Vary-Search of the server says which parameters share an answer",
          "[flow][proxy-cache]") {
  CachedSite site("rfc9111", [](const Question& question) {
    return reply(200, "Cache-Control: max-age=3600\r\nNo-Vary-Search: params=(\"ref\")\r\n",
                 question.target);
  });
  REQUIRE(site.port() != 0);
  CHECK(site.get("/a?x=1&ref=2").body == "/a?x=1&ref=2");
  CHECK(site.get("/a?x=1&ref=3").body == "/a?x=1&ref=2");
  CHECK(site.get("/a?%72ef=4&x=1").body == "/a?x=1&ref=2");
  CHECK(site.get("/a?x=2&ref=2").body == "/a?x=2&ref=2");
  CHECK(site.get("/a?x=1&REF=2").body == "/a?x=1&REF=2");
}

TEST_CASE("C-29: a HEAD whose validator differs takes the stored answer out of use",
          "[flow][proxy-cache]") {
  CachedSite site("rfc9111", [](const Question& question) {
    const std::string tag = question.method == "HEAD" ? "new" : "one";
    return reply(200, "Cache-Control: max-age=3600\r\nETag: \"" + tag + "\"\r\n",
                 numbered(question), question.method);
  });
  REQUIRE(site.port() != 0);
  CHECK(site.get("/a").body == "number 1");
  CHECK(site.get("/a").body == "number 1");
  Connection client(site.port());
  client.send("HEAD /a HTTP/1.1\r\nHost: localhost\r\nCache-Control: no-cache\r\n\r\n");
  CHECK(client.receive(Connection::Body::no).field("etag") == "\"new\"");
  CHECK(site.get("/a").body != "number 1");
}
