// Goal: nodes agree on who asks without a word, one that goes takes only its own keys along, and
// nothing that is malformed, cut or altered on the way is taken for a copy.

#include "edge/fill_lease.h"
#include "edge/fill_wire.h"

#include "base/crypto.h"
#include "cache/answer_record.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::string name_of_node(char letter) { return std::string(32, letter); }
std::string url_of_node(char letter) { return std::string("http://10.0.0.") + letter + ":80"; }

// The node `self` of those in `there`, as each of them would be configured.
struct Node {
  explicit Node(char its_name, std::string_view all = "123") {
    edge::PeerSettings settings;
    for (const char letter : all) settings.urls.push_back(url_of_node(letter));
    settings.secrets.emplace_back("the nodes' secret");
    settings.node = name_of_node(its_name);
    auto opened = edge::FillLease::open(std::move(settings),
                                        {[this] { return rows; }, [this] { return own; }, clock});
    REQUIRE(opened.ok());
    lease = std::move(opened).value();
    for (const char letter : all)
      if (letter != its_name)
        rows.push_back(
            {url_of_node(letter), name_of_node(letter), {}, 0, 0s, name_of_node(letter), 0});
  }
  std::string holder_of(const std::string& key) const {
    const auto holder = lease->holder_of(key);
    return holder == nullptr ? lease->node() : holder->node;
  }
  bool has_seen(edge::SeenPurges wanted) const {
    bool has = false;
    lease->when_seen(std::move(wanted), clock.mono(), [&has](bool is_seen) { has = is_seen; });
    return has;
  }
  ManualClock clock;
  std::vector<edge::PeerFollower::Row> rows;
  std::uint64_t own = 0;
  std::unique_ptr<edge::FillLease> lease;
};

edge::FillQuestion question() {
  edge::FillQuestion asked;
  asked.node = name_of_node('a');
  asked.seen = {{name_of_node('a'), 3}, {name_of_node('b'), 0}};
  asked.has = std::string(64, '0');
  asked.answer.emplace();
  asked.answer->key = "https://h/p?q";
  asked.answer->question = {"app", "/p?q", "h", "accept: \"x\"\r\n", "h", "/p"};
  return asked;
}

edge::FillReply reply_with(const std::string& body) {
  edge::FillReply reply;
  reply.record.status = 203;
  reply.record.fields = {{"content-type", "text/plain"}, {":policy", "1 2 3"}};
  reply.record.tags = {"a", "b"};
  reply.record.sha256 = sha256_of(body);
  reply.age = 1500ms;
  reply.body = body;
  return reply;
}

}  // namespace

TEST_CASE("C-18: every node names the same holder, and each holds its share", "[edge][lease]") {
  const Node one('1'), two('2'), three('3');
  std::map<std::string, int> held;
  for (int at = 0; at < 3'000; ++at) {
    const std::string key = "https://h/" + std::to_string(at);
    const std::string holder = one.holder_of(key);
    CHECK(two.holder_of(key) == holder);
    CHECK(three.holder_of(key) == holder);
    ++held[holder];
  }
  REQUIRE(held.size() == 3);
  for (const auto& [node, count] : held) CHECK(count > 850);
}

TEST_CASE("C-18: a node that fails gives up its own keys and no others, for a while",
          "[edge][lease]") {
  Node one('1');
  std::map<std::string, std::string> before;
  for (int at = 0; at < 500; ++at) {
    const std::string key = std::to_string(at);
    before[key] = one.holder_of(key);
  }
  const auto moves_only_from = [&](const std::string& gone) {
    for (const auto& [key, holder] : before) {
      const std::string now = one.holder_of(key);
      if (holder == gone) CHECK(now != gone);
      else CHECK(now == holder);
    }
  };
  edge::FillLease::Holder second;
  second.url = url_of_node('2');
  one.lease->did_not_answer(second);
  moves_only_from(name_of_node('2'));
  one.clock.advance(2s);
  for (const auto& [key, holder] : before) CHECK(one.holder_of(key) == holder);
  one.rows[1].error = "refused";  // the follower does not hear it
  moves_only_from(name_of_node('3'));
  one.rows[1].error.clear();
  one.rows[1].silent.reset();  // and has never done so
  moves_only_from(name_of_node('3'));
}

TEST_CASE("C-55: a question waits until all purges that its asker knows are known here",
          "[edge][lease]") {
  Node one('1');
  one.own = 9;
  const edge::SeenPurges wanted{{name_of_node('1'), 9}, {name_of_node('2'), 4}, {"unknown", 0}};
  CHECK_FALSE(one.has_seen(wanted));
  std::vector<bool> told;
  const auto ask = [&] {
    one.lease->when_seen(wanted, one.clock.mono() + 1s,
                         [&](bool is_seen) { told.push_back(is_seen); });
  };
  ask();
  one.lease->advanced();  // something else
  CHECK(told.empty());
  one.rows[0].after = 4;
  one.lease->advanced();
  CHECK(told == std::vector<bool>{true});
  one.rows[0].after = 3;
  ask();
  one.clock.advance(900ms);
  one.lease->tick();
  CHECK(told.size() == 1);
  one.clock.advance(100ms);
  one.lease->tick();
  CHECK(told == std::vector<bool>{true, false});
  CHECK_FALSE(one.has_seen({{name_of_node('4'), 1}}));  // whom we do not follow
}

