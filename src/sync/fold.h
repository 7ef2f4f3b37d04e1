#pragma once
// Snapshots: a document folded from its last stored snapshot and the operations after it (data,
// section 10). Clients need a bounded first load; nothing that forwards operations ever waits for a
// fold.

#include "sync/crdt.h"
#include "sync/tenant.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace weir::sync {

struct Folded {
  DocumentState state;
  std::int64_t document = 0;  // its id; 0 = it does not exist
  std::int64_t position = 0;  // everything up to here is in it
  std::size_t replayed = 0;   // operations read from the log
};

// In one read transaction. Waits for the disk.
Result<Folded> fold_document(const Tenant& tenant, Reader& reader, const std::string& name);
// {"epoch","seq","vv","xxh3","state"} with an ETag.
Reply snapshot_reply(const Tenant& tenant, const Folded& folded);
// xxh3 of the state's text, 16 hex digits.
std::string state_hash_text(std::string_view state);
std::string snapshot_etag(const Tenant& tenant, std::int64_t position);

// On a reader thread: folds, stores the result through the writer, then deletes old rows that the
// snapshot covers. `when_done` is called once, whatever happens.
void fold_in_background(const std::shared_ptr<Tenant>& tenant, const std::string& name,
                        std::function<void()> when_done);

}  // namespace weir::sync
