// Goal: what a log says is a prefix of what was written, whatever happened to the file (C-62,
// C-77). Method: write a few records, then cut the file at each byte and flip each bit.

#include "store/log.h"
#include "store/fixture.h"
#include "store/record.h"

#include <thread>

using namespace weir;
using namespace weir::store;
using namespace weir::test;

namespace {

struct Seen {
  std::vector<std::pair<std::uint64_t, std::string>> records;
  LogEnd end = LogEnd::clean;
  bool is_ours = false;
};

Seen read(std::string_view bytes) {
  Seen seen;
  const auto scan = scan_log(bytes, [&seen](const Record& record) {
    seen.records.emplace_back(record.seq, record.payload);
  });
  seen.is_ours = scan.ok();
  if (scan) seen.end = scan->end;
  return seen;
}

std::string log_of(std::size_t count) {
  std::string bytes = encode_log_head(3);
  for (std::size_t i = 1; i <= count; ++i)
    append_record(bytes, Op::fill, i * 10, std::string(i * 7, static_cast<char>('a' + i)));
  return bytes;
}

}  // namespace

TEST_CASE("a log comes back record by record", "[store]") {
  const Seen seen = read(log_of(5));
  REQUIRE(seen.records.size() == 5);
  CHECK(seen.end == LogEnd::clean);
  CHECK(seen.records[4].first == 50);
  CHECK(seen.records[4].second == std::string(35, 'f'));
}

TEST_CASE("a log cut at any byte gives the records before the cut and is called torn", "[store]") {
  const std::string whole = log_of(4);
  const Seen all = read(whole);
  std::size_t last = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Seen seen = read(std::string_view(whole).substr(0, length));
    REQUIRE(seen.is_ours);
    REQUIRE(seen.records.size() <= 4);
    CHECK(seen.records.size() >= last);
    last = seen.records.size();
    for (std::size_t i = 0; i < seen.records.size(); ++i) CHECK(seen.records[i] == all.records[i]);
    CHECK(seen.end != LogEnd::damaged);
  }
}

TEST_CASE("a log with any bit flipped gives only records that were written", "[store]") {
  const std::string whole = log_of(3);
  const Seen all = read(whole);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string wrong = whole;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << bit % 8));
    const Seen seen = read(wrong);
    if (!seen.is_ours) continue;
    CHECK(seen.records.size() < all.records.size());
    CHECK(seen.end == LogEnd::damaged);  // not torn: what was acknowledged may be among it
    for (std::size_t i = 0; i < seen.records.size(); ++i) CHECK(seen.records[i] == all.records[i]);
  }
}

TEST_CASE("many who sync at once share the work, and each finds its record on disk", "[store]") {
  TemporaryDirectory directory;
  REQUIRE(make_directories(directory / "log"));
  Disk disk;
  const auto file = need(LogFile::create(disk, directory.path(), 1));
  std::mutex order;
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        {
          const std::lock_guard lock(order);
          std::string bytes;
          append_record(bytes, Op::purge, 1, std::to_string(t));
          if (!file->append(bytes)) ++failed;
        }
        if (!file->sync()) ++failed;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(file->unsynced_bytes() == 0);
  CHECK(file->syncs() <= 160);
  CHECK(read(need(read_file(log_path_of(directory.path(), 1)))).records.size() == 160);
}

TEST_CASE("records of every kind come back, and are refused when cut anywhere", "[store]") {
  Fill fill;
  fill.key = "/blog/a/";
  fill.status = 203;
  fill.content_type = "text/html";
  fill.fields = {{"Link", "</a.css>; rel=preload"}, {"X-A", ""}};
  fill.body_id = {1, 2};
  fill.sha256.fill(std::byte{9});
  fill.body_bytes = 77;
  fill.inline_blob = "inline";
  fill.tags = {"page:a", "", "term:b"};
  fill.policy = {Nanos(5), Nanos(6), Nanos(7)};
  fill.release = 3;
  fill.fill_seq = 12;
  fill.rendered = {123};
  fill.modified = {100};
  const std::string bytes = encode_fill(fill);
  const auto back = decode_fill(bytes);
  REQUIRE(back);
  CHECK(back->key == fill.key);
  CHECK(back->status == 203);
  CHECK(back->fields == fill.fields);
  CHECK(back->body_id == fill.body_id);
  CHECK(back->sha256 == fill.sha256);
  CHECK(back->inline_blob == "inline");
  CHECK(back->tags == fill.tags);
  CHECK(back->policy == fill.policy);
  CHECK(back->fill_seq == 12);
  CHECK(back->modified == fill.modified);
  const auto head = decode_fill_head(bytes);
  REQUIRE(head);
  CHECK(head->key == fill.key);
  CHECK(head->is_inline);
  CHECK(head->release == 3);
  CHECK(head->rendered == fill.rendered);
  fill.policy.ttl.reset();
  CHECK_FALSE(decode_fill(encode_fill(fill))->policy.ttl.has_value());

  PurgeRecord purge{PurgeMode::hard, {"a", "url:/b"}, {"/c/"}, true, "id-1"};
  const std::string purged = encode_purge(purge, {55});
  const auto purge_back = decode_purge(purged);
  REQUIRE(purge_back);
  CHECK(purge_back->first.mode == PurgeMode::hard);
  CHECK(purge_back->first.tags == purge.tags);
  CHECK(purge_back->first.prefixes == purge.prefixes);
  CHECK(purge_back->first.all);
  CHECK(purge_back->first.id == "id-1");
  CHECK(purge_back->second == Wall{55});

  StateRecord state;
  state.wall = {1};
  state.active = 2;
  state.active_seq = 3;
  state.active_created = {4};
  state.purges = {5, {6, 7}, {{"t", {8, 9}}}, {{"/p", {10, 11}}}};
  const std::string stated = encode_state(state);
  const auto state_back = decode_state(stated);
  REQUIRE(state_back);
  CHECK(state_back->purges.tags == state.purges.tags);
  CHECK(state_back->purges.prefixes == state.purges.prefixes);
  CHECK(state_back->active_created == Wall{4});

  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK_FALSE(decode_fill(std::string_view(bytes).substr(0, length)).ok());
    CHECK_FALSE(decode_fill_head(std::string_view(bytes).substr(0, length)).ok());
  }
  for (std::size_t length = 0; length < purged.size(); ++length)
    CHECK_FALSE(decode_purge(std::string_view(purged).substr(0, length)).ok());
  for (std::size_t length = 0; length < stated.size(); ++length)
    CHECK_FALSE(decode_state(std::string_view(stated).substr(0, length)).ok());
  CHECK_FALSE(decode_fill(bytes + "x").ok());
}
