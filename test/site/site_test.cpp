// Goal: what the content model and the outputs promise (specification of the site builder, S-3 to
// S-61), one small site per rule, with trees and texts worked out by hand.

#include "site/memory_site.h"

#include "base/worker_pool.h"
#include "site/library.h"
#include "site/page_order.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::site;
using weir::test::build_site;
using weir::test::Built;
using weir::test::FakeFetcher;
using weir::test::MemorySource;

namespace {

// Templates that show what a test looks at.
MemorySource::Files with_templates(MemorySource::Files files) {
  files.try_emplace("templates/index.html", "home {{ section.title }}");
  files.try_emplace("templates/page.html", "{{ page.title }}|{{ page.content | safe }}");
  files.try_emplace(
      "templates/section.html",
      "{{ section.title }}:{% for page in section.pages %}{{ page.slug }} {% endfor %}");
  return files;
}

std::string front(std::string_view keys) { return "+++\n" + std::string(keys) + "\n+++\n"; }

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a site is sections, pages, feeds, sitemap, robots, 404 and static files", "[site]") {
  const Built built = build_site(with_templates({
      {"config.toml", "base_url = \"https://example.com\"\ngenerate_feeds = true\n"},
      {"content/_index.md", front("title = \"Home\"")},
      {"content/about.md", front("title = \"About\"") + "Hello *you*.\n"},
      {"content/blog/_index.md", front("title = \"Blog\"\nsort_by = \"date\"")},
      {"content/blog/2024-02-03-second.md", front("title = \"Second\"")},
      {"content/blog/first.md",
       front("title = \"First\"\ndate = 2024-01-01\naliases = [\"old\", \"/older.html\"]")},
      {"content/blog/trip/index.md", front("title = \"Trip\"\ndate = 2023-01-01")},
      {"content/blog/trip/photo.JPG", "jpeg"},
      {"content/blog/trip/deep/more.txt", "text"},
      {"static/robot.png", "png"},
  }));
  INFO(built.messages());
  REQUIRE_FALSE(built.report.failed());
  CHECK(built.files() == std::vector<std::string>{
                             "404.html", "about/index.html", "atom.xml", "blog/first/index.html",
                             "blog/index.html", "blog/second/index.html", "blog/trip/deep/more.txt",
                             "blog/trip/index.html", "blog/trip/photo.JPG", "index.html",
                             "old/index.html", "older.html", "robot.png", "robots.txt",
                             "sitemap.xml"});
  CHECK(built.bytes("about/index.html") == "About|<p>Hello <em>you</em>.</p>\n");
  CHECK(built.bytes("blog/index.html") == "Blog:second first trip ");
  CHECK(built.outputs.at("old/index.html").redirect_to == "https://example.com/blog/first/");
  CHECK(contains(built.bytes("robots.txt"), "https://example.com/sitemap.xml"));
  CHECK(contains(built.bytes("sitemap.xml"),
                 "<loc>https://example.com/blog/trip/</loc><lastmod>2023-01-01</lastmod>"));
  CHECK(contains(built.bytes("atom.xml"), "<updated>2024-02-03T00:00:00+00:00</updated>"));
  CHECK(built.report.pages == 4);
  CHECK(built.report.sections == 2);
  CHECK(built.report.orphans == 0);
}

TEST_CASE("S-3: weir.toml wins, and leaves the site's keys to the file beside it", "[site]") {
  const Built built = build_site(with_templates(
      {{"weir.toml", "[serve]\n[build]\nexport = false\n"},
       {"zola.toml", "base_url = \"https://a.example\"\ntitle = \"Z\"\n"},
       {"templates/index.html", "{{ config.title }} {{ config.base_url | safe }}"}}));
  INFO(built.messages());
  CHECK(built.bytes("index.html") == "Z https://a.example");
  CHECK(built.report.config_file == "zola.toml");
  CHECK_FALSE(built.report.exports);
}

TEST_CASE("S-7: legacy keys warn and name today's key; unknown keys get a did-you-mean", "[site]") {
  const MemorySource::Files files = with_templates(
      {{"config.toml", "base_url = \"https://example.com\"\ngenerate_rss = true\ntitel = \"x\"\n"},
       {"content/a.md", front("title = \"A\"\ndate = 2024-01-01")}});
  const Built built = build_site(files);
  INFO(built.messages());
  CHECK_FALSE(built.report.failed());
  CHECK(built.report.warnings == 2);
  CHECK(contains(built.messages(), "today it is generate_feeds"));
  CHECK(contains(built.messages(), "config.toml:3:1"));
  CHECK(contains(built.messages(), "did you mean \"title\"?"));
  CHECK(built.has("rss.xml"));
  const Built strict = build_site(files, {.strictness = Strictness::strict});
  CHECK(strict.report.failed());
  CHECK(strict.outputs.empty());
}

