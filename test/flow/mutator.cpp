#include "mutator.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace weir::flow {

std::uint64_t Dice::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

namespace {

template <std::size_t N>
std::string pick(Dice& dice, const std::array<std::string_view, N>& from) {
  return std::string(from[dice.below(N)]);
}

// --- what scripts are made of --------------------------------------------------------------------

constexpr std::array<std::string_view, 10> methods{"GET", "GET",  "GET",     "HEAD",    "PUT",
                                                   "PUT", "POST", "OPTIONS", "CONNECT", "BREW"};
constexpr std::array<std::string_view, 12> versions{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1",
                                                    "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1",
                                                    "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1"};
constexpr std::array<std::string_view, 14> suffixes{
    "",     "",      "",        "?q=1",   "?a=%00", "/x/../", "/%2e%2e/",
    "/./a", "//a//", "/%41%62", "/a%2fb", "/%zz",   "/..;/a", "/%c0%af"};
constexpr std::array<std::string_view, 12> hosts{"Host: x\r\n",
                                                 "Host: x\r\n",
                                                 "Host: x\r\n",
                                                 "Host: x\r\n",
                                                 "Host: x\r\n",
                                                 "Host: X:81\r\n",
                                                 "Host: x\r\n",
                                                 "host:x\r\n",
                                                 "",
                                                 "Host: x\r\nHost: y\r\n",
                                                 "Host: x y\r\n",
                                                 "Host: [::1]\r\n"};
constexpr std::array<std::string_view, 20> codings{
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:chunked\r\n",
    "Transfer-Encoding: \tChunked \r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: \vchunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
    "X: \"\r\nTransfer-Encoding: chunked\r\nY: \"\r\n",
    "TE: chunked\r\n",
    "Transfer-Encoding: chunked;q=1\r\n"};
constexpr std::array<std::string_view, 14> more_fields{"A: b\r\n",
                                                       "Connection: keep-alive\r\n",
                                                       "Connection: close\r\n",
                                                       "Connection: content-length\r\n",
                                                       "Connection: host, x\r\n",
                                                       "Expect: 100-continue\r\n",
                                                       "Expect: x\r\n",
                                                       "Upgrade: h2c\r\nConnection: upgrade\r\n",
                                                       "X-Forwarded-For: 192.0.2.1\r\n",
                                                       "Content_Length: 5\r\n",
                                                       "Trailer: Content-Length\r\n",
                                                       "X-HTTP-Method-Override: DELETE\r\n",
                                                       "Cookie: a=b; c=\"d\r\n",
                                                       "A:\r\n"};
constexpr std::array<std::string_view, 16> chunk_bodies{
    "5\r\n12345\r\n0\r\n\r\n",
    "5\r\n12345\r\n0\r\n\r\n",
    "0\r\n\r\n",
    "1\r\n1\r\n1\r\n2\r\n0\r\n\r\n",
    "00005\r\n12345\r\n000\r\n\r\n",
    "A;a=b\r\n1234567890\r\n0\r\nT: u\r\n\r\n",
    "5;a=\"b;c\"\r\n12345\r\n0;x\r\n\r\n",
    "5\n12345\n0\n\n",
    "0x5\r\n12345\r\n0\r\n\r\n",
    "5 \r\n12345\r\n0\r\n\r\n",
    "+5\r\n12345\r\n0\r\n\r\n",
    "10000000000000005\r\n12345\r\n0\r\n\r\n",
    "5\r\n12345X\r\n0\r\n\r\n",
    "5;a=\"\r\n\"\r\n12345\r\n0\r\n\r\n",
    "0\r\nContent-Length: 9\r\nHost: y\r\n\r\n",
    "5\r\n12345\r\n0\r\nGET /inner HTTP/1.1\r\n\r\n"};
// What a random edit puts into the bytes.
constexpr std::array<std::string_view, 30> splinters{std::string_view("\0", 1),
                                                     "\r",
                                                     "\n",
                                                     "\r\n",
                                                     "\r\n\r\n",
                                                     " ",
                                                     "\t",
                                                     "\v",
                                                     ":",
                                                     ";",
                                                     ",",
                                                     "/",
                                                     "\\",
                                                     "%",
                                                     "%00",
                                                     "%2e",
                                                     "..",
                                                     "#",
                                                     "?",
                                                     "0",
                                                     "5",
                                                     "x",
                                                     "\x7f",
                                                     "\x80",
                                                     "\xff",
                                                     "\"",
                                                     "*",
                                                     "_",
                                                     "chunked",
                                                     "Content-Length: 5\r\n"};

std::string framed(Dice& dice, std::string& fields) {
  switch (dice.below(6)) {
    case 0: {
      const std::string body = pick(dice, chunk_bodies);
      fields += pick(dice, codings);
      return body;
    }
    case 1: {
      std::string body = dice.one_in(3) ? "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n" : "12345";
      std::size_t said = body.size();
      if (dice.one_in(4)) said += dice.below(3) - 1;
      std::string number = std::to_string(said);
      if (dice.one_in(8)) number = "+" + number;
      if (dice.one_in(8)) number = "0" + number;
      if (dice.one_in(8)) number += ", " + number;
      fields += "Content-Length: " + number + "\r\n";
      return body;
    }
    case 2: fields += "Content-Length: 0\r\n"; return {};
    default: return {};
  }
}

void mutate(Dice& dice, std::string& bytes) {
  if (bytes.empty()) return;
  const std::size_t at = dice.below(bytes.size());
  switch (dice.below(6)) {
    case 0: bytes.insert(at, pick(dice, splinters)); return;
    case 1: bytes.erase(at, 1 + dice.below(3)); return;
    case 2: bytes[at] = static_cast<char>(dice.below(256)); return;
    case 3: {  // a line twice
      const std::size_t begin = bytes.rfind('\n', at);
      const std::size_t end = bytes.find('\n', at);
      if (begin == std::string::npos || end == std::string::npos) return;
      bytes.insert(end + 1, bytes.substr(begin + 1, end - begin));
      return;
    }
    case 4: {  // some bytes elsewhere
      const std::string piece = bytes.substr(at, 1 + dice.below(30));
      bytes.insert(dice.below(bytes.size()), piece);
      return;
    }
    default: {  // an end of line of another kind
      const std::size_t end = bytes.find("\r\n", at);
      if (end == std::string::npos) return;
      bytes.replace(end, 2, dice.one_in(2) ? "\n" : "\r");
      return;
    }
  }
}

std::string nearly_good_request(Dice& dice, const ScriptPaths& paths) {
  const std::string method = pick(dice, methods);
  std::string target = (method == "PUT" ? paths.sink : paths.page) + pick(dice, suffixes);
  if (dice.one_in(12)) target = "http://x" + target;
  if (dice.one_in(40)) target = "*";
  std::string fields;
  const std::string body = framed(dice, fields);
  for (std::size_t count = dice.below(3); count > 0; --count) fields += pick(dice, more_fields);
  if (dice.one_in(2)) fields = pick(dice, hosts) + fields;
  else fields += pick(dice, hosts);
  return method + ' ' + target + ' ' + pick(dice, versions) + "\r\n" + fields + "\r\n" + body;
}

}  // namespace

