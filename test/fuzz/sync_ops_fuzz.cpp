// Property: whatever bytes come as a batch of operations or of keys, they are refused with a
// problem of the table or taken; what is taken reads back to the same stored bytes, folds to
// canonical JSON, and that folds on from itself.

#include "base/must.h"
#include "sync/crdt.h"
#include "sync/kv.h"
#include "sync/op.h"
#include "text/json.h"

#include <cstddef>
#include <cstdint>

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)sync::decode_kv_batch(input, {1'700'000'000'000'000'000});
  if (const auto tag = sync::parse_tag(input))
    MUST(sync::tag_of(tag->replica, tag->counter, tag->index) == input);
  if (const auto stamp = sync::parse_hlc(input)) MUST(stamp->text() == input);

  sync::BatchBounds bounds;
  bounds.stamp_max = {UINT64_MAX};
  const auto decoded = sync::decode_batch(input, bounds);
  if (const sync::Reply* refused = std::get_if<sync::Reply>(&decoded)) {
    MUST(refused->failed());
    return 0;
  }
  const sync::Batch& batch = std::get<sync::Batch>(decoded);
  sync::DocumentState state;
  std::int64_t counter = batch.first;
  for (const sync::StoredOp& stored : batch.ops) {
    const Result<sync::Op> op = sync::parse_body(stored.body);
    MUST(op.ok());
    MUST(sync::body_of(*op) == stored.body);
    state.merge(batch.replica, counter++, *op);
  }
  const std::string text = state.text();
  const Result<text::Value> json = text::parse_json(text);
  MUST(json.ok());
  MUST(text::canonical_json_of(*json) == text);
  const Result<sync::DocumentState> again = sync::DocumentState::parse(text, state.versions());
  MUST(again.ok());
  MUST(again->text() == text);
  return 0;
}
