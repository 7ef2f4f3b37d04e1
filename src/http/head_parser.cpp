#include "http/head_parser.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "http/target.h"

#include <cstring>

namespace weir::http {
namespace {

// --- tables --------------------------------------------------------------------------------------

// Token bytes of RFC 9110 5.6.2, mapped to lower case; 0 = not a token byte.
constexpr std::array<char, 256> token_lower = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 128; ++c)
    if (is_alnum(static_cast<char>(c)))
      table[static_cast<std::size_t>(c)] = lower(static_cast<char>(c));
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = c;
  return table;
}();

// Bytes of a request target that we let through: visible ASCII without '#' and '\' (H-25).
constexpr std::array<bool, 256> target_byte = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) table[c] = c != '#' && c != '\\';
  return table;
}();

// Bytes of a field value: HTAB, blanks, visible ASCII, and 0x80 and above.
constexpr std::array<bool, 256> value_byte = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 256; ++c) table[c] = c != 0x7f;
  table['\t'] = true;
  return table;
}();

struct KnownName {
  std::string_view name;
  Known known;
};
constexpr KnownName known_names[] = {
    {"accept", Known::accept},
    {"accept-encoding", Known::accept_encoding},
    {"accept-language", Known::accept_language},
    {"authorization", Known::authorization},
    {"cache-control", Known::cache_control},
    {"connection", Known::connection},
    {"content-encoding", Known::content_encoding},
    {"content-length", Known::content_length},
    {"content-type", Known::content_type},
    {"cookie", Known::cookie},
    {"expect", Known::expect},
    {"forwarded", Known::forwarded},
    {"host", Known::host},
    {"if-match", Known::if_match},
    {"if-modified-since", Known::if_modified_since},
    {"if-none-match", Known::if_none_match},
    {"if-range", Known::if_range},
    {"if-unmodified-since", Known::if_unmodified_since},
    {"last-event-id", Known::last_event_id},
    {"origin", Known::origin},
    {"range", Known::range},
    {"referer", Known::referer},
    {"sec-fetch-site", Known::sec_fetch_site},
    {"te", Known::te},
    {"traceparent", Known::traceparent},
    {"tracestate", Known::tracestate},
    {"transfer-encoding", Known::transfer_encoding},
    {"upgrade", Known::upgrade},
    {"user-agent", Known::user_agent},
    {"x-forwarded-for", Known::x_forwarded_for},
};
static_assert(std::size(known_names) == static_cast<std::size_t>(Known::count));

// A perfect hash over length, first and last byte; the two factors are searched at compile time.
constexpr std::size_t slots = 128;
constexpr std::size_t slot_of(std::string_view name, std::size_t a, std::size_t b) {
  const auto first = static_cast<unsigned char>(name.front());
  const auto last = static_cast<unsigned char>(name.back());
  const auto middle = static_cast<unsigned char>(name[name.size() / 2]);
  return (name.size() * a + first * b + last + middle * 3U) % slots;
}
struct KnownTable {
  std::size_t a = 0;
  std::size_t b = 0;
  std::array<std::uint8_t, slots> row{};  // index + 1 into known_names
};
consteval KnownTable make_known_table() {
  for (std::size_t a = 1; a < 64; ++a)
    for (std::size_t b = 1; b < 64; ++b) {
      KnownTable table{a, b, {}};
      bool clash = false;
      for (std::size_t i = 0; i < std::size(known_names) && !clash; ++i) {
        std::uint8_t& row = table.row[slot_of(known_names[i].name, a, b)];
        clash = row != 0;
        row = static_cast<std::uint8_t>(i + 1);
      }
      if (!clash) return table;
    }
  throw "no perfect hash";  // stops the compiler, never the program
}
constexpr KnownTable known_table = make_known_table();

const KnownName* find_known(std::string_view lower_name) {
  const std::uint8_t row = known_table.row[slot_of(lower_name, known_table.a, known_table.b)];
  if (row == 0) return nullptr;
  const KnownName& candidate = known_names[row - 1];
  return candidate.name == lower_name ? &candidate : nullptr;
}

// --- small readers -------------------------------------------------------------------------------

