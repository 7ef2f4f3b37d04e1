#pragma once
// load_data (S-55): local files, remote addresses and literals, as values.
//
// In a build each address is asked once and kept; a live site asks every time. Local files are
// parsed once. Callable from any thread; a fetch blocks.

#include "base/guarded.h"
#include "site/build.h"
#include "site/files.h"
#include "site/reads.h"
#include "template/value.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

enum class DataFormat : std::uint8_t { plain, json, toml, yaml, csv, xml, bibtex };

struct DataRequest {
  std::string path;  // one of these three
  std::string url;
  std::optional<std::string> literal;
  std::string format;  // empty: by the extension
  bool required = true;
  std::string method = "GET";
  std::string body;
  std::string content_type;
  std::vector<std::string> fields;  // "Name=value"
};

class DataLoader {
 public:
  enum class Remote : std::uint8_t { kept, anew };
  DataLoader(const SiteConfig& config, const Files& files, const BuildOptions& options,
             Remote remote)
      : config_(config), files_(files), options_(options), keeps_remote_(remote == Remote::kept) {}

  // Null when it is not required and not there.
  Result<tmpl::Value> load(const DataRequest& request, ReadSet* reads);
  // The files that were read, sorted: a release keeps them.
  std::vector<std::string> files_read() const;
  void note_file(std::string_view path);

 private:
  Result<tmpl::Value> load_path(const DataRequest& request, ReadSet* reads);
  Result<tmpl::Value> load_url(const DataRequest& request, ReadSet* reads);
  Result<std::string> fetch(const DataRequest& request);

  const SiteConfig& config_;
  const Files& files_;
  const BuildOptions& options_;
  bool keeps_remote_;
  struct Kept {
    std::map<std::string, tmpl::Value, std::less<>>
        values;  // by format and path, or by the whole request
    std::map<std::string, bool, std::less<>> files;
  };
  Guarded<Kept> kept_;
};

// `name` is for messages. CSV becomes { headers: [...], records: [[...]] }.
Result<tmpl::Value> parse_data(std::string_view text, DataFormat format, std::string_view name);

}  // namespace weir::site
