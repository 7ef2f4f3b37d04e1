// Goal: a page that a route makes shows the one record that its path names, whatever form the data
// have, is tagged with all that it read, and is a 404 where there is no record.

#include "site/dynamic_page.h"

#include "memory_site.h"
#include "site/renderer.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace weir;
using namespace weir::site;
using test::MemorySource;

namespace {

std::shared_ptr<MemorySource> shop() {
  return std::make_shared<MemorySource>(MemorySource::Files{
      {"config.toml", "base_url = \"https://example.com/shop/\"\ntitle = \"Shop\"\n"},
      {"templates/index.html", "i"},
      {"templates/page.html", "p"},
      {"templates/section.html", "s"},
      {"templates/base.html", "[{{ config.title }}]{% block main %}{% endblock %}"},
      {"templates/product.html",
       "{% extends \"base.html\" %}{% block main %}{{ params.slug }}={{ item.name | "
       "default(value=\"nobody\") }}{% endblock %}"},
      {"data/list.json", R"([{"slug":"a","name":"A"},{"slug":2,"name":"Two"},"odd"])"},
      {"data/map.toml", "[a]\nname = \"A\"\n[2]\nname = \"Two\"\n"},
      {"data/list.yaml", "- slug: a\n  name: A\n- slug: 2\n  name: Two\n"},
      {"data/list.csv", "slug,name\na,A\n2,Two\n"},
      {"data/text.txt", "words"},
  });
}

DynamicPage product(std::string path, std::string slug) {
  DynamicPage page;
  page.template_name = "product.html";
  page.path = "/products/" + slug;
  page.parameters = {{"slug", std::move(slug)}};
  page.data_path = std::move(path);
  page.key = "slug";
  return page;
}

bool has(const Output& output, std::string_view tag) {
  return std::find(output.tags.begin(), output.tags.end(), tag) != output.tags.end();
}

}  // namespace

TEST_CASE("a record is found by its key in every form of data", "[site]") {
  const auto renderer = SiteRenderer::open(shop(), test::options_with_clock({.mode = Mode::serve}));
  for (const char* file : {"data/list.json", "data/map.toml", "data/list.yaml", "data/list.csv"}) {
    INFO(file);
    const auto a = renderer->render(product(file, "a"));
    REQUIRE(a.ok());
    CHECK(a->bytes == "[Shop]a=A");
    CHECK(a->status == 200);
    CHECK(a->is_rendered);
    const auto two = renderer->render(product(file, "2"));
    REQUIRE(two.ok());
    CHECK(two->bytes == "[Shop]2=Two");
    const auto none = renderer->render(product(file, "b"));
    REQUIRE(none.ok());
    CHECK(none->status == 404);
    CHECK(none->bytes.empty());
    CHECK(has(*none, "data:" + std::string(file)));
  }
}

TEST_CASE("S-72: a made page carries the tags of all that it read, and its own", "[site]") {
  const auto renderer = SiteRenderer::open(shop(), test::options_with_clock({.mode = Mode::serve}));
  DynamicPage page = product("data/list.json", "a");
  page.tags = {"shop"};
  const auto made = renderer->render(page);
  REQUIRE(made.ok());
  for (const char* tag :
       {"data:data/list.json", "tpl:product.html", "tpl:base.html", "cfg:title", "shop"}) {
    INFO(tag);
    CHECK(has(*made, tag));
  }
  page.is_shell = true;
  const auto shell = renderer->render(page);
  REQUIRE(shell.ok());
  CHECK(shell->bytes == "[Shop]a=nobody");
  CHECK_FALSE(has(*shell, "data:data/list.json"));
}

TEST_CASE("what a route says of the site is checked, with its place", "[site]") {
  struct Row {
    DynamicRoute route;
    std::string_view says;
  };
  const auto route = [](std::string name, std::string data, std::string language = {},
                        std::string shell = {}) {
    return DynamicRoute{"r",          std::move(name),     std::move(data),
                        "slug",       std::move(language), std::move(shell),
                        {"", 7, 1, 0}};
  };
  const Row rows[] = {
      {route("prodcut.html", ""), "there is no template \"prodcut.html\""},
      {route("product.html", "data/no.json"), "data/no.json does not exist"},
      {route("product.html", "data/text.txt"), "data/text.txt holds a string, not an object"},
      {route("product.html", "", "fr"), "the site has no language \"fr\""},
      {route("product.html", "", "", "/none/"), "the site has no page /none/ for its shell"},
  };
  for (const Row& row : rows) {
    BuildOptions options = test::options_with_clock({.mode = Mode::check});
    options.dynamic_routes = {row.route};
    const auto source = shop();
    const BuildReport report = check(*source, options);
    REQUIRE(report.diagnostics.size() == 1);
    CHECK_THAT(report.diagnostics[0].error.text(), Catch::Contains(std::string(row.says)));
    CHECK(report.diagnostics[0].error.place.file == "config.toml");
    CHECK(report.diagnostics[0].error.place.line == 7);
  }
  BuildOptions options = test::options_with_clock({.mode = Mode::check});
  options.dynamic_routes = {route("product.html", "data/list.json")};
  const auto source = shop();
  const BuildReport report = check(*source, options);
  CHECK_FALSE(report.failed());
  CHECK(std::ranges::count(report.inputs, "data/list.json", &BuildInput::name) == 1);
}
