// `weir token mint`: a signed token for development and tests.

#include "cli/commands.h"
#include "cli/site_config.h"

#include "base/file.h"
#include "edge/units.h"
#include "guard/jwt.h"
#include "text/json.h"

namespace weir::cli {
namespace {

Result<guard::Jwk> key_of_secret(std::string_view secret, SignatureAlgorithm algorithm) {
  auto key = SignatureKey::secret(secret);
  if (!key.ok()) return std::move(key).error();
  if (!key->fits(algorithm)) {
    return Error{Errc::invalid, "a secret of " + std::to_string(secret.size()) +
                                    " bytes does not do for " + std::string(name_of(algorithm))};
  }
  return guard::Jwk{{}, algorithm, std::move(key).value()};
}

// "k=v" is a text, "k:=[1,2]" any JSON. A key twice makes a list of texts (aud=a, aud=b).
Status add_claim(text::Value& claims, std::string_view said) {
  const std::size_t equals = said.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return Error{Errc::invalid, "--claim must be K=V, not \"" + std::string(said) + "\""};
  const bool is_json = said[equals - 1] == ':';
  const std::string_view name = said.substr(0, is_json ? equals - 1 : equals);
  text::Value value(said.substr(equals + 1));
  if (is_json) value = TRY(text::parse_json(said.substr(equals + 1)));
  if (text::Value* present = claims.find(name)) {
    if (!present->is_array()) *present = text::Value::Array{*present};
    present->array()->push_back(std::move(value));
    return done;
  }
  claims.set(name, std::move(value));
  return done;
}

struct Signer {
  guard::Jwk key;
  text::Value claims = text::Value::Object{};
};

// [auth.NAME]: its secret, and issuer and audience as claims.
Result<Signer> signer_of_table(const LoadedConfig& loaded, std::string_view name,
                               std::optional<SignatureAlgorithm> algorithm) {
  for (const edge::AuthSettings& auth : loaded.config.auth) {
    if (auth.policy.name != name) continue;
    if (auth.secret.is_empty()) {
      return Error{Errc::invalid, "[auth." + auth.policy.name + "] has no secret to sign with"}
          .with_help("its keys are public ones; sign with --key PRIVATE.jwk");
    }
    Signer signer{TRY(
        key_of_secret(auth.secret.reveal(), algorithm.value_or(auth.policy.algorithms.front())))};
    if (!auth.policy.issuer.empty()) signer.claims.set("iss", auth.policy.issuer);
    if (!auth.policy.audiences.empty()) signer.claims.set("aud", auth.policy.audiences.front());
    return signer;
  }
  return Error{Errc::missing, "there is no table [auth." + std::string(name) + "]"};
}

Result<Signer> signer_of(const Arguments& arguments, Session& session) {
  std::optional<SignatureAlgorithm> algorithm;
  if (const auto name = arguments.find("alg")) {
    algorithm = parse_signature_algorithm(*name);
    if (!algorithm)
      return Error{Errc::invalid, "unknown algorithm \"" + *name + "\""}.with_help(
          "for example HS256, RS256, ES256 or EdDSA");
  }
  const int sources = arguments.has("secret") + arguments.has("secret-file") +
                      arguments.has("key") + arguments.has("auth");
  if (sources != 1)
    return Error{Errc::invalid,
                 "say what to sign with: one of --auth, --secret, --secret-file and --key"};
  if (const auto name = arguments.find("auth")) {
    const auto loaded = load_config(arguments, session, Notices::keep);
    if (!loaded) return Error{Errc::invalid, "the configuration is not valid"};
    return signer_of_table(*loaded, *name, algorithm);
  }
  if (const auto file = arguments.find("key")) {
    const std::string json = TRY(read_file(*file));
    Signer signer{TRY(guard::parse_private_jwk(json))};
    if (algorithm) signer.key.algorithm = algorithm;
    return signer;
  }
  std::string secret = arguments.find("secret").value_or("");
  if (const auto file = arguments.find("secret-file")) {
    const edge::Secret read_secret = TRY(edge::read_secret_file(*file));
    secret = read_secret.reveal();
  }
  return Signer{TRY(key_of_secret(secret, algorithm.value_or(SignatureAlgorithm::hs256)))};
}

Result<std::string> mint(const Arguments& arguments, Session& session) {
  Signer signer = TRY(signer_of(arguments, session));
  guard::MintOrder order;
  order.claims = std::move(signer.claims);
  for (const std::string& claim : arguments.all("claim")) TRY(add_claim(order.claims, claim));
  if (const auto subject = arguments.find("sub")) order.claims.set("sub", *subject);
  if (const auto expires = arguments.find("expires")) {
    const auto span = edge::parse_duration(*expires);
    if (!span || span->count() <= 0)
      return Error{Errc::invalid, "--expires must be like 10m or 1h, not \"" + *expires + "\""};
    order.lifetime = *span;
  }
  order.type = arguments.find("type").value_or("JWT");
  return guard::mint_token(signer.key, order, SystemClock().wall());
}

}  // namespace

int run_token_mint(const Arguments& arguments, Session& session) {
  const auto token = mint(arguments, session);
  if (!token.ok()) return session.fail(exit_code::usage, token.error());
  session.out(*token + "\n");
  return exit_code::done;
}

}  // namespace weir::cli
