#include "site/data_loader.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "site/bibtex.h"
#include "site/csv.h"
#include "site/xml.h"
#include "text/json.h"
#include "text/toml.h"
#include "text/url.h"
#include "text/utf8.h"
#include "text/yaml.h"

#include <optional>
#include <utility>

namespace weir::site {

namespace {

constexpr std::pair<std::string_view, DataFormat> formats[] = {
    {"toml", DataFormat::toml},     {"json", DataFormat::json},  {"csv", DataFormat::csv},
    {"yaml", DataFormat::yaml},     {"yml", DataFormat::yaml},   {"xml", DataFormat::xml},
    {"bibtex", DataFormat::bibtex}, {"bib", DataFormat::bibtex}, {"plain", DataFormat::plain}};

std::optional<DataFormat> format_of(std::string_view name) {
  for (const auto& [known, format] : formats)
    if (known == name) return format;
  return std::nullopt;
}

std::string_view extension_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

Result<DataFormat> format_for(const DataRequest& request, std::string_view path) {
  if (!request.format.empty()) {
    if (const std::optional<DataFormat> format = format_of(request.format)) return *format;
    return Error{Errc::invalid, "format \"" + request.format +
                                    "\" is not one of toml, json, csv, yaml, xml, bibtex, plain"};
  }
  return format_of(lower_of(extension_of(path))).value_or(DataFormat::plain);
}

Result<tmpl::Value> csv_value(std::string_view text, std::string_view name) {
  std::vector<CsvRecord> records = TRY(parse_csv(text, name));
  const auto row_of = [](const CsvRecord& record) {
    std::vector<tmpl::Value> fields;
    fields.reserve(record.size());
    for (const std::string& field : record) fields.push_back(tmpl::Value::text(field));
    return tmpl::Value::array(std::move(fields));
  };
  std::vector<tmpl::Value> rows;
  for (std::size_t i = 1; i < records.size(); ++i) rows.push_back(row_of(records[i]));
  return tmpl::Value::object({{"headers", row_of(records.empty() ? CsvRecord{} : records.front())},
                              {"records", tmpl::Value::array(std::move(rows))}});
}

}  // namespace

Result<tmpl::Value> parse_data(std::string_view text, DataFormat format, std::string_view name) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (const std::size_t bad = text::find_utf8_error(text); bad != std::string_view::npos)
    return Error{Errc::invalid, std::string(name) + " is not valid UTF-8"}.at(
        {std::string(name), text::line_of(text, bad), text::column_of(text, bad), 0});
  switch (format) {
    case DataFormat::plain: return tmpl::Value::text(text);
    case DataFormat::csv: return csv_value(text, name);
    case DataFormat::json: {
      Result<text::Value> tree =
          text::parse_json(text, {.duplicates = text::Duplicates::keep_last});
      if (!tree.ok()) {
        tree.error().place.file = name;
        return std::move(tree).error();
      }
      return tmpl::value_of(*tree);
    }
    case DataFormat::toml: {
      const text::Value tree = TRY(text::parse_toml(text, name));
      return tmpl::value_of(tree);
    }
    case DataFormat::yaml: {
      const text::Value tree = TRY(text::parse_yaml(text, name));
      return tmpl::value_of(tree);
    }
    case DataFormat::xml: {
      const text::Value tree = TRY(parse_xml(text, name));
      return tmpl::value_of(tree);
    }
    case DataFormat::bibtex: break;
  }
  const text::Value tree = TRY(parse_bibtex(text, name));
  return tmpl::value_of(tree);
}

void DataLoader::note_file(std::string_view path) {
  kept_.with([&](Kept& kept) { kept.files.emplace(path, true); });
}

std::vector<std::string> DataLoader::files_read() const {
  return kept_.with([](const Kept& kept) {
    std::vector<std::string> files;
    for (const auto& [file, flag] : kept.files) files.push_back(file);
    return files;
  });
}

