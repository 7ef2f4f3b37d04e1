// Goal: answers of a proxied server are kept and used again as RFC 9111 and the profile say, and
// the server is asked once for what many want. Method: the real binary between clients and a
// server that counts; ages come from Age fields and moments from a gate, so that nothing waits.

#include "cached_backend.h"

#include "base/bytes.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <future>
#include <random>
#include <set>

using namespace weir;
using flow::Answer;
using flow::CachedSite;
using flow::Connection;
using flow::Question;
using flow::reply;

namespace {

// Stale from the start: it arrives older than its lifetime.
constexpr std::string_view stale_for_now = "Cache-Control: max-age=10\r\nAge: 20\r\n";

std::string numbered(const Question& question) {
  return "number " + std::to_string(question.number);
}

}  // namespace

TEST_CASE("C-27: a fresh answer is stored, and answers GET, HEAD, conditions and ranges by itself",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      return reply(200,
                   "Cache-Control: max-age=3600\r\nETag: \"one\"\r\nX-Own: yes\r\nContent-Type: "
                   "text/plain\r\nConnection: X-Hop\r\nX-Hop: 1\r\n",
                   "0123456789", question.method);
    });
    REQUIRE(site.port() != 0);
    const Answer first = site.get("/a");
    REQUIRE(first.status == 200);
    CHECK(first.body == "0123456789");
    CHECK_THAT(first.field("cache-status"), Catch::Contains("weir; fwd=uri-miss"));
    const Answer second = site.get("/a");
    CHECK(second.status == 200);
    CHECK(second.body == "0123456789");
    CHECK(second.has("age"));
    CHECK(second.field("x-own") == "yes");
    CHECK_FALSE(second.has("x-hop"));
    CHECK(second.field("date") == first.field("date"));
    CHECK_THAT(second.field("cache-status"), Catch::Contains("weir; hit"));
    const std::string etag = second.field("etag");
    REQUIRE_FALSE(etag.empty());

    Connection client(site.port());
    client.send("HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const Answer head = client.receive(Connection::Body::no);
    CHECK(head.status == 200);
    CHECK(head.field("content-length") == "10");
    CHECK(site.get("/a", "If-None-Match: " + etag + "\r\n").status == 304);
    CHECK(site.get("/a", "If-None-Match: W/" + etag + "\r\n").status == 304);
    CHECK(site.get("/a", "If-None-Match: \"other\"\r\n").status == 200);
    const Answer range = site.get("/a", "Range: bytes=2-4\r\n");
    CHECK(range.status == 206);
    CHECK(range.body == "234");
    CHECK(range.field("content-range") == "bytes 2-4/10");
    CHECK(site.get("/a", "Range: bytes=20-\r\n").status == 416);
    CHECK(site.get("/a", "Range: bytes=-3\r\n").body == "789");
    CHECK(site.backend.asked("/a") == 1);
  }
}

TEST_CASE("C-15, C-22: what may not be stored is asked for each time", "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      const std::string& target = question.target;
      std::string fields;
      if (target == "/no-store") fields = "Cache-Control: no-store, max-age=99\r\n";
      if (target == "/private") fields = "Cache-Control: private, max-age=99\r\n";
      if (target == "/vary-star") fields = "Cache-Control: max-age=99\r\nVary: Accept, *\r\n";
      if (target == "/targeted")
        fields = "Cache-Control: max-age=99\r\nCDN-Cache-Control: no-store\r\n";
      return reply(200, fields, numbered(question));
    });
    REQUIRE(site.port() != 0);
    for (const std::string path :
         {"/no-store", "/private", "/vary-star", "/targeted", "/nothing"}) {
      INFO(path);
      std::set<std::string> bodies;
      for (int i = 0; i < 5; ++i) bodies.insert(site.get(path).body);
      CHECK(bodies.size() == 5);
      // Guarded asks once more when it learns that the first answer is not for all: that question
      // was not the client's own (C-17).
      CHECK(site.backend.asked(path) <= 6);
    }
  }
}

