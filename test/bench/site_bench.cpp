// Question: how long does a build take, and how much memory? Budget: 10,000 pages cold in 1.0 s and
// 150 MB on two cores.
//
//   bench-site SITE [OUT]    builds SITE once, tells the phases; writes the files to OUT when it is
//   given.
//
// `scripts/bench/site_pages N DIR` makes a site of N pages for it.

#include "base/clock.h"
#include "base/file.h"
#include "site/build.h"
#include "text/diagnostic.h"

#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace weir;

class DirectorySink final : public site::OutputSink {
 public:
  explicit DirectorySink(std::string root) : root_(std::move(root)) {}
  Status put(site::Output&& output) override {
    bytes_ += output.bytes.size();
    if (root_.empty()) return done;
    const std::string path = root_ + '/' + output.file;
    TRY(make_directories(path.substr(0, path.rfind('/'))));
    return write_file_atomically(path, output.bytes, Sync::no);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::string root_;
  std::atomic<std::size_t> bytes_{0};
};

class FixedWall final : public Clock {
 public:
  Mono mono() const override { return clock_.mono(); }
  Wall wall() const override {
    const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
    return epoch == nullptr ? clock_.wall() : Wall{std::atoll(epoch) * 1'000'000'000};
  }

 private:
  SystemClock clock_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::fprintf(stderr, "usage: bench-site SITE [OUT]\n"), 2;
  const FixedWall clock;
  auto source = site::DirectorySource::open(arguments[1]);
  if (!source.ok()) return std::fprintf(stderr, "%s\n", source.error().text().c_str()), 1;
  DirectorySink sink(count > 2 ? arguments[2] : "");
  site::BuildOptions options;
  options.clock = &clock;
  const Mono start = clock.mono();
  const site::BuildReport report = site::build(**source, options, sink);
  const double millis = static_cast<double>((clock.mono() - start).count()) / 1e6;
  for (const site::Diagnostic& diagnostic : report.diagnostics) {
    const auto severity = diagnostic.severity == site::Severity::error ? text::Severity::error
                                                                       : text::Severity::warning;
    std::fputs(text::diagnostic_text({severity, diagnostic.error},
                                     site::source_of(**source, diagnostic.error.place))
                   .c_str(),
               stderr);
  }
  for (const site::PhaseTime& phase : report.phases)
    std::printf("%-10s %8.1f ms\n", phase.name.c_str(),
                static_cast<double>(phase.time.count()) / 1e3);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "%zu pages, %zu sections, %zu orphans, %zu outputs, %zu bytes, %zu warnings, %zu errors: "
      "%.1f ms, peak %ld MB\n",
      report.pages, report.sections, report.orphans, report.outputs, sink.bytes(), report.warnings,
      report.errors, millis, usage.ru_maxrss / 1024);
  return report.failed() ? 1 : 0;
}
