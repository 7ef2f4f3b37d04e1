#include "template/locales.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::tmpl {
namespace {

// POSIX and C are English, as when no locale is given.
constexpr Locale locales[] = {
    {"C",
     {"January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December"},
     {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
     {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
     {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}},
    {"cs",
     {"ledna", "února", "března", "dubna", "května", "června", "července", "srpna", "září", "října",
      "listopadu", "prosince"},
     {"led", "úno", "bře", "dub", "kvě", "čen", "čec", "srp", "zář", "říj", "lis", "pro"},
     {"neděle", "pondělí", "úterý", "středa", "čtvrtek", "pátek", "sobota"},
     {"ne", "po", "út", "st", "čt", "pá", "so"}},
    {"da",
     {"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september",
      "oktober", "november", "december"},
     {"jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
     {"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
     {"søn", "man", "tir", "ons", "tor", "fre", "lør"}},
    {"de",
     {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
      "November", "Dezember"},
     {"Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"},
     {"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
     {"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"}},
    {"en",
     {"January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December"},
     {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
     {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
     {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}},
    {"es",
     {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
      "octubre", "noviembre", "diciembre"},
     {"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"},
     {"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
     {"dom", "lun", "mar", "mié", "jue", "vie", "sáb"}},
    {"fi",
     {"tammikuuta", "helmikuuta", "maaliskuuta", "huhtikuuta", "toukokuuta", "kesäkuuta",
      "heinäkuuta", "elokuuta", "syyskuuta", "lokakuuta", "marraskuuta", "joulukuuta"},
     {"tammi", "helmi", "maalis", "huhti", "touko", "kesä", "heinä", "elo", "syys", "loka",
      "marras", "joulu"},
     {"sunnuntai", "maanantai", "tiistai", "keskiviikko", "torstai", "perjantai", "lauantai"},
     {"su", "ma", "ti", "ke", "to", "pe", "la"}},
    {"fr",
     {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
      "octobre", "novembre", "décembre"},
     {"janv.", "févr.", "mars", "avril", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
      "déc."},
     {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
     {"dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."}},
    {"it",
     {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre",
      "ottobre", "novembre", "dicembre"},
     {"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"},
     {"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
     {"dom", "lun", "mar", "mer", "gio", "ven", "sab"}},
    {"ja",
     {"1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"},
     {"1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"},
     {"日曜日", "月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日"},
     {"日", "月", "火", "水", "木", "金", "土"}},
    {"ko",
     {"1월", "2월", "3월", "4월", "5월", "6월", "7월", "8월", "9월", "10월", "11월", "12월"},
     {"1월", "2월", "3월", "4월", "5월", "6월", "7월", "8월", "9월", "10월", "11월", "12월"},
     {"일요일", "월요일", "화요일", "수요일", "목요일", "금요일", "토요일"},
     {"일", "월", "화", "수", "목", "금", "토"}},
    {"nb",
     {"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober",
      "november", "desember"},
     {"jan.", "feb.", "mars", "april", "mai", "juni", "juli", "aug.", "sep.", "okt.", "nov.",
      "des."},
     {"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
     {"søn.", "man.", "tir.", "ons.", "tor.", "fre.", "lør."}},
    {"nl",
     {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
      "oktober", "november", "december"},
     {"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
     {"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
     {"zo", "ma", "di", "wo", "do", "vr", "za"}},
    {"pl",
     {"stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września",
      "października", "listopada", "grudnia"},
     {"sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"},
     {"niedziela", "poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota"},
     {"nie", "pon", "wto", "śro", "czw", "pią", "sob"}},
    {"pt",
     {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
      "outubro", "novembro", "dezembro"},
     {"jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"},
     {"domingo", "segunda", "terça", "quarta", "quinta", "sexta", "sábado"},
     {"dom", "seg", "ter", "qua", "qui", "sex", "sáb"}},
    {"ru",
     {"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября",
      "октября", "ноября", "декабря"},
     {"янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"},
     {"Воскресенье", "Понедельник", "Вторник", "Среда", "Четверг", "Пятница", "Суббота"},
     {"Вс", "Пн", "Вт", "Ср", "Чт", "Пт", "Сб"}},
    {"sv",
     {"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september",
      "oktober", "november", "december"},
     {"jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
     {"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"},
     {"sön", "mån", "tis", "ons", "tor", "fre", "lör"}},
    {"tr",
     {"Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim",
      "Kasım", "Aralık"},
     {"Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"},
     {"Pazar", "Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi"},
     {"Paz", "Pzt", "Sal", "Çrş", "Prş", "Cum", "Cts"}},
    {"uk",
     {"січня", "лютого", "березня", "квітня", "травня", "червня", "липня", "серпня", "вересня",
      "жовтня", "листопада", "грудня"},
     {"січ", "лют", "бер", "кві", "тра", "чер", "лип", "сер", "вер", "жов", "лис", "гру"},
     {"неділя", "понеділок", "вівторок", "середа", "четвер", "п'ятниця", "субота"},
     {"нд", "пн", "вт", "ср", "чт", "пт", "сб"}},
    {"zh",
     {"一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月",
      "十二月"},
     {"1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"},
     {"星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"},
     {"日", "一", "二", "三", "四", "五", "六"}},
};

// "FR" or "Latn" or "419".
bool is_territory(std::string_view text) {
  return text.size() >= 2 && text.size() <= 4 && std::all_of(text.begin(), text.end(), is_alnum);
}

}  // namespace

const Locale* find_locale(std::string_view name) {
  if (name == "POSIX") name = "C";
  const std::size_t end = std::min(name.find_first_of("_-"), name.size());
  if (end < name.size() && !is_territory(name.substr(end + 1))) return nullptr;
  for (const Locale& locale : locales)
    if (locale.language == name.substr(0, end)) return &locale;
  return nullptr;
}

std::string locale_names() {
  std::string names;
  for (const Locale& locale : locales)
    if (locale.language != "C") names += (names.empty() ? "" : ", ") + std::string(locale.language);
  return names;
}

std::string localised_format(std::string_view format, const Locale& locale,
                             const text::CalendarFields& date) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    switch (format[++i]) {
      case 'A': out += locale.days[date.weekday]; break;
      case 'a': out += locale.days_short[date.weekday]; break;
      case 'B': out += locale.months[date.month - 1]; break;
      case 'b':
      case 'h': out += locale.months_short[date.month - 1]; break;
      default: out += '%'; out += format[i];
    }
  }
  return out;
}

}  // namespace weir::tmpl
