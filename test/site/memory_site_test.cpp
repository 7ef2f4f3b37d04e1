#include "site/memory_site.h"

#include "base/clock.h"

namespace weir::test {

const std::string& Built::bytes(const std::string& file) const {
  static const std::string nothing = "(no such output)";
  const auto at = outputs.find(file);
  return at == outputs.end() ? nothing : at->second.bytes;
}

std::string Built::messages() const {
  std::string out;
  for (const site::Diagnostic& diagnostic : report.diagnostics) {
    out += diagnostic.severity == site::Severity::error ? "error " : "warning ";
    out += diagnostic.error.text();
    for (const std::string& link : diagnostic.error.chain) out += " | " + link;
    out += '\n';
  }
  return out;
}

std::vector<std::string> Built::files() const {
  std::vector<std::string> names;
  for (const auto& [name, output] : outputs) names.push_back(name);
  return names;
}

site::BuildOptions options_with_clock(site::BuildOptions options) {
  // Immutable after this line, shared by all tests.
  static const ManualClock clock(Wall{1'795'132'800LL * 1'000'000'000});
  if (options.clock == nullptr) options.clock = &clock;
  return options;
}

Built build_site(MemorySource::Files files, site::BuildOptions options) {
  files.try_emplace("config.toml", "base_url = \"https://example.com\"\n");
  const MemorySource source(std::move(files));
  MemorySink sink;
  Built built;
  built.report = site::build(source, options_with_clock(options), sink);
  built.outputs = sink.take();
  return built;
}

}  // namespace weir::test
