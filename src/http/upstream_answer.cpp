#include "http/upstream_answer.h"

#include "base/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::http {
namespace {

constexpr std::array<char, 256> token_lower = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 128; ++c)
    if (is_alnum(static_cast<char>(c)))
      table[static_cast<std::size_t>(c)] = lower(static_cast<char>(c));
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = c;
  return table;
}();

constexpr bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `take` with each member of a comma-separated list, empty ones left out.
template <class Take>
void for_each_member(std::string_view list, Take&& take) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view member = without_blanks(list.substr(0, comma));
    if (!member.empty()) take(member);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// "timeout=5, max=100": the seconds of `timeout`, at most a day; 0 = not said.
std::uint32_t keep_alive_seconds_of(std::string_view value) {
  std::uint32_t seconds = 0;
  for_each_member(value, [&seconds](std::string_view member) {
    constexpr std::string_view name = "timeout=";
    if (member.size() <= name.size() || !equals_ignoring_case(member.substr(0, name.size()), name))
      return;
    const auto number = parse_u64(member.substr(name.size()));
    if (number) seconds = static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, 86'400));
  });
  return seconds;
}

}  // namespace

const Field* AnswerHead::find(std::string_view lower_name) const {
  for (const Field& field : fields)
    if (field.name == lower_name) return &field;
  return nullptr;
}

// What the framing fields said, over all their lines.
struct AnswerReader::HeadParse {
  bool has_transfer_encoding = false;
  bool chunked = false;  // seen
  bool chunked_is_last = false;
  bool chunked_twice = false;
  bool other_coding = false;
  bool known_coding = false;  // gzip, deflate, compress: we would have to undo it
  bool close = false;
  bool keep = false;
};

void AnswerReader::begin(Asked asked) {
  asked_ = asked;
  state_ = State::head;
  begun_ = false;
  interim_ = 0;
  looked_ = 0;
  reason_ = "";
  head_ = {};
  trailers_.clear();
}

AnswerReader::Piece AnswerReader::bad(const char* reason) {
  reason_ = reason;
  state_ = State::bad;
  return {Step::bad, 0, {}};
}

AnswerReader::Piece AnswerReader::next(char* bytes, std::size_t count) {
  if (count > 0 && state_ != State::done) begun_ = true;
  switch (state_) {
    case State::head: return read_head(bytes, count);
    case State::length: {
      if (left_ == 0) {
        state_ = State::done;
        return {Step::done, 0, {}};
      }
      if (count == 0) return {};
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, count));
      left_ -= part;
      return {Step::data, part, {bytes, part}};
    }
    case State::chunked: {
      const ChunkDecoder::Piece piece = chunks_.next({bytes, count});
      switch (piece.step) {
        case ChunkDecoder::Step::more: return {Step::more, piece.consumed, {}};
        case ChunkDecoder::Step::data: return {Step::data, piece.consumed, piece.data};
        case ChunkDecoder::Step::bad: return bad(chunks_.reason());
        case ChunkDecoder::Step::done: break;
      }
      state_ = State::done;
      if (!trailer_text_.empty()) read_trailers();
      return {Step::done, piece.consumed, {}};
    }
    case State::until_close:
    case State::switched:
      if (count == 0) return {};
      return {Step::data, count, {bytes, count}};
    case State::done: return {};
    case State::bad: return {Step::bad, 0, {}};
  }
  return {};
}

// Lines of "name:value", each with its CR; the decoder has checked them.
void AnswerReader::read_trailers() {
  std::string_view text = trailer_text_;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\r'));
    const std::size_t colon = line.find(':');
    trailers_.emplace_back(lower_of(line.substr(0, colon)), without_blanks(line.substr(colon + 1)));
    text.remove_prefix(line.size() + 1);
  }
}

bool AnswerReader::end_of_input() {
  if (state_ == State::length && left_ == 0) state_ = State::done;
  if (state_ == State::until_close || state_ == State::switched) state_ = State::done;
  return state_ == State::done;
}

// --- heads ---------------------------------------------------------------------------------------

