#pragma once
// Every name and every leaf of a JSON text, one after the other, for inspection (waf W-23, W-24).
//
// Not the parser of documents (text/json.h): this one keeps duplicate names, takes what lenient
// parsers take (raw control characters, lone surrogates, bad UTF-8), builds no tree and allocates
// nothing once its path is warm. What it cannot read it says, and the caller inspects the raw text.

#include "waf/arena.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace weir::waf {

class JsonValues {
 public:
  enum class End : std::uint8_t { whole, broken, too_deep, too_many };

  // Called for every member name and every string or number. `path` is "a.b.2" and holds for the
  // call.
  class Visitor {
   public:
    virtual ~Visitor() = default;
    virtual void name(std::string_view path, std::string_view name) = 0;
    virtual void leaf(std::string_view path, std::string_view value) = 0;
  };

  End read(std::string_view text, Arena& arena, Visitor& visitor);

 private:
  struct Level {
    bool is_object;
    std::size_t path_bytes;  // of the container itself
    std::size_t index;
  };
  std::string path_;
  std::vector<Level> levels_;
};

}  // namespace weir::waf
