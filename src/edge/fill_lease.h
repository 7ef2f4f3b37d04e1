#pragma once
// Which of several nodes asks for a copy on behalf of all of them (cache C-18, lease = "shared").
//
//   - Each key has one holder among the nodes that are heard: the one whose name and the key hash
//     highest (rendezvous hashing: Thaler, Ravishankar 1998). A node that leaves takes nothing but
//     its own keys with it, and no message is needed to agree.
//   - The others ask the holder (fill_wire.h), which has the copy, or joins the question that is
//     under way, or asks. Whom it asks, if it sees a node that the asker does not, weighs more than
//     itself: along a chain weights only grow, so no two nodes ever wait for each other.
//   - A holder that does not answer within limits::fill_lease_time, or has not heard of a purge
//     that the asker knows, or has no copy to share, is no reason to fail: then the asker asks for
//     itself. Nodes that disagree about who is there cost a question more, nothing else.
//   - What is sent is signed with the secret of the nodes, in both directions, and not encrypted:
//     between hosts that do not trust their network the peers' addresses are https.
//
// Callable from any thread; `ask` and `site_of` block, for workers.

#include "edge/fill_wire.h"
#include "edge/metrics.h"
#include "edge/peer_follower.h"
#include "edge/purge_feed.h"

#include "base/guarded.h"
#include "http/upstream.h"
#include "store/release.h"

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::edge {

class FillLease {
 public:
  struct Parts {
    std::function<std::vector<PeerFollower::Row>()> peers;
    std::function<std::uint64_t()> own_purge_seq;
    const Clock& clock;
  };
  struct Holder {
    std::string node, url;
    std::shared_ptr<http::Upstream> upstream;
  };
  // Errc::invalid: a peer that is no address.
  static Result<std::unique_ptr<FillLease>> open(PeerSettings settings, Parts parts);

  const std::string& node() const { return settings_.node; }
  // Null: this node.
  std::shared_ptr<const Holder> holder_of(std::string_view key) const;
  void did_not_answer(const Holder& holder);  // it holds nothing for limits::fill_node_pause

  // --- purges
  // What a copy must have seen to be of use here: also what is just being applied, since a question
  // that is asked now counts as newer than that.
  SeenPurges wanted() const;
  // Calls `resume` once, with whether all of them were applied and synced in time; at once when one
  // of them comes from a node that is not heard. Any thread.
  void when_seen(SeenPurges seen, Mono until, std::function<void(bool)> resume);
  void advanced();  // something was learnt from another node
  void tick();      // every 100 ms or so

  // --- the question of an asker
  struct Signed {
    std::string id;
    http::Fields fields;
  };
  Signed sign_question(std::string_view body) const;
  // The order for `holder`: head and framing; the body goes behind it.
  bool compose(http::UpstreamOrder& order, const Signed& by, std::string_view body) const;
  // Errc::denied: not signed with our secret.
  Result<FillReply> read_reply(const Signed& asked, int status, std::span<const http::Field> fields,
                               std::string_view body) const;
  Result<FillReply> ask(const Holder& holder, const FillQuestion& question);

  // --- the reply of a holder
  bool is_signed(std::span<const http::Field> fields, std::string_view body) const;
  http::Fields sign_reply(std::string_view id, std::string_view body) const;

  // What pages are made from: the same on two nodes when their sites are the same. Reads all of a
  // release's inputs, once.
  Result<std::string> site_of(const std::shared_ptr<const store::Release>& release);

  struct Counts {
    std::atomic<std::uint64_t> asked{0}, copied{0};    // of others
    std::atomic<std::uint64_t> given{0}, declined{0};  // to others
    std::atomic<std::uint64_t> skipped{0};             // not asked: it is the holder, but not there
  };
  mutable Counts counts;
  LeaseRow row() const;

 private:
  struct Node {
    std::string name, url;
    bool is_there = false;  // it is heard and has not failed lately
  };
  std::vector<Node> others() const;  // that are known by name
  enum class Sight : std::uint8_t { seen, coming, never };
  Sight sight_of(const SeenPurges& wanted) const;
  struct Site {
    store::ReleaseId release = 0;
    std::string fingerprint;
  };
  FillLease(PeerSettings settings, Parts parts,
            std::map<std::string, std::shared_ptr<http::Upstream>> upstreams);
  const PeerSettings settings_;
  const Parts parts_;
  const std::map<std::string, std::shared_ptr<http::Upstream>> upstreams_;  // by URL
  PurgeFeed arrivals_;
  Guarded<std::map<std::string, Mono>> paused_until_;  // by URL
  std::mutex site_making_;              // one reads a release, the others wait for what it finds
  Guarded<std::array<Site, 2>> sites_;  // the last two releases
};

}  // namespace weir::edge