TEST_CASE("S-8: a theme gives templates, static files and extra, and the site wins", "[site]") {
  const Built built = build_site({
      {"config.toml",
       "base_url = \"https://example.com\"\ntheme = \"t\"\n[extra]\na = 1\n[extra.menu]\nx = "
       "\"site\"\n"},
      {"themes/t/theme.toml",
       "name = \"t\"\n[extra]\na = 2\nb = 3\n[extra.menu]\nx = \"theme\"\ny = \"theme\"\n"},
      {"themes/t/templates/index.html",
       "{{ config.extra.a }}{{ config.extra.b }}{{ config.extra.menu.x }}{{ config.extra.menu.y "
       "}}"},
      {"themes/t/templates/page.html", "theme {% block b %}old{% endblock b %}"},
      {"templates/page.html",
       "{% extends \"t/templates/page.html\" %}{% block b %}new{% endblock b %}"},
      {"themes/t/static/a.css", "theme"},
      {"themes/t/static/b.css", "theme"},
      {"static/a.css", "site"},
      {"content/p.md", front("")},
  });
  INFO(built.messages());
  CHECK(built.bytes("index.html") == "13sitetheme");
  CHECK(built.bytes("p/index.html") == "theme new");
  CHECK(built.bytes("a.css") == "site");
  CHECK(built.bytes("b.css") == "theme");
}

TEST_CASE("S-15, S-19: drafts are left out unless asked for, a draft section with all below it",
          "[site]") {
  const MemorySource::Files files = with_templates({{"content/a.md", front("draft = true")},
                                                    {"content/s/_index.md", front("draft = true")},
                                                    {"content/s/b.md", front("")},
                                                    {"content/s/t/c.md", front("")},
                                                    {"content/d.md", front("")}});
  const Built without = build_site(files);
  CHECK_FALSE(without.has("a/index.html"));
  CHECK_FALSE(without.has("s/index.html"));
  CHECK_FALSE(without.has("s/t/c/index.html"));
  CHECK(without.has("d/index.html"));
  const Built with = build_site(files, {.drafts = Drafts::include});
  CHECK(with.has("a/index.html"));
  CHECK(with.has("s/t/c/index.html"));
}

TEST_CASE("S-16: slugs and paths", "[site]") {
  const Built built =
      build_site(with_templates({{"content/Some File.md", front("")},
                                 {"content/Dir Kept/_index.md", front("")},
                                 {"content/Dir Kept/b.md", front("slug = \"Own Slug\"")},
                                 {"content/Dir Kept/c.md", front("path = \"else/where\"")},
                                 {"content/2018-10-08_dated.md", front("")}}));
  INFO(built.messages());
  for (const char* file : {"some-file/index.html", "Dir Kept/own-slug/index.html",
                           "else/where/index.html", "dated/index.html"}) {
    INFO(file);
    CHECK(built.has(file));
  }
}

TEST_CASE("S-16: two outputs of one path are an error that names both files", "[site]") {
  const Built built = build_site(with_templates(
      {{"content/a.md", front("path = \"same\"")}, {"content/b.md", front("path = \"same\"")}}));
  CHECK(built.report.failed());
  CHECK(built.outputs.empty());
  CHECK(contains(built.messages(), "content/a.md"));
  CHECK(contains(built.messages(), "content/b.md"));
  CHECK(contains(built.messages(), "/same/"));
}

TEST_CASE("no slug, path or alias leads out of the output directory", "[site]") {
  for (const char* keys :
       {"path = \"../out\"", "aliases = [\"a/../../out\"]", "path = \"a/./b\""}) {
    const Built built = build_site(with_templates({{"content/a.md", front(keys)}}));
    INFO(keys << built.messages());
    CHECK(built.report.failed());
    CHECK(contains(built.messages(), "content/a.md"));
    CHECK(contains(built.messages(), "leads out of the site"));
  }
}

