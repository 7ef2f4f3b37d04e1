// Goal: `weir check --external` asks each link once, as little as it can, and tells the dead ones
// with their places (S-64).

#include "site/memory_site.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::site;

namespace {

struct Checked {
  BuildReport report;
  std::string messages;
};

Checked checked(test::FakeFetcher& fetcher, const std::string& page, const std::string& config = "",
                ExternalLinks external = ExternalLinks::asked) {
  const test::MemorySource source(
      {{"config.toml", "base_url = 'https://e.org'\n" + config}, {"content/a.md", page}});
  BuildOptions options = test::options_with_clock();
  options.mode = Mode::check;
  options.external_links = external;
  options.fetcher = &fetcher;
  test::Built built;
  built.report = check(source, options);
  return {built.report, built.messages()};
}

}  // namespace

TEST_CASE("S-64: links are asked with HEAD, then with GET, and again when nobody answers",
          "[site][links]") {
  test::FakeFetcher fetcher;
  fetcher.pages["HEAD https://good.example/"] = {200, "text/html", ""};
  fetcher.pages["HEAD https://nohead.example/"] = {405, "", ""};
  fetcher.pages["GET https://nohead.example/"] = {200, "text/html", "x"};
  fetcher.pages["HEAD https://gone.example/x"] = {404, "", ""};
  fetcher.pages["GET https://gone.example/x"] = {404, "", ""};
  const Checked out = checked(fetcher,
                              "+++\n+++\n[a](https://good.example/) [b](https://good.example/)\n"
                              "[c](https://nohead.example/) [d](https://gone.example/x)\n\n"
                              "[e](https://silent.example/) <mailto:x@y.z>\n");
  INFO(out.messages);
  CHECK(out.report.errors == 2);
  CHECK(out.messages.find("content/a.md:4") != std::string::npos);
  CHECK(out.messages.find("broken link https://gone.example/x: status 404") != std::string::npos);
  CHECK(out.messages.find("https://silent.example/: nobody answers") != std::string::npos);
  CHECK(fetcher.calls == 1 + 2 + 2 + 3);
}

TEST_CASE("S-64: anchors of other sites are looked for", "[site][links]") {
  test::FakeFetcher fetcher;
  fetcher.pages["GET https://x.example/"] = {200, "text/html", "<p id='a'><a name=\"b\"><i id=c>"};
  const Checked out =
      checked(fetcher,
              "+++\n+++\n[a](https://x.example/#a) [b](https://x.example/#b) "
              "[c](https://x.example/#c) [d](https://x.example/#d) [e](https://skip.example/#e)\n",
              "[link_checker]\nskip_anchor_prefixes = ['https://skip']\n");
  INFO(out.messages);
  CHECK(out.messages.find("no anchor #d") != std::string::npos);
  CHECK(out.messages.find("https://skip.example/#e: nobody answers") != std::string::npos);
  CHECK(out.report.errors == 2);
}

TEST_CASE("S-64: [link_checker] leaves out, and makes warnings", "[site][links]") {
  const std::string page = "+++\n+++\n[a](https://a.example/) [b](https://b.example/)\n";
  test::FakeFetcher fetcher;
  const Checked skipped = checked(fetcher, page,
                                  "[link_checker]\nskip_prefixes = ['https://a.']\n"
                                  "external_level = 'warn'\n");
  CHECK(skipped.report.errors == 0);
  CHECK(skipped.report.warnings == 1);
  const Checked ignored = checked(fetcher, page, "[link_checker]\nignored_files = ['a.md']\n");
  CHECK(ignored.report.errors == 0);
  CHECK(ignored.report.warnings == 0);
  fetcher.calls = 0;
  CHECK(checked(fetcher, page, "", ExternalLinks::left_out).report.errors == 0);
  CHECK(fetcher.calls == 0);
}
