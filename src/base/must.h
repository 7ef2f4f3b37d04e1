#pragma once
// MUST(condition): a promise of our own code. On in release too, because a server with broken state
// must not go on serving. One condition each, stated positively, so that the line tells which
// broke. For anything that the world can cause, return a Result instead.

namespace weir {
// Writes "file:line: broken promise: text" and what to report to stderr, then ends the process
// (exit 70).
[[noreturn]] void broken_promise(const char* condition, const char* file, int line);
}  // namespace weir

#define MUST(condition)                                                                       \
  (__builtin_expect(!(condition), 0) ? ::weir::broken_promise(#condition, __FILE__, __LINE__) \
                                     : (void)0)