TEST_CASE("S-17, S-18: sections are sorted, and neighbours follow that order", "[site]") {
  const auto pages = [](std::string_view sort_by) {
    return with_templates(
        {{"content/s/_index.md", front("sort_by = \"" + std::string(sort_by) + "\"")},
         {"content/s/a.md",
          front("title = \"Item 10\"\nweight = 3\ndate = 2020-01-01\nupdated = 2024-01-01")},
         {"content/s/b.md", front("title = \"Item 9\"\nweight = 1\ndate = 2021-01-01")},
         {"content/s/c.md", front("title = \"\xC3\xA9t\xC3\xA9\"\nweight = 2\ndate = 2022-01-01")},
         {"content/s/d.md", front("")},
         {"templates/page.html",
          "{% if page.lower %}{{ page.lower.slug }}{% endif %}<{{ page.slug }}<{% if page.higher "
          "%}{{ page.higher.slug }}{% endif %}"}});
  };
  struct Row {
    const char* sort_by;
    const char* expected;
  };
  for (const Row& row : {Row{"date", ":c b a "},
                         {"update_date", ":a c b "},
                         {"weight", ":b c a "},
                         {"title", ":c b a "},
                         {"title_bytes", ":a b c "},
                         {"slug", ":a b c d "},
                         {"permalink", ":a b c d "}}) {
    const Built built = build_site(pages(row.sort_by));
    INFO(row.sort_by << built.messages());
    CHECK(built.bytes("s/index.html") == row.expected);
    CHECK(built.has("s/d/index.html"));
  }
  const Built dated = build_site(pages("date"));
  CHECK(dated.bytes("s/b/index.html") == "c<b<a");
  CHECK(dated.bytes("s/c/index.html") == "<c<b");
  CHECK(dated.bytes("s/d/index.html") == "<d<");
  CHECK(build_site(pages("none")).bytes("s/b/index.html") == "<b<");
}

TEST_CASE("S-17: natural order counts digits and folds case and accents", "[site]") {
  const char* ordered[] = {"_x", "2", "10", "a", "B", "\xC3\xA9", "f1", "f2", "f10", "f10a"};
  for (std::size_t i = 0; i < std::size(ordered); ++i)
    for (std::size_t j = 0; j < std::size(ordered); ++j) {
      INFO(ordered[i] << " < " << ordered[j]);
      CHECK(is_before_naturally(ordered[i], ordered[j]) == (i < j));
    }
}

TEST_CASE("S-19: a transparent section hands its pages up, page_template is inherited", "[site]") {
  const Built built = build_site(with_templates(
      {{"content/p/_index.md", front("sort_by = \"slug\"\npage_template = \"x.html\"")},
       {"content/p/one.md", front("")},
       {"content/p/t/_index.md", front("transparent = true\nsort_by = \"slug\"")},
       {"content/p/t/two.md", front("")},
       {"content/p/t/own.md", front("template = \"page.html\"\ntitle = \"own\"")},
       {"templates/x.html", "X {{ page.ancestors | join(sep=\" \") | safe }}"}}));
  INFO(built.messages());
  CHECK(built.bytes("p/index.html") == ":one own two ");
  CHECK(built.bytes("p/t/index.html") == ":own two ");
  CHECK(built.bytes("p/one/index.html") == "X _index.md p/_index.md");
  CHECK(built.bytes("p/t/own/index.html") == "own|");
}

TEST_CASE("S-20: pagers, with a redirect for the first, also when there are no pages", "[site]") {
  const Built built = build_site(
      with_templates({{"content/s/_index.md", front("paginate_by = 2\nsort_by = \"slug\"")},
                      {"content/s/a.md", front("")},
                      {"content/s/b.md", front("")},
                      {"content/s/c.md", front("")},
                      {"content/e/_index.md",
                       front("paginate_by = 2\npaginate_path = \"p\"\npaginate_reversed = true")},
                      {"templates/section.html",
                       "{{ paginator.current_index }}/{{ paginator.number_pagers }} {{ "
                       "paginator.total_pages }} {{ paginator.base_url | safe }} "
                       "{{ paginator.previous | default(value=\"-\") | safe }} {{ paginator.next | "
                       "default(value=\"-\") | safe }} {{ section.pages | "
                       "length }} {% for page in paginator.pages %}{{ page.slug }}{% endfor %}"}}));
  INFO(built.messages());
  CHECK(built.bytes("s/index.html") ==
        "1/2 3 https://example.com/s/page/ - https://example.com/s/page/2/ 0 ab");
  CHECK(built.bytes("s/page/2/index.html") ==
        "2/2 3 https://example.com/s/page/ https://example.com/s/ - 0 c");
  CHECK(built.outputs.at("s/page/1/index.html").redirect_to == "https://example.com/s/");
  CHECK(built.bytes("e/index.html") == "1/1 0 https://example.com/e/p/ - - 0 ");
  CHECK(contains(built.bytes("sitemap.xml"), "https://example.com/s/page/2/"));
}

