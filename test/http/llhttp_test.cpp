// Goal: the strict request cases of llhttp (H-23): what must be refused is refused, what must parse
// does, except where a rule of ours is stricter; those cases are listed here with the rule. Method:
// a test-sized reading of a connection (heads, bodies by length and chunks, one after the other),
// with a Host added where only that is missing, fed whole; cuts at every byte are in the tables of
// the parser and of chunks.

#include "base/bytes.h"
#include "base/file.h"
#include "base/limits.h"
#include "http/chunks.h"
#include "http/head_parser.h"
#include "support.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <set>

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::size_t must_refuse[] = {
    5,   15,  23,  24,  25,  26,  32,  33,  34,  35,  37,  42,  43,  44,  45,  46, 47,  48,
    50,  51,  52,  53,  54,  55,  56,  57,  58,  59,  60,  61,  62,  64,  67,  73, 117, 118,
    131, 132, 134, 135, 136, 138, 139, 140, 145, 146, 147, 149, 151, 153, 161, 165};
constexpr std::size_t must_parse[] = {
    0,   1,   4,   6,   7,   8,   9,   11,  21,  22,  29,  30,  31,  76,  81,  82,
    83,  84,  85,  86,  91,  92,  93,  94,  95,  96,  97,  98,  99,  100, 101, 102,
    103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 120, 121, 122, 124,
    125, 126, 127, 128, 129, 130, 133, 143, 144, 156, 157, 158, 160};
static_assert(std::size(must_refuse) == 52);
static_assert(std::size(must_parse) == 61);

// Cases that llhttp accepts and we refuse, with the rule.
const std::map<std::size_t, const char*> stricter{
    {143, "H-25: a fragment in the target (and H-15: a coding before chunked)"},
    {144, "H-25: a fragment in the target (and H-15: a coding before chunked)"},
};

// Cases that llhttp refuses for the name of the method. To us every token is a method; a route that
// does not know it answers 405 (H-11), which the flow tests see.
const std::set<std::size_t> refused_by_route{45, 55};

enum class Read { all_good, refused, incomplete };

struct Reading {
  Read result = Read::all_good;
  std::size_t requests = 0;
  bool unknown_method = false;
  std::string reason;
};

// A head without Host gets one, because llhttp does not ask for it.
std::string with_host(const std::string& bytes, const HeadRules& rules) {
  std::string out;
  std::string rest = bytes;
  auto head = std::make_unique<Head>();
  const HeadVerdict verdict = parse_head(rest.data(), rest.size(), rules, *head);
  if (verdict.kind == HeadVerdict::Kind::refused &&
      std::string_view(verdict.reason).find("needs a Host") != std::string_view::npos) {
    const std::size_t line = bytes.find("\r\n", bytes.find_first_not_of("\r\n"));
    return bytes.substr(0, line) + "\r\nHost: a" + bytes.substr(line);
  }
  return bytes;
}

Reading read_connection(std::string bytes) {
  const HeadRules rules{limits::target_bytes_max, limits::head_bytes_max, limits::head_fields_max};
  auto head = std::make_unique<Head>();
  Reading reading;
  while (true) {
    if (bytes.find_first_not_of("\r\n") == std::string::npos) return reading;
    bytes = with_host(bytes, rules);
    const HeadVerdict verdict = parse_head(bytes.data(), bytes.size(), rules, *head);
    if (verdict.kind == HeadVerdict::Kind::refused) {
      reading.result = Read::refused;
      reading.reason = verdict.reason;
      return reading;
    }
    if (verdict.kind == HeadVerdict::Kind::incomplete) {
      reading.result = Read::incomplete;
      return reading;
    }
    ++reading.requests;
    reading.unknown_method |= head->request.method == Method::other;
    const Request request = head->request;
    const bool keep = head->keep_alive;
    bytes.erase(0, verdict.bytes);
    if (request.framing == Framing::length) {
      if (bytes.size() < request.content_length) {
        reading.result = Read::incomplete;
        return reading;
      }
      bytes.erase(0, static_cast<std::size_t>(request.content_length));
    } else if (request.framing == Framing::chunked) {
      ChunkDecoder decoder;
      while (true) {
        const ChunkDecoder::Piece piece = decoder.next(bytes);
        bytes.erase(0, piece.consumed);
        if (piece.step == ChunkDecoder::Step::done) break;
        if (piece.step == ChunkDecoder::Step::bad) {
          reading.result = Read::refused;
          reading.reason = decoder.reason();
          return reading;
        }
        if (piece.step == ChunkDecoder::Step::more) {
          reading.result = Read::incomplete;
          return reading;
        }
      }
    }
    if (!keep) return reading;  // the rest is ignored
  }
}

}  // namespace

TEST_CASE("llhttp's strict request cases are refused and parsed as they should be",
          "[http][vectors]") {
  if (!test::has_vectors("llhttp/llhttp-cases.json")) return;
  const auto bytes = read_file(test::shared_directory() + "/vectors/llhttp/llhttp-cases.json");
  REQUIRE(bytes.ok());
  const auto cases = text::parse_json(*bytes);
  REQUIRE(cases.ok());
  const auto input = [&cases](std::size_t index) {
    const text::Value& each = (*cases->array())[index];
    REQUIRE(*each.find("type")->string() == "request");
    return *parse_base64(*each.find("bytes_b64")->string());
  };
  const auto title = [&cases](std::size_t index) {
    return *(*cases->array())[index].find("title")->string();
  };

  for (const std::size_t index : must_refuse) {
    INFO(index << " " << title(index));
    const Reading whole = read_connection(input(index) + "\r\n\r\n");
    if (refused_by_route.contains(index)) {
      CHECK((whole.result == Read::refused || whole.unknown_method));
      continue;
    }
    CHECK(whole.result == Read::refused);
  }
  for (const std::size_t index : must_parse) {
    const Reading whole = read_connection(input(index));
    INFO(index << " " << title(index) << ": " << whole.reason);
    if (stricter.contains(index)) CHECK(whole.result == Read::refused);
    else CHECK(whole.result != Read::refused);
  }
}
