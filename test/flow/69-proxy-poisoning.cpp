// Goal: C-78: what one client sends never reaches another through the cache of a guarded proxy
// route, and what belongs to one client is never stored, whatever its path looks like. Method: the
// server repeats every byte that it was asked with in an answer that it wants kept for an hour.

#include "cached_backend.h"

#include <catch2/catch.hpp>

using namespace weir;
using flow::Answer;
using flow::CachedSite;
using flow::Connection;
using flow::Question;
using flow::reply;

namespace {

constexpr std::string_view marker = "mark-of-the-attacker";

// An application as careless as can be: the answer repeats the request and says that it is fresh.
// (One that says `public`, too, asks for what a client with a cookie got to be given to all: C-2.)
std::string careless(const Question& question) {
  return reply(200, "Cache-Control: max-age=3600\r\nContent-Type: text/html\r\n",
               question.head + question.body, question.method);
}

// Fields that applications, frameworks and proxies are known to look at.
constexpr std::string_view fields[] = {
    "Accept",
    "Accept-Charset",
    "Accept-Datetime",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Patch",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Alt-Used",
    "API-Key",
    "Authorization",
    "Base-Url",
    "Cache-Control",
    "CDN-Loop",
    "CF-Connecting-IP",
    "CF-Ipcountry",
    "CF-Visitor",
    "Client-IP",
    "Cluster-Client-IP",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Type",
    "Cookie",
    "Cookie2",
    "Date",
    "Destination",
    "Device-Memory",
    "DNT",
    "Downlink",
    "DPR",
    "Early-Data",
    "ECT",
    "Expires",
    "Fastly-Client-IP",
    "Fastly-FF",
    "Fastly-SSL",
    "Forwarded",
    "Forwarded-Host",
    "Forwarded-Proto",
    "From",
    "Front-End-Https",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Incap-Client-IP",
    "Last-Event-ID",
    "Link",
    "Location",
    "Max-Forwards",
    "MIME-Version",
    "Origin",
    "Origin-Agent-Cluster",
    "Pragma",
    "Prefer",
    "Priority",
    "Profile",
    "Proxy",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Proxy-Host",
    "Purpose",
    "Range",
    "Redirect",
    "Referer",
    "Referrer",
    "Request-Uri",
    "RTT",
    "Save-Data",
    "Sec-CH-UA",
    "Sec-CH-UA-Mobile",
    "Sec-CH-UA-Platform",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-User",
    "Sec-GPC",
    "Server",
    "Service-Worker-Navigation-Preload",
    "SOAPAction",
    "Surrogate-Capability",
    "Timing-Allow-Origin",
    "Traceparent",
    "Tracestate",
    "True-Client-IP",
    "Upgrade-Insecure-Requests",
    "Uri",
    "Url",
    "User-Agent",
    "Vary",
    "Via",
    "Viewport-Width",
    "Warning",
    "Width",
    "X-Amz-Website-Redirect-Location",
    "X-API-Version",
    "X-Arr-SSL",
    "X-Auth-User",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Correlation-ID",
    "X-Custom-IP-Authorization",
    "X-Device",
    "X-Forwarded",
    "X-Forwarded-By",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Path",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-Scheme",
    "X-Forwarded-Server",
    "X-Forwarded-SSL",
    "X-Host",
    "X-HTTP-Host-Override",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Invoke-Path",
    "X-Matched-Path",
    "X-Method-Override",
    "X-Middleware-Prefetch",
    "X-Middleware-Subrequest",
    "X-Nextjs-Data",
    "X-Now-Route-Matches",
    "X-Original-Host",
    "X-Original-URL",
    "X-Originating-IP",
    "X-Proxy-URL",
    "X-ProxyUser-IP",
    "X-Real-IP",
    "X-Remote-Addr",
    "X-Remote-IP",
    "X-Request-ID",
    "X-Requested-With",
    "X-Rewrite-URL",
    "X-Scheme",
    "X-Timer",
    "X-Url-Scheme",
    "X-User",
    "X-Wap-Profile",
    "X-XSRF-Token",
};
static_assert(std::size(fields) >= 120);

// Those that say how the request itself is read get a value of their kind, with the mark where it
// may stand.
std::string value_for(std::string_view name) {
  if (name == "Range") return "bytes=0-3";
  if (name == "Content-Encoding") return "gzip";
  if (name == "If-None-Match" || name == "If-Match" || name == "If-Range")
    return "\"" + std::string(marker) + "\"";
  return std::string(marker);
}

}  // namespace

TEST_CASE("C-78: no field of one request reaches the answer to another", "[flow][proxy-cache]") {
  CachedSite site("guarded", careless);
  REQUIRE(site.port() != 0);
  std::size_t kept = 0;
  for (const std::string_view name : fields) {
    INFO(name);
    const std::string path = "/" + std::string(name);
    const Answer attacker = site.get(path, std::string(name) + ": " + value_for(name) + "\r\n");
    CHECK(attacker.status != 0);
    for (int i = 0; i < 2; ++i) {
      const Answer victim = site.get(path);
      CHECK(victim.status == 200);
      CHECK_THAT(victim.head + victim.body, !Catch::Contains(std::string(marker)));
      CHECK_THAT(victim.body, Catch::StartsWith("GET "));
      if (victim.field("cache-status").find("hit") != std::string::npos) ++kept;
    }
  }
  CHECK(kept >= std::size(fields));  // there is a cache to be poisoned: the second one is a hit
}

