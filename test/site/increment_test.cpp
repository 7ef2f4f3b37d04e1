// Goal: after any sequence of edits an incremental build makes, byte for byte, what a clean build
// makes (S-73), and renders no more than what read something that changed (S-71). Method: a site
// that uses each kind of read, random edits to every kind of file, each result against a clean
// build. The sources have times of their own, so that it is the looks and not their bytes that
// decide.

#include "site/increment.h"
#include "site/image.h"
#include "site/memory_site.h"
#include "site/resident.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <cstdlib>

#include <random>
#include <set>

#include <unistd.h>

using namespace weir;
using namespace weir::site;

namespace {

// Files with times: each write is a second later than the one before, long ago.
class EditedSource final : public SiteSource {
 public:
  Result<RootDirectory::Listing> list(std::string_view directory) const override {
    RootDirectory::Listing listing;
    const std::string prefix = directory.empty() ? "" : std::string(directory) + '/';
    for (const auto& [path, file] : files_)
      if (path.starts_with(prefix)) listing.files.push_back(found(path, file));
    return listing;
  }
  Result<std::string> read(std::string_view path) const override {
    const auto at = files_.find(path);
    if (at == files_.end()) return Error{Errc::missing, "no file " + std::string(path)};
    reads_.insert(at->first);
    return at->second.bytes;
  }
  Result<bool> exists(std::string_view path) const override {
    return files_.find(path) != files_.end();
  }
  Result<std::optional<FoundFile>> look(std::string_view path) const override {
    const auto at = files_.find(path);
    if (at == files_.end()) return std::optional<FoundFile>();
    return std::optional<FoundFile>(found(at->first, at->second));
  }
  void write(const std::string& path, std::string bytes) {
    files_[path] = {std::move(bytes), now_ += 1'000'000'000};
    touched.push_back(path);
  }
  void remove(const std::string& path) {
    files_.erase(path);
    touched.push_back(path);
  }
  std::vector<std::string> touched;
  bool has(const std::string& path) const { return files_.count(path) != 0; }
  std::string bytes(const std::string& path) const { return files_.at(path).bytes; }
  std::set<std::string> take_reads() { return std::move(reads_); }

 private:
  struct File {
    std::string bytes;
    std::int64_t written_ns = 0;
  };
  static FoundFile found(const std::string& path, const File& file) {
    return {path, file.bytes.size(), file.written_ns, file.written_ns};
  }
  std::map<std::string, File, std::less<>> files_;
  mutable std::set<std::string> reads_;  // builds of one thread only
  std::int64_t now_ = 1'000'000'000;
};

using Outputs = std::map<std::string, Output>;

class KeepingSink final : public OutputSink {
 public:
  explicit KeepingSink(const Outputs* before) : before_(before) {}
  Status put(Output&& output) override {
    rendered.insert(output.file);
    std::string file = output.file;
    outputs.insert_or_assign(std::move(file), std::move(output));
    return done;
  }
  bool keep(const std::string& file, const std::string& path) override {
    const auto at = before_->find(file);
    if (at == before_->end() || at->second.path != path) return false;
    outputs.insert_or_assign(file, at->second);
    return true;
  }
  bool holds(const std::string& file, const std::string& path) const override {
    const auto at = before_->find(file);
    return at != before_->end() && at->second.path == path;
  }
  Outputs outputs;
  std::set<std::string> rendered;

 private:
  const Outputs* before_;
};

// One author's desk: a site, what was built last, and what that build remembers.
class Desk {
 public:
  EditedSource source;
  Outputs outputs;
  std::optional<BuildMemory> memory;
  std::set<std::string> rendered;
  ManualClock clock{Wall{1'710'000'000'000'000'000}};

