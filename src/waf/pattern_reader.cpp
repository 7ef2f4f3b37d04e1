#include "waf/pattern_reader.h"

#include "base/bytes.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <optional>

namespace weir::waf {
namespace {

using Bytes = std::bitset<256>;

constexpr std::size_t strings_max = 48;       // in one set; more: only masks
constexpr std::size_t string_bytes_max = 24;  // longer prefixes prove nothing more
constexpr std::size_t any_bits_max = 24;      // a wider set excludes next to nothing
constexpr std::size_t any_sets_max = 4;

// What is known of a part of the pattern. While `exact`, the part matches precisely one of
// `strings`.
struct Part {
  bool exact = false;
  std::vector<std::string> strings;
  ByteMask all = 0;
  std::vector<ByteMask> any;
  std::vector<std::string> atoms;
};

Part nothing() {
  Part part;
  part.exact = true;
  part.strings = {""};
  return part;
}

void sort_unique(std::vector<std::string>& strings) {
  std::ranges::sort(strings);
  strings.erase(std::unique(strings.begin(), strings.end()), strings.end());
}

std::size_t shortest(const std::vector<std::string>& strings) {
  std::size_t least = strings.empty() ? 0 : SIZE_MAX;
  for (const std::string& one : strings) least = std::min(least, one.size());
  return least;
}

// A set of atoms is better when its shortest is longer, then when it is smaller. Single bytes are
// the masks' business.
bool is_better(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const std::size_t least_a = std::min(shortest(a), std::size_t{6}),
                    least_b = std::min(shortest(b), std::size_t{6});
  if (least_a < 2) return false;
  return least_a != least_b ? least_a > least_b : a.size() < b.size();
}

void offer_atoms(Part& part, const std::vector<std::string>& atoms) {
  if (is_better(atoms, part.atoms)) part.atoms = atoms;
}

void add_any(Part& part, ByteMask set) {
  if (std::popcount(set) == 1) part.all |= set;
  else if (static_cast<std::size_t>(std::popcount(set)) <= any_bits_max) part.any.push_back(set);
}

Part of_bytes(const Bytes& bytes) {
  Part part;
  ByteMask mask = 0;
  std::string folded;
  for (unsigned b = 0; b < 256; ++b) {
    if (!bytes[b]) continue;
    mask |= folded_mask_of(static_cast<char>(b));
    const char c = lower(static_cast<char>(b));
    if (folded.find(c) == std::string::npos) folded += c;
  }
  if (folded.empty()) return part;
  add_any(part, mask);
  if (folded.size() > 8) return part;
  part.exact = true;
  for (const char c : folded) part.strings.emplace_back(1, c);
  return part;
}

// Strings that the part must contain one of, exact or not.
const std::vector<std::string>& demands(const Part& part) {
  return part.exact ? part.strings : part.atoms;
}

class Sequence {
 public:
  void add(Part next) {
    sum_.all |= next.all;
    sum_.any.insert(sum_.any.end(), next.any.begin(), next.any.end());
    if (next.exact && run_.size() * next.strings.size() <= strings_max) {
      std::vector<std::string> joined;
      bool cut = false;
      for (const std::string& left : run_)
        for (const std::string& right : next.strings) {
          joined.push_back(left + right);
          cut = cut || joined.back().size() > string_bytes_max;
        }
      sort_unique(joined);
      run_ = std::move(joined);
      if (cut) end_run(nothing());
      return;
    }
    offer_atoms(sum_, next.atoms);
    end_run(std::move(next));
  }
  Part finish() {
    if (unbroken_) {
      sum_.exact = true;
      sum_.strings = run_;
      sum_.atoms.clear();
      return std::move(sum_);
    }
    offer_atoms(sum_, run_);
    return std::move(sum_);
  }

 private:
  void end_run(Part next) {
    offer_atoms(sum_, run_);
    unbroken_ = false;
    run_ = next.exact ? std::move(next.strings) : std::vector<std::string>{""};
  }
  Part sum_;
  std::vector<std::string> run_{""};
  bool unbroken_ = true;
};

// Either of two.
Part either(Part a, Part b) {
  Part part;
  part.all = a.all & b.all;
  // One set from each side: a match has a bit of the one or of the other.
  const auto weakest = [](const Part& it) -> ByteMask {
    ByteMask best = 0;
    for (const ByteMask set : it.any)
      if (best == 0 || std::popcount(set) < std::popcount(best)) best = set;
    if (it.all != 0) {
      const ByteMask signs = it.all & ~letter_bits;  // signs are rarer than letters
      const ByteMask from = signs != 0 ? signs : it.all;
      best = from & -from;
    }
    return best;
  };
  const ByteMask left = weakest(a), right = weakest(b);
  if (left != 0 && right != 0) add_any(part, left | right);
  if (a.exact && b.exact && a.strings.size() + b.strings.size() <= strings_max) {
    part.exact = true;
    part.strings = std::move(a.strings);
    part.strings.insert(part.strings.end(), b.strings.begin(), b.strings.end());
    sort_unique(part.strings);
    return part;
  }
  std::vector<std::string> atoms = demands(a);
  const std::vector<std::string>& more = demands(b);
  if (shortest(atoms) >= 2 && shortest(more) >= 2) {
    atoms.insert(atoms.end(), more.begin(), more.end());
    sort_unique(atoms);
    part.atoms = std::move(atoms);
  }
  return part;
}

class Reader {
 public:
  explicit Reader(std::string_view pattern) : text_(pattern) {}

