// Goal: whatever the order, grouping and repetition of operations, one state comes out (D-29,
// D-75), and a stored snapshot goes on as if it had never been stored. Method: seeded schedules.
// Replicas write concurrently and see what the server's log delivered to them at random moments;
// the log is then folded in random orders, with duplicates, and split at random places into
// snapshot and rest. A failing seed is printed; it makes the same schedule again.

#include "sync/crdt.h"
#include "support.h"
#include "text/json.h"

#include <catch2/catch.hpp>
#include <random>

namespace weir::sync {

namespace {

struct Logged {
  std::string replica;
  std::int64_t counter = 0;
  Op op;
};
using History = std::vector<Logged>;

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed) {}

  History make() {
    History history;
    const std::size_t replicas = 1 + below(4);
    std::vector<std::int64_t> counters(replicas, 0);
    std::vector<std::size_t> seen(replicas, 0);  // how much of the log each has pulled
    const std::size_t count = 1 + below(24);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t replica = below(replicas);
      if (below(2) == 0) seen[replica] = below(history.size() + 1);
      Logged logged{"r_" + std::string(16, static_cast<char>('a' + replica)), ++counters[replica],
                    any_op(history, seen[replica])};
      history.push_back(std::move(logged));
    }
    return history;
  }
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  std::mt19937_64& random() { return random_; }

 private:
  Op any_op(const History& history, std::size_t seen) {
    Op op;
    op.entity = below(2) == 0 ? "t1" : "t\xc3\xa9";
    op.field = std::string(1, static_cast<char>('a' + below(3)));
    op.type = static_cast<CrdtType>(below(5));
    op.stamp = {below(4)};  // collisions wanted
    const char* numbers[] = {"1", "-7", "2.5", "9007199254740992", "\"9007199254740993\"", "1e+21"};
    switch (op.type) {
      case CrdtType::max:
      case CrdtType::min: op.value = numbers[below(6)]; break;
      case CrdtType::lww: op.value = std::to_string(below(3)); break;
      case CrdtType::gset: op.add = {std::to_string(below(4))}; break;
      case CrdtType::orset: observe(op, history, seen); break;
    }
    return op;
  }
  // Adds up to two values and removes tags that this replica has seen.
  void observe(Op& op, const History& history, std::size_t seen) {
    const std::size_t adds = below(3);
    for (std::size_t i = 0; i < adds; ++i) op.add.push_back(std::to_string(below(4)));
    for (std::size_t i = 0; i < seen; ++i) {
      const Logged& old = history[i];
      if (old.op.type != CrdtType::orset || old.op.entity != op.entity ||
          old.op.field != op.field || below(2) == 0)
        continue;
      for (std::size_t k = 0; k < old.op.add.size(); ++k)
        op.remove.push_back(tag_of(old.replica, old.counter, k));
    }
  }

  std::mt19937_64 random_;
};

DocumentState fold(const History& history) {
  DocumentState state;
  for (const Logged& logged : history) state.merge(logged.replica, logged.counter, logged.op);
  return state;
}

Op lww(std::string_view value, std::uint64_t stamp) {
  Op op;
  op.entity = "e";
  op.field = "f";
  op.value = value;
  op.stamp = {stamp};
  return op;
}

}  // namespace

TEST_CASE("folding in any order, with repetitions, gives one state", "[sync]") {
  const std::size_t schedules = weir::test::rounds(2'000, 100'000);
  for (std::uint64_t seed = 0; seed < schedules; ++seed) {
    Schedule schedule(seed);
    History history = schedule.make();
    const DocumentState in_order = fold(history);
    const std::string expected = in_order.text();

    History shuffled = history;
    for (std::size_t i = schedule.below(4); i > 0; --i)
      shuffled.push_back(history[schedule.below(history.size())]);
    std::shuffle(shuffled.begin(), shuffled.end(), schedule.random());
    const DocumentState state = fold(shuffled);
    if (state.text() == expected && state.hash() == in_order.hash()) continue;
    INFO("seed " << seed);
    REQUIRE(state.text() == expected);
  }
}

