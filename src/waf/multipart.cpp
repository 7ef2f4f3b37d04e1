#include "waf/multipart.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <algorithm>

namespace weir::waf {
namespace {

// The value of `; name="..."` or `; name=...` in a header's value. Browsers escape a quote as %22
// and RFC 7578 knows no backslash, but servers read one; a value is therefore taken up to the last
// unescaped quote.
std::optional<std::string_view> parameter_of(std::string_view value, std::string_view name) {
  std::size_t at = 0;
  while ((at = value.find(';', at)) != std::string_view::npos) {
    std::string_view rest = trim(value.substr(++at));
    if (rest.size() <= name.size() || !equals_ignoring_case(rest.substr(0, name.size()), name))
      continue;
    rest = trim(rest.substr(name.size()));
    if (rest.empty() || rest.front() != '=') continue;
    rest = trim(rest.substr(1));
    if (rest.empty() || rest.front() != '"') return trim(rest.substr(0, rest.find(';')));
    rest.remove_prefix(1);
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
    return rest.substr(0, std::min(end, rest.size()));
  }
  return std::nullopt;
}

std::string_view header_of(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    const std::size_t end = std::min(headers.find('\n'), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 1, headers.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(trim(line.substr(0, colon)), name))
      return trim(line.substr(colon + 1));
  }
  return {};
}

}  // namespace

std::string_view boundary_of(std::string_view content_type) {
  return parameter_of(content_type, "boundary").value_or(std::string_view());
}

MultipartEnd read_multipart(std::string_view body, std::string_view boundary,
                            std::vector<Part>& parts) {
  parts.clear();
  if (boundary.empty() || boundary.size() > 200) return MultipartEnd::broken;
  std::string delimiter = "--" + std::string(boundary);
  if (!body.starts_with(delimiter)) {
    delimiter.insert(0, "\n");
    const std::size_t first = body.find(delimiter);  // a preamble
    if (first == std::string_view::npos) return MultipartEnd::broken;
    body.remove_prefix(first + 1);
    delimiter.erase(0, 1);
  }
  while (true) {
    body.remove_prefix(delimiter.size());
    if (body.starts_with("--")) return MultipartEnd::whole;
    const std::size_t line = body.find('\n');
    if (line == std::string_view::npos) return MultipartEnd::broken;
    body.remove_prefix(line + 1);
    const std::size_t end = body.find("\n" + delimiter);
    if (end == std::string_view::npos) return MultipartEnd::broken;
    if (parts.size() == limits::waf_multipart_parts_max) return MultipartEnd::too_many;
    std::string_view part = body.substr(0, end);
    if (part.ends_with('\r')) part.remove_suffix(1);
    std::size_t blank = part.find("\r\n\r\n");
    std::size_t gap = 4;
    if (blank == std::string_view::npos) blank = part.find("\n\n"), gap = 2;
    Part out;
    out.headers = part.substr(0, blank);
    out.content = blank == std::string_view::npos ? std::string_view() : part.substr(blank + gap);
    const std::string_view disposition = header_of(out.headers, "content-disposition");
    out.name = parameter_of(disposition, "name").value_or(std::string_view());
    out.file_name = parameter_of(disposition, "filename");
    out.content_type = header_of(out.headers, "content-type");
    parts.push_back(out);
    body.remove_prefix(end + 1);
  }
}

}  // namespace weir::waf
