#pragma once
// Waits until something below a directory changes (inotify), or looks every so often where the
// kernel cannot tell (network and shared file systems: `polls`).
//
// Directories that are made later are watched too. Editors save by renaming, and write in bursts:
// `wait` answers once after `debounce` without a further event. A queue that ran over counts as a
// change. One thread; `stop` from any.

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace weir::cli {

struct WatchOrder {
  std::vector<std::string> roots;
  std::function<bool(const std::string& directory)> leaves_out;  // with all that is below
  Nanos debounce{};
  bool polls = false;
};

class FileWatcher {
 public:
  static Result<std::unique_ptr<FileWatcher>> open(WatchOrder order);

  enum class Event { changed, stopped };
  struct Changes {
    Event event = Event::changed;
    bool is_all_told = false;  // false: anything below the roots may have changed
    std::vector<std::string> files =
        {};  // "ROOT/…": written, made, moved or gone; sorted, once each
  };
  Changes wait();
  void stop();

 private:
  FileWatcher(WatchOrder order, Descriptor events, Descriptor stopped)
      : order_(std::move(order)), events_(std::move(events)), stopped_(std::move(stopped)) {}
  void watch_below(const std::string& directory);
  // Whether there was one about a file that counts.
  bool read_events(Changes& changes);
  // Whether there is something to read within so many milliseconds (-1: for ever), or `stop`.
  enum class Came { events, nothing, stop };
  Came wait_for(int milliseconds) const;

  WatchOrder order_;
  Descriptor events_;
  Descriptor stopped_;
  std::unordered_map<int, std::string> directories_;
};

}  // namespace weir::cli
