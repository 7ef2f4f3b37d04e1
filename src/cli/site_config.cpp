#include "cli/site_config.h"

#include "base/file.h"
#include "text/toml.h"

#include <filesystem>

namespace weir::cli {
namespace {

// Empty when the root has none of the usual names.
Result<std::string> find_file(const std::string& root, const std::string& named) {
  std::error_code error;
  if (!named.empty()) {
    const std::string path = named.front() == '/' ? named : root + "/" + named;
    if (!std::filesystem::exists(path, error))
      return Error{Errc::missing, "there is no configuration file " + typed_path(root, named)};
    return path;
  }
  for (const std::string_view name : {"weir.toml", "zola.toml", "config.toml"}) {
    std::string path = root + "/" + std::string(name);
    if (std::filesystem::exists(path, error)) return path;
  }
  return std::string();
}

}  // namespace

std::string typed_path(std::string_view root, std::string_view file) {
  if (file.empty() || file.front() == '/' || file.starts_with("builtin:")) return std::string(file);
  std::string path = root == "." ? std::string(file) : std::string(root) + '/' + std::string(file);
  return path.starts_with("./") ? path.substr(2) : path;
}

std::optional<LoadedConfig> load_config(const Arguments& arguments, Session& session,
                                        Notices notices) {
  LoadedConfig loaded;
  loaded.root = arguments.find("root").value_or(".");
  while (loaded.root.size() > 1 && loaded.root.back() == '/') loaded.root.pop_back();
  loaded.named = arguments.find("config").value_or("");
  const auto path = find_file(loaded.root, loaded.named);
  if (!path.ok()) {
    session.show(path.error());
    return std::nullopt;
  }
  edge::ConfigSource source;
  source.environment = &session.environment();
  source.directory = loaded.root;
  if (!path->empty()) {
    auto bytes = read_file(*path);
    if (!bytes.ok()) {
      session.show(bytes.error());
      return std::nullopt;
    }
    loaded.file = typed_path(".", *path);
    loaded.source = std::move(bytes).value();
    auto tree = text::parse_toml(loaded.source, loaded.file);
    if (!tree.ok()) {
      session.show(tree.error(), loaded.source);
      return std::nullopt;
    }
    loaded.tree = std::move(tree).value();
    source.root = &loaded.tree;
    source.file = loaded.file;
    const std::size_t slash = path->rfind('/');
    source.directory = slash == std::string::npos ? "." : path->substr(0, slash);
  }
  edge::ConfigReading reading = edge::read_config(source);
  const auto source_of = [&](const Error& error) {
    return error.place.line == 0 ? std::string_view() : std::string_view(loaded.source);
  };
  if (notices == Notices::show) {
    for (const Error& notice : reading.notices)
      session.show(notice, source_of(notice), text::Severity::warning);
  }
  for (const Error& error : reading.errors) session.show(error, source_of(error));
  if (!reading.errors.empty()) return std::nullopt;
  loaded.config = std::move(reading.config);
  loaded.notices = std::move(reading.notices);
  loaded.paths = std::move(reading.paths);
  loaded.store_directory = arguments.find("store").value_or(loaded.config.cache.directory);
  // The databases lie beside the store that was chosen, unless the operator has said where.
  if (arguments.has("store") &&
      loaded.config.data.directory == loaded.config.cache.directory + "/data") {
    loaded.config.data.directory = loaded.store_directory + "/data";
  }
  return loaded;
}

std::optional<LoadedConfig> load_config(const Arguments& arguments, Session& session) {
  return load_config(arguments, session, Notices::show);
}

}  // namespace weir::cli
