#pragma once
// What the records of the log say: payloads to bytes and back. Decoders take foreign bytes: every
// length is checked, a wrong payload is Errc::corrupt, and nothing larger than the payload is
// allocated.
//
//   text     = bytes u32 | bytes*
//   list of X = count u32 | X*
//   fill     = key text | kind u8 | status u16 | content_type text | fields list of (text text)
//            | id u64 u64 | sha256 | body_bytes u64 | inline_blob text | tags list of text
//            | ttl i64 | swr i64 | sie i64 | release u64 | fill_seq u64 | rendered i64
//            | modified i64              its generation is the record's seq
//   purge    = mode u8 (bit 0: hard, bit 1: learnt from another node) | all u8 | wall i64 | id text
//            | tags list of text | prefixes list of text
//   activate = release u64 | created i64 | wall i64
//   state    = wall i64 | active u64 | active_seq u64 | active_created i64 | purge_seq u64
//            | soft u64 | hard u64 | tags list of (text soft hard)
//            | prefixes list of (text soft hard)
//   own      = purge_seq u64 | soft u64 | hard u64 | tags and prefixes as in state
//              of the purges that were asked for here; a snapshot without it: all of them
//   ids      = list of (text seq)        idempotency keys of purges, oldest first
// A fill in a snapshot keeps the seq of its first record.

#include "store/store.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::store {

struct StateRecord {
  Wall wall;
  ReleaseId active = 0;
  std::uint64_t active_seq = 0;
  Wall active_created;
  PurgeState purges;
};
using PurgeIds = std::vector<std::pair<std::string, std::uint64_t>>;

std::string encode_fill(const Fill& fill);
Result<Fill> decode_fill(std::string_view payload);  // generation 0: it is the record's seq

// The parts of a fill that the store looks at for every one: no allocation. The view is the
// payload's.
struct FillHead {
  std::string_view key;
  FillKind kind = FillKind::page;
  BlobId body_id;
  bool is_inline = false;
  ReleaseId release = 0;
  Wall rendered;
};
Result<FillHead> decode_fill_head(std::string_view payload);

std::string encode_purge(const PurgeRecord& record, Wall wall);
Result<std::pair<PurgeRecord, Wall>> decode_purge(std::string_view payload);

struct Activation {
  ReleaseId release = 0;
  Wall created;  // the release's own time, so that a replay need not open it
  Wall wall;
};
std::string encode_activation(const Activation& activation);
Result<Activation> decode_activation(std::string_view payload);

std::string encode_state(const StateRecord& state);
Result<StateRecord> decode_state(std::string_view payload);

std::string encode_epochs(const PurgeState& purges);
Result<PurgeState> decode_epochs(std::string_view payload);

std::string encode_ids(const PurgeIds& ids);
Result<PurgeIds> decode_ids(std::string_view payload);

}  // namespace weir::store
