#include "edge/webhook.h"

#include "base/bytes.h"
#include "text/json.h"

namespace weir::edge {
namespace {

Error member_error(std::string_view name, std::string_view expected) {
  return Error{Errc::invalid, "\"" + std::string(name) + "\" must be " + std::string(expected)};
}

Status read_strings(const text::Member& member, std::vector<std::string>& into) {
  const text::Value::Array* items = member.value.array();
  if (items == nullptr) return member_error(member.name, "a list of strings");
  for (const text::Value& item : *items) {
    const std::string* text = item.string();
    if (text == nullptr) return member_error(member.name, "a list of strings");
    into.push_back(*text);
  }
  return done;
}

Result<std::string> string_of(const text::Member& member) {
  const std::string* text = member.value.string();
  if (text == nullptr) return member_error(member.name, "a string");
  return *text;
}

Status read_member(const text::Member& member, cache::PurgeRequest& purge) {
  constexpr std::string_view known[] = {"tags", "paths", "prefix", "all",
                                        "mode", "wait",  "id",     "host"};
  if (member.name == "tags") return read_strings(member, purge.tags);
  if (member.name == "paths") return read_strings(member, purge.paths);
  if (member.name == "prefix") return read_strings(member, purge.prefixes);
  if (member.name == "all") {
    if (member.value.boolean() == nullptr) return member_error(member.name, "true or false");
    purge.all = *member.value.boolean();
  } else if (member.name == "mode") {
    const std::string mode = TRY(string_of(member));
    purge.mode = TRY(cache::parse_mode(mode));
  } else if (member.name == "wait") {
    const std::string wait = TRY(string_of(member));
    purge.wait = TRY(cache::parse_wait(wait));
  } else if (member.name == "id") {
    purge.id = TRY(string_of(member));
  } else if (member.name == "host") {
    if (member.value.is_array()) return read_strings(member, purge.hosts);
    const std::string host = TRY(string_of(member));
    if (!host.empty()) purge.hosts.push_back(host);
  } else {
    const std::string near = nearest_of(member.name, known);
    return Error{Errc::invalid, "unknown member \"" + member.name + "\""}.with_help(
        near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
  return done;
}

// "data.slug" -> the member `slug` of the member `data`.
const text::Value* find_dotted(const text::Value& root, std::string_view dotted) {
  const text::Value* at = &root;
  while (at != nullptr && !dotted.empty()) {
    const std::size_t dot = dotted.find('.');
    at = at->find(dotted.substr(0, dot));
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
  }
  return at;
}

// "path:/blog/{}/" with the hole filled.
void add_target(std::string_view target, std::string_view word, cache::PurgeRequest& purge) {
  if (target == "all") {
    purge.all = true;
    return;
  }
  std::string out(target.substr(target.find(':') + 1));
  const std::size_t hole = out.find("{}");
  if (hole != std::string::npos) out.replace(hole, 2, word);
  if (target.starts_with("path:")) purge.paths.push_back(std::move(out));
  else if (target.starts_with("prefix:")) purge.prefixes.push_back(std::move(out));
  else purge.tags.push_back(std::move(out));
}

void add_mapped(const text::Value& value, std::string_view target, cache::PurgeRequest& purge) {
  if (const text::Value::Array* items = value.array()) {
    for (const text::Value& item : *items) {
      if (!item.is_array()) add_mapped(item, target, purge);
    }
    return;
  }
  std::string word;
  if (const std::string* text = value.string()) word = *text;
  if (const std::int64_t* number = value.integer()) word = std::to_string(*number);
  if (!word.empty()) add_target(target, word, purge);
}

}  // namespace

Result<cache::PurgeRequest> parse_purge(std::string_view body, cache::Mode standard_mode) {
  const text::Value root = TRY(text::parse_json(
      body, {limits::json_depth_max, text::Duplicates::refuse, limits::webhook_bytes_max}));
  if (!root.is_object()) return Error{Errc::invalid, "the body must be a JSON object"};
  cache::PurgeRequest purge;
  purge.mode = standard_mode;
  for (const text::Member& member : *root.object()) TRY(read_member(member, purge));
  TRY(cache::check_purge(purge));
  return purge;
}

Result<cache::PurgeRequest> map_payload(std::string_view body, const HookSettings& hook) {
  cache::PurgeRequest purge;
  purge.mode = TRY(cache::parse_mode(hook.mode));
  for (const std::string& target : hook.always) add_target(target, {}, purge);
  if (!hook.map.empty()) {
    const text::Value root = TRY(text::parse_json(
        body, {limits::json_depth_max, text::Duplicates::refuse, limits::webhook_bytes_max}));
    for (const auto& row : hook.map) {
      if (const text::Value* found = find_dotted(root, row.first))
        add_mapped(*found, row.second, purge);
    }
  }
  if (asks_for_something(purge)) TRY(cache::check_purge(purge));
  return purge;
}

bool asks_for_something(const cache::PurgeRequest& request) {
  return !request.tags.empty() || !request.paths.empty() || !request.prefixes.empty() ||
         !request.hosts.empty() || request.all;
}

}  // namespace weir::edge
