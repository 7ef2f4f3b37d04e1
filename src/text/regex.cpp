#define PCRE2_CODE_UNIT_WIDTH 8

#include "text/regex.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/must.h"
#include "text/utf8.h"

#include <pcre2.h>

#include <algorithm>
#include <array>

namespace weir::text {
namespace {

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* held) const {
    free(held);
  }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Freed<pcre2_jit_stack_free>>;

constexpr std::size_t jit_stack_bytes_start = 32 * KiB;
constexpr std::size_t jit_stack_bytes_max = 512 * KiB;
constexpr std::uint32_t match_heap_kibibytes_max = 4'096;

// What a thread needs to match; made at its first match, kept until it ends.
struct Scratch {
  MatchContext context{pcre2_match_context_create(nullptr)};
  JitStack stack{pcre2_jit_stack_create(jit_stack_bytes_start, jit_stack_bytes_max, nullptr)};
  MatchData data;
  std::uint32_t pairs = 0;

  Scratch() {
    MUST(context != nullptr);
    pcre2_set_heap_limit(context.get(), match_heap_kibibytes_max);
    // Without a stack of its own the JIT takes 32 KiB of the machine's; that works too.
    if (stack != nullptr) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
  void hold(std::uint32_t wanted) {
    if (wanted <= pairs) return;
    data.reset(pcre2_match_data_create(wanted, nullptr));
    MUST(data != nullptr);
    pairs = wanted;
  }
};

Scratch& scratch_of_this_thread() {
  thread_local Scratch scratch;
  return scratch;
}

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

Error refused(std::string_view pattern, std::size_t offset, std::string what) {
  return Error{Errc::invalid,
               "in the regular expression '" + std::string(pattern) + "': " + std::move(what),
               Place{"", 1, column_of(pattern, offset)}};
}

// What stands behind "(?" and means a different thing, or nothing, in Rust.
struct GroupRule {
  std::string_view start, what;
};
constexpr std::array group_rules{
    GroupRule{"(?=", "look-ahead is not supported"},
    GroupRule{"(?!", "look-ahead is not supported"},
    GroupRule{"(?<=", "look-behind is not supported"},
    GroupRule{"(?<!", "look-behind is not supported"},
    GroupRule{"(?>", "atomic groups are not supported"},
    GroupRule{"(?|", "branch reset is not supported"},
    GroupRule{"(?#", "comment groups are not supported"},
    GroupRule{"(?(", "conditions are not supported"},
    GroupRule{"(?&", "recursion is not supported"},
    GroupRule{"(?R", "recursion is not supported"},
    GroupRule{"(?P=", "back references are not supported"},
    GroupRule{"(?P>", "recursion is not supported"},
    GroupRule{"(*", "expected an expression before '*'"},
};

// Rust's syntax into PCRE2's. What PCRE2 would read differently is an error or rewritten; the rest
// is passed on.
class RustTranslator {
 public:
  explicit RustTranslator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> translated() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        TRY(copy_escape());
      } else if (c == '[') {
        TRY(copy_class());
      } else {
        for (const GroupRule& rule : group_rules)
          if (pattern_.substr(at_).starts_with(rule.start))
            return refused(pattern_, at_, std::string(rule.what));
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  Status copy_escape() {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    if (is_digit(c) || c == 'k' || c == 'g')
      return refused(pattern_, at_, "back references are not supported");
    if (is_alpha(c) && std::string_view("AbBdDwWsSpPxuUafnrtvz").find(c) == std::string_view::npos)
      return refused(pattern_, at_, "unknown escape '\\" + std::string(1, c) + "'");
    if (c == 'u' || c == 'U') return copy_unicode_escape(c == 'u' ? 4 : 8);
    const std::size_t bytes = std::min<std::size_t>(2, pattern_.size() - at_);
    out_ += pattern_.substr(at_, bytes);
    at_ += bytes;
    return done;
  }

  // \u007F, \U0000007F and \u{7F} become \x{7F}.
  Status copy_unicode_escape(std::size_t digits) {
    std::string_view hex = pattern_.substr(at_ + 2);
    std::size_t taken = 2 + digits;
    if (hex.starts_with('{')) {
      hex = hex.substr(1, hex.find('}') == std::string_view::npos ? 0 : hex.find('}') - 1);
      taken = 4 + hex.size();
    } else {
      hex = hex.substr(0, digits);
    }
    const bool is_hex = !hex.empty() && std::all_of(hex.begin(), hex.end(),
                                                    [](char c) { return hex_digit_of(c) >= 0; });
    if (!is_hex || taken > pattern_.size() - at_)
      return refused(pattern_, at_, "expected hex digits");
    ((out_ += "\\x{") += hex) += '}';
    at_ += taken;
    return done;
  }

  Status copy_class() {
    const std::size_t start = at_;
    const auto copy = [this](std::size_t bytes) {
      out_ += pattern_.substr(at_, bytes);
      at_ += bytes;
    };
    copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == '^') copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == ']') copy(1);
    while (at_ < pattern_.size()) {
      const std::string_view rest = pattern_.substr(at_);
      if (rest[0] == ']') return copy(1), Status(done);
      if (rest.starts_with("[:") && rest.find(":]") != std::string_view::npos) {
        copy(rest.find(":]") + 2);
      } else if (rest[0] == '[') {
        return refused(pattern_, at_,
                       "classes within classes are not supported; write \\[ for the character");
      } else if (rest.starts_with("&&") || rest.starts_with("--") || rest.starts_with("~~")) {
        return refused(pattern_, at_, "set operations in classes are not supported");
      } else if (rest[0] == '\\') {
        TRY(copy_escape());
      } else {
        copy(1);
      }
    }
    return refused(pattern_, start, "'[' without ']'");
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::string out_;
};

std::uint32_t compile_flags_of(const RegexOptions& options) {
  std::uint32_t flags = PCRE2_NEVER_BACKSLASH_C;
  flags |= options.utf ? PCRE2_UTF : PCRE2_NEVER_UTF;
  if (options.ignore_case) flags |= PCRE2_CASELESS;
  if (options.dot_all) flags |= PCRE2_DOTALL;
  if (options.multi_line) flags |= PCRE2_MULTILINE;
  switch (options.flavour) {
    case RegexFlavour::rust:
      flags |= PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX | (options.utf ? PCRE2_UCP : 0);
      break;
    case RegexFlavour::ecma:
      flags |=
          PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX | PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS;
      break;
    case RegexFlavour::pcre: break;
  }
  return flags;
}

}  // namespace

