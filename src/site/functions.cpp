#include "site/functions.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/embedded.h"
#include "site/content_render.h"
#include "site/image_size.h"
#include "site/number_format.h"
#include "site/site.h"
#include "site/views.h"
#include "text/regex.h"
#include "text/slug.h"
#include "text/url.h"

#include <cmath>
#include <map>

namespace weir::site {

namespace {

using tmpl::Call;
using tmpl::Value;

Error at_call(const Call& call, Error error) {
  if (error.place.file.empty()) error.place = call.place();
  return error;
}

// The language that a function's `lang` means; the default one when it is not given.
Result<std::uint32_t> language_of(const Site& site, const Call& call) {
  const std::string_view code = TRY(call.text_or("lang", site.config().default_language));
  if (const std::optional<std::uint32_t> language = site.config().language_of(code))
    return *language;
  return call.error("language \"" + std::string(code) + "\" is not configured");
}

// "blog/x.md" in another language is "blog/x.fr.md".
std::string path_in_language(const Site& site, std::string_view path, std::uint32_t language) {
  if (language == 0) return std::string(path);
  const std::string code = '.' + site.config().languages[language].code;
  const std::size_t hash = std::min(path.find('#'), path.size());
  std::string_view file = path.substr(0, hash);
  if (!file.ends_with(".md") || file.ends_with(code + ".md")) return std::string(path);
  file.remove_suffix(3);
  return std::string(file) + code + ".md" + std::string(path.substr(hash));
}

void note(const Call& call, tmpl::ReadKind kind, std::string_view name) {
  if (call.recorder() != nullptr) call.recorder()->read({kind, tmpl::ReadGroup::meta, 0, name});
}

void note_content(const Call& call, tmpl::ReadKind kind, std::uint32_t id, std::string_view name) {
  if (call.recorder() != nullptr) call.recorder()->read({kind, tmpl::ReadGroup::meta, id, name});
}

// The bytes of the file that `path` means, recorded as read.
Result<std::string> read_found(const Site& site, const Call& call, std::string_view path) {
  Result<std::optional<std::string>> found = site.files().find(path);
  if (!found.ok()) return at_call(call, std::move(found).error());
  note(call, tmpl::ReadKind::lookup, path);
  if (!*found) return call.error("there is no file " + std::string(path));
  note(call, tmpl::ReadKind::data, **found);
  site.data().note_file(**found);
  Result<std::string> bytes = site.files().read(**found);
  if (!bytes.ok()) return at_call(call, std::move(bytes).error());
  return bytes;
}

// --- addresses -----------------------------------------------------------------------------------

// The style sheet of highlighted code, which is no file of the site.
std::optional<std::string> code_style_sheet(const Site& site, std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  const std::optional<Highlighting>& highlighting = site.config().markdown.highlighting;
  const CodeStyleSheet* sheet = highlighting ? highlighting->find_style_sheet(path) : nullptr;
  if (sheet == nullptr) return std::nullopt;
  return text::style_sheet_of(sheet->theme);
}

// A search index, or its client. The index needs all content, so that a body's own shortcodes get
// an empty one to hash, as does a live site, which would render everything for one hash.
Result<std::optional<std::string>> made_for_search(const Site& site, const Call& call,
                                                   std::string_view path) {
  const Planned* planned =
      site.plan().find(path.starts_with('/') ? std::string(path) : '/' + std::string(path));
  if (planned == nullptr) return std::optional<std::string>();
  if (planned->origin == elasticlunr_origin)
    return std::optional<std::string>(
        find_embedded(elasticlunr_origin.substr(std::string_view("builtin:").size()))->bytes);
  if (planned->kind != OutputKind::search_index) return std::optional<std::string>();
  ReadSet* reads = ReadSet::of(call.recorder());
  if (reads == nullptr || reads->inside_content() || site.liveness() == Liveness::live)
    return std::optional<std::string>("");
  std::string index = TRY(site.search_indexes().of(planned->language, *reads));
  return std::optional<std::string>(std::move(index));
}

// The bytes of a file, or those of the style sheet that is made at that place of the output.
Result<std::string> read_found_or_made(const Site& site, const Call& call, std::string_view path) {
  Result<std::string> bytes = read_found(site, call, path);
  if (bytes.ok()) return bytes;
  if (const std::optional<std::string> made = TRY(made_for_search(site, call, path))) return *made;
  if (const std::optional<std::string> css = code_style_sheet(site, path)) return *css;
  const std::optional<std::string> sass = site.files().sass_of(path);
  if (!sass) return bytes;
  const std::shared_ptr<const StyleSheet> sheet = TRY(site.style_sheets().of(*sass));
  if (call.recorder() != nullptr)
    call.recorder()->read({tmpl::ReadKind::whole, tmpl::ReadGroup::list, 0, whole_sass});
  for (const std::string& file : sheet->files) {
    note(call, tmpl::ReadKind::lookup, file);
    note(call, tmpl::ReadKind::data, file);
    site.data().note_file(file);
  }
  return sheet->css;
}

// Empty when there is nothing to hash.
Result<std::string> cache_bust_of(const Site& site, const Call& call, std::string_view path) {
  const Result<std::string> bytes = read_found_or_made(site, call, path);
  if (!bytes.ok()) return bytes;
  const Sha256 digest = sha256_of(*bytes);
  return hex_of(ByteView(digest)).substr(0, 20);
}

Result<Value> get_url(const Site& site, const Call& call) {
  const std::string_view path = TRY(call.text("path"));
  const bool trailing_slash = TRY(call.boolean_or("trailing_slash", false));
  const bool cachebust = TRY(call.boolean_or("cachebust", false));
  const std::uint32_t language = TRY(language_of(site, call));
  if (path.starts_with("@/")) {
    const std::string full = path_in_language(site, path, language);
    Result<InternalLink> link = resolve_internal_link(site, full);
    if (!link.ok()) return at_call(call, std::move(link).error()).in("function `get_url`");
    const Content& content = site.content_of(link->target);
    const bool is_page = link->target.is_page;
    if (call.recorder() != nullptr)
      call.recorder()->read({is_page ? tmpl::ReadKind::page : tmpl::ReadKind::section,
                             tmpl::ReadGroup::meta, link->target.id, content.relative_path});
    return Value::text_safe(link->permalink);
  }
  if (text::has_scheme(path) && path.find("://") != std::string_view::npos)
    return Value::text_safe(path);
  // As in Zola the language is put before the path as it stands, unless it is there: "/" in French
  // is "fr//", which keeps one slash.
  std::string full;
  if (language != 0 && !path.starts_with(site.config().language_prefix(language) + '/'))
    full = site.config().languages[language].code + '/';
  full += path;
  std::string url = site.config().permalink_of(full);
  if (!trailing_slash && url.back() == '/') url.pop_back();
  if (cachebust) {
    const std::string hash = TRY(cache_bust_of(site, call, path));
    if (!hash.empty()) url += "?h=" + hash;
  }
  return Value::text_safe(url);
}

// --- content -------------------------------------------------------------------------------------

std::string_view below_content(std::string_view path) {
  if (path.starts_with("@/")) path.remove_prefix(2);
  if (path.starts_with("content/")) path.remove_prefix(8);
  return path;
}

Result<Value> get_page(const Site& site, const Call& call) {
  const std::string_view path = TRY(call.text("path"));
  const std::uint32_t language = TRY(language_of(site, call));
  const std::string full = path_in_language(site, below_content(path), language);
  const PageId id = site.library().page_of(full);
  if (id != no_id) note_content(call, tmpl::ReadKind::page, id, full);
  if (id != no_id) return site.views().page(id, Shown::all);
  std::vector<std::string_view> known;
  for (const Page& page : site.library().pages) known.push_back(page.relative_path);
  return call.error("there is no page " + full).with_help(did_you_mean(full, known));
}

Result<Value> get_section(const Site& site, const Call& call) {
  const std::string_view path = TRY(call.text("path"));
  const bool metadata_only = TRY(call.boolean_or("metadata_only", false));
  const std::uint32_t language = TRY(language_of(site, call));
  const std::string full = path_in_language(site, below_content(path), language);
  const SectionId id = site.library().section_of(full);
  if (id != no_id) note_content(call, tmpl::ReadKind::section, id, full);
  if (id != no_id) return site.views().section(id, metadata_only ? Shown::metadata : Shown::all);
  std::vector<std::string_view> known;
  for (const Section& section : site.library().sections) known.push_back(section.relative_path);
  return call.error("there is no section " + full).with_help(did_you_mean(full, known));
}

// --- taxonomies ----------------------------------------------------------------------------------

struct FoundTaxonomy {
  const Taxonomy* taxonomy = nullptr;
  std::uint32_t number = 0;
};

// Nothing found and not required: a null taxonomy.
Result<FoundTaxonomy> find_taxonomy(const Site& site, const Call& call) {
  const std::string_view kind = TRY(call.text("kind"));
  const bool required = TRY(call.boolean_or("required", true));
  const std::uint32_t language = TRY(language_of(site, call));
  const Taxonomy* taxonomy = site.library().taxonomy_of(kind, language);
  if (taxonomy == nullptr) {
    // As configured or as its slug.
    for (const Taxonomy& one : site.library().taxonomies)
      if (one.language == language && one.config->slug == kind) taxonomy = &one;
  }
  if (taxonomy != nullptr)
    return FoundTaxonomy{taxonomy,
                         static_cast<std::uint32_t>(taxonomy - site.library().taxonomies.data())};
  if (!required) return FoundTaxonomy{};
  std::vector<std::string_view> known;
  for (const Taxonomy& one : site.library().taxonomies)
    if (one.language == language) known.push_back(one.config->name);
  return call.error("there is no taxonomy \"" + std::string(kind) + "\"")
      .with_help(did_you_mean(kind, known));
}

std::uint32_t term_of(const Site& site, const Taxonomy& taxonomy, std::string_view name) {
  const std::string slug = text::slugify(name, site.config().slug_taxonomies);
  for (std::uint32_t i = 0; i < taxonomy.terms.size(); ++i)
    if (taxonomy.terms[i].slug == slug) return i;
  return no_id;
}

Result<Value> get_taxonomy(const Site& site, const Call& call) {
  const FoundTaxonomy found = TRY(find_taxonomy(site, call));
  if (found.taxonomy == nullptr) return Value::null();
  note(call, tmpl::ReadKind::term, found.taxonomy->config->slug);
  return Value::object(
      {{"kind", site.views().taxonomy_config(found.number)},
       {"lang", Value::lend(site.config().languages[found.taxonomy->language].code)},
       {"permalink", Value::lend(found.taxonomy->permalink)},
       {"items", site.views().terms(found.number)}});
}

Result<Value> get_taxonomy_term(const Site& site, const Call& call) {
  const FoundTaxonomy found = TRY(find_taxonomy(site, call));
  const std::string_view name = TRY(call.text("term"));
  const bool required = TRY(call.boolean_or("required", true));
  const bool include_pages = TRY(call.boolean_or("include_pages", true));
  if (found.taxonomy == nullptr) return Value::null();
  const std::uint32_t term = term_of(site, *found.taxonomy, name);
  if (term != no_id)
    note(call, tmpl::ReadKind::term,
         found.taxonomy->config->slug + '/' + found.taxonomy->terms[term].slug);
  if (term != no_id)
    return site.views().term(found.number, term,
                             include_pages ? TermView::Pages::listed : TermView::Pages::left_out);
  note(call, tmpl::ReadKind::term, found.taxonomy->config->slug);  // it may come
  if (!required) return Value::null();
  return call.error("taxonomy \"" + found.taxonomy->config->name + "\" has no term \"" +
                    std::string(name) + "\"");
}

Result<Value> get_taxonomy_url(const Site& site, const Call& call) {
  const FoundTaxonomy found = TRY(find_taxonomy(site, call));
  const std::string_view name = TRY(call.text("name"));
  const bool required = TRY(call.boolean_or("required", true));
  if (found.taxonomy == nullptr) return Value::null();
  const std::uint32_t term = term_of(site, *found.taxonomy, name);
  if (term != no_id) {
    const Term& held = found.taxonomy->terms[term];
    note(call, tmpl::ReadKind::term, found.taxonomy->config->slug + '/' + held.slug);
    return Value::text_safe(held.permalink);
  }
  note(call, tmpl::ReadKind::term, found.taxonomy->config->slug);  // it may come
  if (!required) return Value::null();
  std::vector<std::string_view> known;
  for (const Term& one : found.taxonomy->terms) known.push_back(one.name);
  return call
      .error("taxonomy \"" + found.taxonomy->config->name + "\" has no term \"" +
             std::string(name) + "\"")
      .with_help(did_you_mean(name, known));
}

// --- words ---------------------------------------------------------------------------------------

Result<Value> trans(const Site& site, const Call& call) {
  const std::string_view key = TRY(call.text("key"));
  const std::uint32_t language = TRY(language_of(site, call));
  const LanguageConfig& own = site.config().languages[language];
  note(call, tmpl::ReadKind::translation, own.code + '/' + std::string(key));
  const text::Value* value = own.translations.find(key);
  if (value != nullptr && value->string() != nullptr) return Value::lend(*value->string());
  std::vector<std::string_view> known;
  for (const text::Member& member : *own.translations.object()) known.push_back(member.name);
  return call
      .error("there is no translation \"" + std::string(key) + "\" for language \"" + own.code +
             "\"")
      .with_help(did_you_mean(key, known));
}

Result<Value> markdown_filter(const Site& site, const Value& input, const Call& call) {
  const bool is_inline = TRY(call.boolean_or("inline", false));
  if (!input.is_string())
    return call.error("expected a string, found " + std::string(tmpl::name_of(input.kind())));
  std::string html =
      TRY(render_markdown_text(site, input.string(), ReadSet::of(call.recorder()), call.place()));
  if (is_inline) {
    while (html.starts_with("<p>")) html.erase(0, 3);
    while (html.ends_with("</p>\n")) html.resize(html.size() - 5);
  }
  return Value::text(html);
}

Result<Value> base64_encode(const Value& input, const Call& call) {
  if (!input.is_string())
    return call.error("expected a string, found " + std::string(tmpl::name_of(input.kind())));
  return Value::text(base64_of(bytes_of(input.string())));
}

Result<Value> base64_decode(const Value& input, const Call& call) {
  if (!input.is_string())
    return call.error("expected a string, found " + std::string(tmpl::name_of(input.kind())));
  const std::optional<std::string> text = parse_base64(input.string());
  if (!text) return call.error("this is not base64");
  return Value::text(*text);
}

// Patterns are few and used for every page: compiled once, kept for the life of the site.
class RegexReplace {
 public:
  Result<Value> operator()(const Value& input, const Call& call) const {
    if (!input.is_string())
      return call.error("expected a string, found " + std::string(tmpl::name_of(input.kind())));
    const std::string_view pattern = TRY(call.text("pattern"));
    const std::string_view replacement = TRY(call.text("rep"));
    std::optional<text::Regex> regex = patterns_->with([&](const Patterns& known) {
      const auto at = known.find(pattern);
      return at == known.end() ? std::optional<text::Regex>()
                               : std::optional<text::Regex>(at->second);
    });
    if (!regex) {
      Result<text::Regex> compiled = text::Regex::compile(pattern);
      if (!compiled.ok()) return call.error("pattern: " + compiled.error().what);
      regex = std::move(compiled).value();
      patterns_->with([&](Patterns& known) {
        if (known.size() < patterns_max) known.emplace(pattern, *regex);
      });
    }
    Result<std::string> text = regex->replaced_all(input.string(), replacement);
    if (!text.ok()) return call.error(text.error().what);
    return Value::text(*text);
  }

