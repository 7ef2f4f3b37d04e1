#pragma once
// Refusals of the edge, all in one form (guard G-4): problem details for programs, a small page for
// people, both with the decision's id, `Cache-Control: no-store` and the fields that the steps have
// added. Loop thread.

#include "edge/visit.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::edge {

struct Refusal {
  int status = 500;
  std::string_view slug;          // below /_weir/problems/; or a whole URL
  std::string_view detail;        // one sentence; never bytes of the request
  std::string_view members = {};  // more JSON members: "\"expected\":3"
  std::vector<std::pair<std::string, std::string>> fields = {};
  enum class Form : std::uint8_t {
    as_accepted,
    problem
  } form = Form::as_accepted;  // problem: for programs, always
};
void refuse(Visit& visit, const Refusal& refusal);

// Sends a small answer of ours (control endpoints, data). Adds the steps' fields and
// `Server-Timing`.
void respond(Visit& visit, http::Response&& response);

// Whole lines "Name: value\r\n" as pairs.
void add_lines(http::Fields& into, std::string_view lines);

// The id of the decision, made now if no trace step ran.
std::string_view decision_id(Visit& visit);

// Every kind of problem that weir answers with: what it means and what to do (E-13:
// /_weir/problems/{slug}).
struct ProblemText {
  std::string_view slug;
  int status;
  std::string_view title;
  std::string_view text;
};
const ProblemText* find_problem(std::string_view slug);
std::string problem_page(const ProblemText& problem);

}  // namespace weir::edge
