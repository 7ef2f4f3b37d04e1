// Properties: a log is read as a prefix of records whose sums are right; whatever decodes, encodes
// to the same bytes again; the short form of a fill agrees with the long one; a blob header that is
// accepted is the one that was written.
#include "base/must.h"
#include "store/blob.h"
#include "store/log.h"
#include "store/record.h"

using namespace weir;
using namespace weir::store;

namespace {

void check_payload(std::string_view payload) {
  const auto fill = decode_fill(payload);
  const auto head = decode_fill_head(payload);
  MUST(fill.ok() == head.ok());
  if (fill) {
    MUST(head->key == fill->key && head->release == fill->release &&
         head->rendered == fill->rendered);
    MUST(head->is_inline == !fill->inline_blob.empty() && head->body_id == fill->body_id);
    const auto again = decode_fill(encode_fill(*fill));
    MUST(again && encode_fill(*again) == encode_fill(*fill));
  }
  if (const auto purge = decode_purge(payload)) {
    const auto again = decode_purge(encode_purge(purge->first, purge->second));
    MUST(again &&
         encode_purge(again->first, again->second) == encode_purge(purge->first, purge->second));
  }
  if (const auto state = decode_state(payload)) MUST(encode_state(*state) == payload);
  if (const auto ids = decode_ids(payload)) MUST(encode_ids(*ids) == payload);
  if (const auto activation = decode_activation(payload))
    MUST(encode_activation(*activation) == payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  check_payload(text);

  std::uint64_t last = 0;
  std::size_t seen = log_head_bytes;
  const auto scan = scan_log(text, [&](const Record& record) {
    MUST(record.seq >= last);
    last = record.seq;
    seen += record_head_bytes + record.payload.size();
    check_payload(record.payload);
  });
  if (scan && scan->good_bytes != 0) MUST(scan->good_bytes == seen && seen <= bytes);

  // The same as one record of a log: it must come back whole.
  std::string log = encode_log_head(1);
  append_record(log, Op::fill, 7, text);
  std::size_t records = 0;
  const auto whole =
      scan_log(log, [&](const Record& record) { records += record.payload == text ? 1 : 0; });
  MUST(whole && whole->end == LogEnd::clean && records == 1);

  if (const auto header = parse_blob_header(text))
    MUST(parse_blob_header(encode_blob_header(*header)).value() == *header);
  return 0;
}
