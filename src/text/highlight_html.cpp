#include "text/highlight_html.h"

#include "base/bytes.h"
#include "text/escape.h"

#include <algorithm>
#include <utility>

namespace weir::text {

namespace {

// As Zola's highlighter: quotes too, and ' as a number.
void append_code(std::string& out, std::string_view text) {
  for (const char c : text) switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
}

// "entity.name" as "z-entity z-name", or as ".z-entity.z-name".
void append_classes(std::string& out, Scope scope, std::string_view separator) {
  std::string_view name = scope_name_of(scope);
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out += separator;
    out += "z-";
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
    if (separator.empty() && !name.empty()) out += ' ';
  }
}

void append_property(std::string& out, std::string_view name, CodeColour light,
                     const CodeColour* dark) {
  out += name;
  out += ": ";
  if (dark != nullptr) out += "light-dark(";
  append_colour(out, light);
  if (dark != nullptr) {
    out += ", ";
    append_colour(out, *dark);
    out += ')';
  }
  out += ';';
}

void append_font(std::string& out, const ScopeStyle& style) {
  if (style.italic) out += "font-style: italic;";
  if (style.bold) out += "font-weight: bold;";
  if (style.underline) out += "text-decoration: underline;";
  if (style.strike) out += "text-decoration: line-through;";
}

class CodeWriter {
 public:
  CodeWriter(const CodeToShow& code, const CodeFence& fence, const CodeLook& look)
      : code_(code),
        fence_(fence),
        look_(look),
        dark_(look.dark_theme ? &*look.dark_theme : nullptr) {
    if (look.style == CodeStyle::inline_styles) add_styles();
    else add_classes();
  }

  std::string write() {
    out_.reserve(code_.text.size() * 3 + 256);
    write_opening();
    write_lines();
    out_ += "</code></pre>";
    return std::move(out_);
  }

 private:
  // What opens the span of each scope; empty for a scope that looks like the text round it.
  void add_classes() {
    for (std::size_t i = 1; i < scope_count; ++i) {
      openings_[i] = "<span class=\"";
      append_classes(openings_[i], static_cast<Scope>(i), "");
      openings_[i] += "\">";
    }
    marked_ = "<span class=\"giallo-l z-hl\">";
    number_ = "<span aria-hidden=\"true\" class=\"giallo-ln\">";
  }

  void add_styles() {
    const CodeTheme& light = look_.theme;
    for (std::size_t i = 1; i < scope_count; ++i) {
      const ScopeStyle& style = light.styles[i];
      const ScopeStyle* dark = dark_ == nullptr ? nullptr : &dark_->styles[i];
      if (style.is_plain() && (dark == nullptr || dark->is_plain())) continue;
      std::string css;
      if (style.foreground || (dark != nullptr && dark->foreground)) {
        const CodeColour other =
            dark == nullptr ? CodeColour{} : dark->foreground.value_or(dark_->foreground);
        append_property(css, "color", style.foreground.value_or(light.foreground),
                        dark == nullptr ? nullptr : &other);
      }
      if (style.background || (dark != nullptr && dark->background)) {
        const CodeColour other =
            dark == nullptr ? CodeColour{} : dark->background.value_or(dark_->background);
        append_property(css, "background-color", style.background.value_or(light.background),
                        dark == nullptr ? nullptr : &other);
      }
      append_font(css, style);
      if (!css.empty()) openings_[i] = "<span style=\"" + css + "\">";
    }
    marked_ = "<span class=\"giallo-l\"" +
              style_of_both("background-color", &CodeTheme::marked_line) + ">";
    number_ = "<span aria-hidden=\"true\" class=\"giallo-ln\"" +
              style_of_both("color", &CodeTheme::line_number) + ">";
  }

  // ` style="..."` when the theme, or each of the two, has that colour.
  std::string style_of_both(std::string_view property,
                            std::optional<CodeColour> CodeTheme::*colour) const {
    const std::optional<CodeColour>& light = look_.theme.*colour;
    if (!light || (dark_ != nullptr && !(dark_->*colour))) return {};
    std::string attribute = " style=\"";
    append_property(attribute, property, *light, dark_ == nullptr ? nullptr : &*(dark_->*colour));
    return attribute + '"';
  }

  void write_opening() {
    if (look_.style == CodeStyle::classes) {
      out_ += "<pre class=\"giallo z-code\">";
    } else {
      out_ += "<pre class=\"giallo\" style=\"";
      if (dark_ != nullptr) out_ += "color-scheme: light dark; ";
      append_property(out_, "color", look_.theme.foreground, dark_ ? &dark_->foreground : nullptr);
      out_ += ' ';
      append_property(out_, "background-color", look_.theme.background,
                      dark_ ? &dark_->background : nullptr);
      out_ += "\">";
    }
    out_ += "<code data-lang=\"";
    append_html_attribute(out_, code_.published_language);
    out_ += '"';
    for (const auto& [name, value] : fence_.others) {
      out_ += " data-" + name + "=\"";
      append_html_attribute(out_, value);
      out_ += '"';
    }
    out_ += '>';
  }

  static bool is_within(const std::vector<LineRange>& ranges, std::uint64_t line) {
    return std::any_of(ranges.begin(), ranges.end(), [line](const LineRange& range) {
      return range.first <= line && line <= range.last;
    });
  }

