#include "text/redirects.h"

#include "base/bytes.h"
#include "base/limits_site.h"
#include "text/url.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>

namespace weir::text {
namespace {

constexpr std::size_t cloudflare_static_max = 2'000, cloudflare_dynamic_max = 100,
                      cloudflare_line_characters_max = 1'000;

struct Token {
  std::string_view text;
  std::size_t at;  // in the line
};

std::vector<Token> tokens_of(std::string_view line) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < line.size();) {
    if (is_space(line[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < line.size() && !is_space(line[end])) ++end;
    tokens.push_back({line.substr(at, end - at), at});
    at = end;
  }
  return tokens;
}

bool is_http_url(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

// "301", "301!"; nothing for anything else.
struct Status {
  int code;
  bool forced;
};
std::optional<Status> parse_status(std::string_view text) {
  Status status{0, text.ends_with('!')};
  if (status.forced) text.remove_suffix(1);
  const auto number = parse_u64(text);
  if (!number || *number > 999 || text.size() != 3) return std::nullopt;
  status.code = static_cast<int>(*number);
  return status;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view item = trim(text.substr(begin, comma - begin));
    if (!item.empty()) items.emplace_back(item);
    begin = comma + 1;
  }
  return items;
}

// The value of a cookie; nothing when there is none of that name.
std::optional<std::string_view> find_cookie(std::span<const std::string_view> fields,
                                            std::string_view name) {
  for (const std::string_view field : fields)
    for (std::size_t begin = 0; begin < field.size();) {
      const std::size_t end = std::min(field.find(';', begin), field.size());
      const std::string_view pair = trim(field.substr(begin, end - begin));
      if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
        return pair.substr(name.size() + 1);
      begin = end + 1;
    }
  return std::nullopt;
}

// The language that the client likes best: the first of the highest weight.
std::string_view preferred_language(std::string_view accept) {
  std::string_view best;
  int best_weight = -1;
  for (std::size_t begin = 0; begin < accept.size();) {
    const std::size_t end = std::min(accept.find(',', begin), accept.size());
    const std::string_view item = accept.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    // "q=0.8" as thousandths; what cannot be read counts as 1, as if it were not there.
    int weight = 1000;
    const std::string_view q = trim(item.substr(std::min(semicolon + 1, item.size())));
    if (q.starts_with("q=0")) {
      weight = 0;
      int unit = 100;
      for (const char c : q.substr(std::min<std::size_t>(4, q.size()))) {
        if (!is_digit(c) || unit == 0) break;
        weight += (c - '0') * unit;
        unit /= 10;
      }
    }
    const std::string_view name = trim(item.substr(0, semicolon));
    if (!name.empty() && name != "*" && weight > best_weight && weight > 0) {
      best = name;
      best_weight = weight;
    }
  }
  return best;
}

// "en" speaks for "en-US", "en-us" only for itself.
bool speaks(std::string_view language, std::string_view wanted) {
  return equals_ignoring_case(language, wanted) ||
         (language.size() > wanted.size() && language[wanted.size()] == '-' &&
          equals_ignoring_case(language.substr(0, wanted.size()), wanted));
}

bool is_host_text(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

// host [ ":" port ] of RFC 3986, without user and escapes.
bool is_host_and_port(std::string_view text) {
  std::size_t end = text.find(':');
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    if (!std::ranges::all_of(text.substr(1, end - 1),
                             [](char c) { return hex_digit_of(c) >= 0 || c == ':' || c == '.'; }))
      return false;
    ++end;
  } else {
    end = std::min(end, text.size());
    if (end == 0 || !std::ranges::all_of(text.substr(0, end), [](char c) {
          return is_alnum(c) || c == '-' || c == '.' || c == '_';
        }))
      return false;
  }
  const std::string_view port = text.substr(end);
  return port.empty() || (port.size() > 1 && port.size() <= 6 && port.front() == ':' &&
                          std::ranges::all_of(port.substr(1), is_digit));
}

bool is_name_character(char c) { return is_alnum(c) || c == '_'; }

}  // namespace

// What the placeholders of one request stand for. Views of its path, or texts of its query.
struct Redirects::Values {
  SitePattern::Captures path;
  std::vector<std::pair<std::string, std::string>> query;
  std::string_view find(std::string_view name) const {
    for (const auto& [known, value] : path)
      if (known == name) return value;
    for (const auto& [known, value] : query)
      if (known == name) return value;
    return {};
  }
};

// One line on its way to a rule.
class Redirects::Reader {
 public:
  Reader(std::string_view line, Hosting hosting) : line_(line), hosting_(hosting) {}

