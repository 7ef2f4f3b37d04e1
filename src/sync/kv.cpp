#include "sync/kv.h"

#include "base/bytes.h"
#include "text/date.h"
#include "text/json.h"
#include "text/utf8.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace weir::sync {

using text::Value;

namespace {

constexpr std::int64_t expiry_seconds_max = 10LL * 366 * 24 * 3600;
constexpr std::size_t type_bytes_max = 127;

bool is_json(std::string_view type) {
  return type == "application/json" || type.substr(0, 17) == "application/json;";
}

// "v" with the value itself when it is JSON, "b64" otherwise.
std::string value_member(std::string_view type, std::string_view bytes) {
  return is_json(type) ? "\"v\":" + std::string(bytes)
                       : "\"b64\":\"" + base64_of(bytes_of(bytes)) + '"';
}

// {"k":..,"ver":..,"exp":..,"type":..,"v":..}
std::string entry_json(std::string_view key, std::int64_t version,
                       const std::optional<std::int64_t>& expiry_ms, std::string_view type,
                       std::string_view bytes) {
  std::string out = "{\"k\":" + quoted(key) + ",\"ver\":" + std::to_string(version);
  if (expiry_ms) out += ",\"exp\":" + std::to_string(*expiry_ms);
  out += ",\"type\":" + quoted(type) + ',' + value_member(type, bytes) + '}';
  // JSON may hold line breaks between its tokens; a server-sent event may not.
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return out;
}

std::string removal_json(std::string_view key) { return "{\"k\":" + quoted(key) + '}'; }

std::int64_t ms_of(const text::DateTime& date) {
  return date.seconds * 1'000 + date.nanos / 1'000'000;
}

Reply bad_request(std::string detail) {
  return problem_reply(Problem::bad_request, std::move(detail));
}

}  // namespace

std::string etag_of_version(std::int64_t version) { return "\"v" + std::to_string(version) + '"'; }

// --- what may be asked ---------------------------------------------------------------------------

std::optional<Reply> refuse_key(std::string_view key) {
  if (key.empty() || key.size() > limits::kv_key_bytes_max)
    return bad_request("a key has 1 to " + std::to_string(limits::kv_key_bytes_max) + " bytes");
  if (!text::is_utf8(key)) return bad_request("a key is valid UTF-8");
  return std::nullopt;
}

std::optional<Reply> refuse_value(const KvValue& value) {
  if (value.bytes.size() > limits::kv_value_bytes_max)
    return problem_reply(
        Problem::too_large,
        "a value has at most " + std::to_string(limits::kv_value_bytes_max) + " bytes");
  const bool is_plain = std::all_of(value.type.begin(), value.type.end(),
                                    [](char c) { return c >= ' ' && c <= '~'; });
  if (value.type.empty() || value.type.size() > type_bytes_max || !is_plain)
    return bad_request("Content-Type: expected at most " + std::to_string(type_bytes_max) +
                       " printable characters");
  if (!is_json(value.type)) return std::nullopt;
  const Result<Value> parsed =
      text::parse_json(value.bytes, {.depth_max = limits::sync_json_depth_max});
  if (!parsed) return bad_request("the value is not JSON: " + parsed.error().text());
  return std::nullopt;
}

