// Stored answers: selection, eviction, invalidation, flights, the body on its way in, codings,
// disk.

#include "base/limits_cache.h"
#include "cache/answer_cache.h"
#include "cache/answer_coding.h"
#include "cache/answer_disk.h"
#include "cache/answer_polish.h"
#include "cache/fixture.h"
#include "http/dates.h"

#include <random>
#include <thread>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;

namespace {

struct Keeper {
  CacheBench bench;
  std::unique_ptr<AnswerCache> answers;

  explicit Keeper(std::size_t bytes_max = 64 * MiB) {
    bench.start();
    AnswerCacheSettings settings;
    settings.bytes_max = bytes_max;
    settings.answer_bytes_max = bytes_max / 4;
    settings.seed = 1;
    answers = std::make_unique<AnswerCache>(settings, bench.cache->tags(), bench.cache->domain(),
                                            bench.clock());
  }
  ~Keeper() { answers.reset(); }

  AnswerFacts facts(std::string key, VaryNames vary = {}, std::vector<http::Field> said = {}) {
    AnswerFacts facts;
    facts.key = std::move(key);
    facts.path = "/a";
    facts.selection = selection_of(vary, said);
    facts.vary = std::move(vary);
    facts.fields = {{"content-type", "text/plain"}, {"etag", "\"v1\""}};
    facts.policy.is_storable = true;
    facts.policy.lifetime_s = 60;
    facts.policy.date_s = 1'795'217'325;
    facts.fill_seq = bench.cache->tags().seq();
    facts.received = bench.clock().mono();
    facts.received_wall = bench.store->wall();
    return facts;
  }
  std::shared_ptr<const Answer> make(AnswerFacts from, std::string body) {
    return need(make_answer(std::move(from), std::make_shared<const std::string>(std::move(body)),
                            bench.cache->tags()));
  }
  std::shared_ptr<const Answer> put(AnswerFacts from, std::string body) {
    auto answer = make(std::move(from), std::move(body));
    REQUIRE(answers->put(answer, answers->stamp()));
    return answer;
  }
  AnswerCache::Found find(std::string_view key, std::vector<http::Field> said = {}) {
    http::Request request;
    request.method = http::Method::get;
    request.fields = said;
    return answers->find(key, request, bench.clock().mono());
  }
};

}  // namespace

TEST_CASE("an answer is found by its key and what selects it", "[cache]") {
  Keeper keeper;
  CHECK(keeper.find("http://h/a").answer == nullptr);
  const auto de = keeper.put(keeper.facts("http://h/a", {"foo"}, {{"foo", "de"}}), "de");
  const auto fr = keeper.put(keeper.facts("http://h/a", {"foo"}, {{"foo", "fr"}}), "fr");
  CHECK(keeper.find("http://h/a", {{"foo", "de"}}).answer == de);
  CHECK(keeper.find("http://h/a", {{"foo", "fr"}}).answer == fr);
  CHECK(keeper.find("http://h/a", {{"foo", "fr"}, {"other", "1"}}).answer == fr);
  const auto none = keeper.find("http://h/a", {{"foo", "it"}});
  CHECK(none.answer == nullptr);
  CHECK(none.has_variants);
  CHECK(keeper.find("http://h/a").answer == nullptr);
  CHECK(keeper.find("http://h/b").answer == nullptr);
  // C-39: at most 64 of a key, the oldest goes.
  for (int i = 0; i < 64; ++i) {
    const std::string value = "v" + std::to_string(i);
    keeper.put(keeper.facts("http://h/a", {"foo"}, {{"foo", value}}), value);
  }
  CHECK(keeper.find("http://h/a", {{"foo", "de"}}).answer == nullptr);
  CHECK(keeper.answers->variants("http://h/a").size() == 64);
}

