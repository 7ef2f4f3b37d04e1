#pragma once
// Talking to a running weir: by the admin socket beside its store, or to another host with a signed
// webhook. Blocking; for commands.

#include "cli/options.h"
#include "cli/session.h"

#include "base/result.h"
#include "http/client.h"

#include <string>
#include <string_view>

namespace weir::cli {

// Where `weir serve` listens for its own commands.
std::string admin_socket_of(const std::string& store_directory);

// Where it takes requests from a server that it has replaced.
std::string hand_over_socket_of(const std::string& store_directory);

struct AdminCall {
  std::string method = "POST";
  std::string path;  // "/_weir/purge"
  std::string body = {};
};
// Errc::missing = there is no server behind the socket.
Result<http::Fetched> call_admin(const std::string& store_directory, const AdminCall& call);

// `detail` of a problem document, or the body, for messages.
std::string detail_of(const http::Fetched& answer);

}  // namespace weir::cli
