#pragma once
// One build, from the author's directory to a release on disk (and plain files beside it): what
// `weir build` does, and `weir serve` when it has nothing to serve. The release is durable but not
// active when this returns.

#include "cli/options.h"
#include "cli/session.h"
#include "cli/site_config.h"

#include "base/clock.h"
#include "site/build.h"
#include "store/disk.h"
#include "store/release.h"

#include <memory>
#include <optional>
#include <string>

namespace weir::cli {

struct BuildOrder {
  const LoadedConfig& loaded;
  site::BuildOptions options;         // clock and fetcher are set by build_release
  std::optional<std::string> output;  // --output-dir
  bool forced = false;
  bool exports = true;  // false: --no-export
};

struct Built {
  store::ReleaseId release = 0;  // of the last build, when nothing has changed since
  site::BuildReport report;
  std::size_t written = 0;
  std::size_t unchanged = 0;
  std::chrono::milliseconds took{0};
  // What the build worked with. Of a large site it takes a tenth of a build to free it, so a
  // process that ends next ends before that (Session::end).
  std::shared_ptr<void> held = {};
};

// Shows what is wrong with the site; there is a release unless the report has failed. Errors of the
// disk come back as Result.
Result<Built> build_release(const BuildOrder& order, Session& session, const Clock& clock,
                            store::Disk& disk);

// Every diagnostic of the report, with the author's line and a caret, and a count of those beyond
// the bound. Files are named as typed_path says, below `root`.
void show_report(const site::BuildReport& report, const site::SiteSource& source,
                 std::string_view root, const Session& session);

// The exit code of a report that has failed: `configuration` when one of its errors is in the
// site's configuration.
int failure_code_of(const site::BuildReport& report);

// What --drafts, --strict, --offline, --minify and --base-url say.
// The routes to made pages, as the site checks them.
std::vector<site::DynamicRoute> dynamic_routes_of(const edge::Config& config);
site::BuildOptions build_options_of(const Arguments& arguments, const LoadedConfig& loaded);

// The clock of a build: fixed when SOURCE_DATE_EPOCH is set, so that it can be repeated bit by bit.
std::unique_ptr<Clock> build_clock(const Session& session);

}  // namespace weir::cli
