// Control's explanation of a URL: which route takes it, through which stages, and what is kept for
// it.

#include "edge/control.h"

#include "edge/control_answers.h"
#include "edge/tables.h"
#include "text/json.h"
#include "text/url.h"

#include <array>

namespace weir::edge {
namespace {

constexpr std::array<std::string_view, 5> target_names{"control", "site", "data", "proxy", "page"};

text::Value stages_of(const Route& route) {
  text::Value::Array rows;
  for (const StepSettings& step : route.steps) {
    text::Value row = text::Value::Object{};
    row.set("stage", steps[static_cast<std::size_t>(step.kind)].name);
    if (!step.table.empty()) row.set("table", step.table);
    row.set("failure_mode", step.failure_mode == FailureMode::open ? "open" : "closed");
    rows.push_back(std::move(row));
  }
  return rows;
}

// What is asked about, in the form of a request: the path decoded, its dot segments resolved.
struct Asked {
  std::string host, path, query;
};
std::optional<Asked> parse_asked(const std::string& text) {
  Asked asked;
  std::string rest = text.substr(0, text.find('#'));
  if (const auto url = text::parse_url(rest); url.ok() && url->has_authority) {
    asked.host = url->host;
    if (url->port) asked.host += ':' + std::to_string(*url->port);
    const std::size_t slash = rest.find('/', rest.find("//") + 2);
    rest = slash == std::string::npos ? "/" : rest.substr(slash);
  }
  const std::size_t mark = rest.find('?');
  if (mark != std::string::npos) asked.query = rest.substr(mark + 1);
  const auto path = text::percent_decode(rest.substr(0, mark));
  if (!path || path->empty() || path->front() != '/') return std::nullopt;
  asked.path = *path;
  return asked;
}

}  // namespace

void Control::entry(Visit& visit, std::string_view rest) {
  if (!rest.empty()) return not_found(visit);
  std::string url;
  for (const auto& pair : text::parse_query(visit.exchange->request().query, 16)) {
    if (pair.first == "url") url = pair.second;
  }
  const auto asked = parse_asked(url);
  if (!asked) return refuse(visit, {400, "bad-request", "Ask with ?url=/path/ or a whole URL."});
  const ControlParts& parts = parts_;
  const auto explain = [&parts, asked = *asked, url, tables = visit.tables->shared] {
    const Route& route = tables->pipeline->route_of({asked.host, asked.path, "GET"});
    std::optional<text::Value> kept;
    for (EntryDescriber* const describer : parts.describers)
      if (!kept) kept = describer->describe({route, asked.host, asked.path, asked.query});
    text::Value out = kept ? std::move(*kept) : text::Value(text::Value::Object{});
    if (!kept) {
      const bool is_proxy = route.target == Route::Target::proxy;
      out.set("state", is_proxy ? "not described" : "not kept");
      out.set("why", "");
      out.set("next", is_proxy ? "the upstream is asked, unless an answer of it is kept and fresh"
                               : "it is answered anew each time");
    }
    out.set("url", url);
    out.set("route", route.name);
    out.set("target", target_names[static_cast<std::size_t>(route.target)]);
    out.set("stages", stages_of(route));
    return out;
  };
  on_worker(parts.workers, visit, explain, [](Visit& waiting, const text::Value& out) {
    const text::Value* const state = out.find("state");
    const bool absent = state->string() != nullptr && *state->string() == "absent";
    respond(waiting, json(absent ? 404 : 200, text::json_of(out)));
  });
}

}  // namespace weir::edge
