#include "edge/page_parts.h"

#include "base/crypto.h"
#include "cache/page_maker.h"
#include "edge/answers.h"
#include "http/dates.h"
#include "http/ranges.h"

namespace weir::edge {
namespace {

bool is_conditional(const http::Request& request) {
  using http::Known;
  return request.has(Known::if_none_match) || request.has(Known::if_modified_since) ||
         request.has(Known::if_match) || request.has(Known::if_unmodified_since) ||
         request.has(Known::if_range);
}

}  // namespace

http::Condition condition_of(const cache::Page& page, std::string_view chosen_etag,
                             const http::Request& request, std::int64_t now_seconds) {
  if (!is_conditional(request)) return http::Condition::proceed;
  http::Validators validators;
  constexpr std::size_t letter_bytes = 3;  // -z"
  validators.chosen_etag = chosen_etag;
  validators.family = {chosen_etag.substr(0, chosen_etag.size() - letter_bytes),
                       store::etag_letters};
  validators.last_modified = page.modified.seconds();
  validators.date = page.rendered_wall.seconds();
  return http::condition_of(request, validators, now_seconds);
}

std::string new_boundary() { return "weir" + hex_of(bytes_of(random_bytes(10))); }

void refuse_range(Visit& visit, std::uint64_t total_bytes) {
  visit.decision.status = 416;
  refuse(visit, {416,
                 "bad-request",
                 "The page is shorter than the range that was asked for.",
                 {},
                 {{"Content-Range", http::unsatisfied_range_of(total_bytes)}}});
}

http::Response partial_head(const cache::Page& page, store::Rendition rendition) {
  http::Response response;
  response.status = 206;
  response.fields = cache::shared_fields_of(page, rendition);
  for (const auto& field : page.fields)
    if (!field.second.empty()) response.fields.push_back(field);
  response.fields.emplace_back("Last-Modified", http::date_of(page.modified.seconds()));
  if (rendition != store::Rendition::identity)
    response.fields.emplace_back("Content-Encoding",
                                 std::string(store::coding_of(store::codec_of(rendition))));
  return response;
}

}  // namespace weir::edge
