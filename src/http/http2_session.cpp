// The only file that knows libnghttp2, and long for that reason: its callbacks, the streams, their
// windows and budgets, and what goes out on each of them.

#include "http/http2_session.h"

#include "base/bytes.h"
#include "base/must.h"
#include "http/connection.h"
#include "http/loop_core.h"
#include "http/problem.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>

// Over 600 lines, because only one file may include nghttp2.h. From top to bottom: streams and what
// libnghttp2 calls; heads; bodies; answers; sending; deadlines and the end.

namespace weir::http {
namespace {

std::string_view view_of(const std::uint8_t* bytes, std::size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

// Fields of one hop; HTTP/2 has none of them (RFC 9113 8.2.2).
bool belongs_to_hop(std::string_view name) {
  switch (name.size()) {
    case 7: return equals_ignoring_case(name, "upgrade");
    case 10:
      return equals_ignoring_case(name, "connection") || equals_ignoring_case(name, "keep-alive");
    case 16: return equals_ignoring_case(name, "proxy-connection");
    case 17: return equals_ignoring_case(name, "transfer-encoding");
    default: return false;
  }
}

std::string_view without_port(std::string_view authority) {
  if (!authority.empty() && authority.front() == '[')
    return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool is_address_literal(std::string_view host) {
  return host.starts_with('[') ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

constexpr std::size_t frame_head_bytes = 9;     // RFC 9113 4.1
constexpr std::size_t flight_bytes = 64 * KiB;  // sent together
constexpr std::size_t referred_bytes_min =
    512;  // smaller bodies are copied behind their frame head

}  // namespace

// --- streams and what libnghttp2 calls -----------------------------------------------------------

struct Http2Stream {
  std::int32_t id = 0;
  std::size_t place = 0;  // in the list of all
  Exchange* exchange = nullptr;
  Mono began;

  // coming in
  std::size_t list_bytes = 0;  // of the head, as RFC 9113 counts
  const char* path_refusal = nullptr;
  bool head_done = false;
  bool malformed = false;
  bool too_large = false;
  bool other_host = false;
  bool prioritised = false;  // the client said how
  bool expectation_unknown = false;
  bool drops_body = false;
  bool body_whole = false;
  bool window_opened = false;
  std::string pending;  // of the body or tunnel, which nobody has taken yet
  Mono body_due;

  // going out
  std::vector<Segment> segments;
  std::size_t front = 0;
  std::size_t queued = 0;
  bool ends = false;      // nothing will follow what is queued
  bool deferred = false;  // the library waits for more
  bool resetting = false;
  std::unique_ptr<Fields> trailers;
  Mono progress;
  Mono window_began;
  std::size_t window_bytes = 0;
  std::size_t sent_since_update = 0;
};

struct Http2Session::Tools {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  // scratch of Lines
  std::vector<nghttp2_nv> values;
  std::vector<std::size_t> name_ends;
  std::string names;
  std::string text;
  // pseudo fields of the head that is being read; a head belongs to one read unless it comes in
  // parts
  Tools();
  ~Tools() {
    ::nghttp2_session_callbacks_del(callbacks);
    ::nghttp2_option_del(option);
  }
  Tools(const Tools&) = delete;
  Tools& operator=(const Tools&) = delete;
};

struct Http2Session::Hooks {
  static Http2Session& session(void* user) { return *static_cast<Http2Session*>(user); }

  static int begin_headers(nghttp2_session* raw, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Http2Session& self = session(user);
    auto made = std::make_unique<Http2Stream>();
    made->id = frame->hd.stream_id;
    made->place = self.open_.size();
    made->began = self.core_.now;
    self.begin_head(*made);
    ::nghttp2_session_set_stream_user_data(raw, made->id, made.get());
    self.open_.push_back(made.release());  // deleted when the library closes it
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                    std::uint8_t, void* user) {
    Http2Session& self = session(user);
    Http2Stream* const stream = self.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool goes_on =
        self.take_field(*stream, view_of(name, name_bytes), view_of(value, value_bytes));
    return goes_on ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int invalid_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t*,
                            std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
                            void* user) {
    if (Http2Stream* const stream = session(user).find(frame->hd.stream_id))
      stream->malformed = true;
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& self = session(user);
    Http2Stream* const stream = self.find(frame->hd.stream_id);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS: self.greeted_ = true; break;
      case NGHTTP2_HEADERS:
        if (stream == nullptr) break;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) self.end_head(*stream, ends);
        else if (ends) self.body_came_to_end(*stream);
        break;
      case NGHTTP2_DATA:
        if (frame->hd.length > 0 && frame->hd.length <= frame->data.padlen && !ends &&
            !self.idle_frames_.take(self.core_.now))
          self.calm_down();
        if (stream != nullptr && ends) self.body_came_to_end(*stream);
        break;
      case NGHTTP2_WINDOW_UPDATE:
        self.window_opened(stream,
                           static_cast<std::size_t>(frame->window_update.window_size_increment));
        break;
      case NGHTTP2_PRIORITY_UPDATE: {
        const auto* const update =
            static_cast<const nghttp2_ext_priority_update*>(frame->ext.payload);
        if (Http2Stream* const about = self.find(update->stream_id)) about->prioritised = true;
        break;
      }
      default: break;
    }
    return 0;
  }

  static int data_received(nghttp2_session*, std::uint8_t, std::int32_t id,
                           const std::uint8_t* bytes, std::size_t count, void* user) {
    Http2Session& self = session(user);
    if (Http2Stream* const stream = self.find(id)) self.take_data(*stream, view_of(bytes, count));
    else ::nghttp2_session_consume_connection(self.session_, count);
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& self = session(user);
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      const std::uint32_t code = frame->rst_stream.error_code;
      const bool our_wish = code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL;
      // What is refused may be asked again, and may have been given up in the same breath, which
      // has its own price already.
      const bool refused = code == NGHTTP2_REFUSED_STREAM;
      TokenBucket& bucket = refused ? self.idle_frames_ : self.resets_;
      if (!our_wish && !bucket.take(self.core_.now)) self.calm_down();
      return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Stream* const stream = self.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    if (stream->exchange != nullptr)
      stream->exchange->bytes_sent_ += frame->hd.length + frame_head_bytes;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) self.sent_whole(*stream);
    return 0;
  }

