#pragma once
// Sass to CSS, through libsass (its one user), in the compressed form.
//
// libsass knows `@import` but no modules; text/sass_modules.h turns `@use` and `@forward` into what
// it knows. Imports are looked up below the root that SassFiles stands for and nowhere else: beside
// the importing file, as `x.scss`, `_x.scss`, `x.sass`, `_x.sass`, `x.css`, `x/index.scss`,
// `x/_index.scss`.
//
// Callable from any thread at once. Errors carry file, line and column.

#include "base/result.h"

#include <string>
#include <string_view>

namespace weir::text {

// Where imports come from; paths are relative, '/' between parts.
class SassFiles {
 public:
  virtual bool exists(std::string_view path) = 0;
  virtual Result<std::string> read(std::string_view path) = 0;

 protected:
  ~SassFiles() = default;
};

// Of the file at `path`; a name that ends in ".sass" means the indented syntax.
Result<std::string> compile_sass(std::string_view path, SassFiles& files);

}  // namespace weir::text
