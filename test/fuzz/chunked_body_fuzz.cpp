// Property: a chunked body gives the same data, the same end and the same refusal whole and byte by
// byte, never more data than input, and what was accepted reads back the same when it is written in
// one chunk.

#include "base/must.h"
#include "http/chunks.h"

#include <cstdio>
#include <string>

using namespace weir;
using namespace weir::http;

namespace {

struct Outcome {
  ChunkDecoder::Step step = ChunkDecoder::Step::more;
  std::string body;
  std::size_t consumed = 0;
};

Outcome decode(std::string_view text, std::size_t piece_bytes) {
  ChunkDecoder decoder;
  Outcome outcome;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, piece_bytes);
    const ChunkDecoder::Piece read = decoder.next(piece);
    MUST(read.consumed > 0);
    MUST(read.consumed <= piece.size());
    outcome.body.append(read.data);
    outcome.consumed += read.consumed;
    outcome.step = read.step;
    if (read.step == ChunkDecoder::Step::done || read.step == ChunkDecoder::Step::bad)
      return outcome;
    text.remove_prefix(read.consumed);
  }
  if (outcome.step == ChunkDecoder::Step::data) outcome.step = ChunkDecoder::Step::more;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  const std::string_view text(reinterpret_cast<const char*>(data), count);
  const Outcome whole = decode(text, text.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    const Outcome parts = decode(text, piece);
    MUST(parts.step == whole.step);
    MUST(parts.body == whole.body);
    MUST(parts.consumed == whole.consumed);
  }
  MUST(whole.body.size() <= count);
  if (whole.step != ChunkDecoder::Step::done) return 0;
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", whole.body.size());
  const std::string again = whole.body.empty() ? "0\r\n\r\n" : size + whole.body + "\r\n0\r\n\r\n";
  const Outcome back = decode(again, again.size());
  MUST(back.step == ChunkDecoder::Step::done);
  MUST(back.body == whole.body);
  MUST(back.consumed == again.size());
  return 0;
}