  BuildOptions options() const {
    BuildOptions options;
    options.clock = &clock;
    options.threads = 1;
    return options;
  }
  BuildReport build_again() {
    BuildOptions options = this->options();
    options.remembers = true;
    options.before = memory ? &*memory : nullptr;
    KeepingSink sink(&outputs);
    BuildReport report = build(source, options, sink);
    if (report.failed()) return report;
    outputs = std::move(sink.outputs);
    rendered = std::move(sink.rendered);
    // By way of its text, as another process would get it.
    memory = decode_memory(encode_memory(report.memory));
    REQUIRE(memory.has_value());
    return report;
  }
  std::pair<BuildReport, Outputs> clean() const {
    KeepingSink sink(&outputs);
    BuildReport report = build(source, options(), sink);
    return {std::move(report), std::move(sink.outputs)};
  }
};

void require_same(const Outputs& incremental, const Outputs& clean) {
  std::string differences;
  for (const auto& [file, output] : clean) {
    const auto at = incremental.find(file);
    if (at == incremental.end()) differences += "missing " + file + "\n";
    else if (at->second.bytes != output.bytes) {
      differences += "differs " + file + "\nincremental:\n" + at->second.bytes.substr(0, 3000) +
                     "\nclean:\n" + output.bytes.substr(0, 3000) + "\n";
    } else if (at->second.tags != output.tags) {
      differences += "other tags " + file + "\n";
    }
  }
  for (const auto& [file, output] : incremental)
    if (clean.count(file) == 0) differences += "too many " + file + "\n";
  INFO(differences);
  REQUIRE(differences.empty());
}

std::string page_text(int number, std::string_view title, std::string_view more,
                      std::string_view body) {
  return "+++\ntitle = \"" + std::string(title) + "\"\nweight = " + std::to_string(number % 7) +
         "\ndate = 2024-01-" + (number % 28 < 9 ? "0" : "") + std::to_string(number % 28 + 1) +
         '\n' + std::string(more) + "\n+++\n" + std::string(body) + '\n';
}

void write_site(EditedSource& source, const std::string& settings = "") {
  source.write(
      "config.toml",
      settings +
          "base_url = \"https://e.org\"\ntitle = \"T\"\ngenerate_feeds = true\n"
          "default_language = \"en\"\n"
          "taxonomies = [{ name = \"tags\", feed = true, paginate_by = 3 }]\n"
          "[languages.fr]\ntaxonomies = [{ name = \"tags\" }]\n[extra]\ncolour = \"red\"\n");
  source.write("templates/macros.html", "{% macro mark(x) %}<{{ x }}>{% endmacro %}");
  source.write("templates/nav.html",
               "{% set blog = get_section(path=\"blog/_index.md\") %}{{ blog.title }} "
               "{{ blog.pages | length }} {{ config.extra.colour }}");
  source.write("templates/base.html",
               "{% import \"macros.html\" as m %}<nav>{% include \"nav.html\" %}</nav>"
               "{{ m::mark(x=lang) }}{% block main %}{% endblock %}"
               "{{ get_url(path=\"s.css\", cachebust=true) }}"
               "{{ now() | date(format=\"%Y-%m-%d\") }}");
  source.write(
      "templates/page.html",
      "{% extends \"base.html\" %}{% block main %}{{ page.title }}|{{ page.word_count }}|"
      "{{ page.content | safe }}|{% if page.lower %}{{ page.lower.title }}{% endif %}|"
      "{% if page.higher %}{{ page.higher.title }}{% endif %}|"
      "{% for b in page.backlinks %}{{ b.title }},{% endfor %}|"
      "{% for t in page.translations %}{{ t.title }},{% endfor %}|"
      "{% for h in page.toc %}{{ h.id }},{% endfor %}|{{ page.ancestors | join(sep=\",\") }}|"
      "{% for t in page.taxonomies.tags | default(value=[]) %}"
      "{{ get_taxonomy_url(kind=\"tags\", name=t, lang=page.lang) }},{% endfor %}"
      "{% endblock %}");
  source.write("templates/section.html",
               "{% extends \"base.html\" %}{% block main %}{{ section.title }}|"
               "{{ section.content | safe }}|{% for p in section.pages %}{{ p.title }} "
               "{{ p.date }},{% endfor %}|{% for s in section.subsections %}"
               "{% set sub = get_section(path=s) %}{{ sub.title }}{{ sub.pages | length }},"
               "{% endfor %}|{% set d = load_data(path=\"data.json\", required=false) %}"
               "{% if d %}{{ d.x }}{% endif %}{% endblock %}");
  source.write("templates/index.html",
               "{% extends \"base.html\" %}{% block main %}{% set s = "
               "get_section(path=\"blog/_index.md\") %}{% for p in s.pages %}{{ p.summary }}"
               "{{ p.reading_time }},{% endfor %}{% set tax = get_taxonomy(kind=\"tags\") %}"
               "{% for t in tax.items %}{{ t.name }}{{ t.page_count }},{% endfor %}"
               "{% set term = get_taxonomy_term(kind=\"tags\", term=\"rare\", required=false) %}"
               "{% if term %}{{ term.name }}{% endif %}{% endblock %}");
  source.write("templates/list.html",
               "{% for p in section.pages %}{{ p.title }},{% endfor %}{{ section.title }}");
  source.write("templates/list2.html",
               "{{ page.title }} {{ page.description }}{{ page.extra.a | default(value=0) }}");
  source.write("templates/taxonomy_list.html", "{% for t in terms %}{{ t.name }},{% endfor %}");
  source.write(
      "templates/taxonomy_single.html",
      "{{ term.name }}{% if paginator %}{% for p in paginator.pages %}{{ p.title }},"
      "{% endfor %}{% else %}{% for p in term.pages %}{{ p.title }},{% endfor %}{% endif %}");
  source.write("templates/shortcodes/other.html",
               "{% set p = get_page(path=path) %}[{{ p.title }} {{ p.word_count }}]");
  source.write("templates/shortcodes/value.html",
               "{% set d = load_data(path=\"data.json\", required=false) %}"
               "{% if d %}{{ d.x }}{% endif %}{{ nth }}"
               "{{ now(timestamp=true) | date(format=\"%a %H\", timezone=\"Asia/Tokyo\") }}");
  source.write("content/_index.md", "+++\ntitle = \"Home\"\n+++\n");
  source.write("content/blog/_index.md",
               "+++\ntitle = \"Blog\"\nsort_by = \"date\"\n+++\nHello {{ value() }}\n");
  source.write("content/blog/deep/_index.md",
               "+++\ntitle = \"Deep\"\nsort_by = \"weight\"\ntransparent = false\n"
               "template = \"list.html\"\n+++\n");
  source.write("data.json", "{\"x\": 1}");
  source.write("static/s.css", "a{}");
  for (int i = 0; i < 12; ++i) {
    const std::string directory = i % 3 == 0 ? "content/blog/deep/" : "content/blog/";
    source.write(directory + "p" + std::to_string(i) + ".md",
                 page_text(i, "Page " + std::to_string(i),
                           i % 2 == 0 ? "[taxonomies]\ntags = [\"a\", \"b\"]" : "",
                           "Words.\n\n<!-- more -->\n\n## Head " + std::to_string(i)));
  }
}

// One random thing that authors do.
class Author {
 public:
  Author(EditedSource& source, std::uint32_t seed) : source_(source), random_(seed) {}