struct Regex::Compiled {
  Code code;
  std::string pattern;
  std::uint32_t groups = 0;
  std::uint32_t match_limit = 0;
  std::uint32_t depth_limit = 0;
  std::vector<std::pair<std::string, std::size_t>> names;

  // The number of matched pairs in this thread's match data, 0 = gave up, or -1 = no match.
  int run(std::string_view text, std::size_t from, Scratch& scratch) const noexcept {
    scratch.hold(groups + 1);
    pcre2_set_match_limit(scratch.context.get(), match_limit);
    pcre2_set_depth_limit(scratch.context.get(), depth_limit);
    const int matched =
        pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, 0,
                    scratch.data.get(), scratch.context.get());
    if (matched > 0) return matched;
    const bool is_invalid_utf =
        matched <= PCRE2_ERROR_UTF8_ERR1 && matched >= PCRE2_ERROR_UTF8_ERR21;
    return matched == PCRE2_ERROR_NOMATCH || matched == PCRE2_ERROR_BADUTFOFFSET || is_invalid_utf
               ? -1
               : 0;
  }

  std::optional<std::size_t> group_of(std::string_view name) const {
    if (const auto number = parse_u64(name))
      return *number <= groups ? std::optional<std::size_t>(*number) : std::nullopt;
    for (const auto& [known, group] : names)
      if (known == name) return group;
    return std::nullopt;
  }

  void read_names() {
    std::uint32_t count = 0;
    std::uint32_t row_bytes = 0;
    PCRE2_SPTR table = nullptr;
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMEENTRYSIZE, &row_bytes);
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMETABLE, &table);
    for (std::uint32_t i = 0; i < count; ++i, table += row_bytes)
      names.emplace_back(reinterpret_cast<const char*>(table + 2),
                         static_cast<std::size_t>(table[0] << 8 | table[1]));
  }
};

namespace {

Error gave_up_on(std::string_view pattern) {
  return Error{Errc::too_large, "the regular expression '" + std::string(pattern) +
                                    "' took too many steps on this text"};
}

// The replacement text as literals and groups.
struct Piece {
  std::string_view literal;
  std::optional<std::size_t> group = {};
};

bool is_name_character(char c) { return is_alnum(c) || c == '_'; }

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern, const RegexOptions& options) {
  std::string source(pattern);
  if (options.flavour == RegexFlavour::rust) source = TRY(RustTranslator(pattern).translated());
  const CompileContext context(pcre2_compile_context_create(nullptr));
  MUST(context != nullptr);
  pcre2_set_newline(context.get(), options.flavour == RegexFlavour::ecma ? PCRE2_NEWLINE_ANYCRLF
                                                                         : PCRE2_NEWLINE_LF);
  pcre2_set_max_pattern_length(context.get(), limits::regex_bytes_max);
  if (options.flavour == RegexFlavour::ecma)
    pcre2_set_compile_extra_options(context.get(), PCRE2_EXTRA_ALT_BSUX);
  int error = 0;
  std::size_t offset = 0;
  auto compiled = std::make_shared<Compiled>();
  compiled->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                                     compile_flags_of(options), &error, &offset, context.get()));
  if (compiled->code == nullptr)
    return refused(pattern, std::min(offset, pattern.size()), message_of(error));
  // Without the JIT (no memory that may be executed) matching is slower and equal.
  pcre2_jit_compile(compiled->code.get(), PCRE2_JIT_COMPLETE);
  pcre2_pattern_info(compiled->code.get(), PCRE2_INFO_CAPTURECOUNT, &compiled->groups);
  compiled->pattern = pattern;
  compiled->match_limit = options.match_limit;
  compiled->depth_limit = options.depth_limit;
  compiled->read_names();
  return Regex(std::move(compiled));
}

