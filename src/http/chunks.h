#pragma once
// Chunked bodies (RFC 9112 7.1), strictly (wire H-17): hexadecimal sizes without sign or overflow,
// CRLF and nothing else between the parts, extensions checked by their grammar and ignored within
// bounds, trailers checked, bounded and discarded.
//
//   chunked-body = *( size [ *( ";" name [ "=" ( token / quoted ) ] ) ] CRLF data CRLF )
//                  1*"0" [ extensions ] CRLF *( field-line CRLF ) CRLF
//
// A state machine over single bytes, except that data is passed through whole. Never allocates; the
// answer does not depend on where the input was cut.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::http {

class ChunkDecoder {
 public:
  enum class Step : std::uint8_t {
    more,  // all input used
    data,  // `data` is a piece of the body; call again with what is left
    done,  // the body ended; what is left belongs to the next request
    bad,   // 400 and close; `reason()` tells why
  };
  struct Piece {
    Step step = Step::more;
    std::size_t consumed = 0;    // of the input, `data` included
    std::string_view data = {};  // a view into the input
  };
  Piece next(std::string_view input);
  // Between two pieces: passes as many whole chunks of fewer than 16 bytes without extensions as
  // are here, and puts their data together at `out`, which is at or before `input`. Many tiny
  // chunks cost a client little, so they may not cost us much more.
  struct Run {
    std::size_t consumed = 0;
    std::size_t bytes = 0;  // now at `out`
  };
  Run gather_small(const char* input, std::size_t size, char* out);
  // The lines of the trailer as they came are appended to `into` as well, which must outlive the
  // body; without this they are only checked.
  void keep_trailers(std::string& into) { trailers_into_ = &into; }
  const char* reason() const { return reason_; }

 private:
  enum class State : std::uint8_t {
    size_first,
    size,
    extension_name_first,
    extension_name,
    extension_value_first,
    extension_token,
    extension_quoted,
    extension_escape,
    extension_quoted_end,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_first,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    bad,
  };
  State step(unsigned char c);
  State bad(const char* reason);
  State extension_bytes();

  std::string* trailers_into_ = nullptr;
  std::uint64_t left_ = 0;  // of the chunk; while State::size: the number so far
  const char* reason_ = "";
  std::uint16_t chunk_extension_ = 0;
  std::uint16_t body_extension_ = 0;
  std::uint16_t trailer_bytes_ = 0;
  std::uint8_t digits_ = 0;
  std::uint8_t trailers_ = 0;
  State state_ = State::size_first;
};

}  // namespace weir::http