  std::optional<Part> read() {
    Part part = alternatives();
    return ok_ && at_ == text_.size() ? std::optional(std::move(part)) : std::nullopt;
  }

 private:
  bool more() const { return ok_ && at_ < text_.size(); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  Part fail() {
    ok_ = false;
    return nothing();
  }

  Part alternatives() {
    if (++depth_ > 64) return fail();
    std::optional<Part> sum;
    do {
      Part one = sequence();
      sum = sum ? either(std::move(*sum), std::move(one)) : std::move(one);
    } while (more() && take("|"));
    --depth_;
    return std::move(*sum);
  }

  Part sequence() {
    Sequence sequence;
    while (more() && peek() != '|' && peek() != ')') sequence.add(quantified(item()));
    return sequence.finish();
  }

  Part quantified(Part part) {
    while (more()) {
      std::size_t least = 1, most = 1;
      if (take("*")) least = 0, most = 2;
      else if (take("+")) most = 2;
      else if (take("?")) least = 0;
      else if (!braces(least, most)) return part;
      if (!take("?")) take("+");  // lazy and possessive demand the same
      if (least == 1 && most == 1) continue;
      Part out;
      if (least == 0) {
        if (most == 1 && part.exact && part.strings.size() < strings_max) {
          out.exact = true;
          out.strings = part.strings;
          out.strings.emplace_back();
          sort_unique(out.strings);
        }
      } else {
        out = part;
        out.exact = false;
        out.strings.clear();
        out.atoms.clear();
        offer_atoms(out, demands(part));
      }
      part = std::move(out);
    }
    return part;
  }

  // {n} {n,} {n,m}; anything else is a literal brace. `most` above 1 means "more than one".
  bool braces(std::size_t& least, std::size_t& most) {
    if (peek() != '{') return false;
    const std::size_t close = text_.find('}', at_);
    if (close == std::string_view::npos) return false;
    const std::string_view inner = text_.substr(at_ + 1, close - at_ - 1);
    const std::size_t comma = inner.find(',');
    const auto first = parse_u64(inner.substr(0, comma));
    if (!first) return false;
    std::optional<std::uint64_t> second = first;
    if (comma != std::string_view::npos) {
      const std::string_view upper_text = inner.substr(comma + 1);
      second =
          upper_text.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : parse_u64(upper_text);
      if (!second) return false;
    }
    at_ = close + 1;
    least = std::min<std::uint64_t>(*first, 2) == 0 ? 0 : 1;
    most = *second <= 1 ? static_cast<std::size_t>(*second) : 2;
    if (*second == 0) least = 0, most = 2;
    return true;
  }

  Part item() {
    const char c = text_[at_++];
    switch (c) {
      case '(': return group();
      case '[': return of_bytes(char_class());
      case '\\': return escape();
      case '.': return Part{};
      case '^':
      case '$': return nothing();
      case '*':
      case '+':
      case '?': return fail();
      default: {
        Bytes bytes;
        bytes.set(static_cast<unsigned char>(c));
        return of_bytes(bytes);
      }
    }
  }

  Part group() {
    bool looks = false;
    if (take("?")) {
      if (take("#")) {
        const std::size_t close = text_.find(')', at_);
        if (close == std::string_view::npos) return fail();
        at_ = close + 1;
        return nothing();
      }
      if (take("=") || take("!") || take("<=") || take("<!")) {
        looks = true;
      } else if (take("P<") || take("<") || take("'")) {
        const std::size_t end = text_.find_first_of(">'", at_);
        if (end == std::string_view::npos) return fail();
        at_ = end + 1;
      } else if (!take(":") && !take(">")) {
        // (?i) (?s-m) (?i:...): only letters that do not change what we prove.
        while (more() && (peek() == 'i' || peek() == 's' || peek() == 'm' || peek() == '-')) ++at_;
        if (take(")")) return nothing();
        if (!take(":")) return fail();
      }
    } else if (peek() == '*') {
      return fail();  // verbs
    }
    Part inner = alternatives();
    if (!take(")")) return fail();
    return looks ? nothing()
                 : inner;  // looking around takes no bytes, and what it wants is not in the match
  }

  static void add_named(Bytes& bytes, char name) {
    for (unsigned b = 0; b < 256; ++b) {
      const char c = static_cast<char>(b);
      const char kind = lower(name);
      const bool in = kind == 'd'   ? is_digit(c)
                      : kind == 'w' ? is_alnum(c) || c == '_'
                      : kind == 's' ? is_space(c)
                                    : c == ' ' || c == '\t' || b == 0xa0;  // h
      if (in == (name == kind)) bytes.set(b);
    }
  }

  // A single byte behind a backslash; nullopt when it is something else.
  std::optional<unsigned char> escaped_byte(char c) {
    switch (c) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'f': return '\f';
      case 'a': return '\a';
      case 'e': return 0x1b;
      case 'x': {
        unsigned value = 0;
        const bool brace = take("{");
        std::size_t digits = 0;
        while (more() && digits < 2 && hex_digit_of(peek()) >= 0) {
          value = value * 16 + static_cast<unsigned>(hex_digit_of(text_[at_++]));
          ++digits;
        }
        if (brace && !take("}")) return std::nullopt;
        return static_cast<unsigned char>(value);
      }
      case '0': {
        unsigned value = 0;
        for (std::size_t digits = 0; more() && digits < 2 && peek() >= '0' && peek() <= '7';
             ++digits)
          value = value * 8 + static_cast<unsigned>(text_[at_++] - '0');
        return static_cast<unsigned char>(value);
      }
      default:
        return is_alnum(c) ? std::nullopt
                           : std::optional<unsigned char>(static_cast<unsigned char>(c));
    }
  }

