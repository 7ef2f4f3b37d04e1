#pragma once
// multipart/form-data (RFC 7578) cut into parts, for inspection. Views of the body; nothing is
// copied. Lenient where servers are lenient; what cannot be read is said, and the caller inspects
// the raw text.

#include <optional>
#include <string_view>
#include <vector>

namespace weir::waf {

struct Part {
  std::string_view headers;
  std::string_view name;
  std::optional<std::string_view> file_name;
  std::string_view content_type;
  std::string_view content;
};

enum class MultipartEnd : unsigned char { whole, broken, too_many };
// The boundary of a Content-Type value; empty when there is none.
std::string_view boundary_of(std::string_view content_type);
MultipartEnd read_multipart(std::string_view body, std::string_view boundary,
                            std::vector<Part>& parts);

}  // namespace weir::waf
