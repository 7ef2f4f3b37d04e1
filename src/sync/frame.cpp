#include "sync/frame.h"

#include "http/websocket_frames.h"
#include "text/json.h"

#include <algorithm>

namespace weir::sync {

bool Frame::was_followed() const {
  switch (kind) {
    case Kind::operations: return !operations.empty();
    case Kind::removal: return !document.empty();
    case Kind::value: return value != nullptr;
    case Kind::presence: return true;
  }
  return false;
}

const SharedText& Frame::event() const {
  std::call_once(event_made_, [this] {
    if (kind == Kind::value) {
      event_ = value;
    } else if (kind == Kind::operations && !operations.empty()) {
      const std::string page = json_of({epoch, from, to, false, operations});
      event_ = std::make_shared<const std::string>(event_text(epoch, to, "ops", page));
    } else if (kind == Kind::removal && !document.empty()) {
      event_ = std::make_shared<const std::string>(event_text(epoch, to, "removed", "{}"));
    }
  });
  return event_;
}

const SharedText& Frame::message() const {
  std::call_once(message_made_, [this] {
    if (kind == Kind::presence) {
      message_ = presence;
    } else if (kind == Kind::operations && !operations.empty()) {
      message_ = operations_message(document, from, to, operations);
    } else if (kind == Kind::removal && !document.empty()) {
      message_ = message_frame("{\"t\":\"removed\",\"d\":" + quoted(document) +
                               ",\"to\":" + std::to_string(to) + '}');
    }
  });
  return message_;
}

SharedText Frame::message_for(std::uint64_t origin) const {
  const bool is_sender =
      origin != 0 && std::any_of(parts.begin(), parts.end(),
                                 [origin](const Part& part) { return part.origin == origin; });
  if (!is_sender) return message();
  std::string others;
  std::size_t begin = 0;
  for (const Part& part : parts) {
    if (part.origin != origin) {
      if (!others.empty()) others += ',';
      others.append(operations, begin, part.end - begin);
    }
    begin = part.end + 1;
  }
  return operations_message(document, from, to, others);
}

std::string json_of(const PageText& page) {
  std::string out;
  out.reserve(page.operations.size() + 128);
  out += "{\"epoch\":\"";
  out += page.epoch;
  out += "\",\"from\":" + std::to_string(page.from) + ",\"to\":" + std::to_string(page.to);
  out += page.has_more ? ",\"more\":true,\"ops\":[" : ",\"more\":false,\"ops\":[";
  out += page.operations;
  out += "]}";
  return out;
}

std::string event_text(std::string_view epoch, std::int64_t position, std::string_view name,
                       std::string_view json) {
  std::string out;
  out.reserve(json.size() + 96);
  out += "id: ";
  out += epoch;
  out += '.' + std::to_string(position) + "\nevent: ";
  out += name;
  out += "\ndata: ";
  out += json;
  out += "\n\n";
  return out;
}

SharedText message_frame(std::string_view json) {
  return std::make_shared<const std::string>(
      http::websocket_frame(http::WebSocketOpcode::text, json));
}

SharedText operations_message(std::string_view document, std::int64_t from, std::int64_t to,
                              std::string_view operations) {
  std::string json;
  json.reserve(operations.size() + document.size() + 80);
  json += "{\"t\":\"ops\",\"d\":";
  json += quoted(document);
  json += ",\"from\":" + std::to_string(from) + ",\"to\":" + std::to_string(to) + ",\"ops\":[";
  json += operations;
  json += "]}";
  return message_frame(json);
}

std::string quoted(std::string_view text) { return text::json_of(text::Value(text)); }

}  // namespace weir::sync