  // The rule, or what is wrong with the line: a text and the token that it is about.
  std::optional<Rule> read() {
    std::vector<Token> tokens = tokens_of(line_);
    // Netlify ends a line at any word that begins with '#', Cloudflare behind the destination.
    for (std::size_t i = hosting_ == Hosting::netlify ? 1 : 2; i < tokens.size(); ++i)
      if (tokens[i].text.starts_with('#')) tokens.resize(i);
    if (!split(tokens)) return std::nullopt;
    if (!read_from() || !read_status() || !read_conditions() || !read_query() || !read_to())
      return std::nullopt;
    return std::move(rule_);
  }
  const std::string& problem() const { return problem_; }
  const Token& about() const { return about_; }
  const std::string& note() const { return note_; }
  std::string from_key;  // to find a line that says the same path again

 private:
  bool fail(std::string what, const Token& about) {
    problem_ = std::move(what);
    about_ = about;
    return false;
  }

  // Which token is what.
  bool split(const std::vector<Token>& tokens) {
    from_ = tokens.front();
    if (hosting_ == Hosting::cloudflare) {
      if (tokens.size() < 2 || tokens.size() > 3)
        return fail("expected \"from to\" or \"from to status\", found " +
                        std::to_string(tokens.size()) + (tokens.size() == 1 ? " word" : " words"),
                    tokens.size() < 2 ? tokens.front() : tokens[3]);
      to_ = tokens[1];
      if (tokens.size() == 3) status_ = tokens[2];
      return true;
    }
    if (tokens.size() == 1) return fail("expected a destination behind the path", tokens.front());
    std::size_t next = 1;
    if (parse_status(tokens[1].text)) {  // "/a/* 200": to the same path
      status_ = tokens[1];
      next = 2;
    } else {
      while (next < tokens.size() && !tokens[next].text.starts_with('/') &&
             !is_http_url(tokens[next].text))
        query_.push_back(tokens[next++]);
      if (next == tokens.size())
        return fail("expected a destination that begins with '/', \"https://\" or \"http://\"",
                    tokens[1]);
      to_ = tokens[next++];
      if (next < tokens.size() && tokens[next].text.find('=') == std::string_view::npos)
        status_ = tokens[next++];
    }
    conditions_.assign(tokens.begin() + static_cast<std::ptrdiff_t>(next), tokens.end());
    return true;
  }

  bool read_from() {
    std::string_view text = from_.text;
    if (is_http_url(text)) {
      if (hosting_ == Hosting::cloudflare)
        return fail("expected a path: Cloudflare Pages redirects no other hosts", from_);
      rule_.from_secure = text.starts_with("https:");
      text.remove_prefix(text.find("//") + 2);
      const std::size_t slash = std::min(text.find('/'), text.size());
      rule_.from_host = lower_of(text.substr(0, std::min(text.find(':'), slash)));
      text.remove_prefix(slash);
      if (text.empty()) text = "/";
    }
    text = text.substr(0, std::min(text.find_first_of("?#"), text.size()));
    std::string path(text);
    if (!path.starts_with('/')) {
      if (hosting_ == Hosting::netlify)
        return fail("expected a path that begins with '/', or a URL", from_);
      path.insert(0, "/");
    }
    auto decoded = percent_decode(path);
    if (!decoded || !is_utf8(*decoded)) return fail("the path is not well percent-encoded", from_);
    auto pattern = SitePattern::parse(*decoded, hosting_);
    if (!pattern.ok()) return fail(pattern.error().what, from_);
    from_key = std::move(*decoded);
    rule_.from = std::move(*pattern);
    return true;
  }

