#include "edge/stored_answers.h"

#include "edge/answers.h"
#include "edge/page_parts.h"
#include "edge/steps.h"
#include "http/conditions.h"
#include "http/dates.h"
#include "http/ranges.h"

#include <algorithm>

namespace weir::edge {
namespace {

using store::Rendition;

const cache::Answer::Form& choose(const cache::Answer& answer, const http::Request& request,
                                  Rendition& chosen) {
  chosen = Rendition::identity;
  const RenditionSet held = renditions_of(answer);
  if (held.count() > 1 && request.has(http::Known::accept_encoding)) {
    const auto weights =
        request.use_list(http::Known::accept_encoding, http::parse_accept_encoding);
    chosen = choose_rendition(held, weights).value_or(Rendition::identity);
  }
  return *answer.find(chosen);
}

http::Condition condition_of(const cache::Answer& answer, const cache::Answer::Form& form,
                             const http::Request& request, std::int64_t now_s) {
  http::Validators validators;
  validators.chosen_etag = form.etag;
  validators.plain_etag = answer.etag;
  if (answer.etag.ends_with('"'))
    validators.family = {std::string_view(answer.etag).substr(0, answer.etag.size() - 1),
                         store::etag_letters};
  if (!answer.last_modified.empty())
    validators.last_modified = http::parse_date(answer.last_modified, now_s);
  validators.date = answer.policy.date_s;
  return http::condition_of(request, validators, now_s);
}

bool asks_for_range(const http::Request& request) {
  return request.method == http::Method::get && request.has(http::Known::range) &&
         !request.repeats(http::Known::range);
}

// The extra lines of every answer from the cache.
std::string lines_for(Visit& visit, const AnswerNews& news) {
  std::string lines = visit.fields;
  if (news.age_s == 0) lines += visit.limit_fields;
  lines.append("cache-status: weir; ").append(news.cache_status).append("\r\n");
  append_server_timing(lines, visit);
  return lines;
}

http::Response partial_head(const cache::Answer& answer, const cache::Answer::Form& form,
                            Rendition rendition, const AnswerNews& news) {
  http::Response response;
  response.status = 206;
  for (const auto& [name, value] : answer.fields) {
    if (name == "content-range" || name == "content-type") continue;
    response.fields.emplace_back(name, name == "etag" ? form.etag : value);
  }
  if (rendition != Rendition::identity)
    response.fields.emplace_back("content-encoding",
                                 std::string(store::coding_of(store::codec_of(rendition))));
  if (answer.adds_vary) response.fields.emplace_back("vary", "Accept-Encoding");
  response.fields.emplace_back("age", std::to_string(news.age_s));
  return response;
}

void send_range(Visit& visit, const cache::Answer& answer, const cache::Answer::Form& form,
                Rendition rendition, const http::RangePlan& plan, const AnswerNews& news) {
  const std::string_view held = *form.body;
  const std::uint64_t first = answer.part ? answer.part->first : 0;
  const std::uint64_t total = answer.part ? answer.part->total : held.size();
  const std::string_view type = cache::field_of(answer.fields, "content-type");
  visit.decision.status = 206;
  http::Response response = partial_head(answer, form, rendition, news);
  add_lines(response.fields, lines_for(visit, news));
  if (plan.kind == http::RangePlan::Kind::single) {
    const http::ByteRange range = plan.ranges.front();
    if (!type.empty()) response.fields.emplace_back("content-type", type);
    response.fields.emplace_back("content-range", http::content_range_of(range, total));
    response.body = held.substr(static_cast<std::size_t>(range.first - first), range.bytes());
  } else {
    http::Multipart multipart = http::multipart_of(plan.ranges, held, type, new_boundary());
    response.fields.emplace_back("content-type", std::move(multipart.content_type));
    response.body = std::move(multipart.body);
  }
  visit.exchange->respond(std::move(response));
}

}  // namespace

bool covers(const cache::Answer& answer, const http::Request& request) {
  if (!answer.part) return true;
  if (!asks_for_range(request) || request.has(http::Known::if_range)) return false;
  const http::RangePlan plan =
      http::plan_ranges(request.known(http::Known::range), answer.part->total);
  if (plan.kind != http::RangePlan::Kind::single) return false;
  const http::ByteRange range = plan.ranges.front();
  return range.first >= answer.part->first && range.last < answer.part->first + answer.body->size();
}

void send_answer(Visit& visit, const std::shared_ptr<const cache::Answer>& answer,
                 const AnswerNews& news) {
  const http::Request& request = visit.exchange->request();
  const std::int64_t now_s = visit.exchange->loop().wall().seconds();
  note_outcome(visit, news.outcome);
  if (news.outcome == CacheOutcome::stale)
    visit.loop->counters.oldest_stale_answer_s.see(
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, news.age_s)));
  Rendition rendition = Rendition::identity;
  const cache::Answer::Form& form = choose(*answer, request, rendition);
  const bool is_whole = answer->status == 200;  // others are neither conditional nor partial
  const auto condition = is_whole || answer->part ? condition_of(*answer, form, request, now_s)
                                                  : http::Condition::proceed_whole;
  const bool is_modified = condition != http::Condition::not_modified;
  visit.decision.status = is_modified ? answer->status : 304;
  const http::SlotValues slots{news.age_s, 0};
  if (!is_modified)
    return visit.exchange->respond(form.not_modified, lines_for(visit, news), slots);
  if (condition == http::Condition::precondition_failed)
    return refuse(visit,
                  {412, "precondition", "The resource is another one than the request expects."});
  if (answer->part && news.is_answer_to_it)
    return visit.exchange->respond(form.ok, lines_for(visit, news), slots);
  const bool may_range = (is_whole || answer->part) && condition == http::Condition::proceed &&
                         asks_for_range(request);
  if (!may_range) return visit.exchange->respond(form.ok, lines_for(visit, news), slots);
  const std::uint64_t total = answer->part ? answer->part->total : form.body->size();
  const http::RangePlan plan = http::plan_ranges(request.known(http::Known::range), total);
  if (plan.kind == http::RangePlan::Kind::whole)
    return visit.exchange->respond(form.ok, lines_for(visit, news), slots);
  if (plan.kind == http::RangePlan::Kind::unsatisfiable)
    return refuse(visit, {416,
                          "bad-request",
                          "The resource is shorter than the range that was asked for.",
                          {},
                          {{"Content-Range", http::unsatisfied_range_of(total)}}});
  send_range(visit, *answer, form, rendition, plan, news);
}

}  // namespace weir::edge