TEST_CASE("a snapshot taken anywhere and folded on gives the same state", "[sync]") {
  const std::size_t schedules = weir::test::rounds(2'000, 100'000);
  for (std::uint64_t seed = 0; seed < schedules; ++seed) {
    Schedule schedule(seed);
    const History history = schedule.make();
    const std::string expected = fold(history).text();
    const auto cut = static_cast<std::ptrdiff_t>(schedule.below(history.size() + 1));

    const DocumentState part = fold(History(history.begin(), history.begin() + cut));
    Result<DocumentState> state = DocumentState::parse(part.text(), part.versions());
    REQUIRE(state);
    REQUIRE(state->text() == part.text());
    // The rest, and once more a piece of what the snapshot covers.
    const auto again =
        static_cast<std::ptrdiff_t>(schedule.below(static_cast<std::size_t>(cut) + 1));
    for (auto logged = history.begin() + again; logged != history.end(); ++logged)
      state->merge(logged->replica, logged->counter, logged->op);
    if (state->text() == expected) continue;
    INFO("seed " << seed << " cut " << cut);
    REQUIRE(state->text() == expected);
  }
}

TEST_CASE("the state is canonical JSON", "[sync]") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::string state = fold(Schedule(seed).make()).text();
    const auto parsed = text::parse_json(state);
    REQUIRE(parsed);
    CHECK(text::canonical_json_of(*parsed) == state);
  }
}

TEST_CASE("names are sorted by UTF-16 code units", "[sync]") {
  const Utf16Less less;
  CHECK(less("a", "b"));
  CHECK(less("a", "ab"));
  CHECK_FALSE(less("ab", "a"));
  CHECK_FALSE(less("a", "a"));
  CHECK(less("\xf0\x9f\x98\x80", "\xef\xbf\xbd"));  // U+1F600 is D83D DE00, before FFFD
  CHECK(less("\xed\x9f\xbf", "\xf0\x9f\x98\x80"));  // U+D7FF
  CHECK(less("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81"));
}

TEST_CASE("the last writer wins by stamp, then replica, then value", "[sync]") {
  DocumentState state;
  state.merge("r_a", 1, lww("\"first\"", 5));
  state.merge("r_a", 2, lww("\"older\"", 4));
  CHECK(state.text() == R"({"e":{"f":{"lww":{"h":"0000000000000005","rep":"r_a","v":"first"}}}})");
  state.merge("r_b", 1, lww("\"tie\"", 5));
  CHECK(state.text().find("tie") != std::string::npos);
}

TEST_CASE("an add that a remove did not see stays", "[sync]") {
  Op add;
  add.entity = "e";
  add.field = "f";
  add.type = CrdtType::orset;
  add.add = {"\"ann\""};
  Op remove = add;
  remove.add.clear();
  remove.remove = {"r_a:1"};

  DocumentState state;
  state.merge("r_a", 1, add);
  state.merge("r_b", 1, add);
  state.merge("r_c", 1, remove);
  CHECK(state.text() == R"({"e":{"f":{"orset":{"a":[["ann",["r_b:1"]]]}}}})");
}

TEST_CASE("a remove of a tag that does not exist yet is kept until it does", "[sync]") {
  Op remove;
  remove.entity = "e";
  remove.field = "f";
  remove.type = CrdtType::orset;
  remove.remove = {"r_a:1"};
  DocumentState state;
  state.merge("r_b", 1, remove);
  CHECK(state.text() == R"({"e":{"f":{"orset":{"a":[],"x":["r_a:1"]}}}})");

  DocumentState later = DocumentState::parse(state.text(), state.versions()).value();
  Op add = remove;
  add.remove.clear();
  add.add = {"1"};
  later.merge("r_a", 1, add);
  CHECK(later.text() == R"({"e":{"f":{"orset":{"a":[]}}}})");
}

TEST_CASE("a stored snapshot that is damaged is an error", "[sync]") {
  for (const char* text :
       {"", "7", R"({"e":7})", R"({"e":{"f":{"lww":7}}})",
        R"({"e":{"f":{"lww":{"h":"x","rep":"r","v":1}}}})", R"({"e":{"f":{"orset":{}}}})",
        R"({"e":{"f":{"orset":{"a":[7]}}}})", R"({"e":{"f":{"orset":{"a":[[1,["x"]]]}}}})"}) {
    INFO(text);
    CHECK_FALSE(DocumentState::parse(text, {}).ok());
  }
}

TEST_CASE("the size of a document counts what its bounds bound", "[sync]") {
  DocumentState state;
  state.merge("r_a", 1, lww("1", 1));
  Op set = lww("", 2);
  set.type = CrdtType::gset;
  set.field = "g";
  set.value.clear();
  set.add = {"1", "2", "3"};
  state.merge("r_a", 2, set);
  const DocumentState::Size size = state.size();
  CHECK(size.entities == 1);
  CHECK(size.fields_most == 2);
  CHECK(size.members_most == 3);
  CHECK(size.live_values == 4);
}

}  // namespace weir::sync
