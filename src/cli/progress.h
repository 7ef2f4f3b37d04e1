#pragma once
// How far a build is, for who waits at a terminal: one line on stderr, rewritten in place from the
// first second on and wiped at the end. A build that is quicker shows nothing.
//
// Only a carriage return and spaces: no colour (NO_COLOR is about that) and no escapes. Nothing at
// all where stderr is no terminal, TERM is dumb, or --quiet or --json was given
// (Session::shows_progress). The line belongs to a thread of its own while this lives, so nobody
// else may write to the terminal meanwhile.

#include "cli/session.h"
#include "site/build.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace weir::cli {

class Progress {
 public:
  explicit Progress(const Session& session);
  ~Progress() { stop(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What the build counts up.
  site::BuildProgress& counts() { return counts_; }
  // Wipes the line. More than once is fine.
  void stop();

 private:
  void run();

  const Session& session_;
  site::BuildProgress counts_;
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool is_over_ = false;  // under mutex_
  std::thread thread_;
};

// "rendering 5120 of 12544"
std::string progress_text(const site::BuildProgress& counts);

}  // namespace weir::cli
