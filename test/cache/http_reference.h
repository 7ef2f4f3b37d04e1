#pragma once
// What RFC 9111 lets a shared cache do, written down a second time: slowly, section by section, and
// apart from src/cache. The tests hold the fast rules against it: what they allow, it must allow.
//
// Where the RFC leaves a choice, this takes the more generous one that its words still cover; so it
// says "may", and never that a cache must reuse something.

#include "cache/http_policy.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache::reference {

using List = std::vector<http::Field>;

inline std::string small(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}
inline std::string stripped(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\v\f");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n\v\f") - first + 1));
}

// RFC 9110 5.3: the value of all lines together; nothing = no line.
inline std::optional<std::string> combined(const List& fields, std::string_view name) {
  std::optional<std::string> out;
  for (const http::Field& field : fields)
    if (field.name == name)
      out = out ? *out + ", " + std::string(field.value) : std::string(field.value);
  return out;
}

// RFC 9110 5.6.7: read loosely, written again in each of the three forms, compared with what came
// (RFC 9111 4.2: in any case). The name of the day is taken as it is.
inline std::optional<std::int64_t> date(std::string_view value, std::int64_t now) {
  static const char* const days[] = {"sunday",   "monday", "tuesday", "wednesday",
                                     "thursday", "friday", "saturday"};
  static const char* const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                       "jul", "aug", "sep", "oct", "nov", "dec"};
  const std::string text = small(value);
  const auto try_form = [&](const char* scan, const char* print, bool has_long_day,
                            bool has_short_year, bool is_asctime) -> std::optional<std::int64_t> {
    char day_name[16] = {}, month_name[8] = {};
    int day = 0, year = 0, hour = 0, minute = 0, second = 0;
    const int found = is_asctime ? std::sscanf(text.c_str(), scan, day_name, month_name, &day,
                                               &hour, &minute, &second, &year)
                                 : std::sscanf(text.c_str(), scan, day_name, &day, month_name,
                                               &year, &hour, &minute, &second);
    if (found != 7) return std::nullopt;
    const auto is_day = [&](const char* name) {
      return has_long_day ? std::string(name) == day_name
                          : std::string(name).substr(0, 3) == day_name;
    };
    if (std::none_of(std::begin(days), std::end(days), is_day)) return std::nullopt;
    const auto month = std::find(std::begin(months), std::end(months), std::string(month_name));
    if (month == std::end(months) || second > 60 || year < 0 || year > 9999) return std::nullopt;
    char again[80];
    if (is_asctime)
      std::snprintf(again, sizeof again, print, day_name, month_name, day, hour, minute, second,
                    year);
    else
      std::snprintf(again, sizeof again, print, day_name, day, month_name, year, hour, minute,
                    second);
    if (text != again) return std::nullopt;
    std::tm parts{};
    parts.tm_mday = day;
    parts.tm_mon = static_cast<int>(month - std::begin(months));
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_sec = std::min(second, 59);
    if (has_short_year) {
      std::time_t clock = now;
      std::tm today{};
      gmtime_r(&clock, &today);
      const int this_year = today.tm_year + 1900;
      year += this_year / 100 * 100;
      if (year > this_year + 50) year -= 100;
    }
    parts.tm_year = year - 1900;
    std::tm copy = parts;
    const std::time_t seconds = timegm(&copy);
    if (copy.tm_mday != parts.tm_mday || copy.tm_hour != parts.tm_hour ||
        copy.tm_min != parts.tm_min)
      return std::nullopt;
    return seconds;
  };
  if (const auto fix = try_form("%3[a-z], %2d %3[a-z] %4d %2d:%2d:%2d",
                                "%s, %02d %s %04d %02d:%02d:%02d gmt", false, false, false))
    return fix;
  if (const auto old = try_form("%9[a-z], %2d-%3[a-z]-%2d %2d:%2d:%2d",
                                "%s, %02d-%s-%02d %02d:%02d:%02d gmt", true, true, false))
    return old;
  if (const auto c = try_form("%3[a-z] %3[a-z] %2d %2d:%2d:%2d %4d",
                              "%s %s %2d %02d:%02d:%02d %04d", false, false, true))
    return c;
  // A day of one digit with a zero in front is asctime, too, for those who read generously.
  return try_form("%3[a-z] %3[a-z] %2d %2d:%2d:%2d %4d", "%s %s %02d %02d:%02d:%02d %04d", false,
                  false, true);
}

// --- Cache-Control (RFC 9111 5.2): name -> all values it came with -------------------------------

struct Value {
  bool is_there = false;
  std::string text;
};
using Said = std::multimap<std::string, Value>;

