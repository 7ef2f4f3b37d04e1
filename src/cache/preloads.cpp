#include "cache/preloads.h"

#include "base/bytes.h"
#include "base/limits_invalidation.h"

#include <algorithm>
#include <optional>

namespace weir::cache {
namespace {

struct LinkElement {
  std::string rel, href, as, type, media, crossorigin;
  bool has_crossorigin = false;
  bool is_disabled = false;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// `&amp;` is the only reference that URLs of generators hold.
std::string plain(std::string_view text) {
  std::string out(text);
  for (std::size_t at = 0; (at = out.find("&amp;", at)) != std::string::npos; ++at)
    out.erase(at + 1, 4);
  return out;
}

void set(LinkElement& link, const std::string& name, std::string value) {
  if (name == "rel") link.rel = lower_of(value);
  else if (name == "href") link.href = std::move(value);
  else if (name == "as") link.as = lower_of(value);
  else if (name == "type") link.type = std::move(value);
  else if (name == "media") link.media = lower_of(value);
  else if (name == "disabled") link.is_disabled = true;
  else if (name == "crossorigin") {
    link.has_crossorigin = true;
    link.crossorigin = lower_of(value);
  }
}

// The attributes of a tag, from behind its name to its '>'. nullopt: it has none.
std::optional<LinkElement> parse_link(std::string_view rest) {
  LinkElement link;
  std::size_t at = 0;
  while (true) {
    while (at < rest.size() && (is_blank(rest[at]) || rest[at] == '/')) ++at;
    if (at >= rest.size()) return std::nullopt;
    if (rest[at] == '>') return link;
    const std::size_t name_end = std::min(rest.find_first_of(" \t\n\r\f=/>", at), rest.size());
    if (name_end == at) return std::nullopt;
    const std::string name = lower_of(rest.substr(at, name_end - at));
    at = name_end;
    while (at < rest.size() && is_blank(rest[at])) ++at;
    std::string value;
    if (at < rest.size() && rest[at] == '=') {
      ++at;
      while (at < rest.size() && is_blank(rest[at])) ++at;
      if (at >= rest.size()) return std::nullopt;
      const bool quoted = rest[at] == '"' || rest[at] == '\'';
      const std::size_t end =
          quoted ? rest.find(rest[at], at + 1) : rest.find_first_of(" \t\n\r\f>", at);
      if (end == std::string_view::npos) return std::nullopt;
      const std::size_t start = at + (quoted ? 1 : 0);
      value = plain(rest.substr(start, end - start));
      at = end + (quoted ? 1 : 0);
    }
    set(link, name, std::move(value));
  }
}

bool is_clean(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return c > 0x20 && c != 0x7f && c != '<' && c != '>' && c != '"' && c != ',' && c != ';';
  });
}

// One member of a Link field; empty = no hint.
std::string hint_of(const LinkElement& link) {
  const bool is_usual = !link.href.empty() && is_clean(link.href) && is_clean(link.as) &&
                        !link.href.starts_with("data:") && !link.is_disabled &&
                        (link.media.empty() || link.media == "all" || link.media == "screen");
  if (!is_usual) return {};
  std::string hint = '<' + link.href + ">; rel=";
  if (link.rel == "stylesheet") hint += "preload; as=style";
  else if (link.rel == "preload" && !link.as.empty()) hint += "preload; as=" + link.as;
  else if (link.rel == "modulepreload" || link.rel == "preconnect") hint += link.rel;
  else return {};
  if (link.has_crossorigin)
    hint +=
        link.crossorigin == "use-credentials" ? "; crossorigin=use-credentials" : "; crossorigin";
  if (!link.type.empty() && is_clean(link.type)) hint += "; type=\"" + link.type + '"';
  return hint;
}

// The members of a Link field that are hints, as they are. A comma within <> or "" parts nothing.
void add_members(std::string_view field, std::string& out, std::size_t& count) {
  std::size_t start = 0;
  bool in_quotes = false, in_target = false;
  for (std::size_t at = 0; at <= field.size(); ++at) {
    if (at < field.size()) {
      if (field[at] == '"' && !in_target) in_quotes = !in_quotes;
      if (field[at] == '<' && !in_quotes) in_target = true;
      if (field[at] == '>' && !in_quotes) in_target = false;
      if (field[at] != ',' || in_quotes || in_target) continue;
    }
    const std::string_view member = trim(field.substr(start, at - start));
    start = at + 1;
    const std::string lower = lower_of(member);
    const bool is_hint = lower.find("rel=preload") != std::string::npos ||
                         lower.find("rel=\"preload\"") != std::string::npos ||
                         lower.find("rel=modulepreload") != std::string::npos ||
                         lower.find("rel=preconnect") != std::string::npos;
    if (!is_hint || count >= limits::preloads_max) continue;
    out += (out.empty() ? "" : ", ") + std::string(member);
    ++count;
  }
}

}  // namespace

std::string preloads_of(std::string_view html, std::string_view link_field) {
  std::string out;
  std::size_t count = 0;
  add_members(link_field, out, count);
  html = html.substr(0, limits::preload_scan_bytes_max);
  for (std::size_t at = html.find('<');
       at != std::string_view::npos && count < limits::preloads_max; at = html.find('<', at + 1)) {
    const std::string_view rest = html.substr(at + 1);
    const auto begins = [&rest](std::string_view name) {
      return rest.size() > name.size() && equals_ignoring_case(rest.substr(0, name.size()), name) &&
             (is_blank(rest[name.size()]) || rest[name.size()] == '>' || rest[name.size()] == '/');
    };
    if (begins("/head") || begins("body")) break;
    if (rest.starts_with("!--")) {  // what is commented out is not asked for
      const std::size_t end = html.find("-->", at);
      if (end == std::string_view::npos) break;
      at = end;
      continue;
    }
    for (const std::string_view raw : {"script", "style", "title", "noscript"}) {
      if (!begins(raw)) continue;
      const std::string close = "</" + std::string(raw);
      std::size_t end = at;
      while ((end = html.find("</", end + 1)) != std::string_view::npos &&
             !equals_ignoring_case(html.substr(end, close.size()), close)) {
      }
      at = end == std::string_view::npos ? html.size() - 1 : end;
      break;
    }
    if (!begins("link")) continue;
    const auto link = parse_link(rest.substr(4));
    const std::string hint = link ? hint_of(*link) : std::string();
    if (hint.empty()) continue;
    out += (out.empty() ? "" : ", ") + hint;
    ++count;
  }
  return out;
}

}  // namespace weir::cache
