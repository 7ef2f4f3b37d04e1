// Property (C-79): what the rules of the HTTP cache let be stored, reused or served stale, a slow
// reference written from RFC 9111 lets be, too. The input is a story of cache/http_script.h.

#include "cache/http_script.h"

#include "base/must.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes > 4'096) return 0;
  using namespace weir::cache::reference;
  const Finding finding = finding_of({reinterpret_cast<const char*>(data), bytes});
  MUST(finding.broken == nullptr);
  return 0;
}
