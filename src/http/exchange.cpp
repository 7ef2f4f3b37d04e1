#include "http/exchange.h"

#include "base/limits.h"
#include "base/must.h"
#include "http/loop_core.h"
#include "http/problem.h"

namespace weir::http {
namespace {

constexpr std::size_t kept_body_capacity_max =
    4 * KiB;  // an exchange at rest keeps no large buffer

const std::pair<std::string, std::string>* find_unclean(const Fields& fields) {
  for (const auto& field : fields)
    if (!is_clean_field(field.first, field.second)) return &field;
  return nullptr;
}

}  // namespace

Exchange::Exchange() {
  stream_.exchange_ = this;
  tunnel_.exchange_ = this;
}
Exchange::~Exchange() = default;

void Exchange::give_back() {
  head_bytes_.reset();
  head_capacity_ = 0;
  fields_ = {};
  body_ = {};
}

void Exchange::reset() {
  request_ = Request{};
  carrier_ = nullptr;
  stream_of_ = nullptr;
  fields_.clear();
  body_.clear();
  if (body_.capacity() > kept_body_capacity_max) body_.shrink_to_fit();
  body_bytes_max_ = 0;
  body_charged_ = 0;
  body_taken_ = 0;
  body_done_ = nullptr;
  body_sink_ = nullptr;
  tunnel_sink_ = nullptr;
  length_left_ = 0;
  gone_ = nullptr;
  room_ = nullptr;
  queue_bytes_max_ = limits::stream_queue_bytes_max;
  body_sent_ = bytes_sent_ = 0;
  status_ = 0;
  ending_ = Ending::complete;
  answered_ = streaming_ = stream_open_ = room_wanted_ = chunked_ = close_after_ = false;
  counted_ = tunnel_open_ = input_paused_ = reading_body_ = finished_ = false;
  user_ = nullptr;
  drop_ = nullptr;
}

void Exchange::read_body(std::size_t bytes_max, std::function<void(Exchange&)> body_done) {
  MUST(!answered_);
  MUST(!streaming_);
  MUST(body_done_ == nullptr && body_sink_ == nullptr);
  if (finished_) return;
  body_bytes_max_ = bytes_max;
  body_done_ = std::move(body_done);
  carrier_->read_body(*this);
}

void Exchange::stream_body(std::size_t bytes_max, BodySink& sink) {
  MUST(!answered_);
  MUST(!streaming_);
  MUST(body_done_ == nullptr && body_sink_ == nullptr);
  if (finished_) return;
  body_bytes_max_ = bytes_max;
  body_sink_ = &sink;
  carrier_->read_body(*this);
}

void Exchange::pause_body() {
  if (finished_ || body_sink_ == nullptr || input_paused_) return;
  input_paused_ = true;
  carrier_->input_paused(*this);
}

void Exchange::resume_body() {
  if (finished_ || body_sink_ == nullptr || !input_paused_) return;
  input_paused_ = false;
  carrier_->input_resumed(*this);
}

void Exchange::respond(Response&& response) {
  MUST(!answered_);
  MUST(!streaming_);
  if (finished_) return;
  if (const auto* const field = find_unclean(response.fields)) {
    loop_->core_.engine.log.error("an answer's field is not clean",
                                  {{"field", field->first}, {"path", request_.path}});
    response = error_page_response(500, "");
  }
  carrier_->answer(*this, std::move(response));
}

void Exchange::respond(const std::shared_ptr<const Prepared>& prepared,
                       std::string_view extra_fields, SlotValues slots) {
  MUST(!answered_);
  MUST(!streaming_);
  if (finished_) return;
  MUST(prepared->head.size() + extra_fields.size() + 64 <= limits::output_scratch_bytes);
  carrier_->answer(*this, prepared, extra_fields, slots);
}

void Exchange::refuse(int status, std::string_view detail, Fields extra) {
  if (finished_) return;
  Response response = loop_->core_.handler->error_form(request_) == Handler::ErrorForm::problem
                          ? problem_response({.status = status, .detail = detail})
                          : error_page_response(status, detail);
  for (auto& field : extra) response.fields.push_back(std::move(field));
  respond(std::move(response));
}

void Exchange::inform(int status, const Fields& fields) {
  MUST(!answered_);
  MUST(!streaming_);
  MUST(status >= 100 && status < 200 && status != 101);
  if (finished_ || request_.version_minor == 0) return;
  if (const auto* const field = find_unclean(fields)) {
    loop_->core_.engine.log.error("an interim answer's field is not clean",
                                  {{"field", field->first}, {"path", request_.path}});
    return;
  }
  carrier_->inform(*this, status, fields);
}

void Exchange::clean(Response& head) {
  if (const auto* const field = find_unclean(head.fields)) {
    loop_->core_.engine.log.error("a stream's field is not clean",
                                  {{"field", field->first}, {"path", request_.path}});
    head.fields.clear();
  }
}

StreamWriter& Exchange::start_stream(Response head, std::optional<std::uint64_t> length) {
  MUST(!answered_);
  MUST(!streaming_);
  MUST(status_has_body(head.status));
  if (finished_) return stream_;
  clean(head);
  carrier_->start_stream(*this, std::move(head), length);
  return stream_;
}

Tunnel& Exchange::open_tunnel(Response head, TunnelSink& sink) {
  MUST(!answered_);
  MUST(!streaming_);
  MUST(!request_.protocol.empty());
  tunnel_sink_ = &sink;
  if (finished_) return tunnel_;  // on_end follows with on_finished
  clean(head);
  input_paused_ = false;
  queue_bytes_max_ = limits::stream_queue_bytes_max;
  deadline_ = {Timed::never};
  carrier_->open_tunnel(*this, std::move(head));
  return tunnel_;
}

void Exchange::close_after() { close_after_ = true; }

void Exchange::set_deadline(Nanos from_now) {
  deadline_ = loop_->now() + from_now;
  if (!finished_) carrier_->deadline_changed(*this);
}

void Exchange::on_gone(std::function<void()> call) { gone_ = std::move(call); }

void Exchange::set_user(void* user, void (*drop)(void*)) {
  user_ = user;
  drop_ = drop;
}

// --- streams and tunnels -------------------------------------------------------------------------

Wrote StreamWriter::write(std::string_view bytes) {
  if (exchange_->finished_ || !exchange_->stream_open_) return Wrote::closed;
  return exchange_->carrier_->write(*exchange_, bytes, {});
}

Wrote StreamWriter::write(std::shared_ptr<const std::string> bytes) {
  if (exchange_->finished_ || !exchange_->stream_open_) return Wrote::closed;
  const std::string_view view = *bytes;
  return exchange_->carrier_->write(*exchange_, view, std::move(bytes));
}

void StreamWriter::close(const Fields& trailers) {
  if (exchange_->finished_ || !exchange_->stream_open_) return;
  const bool clean = find_unclean(trailers) == nullptr;
  exchange_->carrier_->close_stream(*exchange_, clean ? trailers : Fields{});
}

void StreamWriter::abort() {
  if (exchange_->finished_ || exchange_->carrier_ == nullptr) return;
  exchange_->carrier_->abort(*exchange_);
}

std::size_t StreamWriter::queued_bytes() const {
  return exchange_->finished_ ? 0 : exchange_->carrier_->queued_bytes(*exchange_);
}

void StreamWriter::set_queue_bytes_max(std::size_t bytes_max) {
  exchange_->queue_bytes_max_ = bytes_max;
}

void StreamWriter::on_room(std::function<void()> call) { exchange_->room_ = std::move(call); }

Wrote Tunnel::write(std::string_view bytes) {
  if (exchange_->finished_ || !exchange_->tunnel_open_) return Wrote::closed;
  return exchange_->carrier_->write(*exchange_, bytes, {});
}

Wrote Tunnel::write(std::shared_ptr<const std::string> bytes) {
  if (exchange_->finished_ || !exchange_->tunnel_open_) return Wrote::closed;
  const std::string_view view = *bytes;
  return exchange_->carrier_->write(*exchange_, view, std::move(bytes));
}

void Tunnel::close() {
  if (exchange_->finished_ || !exchange_->tunnel_open_) return;
  exchange_->carrier_->close_tunnel(*exchange_);
}

void Tunnel::abort() {
  if (exchange_->finished_ || !exchange_->tunnel_open_) return;
  exchange_->carrier_->abort(*exchange_);
}

void Tunnel::pause() {
  if (exchange_->finished_ || !exchange_->tunnel_open_ || exchange_->input_paused_) return;
  exchange_->input_paused_ = true;
  exchange_->carrier_->input_paused(*exchange_);
}

void Tunnel::resume() {
  if (exchange_->finished_ || !exchange_->tunnel_open_ || !exchange_->input_paused_) return;
  exchange_->input_paused_ = false;
  exchange_->carrier_->input_resumed(*exchange_);
}

std::size_t Tunnel::queued_bytes() const {
  return exchange_->finished_ ? 0 : exchange_->carrier_->queued_bytes(*exchange_);
}

void Tunnel::set_queue_bytes_max(std::size_t bytes_max) { exchange_->queue_bytes_max_ = bytes_max; }

void Tunnel::set_deadline(Nanos from_now) { exchange_->set_deadline(from_now); }
Loop& Tunnel::loop() const { return exchange_->loop(); }

// --- handlers ------------------------------------------------------------------------------------

Handler::ErrorForm Handler::error_form(const Request& request) const {
  return request.use_list(Known::accept, prefers_problem) ? ErrorForm::problem : ErrorForm::page;
}

}  // namespace weir::http