std::string mutated_script(Dice& dice, const ScriptPaths& paths) {
  std::string script;
  for (std::size_t count = 1 + dice.below(3); count > 0; --count) {
    std::string request = nearly_good_request(dice, paths);
    for (std::size_t edits = dice.below(4); edits > 1; --edits) mutate(dice, request);
    script += request;
  }
  if (dice.one_in(8)) mutate(dice, script);
  return script + "GET " + paths.page + " HTTP/1.1\r\nHost: end\r\nConnection: close\r\n\r\n";
}

std::string mutated_path(Dice& dice, const std::vector<std::string>& names) {
  static constexpr std::array<std::string_view, 34> pieces{
      "..",   ".",       "%2e%2e", "%2E.",     "..%2f",     "%2f", "%5c",      "..\\",   "..;",
      "%00",  "%252e",   "%c0%ae", "%c0%af",   "%e0%80%af", "...", "/",        "//",     "?",
      "#",    "%",       "%u002e", "\xc0\xae", "~",         "%7e", "etc",      "passwd", "proc",
      "self", "environ", "root",   ":",        "%0a",       "dev", "weir.toml"};
  std::string path = "/";
  for (std::size_t count = 1 + dice.below(6); count > 0; --count) {
    if (dice.one_in(2)) path += names[dice.below(names.size())];
    else path += pieces[dice.below(pieces.size())];
    if (!dice.one_in(3)) path += '/';
  }
  if (dice.one_in(3)) path.insert(1 + dice.below(path.size()), pick(dice, splinters));
  if (dice.one_in(6) && path.size() > 1)
    path[1 + dice.below(path.size() - 1)] = static_cast<char>(dice.below(256));
  return path;
}

