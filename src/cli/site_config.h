#pragma once
// Finds and reads the configuration of the site that --root and --config name, for every command.

#include "cli/options.h"
#include "cli/session.h"

#include "edge/config.h"
#include "text/value.h"

#include <string>

namespace weir::cli {

struct LoadedConfig {
  std::string root;    // of the site, as given; "." by default
  std::string named;   // --config, relative to the root; empty = the usual names
  std::string file;    // that was read, as shown in messages; empty = there is none
  std::string source;  // its text
  text::Value tree;    // its tables; null when there is no file
  edge::Config config;
  std::vector<Error> notices;
  std::vector<std::string> paths;  // that the configuration names, resolved

  std::string store_directory;        // --store, else [cache] dir
  bool has_default_listener = false;  // set by `serve`: nobody has named a public one
};

// The usual names in the root, in order: weir.toml, zola.toml, config.toml. A site without any of
// them has every setting at its default (an edge host that only holds a store). All mistakes are
// shown; nullopt when there was one.
std::optional<LoadedConfig> load_config(const Arguments& arguments, Session& session);
enum class Notices { show, keep };
std::optional<LoadedConfig> load_config(const Arguments& arguments, Session& session,
                                        Notices notices);

// A file of the site `root` as the user would type it: relative to the working directory, without a
// leading "./". Absolute paths and embedded files ("builtin:...") stay as they are.
std::string typed_path(std::string_view root, std::string_view file);

}  // namespace weir::cli
