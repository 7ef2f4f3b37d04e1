// Goal: a client's certificate becomes claims where the operator means it, and binds tokens.

#include "guard/client_certificate.h"

#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::guard;

namespace {

const http::ClientCertificate shop{
    "CN=shop,O=Example", {"shop.test"}, {"spiffe://test/shop"}, {"shop@example.test"}, "print"};

}  // namespace

TEST_CASE("the names of a certificate become claims", "[guard][certificate]") {
  const auto token = claims_of(shop, {});
  REQUIRE(token != nullptr);
  CHECK(token->subject == "spiffe://test/shop");
  CHECK(text::json_of(token->claims) ==
        R"({"sub":"spiffe://test/shop","uri":["spiffe://test/shop"],"dns":["shop.test"],)"
        R"("email":["shop@example.test"],"subject":"CN=shop,O=Example","fingerprint":"print"})");
  CHECK(claims_of({"CN=shop", {}, {}, {}, "print"}, {})->subject == "CN=shop");
  CHECK(claims_of({"CN=shop", {"a.test"}, {}, {}, "print"}, {})->subject == "a.test");
}

TEST_CASE("a policy means the certificates that it lists, by any of their names",
          "[guard][certificate]") {
  CHECK(claims_of(shop, {.dns = {"other.test", "shop.test"}}) != nullptr);
  CHECK(claims_of(shop, {.dns = {"other.test"}}) == nullptr);
  CHECK(claims_of(shop, {.dns = {"other.test"}, .uris = {"spiffe://test/shop"}}) != nullptr);
  CHECK(claims_of(shop, {.emails = {"shop@example.test"}}) != nullptr);
  CHECK(claims_of(shop, {.fingerprints = {"print"}}) != nullptr);
  CHECK(claims_of(shop, {.fingerprints = {"shop.test"}}) == nullptr);
}

TEST_CASE("a token bound to a certificate is good on its connection only (RFC 8705)",
          "[guard][certificate]") {
  const auto token = [](std::string_view json) {
    return TokenClaims{*text::parse_json(json), "", {}};
  };
  CHECK_FALSE(is_bound_elsewhere(token(R"({"sub":"a"})"), nullptr));
  CHECK_FALSE(is_bound_elsewhere(token(R"({"cnf":{"jkt":"x"}})"), nullptr));
  const TokenClaims bound = token(R"({"cnf":{"x5t#S256":"print"}})");
  CHECK_FALSE(is_bound_elsewhere(bound, &shop));
  CHECK(is_bound_elsewhere(bound, nullptr));
  http::ClientCertificate other = shop;
  other.fingerprint = "another";
  CHECK(is_bound_elsewhere(bound, &other));
  CHECK(is_bound_elsewhere(token(R"({"cnf":{"x5t#S256":7}})"), &shop));
}