TEST_CASE("C-12, C-29: a stale answer is asked about with its validators, and freshened by a 304",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      if (question.field("if-none-match") == "\"one\"")
        return reply(
            304,
            "ETag: \"one\"\r\nCache-Control: max-age=3600\r\nX-New: 1\r\nContent-Length: 5\r\n",
            {});
      return reply(200, std::string(stale_for_now) + "ETag: \"one\"\r\nX-Old: 1\r\n", "body");
    });
    REQUIRE(site.port() != 0);
    CHECK(site.get("/a").body == "body");
    const Answer second = site.get("/a");
    CHECK(second.status == 200);
    CHECK(second.body == "body");
    CHECK(second.field("x-new") == "1");
    CHECK(second.field("x-old") == "1");
    CHECK(second.field("content-length") == "4");
    CHECK(site.backend.asked("/a") == 2);
    CHECK(site.get("/a").body == "body");
    CHECK(site.backend.asked("/a") == 2);
  }
}

TEST_CASE("C-6, C-7, C-8: within stale-while-revalidate nobody waits, and one request is made",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      return reply(200,
                   question.number == 1
                       ? "Cache-Control: max-age=10, stale-while-revalidate=3600\r\nAge: 20\r\n"
                       : "Cache-Control: max-age=3600\r\n",
                   numbered(question));
    });
    REQUIRE(site.port() != 0);
    CHECK(site.get("/a").body == "number 1");
    site.backend.close_gate();
    for (int i = 0; i < 20; ++i) {  // the server answers none of them, and all are answered
      const Answer stale = site.get("/a");
      CHECK(stale.status == 200);
      CHECK(stale.body == "number 1");
      CHECK_THAT(stale.field("cache-status"), Catch::Contains("fwd=stale"));
    }
    REQUIRE(flow::eventually([&site] { return site.backend.asked("/a") == 2; }));
    site.backend.open_gate();
    CHECK(flow::eventually([&site] { return site.get("/a").body == "number 2"; }));
    CHECK(site.backend.asked("/a") == 2);
  }
}

TEST_CASE("C-11, C-13, C-28: when the server fails, a stale copy answers, if nothing forbids it",
          "[flow][proxy-cache]") {
  const auto server = [](const Question& question) -> std::string {
    if (question.number > 1) {
      if (question.target.ends_with("-gone")) return {};
      return reply(503, {}, "down");
    }
    std::string fields(stale_for_now);
    if (question.target.starts_with("/sie"))
      fields = "Cache-Control: max-age=10, stale-if-error=3600\r\nAge: 20\r\n";
    if (question.target.starts_with("/never"))
      fields = "Cache-Control: max-age=10, stale-if-error=3600, must-revalidate\r\nAge: 20\r\n";
    if (question.target.starts_with("/late"))
      fields = "Cache-Control: max-age=10, stale-if-error=5\r\nAge: 20\r\n";
    return reply(200, fields, "good");
  };
  CachedSite guarded("guarded", server);
  CachedSite strict("rfc9111", server);
  REQUIRE(guarded.port() != 0);
  REQUIRE(strict.port() != 0);
  const struct {
    std::string path;
    int guarded, strict;  // 0: some error of ours
  } cases[] = {
      {"/sie-gone", 200, 200},   {"/sie-503", 200, 200},   {"/plain-gone", 200, 200},
      {"/plain-503", 200, 503},  // said by nobody, and the server is there (RFC 9111 4.2.4)
      {"/never-gone", 504, 504}, {"/never-503", 503, 503}, {"/late-gone", 0, 0},
      {"/late-503", 503, 503},
  };
  for (const auto& one : cases) {
    INFO(one.path);
    CHECK(guarded.get(one.path).body == "good");
    CHECK(strict.get(one.path).body == "good");
    const Answer first = guarded.get(one.path);
    const Answer second = strict.get(one.path);
    CHECK((first.status == one.guarded || (one.guarded == 0 && first.status >= 502)));
    CHECK((second.status == one.strict || (one.strict == 0 && second.status >= 502)));
    CHECK((first.body == "good") == (one.guarded == 200));
    CHECK((second.body == "good") == (one.strict == 200));
    CHECK(guarded.backend.asked(one.path) >= 2);  // a question on a closed connection is repeated
    CHECK(strict.backend.asked(one.path) >= 2);
  }
}

