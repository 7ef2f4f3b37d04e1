#include "edge/access_log.h"

#include "base/text_escape.h"
#include "edge/answers.h"
#include "edge/pipeline.h"

#include <charconv>

namespace weir::edge {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

std::string_view name_of(http::Ending ending) {
  constexpr std::string_view names[] = {"complete", "gone", "cut"};
  return names[static_cast<std::size_t>(ending)];
}

bool wants_decision(const guard::Decision& decision, const AccessLogSettings& settings) {
  const bool refused = guard::is_refusal(decision);
  if (!refused && decision.score >= settings.log_score) return true;
  return guard::is_sampled(decision, refused ? settings.sample_block : settings.sample_allow);
}

}  // namespace

AccessLog::AccessLog(LineWriter* writer, AccessLogSettings settings, http::Loop& loop,
                     Counters& counters)
    : writer_(writer), settings_(settings), loop_(loop), counters_(counters) {}

void AccessLog::append_time(Wall time) {
  constexpr std::size_t millis_at = 20;
  if (time.seconds() != second_) {
    second_ = time.seconds();
    time_text_ = iso_time_of(time);
  }
  const auto millis = static_cast<unsigned>(time.millis() % 1'000);
  time_text_[millis_at] = static_cast<char>('0' + millis / 100);
  time_text_[millis_at + 1] = static_cast<char>('0' + millis / 10 % 10);
  time_text_[millis_at + 2] = static_cast<char>('0' + millis % 10);
  chunk_ += time_text_;
}

void AccessLog::write(const http::Finished& finished, Visit& visit) {
  if (writer_ == nullptr) return;
  const http::Request& request = finished.exchange.request();
  guard::Decision& decision = visit.decision;
  decision.time = visit.loop->clock.wall();
  decision.status = finished.status;
  const std::string_view id = decision_id(visit);
  chunk_ += "{\"t\":\"";
  append_time(decision.time);
  chunk_ += "\",\"id\":\"";
  chunk_ += id;
  chunk_ += '"';
  if (client_text_.empty() || visit.client != client_) {
    client_ = visit.client;
    client_text_ = client_.text();
  }
  append_text(chunk_, "client", client_text_);
  append_text(chunk_, "method", request.method_text);
  append_text(chunk_, "http",
              request.version_major == 2   ? "2"
              : request.version_minor == 1 ? "1.1"
                                           : "1.0");
  append_text(chunk_, "host", request.host);
  append_text(chunk_, "path",
              request.path.empty() ? request.target : request.path);  // CONNECT names no path
  chunk_ += ",\"status\":";
  append_number(chunk_, static_cast<std::uint64_t>(finished.status));
  chunk_ += ",\"bytes\":";
  append_number(chunk_, finished.body_bytes);
  chunk_ += ",\"us\":";
  append_number(chunk_, static_cast<std::uint64_t>(finished.took.count() / 1'000));
  append_text(chunk_, "route", decision.route);
  if (!decision.cache.empty()) append_text(chunk_, "cache", decision.cache);
  if (!decision.upstream.name.empty()) {
    chunk_ += ",\"upstream\":";
    guard::append_upstream_json(chunk_, decision.upstream);
  }
  if (request.has(http::Known::user_agent))
    append_text(chunk_, "agent", request.known(http::Known::user_agent));
  if (finished.ending != http::Ending::complete)
    append_text(chunk_, "ending", name_of(finished.ending));
  if (wants_decision(decision, settings_)) {
    chunk_ += ",\"decision\":";
    guard::append_decision_json(chunk_, decision);
  }
  end_line();
}

void AccessLog::write_refused(const http::Peer& peer, int status, std::string_view reason) {
  if (writer_ == nullptr) return;
  chunk_ += "{\"t\":\"";
  append_time(loop_.wall());
  chunk_ += '"';
  append_text(chunk_, "client", peer.text());
  chunk_ += ",\"status\":";
  append_number(chunk_, static_cast<std::uint64_t>(status));
  append_text(chunk_, "refused", reason);
  end_line();
}

void AccessLog::end_line() {
  chunk_ += '}';
  ++chunk_lines_;
  if (chunk_.size() >= limits::access_chunk_bytes) return flush();
  chunk_ += '\n';
  if (flush_is_due_) return;
  flush_is_due_ = true;
  loop_.after(limits::access_chunk_age, [this] {
    flush_is_due_ = false;
    flush();
  });
}

void AccessLog::flush() {
  if (chunk_.empty()) return;
  if (chunk_.back() == '\n') chunk_.pop_back();
  if (!writer_->write(std::move(chunk_))) counters_.log_lines_dropped.add(chunk_lines_);
  chunk_ = std::string();
  chunk_.reserve(limits::access_chunk_bytes + 2 * KiB);
  chunk_lines_ = 0;
}

}  // namespace weir::edge
