#include "base/log.h"

#include "base/sys.h"
#include "base/text_escape.h"

#include <charconv>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <new>
#include <thread>

#include <poll.h>
#include <unistd.h>
#include <cerrno>

namespace weir {

struct LineWriter::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::string> lines;
  std::size_t lines_max = 0;
  std::uint64_t dropped = 0;
  std::uint64_t dropped_said = 0;
  int descriptor = -1;
  bool stopping = false;
  std::thread thread;

  // Writes all of `text`; gives up when the reader takes nothing for a second while we are
  // stopping.
  void write_out(int to, std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = sys::write(to, text.data(), text.size());
      if (count > 0) {
        text.remove_prefix(static_cast<std::size_t>(count));
      } else if (count < 0 && errno == EAGAIN) {
        pollfd ready{to, POLLOUT, 0};
        if (::poll(&ready, 1, 1000) == 0 && is_stopping()) return;
      } else if (count < 0 && errno != EINTR) {
        return;  // the reader has gone; there is nobody to tell
      }
    }
  }
  bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  void gather(std::string& batch) {
    while (!lines.empty() && batch.size() < 256 * 1024) {
      batch.reserve(batch.size() + lines.front().size() + 1);  // a line is whole or not there
      batch += lines.front();
      batch += '\n';
      lines.pop_front();
    }
    if (dropped == dropped_said) return;
    batch +=
        "{\"event\":\"log-lines-dropped\",\"dropped\":" + std::to_string(dropped - dropped_said) +
        "}\n";
    dropped_said = dropped;
  }

  void run() {
    std::string batch;
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return stopping || !lines.empty(); });
      if (lines.empty()) return;
      batch.clear();
      try {
        gather(batch);
      } catch (const std::bad_alloc&) {  // the line that it was about
        if (!lines.empty()) lines.pop_front();
        ++dropped;
      }
      const int to = descriptor;
      lock.unlock();
      write_out(to, batch);
      lock.lock();
    }
  }
};

LineWriter::LineWriter(int descriptor, std::size_t queue_lines_max)
    : shared_(std::make_unique<Shared>()) {
  shared_->descriptor = descriptor;
  shared_->lines_max = queue_lines_max;
  shared_->thread = std::thread([shared = shared_.get()] { shared->run(); });
}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->wake.notify_one();
  shared_->thread.join();
}

bool LineWriter::write(std::string line) {
  bool first = false;
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->lines.size() >= shared_->lines_max) {
      ++shared_->dropped;
      return false;
    }
    first = shared_->lines.empty();
    shared_->lines.push_back(std::move(line));
  }
  if (first) shared_->wake.notify_one();
  return true;
}

std::uint64_t LineWriter::dropped() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->dropped;
}

void LineWriter::lose() {
  const std::lock_guard lock(shared_->mutex);
  ++shared_->dropped;
}

void LineWriter::redirect(int descriptor) {
  const std::lock_guard lock(shared_->mutex);
  shared_->descriptor = descriptor;
}

std::string iso_time_of(Wall wall) {
  const std::time_t seconds = static_cast<std::time_t>(wall.seconds());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t count = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  const auto millis = static_cast<int>(wall.millis() % 1000);
  std::string out(text, count);
  out += '.';
  out += static_cast<char>('0' + millis / 100);
  out += static_cast<char>('0' + millis / 10 % 10);
  out += static_cast<char>('0' + millis % 10);
  return out + 'Z';
}

namespace {

constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};

void append_value(std::string& line, const LogField& field, LogForm form) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    const bool plain = form == LogForm::text && !text->empty() &&
                       text->find_first_of(" \"\\\n\r\t=") == std::string_view::npos;
    if (plain) {
      std::string escaped = json_string_of(*text);
      line.append(escaped, 1, escaped.size() - 2);
    } else {
      append_json_string(line, *text);
    }
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    line += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    char digits[40];
    const auto [end, errc] = std::to_chars(digits, digits + sizeof digits, *number);
    line.append(digits, end);
  } else {
    line += std::to_string(std::get<std::int64_t>(field.value));
  }
}

}  // namespace

// Whoever reports a trouble must not get another from it: without memory the line is lost.
void Log::say(LogLevel level, std::string_view event, LogFields fields) {
  if (!speaks(level)) return;
  try {
    write(level, event, fields);
  } catch (const std::bad_alloc&) {
    writer_.lose();
  }
}

void Log::write(LogLevel level, std::string_view event, LogFields fields) {
  std::string line;
  line.reserve(128);
  const std::string_view level_name = level_names[static_cast<std::size_t>(level)];
  if (form_ == LogForm::json) {
    line += "{\"time\":\"" + iso_time_of(clock_.wall()) + "\",\"level\":\"" +
            std::string(level_name) + "\",\"event\":";
    append_json_string(line, event);
    for (const LogField& field : fields) {
      line += ',';
      append_json_string(line, field.name);
      line += ':';
      append_value(line, field, form_);
    }
    line += '}';
  } else {
    line += level_name;
    line += ": ";
    line += event;
    for (const LogField& field : fields) {
      line += ' ';
      line += field.name;
      line += '=';
      append_value(line, field, form_);
    }
  }
  writer_.write(std::move(line));
}

}  // namespace weir