TEST_CASE("C-2, C-11: guarded stores no 5xx, and a burst on an error does not reach the server",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    return reply(500, "Cache-Control: max-age=3600\r\n", numbered(question));
  });
  REQUIRE(site.port() != 0);
  site.backend.close_gate();
  std::vector<std::future<Answer>> waiting;
  for (int i = 0; i < 16; ++i)
    waiting.push_back(std::async(std::launch::async, [&site] { return site.get("/a"); }));
  REQUIRE(flow::eventually([&site] { return site.backend.asked("/a") >= 1; }));
  site.backend.open_gate();
  for (std::future<Answer>& one : waiting) CHECK(one.get().status >= 500);
  CHECK(site.backend.asked("/a") < 16);
  // It is asked again once the backoff is over: the error was not kept.
  const std::size_t before = site.backend.asked("/a");
  CHECK(flow::eventually([&site, before] {
    CHECK(site.get("/a").status >= 500);
    return site.backend.asked("/a") > before;
  }));
}

TEST_CASE("C-39, C-40: the fields that Vary names choose the answer", "[flow][proxy-cache]") {
  CachedSite site("rfc9111", [](const Question& question) {
    if (question.target == "/language")
      return reply(
          200, "Cache-Control: max-age=3600\r\nVary: Accept-Language\r\nContent-Language: de\r\n",
          numbered(question));
    return reply(200, "Cache-Control: max-age=3600\r\nVary: Foo\r\n",
                 "foo " + question.field("foo") + ", " + numbered(question));
  });
  REQUIRE(site.port() != 0);
  CHECK(site.get("/a", "Foo: 1, 2\r\n").body == "foo 1, 2, number 1");
  CHECK(site.get("/a", "Foo: 1,2\r\n").body == "foo 1, 2, number 1");
  CHECK(site.get("/a", "Foo: 1\r\nFoo: 2\r\n").body == "foo 1, 2, number 1");
  CHECK(site.get("/a", "Foo: 2\r\n").body == "foo 2, number 2");
  CHECK(site.get("/a").body == "foo , number 3");
  CHECK(site.get("/a").body == "foo , number 3");
  CHECK(site.get("/a", "Foo: 2\r\n").body == "foo 2, number 2");
  CHECK(site.get("/a", "Foo: 1, 2\r\n").body == "foo 1, 2, number 1");
  CHECK(site.get("/language", "Accept-Language: de, en\r\n").body == "number 1");
  CHECK(site.get("/language", "Accept-Language: EN,DE\r\n").body == "number 1");
}

