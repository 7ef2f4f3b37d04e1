#include "edge/fill_lease.h"

#include "edge/purge_wire.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/limits_invalidation.h"
#include "http/client.h"

#include <algorithm>

namespace weir::edge {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view target = "/_weir/fill";
// A host on the same network answers within a millisecond; one that is gone should not hold up
// those who wait.
constexpr Nanos connect_time = 500ms;

Sha256 weight_of(std::string_view node, std::string_view key) {
  std::string text(node);
  text.append("\n").append(key);
  return sha256_of(text);
}

}  // namespace

FillLease::FillLease(PeerSettings settings, Parts parts,
                     std::map<std::string, std::shared_ptr<http::Upstream>> upstreams)
    : settings_(std::move(settings)), parts_(std::move(parts)), upstreams_(std::move(upstreams)) {}

Result<std::unique_ptr<FillLease>> FillLease::open(PeerSettings settings, Parts parts) {
  std::map<std::string, std::shared_ptr<http::Upstream>> upstreams;
  for (const std::string& url : settings.urls) {
    http::UpstreamSettings to;
    to.name = "peer " + url;
    to.servers.push_back(
        TRY(http::parse_upstream_server(url.substr(0, url.find_last_not_of('/') + 1))));
    to.connect = connect_time;
    to.first_byte = limits::fill_lease_time;
    to.stall = limits::fill_lease_time;
    if (to.servers.front().secure)
      to.tls = TRY(http::TlsClientContext::open({}, http::TlsClientContext::Verify::peer));
    upstreams.emplace(url, TRY(http::Upstream::open(std::move(to), nullptr)));
  }
  return std::unique_ptr<FillLease>(
      new FillLease(std::move(settings), std::move(parts), std::move(upstreams)));
}

std::vector<FillLease::Node> FillLease::others() const {
  const Mono now = parts_.clock.mono();
  const auto paused = paused_until_.with([](const auto& all) { return all; });
  std::vector<Node> nodes;
  for (PeerFollower::Row& peer : parts_.peers()) {
    if (peer.node.empty() || peer.node == settings_.node || !upstreams_.contains(peer.url))
      continue;
    const auto until = paused.find(peer.url);
    const bool is_paused = until != paused.end() && now < until->second;
    const bool is_there = !is_paused && peer.error.empty() && peer.silent;
    nodes.push_back({std::move(peer.node), std::move(peer.url), is_there});
  }
  return nodes;
}

std::shared_ptr<const FillLease::Holder> FillLease::holder_of(std::string_view key) const {
  const std::vector<Node> nodes = others();
  const Node* best = nullptr;
  const Sha256 own_weight = weight_of(settings_.node, key);
  Sha256 best_weight = own_weight, weight_of_all = own_weight;
  for (const Node& node : nodes) {
    const Sha256 weight = weight_of(node.name, key);
    weight_of_all = std::max(weight_of_all, weight);
    if (!node.is_there || weight <= best_weight) continue;
    best = &node;
    best_weight = weight;
  }
  if (weight_of_all != best_weight) counts.skipped.fetch_add(1, std::memory_order_relaxed);
  if (best == nullptr) return nullptr;
  return std::make_shared<const Holder>(Holder{best->name, best->url, upstreams_.at(best->url)});
}

LeaseRow FillLease::row() const {
  const auto nodes = others();
  const auto there = std::ranges::count_if(nodes, &Node::is_there);
  return {counts.asked.load(),    counts.copied.load(),  counts.given.load(),
          counts.declined.load(), counts.skipped.load(), static_cast<std::size_t>(there) + 1};
}

void FillLease::did_not_answer(const Holder& holder) {
  paused_until_.with(
      [&](auto& all) { all[holder.url] = parts_.clock.mono() + Nanos(limits::fill_node_pause); });
}

// --- purges --------------------------------------------------------------------------------------

SeenPurges FillLease::wanted() const {
  SeenPurges all{{settings_.node, parts_.own_purge_seq()}};
  for (const PeerFollower::Row& peer : parts_.peers())
    if (!peer.coming_node.empty() && peer.coming_node != settings_.node)
      all.emplace_back(peer.coming_node, peer.coming);
  return all;
}

// Of a node that we do not follow, or do not hear, nothing will come; the asker follows it, so its
// copies must not be older than what that node said.
FillLease::Sight FillLease::sight_of(const SeenPurges& wanted) const {
  const std::vector<PeerFollower::Row> peers = parts_.peers();
  Sight sight = Sight::seen;
  for (const auto& [node, number] : wanted) {
    const bool is_ours = node == settings_.node;
    if (number == 0 || (is_ours && parts_.own_purge_seq() >= number)) continue;
    const auto found = std::ranges::find(peers, node, &PeerFollower::Row::node);
    if (is_ours || found == peers.end()) return Sight::never;
    if (found->after >= number) continue;
    if (!found->error.empty()) return Sight::never;
    sight = Sight::coming;
  }
  return sight;
}

