#pragma once
// Keeps automatic certificates: asks an authority for one when there is none, and for the next one
// when a third of its life is left (or `renew_before`), a little earlier by chance. What was there
// stays until a new one is on disk whole: key and chain are one file, mode 0600, written beside it,
// synced and renamed. A failure is tried again after two minutes, then after twice as long each
// time, up to half a day, and never before the authority's own Retry-After.
//
// `step` is for one thread, which may wait; `notes` for any.

#include "base/guarded.h"
#include "base/log.h"
#include "guard/acme.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::guard {

struct AcmeTable {
  std::string name;  // of the [tls.*] table
  std::string file;  // of key and chain
  AcmeWishes wishes;
  std::optional<Nanos> renew_before;
};

class AcmeKeeper {
 public:
  struct Parts {
    AcmeClient::Parts client;
    const Clock& clock;
    Log& log;
    std::string directory;                                  // where account keys are kept
    std::function<void(const std::string& table)> renewed;  // a new file is there
  };
  AcmeKeeper(std::vector<AcmeTable> tables, Parts parts);

  // Does what is due; says how long nothing will be.
  Nanos step();
  std::vector<std::string> notes() const;  // which could not be had; for everybody, so without why

 private:
  struct Kept {
    AcmeTable table;
    Wall due;           // by the certificate on disk; 0 = now
    Mono not_before{};  // after a failure
    unsigned failures = 0;
  };
  void read(Kept& kept) const;
  Result<SignatureKey> account_of(const std::string& authority) const;
  Result<std::string> obtain(const Kept& kept, std::optional<Nanos>& retry_after);
  void renew(Kept& kept);

  const Parts parts_;
  std::vector<Kept> kept_;
  Guarded<std::vector<std::string>> notes_;  // by table; empty = all is well
};

// When to ask for the next one: `early` (0..1) is the chance.
Wall renewal_of(const Certificate& facts, std::optional<Nanos> renew_before, double early);

}  // namespace weir::guard
