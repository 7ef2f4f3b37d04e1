#pragma once
// One JSON line per request on the way out: what was asked, what was answered, and (for every
// refusal, every suspicious request and a share of the others) the whole decision record.
//
//   {"t":"2026-11-20T23:28:45.123Z","id":"4bf9...","client":"192.0.2.1","method":"GET","host":"example.com","path":"/blog/a/",
//    "status":200,"bytes":5120,"us":57,"route":"site","cache":"hit","agent":"curl/8","ending":"complete","decision":{...}}
//
// No query, no cookie, no token, no body byte is written. Values are escaped: every line is valid
// JSON whatever a client sends. Lines are collected per loop and handed on in chunks, so that a
// request costs no lock and no system call; when the reader is slow whole chunks are dropped and
// their lines counted. One per loop.

#include "edge/visit.h"

#include "base/log.h"

#include <string>

namespace weir::edge {

struct AccessLogSettings {
  double sample_allow = 0.01;
  double sample_block = 1.0;
  int log_score = 10;  // a decision at or above it is always written
};

class AccessLog {
 public:
  // `writer` null = off.
  AccessLog(LineWriter* writer, AccessLogSettings settings, http::Loop& loop, Counters& counters);
  ~AccessLog() { flush(); }
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const http::Finished& finished, Visit& visit);
  // What was no request: {"t":...,"client":...,"status":400,"refused":"why"}
  void write_refused(const http::Peer& peer, int status, std::string_view reason);
  void flush();
  void set(AccessLogSettings settings) { settings_ = settings; }

 private:
  void append_time(Wall time);
  void end_line();
  LineWriter* writer_;
  AccessLogSettings settings_;
  http::Loop& loop_;
  Counters& counters_;
  std::string chunk_;
  std::uint64_t chunk_lines_ = 0;
  bool flush_is_due_ = false;
  std::int64_t second_ = -1;  // that time_text_ tells
  guard::IpAddress client_;   // of the line before: a keep-alive connection asks many times
  std::string client_text_;
  std::string
      time_text_;  // "2026-11-20T23:28:45.123Z", made once a second but for its milliseconds
};

}  // namespace weir::edge