TEST_CASE("S-52: taxonomies have a list, terms, pagers and feeds", "[site]") {
  const Built built = build_site(
      with_templates({{"config.toml",
                       "base_url = \"https://example.com\"\ntaxonomies = [{ name = \"tags\", feed "
                       "= true, paginate_by = 1 }, { name = \"Auth Ors\" }]\n"},
                      {"content/a.md", front("date = 2024-01-01\n[taxonomies]\ntags = [\"C++\", "
                                             "\"Rust Lang\"]\n\"Auth Ors\" = [\"Z\"]")},
                      {"content/b.md", front("[taxonomies]\ntags = [\"rust lang\"]")},
                      {"templates/taxonomy_list.html",
                       "{{ taxonomy.name }}:{% for term in terms %}{{ term.name }}={{ "
                       "term.page_count }} {{ term.path | safe }};{% endfor %}"},
                      {"templates/taxonomy_single.html",
                       "{{ term.name }}:{% for page in term.pages %}{{ page.slug }}{% endfor %}"},
                      {"templates/tags/single.html",
                       "{{ term.name }} {{ paginator.current_index }}:{% for page in "
                       "paginator.pages %}{{ page.slug }}{% endfor %}"}}));
  INFO(built.messages());
  CHECK(built.bytes("tags/index.html") == "tags:C++=1 /tags/c/;Rust Lang=2 /tags/rust-lang/;");
  CHECK(built.bytes("tags/rust-lang/index.html") == "Rust Lang 1:a");
  CHECK(built.bytes("tags/rust-lang/page/2/index.html") == "Rust Lang 2:b");
  CHECK(built.bytes("auth-ors/z/index.html") == "Z:a");
  CHECK(built.has("tags/c/atom.xml"));
  CHECK_FALSE(built.has("auth-ors/z/atom.xml"));
}

TEST_CASE("S-28: internal links are resolved and checked, with the place of a broken one",
          "[site]") {
  const Built good = build_site(
      with_templates({{"content/a.md", front("") + "[b](@/b.md#head) [s](@/_index.md)\n"},
                      {"content/b.md", front("") + "## Head\n"}}));
  INFO(good.messages());
  CHECK(contains(good.bytes("a/index.html"), "<a href=\"https://example.com/b/#head\">b</a>"));
  const Built bad =
      build_site(with_templates({{"content/a.md", front("") + "\nsee [x](@/bb.md)\n"},
                                 {"content/c.md", front("") + "see [x](@/b.md#nope)\n"},
                                 {"content/b.md", front("")}}));
  CHECK(bad.report.failed());
  CHECK(contains(bad.messages(), "content/a.md:5"));
  CHECK(contains(bad.messages(), "did you mean \"@/b.md\"?"));
  const Built anchor = build_site(with_templates(
      {{"content/c.md", front("") + "see [x](@/b.md#nope)\n"}, {"content/b.md", front("")}}));
  CHECK(anchor.report.failed());
  CHECK(contains(anchor.messages(), "@/b.md#nope"));
  CHECK(contains(anchor.messages(), "content/c.md:4"));
}

