#pragma once
// The commands: one row each (commands.cpp), one file each. `run` is what main calls.

#include "cli/options.h"
#include "cli/session.h"

#include <span>

namespace weir::cli {

std::span<const Command> commands();
std::span<const Option> global_options();

// Parses, answers --help and --version, runs the command. The exit code.
int run(std::span<const std::string> words, Session& session);

int run_init(const Arguments& arguments, Session& session);
int run_build(const Arguments& arguments, Session& session);
int run_dev(const Arguments& arguments, Session& session);
int run_serve(const Arguments& arguments, Session& session);
int run_check(const Arguments& arguments, Session& session);
int run_token_mint(const Arguments& arguments, Session& session);
int run_revalidate(const Arguments& arguments, Session& session);
int run_purge(const Arguments& arguments, Session& session);
int run_explain(const Arguments& arguments, Session& session);
int run_reload(const Arguments& arguments, Session& session);
int run_healthcheck(const Arguments& arguments, Session& session);
int run_version(const Arguments& arguments, Session& session);

}  // namespace weir::cli
