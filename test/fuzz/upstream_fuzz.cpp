// Property: an upstream's answer is told alike wherever its bytes were cut; what is told keeps what
// the reader promises (names in lower case, clean values, no more body than announced, at most the
// bounded number of interim heads), and behind the end nothing more is told.

#include "base/bytes.h"
#include "base/limits_upstream.h"
#include "base/must.h"
#include "http/prepared.h"
#include "http/upstream_answer.h"

#include <string>

using namespace weir;
using namespace weir::http;

namespace {

using Step = AnswerReader::Step;

constexpr AnswerRules rules{limits::upstream_head_bytes_max, limits::upstream_head_fields_max,
                            limits::upstream_interim_max};

struct Told {
  std::string heads;
  std::string body;
  Step step = Step::more;
  bool clean_end = false;
  std::size_t consumed = 0;
  friend bool operator==(const Told&, const Told&) = default;
};

void note_head(const AnswerHead& head, Told& told) {
  MUST(head.status >= 100);
  MUST(head.status <= 599);
  MUST(head.fields.size() <= limits::upstream_head_fields_max);
  told.heads += std::to_string(head.status) + ' ';
  for (const Field& field : head.fields) {
    MUST(is_clean_field(field.name, field.value));
    for (const char c : field.name) MUST(lower(c) == c);
    told.heads.append(field.name).append(":").append(field.value).append("\n");
  }
  if (head.framing == Framing::chunked) MUST(!head.has_length);
  if (head.until_close) MUST(!head.keep_alive);
}

Told read(std::string_view text, AnswerReader::Asked asked, std::size_t piece_bytes) {
  AnswerReader reader(rules);
  reader.begin(asked);
  Told told;
  std::string held;
  std::uint64_t announced = UINT64_MAX;
  while (!text.empty()) {
    held.append(text.substr(0, piece_bytes));
    text.remove_prefix(std::min(piece_bytes, text.size()));
    std::size_t at = 0;
    while (true) {
      const auto piece = reader.next(held.data() + at, held.size() - at);
      MUST(piece.consumed <= held.size() - at);
      at += piece.consumed;
      told.consumed += piece.consumed;
      if (piece.step == Step::interim || piece.step == Step::head || piece.step == Step::switched)
        note_head(reader.head(), told);
      if (piece.step == Step::head && reader.head().framing == Framing::length)
        announced = reader.head().content_length;
      if (piece.step == Step::data) told.body.append(piece.data);
      MUST(told.body.size() <= announced);
      if (piece.step == Step::more) break;
      if (piece.step == Step::done || piece.step == Step::bad) {
        told.step = piece.step;
        if (piece.step == Step::bad) told.consumed = 0;  // nobody reads on
        for (const auto& [name, value] : reader.take_trailers()) {
          MUST(is_clean_field(name, value));
          told.heads.append(name).append("=").append(value).append("\n");
        }
        MUST(reader.next(held.data(), held.size()).consumed == 0);
        return told;
      }
    }
    held.erase(0, at);
  }
  MUST(held.size() <= limits::upstream_head_bytes_max);
  told.clean_end = reader.end_of_input();
  // What is wrong in an unfinished line may be seen at once or with the line's end: both are
  // failed.
  if (!told.clean_end) {
    told.step = Step::bad;
    told.consumed = 0;
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  if (count == 0) return 0;
  const auto asked = static_cast<AnswerReader::Asked>(data[0] % 3);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), count - 1);
  const Told whole = read(text, asked, text.size() + 1);
  MUST(whole.body.size() <= text.size());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{61}})
    MUST(read(text, asked, piece) == whole);
  return 0;
}
