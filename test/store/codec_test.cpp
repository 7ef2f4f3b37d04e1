// Goal: what is kept comes back byte for byte, and a wrong length or a wrong byte is said, never
// served.

#include "store/codec.h"
#include "base/bytes.h"
#include "store/blob.h"
#include "store/decoding.h"

#include <brotli/decode.h>
#include <catch2/catch.hpp>

#include <random>

using namespace weir;
using namespace weir::store;

namespace {

std::string text_of_bytes(std::size_t bytes) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < bytes) text += "word" + std::to_string(random() % 500) + ' ';
  text.resize(bytes);
  return text;
}

}  // namespace

TEST_CASE("zstd brings back every size, also across frames of 256 KiB", "[store]") {
  for (const std::size_t bytes : {0UL, 1UL, 511UL, 16384UL, 1048576UL, 1048577UL, 3000000UL}) {
    const std::string body = text_of_bytes(bytes);
    const auto back = unpack_zstd(zstd_of(body), body.size());
    REQUIRE(back);
    CHECK(*back == body);
  }
}

TEST_CASE("zstd of another length than promised is corrupt", "[store]") {
  const std::string body = text_of_bytes(5000);
  const std::string stored = zstd_of(body);
  CHECK(unpack_zstd(stored, body.size() - 1).error().code == Errc::corrupt);
  CHECK(unpack_zstd(stored, body.size() + 1).error().code == Errc::corrupt);
  CHECK(unpack_zstd(std::string_view(stored).substr(1), body.size()).error().code == Errc::corrupt);
}

TEST_CASE("gzip and brotli make a page smaller", "[store]") {
  const std::string body = text_of_bytes(16000);
  CHECK(gzip_of(body).size() < body.size() / 2);
  CHECK(gzip_of(body).starts_with("\x1f\x8b"));
  CHECK(brotli_of(body).size() < body.size() / 2);
}

TEST_CASE("C-43: the best codings are smaller than the quick ones, and whole", "[store]") {
  const auto on = [] { return true; };
  for (const std::size_t bytes : {512UL, 16'384UL, 32'768UL, 32'769UL, 200'000UL}) {
    const std::string body = text_of_bytes(bytes);
    const std::string zstd = best_zstd_of(body, on).value();
    CHECK(unpack_zstd(zstd, body.size()).value() == body);
    CHECK(zstd.size() < zstd_of(body).size());
    const std::string brotli = best_brotli_of(body, on).value();
    CHECK(brotli.size() < brotli_of(body).size());
    std::string back(bytes, '\0');
    std::size_t made = bytes;
    REQUIRE(BrotliDecoderDecompress(
                brotli.size(), reinterpret_cast<const std::uint8_t*>(brotli.data()), &made,
                reinterpret_cast<std::uint8_t*>(back.data())) == BROTLI_DECODER_RESULT_SUCCESS);
    CHECK(made == bytes);
    CHECK(back == body);
  }
  CHECK(unpack_zstd(best_zstd_of("", on).value(), 0).value().empty());
}

TEST_CASE("C-43: the best codings are left when somebody says so", "[store]") {
  const std::string body = text_of_bytes(300'000);
  for (int most : {0, 1, 4}) {
    int asked = 0;
    const auto a_while = [&] { return asked++ < most; };
    CHECK_FALSE(best_brotli_of(body, a_while).has_value());
    CHECK(asked == most + 1);
    asked = 0;
    CHECK_FALSE(best_zstd_of(body, a_while).has_value());
    CHECK(asked == most + 1);
  }
}

TEST_CASE("C-45: every rendition has a letter of its own", "[store]") {
  std::string letters;
  for (std::size_t at = 0; at < rendition_count; ++at) {
    const auto one = static_cast<Rendition>(at);
    letters += etag_letter_of(one);
    CHECK(codec_of(best_of(one)) == codec_of(one));
  }
  CHECK(letters == "izgbZB");
}

TEST_CASE("only bodies that gain are worth compressing", "[store]") {
  struct Row {
    const char* type;
    std::size_t bytes;
    bool worth;
  };
  for (const Row& row : {Row{"text/html; charset=utf-8", 512, true}, Row{"text/html", 511, false},
                         Row{"TEXT/CSS", 4096, true}, Row{"image/svg+xml", 4096, true},
                         Row{"image/png", 4096, false}, Row{"application/json", 4096, true},
                         Row{"application/feed+json", 4096, true}, Row{"font/woff2", 4096, false},
                         Row{"video/mp4", 4096, false}, Row{"", 4096, false}}) {
    INFO(row.type);
    CHECK(is_worth_compressing(row.type, row.bytes) == row.worth);
  }
}

TEST_CASE("a blob header comes back, and any flipped bit is noticed", "[store]") {
  const PackedBlob blob = pack_blob(HashKey::of("k"), text_of_bytes(3000), "text/html");
  const std::string bytes = encode_blob_header(blob.header);
  REQUIRE(bytes.size() == blob_header_bytes);
  const auto header = parse_blob_header(bytes);
  REQUIRE(header);
  CHECK(*header == blob.header);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string wrong = bytes;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << bit % 8));
    CHECK_FALSE(parse_blob_header(wrong).ok());
  }
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK_FALSE(parse_blob_header(std::string_view(bytes).substr(0, length)).ok());
}

TEST_CASE("a blob with any byte flipped, or cut anywhere, is corrupt", "[store]") {
  const HashKey key = HashKey::of("k");
  for (const char* type : {"text/html", "image/png"}) {
    const std::string body = text_of_bytes(900);
    const PackedBlob blob = pack_blob(key, body, type);
    REQUIRE(unpack_blob(key, blob.header, blob.stored)->identity == body);
    for (std::size_t i = 0; i < blob.stored.size(); ++i) {
      std::string wrong = blob.stored;
      wrong[i] = static_cast<char>(wrong[i] ^ 1);
      CHECK(unpack_blob(key, blob.header, wrong).error().code == Errc::corrupt);
      CHECK(unpack_blob(key, blob.header, blob.stored.substr(0, i)).error().code == Errc::corrupt);
    }
    // Another store's secret gives another name, so its blobs are not ours.
    CHECK(unpack_blob(HashKey::of("other"), blob.header, blob.stored).error().code ==
          Errc::corrupt);
  }
}

TEST_CASE("what a stranger has compressed is decoded within a bound", "[store]") {
  const std::string body(10'000, 'a');
  using Decode = Result<std::string> (*)(std::string_view, std::size_t);
  struct Row {
    std::string coded;
    Decode decode;
  };
  for (const Row& row : {Row{gzip_of(body), decode_gzip}, Row{zstd_of(body), decode_zstd}}) {
    CHECK(row.decode(row.coded, body.size()).value_or("") == body);
    CHECK(row.decode(row.coded, body.size() * 2).value_or("") == body);
    CHECK(row.decode(row.coded, body.size() - 1).error().code == Errc::too_large);
    CHECK(row.decode(row.coded, 0).error().code == Errc::too_large);
    CHECK(row.decode(row.coded + row.coded, body.size() * 2).value_or("") == body + body);
    CHECK(row.decode(row.coded + row.coded, body.size() * 2 - 1).error().code == Errc::too_large);
    CHECK(row.decode(row.coded.substr(0, row.coded.size() - 1), 20'000).error().code ==
          Errc::invalid);
    CHECK(row.decode(row.coded + "x", 20'000).error().code == Errc::invalid);
    CHECK(row.decode("", 20'000).error().code == Errc::invalid);
    CHECK(row.decode("plain text", 20'000).error().code == Errc::invalid);
  }
}
