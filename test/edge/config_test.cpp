// Goal: what an operator writes is understood in exactly one way, or refused with its place and a
// hint. Method: small files through the same reader as the program; no server.

#include "edge/config.h"
#include "edge/proxy_route.h"

#include "base/file.h"
#include "support.h"
#include "text/toml.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace weir;
using namespace std::chrono_literals;

namespace {

edge::ConfigReading read(std::string_view toml, const edge::Environment& environment = {},
                         const std::string& directory = ".") {
  const auto tree = text::parse_toml(toml, "weir.toml");
  REQUIRE(tree.ok());
  return edge::read_config({&tree.value(), "weir.toml", directory, &environment});
}

std::string all_of(const std::vector<Error>& errors) {
  std::string text;
  for (const Error& error : errors) text += error.text() + "\n";
  return text;
}

}  // namespace

TEST_CASE("a site without any of weir's tables has every setting at its default", "[edge]") {
  const auto reading = read(
      "base_url = \"https://example.com\"\ntitle = \"A\"\n[extra]\nanything = "
      "1\n[markdown]\nsmart_punctuation = true\n");
  CHECK(all_of(reading.errors).empty());
  CHECK(reading.notices.empty());
  CHECK(reading.config.serve.listeners.empty());
  CHECK(reading.config.cache.directory == "cache");
  CHECK(reading.config.own_hook.secrets.empty());
  CHECK_FALSE(reading.config.data.present);
  CHECK(reading.config.routes.empty());
}

