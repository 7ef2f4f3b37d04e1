#pragma once
// Making the kernel fail on purpose: the debug and asan builds (WEIR_FAULTS) send the calls of
// base/sys.h, and operator new of the tests, past a plan that says which of them fails. Tests loop:
// the first call fails, the second, ... until a run was clean (wire, section 10). A release build
// has no plan, no counter and no branch: `are_compiled_in` is false and the functions are empty.
//
// The plan is the one piece of global state of this house: the calls that it reaches know nobody
// who could hand it to them. One plan at a time; arming a second is a MUST. Callable from any
// thread; never allocates.

#include <cstddef>
#include <cstdint>

namespace weir::faults {

#ifdef WEIR_FAULTS
inline constexpr bool are_compiled_in = true;
#else
inline constexpr bool are_compiled_in = false;
#endif

enum class Call : std::uint8_t {
  open,
  read,   // also pread
  write,  // also pwrite
  sync,   // fsync, fdatasync
  truncate,
  rename,
  link,
  unlink,
  map,
  accept,
  receive,
  send,
  watch,  // epoll_ctl
  socket,
  allocate,  // operator new, in the binary of the tests
  count
};

using Calls = std::uint32_t;
constexpr Calls only(Call call) { return Calls{1} << static_cast<unsigned>(call); }
inline constexpr Calls file_calls = only(Call::open) | only(Call::read) | only(Call::write) |
                                    only(Call::sync) | only(Call::truncate) | only(Call::rename) |
                                    only(Call::link) | only(Call::unlink) | only(Call::map);
inline constexpr Calls wire_calls = only(Call::accept) | only(Call::receive) | only(Call::send) |
                                    only(Call::watch) | only(Call::socket);

struct Plan {
  enum class Threads : std::uint8_t { all, own, others };  // as seen from whoever arms it
  Calls calls = 0;
  int error = 0;            // what errno is then; 0 = a file's read or write takes only half
  std::uint64_t first = 1;  // the first call that fails, counted from 1
  std::uint64_t count = 1;  // so many in a row
  Threads threads = Threads::all;
};

// Armed from construction to destruction.
class Armed {
 public:
  explicit Armed(const Plan& plan);
  ~Armed();
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
  std::uint64_t seen() const;    // calls that the plan is about
  std::uint64_t failed() const;  // of those
};

#ifdef WEIR_FAULTS
inline constexpr int none = -1;
// `none`: the call goes on. Else its errno; 0 = half of the bytes only.
int strike(Call call) noexcept;
#endif

}  // namespace weir::faults
