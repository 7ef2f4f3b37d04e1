// Goal: HTTPS as an operator sets it up: names, redirects, files that change, clients with
// certificates, certificates from an authority (Debian's pebble, where it is installed).

#include "server.h"

#include "tls_client.h"

#include "base/file.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

using namespace weir;
using flow::eventually;
using flow::free_port;
using test::TlsClient;
using namespace std::chrono_literals;

namespace {

const Wall now = SystemClock().wall();

void write_certificate(const test::TemporaryDirectory& directory, const std::string& file,
                       const std::vector<std::string>& names) {
  directory.write(file, self_signed({names, now, 48h}));
}

// A server whose listeners are those of its configuration, in that order.
class Listening {
 public:
  Listening(const std::string& root, std::size_t listeners) : process_({"--root", root, "serve"}) {
    for (std::size_t i = 0; i < listeners; ++i) {
      const auto line = process_.wait_for_line("\"event\":\"listening\"");
      if (!line) return;
      const std::size_t at = line->find("127.0.0.1:");
      ports_.push_back(static_cast<unsigned short>(std::atoi(line->c_str() + at + 10)));
    }
  }
  unsigned short port(std::size_t index) const {
    return index < ports_.size() ? ports_[index] : static_cast<unsigned short>(0);
  }
  flow::Process& process() { return process_; }

