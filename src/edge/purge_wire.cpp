#include "edge/purge_wire.h"

#include "edge/hook_senders.h"

#include "text/json.h"
#include "text/value.h"

namespace weir::edge {
namespace {

using Named = std::vector<std::pair<std::string, store::Epochs>>;

bool is_above(store::Epochs epochs, std::uint64_t after) {
  return epochs.soft > after || epochs.hard > after;
}

text::Value rows_of(const Named& named, std::uint64_t after) {
  text::Value::Array rows;
  for (const auto& [name, epochs] : named) {
    if (!is_above(epochs, after)) continue;
    text::Value::Array row;
    row.emplace_back(name);
    row.emplace_back(epochs.soft);
    row.emplace_back(epochs.hard);
    rows.emplace_back(std::move(row));
  }
  return rows;
}

Result<std::uint64_t> number_of(const text::Value* value) {
  const std::int64_t* number = value == nullptr ? nullptr : value->integer();
  if (number == nullptr || *number < 0)
    return Error{Errc::invalid, "a purge number is missing or malformed"};
  return static_cast<std::uint64_t>(*number);
}

Result<Named> parse_rows(const text::Value* value) {
  const text::Value::Array* rows = value == nullptr ? nullptr : value->array();
  if (rows == nullptr) return Error{Errc::invalid, "a list of purged names is missing"};
  Named named;
  for (const text::Value& row : *rows) {
    const text::Value::Array* parts = row.array();
    const std::string* name =
        parts == nullptr || parts->size() != 3 ? nullptr : (*parts)[0].string();
    if (name == nullptr) return Error{Errc::invalid, "a purged name must be [name, soft, hard]"};
    store::Epochs epochs;
    epochs.soft = TRY(number_of(&(*parts)[1]));
    epochs.hard = TRY(number_of(&(*parts)[2]));
    named.emplace_back(*name, epochs);
  }
  return named;
}

struct RefreshPart {
  std::string_view name;
  std::vector<std::string> cache::PurgeRequest::*names;
};
constexpr RefreshPart refresh_parts[] = {{"tags", &cache::PurgeRequest::tags},
                                         {"paths", &cache::PurgeRequest::paths},
                                         {"prefixes", &cache::PurgeRequest::prefixes},
                                         {"hosts", &cache::PurgeRequest::hosts}};

text::Value value_of(const cache::PurgeRequest& request) {
  text::Value out = text::Value::Object{};
  out.set("all", request.all);
  for (const RefreshPart& part : refresh_parts) {
    text::Value::Array names;
    for (const std::string& name : request.*part.names) names.emplace_back(name);
    out.set(std::string(part.name), std::move(names));
  }
  return out;
}

Result<cache::PurgeRequest> parse_refresh(const text::Value& value) {
  const Error malformed{Errc::invalid, "a row of \"refresh\" is malformed"};
  cache::PurgeRequest request;
  request.mode = cache::Mode::refresh;
  const text::Value* const all = value.find("all");
  if (all == nullptr || all->boolean() == nullptr) return malformed;
  request.all = *all->boolean();
  for (const RefreshPart& part : refresh_parts) {
    const text::Value* const names = value.find(part.name);
    if (names == nullptr || names->array() == nullptr) return malformed;
    for (const text::Value& name : *names->array()) {
      if (name.string() == nullptr) return malformed;
      (request.*part.names).push_back(*name.string());
    }
  }
  return request;
}

}  // namespace

std::string encode_purges(const PurgePage& page, std::uint64_t after) {
  text::Value out = text::Value::Object{};
  out.set("node", page.node);
  out.set("seq", page.purges.seq);
  text::Value::Array all;
  all.emplace_back(page.purges.all.soft);
  all.emplace_back(page.purges.all.hard);
  out.set("all", std::move(all));
  out.set("tags", rows_of(page.purges.tags, after));
  out.set("prefixes", rows_of(page.purges.prefixes, after));
  text::Value::Array refreshes;
  for (const cache::PurgeRequest& request : page.refreshes) refreshes.push_back(value_of(request));
  out.set("refresh", std::move(refreshes));
  return text::json_of(out);
}

Result<PurgePage> parse_purges(std::string_view body) {
  const text::Value root = TRY(text::parse_json(
      body, {limits::json_depth_max, text::Duplicates::refuse, limits::purge_page_bytes_max}));
  PurgePage page;
  const text::Value* node = root.find("node");
  if (node == nullptr || node->string() == nullptr || node->string()->size() != 32)
    return Error{Errc::invalid, "the node's name is missing or malformed"};
  page.node = *node->string();
  page.purges.seq = TRY(number_of(root.find("seq")));
  const text::Value* all = root.find("all");
  if (all == nullptr || all->array() == nullptr || all->array()->size() != 2)
    return Error{Errc::invalid, "\"all\" must be [soft, hard]"};
  page.purges.all.soft = TRY(number_of(&(*all->array())[0]));
  page.purges.all.hard = TRY(number_of(&(*all->array())[1]));
  page.purges.tags = TRY(parse_rows(root.find("tags")));
  page.purges.prefixes = TRY(parse_rows(root.find("prefixes")));
  const text::Value* const refreshes = root.find("refresh");
  if (refreshes == nullptr || refreshes->array() == nullptr) return page;
  for (const text::Value& row : *refreshes->array())
    page.refreshes.push_back(TRY(parse_refresh(row)));
  return page;
}

std::vector<store::PurgeRecord> records_of(const PurgePage& page, std::uint64_t after) {
  std::vector<store::PurgeRecord> records;
  for (const store::PurgeMode mode : {store::PurgeMode::soft, store::PurgeMode::hard}) {
    const auto is_new = [&](store::Epochs epochs) {
      return (mode == store::PurgeMode::soft ? epochs.soft : epochs.hard) > after;
    };
    store::PurgeRecord record;
    record.mode = mode;
    record.is_learnt = true;
    record.all = is_new(page.purges.all);
    for (const auto& [name, epochs] : page.purges.tags)
      if (is_new(epochs)) record.tags.push_back(name);
    for (const auto& [name, epochs] : page.purges.prefixes)
      if (is_new(epochs)) record.prefixes.push_back(name);
    if (record.all || !record.tags.empty() || !record.prefixes.empty())
      records.push_back(std::move(record));
  }
  return records;
}

http::Fields signed_fields(std::string_view id, Wall now, std::string_view text,
                           const Secret& secret) {
  const std::string time = std::to_string(now.seconds());
  return {{"webhook-id", std::string(id)},
          {"webhook-timestamp", time},
          {"webhook-signature", webhook_signature_of(id, time, text, secret)}};
}

bool is_signed_by_peer(std::span<const http::Field> fields, std::string_view text,
                       std::span<const Secret> secrets, Wall now) {
  HookSettings peer;
  peer.secrets.assign(secrets.begin(), secrets.end());
  const SignedMessage message{"GET", {}, {}, fields, text};
  return verify_webhook(peer, message, now).verdict == WebhookVerdict::good;
}

}  // namespace weir::edge