TEST_CASE("a mistake is told with its place, what was expected, and what was meant", "[edge]") {
  struct Row {
    std::string_view toml, says;
  };
  constexpr Row rows[] = {
      {"[cache]\nmax_byte = \"1GiB\"\n",
       "weir.toml:2:1: unknown key \"max_byte\" in [cache] (did you mean \"max_bytes\"?)"},
      {"[cache]\nmax_bytes = \"lots\"\n", "weir.toml:2:13: cache.max_bytes must be a size"},
      {"[cache]\ndefault = { ttl = 60 }\n", "cache.default.ttl must be a duration"},
      {"[serve]\nlisten = [{ addr = \"nowhere\" }]\n",
       "serve.listen.addr must be ADDRESS:PORT, not \"nowhere\""},
      {"[serve]\nlisten = [{ addr = \"127.0.0.1:1\", tls = \"main\" }]\n",
       "there is no table [tls.main]"},
      {"[serve]\nlisten = [{ addr = \"0.0.0.0:1\", admin = true }]\n",
       "is reachable from other hosts and needs tls and token"},
      {"[serve]\ntimeouts = { idel = \"1s\" }\n", "did you mean \"idle\"?"},
      {"[serve]\nlimits = { memory = \"1MiB\" }\n", "serve.limits.memory must be at least 32MiB"},
      {"[serve]\nmemory_max = 7\n", "weir.toml:2:14: serve.memory_max must be at least 32MiB"},
      {"[serve]\ntimeouts = { body_rate = 0 }\n", "must be at least 1 byte a second"},
      {"[serve]\nlisten = [{ addr = \"127.0.0.1:1\", proxy_protocol = true }]\n",
       "proxy_protocol needs trusted_proxies"},
      {"[serve]\ntrusted_proxies = [\"10.0.0.0/8\"]\nlisten = [{ addr = \"127.0.0.1:1\", admin = "
       "true, proxy_protocol = true }]\n",
       "an admin listener cannot have proxy_protocol"},
      {"[limit.a]\nrate = \"fast\"\n", "limit.a.rate"},
      {"[limit.a]\nrate = \"1/s\"\nkey = [\"jtw:sub\"]\n", "limit.a.key"},
      {"[auth.a]\nsecret = { env = \"S\" }\nalgorithms = [\"ES265\"]\n", "did you mean \"ES256\"?"},
      {"[auth.a]\nalgorithms = [\"HS256\"]\n", "needs exactly one source of keys"},
      {"[cache]\nwebhook = { secret = { env = \"NO\" } }\n",
       "the environment variable NO is not set"},
      {"[cache]\nwebhook = { secret = { file = \"none\" } }\n", "none"},
      {"[hook.cms]\nsender = \"github\"\nsecret = { env = \"S\" }\n",
       "[hook.cms] needs a map or always"},
      {"[hook.cms]\nsender = \"hmac\"\nsecret = { env = \"S\" }\n",
       "hook.cms.signature is missing"},
      {"[hook.cms]\nsender = \"hmac\"\nsecret = { env = \"S\" }\nsignature = { header = \"X\", "
       "signed "
       "= \"{time}{body}\" }\n",
       "\"{time}\" is not known"},
      {"[hook.cms]\nsender = \"contentful\"\nsecret = { env = \"S\" }\nalways = [\"all\"]\n",
       "secret must be Contentful's 64 characters"},
      {"[hook.cms]\nsecret = { env = \"S\" }\nalways = [\"everything\"]\n",
       "hook.cms.always must be a list of"},
      {"[hook.cms]\nsecret = { env = \"S\" }\nlegacy = true\n",
       "legacy is for sender = \"gitlab\""},
      {"[hook.cms]\nsecret = { env = \"S\" }\nrate = \"often\"\n", "hook.cms.rate"},
      {"[waf]\nlog_at = 30\n", "waf.log_at must not be above waf.block_at"},
      {"[data]\ntenant = \"cookie:x\"\n", "data.tenant must be"},
      {"[[route]]\nto = { site = true }\nstages = [{ trace = \"w3c\" }]\n",
       "must say failure_mode"},
      {"[[route]]\nto = { site = true }\nstages = [{ waf = \"block\", failure_mode = \"open\" }]\n",
       "lets unchecked requests pass"},
      {"[[route]]\nto = { site = true }\nstages = [{ limit = \"x\", failure_mode = \"open\" }]\n",
       "there is no table [limit.x]"},
      {"[[route]]\nto = { site = true }\nstages = [{ schema = \"x\", failure_mode = \"closed\" "
       "}]\n",
       "\"schema\" is not available yet"},
      {"[[route]]\nto = { compose = \"x\" }\n", "a route to \"compose\" is not available yet"},
      {"[cache]\nlease = \"shared\"\n", "needs the other nodes in peers"},
      {"[cache]\nlease = \"global\"\n", "cache.lease"},
      {"[[route]]\nto = { page = \"x.html\" }\n", "a route to a page needs match"},
      {"[[route]]\nmatch = { path = \"/p/*\" }\nto = { page = \"x.html\" }\n",
       "must name what varies (write {name} instead of * or **)"},
      {"[[route]]\nmatch = { path = \"/p/{a}/{a}\" }\nto = { page = \"x.html\" }\n",
       "has two parts named {a}"},
      {"[[route]]\nmatch = { path = \"/p/{slug}\", host = \"a.example\" }\nto = { page = "
       "\"x.html\" }\n",
       "a route to a page cannot be chosen by host"},
      {"[[route]]\nmatch = { path = \"/p/{slug}\" }\nto = { page = \"x.html\", load = { path = "
       "\"a.json\", url = \"https://a.example/\", key = \"slug\" } }\n",
       "load needs one of path, url and kv, not several of them"},
      {"[[route]]\nmatch = { path = \"/p/{slug}\" }\nto = { page = \"x.html\", load = { path = "
       "\"a.json\", key = \"slag\" } }\n",
       "load.key \"slag\" is not a part of the pattern \"/p/{slug}\" (did you mean \"slug\"?)"},
      {"[[route]]\nmatch = { path = \"/p/{slug}\" }\nto = { page = \"x.html\", load = { path = "
       "\"../a.json\" } }\n",
       "load.path must be a file of the site"},
      {"[[route]]\nmatch = { path = \"/p/{slug}\" }\nto = { page = \"x.html\", load = { url = "
       "\"https://{slug}.example/\" } }\n",
       "names in braces may stand behind the host only"},
      {"[[route]]\nmatch = { path = \"/p/{slug}\" }\nto = { page = \"x.html\", load = { kv = "
       "\"p\", key = \"slug\" } }\n",
       "there is no table [data]"},
      {"[[route]]\nmatch = { path = \"/p/{slug}\" }\nto = { page = \"x.html\" }\ncache = { "
       "fallback = \"shall\" }\n",
       "fallback"},
      {"[[route]]\nto = { proxy = \"ftp://a\" }\n",
       "weir.toml:2:16: expected \"http://HOST[:PORT]\""},
      {"[[route]]\nto = { proxy = \"http://a/b\" }\n", "only a host and a port are named here"},
      {"[upstream.app]\nservers = [\"http://a\"]\n[[route]]\nto = { proxy = \"ap\" }\n",
       "there is no table [upstream.ap] (did you mean \"app\"?)"},
      {"[[route]]\nto = { proxy = \"http://a\", site = true }\n", "a route needs one of"},
      {"[[route]]\nto = { proxy = \"http://a\", host = \"a b\" }\n", "host must be \"preserve\""},
      {"[[route]]\nto = { proxy = \"http://a\", strip = \"api/\" }\n",
       "strip must be a path like \"/api\", not \"api/\""},
      {"[[route]]\nto = { proxy = \"http://a\", timout = \"1s\" }\n", "did you mean \"timeout\"?"},
      {"[upstream.app]\n", "needs 1 to 64 servers"},
      {"[upstream.app]\nservers = [\"http://a\"]\nbreaker = \"x\"\n",
       "there is no table [breaker.x]"},
      {"[upstream.app]\nservers = [\"http://a\"]\nbalance = \"random\"\n", "upstream.app.balance"},
      {"[upstream.app]\nservers = [\"http://a\"]\ntimeouts = { connect = \"0s\" }\n",
       "must be 1ms to 1h"},
      {"[breaker.x]\nfailures = 0\n", "breaker.x.failures must be a whole number from 1 to 64"},
      {"[[route]]\nto = { data = true }\n", "there is no table [data]"},
      {"[[route]]\nmatch = { path = \"blog\" }\nto = { site = true }\n", "must begin with /"},
      {"[[route]]\nmatch = { path = \"/_weir/x\" }\nto = { site = true }\n", "cannot be routed"},
  };
  for (const Row& row : rows) {
    INFO(row.toml);
    const auto reading = read(row.toml, {{"S", "a-secret-of-at-least-thirty-two-bytes!"}});
    INFO(all_of(reading.errors));
    CHECK(all_of(reading.errors).find(row.says) != std::string::npos);
  }
}

