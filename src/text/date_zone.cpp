// Time zones from the system's database (RFC 8536, TZif version 2 or later).
//
//   header  "TZif" version 15x0 isut isstd leap time type char   six counts, big-endian 32 bit
//   block 1 32-bit times, skipped          block 2 after a second header:
//   block 2 transition times 8 x time, type indexes 1 x time,
//           types (offset 4, is_dst 1, name index 1) x type, names char,
//           leap seconds 12 x leap, 1 x isstd, 1 x isut
//   footer  \n POSIX rule \n               for all times after the last transition
#include "text/date.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/limits.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <vector>

namespace weir::text {
namespace {

struct LocalType {
  std::int32_t offset = 0;
  std::string name;
};

// A day of the year on which the clocks change, and the second of that day.
struct ChangeRule {
  char kind = 'M';  // M month.week.day, J day 1..365 without 29 February, N day 0..365
  int month = 0, week = 0, day = 0;
  std::int64_t second = 7'200;
};

// "CET-1CEST,M3.5.0,M10.5.0/3"
struct PosixRule {
  LocalType standard;
  std::optional<LocalType> summer;
  ChangeRule start, end;  // of summer time
};

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool take(std::size_t count, std::string_view& out) {
    if (bytes_.size() < count) return false;
    out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return true;
  }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

std::uint64_t big_endian_of(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

class PosixReader {
 public:
  explicit PosixReader(std::string_view text) : text_(text) {}

  std::optional<PosixRule> rule() {
    PosixRule rule;
    if (!name(rule.standard.name) || !clock_offset(rule.standard.offset)) return std::nullopt;
    if (at_ == text_.size()) return rule;
    LocalType summer{rule.standard.offset + 3'600, ""};
    if (!name(summer.name)) return std::nullopt;
    if (peek() != ',' && !clock_offset(summer.offset)) return std::nullopt;
    rule.summer = std::move(summer);
    if (!take(',') || !change(rule.start) || !take(',') || !change(rule.end) || at_ != text_.size())
      return std::nullopt;
    return rule;
  }

 private:
  bool name(std::string& out) {
    const bool quoted = take('<');
    const std::size_t start = at_;
    while (at_ < text_.size() && (quoted ? text_[at_] != '>' : is_alpha(text_[at_]))) ++at_;
    out = text_.substr(start, at_ - start);
    return !out.empty() && (!quoted || take('>'));
  }
  // POSIX counts west of Greenwich as positive.
  bool clock_offset(std::int32_t& out) {
    std::int64_t seconds = 0;
    if (!time(seconds)) return false;
    out = static_cast<std::int32_t>(-seconds);
    return true;
  }
  bool time(std::int64_t& seconds) {
    const bool negative = take('-');
    if (!negative) take('+');
    int part = 0;
    if (!number(167, part)) return false;
    seconds = part * 3'600;
    if (take(':')) {
      if (!number(59, part)) return false;
      seconds += part * 60;
      if (take(':')) {
        if (!number(59, part)) return false;
        seconds += part;
      }
    }
    if (negative) seconds = -seconds;
    return true;
  }
  bool change(ChangeRule& rule) {
    if (take('M')) {
      if (!number(12, rule.month) || !take('.') || !number(5, rule.week) || !take('.') ||
          !number(6, rule.day) || rule.month == 0 || rule.week == 0)
        return false;
    } else {
      rule.kind = take('J') ? 'J' : 'N';
      if (!number(365, rule.day)) return false;
    }
    return !take('/') || time(rule.second);
  }
  bool number(int most, int& out) {
    const std::size_t start = at_;
    out = 0;
    while (at_ < text_.size() && is_digit(text_[at_]) && at_ - start < 3)
      out = out * 10 + (text_[at_++] - '0');
    return at_ > start && out <= most;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The second since 1970 at which `rule` fires in `year`, on a clock with `offset`.
std::int64_t change_at(const ChangeRule& rule, std::chrono::year year, std::int32_t offset) {
  namespace chrono = std::chrono;
  chrono::sys_days day = chrono::year_month_day(year, chrono::January, chrono::day(1));
  if (rule.kind == 'M') {
    const chrono::month month(static_cast<unsigned>(rule.month));
    const chrono::weekday weekday(static_cast<unsigned>(rule.day));
    day = rule.week == 5
              ? chrono::sys_days(year / month / weekday[chrono::last])
              : chrono::sys_days(year / month / weekday[static_cast<unsigned>(rule.week)]);
  } else {
    const bool skips_leap_day = rule.kind == 'J' && year.is_leap() && rule.day >= 60;
    day += chrono::days(rule.day - (rule.kind == 'J' ? 1 : 0) + (skips_leap_day ? 1 : 0));
  }
  return chrono::seconds(day.time_since_epoch()).count() + rule.second - offset;
}

const LocalType& type_by_rule(const PosixRule& rule, std::int64_t seconds) {
  if (!rule.summer) return rule.standard;
  namespace chrono = std::chrono;
  const chrono::sys_seconds local(chrono::seconds(seconds + rule.standard.offset));
  const chrono::year year = chrono::year_month_day(chrono::floor<chrono::days>(local)).year();
  const std::int64_t start = change_at(rule.start, year, rule.standard.offset);
  const std::int64_t end = change_at(rule.end, year, rule.summer->offset);
  const bool is_summer =
      start < end ? seconds >= start && seconds < end : seconds >= start || seconds < end;
  return is_summer ? *rule.summer : rule.standard;
}

}  // namespace

struct TimeZone::Table {
  std::vector<std::int64_t> times;         // ascending
  std::vector<std::uint8_t> type_indexes;  // parallel to times
  std::vector<LocalType> types;            // the first one is for all times before
  std::optional<PosixRule> rule;           // for all times after

  const LocalType& type_at(std::int64_t seconds) const {
    const auto after = std::upper_bound(times.begin(), times.end(), seconds);
    if (after == times.end() && rule) return type_by_rule(*rule, seconds);
    if (after == times.begin()) return types.front();
    return types[type_indexes[static_cast<std::size_t>(after - times.begin()) - 1]];
  }
  static std::optional<Table> parse(std::string_view file);
};

std::optional<TimeZone::Table> TimeZone::Table::parse(std::string_view file) {
  Bytes bytes(file);
  std::array<std::uint64_t, 6> counts{};  // isut isstd leap time type char
  const auto read_header = [&] {
    std::string_view header;
    if (!bytes.take(44, header) || !header.starts_with("TZif") || header[4] < '2') return false;
    for (std::size_t i = 0; i < counts.size(); ++i)
      counts[i] = big_endian_of(header.substr(20 + 4 * i, 4));
    for (const std::uint64_t count : counts)
      if (count > limits::zone_file_bytes_max) return false;
    return true;
  };
  std::string_view skipped;
  if (!read_header()) return std::nullopt;
  if (!bytes.take(counts[3] * 5 + counts[4] * 6 + counts[5] + counts[2] * 8 + counts[1] + counts[0],
                  skipped))
    return std::nullopt;
  if (!read_header()) return std::nullopt;

  std::string_view times, indexes, types, names;
  if (!bytes.take(counts[3] * 8, times) || !bytes.take(counts[3], indexes) ||
      !bytes.take(counts[4] * 6, types) || !bytes.take(counts[5], names) ||
      !bytes.take(counts[2] * 12 + counts[1] + counts[0], skipped) || types.empty())
    return std::nullopt;
  Table table;
  for (std::size_t i = 0; i < counts[3]; ++i) {
    table.times.push_back(static_cast<std::int64_t>(big_endian_of(times.substr(8 * i, 8))));
    table.type_indexes.push_back(static_cast<std::uint8_t>(indexes[i]));
    if (table.type_indexes.back() >= counts[4]) return std::nullopt;
    if (i > 0 && table.times[i] <= table.times[i - 1]) return std::nullopt;
  }
  for (std::size_t i = 0; i < counts[4]; ++i) {
    const std::string_view type = types.substr(6 * i, 6);
    const auto offset =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(big_endian_of(type.substr(0, 4))));
    const auto name = static_cast<unsigned char>(type[5]);
    if (name >= names.size() || offset < -93'600 || offset > 93'600) return std::nullopt;
    const std::string_view from = names.substr(name);
    table.types.push_back({offset, std::string(from.substr(0, from.find('\0')))});
  }
  std::string_view footer = trim(bytes.rest());
  if (!footer.empty()) {
    table.rule = PosixReader(footer).rule();
    if (!table.rule) return std::nullopt;
  }
  return table;
}

Result<TimeZone> TimeZone::open(std::string_view name, const std::string& directory) {
  if (name == "UTC" || name == "Etc/UTC") {
    Table utc;
    utc.types.push_back({0, "UTC"});
    return TimeZone(std::make_shared<const Table>(std::move(utc)));
  }
  const auto allowed = [](char c) {
    return is_alnum(c) || c == '_' || c == '-' || c == '+' || c == '/';
  };
  const Error unknown{Errc::missing,
                      "'" + std::string(name) + "' is no time zone in " + directory,
                      {},
                      "write an IANA name such as Europe/Berlin, or install the system's tzdata",
                      {}};
  if (name.empty() || name.front() == '/' || !std::all_of(name.begin(), name.end(), allowed))
    return unknown;
  const auto file = read_file(directory + '/' + std::string(name));
  if (!file.ok()) return unknown;
  if (file->size() > limits::zone_file_bytes_max) return unknown;
  auto table = Table::parse(*file);
  if (!table)
    return Error{Errc::corrupt,
                 "the time zone file " + directory + '/' + std::string(name) + " is damaged"};
  return TimeZone(std::make_shared<const Table>(*std::move(table)));
}

DateTime TimeZone::shifted(DateTime date) const {
  const LocalType& type = table_->type_at(date.seconds);
  date.offset_seconds = type.offset;
  date.zone = type.name;
  date.form = DateForm::offset;
  return date;
}

}  // namespace weir::text
