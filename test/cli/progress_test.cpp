#include "cli/progress.h"

#include "cli/commands.h"
#include "cli/options.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::cli;

// Goal: progress is for a person at a terminal that can rewrite a line, and for nobody else.
// The line itself is seen through a terminal in test/flow/50-cli.cpp.

TEST_CASE("progress is shown where a person looks at a terminal that can", "[cli]") {
  struct Row {
    bool is_terminal;
    const char* term;
    std::vector<std::string> words;
    bool is_shown;
  };
  const Row rows[] = {
      {true, "xterm", {"build"}, true},
      {true, "", {"build"}, true},
      {false, "xterm", {"build"}, false},
      {true, "dumb", {"build"}, false},
      {true, "xterm", {"build", "--quiet"}, false},
      {true, "xterm", {"build", "--json"}, false},
  };
  for (const Row& row : rows) {
    std::string shown;
    Session session({{{"TERM", row.term}},
                     [](std::string_view) {},
                     [&shown](std::string_view text) { shown += text; },
                     row.is_terminal,
                     80});
    const auto arguments = parse_arguments(row.words, commands(), global_options());
    REQUIRE(arguments.ok());
    session.obey(*arguments);
    INFO(row.is_terminal << ' ' << row.term << ' ' << row.words.back());
    CHECK(session.shows_progress() == row.is_shown);
    // One that ends at once writes nothing.
    Progress progress(session);
    progress.stop();
    CHECK(shown.empty());
  }
}

TEST_CASE("progress says what is done, and of how much if that is known", "[cli]") {
  site::BuildProgress counts;
  CHECK(progress_text(counts) == "reading");
  counts.begin("rendering", 12);
  counts.done = 5;
  CHECK(progress_text(counts) == "rendering 5 of 12");
}
