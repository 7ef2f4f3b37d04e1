#include "edge/peer_follower.h"

#include "edge/purge_wire.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"
#include "http/client.h"
#include "text/json.h"

#include <algorithm>

namespace weir::edge {
namespace {

using namespace std::chrono_literals;

constexpr Nanos retry_first = 100ms;
constexpr Nanos retry_max = 2s;

// {"http://10.0.0.2:8080": {"node": "...", "after": 12}}. A file that makes no sense is no
// position: then everything is taken again.
std::map<std::string, std::pair<std::string, std::uint64_t>> read_positions(
    const std::string& path) {
  std::map<std::string, std::pair<std::string, std::uint64_t>> found;
  const auto bytes = read_file(path);
  const auto root = bytes ? text::parse_json(*bytes) : Result<text::Value>(bytes.error());
  if (!root || !root->is_object()) return found;
  for (const text::Member& member : *root->object()) {
    const text::Value* node = member.value.find("node");
    const text::Value* after = member.value.find("after");
    if (node == nullptr || node->string() == nullptr || after == nullptr ||
        after->integer() == nullptr || *after->integer() < 0)
      continue;
    found[member.name] = {*node->string(), static_cast<std::uint64_t>(*after->integer())};
  }
  return found;
}

}  // namespace

PeerFollower::PeerFollower(PeerSettings settings, Parts parts)
    : settings_(std::move(settings)), parts_(std::move(parts)) {
  const auto known = read_positions(settings_.positions_file);
  state_.with([&](State& state) {
    for (const std::string& url : settings_.urls) {
      Peer peer;
      if (const auto at = known.find(url); at != known.end())
        peer.position = {at->second.first, at->second.second};
      state.peers[url] = std::move(peer);
    }
  });
  judge();
}

PeerFollower::~PeerFollower() { end(); }

void PeerFollower::start() {
  for (const std::string& url : settings_.urls) threads_.emplace_back([this, url] { follow(url); });
}

void PeerFollower::end() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  threads_.clear();
}

bool PeerFollower::await_contact(Nanos at_most) {
  const auto is_heard = [this] {
    return state_.with([this](const State& state) {
      return std::ranges::all_of(state.peers, [this](const auto& item) {
        return is_ourselves(item.second) || item.second.heard.has_value();
      });
    });
  };
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most, is_heard);
}

void PeerFollower::follow(const std::string& url) {
  Nanos pause = retry_first;
  bool waits = false;  // the first call comes back at once, so that the position is soon the latest
  while (true) {
    const Status asked = ask(url, waits);
    waits = asked.ok();
    if (asked.ok()) pause = retry_first;
    const std::string error = asked.ok() ? std::string() : asked.error().what;
    const bool is_news = state_.with(
        [&](State& state) { return std::exchange(state.peers[url].error, error) != error; });
    if (is_news && !error.empty())
      parts_.log.warning("peer-not-heard", {{"peer", url}, {"reason", error}});
    std::unique_lock lock(mutex_);
    const Nanos span = asked.ok() ? Nanos(0) : pause;
    if (changed_.wait_for(lock, span, [this] { return is_ending_; })) return;
    if (!asked.ok()) pause = std::min(pause * 2, retry_max);
  }
}