  bool read_status() {
    rule_.status = hosting_ == Hosting::netlify ? 301 : 302;
    rule_.forced = hosting_ == Hosting::cloudflare;
    if (status_.text.empty()) return true;
    const auto status = parse_status(status_.text);
    constexpr std::array allowed{200, 301, 302, 303, 307, 308};
    const bool is_known = status && (std::ranges::find(allowed, status->code) != allowed.end() ||
                                     (hosting_ == Hosting::netlify && status->code == 404));
    if (!is_known || (status->forced && hosting_ == Hosting::cloudflare))
      return fail(std::string("expected a status of 200, 301, 302, 303, 307") +
                      (hosting_ == Hosting::netlify ? ", 308 or 404, found " : " or 308, found ") +
                      std::string(status_.text),
                  status_);
    rule_.status = status->code;
    rule_.forced = rule_.forced || status->forced;
    return true;
  }

  bool read_conditions() {
    for (const Token& token : conditions_) {
      const std::size_t equals = std::min(token.text.find('='), token.text.size());
      const std::string name = lower_of(token.text.substr(0, equals));
      std::vector<std::string> values =
          list_of(token.text.substr(std::min(equals + 1, token.text.size())));
      if (values.empty())
        return fail("expected a condition such as Language=de, found " + std::string(token.text),
                    token);
      if (name == "country") {
        rule_.countries = std::move(values);
        note_ = "where a visitor is is known only from the cookie nf_country";
      } else if (name == "language") {
        rule_.languages = std::move(values);
      } else if (name == "role") {
        rule_.roles = std::move(values);
      } else if (name == "cookie") {
        rule_.cookies = std::move(values);
      } else {
        return fail("the condition \"" + std::string(token.text.substr(0, equals)) +
                        "\" is not known here; Country, Language, Role and Cookie are",
                    token);
      }
    }
    const bool asks_cookies =
        !rule_.cookies.empty() || !rule_.countries.empty() || !rule_.languages.empty();
    if (!rule_.languages.empty()) rule_.vary = "Accept-Language";
    if (asks_cookies) rule_.vary += rule_.vary.empty() ? "Cookie" : ", Cookie";
    if (!rule_.roles.empty())
      rule_.vary += rule_.vary.empty() ? "Authorization" : ", Authorization";
    return true;
  }

  bool read_query() {
    for (const Token& token : query_) {
      const std::size_t equals = token.text.find('=');
      if (equals == std::string_view::npos || equals == 0)
        return fail("expected a destination, or a query parameter such as id=:id, found " +
                        std::string(token.text),
                    token);
      rule_.query.emplace_back(token.text.substr(0, equals), token.text.substr(equals + 1));
    }
    return true;
  }

  bool is_placeholder(std::string_view name) const {
    return std::ranges::find(rule_.from.names(), name) != rule_.from.names().end() ||
           std::ranges::any_of(rule_.query, [name](const auto& pair) {
             return pair.second.starts_with(':') && std::string_view(pair.second).substr(1) == name;
           });
  }

  std::vector<Piece> pieces_of(std::string_view text) const {
    std::vector<Piece> pieces;
    std::string literal;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at + 1;
      if (text[at] == ':') {
        while (end < text.size() && is_name_character(text[end])) ++end;
        // The longest name that the path knows: ":year_month" before ":year".
        while (end > at + 1 && !is_placeholder(text.substr(at + 1, end - at - 1))) --end;
        if (end > at + 1) {
          if (!literal.empty()) pieces.push_back({std::exchange(literal, {})});
          pieces.push_back({{}, std::string(text.substr(at + 1, end - at - 1))});
          at = end;
          continue;
        }
        end = at + 1;
      }
      literal += text.substr(at, end - at);
      at = end;
    }
    if (!literal.empty()) pieces.push_back({std::move(literal)});
    return pieces;
  }

