#include "base/memory.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>

namespace weir {
namespace {

constexpr std::size_t no_bound = std::size_t{1}
                                 << 62;  // version 1 says 2^63 less a page for "none"

std::string small_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> bytes;
  const ssize_t count = file.is_open() ? ::read(file.number(), bytes.data(), bytes.size()) : 0;
  return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

// A group is bound by its own file and by those of all groups above it.
std::size_t least_bound(const std::string& mount, std::string path, std::string_view file) {
  std::size_t least = 0;
  while (true) {
    const std::size_t bound = memory_bound_of(small_file(mount + path + '/' + std::string(file)));
    if (bound != 0 && (least == 0 || bound < least)) least = bound;
    const std::size_t slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return least;
    path.resize(slash);
  }
}

std::size_t group_bound() {
  const std::string groups = small_file("/proc/self/cgroup");
  const std::string mount = "/sys/fs/cgroup";
  const std::size_t second =
      least_bound(mount, std::string(group_path_of(groups, "")), "memory.max");
  const std::size_t first = least_bound(
      mount + "/memory", std::string(group_path_of(groups, "memory")), "memory.limit_in_bytes");
  if (first == 0 || second == 0) return std::max(first, second);
  return std::min(first, second);
}

}  // namespace

std::size_t memory_bound_of(std::string_view text) {
  std::uint64_t bound = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), bound);
  if (code != std::errc{} || bound >= no_bound) return 0;
  if (end != text.data() + text.size() && *end != '\n') return 0;
  return bound;
}

std::string_view group_path_of(std::string_view text, std::string_view controller) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string_view path = line.substr(second + 1);
    if (path == "/") path = {};
    if (controller.empty() && controllers.empty()) return path;
    while (!controllers.empty() && !controller.empty()) {
      const std::string_view one = controllers.substr(0, controllers.find(','));
      if (one == controller) return path;
      controllers.remove_prefix(std::min(one.size() + 1, controllers.size()));
    }
  }
  return {};
}

std::size_t memory_allowed() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  const std::size_t ram = pages > 0 && page_bytes > 0 ? static_cast<std::size_t>(pages) *
                                                            static_cast<std::size_t>(page_bytes)
                                                      : 0;
  const std::size_t share = ram / 100 * limits::memory_share_percent;
  const std::size_t bound = group_bound();
  if (bound == 0 || share == 0) return std::max(bound, share);
  return std::min(bound, share);
}

Pressure pressure_of(std::size_t used, std::size_t allowed, Pressure before) {
  if (allowed == 0 || used < allowed / 100 * limits::memory_shed_percent) return Pressure::none;
  if (before == Pressure::refuse || used >= allowed / 100 * limits::memory_refuse_percent)
    return Pressure::refuse;
  return Pressure::shed;
}

void return_free_memory() { ::malloc_trim(0); }

MemoryMeter::MemoryMeter()
    : statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
      page_bytes_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {}

// "total resident shared ...", in pages.
std::size_t MemoryMeter::used() const {
  std::array<char, 128> text;
  const ssize_t count =
      statm_.is_open() ? ::pread(statm_.number(), text.data(), text.size(), 0) : -1;
  if (count <= 0) return 0;
  const char* at = text.data();
  const char* const end = text.data() + count;
  std::array<std::uint64_t, 3> pages{};
  for (std::uint64_t& number : pages) {
    while (at < end && *at == ' ') ++at;
    at = std::from_chars(at, end, number).ptr;
  }
  return static_cast<std::size_t>(pages[1] - std::min(pages[1], pages[2])) * page_bytes_;
}

}  // namespace weir