Status PeerFollower::ask(const std::string& url, bool waits) {
  const Position at = state_.with([&](State& state) { return state.peers[url].position; });
  const std::string target = "/_weir/purges?after=" + std::to_string(at.after) +
                             "&wait=" + (waits ? "1" : "0") + "&node=" + settings_.node;
  const std::string id = "purges_" + hex_of(bytes_of(random_bytes(12)));
  http::FetchRequest request;
  request.url = url.substr(0, url.find_last_not_of('/') + 1) + target;
  request.headers =
      signed_fields(id, parts_.clock.wall(), "GET " + target, settings_.secrets.front());
  request.timeout = limits::peer_call_max;
  request.redirects_max = 0;
  request.bytes_max = limits::purge_page_bytes_max;
  const http::Fetched answer = TRY(http::fetch(request));
  if (answer.status != 200)
    return Error{Errc::denied, "it answered " + std::to_string(answer.status)};
  std::vector<http::Field> fields;
  for (const auto& [name, value] : answer.fields) fields.push_back({name, value});
  const std::string* const said = answer.find("webhook-id");
  if (said == nullptr || *said != id ||
      !is_signed_by_peer(fields, answer.body, settings_.secrets, parts_.clock.wall()))
    return Error{Errc::denied, "its answer is not signed with our secret, or its clock is wrong"};
  const PurgePage page = TRY(parse_purges(answer.body));
  if (page.node == settings_.node) {  // ourselves, by a list that all nodes share
    if (at.node != settings_.node) TRY(keep_position(url, {settings_.node, 0}));
    heard(url);
    return done;
  }
  if (page.node != at.node && at.after != 0)  // another store by now: from its beginning
    return keep_position(url, {page.node, 0});
  const std::uint64_t after = page.purges.seq < at.after ? 0 : at.after;
  // Told before it is raised: whoever sees the purge here knows by then that it has seen it.
  state_.with([&](State& state) { state.peers[url].coming = {page.node, page.purges.seq}; });
  for (store::PurgeRecord& record : records_of(page, after)) TRY(parts_.apply(std::move(record)));
  // Before the position says that all of this is done.
  const bool is_news = page.purges.seq != at.after;
  if (is_news && parts_.refresh)
    for (const cache::PurgeRequest& one : page.refreshes) parts_.refresh(one);
  if (page.node != at.node || is_news) TRY(keep_position(url, {page.node, page.purges.seq}));
  heard(url);
  if (is_news && parts_.advanced) parts_.advanced();
  return done;
}

Status PeerFollower::keep_position(const std::string& url, Position position) {
  const std::lock_guard one(positions_);
  const std::string bytes = state_.with([&](State& state) {
    state.peers[url].position = std::move(position);
    text::Value root = text::Value::Object{};
    for (const auto& [name, peer] : state.peers) {
      text::Value row = text::Value::Object{};
      row.set("node", peer.position.node);
      row.set("after", peer.position.after);
      root.set(name, std::move(row));
    }
    return text::json_of(root);
  });
  return write_file_atomically(settings_.positions_file, bytes, Sync::yes);
}

void PeerFollower::heard(const std::string& url) {
  state_.with([&](State& state) { state.peers[url].heard = parts_.clock.mono(); });
  judge();
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void PeerFollower::tick() { judge(); }

void PeerFollower::judge() {
  const std::lock_guard one_at_a_time(judging_);
  const Mono now = parts_.clock.mono();
  struct Change {
    bool is_change = false;
    bool is_cut_off = false;
  };
  const Change change = state_.with([&](State& state) {
    const bool cut = std::ranges::any_of(state.peers, [&](const auto& item) {
      return !is_ourselves(item.second) &&
             (!item.second.heard || now - *item.second.heard > settings_.max_lag);
    });
    return Change{std::exchange(state.is_cut_off, cut) != cut, cut};
  });
  if (!change.is_change) return;
  parts_.log.info(change.is_cut_off ? "peers-cut-off" : "peers-heard",
                  {{"meaning", change.is_cut_off ? "copies are validated before they count as fresh"
                                                 : "purges of all nodes are known here"}});
  parts_.cut_off(change.is_cut_off);
}

std::vector<PeerFollower::Row> PeerFollower::rows() const {
  const Mono now = parts_.clock.mono();
  return state_.with([&](const State& state) {
    std::vector<Row> rows;
    for (const auto& [url, peer] : state.peers) {
      Row row{url, peer.position.node, peer.error, peer.position.after};
      const bool is_known = !peer.coming.node.empty();
      row.coming_node = is_known ? peer.coming.node : peer.position.node;
      row.coming = is_known ? peer.coming.after : peer.position.after;
      if (peer.heard) row.silent = now - *peer.heard;
      rows.push_back(std::move(row));
    }
    return rows;
  });
}

}  // namespace weir::edge