TEST_CASE("C-55: what is just being applied is wanted of a copy, but not yet claimed to be seen",
          "[edge][lease]") {
  // A purge is raised before its position is synced; a question in between must ask for it.
  Node one('1');
  one.rows[0].after = 3;
  one.rows[0].coming = 4;
  const edge::SeenPurges wanted = one.lease->wanted();
  CHECK(std::ranges::find(wanted, std::pair<std::string, std::uint64_t>{name_of_node('2'), 4}) !=
        wanted.end());
  CHECK_FALSE(one.has_seen({{name_of_node('2'), 4}}));
  CHECK(one.has_seen({{name_of_node('2'), 3}}));
}

TEST_CASE("C-58: nobody waits for the purges of a node that is not heard", "[edge][lease]") {
  Node one('1');
  std::vector<bool> told;
  const auto ask = [&](const edge::SeenPurges& wanted) {
    one.lease->when_seen(wanted, one.clock.mono() + 1s,
                         [&](bool is_seen) { told.push_back(is_seen); });
  };
  ask({{name_of_node('9'), 1}});  // whom we do not follow
  CHECK(told == std::vector<bool>{false});
  one.rows[1].error = "refused";
  ask({{name_of_node('3'), 1}});
  CHECK(told == std::vector<bool>{false, false});
  one.rows[1].after = 1;  // it was heard before it went
  ask({{name_of_node('3'), 1}});
  CHECK(told == std::vector<bool>{false, false, true});
}

TEST_CASE("a question between nodes is read as it was written, and nothing else is",
          "[edge][lease]") {
  const std::string text = edge::encode_fill_question(question());
  const auto read = edge::parse_fill_question(text);
  REQUIRE(read.ok());
  CHECK(read->seen == question().seen);
  CHECK(read->answer->key == "https://h/p?q");
  CHECK(read->answer->question.lines == "accept: \"x\"\r\n");
  CHECK(edge::encode_fill_question(*read) == text);
  edge::FillQuestion page = question();
  page.answer.reset();
  page.page = {"/products/a", std::string(64, 'f')};
  CHECK(edge::parse_fill_question(edge::encode_fill_question(page))->page->key == "/products/a");
  edge::FillQuestion drop = question();
  drop.answer.reset();
  drop.drop = "https://h/p?q";
  CHECK(edge::parse_fill_question(edge::encode_fill_question(drop))->drop == "https://h/p?q");
  edge::FillQuestion both = question();
  both.page = page.page;
  CHECK_FALSE(edge::parse_fill_question(edge::encode_fill_question(both)).ok());
  for (std::size_t end = 0; end < text.size(); ++end)
    CHECK_FALSE(edge::parse_fill_question(text.substr(0, end)).ok());
}

TEST_CASE("a copy is read as it was sent; one that is cut or altered is none", "[edge][lease]") {
  const std::string body(5'000, 'x');
  const std::string text = edge::encode_fill_reply(reply_with(body));
  const auto read = edge::parse_fill_reply(text);
  REQUIRE(read.ok());
  CHECK(read->body == body);
  CHECK(read->age == 1500ms);
  CHECK(read->record.status == 203);
  CHECK(read->record.tags == std::vector<std::string>{"a", "b"});
  for (const std::size_t end : {std::size_t{0}, std::size_t{5}, text.size() / 2, text.size() - 1})
    CHECK_FALSE(edge::parse_fill_reply(std::string_view(text).substr(0, end)).ok());
  std::string altered = text;
  altered[text.size() - 10] = 'y';
  CHECK(edge::parse_fill_reply(altered).error().code == Errc::corrupt);
  CHECK_FALSE(edge::parse_fill_reply(text + "more").ok());
  edge::FillReply same = reply_with(body);
  same.is_same = true;
  const auto short_one = edge::parse_fill_reply(edge::encode_fill_reply(same));
  REQUIRE(short_one.ok());
  CHECK(short_one->is_same);
  edge::FillReply none;
  none.why = "behind";
  CHECK(edge::parse_fill_reply(edge::encode_fill_reply(none))->why == "behind");
}

TEST_CASE("a reply counts only when it is signed for the question that was asked",
          "[edge][lease]") {
  const Node one('1'), two('2');
  const auto asked = one.lease->sign_question("body");
  const std::string body = edge::encode_fill_reply(reply_with("x"));
  const auto fields_of = [](const http::Fields& fields) {
    std::vector<http::Field> views;
    for (const auto& [name, value] : fields) views.push_back({name, value});
    return views;
  };
  const http::Fields good = two.lease->sign_reply(asked.id, body);
  CHECK(one.lease->read_reply(asked, 200, fields_of(good), body).ok());
  CHECK_FALSE(one.lease->read_reply(asked, 200, fields_of(good), body + " ").ok());
  CHECK_FALSE(one.lease->read_reply(asked, 404, fields_of(good), body).ok());
  const http::Fields other = two.lease->sign_reply("another", body);
  CHECK_FALSE(one.lease->read_reply(asked, 200, fields_of(other), body).ok());
  CHECK_FALSE(one.lease->read_reply(asked, 200, {}, body).ok());
  CHECK(two.lease->is_signed(fields_of(asked.fields), "body"));
  CHECK_FALSE(two.lease->is_signed(fields_of(asked.fields), "bodY"));
}
