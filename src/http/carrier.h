#pragma once
// What carries an exchange: an HTTP/1.1 connection, or one stream of an HTTP/2 connection.
//
// An Exchange checks what its handler asks for and hands it on through here, so that a handler
// never learns which version the client speaks. Every call is about the exchange given, which is in
// progress on this carrier. Loop thread only. Answers are virtual calls; reading is not.

#include "http/message.h"
#include "http/prepared.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace weir::http {

class Exchange;

// What became of a piece that was written to a stream or a tunnel.
enum class Wrote : std::uint8_t {
  sent,    // queued or sent
  full,    // not taken: the queue is at its bound; on_room tells when it is empty again
  closed,  // not taken: the client is gone or the stream was closed
};

class Carrier {
 public:
  virtual void answer(Exchange& exchange, Response&& response) = 0;
  virtual void answer(Exchange& exchange, const std::shared_ptr<const Prepared>& prepared,
                      std::string_view extra_fields, SlotValues slots) = 0;
  virtual void inform(Exchange& exchange, int status, const Fields& fields) = 0;

  virtual void start_stream(Exchange& exchange, Response&& head,
                            std::optional<std::uint64_t> length) = 0;
  // Of a stream or a tunnel. Without an owner the bytes are copied when they must stay.
  virtual Wrote write(Exchange& exchange, std::string_view bytes,
                      std::shared_ptr<const void> owner) = 0;
  virtual void close_stream(Exchange& exchange, const Fields& trailers) = 0;
  virtual void open_tunnel(Exchange& exchange, Response&& head) = 0;
  virtual void close_tunnel(Exchange& exchange) = 0;

  virtual void read_body(Exchange& exchange) = 0;  // whole or in pieces, as the exchange says
  virtual void input_paused(Exchange& exchange) = 0;
  virtual void input_resumed(Exchange& exchange) = 0;

  virtual void deadline_changed(Exchange& exchange) = 0;
  virtual void abort(Exchange& exchange) = 0;  // ends it so that the client knows: it is not whole
  virtual std::size_t queued_bytes(const Exchange& exchange) const = 0;
  virtual void released() {}  // HTTP/2: an exchange of ours has ended, and its handler knows

 protected:
  ~Carrier() = default;
};

}  // namespace weir::http
