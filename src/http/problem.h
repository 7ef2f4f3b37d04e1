#pragma once
// What an error looks like: problem details (RFC 9457) for programs, a small page for people.
// Pure; both texts are complete answers without Date and Connection, never cached.

#include "http/message.h"

#include <string>
#include <string_view>

namespace weir::http {

struct Problem {
  int status = 500;
  std::string_view type = "about:blank";
  std::string_view title = {};     // default: the reason phrase
  std::string_view detail = {};    // one sentence for the person who reads it
  std::string_view instance = {};  // trace id or URL of this occurrence
  std::string_view members =
      {};  // more JSON members, already JSON, without the leading comma: "\"a\":1"
};

Response problem_response(const Problem& problem);                  // application/problem+json
Response error_page_response(int status, std::string_view detail);  // text/html

// True when a client that sends this Accept field is a program: it prefers JSON to HTML.
bool prefers_problem(std::string_view accept_field);

}  // namespace weir::http