std::variant<std::optional<std::int64_t>, Reply> parse_expiry(std::string_view in,
                                                              std::string_view at, Wall now) {
  using Expiry = std::optional<std::int64_t>;
  if (!in.empty() && !at.empty())
    return bad_request("Expires-In and Expires-At exclude each other");
  if (!in.empty()) {
    const auto seconds = parse_i64(in);
    if (!seconds || *seconds < 1 || *seconds > expiry_seconds_max)
      return bad_request("Expires-In: expected whole seconds from 1 to " +
                         std::to_string(expiry_seconds_max));
    return Expiry(now.millis() + *seconds * 1'000);
  }
  if (at.empty()) return Expiry();
  const Result<text::DateTime> date = text::parse_date(at);
  if (!date || date->form != text::DateForm::offset)
    return bad_request("Expires-At: expected a date and time as in 2026-12-24T18:00:00Z");
  if (ms_of(*date) <= now.millis()) return bad_request("Expires-At: the moment has passed");
  return Expiry(ms_of(*date));
}

std::variant<KvCondition, Reply> parse_condition(std::string_view if_match,
                                                 std::string_view if_none_match) {
  KvCondition condition;
  if (!if_none_match.empty()) {
    if (trim(if_none_match) != "*")
      return bad_request("If-None-Match: only * is understood when writing");
    condition.must_be_absent = true;
  }
  if (if_match.empty()) return condition;
  if (trim(if_match) == "*") {
    condition.must_exist = true;
    return condition;
  }
  while (true) {
    const std::size_t comma = if_match.find(',');
    const std::string_view tag = trim(if_match.substr(0, comma));
    const bool is_ours = tag.size() > 3 && tag.substr(0, 2) == "\"v" && tag.back() == '"';
    const auto version = is_ours ? parse_i64(tag.substr(2, tag.size() - 3)) : std::nullopt;
    condition.versions.push_back(
        version.value_or(-1));  // a tag of others, or a weak one, matches nothing
    if (comma == std::string_view::npos) return condition;
    if_match.remove_prefix(comma + 1);
  }
}

namespace {

std::optional<std::string> read_key(const Value& value, std::string_view member, Reply& refusal) {
  const Value* found = member.empty() ? &value : value.find(member);
  const std::string* key = found == nullptr ? nullptr : found->string();
  if (key == nullptr) {
    refusal = bad_request("each item has a key \"k\"; a deletion is the key itself");
    return std::nullopt;
  }
  if (auto refused = refuse_key(*key)) {
    refusal = *std::move(refused);
    return std::nullopt;
  }
  return *key;
}

std::variant<KvSet, Reply> decode_set(const Value& item, Wall now) {
  Reply refusal;
  const auto key = read_key(item, "k", refusal);
  if (!key) return refusal;
  KvSet set;
  set.key = *key;
  const Value* json = item.find("v");
  const Value* binary = item.find("b64");
  if ((json == nullptr) == (binary == nullptr))
    return bad_request("a set has either \"v\" or \"b64\": " + *key);
  if (json != nullptr) {
    set.value.type = "application/json";
    set.value.bytes = text::json_of(*json);
  } else {
    const auto bytes = binary->string() == nullptr ? std::nullopt : parse_base64(*binary->string());
    if (!bytes) return bad_request("\"b64\" is not base64: " + *key);
    set.value.bytes = *bytes;
    if (const Value* type = item.find("type"); type != nullptr && type->string() != nullptr)
      set.value.type = *type->string();
  }
  const Value* in = item.find("expires_in");
  const Value* at = item.find("expires_at");
  const std::string in_text = in == nullptr ? "" : text::json_of(*in);
  const std::string at_text = at == nullptr ? "" : at->string() == nullptr ? "?" : *at->string();
  auto expiry = parse_expiry(in_text, at_text, now);
  if (Reply* refused = std::get_if<Reply>(&expiry)) return std::move(*refused);
  set.value.expiry_ms = std::get<0>(expiry);
  if (auto refused = refuse_value(set.value)) return *std::move(refused);
  return set;
}

std::variant<KvCheck, Reply> decode_check(const Value& item) {
  Reply refusal;
  const auto key = read_key(item, "k", refusal);
  if (!key) return refusal;
  const Value* version = item.find("ver");
  if (version == nullptr || (!version->is_null() && version->integer() == nullptr))
    return bad_request("a check has \"ver\": a version, or null for a key that must not exist");
  KvCheck check{*key, std::nullopt};
  if (!version->is_null()) check.version = *version->integer();
  return check;
}

}  // namespace

std::variant<KvBatch, Reply> decode_kv_batch(std::string_view body, Wall now) {
  // A value may be as deep as one that is put alone; the batch is round it.
  const Result<Value> parsed =
      text::parse_json(body, {.depth_max = limits::sync_json_depth_max + 3});
  if (!parsed) return bad_request("the body is not JSON: " + parsed.error().text());
  if (!parsed->is_object()) return bad_request("expected an object with checks, sets and deletes");
  KvBatch batch;
  std::size_t items = 0;
  for (const text::Member& member : *parsed->object()) {
    const std::string& name = member.name;
    if (name != "checks" && name != "sets" && name != "deletes")
      return bad_request("expected checks, sets and deletes, found '" + name + "'");
    const Value::Array* list = member.value.array();
    if (list == nullptr) return bad_request("'" + name + "' is not an array");
    items += list->size();
    if (items > limits::kv_atomic_max)
      return problem_reply(
          Problem::too_large,
          "a batch has at most " + std::to_string(limits::kv_atomic_max) + " items");
    for (const Value& item : *list) {
      if (name == "checks") {
        auto check = decode_check(item);
        if (Reply* refused = std::get_if<Reply>(&check)) return std::move(*refused);
        batch.checks.push_back(std::get<KvCheck>(std::move(check)));
      } else if (name == "sets") {
        auto set = decode_set(item, now);
        if (Reply* refused = std::get_if<Reply>(&set)) return std::move(*refused);
        batch.sets.push_back(std::get<KvSet>(std::move(set)));
      } else {
        Reply refusal;
        auto key = read_key(item, "", refusal);
        if (!key) return refusal;
        batch.deletes.push_back(*std::move(key));
      }
    }
  }
  std::set<std::string_view> written;
  for (const KvSet& set : batch.sets)
    if (!written.insert(set.key).second) return bad_request("the key is written twice: " + set.key);
  for (const std::string& key : batch.deletes)
    if (!written.insert(key).second) return bad_request("the key is written twice: " + key);
  return batch;
}

// --- writing -------------------------------------------------------------------------------------

namespace {

using Version = std::optional<std::int64_t>;  // none = the key is not there

Result<Version> version_of(Commit& commit, std::string_view key) {
  data::Statement& find = commit.sql().find_kv;
  find.bind_blob(1, key).bind(2, commit.now().millis());
  Version version;
  if (TRY(find.step())) version = find.integer(0);
  find.reset();
  return version;
}

Status store(Tenant& tenant, Commit& commit, const KvSet& set, std::int64_t position) {
  data::Statement& put = commit.sql().put_kv;
  put.bind_blob(1, set.key)
      .bind(2, position)
      .bind_text(4, set.value.type)
      .bind_blob(5, set.value.bytes);
  if (set.value.expiry_ms) put.bind(3, *set.value.expiry_ms);
  else put.bind_null(3);
  TRY(put.run());
  // Early is harmless: a sweep that finds nothing looks for the next expiry.
  if (set.value.expiry_ms) tenant.note_expiry(*set.value.expiry_ms);
  commit.change_key(set.key, position, [&commit, &set, position] {
    const std::string json =
        entry_json(set.key, position, set.value.expiry_ms, set.value.type, set.value.bytes);
    return event_text(commit.context().epoch, position, "put", json);
  });
  ++commit.counts.kv_writes;
  return done;
}

Status drop(Commit& commit, std::string_view key, std::int64_t position) {
  TRY(commit.sql().drop_kv.bind_blob(1, key).run());
  commit.change_key(key, position, [&commit, key, position] {
    return event_text(commit.context().epoch, position, "delete", removal_json(key));
  });
  ++commit.counts.kv_writes;
  return done;
}

bool holds(const KvCondition& condition, const Version& version) {
  if (condition.must_be_absent && version) return false;
  if (condition.must_exist && !version) return false;
  if (condition.versions.empty()) return true;
  return version && std::find(condition.versions.begin(), condition.versions.end(), *version) !=
                        condition.versions.end();
}

Reply precondition_reply(const std::string& key, const Version& version) {
  const std::string found = version ? "version " + std::to_string(*version) : "nothing";
  return problem_reply(Problem::precondition, "the key '" + key + "' holds " + found,
                       {{"k", Value(key)}, {"ver", version ? Value(*version) : Value()}});
}

Reply written_reply(const Tenant& tenant, int status, std::int64_t position,
                    std::string_view first_members) {
  std::string body = "{" + std::string(first_members) + "\"ver\":" + std::to_string(position);
  body += tenant.is_durable() ? ",\"durable\":true}" : ",\"durable\":false}";
  Reply reply = json_reply(status, std::move(body));
  reply.fields.emplace_back("etag", etag_of_version(position));
  reply.fields.emplace_back("sync-token", tenant.sync_token(position));
  reply.fields.emplace_back("cache-control", "no-store");
  return reply;
}

}  // namespace

Job kv_put_job(const std::shared_ptr<Tenant>& tenant, KvSet set, KvCondition condition) {
  Job job;
  job.bytes = set.key.size() + set.value.bytes.size();
  const auto shared = std::make_shared<const KvSet>(std::move(set));
  job.apply = [tenant, shared, condition = std::move(condition)](Commit& commit) -> Result<Reply> {
    const Version version = TRY(version_of(commit, shared->key));
    if (!holds(condition, version)) return precondition_reply(shared->key, version);
    const std::int64_t position = commit.take_position();
    TRY(store(*tenant, commit, *shared, position));
    return written_reply(*tenant, version ? 200 : 201, position,
                         "\"k\":" + quoted(shared->key) + ',');
  };
  return job;
}

Job kv_delete_job(const std::shared_ptr<Tenant>& tenant, std::string key, KvCondition condition) {
  Job job;
  job.grows = false;
  job.apply = [tenant, key = std::move(key),
               condition = std::move(condition)](Commit& commit) -> Result<Reply> {
    const Version version = TRY(version_of(commit, key));
    if (!holds(condition, version)) return precondition_reply(key, version);
    if (!version) return problem_reply(Problem::not_found, "there is no such key");
    const std::int64_t position = commit.take_position();
    TRY(drop(commit, key, position));
    Reply reply;
    reply.status = 204;
    reply.fields.emplace_back("sync-token", tenant->sync_token(position));
    return reply;
  };
  return job;
}

Job kv_atomic_job(const std::shared_ptr<Tenant>& tenant, KvBatch batch) {
  Job job;
  job.ops = std::max<std::size_t>(1, batch.sets.size() + batch.deletes.size());
  for (const KvSet& set : batch.sets) job.bytes += set.key.size() + set.value.bytes.size();
  job.grows = !batch.sets.empty();
  const auto shared = std::make_shared<const KvBatch>(std::move(batch));
  job.apply = [tenant, shared](Commit& commit) -> Result<Reply> {
    for (const KvCheck& check : shared->checks) {
      const Version version = TRY(version_of(commit, check.key));
      if (version != check.version) return precondition_reply(check.key, version);
    }
    if (shared->sets.empty() && shared->deletes.empty())
      return written_reply(*tenant, 200, commit.last_position(), "");
    const std::int64_t position = commit.take_position();  // one moment, one version
    for (const KvSet& set : shared->sets) TRY(store(*tenant, commit, set, position));
    for (const std::string& key : shared->deletes) TRY(drop(commit, key, position));
    return written_reply(*tenant, 200, position, "");
  };
  return job;
}

Job sweep_job(const std::shared_ptr<Tenant>& tenant) {
  Job job;
  job.ops = limits::kv_sweep_rows;
  job.grows = false;
  job.apply = [tenant](Commit& commit) -> Result<Reply> {
    data::Database& database = commit.context().database;
    std::vector<std::string> expired;
    data::Statement find = TRY(database.prepare(
        "SELECT k FROM kv WHERE exp<=? ORDER BY exp LIMIT ?", "find expired keys"));
    find.bind(1, commit.now().millis()).bind(2, static_cast<std::int64_t>(limits::kv_sweep_rows));
    while (TRY(find.step())) expired.emplace_back(find.bytes(0));
    if (!expired.empty()) {
      const std::int64_t position = commit.take_position();
      for (const std::string& key : expired) TRY(drop(commit, key, position));
    }
    tenant->note_expiry(TRY(database.read_integer(
        "SELECT coalesce(min(exp), 9223372036854775807) FROM kv WHERE exp IS NOT NULL",
        "find the next expiry")));
    return Reply{};
  };
  job.answer = [tenant](const Reply& reply) {
    if (reply.failed()) tenant->note_expiry(0);  // ask again at the next tick
  };
  return job;
}

// --- reading -------------------------------------------------------------------------------------

Result<Reply> kv_get(const Tenant& tenant, Reader& reader, std::string_view key,
                     std::string_view if_none_match) {
  data::Statement& find = reader.value;
  find.bind_blob(1, key).bind(2, tenant.room().clock.wall().millis());
  if (!TRY(find.step())) {
    find.reset();
    return problem_reply(Problem::not_found, "there is no such key");
  }
  Reply reply;
  const std::string etag = etag_of_version(find.integer(0));
  reply.fields.emplace_back("etag", etag);
  reply.fields.emplace_back("cache-control", "private, no-cache");
  if (!find.is_null(1)) {
    const Wall expiry{find.integer(1) * 1'000'000};
    reply.fields.emplace_back("expires-at", text::rfc3339_of(text::date_of_wall(expiry)));
  }
  if (if_none_match == etag || trim(if_none_match) == "*") {
    reply.status = 304;
  } else {
    // Whoever may write a key chooses its type: never let a browser run it as ours.
    reply.fields.emplace_back("content-type", std::string(find.bytes(2)));
    reply.fields.emplace_back("x-content-type-options", "nosniff");
    reply.fields.emplace_back("content-security-policy", "default-src 'none'; sandbox");
    reply.body = std::make_shared<const std::string>(find.bytes(3));
  }
  find.reset();
  return reply;
}

Result<Reply> kv_list(const Tenant& tenant, Reader& reader, const KvListing& listing) {
  std::optional<std::string> after = parse_base64url(listing.cursor);
  if (!after) return problem_reply(Problem::bad_request, "cursor: expected one that a list gave");
  data::Statement rows =
      TRY(reader.database.prepare("SELECT k, ver, exp, type, v FROM kv WHERE k>=? AND k>? AND (exp "
                                  "IS NULL OR exp>?) ORDER BY k",
                                  "list keys"));
  rows.bind_blob(1, listing.prefix)
      .bind_blob(2, *after)
      .bind(3, tenant.room().clock.wall().millis());
  std::string items;
  std::string last_key;
  std::size_t looked_at = 0;
  std::size_t count = 0;
  bool has_more = false;
  while (TRY(rows.step())) {
    const std::string_view key = rows.bytes(0);
    if (key.substr(0, listing.prefix.size()) != listing.prefix) break;
    if (looked_at == limits::kv_list_max || count == listing.count_max ||
        items.size() > limits::sync_page_bytes_max) {
      has_more = true;
      break;
    }
    ++looked_at;
    last_key = key;
    if (!listing.may_read(key)) continue;
    ++count;
    const std::optional<std::int64_t> expiry =
        rows.is_null(2) ? std::nullopt : std::optional(rows.integer(2));
    if (!items.empty()) items += ',';
    items += entry_json(key, rows.integer(1), expiry, rows.bytes(3), rows.bytes(4));
  }
  std::string body = "{\"items\":[" + items + "],\"cursor\":";
  body += has_more ? '"' + base64url_of(bytes_of(last_key)) + "\"}" : "null}";
  Reply reply = json_reply(200, std::move(body));
  reply.fields.emplace_back("cache-control", "no-store");
  return reply;
}

LogFeed::Read kv_events(std::shared_ptr<Tenant> tenant, std::string key) {
  return [tenant = std::move(tenant),
          key = std::move(key)](std::int64_t cursor) -> Result<LogFeed::Refill> {
    const std::int64_t last_position = tenant->last_position();
    Tenant::Lease lease = TRY(tenant->read());
    data::Statement& find = lease->value;
    find.bind_blob(1, key).bind(2, tenant->room().clock.wall().millis());
    LogFeed::Refill refill;
    refill.cursor = cursor;
    if (TRY(find.step())) {
      const std::int64_t version = find.integer(0);
      const std::optional<std::int64_t> expiry =
          find.is_null(1) ? std::nullopt : std::optional(find.integer(1));
      if (version > cursor) {
        refill.cursor = version;
        const std::string json = entry_json(key, version, expiry, find.bytes(2), find.bytes(3));
        refill.texts = {
            std::make_shared<const std::string>(event_text(tenant->epoch(), version, "put", json))};
      }
    } else if (last_position > cursor) {
      // Nothing there now, whatever the watcher saw before.
      refill.cursor = last_position;
      refill.texts = {std::make_shared<const std::string>(
          event_text(tenant->epoch(), last_position, "delete", removal_json(key)))};
    }
    find.reset();
    return refill;
  };
}

}  // namespace weir::sync
