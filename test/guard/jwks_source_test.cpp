// Goal: keys are fetched in the background, gently, and never guessed (G-16 to G-21).
// Method: a fetcher that holds its answers until told; a clock that stands still until told.

#include "support.h"

#include "base/file.h"
#include "guard/jwks_source.h"

#include <catch2/catch.hpp>

#include <fcntl.h>

using namespace weir;
using namespace weir::guard;
using namespace std::chrono_literals;

namespace {

class HeldFetcher final : public Fetcher {
 public:
  void fetch(const KeyFetch& order, std::function<void(Result<FetchedKeys>)> done) override {
    CHECK(order.bytes_max == 64 * KiB);
    ++count;
    waiting.push_back(std::move(done));
  }
  void answer(Result<FetchedKeys> with) {
    REQUIRE_FALSE(waiting.empty());
    auto done = std::move(waiting.front());
    waiting.erase(waiting.begin());
    done(std::move(with));
  }
  std::vector<std::function<void(Result<FetchedKeys>)>> waiting;
  std::size_t count = 0;
};

std::string set_json(const std::string& kid) {
  auto key = SignatureKey::generate(KeyKind::ed25519);
  REQUIRE(key.ok());
  return R"({"keys":[)" +
         jwk_json_of({kid, SignatureAlgorithm::eddsa, std::move(*key)},
                     SignatureKey::Part::public_only) +
         "]}";
}

struct House {
  ManualClock clock;
  Descriptor sink{::open("/dev/null", O_WRONLY)};
  LineWriter writer{sink.number(), 16};
  Log log{clock, writer, LogLevel::error, LogForm::json};
  HeldFetcher fetcher;
  std::unique_ptr<FetchedKeySource> open(JwksSettings settings) {
    auto source = FetchedKeySource::open(std::move(settings), fetcher, clock, log);
    REQUIRE(source.ok());
    return std::move(*source);
  }
};
const JwksSettings settings{.name = "main", .url = "https://id.example.com/jwks.json"};

}  // namespace

TEST_CASE("keys come only over https, or from this machine", "[guard]") {
  House house;
  const auto opens = [&](std::string url) {
    return FetchedKeySource::open({.name = "x", .url = std::move(url)}, house.fetcher, house.clock,
                                  house.log)
        .ok();
  };
  CHECK(opens("https://id.example.com/k"));
  CHECK(opens("http://127.0.0.1:9000/k"));
  CHECK(opens("http://localhost/k"));
  CHECK_FALSE(opens("http://id.example.com/k"));
  CHECK_FALSE(opens("file:///etc/keys"));
  CHECK_FALSE(opens("https://user:secret@id.example.com/k"));
}

TEST_CASE("the first tick fetches, and the set is swapped with its generation", "[guard]") {
  House house;
  const auto source = house.open(settings);
  CHECK(source->keys(house.clock.mono()) == nullptr);
  source->tick();
  source->tick();
  CHECK(house.fetcher.count == 1);  // one at a time
  house.fetcher.answer(FetchedKeys{set_json("a"), 100s});
  REQUIRE(source->keys(house.clock.mono()) != nullptr);
  CHECK(source->generation() == 1);

  house.clock.advance(79s);
  source->tick();
  CHECK(house.fetcher.count == 1);
  house.clock.advance(1s);  // 80 % of max-age
  source->tick();
  CHECK(house.fetcher.count == 2);
  house.fetcher.answer(FetchedKeys{set_json("b"), {}});
  CHECK(source->generation() == 2);
  CHECK(source->keys(house.clock.mono())->choose("a", SignatureAlgorithm::eddsa).found ==
        Jwks::Found::unknown_kid);
}

TEST_CASE("10,000 unknown kids cause at most one fetch in 30 seconds", "[guard]") {
  House house;
  const auto source = house.open(settings);
  source->tick();
  house.fetcher.answer(FetchedKeys{set_json("a"), 24h});
  house.clock.advance(30s);
  const std::size_t before = house.fetcher.count;
  for (int i = 0; i < 10'000; ++i) {
    source->unknown_kid("kid-" + std::to_string(i), house.clock.mono());
    if (i == 5'000) house.fetcher.answer(FetchedKeys{set_json("a"), 24h});
    house.clock.advance(2ms);
    if (i % 500 == 0) source->tick();
  }
  CHECK(house.fetcher.count == before + 1);
}

TEST_CASE("a failed fetch keeps the last good set until it is too old", "[guard]") {
  House house;
  const auto source = house.open(settings);
  source->tick();
  house.fetcher.answer(FetchedKeys{set_json("a"), 60s});
  const std::vector<Result<FetchedKeys>> failures{
      Error{Errc::io, "connection refused"}, FetchedKeys{"not json", {}},
      FetchedKeys{"{\"keys\":[]}", {}}, FetchedKeys{std::string(64 * KiB + 1, ' '), {}},
      FetchedKeys{R"({"keys":[{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]})",
                  {}}};
  for (const auto& failure : failures) {
    house.clock.advance(2min);
    source->tick();
    house.fetcher.answer(failure);
    CHECK(source->keys(house.clock.mono()) != nullptr);
  }
  CHECK(source->state().failures == failures.size());
  house.clock.advance(24h);
  const std::uint64_t generation = source->generation();
  source->tick();
  CHECK(source->keys(house.clock.mono()) == nullptr);
  CHECK(source->generation() > generation);  // remembered tokens end with it
}

TEST_CASE("the last good set survives a restart", "[guard]") {
  House house;
  const test::TemporaryDirectory directory;
  JwksSettings kept = settings;
  kept.keep_path = directory / "jwks.json";
  {
    const auto source = house.open(kept);
    source->tick();
    house.fetcher.answer(FetchedKeys{set_json("a"), {}});
  }
  {
    const auto source = house.open(kept);
    REQUIRE(source->keys(house.clock.mono()) != nullptr);
    CHECK(source->keys(house.clock.mono())->choose("a", SignatureAlgorithm::eddsa).found ==
          Jwks::Found::one);
    source->tick();
    CHECK(house.fetcher.count == 2);  // and is fetched anew at once
  }
  house.clock.advance(25h);
  CHECK(house.open(kept)->keys(house.clock.mono()) == nullptr);
  directory.write("jwks.json", "{broken");
  CHECK(house.open(kept)->keys(house.clock.mono()) == nullptr);
}

TEST_CASE("one bad key is left out, a bad set is refused", "[guard]") {
  const std::string good = set_json("a");
  const std::string good_key = good.substr(9, good.size() - 11);
  const auto parsed =
      Jwks::parse(std::string_view(R"({"keys":[)" + good_key +
                                   R"(,{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]})"),
                  KeyOrigin::network);
  REQUIRE(parsed.ok());
  CHECK(parsed->set->keys().size() == 1);
  REQUIRE(parsed->warnings.size() == 1);
  CHECK(parsed->warnings[0].find("key 2 is left out") != std::string::npos);

  CHECK_FALSE(Jwks::parse(std::string_view(R"({"keys":[)" + good_key + "," + good_key + "]}"),
                          KeyOrigin::local)
                  .ok());
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += (i == 0 ? "" : ",") + std::string(R"({"kty":"x","kid":")") + std::to_string(i) + "\"}";
  CHECK_FALSE(Jwks::parse(std::string_view(R"({"keys":[)" + many + "]}"), KeyOrigin::local).ok());
}
