#pragma once
// A page that no file of the site is: a template, parameters from the path, and one record of a
// data source (issue "dynamic routes", C-16). Rendered on demand by a server, never by a build.
//
// The template sees, beside `config` and `lang`:
//   current_path, current_url   as for pages
//   params     the named parts of the path: { slug = "blue-mug" }
//   query      the listed parameters of the query: { page = "2" }; those not given are missing
//   data       the whole source; missing when the route loads nothing
//   item       the record; missing when the route names no key, and for a shell
//
// A record is found in an object by the member of that name, and in an array by the first element
// whose field `key` is the value: as text, or as a number that is written like it. A CSV file is an
// array of rows with the names of its header. The cache tags are those of any page (S-72).
//
// Callable from any worker thread; blocks where the source is remote.

#include "site/output.h"

#include "base/result.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::site {

class Site;

struct DynamicPage {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  std::string template_name;
  std::string path;      // decoded, with '/' in front; without the query
  std::string language;  // empty: the site's default one
  Pairs parameters;
  Pairs query;
  // At most one of these three.
  std::string data_path;  // of a local file; the release keeps it
  std::string data_url;   // "{slug}" in it becomes the value of that parameter, percent-encoded
  std::optional<std::string> literal;  // JSON that the caller has read somewhere
  std::string literal_name;            // its place, for the tag "data:<name>" and messages
  std::string key;                     // of the record: a parameter's name; empty: `item` is `data`
  bool is_shell = false;               // no data is read: the page as it is before the data came
  std::vector<std::string> tags;       // beside those of what was read
};

// `status` is 404 when there is no such record, or the remote source answers 404 or 410; then there
// are no bytes, and the tags are those of what was read in vain.
Result<Output> render_dynamic(const Site& site, const DynamicPage& page);

// What a route says of the site, for those who build or check it: the template and the data file
// must be there, and the file must hold records. The file is noted as an input of the release.
struct DynamicRoute {
  std::string name;  // of the route, for messages
  std::string template_name, data_path, key, language, shell;
  Place place;  // of the route in the configuration file
};
// One Error for each thing that is wrong.
std::vector<Error> check_dynamic(const Site& site, const DynamicRoute& route);

}  // namespace weir::site
