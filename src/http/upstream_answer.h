#pragma once
// What an upstream says, read strictly (RFC 9112 6.3 with the rules of the wire specification,
// section 2, turned round; H-43, cache C-36).
//
//   answer = *( interim-head ) final-head [ body ]      interim: 1xx; final: the rest, and 101
//   head   = "HTTP/1." digit SP 3digit [ SP reason ] CRLF *( name ":" value CRLF ) CRLF
//
// One way to read it, or refused: a lone CR or LF, a folded line, a blank before the colon, a
// control character, two Content-Length fields (equal ones too), a list or a sign in one, both
// framings at once, `chunked` twice or not in the last place, a coding before `chunked` that we
// would have to undo, a 1xx with a body, a status outside 100 .. 599. An unknown transfer coding
// without Content-Length runs to the end of the connection, as RFC 9112 says, and its bytes are
// passed as they come. A status line that ends behind the three digits is taken: it has one
// reading.
//
// The answer to HEAD, 1xx, 204 and 304 have no body whatever they announce. Bytes behind the end of
// an answer belong to nobody: they are reported once and make the connection unusable.
//
// Pure state over the caller's bytes; allocates nothing but the list of fields and of trailers. The
// outcome does not depend on where the input was cut (test, fuzz target `upstream`).

#include "http/chunks.h"
#include "http/message.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::http {

struct AnswerRules {
  std::size_t head_bytes = 0;
  std::size_t head_fields = 0;
  std::size_t interim = 0;  // 1xx heads before the final one
};

struct AnswerHead {
  int status = 0;
  std::uint8_t version_minor = 1;
  std::span<const Field> fields;    // in order, names in lower case, hop-by-hop ones included
  Framing framing = Framing::none;  // none with `until_close`: to the end of the connection
  bool until_close = false;
  std::uint64_t content_length = 0;  // with Framing::length, or what HEAD and 304 tell
  bool has_length = false;
  bool keep_alive = true;                // the server will take another request behind this answer
  std::uint32_t keep_alive_seconds = 0;  // of Keep-Alive: timeout=N; 0 = not said
  // First field of that (lower case) name; null when there is none. Linear.
  const Field* find(std::string_view lower_name) const;
};

class AnswerReader {
 public:
  // What was asked decides how the answer ends.
  enum class Asked : std::uint8_t {
    plain,
    head,     // HEAD: no body
    upgrade,  // 101 is welcome
  };
  enum class Step : std::uint8_t {
    more,      // everything usable was used; bytes not consumed come again with more behind them
    interim,   // head() is a 1xx
    head,      // head() is the final one
    data,      // `data` is a piece of the body
    done,      // the answer is whole
    switched,  // head() is the 101; what follows is another protocol
    bad,       // reason() tells why
  };
  struct Piece {
    Step step = Step::more;
    std::size_t consumed = 0;
    std::string_view data = {};  // a view into the input
  };

  explicit AnswerReader(const AnswerRules& rules) : rules_(rules) {}
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  void begin(Asked asked);  // before each answer
  // The views of head() last until the next call. Names are lower-cased where they lie.
  Piece next(char* bytes, std::size_t count);
  // The connection ended cleanly. True: that was the end of the answer.
  bool end_of_input();

  const AnswerHead& head() const { return head_; }
  // Names in lower case; all of them, whatever they say.
  Fields take_trailers() { return std::exchange(trailers_, {}); }
  const char* reason() const { return reason_; }
  bool has_begun() const { return begun_; }  // a byte of this answer came
  bool has_head() const { return state_ > State::head; }
  bool is_done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { head, length, chunked, until_close, done, switched, bad };
  struct HeadParse;
  Piece read_head(char* bytes, std::size_t count);
  Piece bad(const char* reason);
  void read_trailers();
  bool judge_framing(const HeadParse& parse);

  const AnswerRules& rules_;
  AnswerHead head_;
  std::vector<Field> fields_;
  ChunkDecoder chunks_;
  std::string trailer_text_;
  Fields trailers_;
  const char* reason_ = "";
  std::uint64_t left_ = 0;
  std::size_t looked_ = 0;  // of an incomplete head: no line end in its first bytes beyond the last
  std::uint32_t interim_ = 0;
  Asked asked_ = Asked::plain;
  State state_ = State::done;
  bool begun_ = false;
};

}  // namespace weir::http
