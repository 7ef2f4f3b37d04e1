#pragma once
// Requests that were changed at random, and a second opinion on what they mean.
//
// A script is what one connection sends: one to three requests, good or nearly so, mutated as the
// authors of smuggling papers do it, and a good request that asks for the end. The same seed gives
// the same script. The strict reader is written from the rules of the wire specification alone, the
// slow and plain way, and shares no code with the parser under test: where the two disagree one of
// them is wrong.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::flow {

// Splitmix64: the same numbers on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  bool one_in(std::size_t chances) { return below(chances) == 0; }

 private:
  std::uint64_t state_;
};

struct ScriptPaths {
  std::string page;  // takes GET
  std::string sink;  // takes PUT with a body
};

std::string mutated_script(Dice& dice, const ScriptPaths& paths);
// A path of nasty segments, already mutated: what A-5 throws at sites.
std::string mutated_path(Dice& dice, const std::vector<std::string>& names);

// One request as the strict reader understands it.
struct Understood {
  std::string method;
  std::string target;  // as sent
  std::string path;    // decoded once, dots resolved
  std::string host;    // lower case; of the target when that has one
  std::string body;
  bool head_only = false;  // its answer has no body
};

struct Reading {
  enum class End : std::uint8_t {
    refused,     // answered with an error, then closed
    closed,      // the last request asked for it, or its answer leaves no other way
    waiting,     // a head or a body is not there yet
    maybe_more,  // waiting; the request under way may be answered before its body is there
  };
  std::vector<Understood> requests;
  End end = End::waiting;
  // One of them wanted 100 Continue for a body. When its answer needs no body, closing behind it is
  // right, too, and what follows is not read.
  bool expected_continue = false;
  std::string why;  // refused: the rule, for people
};

struct ReaderRules {
  std::string slashes_below = {};  // paths that begin so may hold an encoded slash
};
Reading read_strictly(std::string_view bytes, const ReaderRules& rules);

// The path decoded once, its dots resolved; nothing when a rule refuses it. Encoded slashes are
// slashes.
std::optional<std::string> resolved_path_of(std::string_view raw);
// Percent escapes decoded once; as it is where one is broken.
std::string decoded(std::string_view text);

}  // namespace weir::flow
