#include "http/problem.h"

#include "base/text_escape.h"
#include "http/negotiate.h"

namespace weir::http {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
}

}  // namespace

Response problem_response(const Problem& problem) {
  Response response;
  response.status = problem.status;
  response.fields = {{"Content-Type", "application/problem+json"}, {"Cache-Control", "no-store"}};
  std::string& body = response.body;
  body = "{\"type\":";
  append_json_string(body, problem.type);
  body += ",\"title\":";
  append_json_string(body,
                     problem.title.empty() ? reason_phrase_of(problem.status) : problem.title);
  body += ",\"status\":" + std::to_string(problem.status);
  if (!problem.detail.empty()) {
    body += ",\"detail\":";
    append_json_string(body, problem.detail);
  }
  if (!problem.instance.empty()) {
    body += ",\"instance\":";
    append_json_string(body, problem.instance);
  }
  if (!problem.members.empty()) body.append(",").append(problem.members);
  body += "}\n";
  return response;
}

Response error_page_response(int status, std::string_view detail) {
  Response response;
  response.status = status;
  response.fields = {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}};
  const std::string title = std::to_string(status) + ' ' + std::string(reason_phrase_of(status));
  std::string& body = response.body;
  body =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" "
      "content=\"light dark\">\n"
      "<title>" +
      title +
      "</title>\n"
      "<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 "
      "1rem}</style>\n"
      "<h1>" +
      title + "</h1>\n";
  if (!detail.empty()) {
    body += "<p>";
    append_escaped(body, detail);
    body += "</p>\n";
  }
  body += "</html>\n";
  return response;
}

bool prefers_problem(std::string_view accept_field) {
  if (accept_field.empty()) return false;
  const int page = accept_weight(accept_field, "text/html");
  const int json = std::max(accept_weight(accept_field, "application/problem+json"),
                            accept_weight(accept_field, "application/json"));
  return json > page;
}

}  // namespace weir::http
