#include "sync/access.h"

#include "base/bytes.h"
#include "text/utf8.h"

#include <algorithm>

namespace weir::sync {

namespace {

// A tenant is a file: no name leads elsewhere, starts with a dot, or differs from another only by
// case.
std::string file_name_of(std::string_view tenant) {
  std::string name;
  for (std::size_t i = 0; i < tenant.size(); ++i) {
    const char c = tenant[i];
    const bool is_plain =
        is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || (c == '.' && i > 0);
    if (is_plain) name += c;
    else name += '%' + hex_of(bytes_of(tenant.substr(i, 1)));
  }
  return name;
}

}  // namespace

Result<TenantOf> TenantOf::parse(std::string_view setting) {
  TenantOf tenant;
  if (setting == "host") {
    tenant.kind_ = Kind::host;
    return tenant;
  }
  const std::size_t colon = setting.find(':');
  const std::string_view kind = setting.substr(0, colon);
  tenant.name_ = colon == std::string_view::npos ? "" : setting.substr(colon + 1);
  tenant.kind_ = kind == "claim" ? Kind::claim : Kind::constant;
  if ((kind != "claim" && kind != "const") || tenant.name_.empty())
    return Error{Errc::invalid,
                 "data.tenant: expected claim:<name>, host or const:<name>, found '" +
                     std::string(setting) + "'"};
  return tenant;
}

std::variant<std::string, Reply> TenantOf::name(const Ask& ask) const {
  std::string_view tenant = name_;
  if (kind_ == Kind::host) tenant = ask.host;
  if (kind_ == Kind::claim) {
    if (ask.claims == nullptr)
      return problem_reply(Problem::unauthorized,
                           "a token is needed: its claim '" + name_ + "' names the tenant");
    const text::Value* claim = ask.claims->find(name_);
    if (claim == nullptr || claim->string() == nullptr)
      return problem_reply(Problem::forbidden,
                           "the token has no claim '" + name_ + "' that names the tenant");
    tenant = *claim->string();
  }
  if (tenant.empty() || tenant.size() > limits::tenant_name_bytes_max)
    return problem_reply(
        Problem::forbidden,
        "a tenant's name has 1 to " + std::to_string(limits::tenant_name_bytes_max) + " bytes");
  // Three bytes for one, ".db" and "-wal" behind: still a file name that every file system takes.
  std::string name = file_name_of(tenant);
  if (name.size() > 240)
    return problem_reply(Problem::forbidden, "the tenant's name has too many special characters");
  return name;
}

Result<AccessRules> AccessRules::compile(const std::vector<AccessRule>& rules,
                                         std::string_view table) {
  AccessRules compiled;
  compiled.table_ = table;
  for (const AccessRule& rule : rules) {
    const auto located = [&rule, table](Error error, std::string_view key) {
      return std::move(error)
          .in("[[" + std::string(table) + "]] " + std::string(key))
          .at(rule.place);
    };
    Compiled made;
    Result<text::PathPattern> pattern = text::PathPattern::compile(rule.match);
    if (!pattern) return located(std::move(pattern).error(), "match");
    made.pattern = *std::move(pattern);
    if (!rule.read.empty()) {
      Result<text::Rule> read = text::compile_rule(rule.read, made.pattern.variables());
      if (!read) return located(std::move(read).error(), "read");
      made.read = *std::move(read);
    }
    if (!rule.write.empty()) {
      Result<text::Rule> write = text::compile_rule(rule.write, made.pattern.variables());
      if (!write) return located(std::move(write).error(), "write");
      made.write = *std::move(write);
    }
    compiled.rules_.push_back(std::move(made));
  }
  return compiled;
}

bool AccessRules::allow(Verb verb, std::string_view path, const text::Value* claims) const {
  for (const Compiled& rule : rules_) {
    const auto variables = rule.pattern.match(path);
    if (variables) return (verb == Verb::read ? rule.read : rule.write).holds(*variables, claims);
  }
  return false;
}

Reply AccessRules::refusal(Verb verb, std::string_view path, const text::Value* claims) const {
  std::string detail;
  if (rules_.empty()) {
    detail = "access is denied by default; add a [[" + table_ +
             "]] with match, read and write to the configuration";
  } else {
    detail = "no [[" + table_ + "]] lets " +
             (claims == nullptr ? "an unknown caller" : "this token") +
             (verb == Verb::read ? " read '" : " write '") + std::string(path) + "'";
  }
  Reply reply = problem_reply(claims == nullptr ? Problem::unauthorized : Problem::forbidden,
                              std::move(detail));
  if (claims == nullptr) reply.fields.emplace_back("www-authenticate", "Bearer");
  return reply;
}

std::optional<Reply> refuse_document(std::string_view name) {
  const bool has_controls = std::any_of(name.begin(), name.end(),
                                        [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (name.empty() || name.size() > limits::sync_name_bytes_max || has_controls ||
      !text::is_utf8(name))
    return problem_reply(Problem::bad_request,
                         "a document's name is UTF-8 without control characters, 1 to " +
                             std::to_string(limits::sync_name_bytes_max) + " bytes");
  return std::nullopt;
}

Mono end_of_token(const text::Value* claims, const Clock& clock) {
  constexpr std::int64_t seconds_max = 10LL * 366 * 24 * 3600;
  const text::Value* expiry = claims == nullptr ? nullptr : claims->find("exp");
  std::int64_t left = seconds_max;
  // A date is a whole number or a fraction (RFC 7519); what is neither grants nothing.
  if (expiry != nullptr && expiry->integer() != nullptr)
    left = std::clamp<std::int64_t>(*expiry->integer() - clock.wall().seconds(), 0, seconds_max);
  else if (expiry != nullptr && expiry->real() != nullptr)
    left = static_cast<std::int64_t>(
        std::clamp(*expiry->real() - static_cast<double>(clock.wall().seconds()), 0.0,
                   static_cast<double>(seconds_max)));
  else if (expiry != nullptr) left = 0;
  return clock.mono() + std::chrono::seconds(left);
}

std::string subject_of(const text::Value* claims) {
  const text::Value* subject = claims == nullptr ? nullptr : claims->find("sub");
  return subject == nullptr || subject->string() == nullptr ? "" : *subject->string();
}

}  // namespace weir::sync
