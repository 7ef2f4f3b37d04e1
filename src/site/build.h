#pragma once
// The way of a page: config -> content -> library -> markdown -> templates -> outputs.
//
// `build` reads a site through a SiteSource, renders every output on all cores and hands each to
// the sink as it is made, so memory is bounded by content. The bytes do not depend on the number of
// threads. Nothing is published here: the sink's owner activates what it collected only when the
// report is not `failed()`.

#include "base/clock.h"
#include "base/result.h"
#include "site/dynamic_page.h"
#include "site/fetcher.h"
#include "site/image_store.h"
#include "site/memory.h"
#include "site/output.h"
#include "site/source.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::site {

enum class Mode { build, serve, check };
enum class Drafts { skip, include };
enum class Strictness { usual, strict };  // strict: warnings about the author's files are errors
enum class Network {
  online,
  offline
};  // offline: remote load_data is an error unless not required

enum class ExternalLinks { left_out, asked };

// How far a build is, for who looks on from another thread.
struct BuildProgress {
  std::atomic<const char*> phase{"reading"};  // a literal
  std::atomic<std::size_t> done{0};
  std::atomic<std::size_t> all{0};  // 0: nobody knows
  void begin(const char* name, std::size_t count) {
    done = 0;
    all = count;
    phase = name;
  }
};

struct BuildOptions {
  Mode mode = Mode::build;
  std::string config_file =
      {};  // below the root; empty = weir.toml, else zola.toml, else config.toml
  std::optional<std::string> base_url = {};  // instead of the configured one
  Drafts drafts = Drafts::skip;
  Strictness strictness = Strictness::usual;
  Network network = Network::online;
  ExternalLinks external_links = ExternalLinks::left_out;  // in Mode::check
  bool minify = false;
  std::size_t threads = 0;  // 0 = cores()
  const Clock* clock =
      nullptr;  // must be set; the caller applies SOURCE_DATE_EPOCH by passing a fixed one
  Fetcher* fetcher = nullptr;           // null = as offline
  ImageStore* images = nullptr;         // null: resized images are made anew
  const BuildMemory* before = nullptr;  // of the build whose outputs the sink still has; must
                                        // outlive the build
  BuildProgress* progress = nullptr;    // may be null
  bool remembers = false;               // fill BuildReport::memory
  std::vector<DynamicRoute> dynamic_routes = {};  // checked; what they read is kept in the release
  std::string settings = {};  // whatever else of the caller's, if it changes, makes all outputs new
};

enum class Severity { warning, error };

struct Diagnostic {
  Severity severity = Severity::error;
  Error error;  // place.file is relative to the site's root, or begins with "builtin:" for a
                // template of ours
};

struct PhaseTime {
  std::string name;
  std::chrono::microseconds time{0};
};

// What the outputs of one template cost, on all cores together.
struct TemplateTime {
  std::string name;
  std::size_t outputs = 0;
  std::chrono::microseconds time{0};
};

// A file that a release keeps.
struct BuildInput {
  std::string name;
  FileLook look;
};

struct BuildReport {
  std::vector<Diagnostic> diagnostics;  // in the order of files, lines; at most
                                        // limits::diagnostics_max of each severity
  std::size_t warnings = 0;             // all of them, also those not listed
  std::size_t errors = 0;
  std::size_t pages = 0;
  std::size_t sections = 0;
  std::size_t orphans = 0;
  std::size_t outputs = 0;
  std::string base_url;
  std::string output_dir = "public";
  std::string config_file = {};    // the one that was read
  bool exports = true;             // [build] export
  bool preserve_dotfiles = false;  // preserve_dotfiles_in_output
  // Everything a later render of any output may read, sorted: what a release has to keep beside the
  // outputs.
  std::vector<BuildInput> inputs;
  std::vector<PhaseTime> phases;
  std::vector<TemplateTime> templates;  // the dearest first
  BuildMemory memory;    // good for the next build if this one has not failed; see take_memory
  std::size_t kept = 0;  // of the outputs: not rendered, because nothing they read has changed

  bool failed() const { return errors != 0; }
};

// Blocks until all is rendered. Several builds may run at once.
BuildReport build(const SiteSource& source, const BuildOptions& options, OutputSink& sink);

class Diagnostics;
class Increment;
class Site;
// What a build worked on, for who goes on with it (resident.h). Each refers to those above it.
struct Workpiece {
  std::unique_ptr<Diagnostics> diagnostics;
  std::unique_ptr<Site> site;            // null when there was no configuration
  std::unique_ptr<Increment> increment;  // null when the build does not remember
  Workpiece();
  ~Workpiece();
  Workpiece(Workpiece&&) noexcept;
  Workpiece& operator=(Workpiece&&) noexcept;
};
// Leaves the memory of a good build to be taken: that may be done while the outputs are put away.
BuildReport build(const SiteSource& source, const BuildOptions& options, OutputSink& sink,
                  Workpiece& work);
// Once, of a build that remembers and has not failed, while what it was given is there.
BuildMemory take_memory(Workpiece& work, const BuildReport& report);

// Reads and links everything, checks internal links, renders nothing to a sink.
BuildReport check(const SiteSource& source, const BuildOptions& options);

// The file's text for text::diagnostic_text: from the source, or from the binary for "builtin:"
// places; empty when unknown.
std::string source_of(const SiteSource& source, const Place& place);

}  // namespace weir::site
