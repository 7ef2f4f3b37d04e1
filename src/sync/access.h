#pragma once
// Whose data, and who may: the tenant of a request, and the rules over its path and claims (data,
// D-2 and D-52). Immutable after it was made; safe from many threads.

#include "sync/service.h"
#include "text/rule.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::sync {

// "claim:<name>" | "host" | "const:<name>"
class TenantOf {
 public:
  static Result<TenantOf> parse(std::string_view setting);
  // The name as a file name: [a-z0-9._-] stay, every other byte is %xx. Or why there is none: 401,
  // 403.
  std::variant<std::string, Reply> name(const Ask& ask) const;

 private:
  enum class Kind : std::uint8_t { claim, host, constant };
  Kind kind_ = Kind::constant;
  std::string name_;
};

class AccessRules {
 public:
  // `table` is how the configuration calls them, for the reply when there are none.
  static Result<AccessRules> compile(const std::vector<AccessRule>& rules, std::string_view table);

  bool exist() const { return !rules_.empty(); }
  // The first rule whose pattern matches decides; none matches: no.
  bool allow(Verb verb, std::string_view path, const text::Value* claims) const;
  // 401 for nobody, 403 for somebody.
  Reply refusal(Verb verb, std::string_view path, const text::Value* claims) const;

 private:
  struct Compiled {
    text::PathPattern pattern;
    text::Rule read;
    text::Rule write;
  };
  std::string table_;
  std::vector<Compiled> rules_;
};

// Why there is no document of this name; none = the name is good.
std::optional<Reply> refuse_document(std::string_view name);

// When the right to read ends: with the token; without `exp` in ten years.
Mono end_of_token(const text::Value* claims, const Clock& clock);

// The claim `sub`; empty for nobody.
std::string subject_of(const text::Value* claims);

}  // namespace weir::sync
