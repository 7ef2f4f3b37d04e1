// Property (C-37, C-39, C-40): two requests that get one answer mean the same to a reference that
// compares them field by field (RFC 9111 4.1) and parameter by parameter (No-Vary-Search, C-37);
// and a Vary with a `*` or with what is no name selects nothing.
//
// Lines: V Vary, N No-Vary-Search, "a name:value" and "b name:value" fields of the two requests,
// q and r their queries.

#include "cache/http_fields.h"
#include "cache/http_reference.h"

#include "base/must.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

using namespace weir;
using namespace weir::cache;

namespace {

// Members of a list, what stands in a quoted string in one piece; blanks at their ends removed.
std::vector<std::string> members_of(const std::string& list) {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') {
      std::size_t end = i + 1;
      while (end < list.size() && list[end] != '"') end += list[end] == '\\' ? 2 : 1;
      if (end < list.size()) {
        out.back() += list.substr(i, end - i + 1);
        i = end;
        continue;
      }
    }
    if (list[i] == ',') out.emplace_back();
    else out.back() += list[i];
  }
  std::vector<std::string> kept;
  for (const std::string& member : out)
    if (std::string one = reference::stripped(member); !one.empty()) kept.push_back(std::move(one));
  return kept;
}

std::optional<std::vector<std::string>> value_of(const std::vector<http::Field>& fields,
                                                 const std::string& name) {
  std::optional<std::vector<std::string>> out;
  for (const http::Field& field : fields) {
    if (field.name != name) continue;
    if (!out) out.emplace();
    for (std::string& member : members_of(std::string(field.value)))
      out->push_back(std::move(member));
  }
  if (!out || name != "accept-language") return out;
  for (std::string& member : *out) {  // "EN ; Q=0.50" and "en;q=0.5" are one
    member = reference::small(member);
    const std::size_t semicolon = member.find(';');
    if (semicolon == std::string::npos) {
      member += ";q=1000";
      continue;
    }
    const std::string weight = reference::stripped(member.substr(semicolon + 1));
    const std::string number = weight.starts_with("q=") ? weight.substr(2) : "";
    const bool is_weight =
        !number.empty() && number.size() <= 5 && (number[0] == '0' || number[0] == '1') &&
        (number.size() == 1 || number[1] == '.') &&
        (number.size() < 3 || number.find_first_not_of("0123456789", 2) == std::string::npos) &&
        std::atof(number.c_str()) <= 1;
    if (!is_weight) continue;
    member = reference::stripped(member.substr(0, semicolon)) + ";q=" +
             std::to_string(static_cast<int>(std::lround(std::atof(number.c_str()) * 1'000)));
  }
  std::sort(out->begin(), out->end());
  return out;
}

// application/x-www-form-urlencoded: pairs in order, names decoded, the rest as it stands.
using Pairs = std::vector<std::pair<std::string, std::string>>;
Pairs pairs_of(const std::string& query) {
  Pairs out;
  std::size_t begin = 0;
  while (begin <= query.size()) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::string whole = query.substr(begin, end - begin);
    begin = end + 1;
    if (whole.empty()) continue;
    const std::size_t equals = std::min(whole.find('='), whole.size());
    std::string name;
    for (std::size_t i = 0; i < equals; ++i) {
      const bool is_escape = whole[i] == '%' && i + 2 < equals &&
                             std::isxdigit(static_cast<unsigned char>(whole[i + 1])) != 0 &&
                             std::isxdigit(static_cast<unsigned char>(whole[i + 2])) != 0;
      if (is_escape) {
        name += static_cast<char>(std::stoi(whole.substr(i + 1, 2), nullptr, 16));
        i += 2;
      } else {
        name += whole[i] == '+' ? ' ' : whole[i];
      }
    }
    out.emplace_back(name, whole);
  }
  return out;
}
void sort_by_name(Pairs& pairs) {
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
}
// Are they the same but for what the names are written like?
bool same(const Pairs& a, const Pairs& b) {
  const auto value = [](const std::pair<std::string, std::string>& pair) {
    const std::size_t equals = pair.second.find('=');
    return equals == std::string::npos ? std::string() : pair.second.substr(equals);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&value](const auto& x, const auto& y) {
    return x.first == y.first && value(x) == value(y);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes > 2'048) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), bytes);
  std::vector<http::Field> answer, a, b;
  std::string query_a, query_b;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool is_clean = std::none_of(line.begin(), line.end(), [](char c) {
      return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f;
    });
    if (line.size() < 2 || !is_clean) continue;
    const char letter = line[0];
    line.remove_prefix(1);
    if (letter == 'q') query_a = line;
    if (letter == 'r') query_b = line;
    if (letter == 'V') answer.push_back({"vary", line});
    if (letter == 'N') answer.push_back({"no-vary-search", line});
    if (letter != 'a' && letter != 'b') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    if (name != reference::small(name)) continue;
    (letter == 'a' ? a : b).push_back({name, line.substr(colon + 1)});
  }

  const auto names = vary_of(answer);
  bool has_star = false;
  std::set<std::string> wanted;
  for (const http::Field& field : answer) {
    if (field.name != "vary") continue;
    for (const std::string& member : members_of(std::string(field.value))) {
      has_star =
          has_star || member == "*" ||
          member.find_first_not_of(
              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") !=
              std::string::npos;
      wanted.insert(reference::small(member));
    }
  }
  MUST(names.has_value() == !has_star);
  if (names) {
    MUST(std::vector<std::string>(wanted.begin(), wanted.end()) == *names);
    http::Request first, second;
    first.fields = a;
    second.fields = b;
    if (selection_of(*names, first.fields) == selection_of(*names, second.fields))
      for (const std::string& name : *names) MUST(value_of(a, name) == value_of(b, name));
  }

  if (guarded_query(query_a) == guarded_query(query_b)) {
    Pairs first = pairs_of(query_a), second = pairs_of(query_b);
    for (Pairs* pairs : {&first, &second}) {
      std::erase_if(*pairs, [](const auto& pair) {
        return pair.first.starts_with("utm_") || pair.first == "gclid" || pair.first == "fbclid";
      });
      sort_by_name(*pairs);
    }
    MUST(same(first, second));
  }

  const auto rule = no_vary_search_of(answer);
  const auto read =
      reference::Dictionary::read(reference::combined(answer, "no-vary-search").value_or(""));
  MUST(!rule || read);
  if (!rule || selecting_query(query_a, *rule) != selecting_query(query_b, *rule)) return 0;
  Pairs first = pairs_of(query_a), second = pairs_of(query_b);
  const auto is_true = [&read](const char* key) {
    const auto found = read->find(key);
    return found != read->end() && found->second.text == "?1";
  };
  MUST(is_true("params") || !read->contains("except"));
  for (Pairs* pairs : {&first, &second}) {
    std::erase_if(*pairs, [&](const auto& pair) {
      const bool is_named =
          std::find(rule->names.begin(), rule->names.end(), pair.first) != rule->names.end();
      return is_true("params") ? !is_named : is_named;
    });
    if (is_true("key-order")) sort_by_name(*pairs);
  }
  MUST(same(first, second));
  return 0;
}