Result<tmpl::Value> DataLoader::load(const DataRequest& request, ReadSet* reads) {
  const int sources =
      int{!request.path.empty()} + int{!request.url.empty()} + int{request.literal.has_value()};
  if (sources != 1) return Error{Errc::invalid, "load_data takes one of path, url and literal"};
  if (request.literal) {
    const DataFormat format = TRY(format_for(request, ""));
    return parse_data(*request.literal, format, "literal");
  }
  return request.path.empty() ? load_url(request, reads) : load_path(request, reads);
}

Result<tmpl::Value> DataLoader::load_path(const DataRequest& request, ReadSet* reads) {
  const std::optional<std::string> found = TRY(files_.find(request.path));
  if (reads != nullptr) reads->read({tmpl::ReadKind::lookup, tmpl::ReadGroup::meta, 0, request.path});
  // Also a file that is not there was read: it may come.
  if (reads != nullptr)
    reads->read({tmpl::ReadKind::data, tmpl::ReadGroup::meta, 0, found ? *found : request.path});
  if (!found) {
    if (!request.required) return tmpl::Value::null();
    return Error{Errc::missing, "load_data: " + request.path + " does not exist"};
  }
  const DataFormat format = TRY(format_for(request, *found));
  const std::string key = std::to_string(static_cast<int>(format)) + *found;
  std::optional<tmpl::Value> kept = kept_.with([&](const Kept& all) {
    const auto at = all.values.find(key);
    return at == all.values.end() ? std::optional<tmpl::Value>()
                                  : std::optional<tmpl::Value>(at->second);
  });
  if (kept) return std::move(*kept);
  const std::string text = TRY(files_.read(*found));
  tmpl::Value value = TRY(parse_data(text, format, *found));
  kept_.with([&](Kept& all) {
    all.values.emplace(key, value);
    all.files.emplace(*found, true);
  });
  return value;
}

Result<std::string> DataLoader::fetch(const DataRequest& request) {
  if (options_.network == Network::offline || options_.fetcher == nullptr)
    return Error{Errc::io,
                 "load_data: " + request.url + " was not asked for: the build is offline"};
  RemoteRequest remote;
  remote.url = request.url;
  remote.method = request.method;
  remote.body = request.body;
  remote.allow_addresses = config_.allow_addresses;
  if (!request.content_type.empty())
    remote.fields.emplace_back("Content-Type", request.content_type);
  for (const std::string& field : request.fields) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos)
      return Error{Errc::invalid, "load_data: a header is \"Name=value\", not \"" + field + "\""};
    remote.fields.emplace_back(field.substr(0, equals), field.substr(equals + 1));
  }
  Result<std::string> body = options_.fetcher->fetch(remote);
  if (!body.ok()) return std::move(body).error().in("load_data: " + request.url);
  return body;
}

Result<tmpl::Value> DataLoader::load_url(const DataRequest& request, ReadSet* reads) {
  if (reads != nullptr) {
    reads->read({tmpl::ReadKind::data, tmpl::ReadGroup::meta, 0, request.url});
    reads->read({tmpl::ReadKind::volatile_, tmpl::ReadGroup::meta, 0, "load_data"});
  }
  const text::UrlParts parts = TRY(text::parse_http_url(request.url));
  const DataFormat format = TRY(format_for(request, parts.path));
  std::string key = "url\n" + request.method + '\n' + request.url + '\n' + request.content_type +
                    '\n' + std::to_string(static_cast<int>(format)) + '\n' + request.body;
  for (const std::string& field : request.fields) key += '\n' + field;
  if (keeps_remote_) {
    std::optional<tmpl::Value> kept = kept_.with([&](const Kept& all) {
      const auto at = all.values.find(key);
      return at == all.values.end() ? std::optional<tmpl::Value>()
                                    : std::optional<tmpl::Value>(at->second);
    });
    if (kept) return std::move(*kept);
  }
  Result<std::string> body = fetch(request);
  if (!body.ok()) {
    if (!request.required) return tmpl::Value::null();
    return std::move(body).error();
  }
  tmpl::Value value = TRY(parse_data(*body, format, request.url));
  if (keeps_remote_) kept_.with([&](Kept& all) { all.values.emplace(key, value); });
  return value;
}

}  // namespace weir::site