  bool read_to() {
    std::string forward;
    if (to_.text.empty()) {
      if (!from_.text.ends_with("/*") || rule_.status != 200)
        return fail("expected a destination; only \"/path/* 200\" goes without one", from_);
      forward = from_.text.substr(0, from_.text.size() - 1);
      forward += ":splat";
      to_ = {forward, from_.at};
    }
    std::string_view text = to_.text;
    if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20; }))
      return fail("the destination holds a control character", to_);
    const bool is_rewrite = rule_.status == 200 || rule_.status == 404;
    if (is_http_url(text)) {
      if (is_rewrite)
        return fail("the page of another host is not fetched here; a [[route]] with proxy does it",
                    to_);
      if (hosting_ == Hosting::cloudflare && !text.starts_with("https://"))
        return fail("expected a destination that begins with '/' or \"https://\"", to_);
      const std::size_t host = text.find("//") + 2;
      const std::size_t end = std::min(text.find_first_of("/?#", host), text.size());
      if (end == host || text.substr(host, end - host).find_first_of("@\\") != std::string::npos)
        return fail("expected a host behind \"//\"", to_);
      rule_.authority = pieces_of(text.substr(0, end));
      std::string example;
      for (const Piece& piece : rule_.authority) {
        if (piece.name == "splat") return fail("'*' cannot choose the host", to_);
        example += piece.name.empty() ? piece.text : "a";
      }
      if (!is_host_and_port(std::string_view(example).substr(host)))
        return fail("expected a host name (in ASCII) or address, and a port if any", to_);
      text.remove_prefix(end);
    } else if (!text.starts_with('/')) {
      return fail("expected a destination that begins with '/' or \"https://\"", to_);
    } else if (text.starts_with("//") || text.starts_with("/\\")) {
      return fail("a destination that begins with \"//\" names another host: write \"https://\"",
                  to_);
    } else if (is_rewrite && text.starts_with("/.netlify/")) {
      return fail("functions of Netlify are not run here", to_);
    }
    const std::size_t hash = std::min(text.find('#'), text.size());
    rule_.fragment = pieces_of(text.substr(std::min(hash + 1, text.size())));
    text = text.substr(0, hash);
    const std::size_t question = std::min(text.find('?'), text.size());
    rule_.has_search = question < text.size();
    rule_.search = pieces_of(text.substr(std::min(question + 1, text.size())));
    rule_.path = pieces_of(text.substr(0, question));
    if (!is_rewrite) return true;
    for (Piece& piece : rule_.path) {  // the path of a page, not of a URL
      auto decoded = percent_decode(piece.text);
      if (!decoded || !is_utf8(*decoded))
        return fail("the destination is not well percent-encoded", to_);
      piece.text = std::move(*decoded);
    }
    return true;
  }

  std::string_view line_;
  Hosting hosting_;
  Token from_{}, to_{}, status_{}, about_{};
  std::vector<Token> query_, conditions_;
  Rule rule_;
  std::string problem_, note_;
};

namespace {

bool is_index_path(std::string_view to) {
  return !is_http_url(to) && (to.ends_with("/index") || to.ends_with("/index.html"));
}

}  // namespace