  std::string edit() {
    switch (below(33)) {
      case 0:
      case 1:
      case 2: return body("More words " + number() + ".");
      case 3: return body("## New head " + number());
      case 4: return body("A [link](@/" + any_page().substr(8) + ") to follow.");
      case 5: return body("{{ other(path=\"" + any_page().substr(8) + "\") }}");
      case 6: return body("{{ value() }} and {{ value() }}");
      case 7:
      case 8: return rewrite("Title " + number(), "");
      case 9: return rewrite("Tagged", "[taxonomies]\ntags = [\"a\", \"" + word() + "\"]");
      case 10:
        return rewrite("Draft", below(2) == 0 ? "draft = true" : "slug = \"s" + number() + '"');
      case 11: return rewrite("Old", "aliases = [\"old/" + number() + "\"]");
      case 12: {
        const std::string path = "content/blog/" + std::string(below(2) == 0 ? "deep/" : "") + "n" +
                                 number() + (below(4) == 0 ? ".fr.md" : ".md");
        source_.write(path, page_text(below(28), "New", "", "New **page**."));
        return "new " + path;
      }
      case 13: {
        const std::string path = any_page();
        source_.remove(path);
        return "removed " + path;
      }
      case 14: {
        const std::string path = any_page();
        const std::string target = "content/blog/moved" + number() + ".md";
        source_.write(target, source_.bytes(path));
        source_.remove(path);
        return "moved " + path + " to " + target;
      }
      case 15: {
        const char* const names[] = {"macros",          "nav",   "base", "page",
                                     "section",         "index", "list", "taxonomy_single",
                                     "shortcodes/value"};
        const std::string path =
            "templates/" + std::string(names[below(std::size(names))]) + ".html";
        std::string text = source_.bytes(path);
        // Where every template shows it: in front of what is printed last.
        const std::size_t at = text.rfind("{{");
        text.insert(at == std::string::npos ? 0 : at, "v" + number());
        if (path == "templates/macros.html")
          text = "{% macro mark(x) %}<{{ x }}" + number() + ">{% endmacro %}";
        source_.write(path, text);
        return "template " + path;
      }
      case 16:
        if (below(3) == 0) source_.remove("data.json");
        else source_.write("data.json", "{\"x\": " + number() + "}");
        return "data";
      case 17:
        source_.write("static/s.css", "a{b:" + number() + "}");
        if (below(2) == 0) source_.write("static/n" + number(), "static");
        return "static";
      case 18: {
        std::string text = source_.bytes("config.toml");
        text.replace(text.find("colour = \""),
                     text.find('\n', text.find("colour")) - text.find("colour"),
                     "colour = \"c" + number() + "\"");
        source_.write("config.toml", text);
        return "config";
      }
      case 19: {
        const char* const orders[] = {"date", "weight", "title", "none"};
        source_.write("content/blog/_index.md",
                      "+++\ntitle = \"Blog " + number() + "\"\nsort_by = \"" + orders[below(4)] +
                          "\"\n" +
                          (below(2) == 0 ? "paginate_by = 3\ngenerate_feeds = true\ntemplate "
                                           "= \"list.html\"\n"
                                         : "") +
                          "+++\nHello {{ value() }}\n");
        return "section";
      }
      case 20: {
        source_.write("content/blog/deep/_index.md",
                      "+++\ntitle = \"Deep\"\nsort_by = \"weight\"\ntransparent = " +
                          std::string(below(2) == 0 ? "true" : "false") + "\n+++\n");
        return "transparent";
      }
      case 21:
      case 22: return line_of(any_page(), "title", '"' + word() + ' ' + number() + '"');
      case 23: return line_of(any_page(), "weight", std::to_string(below(9)));
      case 24: return line_of(any_page(), "date", "2024-0" + std::to_string(1 + below(9)) + "-07");
      case 25: {
        const char* const lines[] = {"authors",  "description", "updated",
                                     "template", "extra",       "in_search_index"};
        const char* const values[] = {"[\"A\"]",    "\"D\"",
                                      "2024-02-03", "\"list2.html\"",
                                      "{ a = 1 }",  below(2) == 0 ? "true" : "false"};
        const std::size_t which = below(6);
        return line_of(any_page(), lines[which], values[which]);
      }
      case 26: {  // a term that others have too, or have not
        const std::string path = any_page();
        std::string text = source_.bytes(path);
        const std::size_t at = text.find("tags = [");
        if (at == std::string::npos) return line_of(path, "weight", "3");
        text.replace(at, text.find('\n', at) - at,
                     below(2) == 0 ? "tags = [\"a\", \"b\"]" : "tags = [\"" + word() + "\"]");
        source_.write(path, text);
        return "tags of " + path;
      }
      case 27: {  // another heading in the place of the last one
        const std::string path = any_page();
        std::string text = source_.bytes(path);
        const std::size_t at = text.rfind("## ");
        if (at == std::string::npos) return body("## Head " + number());
        text.replace(at, text.find('\n', at) - at, "## Turn " + std::to_string(below(3)));
        source_.write(path, text);
        return "a heading of " + path;
      }
      case 28: {  // a link to a heading, that may not be there, or may go
        const std::string target = any_page();
        const std::string text = source_.bytes(target);
        const std::size_t at = text.rfind("## Turn ");
        const std::string id =
            at == std::string::npos ? "turn-0" : "turn-" + text.substr(at + 8, 1);
        return body("To [a heading](@/" + target.substr(8) + '#' + id + ").");
      }
      case 29: {  // the links of a page go
        const std::string path = any_page();
        std::string text = source_.bytes(path);
        const std::size_t at = text.find("](@/");
        if (at == std::string::npos) return body("No link.");
        text.replace(at, text.find(')', at) - at, "](https://e.org/");
        source_.write(path, text);
        return "a link less in " + path;
      }
      case 30: return line_of("content/blog/_index.md", "title", "\"Blog " + number() + '"');
      case 31: return line_of("content/blog/deep/_index.md", "weight", std::to_string(below(5)));
      default: {
        const std::string path = "templates/extra" + std::to_string(below(2)) + ".html";
        if (source_.has(path)) source_.remove(path);
        else source_.write(path, "extra");
        return "a template came or went";
      }
    }
  }

