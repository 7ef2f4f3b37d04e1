// Goal: what op.h lets in is exactly what it says; what it writes it reads again.

#include "sync/op.h"

#include <catch2/catch.hpp>

namespace weir::sync {

namespace {

constexpr std::string_view stamp = R"("h":"0193a5c2f1e80000")";

std::string op_with(std::string_view members) {
  return R"({"e":"t","f":"x",)" + std::string(stamp) + ',' + std::string(members) + '}';
}

std::variant<Batch, Reply> decode(std::string_view ops) {
  BatchBounds bounds;
  bounds.stamp_max = {UINT64_MAX};
  return decode_batch(R"({"rep":"r_7hq3k2v9xw4mzp1c","n":41,"ops":[)" + std::string(ops) + "]}",
                      bounds);
}

}  // namespace

TEST_CASE("operations of the five types are taken, with canonical values", "[sync]") {
  struct Row {
    std::string op;
    const char* stored;  // behind the stamp
  };
  const Row rows[] = {
      {op_with(R"("t":"lww","v":{"b": 1.0, "a":"\u0041"})"), R"("v":{"a":"A","b":1}})"},
      {op_with(R"("t":"lww","v":null)"), R"("v":null})"},
      {op_with(R"("t":"gset","a":["home", 1e2])"), R"("a":["home",100]})"},
      {op_with(R"("t":"orset","a":["ann"],"r":["r_x:12","r_x:12.3"])"),
       R"("a":["ann"],"r":["r_x:12","r_x:12.3"]})"},
      {op_with(R"("t":"orset","r":["r_x:1"])"), R"("r":["r_x:1"]})"},
      {op_with(R"("t":"max","v":60)"), R"("v":60})"},
      {op_with(R"("t":"min","v":-0.5)"), R"("v":-0.5})"},
      {op_with(R"("t":"max","v":"9007199254740993")"), R"("v":"9007199254740993"})"},
      {op_with(R"("t":"max","v":9007199254740992)"), R"("v":9007199254740992})"},
      {R"({"e":"t","f":"_deleted","h":"0193a5c2f1e80000","t":"lww","v":true})", R"("v":true})"},
  };
  for (const Row& row : rows) {
    INFO(row.op);
    const auto decoded = decode(row.op);
    REQUIRE(std::holds_alternative<Batch>(decoded));
    const Batch& batch = std::get<Batch>(decoded);
    REQUIRE(batch.ops.size() == 1);
    const std::string& body = batch.ops[0].body;
    const std::size_t at = body.find(R"("h":"0193a5c2f1e80000",)");
    REQUIRE(at != std::string::npos);
    CHECK(body.substr(at + 23) == row.stored);
    CHECK(batch.ops[0].stamp.text() == "0193a5c2f1e80000");
    const Result<Op> again = parse_body(body);
    REQUIRE(again);
    CHECK(body_of(*again) == body);
  }
}

TEST_CASE("operations that are not what they should be are refused at the right place", "[sync]") {
  struct Row {
    std::string op;
    const char* pointer;
  };
  const std::string long_text(129, 'x');
  const Row rows[] = {
      {"7", "/ops/0"},
      {R"({"f":"x","h":"0193a5c2f1e80000","t":"lww","v":1})", "/ops/0/e"},
      {R"({"e":"","f":"x","h":"0193a5c2f1e80000","t":"lww","v":1})", "/ops/0/e"},
      {R"({"e":")" + long_text + R"(","f":"x","h":"0193a5c2f1e80000","t":"lww","v":1})",
       "/ops/0/e"},
      {R"({"e":"t","f":")" + long_text.substr(0, 65) +
           R"(","h":"0193a5c2f1e80000","t":"lww","v":1})",
       "/ops/0/f"},
      {R"({"e":"t","f":7,"h":"0193a5c2f1e80000","t":"lww","v":1})", "/ops/0/f"},
      {op_with(R"("t":"counter","v":1)"), "/ops/0/t"},
      {R"({"e":"t","f":"x","h":"0193A5C2F1E80000","t":"lww","v":1})", "/ops/0/h"},
      {R"({"e":"t","f":"x","t":"lww","v":1})", "/ops/0/h"},
      {op_with(R"("t":"lww")"), "/ops/0/v"},
      {op_with(R"("t":"lww","v":1,"a":[1])"), "/ops/0/a"},
      {op_with(R"("t":"lww","v":1,"zz":1)"), "/ops/0/zz"},
      {op_with(R"("t":"gset","a":[])"), "/ops/0/a"},
      {op_with(R"("t":"gset","a":["x"],"r":["r_x:1"])"), "/ops/0/r"},
      {op_with(R"("t":"gset")"), "/ops/0/a"},
      {op_with(R"("t":"orset")"), "/ops/0/a"},
      {op_with(R"("t":"orset","r":["r_x"])"), "/ops/0/r/0"},
      {op_with(R"("t":"orset","r":["r_x:1","r_x:01"])"), "/ops/0/r/1"},
      {op_with(R"("t":"orset","r":["r_x:1.0"])"), "/ops/0/r/0"},
      {op_with(R"("t":"orset","r":["R:1"])"), "/ops/0/r/0"},
      {op_with(R"("t":"max","v":"60")"), "/ops/0/v"},
      {op_with(R"("t":"max","v":true)"), "/ops/0/v"},
      {op_with(R"("t":"max","v":9007199254740993)"), "/ops/0/v"},
      {op_with(R"("t":"min","v":"9223372036854775808")"), "/ops/0/v"},
      {op_with(R"("t":"min","v":"+9007199254740993")"), "/ops/0/v"},
      {R"({"e":"t","f":"_deleted","h":"0193a5c2f1e80000","t":"lww","v":1})", "/ops/0/v"},
      {R"({"e":"t","f":"_deleted","h":"0193a5c2f1e80000","t":"max","v":1})", "/ops/0/t"},
  };
  for (const Row& row : rows) {
    INFO(row.op);
    const auto decoded = decode(row.op);
    REQUIRE(std::holds_alternative<Reply>(decoded));
    const Reply& reply = std::get<Reply>(decoded);
    CHECK(reply.problem == "invalid-op");
    REQUIRE(reply.members.size() == 1);
    CHECK(*(*reply.members[0].value.array())[0].find("pointer")->string() == row.pointer);
  }
}