// The first byte in [at, end) that a field value may not hold (CR included), looked for eight at a
// time. A byte is found by the sign bit of (byte - 0x20) or ((byte ^ 0x7f) - 1) where the byte
// itself has none; a borrow can only raise false alarms above a true one, and the lowest is taken.
// HTAB also stops the fast walk.
const char* end_of_value(const char* at, const char* end) {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  while (true) {
    while (end - at >= 8) {
      const auto word = load_le<std::uint64_t>(at);
      const std::uint64_t rubout = word ^ (ones * 0x7f);
      const std::uint64_t found =
          (((word - ones * 0x20) & ~word) | ((rubout - ones) & ~rubout)) & (ones * 0x80);
      if (found != 0) {
        at += __builtin_ctzll(found) / 8;
        break;
      }
      at += 8;
    }
    while (at != end && value_byte[static_cast<unsigned char>(*at)] &&
           (end - at < 8 || *at == '\t'))
      ++at;
    if (at == end || !value_byte[static_cast<unsigned char>(*at)]) return at;
  }
}

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3: return text == "GET" ? Method::get : text == "PUT" ? Method::put : Method::other;
    case 4: return text == "POST" ? Method::post : text == "HEAD" ? Method::head : Method::other;
    case 5:
      return text == "PATCH" ? Method::patch : text == "TRACE" ? Method::trace : Method::other;
    case 6: return text == "DELETE" ? Method::delete_ : Method::other;
    case 7:
      return text == "OPTIONS"   ? Method::options
             : text == "CONNECT" ? Method::connect
                                 : Method::other;
    default: return Method::other;
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `take` with each member of a comma-separated list, empty ones left out (RFC 9110 5.6.1).
template <class Take>
void for_each_member(std::string_view list, Take&& take) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view member = trimmed(list.substr(0, comma));
    if (!member.empty()) take(member);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// --- the parser ----------------------------------------------------------------------------------

class Parser {
 public:
  Parser(char* bytes, std::size_t count, const HeadRules& rules, Head& head)
      : begin_(bytes), at_(bytes), end_(bytes + count), rules_(rules), head_(head) {}

  HeadVerdict run() {
    head_.request = Request{};
    head_.field_count = 0;
    head_.keep_alive = true;
    head_.expectation_unknown = false;
    if (!skip_empty_lines() || !request_line()) return verdict_;
    while (true) {
      if (at_ == end_) return incomplete();
      if (*at_ == '\r' || *at_ == '\n') break;
      if (!field_line()) return verdict_;
    }
    if (!line_end("the empty line behind the head needs CRLF")) return verdict_;
    if (!judge()) return verdict_;
    verdict_.kind = HeadVerdict::Kind::complete;
    verdict_.bytes = static_cast<std::size_t>(at_ - begin_);
    return verdict_;
  }

 private:
  bool refuse(int status, const char* reason) {
    verdict_ = {HeadVerdict::Kind::refused, 0, status, reason};
    return false;
  }

  // What is there is a good beginning; but a head that already fills its bound cannot end within
  // it.
  HeadVerdict incomplete() {
    if (static_cast<std::size_t>(end_ - begin_) >= rules_.head_bytes) {
      refuse(431, "the head is larger than this server reads");
    } else {
      verdict_ = {HeadVerdict::Kind::incomplete, skipped_, 0, ""};
    }
    return verdict_;
  }
  bool wait() {
    incomplete();
    return false;
  }

  // CRLF, or a lone LF where the operator allows it. Every line of the head ends here, so its size
  // is judged here.
  bool line_end(const char* reason) {
    if (*at_ == '\r') {
      if (++at_ == end_) return wait();
      if (*at_ != '\n') return refuse(400, reason);
    } else if (*at_ != '\n' || rules_.line_ends != LineEnds::lenient_lf) {
      return refuse(400, reason);
    }
    ++at_;
    if (static_cast<std::size_t>(at_ - begin_) > rules_.head_bytes)
      return refuse(431, "the head is larger than this server reads");
    return true;
  }

  // Empty lines in front of a request are left from sloppy clients (RFC 9112 2.2).
  bool skip_empty_lines() {
    while (at_ != end_ && (*at_ == '\r' || *at_ == '\n')) {
      if (!line_end("a request begins with a lone CR or LF")) return false;
      skipped_ = static_cast<std::size_t>(at_ - begin_);
    }
    return at_ != end_ || wait();
  }

  bool request_line() {
    char* const method = at_;
    while (at_ != end_ && token_lower[static_cast<unsigned char>(*at_)] != 0) ++at_;
    const auto method_bytes = static_cast<std::size_t>(at_ - method);
    if (method_bytes > limits::method_bytes_max)
      return refuse(501, "the method is longer than any that is known");
    if (at_ == end_) return wait();
    if (*at_ != ' ' || method_bytes == 0)
      return refuse(400, "the request line must begin with a method and one space");
    Request& request = head_.request;
    request.method_text = {method, method_bytes};
    request.method = method_of(request.method_text);

    char* const target = ++at_;
    while (at_ != end_ && target_byte[static_cast<unsigned char>(*at_)]) ++at_;
    const auto target_bytes = static_cast<std::size_t>(at_ - target);
    if (target_bytes > rules_.target_bytes)
      return refuse(414, "the request target is longer than this server reads");
    if (at_ == end_) return wait();
    if (*at_ != ' ' || target_bytes == 0)
      return refuse(400,
                    "the request target must be one word of visible ASCII without '#' and '\\'");
    request.target = {target, target_bytes};
    ++at_;
    return version();
  }

