#include "cli/commands.h"

#include "base/version.h"

#include <algorithm>
#include <array>

namespace weir::cli {
namespace {

constexpr Option root_flags[] = {
    {"root", 'r', "DIR", {}, "the site (default: the working directory)"},
    {"config", 'c', "FILE", {}, "its configuration (default: weir.toml, zola.toml or config.toml)"},
    {"color", 0, "WHEN", "auto|always|never", "colour on stderr"},
    {"quiet", 'q', {}, {}, "errors only"},
    {"verbose",
     'v',
     {},
     {},
     "more of what happens: build shows its phases, serve logs at debug level"},
    {"help", 'h', {}, {}, "this text"},
    {"version", 'V', {}, {}, "the version"},
};

constexpr Option json_flag{"json", 0, {}, {}, "JSON on stdout, one object a line"};
constexpr Option store_flag{
    "store", 0, "DIR", {}, "the store (default: [cache] dir, cache/ in the site)"};

constexpr Option init_flags[] = {
    {"template", 0, "NAME", "blog|docs|landing", "which starter (default: blog)"},
    {"force", 'f', {}, {}, "fill in an existing directory; never overwrites a file"},
};
constexpr std::string_view init_examples[] = {"weir init my-site",
                                              "weir init handbook --template docs"};

constexpr Option build_flags[] = {
    {"base-url", 'u', "URL", {}, "instead of base_url of the configuration"},
    {"output-dir", 'o', "DIR", {}, "plain files here (default: output_dir, public/ in the site)"},
    store_flag,
    {"force", 'f', {}, {}, "write into an output directory that weir did not make"},
    {"drafts", 0, {}, {}, "with drafts"},
    {"minify", 0, {}, {}, "smaller HTML"},
    {"strict", 0, {}, {}, "warnings are errors"},
    {"offline", 0, {}, {}, "no remote data"},
    {"no-export", 0, {}, {}, "the release only, no plain files"},
    {"timings", 0, {}, {}, "how long each phase took, and each template"},
    json_flag,
};
constexpr std::string_view build_examples[] = {
    "weir build                              release into cache/, plain files into public/",
    "weir build --drafts -o /tmp/preview",
    "weir --root site build --store /var/lib/weir --no-export"};

constexpr Option dev_flags[] = {
    {"interface", 'i', "ADDR", {}, "listen on this address (default: 127.0.0.1)"},
    {"port", 'p', "PORT", {}, "and this port (default: 1111; 0 = any)"},
    {"base-url", 'u', "URL", {}, "in links, instead of this server's; the port is put behind it"},
    {"no-port-append", 0, {}, {}, "--base-url as it stands"},
    {"drafts", 0, {}, {}, "with drafts"},
    {"open", 'O', {}, {}, "open a browser"},
    {"extra-watch-path", 0, "DIR", {}, "watch this too; may be repeated"},
    {"debounce", 'd', "MS", {}, "build when nothing has changed for so long (default: 25)"},
    {"poll", 0, {}, {}, "look twice a second, where the kernel does not tell of changes"},
    {"fast", 'f', {}, {}, "accepted for Zola: every build is fast, and complete"},
    {"minify", 0, {}, {}, "smaller HTML"},
    {"strict", 0, {}, {}, "warnings are errors"},
    {"offline", 0, {}, {}, "no remote data"},
    store_flag,
};
constexpr std::string_view dev_examples[] = {
    "weir dev                               http://127.0.0.1:1111", "weir dev --drafts -O",
    "weir dev -i 0.0.0.0 -u http://my-machine"};

constexpr Option serve_flags[] = {
    {"port", 'p', "PORT", {}, "listen on this port of --host (0 = any)"},
    {"host", 0, "ADDR", {}, "the address for --port (default: 127.0.0.1)"},
    {"listen", 0, "ADDR:PORT", {}, "listen here; may be given several times"},
    {"admin", 0, "ADDR:PORT", {}, "control endpoints on this listener; loopback only"},
    store_flag,
    {"build", 0, "WHEN", "missing|always|never", "build before serving (default: missing)"},
    {"no-launcher", 0, {}, {}, "one process: no restart after a crash, no upgrade with USR2"},
};
constexpr std::string_view serve_examples[] = {
    "weir serve                              http://127.0.0.1:8080",
    "PORT=8080 weir serve                    every address, as platforms expect",
    "weir serve --listen 0.0.0.0:80 --admin 127.0.0.1:9600 --store /var/lib/weir"};

constexpr Option check_flags[] = {
    {"only", 0, "WHAT", "config|content|links", "only this part"},
    {"drafts", 0, {}, {}, "with drafts"},
    {"external", 0, {}, {}, "ask external links too"},
    {"skip-external-links", 0, {}, {}, "the default; accepted for Zola"},
    {"strict", 0, {}, {}, "warnings are errors"},
    json_flag,
};
constexpr std::string_view check_examples[] = {"weir check",
                                               "weir check --only config          like nginx -t",
                                               "weir -c staging.toml check --json"};

constexpr Option token_flags[] = {
    {"secret", 0, "TEXT", {}, "sign with this secret (HS256, HS384, HS512)"},
    {"secret-file", 0, "FILE", {}, "sign with the secret in this file"},
    {"key", 0, "FILE", {}, "sign with this private JWK"},
    {"auth", 0, "NAME", {}, "take secret, issuer, audience and algorithm from [auth.NAME]"},
    {"alg", 0, "NAME", {}, "algorithm (default: what the key says, else HS256)"},
    {"sub", 0, "TEXT", {}, "the subject"},
    {"claim", 0, "K=V", {}, "one more claim; K:=JSON for other kinds than text; may be repeated"},
    {"expires", 0, "TIME", {}, "how long it is good (default: 1h)"},
    {"type", 0, "TEXT", {}, "typ of the header (default: JWT)"},
};
constexpr std::string_view token_examples[] = {
    "weir token mint --auth main --sub ann",
    "weir token mint --secret-file secret --sub ann --claim iss=https://id.example.com/ --claim "
    "aud=weir",
    "weir token mint --key private.jwk --alg ES256 --sub ann --claim scope=orders.write --expires "
    "10m"};

constexpr Option revalidate_flags[] = {
    {"tag", 0, "TAG", {}, "pages with this tag; may be repeated"},
    {"prefix", 0, "PATH", {}, "pages below this path; may be repeated"},
    {"host", 0, "NAME", {}, "everything under this host name; may be repeated"},
    {"all", 0, {}, {}, "every page"},
    {"id", 0, "TEXT", {}, "idempotency key: asked again, it is done once"},
    {"wait", 0, "UNTIL", "none|durable|fresh", "answer when (default: durable)"},
    {"target",
     0,
     "URL",
     {},
     "another server, signed with [cache] webhook (default: the local admin socket)"},
    store_flag,
    json_flag,
};
constexpr std::string_view revalidate_examples[] = {
    "weir revalidate /blog/hello/", "weir revalidate --tag term:tags/rivers --wait fresh"};

constexpr Option reload_flags[] = {store_flag, json_flag};
constexpr std::string_view reload_examples[] = {"weir check --only config && weir reload"};

constexpr Option purge_flags[] = {
    {"tag", 0, "TAG", {}, "pages with this tag; may be repeated"},
    {"prefix", 0, "PATH", {}, "pages below this path; may be repeated"},
    {"host", 0, "NAME", {}, "everything under this host name; may be repeated"},
    {"all", 0, {}, {}, "every page"},
    {"id", 0, "TEXT", {}, "idempotency key: asked again, it is done once"},
    {"mode", 0, "MODE", "soft|hard|refresh",
     "soft: stale until refreshed (default); hard: never served again"},
    {"wait", 0, "UNTIL", "none|durable|fresh", "answer when (default: durable)"},
    {"target",
     0,
     "URL",
     {},
     "another server, signed with [cache] webhook (default: the local admin socket)"},
    store_flag,
    json_flag,
};
constexpr std::string_view purge_examples[] = {
    "weir purge /blog/hello/", "weir purge --prefix /blog/ --mode hard", "weir purge --all"};

constexpr Option explain_flags[] = {store_flag, json_flag};
constexpr std::string_view explain_examples[] = {"weir explain /blog/hello/",
                                                 "weir explain https://example.com/ --json"};

constexpr Option healthcheck_flags[] = {
    {"url", 0, "URL", {}, "which server (default: http://127.0.0.1:$PORT, else port 8080)"},
    {"ready", 0, {}, {}, "ask /_weir/readyz: also false while it drains"},
    {"timeout", 0, "TIME", {}, "give up after (default: 2s)"},
};
constexpr std::string_view healthcheck_examples[] = {
    "weir healthcheck", "weir healthcheck --ready --url http://127.0.0.1:9000"};

constexpr Option version_flags[] = {json_flag};
constexpr std::string_view version_examples[] = {"weir version", "weir version --json"};

constexpr Command command_table[] = {
    {"init", "NAME", 1, 1, "a new site",
     "Makes NAME with a small complete site. Refuses a directory that is not empty.", init_examples,
     init_flags, run_init},
    {"build",
     {},
     0,
     0,
     "Markdown and templates into a release",
     "Renders the site into a release in the store and activates it in one step; a running `weir "
     "serve` on the same store\n"
     "takes it over. Writes plain files too, as Zola does. On an error nothing changes.",
     build_examples,
     build_flags,
     run_build},
    {"dev",
     {},
     0,
     0,
     "the author's server",
     "Watches the site, builds again what an edit touches, serves it from memory and has open "
     "pages "
     "load again.\nNothing is written but the store's own cache. A build that fails leaves the "
     "last "
     "good pages.",
     dev_examples,
     dev_flags,
     run_dev},
    {"serve",
     {},
     0,
     0,
     "the production server",
     "Serves the active release; builds first when there is none. Stops on TERM or INT after a "
     "drain.",
     serve_examples,
     serve_flags,
     run_serve},
    {"check",
     {},
     0,
     0,
     "configuration, content and links",
     "Reads everything that a build and a start would read, and changes nothing.",
     check_examples,
     check_flags,
     run_check},
    {"token mint",
     {},
     0,
     0,
     "a development JWT",
     "Prints a signed token. For tests and development: real tokens come from your issuer.",
     token_examples,
     token_flags,
     run_token_mint},
    {"revalidate",
     "[PATH...]",
     0,
     1'000,
     "refresh pages: stale now, rendered anew by the server",
     {},
     revalidate_examples,
     revalidate_flags,
     run_revalidate},
    {"purge",
     "[PATH...]",
     0,
     1'000,
     "invalidate pages",
     {},
     purge_examples,
     purge_flags,
     run_purge},
    {"explain",
     "URL",
     1,
     1,
     "what the running server would answer, and why",
     "Route, stages, file and templates, and the copy that is kept: its state, why it is stale, its "
     "tags, and what\nthe next request gets.",
     explain_examples,
     explain_flags,
     run_explain},
    {"reload",
     {},
     0,
     0,
     "let the running server read its configuration again",
     "As HUP does, with an answer: exit code 3 and the old configuration stays when the new one is "
     "bad.",
     reload_examples,
     reload_flags,
     run_reload},
    {"healthcheck",
     {},
     0,
     0,
     "ask the local server whether it is well",
     "Exit code 0 = healthy, 1 = not.",
     healthcheck_examples,
     healthcheck_flags,
     run_healthcheck},
    {"version", {}, 0, 0, "what this binary is", {}, version_examples, version_flags, run_version},
};

}  // namespace

std::span<const Command> commands() { return command_table; }
std::span<const Option> global_options() { return root_flags; }

int run(std::span<const std::string> words, Session& session) {
  auto parsed = parse_arguments(words, commands(), global_options());
  if (!parsed.ok()) {
    // Who asked for JSON gets it also when the rest of the line is not understood.
    if (std::find(words.begin(), words.end(), "--json") != words.end()) session.talk_json();
    return session.fail(exit_code::usage, parsed.error());
  }
  const Arguments& arguments = parsed.value();
  session.obey(arguments);
  if (arguments.has("version")) return run_version(arguments, session);
  if (!arguments.group.empty()) {
    session.out(group_text(commands(), arguments.group));
    return exit_code::done;
  }
  if (arguments.command == nullptr) {
    session.out(overview_text(commands()));
    return exit_code::done;
  }
  if (arguments.has("help")) {
    session.out(help_text(*arguments.command, global_options()));
    return exit_code::done;
  }
  return arguments.command->run(arguments, session);
}

}  // namespace weir::cli