TEST_CASE("C-2: cookies: guarded shares nothing that could be one client's own",
          "[flow][proxy-cache]") {
  const auto server = [](const Question& question) {
    std::string fields = "Cache-Control: max-age=3600\r\n";
    if (question.target == "/set") fields += "Set-Cookie: id=1\r\n";
    if (question.target == "/public") fields = "Cache-Control: max-age=3600, public\r\n";
    if (question.target == "/targeted") fields += "CDN-Cache-Control: max-age=3600\r\n";
    return reply(200, fields, numbered(question) + " cookie " + question.field("cookie"));
  };
  CachedSite guarded("guarded", server);
  CachedSite strict("rfc9111", server);
  REQUIRE(guarded.port() != 0);
  REQUIRE(strict.port() != 0);
  CHECK(guarded.get("/set").body != guarded.get("/set").body);
  CHECK(strict.get("/set").field("set-cookie") == "id=1");
  CHECK(strict.get("/set").field("set-cookie") == "id=1");
  CHECK(strict.backend.asked("/set") == 1);

  // One with a cookie neither makes nor gets what others share.
  CHECK(guarded.get("/a", "Cookie: a=1\r\n").body == "number 1 cookie a=1");
  CHECK(guarded.get("/a").body == "number 2 cookie ");
  CHECK(guarded.get("/a").body == "number 2 cookie ");
  CHECK(guarded.get("/a", "Cookie: a=2\r\n").body == "number 3 cookie a=2");
  CHECK(guarded.get("/a").body == "number 2 cookie ");
  for (const std::string path : {"/public", "/targeted"}) {
    INFO(path);
    CHECK_THAT(guarded.get(path).body, Catch::StartsWith("number 1"));
    CHECK_THAT(guarded.get(path, "Cookie: a=1\r\n").body, Catch::StartsWith("number 1"));
    CHECK(guarded.backend.asked(path) == 1);
  }
  CachedSite ignoring("guarded", server, ", cookies = \"ignore\"");
  REQUIRE(ignoring.port() != 0);
  CHECK_THAT(ignoring.get("/a", "Cookie: a=1\r\n").body, Catch::StartsWith("number 1"));
  CHECK_THAT(ignoring.get("/a", "Cookie: a=2\r\n").body, Catch::StartsWith("number 1"));
}

TEST_CASE("C-32: answers to requests with Authorization are shared only if they say so",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      std::string fields = "Cache-Control: max-age=3600\r\n";
      if (question.target == "/public") fields = "Cache-Control: max-age=3600, public\r\n";
      return reply(200, fields, numbered(question) + " " + question.field("authorization"));
    });
    REQUIRE(site.port() != 0);
    CHECK(site.get("/a", "Authorization: Bearer x\r\n").body == "number 1 Bearer x");
    CHECK(site.get("/a").body == "number 2 ");
    CHECK(site.get("/a", "Authorization: Bearer y\r\n").body == "number 3 Bearer y");
    CHECK(site.get("/a").body == "number 2 ");
    CHECK(site.get("/public").body == "number 1 ");
    CHECK(site.get("/public", "Authorization: Bearer y\r\n").body == "number 1 ");
  }
}

TEST_CASE("C-57: an unsafe request that succeeds takes what it changed out of the cache",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    for (const std::string_view method : {"POST", "PUT", "PATCH", "DELETE", "FROBNICATE"}) {
      INFO(profile << " " << method);
      CachedSite site(profile, [](const Question& question) {
        if (question.method == "GET")
          return reply(200, "Cache-Control: max-age=3600\r\n", numbered(question));
        if (question.body == "fail") return reply(500, "Location: /b\r\n", "no");
        return reply(201, "Location: /b\r\nContent-Location: http://localhost/c\r\nLink: </d>\r\n",
                     "yes");
      });
      REQUIRE(site.port() != 0);
      const auto all = [&site] {
        std::string out;
        for (const std::string path : {"/a", "/b", "/c", "/d"}) out += site.get(path).body + "; ";
        return out;
      };
      const std::string before = all();
      Connection client(site.port());
      CHECK(client.request(method, "/a", "", "fail").status == 500);
      // /a itself has been asked for once more by now: the server counts every method.
      CHECK(all() == before);
      CHECK(client.request(method, "/a", "", "ok").status == 201);
      CHECK(all() == "number 4; number 2; number 2; number 1; ");
    }
  }
}

TEST_CASE("C-3, C-4, C-80: whoever wants the same answer waits for one request of it",
          "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      return reply(200, "Cache-Control: max-age=3600\r\n", numbered(question));
    });
    REQUIRE(site.port() != 0);
    site.backend.close_gate();
    std::vector<std::unique_ptr<Connection>> clients;
    const int count = 1'000;
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<Connection>(site.port()));
      REQUIRE(clients.back()->is_open());
      clients.back()->send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    REQUIRE(flow::eventually([&site] { return site.backend.asked("/a") >= 1; }));
    site.backend.open_gate();
    int same = 0;
    for (const auto& client : clients) {
      const Answer answer = client->receive();
      if (answer.status == 200 && answer.body == "number 1") ++same;
    }
    CHECK(same == count);
    CHECK(site.backend.asked("/a") == 1);
  }
}

