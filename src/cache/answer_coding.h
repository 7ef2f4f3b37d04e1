#pragma once
// Codings of stored answers, made once and never while a client waits (C-43): zstd, brotli and gzip
// beside the answer as received. Any thread; takes milliseconds, so for workers.

#include "cache/answer.h"

#include <memory>

namespace weir::cache {

// True where we may code it: guarded, whole, 200, not coded by its server, no no-transform, and of
// a type and size that gain by it.
bool may_be_coded(const Answer& answer);

// The same answer with its codings. Nothing = none is smaller than the answer itself.
std::shared_ptr<const Answer> coded(const Answer& answer, TagEpochs& tags);

}  // namespace weir::cache
