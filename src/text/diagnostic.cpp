#include "text/diagnostic.h"

#include "base/bytes.h"
#include "base/text_escape.h"
#include "text/utf8.h"

#include <algorithm>

namespace weir::text {
namespace {

constexpr std::size_t tab_columns = 4;

// What each part looks like; all empty without colour.
struct Palette {
  std::string_view place, error, warning, caret, help, plain;
};
constexpr Palette no_colour{};
constexpr Palette colour{"\x1b[1m",    "\x1b[1;31m", "\x1b[1;33m",
                         "\x1b[1;31m", "\x1b[1;36m", "\x1b[0m"};

// The line as it is shown, and where its characters of interest stand on the screen.
struct Frame {
  std::string text;
  std::size_t caret_start = 0;
  std::size_t caret_columns = 1;
};

std::string_view line_at(std::string_view source, std::uint32_t number) {
  for (std::uint32_t line = 1; line < number; ++line) {
    const std::size_t newline = source.find('\n');
    if (newline == std::string_view::npos) return {};
    source.remove_prefix(newline + 1);
  }
  std::string_view line = source.substr(0, source.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Wide in a terminal (East Asian Wide, emoji) or without width (combining marks, joiners).
std::size_t screen_columns_of(char32_t code) {
  if (code == 0x200D || code == 0xFE0F || (code >= 0x300 && code <= 0x36F)) return 0;
  const bool is_wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                       (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                       (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                       (code >= 0x1F300 && code <= 0x1F64F) ||
                       (code >= 0x1F900 && code <= 0x1F9FF) || (code >= 0x20000 && code <= 0x3FFFD);
  return is_wide ? 2 : 1;
}

// Tabs become blanks; control characters, which could steer a terminal, become '?'.
Frame frame_of(std::string_view line, const Place& place) {
  Frame frame;
  const std::uint32_t end_column =
      place.end_column > place.column ? place.end_column : place.column + 1;
  std::size_t screen = 0;
  std::size_t caret_end = 0;
  bool is_started = false;
  std::uint32_t column = 1;
  for (std::size_t at = 0; at < line.size(); ++column) {
    const CodePoint code = first_code_point(line.substr(at));
    if (column == place.column) {
      frame.caret_start = screen;
      is_started = true;
    }
    std::size_t width = screen_columns_of(code.value);
    if (code.value == '\t') {
      width = tab_columns - screen % tab_columns;
      frame.text.append(width, ' ');
    } else if (code.value < 0x20 || code.value == 0x7F ||
               (code.value >= 0x80 && code.value < 0xA0)) {
      frame.text += '?';
    } else {
      append_utf8(frame.text, code.value);
    }
    screen += width;
    at += code.bytes;
    if (is_started && column < end_column) caret_end = screen;
  }
  if (!is_started) frame.caret_start = screen;  // just behind the line
  frame.caret_columns = caret_end > frame.caret_start ? caret_end - frame.caret_start : 1;
  return frame;
}

// Cuts a long line to `columns_max` round the caret. Counts characters as one column, which for
// wide ones shows less.
void cut(Frame& frame, std::size_t columns_max) {
  constexpr std::string_view ellipsis = "…";
  if (columns_max < 20 || code_points_of(frame.text) <= columns_max) return;
  const auto bytes_of_columns = [](std::string_view text, std::size_t columns) {
    std::size_t bytes = 0;
    for (std::size_t shown = 0; bytes < text.size();) {
      const CodePoint code = first_code_point(text.substr(bytes));
      shown += screen_columns_of(code.value);
      if (shown > columns) break;
      bytes += code.bytes;
    }
    return bytes;
  };
  const std::size_t room = columns_max - 2;
  const std::size_t left = frame.caret_start > room / 2 ? frame.caret_start - room / 2 : 0;
  if (left > 0) {
    frame.text.erase(0, bytes_of_columns(frame.text, left));
    frame.text.insert(0, ellipsis);
    frame.caret_start -= left - 1;
  }
  const std::size_t kept = bytes_of_columns(frame.text, room + 1);
  if (kept < frame.text.size()) frame.text.replace(kept, std::string::npos, ellipsis);
  frame.caret_columns =
      std::min(frame.caret_columns, columns_max - std::min(columns_max - 1, frame.caret_start));
}

std::string place_text(const Place& place) {
  std::string out = place.file;
  if (place.line > 0) (out += out.empty() ? "line " : ":") += std::to_string(place.line);
  if (place.line > 0 && place.column > 0) (out += ':') += std::to_string(place.column);
  return out;
}

void append_painted(std::string& out, std::string_view text, std::string_view paint,
                    const Palette& palette) {
  ((out += paint) += text) += palette.plain;
}

void append_frame(std::string& out, const Place& place, std::string_view source,
                  const DiagnosticStyle& style, const Palette& palette) {
  const std::string_view line = line_at(source, place.line);
  if (line.empty() && place.column > 1) return;
  const std::string number = std::to_string(place.line);
  const std::size_t gutter = 2 + number.size() + 3;
  Frame frame = frame_of(line, place);
  if (style.columns_max > gutter) cut(frame, style.columns_max - gutter);
  ((((out += "  ") += number) += " | ") += frame.text) += '\n';
  if (place.column == 0) return;
  (out += "  ").append(number.size(), ' ') += " | ";
  out.append(frame.caret_start, ' ');
  append_painted(out, std::string(frame.caret_columns, '^'), palette.caret, palette);
  out += '\n';
}

}  // namespace

std::string diagnostic_text(const Diagnostic& diagnostic, std::string_view source,
                            const DiagnosticStyle& style) {
  const Palette& palette = style.colour == Colour::on ? colour : no_colour;
  const Error& error = diagnostic.error;
  const bool is_error = diagnostic.severity == Severity::error;
  std::string out;
  if (const std::string place = place_text(error.place); !place.empty()) {
    append_painted(out, place, palette.place, palette);
    out += ": ";
  }
  append_painted(out, is_error ? "error" : "warning", is_error ? palette.error : palette.warning,
                 palette);
  ((out += ": ") += error.what) += '\n';
  if (!source.empty() && error.place.line > 0)
    append_frame(out, error.place, source, style, palette);
  for (const std::string& link : error.chain) ((out += "  ") += link) += '\n';
  if (!error.help.empty()) {
    append_painted(out, "  help", palette.help, palette);
    ((out += ": ") += error.help) += '\n';
  }
  return out;
}

std::string diagnostic_json(const Diagnostic& diagnostic) {
  const Error& error = diagnostic.error;
  std::string out = diagnostic.severity == Severity::error ? "{\"severity\":\"error\""
                                                           : "{\"severity\":\"warning\"";
  const auto add_text = [&out](std::string_view name, std::string_view text) {
    ((out += ",\"") += name) += "\":";
    append_json_string(out, text);
  };
  const auto add_number = [&out](std::string_view name, std::uint32_t number) {
    (((out += ",\"") += name) += "\":") += std::to_string(number);
  };
  add_text("code", name_of(error.code));
  add_text("file", error.place.file);
  add_number("line", error.place.line);
  add_number("column", error.place.column);
  add_number("end_column", error.place.end_column);
  add_text("message", error.what);
  add_text("help", error.help);
  out += ",\"chain\":[";
  for (std::size_t i = 0; i < error.chain.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, error.chain[i]);
  }
  return out += "]}";
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string nearest = nearest_of(word, candidates);
  return nearest.empty() ? "" : "did you mean \"" + nearest + "\"?";
}

}  // namespace weir::text
