#pragma once
// What the followers of one key are told of one commit, and its forms on the wire. Made once per
// commit, encoded once per form (by the first follower who asks), shared by all of them.
//
//   a server-sent event   id: <epoch>.<position> / event: ops / data: {"epoch",..,"ops":[..]}
//   a WebSocket frame     {"t":"ops","d":<document>,"from":<int>,"to":<int>,"ops":[..]}
//
// Positions: `from` is the document's position before the commit, `to` the one after, so the frames
// of a document follow each other without a gap. A Frame is complete before it is shared; its texts
// are safe from many threads.

#include "sync/reply.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weir::sync {

class Frame {
 public:
  enum class Kind : std::uint8_t {
    operations,
    removal,   // the document is gone
    value,     // of a key
    presence,  // of a replica: not stored, no position, may be lost
  };
  Kind kind = Kind::operations;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::size_t count = 0;  // operations
  // JSON objects with commas between; empty = nobody followed when it was made
  std::string operations = {};
  std::string document = {};
  std::string epoch = {};
  // Which socket sent what (Session::origin; 0 = none), stretch by stretch of `operations`.
  struct Part {
    std::uint64_t origin = 0;
    std::size_t end = 0;  // byte in `operations`, before the comma that follows
  };
  std::vector<Part> parts = {};
  std::uint64_t presence_origin = 0;
  SharedText value = {};     // of Kind::value: its event
  SharedText presence = {};  // of Kind::presence: its WebSocket frame

  // Null: there is nothing to tell in this form, or nobody followed when it was made.
  const SharedText& event() const;
  const SharedText& message() const;
  // For a socket: the same positions, without the operations that it sent itself; message() when
  // there are none. Null as above.
  SharedText message_for(std::uint64_t origin) const;
  bool was_followed() const;  // false: there was something to tell, but nobody to tell it to

 private:
  mutable std::once_flag event_made_;
  mutable std::once_flag message_made_;
  mutable SharedText event_;
  mutable SharedText message_;
};
using SharedFrame = std::shared_ptr<const Frame>;

// {"epoch":..,"from":..,"to":..,"more":..,"ops":[...]}
struct PageText {
  std::string_view epoch;
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool has_more = false;
  std::string_view operations;
};
std::string json_of(const PageText& page);
// "id: <epoch>.<position>", "event: <name>", "data: <json>"; json has no line breaks.
std::string event_text(std::string_view epoch, std::int64_t position, std::string_view name,
                       std::string_view json);

// A whole WebSocket frame with this text.
SharedText message_frame(std::string_view json);
SharedText operations_message(std::string_view document, std::int64_t from, std::int64_t to,
                              std::string_view operations);
std::string quoted(std::string_view text);  // as JSON

}  // namespace weir::sync
