#include "template/filters.h"
#include "template/library.h"
#include "template/locales.h"
#include "template/shown_time.h"
#include "text/date.h"
#include "text/utf8.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

// The filters of S-45 for numbers, dates, objects and values of any kind.

namespace weir::tmpl {

Result<double> number_input(const Value& input, const Call& call) {
  if (input.is_number()) return input.number();
  return call.error("expected a number, not " + shown(input));
}

namespace {

Result<Value> abs_of(const Value& input, const Call& call) {
  const double number = TRY(number_input(input, call));
  if (!input.is_integer()) return Value(std::fabs(number));
  if (input.integer() == std::numeric_limits<std::int64_t>::min())
    return call.error("out of the 64-bit range: " + std::to_string(input.integer()));
  return Value(input.integer() < 0 ? -input.integer() : input.integer());
}

Result<Value> pluralize(const Value& input, const Call& call) {
  const double number = TRY(number_input(input, call));
  const std::string_view plural = TRY(call.text_or("plural", "s"));
  const std::string_view singular = TRY(call.text_or("singular", ""));
  const bool one = std::fabs(std::fabs(number) - 1) <= std::numeric_limits<double>::epsilon();
  return Value::text(one ? singular : plural);
}

Result<Value> round(const Value& input, const Call& call) {
  const double number = TRY(number_input(input, call));
  const std::string_view method = TRY(call.text_or("method", "common"));
  const std::int64_t precision = TRY(call.integer_or("precision", 0));
  if (precision < -300 || precision > 300)
    return call.error("argument `precision` must be -300 to 300");
  const double scale = precision == 0 ? 1.0 : std::pow(10.0, static_cast<double>(precision));
  if (method == "common") return Value(std::round(scale * number) / scale);
  if (method == "ceil") return Value(std::ceil(scale * number) / scale);
  if (method == "floor") return Value(std::floor(scale * number) / scale);
  return call.error("argument `method` must be \"common\", \"ceil\" or \"floor\", not \"" +
                    std::string(method) + '"');
}

Result<Value> filesizeformat(const Value& input, const Call& call) {
  const bool binary = TRY(call.boolean_or("binary", false));
  if (!input.is_integer() || input.integer() < 0)
    return call.error("expected a number of bytes, not " + shown(input));
  static constexpr std::array<const char*, 7> decimal_units = {"B",  "kB", "MB", "GB",
                                                               "TB", "PB", "EB"};
  static constexpr std::array<const char*, 7> binary_units = {"B",   "KiB", "MiB", "GiB",
                                                              "TiB", "PiB", "EiB"};
  double size = static_cast<double>(input.integer());
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < binary_units.size(); ++unit) size /= 1024;
  char text[64];
  std::snprintf(text, sizeof text, size == std::floor(size) ? "%.0f %s" : "%.2f %s", size,
                (binary ? binary_units : decimal_units)[unit]);
  return Value::text(text);
}

Result<Value> length(const Value& input, const Call& call) {
  std::size_t count = 0;
  if (input.is_array()) count = input.array().count();
  else if (input.is_object()) count = input.object().count();
  else if (input.is_string()) count = text::code_points_of(input.string());
  else return call.error("expected an array, an object or a string, not " + shown(input));
  return Value(static_cast<std::int64_t>(count));
}

Result<Value> reverse(const Value& input, const Call& call) {
  if (input.is_string()) {
    std::string out;
    out.reserve(input.string().size());
    std::string_view rest = input.string();
    std::vector<std::string_view> points;
    while (!rest.empty()) {
      const std::size_t bytes = text::first_code_point(rest).bytes;
      points.push_back(rest.substr(0, bytes));
      rest.remove_prefix(bytes);
    }
    for (auto point = points.rbegin(); point != points.rend(); ++point) out += *point;
    return Value::text(out);
  }
  if (!input.is_array()) return call.error("expected an array or a string, not " + shown(input));
  const ArrayView* array = TRY(array_input(input, call));
  std::vector<Value> items;
  items.reserve(array->count());
  for (std::size_t i = array->count(); i > 0; --i)
    items.push_back(array->at(i - 1, call.recorder()));
  return Value::array(std::move(items));
}

Result<Value> json_encode(const Value& input, const Call& call) {
  const bool pretty = TRY(call.boolean_or("pretty", false));
  std::string out;
  append_json(out, input, pretty ? Layout::pretty : Layout::compact, call.recorder());
  if (out.size() > limits::template_output_bytes_max) return too_large_error(call);
  return Value::text(out);
}

Result<Value> as_str(const Value& input, const Call& call) {
  if (input.is_string()) return input;
  std::string out;
  append_text(out, input, call.recorder());
  if (out.size() > limits::template_output_bytes_max) return too_large_error(call);
  return Value::text(out);
}

Result<Value> get(const Value& input, const Call& call) {
  const std::string_view key = TRY(call.text("key"));
  if (!input.is_object()) return call.error("expected an object, not " + shown(input));
  Value found = input.object().find(key, call.recorder());
  if (!found.is_undefined()) return found;
  if (const Value* otherwise = call.find("default")) return *otherwise;
  return call.error("the object has no member `" + std::string(key) + '`');
}

Result<text::DateTime> date_of(const Value& input, const Call& call) {
  if (input.is_integer()) return text::date_of_seconds(input.integer());
  if (!input.is_string())
    return call.error("expected a date as a string or a time stamp as an integer, not " +
                      shown(input));
  Result<text::DateTime> date = text::parse_date(input.string());
  if (date) return date;
  return call.error("`" + std::string(input.string().substr(0, 60)) +
                    "` is no date: " + date.error().what);
}

Result<Value> date(const Value& input, const Call& call) {
  DateForm form;
  form.format = TRY(call.text_or("format", form.format));
  form.locale = TRY(call.text_or("locale", ""));
  if (call.find("timezone") != nullptr) form.timezone = TRY(call.text("timezone"));
  Result<std::string> written = date_text(TRY(date_of(input, call)), form);
  if (!written) {
    const Error& error = written.error();
    return call.error(error.what).with_help(error.help);
  }
  if (call.follows_clock() && call.recorder() != nullptr)
    call.recorder()->read(
        {ReadKind::clock, ReadGroup::meta, 0,
         shown_time(input.is_integer() ? TimeForm::stamp : TimeForm::text, form, *written)});
  return Value::text(*written);
}

}  // namespace

void add_value_filters(Library& library) {
  struct Row {
    const char* name;
    Result<Value> (*filter)(const Value&, const Call&);
  };
  static constexpr Row rows[] = {
      {"abs", abs_of},    {"pluralize", pluralize},
      {"round", round},   {"filesizeformat", filesizeformat},
      {"length", length}, {"reverse", reverse},
      {"date", date},     {"json_encode", json_encode},
      {"as_str", as_str}, {"get", get},
  };
  for (const Row& row : rows) library.filters.add(row.name, row.filter);
}

}  // namespace weir::tmpl