// --- the strict reader ---------------------------------------------------------------------------

namespace {

bool is_token_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_byte);
}
std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}
std::string_view stripped(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}
int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Refusal {
  const char* why;
};

// The next line without its CRLF, or nothing when it is not there yet.
std::optional<std::string_view> take_line(std::string_view& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c == '\r') {
      if (i + 1 == bytes.size()) return std::nullopt;
      if (bytes[i + 1] != '\n') throw Refusal{"a lone CR"};
      const std::string_view line = bytes.substr(0, i);
      bytes.remove_prefix(i + 2);
      return line;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f) throw Refusal{"a control character"};
  }
  return std::nullopt;
}

bool is_good_host(std::string_view host) {
  const auto is_port = [](std::string_view port) {
    return port.size() <= 5 &&
           std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
           (port.empty() || std::stoul(std::string(port)) <= 65'535);
  };
  if (host.empty()) return false;
  if (host.front() == '[') {
    const std::size_t close = host.find(']');
    in6_addr unused;
    if (close == std::string_view::npos ||
        ::inet_pton(AF_INET6, std::string(host.substr(1, close - 1)).c_str(), &unused) != 1)
      return false;
    const std::string_view rest = host.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const std::size_t colon = host.find(':');
  if (colon == 0 || (colon != std::string_view::npos && !is_port(host.substr(colon + 1))))
    return false;
  const std::string_view name = host.substr(0, colon);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-._~!$&'()*+;=").find(c) != std::string_view::npos)
      continue;
    if (c != '%' || i + 2 >= name.size() || hex_of(name[i + 1]) < 0 || hex_of(name[i + 2]) < 0)
      return false;
    const int byte = hex_of(name[i + 1]) * 16 + hex_of(name[i + 2]);
    if (byte < 0x80 && std::isalnum(byte) == 0) return false;
    i += 2;
  }
  return true;
}

// `*encoded_slash` tells whether one was there.
std::string resolved_path(std::string_view raw, bool* encoded_slash) {
  std::string path;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      path += raw[i];
      continue;
    }
    if (i + 2 >= raw.size() || hex_of(raw[i + 1]) < 0 || hex_of(raw[i + 2]) < 0)
      throw Refusal{"a broken escape"};
    const char c = static_cast<char>(hex_of(raw[i + 1]) * 16 + hex_of(raw[i + 2]));
    if (c == '\0') throw Refusal{"an encoded NUL"};
    *encoded_slash |= c == '/';
    path += c;
    i += 2;
  }
  std::vector<std::string> kept;
  bool directory = false;
  std::size_t at = 1;
  while (true) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string segment = path.substr(at, end - at);
    directory = segment == "." || segment == "..";
    if (segment == "..") {
      if (kept.empty()) throw Refusal{"above the root"};
      kept.pop_back();
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    if (end == path.size()) break;
    at = end + 1;
  }
  std::string out;
  for (const std::string& segment : kept) out += '/' + segment;
  if (directory || out.empty()) out += '/';
  return out;
}

struct ReadHead {
  Understood request;
  bool http10 = false, close = false, keep = false, expects = false, odd_expectation = false;
  bool chunked = false, slash_in_path = false;
  std::size_t length = 0;
  bool has_body() const { return chunked || length > 0; }
};

struct Fields {
  std::vector<std::string> host, length, coding, connection, expect;
};

void judge_framing(const Fields& fields, ReadHead& head) {
  if (!fields.coding.empty()) {
    if (!fields.length.empty()) throw Refusal{"two framings"};
    if (head.http10) throw Refusal{"a coding in 1.0"};
    if (fields.coding.size() != 1 || lowered(fields.coding.front()) != "chunked")
      throw Refusal{"not chunked alone"};
    head.chunked = true;
  } else if (!fields.length.empty()) {
    const std::string& number = fields.length.front();
    if (fields.length.size() != 1 || number.empty() || number.size() > 18 ||
        number.find_first_not_of("0123456789") != std::string::npos)
      throw Refusal{"a bad length"};
    head.length = std::stoul(number);
  }
}

