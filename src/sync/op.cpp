#include "sync/op.h"

#include "base/bytes.h"
#include "text/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace weir::sync {

namespace {

using text::Value;

constexpr std::array<std::string_view, 5> type_names{"gset", "lww", "max", "min", "orset"};

// Why an operation is refused, and where in it.
struct Fault {
  std::string pointer;
  std::string detail;
};
template <class T>
using Checked = std::variant<T, Fault>;

std::string bound_text(std::string_view what, std::size_t bytes_max) {
  return std::string(what) + " of 1 to " + std::to_string(bytes_max) + " bytes";
}

std::optional<Fault> read_name(const Value& op, std::string_view member, std::size_t bytes_max,
                               std::string& name) {
  const Value* found = op.find(member);
  const std::string* text = found == nullptr ? nullptr : found->string();
  if (text == nullptr || text->empty() || text->size() > bytes_max)
    return Fault{"/" + std::string(member), "expected " + bound_text("a text", bytes_max)};
  name = *text;
  return std::nullopt;
}

// Whole numbers up to 2^53 are exact as JSON numbers and must be written so; beyond, as decimal
// text in int64.
constexpr std::int64_t exact_max = std::int64_t{1} << 53;

bool is_decimal_beyond_exact(const std::string& text) {
  const auto number = parse_i64(text);
  return number && (*number > exact_max || *number < -exact_max) && std::to_string(*number) == text;
}

bool is_number(const Value& value) {
  if (const std::int64_t* integer = value.integer())
    return *integer <= exact_max && *integer >= -exact_max;
  if (const double* real = value.real()) return std::isfinite(*real);
  const std::string* text = value.string();
  return text != nullptr && is_decimal_beyond_exact(*text);
}

std::optional<Fault> read_value(const Value& op, std::size_t bytes_max, Op& into) {
  const Value* value = op.find("v");
  if (value == nullptr) return Fault{"/v", "the value is missing"};
  if (into.type != CrdtType::lww && !is_number(*value))
    return Fault{
        "/v", "expected a number; whole numbers beyond 2^53 as decimal text, \"9007199254740993\""};
  if (into.field == deleted_field && value->boolean() == nullptr)
    return Fault{"/v", "expected true or false for _deleted"};
  into.value = text::canonical_json_of(*value);
  if (into.value.size() > bytes_max)
    return Fault{"/v", "larger than " + std::to_string(bytes_max) + " bytes"};
  return std::nullopt;
}

std::optional<Fault> read_additions(const Value& op, std::size_t bytes_max, Op& into) {
  const Value* add = op.find("a");
  if (add == nullptr) return std::nullopt;
  const Value::Array* items = add->array();
  if (items == nullptr || items->empty() || items->size() > limits::sync_set_max)
    return Fault{"/a",
                 "expected an array of 1 to " + std::to_string(limits::sync_set_max) + " values"};
  into.add.reserve(items->size());
  std::size_t bytes = 0;
  for (const Value& item : *items) {
    into.add.push_back(text::canonical_json_of(item));
    bytes += into.add.back().size();
    if (bytes > bytes_max)
      return Fault{"/a", "larger than " + std::to_string(bytes_max) + " bytes together"};
  }
  return std::nullopt;
}

std::optional<Fault> read_removals(const Value& op, Op& into) {
  const Value* remove = op.find("r");
  if (remove == nullptr) return std::nullopt;
  const Value::Array* items = remove->array();
  if (items == nullptr || items->empty() || items->size() > limits::sync_set_max)
    return Fault{"/r",
                 "expected an array of 1 to " + std::to_string(limits::sync_set_max) + " tags"};
  into.remove.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string* tag = (*items)[i].string();
    if (tag == nullptr || !parse_tag(*tag))
      return Fault{"/r/" + std::to_string(i),
                   "expected a tag, \"replica:counter\" or \"replica:counter.index\""};
    into.remove.push_back(*tag);
  }
  return std::nullopt;
}

std::optional<Fault> find_stranger(const Value& op, CrdtType type) {
  const bool is_set = type == CrdtType::gset || type == CrdtType::orset;
  for (const text::Member& member : *op.object()) {
    const std::string& name = member.name;
    if (name == "e" || name == "f" || name == "t" || name == "h") continue;
    if (is_set ? name == "a" || (name == "r" && type == CrdtType::orset) : name == "v") continue;
    return Fault{"/" + name,
                 "no such member in an operation of type " + std::string(name_of(type))};
  }
  return std::nullopt;
}

