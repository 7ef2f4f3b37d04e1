#include "text/url.h"

#include "base/bytes.h"

#include <array>

namespace weir::text {
namespace {

using ByteSet = std::array<bool, 256>;

constexpr ByteSet set_of(std::string_view others) {
  ByteSet set{};
  for (std::size_t c = 0; c < 128; ++c) set[c] = is_alnum(static_cast<char>(c));
  for (const char c : others) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr ByteSet unreserved_set = set_of("-._~");
constexpr ByteSet path_set = set_of("-._~!$&'()*+,;=:@/");
constexpr ByteSet path_segment_set = set_of("-._~!$&'()*+,;=:@");
constexpr ByteSet query_set = set_of("-._~!$&'()*+,;=:@/?");
constexpr ByteSet tera_set = set_of("-._~/%");
constexpr ByteSet alphanumeric_set = set_of("");
constexpr ByteSet url_set = set_of("-._~!$&'()*+,;=:@/?#[]%");
constexpr ByteSet userinfo_set = set_of("-._~!$&'()*+,;=:%");
constexpr ByteSet reg_name_set = set_of("-._~!$&'()*+,;=%");
constexpr ByteSet ip_literal_set = set_of(":.");

const ByteSet& set_for(PercentSet keep) {
  switch (keep) {
    case PercentSet::unreserved: return unreserved_set;
    case PercentSet::path: return path_set;
    case PercentSet::path_segment: return path_segment_set;
    case PercentSet::query: return query_set;
    case PercentSet::tera: return tera_set;
    case PercentSet::alphanumeric: return alphanumeric_set;
    case PercentSet::url: break;
  }
  return url_set;
}

// The offset of the first byte that may not stand there, or npos. % must be followed by two digits.
std::size_t find_outside(std::string_view text, const ByteSet& set) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || hex_digit_of(text[i + 1]) < 0 || hex_digit_of(text[i + 2]) < 0)
        return i;
    } else if (!set[static_cast<unsigned char>(text[i])]) {
      return i;
    }
  }
  return std::string_view::npos;
}

Error refused(std::string_view text, std::string_view why) {
  return Error{.what = "'" + std::string(text) + "' is no URL: " + std::string(why)};
}

Status check_part(std::string_view whole, std::string_view part, const ByteSet& set,
                  std::string_view name) {
  const std::size_t bad = find_outside(part, set);
  if (bad == std::string_view::npos) return done;
  const auto byte = static_cast<unsigned char>(part[bad]);
  const std::string shown = byte > 0x20 && byte < 0x7F
                                ? "'" + std::string(1, part[bad]) + "'"
                                : "the byte 0x" + hex_of(bytes_of(part.substr(bad, 1)));
  return refused(whole, shown + (part[bad] == '%' ? " without two hex digits" : "") + " in its " +
                            std::string(name));
}

// userinfo@host:port
Status split_authority(std::string_view whole, std::string_view authority, UrlParts& parts) {
  parts.has_authority = true;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parts.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return refused(whole, "'[' without ']' in its host");
    parts.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (parts.host.find(':') == std::string_view::npos)
      return refused(whole, "no IPv6 address between [ and ]");
    for (const char c : parts.host)
      if (hex_digit_of(c) < 0 && !ip_literal_set[static_cast<unsigned char>(c)])
        return refused(whole, "no IPv6 address between [ and ]");
    if (!port.empty() && port[0] != ':') return refused(whole, "expected ':' after ']'");
  } else {
    const std::size_t colon = authority.find(':');
    parts.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
    TRY(check_part(whole, parts.host, reg_name_set, "host"));
  }
  TRY(check_part(whole, parts.userinfo, userinfo_set, "user part"));
  if (port.size() <= 1) return done;  // "host:" is allowed (RFC 3986 3.2.3)
  const auto number = parse_u64(port.substr(1));
  if (!number || *number == 0 || *number > 65'535)
    return refused(whole, "its port must be 1..65535");
  parts.port = static_cast<std::uint16_t>(*number);
  return done;
}

std::size_t scheme_bytes_of(std::string_view text) {
  if (text.empty() || !is_alpha(text[0])) return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':') return i;
    if (!is_alnum(text[i]) && text[i] != '+' && text[i] != '-' && text[i] != '.') return 0;
  }
  return 0;
}

// RFC 3986 5.2.3.
std::string merged_path(const UrlParts& base, std::string_view path) {
  if (base.has_authority && base.path.empty()) return '/' + std::string(path);
  const std::size_t slash = base.path.rfind('/');
  return std::string(base.path.substr(0, slash == std::string_view::npos ? 0 : slash + 1)) +
         std::string(path);
}

// The authority as it stands in the text.
std::string_view authority_of(std::string_view text, const UrlParts& parts) {
  const std::size_t start = parts.scheme.size() + (parts.scheme.empty() ? 2 : 3);
  return text.substr(start, static_cast<std::size_t>(parts.path.data() - text.data()) - start);
}

}  // namespace