  void write_lines() {
    const std::string_view text = code_.text;
    Tokens tokens;
    if (code_.language != nullptr) tokens = tokens_of(text, *code_.language);
    else if (!text.empty()) tokens.list.push_back({text.size(), Scope::plain});
    std::size_t token = 0;
    bool is_first = true;
    std::size_t at = 0;
    // The line behind the last line end is none.
    for (std::uint64_t line = 1; at < text.size(); ++line) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      if (is_within(fence_.hidden, line)) {
        while (token < tokens.list.size() && tokens.list[token].end <= end) ++token;
        at = end + 1;
        continue;
      }
      if (!std::exchange(is_first, false)) out_ += '\n';
      out_ += is_within(fence_.marked, line) ? std::string_view(marked_)
                                             : std::string_view("<span class=\"giallo-l\">");
      if (fence_.has_line_numbers) write_number(line);
      while (at < end) {
        while (tokens.list[token].end <= at) ++token;
        const std::size_t piece_end = std::min(end, tokens.list[token].end);
        write_piece(text.substr(at, piece_end - at), tokens.list[token].scope);
        at = piece_end;
      }
      out_ += "</span>";
      at = end + 1;
    }
  }

  void write_number(std::uint64_t line) {
    out_ += number_;
    out_ += std::to_string(fence_.first_number + static_cast<std::int64_t>(line) - 1);
    out_ += "</span>";
  }

  void write_piece(std::string_view piece, Scope scope) {
    const std::string& opening = openings_[static_cast<std::size_t>(scope)];
    if (opening.empty()) return append_code(out_, piece);
    out_ += opening;
    append_code(out_, piece);
    out_ += "</span>";
  }

  const CodeToShow& code_;
  const CodeFence& fence_;
  const CodeLook& look_;
  const CodeTheme* dark_;
  std::array<std::string, scope_count> openings_;
  std::string marked_, number_;
  std::string out_;
};

std::optional<LineRange> line_range_of(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_u64(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_u64(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return LineRange{std::min(*first, *last), std::max(*first, *last)};
}

constexpr std::size_t ranges_max = 1'000;  // of one kind; each line asks all of them

void append_ranges(std::vector<LineRange>& ranges, std::string_view text) {
  while (!text.empty() && ranges.size() < ranges_max) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (const auto range = line_range_of(text.substr(0, end))) ranges.push_back(*range);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// A name that may stand in data-NAME.
std::string attribute_name_of(std::string_view name) {
  std::string safe = lower_of(name);
  for (char& c : safe)
    if (!is_alnum(c) && static_cast<unsigned char>(c) < 0x80) c = '-';
  return safe;
}

}  // namespace

CodeFence code_fence_of(std::string_view info) {
  constexpr std::int64_t number_max = 1'000'000'000;
  CodeFence fence;
  while (!info.empty()) {
    const std::size_t end = std::min(info.find(','), info.size());
    const std::string_view part = trim(info.substr(0, end));
    info.remove_prefix(std::min(end + 1, info.size()));
    const std::size_t equals = part.find('=');
    const std::string_view name = trim(part.substr(0, equals));
    std::string_view value =
        equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    value = value.substr(0, value.find('='));
    if (name == "linenos") {
      fence.has_line_numbers = true;
    } else if (name == "linenostart") {
      const auto number = parse_i64(value);
      if (number && *number <= number_max && *number >= -number_max) fence.first_number = *number;
    } else if (name == "hl_lines") {
      append_ranges(fence.marked, value);
    } else if (name == "hide_lines") {
      append_ranges(fence.hidden, value);
    } else if (equals != std::string_view::npos) {
      fence.others.emplace_back(attribute_name_of(name), trim(value));
    } else if (fence.language.empty()) {
      fence.language = name;
    }
  }
  // As Zola: by name, and of two of one name the last.
  std::stable_sort(fence.others.begin(), fence.others.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = fence.others.size(); i-- > 1;)
    if (fence.others[i - 1].first == fence.others[i].first)
      fence.others.erase(fence.others.begin() + static_cast<std::ptrdiff_t>(i) - 1);
  return fence;
}

std::string highlighted_html_of(const CodeToShow& code, const CodeFence& fence,
                                const CodeLook& look) {
  return CodeWriter(code, fence, look).write();
}

std::string style_sheet_of(const CodeTheme& theme) {
  std::string css = "/* The theme \"" + theme.name + "\" for highlighted code. */\n\n.z-code {\n  ";
  append_property(css, "color", theme.foreground, nullptr);
  css += "\n  ";
  append_property(css, "background-color", theme.background, nullptr);
  css += "\n}\n\n";
  if (theme.marked_line) {
    css += ".z-hl {\n  ";
    append_property(css, "background-color", *theme.marked_line, nullptr);
    css += "\n}\n\n";
  }
  if (theme.line_number) {
    css += ".giallo-ln {\n  ";
    append_property(css, "color", *theme.line_number, nullptr);
    css += "\n}\n\n";
  }
  // Every scope has its rule, also one that looks like text: a rule of fewer classes may fit it
  // too.
  for (std::size_t i = 1; i < scope_count; ++i) {
    const ScopeStyle& style = theme.styles[i];
    append_classes(css, static_cast<Scope>(i), ".");
    css += " { ";
    append_property(css, "color", style.foreground.value_or(theme.foreground), nullptr);
    if (style.background) append_property(css, " background-color", *style.background, nullptr);
    if (style.italic || style.bold || style.underline || style.strike) css += ' ';
    append_font(css, style);
    css += " }\n";
  }
  return css;
}

}  // namespace weir::text
