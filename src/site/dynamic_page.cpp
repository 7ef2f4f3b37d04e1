#include "site/dynamic_page.h"

#include "base/bytes.h"
#include "http/mime.h"
#include "site/minify.h"
#include "site/site.h"
#include "site/views.h"
#include "text/url.h"

#include <algorithm>

namespace weir::site {
namespace {

using tmpl::Value;

std::string_view find_pair(const DynamicPage::Pairs& pairs, std::string_view name) {
  const auto found = std::ranges::find(pairs, name, &std::pair<std::string, std::string>::first);
  return found == pairs.end() ? std::string_view() : std::string_view(found->second);
}

Value object_of(const DynamicPage::Pairs& pairs) {
  std::vector<std::pair<std::string, Value>> members;
  for (const auto& [name, value] : pairs) members.emplace_back(name, Value::text(value));
  return Value::object(std::move(members));
}

// "https://api.example.org/products/{slug}": braces that name no parameter stay as they are.
std::string url_of(const DynamicPage& page) {
  std::string url;
  std::string_view rest = page.data_url;
  while (!rest.empty()) {
    const std::size_t open = rest.find('{');
    const std::size_t close = open == rest.npos ? rest.npos : rest.find('}', open);
    if (close == rest.npos) break;
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    const bool is_known = std::ranges::any_of(
        page.parameters, [name](const auto& parameter) { return parameter.first == name; });
    url += rest.substr(0, open);
    if (is_known)
      url += text::percent_encode(find_pair(page.parameters, name), text::PercentSet::unreserved);
    else url += rest.substr(open, close - open + 1);
    rest.remove_prefix(close + 1);
  }
  url += rest;
  return url;
}

// Rows of a CSV file, which load_data gives as { headers, records }, as objects.
Value rows_of(const Value& csv) {
  const Value headers = csv.find("headers");
  const Value records = csv.find("records");
  std::vector<Value> rows;
  for (std::size_t i = 0; i < records.array().count(); ++i) {
    const Value record = records.array().at(i, nullptr);
    std::vector<std::pair<std::string, Value>> members;
    for (std::size_t column = 0; column < headers.array().count(); ++column) {
      const Value name = headers.array().at(column, nullptr);
      if (column < record.array().count())
        members.emplace_back(std::string(name.string()), record.array().at(column, nullptr));
    }
    rows.push_back(Value::object(std::move(members)));
  }
  return Value::array(std::move(rows));
}

bool is_csv(const DynamicPage& page, const Value& data) {
  return page.data_path.ends_with(".csv") && data.is_object();
}

bool is_key(const Value& field, std::string_view wanted) {
  if (field.is_string()) return field.string() == wanted;
  if (!field.is_integer()) return false;
  return std::to_string(field.integer()) == wanted;
}

Value record_of(const Value& data, std::string_view key, std::string_view wanted) {
  if (data.is_object()) return data.find(wanted);
  if (!data.is_array()) return {};
  for (std::size_t i = 0; i < data.array().count(); ++i) {
    Value element = data.array().at(i, nullptr);
    if (element.is_object() && is_key(element.find(key), wanted)) return element;
  }
  return {};
}

struct Loaded {
  bool is_missing = false;  // the remote source says that there is no such thing
  Value data;
};

Result<Loaded> load(const Site& site, const DynamicPage& page, ReadSet& reads) {
  if (page.literal) {
    reads.read({tmpl::ReadKind::data, tmpl::ReadGroup::meta, 0, page.literal_name});
    return Loaded{false, TRY(parse_data(*page.literal, DataFormat::json, page.literal_name))};
  }
  DataRequest request;
  request.path = page.data_path;
  if (page.data_url.empty()) {
    Value data = TRY(site.data().load(request, &reads));
    if (is_csv(page, data)) data = rows_of(data);
    return Loaded{false, std::move(data)};
  }
  request.url = url_of(page);
  request.format = "json";
  Result<Value> answered = site.data().load(request, &reads);
  if (answered.ok()) return Loaded{false, std::move(answered).value()};
  if (answered.error().code == Errc::missing) return Loaded{true, {}};
  return std::move(answered).error();
}

std::vector<std::string_view> views_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

// The number of the language; of the default one when none is named.
std::optional<std::uint32_t> language_of(const Site& site, std::string_view code) {
  if (code.empty()) return 0;
  const auto& languages = site.config().languages;
  for (std::uint32_t i = 0; i < languages.size(); ++i)
    if (languages[i].code == code) return i;
  return std::nullopt;
}

std::string url_on(const Site& site, std::string_view path) {
  std::string_view base = site.config().base_url;
  if (!base.empty() && base.back() == '/') base.remove_suffix(1);
  return std::string(base) + text::percent_encode(path, text::PercentSet::path);
}

}  // namespace

Result<Output> render_dynamic(const Site& site, const DynamicPage& page) {
  const std::optional<std::uint32_t> language = language_of(site, page.language);
  if (!language || !site.has_template(page.template_name))
    return Error{Errc::invalid, !language
                                    ? "the site has no language \"" + page.language + "\""
                                    : "the site has no template \"" + page.template_name + "\""};
  ReadSet reads;
  Output output;
  output.kind = OutputKind::page;
  output.path = page.path;
  output.is_rendered = true;
  output.template_name = page.template_name;
  output.content_type = http::content_type_of(page.template_name);
  const auto finish = [&] {
    output.is_volatile = reads.is_volatile();
    output.tags = cache_tags_of(site, reads, page.tags);
    return std::move(output);
  };

  tmpl::Context context(&site.base_context(*language));
  context.set("current_path", Value::text(page.path))
      .set("current_url", Value::text(url_on(site, page.path)))
      .set("params", object_of(page.parameters))
      .set("query", object_of(page.query));
  const bool has_source = page.literal || !page.data_path.empty() || !page.data_url.empty();
  if (has_source && !page.is_shell) {
    Result<Loaded> loaded = load(site, page, reads);
    if (!loaded.ok()) return std::move(loaded).error();
    const Value item =
        loaded->is_missing || page.key.empty()
            ? loaded->data
            : record_of(loaded->data, page.key, find_pair(page.parameters, page.key));
    if (item.is_undefined() || item.is_null()) {
      output.status = 404;
      return finish();
    }
    context.set("data", loaded->data).set("item", item);
  }
  Result<std::string> text =
      site.engine().render(page.template_name, context, {&reads, tmpl::Escape::by_name});
  if (text.ok() && reads.error()) text = *reads.error();
  if (!text.ok()) return std::move(text).error();
  output.bytes = std::move(text).value();
  if (output.content_type.starts_with("text/html") &&
      (site.config().minify_html || site.options().minify))
    output.bytes = minified_html(output.bytes);
  return finish();
}

std::vector<Error> check_dynamic(const Site& site, const DynamicRoute& route) {
  std::vector<Error> errors;
  const auto wrong = [&](Errc code, std::string what, std::string help = {}) {
    errors.push_back(Error{code, "the route \"" + route.name + "\": " + std::move(what)}
                         .at(route.place)
                         .with_help(std::move(help)));
  };
  if (!site.has_template(route.template_name)) {
    wrong(Errc::missing, "there is no template \"" + route.template_name + "\"",
          did_you_mean(route.template_name, views_of(site.template_names())));
  }
  if (!language_of(site, route.language))
    wrong(Errc::missing, "the site has no language \"" + route.language + "\"");
  if (!route.shell.empty() && site.plan().find(route.shell) == nullptr)
    wrong(Errc::missing, "the site has no page " + route.shell + " for its shell");
  if (route.data_path.empty()) return errors;
  DataRequest request;
  request.path = route.data_path;
  const Result<Value> data = site.data().load(request, nullptr);
  if (!data.ok()) {
    wrong(data.error().code, data.error().what);
    return errors;
  }
  if (!route.key.empty() && !data->is_object() && !data->is_array())
    wrong(Errc::invalid, route.data_path + " holds " + std::string(tmpl::name_of(data->kind())) +
                             ", not an object or an array in which a record could be found");
  return errors;
}

}  // namespace weir::site