TEST_CASE("S-34 to S-36: shortcodes of both kinds, nested, ignored and counted", "[site]") {
  const Built built = build_site(with_templates(
      {{"content/a.md", front("title = \"T\"") +
                            "{{ show(a=\"x\", n=2 l=[1, 'y'], b=true, f=1.5,) }}\n\nin {{ "
                            "show(a=`q`) }} line\n\n{% quote(by=\"me\") "
                            "%}\nsaid {{ show(a=\"i\") }}\n{% end %}\n\n{{ head() }}\n\n{{/* "
                            "show(a=\"x\") */}}\n\n{{ not a call }}\n"},
       {"templates/page.html", "{{ page.content | safe }}"},
       {"templates/shortcodes/show.html",
        "[{{ a }}{% if n %},{{ n }},{{ l }},{{ b }},{{ f }}{% endif %} {{ nth }} {{ page.title }} "
        "{{ lang }}]"},
       {"templates/shortcodes/quote.html", "<blockquote>{{ body }}-{{ by }}</blockquote>"},
       {"templates/shortcodes/head.md", "## Made *here*"}}));
  INFO(built.messages());
  const std::string& html = built.bytes("a/index.html");
  CHECK(contains(html, "[x,2,[1, y],true,1.5 1 T en]"));
  CHECK_FALSE(contains(html, "<p>[x"));
  CHECK(contains(html, "<p>in [q 2 T en] line</p>"));
  CHECK(contains(html, "said [i 3 T en]-me</blockquote>"));
  CHECK(contains(html, "<h2 id=\"made-here\">Made <em>here</em></h2>"));
  CHECK(contains(html, "{{ show(a=&quot;x&quot;) }}") != contains(html, "{{ show(a=\"x\") }}"));
  CHECK(contains(html, "{{ not a call }}"));
}

TEST_CASE("broken shortcodes name file and line", "[site]") {
  const Built unknown =
      build_site(with_templates({{"content/a.md", front("") + "\n\ntext {{ shw() }}\n"},
                                 {"templates/shortcodes/show.html", ""}}));
  CHECK(contains(unknown.messages(), "content/a.md:6:9"));
  CHECK(contains(unknown.messages(), "did you mean \"show\"?"));
  const Built open = build_site(with_templates(
      {{"content/a.md", front("") + "{% q() %}\n"}, {"templates/shortcodes/q.html", ""}}));
  CHECK(contains(open.messages(), "content/a.md:4:1"));
  const Built failing = build_site(with_templates(
      {{"content/a.md", front("") + "{{ q() }}\n"}, {"templates/shortcodes/q.html", "{{ a }}"}}));
  CHECK(contains(failing.messages(), "templates/shortcodes/q.html"));
  CHECK(contains(failing.messages(), "content/a.md:4"));
}

TEST_CASE("languages have their own paths, home, feeds and translations", "[site]") {
  const Built built = build_site(with_templates(
      {{"config.toml",
        "base_url = \"https://example.com\"\n[translations]\nhi = \"Hello\"\n[languages.fr]\ntitle "
        "= \"Le site\"\ngenerate_feeds = "
        "true\n[languages.fr.translations]\nhi = \"Bonjour\"\n"},
       {"content/a.md", front("title = \"A\"")},
       {"content/a.fr.md", front("title = \"AF\"\ndate = 2024-01-01")},
       {"templates/page.html",
        "{{ lang }} {{ trans(key=\"hi\", lang=lang) }} {% for t in page.translations %}{{ t.lang "
        "}}={{ t.permalink | safe }} {% endfor %}"
        "{{ get_url(path=\"@/a.md\", lang=\"fr\") }} {{ config.title | default(value=\"-\") }}"}}));
  INFO(built.messages());
  CHECK(built.bytes("a/index.html") ==
        "en Hello en=https://example.com/a/ fr=https://example.com/fr/a/ https://example.com/fr/a/ "
        "-");
  CHECK(built.bytes("fr/a/index.html") ==
        "fr Bonjour en=https://example.com/a/ fr=https://example.com/fr/a/ "
        "https://example.com/fr/a/ Le site");
  CHECK(built.has("fr/index.html"));
  CHECK(built.has("fr/atom.xml"));
  CHECK_FALSE(built.has("atom.xml"));
}

