// `weir explain URL`: asks the running server what it would answer, and why.

#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/site_config.h"

#include "text/json.h"
#include "text/url.h"

namespace weir::cli {
namespace {

std::string text_in(const text::Value& told, std::string_view name) {
  const text::Value* value = told.find(name);
  if (value == nullptr) return {};
  if (const std::string* text = value->string()) return *text;
  if (const std::int64_t* number = value->integer()) return std::to_string(*number);
  return {};
}

std::string list_in(const text::Value& told, std::string_view name, std::string_view mark) {
  const text::Value* value = told.find(name);
  const text::Value::Array* items = value == nullptr ? nullptr : value->array();
  std::string out;
  for (std::size_t at = 0; items != nullptr && at < items->size(); ++at) {
    if (const std::string* text = (*items)[at].string())
      out += (out.empty() ? "" : std::string(mark)) + *text;
  }
  return out;
}

std::string stages_in(const text::Value& told) {
  const text::Value* value = told.find("stages");
  const text::Value::Array* rows = value == nullptr ? nullptr : value->array();
  std::string out;
  for (std::size_t at = 0; rows != nullptr && at < rows->size(); ++at) {
    const std::string table = text_in((*rows)[at], "table");
    out += (out.empty() ? "" : ", ") + text_in((*rows)[at], "stage");
    if (!table.empty()) out += " " + table;
    if (text_in((*rows)[at], "failure_mode") == "open") out += " (open)";
  }
  return out.empty() ? "no stages" : out;
}

void add_line(std::string& out, std::string_view label, const std::string& text) {
  if (text.empty()) return;
  out += label;
  out += std::string(10 - label.size(), ' ') + text + '\n';
}

std::string life_of(const text::Value& told) {
  const std::string ttl = text_in(told, "ttl");
  std::string out = "generation " + text_in(told, "generation") + ", release " +
                    text_in(told, "release") + ", saw purges up to " + text_in(told, "fill_seq");
  if (!ttl.empty())
    out += ", age " + text_in(told, "age") + " s, fresh for " + ttl + " s more (stale " +
           text_in(told, "swr") + " s, on errors " + text_in(told, "sie") + " s)";
  return out;
}

std::string told_to_people(const text::Value& told) {
  std::string out = text_in(told, "url") + '\n';
  add_line(out, "route", text_in(told, "route") + " (" + text_in(told, "target") + ")");
  add_line(out, "stages", stages_in(told));
  add_line(out, "file", text_in(told, "file"));
  add_line(out, "templates", list_in(told, "templates", ", "));
  const std::string why = text_in(told, "why");
  add_line(out, "entry", text_in(told, "state") + (why.empty() ? "" : ": " + why));
  if (!text_in(told, "generation").empty() && text_in(told, "generation") != "0") {
    add_line(out, "", life_of(told));
    const bool in_memory = told.find("in_memory") != nullptr &&
                           told.find("in_memory")->boolean() != nullptr &&
                           *told.find("in_memory")->boolean();
    add_line(out, "body", text_in(told, "bytes") + " bytes " +
                              (in_memory ? "in memory" : "on disk") + ": " +
                              list_in(told, "codings", " "));
  }
  add_line(out, "error", text_in(told, "last_error"));
  add_line(out, "tags", list_in(told, "tags", " "));
  add_line(out, "next", text_in(told, "next"));
  return out;
}

}  // namespace

int run_explain(const Arguments& arguments, Session& session) {
  const auto loaded = load_config(arguments, session, Notices::keep);
  if (!loaded) return exit_code::configuration;
  const std::string& url = arguments.operands.front();
  const auto answer =
      call_admin(loaded->store_directory,
                 {"GET",
                  "/_weir/entry?url=" + text::percent_encode(url, text::PercentSet::unreserved),
                  {}});
  if (!answer.ok()) return session.fail(exit_code::remote, answer.error());
  const auto told = text::parse_json(answer->body);
  if ((answer->status != 200 && answer->status != 404) || !told.ok() ||
      told->find("state") == nullptr)
    return session.fail(exit_code::remote,
                        Error{Errc::denied, "the server refused: " + detail_of(*answer)});
  session.out(session.is_json() ? answer->body : told_to_people(*told));
  return exit_code::done;
}

}  // namespace weir::cli
