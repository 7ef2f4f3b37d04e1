#pragma once
// What an ACME authority asks for below /.well-known/acme-challenge/ (RFC 8555 8.3): a token's key
// authorization, while its challenge is under way. Callable from any thread; a request that asks
// for no such path pays nothing.

#include "base/guarded.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weir::guard {

inline constexpr std::string_view acme_challenge_path = "/.well-known/acme-challenge/";

class AcmeTokens {
 public:
  void set(const std::string& token, const std::string& key_authorization) {
    known_.with([&](auto& known) { known[token] = key_authorization; });
  }
  void clear(const std::string& token) {
    known_.with([&](auto& known) { known.erase(token); });
  }
  std::optional<std::string> find(std::string_view token) const {
    return known_.with([token](const auto& known) -> std::optional<std::string> {
      const auto found = known.find(token);
      return found == known.end() ? std::nullopt : std::optional(found->second);
    });
  }

 private:
  Guarded<std::map<std::string, std::string, std::less<>>> known_;
};

}  // namespace weir::guard