Found Regex::search(std::string_view text, std::size_t from) const noexcept {
  if (from > text.size()) return {};
  Scratch& scratch = scratch_of_this_thread();
  const int matched = compiled_->run(text, from, scratch);
  if (matched <= 0) return {matched == 0 ? Match::gave_up : Match::no, {}};
  const std::size_t* offsets = pcre2_get_ovector_pointer(scratch.data.get());
  // \K in a look-around can put the start behind the end; the span is then empty.
  return {Match::yes, {std::min(offsets[0], offsets[1]), offsets[1]}};
}

Match Regex::test(std::string_view text) const noexcept { return search(text).match; }

Result<std::optional<Span>> Regex::find(std::string_view text, std::size_t from) const {
  const Found found = search(text, from);
  if (found.match == Match::gave_up) return gave_up_on(compiled_->pattern);
  if (found.match == Match::no) return std::optional<Span>();
  return std::optional<Span>(found.span);
}

Result<std::optional<Captures>> Regex::captures(std::string_view text, std::size_t from) const {
  const Found found = search(text, from);
  if (found.match == Match::gave_up) return gave_up_on(compiled_->pattern);
  if (found.match == Match::no) return std::optional<Captures>();
  const std::size_t* offsets = pcre2_get_ovector_pointer(scratch_of_this_thread().data.get());
  Captures groups(compiled_->groups + 1);
  groups[0] = found.span;
  for (std::size_t i = 1; i < groups.size(); ++i)
    if (offsets[2 * i] != PCRE2_UNSET) groups[i] = Span{offsets[2 * i], offsets[2 * i + 1]};
  return std::optional<Captures>(std::move(groups));
}

Result<std::string> Regex::replaced_all(std::string_view text, std::string_view replacement) const {
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < replacement.size();) {
    const std::size_t dollar = std::min(replacement.find('$', at), replacement.size());
    if (dollar > at) pieces.push_back({replacement.substr(at, dollar - at)});
    if (dollar == replacement.size()) break;
    const std::string_view rest = replacement.substr(dollar + 1);
    const std::size_t brace = rest.starts_with('{') ? rest.find('}') : std::string_view::npos;
    std::string_view name;
    if (rest.starts_with('$')) {
      pieces.push_back({"$"});
      at = dollar + 2;
    } else if (brace != std::string_view::npos) {
      name = rest.substr(1, brace - 1);
      at = dollar + brace + 2;
    } else {
      name = rest.substr(
          0, static_cast<std::size_t>(
                 std::find_if_not(rest.begin(), rest.end(), is_name_character) - rest.begin()));
      if (name.empty()) pieces.push_back({"$"});
      at = dollar + 1 + name.size();
    }
    if (const auto group = compiled_->group_of(name); group && !name.empty())
      pieces.push_back({"", *group});
  }

  std::string out;
  std::size_t copied = 0;  // what is before it stands in `out`
  std::size_t from = 0;
  std::optional<std::size_t> last_end;
  while (from <= text.size()) {
    const std::optional<Captures> groups = TRY(captures(text, from));
    if (!groups) break;
    const Span whole = *(*groups)[0];
    const bool is_empty = whole.begin == whole.end;
    // An empty match right behind the last match is none.
    if (!is_empty || last_end != whole.end) {
      out += text.substr(copied, whole.begin - copied);
      for (const Piece& piece : pieces) {
        out += piece.literal;
        const std::optional<Span> span = piece.group ? (*groups)[*piece.group] : std::nullopt;
        if (span) out += text.substr(span->begin, span->end - span->begin);
      }
      copied = whole.end;
    }
    last_end = whole.end;
    from = is_empty ? whole.end +
                          std::max<std::size_t>(1, first_code_point(text.substr(whole.end)).bytes)
                    : whole.end;
  }
  return out += text.substr(std::min(copied, text.size()));
}

std::size_t Regex::groups() const { return compiled_->groups; }
const std::string& Regex::pattern() const { return compiled_->pattern; }

}  // namespace weir::text
