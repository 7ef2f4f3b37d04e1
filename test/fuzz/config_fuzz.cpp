// weir's tables. Properties: reading never fails to return; what is accepted holds no empty promise
// (a stage without a name, a listener without an address); every error has a text.

#include "edge/config.h"

#include "base/must.h"
#include "text/toml.h"

#include <cstddef>
#include <cstdint>

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  const auto tree = text::parse_toml({reinterpret_cast<const char*>(data), count}, "weir.toml");
  if (!tree.ok()) return 0;
  const edge::Environment environment{{"S", "a-secret-of-at-least-thirty-two-bytes"}};
  const auto reading =
      edge::read_config({&tree.value(), "weir.toml", "/nonexistent", &environment});
  for (const Error& error : reading.errors) MUST(!error.what.empty());
  if (!reading.errors.empty()) return 0;
  for (const edge::RouteSettings& route : reading.config.routes) {
    MUST(!route.name.empty());
    if (!route.stages) continue;
    for (const edge::StageSettings& stage : *route.stages) MUST(!stage.names.empty());
  }
  for (const edge::ListenSettings& listen : reading.config.serve.listeners)
    MUST(!listen.endpoint.host.empty());
  return 0;
}
