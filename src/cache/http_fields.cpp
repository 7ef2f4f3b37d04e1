#include "cache/http_fields.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "http/structured_fields.h"
#include "http/target.h"
#include "http/upstream_request.h"
#include "text/url.h"

#include <algorithm>

namespace weir::cache {
namespace {

// Behind the quoted string that begins at `at`; `at` itself when no quote ends it.
std::size_t end_of_quoted(std::string_view list, std::size_t at) {
  for (std::size_t i = at + 1; i < list.size(); ++i) {
    if (list[i] == '\\') ++i;
    else if (list[i] == '"') return i + 1;
  }
  return at;
}

// Commas and blanks within a quoted string are part of it.
std::size_t comma_of(std::string_view list) {
  std::size_t at = 0;
  while (at < list.size() && list[at] != ',') {
    const std::size_t end = list[at] == '"' ? end_of_quoted(list, at) : at;
    at = std::max(end, at + 1);
  }
  return at < list.size() ? at : std::string_view::npos;
}

template <class Use>
void each_member(std::string_view list, Use use) {
  while (!list.empty()) {
    const std::size_t comma = comma_of(list);
    const std::string_view member = trim(list.substr(0, comma));
    if (!member.empty()) use(member);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// Written anew for each answer, or meant for the hop that it came over.
bool is_kept(std::span<const http::Field> fields, std::string_view name) {
  return !http::is_hop_field(name) && name != "content-length" && name != "age" &&
         !http::is_named_in_connection(fields, name);
}

bool describes_bytes(std::string_view name) {
  return name == "content-encoding" || name == "content-range";
}

std::string lines_of(std::span<const http::Field> fields, std::string_view name) {
  std::string lines;
  for (const http::Field& field : fields) {
    if (field.name != name) continue;
    if (!lines.empty()) lines += ", ";
    lines += field.value;
  }
  return lines;
}

// "q=0.7" in thousandths (RFC 9110 12.4.2): 0 or 1, then a dot and at most three digits.
std::optional<int> weight_of(std::string_view parameter) {
  if (parameter.size() < 3 || lower(parameter[0]) != 'q' || parameter[1] != '=') return {};
  const std::string_view number = parameter.substr(2);
  if (number.size() > 5 || (number[0] != '0' && number[0] != '1')) return {};
  if (number.size() > 1 && number[1] != '.') return {};
  int weight = (number[0] - '0') * 1000;
  int unit = 100;
  for (const char c : number.substr(std::min<std::size_t>(2, number.size()))) {
    if (!is_digit(c)) return {};
    weight += (c - '0') * unit;
    unit /= 10;
  }
  if (weight > 1000) return {};
  return weight;
}

// "de-CH;q=0.7" as its language and its weight in thousandths.
struct Weighted {
  std::string language;
  int weight = 1000;
};
Weighted weighted_of(std::string_view member) {
  Weighted out;
  const std::size_t semicolon = member.find(';');
  out.language = lower_of(trim(member.substr(0, semicolon)));
  if (semicolon == std::string_view::npos) return out;
  const auto weight = weight_of(trim(member.substr(semicolon + 1)));
  if (weight) out.weight = *weight;
  else out.language = lower_of(member);  // whatever it means, it means nothing else
  return out;
}

// Languages in falling weight, of equal weights by name: what the order of equal ones says is
// nothing (RFC 9110 12.5.4).
std::string languages_in_order(std::string_view list) {
  std::vector<Weighted> all;
  each_member(list, [&all](std::string_view member) { all.push_back(weighted_of(member)); });
  std::ranges::sort(all, [](const Weighted& a, const Weighted& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.language < b.language;
  });
  std::string out;
  for (const Weighted& one : all)
    out.append(one.language).append(";").append(std::to_string(one.weight)).append(",");
  return out;
}

void add_tag(std::vector<std::string>& tags, std::string tag) {
  if (tag.empty() || tag.size() > limits::tag_bytes_max) return;
  if (tags.size() >= limits::entry_tags_max) return;
  if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(std::move(tag));
}

void add_groups(std::vector<std::string>& tags, const std::string& list, std::string_view origin) {
  const auto members = http::parse_list(list);
  if (!members) return;
  for (const http::StructuredMember& member : *members) {
    if (member.is_inner_list || member.items[0].kind != http::StructuredItem::Kind::string)
      continue;  // of no meaning (RFC 9875 2); the others keep theirs: rather invalidated than not
    const std::string& name = member.items[0].text;
    if (name.size() > limits::tag_bytes_max || tags.size() >= limits::entry_tags_max) continue;
    std::string tag = "group:" + std::string(origin) + ":" + name;
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(std::move(tag));
  }
}

// A name as forms write it: + is a blank, escapes are decoded. `a%62` and `ab` are one name to the
// upstream, so they must be one here.
std::string form_decoded(std::string_view name) {
  std::string blanks(name);
  std::ranges::replace(blanks, '+', ' ');
  return text::percent_decode_lossy(blanks);
}

struct Parameter {
  std::string name;  // decoded
  std::string_view whole;
};
std::vector<Parameter> parameters_of(std::string_view query) {
  std::vector<Parameter> out;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view whole = query.substr(0, end);
    if (!whole.empty()) out.push_back({form_decoded(whole.substr(0, whole.find('='))), whole});
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return out;
}

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [marks](char c) {
    return is_alnum(c) || marks.find(c) != std::string_view::npos;
  });
}

// In lower case, without the port that goes without saying and the dot of the root (C-37).
std::string plain_authority(std::string_view authority) {
  std::string out = lower_of(authority);
  for (const std::string_view port : {":80", ":443"})
    if (out.ends_with(port)) out.resize(out.size() - port.size());
  if (out.ends_with(':')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string joined(const std::vector<Parameter>& parameters) {
  std::string out;
  for (const Parameter& one : parameters) out.append(out.empty() ? "" : "&").append(one.whole);
  return out;
}

}  // namespace

http::Fields kept_fields(std::span<const http::Field> fields) {
  http::Fields kept;
  kept.reserve(fields.size());
  for (const http::Field& field : fields)
    if (is_kept(fields, field.name)) kept.emplace_back(field.name, field.value);
  return kept;
}

http::Fields freshened(const http::Fields& stored, std::span<const http::Field> news) {
  const auto takes_place = [&news](std::string_view name) {
    return is_kept(news, name) && !describes_bytes(name);
  };
  http::Fields out;
  out.reserve(stored.size() + 4);
  for (const auto& old : stored) {
    const std::string_view name = old.first;
    const bool is_replaced =
        takes_place(name) &&
        std::ranges::any_of(news, [name](const auto& field) { return field.name == name; });
    if (!is_replaced) out.push_back(old);
  }
  for (const http::Field& field : news)
    if (takes_place(field.name)) out.emplace_back(field.name, field.value);
  return out;
}

std::optional<VaryNames> vary_of(std::span<const http::Field> fields) {
  VaryNames names;
  bool has_star = false;
  for (const http::Field& field : fields) {
    if (field.name != "vary") continue;
    each_member(field.value, [&](std::string_view member) {
      // What is no field name selects in a way that we do not know, like "*".
      if (member == "*" || !is_token(member)) has_star = true;
      names.push_back(lower_of(member));
    });
  }
  if (has_star) return std::nullopt;
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string selection_of(const VaryNames& names, std::span<const http::Field> request_fields) {
  std::string out;
  for (const std::string& name : names) {
    out += name;
    out += '=';
    bool is_present = false;
    std::string list;
    for (const http::Field& field : request_fields) {
      if (field.name != name) continue;
      is_present = true;
      each_member(field.value, [&list](std::string_view member) {
        list.append(list.empty() ? "" : ",").append(member);
      });
    }
    // An absent field matches an absent one only (RFC 9111 4.1).
    if (is_present) out += '+';
    out += name == "accept-language" ? languages_in_order(list) : list;
    out += '\n';
  }
  return out;
}

int language_weight(std::string_view accept_language, std::string_view language) {
  if (trim(accept_language).empty()) return 1000;
  const std::string wanted = lower_of(language);
  int best = 0;
  std::size_t best_length = 0;
  each_member(accept_language, [&](std::string_view member) {
    const Weighted range = weighted_of(member);
    const std::size_t length = range.language == "*" ? 1 : range.language.size() + 1;
    const bool matches =
        range.language == "*" || wanted == range.language ||
        (wanted.starts_with(range.language) && wanted[range.language.size()] == '-');
    if (!matches || length < best_length) return;
    best = range.weight;
    best_length = length;
  });
  return best;
}

std::vector<std::string> tags_of(std::span<const http::Field> fields, std::string_view origin) {
  std::vector<std::string> tags;
  for (const http::Field& field : fields) {
    if (field.name == "cache-tag")
      each_member(field.value, [&tags](std::string_view tag) { add_tag(tags, std::string(tag)); });
    if (field.name != "surrogate-key" && field.name != "xkey") continue;
    std::string_view list = field.value;
    while (!list.empty()) {
      const std::size_t end = std::min(list.find_first_of(" \t"), list.size());
      add_tag(tags, std::string(list.substr(0, end)));
      list.remove_prefix(std::min(end + 1, list.size()));
    }
  }
  add_groups(tags, lines_of(fields, "cache-groups"), origin);
  return tags;
}

std::vector<std::string> invalidated_groups(std::span<const http::Field> fields,
                                            std::string_view origin) {
  std::vector<std::string> tags;
  add_groups(tags, lines_of(fields, "cache-group-invalidation"), origin);
  return tags;
}

std::vector<std::string> invalidated_targets(std::span<const http::Field> fields,
                                             std::string_view authority, std::string_view path) {
  std::vector<std::string> targets;
  const std::string base = "http://" + lower_of(authority) + std::string(path);
  for (const http::Field& field : fields) {
    if (field.name != "location" && field.name != "content-location") continue;
    const auto joined = text::join_url(base, field.value);
    if (!joined.ok()) continue;
    std::string_view url = *joined;
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) continue;
    url.remove_prefix(scheme + 3);
    const std::size_t slash = std::min(url.find_first_of("/?#"), url.size());
    // 4.4: of this host only.
    if (plain_authority(url.substr(0, slash)) != plain_authority(authority)) continue;
    url.remove_prefix(slash);
    std::string target(url.substr(0, url.find('#')));
    if (target.empty() || target.front() != '/') target.insert(0, "/");
    targets.push_back(std::move(target));
  }
  return targets;
}

std::optional<NoVarySearch> no_vary_search_of(std::span<const http::Field> fields) {
  const std::string lines = lines_of(fields, "no-vary-search");
  if (lines.empty()) return std::nullopt;
  const auto members = http::parse_dictionary(lines);
  if (!members) return std::nullopt;
  using Kind = http::StructuredItem::Kind;
  const auto is_boolean = [](const http::StructuredMember& member) {
    return !member.is_inner_list && member.items[0].kind == Kind::boolean;
  };
  const auto take_names = [](const http::StructuredMember& member,
                             std::vector<std::string>& names) {
    for (const http::StructuredItem& item : member.items) {
      if (item.kind != Kind::string) return false;
      names.push_back(form_decoded(item.text));
    }
    return member.is_inner_list;
  };
  NoVarySearch rule;
  const http::StructuredMember* except = nullptr;
  for (const http::StructuredMember& member : *members) {
    if (member.key == "except") except = &member;
    if (member.key == "params" && member.is_inner_list) {
      if (!take_names(member, rule.names)) return std::nullopt;
    } else if (member.key == "key-order" || member.key == "params") {
      if (!is_boolean(member)) return std::nullopt;
      (member.key == "params" ? rule.ignores_all : rule.ignores_order) = member.items[0].is_true;
    }
  }
  // Names that do select are excepted from a bare `params` only; anything else is no rule at all.
  if (except != nullptr && (!rule.ignores_all || !take_names(*except, rule.names)))
    return std::nullopt;
  return rule;
}

std::string selecting_query(std::string_view query, const NoVarySearch& rule) {
  std::vector<Parameter> all = parameters_of(query);
  std::erase_if(all, [&rule](const Parameter& one) {
    const bool is_named = std::ranges::find(rule.names, one.name) != rule.names.end();
    return is_named != rule.ignores_all;  // params=(...) names the ignored, except=(...) the others
  });
  if (rule.ignores_order) std::ranges::stable_sort(all, {}, &Parameter::name);
  return joined(all);
}

std::string guarded_query(std::string_view query) {
  std::vector<Parameter> all = parameters_of(query);
  std::erase_if(all, [](const Parameter& one) {
    // Some upstreams begin a parameter at ';', too: what hides behind one must select.
    if (one.whole.find(';') != std::string_view::npos) return false;
    return one.name.starts_with("utm_") || one.name == "gclid" || one.name == "fbclid";
  });
  std::ranges::stable_sort(all, {}, &Parameter::name);
  return joined(all);
}

}  // namespace weir::cache
