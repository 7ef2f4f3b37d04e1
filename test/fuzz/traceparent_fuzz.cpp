// Any bytes as traceparent, tracestate, baggage, X-Forwarded-For and Forwarded: never a crash; what
// is accepted is written back as something that is accepted again.

#include "base/must.h"
#include "guard/client_address.h"
#include "guard/trace.h"

#include <string_view>

using namespace weir;
using namespace weir::guard;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const std::array<std::string_view, 1> lines{text};
  static RandomIds random;
  const Trace trace = begin_trace(lines, lines, TraceMode::trust, random);
  const auto written = traceparent_text_of(trace);
  const auto again = parse_traceparent({written.data(), written.size()});
  MUST(again.has_value());
  MUST(again->trace == trace.id);

  const std::string state = tracestate_of(lines);
  const std::array<std::string_view, 1> kept{state};
  MUST(tracestate_of(kept) == state);
  is_good_baggage(text);

  static const TrustedProxies proxies({*parse_network("10.0.0.0/8")});
  const IpAddress peer = *parse_ip("10.0.0.1");
  const IpAddress client = client_of(peer, {lines, {}}, proxies);
  MUST(client_of(client, {lines, {}}, TrustedProxies()) == client);
  client_of(peer, {{}, lines}, proxies);
  if (const auto address = parse_ip(text)) MUST(parse_ip(address->text()) == address);
  return 0;
}