Redirects::Parsed Redirects::parse(std::string_view text, std::string_view file,
                                   std::optional<Hosting> hosting) {
  if (!hosting) {
    Parsed cloudflare = parse(text, file, Hosting::cloudflare);
    if (cloudflare.foreign == 0) return cloudflare;
    Parsed netlify = parse(text, file, Hosting::netlify);
    return netlify.foreign < cloudflare.foreign ? std::move(netlify) : std::move(cloudflare);
  }
  Parsed parsed;
  parsed.rules.hosting_ = *hosting;
  std::unordered_map<std::string, std::uint32_t> lines_of_paths;
  std::size_t statics = 0, dynamics = 0;
  std::uint32_t number = 0;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    const std::string_view said = trim(line);
    if (said.empty() || said.starts_with('#')) continue;
    const auto tell = [&](std::vector<Error>& list, std::string what, std::string_view about) {
      Place place{std::string(file), number, 1, 0};
      if (!about.empty()) {
        const auto at = static_cast<std::size_t>(about.data() - line.data());
        place.column = column_of(line, at);
        place.end_column = column_of(line, at + about.size());
      }
      list.push_back(Error{Errc::invalid, std::move(what)}.at(std::move(place)));
    };
    if (line.size() > limits::site_rule_line_bytes_max) {
      tell(parsed.left_out,
           "a line of at most " + std::to_string(limits::site_rule_line_bytes_max) +
               " bytes was expected; it is left out",
           {});
      continue;
    }
    if (parsed.rules.rules_.size() == limits::site_rules_max) {
      tell(parsed.left_out,
           "at most " + std::to_string(limits::site_rules_max) +
               " rules are taken; this one and those behind it are left out",
           said);
      break;
    }
    Reader reader(line, *hosting);
    std::optional<Rule> rule = reader.read();
    if (!rule) {
      ++parsed.foreign;
      const Token& about = reader.about();
      tell(parsed.left_out, reader.problem() + "; the line is left out",
           about.text.empty() ? said : line.substr(about.at, about.text.size()));
      continue;
    }
    if (*hosting == Hosting::cloudflare) {
      const auto tokens = tokens_of(line);
      const bool is_loop = is_index_path(tokens[1].text) &&
                           (reader.from_key.ends_with("/*") || reader.from_key.ends_with('/'));
      if (is_loop) {
        ++parsed.foreign;
        tell(parsed.left_out,
             "Cloudflare leaves this rule out, as the page would lead to itself; it is left out",
             said);
        continue;
      }
      const auto [known, is_new] = lines_of_paths.emplace(reader.from_key, number);
      if (!is_new) {
        tell(parsed.left_out,
             "line " + std::to_string(known->second) + " has the same path; this one is left out",
             said);
        continue;
      }
      ++(rule->from.is_literal() && dynamics == 0 ? statics : dynamics);
      if (statics == cloudflare_static_max + 1 && dynamics == 0)
        tell(parsed.notes, "Cloudflare Pages takes 2,000 static rules; weir takes this one too",
             said);
      if (dynamics == cloudflare_dynamic_max + 1)
        tell(parsed.notes, "Cloudflare Pages takes 100 dynamic rules; weir takes this one too",
             said);
      if (code_points_of(said) > cloudflare_line_characters_max)
        tell(parsed.notes, "Cloudflare Pages takes lines of 1,000 characters; weir takes this one",
             said);
    }
    if (!reader.note().empty()) tell(parsed.notes, reader.note(), said);
    parsed.rules.rules_.push_back(std::move(*rule));
    parsed.rules.index(parsed.rules.rules_.size() - 1);
  }
  return parsed;
}

void Redirects::index(std::size_t number) {
  const Rule& rule = rules_[number];
  shadows_pages_ = shadows_pages_ || rule.forced;
  const auto key = static_cast<std::uint32_t>(number);
  if (rule.from.is_literal()) {
    exact_[rule.from.prefix()].push_back(key);
  } else {
    constexpr std::size_t segments_max = limits::site_rule_prefix_segments_max;
    std::string_view prefix = rule.from.prefix();
    std::size_t segments = rule.from.prefix_segments();
    for (; segments > segments_max; --segments) prefix = prefix.substr(0, prefix.rfind('/'));
    prefix_[std::string(prefix)].push_back(key);
    prefix_segments_max_ = std::max(prefix_segments_max_, segments);
  }
}

bool Redirects::is_met(const Rule& rule, const RedirectRequest& request, Values& values) const {
  if (!rule.from_host.empty() &&
      (rule.from_host != request.host || *rule.from_secure != request.is_secure))
    return false;
  if (!rule.from.matches(request.path, values.path)) return false;
  values.query.clear();
  if (!rule.query.empty()) {
    // Exactly these parameters, in any order (Netlify: no others).
    const auto pairs = parse_query(request.query, rule.query.size() + 1);
    if (pairs.size() != rule.query.size()) return false;
    for (const auto& [name, wanted] : rule.query) {
      const auto found =
          std::ranges::find(pairs, name, &std::pair<std::string, std::string>::first);
      if (found == pairs.end()) return false;
      if (wanted.starts_with(':')) {
        if (found->second.empty()) return false;
        values.query.emplace_back(wanted.substr(1), found->second);
      } else if (found->second != wanted) {
        return false;
      }
    }
  }
  const auto holds_any = [](const std::vector<std::string>& wanted, auto&& holds) {
    return wanted.empty() || std::ranges::any_of(wanted, holds);
  };
  if (!rule.countries.empty()) {
    const auto country = find_cookie(request.cookies, "nf_country");
    if (!country || !holds_any(rule.countries, [&](const std::string& one) {
          return equals_ignoring_case(one, *country);
        }))
      return false;
  }
  if (!rule.languages.empty()) {
    const std::string_view language = find_cookie(request.cookies, "nf_lang")
                                          .value_or(preferred_language(request.accept_language));
    if (!holds_any(rule.languages, [&](const std::string& one) { return speaks(language, one); }))
      return false;
  }
  return holds_any(rule.cookies,
                   [&](const std::string& one) {
                     return find_cookie(request.cookies, one).has_value();
                   }) &&
         holds_any(rule.roles, [&](const std::string& one) {
           return std::ranges::find(request.roles, one) != request.roles.end();
         });
}