TEST_CASE("C-40: of several languages the one that is wanted most is chosen", "[cache]") {
  Keeper keeper;
  AnswerFacts facts =
      keeper.facts("http://h/a", {"accept-language"}, {{"accept-language", "en, de"}});
  facts.fields.emplace_back("content-language", "de");
  const auto german = keeper.put(std::move(facts), "deutsch");
  CHECK(keeper.find("http://h/a", {{"accept-language", "fr;q=0.5, de"}}).answer == german);
  CHECK(keeper.find("http://h/a", {{"accept-language", "fr, de;q=0.5"}}).answer == nullptr);
  CHECK(keeper.find("http://h/a", {{"accept-language", "fr"}}).answer == nullptr);
}

TEST_CASE("memory is bounded, and what is looked at stays", "[cache]") {
  Keeper keeper(1 * MiB);
  keeper.put(keeper.facts("http://h/hot"), std::string(10'000, 'h'));
  for (int i = 0; i < 500; ++i) {
    keeper.put(keeper.facts("http://h/" + std::to_string(i)), std::string(10'000, 'x'));
    REQUIRE(keeper.find("http://h/hot").answer != nullptr);
    REQUIRE(keeper.answers->counters().bytes <= 1 * MiB);
  }
  CHECK(keeper.answers->counters().evicted > 300);
  const auto large = keeper.make(keeper.facts("http://h/large"), std::string(700'000, 'x'));
  CHECK_FALSE(keeper.answers->put(large, keeper.answers->stamp()));
  keeper.answers->shed();
  CHECK(keeper.answers->counters().bytes <= 512 * KiB + 20'000);
  // Marks are bounded like answers.
  for (int i = 0; i < 20'000; ++i)
    keeper.answers->mark_uncacheable("http://h/mark" + std::to_string(i), Mono{1});
  CHECK(keeper.answers->counters().bytes <= 1 * MiB);
}

TEST_CASE("what is invalidated is gone, and what was asked for before does not bring it back",
          "[cache]") {
  Keeper keeper;
  keeper.put(keeper.facts("http://h/a"), "old");
  const std::uint64_t asked = keeper.answers->stamp();
  auto joined =
      keeper.answers->join("http://h/a", "", AnswerCache::whatever_came, [](const Landing&) {}, {});
  REQUIRE(joined.is_leader);
  keeper.answers->invalidate("http://h/a");
  CHECK(keeper.find("http://h/a").answer == nullptr);
  CHECK_FALSE(keeper.answers->put(keeper.make(keeper.facts("http://h/a"), "old"), asked));
  CHECK(keeper.find("http://h/a").answer == nullptr);
  // Who comes now asks anew.
  CHECK(
      keeper.answers->join("http://h/a", "", AnswerCache::whatever_came, [](const Landing&) {}, {})
          .is_leader);
  CHECK(
      keeper.answers->put(keeper.make(keeper.facts("http://h/a"), "new"), keeper.answers->stamp()));
  CHECK(*keeper.find("http://h/a").answer->body == "new");
}

TEST_CASE("purges reach answers by tag, path, host and all", "[cache]") {
  Keeper keeper;
  const auto purged_by = [&](PurgeRequest request, Mode mode) {
    AnswerFacts facts = keeper.facts("http://shop.example/a");
    facts.tags = {"news", tag_of_host("shop.example")};
    keeper.put(std::move(facts), "body");
    REQUIRE(keeper.find("http://shop.example/a").purged == Purged::no);
    request.mode = mode;
    keeper.bench.purge(std::move(request));
    return keeper.find("http://shop.example/a").purged;
  };
  CHECK(purged_by({.tags = {"news"}}, Mode::soft) == Purged::soft);
  CHECK(purged_by({.tags = {"news"}}, Mode::hard) == Purged::hard);
  CHECK(purged_by({.tags = {"sport"}}, Mode::hard) == Purged::no);
  CHECK(purged_by({.paths = {"/a"}}, Mode::hard) == Purged::hard);
  CHECK(purged_by({.prefixes = {"/a"}}, Mode::hard) == Purged::hard);
  CHECK(purged_by({.hosts = {"shop.example"}}, Mode::hard) == Purged::hard);
  CHECK(purged_by({.all = true}, Mode::soft) == Purged::soft);
  PurgeRequest by_tag;
  by_tag.tags = {"news"};
  CHECK(keeper.answers->matching(by_tag, 10).size() == 1);
  by_tag.tags = {"sport"};
  CHECK(keeper.answers->matching(by_tag, 10).empty());
}

TEST_CASE("C-58: what may have been purged elsewhere is in doubt", "[cache]") {
  using Lag = AnswerCache::Found::Lag;
  Keeper keeper;
  keeper.put(keeper.facts("http://h/a"), "x");
  keeper.bench.clock().advance(std::chrono::seconds(20));
  CHECK(keeper.find("http://h/a").lag == Lag::none);
  keeper.answers->set_lag(std::chrono::seconds(30), false);
  CHECK(keeper.find("http://h/a").lag == Lag::none);
  keeper.answers->set_lag(std::chrono::seconds(10), false);
  CHECK(keeper.find("http://h/a").lag == Lag::stale);
  keeper.answers->set_lag(std::chrono::seconds(10), true);
  CHECK(keeper.find("http://h/a").lag == Lag::strict);
  keeper.answers->set_lag(std::nullopt, true);
  CHECK(keeper.find("http://h/a").lag == Lag::none);
}

TEST_CASE("a flight has one leader, and all hear of its end", "[cache]") {
  Keeper keeper;
  constexpr std::uint64_t any = AnswerCache::whatever_came;
  int told = 0;
  const auto ready = [&told](const Landing& landing) {
    CHECK(landing.kind == Landing::Kind::answer);
    ++told;
  };
  const auto leader = keeper.answers->join("http://h/a", "s", any, ready, {});
  const auto second = keeper.answers->join("http://h/a", "s", any, ready, {});
  const auto third = keeper.answers->join("http://h/a", "s", any, ready, {});
  CHECK(leader.is_leader);
  CHECK_FALSE(second.is_leader);
  CHECK(second.flight == leader.flight);
  CHECK(keeper.answers->join("http://h/a", "other", any, ready, {}).is_leader);
  CHECK(keeper.answers->begin_refresh("http://h/a", "s", any, {}) == nullptr);
  AnswerCache::leave(*third.flight, third.ticket);
  keeper.answers->land(leader.flight,
                       {Landing::Kind::answer, keeper.make(keeper.facts("http://h/a"), "x")});
  CHECK(told == 2);
  CHECK(keeper.answers->join("http://h/a", "s", any, ready, {}).is_leader);
  // A leader that died does not hold its key for ever (C-18).
  const Mono later{Nanos(std::chrono::minutes(3)).count()};
  CHECK(keeper.answers->join("http://h/a", "s", any, ready, later).is_leader);
}

TEST_CASE("C-4: who looked before a flight landed looks again, and asks nobody", "[cache]") {
  using Kind = Landing::Kind;
  Keeper keeper;
  AnswerCache& answers = *keeper.answers;
  const auto told_kind = [&](std::uint64_t seen) {
    Kind told = Kind::failed;
    const auto joined =
        answers.join("http://h/a", "", seen, [&told](const Landing& one) { told = one.kind; }, {});
    CHECK_FALSE(joined.is_leader);
    return told;
  };
  std::uint64_t seen = keeper.find("http://h/a").seen;
  const auto leader = answers.join("http://h/a", "", seen, [](const Landing&) {}, {});
  REQUIRE(leader.is_leader);
  keeper.put(keeper.facts("http://h/a"), "x");
  answers.land(leader.flight, {Kind::answer, keeper.find("http://h/a").answer});
  CHECK(told_kind(seen) == Kind::relook);
  CHECK(answers.begin_refresh("http://h/a", "", seen, {}) == nullptr);
  seen = keeper.find("http://h/a").seen;
  answers.note_failure("http://h/a", "", {}, http::UpstreamFailure::late, 0);
  CHECK(told_kind(seen) == Kind::relook);
  seen = keeper.find("http://h/a").seen;
  answers.mark_uncacheable("http://h/a", Mono{1});
  CHECK(told_kind(seen) == Kind::relook);
  // What another key hears is no news; and who has heard the last asks.
  seen = keeper.find("http://h/a").seen;
  keeper.put(keeper.facts("http://h/b"), "x");
  const auto flight = answers.begin_refresh("http://h/a", "", seen, {});
  REQUIRE(flight != nullptr);
  answers.land(flight, {});
}

TEST_CASE("C-55: a purge joins what was asked after it, and nothing from before", "[cache]") {
  Keeper keeper;
  AnswerCache& answers = *keeper.answers;
  TagEpochs& tags = keeper.bench.cache->tags();
  constexpr std::string_view key = "http://h/a";
  std::vector<std::string> told;
  const auto ready = [&told](const Landing& landing) {
    told.push_back(landing.kind == Landing::Kind::answer ? *landing.answer->body : "none");
  };
  const auto purge = [&] {
    keeper.bench.purge({.tags = {"other"}});
    return tags.seq();
  };
  keeper.put(keeper.facts(std::string(key)), "old");
  const auto before = answers.begin_refresh(key, "", AnswerCache::whatever_came, {});
  AnswerFacts of_before = keeper.facts(std::string(key));
  REQUIRE(before != nullptr);

  const std::uint64_t first = purge();
  const auto asked = answers.join_since(key, "", first, ready, {});
  CHECK(asked.is_leader);
  CHECK(asked.flight != before);
  const std::uint64_t second = purge();
  const auto anew = answers.join_since(key, "", second, ready, {});
  CHECK(anew.is_leader);
  const auto joined = answers.join_since(key, "", second, ready, {});
  CHECK_FALSE(joined.is_leader);
  CHECK(joined.flight == anew.flight);

  // A body on its way is not what a purge waits for; and what was asked before tells it nothing.
  const auto head = std::make_shared<const AnswerFacts>(keeper.facts(std::string(key)));
  answers.announce(anew.flight, std::make_shared<Filling>(head, 3, 100, nullptr, [] {}), 200);
  answers.land(before, {Landing::Kind::answer, keeper.put(std::move(of_before), "before")});
  CHECK(told.empty());
  const auto fresh = keeper.put(keeper.facts(std::string(key)), "new");
  answers.land(anew.flight, {Landing::Kind::answer, fresh});
  CHECK(told == std::vector<std::string>{"new", "new"});
  answers.land(asked.flight, {});
  CHECK(told.back() == "none");
  CHECK(keeper.find(key).answer == fresh);

  // It is there already: nobody is asked.
  const auto there = answers.join_since(key, "", second, ready, {});
  CHECK(there.flight == nullptr);
  CHECK_FALSE(there.is_leader);
  CHECK(told.back() == "new");
  CHECK(answers.join_since(key, "", purge(), ready, {}).is_leader);
}

TEST_CASE("C-4: threads that want one key make one question of it", "[cache][race]") {
  Keeper keeper;
  AnswerCache& answers = *keeper.answers;
  constexpr int keys = 2'000;
  std::vector<std::atomic<int>> questions(keys);
  std::atomic<int> none{0};
  const auto work = [&] {
    for (int i = 0; i < keys; ++i) {
      const std::string key = "http://h/" + std::to_string(i);
      for (int tries = 0;; ++tries) {
        const auto found = keeper.find(key);
        if (found.answer != nullptr) break;
        if (tries > 0) std::this_thread::yield();
        const auto joined =
            answers.join(key, found.selection, found.seen, [](const Landing&) {}, {});
        if (!joined.is_leader) continue;
        ++questions[static_cast<std::size_t>(i)];
        if (!answers.put(keeper.make(keeper.facts(key), "x"), answers.stamp())) ++none;
        answers.land(joined.flight, {Landing::Kind::relook});
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  CHECK(none == 0);
  CHECK(std::ranges::all_of(questions, [](const std::atomic<int>& asked) { return asked == 1; }));
}

TEST_CASE("failures back off, an answer ends that", "[cache]") {
  Keeper keeper;
  Mono now{1'000'000'000};
  for (int i = 0; i < 9; ++i) {
    keeper.answers->note_failure("http://h/a", "", now, http::UpstreamFailure::late, 0);
    const auto found = keeper.find("http://h/a");
    CHECK(found.failures == static_cast<unsigned>(i + 1));
    const Nanos wait = found.next_try - now;
    const double expected = std::min(60.0, static_cast<double>(1 << i));
    CHECK(static_cast<double>(wait.count()) >= expected * 0.8e9);
    CHECK(static_cast<double>(wait.count()) <= expected * 1.2e9);
    CHECK(found.marked_until - now == Nanos(std::chrono::seconds(1)));
  }
  keeper.put(keeper.facts("http://h/a"), "x");
  CHECK(keeper.find("http://h/a").failures == 0);
}

TEST_CASE("a body goes out to each reader as it comes", "[cache]") {
  const auto head = std::make_shared<const AnswerFacts>();
  int woken = 0;
  const auto budget = std::make_shared<FillingBudget>();
  budget->bytes_max = 10 * MiB;
  Filling filling(head, {}, 100, budget, [&woken] { ++woken; });
  int told = 0;
  const auto first = filling.enter([&told] { ++told; });
  REQUIRE(first);
  CHECK_FALSE(filling.append("one"));
  filling.tell();
  CHECK(told == 1);
  CHECK(*filling.read(*first).piece == "one");
  CHECK(filling.read(*first).piece == nullptr);
  const auto second = filling.enter([] {});
  CHECK_FALSE(filling.append("two"));
  CHECK(*filling.read(*second).piece == "one");
  CHECK(*filling.read(*second).piece == "two");
  CHECK(filling.is_kept());
  CHECK(filling.body() == "onetwo");
  // Too large to keep: the slowest reader holds the writer, and who comes now is too late.
  const std::string piece(700 * 1024, 'x');
  CHECK_FALSE(filling.append(piece));
  CHECK_FALSE(filling.is_kept());
  CHECK(filling.append(piece));
  CHECK(*filling.read(*first).piece == "two");
  while (filling.read(*first).piece != nullptr) {
  }
  CHECK(woken == 0);
  filling.leave(*second);
  CHECK(woken == 1);
  CHECK_FALSE(filling.enter([] {}));
  CHECK(budget->held == 0);
  filling.end();
  const auto end = filling.read(*first);
  CHECK(end.has_ended);
  CHECK_FALSE(end.has_failed);
}

TEST_CASE("bodies on their way in are bounded together", "[cache]") {
  const auto budget = std::make_shared<FillingBudget>();
  budget->bytes_max = 1'000;
  {
    Filling one(std::make_shared<const AnswerFacts>(), {}, 10'000, budget, [] {});
    Filling two(std::make_shared<const AnswerFacts>(), {}, 10'000, budget, [] {});
    one.append(std::string(600, 'x'));
    CHECK(one.is_kept());
    two.append(std::string(600, 'x'));
    CHECK(one.is_kept());
    CHECK_FALSE(two.is_kept());  // it goes on to who reads it, and is not held
    CHECK(budget->held == 600);
  }
  CHECK(budget->held == 0);
}

TEST_CASE("a reader on another thread gets every byte in order", "[cache]") {
  Filling filling(std::make_shared<const AnswerFacts>(), {}, 1000, nullptr, [] {});
  std::atomic<int> tells{0};
  const auto reader = filling.enter([&tells] { ++tells; });
  REQUIRE(reader);
  std::string seen;
  std::thread other([&] {
    for (;;) {
      const auto next = filling.read(*reader);
      if (next.piece != nullptr) seen += *next.piece;
      else if (next.has_ended) return;
      else std::this_thread::yield();
    }
  });
  std::string sent;
  for (int i = 0; i < 5'000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    sent += piece;
    filling.append(piece);
  }
  filling.end();
  other.join();
  CHECK(seen == sent);
}

TEST_CASE("C-45: each coding has an ETag of its own, and changes nothing else", "[cache]") {
  Keeper keeper;
  const std::string body(4'000, 'a');
  const auto plain = keeper.put(keeper.facts("http://h/a"), body);
  REQUIRE(may_be_coded(*plain));
  const auto more = coded(*plain, keeper.bench.cache->tags());
  REQUIRE(more != nullptr);
  CHECK(more->find(store::Codec::identity)->etag == "\"v1\"");
  CHECK(more->find(store::Codec::zstd)->etag == "\"v1-z\"");
  CHECK(more->find(store::Codec::brotli)->etag == "\"v1-b\"");
  CHECK(more->find(store::Codec::gzip)->etag == "\"v1-g\"");
  CHECK(more->find(store::Codec::gzip)->ok->head.find("content-encoding: gzip") !=
        std::string::npos);
  CHECK(more->find(store::Codec::identity)->ok->head.find("vary: Accept-Encoding") !=
        std::string::npos);
  keeper.answers->replace(plain, more);
  CHECK(keeper.find("http://h/a").answer == more);
  keeper.answers->replace(plain, plain);  // another is kept by now
  CHECK(keeper.find("http://h/a").answer == more);
  AnswerFacts as_it_is = keeper.facts("http://h/b");
  as_it_is.policy.no_transform = true;
  CHECK_FALSE(may_be_coded(*keeper.make(as_it_is, body)));
  as_it_is = keeper.facts("http://h/b");
  as_it_is.profile = Profile::rfc9111;
  CHECK_FALSE(may_be_coded(*keeper.make(as_it_is, body)));
  as_it_is = keeper.facts("http://h/b");
  as_it_is.fields.emplace_back("content-encoding", "gzip");
  CHECK_FALSE(may_be_coded(*keeper.make(as_it_is, body)));
}

TEST_CASE("a write that comes while an answer is put on disk is not lost to it", "[cache]") {
  Keeper keeper;
  constexpr std::string_view key = "http://h/a";
  AnswerDisk disk({*keeper.bench.store, keeper.bench.cache->tags(), keeper.bench.clock(),
                   keeper.bench.disk.log});
  // Two workers take them in the other order.
  const auto older = keeper.make(keeper.facts(std::string(key)), "older");
  keeper.bench.clock().advance(std::chrono::seconds(1));
  const auto newer = keeper.make(keeper.facts(std::string(key)), "newer");
  CHECK_FALSE(disk.keep(*newer));
  CHECK(disk.keep(*newer));
  CHECK_FALSE(disk.keep(*older));
  const auto found = disk.find(key, {});
  REQUIRE(found);
  CHECK(*need(disk.read(*found))->body == "newer");

  // Whoever asks without a flight is heard of as well, and what came later is not meant.
  const std::uint64_t asked = keeper.answers->stamp();
  CHECK_FALSE(keeper.answers->was_invalidated_since(key, newer->received));
  CHECK_FALSE(keeper.answers->invalidate(key));  // nothing of it was in memory
  CHECK(keeper.answers->was_invalidated_since(key, newer->received));
  CHECK_FALSE(keeper.answers->put(newer, asked));
  keeper.bench.clock().advance(std::chrono::seconds(1));
  CHECK_FALSE(keeper.answers->was_invalidated_since(key, keeper.bench.clock().mono()));
}

TEST_CASE("answers are there after a restart, with all that they were", "[cache]") {
  Keeper keeper;
  const auto disk_of = [&keeper] {
    return std::make_unique<AnswerDisk>(
        AnswerDisk::Parts{*keeper.bench.store, keeper.bench.cache->tags(), keeper.bench.clock(),
                          keeper.bench.disk.log});
  };
  auto disk = disk_of();
  AnswerFacts facts = keeper.facts("http://h/a", {"foo"}, {{"foo", "de"}});
  facts.policy.swr_s = 30;
  facts.policy.never_stale = true;
  facts.tags = {"news", AnswerDisk::tag_of_key("http://h/a")};
  auto question = std::make_shared<Question>();
  question->target = "/a";
  question->lines = "foo: de\r\n";
  facts.question = question;
  const auto answer = keeper.put(std::move(facts), std::string(10'000, 'x'));
  const std::vector<http::Field> german{{"foo", "de"}}, french{{"foo", "fr"}};
  disk->keep(*answer);
  CHECK_FALSE(disk->holds("http://h/a"));  // C-67: once is not enough
  disk->keep(*answer);
  CHECK(disk->holds("http://h/a"));

  disk.reset();
  keeper.answers.reset();
  keeper.bench.restart();
  disk = disk_of();
  keeper.bench.clock().advance(std::chrono::seconds(7));
  CHECK_FALSE(disk->find("http://h/a", french));
  CHECK_FALSE(disk->find("http://h/b", german));
  const auto fill = disk->find("http://h/a", german);
  REQUIRE(fill);
  const auto back = need(disk->read(*fill));
  CHECK(back->key == "http://h/a");
  CHECK(*back->body == std::string(10'000, 'x'));
  CHECK(back->etag == "\"v1\"");
  CHECK(back->selection == answer->selection);
  CHECK(back->policy.lifetime_s == 60);
  CHECK(back->policy.swr_s == 30);
  CHECK(back->policy.never_stale);
  CHECK_FALSE(back->policy.must_validate);
  CHECK(back->question->lines == "foo: de\r\n");
  CHECK(judge(back->policy, {}, keeper.bench.clock().mono() - back->received).age_s == 7);

  // A purge that came meanwhile holds, and so does an invalidation.
  PurgeRequest purge;
  purge.tags = {AnswerDisk::tag_of_key("http://h/a")};
  purge.mode = Mode::hard;
  keeper.bench.purge(purge);
  AnswerCache again({.bytes_max = 1 * MiB, .answer_bytes_max = 1 * MiB, .seed = 1},
                    keeper.bench.cache->tags(), keeper.bench.cache->domain(), keeper.bench.clock());
  CHECK(again.purged(*need(disk->read(*fill))) == Purged::hard);
  again.invalidate("http://h/a");
  again.put(back, again.stamp());
  again.invalidate("http://h/a");
  CHECK_FALSE(again.put(need(disk->read(*fill)), 1));
}

TEST_CASE("many threads find, put, invalidate, purge and wait at once", "[cache]") {
  Keeper keeper(2 * MiB);
  AnswerCache& answers = *keeper.answers;
  std::atomic<int> waits{0}, told{0}, wrong{0};
  const auto work = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < 3'000; ++i) {
      const std::string key = "http://h/" + std::to_string(random() % 40);
      switch (random() % 8) {
        case 0: answers.invalidate(key); break;
        case 1: answers.mark_uncacheable(key, Mono{1}); break;
        case 2: answers.note_failure(key, "", Mono{1}, http::UpstreamFailure::late, 0); break;
        case 3: {
          const std::uint64_t asked = answers.stamp();
          answers.put(keeper.make(keeper.facts(key), key + std::string(random() % 9'000, '.')),
                      asked);
          break;
        }
        case 4: {
          ++waits;
          const auto joined = answers.join(
              key, "", AnswerCache::whatever_came, [&told](const Landing&) { ++told; }, Mono{1});
          if (!joined.is_leader) break;
          if (random() % 2 == 0) {
            auto filling =
                std::make_shared<Filling>(std::make_shared<const AnswerFacts>(), std::nullopt, 100,
                                          answers.filling_budget(), [] {});
            answers.announce(joined.flight, filling, 200);
            filling->append("x");
            filling->end();
          }
          answers.land(joined.flight, {Landing::Kind::reissue});
          break;
        }
        default: {
          const auto found = keeper.find(key);
          if (found.answer != nullptr && !found.answer->body->starts_with(key)) ++wrong;
        }
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i <= 4; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(told == waits);  // exactly once each
  CHECK(answers.counters().flights == 0);
  CHECK(answers.counters().bytes <= 2 * MiB);
}

TEST_CASE("C-43: an answer that is wanted and stays gets its best codings in idle time",
          "[cache]") {
  Keeper keeper;
  StepTasks idle;
  bool is_busy = false;
  AnswerPolisher polisher(
      {*keeper.answers, idle, [&is_busy] { return is_busy; }, keeper.bench.clock()});
  const auto rest = [&] {
    keeper.bench.clock().advance(limits::polish_after);
    polisher.tick();
    idle.run();
  };
  std::mt19937 random(1);
  std::string body;
  while (body.size() < 20'000) body += "word" + std::to_string(random() % 500) + ' ';
  const auto plain = keeper.put(keeper.facts("http://h/a"), body);
  plain->was_wanted.store(true);
  polisher.add(*plain);
  CHECK(polisher.counters().waiting == 1);
  const auto more = coded(*plain, keeper.bench.cache->tags());
  CHECK(more->was_wanted.load());  // it is on disk already
  keeper.answers->replace(plain, more);

  is_busy = true;
  rest();
  CHECK(keeper.find("http://h/a").answer == more);
  is_busy = false;
  polisher.tick();
  is_busy = true;  // when its turn has come: left, and another turn
  idle.run();
  CHECK(keeper.find("http://h/a").answer == more);
  is_busy = false;
  rest();
  const auto best = keeper.find("http://h/a").answer;
  REQUIRE(best != nullptr);
  REQUIRE(best->find(store::Rendition::best_brotli) != nullptr);
  REQUIRE(best->find(store::Rendition::best_zstd) != nullptr);
  CHECK(best->find(store::Rendition::best_brotli)->etag == "\"v1-B\"");
  CHECK(best->find(store::Rendition::best_zstd)->etag == "\"v1-Z\"");
  CHECK(best->find(store::Rendition::brotli) == nullptr);
  CHECK(best->find(store::Rendition::zstd) == nullptr);
  CHECK(best->find(store::Rendition::gzip)->etag == "\"v1-g\"");
  CHECK(best->find(store::Rendition::best_brotli)->body->size() <
        more->find(store::Rendition::brotli)->body->size());
  CHECK(best->was_wanted.load());
  CHECK(*best->body == body);
  const auto counters = polisher.counters();
  CHECK(counters.polished == 2);
  CHECK(counters.saved_bytes > 0);
  CHECK(counters.waiting == 0);

  // Nothing is made of what is no longer kept, of what must stay as it is, or is small.
  const auto other = keeper.put(keeper.facts("http://h/b"), body + "b");
  polisher.add(*other);
  keeper.answers->invalidate("http://h/b");
  AnswerFacts as_it_is = keeper.facts("http://h/c");
  as_it_is.policy.no_transform = true;
  polisher.add(*keeper.put(as_it_is, body + "c"));
  polisher.add(*keeper.put(keeper.facts("http://h/d"), "small"));
  CHECK(polisher.counters().waiting == 1);
  rest();
  CHECK(polisher.counters().polished == 2);
  CHECK(polisher.counters().waiting == 0);
}