TEST_CASE("C-78: several lines, odd names and a field of both are no way round",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", careless);
  REQUIRE(site.port() != 0);
  int number = 0;
  for (const std::string more :
       {"X-Forwarded-Host: a\r\nX-Forwarded-Host: mark-of-the-attacker\r\n",
        "Connection: X-Forwarded-Host\r\nX-Forwarded-Host: mark-of-the-attacker\r\n",
        "x-forwarded-hosT: mark-of-the-attacker\r\n", "X_Forwarded_Host: mark-of-the-attacker\r\n",
        "Accept: text/html\r\nAccept: mark-of-the-attacker\r\n",
        "Accept-Language: de, mark-of-the-attacker;q=0.1\r\n",
        "User-Agent: x\r\nX-Anything-At-All: mark-of-the-attacker\r\n"}) {
    INFO(more);
    const std::string path = "/odd" + std::to_string(++number);
    site.get(path, more);
    CHECK_THAT(site.get(path).body, !Catch::Contains(std::string(marker)));
  }
}

TEST_CASE("C-38, C-78: a GET is a GET: overrides do not arrive, a body is not seen",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", careless);
  REQUIRE(site.port() != 0);
  for (const std::string name : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
                                 "X-Original-URL", "X-Rewrite-URL"}) {
    INFO(name);
    const Answer answer = site.get("/o" + name, name + ": mark-of-the-attacker\r\n");
    CHECK_THAT(answer.body, !Catch::Contains(std::string(marker)));
  }
  Connection client(site.port());
  client.request("GET", "/fat", "", "x=mark-of-the-attacker");
  const Answer victim = site.get("/fat");
  CHECK(victim.status == 200);
  CHECK_THAT(victim.body, !Catch::Contains(std::string(marker)));
}

TEST_CASE("C-37, C-78: the spellings of one resource are one key, and other resources are not",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", careless);
  REQUIRE(site.port() != 0);
  const std::string first = site.get("/dir/a~b?x=1&y=2").body;
  for (const std::string same :
       {"/dir/a~b?x=1&y=2", "/dir/%61~b?x=1&y=2", "/dir/a%7Eb?x=1&y=2", "/dir/a%7eb?x=1&y=2",
        "/dir/./a~b?x=1&y=2", "/dir/z/../a~b?x=1&y=2", "/dir/a~b?y=2&x=1", "/dir/a~b?x=1&y=2&",
        "/dir/a~b?utm_source=n&x=1&y=2&gclid=1"}) {
    INFO(same);
    const Answer answer = site.get(same);
    CHECK(answer.body == first);
    CHECK_THAT(answer.field("cache-status"), Catch::Contains("hit"));
  }
  const Answer by_host = [&site] {
    Connection client(site.port());
    client.send("GET /dir/a~b?x=1&y=2 HTTP/1.1\r\nHost: LOCALHOST:80\r\n\r\n");
    return client.receive();
  }();
  CHECK(by_host.body == first);
  CHECK(site.get("/e").body == site.get("/e?").body);
  for (const std::string other :
       {"/dir/A~b?x=1&y=2", "/dir/a~b", "/dir/a~b/?x=1&y=2", "/dir/a~b?x=1", "/dir/a~b?X=1&y=2",
        "/dir/a~b?x=2&y=1", "/dir%252Fa~b?x=1&y=2", "/dir/a~b;v=1?x=1&y=2", "/dir/a~b%00?x=1&y=2",
        "/dir/a~b?x=1%26y=2", "//dir/a~b?x=1&y=2"}) {
    INFO(other);
    CHECK(site.get(other).body != first);
  }
  const Answer elsewhere = [&site] {
    Connection client(site.port());
    client.send("GET /dir/a~b?x=1&y=2 HTTP/1.1\r\nHost: other.example\r\n\r\n");
    return client.receive();
  }();
  CHECK(elsewhere.body != first);
}

TEST_CASE("C-78: an encoded separator does not make one client's page another's key",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", careless);
  REQUIRE(site.port() != 0);
  // What the server was asked for is what the key says: decoded once, or refused.
  for (const std::string path : {"/static/..%2Faccount", "/static/%2e%2e/account",
                                 "/static/..%5caccount", "/account%3Fx=.css", "/account%23.css",
                                 "/account;.css", "/account%0a.css", "/account%00.css"}) {
    INFO(path);
    site.get(path, "X-Anything: mark-of-the-attacker\r\n");
    const Answer plain = site.get("/account");
    CHECK(plain.status == 200);
    CHECK_THAT(plain.body, !Catch::Contains(std::string(marker)));
    CHECK_THAT(plain.body, Catch::StartsWith("GET /account HTTP/1.1\r\n"));
  }
}

TEST_CASE("C-78: a page of one client is not stored because its path ends like a file",
          "[flow][proxy-cache]") {
  CachedSite site("guarded", [](const Question& question) {
    // An application that answers /account for everything below it, and says nothing about caches.
    return reply(200, "Content-Type: text/html\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n",
                 "account of " + question.field("cookie"));
  });
  REQUIRE(site.port() != 0);
  for (const std::string path :
       {"/account/x.css", "/account/x.js", "/account/x.avif", "/account/robots.txt",
        "/account;x.css", "/account/%0ax.css", "/account/favicon.ico", "/account?x.css"}) {
    INFO(path);
    CHECK_THAT(site.get(path, "Cookie: session=victim\r\n").body, !Catch::Contains("attacker"));
    CHECK_THAT(site.get(path).body, !Catch::Contains("victim"));
    CHECK_THAT(site.get(path, "Cookie: session=attacker\r\n").body, !Catch::Contains("victim"));
  }
}
