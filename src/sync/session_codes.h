#pragma once
// Close codes of the subprotocol (data, D-43).

#include <cstdint>

namespace weir::sync::code {

inline constexpr std::uint16_t bad_message = 4400;
inline constexpr std::uint16_t not_authorized = 4401;
inline constexpr std::uint16_t forbidden = 4403;
inline constexpr std::uint16_t hello_timeout = 4408;
inline constexpr std::uint16_t epoch_changed = 4409;
inline constexpr std::uint16_t too_fast = 4429;

}  // namespace weir::sync::code