TEST_CASE("the bounds of a batch hold at the edge", "[sync]") {
  const auto ops_of = [](std::size_t count) {
    std::string ops = op_with(R"("t":"lww","v":1)");
    std::string all = ops;
    for (std::size_t i = 1; i < count; ++i) all += ',' + ops;
    return all;
  };
  const auto value_of = [](std::size_t bytes) {
    return op_with(R"("t":"lww","v":")" + std::string(bytes - 2, 'x') + '"');
  };
  const auto problem_of = [](const std::variant<Batch, Reply>& decoded) {
    return std::holds_alternative<Reply>(decoded) ? std::get<Reply>(decoded).problem
                                                  : std::string_view();
  };
  CHECK(problem_of(decode(ops_of(limits::sync_batch_ops_max))).empty());
  CHECK(problem_of(decode(ops_of(limits::sync_batch_ops_max + 1))) == "too-large");
  CHECK(problem_of(decode(value_of(limits::sync_value_bytes_max))).empty());
  CHECK(problem_of(decode(value_of(limits::sync_value_bytes_max + 1))) == "invalid-op");
  CHECK(problem_of(decode(std::string(limits::sync_body_bytes_max, ' '))) == "too-large");
  CHECK(problem_of(decode(op_with(R"("t":"lww","v":)" + std::string(100, '[') +
                                  std::string(100, ']')))) == "bad-request");
}

TEST_CASE("what stands round the operations is checked first", "[sync]") {
  const BatchBounds bounds;
  for (const char* body :
       {"", "7", R"({"n":1,"ops":[{}]})", R"({"rep":"r_short","n":1,"ops":[{}]})",
        R"({"rep":"x_7hq3k2v9xw4mzp1c","n":1,"ops":[{}]})",
        R"({"rep":"r_7HQ3k2v9xw4mzp1c","n":1,"ops":[{}]})",
        R"({"rep":"r_7hq3k2v9xw4mzp1c","n":0,"ops":[{}]})",
        R"({"rep":"r_7hq3k2v9xw4mzp1c","n":1.5,"ops":[{}]})",
        R"({"rep":"r_7hq3k2v9xw4mzp1c","n":9007199254740991,"ops":[{}]})",
        R"({"rep":"r_7hq3k2v9xw4mzp1c","n":1,"ops":[]})",
        R"({"rep":"r_7hq3k2v9xw4mzp1c","n":1,"ops":{}})"}) {
    INFO(body);
    const auto decoded = decode_batch(body, bounds);
    REQUIRE(std::holds_alternative<Reply>(decoded));
    CHECK(std::get<Reply>(decoded).problem == "bad-request");
  }
}

TEST_CASE("tags name a value of an operation, one text each", "[sync]") {
  CHECK(tag_of("r_x", 12, 0) == "r_x:12");
  CHECK(tag_of("r_x", 12, 3) == "r_x:12.3");
  CHECK(parse_tag("r_x:12.3")->index == 3);
  for (const char* tag : {"", ":1", "r_x:", "r_x:0", "r_x:-1", "r_x:1.", "r_x:1.01", "r_x:1 ",
                          "r_x:1.99999", "r\"x:1"}) {
    INFO(tag);
    CHECK_FALSE(parse_tag(tag));
  }
}

TEST_CASE("numbers compare exactly across their forms", "[sync]") {
  CHECK((compare_numbers("1", "2") < 0));
  CHECK((compare_numbers("-1", "-2") > 0));
  CHECK((compare_numbers("1e+21", "\"9223372036854775807\"") > 0));
  CHECK((compare_numbers("\"9007199254740993\"", "9007199254740992") > 0));
  CHECK((compare_numbers("\"9223372036854775807\"", "\"9223372036854775806\"") > 0));
  CHECK((compare_numbers("0.1", "0.1") == 0));
  // One number, two texts: still an order, the same from both sides.
  CHECK((compare_numbers("\"9007199254740994\"", "9007199254740994") < 0) ==
        (compare_numbers("9007199254740994", "\"9007199254740994\"") > 0));
}

}  // namespace weir::sync
