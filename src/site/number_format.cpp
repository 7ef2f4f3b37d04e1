#include "site/number_format.h"

#include "base/bytes.h"

namespace weir::site {

namespace {

constexpr std::string_view narrow_space = "\xE2\x80\xAF";  // U+202F
constexpr std::string_view fixed_space = "\xC2\xA0";       // U+00A0

struct Form {
  std::string_view locale;
  std::string_view separator;
  std::size_t group = 3;  // digits of every group but the last
};
constexpr Form forms[] = {{"en", ","},
                          {"en-IN", ",", 2},
                          {"hi", ",", 2},
                          {"bn", ",", 2},
                          {"ta", ",", 2},
                          {"te", ",", 2},
                          {"mr", ",", 2},
                          {"gu", ",", 2},
                          {"ar", ","},
                          {"ca", "."},
                          {"cs", fixed_space},
                          {"da", "."},
                          {"de", "."},
                          {"de-AT", fixed_space},
                          {"de-CH", "\xE2\x80\x99"},
                          {"el", "."},
                          {"es", "."},
                          {"es-MX", ","},
                          {"et", fixed_space},
                          {"fi", fixed_space},
                          {"fr", narrow_space},
                          {"fr-CH", narrow_space},
                          {"he", ","},
                          {"hr", "."},
                          {"hu", fixed_space},
                          {"id", "."},
                          {"is", "."},
                          {"it", "."},
                          {"ja", ","},
                          {"ko", ","},
                          {"lt", fixed_space},
                          {"lv", fixed_space},
                          {"ms", ","},
                          {"nb", fixed_space},
                          {"nl", "."},
                          {"nn", fixed_space},
                          {"no", fixed_space},
                          {"pl", fixed_space},
                          {"pt", "."},
                          {"pt-PT", fixed_space},
                          {"ro", "."},
                          {"ru", fixed_space},
                          {"sk", fixed_space},
                          {"sl", "."},
                          {"sr", "."},
                          {"sv", fixed_space},
                          {"th", ","},
                          {"tr", "."},
                          {"uk", fixed_space},
                          {"vi", "."},
                          {"zh", ","},
                          {"eo", fixed_space},
                          {"bg", fixed_space},
                          {"fa", ","},
                          {"ur", ","}};

const Form* form_of(std::string_view locale) {
  std::string wanted(locale);
  for (char& c : wanted)
    if (c == '_') c = '-';
  for (;;) {
    for (const Form& form : forms)
      if (equals_ignoring_case(form.locale, wanted)) return &form;
    const std::size_t dash = wanted.rfind('-');
    if (dash == std::string::npos) return nullptr;
    wanted.resize(dash);
  }
}

}  // namespace

std::optional<std::string> formatted_number(std::int64_t number, std::string_view locale) {
  const Form* form = form_of(locale);
  if (form == nullptr) return std::nullopt;
  std::string digits = std::to_string(number);
  const bool is_negative = digits.front() == '-';
  if (is_negative) digits.erase(0, 1);
  std::string out;
  std::size_t end = digits.size();
  for (std::size_t group = 3; end > group; group = form->group) {
    out.insert(0, std::string(form->separator) + digits.substr(end - group, group));
    end -= group;
  }
  out.insert(0, digits.substr(0, end));
  return (is_negative ? "-" : "") + out;
}

}  // namespace weir::site
