#pragma once
// How much memory this process may have, and how much it has: for the ladder of wire, section 8.
//
// May: what the control group says (version 2 or 1), else 80 % of the machine's RAM. Has: what is
// resident and not backed by a file, which the kernel could take back; from /proc/self/statm, held
// open because a sandbox may hide the name. Callable from any thread.

#include "base/file.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

// The least bound that holds for this process; 0 = none is known.
std::size_t memory_allowed();

// For memory_allowed, and for tests: the bound in a control group's file. 0 for "max", for what is
// not a number, and for version 1's way to say "none" (a number near 2^63).
std::size_t memory_bound_of(std::string_view text);
// The path of this process' group: of version 2 ("0::/x") when `controller` is empty, else of the
// version 1 hierarchy with that controller ("4:memory:/x"). Empty when there is none.
std::string_view group_path_of(std::string_view proc_self_cgroup, std::string_view controller);

// The rungs of the ladder. Once on `refuse`, it ends below the bound of `shed`.
enum class Pressure : std::uint8_t { none, shed, refuse };
Pressure pressure_of(std::size_t used, std::size_t allowed, Pressure before);

void return_free_memory();  // what the allocator holds goes back to the kernel; takes milliseconds

class MemoryMeter {
 public:
  MemoryMeter();             // opens; what cannot be opened reads as 0
  std::size_t used() const;  // bytes; 0 = not known. One read, no allocation.

 private:
  Descriptor statm_;
  std::size_t page_bytes_;
};

}  // namespace weir
