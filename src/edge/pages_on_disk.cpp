// Pages whose bodies stay on disk (C-48): ranges of large ones, and everything of those that memory
// would not keep.

#include "edge/pages.h"

#include "cache/page_maker.h"
#include "edge/answers.h"
#include "edge/large_send.h"
#include "edge/page_parts.h"
#include "edge/representation.h"
#include "http/ranges.h"
#include "store/pieced_body.h"

#include <algorithm>

namespace weir::edge {

using store::Rendition;

// Who asks for the whole of a page brings it into memory, if that would keep it.
bool Pages::stays_on_disk(const Visit& visit, std::string_view key) const {
  const http::Request& request = visit.exchange->request();
  if (visit.rewritten_status != 0 || visit.shows_not_found || visit.shows_shell) return false;
  if (settings_.clean_urls == CleanUrls::redirect && key.ends_with(".html")) return false;
  const cache::Bulk bulk = cache_.bulk_of(key);
  if (bulk == cache::Bulk::large)
    return request.method == http::Method::head || request.has(http::Known::range);
  return bulk == cache::Bulk::beyond_memory;
}

void Pages::open_large(Visit& visit, std::string_view key) {
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  visit.began = visit.loop->clock.mono();
  auto owned_key = std::make_shared<const std::string>(key);
  const Status begun =
      cache_.open_large(key, [this, &loop, id, owned_key](const Result<cache::LargePage>& opened) {
        auto large = opened ? std::make_shared<const cache::LargePage>(*opened) : nullptr;
        loop.post([this, &loop, id, large, owned_key] {
          http::Exchange* const exchange = loop.find(id);
          if (exchange == nullptr || exchange->answered()) return;
          Visit& waiting = *static_cast<Visit*>(exchange->user());
          if (large != nullptr) return send_large(waiting, large);
          load(waiting, *owned_key);
        });
      });
  if (!begun) load(visit, key);
}

void Pages::send_large(Visit& visit, const std::shared_ptr<const cache::LargePage>& large) {
  const http::Request& request = visit.exchange->request();
  const cache::Page& page = *large->lookup.page;
  const Nanos took = visit.loop->clock.mono() - visit.began;
  visit.work = "load";
  visit.work_nanos = static_cast<std::uint32_t>(std::min<std::int64_t>(took.count(), UINT32_MAX));
  note_outcome(visit, CacheOutcome::miss);

  RenditionSet held;
  held[static_cast<std::size_t>(Rendition::identity)] = true;
  held[static_cast<std::size_t>(large->body->header().codec)] = true;
  std::optional<Rendition> chosen = Rendition::identity;
  if (request.has(http::Known::accept_encoding))
    chosen = choose_rendition(
        held, request.use_list(http::Known::accept_encoding, http::parse_accept_encoding));
  if (!chosen && settings_.negotiation == Negotiation::strict)
    return refuse(visit,
                  {406, "bad-request", "No coding of the page is acceptable to the client."});
  const Rendition rendition = chosen.value_or(Rendition::identity);
  const auto condition = condition_of(page, cache::etag_of(page.sha256, rendition), request,
                                      visit.exchange->loop().wall().seconds());
  if (condition == http::Condition::precondition_failed)
    return refuse(visit,
                  {412, "precondition", "The page is another one than the request expects."});
  const std::string_view extra = extra_fields(visit, large->lookup, nullptr);
  if (condition == http::Condition::not_modified) {
    visit.decision.status = 304;
    http::Response response{304, cache::fields_for_304(page, rendition), {}};
    response.fields.emplace_back("Age", std::to_string(large->lookup.age_s));
    add_lines(response.fields, extra);
    return visit.exchange->respond(std::move(response));
  }
  const std::uint64_t total = large->body->bytes(store::codec_of(rendition));
  http::RangePlan plan;
  if (condition == http::Condition::proceed && request.has(http::Known::range) &&
      !request.repeats(http::Known::range) && request.method == http::Method::get)
    plan = http::plan_ranges(request.known(http::Known::range), total);
  if (plan.kind == http::RangePlan::Kind::unsatisfiable) return refuse_range(visit, total);
  send_parts(visit, large, rendition, plan);
}

void Pages::send_parts(Visit& visit, const std::shared_ptr<const cache::LargePage>& large,
                       Rendition rendition, const http::RangePlan& plan) {
  using Kind = http::RangePlan::Kind;
  const cache::Page& page = *large->lookup.page;
  const std::uint64_t total = large->body->bytes(store::codec_of(rendition));
  LargeAnswer answer;
  answer.page = large;
  answer.codec = store::codec_of(rendition);
  answer.otherwise = [this, large](Visit& waiting) { load(waiting, large->lookup.page->key); };
  if (plan.kind == Kind::whole) answer.head = {200, cache::whole_fields_of(page, rendition), {}};
  else answer.head = partial_head(page, rendition);
  visit.decision.status = answer.head.status;
  http::Fields& fields = answer.head.fields;
  fields.emplace_back("Age", std::to_string(large->lookup.age_s));
  add_lines(fields, scratch_);
  if (plan.kind == Kind::whole) answer.stretches.push_back({{}, 0, total});
  if (plan.kind == Kind::single) {
    const http::ByteRange range = plan.ranges.front();
    fields.emplace_back("Content-Type", page.content_type);
    fields.emplace_back("Content-Range", http::content_range_of(range, total));
    answer.stretches.push_back({{}, range.first, range.bytes()});
  }
  if (plan.kind == Kind::several) {
    http::MultipartLines lines =
        http::multipart_lines_of(plan.ranges, total, page.content_type, new_boundary());
    fields.emplace_back("Content-Type", std::move(lines.content_type));
    for (std::size_t at = 0; at < plan.ranges.size(); ++at)
      answer.stretches.push_back(
          {std::move(lines.before[at]), plan.ranges[at].first, plan.ranges[at].bytes()});
    answer.end = std::move(lines.end);
  }
  LargeSend::begin(cache_, *visit.exchange, std::move(answer));
}

}  // namespace weir::edge
