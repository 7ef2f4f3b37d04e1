// Any bytes in front of a connection: never a crash; a verdict that holds for the whole holds for
// the header alone, and no part of a header is taken for a whole one.

#include "base/limits.h"
#include "base/must.h"
#include "http/proxy_protocol.h"

#include <string_view>

using namespace weir;
using namespace weir::http;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const ProxyVerdict whole = parse_proxy_header(text);
  if (whole.kind == ProxyVerdict::Kind::incomplete) {
    MUST(bytes < limits::proxy_header_bytes_max);
    return 0;
  }
  if (whole.kind == ProxyVerdict::Kind::refused) {
    MUST(whole.reason[0] != '\0');
    return 0;
  }
  MUST(whole.bytes <= bytes);
  MUST(whole.bytes <= limits::proxy_header_bytes_max);
  const ProxyVerdict again = parse_proxy_header(text.substr(0, whole.bytes));
  MUST(again.kind == ProxyVerdict::Kind::complete);
  MUST(again.bytes == whole.bytes);
  MUST(again.client == whole.client);
  for (std::size_t cut = 0; cut < whole.bytes; ++cut)
    MUST(parse_proxy_header(text.substr(0, cut)).kind == ProxyVerdict::Kind::incomplete);
  return 0;
}