  Part escape() {
    if (!more()) return fail();
    const char c = text_[at_++];
    if (std::string_view("dDwWsShH").find(c) != std::string_view::npos) {
      Bytes bytes;
      add_named(bytes, c);
      return of_bytes(bytes);
    }
    if (std::string_view("bBAzZG").find(c) != std::string_view::npos) return nothing();
    if (c == 'N') return Part{};
    if (c >= '1' && c <= '9') {  // a back reference: any text
      while (more() && is_digit(peek())) ++at_;
      return Part{};
    }
    const auto byte = escaped_byte(c);
    if (!byte) return fail();
    Bytes bytes;
    bytes.set(*byte);
    return of_bytes(bytes);
  }

  Bytes char_class() {
    Bytes bytes;
    const bool negated = take("^");
    bool first = true;
    while (more() && (first || peek() != ']')) {
      first = false;
      if (text_.substr(at_).starts_with("[:")) {
        fail();
        return bytes;
      }
      std::optional<unsigned char> low = class_byte(bytes);
      if (!low) continue;
      unsigned high = *low;
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        const auto upper_end = class_byte(bytes);
        if (!upper_end) {
          fail();
          return bytes;
        }
        high = *upper_end;
      }
      for (unsigned b = *low; b <= high; ++b) bytes.set(b);
    }
    if (!take("]")) fail();
    return negated ? ~bytes : bytes;
  }

  // One byte of a class; a named class is added at once and gives none.
  std::optional<unsigned char> class_byte(Bytes& bytes) {
    const char c = text_[at_++];
    if (c != '\\') return static_cast<unsigned char>(c);
    if (!more()) {
      fail();
      return std::nullopt;
    }
    const char e = text_[at_++];
    if (std::string_view("dDwWsShH").find(e) != std::string_view::npos) {
      add_named(bytes, e);
      return std::nullopt;
    }
    if (e == 'b') return 8;
    const auto byte = escaped_byte(e);
    if (!byte) fail();
    return byte;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool ok_ = true;
};

Needs needs_of(Part part) {
  Needs needs;
  const std::vector<std::string>& strings = demands(part);
  if (shortest(strings) >= 2) needs.atoms = strings;
  needs.all = part.all;
  if (part.exact && !strings.empty()) {  // bits that every one of the strings has
    ByteMask common = ~ByteMask{0};
    for (const std::string& one : strings) {
      ByteMask mask = 0;
      for (const char c : one) mask |= folded_mask_of(c);
      common &= mask;
    }
    needs.all |= common;
  }
  std::ranges::sort(part.any, {}, [](ByteMask set) { return std::popcount(set); });
  if (part.any.size() > any_sets_max) part.any.resize(any_sets_max);
  needs.any = std::move(part.any);
  return needs;
}

}  // namespace

Needs needs_of_pattern(std::string_view pattern) {
  auto part = Reader(pattern).read();
  if (!part) return Needs{.understood = false, .all = 0, .any = {}, .atoms = {}};
  return needs_of(std::move(*part));
}

Needs needs_of_texts(const std::vector<std::string>& texts) {
  Part part;
  part.exact = true;
  for (const std::string& text : texts) part.strings.push_back(lower_of(text));
  sort_unique(part.strings);
  return needs_of(std::move(part));
}

}  // namespace weir::waf
