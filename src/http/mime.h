#pragma once
// Content types by file name. Pure.

#include <string_view>

namespace weir::http {

// By the extension of `file_name`, ASCII case ignored; texts come with "; charset=utf-8".
// "application/octet-stream" when the extension is not known.
std::string_view content_type_of(std::string_view file_name);

// Worth compressing: texts, JSON, XML, SVG, WebAssembly, uncompressed fonts. Parameters are
// ignored.
bool is_compressible(std::string_view content_type);

}  // namespace weir::http