TEST_CASE("every row of the limits that an operator may change can be changed", "[edge][limits]") {
  const auto reading = read(
      "[serve]\nlimits = { connections = 1, per_client = 2, target_bytes = 3, header_bytes = 4, "
      "headers = 5, body = 6, body_buffer_total = 7, memory = \"64MiB\", requests = 8, json_depth "
      "= 9 "
      "}\ntimeouts = { handshake = \"1s\", head = \"2s\", body_grace = \"3s\", body_rate = "
      "\"4KiB\", "
      "write_stall = \"5s\", write_rate = 6, idle = \"7s\", idle_crowded = \"8s\", answer = "
      "\"9s\", "
      "drain = \"10s\" }\n");
  CHECK(all_of(reading.errors).empty());
  CHECK(reading.notices.empty());
  const edge::ServeSettings& serve = reading.config.serve;
  CHECK(serve.connections_max == 1);
  CHECK(serve.connections_per_client_max == 2);
  CHECK(serve.target_bytes_max == 3);
  CHECK(serve.head_bytes_max == 4);
  CHECK(serve.head_fields_max == 5);
  CHECK(serve.body_bytes_max == 6);
  CHECK(serve.bodies_buffered_bytes_max == 7);
  CHECK(serve.memory_bytes_max == 64 * MiB);
  CHECK(serve.requests_per_connection_max == 8);
  CHECK(serve.json_depth_max == 9);
  CHECK(serve.handshake_time_max == 1s);
  CHECK(serve.head_time_max == 2s);
  CHECK(serve.body_grace == 3s);
  CHECK(serve.body_rate_min == 4 * KiB);
  CHECK(serve.write_stall_max == 5s);
  CHECK(serve.write_rate_min == 6);
  CHECK(serve.idle_time_max == 7s);
  CHECK(serve.idle_time_crowded_max == 8s);
  CHECK(serve.answer_time_max == 9s);
  CHECK(serve.drain_time_max == 10s);
  CHECK(read("[serve]\nmemory_max = \"1GiB\"\n").config.serve.memory_bytes_max == 1 * GiB);
}

