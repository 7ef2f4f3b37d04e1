// The inverted index of elasticlunr 0.9.5 is a tree of characters for each field:
//
//   node = { "docs": { REF: { "tf": square root of the count } ... }, "df": count of docs,
//            CHARACTER: node ... }
//
// with documents and characters in order, beside the documents and the lengths of their fields.

#include "site/search_index.h"

#include "base/limits_site.h"
#include "site/site.h"
#include "text/json.h"
#include "text/search_text.h"
#include "text/stemmer.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <set>

namespace weir::site {

namespace {

struct Document {
  std::string_view url;
  std::string_view title;
  std::string_view description;
  std::string date;
  std::string_view path;
  std::string body;
};

void append_text(std::string& out, std::string_view text) {
  text::append_json(out, text::Value(std::string(text)));
}

class Collector {
 public:
  Collector(const Site& site, std::uint32_t language, ReadSet& reads)
      : site_(site), search_(site.config().languages[language].search), reads_(reads) {}

  Status section(SectionId id) {
    const Section& section = site_.library().sections[id];
    reads_.read({tmpl::ReadKind::section, tmpl::ReadGroup::list, id, section.relative_path});
    return add({false, id}, section, section.front.title, section.front.description, nullptr);
  }
  Status page(PageId id) {
    const Page& page = site_.library().pages[id];
    return add({true, id}, page, page.front.title, page.front.description, &page);
  }
  std::vector<Document> take() { return std::move(documents_); }

 private:
  template <class Text>
  Status add(ContentId id, const Content& content, const Text& title, const Text& description,
             const Page* page) {
    Document document;
    document.url = content.permalink;
    document.path = content.path;
    if (title) document.title = *title;
    if (description) document.description = *description;
    if (page != nullptr && page->front.date && search_.include_date)
      document.date = page->front.date->text;
    reads_.read({id.is_page ? tmpl::ReadKind::page : tmpl::ReadKind::section, tmpl::ReadGroup::meta,
                 id.id, content.relative_path});
    if (search_.include_content) {
      reads_.read({id.is_page ? tmpl::ReadKind::page : tmpl::ReadKind::section,
                   tmpl::ReadGroup::content, id.id, content.relative_path});
      const std::shared_ptr<const Rendered> rendered = TRY(site_.rendered(id, &reads_));
      document.body = text::search_text_of(rendered->html, search_.truncate_content_length);
    }
    documents_.push_back(std::move(document));
    return done;
  }

