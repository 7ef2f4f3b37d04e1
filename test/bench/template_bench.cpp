// Question: what does a page cost in the template engine, and does a list of pages cost memory?
// Budget: 10,000 pages of a usual layout (base, macros, includes, 20 links in a side bar, tags, a
// body of 3 KB) in at most 0.5 s of CPU; a list of 10,000 pages that reads permalink and title
// allocates, besides the output, at most 64 bytes per page (S-66). Exits with 1 above the budget.

#include "base/clock.h"
#include "template/engine.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace {
std::atomic<std::size_t> allocated_bytes{0};
std::atomic<std::size_t> allocations{0};
}  // namespace

void* operator new(std::size_t bytes) {
  allocated_bytes += bytes;
  ++allocations;
  if (void* block = std::malloc(bytes)) return block;
  std::abort();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace weir::tmpl {
namespace {

// What the site's library does: fields are read on demand and lent.
class Page final : public ObjectView {
 public:
  explicit Page(std::size_t number)
      : title_("Page number " + std::to_string(number) + " & friends"),
        permalink_("https://example.org/blog/page-" + std::to_string(number) + "/"),
        content_(3'000, 'x'),
        tags_(Value::array({Value::text("river"), Value::text("stone"), Value::text("bridge")})) {}

  Value find(std::string_view name, Recorder*) const override {
    if (name == "title") return Value::lend(std::string_view(title_));
    if (name == "permalink") return Value::lend(std::string_view(permalink_));
    if (name == "content") return Value::lend(std::string_view(content_));
    if (name == "date") return Value::lend(std::string_view("2024-02-29T10:00:00Z"));
    if (name == "tags") return Value::lend(tags_);
    if (name == "reading_time") return 4;
    return {};
  }
  std::size_t count() const override { return 6; }
  std::string_view name_at(std::size_t index) const override {
    constexpr std::string_view names[] = {"title", "permalink", "content",
                                          "date",  "tags",      "reading_time"};
    return names[index];
  }

 private:
  std::string title_, permalink_, content_;
  Value tags_;
};

class Pages final : public ArrayView {
 public:
  Pages(const std::deque<Page>& pages, std::size_t count) : pages_(pages), count_(count) {}
  std::size_t count() const override { return count_; }
  Value at(std::size_t index, Recorder*) const override { return Value::lend(pages_[index]); }

 private:
  const std::deque<Page>& pages_;
  std::size_t count_;
};

constexpr std::string_view base = R"(<!doctype html>
<html lang="{{ lang }}"><head><meta charset="utf-8">
<title>{% block title %}{{ config.title }}{% endblock %}</title>
{% if config.description %}<meta name="description" content="{{ config.description }}">{% endif -%}
<link rel="stylesheet" href="{{ get_url(path="style.css") }}">
</head><body>
{% include "nav.html" %}
<main>{% block content %}{% endblock %}</main>
<aside><ul>{% for other in recent %}<li{% if loop.first %} class="first"{% endif %}><a href="{{ other.permalink | safe }}">{{ other.title }}</a></li>
{% endfor %}</ul></aside>
<footer>{{ config.title | upper }} {{ config.extra.year }}</footer></body></html>
)";
constexpr std::string_view page = R"({% extends "base.html" %}{% import "macros.html" as macros %}
{% block title %}{{ page.title }} - {{ super() }}{% endblock %}
{% block content %}<article><h1>{{ page.title }}</h1>
{{ macros::meta(page=page) }}
{{ page.content | safe }}
{% set tags = page.tags | sort -%}
{% if tags %}<ul>{% for tag in tags %}<li><a href="{{ get_url(path="tags/" ~ tag) }}">#{{ tag }}</a></li>{% endfor %}</ul>{% endif %}
{% if page.lower %}<a href="{{ page.lower.permalink }}">{{ page.lower.title }}</a>{% endif %}
</article>{% endblock %})";
constexpr std::string_view macros = R"({% macro meta(page, long=false) -%}
<p><time datetime="{{ page.date }}">{{ page.date | date(format="%e %B %Y") }}</time> {{ page.reading_time }} minute{{ page.reading_time | pluralize }}{% if long %}, long{% endif %}</p>
{%- endmacro %})";
constexpr std::string_view nav =
    R"(<nav>{% for item in config.extra.menu %}<a href="{{ item.url }}"{% if item.url == current %} class="here"{% endif %}>{{ item.name }}</a>{% endfor %}</nav>)";
constexpr std::string_view list =
    R"({% for page in pages %}<a href="{{ page.permalink }}">{{ page.title }}</a>{% endfor %})";

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::string must_render(const Engine& engine, std::string_view name, const Context& context) {
  Result<std::string> result = engine.render(name, context);
  if (result.ok()) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(1);
}

int run() {
  constexpr std::size_t page_count = 10'000;
  std::deque<Page> pages;
  for (std::size_t i = 0; i < page_count; ++i) pages.emplace_back(i);
  const Pages all(pages, page_count);
  const Pages recent(pages, 20);

  const SystemClock clock;
  Engine engine(clock);
  engine.add_function("get_url", [](const Call& call) -> Result<Value> {
    const std::string_view path = TRY(call.text("path"));
    return Value::text_safe("https://example.org/" + std::string(path));
  });
  for (const auto& [name, source] :
       {std::pair{"base.html", base}, std::pair{"page.html", page},
        std::pair{"macros.html", macros}, std::pair{"nav.html", nav}, std::pair{"list.html", list}})
    engine.add_template(name, std::string(source), name);
  if (!engine.link().errors.empty()) return 1;

  std::vector<Value> menu;
  for (const std::string_view name : {"home", "blog", "about", "tags", "search"})
    menu.push_back(Value::object(
        {{"name", Value::text(name)}, {"url", Value::text("/" + std::string(name) + "/")}}));
  Context shared;
  shared.set(
      "config",
      Value::object(
          {{"title", Value::text("A river's journal")},
           {"description", Value::text("Notes on water")},
           {"extra", Value::object({{"menu", Value::array(std::move(menu))}, {"year", 2024}})}}));
  shared.set("lang", Value::text("en"));
  shared.set("current", Value::text("/blog/"));
  shared.set("recent", Value::lend(recent));

  double best = 1e9;
  std::size_t bytes = 0;
  std::size_t allocations_per_page = 0;
  for (int round = 0; round < 5; ++round) {
    const std::size_t before = allocations;
    const double start = cpu_seconds();
    bytes = 0;
    for (const Page& one : pages) {
      Context context(&shared);
      context.set("page", Value::lend(one));
      bytes += must_render(engine, "page.html", context).size();
    }
    best = std::min(best, cpu_seconds() - start);
    allocations_per_page = (allocations - before) / page_count;
  }
  std::printf(
      "10,000 pages: %.3f s CPU (budget 0.500), %.1f us and %zu allocations per page, %.1f KB "
      "each\n",
      best, best * 1e6 / page_count, allocations_per_page,
      static_cast<double>(bytes) / page_count / 1e3);

  Context context;
  context.set("pages", Value::lend(all));
  const double list_start = cpu_seconds();
  const std::size_t before = allocated_bytes;
  const std::string output = must_render(engine, "list.html", context);
  const std::size_t made = allocated_bytes - before;
  // The buffer grows by doubling: at most twice its final size is its own.
  const std::size_t beside = made > 2 * output.capacity() ? made - 2 * output.capacity() : 0;
  std::printf(
      "list of 10,000: %.1f ms CPU, %zu bytes allocated beside the output, %.2f per page (budget "
      "64)\n",
      (cpu_seconds() - list_start) * 1e3, beside, static_cast<double>(beside) / page_count);
  return best <= 0.5 && beside <= 64 * page_count ? 0 : 1;
}

}  // namespace
}  // namespace weir::tmpl

int main() { return weir::tmpl::run(); }
