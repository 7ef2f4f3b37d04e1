#include "http/chunks.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::http {
namespace {

constexpr std::array<bool, 256> token_byte = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 128; ++c) table[c] = is_alnum(static_cast<char>(c));
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

constexpr bool is_text(unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); }
constexpr std::uint8_t size_digits_max = 15;  // 2^60 bytes; cannot overflow

}  // namespace

ChunkDecoder::Piece ChunkDecoder::next(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size()) {
    if (state_ == State::data) {
      const std::size_t take =
          static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at));
      left_ -= take;
      if (left_ == 0) state_ = State::data_cr;
      return {Step::data, at + take, input.substr(at, take)};
    }
    state_ = step(static_cast<unsigned char>(input[at++]));
    if (trailers_into_ != nullptr && state_ >= State::trailer_name && state_ <= State::trailer_lf)
      *trailers_into_ += input[at - 1];
    if (state_ == State::done) return {Step::done, at, {}};
    if (state_ == State::bad) return {Step::bad, at, {}};
  }
  return {Step::more, at, {}};
}

ChunkDecoder::Run ChunkDecoder::gather_small(const char* input, std::size_t size, char* out) {
  constexpr std::size_t most = 15, framing = 5, copied = 16;
  Run run;
  if (state_ == State::data_cr && size >= 2 && input[0] == '\r' && input[1] == '\n') {
    state_ = State::size_first;
    run.consumed = 2;
  }
  if (state_ != State::size_first) return run;
  while (size - run.consumed >= framing + most + copied) {
    const char* const at = input + run.consumed;
    const int digit = hex_digit_of(at[0]);
    if (digit <= 0) break;  // the last chunk has more behind it
    const auto bytes = static_cast<std::size_t>(digit);
    if (at[1] != '\r' || at[2] != '\n' || at[3 + bytes] != '\r' || at[4 + bytes] != '\n') break;
    // A whole word is copied at once where it cannot reach what is still to be read.
    char* const to = out + run.bytes;
    if (at + framing + bytes - to >= static_cast<std::ptrdiff_t>(copied)) {
      char word[copied];
      std::memcpy(word, at + 3, copied);
      std::memcpy(to, word, copied);
    } else {
      std::memmove(to, at + 3, bytes);
    }
    run.bytes += bytes;
    run.consumed += framing + bytes;
  }
  return run;
}

ChunkDecoder::State ChunkDecoder::bad(const char* reason) {
  reason_ = reason;
  return State::bad;
}

// One more byte of an extension; State::bad above a bound, else the state stays.
ChunkDecoder::State ChunkDecoder::extension_bytes() {
  ++chunk_extension_;
  ++body_extension_;
  if (chunk_extension_ > limits::chunk_extension_bytes_max ||
      body_extension_ > limits::body_extension_bytes_max)
    return bad("the chunk extensions are larger than this server reads");
  return state_;
}

ChunkDecoder::State ChunkDecoder::step(unsigned char c) {
  constexpr const char* wants_size = "a chunk must begin with its size in hexadecimal digits";
  constexpr const char* wants_extension = "a chunk extension must be ;name or ;name=value";
  const int digit = hex_digit_of(static_cast<char>(c));
  switch (state_) {
    case State::size_first:
      if (digit < 0) return bad(wants_size);
      left_ = static_cast<std::uint64_t>(digit);
      digits_ = 1;
      chunk_extension_ = 0;
      return State::size;
    case State::size:
      if (digit >= 0) {
        if (++digits_ > size_digits_max) return bad("a chunk size has too many digits");
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return State::size;
      }
      if (c == ';')
        return extension_bytes() == State::bad ? State::bad : State::extension_name_first;
      return c == '\r' ? State::size_lf : bad(wants_size);

    case State::extension_name_first:
      if (extension_bytes() == State::bad) return State::bad;
      return token_byte[c] ? State::extension_name : bad(wants_extension);
    case State::extension_name:
      if (c == '\r') return State::size_lf;
      if (extension_bytes() == State::bad) return State::bad;
      if (c == '=') return State::extension_value_first;
      if (c == ';') return State::extension_name_first;
      return token_byte[c] ? State::extension_name : bad(wants_extension);
    case State::extension_value_first:
      if (extension_bytes() == State::bad) return State::bad;
      if (c == '"') return State::extension_quoted;
      return token_byte[c] ? State::extension_token : bad(wants_extension);
    case State::extension_token:
      if (c == '\r') return State::size_lf;
      if (extension_bytes() == State::bad) return State::bad;
      if (c == ';') return State::extension_name_first;
      return token_byte[c] ? State::extension_token : bad(wants_extension);
    case State::extension_quoted:
      if (extension_bytes() == State::bad) return State::bad;
      if (c == '"') return State::extension_quoted_end;
      if (c == '\\') return State::extension_escape;
      return is_text(c) ? State::extension_quoted : bad(wants_extension);
    case State::extension_escape:
      if (extension_bytes() == State::bad) return State::bad;
      return is_text(c) ? State::extension_quoted : bad(wants_extension);
    case State::extension_quoted_end:
      if (c == '\r') return State::size_lf;
      if (extension_bytes() == State::bad) return State::bad;
      return c == ';' ? State::extension_name_first : bad(wants_extension);

    case State::size_lf:
      if (c != '\n') return bad("a chunk size must end with CRLF");
      return left_ == 0 ? State::trailer_first : State::data;
    case State::data_cr: return c == '\r' ? State::data_lf : bad("chunk data must end with CRLF");
    case State::data_lf:
      return c == '\n' ? State::size_first : bad("chunk data must end with CRLF");

    case State::trailer_first:
      if (c == '\r') return State::end_lf;
      if (++trailers_ > limits::trailers_max)
        return bad("there are more trailers than this server reads");
      trailer_bytes_ = 1;
      return token_byte[c] ? State::trailer_name
                           : bad("a trailer must be a name and at once a colon");
    case State::trailer_name:
      if (++trailer_bytes_ > limits::trailer_bytes_max)
        return bad("a trailer is larger than this server reads");
      if (c == ':') return State::trailer_value;
      return token_byte[c] ? State::trailer_name
                           : bad("a trailer must be a name and at once a colon");
    case State::trailer_value:
      if (++trailer_bytes_ > limits::trailer_bytes_max)
        return bad("a trailer is larger than this server reads");
      if (c == '\r') return State::trailer_lf;
      return is_text(c) ? State::trailer_value : bad("a trailer holds a control character");
    case State::trailer_lf:
      return c == '\n' ? State::trailer_first : bad("a trailer must end with CRLF");
    case State::end_lf:
      return c == '\n' ? State::done : bad("a chunked body must end with an empty line");

    case State::data:
    case State::done:
    case State::bad: return state_;
  }
  return state_;
}

}  // namespace weir::http