  // An answer that cannot be put into frames (a head beyond all measure) is no answer.
  static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    Http2Session& self = session(user);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (Http2Stream* const stream = self.find(frame->hd.stream_id)) {
      self.end_exchange(*stream, Ending::cut);
      self.reset(*stream, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    Http2Session& self = session(user);
    if (Http2Stream* const stream = self.find(id)) {
      self.end_exchange(*stream, Ending::gone);
      self.close_slot(*stream);
    }
    return 0;
  }

  // How much of a body may leave now. The bytes themselves are handed over by send_data.
  static ssize_t read(nghttp2_session* raw, std::int32_t id, std::uint8_t*, std::size_t most,
                      std::uint32_t* flags, nghttp2_data_source* source, void*) {
    Http2Stream& stream = *static_cast<Http2Stream*>(source->ptr);
    if (stream.queued == 0 && !stream.ends) {
      stream.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    const std::size_t count = std::min(most, stream.queued);
    if (count > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (count == stream.queued && stream.ends) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (stream.trailers != nullptr) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        submit_trailers(raw, id, *std::exchange(stream.trailers, nullptr));
      }
    }
    return static_cast<ssize_t>(count);
  }

  static void submit_trailers(nghttp2_session* raw, std::int32_t id, const Fields& fields) {
    std::vector<std::string> names;
    names.reserve(fields.size());
    std::vector<nghttp2_nv> values;
    for (const auto& [name, value] : fields) {
      if (belongs_to_hop(name)) continue;
      names.push_back(lower_of(name));
      values.push_back({bytes_of(names.back()), bytes_of(value), name.size(), value.size(), 0});
    }
    ::nghttp2_submit_trailer(raw, id, values.data(), values.size());
  }

  static std::uint8_t* bytes_of(std::string_view text) {  // the library does not write to them
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head,
                       std::size_t bytes, nghttp2_data_source* source, void* user) {
    Http2Session& self = session(user);
    Connection& connection = self.connection_;
    if (connection.output_ == nullptr && self.core_.batch_of(connection).bytes >= flight_bytes)
      connection.flush();
    if (connection.is_closed()) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (connection.output_ != nullptr || self.turn_bytes_ >= limits::http2_turn_bytes)
      return NGHTTP2_ERR_WOULDBLOCK;
    connection.add_copy(view_of(frame_head, frame_head_bytes));
    self.send_segments(*static_cast<Http2Stream*>(source->ptr), bytes);
    return connection.is_closed() ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }
};

Http2Session::Tools::Tools() {
  MUST(::nghttp2_session_callbacks_new(&callbacks) == 0);
  ::nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &Hooks::begin_headers);
  ::nghttp2_session_callbacks_set_on_header_callback(callbacks, &Hooks::header);
  ::nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, &Hooks::invalid_header);
  ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Hooks::frame_received);
  ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Hooks::data_received);
  ::nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &Hooks::frame_sent);
  ::nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &Hooks::frame_not_sent);
  ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Hooks::stream_closed);
  ::nghttp2_session_callbacks_set_send_data_callback(callbacks, &Hooks::send_data);
  MUST(::nghttp2_option_new(&option) == 0);
  ::nghttp2_option_set_no_auto_window_update(option, 1);
  ::nghttp2_option_set_no_closed_streams(option, 1);
  ::nghttp2_option_set_max_outbound_ack(option, limits::http2_unsent_acks_max);
  ::nghttp2_option_set_builtin_recv_extension_type(option, NGHTTP2_PRIORITY_UPDATE);
}

Http2Session::Http2Session(LoopCore& core, Connection& connection)
    : core_(core),
      connection_(connection),
      tools_([&core]() -> Tools& {
        if (core.http2_tools == nullptr) core.http2_tools = std::make_shared<Tools>();
        return *static_cast<Tools*>(core.http2_tools.get());
      }()),
      resets_(limits::http2_resets_burst, limits::http2_resets_per_second, core.now),
      idle_frames_(limits::http2_idle_frames_burst, limits::http2_idle_frames_per_second,
                   core.now) {
  core.counters.http2_connections.add(1);
  MUST(::nghttp2_session_server_new2(&session_, tools_.callbacks, this, tools_.option) == 0);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::http2_streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::http2_stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::http2_header_list_bytes_max},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  MUST(::nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  MUST(::nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                               limits::http2_connection_window_bytes) == 0);
}

Http2Session::~Http2Session() {
  while (!open_.empty()) close_slot(*open_.back());
  ::nghttp2_session_del(session_);
}

Http2Stream* Http2Session::find(std::int32_t id) const {
  return id == 0 ? nullptr
                 : static_cast<Http2Stream*>(::nghttp2_session_get_stream_user_data(session_, id));
}

void Http2Session::close_slot(Http2Stream& stream) {
  if (!stream.pending.empty()) {
    ::nghttp2_session_consume_connection(session_, stream.pending.size());
    core_.engine.bodies_buffered.fetch_sub(stream.pending.size(), std::memory_order_relaxed);
  }
  ::nghttp2_session_set_stream_user_data(session_, stream.id, nullptr);
  open_[stream.place] = open_.back();
  open_[stream.place]->place = stream.place;
  open_.pop_back();
  const std::unique_ptr<Http2Stream> last(&stream);
}

