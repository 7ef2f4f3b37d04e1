#include "cli/answer_fields.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::string location_of(const std::string& target, std::string_view base_url) {
  site::Output output;
  output.kind = site::OutputKind::redirect;
  output.redirect_to = target;
  const auto fields = cli::fields_of(output, base_url);
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [](const auto& field) { return field.first == "Location"; });
  return found == fields.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("a redirect to the site itself is a path, another one stays as it is", "[cli]") {
  CHECK(location_of("https://example.com/blog/one/", "https://example.com") == "/blog/one/");
  CHECK(location_of("https://example.com/blog/one/", "https://example.com/") == "/blog/one/");
  CHECK(location_of("https://example.com/docs/a/", "https://example.com/docs") == "/docs/a/");
  CHECK(location_of("https://example.com.evil.test/", "https://example.com") ==
        "https://example.com.evil.test/");
  CHECK(location_of("https://example.com//evil.test/", "https://example.com") ==
        "https://example.com//evil.test/");
  CHECK(location_of("https://other.test/", "https://example.com") == "https://other.test/");
}

TEST_CASE(
    "a page's policy is its route's, then its own, then the default for what a ttl leaves open",
    "[cli]") {
  site::Output output;
  output.path = "/live/";
  output.is_rendered = true;
  edge::Config config;
  config.cache.standard = {60s, 10min, 24h};
  CHECK_FALSE(cli::policy_of(output, config).ttl);
  output.policy.ttl = 5s;
  CHECK(cli::policy_of(output, config) == store::Policy{5s, 10min, 24h});
  output.policy.swr = 7s;
  CHECK(cli::policy_of(output, config).swr == 7s);
  edge::RouteSettings route;
  route.paths = {"/live/**"};
  route.policy.ttl = 1s;
  config.routes.push_back(route);
  CHECK(cli::policy_of(output, config).ttl == Nanos(1s));
  output.is_rendered = false;
  CHECK_FALSE(cli::policy_of(output, config).ttl);
}
