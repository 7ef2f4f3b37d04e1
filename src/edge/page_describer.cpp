#include "edge/page_describer.h"

#include <algorithm>

namespace weir::edge {
namespace {

// The content file, when the path is the one that the file's name gives.
std::string file_of(const std::string& path, const std::vector<std::string>& tags) {
  const std::size_t first = path.find_first_not_of('/');
  const std::string bare = first == std::string::npos
                               ? std::string()
                               : path.substr(first, path.find_last_not_of('/') + 1 - first);
  const std::string within = bare.empty() ? bare : bare + '/';
  const std::string names[] = {"page:" + bare + ".md", "page:" + within + "index.md",
                               "section:" + within + "_index.md"};
  for (const std::string& name : names) {
    if (std::ranges::find(tags, name) != tags.end())
      return "content/" + name.substr(name.find(':') + 1);
  }
  return {};
}

text::Value::Array templates_of(const std::vector<std::string>& tags) {
  constexpr std::string_view mark = "tpl:";
  text::Value::Array found;
  for (const std::string& tag : tags)
    if (tag.starts_with(mark)) found.emplace_back(tag.substr(mark.size()));
  return found;
}

text::Value or_null(const std::optional<std::int64_t>& number) {
  return number ? text::Value(*number) : text::Value();
}

}  // namespace

// What a request for a path without a page of its own is sent to; empty = nothing.
std::string PageDescriber::leads_to(const std::string& path) const {
  const auto release = cache_.release();
  if (release == nullptr) return {};
  constexpr std::string_view index = "/index.html";
  if (path.ends_with(index)) {
    const std::string folder = path.substr(0, path.size() - index.size() + 1);
    if (release->find(folder)) return "301 to " + folder;
  }
  if (release->find(path + '/')) return "301 to " + path + '/';
  if (release->find(path + ".html")) return "the page " + path + ".html, with clean_urls";
  return {};
}

std::optional<text::Value> PageDescriber::describe(const EntryAsk& ask) {
  if (!ask.route.is_page()) return std::nullopt;
  // A page that a route makes has its key from the route, unless the release holds the path.
  std::string key = ask.path;
  const auto release = cache_.release();
  const bool is_held = release != nullptr && release->find(ask.path).has_value();
  if (ask.route.page != nullptr && !is_held && !ask.route.page->write_key(ask.path, ask.query, key))
    key = ask.path;
  cache::EntryInfo info = cache_.describe(key);
  if (info.state == "absent")
    if (const std::string target = leads_to(ask.path); !target.empty()) info.next = target;
  text::Value out = text::Value::Object{};
  out.set("key", info.key);
  out.set("state", info.state);
  out.set("why", info.why);
  out.set("next", info.next);
  out.set("file", file_of(ask.path, info.tags));
  out.set("templates", templates_of(info.tags));
  out.set("generation", info.generation);
  out.set("fill_seq", info.fill_seq);
  out.set("release", info.release);
  out.set("age", info.age_s);
  out.set("ttl", or_null(info.ttl_s));
  out.set("swr", or_null(info.swr_s));
  out.set("sie", or_null(info.sie_s));
  out.set("next_try", or_null(info.next_try_s));
  out.set("failures", static_cast<std::int64_t>(info.failures));
  out.set("last_error", info.last_error);
  out.set("tags", text::Value::Array(info.tags.begin(), info.tags.end()));
  out.set("codings", text::Value::Array(info.codings.begin(), info.codings.end()));
  out.set("bytes", static_cast<std::uint64_t>(info.body_bytes));
  out.set("in_memory", info.in_memory);
  return out;
}

}  // namespace weir::edge