  bool version() {
    constexpr std::string_view name = "HTTP/";
    for (const char expected : name) {
      if (at_ == end_) return wait();
      if (*at_ != expected) return refuse(400, "the request line must end with HTTP/1.1");
      ++at_;
    }
    if (at_ == end_) return wait();
    const char major = *at_++;
    if (!is_digit(major)) return refuse(400, "the version must be HTTP/ digit . digit");
    if (at_ == end_) return wait();
    if (*at_++ != '.') return refuse(400, "the version must be HTTP/ digit . digit");
    if (at_ == end_) return wait();
    const char minor = *at_++;
    if (!is_digit(minor)) return refuse(400, "the version must be HTTP/ digit . digit");
    if (at_ == end_) return wait();
    if (*at_ != '\r' && *at_ != '\n')
      return refuse(400, "the version must be HTTP/ digit . digit and CRLF");
    if (major != '1') return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    head_.request.version_minor = minor == '0' ? 0 : 1;
    head_.keep_alive = minor != '0';
    return line_end("the request line must end with CRLF");
  }

  bool field_line() {
    char* const name = at_;
    bool underscore = false;
    while (at_ != end_) {
      const char low = token_lower[static_cast<unsigned char>(*at_)];
      if (low == 0) break;
      underscore |= low == '_';
      *at_++ = low;
    }
    if (at_ == end_) return wait();
    if (*at_ != ':' || at_ == name)
      return refuse(400, "a field line must be a name and at once a colon; lines are never folded");
    const std::string_view name_text(name, static_cast<std::size_t>(at_ - name));

    char* value = ++at_;
    at_ = const_cast<char*>(end_of_value(at_, end_));
    if (at_ == end_) return wait();
    std::string_view value_text = trimmed({value, static_cast<std::size_t>(at_ - value)});
    if (!line_end("a field value must end with CRLF and hold no control characters")) return false;

    if (++seen_fields_ > rules_.head_fields)
      return refuse(431, "the head has more fields than this server reads");
    if (underscore) {
      if (rules_.underscores == Underscores::reject)
        return refuse(400, "a field name with '_' is not accepted here");
      return true;
    }
    return keep(name_text, value_text);
  }

  bool keep(std::string_view name, std::string_view value) {
    head_.fields[head_.field_count++] = {name, value};
    const KnownName* const known = find_known(name);
    if (known == nullptr) return true;
    const bool first = note_known(known->known, head_.field_count);
    switch (known->known) {
      case Known::host: return first || refuse(400, "a request has exactly one Host");
      case Known::content_length:
        return first ? content_length(value) : refuse(400, "Content-Length came twice");
      case Known::transfer_encoding: return transfer_encoding(value);
      case Known::connection: connection(value); return true;
      case Known::expect:
        if (equals_ignoring_case(value, "100-continue")) head_.request.wants_continue = true;
        else head_.expectation_unknown = true;
        return true;
      default: return true;
    }
  }

  // Remembers where the field is. False: it was there before.
  bool note_known(Known known, std::size_t ordinal) {
    std::uint8_t& at = head_.request.known_at[static_cast<std::size_t>(known)];
    if (at != 0) {
      head_.request.repeated |= 1U << static_cast<unsigned>(known);
      return false;
    }
    at = static_cast<std::uint8_t>(ordinal);
    return true;
  }

