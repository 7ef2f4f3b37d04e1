// Goal: C-79: what the rules let a cache reuse, a slow reference written from RFC 9111 lets it
// reuse, too. Method: random stories out of the words that matter, from a printed seed; the fuzz
// target http_cache goes on from there. The reference itself is held against known answers first.

#include "cache/http_script.h"

#include "http/dates.h"

#include "support.h"

#include <catch2/catch.hpp>

#include <random>

using namespace weir;
using namespace weir::cache;

namespace {

std::string random_story(std::mt19937& random) {
  static const std::vector<std::string> directives = {"max-age=0",
                                                      "max-age=1",
                                                      "max-age=10",
                                                      "max-age=60",
                                                      "MAX-AGE=3600",
                                                      "max-age=\"60\"",
                                                      "max-age =9",
                                                      "max-age= 9",
                                                      "max-age=-1",
                                                      "max-age=x",
                                                      "max-age=99999999999",
                                                      "max-age",
                                                      "s-maxage=10",
                                                      "s-maxage=0",
                                                      "s-maxage=3600",
                                                      "no-store",
                                                      "no-cache",
                                                      "no-cache=\"a, b\"",
                                                      "private",
                                                      "private=\"x\"",
                                                      "public",
                                                      "must-revalidate",
                                                      "proxy-revalidate",
                                                      "must-understand",
                                                      "stale-while-revalidate=5",
                                                      "stale-while-revalidate=60",
                                                      "stale-if-error=60",
                                                      "stale-if-error=0",
                                                      "no-transform",
                                                      "x=\"no-store, max-age=9\"",
                                                      "x=\"open",
                                                      "foo",
                                                      "foo=bar;baz",
                                                      "max-age=60;p=1",
                                                      "",
                                                      "\"",
                                                      "max-age=60.5",
                                                      "no-store=?0",
                                                      "no-store =1",
                                                      "public =1"};
  static const std::vector<std::string> wishes = {
      "no-cache",     "no-store",  "max-age=0",   "max-age=10",  "max-age=100",    "min-fresh=5",
      "min-fresh=50", "max-stale", "max-stale=5", "max-stale=x", "only-if-cached", "min-fresh =5"};
  const auto pick = [&random](std::size_t count) {
    return static_cast<std::size_t>(random() % count);
  };
  const auto dates = [&] {
    static const std::int64_t offsets[] = {0,  -1,    -10,    -60,      1,      10,
                                           60, 3'600, -3'600, -864'000, 864'000};
    std::string text = http::date_of(reference::script_now + offsets[pick(std::size(offsets))]);
    const std::size_t how = pick(12);
    if (how == 0) text = reference::small(text);
    if (how == 1) text[pick(text.size())] = "x0 ,:9"[pick(6)];
    if (how == 2)
      text = std::vector<std::string>{"0",
                                      "-1",
                                      "",
                                      "Thu Aug  8 02:01:18 2050",
                                      "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "Thursday, 18-Aug-50 02:01:18 GMT"}[pick(6)];
    return text;
  };
  std::string story;
  for (int i = 0; i < 8; ++i) story += static_cast<char>(random());
  if (pick(4) != 0) story[0] = static_cast<char>(pick(2));  // either profile, nothing special
  if (pick(6) != 0) story[1] = 0;
  if (pick(3) != 0) story[2] = 0;
  const auto list = [&](const std::vector<std::string>& of) {
    std::string out;
    for (std::size_t left = pick(4) + 1; left > 0; --left)
      out += of[pick(of.size())] + (left > 1 ? (pick(4) == 0 ? "," : ", ") : "");
    return out;
  };
  for (std::size_t left = pick(3); left > 0; --left) story += "\nC" + list(directives);
  if (pick(5) == 0) story += "\nT" + list(directives);
  if (pick(12) == 0) story += "\nW" + list(directives);
  for (std::size_t left = pick(6) / 4; left > 0; --left) story += "\nE" + dates();
  if (pick(3) != 0) story += "\nD" + dates();
  if (pick(3) == 0) story += "\nL" + dates();
  if (pick(4) == 0) story += "\nG\"x\"";
  if (pick(8) == 0) story += "\nSa=1";
  if (pick(3) == 0)
    story += "\nA" + std::vector<std::string>{"0",  "5",    "60",  "7200",       "abc",
                                              "-5", "5, 0", "7;x", "99999999999"}[pick(9)];
  if (pick(2) == 0) story += "\nc" + list(wishes);
  if (pick(9) == 0) story += "\npno-cache";
  if (pick(6) == 0) story += "\nux";
  if (pick(6) == 0) story += "\nka=1";
  return story;
}

}  // namespace

TEST_CASE("C-79: reuse that we allow, RFC 9111 allows", "[cache]") {
  const std::size_t count = test::rounds(60'000, 20'000'000);
  const unsigned seed = 20'261'121;
  std::mt19937 random(seed);
  std::size_t reused = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string story = random_story(random);
    INFO("seed " << seed << ", story " << i << ": " << story.substr(8));
    const reference::Finding finding = reference::finding_of(story);
    if (finding.broken != nullptr) {
      std::string bytes;
      for (int k = 0; k < 8; ++k)
        bytes +=
            std::to_string(static_cast<unsigned char>(story[static_cast<std::size_t>(k)])) + ' ';
      FAIL(finding.broken << "; first bytes " << bytes);
    }
    if (finding.reuses) ++reused;
  }
  // A property that never had anything to say would hold as well.
  CHECK(reused > count / 30);
  CHECK(reused < count);
}

TEST_CASE("C-79: the reference knows the dates that there are, and no others", "[cache]") {
  const std::int64_t now = reference::script_now;
  std::mt19937 random(7);
  for (int i = 0; i < 50'000; ++i) {
    std::string text = http::date_of(static_cast<std::int64_t>(random()) * 3 - 2'000'000'000);
    if (i % 3 == 1) text[random() % text.size()] = "xJ0 ,:9-Gg"[random() % 10];
    if (i % 3 == 2) text.erase(random() % text.size(), 1);
    INFO(text);
    const Expiry ours = parse_expires(std::vector<http::Field>{{"expires", text}}, now);
    CHECK(ours.at_s == reference::date(text, now).value_or(0));
  }
  CHECK(reference::date("Sunday, 06-Nov-94 08:49:37 GMT", now) == 784'111'777);
  CHECK(reference::date("Sun Nov  6 08:49:37 1994", now) == 784'111'777);
  CHECK_FALSE(reference::date("Thu, 18 Aug 2050 2:01:18 GMT", now).has_value());
}
