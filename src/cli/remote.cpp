#include "cli/remote.h"

#include "cli/commands.h"
#include "cli/site_config.h"

#include "base/crypto.h"
#include "edge/hook_senders.h"
#include "edge/units.h"
#include "text/json.h"

#include <filesystem>

namespace weir::cli {

std::string admin_socket_of(const std::string& store_directory) {
  return store_directory + "/admin.sock";
}

std::string hand_over_socket_of(const std::string& store_directory) {
  return store_directory + "/hand-over.sock";
}

Result<http::Fetched> call_admin(const std::string& store_directory, const AdminCall& call) {
  const std::string socket = admin_socket_of(store_directory);
  std::error_code error;
  if (!std::filesystem::exists(socket, error)) {
    return Error{Errc::missing, "no server is running on " + store_directory}.with_help(
        "start one with `weir serve`, or name its store with --store DIR");
  }
  http::FetchRequest request;
  request.method = call.method;
  request.url = "http://localhost" + call.path;
  request.unix_path = socket;
  request.headers = {{"Accept", "application/problem+json, application/json"}};
  if (!call.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = call.body;
  request.timeout = std::chrono::milliseconds(60'000);
  auto answer = http::fetch(request);
  if (!answer.ok() && answer.error().what.ends_with("cannot connect"))  // it was killed
    return Error{Errc::missing, "no server is running on " + store_directory}.with_help(
        "start one with `weir serve`, or name its store with --store DIR");
  if (!answer.ok())
    return Error{Errc::missing,
                 "the server on " + socket + " does not answer: " + answer.error().what};
  return answer;
}

std::string detail_of(const http::Fetched& answer) {
  const auto body = text::parse_json(answer.body);
  const text::Value* detail = body.ok() ? body->find("detail") : nullptr;
  if (detail != nullptr && detail->string() != nullptr) return *detail->string();
  return "status " + std::to_string(answer.status);
}

namespace {

text::Value strings_of(const std::vector<std::string>& items) {
  text::Value::Array array;
  for (const std::string& item : items) array.emplace_back(item);
  return array;
}

std::string purge_body(const Arguments& arguments, std::string_view mode) {
  text::Value body = text::Value::Object{};
  if (!arguments.operands.empty()) body.set("paths", strings_of(arguments.operands));
  if (arguments.has("tag")) body.set("tags", strings_of(arguments.all("tag")));
  if (arguments.has("prefix")) body.set("prefix", strings_of(arguments.all("prefix")));
  if (arguments.has("host")) body.set("host", strings_of(arguments.all("host")));
  if (arguments.has("all")) body.set("all", true);
  if (const auto id = arguments.find("id")) body.set("id", *id);
  body.set("mode", mode);
  body.set("wait", arguments.find("wait").value_or("durable"));
  return text::json_of(body);
}

// To another host, as any other sender of webhooks: signed with the secret that both sides know.
Result<http::Fetched> call_target(const std::string& url, const std::string& path,
                                  const std::string& body, const edge::Config& config) {
  if (config.own_hook.secrets.empty()) {
    return Error{Errc::invalid,
                 "--target needs [cache] webhook = { secret = ... } in the configuration"};
  }
  const std::string id = "msg_" + hex_of(bytes_of(random_bytes(12)));
  const std::string time = std::to_string(SystemClock().wall().seconds());
  http::FetchRequest request;
  request.method = "POST";
  request.url = url.substr(0, url.find_last_not_of('/') + 1) + path;
  request.headers = {{"Accept", "application/problem+json, application/json"},
                     {"Content-Type", "application/json"},
                     {"webhook-id", id},
                     {"webhook-timestamp", time},
                     {"webhook-signature",
                      edge::webhook_signature_of(id, time, body, config.own_hook.secrets.front())}};
  request.body = body;
  request.timeout = std::chrono::milliseconds(60'000);
  request.redirects_max = 0;
  return http::fetch(request);
}

int ask_for_purge(const Arguments& arguments, Session& session, const std::string& path,
                  std::string_view mode) {
  const bool asks = !arguments.operands.empty() || arguments.has("tag") ||
                    arguments.has("prefix") || arguments.has("host") || arguments.has("all");
  if (!asks)
    return session.fail(exit_code::usage, Error{Errc::invalid, "nothing is named"}.with_help(
                                              usage_line(*arguments.command)));
  const auto loaded = load_config(arguments, session, Notices::keep);
  if (!loaded) return exit_code::configuration;
  const std::string body = purge_body(arguments, mode);
  const auto target = arguments.find("target");
  const auto answer = target ? call_target(*target, path, body, loaded->config)
                             : call_admin(loaded->store_directory, {"POST", path, body});
  if (!answer.ok()) return session.fail(exit_code::remote, answer.error());
  if (answer->status != 200) {
    return session.fail(exit_code::remote,
                        Error{Errc::denied, "the server refused: " + detail_of(*answer)});
  }
  if (session.is_json()) {
    session.out(answer->body);
    return exit_code::done;
  }
  const auto told = text::parse_json(answer->body);
  const auto number = [&](std::string_view name) -> std::string {
    const text::Value* value = told.ok() ? told->find(name) : nullptr;
    return value == nullptr || value->integer() == nullptr ? "0"
                                                           : std::to_string(*value->integer());
  };
  std::string line = "purge " + number("seq") + ": about " + number("matched_estimate") + " pages";
  if (arguments.find("wait").value_or("") == "fresh")
    line += ", " + number("refreshed") + " refreshed, " + number("failed") + " failed";
  session.out(line + "\n");
  return exit_code::done;
}

}  // namespace

int run_revalidate(const Arguments& arguments, Session& session) {
  return ask_for_purge(arguments, session, "/_weir/revalidate", "refresh");
}

int run_purge(const Arguments& arguments, Session& session) {
  return ask_for_purge(arguments, session, "/_weir/purge", arguments.find("mode").value_or("soft"));
}

int run_reload(const Arguments& arguments, Session& session) {
  const auto loaded = load_config(arguments, session, Notices::keep);
  if (!loaded) return exit_code::configuration;
  const auto answer = call_admin(loaded->store_directory, {"POST", "/_weir/config", {}});
  if (!answer.ok()) return session.fail(exit_code::remote, answer.error());
  if (answer->status == 422) {
    return session.fail(
        exit_code::configuration,
        Error{Errc::invalid, "the server keeps its old configuration: " + detail_of(*answer)});
  }
  if (answer->status != 200) {
    return session.fail(exit_code::remote,
                        Error{Errc::denied, "the server refused: " + detail_of(*answer)});
  }
  if (session.is_json()) {
    session.out(answer->body);
    return exit_code::done;
  }
  session.out("reloaded\n");
  const auto told = text::parse_json(answer->body);
  const text::Value* waiting = told.ok() ? told->find("needs_upgrade") : nullptr;
  const text::Value::Array* parts = waiting == nullptr ? nullptr : waiting->array();
  for (std::size_t at = 0; parts != nullptr && at < parts->size(); ++at) {
    if (const std::string* name = (*parts)[at].string())
      session.talk("as before until an upgrade (USR2) or a restart: " + *name + "\n");
  }
  return exit_code::done;
}

int run_healthcheck(const Arguments& arguments, Session& session) {
  const std::string port = session.variable("PORT").empty() ? "8080" : session.variable("PORT");
  std::string url = arguments.find("url").value_or("http://127.0.0.1:" + port);
  if (url.find("/_weir/") == std::string::npos) {
    url = url.substr(0, url.find_last_not_of('/') + 1) +
          (arguments.has("ready") ? "/_weir/readyz" : "/_weir/healthz");
  }
  const std::string said = arguments.find("timeout").value_or("2s");
  const auto timeout = edge::parse_duration(said);
  if (!timeout || timeout->count() <= 0) {
    return session.fail(exit_code::usage,
                        Error{Errc::invalid, "--timeout must be like 2s, not \"" + said + "\""});
  }
  http::FetchRequest request;
  request.url = url;
  request.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(*timeout);
  request.redirects_max = 0;
  const auto answer = http::fetch(request);
  if (!answer.ok()) return session.fail(exit_code::failed, answer.error());
  if (answer->status != 200) {
    return session.fail(exit_code::failed,
                        Error{Errc::io, url + " answered " + std::to_string(answer->status)});
  }
  session.talk("healthy\n");
  return exit_code::done;
}

}  // namespace weir::cli
