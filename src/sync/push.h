#pragma once
// Writing to documents: a batch of operations, and the end of a document.

#include "sync/op.h"
#include "sync/own_operations.h"
#include "sync/tenant.h"

#include <memory>
#include <string>

namespace weir::sync {

// Who sends a batch.
struct Pusher {
  std::string subject;
  // Of a socket:
  std::uint64_t origin = 0;            // Frame::Part
  std::shared_ptr<OwnOperations> own;  // is told what was stored; null = the socket does not follow
};

// What a batch may hold when it arrives now.
BatchBounds bounds_at(const SyncSettings& settings, Wall now);

// Stores what is new of the batch. The reply: {"epoch","seq","last","high","dup","hlc","durable"}
// and Sync-Token, where `seq` and `last` are the positions of the first and last stored operation
// (the document's last for a batch of duplicates), `high` the replica's highest counter, `dup` how
// many were known. Refusals: 409 replica-mismatch (the replica belongs to another subject), 409
// op-gap with `expected`, 413 when the document is full.
Job push_job(const std::shared_ptr<Tenant>& tenant, std::string document, Pusher pusher,
             Batch batch);

// 204, or 404. Positions are never used again, so a document of the same name is a new one.
Job remove_job(const std::shared_ptr<Tenant>& tenant, std::string document);

}  // namespace weir::sync
