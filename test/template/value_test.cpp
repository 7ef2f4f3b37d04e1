// Goal: values are immutable, cheap to hand round, and count their owners right.
// Method: each kind made, copied, moved and dropped (the sanitizers watch), then asked.

#include "template/value.h"

#include "text/json.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace weir::tmpl {

TEST_CASE("an object keeps the order of its members and the last of equal names", "[template]") {
  for (const int size : {3, 40}) {
    std::vector<std::pair<std::string, Value>> members;
    for (int i = 0; i < size; ++i) members.emplace_back("k" + std::to_string(size - i), i);
    members.emplace_back("k" + std::to_string(size), Value::text("again"));

    const Value object = Value::object(std::move(members));

    CHECK(object.object().count() == static_cast<std::size_t>(size));
    CHECK(object.object().name_at(0) == "k" + std::to_string(size));
    CHECK(object.find("k" + std::to_string(size)).string() == "again");
    CHECK(object.find("k1").integer() == size - 1);
    CHECK(object.find("k0").is_undefined());
  }
}

TEST_CASE("owned values live as long as their last copy, lent ones are never counted",
          "[template]") {
  std::string bytes = "lent";
  Value kept;
  {
    const Value array = Value::array({Value::text("owned"), Value::lend(std::string_view(bytes))});
    const Value copy = array;
    kept = copy.find("0");
    CHECK(Value::lend(copy).is_lent());
    CHECK(copy.find("1").string().data() == bytes.data());
  }
  CHECK(kept.string() == "owned");
  Value moved = std::move(kept);
  CHECK(moved.string() == "owned");
  CHECK(kept.is_undefined());
  moved = moved.find("x");
  CHECK(moved.is_undefined());
}

TEST_CASE("depth and weight of a value are known without walking it", "[template]") {
  Value value = Value::array({1, 2});
  CHECK(value.depth() == 1);
  CHECK(value.weight() == 3);
  for (int i = 0; i < 30; ++i) value = Value::array({value, value});
  CHECK(value.depth() == 31);
  CHECK(value.weight() == 0xFF'FFFF);
}

TEST_CASE("equality compares numbers by value and containers deeply", "[template]") {
  const auto parsed = [](std::string_view json) { return value_of(*text::parse_json(json)); };
  struct Row {
    std::string_view a, b;
    bool same;
  };
  const Row rows[] = {{"1", "1.0", true},
                      {"1", "\"1\"", false},
                      {"null", "false", false},
                      {"[1,[2]]", "[1,[2]]", true},
                      {"[1,[2]]", "[1,[3]]", false},
                      {R"({"a":1,"b":2})", R"({"b":2,"a":1})", true},
                      {R"({"a":1})", R"({"b":1})", false},
                      {"[]", "{}", false},
                      {"9007199254740993", "9007199254740992", false}};
  for (const Row& row : rows) {
    CHECK(equal(parsed(row.a), parsed(row.b), nullptr) == row.same);
    CHECK(equal(parsed(row.b), parsed(row.a), nullptr) == row.same);
  }
}

TEST_CASE("JSON is written as it was read", "[template]") {
  for (const std::string_view json : {"[1,2.0,-0.5,1e16,1.5e300,123456789012345.6]",
                                      R"({"a":{"b":[]},"c":{}})", R"(["é\"\\\n\t",true,null])"}) {
    std::string out;
    append_json(out, value_of(*text::parse_json(json)), Layout::compact, nullptr);
    CHECK(out == json);
  }
}

}  // namespace weir::tmpl
