// Any bytes as a token, and any bytes as a key set: never a crash, and no token is good that the
// key did not sign. The first byte chooses which of the two it is.

#include "base/must.h"
#include "guard/jwt.h"

#include <string_view>

using namespace weir;
using namespace weir::guard;

namespace {
const std::string good_token =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-"
    "09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5"
    "BhVsPt9g7sVvpAr_MuM0KAg";  // RFC 8037 A.4
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t bytes) {
  static const auto keys = Jwks::parse(
      std::string_view(
          R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"),
      KeyOrigin::local);
  static const std::vector<SignatureAlgorithm> algorithms{
      SignatureAlgorithm::eddsa, SignatureAlgorithm::rs256, SignatureAlgorithm::es256};
  if (bytes == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, bytes - 1);
  if (data[0] % 2 == 0) {
    const auto parsed = Jwks::parse(text, KeyOrigin::network);
    if (parsed.ok())
      for (const Jwk& key : parsed->set->keys()) MUST(key.key.kind() != KeyKind::secret);
    return 0;
  }
  const JwsOutcome outcome = verify_jws(text, *keys->set, algorithms);
  MUST((outcome.reason == TokenReason::good) == (text == good_token));
  FixedKeys source(keys->set);
  JwtVerifier verifier({.name = "fuzz", .algorithms = algorithms}, source);
  MUST(!verifier.verify(text, {{0}, {0}}).ok());  // its payload is no JSON
  return 0;
}
