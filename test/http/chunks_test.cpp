// Goal: a chunked body is understood in exactly one way or refused (H-17), however it arrives.
// Method: tables; each body is fed whole, byte by byte, and cut in two at every place.

#include "http/chunks.h"

#include "base/limits.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

struct Outcome {
  ChunkDecoder::Step step = ChunkDecoder::Step::more;
  std::string body;
  std::size_t consumed = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(const std::vector<std::string>& pieces) {
  ChunkDecoder decoder;
  Outcome outcome;
  for (const std::string& piece : pieces) {
    std::string_view rest = piece;
    while (true) {
      const ChunkDecoder::Piece read = decoder.next(rest);
      outcome.body.append(read.data);
      outcome.consumed += read.consumed;
      rest.remove_prefix(read.consumed);
      outcome.step = read.step;
      if (read.step == ChunkDecoder::Step::done || read.step == ChunkDecoder::Step::bad)
        return outcome;
      if (read.step == ChunkDecoder::Step::more) break;
    }
  }
  return outcome;
}

// As a connection does it: in place, small chunks in runs.
Outcome gather(const std::vector<std::string>& pieces) {
  ChunkDecoder decoder;
  Outcome outcome;
  for (std::string piece : pieces) {
    char* at = piece.data();
    std::size_t left = piece.size(), bytes = 0;
    while (true) {
      const ChunkDecoder::Run run = decoder.gather_small(at, left, piece.data() + bytes);
      at += run.consumed;
      left -= run.consumed;
      bytes += run.bytes;
      const ChunkDecoder::Piece read = decoder.next({at, left});
      if (!read.data.empty())
        std::memmove(piece.data() + bytes, read.data.data(), read.data.size());
      bytes += read.data.size();
      at += read.consumed;
      left -= read.consumed;
      outcome.consumed += run.consumed + read.consumed;
      outcome.step = read.step;
      if (read.step != ChunkDecoder::Step::data) break;
    }
    outcome.body.append(piece, 0, bytes);
    if (outcome.step != ChunkDecoder::Step::more) return outcome;
  }
  return outcome;
}

void check_every_cut(const std::string& text, const Outcome& whole) {
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  CHECK(decode(bytes) == whole);
  for (std::size_t cut = 1; cut < text.size(); ++cut)
    if (decode({text.substr(0, cut), text.substr(cut)}) != whole)
      FAIL_CHECK("cut at " << cut << " of " << text);
}

}  // namespace

