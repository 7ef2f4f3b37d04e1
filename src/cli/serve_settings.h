#pragma once
// What the configuration says, in the words of the rooms that `serve` puts together. Pure.

#include "cli/certificates.h"
#include "cli/options.h"
#include "cli/site_config.h"
#include "cli/sockets.h"

#include "http/server.h"
#include "sync/service.h"

namespace weir::cli {

// Flags win over environment and file (E-7): --listen and --port replace the public listeners,
// --admin the admin ones. Errc::invalid, or Errc::denied for one that would be open to others.
Status apply_flags(const Arguments& arguments, LoadedConfig& loaded);

Result<http::ServerSettings> server_settings(const LoadedConfig& loaded,
                                             const Certificates& certificates,
                                             const Sockets& sockets);
sync::SyncSettings sync_settings(const edge::DataSettings& said);

}  // namespace weir::cli