inline Said said_by(std::string_view all_lines) {
  Said said;
  std::string member;
  const auto finish = [&] {
    const std::size_t equals = member.find('=');
    const std::string written = member.substr(0, equals);
    const std::string name = small(stripped(written));
    Value value;
    if (equals != std::string::npos) {  // a blank before '=': the name stands, the value does not
      const bool is_clean = stripped(written + "=").ends_with(stripped(written) + "=");
      value = {true, is_clean ? stripped(member).substr(stripped(written).size() + 1) : "?"};
    }
    if (!name.empty()) said.emplace(name, value);
    member.clear();
  };
  for (std::size_t i = 0; i < all_lines.size(); ++i) {
    const char c = all_lines[i];
    if (c == ',') {
      finish();
      continue;
    }
    member += c;
    if (c != '=' || i + 1 >= all_lines.size() || all_lines[i + 1] != '"') continue;
    // quoted-string (RFC 9110 5.6.4); one without an end is none.
    std::string quoted = "\"";
    bool ends = false;
    std::size_t k = i + 2;
    for (; k < all_lines.size() && !ends; ++k) {
      quoted += all_lines[k];
      if (all_lines[k] == '\\' && k + 1 < all_lines.size()) quoted += all_lines[++k];
      else if (all_lines[k] == '"') ends = true;
    }
    if (!ends) continue;
    member += quoted;
    i = k - 1;
  }
  finish();
  return said;
}

// Each line by itself: a quote that one line leaves open does not reach into the next.
inline Said said_in(const List& fields) {
  Said said;
  for (const http::Field& field : fields)
    if (field.name == "cache-control") said.merge(said_by(field.value));
  return said;
}

// delta-seconds (1.2.2), least of all; what is none counts as 0 (4.2.1 encourages it).
inline std::optional<double> seconds(const Said& said, const std::string& name) {
  std::optional<double> least;
  const auto [begin, end] = said.equal_range(name);
  for (auto one = begin; one != end; ++one) {
    std::string text = one->second.text;
    if (text.size() > 1 && text.front() == '"' && text.back() == '"')
      text = text.substr(1, text.size() - 2);
    double value = 0;
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)
      for (const char digit : text) value = std::min(value * 10 + (digit - '0'), 2147483647.0);
    least = least ? std::min(*least, value) : value;
  }
  return least;
}

// --- Targeted fields (RFC 9213): a dictionary (RFC 8941 3.2), read backwards from a grammar ------

class Dictionary {
 public:
  // Nothing = not well formed.
  static std::optional<Said> read(const std::string& text) {
    Dictionary reader(text);
    while (!reader.rest_.empty() && reader.rest_.back() == ' ') reader.rest_.pop_back();
    reader.drop(" ");
    if (!reader.rest_.empty() && !reader.all()) return std::nullopt;
    return reader.said_;
  }