// --- budgets -------------------------------------------------------------------------------------

// False: more of this than a peer needs. Judged by the head of the frame alone.
bool Http2Session::frame_began(const FrameHead& head, std::int32_t newest_stream) {
  const Mono now = core_.now;
  switch (head.type) {
    case NGHTTP2_RST_STREAM: return resets_.take(now);
    case NGHTTP2_CONTINUATION: return ++continuations_ <= limits::http2_continuations_max;
    case NGHTTP2_HEADERS: continuations_ = 0; return head.bytes > 0 || idle_frames_.take(now);
    case NGHTTP2_DATA: {
      const bool effective = head.bytes > 0 || (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      return effective || idle_frames_.take(now);
    }
    case NGHTTP2_WINDOW_UPDATE: {  // of open streams and the connection: judged when it is read
      const bool of_closed =
          head.stream != 0 && head.stream <= newest_stream && find(head.stream) == nullptr;
      return !of_closed || idle_frames_.take(now);
    }
    default: return idle_frames_.take(now);
  }
}

// A window that was opened although nothing had been sent through it, or by next to nothing, has no
// effect. The first time on each stream is free: many clients ask for more right away.
void Http2Session::window_opened(Http2Stream* stream, std::size_t bytes) {
  const bool first = stream != nullptr && !std::exchange(stream->window_opened, true);
  const std::uint64_t sent = stream != nullptr ? std::exchange(stream->sent_since_update, 0)
                                               : std::exchange(sent_since_update_, 0);
  if (first || (sent > 0 && bytes >= limits::http2_tiny_window_update)) return;
  if (!idle_frames_.take(core_.now)) calm_down();
}

void Http2Session::calm_down() {
  if (calmed_) return;
  calmed_ = true;
  core_.counters.http2_cut.add(1);
  ::nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

// The library reads no further. Its state is not to be asked any more, so the last frame is ours.
void Http2Session::fail(int library_error) {
  failed_ = true;
  if (library_error == NGHTTP2_ERR_BAD_CLIENT_MAGIC || calmed_) return;
  const bool flood =
      library_error == NGHTTP2_ERR_FLOODED || library_error == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
  if (flood) core_.counters.http2_cut.add(1);
  const auto last = static_cast<std::uint32_t>(::nghttp2_session_get_last_proc_stream_id(session_));
  const std::uint32_t code = flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR;
  std::string goaway("\0\0\x08\x07\0\0\0\0\0", frame_head_bytes);
  for (const std::uint32_t word : {last, code})
    for (int shift = 24; shift >= 0; shift -= 8) goaway += static_cast<char>(word >> shift & 0xff);
  connection_.add_copy(goaway);
}

// --- receiving -----------------------------------------------------------------------------------

void Http2Session::receive(std::string_view bytes) {
  busy_ = true;
  while (!bytes.empty() && !calmed_ && !failed_) {
    const std::string_view slice = bytes.substr(0, limits::http2_slice_bytes);
    const std::int32_t newest = ::nghttp2_session_get_last_proc_stream_id(session_);
    walker_.walk(slice, [this, newest](const FrameHead& head) {
      if (!frame_began(head, newest)) calm_down();
    });
    if (calmed_) break;
    const auto read = ::nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(slice.data()), slice.size());
    if (read < 0) fail(static_cast<int>(read));
    bytes.remove_prefix(slice.size());
  }
  if (calmed_ || failed_) end_all(Ending::cut);
  else dispatch();
  go_on();
}

void Http2Session::go_on() {
  busy_ = true;
  turn_bytes_ = 0;
  bool more = true;
  while (more && !connection_.is_closed()) {
    std::vector<std::int32_t> now_due;
    now_due.swap(awake_);
    for (const std::int32_t id : now_due)
      if (Http2Stream* const stream = find(id)) deliver(*stream);
    produce();
    now_due.clear();
    now_due.swap(roomy_);
    for (const std::int32_t id : now_due) {
      Http2Stream* const stream = find(id);
      Exchange* const exchange = stream == nullptr ? nullptr : stream->exchange;
      if (exchange == nullptr || exchange->answered_) continue;
      if (exchange->tunnel_open_) exchange->tunnel_sink_->on_room(exchange->tunnel_);
      else if (exchange->room_) exchange->room_();
    }
    more = !awake_.empty() || !now_due.empty();
  }
  if (turn_bytes_ >= limits::http2_turn_bytes) core_.resume_later(connection_);
  busy_ = false;
}

void Http2Session::wake() {
  if (!busy_) core_.resume_later(connection_);
}

void Http2Session::wake(Http2Stream& stream) {
  awake_.push_back(stream.id);
  wake();
}

// --- heads ---------------------------------------------------------------------------------------

void Http2Session::begin_head(Http2Stream&) {
  head_.clear();
  cookie_.clear();
  pseudo_ = {};
}

// False: nothing more of this head is looked at.
bool Http2Session::take_field(Http2Stream& stream, std::string_view name, std::string_view value) {
  stream.list_bytes += name.size() + value.size() + 32;  // RFC 9113 6.5.2
  if (stream.list_bytes > limits::http2_header_list_bytes_cut) {
    calm_down();
    return false;
  }
  if (stream.head_done) return true;  // a trailer: counted, checked by the library, dropped
  if (stream.list_bytes > limits::http2_header_list_bytes_max) stream.too_large = true;
  if (stream.too_large || stream.malformed) return true;
  if (name.empty() ||
      value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    stream.malformed = true;
    return true;
  }
  if (name.front() == ':') {
    if (name == ":method") pseudo_.method = value;
    else if (name == ":path") pseudo_.path = value;
    else if (name == ":scheme") pseudo_.scheme = value;
    else if (name == ":authority") pseudo_.authority = value;
    else if (name == ":protocol") pseudo_.protocol = value;
    else stream.malformed = true;
    return true;
  }
  if (head_.empty()) write_request_line();
  if (name == "cookie") {  // may come in crumbs (RFC 9113 8.2.3)
    if (!cookie_.empty()) cookie_ += "; ";
    cookie_ += value;
    return true;
  }
  if (name == "host" && !pseudo_.authority.empty()) {
    stream.other_host |= !equals_ignoring_case(value, pseudo_.authority);
    return true;
  }
  if (name == "priority") stream.prioritised = true;
  stream.malformed |= name.find(':') != std::string_view::npos;
  head_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

// The line that HTTP/1.1 would have begun with. An extended CONNECT asks for a resource as GET
// does.
void Http2Session::write_request_line() {
  const bool connects = pseudo_.method == "CONNECT";
  const bool extended = connects && !pseudo_.protocol.empty();
  head_.append(extended ? std::string_view("GET") : std::string_view(pseudo_.method)).append(" ");
  head_.append(connects && !extended ? pseudo_.authority : pseudo_.path).append(" HTTP/1.1\r\n");
  if (!pseudo_.authority.empty()) head_.append("host: ").append(pseudo_.authority).append("\r\n");
}

void Http2Session::end_head(Http2Stream& stream, bool whole) {
  stream.head_done = true;
  stream.body_whole = whole;
  if (stream.malformed) return reset(stream, NGHTTP2_PROTOCOL_ERROR);
  if (stream.too_large)
    return refuse_head(stream, 431, "the head is larger than this server reads");
  if (in_use_ >= 2 * limits::http2_streams_max) return reset(stream, NGHTTP2_REFUSED_STREAM);
  if (stream.other_host) return refuse_head(stream, 400, ":authority and Host must be the same");
  const bool connects = pseudo_.method == "CONNECT" && pseudo_.protocol.empty();
  if (!connects && pseudo_.scheme != "http" && pseudo_.scheme != "https")
    return refuse_head(stream, 400, "the scheme must be http or https");
  if (!connects && !pseudo_.path.starts_with('/') && pseudo_.path != "*")
    return refuse_head(stream, 400, "the request target must be a path");

  if (head_.empty()) write_request_line();
  if (!cookie_.empty()) head_.append("cookie: ").append(cookie_).append("\r\n");
  head_ += "\r\n";
  HeadRules rules = core_.rules;
  rules.head_bytes = limits::http2_header_list_bytes_cut;  // counted above
  rules.line_ends = LineEnds::crlf;
  const HeadVerdict verdict = parse_head(head_.data(), head_.size(), rules, core_.head);
  if (verdict.kind == HeadVerdict::Kind::refused)
    return refuse_head(stream, verdict.status, verdict.reason);
  if (verdict.kind != HeadVerdict::Kind::complete || verdict.bytes != head_.size())
    return reset(stream, NGHTTP2_PROTOCOL_ERROR);

  Request& request = core_.head.request;
  request.version_major = 2;
  if (pseudo_.method == "CONNECT" && !pseudo_.protocol.empty()) {
    const std::size_t at = head_.size();
    head_ += lower_of(pseudo_.protocol);
    // The string may have moved: read it again where it lies now.
    const std::size_t head_bytes = at;
    parse_head(head_.data(), head_bytes, rules, core_.head);
    request.version_major = 2;
    request.protocol = std::string_view(head_).substr(at);
  }
  begin_exchange(stream, whole);
}

void Http2Session::begin_exchange(Http2Stream& stream, bool whole) {
  Request& request = core_.head.request;
  if (whole) request.framing = Framing::none;
  else if (request.framing == Framing::none && !request.has(Known::content_length))
    request.framing = Framing::chunked;  // a body whose length nobody told
  const bool has_body = !whole;
  const LoopCore::Origin origin{*this, connection_.peer_, connection_.tls_.get(),
                                connection_.listener_.tag};
  const LoopCore::Begun begun = core_.begin_exchange(origin, head_.data(), head_.size());
  Exchange& exchange = begun.exchange;
  if (has_body && exchange.request_.protocol.empty()) {
    core_.drop_useless_body(exchange.request_);
    stream.drops_body = exchange.request_.dropped_body;
    if (stream.drops_body) stream.body_whole = true;
  }
  if (!exchange.request_.protocol.empty()) exchange.request_.framing = Framing::none;
  exchange.stream_of_ = &stream;
  stream.exchange = &exchange;
  stream.path_refusal = begun.path_refusal;
  stream.expectation_unknown = begun.expectation_unknown;
  ++in_use_;
  core_.counters.http2_requests.add(1);
  ready_.push_back(stream.id);
  if (++requests_ >= core_.engine.settings.limits.requests_per_connection) leave();
}

// A certificate speaks for its names alone; a browser may try others on a connection that it has
// (RFC 9113 9.1.1). The name that the client asked for by SNI is the one it came for.
bool Http2Session::is_misdirected(std::string_view authority) {
  if (connection_.tls_ == nullptr || authority.empty()) return false;
  if (authority == good_authority_) return false;
  const std::string_view host = without_port(authority);
  const std::string_view asked = connection_.tls_->server_name();
  const bool good = equals_ignoring_case(host, asked) ||
                    (asked.empty() && is_address_literal(host)) ||
                    connection_.tls_->covers(authority);
  if (good) good_authority_ = authority;
  return !good;
}

// Gives the requests of one read to the handler, as far as they were not taken back meanwhile.
void Http2Session::dispatch() {
  std::vector<std::int32_t> now_due;
  now_due.swap(ready_);
  for (const std::int32_t id : now_due) {
    Http2Stream* const stream = find(id);
    if (stream == nullptr || stream->exchange == nullptr) continue;
    Exchange& exchange = *stream->exchange;
    if (is_misdirected(exchange.request_.host)) {
      core_.counters.refused.add(1);
      exchange.refuse(421, "This connection was not made for that host.");
    } else if (!core_.answer_at_the_door(
                   {exchange, stream->path_refusal, stream->expectation_unknown})) {
      core_.handler->on_request(exchange);
    }
  }
  now_due.clear();
  if (ready_.empty()) ready_.swap(now_due);    // keeps the capacity
  if (head_.capacity() > 4 * KiB) head_ = {};  // large heads are rare, idle connections are many
}

// --- bodies --------------------------------------------------------------------------------------

void Http2Session::credit_body(Http2Stream& stream, std::size_t bytes) {
  const ServerTimeouts& timeouts = core_.engine.settings.timeouts;
  const auto bought =
      static_cast<std::int64_t>(bytes * std::uint64_t{1'000'000'000} / timeouts.body_rate);
  stream.body_due = std::min(core_.now + timeouts.body_grace, Mono{stream.body_due.ns + bought});
}

void Http2Session::release_window(Http2Stream& stream, std::size_t bytes) {
  ::nghttp2_session_consume(session_, stream.id, bytes);
}

void Http2Session::take_data(Http2Stream& stream, std::string_view piece) {
  Exchange* const exchange = stream.exchange;
  if (exchange == nullptr || exchange->answered_ || stream.drops_body) {
    release_window(stream, piece.size());
    return;
  }
  const bool wanted = exchange->reading_body_ || exchange->tunnel_open_;
  if (wanted && !exchange->input_paused_ && stream.pending.empty()) {
    release_window(stream, piece.size());
    if (exchange->reading_body_) credit_body(stream, piece.size());
    give(stream, piece);
    return;
  }
  if (!core_.charge_bodies(piece.size())) {
    release_window(stream, piece.size());
    body_failed(stream, 503, "The server holds too many bodies at the moment.",
                {{"Retry-After", "1"}});
    return;
  }
  stream.pending.append(piece);
}

void Http2Session::body_came_to_end(Http2Stream& stream) {
  stream.body_whole = true;
  deliver(stream);
}

// Gives what waits to whoever takes it, and the end behind it.
void Http2Session::deliver(Http2Stream& stream) {
  while (Exchange* const exchange = stream.exchange) {
    const bool wanted = exchange->reading_body_ || exchange->tunnel_open_;
    if (exchange->answered_ || !wanted || exchange->input_paused_) return;
    if (!stream.pending.empty()) {
      const std::string piece = std::exchange(stream.pending, {});
      core_.engine.bodies_buffered.fetch_sub(piece.size(), std::memory_order_relaxed);
      release_window(stream, piece.size());
      give(stream, piece);
      continue;
    }
    if (!stream.body_whole) return;
    if (exchange->tunnel_open_) {
      end_exchange(stream, Ending::gone);
      reset(stream, NGHTTP2_CANCEL);
      return;
    }
    exchange->reading_body_ = false;
    exchange->deadline_ =
        std::max(exchange->deadline_, core_.now + core_.engine.settings.timeouts.answer);
    if (BodySink* const sink = std::exchange(exchange->body_sink_, nullptr)) {
      sink->on_body_end(*exchange, {});
    } else {
      const auto body_done = std::move(exchange->body_done_);
      exchange->body_done_ = nullptr;
      body_done(*exchange);
    }
  }
}

void Http2Session::give(Http2Stream& stream, std::string_view piece) {
  Exchange& exchange = *stream.exchange;
  if (exchange.tunnel_open_) {
    exchange.tunnel_sink_->on_bytes(exchange.tunnel_, piece);
    return;
  }
  exchange.body_taken_ += piece.size();
  if (exchange.body_taken_ > exchange.body_bytes_max_)
    return body_failed(stream, 413, "The body is larger than this resource takes.");
  if (exchange.body_sink_ != nullptr) {
    exchange.body_sink_->on_body(exchange, piece);
    return;
  }
  if (!core_.charge_bodies(piece.size()))
    return body_failed(stream, 503, "The server holds too many bodies at the moment.",
                       {{"Retry-After", "1"}});
  exchange.body_charged_ += piece.size();
  exchange.body_.append(piece);
}

void Http2Session::body_failed(Http2Stream& stream, int status, std::string_view detail,
                               Fields extra) {
  core_.counters.refused.add(1);
  Exchange& exchange = *stream.exchange;
  exchange.reading_body_ = false;
  exchange.body_sink_ = nullptr;
  if (!exchange.streaming_) return exchange.refuse(status, detail, std::move(extra));
  end_exchange(stream, Ending::cut);
  reset(stream, NGHTTP2_CANCEL);
}

void Http2Session::read_body(Exchange& exchange) {
  Http2Stream& stream = *exchange.stream_of_;
  const Request& request = exchange.request_;
  if (request.framing == Framing::length && request.content_length > exchange.body_bytes_max_)
    return body_failed(stream, 413, "The body is larger than this resource takes.");
  exchange.reading_body_ = true;
  stream.body_due = core_.now + core_.engine.settings.timeouts.body_grace;
  if (request.wants_continue && !stream.body_whole && stream.pending.empty())
    inform(exchange, 100, {});
  wake(stream);
}

void Http2Session::input_paused(Exchange& exchange) {
  exchange.deadline_ =
      std::max(exchange.deadline_, core_.now + core_.engine.settings.timeouts.answer);
}

void Http2Session::input_resumed(Exchange& exchange) {
  if (exchange.stream_of_ == nullptr) return;
  exchange.stream_of_->body_due = core_.now + core_.engine.settings.timeouts.body_grace;
  wake(*exchange.stream_of_);
}

// --- answers -------------------------------------------------------------------------------------

// The fields of one head. Values are views that last until `submit`; names are lower-cased here.
class Http2Session::Lines {
 public:
  Lines(Tools& tools, int status) : tools_(tools) {
    tools.values.clear();
    tools.name_ends.clear();
    tools.names.clear();
    for (std::size_t i = status_.size(); i-- > 0; status /= 10)
      status_[i] = static_cast<char>('0' + status % 10);
    add(":status", {status_.data(), status_.size()});
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  void add(std::string_view name, std::string_view value) {
    for (const char c : name) tools_.names += lower(c);
    tools_.name_ends.push_back(tools_.names.size());
    tools_.values.push_back({nullptr, Hooks::bytes_of(value), name.size(), value.size(), 0});
    if (urgency_ == 0 && name.size() == 12 && equals_ignoring_case(name, "content-type"))
      urgency_ = value.starts_with("text/html") ? 1 : value.starts_with("text/css") ? 2 : 3;
  }

  // Whole lines "Name: value\r\n"; blanks at the end of a value are the rest of a slot.
  void add_lines(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\r');
      const std::size_t colon = text.find(':');
      if (end == std::string_view::npos || colon >= end) return;
      std::string_view value = text.substr(colon + 1, end - colon - 1);
      while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
      while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
      const std::string_view name = text.substr(0, colon);
      if (!belongs_to_hop(name)) add(name, value);
      text.remove_prefix(end + 2);
    }
  }

  // Those of a Response, without its length; with Server and Date unless it is an interim answer.
  void add_fields(const Fields& fields, std::string_view date) {
    bool dated = date.empty();
    if (!date.empty()) add("server", "weir");
    for (const auto& [name, value] : fields) {
      if (belongs_to_hop(name) || equals_ignoring_case(name, "content-length") ||
          equals_ignoring_case(name, "server"))
        continue;
      dated |= equals_ignoring_case(name, "date");
      std::string_view text = value;
      while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
      while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
      add(name, text);
    }
    if (!dated) add("date", date);
  }

  const std::vector<nghttp2_nv>& finish() const {
    std::size_t at = 0;
    for (std::size_t i = 0; i < tools_.values.size(); ++i) {
      tools_.values[i].name = Hooks::bytes_of(std::string_view(tools_.names).substr(at));
      at = tools_.name_ends[i];
    }
    return tools_.values;
  }
  std::uint32_t urgency() const { return urgency_ == 0 ? 3 : urgency_; }

 private:
  Tools& tools_;
  std::array<char, 3> status_;
  std::uint32_t urgency_ = 0;
};

void Http2Session::submit(Http2Stream& stream, const Lines& lines, Body body) {
  const std::vector<nghttp2_nv>& values = lines.finish();
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = &Hooks::read;
  const int submitted = ::nghttp2_submit_response(session_, stream.id, values.data(), values.size(),
                                                  body == Body::follows ? &provider : nullptr);
  if (submitted != 0) {
    end_exchange(stream, Ending::cut);
    return reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  // HTML before style sheets before the rest, unless the client has its own order (RFC 9218).
  constexpr std::uint32_t usual = NGHTTP2_EXTPRI_DEFAULT_URGENCY;
  if (!stream.prioritised && lines.urgency() != usual) {
    const nghttp2_extpri priority{lines.urgency(), 0};
    ::nghttp2_session_change_extpri_stream_priority(session_, stream.id, &priority, 0);
  }
  wake();
}

// True when the answer may stand: 2xx to an extended CONNECT would say that a tunnel is open.
bool Http2Session::may_answer(Exchange& exchange, int status) {
  if (exchange.request_.protocol.empty() || status / 100 != 2) return true;
  Response response = error_page_response(501, "This resource does not speak that protocol.");
  answer(exchange, std::move(response));
  return false;
}

void Http2Session::answer(Exchange& exchange, const std::shared_ptr<const Prepared>& prepared,
                          std::string_view extra_fields, SlotValues slots) {
  if (!may_answer(exchange, prepared->status)) return;
  Http2Stream& stream = *exchange.stream_of_;
  const std::size_t status_line = prepared->head.find('\n') + 1;
  std::string& text = tools_.text;
  text.assign(prepared->head);
  if (prepared->date_at != 0)
    std::memcpy(text.data() + prepared->date_at, core_.date.data(), Prepared::date_bytes);
  if (prepared->age_at != 0)
    write_number_slot(text.data() + prepared->age_at, std::max<std::int64_t>(0, slots.age_seconds));
  if (prepared->ttl_at != 0)
    write_parameter_slot(text.data() + prepared->ttl_at, slots.ttl_seconds);
  Lines lines(tools_, prepared->status);
  lines.add_lines(std::string_view(text).substr(status_line));
  lines.add_lines(extra_fields);

  const bool body = exchange.request_.method != Method::head && !prepared->body.empty();
  exchange.status_ = prepared->status;
  exchange.answered_ = true;
  if (body) queue(stream, prepared->body, prepared);
  stream.ends = true;
  submit(stream, lines, body ? Body::follows : Body::none);
}

void Http2Session::answer(Exchange& exchange, Response&& response) {
  if (!may_answer(exchange, response.status)) return;
  exchange.status_ = response.status;
  exchange.answered_ = true;
  submit_whole(*exchange.stream_of_, std::move(response), exchange.request_.method);
}

void Http2Session::submit_whole(Http2Stream& stream, Response&& response, Method method) {
  const bool head_only = method == Method::head;
  Lines lines(tools_, response.status);
  lines.add_fields(response.fields, {core_.date.data(), core_.date.size()});
  std::string length = std::to_string(response.body.size());
  const auto told = std::find_if(
      response.fields.begin(), response.fields.end(),
      [](const auto& field) { return equals_ignoring_case(field.first, "content-length"); });
  const bool given = response.body.empty() && told != response.fields.end() &&
                     (head_only || response.status == 304);
  if (given) lines.add("content-length", told->second);
  else if (status_has_body(response.status)) lines.add("content-length", length);
  const bool body = !head_only && status_has_body(response.status) && !response.body.empty();
  if (body) {
    const auto owner = std::make_shared<const std::string>(std::move(response.body));
    queue(stream, *owner, owner);
  }
  stream.ends = true;
  submit(stream, lines, body ? Body::follows : Body::none);
}

// The head could not be understood, or is too large: there is no exchange.
void Http2Session::refuse_head(Http2Stream& stream, int status, const char* reason) {
  core_.counters.refused.add(1);
  core_.handler->on_refused(connection_.peer_, status, reason);
  submit_whole(
      stream,
      error_page_response(status, std::string("This request cannot be answered: ") + reason + '.'),
      Method::get);
}

void Http2Session::inform(Exchange& exchange, int status, const Fields& fields) {
  if (exchange.stream_of_ == nullptr) return;
  Lines lines(tools_, status);
  lines.add_fields(fields, {});
  const std::vector<nghttp2_nv>& values = lines.finish();
  ::nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, exchange.stream_of_->id, nullptr,
                           values.data(), values.size(), nullptr);
  wake();
}

void Http2Session::start_stream(Exchange& exchange, Response&& head,
                                std::optional<std::uint64_t> length) {
  if (!may_answer(exchange, head.status)) return;
  Http2Stream& stream = *exchange.stream_of_;
  Lines lines(tools_, head.status);
  lines.add_fields(head.fields, {core_.date.data(), core_.date.size()});
  const std::string length_text = std::to_string(length.value_or(0));
  if (length) lines.add("content-length", length_text);
  exchange.counted_ = length.has_value();
  exchange.length_left_ = length.value_or(0);
  exchange.status_ = head.status;
  exchange.streaming_ = exchange.stream_open_ = true;
  submit(stream, lines, exchange.request_.method == Method::head ? Body::none : Body::follows);
  if (!head.body.empty()) write(exchange, head.body, {});
}

Wrote Http2Session::write(Exchange& exchange, std::string_view bytes,
                          std::shared_ptr<const void> owner) {
  if (exchange.stream_of_ == nullptr) return Wrote::closed;
  const bool head_only = exchange.request_.method == Method::head && !exchange.tunnel_open_;
  if (bytes.empty() || head_only) return Wrote::sent;
  Http2Stream& stream = *exchange.stream_of_;
  if (stream.queued > 0 && stream.queued + bytes.size() > exchange.queue_bytes_max_) {
    exchange.room_wanted_ = true;
    return Wrote::full;
  }
  if (exchange.counted_) {
    if (bytes.size() > exchange.length_left_) {
      abort(exchange);
      return Wrote::closed;
    }
    exchange.length_left_ -= bytes.size();
  }
  if (owner == nullptr) {
    const auto copy = std::make_shared<const std::string>(bytes);
    queue(stream, *copy, copy);
  } else {
    queue(stream, bytes, std::move(owner));
  }
  resume_data(stream);
  return Wrote::sent;
}

void Http2Session::close_stream(Exchange& exchange, const Fields& trailers) {
  if (exchange.stream_of_ == nullptr) return;
  Http2Stream& stream = *exchange.stream_of_;
  const bool head_only = exchange.request_.method == Method::head;
  exchange.stream_open_ = false;
  if (exchange.counted_ && exchange.length_left_ > 0 && !head_only) return abort(exchange);
  exchange.answered_ = true;
  exchange.body_sink_ = nullptr;
  stream.ends = true;
  if (!trailers.empty() && !head_only) stream.trailers = std::make_unique<Fields>(trailers);
  resume_data(stream);
}

void Http2Session::open_tunnel(Exchange& exchange, Response&& head) {
  Http2Stream& stream = *exchange.stream_of_;
  Lines lines(tools_, 200);
  lines.add_fields(head.fields, {core_.date.data(), core_.date.size()});
  exchange.status_ = 200;
  exchange.streaming_ = exchange.tunnel_open_ = true;
  submit(stream, lines, Body::follows);
  wake(stream);
}

void Http2Session::close_tunnel(Exchange& exchange) {
  exchange.tunnel_open_ = false;
  exchange.answered_ = true;
  if (exchange.stream_of_ == nullptr) return;
  exchange.stream_of_->ends = true;
  resume_data(*exchange.stream_of_);
}

void Http2Session::abort(Exchange& exchange) {
  if (exchange.stream_of_ == nullptr) return;
  Http2Stream& stream = *exchange.stream_of_;
  end_exchange(stream, Ending::cut);
  reset(stream, NGHTTP2_INTERNAL_ERROR);
}

std::size_t Http2Session::queued_bytes(const Exchange& exchange) const {
  return exchange.stream_of_ == nullptr ? 0 : exchange.stream_of_->queued;
}

// --- sending -------------------------------------------------------------------------------------

void Http2Session::queue(Http2Stream& stream, std::string_view bytes,
                         std::shared_ptr<const void> owner) {
  if (stream.queued == 0) {
    stream.progress = stream.window_began = core_.now;
    stream.window_bytes = 0;
  }
  stream.queued += bytes.size();
  stream.segments.push_back({bytes.data(), bytes.size(), std::move(owner), nullptr});
}

void Http2Session::resume_data(Http2Stream& stream) {
  if (std::exchange(stream.deferred, false)) ::nghttp2_session_resume_data(session_, stream.id);
  wake();
}

// The next `bytes` of a body, behind their frame's head: by reference, or copied when small.
void Http2Session::send_segments(Http2Stream& stream, std::size_t bytes) {
  stream.queued -= bytes;
  stream.progress = core_.now;
  stream.window_bytes += bytes;
  stream.sent_since_update += bytes;
  sent_since_update_ += bytes;
  turn_bytes_ += bytes;
  if (stream.exchange != nullptr) {
    stream.exchange->body_sent_ += bytes;
    if (stream.queued == 0 && std::exchange(stream.exchange->room_wanted_, false))
      roomy_.push_back(stream.id);
  }
  while (bytes > 0) {
    Segment& segment = stream.segments[stream.front];
    const std::size_t part = std::min(bytes, segment.bytes);
    const std::string_view piece(segment.data, part);
    bytes -= part;
    segment.data += part;
    segment.bytes -= part;
    if (part < referred_bytes_min) connection_.add_copy(piece);
    else
      connection_.add_piece(piece, segment.bytes == 0 ? std::move(segment.owner) : segment.owner);
    if (segment.bytes == 0) ++stream.front;
  }
  if (stream.queued > 0) return;
  stream.segments.clear();
  stream.front = 0;
}

void Http2Session::produce() {
  while (!connection_.is_closed() && connection_.output_ == nullptr && !failed_) {
    if (turn_bytes_ >= limits::http2_turn_bytes) return;
    const std::uint8_t* bytes = nullptr;
    const auto count = ::nghttp2_session_mem_send(session_, &bytes);
    if (count > 0) connection_.add_copy(view_of(bytes, static_cast<std::size_t>(count)));
    for (Exchange* const exchange : ended_) {
      if (connection_.is_closed()) core_.finish(*exchange, Ending::gone);
      else core_.batch_of(connection_).answered.push_back(exchange);
    }
    ended_.clear();
    if (count < 0) failed_ = true;
    if (count <= 0) return;
  }
}

// The frame that ends the answer is on its way. What the client still sends is of no use.
void Http2Session::sent_whole(Http2Stream& stream) {
  if (Exchange* const exchange = std::exchange(stream.exchange, nullptr)) {
    exchange->answered_ = true;
    exchange->stream_of_ = nullptr;
    ended_.push_back(exchange);
  }
  if (::nghttp2_session_get_stream_remote_close(session_, stream.id) == 0)
    reset(stream, NGHTTP2_NO_ERROR);
}

void Http2Session::reset(Http2Stream& stream, std::uint32_t code) {
  if (std::exchange(stream.resetting, true)) return;
  ::nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, code);
  wake();
}

void Http2Session::end_exchange(Http2Stream& stream, Ending ending) {
  Exchange* const exchange = std::exchange(stream.exchange, nullptr);
  if (exchange == nullptr) return;
  exchange->stream_of_ = nullptr;
  core_.finish(*exchange, ending);
}

// --- deadlines and the end -----------------------------------------------------------------------

Nanos Http2Session::tick_time() const {
  return draining_ && !leaving_ ? Nanos(limits::drain_quiet_time) : Nanos(limits::http2_tick);
}

void Http2Session::tick() {
  busy_ = true;
  if (draining_ && !leaving_ && core_.now >= goaway_at_) leave();
  for (std::size_t i = 0; i < open_.size(); ++i) tick_stream(*open_[i]);
  if (calmed_) end_all(Ending::cut);
  go_on();
}

void Http2Session::tick_stream(Http2Stream& stream) {
  const ServerTimeouts& timeouts = core_.engine.settings.timeouts;
  const Mono now = core_.now;
  if (!stream.head_done) {
    if (now - stream.began >= timeouts.head) calm_down();
    return;
  }
  const auto give_up = [this, &stream] {
    end_exchange(stream, Ending::cut);
    reset(stream, NGHTTP2_CANCEL);
  };
  Exchange* const exchange = stream.exchange;
  const bool tunnel = exchange != nullptr && exchange->tunnel_open_;
  if (tunnel && exchange->deadline_ <= now) return give_up();
  if (stream.queued > 0) {  // a window is shut, or opened by a crack
    const auto least =
        timeouts.write_rate * static_cast<std::size_t>(limits::write_rate_window.count());
    if (now - stream.progress >= timeouts.write_stall) return give_up();
    if (now - stream.window_began < limits::write_rate_window) return;
    if (stream.window_bytes < least) return give_up();
    stream.window_began = now;
    stream.window_bytes = 0;
    return;
  }
  if (exchange == nullptr || exchange->answered_ || tunnel) return;
  if (exchange->reading_body_ && !exchange->input_paused_) {
    if (stream.body_due <= now)
      body_failed(stream, 408, "The body of the request did not come in time.");
  } else if (!exchange->streaming_ && exchange->deadline_ <= now) {
    body_failed(stream, 504, "The answer did not come in time.");
  }
}

void Http2Session::begin_drain() {
  draining_ = true;
  goaway_at_ = core_.now + limits::drain_quiet_time;
  ::nghttp2_submit_shutdown_notice(session_);
  for (std::size_t i = 0; i < open_.size(); ++i) {
    Exchange* const exchange = open_[i]->exchange;
    if (exchange != nullptr && exchange->tunnel_open_)
      exchange->tunnel_sink_->on_drain(exchange->tunnel_);
  }
  go_on();
}

void Http2Session::leave() {
  if (std::exchange(leaving_, true)) return;
  ::nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          ::nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
}

void Http2Session::say_goodbye() {
  leave();
  go_on();
}

bool Http2Session::is_over() const {
  return failed_ || calmed_ ||
         (::nghttp2_session_want_read(session_) == 0 &&
          ::nghttp2_session_want_write(session_) == 0);
}

void Http2Session::end_all(Ending ending) {
  for (Http2Stream* const stream : open_) end_exchange(*stream, ending);
  for (Exchange* const exchange : ended_) core_.finish(*exchange, ending);
  ended_.clear();
}

}  // namespace weir::http
