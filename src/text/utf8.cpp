#include "text/utf8.h"

#include "base/bytes.h"
#include "base/text_escape.h"
#include "text/unicode_tables.h"

#include <algorithm>
#include <cstring>

namespace weir::text {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr char32_t capital_sigma = 0x3A3;

bool is_ascii_8(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return (word & 0x8080808080808080) == 0;
}

char32_t decoded(std::string_view sequence) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(sequence[i]));
  };
  switch (sequence.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3: return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
             (byte(3) & 0x3F);
  }
}

bool is_letter_or_digit(char32_t code) {
  const std::uint32_t key = (static_cast<std::uint32_t>(code) << 11) | 0x7FF;
  const auto after = std::upper_bound(unicode_ranges.begin(), unicode_ranges.end(), key);
  return (*(after - 1) >> 9 & 1) != 0;
}

// Appends the mapping of one character beyond ASCII.
template <class Pairs, class Texts>
void append_mapped(std::string& out, char32_t code, std::string_view sequence, const Pairs& pairs,
                   const Texts& texts) {
  const auto earlier = [](const auto& row, char32_t wanted) { return row.from < wanted; };
  if (const auto row = std::lower_bound(pairs.begin(), pairs.end(), code, earlier);
      row != pairs.end() && row->from == code) {
    append_utf8(out, row->to);
  } else if (const auto text = std::lower_bound(texts.begin(), texts.end(), code, earlier);
             text != texts.end() && text->from == code) {
    out += text->to;
  } else {
    out += sequence;
  }
}

// A capital sigma that ends a word: after a letter, before none (Unicode 3.13, Final_Sigma).
bool is_final_sigma(std::string_view text, std::size_t at, std::size_t bytes) {
  const CodePoint next = first_code_point(text.substr(at + bytes));
  if (next.bytes != 0 && is_letter_or_digit(next.value)) return false;
  if (at == 0) return false;
  std::size_t before = at - 1;
  while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xC0) == 0x80) --before;
  return is_letter_or_digit(first_code_point(text.substr(before)).value);
}

}  // namespace

std::size_t find_utf8_error(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8 && is_ascii_8(text.data() + at)) {
      at += 8;
      continue;
    }
    const std::size_t bytes = utf8_sequence_bytes(text.substr(at));
    if (bytes == 0) return at;
    at += bytes;
  }
  return std::string_view::npos;
}

bool is_utf8(std::string_view text) { return find_utf8_error(text) == std::string_view::npos; }

std::string utf8_repaired(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t bad = find_utf8_error(text);
    out += text.substr(0, bad);
    if (bad == std::string_view::npos) return out;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(bad + 1);
  }
}

CodePoint first_code_point(std::string_view text) {
  if (text.empty()) return {};
  const std::size_t bytes = utf8_sequence_bytes(text);
  if (bytes == 0) return {replacement, 1};
  return {decoded(text.substr(0, bytes)), static_cast<std::uint8_t>(bytes)};
}

void append_utf8(std::string& out, char32_t value) {
  if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) value = replacement;
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | value >> 6);
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3F));
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

std::size_t code_points_of(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += first_code_point(text.substr(at)).bytes) ++count;
  return count;
}

std::string upper_of_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint code = first_code_point(text.substr(at));
    if (code.value < 0x80) out += upper(text[at]);
    else append_mapped(out, code.value, text.substr(at, code.bytes), upper_pairs, upper_texts);
    at += code.bytes;
  }
  return out;
}

std::string lower_of_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint code = first_code_point(text.substr(at));
    if (code.value < 0x80) out += lower(text[at]);
    else if (code.value == capital_sigma && is_final_sigma(text, at, code.bytes))
      append_utf8(out, 0x3C2);
    else append_mapped(out, code.value, text.substr(at, code.bytes), lower_pairs, lower_texts);
    at += code.bytes;
  }
  return out;
}

std::uint32_t column_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t newline = before.rfind('\n');
  const std::string_view line =
      newline == std::string_view::npos ? before : before.substr(newline + 1);
  return static_cast<std::uint32_t>(code_points_of(line) + 1);
}

std::uint32_t line_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  return static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1);
}

}  // namespace weir::text