TEST_CASE("a proxy route names an upstream, or a server that becomes one", "[edge]") {
  const auto reading = read(
      "[serve]\ntimeouts = { upstream_connect = \"1s\" }\n[upstream.app]\nservers = "
      "[\"http://10.0.0.1:80\", \"unix:/run/app.sock\"]\nbalance = "
      "\"least_connections\"\nmax_inflight = 7\nkeepalive = 0\ntimeouts = { stall = \"5s\" "
      "}\n[[route]]\nto = { proxy = \"app\", timeout = \"800ms\", host = \"upstream\" "
      "}\n[[route]]\nmatch = { path = \"/b\" }\nto = { proxy = \"http://b.test\" "
      "}\n[[route]]\nmatch "
      "= { path = \"/c\" }\nto = { proxy = \"http://b.test\", strip = \"/c\" }\n");
  CHECK(all_of(reading.errors).empty());
  REQUIRE(reading.config.upstreams.size() == 2);
  const edge::UpstreamTable& app = reading.config.upstreams[0];
  CHECK(app.servers.size() == 2);
  CHECK(app.balance == "least_connections");
  CHECK(app.in_flight_max == 7);
  CHECK(app.idle_max == 0);
  CHECK(app.connect == 1s);
  CHECK(app.stall == 5s);
  CHECK(reading.config.upstreams[1].name == "http://b.test");
  REQUIRE(reading.config.routes.size() == 3);
  CHECK(reading.config.routes[0].target == edge::RouteTarget::proxy);
  CHECK(reading.config.routes[0].proxy.timeout == 800ms);
  CHECK(reading.config.routes[0].proxy.host == "upstream");
  CHECK(reading.config.routes[1].proxy.host == "preserve");
  CHECK(reading.config.routes[2].proxy.strip == "/c");
}

TEST_CASE("all mistakes of a file are told at once", "[edge]") {
  const auto reading = read("[cache]\nx = 1\nmemory = true\n[serve]\ny = 2\n");
  CHECK(reading.errors.size() == 3);
}

TEST_CASE("the environment wins over the file, and PORT without HOST means every address",
          "[edge]") {
  const auto reading = read(
      "[cache]\ndir = \"a\"\nmax_bytes = \"1GiB\"\n[serve]\nlisten = [{ addr = \"127.0.0.1:1\" "
      "}]\n",
      {{"WEIR_CACHE_DIR", "/data/cache"},
       {"WEIR_CACHE_MAX_BYTES", "64MiB"},
       {"PORT", "8080"},
       {"WEIR_SERVE_TIMEOUTS_DRAIN", "1s"}});
  CHECK(all_of(reading.errors).empty());
  CHECK(reading.config.cache.directory == "/data/cache");
  CHECK(reading.config.cache.bytes_max == 64 * MiB);
  CHECK(reading.config.data.directory == "/data/cache/data");
  CHECK(reading.config.serve.drain_time_max == 1s);
  REQUIRE(reading.config.serve.listeners.size() == 1);
  CHECK(reading.config.serve.listeners[0].endpoint == edge::Endpoint{"0.0.0.0", 8080});

  const auto narrowed = read("", {{"PORT", "9000"}, {"HOST", "127.0.0.1"}});
  CHECK(narrowed.config.serve.listeners.at(0).endpoint == edge::Endpoint{"127.0.0.1", 9000});
  const auto named = read("", {{"PORT", "9000"}, {"WEIR_SERVE_LISTEN", "127.0.0.1:1,[::1]:2"}});
  REQUIRE(named.config.serve.listeners.size() == 2);
  CHECK(named.config.serve.listeners[1].endpoint == edge::Endpoint{"::1", 2});
  CHECK_FALSE(read("", {{"PORT", "http"}}).errors.empty());
  CHECK_FALSE(read("", {{"WEIR_CACHE_MEMORY", "much"}}).errors.empty());
}