Checked<Op> decode_op(const Value& value, std::size_t value_bytes_max) {
  if (!value.is_object())
    return Fault{"", "expected an object, found " + std::string(value.kind())};
  Op op;
  if (auto fault = read_name(value, "e", limits::sync_entity_bytes_max, op.entity)) return *fault;
  if (auto fault = read_name(value, "f", limits::sync_field_bytes_max, op.field)) return *fault;

  const Value* type = value.find("t");
  const std::string* type_name = type == nullptr ? nullptr : type->string();
  const auto row = type_name == nullptr
                       ? type_names.end()
                       : std::find(type_names.begin(), type_names.end(), *type_name);
  if (row == type_names.end()) return Fault{"/t", "expected one of lww, gset, orset, max, min"};
  op.type = static_cast<CrdtType>(row - type_names.begin());
  if (op.field == deleted_field && op.type != CrdtType::lww)
    return Fault{"/t", "_deleted is always of type lww"};

  const Value* stamp = value.find("h");
  const std::string* stamp_text = stamp == nullptr ? nullptr : stamp->string();
  const auto parsed = stamp_text == nullptr ? std::nullopt : parse_hlc(*stamp_text);
  if (!parsed) return Fault{"/h", "expected 16 lower-case hex digits"};
  op.stamp = *parsed;

  if (auto fault = find_stranger(value, op.type)) return *fault;
  if (op.type != CrdtType::gset && op.type != CrdtType::orset) {
    if (auto fault = read_value(value, value_bytes_max, op)) return *fault;
    return op;
  }
  if (auto fault = read_additions(value, value_bytes_max, op)) return *fault;
  if (auto fault = read_removals(value, op)) return *fault;
  if (op.add.empty() && op.remove.empty())
    return Fault{"/a", "a set operation adds or removes something"};
  return op;
}

Reply invalid_op(std::size_t index, Fault fault) {
  Value::Object error{{"op", Value(static_cast<std::int64_t>(index))},
                      {"pointer", Value("/ops/" + std::to_string(index) + fault.pointer)},
                      {"detail", Value(fault.detail)}};
  std::string detail = "operation " + std::to_string(index) + " is not valid: " + fault.detail;
  return problem_reply(Problem::invalid_op, std::move(detail),
                       {{"errors", Value(Value::Array{Value(std::move(error))})}});
}

Reply clock_drift(std::size_t index, const BatchBounds& bounds) {
  return problem_reply(Problem::clock_drift,
                       "operation " + std::to_string(index) +
                           " is stamped too far in the future; shift the clock by the "
                           "difference to server_now and stamp the unsent operations again",
                       {{"op", Value(static_cast<std::int64_t>(index))},
                        {"server_now", Value(bounds.server_now_ms)}});
}

void append_texts(std::string& out, std::string_view name, const std::vector<std::string>& texts,
                  std::string_view quote) {
  out += ",\"";
  out += name;
  out += "\":[";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    out += quote;
    out += texts[i];
    out += quote;
  }
  out += ']';
}

}  // namespace

std::string_view name_of(CrdtType type) { return type_names[static_cast<std::size_t>(type)]; }

bool is_replica(std::string_view text) {
  if (text.size() < 18 || text.size() > 64 || text.substr(0, 2) != "r_") return false;
  return std::all_of(text.begin() + 2, text.end(),
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); });
}

std::string tag_of(std::string_view replica, std::int64_t counter, std::size_t index) {
  std::string tag(replica);
  tag += ':';
  tag += std::to_string(counter);
  if (index > 0) tag += '.' + std::to_string(index);
  return tag;
}

std::optional<Tag> parse_tag(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon > 64) return std::nullopt;
  Tag tag;
  tag.replica = text.substr(0, colon);
  const bool is_plain = std::all_of(tag.replica.begin(), tag.replica.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_';
  });
  if (tag.replica.empty() || !is_plain) return std::nullopt;
  const std::string_view rest = text.substr(colon + 1);
  const std::size_t dot = rest.find('.');
  const auto counter = parse_i64(rest.substr(0, dot));
  if (!counter || *counter < 1 || *counter > counter_max) return std::nullopt;
  tag.counter = *counter;
  if (dot != std::string_view::npos) {
    const auto index = parse_u64(rest.substr(dot + 1));
    if (!index || *index == 0 || *index >= limits::sync_set_max) return std::nullopt;
    tag.index = *index;
  }
  // One text per tag: no leading zeros, no plus sign.
  if (tag_of(tag.replica, tag.counter, tag.index) != text) return std::nullopt;
  return tag;
}

