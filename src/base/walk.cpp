#include "base/walk.h"

#include "base/file.h"

#include <array>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

namespace weir {
namespace {

// Each name is opened without following it, a link's text takes its place in the path, and ".."
// goes back over the descriptors that were passed, never to a parent that the kernel would name.
class Walk {
 public:
  explicit Walk(int root) : root_(root) {}

  int open(const std::string& relative, int flags) {
    if (!push(relative)) return -1;
    while (!names_.empty()) {
      const std::string name = std::move(names_.back());
      names_.pop_back();
      if (name == "..") {
        if (passed_.empty()) return fail(EXDEV);
        passed_.pop_back();
        continue;
      }
      Descriptor found(::openat(here(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat status {};
      if (!found.is_open() || ::fstat(found.number(), &status) != 0) return -1;
      if (S_ISLNK(status.st_mode)) {
        if (++links_ > links_max) return fail(ELOOP);
        if (!follow(found.number())) return -1;
      } else if (S_ISDIR(status.st_mode)) {
        passed_.push_back(std::move(found));
      } else if (!names_.empty()) {
        return fail(ENOTDIR);
      } else {
        // The same name once more: should it have become a link meanwhile, O_NOFOLLOW refuses it.
        return ::openat(here(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC);
      }
    }
    return ::openat(here(), ".", flags | O_CLOEXEC);
  }

 private:
  static constexpr int links_max = 40;  // as the kernel
  static int fail(int number) {
    errno = number;
    return -1;
  }
  int here() const { return passed_.empty() ? root_ : passed_.back().number(); }

  // The parts of a path, to be walked next.
  bool push(std::string_view path) {
    if (path.empty()) return fail(ENOENT), false;
    if (path.front() == '/') return fail(EXDEV), false;
    for (std::size_t end = path.size();;) {
      const std::size_t slash = path.substr(0, end).rfind('/');
      const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
      const std::string_view name = path.substr(begin, end - begin);
      if (!name.empty() && name != ".") names_.emplace_back(name);
      if (slash == std::string_view::npos) return true;
      end = slash;
    }
  }
  bool follow(int link) {
    if (names_.size() > names_max) return fail(ELOOP), false;
    std::array<char, 4096> text{};
    const ssize_t bytes = ::readlinkat(link, "", text.data(), text.size());
    if (bytes < 0) return false;
    if (static_cast<std::size_t>(bytes) == text.size()) return fail(ENAMETOOLONG), false;
    return push({text.data(), static_cast<std::size_t>(bytes)});
  }
  static constexpr std::size_t names_max = 4096;

  int root_;
  int links_ = 0;
  std::vector<Descriptor> passed_;  // the directories from the root to here
  std::vector<std::string> names_;  // what is left of the path, the next name last
};

}  // namespace

int open_beneath_in_steps(int root, const std::string& relative, int flags) {
  return Walk(root).open(relative, flags);
}

}  // namespace weir
