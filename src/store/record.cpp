#include "store/record.h"

#include "base/bytes.h"

#include <cstring>

namespace weir::store {
namespace {

void append_text(std::string& out, std::string_view text) {
  append_le(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}
void append_i64(std::string& out, std::int64_t number) {
  append_le(out, static_cast<std::uint64_t>(number));
}
void append_texts(std::string& out, const std::vector<std::string>& texts) {
  append_le(out, static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) append_text(out, text);
}
void append_epochs(std::string& out, const std::vector<std::pair<std::string, Epochs>>& list) {
  append_le(out, static_cast<std::uint32_t>(list.size()));
  for (const auto& [name, epochs] : list) {
    append_text(out, name);
    append_le(out, epochs.soft);
    append_le(out, epochs.hard);
  }
}

// Takes from the front. After a value that is not there everything is empty and `is_whole` is
// false.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : left_(bytes) {}
  template <class T>
  T number() {
    const std::string_view bytes = take(sizeof(T));
    return bytes.empty() ? T{0} : load_le<T>(bytes.data());
  }
  std::int64_t i64() { return static_cast<std::int64_t>(number<std::uint64_t>()); }
  std::string_view text() { return take(number<std::uint32_t>()); }
  std::string_view take(std::size_t bytes) {
    if (bytes > left_.size()) {
      is_good_ = false;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }
  // Of items that take at least `bytes_least` each: a count that cannot be true is refused before
  // anything is reserved.
  std::size_t count(std::size_t bytes_least) {
    const std::size_t count = number<std::uint32_t>();
    if (count <= left_.size() / bytes_least) return count;
    is_good_ = false;
    left_ = {};
    return 0;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> out(count(4));
    for (std::string& item : out) item = text();
    return out;
  }
  std::vector<std::pair<std::string, Epochs>> epochs() {
    std::vector<std::pair<std::string, Epochs>> out(count(20));
    for (auto& [name, pair] : out) {
      name = text();
      pair.soft = number<std::uint64_t>();
      pair.hard = number<std::uint64_t>();
    }
    return out;
  }
  Status finished(std::string_view what) const {
    if (is_good_ && left_.empty()) return done;
    return Error{Errc::corrupt, std::string(what) + " record: its parts do not fill it exactly"};
  }
  bool is_good() const { return is_good_; }

 private:
  std::string_view left_;
  bool is_good_ = true;
};

}  // namespace

std::string encode_fill(const Fill& fill) {
  std::string out;
  out.reserve(256 + fill.inline_blob.size());
  append_text(out, fill.key);
  out.push_back(static_cast<char>(fill.kind));
  append_le(out, static_cast<std::uint16_t>(fill.status));
  append_text(out, fill.content_type);
  append_le(out, static_cast<std::uint32_t>(fill.fields.size()));
  for (const auto& [name, value] : fill.fields) {
    append_text(out, name);
    append_text(out, value);
  }
  append_le(out, fill.body_id.low);
  append_le(out, fill.body_id.high);
  out += text_of(fill.sha256);
  append_le(out, fill.body_bytes);
  append_text(out, fill.inline_blob);
  append_texts(out, fill.tags);
  append_i64(out, fill.policy.ttl ? fill.policy.ttl->count() : -1);
  append_i64(out, fill.policy.swr.count());
  append_i64(out, fill.policy.sie.count());
  append_le(out, fill.release);
  append_le(out, fill.fill_seq);
  append_i64(out, fill.rendered.ns);
  append_i64(out, fill.modified.ns);
  return out;
}

Result<Fill> decode_fill(std::string_view payload) {
  Cursor in(payload);
  Fill fill;
  fill.key = in.text();
  fill.kind = in.number<std::uint8_t>() == 1 ? FillKind::gone : FillKind::page;
  fill.status = in.number<std::uint16_t>();
  fill.content_type = in.text();
  fill.fields.resize(in.count(8));
  for (auto& [name, value] : fill.fields) {
    name = in.text();
    value = in.text();
  }
  fill.body_id.low = in.number<std::uint64_t>();
  fill.body_id.high = in.number<std::uint64_t>();
  const std::string_view sha = in.take(fill.sha256.size());
  if (in.is_good()) std::memcpy(fill.sha256.data(), sha.data(), sha.size());
  fill.body_bytes = in.number<std::uint64_t>();
  fill.inline_blob = in.text();
  fill.tags = in.texts();
  const std::int64_t ttl = in.i64();
  if (ttl >= 0) fill.policy.ttl = Nanos(ttl);
  fill.policy.swr = Nanos(in.i64());
  fill.policy.sie = Nanos(in.i64());
  fill.release = in.number<std::uint64_t>();
  fill.fill_seq = in.number<std::uint64_t>();
  fill.rendered.ns = in.i64();
  fill.modified.ns = in.i64();
  TRY(in.finished("fill"));
  return fill;
}

Result<FillHead> decode_fill_head(std::string_view payload) {
  Cursor in(payload);
  FillHead head;
  head.key = in.text();
  head.kind = in.number<std::uint8_t>() == 1 ? FillKind::gone : FillKind::page;
  in.number<std::uint16_t>();
  in.text();
  for (std::size_t left = in.count(8); left > 0; --left) {
    in.text();
    in.text();
  }
  head.body_id.low = in.number<std::uint64_t>();
  head.body_id.high = in.number<std::uint64_t>();
  in.take(32 + 8);
  head.is_inline = !in.text().empty();
  for (std::size_t left = in.count(4); left > 0; --left) in.text();
  in.take(24);
  head.release = in.number<std::uint64_t>();
  in.number<std::uint64_t>();
  head.rendered.ns = in.i64();
  in.i64();
  TRY(in.finished("fill"));
  return head;
}

std::string encode_purge(const PurgeRecord& record, Wall wall) {
  std::string out;
  out.push_back(
      static_cast<char>(static_cast<unsigned>(record.mode) | (record.is_learnt ? 2U : 0U)));
  out.push_back(record.all ? 1 : 0);
  append_i64(out, wall.ns);
  append_text(out, record.id);
  append_texts(out, record.tags);
  append_texts(out, record.prefixes);
  return out;
}

Result<std::pair<PurgeRecord, Wall>> decode_purge(std::string_view payload) {
  Cursor in(payload);
  PurgeRecord record;
  const auto mode = in.number<std::uint8_t>();
  record.mode = (mode & 1U) != 0 ? PurgeMode::hard : PurgeMode::soft;
  record.is_learnt = (mode & 2U) != 0;
  record.all = in.number<std::uint8_t>() == 1;
  const Wall wall{in.i64()};
  record.id = in.text();
  record.tags = in.texts();
  record.prefixes = in.texts();
  TRY(in.finished("purge"));
  return std::pair(std::move(record), wall);
}

std::string encode_activation(const Activation& activation) {
  std::string out;
  append_le(out, activation.release);
  append_i64(out, activation.created.ns);
  append_i64(out, activation.wall.ns);
  return out;
}

Result<Activation> decode_activation(std::string_view payload) {
  Cursor in(payload);
  Activation activation;
  activation.release = in.number<std::uint64_t>();
  activation.created.ns = in.i64();
  activation.wall.ns = in.i64();
  TRY(in.finished("activation"));
  return activation;
}

std::string encode_state(const StateRecord& state) {
  std::string out;
  append_i64(out, state.wall.ns);
  append_le(out, state.active);
  append_le(out, state.active_seq);
  append_i64(out, state.active_created.ns);
  append_le(out, state.purges.seq);
  append_le(out, state.purges.all.soft);
  append_le(out, state.purges.all.hard);
  append_epochs(out, state.purges.tags);
  append_epochs(out, state.purges.prefixes);
  return out;
}

Result<StateRecord> decode_state(std::string_view payload) {
  Cursor in(payload);
  StateRecord state;
  state.wall.ns = in.i64();
  state.active = in.number<std::uint64_t>();
  state.active_seq = in.number<std::uint64_t>();
  state.active_created.ns = in.i64();
  state.purges.seq = in.number<std::uint64_t>();
  state.purges.all.soft = in.number<std::uint64_t>();
  state.purges.all.hard = in.number<std::uint64_t>();
  state.purges.tags = in.epochs();
  state.purges.prefixes = in.epochs();
  TRY(in.finished("state"));
  return state;
}

std::string encode_epochs(const PurgeState& purges) {
  std::string out;
  append_le(out, purges.seq);
  append_le(out, purges.all.soft);
  append_le(out, purges.all.hard);
  append_epochs(out, purges.tags);
  append_epochs(out, purges.prefixes);
  return out;
}

Result<PurgeState> decode_epochs(std::string_view payload) {
  Cursor in(payload);
  PurgeState purges;
  purges.seq = in.number<std::uint64_t>();
  purges.all.soft = in.number<std::uint64_t>();
  purges.all.hard = in.number<std::uint64_t>();
  purges.tags = in.epochs();
  purges.prefixes = in.epochs();
  TRY(in.finished("own"));
  return purges;
}

std::string encode_ids(const PurgeIds& ids) {
  std::string out;
  append_le(out, static_cast<std::uint32_t>(ids.size()));
  for (const auto& [id, seq] : ids) {
    append_text(out, id);
    append_le(out, seq);
  }
  return out;
}

Result<PurgeIds> decode_ids(std::string_view payload) {
  Cursor in(payload);
  PurgeIds ids(in.count(12));
  for (auto& [id, seq] : ids) {
    id = in.text();
    seq = in.number<std::uint64_t>();
  }
  TRY(in.finished("ids"));
  return ids;
}

}  // namespace weir::store