 private:
  explicit Dictionary(std::string text) : rest_(std::move(text)) {}
  bool all() {
    for (;;) {
      const std::string key = run("abcdefghijklmnopqrstuvwxyz0123456789_-.*");
      if (key.empty() || std::string("0123456789_-.").find(key[0]) != std::string::npos)
        return false;
      std::string value = "?1";
      if (eat("=") && !(value = thing()).empty() && value == "!") return false;
      if (value.empty() || !parameters()) return false;
      said_.erase(key);
      said_.emplace(key, Value{true, value});
      drop(" \t");
      if (rest_.empty()) return true;
      if (!eat(",")) return false;
      drop(" \t");
    }
  }
  // The text of an item or "(...)"; "!" = not well formed.
  std::string thing() {
    if (!eat("(")) return item();
    for (;;) {
      drop(" ");
      if (eat(")")) return "()";
      if (rest_.empty()) return "!";
      const std::string one = item();
      if (one == "!" || !parameters()) return "!";
      if (rest_.empty() || (rest_[0] != ' ' && rest_[0] != ')')) return "!";
    }
  }
  std::string item() {
    if (rest_.empty()) return "!";
    const char c = rest_[0];
    if (c == '"') {
      std::string out = "\"";
      for (std::size_t i = 1; i < rest_.size(); ++i) {
        const auto byte = static_cast<unsigned char>(rest_[i]);
        if (byte < 0x20 || byte > 0x7e) return "!";
        if (byte == '"') {
          rest_.erase(0, i + 1);
          return out;
        }
        if (byte == '\\' && (++i >= rest_.size() || (rest_[i] != '"' && rest_[i] != '\\')))
          return "!";
        out += rest_[i];
      }
      return "!";
    }
    if (c == '?') {
      const std::string out = rest_.substr(0, 2);
      rest_.erase(0, 2);
      return out == "?0" || out == "?1" ? out : "!";
    }
    if (c == ':') {
      const std::size_t end = rest_.find(':', 1);
      if (end == std::string::npos) return "!";
      const std::string inside = rest_.substr(1, end - 1);
      rest_.erase(0, end + 1);
      return inside.find_first_not_of(
                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ==
                     std::string::npos
                 ? ":"
                 : "!";
    }
    if (c == '-' || std::isdigit(static_cast<unsigned char>(c)) != 0) {
      const std::string sign = eat("-") ? "-" : "";
      const std::string whole = run("0123456789");
      if (whole.empty() || whole.size() > 15) return "!";
      if (!eat("."))
        return whole.find_first_not_of('0') == std::string::npos ? whole : sign + whole;
      const std::string part = run("0123456789");
      return whole.size() <= 12 && !part.empty() && part.size() <= 3 ? sign + whole + "." + part
                                                                     : "!";
    }
    if (c != '*' && std::isalpha(static_cast<unsigned char>(c)) == 0) return "!";
    return "t" +
           run("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~:/");
  }
  bool parameters() {
    while (eat(";")) {
      drop(" ");
      const std::string key = run("abcdefghijklmnopqrstuvwxyz0123456789_-.*");
      if (key.empty() || std::string("0123456789_-.").find(key[0]) != std::string::npos)
        return false;
      if (eat("=") && item() == "!") return false;
    }
    return true;
  }
  std::string run(const std::string& of) {
    const std::size_t end = std::min(rest_.find_first_not_of(of), rest_.size());
    std::string out = rest_.substr(0, end);
    rest_.erase(0, end);
    return out;
  }
  void drop(const std::string& of) { run(of); }
  bool eat(const std::string& mark) {
    if (!rest_.starts_with(mark)) return false;
    rest_.erase(0, mark.size());
    return true;
  }

  std::string rest_;
  Said said_;
};

// The directives of a targeted field; nothing = as if it were not there (RFC 9213 2.1, C-23).
inline std::optional<Said> targeted(const List& fields, std::string_view name) {
  const auto lines = combined(fields, name);
  if (!lines || lines->empty()) return std::nullopt;
  const auto read = Dictionary::read(*lines);
  if (!read) return std::nullopt;
  static const std::set<std::string> words = {
      "no-store",         "no-cache",        "private",      "public",        "must-revalidate",
      "proxy-revalidate", "must-understand", "no-transform", "only-if-cached"};
  static const std::set<std::string> spans = {
      "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "max-stale", "min-fresh"};
  Said said;
  for (const auto& [key, value] : *read) {
    const bool is_string = value.text.starts_with('"');
    const bool is_integer =
        !value.text.empty() && value.text.find_first_not_of("0123456789") == std::string::npos;
    if (words.contains(key)) {
      const bool may_list = key == "no-cache" || key == "private";
      if (value.text != "?0" && value.text != "?1" && !(may_list && is_string)) return std::nullopt;
      if (value.text != "?0") said.emplace(key, Value{});
    } else if (spans.contains(key)) {
      if (!is_integer) return std::nullopt;
      said.emplace(key, value);
    }
  }
  return said;
}

// --- one answer, one request ---------------------------------------------------------------------

struct Case {
  const Arrival& arrival;  // what came, and for which request
  List answer;             // its fields
  List request;            // of the one who asks now
  double resident_s = 0;   // since it was received
};

struct Verdict {
  bool may_store = false;          // section 3
  bool may_reuse = false;          // section 4, without asking
  bool may_serve_if_gone = false;  // 4.2.4, when the origin is disconnected
};

inline bool is_guessable(int status) {  // RFC 9110 15.1
  static const std::set<int> codes = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501};
  return codes.contains(status);
}

inline Verdict judged(const Case& one) {
  const Arrival& arrival = one.arrival;
  const RouteFreshness& route = *arrival.route;
  const bool is_strict = arrival.profile == Profile::rfc9111;
  auto chosen = targeted(one.answer, "weir-cdn-cache-control");
  if (!chosen) chosen = targeted(one.answer, "cdn-cache-control");
  const bool is_targeted = chosen.has_value();
  const Said said = chosen ? *chosen : said_in(one.answer);
  const auto has = [&said](const char* name) { return said.contains(name); };
  const auto s_maxage = seconds(said, "s-maxage");
  const auto max_age = seconds(said, "max-age");
  const bool has_expires = !is_targeted && combined(one.answer, "expires").has_value();

  // 4.2.1 and 4.2.2.
  const double date_s = static_cast<double>([&] {
    for (const http::Field& field : one.answer)
      if (field.name == "date")
        return date(field.value, arrival.received_s).value_or(arrival.received_s);
    return arrival.received_s;
  }());
  double lifetime = 0;
  const bool is_explicit = s_maxage || max_age || has_expires;
  if (s_maxage) lifetime = *s_maxage;
  else if (max_age) lifetime = *max_age;
  else if (has_expires) {
    const auto lines = std::count_if(one.answer.begin(), one.answer.end(),
                                     [](const auto& f) { return f.name == "expires"; });
    const auto at =
        lines == 1 ? date(*combined(one.answer, "expires"), arrival.received_s) : std::nullopt;
    lifetime = at ? std::max(0.0, static_cast<double>(*at) - date_s) : 0;
  } else if (is_guessable(arrival.status) || has("public")) {
    for (const http::Field& field : one.answer) {
      if (field.name != "last-modified") continue;
      const auto at = date(field.value, arrival.received_s);
      if (at) lifetime = std::clamp((date_s - static_cast<double>(*at)) / 10, 0.0, 86'400.0);
      break;
    }
  }
  if (!is_strict && (arrival.status == 404 || arrival.status == 410) && !is_explicit)
    lifetime = std::max(lifetime, static_cast<double>(route.neg_ttl_s));  // by configuration (C-2)

  // 3: storing.
  Verdict verdict;
  const bool reads = arrival.method == http::Method::get || arrival.method == http::Method::head;
  const bool understood = http::reason_phrase_of(arrival.status) != "Unknown";
  const bool forbids_store = has("must-understand") ? !understood : has("no-store");
  const bool says_so = has("public") || is_explicit || is_guessable(arrival.status);
  verdict.may_store =
      (reads || (arrival.method == http::Method::post && is_explicit)) && arrival.status >= 200 &&
      arrival.status != 304 && !forbids_store && !has("private") && says_so &&
      !(is_strict && arrival.request_no_store) &&
      (!arrival.has_authorization || has("public") || has("must-revalidate") || has("s-maxage"));
  const bool for_all = has("public") || has("s-maxage") || is_targeted;
  if (!is_strict) {  // C-2: guarded
    const bool sets_cookie = std::any_of(one.answer.begin(), one.answer.end(),
                                         [](const auto& f) { return f.name == "set-cookie"; });
    verdict.may_store = verdict.may_store && !sets_cookie && arrival.status < 500 &&
                        (!arrival.has_cookie || for_all || route.ignores_cookies);
  }

  // 4.2.3.
  double age_value = 0;
  for (const http::Field& field : one.answer) {
    if (field.name != "age") continue;
    const std::string text(field.value);
    const std::string digits = stripped(text.substr(0, text.find_first_of(",;")));
    if (!digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos)
      for (const char digit : digits)
        age_value = std::min(age_value * 10 + (digit - '0'), 2147483647.0);
    break;
  }
  const double apparent = std::max(0.0, static_cast<double>(arrival.received_s) - date_s);
  const double corrected = age_value + std::floor(static_cast<double>(arrival.delay.count()) / 1e9);
  // Saturated like what it is made of (1.2.2).
  const double age = std::min(std::max(apparent, corrected) + one.resident_s, 2147483647.0);
  const double late = age - lifetime;  // below 0: fresh

  // 4 and 4.2.4: reuse.
  const Said asked = said_in(one.request);
  const bool has_auth = combined(one.request, "authorization").has_value();
  const bool has_cookie = combined(one.request, "cookie").has_value() && !route.ignores_cookies;
  const auto swr = seconds(said, "stale-while-revalidate");
  const auto sie = seconds(said, "stale-if-error");
  const bool bounded = s_maxage && (is_strict || (!swr && !sie));  // 5.2.2.10; C-2
  const bool forbids_stale =
      has("must-revalidate") || has("proxy-revalidate") || has("no-cache") || bounded;
  bool may = verdict.may_store && !has("no-cache");
  if (has_auth && !(has("public") || has("must-revalidate") || has("s-maxage"))) may = false;
  if (!is_strict && has_cookie && !for_all) may = false;
  bool stale_is_accepted = swr && late < *swr;
  if (is_strict) {
    const auto most = seconds(asked, "max-age");
    const auto left = seconds(asked, "min-fresh");
    const auto stale = seconds(asked, "max-stale");
    const bool any_stale =
        std::any_of(asked.lower_bound("max-stale"), asked.upper_bound("max-stale"),
                    [](const auto& d) { return !d.second.is_there; });
    const bool names_stale = any_stale || stale;
    if (asked.contains("no-cache") || asked.contains("no-store")) may = false;
    if (most && (std::floor(age) > *most || (late >= 0 && !names_stale))) may = false;
    if (left && lifetime - std::floor(age) < *left) may = false;
    if (any_stale || (stale && std::floor(late) <= *stale)) stale_is_accepted = true;
    if (!combined(one.request, "cache-control") &&
        small(combined(one.request, "pragma").value_or("")) == "no-cache")
      may = false;
  }
  verdict.may_reuse = may && (late < 0 || (stale_is_accepted && !forbids_stale));
  const double sie_window = sie ? *sie : (s_maxage ? 0 : static_cast<double>(route.standard_sie_s));
  verdict.may_serve_if_gone =
      verdict.may_store && !forbids_stale && (late < 0 || late < sie_window);
  return verdict;
}

}  // namespace weir::cache::reference