 private:
  std::uint32_t below(std::size_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  std::string number() { return std::to_string(random_() % 10'000); }
  std::string word() {
    const char* const words[] = {"a", "b", "rare", "new one"};
    return words[below(4)];
  }
  std::string any_page() {
    std::vector<std::string> pages;
    const auto listing = source_.list("content");
    for (const FoundFile& file : listing->files)
      if (!file.path.ends_with("_index.md")) pages.push_back(file.path);
    if (pages.empty()) {
      source_.write("content/blog/first.md", page_text(1, "First", "", "Text."));
      return "content/blog/first.md";
    }
    return pages[below(pages.size())];
  }
  std::string body(const std::string& text) {
    const std::string path = any_page();
    source_.write(path, source_.bytes(path) + "\n" + text + "\n");
    return "body of " + path + ": " + text;
  }
  // That key of the front matter, which is there or not, in the first of its lines.
  std::string line_of(const std::string& path, const std::string& key, const std::string& value) {
    std::string text = source_.bytes(path);
    const std::size_t at = text.find('\n' + key + " = ");
    if (at != std::string::npos) text.erase(at, text.find('\n', at + 1) - at);
    text.insert(4, key + " = " + value + '\n');
    source_.write(path, text);
    return key + " of " + path + ": " + value;
  }
  std::string rewrite(const std::string& title, const std::string& more) {
    const std::string path = any_page();
    source_.write(path, page_text(static_cast<int>(below(28)), title, more,
                                  "Fresh.\n\n<!-- more -->\n\nRest."));
    return "rewrote " + path + ": " + more;
  }

  EditedSource& source_;
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("S-73: after any edit an incremental build is a clean build", "[site][increment]") {
  const std::size_t edits = weir::test::rounds(120, 1'000);
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    Desk desk;
    write_site(desk.source, seed % 2 == 0 ? "build_search_index = true\n" : "");
    REQUIRE_FALSE(desk.build_again().failed());
    Author author(desk.source, seed);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < edits / 4; ++i) {
      const EditedSource before = desk.source;
      const std::string what = author.edit();
      desk.clock.advance(std::chrono::minutes(100));
      const BuildReport report = desk.build_again();
      const auto [clean_report, clean] = desk.clean();
      INFO("seed " << seed << ", edit " << i << ": " << what);
      REQUIRE(report.failed() == clean_report.failed());
      REQUIRE(report.errors == clean_report.errors);
      if (report.failed()) {
        desk.source = before;  // the author takes it back, and goes on from the last good build
        continue;
      }
      kept += report.kept;
      REQUIRE(report.warnings == clean_report.warnings);
      require_same(desk.outputs, clean);
    }
    CHECK(kept > 0);
  }
}

TEST_CASE("S-73: a resident builder keeps up with any edit", "[site][increment]") {
  const std::size_t edits = weir::test::rounds(120, 1'000);
  std::map<std::string, std::size_t> edited_in_place;  // by the first word of what was done
  for (std::uint32_t seed = 11; seed <= 14; ++seed) {
    Desk desk;
    write_site(desk.source, seed % 2 == 0 ? "build_search_index = true\n" : "");
    ResidentBuilder builder(desk.source, desk.options());
    REQUIRE_FALSE(builder.build().report.failed());
    Author author(desk.source, seed);
    std::vector<std::string> touched;
    for (std::size_t i = 0; i < edits / 4; ++i) {
      const EditedSource before = desk.source;
      desk.source.touched.clear();
      const std::string what = author.edit();
      // Not at every edit: while the hour that bodies show stays, they are edited in place.
      if (i % 8 == 0) desk.clock.advance(std::chrono::minutes(100));
      touched.insert(touched.end(), desk.source.touched.begin(), desk.source.touched.end());
      const ResidentBuilder::Result result = builder.build(touched);
      const auto [clean_report, clean] = desk.clean();
      INFO("seed " << seed << ", edit " << i << ": " << what);
      REQUIRE(result.report.failed() == clean_report.failed());
      if (result.report.failed()) {
        // Taken back: every file of that edit is written once more, as it was.
        const std::vector<std::string> files = desk.source.touched;
        desk.source = before;
        touched = files;
        continue;
      }
      touched.clear();
      if (!result.is_same && result.report.phases.empty()) {
        ++edited_in_place[what.substr(0, what.find(' '))];
      }
      std::string differences;
      for (const auto& [file, output] : clean) {
        const std::shared_ptr<const Output> held = builder.find(output.path);
        if (held == nullptr || held->bytes != output.bytes || held->tags != output.tags)
          differences += output.path + "\n";
      }
      INFO(differences);
      REQUIRE(differences.empty());
    }
  }
  for (const char* const kind : {"body", "title", "weight", "date"}) {
    INFO(kind);
    CHECK(edited_in_place[kind] > 0);
  }
}

TEST_CASE("S-76: whatever is new in content is made where the site stands", "[site][increment]") {
  struct Edit {
    const char* what;
    const char* file;
    const char* find;  // "" = the end of the file
    const char* put;
    bool is_in_place = true;
  };
  const char* const p1 = "content/blog/p1.md";
  const char* const p2 = "content/blog/p2.md";
  const Edit edits[] = {
      {"a body", p1, "", "More words.\n"},
      {"a title", p1, "Page 1", "Another"},
      {"a title that bodies of others show", "content/blog/p5.md", "Page 5", "Fifth"},
      {"a date: elsewhere in its section", p1, "2024-01-02", "2024-01-20"},
      {"a date: the newest of all, in terms too", p2, "2024-01-03", "2024-02-20"},
      {"a date that goes", p2, "date = 2024-02-20", "description = \"d\""},
      {"a date that comes", p2, "description = \"d\"", "date = 2023-01-01"},
      {"a weight", "content/blog/deep/p3.md", "weight = 3", "weight = 6"},
      {"a weight that goes", "content/blog/deep/p3.md", "weight = 6", "authors = [\"A\"]"},
      {"a weight that comes", "content/blog/deep/p3.md", "authors = [\"A\"]", "weight = 1"},
      {"a heading", p1, "## Head 1", "## Heading one"},
      {"a heading more", p1, "", "\n## And two\n"},
      {"a link to a heading", p2, "", "\n[There](@/blog/p1.md#and-two)\n"},
      {"a link to a page", p2, "", "\n[There](@/blog/p7.md)\n"},
      {"a title of a page that is linked from", p2, "Page 2", "Second"},
      {"a link that goes", p2, "](@/blog/p7.md)", "](https://e.org/)"},
      {"a term less", "content/blog/p4.md", "[\"a\", \"b\"]", "[\"a\"]"},
      {"a term more", "content/blog/p4.md", "[\"a\"]", "[\"b\", \"a\"]"},
      {"another template", p1, "weight = 1", "weight = 1\ntemplate = \"list2.html\""},
      {"out of the search index", p2, "weight = 2", "weight = 2\nin_search_index = false"},
      {"into the search index", p2, "in_search_index = false", "in_search_index = true"},
      {"a title of a section", "content/blog/_index.md", "\"Blog\"", "\"Journal\""},
      {"a weight of a section", "content/blog/deep/_index.md", "sort_by", "weight = 2\nsort_by"},
      {"a heading that is linked to", p1, "## And two", "## And three", false},
      {"a heading that comes back", p1, "## And three", "## And two", false},
      {"another slug", p1, "weight = 1", "weight = 1\nslug = \"other\"", false},
      {"a term of its own", "content/blog/p4.md", "[\"b\", \"a\"]", "[\"own\"]", false},
      {"a draft", p2, "weight = 2", "weight = 2\ndraft = true", false},
  };
  for (const char* const settings : {"", "build_search_index = true\n"}) {
    Desk desk;
    write_site(desk.source, settings);
    desk.source.write("content/blog/p7.md",
                      desk.source.bytes("content/blog/p7.md") +
                          "\n{{ other(path=\"blog/p5.md\") }} [five](@/blog/p5.md)\n");
    ResidentBuilder builder(desk.source, desk.options());
    REQUIRE_FALSE(builder.build().report.failed());
    for (const Edit& edit : edits) {
      INFO(settings << edit.what);
      std::string text = desk.source.bytes(edit.file);
      const std::string_view find = edit.find;
      const std::size_t at = find.empty() ? text.size() : text.find(find);
      REQUIRE(at != std::string::npos);
      text.replace(at, find.size(), edit.put);
      desk.source.write(edit.file, text);
      const std::string written[] = {edit.file};
      const ResidentBuilder::Result result = builder.build(written);
      CHECK(result.report.phases.empty() == edit.is_in_place);
      const auto [report, clean] = desk.clean();
      REQUIRE(report.failed() == result.report.failed());
      for (const auto& [file, output] : clean) {
        INFO(file);
        const std::shared_ptr<const Output> held = builder.find(output.path);
        if (report.failed()) continue;
        REQUIRE(held != nullptr);
        CHECK(held->bytes == output.bytes);
        CHECK(held->tags == output.tags);
      }
    }
  }
}

TEST_CASE("S-76: after a build that failed no edit is made in the site of before",
          "[site][increment]") {
  Desk desk;
  write_site(desk.source);
  ResidentBuilder builder(desk.source, desk.options());
  REQUIRE_FALSE(builder.build().report.failed());
  const std::string good = desk.source.bytes("content/blog/p1.md");
  // Many files at once, so that nobody can tell which: a page more, and one that is broken.
  desk.source.write("content/blog/more.md", page_text(9, "More", "", "More."));
  desk.source.write("content/blog/p1.md", good + "{{ no_such_shortcode() }}");
  REQUIRE(builder.build().report.failed());
  desk.source.write("content/blog/p1.md", good + "Mended.");
  const std::vector<std::string> written{"content/blog/p1.md"};
  REQUIRE_FALSE(builder.build(written).report.failed());
  for (const auto& [file, output] : desk.clean().second) {
    INFO(file);
    const std::shared_ptr<const Output> held = builder.find(output.path);
    REQUIRE(held != nullptr);
    CHECK(held->bytes == output.bytes);
  }
}

TEST_CASE("S-76: a file that is two pages, by way of a link, is never edited as one of them",
          "[site][increment]") {
  const weir::test::TemporaryDirectory directory;
  directory.write("config.toml", "base_url = \"https://e.org\"\n");
  directory.write("content/here/a.md", "+++\n+++\nOne.\n");
  directory.write("content/b.md", "+++\n+++\nBeside.\n");
  directory.write("templates/page.html", "{{ page.content | safe }}");
  directory.write("templates/index.html", "home");
  REQUIRE(::symlink("here", (directory / "content/there").c_str()) == 0);
  const auto source = DirectorySource::open(directory.path());
  REQUIRE(source);
  const ManualClock clock{Wall{1'710'000'000'000'000'000}};
  BuildOptions options;
  options.clock = &clock;
  ResidentBuilder builder(**source, options);
  REQUIRE_FALSE(builder.build().report.failed());
  REQUIRE(builder.find("/there/a/") != nullptr);

  directory.write("content/here/a.md", "+++\n+++\nAnother.\n");
  const std::string written[] = {"content/here/a.md"};
  REQUIRE_FALSE(builder.build(written).report.failed());
  CHECK(builder.find("/here/a/")->bytes.find("Another.") != std::string::npos);
  CHECK(builder.find("/there/a/")->bytes.find("Another.") != std::string::npos);

  directory.write("content/b.md", "+++\n+++\nAside.\n");
  const std::string alone[] = {"content/b.md"};
  CHECK(builder.build(alone).report.phases.empty());
  CHECK(builder.find("/b/")->bytes.find("Aside.") != std::string::npos);
}

TEST_CASE("S-71: an edit renders what reads it, and nothing else", "[site][increment]") {
  Desk desk;
  write_site(desk.source);
  REQUIRE_FALSE(desk.build_again().failed());
  const auto append = [&](const std::string& path, const std::string& text) {
    desk.source.write(path, desk.source.bytes(path) + text);
  };

  SECTION("nothing") {
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered.empty());
    const BuildOptions options = desk.options();
    CHECK(is_nothing_changed(desk.source, options, *desk.memory));
    append("static/s.css", "b{}");
    CHECK_FALSE(is_nothing_changed(desk.source, options, *desk.memory));
  }
  SECTION("a file that was written without a change of its bytes") {
    append("content/blog/p1.md", "");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered.empty());
  }
  SECTION("the day that every page shows, and the hour that one body does") {
    const BuildOptions options = desk.options();
    desk.clock.advance(std::chrono::minutes(5));
    CHECK(is_nothing_changed(desk.source, options, *desk.memory));
    desk.clock.advance(std::chrono::hours(1));
    CHECK_FALSE(is_nothing_changed(desk.source, options, *desk.memory));
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered.count("blog/index.html") == 1);  // its body has the hour
    CHECK(desk.rendered.count("blog/p1/index.html") == 0);
    desk.clock.advance(std::chrono::hours(24));
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered.count("blog/p1/index.html") == 1);
    CHECK(desk.rendered.count("s.css") == 0);
    require_same(desk.outputs, desk.clean().second);
    // The day before is a fact that nobody reads any more.
    CHECK(is_nothing_changed(desk.source, options, *desk.memory));
  }
  SECTION("a time that goes elsewhere than into a date: whoever reads it is made every time") {
    append("templates/list.html", "{% set t = now() %}{{ t | date }}");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.memory->has_unsettled != 0);
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered == std::set<std::string>{"blog/deep/index.html"});
  }
  SECTION("what the environment says: whoever reads it is made every time") {
    REQUIRE(::setenv("WEIR_TEST_WORD", "first", 1) == 0);
    append("templates/list.html", "{{ get_env(name=\"WEIR_TEST_WORD\") }}");
    REQUIRE_FALSE(desk.build_again().failed());
    REQUIRE(::setenv("WEIR_TEST_WORD", "second", 1) == 0);
    const BuildOptions options = desk.options();
    CHECK_FALSE(is_nothing_changed(desk.source, options, *desk.memory));
    REQUIRE_FALSE(desk.build_again().failed());
    require_same(desk.outputs, desk.clean().second);
    REQUIRE(::unsetenv("WEIR_TEST_WORD") == 0);
  }
  SECTION("the first page of a list that has pagers: the sitemap names the first of them") {
    desk.source.write("content/few/_index.md",
                      "+++\ntitle = \"Few\"\nsort_by = \"weight\"\npaginate_by = 3\n+++\n");
    desk.source.write("content/few/a.md", "+++\ntitle = \"A\"\n+++\n");
    REQUIRE_FALSE(desk.build_again().failed());
    REQUIRE(desk.outputs.count("sitemap.xml") == 1);
    CHECK(desk.outputs.at("sitemap.xml").bytes.find("/few/page/1/") == std::string::npos);
    desk.source.write("content/few/a.md", "+++\ntitle = \"A\"\nweight = 1\n+++\n");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.outputs.at("sitemap.xml").bytes.find("/few/page/1/") != std::string::npos);
    require_same(desk.outputs, desk.clean().second);
    desk.source.write("content/few/a.md", "+++\ntitle = \"A\"\n+++\n");
    REQUIRE_FALSE(desk.build_again().failed());
    require_same(desk.outputs, desk.clean().second);
  }
  SECTION("what is written over and over does not pile up in the memory") {
    const std::size_t bytes = encode_memory(*desk.memory).size();
    for (int i = 0; i < 200; ++i) {
      if (i % 20 == 0) desk.source.write("content/blog/deep/p3.md", page_text(3, "P", "", "Text."));
      append("content/blog/deep/p3.md", i % 2 == 0 ? "\n## A head" : "\n[A](@/blog/p1.md)");
      REQUIRE_FALSE(desk.build_again().failed());
    }
    CHECK(encode_memory(*desk.memory).size() < 3 * bytes);
    require_same(desk.outputs, desk.clean().second);
  }
  SECTION("a body: its page; not the lists of titles, nor the feeds, which print the summary") {
    append("content/blog/deep/p3.md", "\nStrange words.\n");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered == std::set<std::string>{"blog/deep/p3/index.html"});
  }
  SECTION("a static file in the place of a page, and away again") {
    desk.source.write("static/blog/p1/index.html", "by hand");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.outputs.at("blog/p1/index.html").bytes == "by hand");
    append("content/blog/p1.md", "\nWords.\n");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.outputs.at("blog/p1/index.html").bytes == "by hand");
    desk.source.remove("static/blog/p1/index.html");
    REQUIRE_FALSE(desk.build_again().failed());
    require_same(desk.outputs, desk.clean().second);
  }
  SECTION("front matter and bodies at once, and front matter taken back") {
    const std::string before = desk.source.bytes("content/blog/p1.md");
    desk.source.write("content/blog/p1.md", page_text(5, "Other", "", "Words."));
    append("content/blog/p2.md", "\nWords.\n");
    REQUIRE_FALSE(desk.build_again().failed());
    require_same(desk.outputs, desk.clean().second);
    desk.source.write("content/blog/p1.md", before);
    REQUIRE_FALSE(desk.build_again().failed());
    require_same(desk.outputs, desk.clean().second);
  }
  SECTION("a file that nothing but an optional load_data may read comes back") {
    desk.source.remove("data.json");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered.count("blog/index.html") == 1);
    CHECK(desk.rendered.count("blog/p1/index.html") == 0);
    desk.source.write("data.json", "{\"x\": 7}");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.outputs.at("blog/index.html").bytes.find('7') != std::string::npos);
  }
  SECTION("only the changed file is read again") {
    append("content/blog/deep/p3.md", "\nWords.\n");
    (void)desk.source.take_reads();
    REQUIRE_FALSE(desk.build_again().failed());
    std::set<std::string> contents;
    for (const std::string& file : desk.source.take_reads())
      if (file.starts_with("content/")) contents.insert(file);
    CHECK(contents == std::set<std::string>{"content/blog/deep/p3.md"});
  }
}

