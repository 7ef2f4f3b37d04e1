#include "cache/purge.h"

#include "base/bytes.h"
#include "base/limits_invalidation.h"

#include <algorithm>
#include <array>

namespace weir::cache {
namespace {

constexpr std::array<std::string_view, 3> modes{"soft", "refresh", "hard"};
constexpr std::array<std::string_view, 3> waits{"none", "durable", "fresh"};

template <class Enum>
Result<Enum> parse(std::string_view what, const std::array<std::string_view, 3>& names,
                   std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end())
    return Error{Errc::invalid, std::string(what) + " must be " + std::string(names[0]) + ", " +
                                    std::string(names[1]) + " or " + std::string(names[2]) +
                                    ", not '" + std::string(text) + "'"};
  return static_cast<Enum>(found - names.begin());
}

Status check_text(std::string_view what, std::string_view text, std::size_t bytes_max) {
  if (text.empty()) return Error{Errc::invalid, "an empty " + std::string(what) + " names nothing"};
  if (text.size() > bytes_max)
    return Error{Errc::too_large, std::string(what) + " of " + std::to_string(text.size()) +
                                      " bytes; at most " + std::to_string(bytes_max)};
  const bool has_control =
      std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control)
    return Error{Errc::invalid, std::string(what) + " must not hold control characters"};
  return done;
}

}  // namespace

std::string_view name_of(Mode mode) { return modes[static_cast<std::size_t>(mode)]; }
std::string_view name_of(Wait wait) { return waits[static_cast<std::size_t>(wait)]; }
Result<Mode> parse_mode(std::string_view text) { return parse<Mode>("mode", modes, text); }
Result<Wait> parse_wait(std::string_view text) { return parse<Wait>("wait", waits, text); }

Status check_purge(const PurgeRequest& request) {
  const std::size_t items =
      request.tags.size() + request.paths.size() + request.prefixes.size() + request.hosts.size();
  if (items == 0 && !request.all)
    return Error{Errc::invalid, "expected at least one of tags, paths, prefix, host or all"};
  if (items > limits::purge_items_max)
    return Error{Errc::too_large, std::to_string(items) + " items in one purge; at most " +
                                      std::to_string(limits::purge_items_max)};
  for (const std::string& tag : request.tags) TRY(check_text("tag", tag, limits::tag_bytes_max));
  for (const std::string& path : request.paths) {
    TRY(check_text("path", path, limits::target_bytes_max));
    if (!path.starts_with('/'))
      return Error{Errc::invalid, "a path must begin with '/', found '" + path + "'"};
  }
  for (const std::string& prefix : request.prefixes) {
    TRY(check_text("prefix", prefix, limits::target_bytes_max));
    if (!prefix.starts_with('/'))
      return Error{Errc::invalid, "a prefix must begin with '/', found '" + prefix + "'"};
  }
  for (const std::string& host : request.hosts) {
    TRY(check_text("host", host, limits::host_bytes_max));
    if (host.find_first_of("/?#@ ") != std::string::npos || tag_of_host(host) == tag_of_pages)
      return Error{Errc::invalid, "a host is a name such as \"example.com\", not \"" + host + "\""};
  }
  if (request.id.size() > limits::purge_id_bytes_max)
    return Error{Errc::too_large, "id of " + std::to_string(request.id.size()) +
                                      " bytes; at most " +
                                      std::to_string(limits::purge_id_bytes_max)};
  return done;
}

std::string tag_of_path(std::string_view path) {
  return "url:" + std::string(path.substr(0, path.find('?')));
}

std::string tag_of_host(std::string_view host) {
  const std::size_t colon = host.starts_with('[') ? host.find("]:") : host.find(':');
  if (colon != std::string_view::npos) host = host.substr(0, colon + (host[colon] == ']' ? 1 : 0));
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::string(tag_of_pages) + lower_of(host);
}

bool names_site(const PurgeRequest& request, const std::vector<std::string>& site_hosts) {
  return std::ranges::any_of(request.hosts, [&](const std::string& host) {
    return site_hosts.empty() || std::ranges::any_of(site_hosts, [&](const std::string& ours) {
             if (ours.starts_with("*."))
               return tag_of_host(host).ends_with(lower_of(std::string_view(ours).substr(1)));
             return tag_of_host(ours) == tag_of_host(host);
           });
  });
}

store::PurgeRecord record_of(const PurgeRequest& request,
                             const std::vector<std::string>& site_hosts) {
  store::PurgeRecord record;
  record.mode = request.mode == Mode::hard ? store::PurgeMode::hard : store::PurgeMode::soft;
  record.tags = request.tags;
  for (const std::string& path : request.paths) record.tags.push_back(tag_of_path(path));
  for (const std::string& host : request.hosts) record.tags.push_back(tag_of_host(host));
  if (names_site(request, site_hosts)) record.tags.emplace_back(tag_of_pages);
  record.prefixes = request.prefixes;
  record.all = request.all;
  record.id = request.id;
  return record;
}

}  // namespace weir::cache