AnswerReader::Piece AnswerReader::read_head(char* bytes, std::size_t count) {
  // A head that comes in many pieces is read again from its start for each line, not for each byte.
  if (looked_ > 0 && count > looked_ && count < rules_.head_bytes &&
      std::memchr(bytes + looked_, '\n', count - looked_) == nullptr)
    return {};
  looked_ = count;

  char* at = bytes;
  char* const end = bytes + count;
  const auto incomplete = [&]() -> Piece {
    if (count >= rules_.head_bytes) return bad("the head of the answer is larger than we read");
    return {};
  };

  // Status line.
  constexpr std::string_view name = "HTTP/1.";
  const std::size_t there = std::min(name.size(), count);
  if (std::memcmp(at, name.data(), there) != 0)
    return bad("the answer does not begin with HTTP/1.");
  constexpr std::size_t fixed = 13;  // "HTTP/1.1 200" and the byte behind
  if (count < fixed) return incomplete();
  const char minor = at[7];
  if (!is_digit(minor) || at[8] != ' ' || !is_digit(at[9]) || !is_digit(at[10]) ||
      !is_digit(at[11]))
    return bad("the status line must be HTTP/1.x, one space and three digits");
  const int status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
  if (status < 100 || status > 599) return bad("the status is outside 100 to 599");
  at += 12;
  if (*at != ' ' && *at != '\r') return bad("the status line must hold a space behind its digits");
  while (at != end && is_text(*at)) ++at;
  const auto line_end = [&]() -> int {  // 1 = passed, 0 = not there yet, -1 = wrong
    if (at == end) return 0;
    if (*at != '\r') return -1;
    if (at + 1 == end) return 0;
    if (at[1] != '\n') return -1;
    at += 2;
    return 1;
  };
  switch (line_end()) {
    case 0: return incomplete();
    case -1: return bad("the status line must end with CRLF and hold no control characters");
    default: break;
  }

  // Fields.
  fields_.clear();
  head_ = {};
  head_.status = status;
  head_.version_minor = minor == '0' ? 0 : 1;
  HeadParse parse;
  while (true) {
    if (at == end) return incomplete();
    if (*at == '\r') break;
    char* const field_name = at;
    while (at != end) {
      const char low = token_lower[static_cast<unsigned char>(*at)];
      if (low == 0) break;
      *at++ = low;
    }
    if (at == end) return incomplete();
    if (*at != ':' || at == field_name)
      return bad("a field line must be a name and at once a colon; lines are never folded");
    const std::string_view field(field_name, static_cast<std::size_t>(at - field_name));
    char* const value_at = ++at;
    while (at != end && is_text(*at)) ++at;
    const std::string_view value =
        without_blanks({value_at, static_cast<std::size_t>(at - value_at)});
    switch (line_end()) {
      case 0: return incomplete();
      case -1: return bad("a field value must end with CRLF and hold no control characters");
      default: break;
    }
    if (fields_.size() == rules_.head_fields)
      return bad("the head of the answer has more fields than we read");
    fields_.push_back({field, value});
    if (field == "content-length") {
      if (head_.has_length) return bad("Content-Length came twice");
      if (value.empty() || value.size() > 18 ||
          !std::all_of(value.begin(), value.end(), [](char c) { return is_digit(c); }))
        return bad("Content-Length must be one number of plain digits");
      for (const char c : value)
        head_.content_length = head_.content_length * 10 + static_cast<std::uint64_t>(c - '0');
      head_.has_length = true;
    } else if (field == "transfer-encoding") {
      parse.has_transfer_encoding = true;
      for_each_member(value, [&parse](std::string_view coding) {
        const bool is_chunked = equals_ignoring_case(coding, "chunked");
        parse.chunked_twice |= is_chunked && parse.chunked;
        parse.chunked |= is_chunked;
        parse.chunked_is_last = is_chunked;
        parse.other_coding |= !is_chunked;
        for (const std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress"})
          parse.known_coding |= equals_ignoring_case(coding.substr(0, coding.find(';')), known);
      });
    } else if (field == "connection") {
      for_each_member(value, [&parse](std::string_view option) {
        parse.close |= equals_ignoring_case(option, "close");
        parse.keep |= equals_ignoring_case(option, "keep-alive");
      });
    } else if (field == "keep-alive") {
      head_.keep_alive_seconds = keep_alive_seconds_of(value);
    }
  }
  switch (line_end()) {
    case 0: return incomplete();
    case -1: return bad("the empty line behind the head needs CRLF");
    default: break;
  }
  const auto head_bytes = static_cast<std::size_t>(at - bytes);
  if (head_bytes > rules_.head_bytes) return bad("the head of the answer is larger than we read");
  looked_ = 0;
  head_.fields = fields_;
  head_.keep_alive = head_.version_minor == 0 ? parse.keep && !parse.close : !parse.close;

  if (status < 200 && status != 101) {
    if (parse.has_transfer_encoding || (head_.has_length && head_.content_length != 0))
      return bad("an interim answer announced a body");
    if (++interim_ > rules_.interim) return bad("there are too many interim answers");
    return {Step::interim, head_bytes, {}};
  }
  if (status == 101) {
    if (asked_ != Asked::upgrade) return bad("the server switched protocols without being asked");
    if (head_.find("upgrade") == nullptr) return bad("a 101 must name its protocol in Upgrade");
    state_ = State::switched;
    return {Step::switched, head_bytes, {}};
  }
  if (!judge_framing(parse)) return {Step::bad, 0, {}};
  return {Step::head, head_bytes, {}};
}

// RFC 9112 6.3, in its order; doubt is refused.
bool AnswerReader::judge_framing(const HeadParse& parse) {
  const auto refused = [this](const char* reason) {
    bad(reason);
    return false;
  };
  if (parse.has_transfer_encoding) {
    if (head_.has_length) return refused("Content-Length and Transfer-Encoding came together");
    if (head_.version_minor == 0) return refused("HTTP/1.0 knows no Transfer-Encoding");
    if (parse.chunked_twice || (parse.chunked && !parse.chunked_is_last))
      return refused("chunked must be the final and the only transfer coding");
    if (parse.known_coding || (parse.chunked && parse.other_coding))
      return refused("no transfer coding but chunked is undone here");
  }
  const bool no_body = asked_ == Asked::head || head_.status == 204 || head_.status == 304;
  if (no_body) {
    // What a 204 announces would lie on the connection: its next bytes are nobody's.
    if (head_.status == 204 &&
        (parse.has_transfer_encoding || (head_.has_length && head_.content_length != 0)))
      head_.keep_alive = false;
    state_ = State::length;
    left_ = 0;
    return true;
  }
  if (parse.chunked) {
    head_.framing = Framing::chunked;
    chunks_ = ChunkDecoder();
    trailer_text_.clear();
    chunks_.keep_trailers(trailer_text_);
    state_ = State::chunked;
    return true;
  }
  if (head_.has_length && !parse.has_transfer_encoding) {
    head_.framing = Framing::length;
    left_ = head_.content_length;
    state_ = State::length;
    return true;
  }
  head_.until_close = true;
  head_.keep_alive = false;
  state_ = State::until_close;
  return true;
}

}  // namespace weir::http
