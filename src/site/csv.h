#pragma once
// CSV as RFC 4180 has it: fields by commas, records by LF or CRLF, quotes round fields with "" for
// a quote within. Every record has as many fields as the first, else it is an error with its line.
// An empty line is no record. Pure.

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

using CsvRecord = std::vector<std::string>;
Result<std::vector<CsvRecord>> parse_csv(std::string_view text, std::string_view file);

}  // namespace weir::site
