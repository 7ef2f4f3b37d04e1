#include "template/shown_time.h"

#include "base/bytes.h"
#include "template/locales.h"

#include <array>

namespace weir::tmpl {

namespace {

//   name = ("t" | "s") field format | field ("+" timezone | "-") | field locale | field shown
//   field = bytes, in decimals | ":" | text
void add_field(std::string& name, std::string_view text) {
  name += std::to_string(text.size()) + ':';
  name += text;
}

struct Fields {
  TimeForm time = TimeForm::text;
  std::array<std::string_view, 4> texts;  // format, timezone, locale, shown
};

std::optional<Fields> fields_of(std::string_view name) {
  if (name.empty()) return std::nullopt;
  Fields fields;
  fields.time = name.front() == 's' ? TimeForm::stamp : TimeForm::text;
  name.remove_prefix(1);
  for (std::string_view& text : fields.texts) {
    const std::size_t colon = name.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::optional<std::uint64_t> bytes = parse_u64(name.substr(0, colon));
    name.remove_prefix(colon + 1);
    if (!bytes || *bytes > name.size()) return std::nullopt;
    text = name.substr(0, static_cast<std::size_t>(*bytes));
    name.remove_prefix(text.size());
  }
  if (fields.texts[1].empty()) return std::nullopt;
  return fields;
}

}  // namespace

Result<std::string> date_text(text::DateTime date, const DateForm& form) {
  if (form.timezone) {
    Result<text::TimeZone> zone = text::TimeZone::open(*form.timezone);
    if (!zone)
      return Error{Errc::invalid,
                   '`' + std::string(*form.timezone) + "` is no time zone: " + zone.error().what};
    // A date or time without an offset stays as it was written, as in Tera.
    if (date.form == text::DateForm::offset) date = zone->shifted(std::move(date));
  }
  std::string localised(form.format);
  if (!form.locale.empty()) {
    const Locale* names = find_locale(form.locale);
    if (names == nullptr)
      return Error{Errc::invalid, "no locale `" + std::string(form.locale) + '`'}.with_help(
          "known are " + locale_names());
    localised = localised_format(form.format, *names, text::calendar_of(date));
  }
  Result<std::string> written = text::format_date(date, localised);
  if (!written)
    return Error{Errc::invalid,
                 "the date format `" + std::string(form.format) + "`: " + written.error().what};
  return written;
}

std::string now_text(const Clock& clock) {
  std::string text = text::rfc3339_of(text::date_of_wall(clock.wall()));
  if (text.ends_with('Z')) text.replace(text.size() - 1, 1, "+00:00");
  return text;
}

std::string shown_time(TimeForm time, const DateForm& form, std::string_view shown) {
  std::string name = time == TimeForm::stamp ? "s" : "t";
  add_field(name, form.format);
  add_field(name, form.timezone ? '+' + std::string(*form.timezone) : "-");
  add_field(name, form.locale);
  add_field(name, shown);
  return name;
}

std::optional<std::string_view> text_shown(std::string_view name) {
  const std::optional<Fields> fields = fields_of(name);
  if (!fields) return std::nullopt;
  return fields->texts[3];
}

std::optional<std::string> text_shown_now(std::string_view name, const Clock& clock) {
  const std::optional<Fields> fields = fields_of(name);
  if (!fields) return std::nullopt;
  DateForm form{fields->texts[0], std::nullopt, fields->texts[2]};
  if (fields->texts[1].front() == '+') form.timezone = fields->texts[1].substr(1);
  Result<text::DateTime> date = fields->time == TimeForm::stamp
                                    ? text::date_of_seconds(clock.wall().seconds())
                                    : text::parse_date(now_text(clock));
  if (!date.ok()) return std::nullopt;
  Result<std::string> shown = date_text(std::move(date).value(), form);
  if (!shown.ok()) return std::nullopt;
  return std::move(shown).value();
}

}  // namespace weir::tmpl