  bool content_length(std::string_view value) {
    constexpr const char* reason = "Content-Length must be one number of plain digits";
    if (value.empty() || value.size() > 18)
      return refuse(400, reason);  // 18 digits cannot overflow 64 bits
    std::uint64_t number = 0;
    for (const char c : value) {
      if (!is_digit(c)) return refuse(400, reason);
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    head_.request.content_length = number;
    return true;
  }

  // `chunked` must be the final and the only coding, over all lines of the field. Empty members of
  // the list, which other lists may have, are refused: parsers do not agree on what is final then.
  bool transfer_encoding(std::string_view value) {
    constexpr const char* reason = "chunked must be the final and the only transfer coding";
    while (true) {
      const std::size_t comma = value.find(',');
      const std::string_view coding = trimmed(value.substr(0, comma));
      if (coding.empty() || chunked_) return refuse(400, reason);
      if (equals_ignoring_case(coding, "chunked")) chunked_ = true;
      else other_coding_ = true;
      if (comma == std::string_view::npos) return true;
      value.remove_prefix(comma + 1);
    }
  }

  void connection(std::string_view value) {
    for_each_member(value, [this](std::string_view option) {
      if (equals_ignoring_case(option, "close")) close_ = true;
      else if (equals_ignoring_case(option, "keep-alive")) kept_ = true;
      else if (equals_ignoring_case(option, "upgrade")) upgrade_ = true;
      else if (!equals_ignoring_case(option, "te")) nominated_ = true;
    });
  }

  // What can only be said when the whole head is known.
  bool judge() {
    Request& request = head_.request;
    if (request.has(Known::transfer_encoding)) {
      if (request.has(Known::content_length))
        return refuse(400, "Content-Length and Transfer-Encoding came together");
      if (request.version_minor == 0) return refuse(400, "HTTP/1.0 knows no Transfer-Encoding");
      if (!chunked_) return refuse(400, "the final transfer coding must be chunked");
      if (other_coding_) return refuse(501, "no transfer coding but chunked is known here");
      request.framing = Framing::chunked;
    } else if (request.has(Known::content_length)) {
      request.framing = request.content_length == 0 ? Framing::none : Framing::length;
    }
    if (close_) head_.keep_alive = false;
    else if (kept_) head_.keep_alive = true;
    if (request.version_minor == 0) {
      request.wants_continue = false;  // RFC 9110 10.1.1: ignored in 1.0
      head_.expectation_unknown = false;
    }
    request.fields = {head_.fields.data(), head_.field_count};
    if (!target_and_host()) return false;
    if (nominated_) drop_nominated();
    if (upgrade_) note_protocol();
    return true;
  }

  bool target_and_host() {
    Request& request = head_.request;
    if (!request.has(Known::host)) {
      if (request.version_minor != 0) return refuse(400, "HTTP/1.1 needs a Host");
    } else if (request.host = request.known(Known::host); !is_valid_authority(request.host)) {
      return refuse(400, "Host must be a name or address with an optional port");
    }
    if (request.method == Method::connect) return true;  // answered 405 whatever its target
    const TargetParts parts = split_target(request.target, request.method);
    if (!parts.ok)
      return refuse(
          400, "the request target must be a path, or an http(s) URL without user information");
    request.raw_path = parts.raw_path;
    request.query = parts.query;
    if (!parts.authority.empty()) request.host = parts.authority;
    if (request.host.empty()) return true;  // HTTP/1.0 may have none
    char* const host = begin_ + (request.host.data() - begin_);
    for (std::size_t i = 0; i < request.host.size(); ++i) host[i] = lower(host[i]);
    return true;
  }

  // Which protocol the client would switch to: the only member of Upgrade, or websocket among
  // several. Whoever has a body to send, or is not asking for a resource, is not switching.
  void note_protocol() {
    Request& request = head_.request;
    if (request.version_minor == 0 || request.method != Method::get ||
        request.framing != Framing::none || request.repeats(Known::upgrade))
      return;
    std::size_t members = 0;
    std::string_view only;
    for_each_member(request.known(Known::upgrade), [&](std::string_view member) {
      ++members;
      only = member;
      if (equals_ignoring_case(member, "websocket")) request.protocol = "websocket";
    });
    if (members != 1 || !request.protocol.empty()) return;
    char* const text = begin_ + (only.data() - begin_);
    for (std::size_t i = 0; i < only.size(); ++i) text[i] = lower(text[i]);
    request.protocol = only;
  }

  // Fields that Connection names belong to this hop and end here (H-24). Rare, so it may walk
  // twice.
  void drop_nominated() {
    Request& request = head_.request;
    const auto is_nominated = [&request](std::string_view name) {
      bool found = false;
      for (const Field& field : request.fields)
        if (field.name == "connection")
          for_each_member(field.value, [&](std::string_view option) {
            found |= equals_ignoring_case(option, name);
          });
      return found;
    };
    std::array<bool, Head::fields_max> drop{};
    for (std::size_t i = 0; i < head_.field_count; ++i)
      drop[i] = head_.fields[i].name != "connection" && head_.fields[i].name != "host" &&
                head_.fields[i].name != "upgrade" && is_nominated(head_.fields[i].name);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < head_.field_count; ++i)
      if (!drop[i]) head_.fields[kept++] = head_.fields[i];
    head_.field_count = kept;
    request.fields = {head_.fields.data(), kept};
    request.known_at = {};
    request.repeated = 0;
    for (std::size_t i = 0; i < kept; ++i)
      if (const KnownName* const known = find_known(head_.fields[i].name))
        note_known(known->known, i + 1);
  }

  char* const begin_;
  char* at_;
  char* const end_;
  const HeadRules& rules_;
  Head& head_;
  HeadVerdict verdict_;
  std::size_t skipped_ = 0;
  std::size_t seen_fields_ = 0;
  bool chunked_ = false;
  bool other_coding_ = false;
  bool close_ = false;
  bool kept_ = false;
  bool upgrade_ = false;
  bool nominated_ = false;
};

}  // namespace

HeadVerdict parse_head(char* bytes, std::size_t count, const HeadRules& rules, Head& head) {
  return Parser(bytes, count, rules, head).run();
}

}  // namespace weir::http
