#include "base/must.h"

#include <unistd.h>
#include <cstdio>
#include <cstdlib>

namespace weir {

void broken_promise(const char* condition, const char* file, int line) {
  std::fprintf(stderr,
               "weir: broken promise of weir's own code: %s\n  at %s:%d\n"
               "  Please report this line, the version (weir version) and what was asked of it.\n",
               condition, file, line);
  std::fflush(stderr);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
  std::abort();  // a stack in the report, or a fuzzer's input, beats an exit code
#else
  ::_exit(70);  // specs: exit code 70, internal error
#endif
}

}  // namespace weir