TEST_CASE("C-3, C-39: a crowd that comes before Vary is known asks once more, not each for itself",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    return reply(200, "Cache-Control: max-age=3600\r\nVary: Accept-Language\r\n",
                 "in " + question.field("accept-language"));
  });
  REQUIRE(site.port() != 0);
  site.backend.close_gate();
  std::vector<std::unique_ptr<Connection>> clients;
  const std::string languages[] = {"de", "fr"};
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Connection>(site.port()));
    REQUIRE(clients.back()->is_open());
    clients.back()->send(
        "GET /a HTTP/1.1\r\nHost: localhost\r\nAccept-Language: " + languages[i % 2] + "\r\n\r\n");
  }
  REQUIRE(flow::eventually([&site] { return site.backend.asked("/a") >= 1; }));
  for (int i = 0; i < 25; ++i) flow::pause_20ms();  // the others have come as well
  site.backend.open_gate();
  int right = 0;
  for (std::size_t i = 0; i < clients.size(); ++i)
    if (clients[i]->receive().body == "in " + languages[i % 2]) ++right;
  CHECK(right == 100);
  CHECK(site.backend.asked("/a") == 3);  // by nobody in particular, then once for each language
}

TEST_CASE("C-15: what one client's cookie gets takes no page out of the cache for the others",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    const bool is_known = !question.field("cookie").empty();
    return reply(200, is_known ? "Cache-Control: private\r\n" : "Cache-Control: max-age=3600\r\n",
                 numbered(question));
  });
  REQUIRE(site.port() != 0);
  CHECK(site.get("/a", "Cookie: id=1\r\n").body == "number 1");
  const std::string shared = site.get("/a").body;
  CHECK(site.get("/a").body == shared);
  CHECK(site.get("/a", "Cookie: id=1\r\n").body == "number 3");
  CHECK(site.get("/a").body == shared);
  CHECK(site.backend.asked("/a") == 3);
}

TEST_CASE("C-17: those who waited for an answer that is one client's own ask for theirs",
          "[flow][proxy-cache]") {
  for (const std::string path : {"/private", "/set-cookie", "/no-store", "/vary-star"}) {
    INFO(path);
    CachedSite site("guarded", [](const Question& question) {
      std::string fields = "Cache-Control: max-age=3600\r\n";
      if (question.target == "/private") fields = "Cache-Control: private, max-age=9\r\n";
      if (question.target == "/set-cookie") fields += "Set-Cookie: id=1\r\n";
      if (question.target == "/no-store") fields = "Cache-Control: no-store\r\n";
      if (question.target == "/vary-star") fields += "Vary: *\r\n";
      return reply(200, fields, numbered(question));
    });
    REQUIRE(site.port() != 0);
    site.backend.close_gate();
    std::vector<std::future<Answer>> waiting;
    const std::size_t count = 24;
    for (std::size_t i = 0; i < count; ++i)
      waiting.push_back(std::async(std::launch::async, [&site, &path] { return site.get(path); }));
    REQUIRE(flow::eventually([&site, &path] { return site.backend.asked(path) >= 1; }));
    site.backend.open_gate();
    std::set<std::string> bodies;
    for (std::future<Answer>& one : waiting) {
      const Answer answer = one.get();
      CHECK(answer.status == 200);
      bodies.insert(answer.body);
    }
    CHECK(bodies.size() == count);  // nobody got another one's
  }
}

