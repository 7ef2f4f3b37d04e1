#include "cli/file_watcher.h"

#include "base/bytes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace weir::cli {
namespace {

constexpr std::uint32_t interesting = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE |
                                      IN_DELETE | IN_DELETE_SELF | IN_ATTRIB | IN_ONLYDIR;
constexpr int poll_milliseconds = 500;
constexpr std::size_t directories_max = 100'000;

}  // namespace

Result<std::unique_ptr<FileWatcher>> FileWatcher::open(WatchOrder order) {
  Descriptor events;
  if (!order.polls) {
    events = Descriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!events.is_open())
      return Error{errc_of(errno), "files cannot be watched"}.with_help("try --poll");
  }
  Descriptor stopped(::eventfd(0, EFD_CLOEXEC));
  if (!stopped.is_open()) return Error{errc_of(errno), "no event descriptor is left"};
  std::unique_ptr<FileWatcher> watcher(
      new FileWatcher(std::move(order), std::move(events), std::move(stopped)));
  if (!watcher->order_.polls)
    for (const std::string& root : watcher->order_.roots) watcher->watch_below(root);
  return watcher;
}

// A directory that cannot be watched (gone already, or one too many) is passed over: the rest is
// still worth watching.
void FileWatcher::watch_below(const std::string& directory) {
  std::vector<std::string> pending{directory};
  while (!pending.empty() && directories_.size() < directories_max) {
    const std::string current = std::move(pending.back());
    pending.pop_back();
    if (order_.leaves_out && order_.leaves_out(current)) continue;
    const int number = ::inotify_add_watch(events_.number(), current.c_str(), interesting);
    if (number < 0) continue;
    directories_[number] = current;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(current, error))
      if (entry.is_directory(error) && !error) pending.push_back(entry.path().string());
  }
}

FileWatcher::Came FileWatcher::wait_for(int milliseconds) const {
  std::array<pollfd, 2> waiting{{{stopped_.number(), POLLIN, 0}, {events_.number(), POLLIN, 0}}};
  const nfds_t count = order_.polls ? 1 : 2;
  while (::poll(waiting.data(), count, milliseconds) < 0)
    if (errno != EINTR) return Came::stop;
  if (waiting[0].revents != 0) return Came::stop;
  return count == 2 && waiting[1].revents != 0 ? Came::events : Came::nothing;
}

bool FileWatcher::read_events(Changes& changes) {
  bool has_changed = false;
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t bytes = ::read(events_.number(), buffer.data(), buffer.size());
    if (bytes <= 0) return has_changed;
    for (std::size_t at = 0; at < static_cast<std::size_t>(bytes);) {
      const auto* const event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += sizeof(inotify_event) + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) {
        has_changed = true;
        changes.is_all_told = false;
      }
      const auto directory = directories_.find(event->wd);
      if (directory == directories_.end()) continue;
      const std::string_view name = event->len == 0 ? "" : event->name;
      if ((event->mask & IN_IGNORED) != 0) {
        directories_.erase(directory);
      } else if ((event->mask & IN_ISDIR) != 0) {
        const std::string path = directory->second + '/' + std::string(name);
        if (order_.leaves_out && order_.leaves_out(path)) continue;
        if ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0) watch_below(path);
        has_changed = true;
        changes.is_all_told = false;
      } else if (!name.starts_with('.') && !name.ends_with('~')) {
        has_changed = true;
        changes.files.push_back(directory->second + '/' + std::string(name));
      }
    }
  }
}

FileWatcher::Changes FileWatcher::wait() {
  Changes changes;
  if (order_.polls) {
    if (wait_for(poll_milliseconds) == Came::stop) changes.event = Event::stopped;
    return changes;
  }
  const int quiet = static_cast<int>(
      std::chrono::duration_cast<std::chrono::milliseconds>(order_.debounce).count());
  changes.is_all_told = true;
  for (bool has_changed = false;;) {
    const Came came = wait_for(has_changed ? quiet : -1);
    if (came == Came::stop) changes.event = Event::stopped;
    if (came != Came::events) break;
    has_changed |= read_events(changes);
  }
  std::sort(changes.files.begin(), changes.files.end());
  changes.files.erase(std::unique(changes.files.begin(), changes.files.end()), changes.files.end());
  return changes;
}

void FileWatcher::stop() {
  const std::uint64_t one = 1;
  // The counter cannot be full: it is written once or twice in a life.
  (void)!::write(stopped_.number(), &one, sizeof one);
}

}  // namespace weir::cli