void judge_target(const Fields& fields, const ReaderRules& rules, ReadHead& head) {
  Understood& request = head.request;
  if (fields.host.size() > 1) throw Refusal{"two hosts"};
  if (fields.host.empty() && !head.http10) throw Refusal{"no host"};
  if (!fields.host.empty()) {
    if (!is_good_host(fields.host.front())) throw Refusal{"a bad host"};
    request.host = lowered(fields.host.front());
  }
  if (request.method == "CONNECT") return;
  if (request.target == "*") {
    if (request.method != "OPTIONS") throw Refusal{"a bad target"};
    return;
  }
  std::string_view rest = request.target;
  const std::string low = lowered(rest);
  const std::size_t scheme = low.starts_with("http://") ? 7 : low.starts_with("https://") ? 8 : 0;
  if (scheme != 0) {
    const std::size_t end = std::min(rest.find_first_of("/?", scheme), rest.size());
    const std::string_view host = rest.substr(scheme, end - scheme);
    if (!is_good_host(host)) throw Refusal{"a bad host in the target"};
    request.host = lowered(host);
    rest.remove_prefix(end);
  } else if (rest.front() != '/') {
    throw Refusal{"a bad target"};
  }
  std::string raw(rest.substr(0, rest.find('?')));
  if (raw.empty()) raw = "/";
  bool encoded_slash = false;
  request.path = resolved_path(raw, &encoded_slash);
  // An expectation that nobody can meet is answered before the route is looked for.
  const bool allowed = head.odd_expectation || (!rules.slashes_below.empty() &&
                                                request.path.starts_with(rules.slashes_below));
  if (!encoded_slash || allowed) return;
  // The body of a GET or HEAD is thrown away before the route sees the request.
  if (request.method != "GET" && request.method != "HEAD") throw Refusal{"an encoded slash"};
  head.slash_in_path = true;
}

// Nothing: more bytes are needed.
std::optional<ReadHead> take_head(std::string_view& bytes, const ReaderRules& rules) {
  std::string_view rest = bytes;
  std::optional<std::string_view> line;
  do {
    if (!rest.empty() && rest.front() == '\n') throw Refusal{"a lone LF"};
    if (!(line = take_line(rest))) return std::nullopt;
  } while (line->empty());

  ReadHead head;
  const std::size_t first = line->find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line->find(' ', first + 1);
  if (second == std::string_view::npos) throw Refusal{"a bad request line"};
  const std::string_view method = line->substr(0, first);
  const std::string_view target = line->substr(first + 1, second - first - 1);
  const std::string_view version = line->substr(second + 1);
  if (!is_token(method) || method.size() > 32) throw Refusal{"a bad method"};
  if (target.empty() || target.size() > 8'192) throw Refusal{"a bad target"};
  for (const char c : target)
    if (c < 0x21 || c > 0x7e || c == '#' || c == '\\') throw Refusal{"a bad target"};
  if (version.size() != 8 || !version.starts_with("HTTP/1.") || version[7] < '0' ||
      version[7] > '9')
    throw Refusal{"a bad version"};
  head.http10 = version[7] == '0';
  head.request.method = method;
  head.request.target = target;
  head.request.head_only = method == "HEAD";

  Fields fields;
  while (true) {
    if (!(line = take_line(rest))) return std::nullopt;
    if (line->empty()) break;
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos || !is_token(line->substr(0, colon)))
      throw Refusal{"a bad field"};
    const std::string name = lowered(line->substr(0, colon));
    const std::string value(stripped(line->substr(colon + 1)));
    if (name == "host") fields.host.push_back(value);
    if (name == "content-length") fields.length.push_back(value);
    if (name == "transfer-encoding") fields.coding.push_back(value);
    if (name == "connection") fields.connection.push_back(value);
    if (name == "expect") fields.expect.push_back(value);
  }
  judge_framing(fields, head);
  for (const std::string& value : fields.connection) {
    std::string_view list = value;
    while (true) {
      const std::size_t comma = list.find(',');
      const std::string option = lowered(stripped(list.substr(0, comma)));
      head.close |= option == "close";
      head.keep |= option == "keep-alive";
      if (comma == std::string_view::npos) break;
      list.remove_prefix(comma + 1);
    }
  }
  for (const std::string& value : fields.expect) {
    if (lowered(value) == "100-continue") head.expects = true;
    else head.odd_expectation = true;
  }
  if (head.http10) head.expects = head.odd_expectation = false;
  judge_target(fields, rules, head);
  bytes = rest;
  return head;
}