TEST_CASE(
    "paths in the file are relative to the file, paths in the environment to the working directory",
    "[edge]") {
  const auto reading =
      read("[cache]\ndir = \"state\"\n[tls.a]\ncert = \"c.pem\"\nkey = \"/etc/k.pem\"\n", {},
           "/srv/site");
  CHECK(reading.config.cache.directory == "/srv/site/state");
  CHECK(reading.config.tls.at(0).files.at(0).certificate == "/srv/site/c.pem");
  CHECK(reading.config.tls.at(0).files.at(0).key == "/etc/k.pem");
}

TEST_CASE("secrets come from files, variables and systemd credentials, and are never in a message",
          "[edge]") {
  const test::TemporaryDirectory directory;
  directory.write("secrets/hook", "from-the-file\n");
  directory.write("credentials/hook", "from-systemd");
  const std::string_view toml =
      "[cache]\nwebhook = { secret = [{ file = \"secrets/hook\" }, { env = \"SECOND\" }, "
      "\"literal\"] }\n";
  const auto reading = read(toml, {{"SECOND", "from-the-environment"}}, directory.path());
  CHECK(all_of(reading.errors).empty());
  REQUIRE(reading.config.own_hook.secrets.size() == 3);
  CHECK(reading.config.own_hook.secrets[0].reveal() == "from-the-file");
  CHECK(reading.config.own_hook.secrets[1].reveal() == "from-the-environment");
  CHECK(all_of(reading.notices).find("is written in the configuration file") != std::string::npos);
  CHECK(all_of(reading.notices).find("literal\"") == std::string::npos);

  const auto systemd =
      read("[cache]\nwebhook = { secret = { file = \"secrets/hook\" } }\n",
           {{"CREDENTIALS_DIRECTORY", directory / "credentials"}}, directory.path());
  CHECK(systemd.config.own_hook.secrets.at(0).reveal() == "from-systemd");
  const auto from_file = read("", {{"WEIR_CACHE_WEBHOOK_SECRET_FILE", directory / "secrets/hook"}});
  CHECK(from_file.config.own_hook.secrets.at(0).reveal() == "from-the-file");
}

