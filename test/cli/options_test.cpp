#include "cli/commands.h"

#include "cli/options.h"
#include "cli/site_config.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

using namespace weir;

namespace {

Result<cli::Arguments> parse(const std::vector<std::string>& words) {
  return cli::parse_arguments(words, cli::commands(), cli::global_options());
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("flags are understood in every usual spelling, before and after the command", "[cli]") {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"-r", "site", "build", "-o", "out"},
                                             {"--root", "site", "build", "--output-dir=out"},
                                             {"-rsite", "build", "-oout"},
                                             {"build", "--root=site", "-o", "out"}}) {
    const auto said = parse(words);
    REQUIRE(said.ok());
    REQUIRE(said->command != nullptr);
    CHECK(said->command->name == "build");
    CHECK(said->find("root") == "site");
    CHECK(said->find("output-dir") == "out");
  }
  const auto together = parse({"build", "-qv"});
  REQUIRE(together.ok());
  CHECK(together->has("quiet"));
  CHECK(together->has("verbose"));
  const auto ended = parse({"purge", "--", "--all"});
  REQUIRE(ended.ok());
  CHECK(ended->operands == std::vector<std::string>{"--all"});
  const auto two = parse({"token", "mint", "--claim", "a=1", "--claim", "b=2"});
  REQUIRE(two.ok());
  CHECK(two->command->name == "token mint");
  CHECK(two->all("claim") == std::vector<std::string>{"a=1", "b=2"});
}

TEST_CASE("what is not understood is an error with a did-you-mean", "[cli]") {
  struct Row {
    std::vector<std::string> words;
    std::string_view what, help;
  };
  const Row rows[] = {
      {{"biuld"}, "unknown command \"biuld\"", "did you mean `weir build`?"},
      {{"build", "--ouput-dir", "x"},
       "unknown flag \"--ouput-dir\"",
       "did you mean `--output-dir`?"},
      {{"build", "--output-dir"}, "--output-dir needs a value", ""},
      {{"build", "--strict=yes"}, "--strict takes no value", ""},
      {{"--color", "alway", "build"}, "must be one of auto|always|never", "always"},
      {{"serve", "--drafts"}, "unknown flag \"--drafts\"", "did you mean `weir dev`?"},
      {{"serve", "-O"}, "unknown flag \"-O\"", "did you mean `weir dev`?"},
      {{"build", "extra"}, "unexpected \"extra\"", "usage: weir build"},
      {{"init"}, "`weir init` needs NAME", "usage: weir init NAME"},
      {{"token"}, "`weir token` needs one of: mint", ""},
      {{"token", "mnit"}, "needs one of: mint", "did you mean `token mint`?"},
  };
  for (const Row& row : rows) {
    const auto said = parse(row.words);
    REQUIRE_FALSE(said.ok());
    CHECK_THAT(said.error().what, Catch::Contains(std::string(row.what)));
    CHECK_THAT(said.error().help, Catch::Contains(std::string(row.help)));
  }
}

TEST_CASE("the help of every command fits sixty lines, shows examples first and names every flag",
          "[cli]") {
  for (const cli::Command& command : cli::commands()) {
    const std::string help = cli::help_text(command, cli::global_options());
    INFO(help);
    CHECK(lines_of(help) <= 60);
    CHECK(help.find("Examples:") < help.find("usage:"));
    CHECK_FALSE(command.examples.empty());
    for (const cli::Option& option : command.options) {
      CHECK(help.find("--" + std::string(option.name)) != std::string::npos);
      CHECK_FALSE(option.help.empty());
    }
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 120);
  }
  const std::string overview = cli::overview_text(cli::commands());
  CHECK(lines_of(overview) <= 24);
}

TEST_CASE("no two flags of one command share a name or a letter", "[cli]") {
  for (const cli::Command& command : cli::commands()) {
    std::vector<cli::Option> all(command.options.begin(), command.options.end());
    all.insert(all.end(), cli::global_options().begin(), cli::global_options().end());
    for (std::size_t a = 0; a < all.size(); ++a) {
      for (std::size_t b = a + 1; b < all.size(); ++b) {
        INFO(command.name << ": " << all[a].name << ", " << all[b].name);
        CHECK(all[a].name != all[b].name);
        CHECK((all[a].letter == 0 || all[a].letter != all[b].letter));
      }
    }
  }
}

TEST_CASE("help can be asked for in front, behind, and of a group of commands", "[cli]") {
  const auto names = [](const std::vector<std::string>& words) -> std::string {
    const auto said = parse(words);
    if (!said.ok()) return "error: " + said.error().what;
    if (!said->has("help")) return "no help";
    if (!said->group.empty()) return "group " + std::string(said->group);
    return said->command == nullptr ? "overview" : std::string(said->command->name);
  };
  CHECK(names({"help"}) == "overview");
  CHECK(names({"help", "build"}) == "build");
  CHECK(names({"-q", "help", "build"}) == "build");
  CHECK(names({"help", "token", "mint"}) == "token mint");
  CHECK(names({"help", "token"}) == "group token");
  CHECK(names({"token", "--help"}) == "group token");
  CHECK(names({"token", "-h"}) == "group token");
  CHECK(names({"token"}) == "error: `weir token` needs one of: mint");
  CHECK(names({"help", "biuld"}) == "error: unknown command \"biuld\"");
  CHECK(names({"init", "help"}) == "no help");
  const std::string group = cli::group_text(cli::commands(), "token");
  CHECK_THAT(group, Catch::Contains("token mint") && !Catch::Contains("build"));
}

TEST_CASE("a file of the site is named as its user would type it", "[cli]") {
  CHECK(cli::typed_path(".", "content/a.md") == "content/a.md");
  CHECK(cli::typed_path("site", "content/a.md") == "site/content/a.md");
  CHECK(cli::typed_path("./site", "weir.toml") == "site/weir.toml");
  CHECK(cli::typed_path("/srv/site", "weir.toml") == "/srv/site/weir.toml");
  CHECK(cli::typed_path("site", "/etc/weir.toml") == "/etc/weir.toml");
  CHECK(cli::typed_path("site", "builtin:theme/page.html") == "builtin:theme/page.html");
}