void append_percent_encoded(std::string& out, std::string_view text, PercentSet keep) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const ByteSet& set = set_for(keep);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (set[byte]) out += c;
    else ((out += '%') += digits[byte >> 4]) += digits[byte & 15];
  }
}

std::string percent_encode(std::string_view text, PercentSet keep) {
  std::string out;
  append_percent_encoded(out, text, keep);
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  for (std::size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 3))
    if (i + 2 >= text.size() || hex_digit_of(text[i + 1]) < 0 || hex_digit_of(text[i + 2]) < 0)
      return std::nullopt;
  return percent_decode_lossy(text);
}

std::string percent_decode_lossy(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit_of(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_digit_of(text[i + 2]);
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool has_scheme(std::string_view text) { return scheme_bytes_of(text) > 0; }

Result<UrlParts> parse_url(std::string_view text) {
  UrlParts parts;
  std::string_view rest = text;
  if (const std::size_t bytes = scheme_bytes_of(rest); bytes > 0) {
    parts.scheme = rest.substr(0, bytes);
    rest.remove_prefix(bytes + 1);
  }
  if (const std::size_t hash = rest.find('#'); hash != std::string_view::npos) {
    parts.fragment = rest.substr(hash + 1);
    rest = rest.substr(0, hash);
    TRY(check_part(text, *parts.fragment, query_set, "fragment"));
  }
  if (const std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
    parts.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
    TRY(check_part(text, *parts.query, query_set, "query"));
  }
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    TRY(split_authority(text, rest.substr(0, slash), parts));
    rest.remove_prefix(slash);
  }
  parts.path = rest;
  TRY(check_part(text, parts.path, path_set, "path"));
  if (parts.scheme.empty() && !parts.has_authority &&
      rest.substr(0, rest.find('/')).find(':') != std::string_view::npos)
    return refused(text, "':' in the first part of a relative path");
  return parts;
}

Result<UrlParts> parse_http_url(std::string_view text) {
  const UrlParts parts = TRY(parse_url(text));
  if (!equals_ignoring_case(parts.scheme, "http") && !equals_ignoring_case(parts.scheme, "https"))
    return refused(text, "expected http:// or https:// at its start");
  if (parts.host.empty()) return refused(text, "expected a host");
  return parts;
}

std::string remove_dot_segments(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  const auto drop_last = [&out] {
    out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
  };
  while (!path.empty()) {
    if (path.starts_with("../")) {
      path.remove_prefix(3);
    } else if (path.starts_with("./")) {
      path.remove_prefix(2);
    } else if (path.starts_with("/./")) {
      path.remove_prefix(2);
    } else if (path == "/.") {
      path = "/";
    } else if (path.starts_with("/../")) {
      path.remove_prefix(3);
      drop_last();
    } else if (path == "/..") {
      path = "/";
      drop_last();
    } else if (path == "." || path == "..") {
      path = "";
    } else {
      const std::size_t end = std::min(path.find('/', 1), path.size());
      out += path.substr(0, end);
      path.remove_prefix(end);
    }
  }
  return out;
}

Result<std::string> join_url(std::string_view base, std::string_view reference) {
  const UrlParts from = TRY(parse_url(base));
  if (from.scheme.empty()) return refused(base, "expected an absolute URL");
  const UrlParts to = TRY(parse_url(reference));
  std::string out = std::string(to.scheme.empty() ? from.scheme : to.scheme) + ':';
  const bool keeps_authority = to.scheme.empty() && !to.has_authority;
  const UrlParts& owner = keeps_authority ? from : to;
  if (owner.has_authority)
    ((out += "//") += authority_of(keeps_authority ? base : reference, owner));
  std::optional<std::string_view> query_part = to.query;
  if (!keeps_authority || to.path.starts_with('/')) {
    out += remove_dot_segments(to.path);
  } else if (to.path.empty()) {
    out += from.path;
    if (!query_part) query_part = from.query;
  } else {
    out += remove_dot_segments(merged_path(from, to.path));
  }
  if (query_part) ((out += '?') += *query_part);
  if (to.fragment) ((out += '#') += *to.fragment);
  return out;
}

std::optional<std::string> folded_path(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, slash - begin);
    begin = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  std::string out;
  for (const std::string_view part : parts) out.append(out.empty() ? "" : "/").append(part);
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query_text,
                                                             std::size_t pairs_max) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto decoded = [](std::string_view text) {
    std::string plain(text);
    for (char& c : plain)
      if (c == '+') c = ' ';
    return percent_decode_lossy(plain);
  };
  while (!query_text.empty() && pairs.size() < pairs_max) {
    const std::size_t end = std::min(query_text.find('&'), query_text.size());
    const std::string_view pair = query_text.substr(0, end);
    query_text.remove_prefix(std::min(end + 1, query_text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    pairs.emplace_back(decoded(pair.substr(0, equals)), decoded(value));
  }
  return pairs;
}

}  // namespace weir::text