TEST_CASE("the example configuration is valid but for what is not available yet", "[edge]") {
  const auto example = read_file("weir.example.toml");
  if (!example.ok()) return test::skip("weir.example.toml is not here");
  const test::TemporaryDirectory directory;
  directory.write("secrets/webhook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  directory.write("secrets/cms", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const auto reading = read(*example, {}, directory.path());
  for (const Error& error : reading.errors) {
    INFO(error.text());
    CHECK(error.what.find("not available yet") != std::string::npos);
  }
  CHECK(std::any_of(reading.notices.begin(), reading.notices.end(), [](const Error& notice) {
    return notice.what == "[schema] is not available yet";
  }));
  CHECK(reading.config.routes.size() == 4);
}

TEST_CASE("a route to pages says all that concerns them", "[edge]") {
  const auto reading = read(
      "[cache]\nfallback = \"shell\"\nneg_ttl = \"20s\"\nrefresh_ahead = \"5%\"\n"
      "[[route]]\nmatch = { path = \"/p/{slug}\" }\nto = { page = \"x.html\", lang = \"de\", load "
      "= { url = \"https://a.example/p/{slug}\" } }\ncache = { ttl = \"5m\", neg_ttl = \"3s\", "
      "fill_wait = \"1s\", hard_on_error = \"stale\", tags = [\"t\"], query = [\"page\"], "
      "new_keys = \"5/s\" }\n"
      "[[route]]\nmatch = { path = \"/q/{slug}\" }\nto = { page = \"y.html\" }\ncache = { fallback "
      "= \"404\" }\n");
  INFO(all_of(reading.errors));
  CHECK(reading.errors.empty());
  CHECK(reading.notices.empty());
  CHECK(reading.config.cache.neg_ttl == 20s);
  CHECK(reading.config.cache.refresh_ahead_percent == 5);
  using Fallback = edge::PageSettings::Fallback;
  const edge::PageSettings& page = reading.config.routes.at(0).page;
  CHECK(page.template_name == "x.html");
  CHECK(page.language == "de");
  CHECK(page.data_url == "https://a.example/p/{slug}");
  CHECK(page.fallback == Fallback::shell);  // as [cache] says
  CHECK(page.neg_ttl == Nanos(3s));
  CHECK(page.fill_wait == Nanos(1s));
  CHECK(page.hard_on_error == "stale");
  CHECK(page.tags == std::vector<std::string>{"t"});
  CHECK(page.query == std::vector<std::string>{"page"});
  CHECK(page.new_rate.limit == 5);
  CHECK(page.new_burst == 50);
  CHECK(reading.config.routes.at(0).policy.ttl == Nanos(5min));
  CHECK(reading.config.routes.at(1).page.fallback == Fallback::not_found);
}

TEST_CASE("a route that can never be reached is pointed out", "[edge]") {
  const auto reading = read(
      "[[route]]\nname = \"all\"\nto = { site = true }\n[[route]]\nname = \"later\"\nmatch = { "
      "path = \"/a\" }\nto = { site = true }\n");
  CHECK(all_of(reading.notices).find("\"later\" is never reached") != std::string::npos);
}

TEST_CASE("an exclusion of the inspection names a rule, also one of weir's own, or a tag",
          "[edge]") {
  const auto reading = read(
      "[waf]\nexclude = [{ rule = 30000301, path = \"/search\", target = \"args:q\" }, { tag = "
      "\"attack-sqli\" }]\n");
  CHECK(all_of(reading.errors).empty());
  REQUIRE(reading.config.waf.exclude.size() == 2);
  CHECK(reading.config.waf.exclude[0].rule == 30'000'301);
  CHECK(reading.config.waf.exclude[1].tag == "attack-sqli");
  CHECK_THAT(all_of(read("[waf]\nexclude = [{ path = \"/a\" }]\n").errors),
             Catch::Contains("either a rule or a tag"));
}

TEST_CASE(
    "a rule of the data side that makes no sense is a mistake of the configuration, with its place",
    "[edge]") {
  const auto errors_of = [](std::string_view rule) {
    return all_of(read("[data]\n[[data.kv_rule]]\n" + std::string(rule)).errors);
  };
  CHECK(errors_of("match = \"u/{owner}/**\"\nread = \"sub == owner\"\n").empty());
  CHECK_THAT(errors_of("match = \"u/**\"\nread = \"sub = owner\"\n"),
             Catch::Contains("weir.toml:4:") && Catch::Contains("data.kv_rule.read"));
  CHECK_THAT(errors_of("match = \"u/**/x\"\n"),
             Catch::Contains("weir.toml:3:") && Catch::Contains("data.kv_rule.match"));
}

TEST_CASE("what [cache] says of targeted fields holds for routes that say nothing", "[edge]") {
  const auto forwards = [](const std::string& standard, const std::string& of_route) {
    const auto reading =
        read("[cache]\n" + standard + "\n[upstream.app]\nservers = [\"http://h:1\"]\n" +
             "[[route]]\nmatch = { path = \"/**\" }\nto = { proxy = \"app\" }\n" + "cache = { " +
             of_route + " }\n");
    CHECK(all_of(reading.errors).empty());
    const auto upstreams = edge::open_upstreams(reading.config, {});
    REQUIRE(upstreams.ok());
    return edge::proxy_route_of(reading.config.routes.at(0), reading.config, *upstreams)
        .cache->forwards_targeted;
  };
  CHECK_FALSE(forwards("", ""));
  CHECK(forwards("forward_targeted = true", ""));
  CHECK_FALSE(forwards("forward_targeted = true", "forward_targeted = false"));
  CHECK(forwards("", "forward_targeted = true"));
}
