#pragma once
// What weir says while it runs: one JSON object a line, or plain text for a person at a terminal.
//
// A line never blocks the one who says it. Lines go into a bounded queue that one thread writes
// out; when the reader is slow the queue fills, lines are dropped, counted, and the count is said
// as soon as there is room ("dropped":n). Values are escaped, so that no client can forge a line.
//
//   log.info("listening", {{"address", "127.0.0.1:8080"}, {"tls", false}});

#include "base/clock.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace weir {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogForm : std::uint8_t { json, text };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) LogField(std::string_view n, T v)
      : name(n), value(static_cast<std::int64_t>(v)) {}
};
using LogFields = std::initializer_list<LogField>;

// A bounded queue of finished lines in front of one file descriptor. Callable from any thread.
// The descriptor stays the caller's. The destructor writes what is queued, waiting at most a
// second.
class LineWriter {
 public:
  LineWriter(int descriptor, std::size_t queue_lines_max);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `line` without its newline. False = the queue is full and the line was dropped and counted.
  bool write(std::string line);
  std::uint64_t dropped() const;
  void lose();                    // counts a line that could not be made
  void redirect(int descriptor);  // log rotation: later lines go there

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

// Callable from any thread. `clock` and `writer` must outlive it.
class Log {
 public:
  Log(const Clock& clock, LineWriter& writer, LogLevel least, LogForm form)
      : clock_(clock), writer_(writer), least_(least), form_(form) {}

  void debug(std::string_view event, LogFields fields = {}) { say(LogLevel::debug, event, fields); }
  void info(std::string_view event, LogFields fields = {}) { say(LogLevel::info, event, fields); }
  void warning(std::string_view event, LogFields fields = {}) {
    say(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, LogFields fields = {}) { say(LogLevel::error, event, fields); }
  void say(LogLevel level, std::string_view event, LogFields fields);  // never throws
  bool speaks(LogLevel level) const { return level >= least_; }

 private:
  void write(LogLevel level, std::string_view event, LogFields fields);
  const Clock& clock_;
  LineWriter& writer_;
  LogLevel least_;
  LogForm form_;
};

// "2026-11-20T23:28:45.123Z"
std::string iso_time_of(Wall wall);

}  // namespace weir