TEST_CASE("S-54 to S-57: site functions and filters", "[site]") {
  struct Row {
    const char* expression;
    const char* expected;
  };
  const Row rows[] = {
      {"get_url(path=\"/\")", "https://example.com"},
      {"get_url(path=\"a.css\")", "https://example.com/a.css"},
      {"get_url(path=\"a\", trailing_slash=true)", "https://example.com/a/"},
      {"get_url(path=\"@/s/_index.md\")", "https://example.com/s/"},
      {"get_url(path=\"a.css\", cachebust=true)",
       "https://example.com/a.css?h=5f546eb4606b5c2b7d2a"},
      {"get_page(path=\"s/p.md\").title", "P"},
      {"get_section(path=\"s/_index.md\").pages | length", "1"},
      {"get_section(path=\"s/_index.md\", metadata_only=true).pages | length", "0"},
      {"get_taxonomy_url(kind=\"tags\", name=\"X Y\")", "https://example.com/tags/x-y/"},
      {"get_taxonomy(kind=\"tags\")[\"items\"] | length", "1"},
      {"get_taxonomy_term(kind=\"tags\", term=\"X Y\").page_count", "1"},
      {"get_hash(literal=\"a\", sha_type=256, base64=false)",
       "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
      {"load_data(path=\"d.toml\").a", "1"},
      {"load_data(path=\"d.csv\").records | first | last", "2"},
      {"load_data(path=\"none.json\", required=false)", ""},
      {"load_data(literal=`{\"x\": [1, 2]}`, format=\"json\").x | last", "2"},
      {"load_data(url=\"https://remote.example/a.json\").n", "7"},
      {"\"*a*\" | markdown(inline=true) | safe", "<em>a</em>"},
      {"\"a\" | base64_encode", "YQ=="},
      {"\"YQ==\" | base64_decode", "a"},
      {"\"World Hello\" | regex_replace(pattern=`(?P<a>\\w+) (?P<b>\\w+)`, rep=`$b $a`)",
       "Hello World"},
      {"12345 | num_format", "12,345"},
  };
  for (const Row& row : rows) {
    FakeFetcher fetcher;
    fetcher.answers["https://remote.example/a.json"] = "{\"n\": 7}";
    MemorySource::Files files = with_templates(
        {{"config.toml",
          "base_url = \"https://example.com\"\ntaxonomies = [{ name = \"tags\" }]\n"},
         {"content/s/_index.md", front("")},
         {"content/s/p.md", front("title = \"P\"\n[taxonomies]\ntags = [\"X Y\"]")},
         {"static/a.css", "a{}"},
         {"d.toml", "a = 1\n"},
         {"d.csv", "h,i\n1,2\n"},
         {"templates/taxonomy_list.html", ""},
         {"templates/taxonomy_single.html", ""}});
    // Tera's paths do not go behind calls: `f().x` is written with a set.
    std::string expression = row.expression;
    std::string text = "{{ " + expression + " }}";
    if (const std::size_t behind = expression.find(")."); behind != std::string::npos) {
      text = "{% set v = " + expression.substr(0, behind + 1) + " %}{{ v" +
             expression.substr(behind + 1) + " }}";
    } else if (const std::size_t bracket = expression.find(")["); bracket != std::string::npos) {
      text = "{% set v = " + expression.substr(0, bracket + 1) + " %}{{ v" +
             expression.substr(bracket + 1) + " }}";
    }
    files["templates/index.html"] = text;
    const Built built = build_site(files, {.fetcher = &fetcher});
    INFO(row.expression << "\n" << built.messages());
    CHECK(built.bytes("index.html") == row.expected);
  }
}

TEST_CASE("load_data never leaves the site and says what is missing", "[site]") {
  for (const auto& [expression, message] :
       {std::pair<std::string, std::string>{"load_data(path=\"../../etc/passwd\")", "passwd"},
        {"load_data(path=\"nope.json\")", "nope.json"},
        {"load_data(url=\"https://remote.example/x\")", "offline"},
        {"load_data(path=\"bad.json\")", "bad.json:2:"}}) {
    const Built built = build_site(with_templates(
        {{"templates/index.html", "{% set x = " + expression + " %}"}, {"bad.json", "{\n]"}}));
    INFO(expression << "\n" << built.messages());
    CHECK(built.report.failed());
    CHECK(contains(built.messages(), message));
  }
}

TEST_CASE("S-72: outputs carry the tags of what they read, and the policy of their front matter",
          "[site]") {
  const Built built = build_site(with_templates(
      {{"content/s/_index.md", front("sort_by = \"slug\"")},
       {"content/s/a.md", front("title = \"A\"\n[extra.cache]\nttl = \"90s\"\nswr = 600\nsie = "
                                "\"1d\"\ntags = [\"mine\"]")},
       {"content/s/b.md", front("")},
       {"templates/page.html",
        "{% set d = load_data(path=\"data/x.toml\") %}{{ config.title }}{{ config.extra.k }}{{ "
        "now() }}"},
       {"config.toml", "base_url = \"https://example.com\"\ntitle = \"t\"\n[extra]\nk = 1\n"},
       {"data/x.toml", "v = 1\n"}}));
  INFO(built.messages());
  REQUIRE(built.has("s/a/index.html"));
  const Output& page = built.outputs.at("s/a/index.html");
  CHECK(page.tags == std::vector<std::string>{"cfg:extra.k", "cfg:title", "data:data/x.toml",
                                              "mine", "page:s/a.md", "tpl:page.html"});
  CHECK(page.policy.ttl == std::chrono::seconds(90));
  CHECK(page.policy.swr == std::chrono::seconds(600));
  CHECK(page.policy.sie == std::chrono::seconds(86400));
  CHECK(page.is_volatile);
  CHECK(page.is_rendered);
  const Output& section = built.outputs.at("s/index.html");
  CHECK(section.tags == std::vector<std::string>{"page:s/a.md", "page:s/b.md",
                                                 "section:s/_index.md", "tpl:section.html"});
  CHECK_FALSE(section.is_volatile);
  CHECK(std::ranges::count(built.report.inputs, "data/x.toml", &BuildInput::name) == 1);
}

TEST_CASE("a renderer makes one output again, with remote data and time anew", "[site]") {
  FakeFetcher fetcher;
  fetcher.answers["https://remote.example/n.json"] = "1";
  auto source = std::make_shared<MemorySource>(
      with_templates({{"config.toml", "base_url = \"https://example.com\"\n"},
                      {"content/live.md", front("title = \"L\"") + "{{ level() }}\n"},
                      {"content/still.md", front("title = \"S\"") + "same\n"},
                      {"templates/shortcodes/level.html",
                       "<b>{{ load_data(url=\"https://remote.example/n.json\") }}</b>"},
                      {"static/x.txt", "x"}}));
  const std::unique_ptr<SiteRenderer> renderer = SiteRenderer::open(
      source, test::options_with_clock({.mode = Mode::serve, .fetcher = &fetcher}));
  const Result<Output> first = renderer->render("/live/");
  REQUIRE(first.ok());
  CHECK(contains(first->bytes, "<b>1</b>"));
  CHECK(first->is_volatile);
  fetcher.answers["https://remote.example/n.json"] = "2";
  const Result<Output> second = renderer->render("/live/");
  REQUIRE(second.ok());
  CHECK(contains(second->bytes, "<b>2</b>"));
  const Result<Output> still = renderer->render("/still/");
  REQUIRE(still.ok());
  CHECK(still->bytes == "S|<p>same</p>\n");
  CHECK(renderer->render("/x.txt").ok());
  fetcher.answers.clear();
  const Result<Output> failed = renderer->render("/live/");
  REQUIRE_FALSE(failed.ok());
  CHECK(contains(failed.error().text(), "remote.example"));
  CHECK(renderer->render("/nothing/").error().code == Errc::missing);
}

// Several threads come to a body that nobody has rendered; each may render it, one copy stays, and
// what was lent of another must not go. AddressSanitizer sees it if it does.
TEST_CASE("a body that many ask for at once is one body", "[site]") {
  MemorySource::Files files = with_templates(
      {{"config.toml", "base_url = \"https://example.com\"\n"},
       {"templates/index.html", "{% for p in section.pages %}{{ p.content | safe }}{% endfor %}"}});
  files["content/_index.md"] = front("title = \"I\"\nsort_by = \"title\"");
  for (int i = 0; i < 20; ++i)
    files["content/p" + std::to_string(i) + ".md"] =
        front("title = \"P" + std::to_string(i) + '"') + std::string(2'000, 'w') + "\n";
  const auto source = std::make_shared<MemorySource>(std::move(files));
  for (int round = 0; round < 20; ++round) {
    const std::unique_ptr<SiteRenderer> renderer =
        SiteRenderer::open(source, test::options_with_clock({.mode = Mode::serve}));
    REQUIRE(renderer->render("/p0/").ok());  // the site is loaded, its other bodies are not
    std::vector<std::string> made(4);
    for_each_parallel(made.size(), made.size(), [&](std::size_t i) {
      const Result<Output> output = renderer->render("/");
      if (output.ok()) made[i] = output->bytes;
    });
    for (const std::string& one : made) {
      CHECK_FALSE(one.empty());
      CHECK(one == made.front());
    }
  }
}

TEST_CASE("S-67: the bytes do not depend on the number of threads", "[site]") {
  MemorySource::Files files = with_templates(
      {{"config.toml",
        "base_url = \"https://example.com\"\ngenerate_feeds = true\ntaxonomies = "
        "[{ name = \"tags\", feed = true }]\n"},
       {"content/s/_index.md", front("paginate_by = 3")},
       {"templates/taxonomy_list.html", "{% for t in terms %}{{ t.name }}{% endfor %}"},
       {"templates/taxonomy_single.html", "{% for p in term.pages %}{{ p.slug }}{% endfor %}"}});
  for (int i = 0; i < 40; ++i)
    files["content/s/p" + std::to_string(i) + ".md"] =
        front("date = 2024-01-" + std::string(i % 9 < 9 ? "0" : "") + std::to_string(1 + i % 9) +
              "\n[taxonomies]\ntags = [\"t" + std::to_string(i % 5) + "\"]") +
        "text [l](@/s/p" + std::to_string((i * 7) % 40) + ".md)\n";
  const Built one = build_site(files, {.threads = 1});
  REQUIRE_FALSE(one.report.failed());
  for (int round = 0; round < 5; ++round) {
    const Built eight = build_site(files, {.threads = 8});
    REQUIRE(one.files() == eight.files());
    for (const auto& [name, output] : one.outputs) {
      INFO(name);
      CHECK(output.bytes == eight.outputs.at(name).bytes);
      CHECK(output.tags == eight.outputs.at(name).tags);
    }
  }
}

TEST_CASE("all mistakes of a phase are told at once, each with its place", "[site]") {
  const Built built = build_site(
      with_templates({{"content/a.md", front("title = 1\ndate = \"yesterday\"")},
                      {"content/b.md", "no front matter"},
                      {"content/c/_index.md", front("sort_by = \"colour\"\npaginate_by = -1")},
                      {"content/d.md", front("[taxonomies]\nkinds = [\"x\"]")}}));
  CHECK(built.report.failed());
  CHECK(built.report.errors >= 6);
  for (const char* part : {"content/a.md:2:", "content/a.md:3:", "content/b.md",
                           "content/c/_index.md:2:", "content/c/_index.md:3:", "kinds"}) {
    INFO(part << "\n" << built.messages());
    CHECK(contains(built.messages(), part));
  }
}

TEST_CASE("every broken link of a page is told, and a template's mistake once for all its pages",
          "[site]") {
  const Built links = build_site(with_templates({
      {"config.toml", "base_url = \"https://example.com\"\n"},
      {"content/a.md", front("title = \"A\"") + "[x](@/no.md)\n[y]()\n[z](@/nor.md)\n"},
  }));
  INFO(links.messages());
  REQUIRE(links.report.errors == 3);
  for (std::uint32_t i = 0; i < 3; ++i)
    CHECK(links.report.diagnostics[i].error.place.line == 4 + i);

  const Built pages = build_site(with_templates({
      {"config.toml", "base_url = \"https://example.com\"\n"},
      {"content/a.md", front("title = \"A\"")},
      {"content/b.md", front("title = \"B\"")},
      {"content/c.md", front("title = \"C\"")},
      {"templates/page.html", "{{ page.titel }}"},
  }));
  INFO(pages.messages());
  REQUIRE(pages.report.errors == 1);
  CHECK(pages.report.diagnostics[0].error.chain ==
        std::vector<std::string>{"in page content/a.md", "and in 2 other places"});
}

TEST_CASE(
    "S-53: a site without page.html is told so on the page; another missing template is an error",
    "[site]") {
  const Built plain =
      build_site({{"content/a.md", front("") + "text\n"}, {"templates/index.html", "x"}});
  INFO(plain.messages());
  CHECK_FALSE(plain.report.failed());
  CHECK(contains(plain.bytes("a/index.html"), "templates/page.html"));
  CHECK(contains(plain.bytes("a/index.html"), "<p>text</p>"));
  const Built missing =
      build_site(with_templates({{"content/a.md", front("template = \"nope.html\"")}}));
  CHECK(missing.report.failed());
  CHECK(contains(missing.messages(), "content/a.md:2:1"));
  CHECK(contains(missing.messages(), "nope.html"));
}

TEST_CASE("a site without any template is dressed in the built-in theme", "[site]") {
  const Built built = build_site(
      {{"content/_index.md", front("title = \"Home\"")},
       {"content/blog/_index.md", front("title = \"Blog\"\nsort_by = \"date\"\npaginate_by = 5")},
       {"content/blog/a.md", front("title = \"A\"\ndate = 2024-01-01") + "## Head\n\ntext\n"}});
  INFO(built.messages());
  CHECK_FALSE(built.report.failed());
  CHECK(contains(built.bytes("blog/a/index.html"), "<!doctype html>"));
  CHECK(contains(built.bytes("index.html"), "Home"));
}
