#pragma once
// What this binary is. `commit` is "unknown" outside a git checkout.

#include <string_view>

namespace weir {
inline constexpr std::string_view version = "0.1.0";
inline constexpr std::string_view zola_version =
    "0.22.1";                          // whose behaviour templates are told (site.md S-48)
extern const std::string_view commit;  // 12 digits, "-dirty" behind them when files were changed
}  // namespace weir
