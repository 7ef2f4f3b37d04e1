#pragma once
// The fields of stored answers: which are kept, which select (Vary), what a 304 changes, which tags
// and other URLs they name. RFC 9111 3.1, 3.2, 4.1, 4.3.4, 4.4; RFC 9875 (cache groups);
// No-Vary-Search. C-29, C-30, C-37, C-39, C-40, C-53, C-57. Pure functions, any thread.

#include "http/message.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

// What is stored of an answer: without fields of its hop, those that Connection names,
// Content-Length and Age, which are written anew.
http::Fields kept_fields(std::span<const http::Field> fields);

// A 304, or a HEAD's 200, freshens a stored answer: the fields it has take the place of those of
// the same names, but for what describes the bytes (Content-Length, -Encoding, -Range, and what
// kept_fields drops). Fields that it does not have stay.
http::Fields freshened(const http::Fields& stored, std::span<const http::Field> news);

// The names in Vary, lower case, sorted, each once; nothing = `*` is among them, wherever, or what
// is no field name. Empty = no such field.
using VaryNames = std::vector<std::string>;
std::optional<VaryNames> vary_of(std::span<const http::Field> fields);

// The values of the named fields as one text, so that requests that mean the same have the same:
// lines are joined, blanks round commas (not in quoted strings) removed, languages in one order and
// case. Not reversible.
std::string selection_of(const VaryNames& names, std::span<const http::Field> request_fields);

// RFC 9110 12.5.4: the weight, in thousandths, that Accept-Language gives a language ("de-CH" is
// found by "de"); 0 = not wanted. An empty field wants every language.
int language_weight(std::string_view accept_language, std::string_view language);

// Cache-Tag (commas), Surrogate-Key and xkey (blanks) as they are; Cache-Groups (RFC 9875, a list
// of strings) as "group:<origin>:<name>". At most limits::entry_tags_max, each (of a group: its
// name) at most tag_bytes_max.
std::vector<std::string> tags_of(std::span<const http::Field> fields, std::string_view origin);
// Cache-Group-Invalidation, in the same form.
std::vector<std::string> invalidated_groups(std::span<const http::Field> fields,
                                            std::string_view origin);

// Paths, with their queries, on the same host that Location and Content-Location name.
std::vector<std::string> invalidated_targets(std::span<const http::Field> fields,
                                             std::string_view authority, std::string_view path);

// No-Vary-Search (draft-ietf-httpbis-no-vary-search, a dictionary): which parameters of the query
// do not select. Nothing: all do, also when the field breaks its own rules. Names are compared
// decoded.
struct NoVarySearch {
  bool ignores_order = false;
  bool ignores_all = false;             // params, or params=?1
  std::vector<std::string> names = {};  // params=("a" "b"), or except=(...) with ignores_all
  friend bool operator==(const NoVarySearch&, const NoVarySearch&) = default;
};
std::optional<NoVarySearch> no_vary_search_of(std::span<const http::Field> fields);
// The query without what does not select.
std::string selecting_query(std::string_view query, const NoVarySearch& rule);

// The query of a guarded route (C-37): parameters sorted by name (those of one name stay in order),
// those that only track left out, but for one with a ';' in it.
std::string guarded_query(std::string_view query);

}  // namespace weir::cache