TEST_CASE("C-51, C-53: purges reach what was proxied, by path and by the upstream's tags",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    return reply(
        200,
        "Cache-Control: max-age=3600\r\nCache-Tag: all, tag-" + question.target.substr(1) + "\r\n",
        numbered(question));
  });
  REQUIRE(site.port() != 0);
  const auto purge = [&site](std::string_view body) {
    const Answer answer = flow::post(site.server->admin_port(), "/_weir/purge", body,
                                     "Content-Type: application/json\r\n");
    INFO(answer.body);
    REQUIRE(answer.status / 100 == 2);
  };
  CHECK(site.get("/a").body == "number 1");
  CHECK(site.get("/b").body == "number 1");
  purge(R"({"paths": ["/a"], "mode": "hard"})");
  CHECK(site.get("/a").body == "number 2");
  CHECK(site.get("/b").body == "number 1");
  purge(R"({"tags": ["tag-b"], "mode": "hard"})");
  CHECK(site.get("/a").body == "number 2");
  CHECK(site.get("/b").body == "number 2");
  // soft: the old copy at once, the new one behind the client's back.
  purge(R"({"tags": ["all"], "mode": "soft"})");
  CHECK(site.get("/a").body == "number 2");
  CHECK(flow::eventually([&site] { return site.get("/a").body == "number 3"; }));
  // refresh: weir asks by itself, and with wait = fresh the new page is there when that is
  // answered.
  purge(R"({"tags": ["tag-b"], "mode": "refresh", "wait": "fresh"})");
  CHECK(site.backend.asked("/b") == 3);
  const Answer fresh = site.get("/b");
  CHECK(fresh.body == "number 3");
  CHECK(fresh.field("cache-status").find("hit") != std::string::npos);
  CHECK(site.backend.asked("/b") == 3);
  purge(R"({"paths": ["/a"], "mode": "refresh"})");
  CHECK(flow::eventually([&site] { return site.backend.asked("/a") == 4; }));
}

TEST_CASE("C-71: explain tells of each variant why it is fresh or stale", "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    return reply(200, "Cache-Control: max-age=3600\r\nCache-Tag: news\r\nVary: Accept-Language\r\n",
                 numbered(question));
  });
  REQUIRE(site.port() != 0);
  const auto explain = [&site] {
    const std::string url = "http://localhost/a?b=1";  // the Host that `get` sends
    return flow::get(site.server->admin_port(), "/_weir/entry?url=" + url).body;
  };
  CHECK(explain().find("\"state\":\"absent\"") != std::string::npos);
  site.get("/a?b=1", "Accept-Language: de\r\n");
  site.get("/a?b=1", "Accept-Language: fr\r\n");
  const std::string fresh = explain();
  INFO(fresh);
  CHECK(fresh.find("\"state\":\"fresh\"") != std::string::npos);
  CHECK(fresh.find("accept-language=+de") != std::string::npos);
  CHECK(fresh.find("accept-language=+fr") != std::string::npos);
  CHECK(flow::post(site.server->admin_port(), "/_weir/purge", R"({"tags": ["news"]})",
                   "Content-Type: application/json\r\n")
            .status == 200);
  const std::string stale = explain();
  INFO(stale);
  CHECK(stale.find("\"state\":\"stale\"") != std::string::npos);
  CHECK(stale.find("tag news at ") != std::string::npos);
}

