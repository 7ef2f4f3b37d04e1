#pragma once
// `_redirects` files of Netlify and of Cloudflare Pages, read as they are.
//
//   line       = from *( blank query ) [ blank to ] [ blank status ["!"] ] *( blank condition )
//   query      = name "=" ( value | ":" name )                      Netlify
//   condition  = ( "Country" | "Language" | "Role" | "Cookie" ) "=" value *( "," value )    Netlify
//
//                        Cloudflare Pages                      Netlify
//   default status       302                                   301
//   statuses             200 301 302 303 307 308               200 301 302 303 307 308 404
//   a file at the path   the rule wins                         the file wins, but against "301!"
//   "/" at the end       counts                                does not count
//   "*"                  once, anywhere                        at the end; "/a/*" takes "/a" too
//
// The first rule in the file whose path, query and conditions all hold is the answer. A line that
// its vendor would leave out is left out here too, with an error that has file, line and column.
// Without a word on whose file it is, that vendor is taken who leaves fewer lines out (Cloudflare
// when both do alike).
//
// Safe by construction: what a request put into a placeholder is percent-encoded, stays within the
// part of the URL where the placeholder stands, and a path never begins with two slashes.
// Immutable, callable from any thread. A look-up costs one probe for each leading segment of the
// path, whatever the number of rules; without a match nothing is allocated.

#include "text/site_pattern.h"

#include "base/bytes.h"
#include "base/result.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::text {

struct RedirectRequest {
  std::string_view path;        // decoded
  std::string_view query = {};  // as it was sent, without "?"
  std::string_view host = {};   // lower case, without port
  bool is_secure = false;
  std::string_view accept_language = {};
  std::span<const std::string_view> cookies = {};  // the values of the Cookie fields
  std::span<const std::string> roles = {};         // of a token that was verified
};

struct RedirectAnswer {
  int status = 302;
  // 3xx: what Location says. 200 and 404: the decoded path of the page to show.
  std::string target;
  std::string_view vary;  // fields of the request that decided beside the address; or empty
  bool is_rewrite() const { return status == 200 || status == 404; }
};

class Redirects {
 public:
  struct Parsed;
  // No hosting: see above. `file` is for places only.
  static Parsed parse(std::string_view text, std::string_view file, std::optional<Hosting> hosting);

  // `exists` tells whether the release has a page at the request's path; asked at most once.
  std::optional<RedirectAnswer> find(const RedirectRequest& request,
                                     const std::function<bool()>& exists) const;

  Hosting hosting() const { return hosting_; }
  std::size_t count() const { return rules_.size(); }
  // False: `find` cannot answer for a path at which there is a page.
  bool shadows_pages() const { return shadows_pages_; }

 private:
  struct Piece {
    std::string text;
    std::string name = {};  // not empty: a placeholder instead of the text
  };
  struct Rule {
    SitePattern from;
    std::string from_host;  // empty: any
    std::optional<bool> from_secure;
    std::vector<std::pair<std::string, std::string>> query;
    // The destination, cut where URLs are cut. `authority` is "https://host" or nothing.
    std::vector<Piece> authority, path, search, fragment;
    bool has_search = false;
    int status = 302;
    bool forced = false;
    std::vector<std::string> countries, languages, roles, cookies;
    std::string vary;
  };
  struct Line;
  class Reader;
  struct Values;
  bool is_met(const Rule& rule, const RedirectRequest& request, Values& values) const;
  std::optional<RedirectAnswer> answer(const Rule& rule, const RedirectRequest& request,
                                       const Values& values) const;
  void index(std::size_t number);

  Hosting hosting_ = Hosting::cloudflare;
  bool shadows_pages_ = false;
  std::vector<Rule> rules_;
  using Numbers = std::vector<std::uint32_t>;  // rising
  using Table = std::unordered_map<std::string, Numbers, StringHash, std::equal_to<>>;
  Table exact_;   // by path
  Table prefix_;  // by SitePattern::prefix
  std::size_t prefix_segments_max_ = 0;
};

struct Redirects::Parsed {
  Redirects rules;
  std::vector<Error> left_out;  // one for each line
  std::vector<Error> notes;     // what the vendor would not take, or what works only in part
  std::size_t foreign = 0;      // of `left_out`: lines in a grammar that is not the vendor's
};

}  // namespace weir::text
