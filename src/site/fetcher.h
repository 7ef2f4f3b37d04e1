#pragma once
// Remote data for load_data, asked for through this interface so that tests need no network and
// `--offline` and the address filter live in one place.

#include "base/result.h"

#include <string>
#include <utility>
#include <vector>

namespace weir::site {

struct RemoteRequest {
  std::string url;  // http or https
  std::string method = "GET";
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;
  // CIDR blocks that may be reached although they are not public ([build] allow_addresses).
  std::vector<std::string> allow_addresses;
};

struct RemoteAnswer {
  int status = 0;
  std::string content_type;
  std::string body;  // of a HEAD nothing
};

class Fetcher {
 public:
  virtual ~Fetcher() = default;
  // The body of a 2xx answer (Errc::missing: it was 404 or 410), at most
  // limits::load_data_bytes_max bytes, within limits::load_data_time_max. Blocks; workers only.
  // Callable from any thread at once.
  virtual Result<std::string> fetch(const RemoteRequest& request) = 0;
  // Any answer, whatever its status, after redirects; the same bounds.
  virtual Result<RemoteAnswer> ask(const RemoteRequest& request) = 0;
};

}  // namespace weir::site
