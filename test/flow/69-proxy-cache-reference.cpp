// Goal: C-79 on the wire: an answer that one request brought and another one gets without the
// server being asked is one that the reference of RFC 9111 lets be reused. Method: random answers
// and pairs of requests through the real binary, both profiles; a reused answer is known by the
// number that the server put into it. The seed is printed with a failure.

#include "cache/http_reference.h"
#include "cached_backend.h"
#include "http/dates.h"

#include <catch2/catch.hpp>

#include <ctime>
#include <random>

using namespace weir;
using flow::Answer;
using flow::CachedSite;
using flow::Question;

namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

struct Story {
  int status = 200;
  Lines answer, first, second;
};

std::string text_of(const Lines& lines) {
  std::string out;
  for (const auto& [name, value] : lines) out += name + ": " + value + "\r\n";
  return out;
}
cache::reference::List list_of(const Lines& lines) {
  cache::reference::List out;
  for (const auto& [name, value] : lines) out.push_back({name, value});
  return out;
}

Story random_story(std::mt19937& random, std::int64_t now) {
  const auto pick = [&random](std::size_t count) {
    return static_cast<std::size_t>(random() % count);
  };
  static const std::vector<std::string> said = {
      "max-age=3600",    "max-age=3600",  "max-age=3600",    "max-age=0",
      "max-age=60",      "max-age=x",     "s-maxage=60",     "s-maxage=0",
      "public",          "public",        "private",         "no-store",
      "no-cache",        "private=\"x\"", "must-revalidate", "foo=\"a, b\"",
      "max-age=\"60\"",  "no-store =1",   "max-age =60",     "stale-while-revalidate=600",
      "must-understand", "x=\"open",      "proxy-revalidate"};
  static const std::vector<std::string> wishes = {"no-cache",     "no-store",      "max-age=0",
                                                  "max-age=9",    "min-fresh=100", "max-stale",
                                                  "max-stale=50", "only-if-cached"};
  const auto list = [&](const std::vector<std::string>& of) {
    std::string out;
    for (std::size_t left = pick(3) + 1; left > 0; --left)
      out += of[pick(of.size())] + (left > 1 ? ", " : "");
    return out;
  };
  const auto near_now = [&] {
    static constexpr std::int64_t offsets[] = {0, -50, -3'000, 60, 3'600, -864'000};
    return http::date_of(now + offsets[pick(std::size(offsets))]);
  };
  Story story;
  static constexpr int statuses[] = {200, 200, 200, 200, 404, 410, 301, 203, 403, 299, 503};
  story.status = statuses[pick(std::size(statuses))];
  if (pick(6) != 0) story.answer.emplace_back("cache-control", list(said));
  if (pick(8) == 0) story.answer.emplace_back("cache-control", list(said));
  if (pick(6) == 0) story.answer.emplace_back("cdn-cache-control", list(said));
  if (pick(5) == 0) story.answer.emplace_back("expires", near_now());
  if (pick(3) == 0) story.answer.emplace_back("date", near_now());
  if (pick(4) == 0) story.answer.emplace_back("last-modified", near_now());
  if (pick(5) == 0) story.answer.emplace_back("age", pick(2) == 0 ? "50" : "5000");
  if (pick(8) == 0) story.answer.emplace_back("set-cookie", "id=1");
  for (Lines* request : {&story.first, &story.second}) {
    if (pick(8) == 0) request->emplace_back("authorization", "Bearer x");
    if (pick(6) == 0) request->emplace_back("cookie", "a=1");
    if (pick(5) == 0) request->emplace_back("cache-control", list(wishes));
  }
  return story;
}

}  // namespace

TEST_CASE("C-79: what is reused over the wire, the reference of RFC 9111 lets be reused",
          "[flow][proxy-cache]") {
  const unsigned seed = 20'261'121;
  const std::size_t count = test::rounds(1'000, 100'000);
  for (const cache::Profile profile : {cache::Profile::guarded, cache::Profile::rfc9111}) {
    const bool is_strict = profile == cache::Profile::rfc9111;
    std::vector<Story> stories;
    std::mt19937 random(seed);
    const std::int64_t now = std::time(nullptr);
    for (std::size_t i = 0; i < count; ++i) stories.push_back(random_story(random, now));
    CachedSite site(is_strict ? "rfc9111" : "guarded", [&stories](const Question& question) {
      const Story& story = stories[std::stoul(question.target.substr(1))];
      return flow::reply(story.status, text_of(story.answer),
                         "number " + std::to_string(question.number));
    });
    REQUIRE(site.port() != 0);
    flow::Connection client(site.port());
    std::size_t reused = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Story& story = stories[i];
      const std::string path = "/" + std::to_string(i);
      INFO("seed " << seed << ", " << (is_strict ? "rfc9111" : "guarded") << ", story " << i
                   << ", status " << story.status << "\n"
                   << text_of(story.answer) << "first:\n"
                   << text_of(story.first) << "second:\n"
                   << text_of(story.second));
      const std::int64_t begin = std::time(nullptr);
      const Answer first = client.get(path, text_of(story.first));
      const Answer second = client.get(path, text_of(story.second));
      const std::int64_t end = std::time(nullptr);
      REQUIRE(first.status != 0);
      REQUIRE(second.status != 0);
      if (!second.body.starts_with("number ") || second.body != first.body) continue;
      ++reused;
      CHECK(second.has("age"));
      cache::RouteFreshness route;
      cache::Arrival arrival;
      const auto has = [&story](std::string_view name) {
        return std::any_of(story.first.begin(), story.first.end(),
                           [name](const auto& line) { return line.first == name; });
      };
      const cache::reference::List wanted = list_of(story.first);
      arrival.profile = profile;
      arrival.route = &route;
      arrival.status = story.status;
      arrival.has_authorization = has("authorization");
      arrival.has_cookie = has("cookie");
      arrival.request_no_store = cache::reference::said_in(wanted).contains("no-store");
      // It arrived in one of these seconds; the time between the two makes nothing fresher.
      bool may_store = false, may_reuse = false;
      for (arrival.received_s = begin; arrival.received_s <= end; ++arrival.received_s) {
        const cache::reference::Verdict verdict =
            cache::reference::judged({arrival, list_of(story.answer), list_of(story.second), 0});
        may_store |= verdict.may_store;
        may_reuse |= verdict.may_reuse;
      }
      CHECK(may_store);
      CHECK(may_reuse);
    }
    CHECK(reused > count / 20);  // a cache that never reuses would pass as well
  }
}