TEST_CASE("S-71: a page with a resized image is made again when the image, or the page, is new",
          "[site][increment]") {
  const auto picture = [](std::uint32_t side) {
    return encode_png(Image::of(side, side).value()).value();
  };
  Desk desk;
  desk.source.write("config.toml", "base_url = \"https://e.org\"\n");
  desk.source.write("content/a.png", picture(8));
  desk.source.write("content/a.md", "+++\n+++\n{{ small(path=\"a.png\") }}\n");
  desk.source.write("content/b.md", "+++\n+++\nNo image.\n");
  desk.source.write("templates/page.html", "{{ page.content | safe }}");
  desk.source.write("templates/index.html", "home");
  desk.source.write("templates/shortcodes/small.html",
                    "{% set i = resize_image(path=path, width=4, height=4) %}{{ i.url }}");
  REQUIRE_FALSE(desk.build_again().failed());
  const auto images = [&] {
    return std::count_if(desk.outputs.begin(), desk.outputs.end(), [](const auto& output) {
      return output.first.starts_with("processed_images/");
    });
  };
  REQUIRE(images() == 1);
  CHECK(desk.memory->has_unsettled == 0);
  CHECK(is_nothing_changed(desk.source, desk.options(), *desk.memory));

  SECTION("neither") {
    desk.source.write("content/b.md", "+++\n+++\nStill none.\n");
    const BuildReport report = desk.build_again();
    CHECK(desk.rendered == std::set<std::string>{"b/index.html"});
    CHECK(report.outputs == desk.outputs.size());
  }
  SECTION("the image") {
    desk.source.write("content/a.png", picture(9));
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(desk.rendered.count("a/index.html") == 1);
  }
  SECTION("the page, which shows none any more") {
    desk.source.write("content/a.md", "+++\n+++\nGone.\n");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(images() == 0);
  }
  SECTION("the template around the body") {
    desk.source.write("templates/page.html", "new {{ page.content | safe }}");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(images() == 1);
  }
  SECTION("nor the one nor the other, but the output that is there no more") {
    std::erase_if(desk.outputs,
                  [](const auto& output) { return output.first.starts_with("processed_images/"); });
    desk.source.write("content/b.md", "+++\n+++\nStill none.\n");
    REQUIRE_FALSE(desk.build_again().failed());
    CHECK(images() == 1);
  }
  SECTION("in a builder that stays") {
    ResidentBuilder builder(desk.source, desk.options());
    REQUIRE_FALSE(builder.build().report.failed());
    const auto find_image = [&](bool is_there) {
      for (const auto& [file, output] : desk.outputs)
        if (file.starts_with("processed_images/"))
          CHECK((builder.find(output.path) != nullptr) == is_there);
    };
    find_image(true);
    desk.source.write("content/b.md", "+++\n+++\nStill none.\n");
    REQUIRE_FALSE(builder.build(std::vector<std::string>{"content/b.md"}).report.failed());
    find_image(true);
    desk.source.write("content/a.md", "+++\n+++\nGone.\n");
    REQUIRE_FALSE(builder.build(std::vector<std::string>{"content/a.md"}).report.failed());
    find_image(false);
    REQUIRE_FALSE(desk.build_again().failed());
  }
  require_same(desk.outputs, desk.clean().second);
}

TEST_CASE("S-74: a memory that is torn or foreign is none", "[site][increment]") {
  Desk desk;
  write_site(desk.source);
  REQUIRE_FALSE(desk.build_again().failed());
  const std::string text = encode_memory(*desk.memory);
  REQUIRE(decode_memory(text).has_value());
  CHECK_FALSE(decode_memory("").has_value());
  for (std::size_t bytes = 0; bytes < text.size(); bytes += 101)
    CHECK_FALSE(decode_memory(text.substr(0, bytes)).has_value());
  for (std::size_t at = 0; at < text.size(); at += 97) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    CHECK_FALSE(decode_memory(changed).has_value());
  }
}