 private:
  using Patterns = std::map<std::string, text::Regex, std::less<>>;
  static constexpr std::size_t patterns_max = 1'024;  // more are compiled each time
  std::shared_ptr<Guarded<Patterns>> patterns_ = std::make_shared<Guarded<Patterns>>();
};

Result<Value> num_format(const Site& site, const Value& input, const Call& call) {
  const std::string_view locale = TRY(call.text_or("locale", site.config().default_language));
  if (!input.is_integer())
    return call.error("expected a whole number, found " + std::string(tmpl::name_of(input.kind())));
  const std::optional<std::string> text = formatted_number(input.integer(), locale);
  if (!text) return call.error("no number format for locale \"" + std::string(locale) + "\"");
  return Value::text(*text);
}

// --- files ---------------------------------------------------------------------------------------

Result<Value> get_hash(const Site& site, const Call& call) {
  const std::string_view path = TRY(call.text_or("path", ""));
  const Value* literal = call.find("literal");
  const std::int64_t type = TRY(call.integer_or("sha_type", 384));
  const bool as_base64 = TRY(call.boolean_or("base64", true));
  if (path.empty() == (literal == nullptr)) return call.error("takes one of `path` and `literal`");
  std::string bytes;
  if (literal == nullptr) {
    bytes = TRY(read_found_or_made(site, call, path));
  } else {
    bytes = TRY(call.text("literal"));
  }
  constexpr std::pair<std::int64_t, Digest> types[] = {
      {256, Digest::sha256}, {384, Digest::sha384}, {512, Digest::sha512}};
  for (const auto& [bits, digest] : types) {
    if (bits != type) continue;
    const std::string raw = digest_of(digest, bytes);
    return Value::text(as_base64 ? base64_of(bytes_of(raw)) : hex_of(bytes_of(raw)));
  }
  return call.error("sha_type is 256, 384 or 512, not " + std::to_string(type));
}

Result<Value> get_image_metadata(const Site& site, const Call& call) {
  const std::string_view path = TRY(call.text("path"));
  const bool allow_missing = TRY(call.boolean_or("allow_missing", false));
  const Result<std::optional<std::string>> found = site.files().find(path);
  note(call, tmpl::ReadKind::lookup, path);
  if (found.ok() && !*found && allow_missing) {
    note(call, tmpl::ReadKind::image, path);
    return Value::null();
  }
  const std::string bytes = TRY(read_found(site, call, path));
  const Result<ImageSize> size = image_size_of(bytes, path);
  if (!size.ok()) return call.error(size.error().what);
  return Value::object({{"width", Value(static_cast<std::int64_t>(size->width))},
                        {"height", Value(static_cast<std::int64_t>(size->height))},
                        {"format", Value::lend(size->format)},
                        {"mime", Value::lend(size->mime)}});
}

Result<Value> resize_image(const Site& site, const Call& call) {
  const std::string_view path = TRY(call.text("path"));
  ImageOrder order;
  order.op = TRY(call.text_or("op", "fill"));
  order.format = TRY(call.text_or("format", "auto"));
  const std::int64_t width = TRY(call.integer_or("width", 0));
  const std::int64_t height = TRY(call.integer_or("height", 0));
  constexpr std::int64_t side_max = 65'535;
  if (width < 0 || height < 0 || width > side_max || height > side_max)
    return call.error("width and height are 1 to 65535");
  order.width = static_cast<std::uint32_t>(width);
  order.height = static_cast<std::uint32_t>(height);
  if (call.find("quality") != nullptr) {
    const std::int64_t quality = TRY(call.integer_or("quality", 0));
    order.quality = quality >= 1 && quality <= 100 ? static_cast<int>(quality) : -1;
  }
  const std::string bytes = TRY(read_found(site, call, path));
  const Result<std::optional<std::string>> found = site.files().find(path);
  note(call, tmpl::ReadKind::lookup, path);
  const std::string file = found.ok() && *found ? **found : std::string(path);
  const Result<ImagePlan> plan = image_plan_of(file, bytes, order);
  if (!plan.ok()) return call.error(plan.error().what).with_help(plan.error().help);
  if (site.liveness() == Liveness::built) site.processed_images().want(*plan, call.place());
  const std::string target = std::string(processed_root) + plan->name;
  note(call, tmpl::ReadKind::image, target);
  std::string url = site.config().permalink_of(target);
  if (url.ends_with('/')) url.pop_back();
  return Value::object({{"url", Value::text(url)},
                        {"static_path", Value::text("static/" + target)},
                        {"width", Value(static_cast<std::int64_t>(plan->width))},
                        {"height", Value(static_cast<std::int64_t>(plan->height))},
                        {"orig_width", Value(static_cast<std::int64_t>(plan->source_width))},
                        {"orig_height", Value(static_cast<std::int64_t>(plan->source_height))}});
}

Result<Value> load_data(const Site& site, const Call& call) {
  DataRequest request;
  request.path = TRY(call.text_or("path", ""));
  request.url = TRY(call.text_or("url", ""));
  if (call.find("literal") != nullptr) request.literal = TRY(call.text("literal"));
  request.format = TRY(call.text_or("format", ""));
  request.required = TRY(call.boolean_or("required", true));
  request.method = TRY(call.text_or("method", "GET"));
  for (char& c : request.method) c = upper(c);
  request.body = TRY(call.text_or("body", ""));
  request.content_type = TRY(call.text_or("content_type", ""));
  if (const Value* fields = call.find("headers"); fields != nullptr && fields->is_array()) {
    for (std::size_t i = 0; i < fields->array().count(); ++i) {
      const Value field = fields->array().at(i, call.recorder());
      if (!field.is_string()) return call.error("`headers` is a list of strings \"Name=value\"");
      request.fields.emplace_back(field.string());
    }
  }
  Result<Value> value = site.data().load(request, ReadSet::of(call.recorder()));
  if (value.ok()) return value;
  Error error = std::move(value).error();
  if (!error.place.file
           .empty()) {  // within the data file: that place matters, the call is how one got there
    error.chain.push_back("loaded from " + call.place().file + ":" +
                          std::to_string(call.place().line));
    return error;
  }
  return std::move(error).at(call.place());
}

}  // namespace

void add_site_functions(tmpl::Engine& engine, const Site& site) {
  using SiteFunction = Result<Value> (*)(const Site&, const Call&);
  constexpr std::pair<std::string_view, SiteFunction> functions[] = {
      {"get_url", get_url},
      {"get_page", get_page},
      {"get_section", get_section},
      {"get_taxonomy", get_taxonomy},
      {"get_taxonomy_term", get_taxonomy_term},
      {"get_taxonomy_url", get_taxonomy_url},
      {"trans", trans},
      {"get_hash", get_hash},
      {"get_image_metadata", get_image_metadata},
      {"resize_image", resize_image},
      {"load_data", load_data},
  };
  for (const auto& [name, function] : functions) {
    const SiteFunction held = function;
    engine.add_function(std::string(name),
                        [&site, held](const Call& call) { return held(site, call); });
  }
  engine.add_filter("markdown", [&site](const Value& input, const Call& call) {
    return markdown_filter(site, input, call);
  });
  engine.add_filter("num_format", [&site](const Value& input, const Call& call) {
    return num_format(site, input, call);
  });
  engine.add_filter("base64_encode", base64_encode);
  engine.add_filter("base64_decode", base64_decode);
  engine.add_filter("regex_replace", RegexReplace());
}

}  // namespace weir::site