std::optional<RedirectAnswer> Redirects::answer(const Rule& rule, const RedirectRequest& request,
                                                const Values& values) const {
  RedirectAnswer answer;
  answer.status = rule.status;
  answer.vary = rule.vary;
  std::string& out = answer.target;
  if (answer.is_rewrite()) {
    for (const Piece& piece : rule.path)
      out += piece.name.empty() ? std::string_view(piece.text) : values.find(piece.name);
    return answer;
  }
  for (const Piece& piece : rule.authority) {
    const std::string_view text = piece.name.empty() ? piece.text : values.find(piece.name);
    // A host of the request's choice may be a name below the rule's, never another authority.
    if (!piece.name.empty() && !is_host_text(text)) return std::nullopt;
    out += text;
  }
  const std::size_t authority_end = out.size();
  const auto add = [&](const std::vector<Piece>& pieces, PercentSet keep) {
    for (const Piece& piece : pieces)
      append_percent_encoded(out, piece.name.empty() ? piece.text : values.find(piece.name),
                             piece.name.empty() ? PercentSet::url : keep);
  };
  add(rule.path, PercentSet::path);
  // "https://host" + what a splat brought, and "//host" out of "/" + "/host": a path begins with
  // one slash.
  if (out.size() == authority_end || out[authority_end] != '/') out.insert(authority_end, "/");
  std::size_t slashes = 1;
  while (authority_end + slashes < out.size() && out[authority_end + slashes] == '/') ++slashes;
  out.erase(authority_end, slashes - 1);
  const std::size_t path_end = out.size();
  if (rule.has_search) {
    out += '?';
    add(rule.search, PercentSet::unreserved);
  } else if (!request.query.empty() && rule.query.empty()) {
    out += '?';
    append_percent_encoded(out, request.query, PercentSet::url);
  }
  // To where the client is already: the browser would ask for ever.
  if (authority_end == 0 && !rule.has_search && rule.query.empty() &&
      out.substr(0, path_end) == percent_encode(request.path, PercentSet::path))
    return std::nullopt;
  if (!rule.fragment.empty()) {
    out += '#';
    add(rule.fragment, PercentSet::unreserved);
  }
  return answer;
}

std::optional<RedirectAnswer> Redirects::find(const RedirectRequest& request,
                                              const std::function<bool()>& exists) const {
  if (rules_.empty() || !request.path.starts_with('/')) return std::nullopt;
  // The rules that can match, as rising lists of numbers; the lowest number that holds wins.
  struct Cursor {
    const Numbers* numbers;
    std::size_t at = 0;
  };
  std::array<Cursor, 2 + limits::site_rule_prefix_segments_max> lists;
  std::size_t count = 0;
  std::string_view path = request.path;
  if (hosting_ == Hosting::netlify && path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (const auto found = exact_.find(path); found != exact_.end())
    lists[count++] = {&found->second};
  std::size_t end = 0;
  for (std::size_t segment = 0; segment <= prefix_segments_max_; ++segment) {
    if (const auto found = prefix_.find(path.substr(0, end)); found != prefix_.end())
      lists[count++] = {&found->second};
    if (end >= path.size()) break;
    end = std::min(path.find('/', end + 1), path.size());
  }
  std::optional<bool> is_page;
  Values values;
  while (true) {
    Cursor* next = nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      Cursor& one = lists[i];
      if (one.at < one.numbers->size() &&
          (next == nullptr || (*one.numbers)[one.at] < (*next->numbers)[next->at]))
        next = &one;
    }
    if (next == nullptr) return std::nullopt;
    const Rule& rule = rules_[(*next->numbers)[next->at++]];
    if (!is_met(rule, request, values)) continue;
    if (!rule.forced) {
      if (!is_page) is_page = exists();
      if (*is_page) continue;
    }
    if (auto found = answer(rule, request, values)) return found;
  }
}

}  // namespace weir::text