std::string body_of(const Op& op) {
  std::string body = "\"e\":" + text::canonical_json_of(Value(op.entity));
  body += ",\"f\":" + text::canonical_json_of(Value(op.field));
  body += ",\"t\":\"";
  body += name_of(op.type);
  body += "\",\"h\":\"" + op.stamp.text() + '"';
  if (!op.value.empty()) body += ",\"v\":" + op.value;
  if (!op.add.empty()) append_texts(body, "a", op.add, "");
  if (!op.remove.empty()) append_texts(body, "r", op.remove, "\"");
  body += '}';
  return body;
}

Result<Op> parse_body(std::string_view body) {
  // Values were bounded when they came; the bounds may have been lowered since.
  const Value value = TRY(
      text::parse_json("{" + std::string(body), {.depth_max = limits::sync_json_depth_max + 2}));
  Checked<Op> op = decode_op(value, limits::sync_body_bytes_max);
  if (const Fault* fault = std::get_if<Fault>(&op))
    return Error{Errc::corrupt,
                 "a stored operation is not valid: " + fault->pointer + ": " + fault->detail};
  return std::get<Op>(std::move(op));
}

std::variant<Batch, Reply> decode_batch(std::string_view body, const BatchBounds& bounds) {
  if (body.size() > limits::sync_body_bytes_max)
    return problem_reply(
        Problem::too_large,
        "a batch has at most " + std::to_string(limits::sync_body_bytes_max) + " bytes");
  Result<Value> parsed = text::parse_json(body, {.depth_max = limits::sync_json_depth_max});
  if (!parsed)
    return problem_reply(Problem::bad_request, "the body is not JSON: " + parsed.error().text());
  return batch_of(*parsed, bounds);
}

std::variant<Batch, Reply> batch_of(const Value& body, const BatchBounds& bounds) {
  const Value* replica = body.find("rep");
  const Value* first = body.find("n");
  const Value* ops = body.find("ops");
  if (replica == nullptr || replica->string() == nullptr || !is_replica(*replica->string()))
    return problem_reply(
        Problem::bad_request,
        "rep: expected \"r_\" and 16 to 62 of 0-9 a-z, random for each installation");
  if (first == nullptr || first->integer() == nullptr || *first->integer() < 1 ||
      *first->integer() > counter_max - static_cast<std::int64_t>(bounds.ops_max))
    return problem_reply(Problem::bad_request,
                         "n: expected the counter of the first operation, from 1");
  if (ops == nullptr || !ops->is_array() || ops->array()->empty())
    return problem_reply(Problem::bad_request,
                         "ops: expected an array with at least one operation");
  if (ops->array()->size() > bounds.ops_max)
    return problem_reply(Problem::too_large,
                         "a batch has at most " + std::to_string(bounds.ops_max) +
                             " operations, found " + std::to_string(ops->array()->size()));

  Batch batch{*replica->string(), *first->integer(), {}, 0};
  batch.ops.reserve(ops->array()->size());
  for (std::size_t i = 0; i < ops->array()->size(); ++i) {
    Checked<Op> op = decode_op((*ops->array())[i], bounds.value_bytes_max);
    if (Fault* fault = std::get_if<Fault>(&op)) return invalid_op(i, std::move(*fault));
    const Op& valid = std::get<Op>(op);
    if (valid.stamp > bounds.stamp_max) return clock_drift(i, bounds);
    batch.ops.push_back({valid.stamp, body_of(valid)});
    batch.bytes += batch.ops.back().body.size();
  }
  return batch;
}

std::strong_ordering compare_numbers(std::string_view a, std::string_view b) {
  // long double holds every int64 and every double exactly (x86: 64 bits of mantissa, AArch64:
  // 113).
  static_assert(std::numeric_limits<long double>::digits >= 64);
  const auto number_of = [](std::string_view text) -> long double {
    if (text.front() == '"')
      return static_cast<long double>(parse_i64(text.substr(1, text.size() - 2)).value_or(0));
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return static_cast<long double>(number);
  };
  const long double x = number_of(a);
  const long double y = number_of(b);
  if (x < y) return std::strong_ordering::less;
  if (x > y) return std::strong_ordering::greater;
  return a.compare(b) <=> 0;
}

}  // namespace weir::sync
