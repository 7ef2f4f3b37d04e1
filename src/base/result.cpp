#include "base/result.h"

namespace weir {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::missing: return "missing";
    case Errc::exists: return "exists";
    case Errc::denied: return "denied";
    case Errc::too_large: return "too-large";
    case Errc::full: return "full";
    case Errc::corrupt: return "corrupt";
    case Errc::io: return "io";
  }
  return "unknown";
}

std::string Error::text() const {
  std::string out;
  if (!place.file.empty()) {
    out = place.file;
    if (place.line != 0) out += ':' + std::to_string(place.line);
    if (place.line != 0 && place.column != 0) out += ':' + std::to_string(place.column);
    out += ": ";
  }
  out += what;
  if (!help.empty()) out += " (" + help + ')';
  return out;
}

}  // namespace weir
