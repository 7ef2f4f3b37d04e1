#pragma once
// The English stemmer of elasticlunr: Porter's (1980), with the three departures that its client in
// the browser has too ("bli" to "ble", "logi" to "log", y to i behind any consonant).

#include <string>
#include <string_view>

namespace weir::text {

// Of a word in lower case; bytes beyond ASCII count as consonants.
std::string porter_stem_of(std::string_view word);

}  // namespace weir::text
