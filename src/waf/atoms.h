#pragma once
// Which rules' atoms occur in a text: one Aho-Corasick automaton over all atoms (Aho and Corasick,
// 1975), case folded, with bytes mapped to the few classes that atoms tell apart, so that the table
// stays small.
//
// Built once, then read-only.

#include "base/limits.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::waf {

// One bit per rule.
struct RuleBits {
  static constexpr std::size_t words_count = limits::waf_rules_max / 64;
  std::array<std::uint64_t, words_count> words{};
  void set(std::size_t index) { words[index / 64] |= std::uint64_t{1} << index % 64; }
  bool has(std::size_t index) const { return (words[index / 64] >> index % 64 & 1) != 0; }
  bool none() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
  RuleBits& operator|=(const RuleBits& other) {
    for (std::size_t i = 0; i < words_count; ++i) words[i] |= other.words[i];
    return *this;
  }
  RuleBits& operator&=(const RuleBits& other) {
    for (std::size_t i = 0; i < words_count; ++i) words[i] &= other.words[i];
    return *this;
  }
  RuleBits without(const RuleBits& other) const {
    RuleBits out;
    for (std::size_t i = 0; i < words_count; ++i) out.words[i] = words[i] & ~other.words[i];
    return out;
  }
  friend RuleBits operator&(RuleBits a, const RuleBits& b) { return a &= b; }
  friend RuleBits operator|(RuleBits a, const RuleBits& b) { return a |= b; }
  friend bool operator==(const RuleBits&, const RuleBits&) = default;
};
static_assert(RuleBits::words_count == 4);

class Atoms {
 public:
  // Before `build`. The atom is in lower case.
  void add(std::string_view atom, std::size_t rule);
  void build();

  // The rules of which an atom occurs.
  RuleBits find(std::string_view text) const;

  std::size_t count() const { return atoms_.size(); }
  std::size_t states() const { return classes_count_ == 0 ? 0 : next_.size() / classes_count_; }

 private:
  struct Atom {
    std::string text;
    std::size_t rule;
  };
  // A state is the offset of its row; the lowest bit says that the state has rules (rows are of
  // even length).
  std::vector<Atom> atoms_;
  std::array<std::uint8_t, 256> class_of_{};
  std::size_t classes_count_ = 0;
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> output_of_;  // by state: index into outputs_
  std::vector<RuleBits> outputs_;
};

}  // namespace weir::waf
