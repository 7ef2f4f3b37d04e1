#pragma once
// Remote data over the outbound client, bounded and filtered: a URL that comes from content never
// reaches a private address that the operator has not listed in [build] allow_addresses (wire
// H-44). Callable from any thread.

#include "site/fetcher.h"

namespace weir::site {

class HttpFetcher final : public Fetcher {
 public:
  Result<std::string> fetch(const RemoteRequest& request) override;
  Result<RemoteAnswer> ask(const RemoteRequest& request) override;
};

}  // namespace weir::site
