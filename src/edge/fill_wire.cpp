#include "edge/fill_wire.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/limits_invalidation.h"
#include "store/record.h"
#include "text/json.h"

namespace weir::edge {
namespace {

constexpr std::size_t node_bytes = 32;

struct Part {
  std::string_view name;
  std::string cache::Question::*text;
};
constexpr Part parts[] = {
    {"route", &cache::Question::route},        {"target", &cache::Question::target},
    {"host", &cache::Question::host},          {"lines", &cache::Question::lines},
    {"client", &cache::Question::client_host}, {"path", &cache::Question::path}};

Result<std::string> text_at(const text::Value& object, std::string_view name) {
  const text::Value* const found = object.find(name);
  if (found == nullptr || found->string() == nullptr)
    return Error{Errc::invalid, '"' + std::string(name) + "\" must be a text"};
  return *found->string();
}

Result<std::uint64_t> number_at(const text::Value& object, std::string_view name) {
  const text::Value* const found = object.find(name);
  if (found == nullptr || found->integer() == nullptr || *found->integer() < 0)
    return Error{Errc::invalid, '"' + std::string(name) + "\" must be a whole number"};
  return static_cast<std::uint64_t>(*found->integer());
}

Result<SeenPurges> parse_seen(const text::Value* value) {
  const text::Value::Array* const rows = value == nullptr ? nullptr : value->array();
  if (rows == nullptr || rows->size() > limits::peers_max + 1)
    return Error{Errc::invalid, "\"seen\" must be a list of nodes"};
  SeenPurges seen;
  for (const text::Value& row : *rows) {
    const text::Value::Array* const pair = row.array();
    const bool is_pair = pair != nullptr && pair->size() == 2 && (*pair)[0].string() != nullptr &&
                         (*pair)[1].integer() != nullptr && *(*pair)[1].integer() >= 0;
    if (!is_pair) return Error{Errc::invalid, "a row of \"seen\" must be [node, number]"};
    seen.emplace_back(*(*pair)[0].string(), static_cast<std::uint64_t>(*(*pair)[1].integer()));
  }
  return seen;
}

}  // namespace

std::string encode_fill_question(const FillQuestion& asked) {
  text::Value out = text::Value::Object{};
  out.set("node", asked.node);
  text::Value::Array seen;
  for (const auto& [node, number] : asked.seen) {
    text::Value::Array row;
    row.emplace_back(node);
    row.emplace_back(number);
    seen.emplace_back(std::move(row));
  }
  out.set("seen", std::move(seen));
  out.set("has", asked.has);
  if (asked.page) {
    text::Value page = text::Value::Object{};
    page.set("key", asked.page->key);
    page.set("site", asked.page->site);
    out.set("page", std::move(page));
  }
  if (asked.answer) {
    text::Value answer = text::Value::Object{};
    answer.set("key", asked.answer->key);
    for (const Part& part : parts)
      answer.set(std::string(part.name), asked.answer->question.*part.text);
    out.set("answer", std::move(answer));
  }
  if (asked.drop) out.set("drop", *asked.drop);
  return text::json_of(out);
}

Result<FillQuestion> parse_fill_question(std::string_view body) {
  const text::Value root = TRY(text::parse_json(
      body, {limits::json_depth_max, text::Duplicates::refuse, limits::fill_question_bytes_max}));
  FillQuestion asked;
  asked.node = TRY(text_at(root, "node"));
  if (asked.node.size() != node_bytes)
    return Error{Errc::invalid, "\"node\" must be 32 hexadecimal digits"};
  asked.seen = TRY(parse_seen(root.find("seen")));
  asked.has = TRY(text_at(root, "has"));
  const text::Value* const page = root.find("page");
  const text::Value* const answer = root.find("answer");
  const text::Value* const drop = root.find("drop");
  if ((page != nullptr) + (answer != nullptr) + (drop != nullptr) != 1)
    return Error{Errc::invalid, "one of \"page\", \"answer\" and \"drop\" is asked for"};
  if (drop != nullptr) {
    asked.drop = TRY(text_at(root, "drop"));
    return asked;
  }
  if (page != nullptr) {
    asked.page.emplace();
    asked.page->key = TRY(text_at(*page, "key"));
    asked.page->site = TRY(text_at(*page, "site"));
    return asked;
  }
  asked.answer.emplace();
  asked.answer->key = TRY(text_at(*answer, "key"));
  for (const Part& part : parts)
    asked.answer->question.*part.text = TRY(text_at(*answer, part.name));
  return asked;
}

std::string encode_fill_reply(const FillReply& reply) {
  text::Value head = text::Value::Object{};
  if (!reply.why.empty()) {
    head.set("why", reply.why);
    return text::json_of(head) + '\n';
  }
  const std::string record = store::encode_fill(reply.record);
  head.set("age_ns", static_cast<std::uint64_t>(std::max(reply.age.count(), Nanos::rep{0})));
  head.set("record", static_cast<std::uint64_t>(record.size()));
  head.set("body", static_cast<std::uint64_t>(reply.is_same ? 0 : reply.body.size()));
  if (reply.is_same) head.set("same", true);
  std::string out = text::json_of(head) + '\n';
  out.reserve(out.size() + record.size() + reply.body.size());
  out += record;
  if (!reply.is_same) out += reply.body;
  return out;
}

Result<FillReply> parse_fill_reply(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return Error{Errc::invalid, "a reply without its first line"};
  const text::Value head = TRY(text::parse_json(text.substr(0, end)));
  FillReply reply;
  if (const text::Value* const why = head.find("why")) {
    if (why->string() == nullptr || why->string()->empty())
      return Error{Errc::invalid, "\"why\" must be a text"};
    reply.why = *why->string();
    return reply;
  }
  const std::uint64_t record_bytes = TRY(number_at(head, "record"));
  const std::uint64_t body_bytes = TRY(number_at(head, "body"));
  const std::uint64_t age_ns = TRY(number_at(head, "age_ns"));
  const std::string_view rest = text.substr(end + 1);
  if (record_bytes > rest.size() || body_bytes != rest.size() - record_bytes)
    return Error{Errc::invalid, "a reply that is not as long as it says"};
  reply.age = Nanos(static_cast<Nanos::rep>(age_ns));
  reply.record = TRY(store::decode_fill(rest.substr(0, record_bytes)));
  const text::Value* const same = head.find("same");
  reply.is_same = same != nullptr && same->boolean() != nullptr && *same->boolean();
  if (reply.is_same) return reply;
  reply.body = rest.substr(record_bytes);
  if (reply.record.kind != store::FillKind::gone && sha256_of(reply.body) != reply.record.sha256)
    return Error{Errc::corrupt, "a reply whose body is not what its record says"};
  return reply;
}

}  // namespace weir::edge
