// Property: a client's bytes give the same events, whole, byte by byte and in threes; text that is
// delivered is UTF-8 by another judge; messages keep their bound and never hold more than was sent;
// and what was delivered reads back the same when it is written as a server's frame.

#include "base/must.h"
#include "http/websocket_frames.h"
#include "text/utf8.h"

#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::size_t bound = 4 * KiB;
using Kind = WebSocketEvent::Kind;

struct Seen {
  Kind kind = Kind::more;
  std::string payload;
  std::uint16_t code = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> read(std::string_view bytes, std::size_t piece, WebSocketReader::Role role) {
  WebSocketReader reader(role, bound);
  std::vector<Seen> seen;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (true) {
      const std::size_t before = part.size();
      const WebSocketEvent event = reader.next(part);
      MUST(part.size() <= before);
      if (event.kind == Kind::more) {
        MUST(part.empty());
        break;
      }
      seen.push_back({event.kind, std::string(event.payload), event.code});
      if (event.kind == Kind::failed || event.kind == Kind::close) return seen;
    }
    reader.rest();
  }
  return seen;
}

void check_event(const Seen& seen) {
  switch (seen.kind) {
    case Kind::text: MUST(text::is_utf8(seen.payload)); [[fallthrough]];
    case Kind::binary: MUST(seen.payload.size() <= bound); break;
    case Kind::ping:
    case Kind::pong: MUST(seen.payload.size() <= 125); break;
    case Kind::close:
      MUST(seen.code == close_code::none || may_be_sent(seen.code));
      MUST(text::is_utf8(seen.payload));
      break;
    case Kind::failed: MUST(seen.code == 1002 || seen.code == 1007 || seen.code == 1009); break;
    case Kind::more: MUST(false);
  }
}

void check_return(const Seen& seen) {
  if (seen.kind != Kind::text && seen.kind != Kind::binary) return;
  const auto opcode = seen.kind == Kind::text ? WebSocketOpcode::text : WebSocketOpcode::binary;
  const auto again =
      read(websocket_frame(opcode, seen.payload), SIZE_MAX, WebSocketReader::Role::client);
  MUST(again.size() == 1);
  MUST(again[0] == seen);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), count);
  for (const auto role : {WebSocketReader::Role::server, WebSocketReader::Role::client}) {
    const std::vector<Seen> whole = read(bytes, count + 1, role);
    MUST(read(bytes, 1, role) == whole);
    MUST(read(bytes, 3, role) == whole);
    std::size_t delivered = 0;
    for (const Seen& seen : whole) {
      check_event(seen);
      check_return(seen);
      delivered += seen.payload.size();
    }
    MUST(delivered <= count);
  }
  return 0;
}