TEST_CASE("C-63, C-67: what was asked for twice is there after a restart, and so are purges",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    return reply(200, "Cache-Control: max-age=3600\r\nCache-Tag: all\r\nVary: Accept-Language\r\n",
                 numbered(question) + std::string(5'000, '.'));
  });
  REQUIRE(site.port() != 0);
  const auto body = [&site](std::string_view path) {
    return site.get(path, "Accept-Language: de\r\n").body.substr(0, 8);
  };
  const auto purge = [&site](std::string_view what) {
    REQUIRE(flow::post(site.server->admin_port(), "/_weir/purge", what,
                       "Content-Type: application/json\r\n")
                .status == 200);
  };
  for (const std::string_view path : {"/a", "/b"}) {
    const std::string first = body(path);
    purge(R"({"all": true, "mode": "hard"})");
    CHECK(body(path) != first);  // the second time: that one is written
  }
  body("/once");
  const std::string b = body("/b");
  REQUIRE(flow::eventually([&site] {  // of each of the two the variant, and what selects it
    return flow::get(site.server->admin_port(), "/_weir/metrics")
               .body.find("\nweir_store_fills 4\n") != std::string::npos;
  }));
  const auto restart = [&site] {
    REQUIRE(site.server->stop() == 0);
    site.server = std::make_unique<flow::Server>(site.directory.path());
    REQUIRE(site.port() != 0);
  };
  restart();
  const std::size_t asked = site.backend.questions().size();
  CHECK(body("/b") == b);
  CHECK(site.backend.questions().size() == asked);
  body("/once");
  CHECK(site.backend.questions().size() > asked);
  purge(R"({"paths": ["/b"], "mode": "hard"})");
  restart();
  CHECK(body("/b") != b);
}

TEST_CASE(
    "C-43: a kept answer that is asked for again is made smaller in idle time, and coded after "
    "a restart",
    "[flow][proxy-cache][polish]") {
  std::string text;
  std::minstd_rand random(3);
  while (text.size() < 30'000) text += "word" + std::to_string(random() % 700) + ' ';
  CachedSite site("guarded", [&text](const Question& question) {
    return reply(200,
                 "Cache-Control: max-age=3600\r\nETag: \"one\"\r\nContent-Type: text/plain\r\n",
                 text, question.method);
  });
  REQUIRE(site.port() != 0);
  const std::string brotli = "Accept-Encoding: br\r\n";
  Answer quick, best;
  REQUIRE(flow::eventually([&] {
    quick = site.get("/a", brotli);
    return quick.field("etag") == "\"one-b\"";
  }));
  REQUIRE(flow::eventually(
      [&] {
        best = site.get("/a", brotli);
        return best.field("etag") == "\"one-B\"";
      },
      20));
  CHECK(*parse_u64(best.field("content-length")) < *parse_u64(quick.field("content-length")));
  for (const std::string_view held : {"\"one\"", "\"one-b\"", "\"one-B\"", "\"one-Z\""})
    CHECK(site.get("/a", brotli + "If-None-Match: " + std::string(held) + "\r\n").status == 304);
  CHECK(site.get("/a", brotli + "If-None-Match: \"one-x\"\r\n").status == 200);
  CHECK(site.get("/a").body == text);
  CHECK(site.backend.asked("/a") == 1);

  REQUIRE(site.server->stop() == 0);
  site.server = std::make_unique<flow::Server>(site.directory.path());
  REQUIRE(site.port() != 0);
  CHECK(site.get("/a", brotli + "If-None-Match: \"one-B\"\r\n").status == 304);
  CHECK(flow::eventually([&] { return site.get("/a", brotli).field("content-encoding") == "br"; }));
  CHECK(site.backend.asked("/a") == 1);
}

TEST_CASE("C-2: only-if-cached is answered from the cache or with 504", "[flow][proxy-cache]") {
  for (const std::string_view profile : {"guarded", "rfc9111"}) {
    INFO(profile);
    CachedSite site(profile, [](const Question& question) {
      return reply(200, "Cache-Control: max-age=3600\r\n", numbered(question));
    });
    REQUIRE(site.port() != 0);
    CHECK(site.get("/a", "Cache-Control: only-if-cached\r\n").status == 504);
    CHECK(site.backend.asked("/a") == 0);
    CHECK(site.get("/a").body == "number 1");
    CHECK(site.get("/a", "Cache-Control: only-if-cached\r\n").body == "number 1");
    const bool is_strict = profile == "rfc9111";
    CHECK(site.get("/a", "Cache-Control: no-cache\r\n").body ==
          (is_strict ? "number 2" : "number 1"));
  }
}
