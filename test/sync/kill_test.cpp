// Goal: what was acknowledged survives kill -9, is there once and in order, and nothing that a
// reader saw goes away (D-71). Method: a child process owns the service and pushes from several
// producers; it writes a line to a pipe for every acknowledgement, after it came. The parent kills
// it at a random moment, opens the directory itself and compares the log with what the pipe said:
// every acknowledged operation must be there, once, with its position, in the order of its
// counters; what was read must be a prefix of what is there now. Then the next round goes on in the
// same directory.

#include "service_fixture.h"

#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace weir::sync::test {

namespace {

constexpr int producers = 4;

std::string replica_of(int producer) {
  return "r_" + std::string(16, static_cast<char>('a' + producer));
}
std::string document_of(int producer) { return producer % 2 == 0 ? "even" : "odd"; }

struct Acked {
  int producer = 0;
  std::int64_t first_counter = 0;
  std::int64_t count = 0;
  std::int64_t last_position = 0;
};

// Pushes batches of one to three operations until the process dies. `next` is where the producer
// left off.
void produce(ServiceFixture& fixture, int producer, std::int64_t next, int pipe) {
  while (true) {
    const std::int64_t count = 1 + next % 3;
    std::string ops;
    for (std::int64_t i = 0; i < count; ++i)
      ops += (i == 0 ? "" : ",") +
             title(fixture.clock, std::to_string(next + i), std::to_string(producer));
    Inbox inbox;
    Ask ask;
    ask.method = "POST";
    ask.path = document_of(producer) + "/ops";
    ask.body = batch(replica_of(producer), next, ops);
    fixture.service().answer(std::move(ask), inbox.answer());
    const Reply reply = inbox.wait();
    MUST(reply.status == 200);
    const Acked acked{producer, next, count, number_in(reply, "last")};
    MUST(::write(pipe, &acked, sizeof acked) ==
         sizeof acked);  // below PIPE_BUF: whole or not at all
    next += count;
  }
}

[[noreturn]] void be_the_child(const std::string& directory, const std::vector<std::int64_t>& next,
                               int pipe) {
  ServiceFixture fixture;
  fixture.settings.directory = directory;
  fixture.service();
  std::vector<std::thread> threads;
  for (int producer = 0; producer < producers; ++producer)
    threads.emplace_back([&fixture, producer, from = next[static_cast<std::size_t>(producer)],
                          pipe] { produce(fixture, producer, from, pipe); });
  for (std::thread& thread : threads) thread.join();
  std::abort();  // they never end
}

// Everything in the log of a document: position -> (replica, counter).
using Log = std::map<std::int64_t, std::pair<std::string, std::int64_t>>;
Log log_of(ServiceFixture& fixture, const std::string& document) {
  Log log;
  std::int64_t since = 0;
  for (bool has_more = true; has_more;) {
    const text::Value page =
        json_in(fixture.sync("GET", document, {}, "since=" + std::to_string(since)));
    for (const text::Value& op : *page.find("ops")->array()) {
      const bool is_new =
          log.emplace(*op.find("seq")->integer(),
                      std::pair(*op.find("rep")->string(), *op.find("ctr")->integer()))
              .second;
      REQUIRE(is_new);
    }
    since = *page.find("to")->integer();
    has_more = *page.find("more")->boolean();
  }
  return log;
}

}  // namespace

TEST_CASE("every acknowledged operation survives kill -9, once and in order", "[sync][kill]") {
  const weir::test::TemporaryDirectory directory;
  std::mt19937_64 random(2026);
  std::vector<std::int64_t> next(producers, 1);
  std::map<std::string, Log> seen;  // what was visible after the last round
  std::size_t acked_count = 0;
  const std::size_t kills = weir::test::rounds(15, 200);
  for (std::size_t kill = 0; kill < kills; ++kill) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      be_the_child(directory.path(), next, ends[1]);
    }
    ::close(ends[1]);
    // The moment is random in work done, not in time: after so many acknowledgements, in the midst
    // of the next commits.
    const std::size_t moment = std::uniform_int_distribution<std::size_t>(1, 120)(random);
    std::vector<Acked> acked;
    Acked one;
    while (acked.size() < moment && ::read(ends[0], &one, sizeof one) == sizeof one)
      acked.push_back(one);
    REQUIRE(::kill(child, SIGKILL) == 0);
    while (::read(ends[0], &one, sizeof one) == sizeof one) acked.push_back(one);
    ::close(ends[0]);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    REQUIRE(acked.size() >= moment);
    acked_count += acked.size();

    INFO("kill " << kill << " after " << acked.size() << " acknowledgements");
    ServiceFixture fixture;
    fixture.settings.directory = directory.path();
    std::map<std::string, Log> logs;
    for (const char* document : {"even", "odd"}) logs[document] = log_of(fixture, document);
    for (const auto& [document, log] : logs) {
      // Nothing visible went away or moved, and counters of each replica run without a hole.
      for (const auto& [position, key] : seen[document]) REQUIRE(log.at(position) == key);
      std::map<std::string, std::int64_t> last;
      for (const auto& [position, key] : log) REQUIRE(key.second == ++last[key.first]);
    }
    for (const Acked& ack : acked) {
      const Log& log = logs[document_of(ack.producer)];
      const auto stored = log.find(ack.last_position);
      REQUIRE(stored != log.end());
      REQUIRE(stored->second ==
              std::pair(replica_of(ack.producer), ack.first_counter + ack.count - 1));
    }
    // Producers go on from what the log holds, which may be more than what was acknowledged.
    for (int producer = 0; producer < producers; ++producer)
      for (const auto& [position, key] : logs[document_of(producer)])
        if (key.first == replica_of(producer))
          next[static_cast<std::size_t>(producer)] = key.second + 1;
    seen = std::move(logs);
  }
  std::printf("kill_test: %zu kills, %zu acknowledged batches, none lost\n", kills, acked_count);
}

}  // namespace weir::sync::test