TEST_CASE("good chunked bodies are decoded and end where they end", "[http]") {
  struct Row {
    std::string text;
    std::string body;
  };
  const std::vector<Row> rows{
      {"0\r\n\r\n", ""},
      {"5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
      {"a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n", "01234567890123456789"},
      {"000000000000001\r\nx\r\n0\r\n\r\n", "x"},
      {"2;a\r\nxy\r\n0;b=c\r\n\r\n", "xy"},
      {"2;a=\"q;\\\" \t\xc3\xa9\";b=t;c\r\nxy\r\n0\r\n\r\n", "xy"},
      {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
      {"1\r\nx\r\n0\r\nTrailer: value\r\nEmpty:\r\n\r\n", "x"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Outcome whole = decode({row.text + "GET /next"});
    CHECK(whole.step == ChunkDecoder::Step::done);
    CHECK(whole.body == row.body);
    CHECK(whole.consumed == row.text.size());
    check_every_cut(row.text, decode({row.text}));
  }
}

TEST_CASE("bad chunked bodies are refused", "[http]") {
  const std::string many_trailers = [] {
    std::string text = "0\r\n";
    for (std::size_t i = 0; i <= limits::trailers_max; ++i) text += "t: v\r\n";
    return text + "\r\n";
  }();
  const std::vector<std::string> rows{
      "\r\n",
      "x\r\n",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "+5\r\nhello\r\n",
      "-5\r\n",
      "0x5\r\nhello\r\n",
      "5\nhello\r\n",
      "5\rhello",
      "5\r\nhello\n",
      "5\r\nhelloX\r\n",
      "5\r\nhello\rX",
      "g\r\n",
      "1000000000000000\r\n",
      "0000000000000005\r\nhello\r\n",
      "ffffffffffffffffff\r\n",
      "5;\r\nhello\r\n",
      "5;;a\r\n",
      "5;a=\r\n",
      "5;a =b\r\n",
      "5; a\r\n",
      "5;a=\"x\r\n",
      "5;a=\"x\"y\r\n",
      "5;a\n",
      "5;a\x01\r\n",
      "5;(=1\r\n",
      "5 a\r\n",
      "5,a\r\n",
      "0\r\n:v\r\n\r\n",
      "0\r\nno colon\r\n\r\n",
      "0\r\nt : v\r\n\r\n",
      "0\r\nt: v\n\r\n",
      "0\r\n fold\r\n\r\n",
      "0\r\nt: a\x01\r\n\r\n",
      "0\r\n\n",
      "0\r\n\rX",
      many_trailers,
      std::string("5\0\r\nhello", 9),
  };
  for (const std::string& row : rows) {
    INFO(row);
    const Outcome whole = decode({row});
    CHECK(whole.step == ChunkDecoder::Step::bad);
    check_every_cut(row, whole);
  }
}

TEST_CASE("bounds of extensions and trailers hold at and one above", "[http]") {
  const auto extension = [](std::size_t bytes) {
    return decode({"1;" + std::string(bytes - 1, 'a') + "\r\nx\r\n0\r\n\r\n"}).step;
  };
  CHECK(extension(limits::chunk_extension_bytes_max) == ChunkDecoder::Step::done);
  CHECK(extension(limits::chunk_extension_bytes_max + 1) == ChunkDecoder::Step::bad);

  const auto chunks_of_extensions = [](std::size_t count, std::size_t last) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "1;" + std::string(255, 'a') + "\r\nx\r\n";
    if (last > 0) text += "1;" + std::string(last - 1, 'a') + "\r\nx\r\n";
    return decode({text + "0\r\n\r\n"}).step;
  };
  static_assert(limits::body_extension_bytes_max == 16 * 256);
  CHECK(chunks_of_extensions(16, 0) == ChunkDecoder::Step::done);
  CHECK(chunks_of_extensions(16, 2) == ChunkDecoder::Step::bad);

  const auto trailers = [](std::size_t count) {
    std::string text = "0\r\n";
    for (std::size_t i = 0; i < count; ++i) text += "t: v\r\n";
    return decode({text + "\r\n"}).step;
  };
  CHECK(trailers(limits::trailers_max) == ChunkDecoder::Step::done);
  CHECK(trailers(limits::trailers_max + 1) == ChunkDecoder::Step::bad);
  const auto trailer = [](std::size_t bytes) {
    return decode({"0\r\nt:" + std::string(bytes - 2, 'v') + "\r\n\r\n"}).step;
  };
  CHECK(trailer(limits::trailer_bytes_max - 1) == ChunkDecoder::Step::done);
  CHECK(trailer(limits::trailer_bytes_max + 1) == ChunkDecoder::Step::bad);
}

TEST_CASE("runs of small chunks are what one after the other is", "[http]") {
  std::mt19937 dice(7);
  const auto roll = [&dice](std::size_t sides) { return dice() % sides; };
  constexpr const char* slips[] = {"\r", "\n", "x", "0", ";", " ", "1\r\na\r\n", "0\r\n\r\n"};
  std::size_t good = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t chunks = roll(12); chunks > 0; --chunks) {
      const std::size_t size = roll(3) == 0 ? 1 + roll(40) : 1 + roll(15);
      char head[16];
      std::snprintf(head, sizeof head, roll(8) == 0 ? "0%zX" : "%zx", size);
      text += head;
      if (roll(10) == 0) text += ";a=b";
      text += "\r\n";
      for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(dice());
      text += "\r\n";
    }
    text += "0\r\n\r\nGET / HTTP/1.1\r\nHost: what is behind it\r\nX: 0123456789\r\n\r\n";
    if (roll(3) == 0) text.insert(roll(text.size()), slips[roll(std::size(slips))]);
    const std::size_t first = roll(text.size()), second = first + roll(text.size() - first);
    const std::vector<std::string> pieces{text.substr(0, first), text.substr(first, second - first),
                                          text.substr(second)};
    const Outcome one_by_one = decode(pieces), in_runs = gather(pieces);
    if (one_by_one.step == ChunkDecoder::Step::done) ++good;
    // A run behind what is wrong is not begun; what came before it may be told or not.
    if (one_by_one != in_runs) FAIL_CHECK("round " << round << " of " << text);
  }
  CHECK(good > 10'000);
}