  const Site& site_;
  const SearchConfig& search_;
  ReadSet& reads_;
  std::vector<Document> documents_;
};

std::string fuse_json(const std::vector<Document>& documents, const SearchConfig& search) {
  std::string out = "[";
  for (const Document& document : documents) {
    if (out.size() > 1) out += ',';
    const auto field = [&](std::string_view name, std::string_view text) {
      out.append(",\"").append(name).append("\":");
      append_text(out, text);
    };
    out += "{\"url\":";
    append_text(out, document.url);
    if (search.include_title) field("title", document.title);
    if (search.include_description) field("description", document.description);
    if (search.include_content) field("body", document.body);
    if (search.include_path) field("path", document.path);
    out += '}';
  }
  return out + ']';
}

// --- elasticlunr ---------------------------------------------------------------------------------

struct Node {
  struct Found {
    std::uint32_t document = 0;
    std::uint32_t count = 0;
  };
  std::vector<Found> found;
  std::map<char32_t, std::unique_ptr<Node>> children;
};

struct Field {
  std::string_view name;
  std::string_view parting;  // bytes that part words beside white space
  std::string_view (*text)(const Document&);
  Node root = {};
  std::vector<std::size_t> lengths = {};
};

std::string number_of(double number) {
  std::array<char, 32> digits{};
  const auto [end, errc] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  std::string text(digits.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::vector<Field> fields_of(const SearchConfig& search) {
  std::vector<Field> fields;
  if (search.include_title)
    fields.push_back({"title", "", [](const Document& d) { return d.title; }});
  if (search.include_description)
    fields.push_back({"description", "", [](const Document& d) { return d.description; }});
  if (search.include_date)
    fields.push_back({"date", "", [](const Document& d) { return std::string_view(d.date); }});
  if (search.include_path)
    fields.push_back({"path", "/", [](const Document& d) { return d.path; }});
  if (search.include_content)
    fields.push_back({"body", "", [](const Document& d) { return std::string_view(d.body); }});
  return fields;
}

class Elasticlunr {
 public:
  Elasticlunr(std::vector<Document> documents, const SearchConfig& search,
              std::string_view language)
      : documents_(std::move(documents)),
        fields_(fields_of(search)),
        words_(text::WordPipeline::of(language)) {
    // A page may be listed twice, through a transparent section; a reference is there once.
    std::stable_sort(documents_.begin(), documents_.end(),
                     [](const Document& a, const Document& b) { return a.url < b.url; });
    documents_.erase(
        std::unique(documents_.begin(), documents_.end(),
                    [](const Document& a, const Document& b) { return a.url == b.url; }),
        documents_.end());
  }

  std::string json() {
    for (std::uint32_t i = 0; i < documents_.size(); ++i) add(i);
    out_ = "{\"fields\":[";
    for (const Field& field : fields_) append_name(field.name);
    out_ += "],\"pipeline\":[";
    for (const std::string& step : words_.step_names()) append_name(step);
    out_ += "],\"ref\":\"id\",\"version\":\"0.9.5\",\"index\":{";
    std::vector<Field*> sorted;
    for (Field& field : fields_) sorted.push_back(&field);
    std::sort(sorted.begin(), sorted.end(),
              [](const Field* a, const Field* b) { return a->name < b->name; });
    for (const Field* field : sorted) {
      append_name(field->name);
      out_ += ":{\"root\":";
      append_node(field->root);
      out_ += '}';
    }
    out_ += "},\"documentStore\":{\"save\":true,\"docs\":{";
    append_documents(sorted);
    out_ += "},\"docInfo\":{";
    append_lengths(sorted);
    out_ += "},\"length\":" + std::to_string(documents_.size()) + "},\"lang\":";
    append_text(out_, words_.language_name());
    out_ += '}';
    return std::move(out_);
  }

 private:
  // As in Zola's indexes the words of a field count in those behind it too: a title's words are
  // found in the body.
  void add(std::uint32_t document) {
    std::map<std::string, std::uint32_t> counts;
    for (Field& field : fields_) {
      std::size_t length = 0;
      for (const std::string& word :
           text::search_words_of(field.text(documents_[document]), field.parting)) {
        if (word.size() > limits::search_word_bytes_max) continue;
        std::string reduced = words_.reduced(word);
        if (reduced.empty()) continue;
        ++length;
        ++counts[std::move(reduced)];
      }
      field.lengths.push_back(length);
      for (const auto& [word, count] : counts) insert(field.root, word, {document, count});
    }
  }
  static void insert(Node& root, std::string_view word, Node::Found found) {
    Node* node = &root;
    while (!word.empty()) {
      const text::CodePoint c = text::first_code_point(word);
      word.remove_prefix(c.bytes);
      std::unique_ptr<Node>& child = node->children[c.value];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    }
    node->found.push_back(found);
  }

  // A comma unless it is the first of its list.
  void append_name(std::string_view name) {
    if (out_.back() != '[' && out_.back() != '{') out_ += ',';
    append_text(out_, name);
  }
  // As deep as a word is long, which has a bound.
  void append_node(const Node& node) {
    out_ += "{\"docs\":{";
    for (const Node::Found& found : node.found) {
      append_name(documents_[found.document].url);
      out_ += ":{\"tf\":" + number_of(std::sqrt(static_cast<double>(found.count))) + '}';
    }
    out_ += "},\"df\":" + std::to_string(node.found.size());
    for (const auto& [character, child] : node.children) {
      std::string name;
      text::append_utf8(name, character);
      append_name(name);
      out_ += ':';
      append_node(*child);
    }
    out_ += '}';
  }

  void append_documents(const std::vector<Field*>& fields) {
    for (const Document& document : documents_) {
      append_name(document.url);
      out_ += ":{";
      bool has_id = false;
      const auto id = [&] {
        append_name("id");
        out_ += ':';
        append_text(out_, document.url);
        has_id = true;
      };
      for (const Field* field : fields) {
        if (!has_id && field->name > "id") id();
        append_name(field->name);
        out_ += ':';
        append_text(out_, field->text(document));
      }
      if (!has_id) id();
      out_ += '}';
    }
  }
  void append_lengths(const std::vector<Field*>& fields) {
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      append_name(documents_[i].url);
      out_ += ":{";
      for (const Field* field : fields) {
        append_name(field->name);
        out_ += ':' + std::to_string(field->lengths[i]);
      }
      out_ += '}';
    }
  }

  std::vector<Document> documents_;
  std::vector<Field> fields_;
  text::WordPipeline words_;
  std::string out_;
};

}  // namespace

Result<std::string> SearchIndexes::of(std::uint32_t language, ReadSet& reads) const {
  const std::lock_guard lock(mutex_);
  auto known = made_.find(language);
  if (known == made_.end()) {
    Made made;
    made.text = TRY(search_index_of(site_, language, made.reads));
    known = made_.emplace(language, std::move(made)).first;
  }
  reads.add(known->second.reads);
  return known->second.text;
}

std::string search_index_file(std::string_view format, std::string_view code) {
  return "search_index." + std::string(code) + (format.ends_with("_json") ? ".json" : ".js");
}

bool needs_elasticlunr(std::string_view format) { return format.starts_with("elasticlunr"); }

Result<std::string> search_index_of(const Site& site, std::uint32_t language, ReadSet& reads) {
  const LanguageConfig& config = site.config().languages[language];
  // The form is one for the site, what goes into it each language's own.
  const std::string_view format = site.config().languages.front().search_index_format;
  const bool is_fuse = !needs_elasticlunr(format);
  const Library& library = site.library();
  // Of what is left out nothing else is read.
  reads.read(
      {tmpl::ReadKind::whole, tmpl::ReadGroup::list, 0, std::string(whole_searched) + config.code});
  Collector collector(site, language, reads);
  for (SectionId id = 0; id < library.sections.size(); ++id) {
    const Section& section = library.sections[id];
    if (section.language != language || !section.front.in_search_index) continue;
    if (!section.front.redirect_to) TRY(collector.section(id));
    else if (is_fuse) continue;
    for (const PageId page : section.pages)
      if (library.pages[page].front.in_search_index) TRY(collector.page(page));
  }
  std::string json = is_fuse ? fuse_json(collector.take(), config.search)
                             : Elasticlunr(collector.take(), config.search, config.code).json();
  return format.ends_with("_javascript") ? "window.searchIndex = " + json : json;
}

}  // namespace weir::site
