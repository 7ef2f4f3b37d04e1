#pragma once
// openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS) for kernels without it and sandboxes that forbid
// it: the same walk, one name at a time from descriptor to descriptor.
//
// No lookup ever starts outside of `root`, and what is opened is the name that was looked at or
// nothing: a file that becomes a link meanwhile is refused. Callable from any thread.

#include <string>

namespace weir {

// `flags` as for openat. A descriptor, or -1 and errno: EXDEV for a path or link that leaves
// `root`, ELOOP for too many links, else what the kernel says.
int open_beneath_in_steps(int root, const std::string& relative, int flags);

}  // namespace weir