void FillLease::when_seen(SeenPurges wanted, Mono until, std::function<void(bool)> resume) {
  const Sight sight = sight_of(wanted);
  const bool is_over = sight != Sight::coming || parts_.clock.mono() >= until;
  if (is_over) return resume(sight == Sight::seen);
  auto held = std::make_shared<std::pair<SeenPurges, std::function<void(bool)>>>(std::move(wanted),
                                                                                 std::move(resume));
  const bool is_waiting = arrivals_.wait(until, [this, until, held] {
    when_seen(std::move(held->first), until, std::move(held->second));
  });
  if (!is_waiting) held->second(false);
  // What came between the look and the wait has woken nobody: the next tick does.
}

void FillLease::advanced() { arrivals_.wake(); }
void FillLease::tick() { arrivals_.wake(); }

// --- what is said --------------------------------------------------------------------------------

FillLease::Signed FillLease::sign_question(std::string_view body) const {
  Signed made;
  made.id = "fill_" + hex_of(bytes_of(random_bytes(12)));
  made.fields = signed_fields(made.id, parts_.clock.wall(), body, settings_.secrets.front());
  return made;
}

bool FillLease::compose(http::UpstreamOrder& order, const Signed& by, std::string_view body) const {
  std::string lines;
  bool is_clean = http::append_field(lines, "Content-Type", "application/json");
  for (const auto& [name, value] : by.fields)
    is_clean = is_clean && http::append_field(lines, name, value);
  http::UpstreamRequest request;
  request.method = "POST";
  request.target = target;
  request.fields = lines;
  request.body = http::Framing::length;
  request.body_bytes = body.size();
  return is_clean && http::make_order(order, request);
}

Result<FillReply> FillLease::read_reply(const Signed& asked, int status,
                                        std::span<const http::Field> fields,
                                        std::string_view body) const {
  if (status != 200) return Error{Errc::denied, "it answered " + std::to_string(status)};
  const auto said = std::ranges::find(fields, "webhook-id", &http::Field::name);
  if (said == fields.end() || said->value != asked.id || !is_signed(fields, body))
    return Error{Errc::denied, "its answer is not signed with our secret, or its clock is wrong"};
  return parse_fill_reply(body);
}

Result<FillReply> FillLease::ask(const Holder& holder, const FillQuestion& question) {
  counts.asked.fetch_add(1, std::memory_order_relaxed);
  const std::string body = encode_fill_question(question);
  const Signed by = sign_question(body);
  http::FetchRequest request;
  request.method = "POST";
  request.url = holder.url.substr(0, holder.url.find_last_not_of('/') + 1) + std::string(target);
  request.headers = by.fields;
  request.headers.emplace_back("content-type", "application/json");
  request.body = body;
  request.timeout = limits::fill_lease_time;
  request.redirects_max = 0;
  request.bytes_max = limits::fill_record_bytes_max + limits::memory_cache_bytes_max / 8;
  auto answer = http::fetch(request);
  if (!answer.ok()) {
    did_not_answer(holder);
    return std::move(answer).error();
  }
  std::vector<http::Field> fields;
  for (const auto& [name, value] : answer->fields) fields.push_back({name, value});
  return read_reply(by, answer->status, fields, answer->body);
}

bool FillLease::is_signed(std::span<const http::Field> fields, std::string_view body) const {
  return is_signed_by_peer(fields, body, settings_.secrets, parts_.clock.wall());
}

http::Fields FillLease::sign_reply(std::string_view id, std::string_view body) const {
  return signed_fields(id, parts_.clock.wall(), body, settings_.secrets.front());
}

Result<std::string> FillLease::site_of(const std::shared_ptr<const store::Release>& release) {
  if (release == nullptr) return Error{Errc::missing, "there is no release"};
  const auto find = [&](const std::array<Site, 2>& sites) {
    for (const Site& site : sites)
      if (site.release == release->id()) return site.fingerprint;
    return std::string();
  };
  if (std::string known = sites_.with(find); !known.empty()) return known;
  const std::lock_guard one_reads(site_making_);
  if (std::string known = sites_.with(find); !known.empty()) return known;
  std::string all;
  for (const FoundFile& input : release->list_inputs("")) {
    const std::string bytes = TRY(release->read_input(input.path));
    all.append(input.path).append("\n").append(hex_of(sha256_of(bytes))).append("\n");
  }
  Site made{release->id(), hex_of(sha256_of(all))};
  sites_.with([&](std::array<Site, 2>& sites) {
    sites[1] = std::move(sites[0]);
    sites[0] = made;
  });
  return made.fingerprint;
}

}  // namespace weir::edge