 private:
  flow::Process process_;
  std::vector<unsigned short> ports_;
};

std::string get_over(TlsClient& client, std::string_view path) {
  client.say("GET " + std::string(path) + " HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  return client.hear_all();
}

std::string names_at(unsigned short port, const char* server_name) {
  TlsClient client(port, {.server_name = server_name});
  std::string all;
  if (client.connected())
    for (const std::string& name : client.certificate().dns) all += name + " ";
  return all;
}

}  // namespace

TEST_CASE("https: certificates by name, HSTS on them, and a listener that redirects",
          "[flow][tls]") {
  const test::TemporaryDirectory directory;
  write_certificate(directory, "a.pem", {"a.test"});
  write_certificate(directory, "b.pem", {"*.b.test"});
  directory.write("static/.well-known/acme-challenge/other", "proof of another client");
  flow::write_site(directory,
                   "[serve]\nhsts = { max_age = \"365d\", include_subdomains = true }\nlisten = [\n"
                   "  { addr = \"127.0.0.1:0\", tls = [\"a\", \"b\"] },\n"
                   "  { addr = \"127.0.0.1:0\", redirect = \"https\" },\n"
                   "  { addr = \"127.0.0.1:0\", admin = true },\n]\n"
                   "[tls.a]\ncert = \"a.pem\"\nkey = \"a.pem\"\n"
                   "[tls.b]\ncert = \"b.pem\"\nkey = \"b.pem\"\n");
  Listening server(directory.path(), 3);
  INFO(server.process().errors());
  REQUIRE(server.port(2) != 0);
  CHECK(names_at(server.port(0), "a.test") == "a.test ");
  CHECK(names_at(server.port(0), "x.b.test") == "*.b.test ");
  CHECK(names_at(server.port(0), "elsewhere.test") == "a.test ");
  TlsClient client(server.port(0));
  const std::string page = get_over(client, "/blog/one/");
  CHECK_THAT(page, Catch::StartsWith("HTTP/1.1 200"));
  CHECK_THAT(page, Catch::Contains(
                       "\r\nStrict-Transport-Security: max-age=31536000; includeSubDomains\r\n"));
  TlsClient lost(server.port(0));
  CHECK_THAT(get_over(lost, "/nowhere/"), Catch::Contains("\r\nStrict-Transport-Security: "));

  const auto moved = flow::get(server.port(1), "/blog/one/?x=1", "");
  CHECK(moved.status == 308);
  CHECK_THAT(moved.field("location"), Catch::StartsWith("https://"));
  CHECK_THAT(moved.field("location"), Catch::EndsWith("/blog/one/?x=1"));
  CHECK_FALSE(moved.has("strict-transport-security"));
  const auto proof = flow::get(server.port(1), "/.well-known/acme-challenge/other");
  CHECK(proof.status == 200);
  CHECK(proof.body == "proof of another client");
  CHECK(flow::get(server.port(1), "/.well-known/acme-challenge/none").status == 404);

  const auto metrics = flow::get(server.port(2), "/_weir/metrics");
  CHECK_THAT(metrics.body, Catch::Contains("weir_certificate_end_seconds{tls=\"b\",index=\"0\"} " +
                                           std::to_string((now + 48h).seconds())));
}

TEST_CASE("a certificate that changes is served without a restart, a broken one is not",
          "[flow][tls]") {
  const test::TemporaryDirectory directory;
  write_certificate(directory, "a.pem", {"first.test"});
  flow::write_site(directory,
                   "[serve]\nlisten = [{ addr = \"127.0.0.1:0\", tls = \"a\" }, { addr = "
                   "\"127.0.0.1:0\" }]\n[tls.a]\ncert = \"a.pem\"\nkey = \"a.pem\"\n");
  Listening server(directory.path(), 2);
  INFO(server.process().errors());
  REQUIRE(server.port(1) != 0);
  TlsClient before(server.port(0));
  CHECK(before.certificate().dns.front() == "first.test");

  write_certificate(directory, "a.pem", {"second.test"});
  server.process().signal(SIGHUP);
  CHECK(eventually([&] { return names_at(server.port(0), "a.test") == "second.test "; }));
  CHECK_THAT(get_over(before, "/"), Catch::StartsWith("HTTP/1.1 200"));

  directory.write("a.pem", "broken");
  server.process().signal(SIGHUP);
  CHECK(eventually([&] {
    return flow::get(server.port(1), "/_weir/readyz").body.find("keeps its certificate") !=
           std::string::npos;
  }));
  CHECK(flow::get(server.port(1), "/_weir/readyz").status == 200);
  CHECK(names_at(server.port(0), "a.test") == "second.test ");

  write_certificate(directory, "a.pem", {"third.test"});  // nobody says so: it is noticed
  CHECK(eventually([&] { return names_at(server.port(0), "a.test") == "third.test "; }, 20));
  CHECK(eventually([&] {
    return flow::get(server.port(1), "/_weir/readyz").body.find("keeps its certificate") ==
           std::string::npos;
  }));
}

TEST_CASE("a route takes clients by their certificates", "[flow][tls][guard]") {
  const test::TemporaryDirectory directory;
  for (const char* const name : {"server", "shop", "till", "stranger"})
    write_certificate(directory, std::string(name) + ".pem", {std::string(name) + ".test"});
  const auto authorities =
      read_file(directory / "shop.pem").value() + read_file(directory / "till.pem").value();
  directory.write("clients.pem", authorities);
  flow::write_site(
      directory,
      "[serve]\nlisten = [{ addr = \"127.0.0.1:0\", tls = \"main\" }]\n"
      "[tls.main]\ncert = \"server.pem\"\nkey = \"server.pem\"\n"
      "client_ca = { file = \"clients.pem\", mode = \"request\" }\n"
      "[auth.shops]\nkind = \"client_certificate\"\n"
      "[[route]]\nmatch = { path = \"/blog/one/**\" }\nto = { site = true }\nstages = [{ auth = "
      "[\"shops\"], failure_mode = \"closed\" }]\n"
      "[[route]]\nmatch = { path = \"/blog/two/**\" }\nto = { site = true }\nstages = [{ auth = "
      "[\"shops\"], failure_mode = \"closed\", require = [\"claim:dns=shop.test\"] }]\n");
  Listening server(directory.path(), 1);
  INFO(server.process().errors());
  REQUIRE(server.port(0) != 0);
  const auto status = [&](const char* who, std::string_view path) {
    TlsClient client(server.port(0),
                     {.identity = who == nullptr ? "" : directory / (std::string(who) + ".pem")});
    const std::string answer = get_over(client, path);
    return answer.size() < 12 ? std::string("none") : answer.substr(9, 3);
  };
  CHECK(status(nullptr, "/") == "200");
  CHECK(status(nullptr, "/blog/one/") == "403");
  CHECK(status("shop", "/blog/one/") == "200");
  CHECK(status("till", "/blog/one/") == "200");
  CHECK(status("shop", "/blog/two/") == "200");
  CHECK(status("till", "/blog/two/") == "403");
  CHECK(status("stranger", "/") == "none");  // signed by nobody whom the listener knows
}

// --- an authority --------------------------------------------------------------------------------

namespace {

std::optional<std::string> found_program(const std::string& name) {
  for (const char* const place : {"/usr/bin/", "/usr/local/bin/"})
    if (::access((place + name).c_str(), X_OK) == 0) return place + name;
  return std::nullopt;
}

// A child that is not weir, ended by its own id.
class Child {
 public:
  Child(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
    id_ = ::fork();
    if (id_ != 0) return;
    std::vector<char*> arguments, variables;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    for (const std::string& one : environment) variables.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    const int nothing = ::open("/dev/null", O_WRONLY);  // not freopen: it would write our buffers
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(nothing, STDERR_FILENO);
    ::execve(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ~Child() {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  pid_t id_ = -1;
};

// pebble and its name server, on ports of their own; certificates last twelve seconds.
struct Pebble {
  test::TemporaryDirectory directory;
  unsigned short http = free_port(), tls = free_port(), listens = free_port(), names = free_port(),
                 manages = free_port();
  std::optional<Child> name_server, authority;

  Pebble(const std::string& pebble, const std::string& challenge_server) {
    const auto address = [](unsigned short port) { return "127.0.0.1:" + std::to_string(port); };
    directory.write("ca.pem", self_signed({{"localhost", "127.0.0.1"}, now, 48h}));
    directory.write("pebble.json", "{\"pebble\":{\"listenAddress\":\"" + address(listens) +
                                       "\",\"managementListenAddress\":\"\",\"certificate\":\"" +
                                       directory / "ca.pem" + "\",\"privateKey\":\"" +
                                       directory / "ca.pem" +
                                       "\",\"httpPort\":" + std::to_string(http) + ",\"tlsPort\":" +
                                       std::to_string(tls) + ",\"certificateValidityPeriod\":12}}");
    name_server.emplace(std::vector<std::string>{challenge_server, "-defaultIPv6", "", "-dns01",
                                                 address(names), "-http01", "", "-https01", "",
                                                 "-tlsalpn01", "", "-management", address(manages)},
                        std::vector<std::string>{});
    authority.emplace(std::vector<std::string>{pebble, "-config", directory / "pebble.json",
                                               "-dnsserver", address(names)},
                      std::vector<std::string>{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20",
                                               "PEBBLE_AUTHZREUSE=0"});
    REQUIRE(eventually([this] { return TlsClient(listens).connected(); }, 20));
  }
  std::string table(std::string_view challenge) const {
    return "[tls.auto]\ndomains = [\"one.test\", \"two.test\"]\nemail = \"me@one.test\"\n"
           "accept_terms = true\nacme = { directory = \"https://localhost:" +
           std::to_string(listens) + "/dir\", ca_file = \"" + directory / "ca.pem" +
           "\", challenge = \"" + std::string(challenge) + "\" }\n";
  }
};

}  // namespace

TEST_CASE("certificates come from an authority and are renewed without a restart",
          "[flow][tls][acme]") {
  const auto pebble = found_program("pebble");
  const auto challenge_server = found_program("pebble-challtestsrv");
  if (!pebble || !challenge_server)
    return test::skip("pebble is not installed (scripts/install-deps --peers)");
  for (const char* const challenge : {"http-01", "tls-alpn-01"}) {
    INFO(challenge);
    const Pebble authority(*pebble, *challenge_server);
    const test::TemporaryDirectory directory;
    const std::string plain = "127.0.0.1:" + std::to_string(authority.http);
    const std::string secure = "127.0.0.1:" + std::to_string(authority.tls);
    flow::write_site(directory, "[serve]\nlisten = [{ addr = \"" + secure +
                                    "\", tls = \"auto\" }, { addr = \"" + plain +
                                    "\", redirect = \"https\" }, { addr = \"127.0.0.1:0\", admin "
                                    "= true }]\n" +
                                    authority.table(challenge));
    Listening server(directory.path(), 3);
    const unsigned short admin = server.port(2);
    INFO(server.process().errors());
    REQUIRE(admin != 0);
    const auto served = [&] {
      TlsClient client(authority.tls, {.server_name = "two.test"});
      return client.connected() ? client.certificate() : Certificate{};
    };
    // A stand-in is good for a year, pebble's for seconds.
    const auto is_issued = [](const Certificate& facts) {
      return !facts.dns.empty() && facts.valid_until - facts.valid_from < 1h;
    };
    Certificate first;
    REQUIRE(eventually(
        [&] {
          first = served();
          return is_issued(first);
        },
        30));
    CHECK(covers(first, "one.test"));
    CHECK(covers(first, "two.test"));
    struct stat status {};
    const std::string kept = directory / "cache/acme/auto.pem";
    REQUIRE(::stat(kept.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_THAT(flow::get(admin, "/_weir/readyz").body, !Catch::Contains("stand-in"));

    Certificate second;
    CHECK(eventually(
        [&] {
          second = served();
          return is_issued(second) && second.fingerprint != first.fingerprint;
        },
        40));
    CHECK(second.valid_until > first.valid_until);
    INFO(server.process().errors());
    server.process().signal(SIGTERM);
    CHECK(server.process().wait() == 0);
  }
}

TEST_CASE("without an answer from the authority a stand-in serves, and readyz says so",
          "[flow][tls][acme]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory,
                   "[serve]\nlisten = [{ addr = \"127.0.0.1:0\", tls = \"auto\" }, { addr = "
                   "\"127.0.0.1:0\" }]\n[tls.auto]\ndomains = [\"one.test\"]\naccept_terms = true\n"
                   "acme = { directory = \"https://127.0.0.1:" +
                       std::to_string(free_port()) + "/dir\" }\n");
  Listening server(directory.path(), 2);
  INFO(server.process().errors());
  REQUIRE(server.port(1) != 0);
  CHECK(names_at(server.port(0), "one.test") == "one.test ");
  CHECK(eventually([&] {
    const std::string told = flow::get(server.port(1), "/_weir/readyz").body;
    return told.find("self-signed stand-in") != std::string::npos &&
           told.find("[tls.auto] has no new certificate") != std::string::npos;
  }));
  CHECK(flow::get(server.port(1), "/_weir/readyz").status == 200);
}
