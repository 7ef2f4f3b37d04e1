// Goal: a request has one key or none, and a key leads back to the page that the request named.

#include "edge/page_route.h"

#include <catch2/catch.hpp>

using namespace weir;
using edge::PageRoute;

namespace {

PageRoute route_of(std::string_view pattern, std::vector<std::string> query = {}) {
  edge::RouteSettings settings;
  settings.name = "products";
  settings.page.query = std::move(query);
  PageRoute route = PageRoute::of(settings, {});
  route.name = "products";
  route.patterns = {edge::parse_pattern(pattern).value()};
  return route;
}

std::string key(const PageRoute& route, std::string_view path, std::string_view query = {}) {
  std::string key;
  return route.write_key(path, query, key) ? key : "(none)";
}

}  // namespace

TEST_CASE("C-37: of a query only the listed parameters are in the key, in one order", "[edge]") {
  const PageRoute route = route_of("/products/{slug}", {"page", "sort"});
  CHECK(key(route, "/products/a") == "/products/a");
  CHECK(key(route, "/products/a", "utm_source=x&q=1") == "/products/a");
  CHECK(key(route, "/products/a", "sort=up&page=2") == "/products/a?page=2&sort=up");
  CHECK(key(route, "/products/a", "page=2&sort=up&page=3") == "/products/a?page=2&sort=up");
  CHECK(key(route, "/products/a", "page=1%262&x=%") == "/products/a?page=1%262");
  CHECK(key(route, "/products/a", "page=" + std::string(257, 'x')) == "(none)");
}

TEST_CASE("no two requests share a key by accident", "[edge]") {
  const PageRoute route = route_of("/products/{slug}", {"page"});
  CHECK(key(route, "/products/a?page=2") == "(none)");  // an encoded question mark
  CHECK(key(route, "/products/..") == "(none)");
  CHECK(key(route, "/products/a/b") == "(none)");
  CHECK(key(route, "/other/a") == "(none)");
}

TEST_CASE("a key leads back to its route, parameters and query", "[edge]") {
  const edge::PageRoutes routes{
      std::make_shared<PageRoute>(route_of("/{lang}/products/{slug}", {"page"}))};
  const auto made = edge::made_page_of(routes,
                                       "/de/products/gr\xC3\xBC"
                                       "n?page=a%20b");
  REQUIRE(made);
  CHECK(made->path ==
        "/de/products/gr\xC3\xBC"
        "n");
  CHECK(made->parameters == std::vector<std::pair<std::string, std::string>>{{"lang", "de"},
                                                                             {"slug",
                                                                              "gr\xC3\xBC"
                                                                              "n"}});
  CHECK(made->query == std::vector<std::pair<std::string, std::string>>{{"page", "a b"}});
  const auto shell = edge::made_page_of(routes, "shell:products");
  REQUIRE(shell);
  CHECK(shell->is_shell);
  CHECK_FALSE(edge::made_page_of(routes, "shell:other"));
  CHECK_FALSE(edge::made_page_of(routes, "/de/other/x"));
}
