#include "http/prepared.h"

#include "base/bytes.h"
#include "http/dates.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace weir::http {
namespace {

bool is_token_byte(char c) {
  return is_alnum(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

std::uint32_t append_slot(std::string& head, std::string_view before, std::size_t bytes) {
  head += before;
  const auto at = static_cast<std::uint32_t>(head.size());
  head.append(bytes, ' ');
  head += "\r\n";
  return at;
}

}  // namespace

bool is_clean_field(std::string_view name, std::string_view value) {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token_byte) &&
         std::all_of(value.begin(), value.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
         });
}

void write_parameter_slot(char* slot, std::int64_t value) {
  const std::int64_t clamped = std::clamp<std::int64_t>(
      value, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  char* const end = slot + Prepared::number_bytes;
  std::fill(std::to_chars(slot, end, clamped).ptr, end, ' ');
}

void write_number_slot(char* slot, std::int64_t value) {
  const std::int64_t clamped = std::clamp<std::int64_t>(
      value, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  std::array<char, Prepared::number_bytes> digits;
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), clamped).ptr;
  const auto count = static_cast<std::size_t>(end - digits.data());
  std::fill_n(slot, Prepared::number_bytes - count, ' ');
  std::memcpy(slot + Prepared::number_bytes - count, digits.data(), count);
}

Result<std::shared_ptr<const Prepared>> prepare(int status, const Fields& fields,
                                                std::shared_ptr<const std::string> body,
                                                const PrepareOptions& options) {
  const std::string_view view = body == nullptr ? std::string_view{} : std::string_view(*body);
  return prepare_view(status, fields, view, std::move(body), options);
}

Result<std::shared_ptr<const Prepared>> prepare_view(int status, const Fields& fields,
                                                     std::string_view body,
                                                     std::shared_ptr<const void> owner,
                                                     const PrepareOptions& options) {
  auto prepared = std::make_shared<Prepared>();
  prepared->status = status;
  prepared->owner = std::move(owner);
  if (status_has_body(status)) prepared->body = body;

  std::string& head = prepared->head;
  head = "HTTP/1.1 " + std::to_string(status) + ' ';
  head += reason_phrase_of(status);
  head += "\r\nServer: weir\r\n";
  bool dated = false;
  for (const auto& [name, value] : fields) {
    if (!is_clean_field(name, value))
      return Error{Errc::invalid, "the answer's field '" + name +
                                      "' must be a token with a value free of control characters"};
    if (equals_ignoring_case(name, "content-length") && status_has_body(status))
      continue;  // written below
    dated |= equals_ignoring_case(name, "date");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (status_has_body(status)) head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  if (!dated) prepared->date_at = append_slot(head, "Date: ", Prepared::date_bytes);
  if (options.age == PrepareOptions::Age::slot) {
    prepared->age_at = append_slot(head, "Age: ", Prepared::number_bytes);
    write_number_slot(head.data() + prepared->age_at, 0);
  }
  if (!options.cache_status.empty()) {
    if (!is_clean_field("Cache-Status", options.cache_status))
      return Error{Errc::invalid, "the answer's Cache-Status holds a control character"};
    prepared->ttl_at = append_slot(
        head,
        "Cache-Status: " + std::string(options.cache_status) + "; ttl=", Prepared::number_bytes);
    write_parameter_slot(head.data() + prepared->ttl_at, 0);
  }
  return std::shared_ptr<const Prepared>(std::move(prepared));
}

}  // namespace weir::http
