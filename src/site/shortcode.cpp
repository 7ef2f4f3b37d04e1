#include "site/shortcode.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "text/utf8.h"

#include <charconv>
#include <optional>

namespace weir::site {

namespace {

// Reads one call: name ( name = literal , ... ). Fails without a message: the caller treats it as
// text.
class CallReader {
 public:
  explicit CallReader(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  std::size_t position() const { return at_; }
  bool skip(std::string_view word) {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool read_call(ShortcodeCall& call) {
    call.name = read_name();
    if (call.name.empty() || !skip("(")) return false;
    while (!skip(")")) {
      const std::string_view name = read_name();
      if (name.empty() || !skip("=")) return false;
      std::optional<tmpl::Value> value = read_literal(0);
      if (!value) return false;
      call.arguments.emplace_back(name, std::move(*value));
      skip(",");  // Zola does not insist on it
    }
    return true;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  // Shortcodes in subdirectories are called by their path: "video::youtube" or "video/youtube".
  std::string_view read_name() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool is_inner = at_ > begin && (is_digit(c) || c == '/');
      if (!is_alpha(c) && c != '_' && !is_inner) break;
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }
  std::optional<tmpl::Value> read_literal(int depth) {
    skip_space();
    if (at_ >= text_.size()) return std::nullopt;
    const char c = text_[at_];
    if (c == '"' || c == '\'' || c == '`') {
      const std::size_t end = text_.find(c, at_ + 1);
      if (end == std::string_view::npos) return std::nullopt;
      tmpl::Value value = tmpl::Value::text(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      return value;
    }
    if (c == '[') return depth < 4 ? read_array(depth) : std::nullopt;
    for (const auto& [word, flag] :
         {std::pair<std::string_view, bool>{"true", true}, {"false", false}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return tmpl::Value(flag);
    }
    return read_number();
  }
  std::optional<tmpl::Value> read_array(int depth) {
    ++at_;
    std::vector<tmpl::Value> items;
    while (!skip("]")) {
      std::optional<tmpl::Value> item = read_literal(depth + 1);
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
      if (skip(",")) continue;
      if (!skip("]")) return std::nullopt;
      break;
    }
    return tmpl::Value::array(std::move(items));
  }
  std::optional<tmpl::Value> read_number() {
    std::size_t end = at_;
    if (end < text_.size() && text_[end] == '-') ++end;
    const std::size_t digits = end;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (end == digits) return std::nullopt;
    const bool is_real = end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1]);
    if (is_real) {
      ++end;
      while (end < text_.size() && is_digit(text_[end])) ++end;
      double number = 0;
      std::from_chars(text_.data() + at_, text_.data() + end, number);
      at_ = end;
      return tmpl::Value(number);
    }
    const std::optional<std::int64_t> number = parse_i64(text_.substr(at_, end - at_));
    if (!number) return std::nullopt;
    at_ = end;
    return tmpl::Value(*number);
  }

  std::string_view text_;
  std::size_t at_;
};

class ShortcodeParser {
 public:
  ShortcodeParser(std::string_view text, const Place& start) : text_(text), start_(start) {}

  Result<std::vector<ShortcodePiece>> parse() {
    std::vector<ShortcodePiece> pieces = TRY(parse_pieces(nullptr));
    return pieces;
  }

 private:
  enum class Found { text, call, end };

  Place place_of(std::size_t offset) const {
    Place place = start_;
    place.line += text::line_of(text_, offset) - 1;
    place.column = text::column_of(text_, offset);
    return place;
  }

  // Pieces up to the end of the text, or up to the `{% end %}` that closes `outer`.
  Result<std::vector<ShortcodePiece>> parse_pieces(ShortcodeCall* outer) {
    if (depth_ >= limits::shortcode_depth_max)
      return Error{Errc::too_large,
                   "shortcodes nest deeper than " + std::to_string(limits::shortcode_depth_max)}
          .at(place_of(at_));
    std::vector<ShortcodePiece> pieces;
    std::size_t plain = at_;  // text from here on is not yet in a piece
    const auto flush = [&](std::size_t until) {
      if (until > plain) pieces.push_back({text_.substr(plain, until - plain), {}});
    };
    while (at_ < text_.size()) {
      const std::size_t open = text_.find('{', at_);
      if (open == std::string_view::npos || open + 1 >= text_.size()) break;
      at_ = open + 1;
      const char kind = text_[open + 1];
      if (kind != '{' && kind != '%') continue;
      if (kind == '%' && is_end(open)) {
        if (outer == nullptr)
          return Error{Errc::invalid, "{% end %} without a shortcode that it would end"}.at(
              place_of(open));
        flush(open);
        outer->end = end_at_;
        at_ = end_at_;
        return pieces;
      }
      if (text_.substr(open + 2).starts_with("/*")) {
        flush(open);
        plain = open;
        if (read_ignored(open, kind, pieces)) plain = at_;
        continue;
      }
      CallReader reader(text_, open + 2);
      ShortcodeCall call;
      if (!reader.read_call(call) || !reader.skip(kind == '{' ? "}}" : "%}")) continue;
      flush(open);
      call.offset = open;
      call.end = at_ = reader.position();
      if (kind == '%') {
        call.has_body = true;
        ++depth_;
        call.body = TRY(parse_pieces(&call));
        --depth_;
      }
      plain = at_;
      pieces.push_back({});
      pieces.back().call.push_back(std::move(call));
    }
    if (outer != nullptr)
      return Error{Errc::invalid,
                   "the body of shortcode `" + std::string(outer->name) + "` is never closed"}
          .at(place_of(outer->offset))
          .with_help("close it with {% end %}");
    at_ = text_.size();
    flush(at_);
    return pieces;
  }

  // {% end %}
  bool is_end(std::size_t open) {
    CallReader reader(text_, open + 2);
    if (!reader.skip("end") || !reader.skip("%}")) return false;
    end_at_ = reader.position();
    return true;
  }

  // {{/* ... */}} or {%/* ... */%} ... {%/* end */%}: the same without the comment marks.
  bool read_ignored(std::size_t open, char kind, std::vector<ShortcodePiece>& pieces) {
    const std::string_view close = kind == '{' ? "*/}}" : "*/%}";
    CallReader reader(text_, open + 4);
    ShortcodeCall call;
    const bool is_call = reader.read_call(call) && reader.skip(close);
    if (!is_call) return false;
    const auto push_unmarked = [&](std::size_t begin, std::size_t end) {
      pieces.push_back({text_.substr(begin, 2), {}});
      pieces.push_back({text_.substr(begin + 4, end - begin - 8), {}});
      pieces.push_back({text_.substr(end - 2, 2), {}});
    };
    const std::size_t head_end = reader.position();
    if (kind == '{') {
      push_unmarked(open, head_end);
      at_ = head_end;
      return true;
    }
    if (has_no_end_) return false;
    for (std::size_t end = text_.find("{%/*", head_end); end != std::string_view::npos;
         end = text_.find("{%/*", end + 4)) {
      CallReader end_reader(text_, end + 4);
      if (!end_reader.skip("end") || !end_reader.skip("*/%}")) continue;
      push_unmarked(open, head_end);
      pieces.push_back({text_.substr(head_end, end - head_end), {}});
      push_unmarked(end, end_reader.position());
      at_ = end_reader.position();
      return true;
    }
    has_no_end_ = true;  // nor for any later one: the search is not repeated
    return false;
  }

  std::string_view text_;
  Place start_;
  std::size_t at_ = 0;
  std::size_t end_at_ = 0;
  std::size_t depth_ = 0;
  bool has_no_end_ = false;
};

}  // namespace

Result<std::vector<ShortcodePiece>> parse_shortcodes(std::string_view text, const Place& start) {
  if (text.find("{{") == std::string_view::npos && text.find("{%") == std::string_view::npos)
    return std::vector<ShortcodePiece>{{text, {}}};
  return ShortcodeParser(text, start).parse();
}

}  // namespace weir::site
