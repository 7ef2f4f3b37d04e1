#include "cli/session.h"

#include "cli/options.h"

namespace weir::cli {

std::string Session::variable(std::string_view name) const {
  const auto found = parts_.environment.find(name);
  return found == parts_.environment.end() ? std::string() : found->second;
}

void Session::obey(const Arguments& arguments) {
  const std::string colour = arguments.find("color").value_or("auto");
  const bool wanted =
      parts_.err_is_terminal && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  colour_ = colour == "always" || (colour == "auto" && wanted);
  quiet_ = arguments.has("quiet");
  verbose_ = arguments.has("verbose");
  json_ = arguments.has("json");
}

void Session::talk(std::string_view text) const {
  if (!quiet_) parts_.err(text);
}

void Session::show(const Error& error, std::string_view source, text::Severity severity) const {
  const text::Diagnostic diagnostic{severity, error};
  if (json_) {
    parts_.out(text::diagnostic_json(diagnostic) + "\n");
    return;
  }
  if (severity == text::Severity::warning && quiet_) return;
  if (error.place.file.empty()) {
    std::string line = "weir: ";
    line += severity == text::Severity::error ? "error: " : "warning: ";
    line += error.what + "\n";
    if (!error.help.empty()) line += "  help: " + error.help + "\n";
    parts_.err(line);
    return;
  }
  text::DiagnosticStyle style;
  style.colour = colour_ ? text::Colour::on : text::Colour::off;
  style.columns_max = parts_.err_columns;
  parts_.err(text::diagnostic_text(diagnostic, source, style));
}

int Session::end(int code) const {
  if (parts_.end) parts_.end(code);
  return code;
}

int Session::fail(int code, const Error& error) const {
  show(error);
  return code;
}

}  // namespace weir::cli