enum class Took { all, more };

// ;name, ;name=token or ;name="quoted", any number of them.
bool is_extension(std::string_view text) {
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    std::size_t at = 0;
    while (at < text.size() && is_token_byte(text[at])) ++at;
    if (at == 0) return false;
    text.remove_prefix(at);
    if (text.empty() || text.front() != '=') continue;
    text.remove_prefix(1);
    at = 0;
    if (!text.empty() && text.front() == '"') {
      for (at = 1; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
      if (at >= text.size()) return false;
      ++at;
    } else {
      while (at < text.size() && is_token_byte(text[at])) ++at;
      if (at == 0) return false;
    }
    text.remove_prefix(at);
  }
  return true;
}

Took take_chunks(std::string_view& bytes, std::string& body) {
  while (true) {
    if (!bytes.empty() && hex_of(bytes.front()) < 0) throw Refusal{"a bad chunk size"};
    const auto line = take_line(bytes);
    if (!line) return Took::more;
    std::size_t digits = 0;
    std::size_t size = 0;
    while (digits < line->size() && hex_of((*line)[digits]) >= 0)
      size = size * 16 + static_cast<std::size_t>(hex_of((*line)[digits++]));
    if (digits == 0 || digits > 15) throw Refusal{"a bad chunk size"};
    if (!is_extension(line->substr(digits))) throw Refusal{"a bad chunk extension"};
    if (size == 0) break;
    body += bytes.substr(0, size);
    if (bytes.size() <= size) return Took::more;
    if (bytes[size] != '\r') throw Refusal{"no CRLF behind a chunk"};
    if (bytes.size() == size + 1) return Took::more;
    if (bytes[size + 1] != '\n') throw Refusal{"no CRLF behind a chunk"};
    bytes.remove_prefix(size + 2);
  }
  for (std::size_t trailers = 0;; ++trailers) {
    const auto line = take_line(bytes);
    if (!line) return Took::more;
    if (line->empty()) return Took::all;
    const std::size_t colon = line->find(':');
    if (trailers == 16 || colon == std::string_view::npos || !is_token(line->substr(0, colon)))
      throw Refusal{"a bad trailer"};
  }
}

Took take_body(std::string_view& bytes, ReadHead& head) {
  if (head.chunked) return take_chunks(bytes, head.request.body);
  head.request.body = bytes.substr(0, head.length);
  if (bytes.size() < head.length) return Took::more;
  bytes.remove_prefix(head.length);
  return Took::all;
}

}  // namespace

Reading read_strictly(std::string_view bytes, const ReaderRules& rules) {
  Reading reading;
  try {
    while (true) {
      auto head = take_head(bytes, rules);
      if (!head) return reading;
      const bool closes = head->close || (head->http10 && !head->keep) ||
                          head->request.method == "CONNECT" ||
                          (head->odd_expectation && head->has_body());
      reading.requests.push_back(head->request);
      reading.expected_continue |= head->expects && head->has_body();
      if (closes && (head->request.method == "CONNECT" || head->odd_expectation)) {
        reading.end = Reading::End::closed;
        return reading;
      }
      try {
        if (take_body(bytes, *head) == Took::more) {
          reading.end = Reading::End::maybe_more;
          reading.requests.back().body = head->request.body;
          return reading;
        }
      } catch (const Refusal& refusal) {  // it is answered: with the refusal, or with what it is
        reading.end = Reading::End::refused;
        reading.why = refusal.why;
        return reading;
      }
      reading.requests.back().body = head->request.body;
      if (head->slash_in_path) {
        reading.requests.pop_back();
        throw Refusal{"an encoded slash"};
      }
      if (closes) {
        reading.end = Reading::End::closed;
        return reading;
      }
    }
  } catch (const Refusal& refusal) {
    reading.end = Reading::End::refused;
    reading.why = refusal.why;
    reading.requests.emplace_back();  // the refusal is an answer, too
    return reading;
  }
}

std::optional<std::string> resolved_path_of(std::string_view raw) {
  try {
    bool encoded_slash = false;
    return resolved_path(raw, &encoded_slash);
  } catch (const Refusal&) {
    return std::nullopt;
  }
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_of(text[i + 1]) >= 0 &&
                        hex_of(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_of(text[i + 1]) * 16 + hex_of(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace weir::flow
