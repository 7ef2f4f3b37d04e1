#include "waf/atoms.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::waf {

void Atoms::add(std::string_view atom, std::size_t rule) {
  atoms_.push_back({std::string(atom), rule});
}

void Atoms::build() {
  // Class 0 is every byte that no atom holds.
  classes_count_ = 1;
  class_of_.fill(0);
  for (const Atom& atom : atoms_)
    for (const char c : atom.text) {
      auto& own = class_of_[static_cast<unsigned char>(c)];
      if (own == 0) own = static_cast<std::uint8_t>(classes_count_++);
      class_of_[static_cast<unsigned char>(upper(c))] = own;
    }
  classes_count_ += classes_count_ % 2;

  // The trie; 0 is the root and, as a child, "none".
  std::vector<std::vector<std::uint32_t>> children(1, std::vector<std::uint32_t>(classes_count_));
  std::vector<RuleBits> found(1);
  for (const Atom& atom : atoms_) {
    std::uint32_t state = 0;
    for (const char c : atom.text) {
      const std::uint8_t byte_class = class_of_[static_cast<unsigned char>(c)];
      if (children[state][byte_class] == 0) {
        children[state][byte_class] = static_cast<std::uint32_t>(children.size());
        children.emplace_back(classes_count_);
        found.emplace_back();
      }
      state = children[state][byte_class];
    }
    found[state].set(atom.rule);
  }

  // Breadth first: a missing child is that of the longest proper suffix, whose row is complete
  // already.
  std::vector<std::uint32_t> suffix(children.size()), queue{0};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::uint32_t state = queue[i];
    for (std::size_t c = 0; c < classes_count_; ++c) {
      const std::uint32_t fallback = state == 0 ? 0 : children[suffix[state]][c];
      std::uint32_t& child = children[state][c];
      if (child == 0) {
        child = fallback;
        continue;
      }
      suffix[child] = fallback;
      found[child] |= found[fallback];
      queue.push_back(child);
    }
  }

  outputs_.assign(1, RuleBits{});
  output_of_.assign(children.size(), 0);
  for (std::size_t state = 0; state < children.size(); ++state) {
    if (found[state].none()) continue;
    const auto same = std::ranges::find(outputs_, found[state]);
    output_of_[state] = static_cast<std::uint32_t>(same - outputs_.begin());
    if (same == outputs_.end()) outputs_.push_back(found[state]);
  }
  next_.resize(children.size() * classes_count_);
  for (std::size_t state = 0; state < children.size(); ++state)
    for (std::size_t c = 0; c < classes_count_; ++c) {
      const std::uint32_t child = children[state][c];
      next_[state * classes_count_ + c] =
          static_cast<std::uint32_t>(child * classes_count_) | (output_of_[child] != 0 ? 1u : 0u);
    }
}

RuleBits Atoms::find(std::string_view text) const {
  RuleBits found;
  if (next_.empty()) return found;
  const std::uint32_t* next = next_.data();
  std::uint32_t state = 0;
  for (const char c : text) {
    state = next[(state & ~1u) + class_of_[static_cast<unsigned char>(c)]];
    if ((state & 1u) != 0) found |= outputs_[output_of_[state / classes_count_]];
  }
  return found;
}

}  // namespace weir::waf
