#include "edge/pages.h"

#include "base/crypto.h"
#include "cache/dictionary.h"
#include "cache/page_maker.h"
#include "edge/answers.h"
#include "edge/page_parts.h"
#include "edge/pattern.h"
#include "edge/pipeline.h"
#include "edge/representation.h"
#include "edge/steps.h"
#include "http/ranges.h"

#include <algorithm>

namespace weir::edge {
namespace {

constexpr std::string_view html_suffix = ".html";

using cache::Lookup;
using store::Rendition;

constexpr std::string_view allowed = "GET, HEAD, OPTIONS";

// RFC 9842 10: where others could read or change what passes, a difference tells or spoils too
// much.
bool may_use_dictionary(const http::Request& request) {
  if (request.secure) return true;
  const std::string_view host = request.host.substr(0, request.host.rfind(':'));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]" ||
         request.host == "localhost" || request.host == "127.0.0.1" || request.host == "[::1]";
}

struct Choice {
  const cache::Representation* representation = nullptr;  // null: nothing that the client accepts
  // The client could use the page's dictionary, and does not say that it has it.
  bool wants_dictionary = false;
};

// The difference to the layout goes before everything else (C-44), but in pieces nobody wants it.
void prefer_dictionary(const cache::Page& page, const http::Request& request,
                       const http::EncodingWeights& weights, Choice& choice) {
  const std::uint16_t best =
      std::max({weights.brotli, weights.zstd, weights.gzip, weights.identity});
  if (page.dictionary == nullptr || weights.dcz == 0 || !may_use_dictionary(request)) return;
  const http::Field* const held = request.find("available-dictionary");
  choice.wants_dictionary = held == nullptr || held->value != page.dictionary->available();
  if (!choice.wants_dictionary && weights.dcz >= best && !request.has(http::Known::range))
    choice.representation = &page.dcz;
}

Choice choose(const cache::Page& page, const http::Request& request, Rendition& chosen_rendition) {
  chosen_rendition = Rendition::identity;
  if (!request.has(http::Known::accept_encoding)) return {page.find(Rendition::identity)};
  const auto weights = request.use_list(http::Known::accept_encoding, http::parse_accept_encoding);
  Choice choice;
  if (weights.dcz > 0) prefer_dictionary(page, request, weights, choice);
  if (choice.representation != nullptr) return choice;
  if (const auto rendition = choose_rendition(renditions_of(page), weights)) {
    chosen_rendition = *rendition;
    choice.representation = page.find(*rendition);
  }
  return choice;
}

}  // namespace

Pages::Pages(cache::PageCache& cache, SiteRules& rules, PagesSettings settings)
    : cache_(cache), reader_(cache.make_reader()), rules_(rules), settings_(settings) {}

void Pages::answer(Visit& visit) {
  const http::Request& request = visit.exchange->request();
  if (request.encoded_slash) {  // before the method: a target in doubt ends the connection
    visit.exchange->close_after();
    return refuse(visit, {400, "bad-request", "The path holds an encoded slash."});
  }
  if (follows_rule(visit, Asked::before_pages)) return;
  if (request.method != http::Method::get && request.method != http::Method::head)
    return refuse_method(visit);
  // A '?' that was encoded would be taken for the end of a path.
  if (!request.path_is_utf8 || request.path.find('?') != std::string_view::npos)
    return answer_absent(visit, {});
  if (visit.route->page != nullptr) return answer_made(visit);
  find_and_send(visit, request.path);
}

// A page that a route makes. What the release holds at that address goes first, without a query.
void Pages::answer_made(Visit& visit) {
  const http::Request& request = visit.exchange->request();
  const PageRoute& route = *visit.route->page;
  const Mono now = visit.exchange->loop().now();
  std::string key;
  if (!route.write_key(request.path, request.query, key)) return answer_absent(visit, {});
  const Lookup found = cache_.find(*reader_, key, now, cache::PageCache::Unheld::made);
  const bool is_answer = found.kind == Lookup::Kind::page && found.page->rules != nullptr;
  if (is_answer) return found.page->gone ? answer_absent(visit, key) : send(visit, found, nullptr);
  const Lookup held = cache_.find(*reader_, request.path, now);
  const bool is_file = held.kind == Lookup::Kind::wait ||
                       (held.kind == Lookup::Kind::page && held.page->rules == nullptr);
  if (is_file) return find_and_send(visit, request.path);
  if (found.freshness == cache::Freshness::absent && !cache_.has_copy(key))
    return answer_unknown(visit, key);
  load(visit, key);
}

// Nobody has asked for that page before, or it was forgotten.
void Pages::answer_unknown(Visit& visit, const std::string& key) {
  using Fallback = PageSettings::Fallback;
  const http::Request& request = visit.exchange->request();
  const PageRoute& route = *visit.route->page;
  if (route.settings.fallback == Fallback::not_found) return answer_absent(visit, key);
  const bool may_make =
      visit.route->pipeline->may_make(route, request, visit.client, visit.exchange->loop().now());
  if (route.settings.fallback == Fallback::shell) {
    if (may_make) cache_.make(key);
    return send_shell(visit);
  }
  if (may_make) return load(visit, key);
  note_outcome(visit, CacheOutcome::miss);
  refuse(visit, {429,
                 "rate-limited",
                 "Too many pages that nobody has asked for before.",
                 {},
                 {{"Retry-After", "1"}}});
}

void Pages::send_shell(Visit& visit) {
  const std::string key = visit.route->page->shell_key();
  visit.shows_shell = true;
  const Lookup found =
      cache_.find(*reader_, key, visit.exchange->loop().now(), cache::PageCache::Unheld::made);
  if (found.kind == Lookup::Kind::page && !found.page->gone) return show_shell(visit, *found.page);
  load(visit, key);
}

// It stands at the address of another page, so nobody may keep it.
void Pages::show_shell(Visit& visit, const cache::Page& page) {
  note_outcome(visit, CacheOutcome::miss);
  visit.decision.status = 200;
  http::Response response;
  response.status = 200;
  response.fields.emplace_back("Content-Type", page.content_type);
  for (const auto& field : page.fields)
    if (!field.second.empty() && !equals_ignoring_case(field.first, "cache-control"))
      response.fields.push_back(field);
  response.fields.emplace_back("Cache-Control", "no-store");
  response.fields.emplace_back("Cache-Status", "weir; fwd=uri-miss; detail=shell");
  response.body = *page.find(Rendition::identity)->body;
  respond(visit, std::move(response));
}

void Pages::refuse_method(Visit& visit) {
  const http::Request& request = visit.exchange->request();
  note_outcome(visit, CacheOutcome::bypass);
  if (request.method == http::Method::options) {
    return respond(visit, {204, {{"Allow", std::string(allowed)}}, {}});
  }
  refuse(visit, {405,
                 "method-not-allowed",
                 "Pages are read with GET and HEAD.",
                 {},
                 {{"Allow", std::string(allowed)}}});
}

void Pages::find_and_send(Visit& visit, std::string_view key) {
  const Lookup found = cache_.find(*reader_, key, visit.exchange->loop().now());
  switch (found.kind) {
    case Lookup::Kind::page:
      // A page that a route made which is no more, or which was not asked for.
      if (found.page->rules != nullptr) return answer_absent(visit, key);
      return found.page->gone ? answer_absent(visit, key) : send(visit, found, nullptr);
    case Lookup::Kind::wait:
      return stays_on_disk(visit, key) ? open_large(visit, key) : load(visit, key);
    case Lookup::Kind::absent: return answer_absent(visit, key);
  }
}

void Pages::load(Visit& visit, std::string_view key) {
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  visit.began = visit.loop->clock.mono();
  hint(visit, key);
  auto owned_key = std::make_shared<const std::string>(key);
  const Status begun =
      cache_.fetch(*owned_key, [this, &loop, id, owned_key](const cache::Fetched& fetched) {
        loop.post([this, &loop, id, owned_key, fetched] {
          http::Exchange* exchange = loop.find(id);
          if (exchange == nullptr || exchange->answered()) return;
          loaded(*static_cast<Visit*>(exchange->user()), *owned_key, fetched);
        });
      });
  if (!begun.ok()) {
    note_outcome(visit, CacheOutcome::miss);
    refuse(visit,
           {503, "overloaded", "Too many requests wait for pages.", {}, {{"Retry-After", "1"}}});
  }
}

// 103 Early Hints while a page is made again (C-33): what its last copy asked for first. Old
// clients over HTTP/1.1 mistake any interim answer, so there only a browser that navigates gets it.
void Pages::hint(Visit& visit, std::string_view key) {
  const http::Request& request = visit.exchange->request();
  if (request.method != http::Method::get) return;
  if (request.version_major < 2) {
    const http::Field* const mode = request.find("sec-fetch-mode");
    if (mode == nullptr || mode->value != "navigate" || request.version_minor == 0) return;
  }
  const std::string links = cache_.preloads(key);
  if (!links.empty()) visit.exchange->inform(103, {{"Link", links}});
}

void Pages::loaded(Visit& visit, const std::string& key, const cache::Fetched& fetched) {
  const Nanos took = visit.loop->clock.mono() - visit.began;
  visit.work = fetched.filled ? "render" : "load";
  visit.work_nanos = static_cast<std::uint32_t>(std::min<std::int64_t>(took.count(), UINT32_MAX));
  if (fetched.lookup.kind == Lookup::Kind::page && !fetched.lookup.page->gone) {
    if (visit.shows_shell) return show_shell(visit, *fetched.lookup.page);
    return send(visit, fetched.lookup, &fetched);
  }
  const bool has_shell = visit.route->page != nullptr && !visit.shows_shell &&
                         visit.route->page->settings.fallback == PageSettings::Fallback::shell;
  if (fetched.late && has_shell) return send_shell(visit);
  if (!fetched.error) return answer_absent(visit, key);
  note_outcome(visit, CacheOutcome::miss);
  if (fetched.late)
    return refuse(
        visit, {504, "overloaded", "The page was not ready in time.", {}, {{"Retry-After", "2"}}});
  if (fetched.error->code == Errc::full) {
    return refuse(visit,
                  {503, "overloaded", "Too much work is queued.", {}, {{"Retry-After", "1"}}});
  }
  refuse(visit, {502, "internal", "The page could not be rendered."});
}

std::string_view Pages::extra_fields(Visit& visit, const Lookup& lookup,
                                     const cache::Fetched* fetched,
                                     const cache::Dictionary* offered) {
  std::array<char, 96> room{};
  scratch_ = visit.fields;
  if (lookup.age_s == 0) scratch_ += visit.limit_fields;
  scratch_ += "Cache-Status: weir; ";
  scratch_ += cache::cache_status_of(lookup, fetched, room);
  scratch_ += "\r\n";
  if (offered != nullptr)
    scratch_ +=
        "Link: </_weir/dictionary/" + offered->name() + ">; rel=\"compression-dictionary\"\r\n";
  append_server_timing(scratch_, visit);
  return scratch_;
}

void Pages::send(Visit& visit, const Lookup& lookup, const cache::Fetched* fetched) {
  const http::Request& request = visit.exchange->request();
  const cache::Page& page = *lookup.page;
  if (settings_.clean_urls == CleanUrls::redirect && !visit.rewritten && page.status == 200 &&
      request.path == page.key && request.path.ends_with(html_suffix)) {
    const std::string_view clean = request.path.substr(0, request.path.size() - html_suffix.size());
    if (!clean.ends_with('/') && request.raw_path.ends_with(html_suffix) && !has_page(clean) &&
        !has_page(std::string(clean) + '/')) {
      if (redirect_within(visit, html_suffix.size(), {})) return;
    }
  }
  const bool waited = fetched != nullptr;
  const bool is_fresh = lookup.freshness == cache::Freshness::fresh;
  note_outcome(visit, waited     ? CacheOutcome::miss
                      : is_fresh ? CacheOutcome::hit
                                 : CacheOutcome::stale);
  if (visit.rewritten_status != 0 && visit.rewritten_status != page.status)
    return send_as(visit, page);

  Rendition rendition = Rendition::identity;
  const Choice choice = choose(page, request, rendition);
  const cache::Representation* chosen = choice.representation;
  if (chosen == nullptr) {
    if (settings_.negotiation == Negotiation::strict) {
      return refuse(visit,
                    {406, "bad-request", "No coding of the page is acceptable to the client."});
    }
    chosen = page.find(Rendition::identity);
  }
  const bool may_vary =
      page.status == 200;  // a redirect or a 404 page is neither conditional nor partial
  const auto condition =
      may_vary ? condition_of(page, chosen->etag, request, visit.exchange->loop().wall().seconds())
               : http::Condition::proceed_whole;
  if (condition == http::Condition::precondition_failed) {
    return refuse(visit,
                  {412, "precondition", "The page is another one than the request expects."});
  }
  visit.decision.status = condition == http::Condition::not_modified ? 304 : page.status;
  const std::string_view extra = extra_fields(
      visit, lookup, fetched, choice.wants_dictionary ? page.dictionary.get() : nullptr);
  const http::SlotValues slots{lookup.age_s, lookup.ttl_s.value_or(0)};
  if (condition == http::Condition::not_modified)
    return visit.exchange->respond(chosen->not_modified, extra, slots);
  const bool partial = condition == http::Condition::proceed && request.has(http::Known::range) &&
                       !request.repeats(http::Known::range) && request.method == http::Method::get;
  if (partial) return send_range(visit, lookup, *chosen, extra);
  visit.exchange->respond(chosen->ok, extra, slots);
}

void Pages::send_range(Visit& visit, const Lookup& lookup, const cache::Representation& chosen,
                       std::string_view extra) {
  const http::Request& request = visit.exchange->request();
  const cache::Page& page = *lookup.page;
  const std::string_view whole = chosen.ok->body;
  const http::RangePlan plan = http::plan_ranges(request.known(http::Known::range), whole.size());
  if (plan.kind == http::RangePlan::Kind::whole) {
    return visit.exchange->respond(chosen.ok, extra, {lookup.age_s, lookup.ttl_s.value_or(0)});
  }
  Rendition rendition = Rendition::identity;
  choose(page, request, rendition);
  visit.decision.status = plan.kind == http::RangePlan::Kind::unsatisfiable ? 416 : 206;
  if (plan.kind == http::RangePlan::Kind::unsatisfiable) {
    return refuse_range(visit, whole.size());
  }
  http::Response response = partial_head(page, rendition);
  response.fields.emplace_back("Age", std::to_string(lookup.age_s));
  add_lines(response.fields, extra);
  if (plan.kind == http::RangePlan::Kind::single) {
    const http::ByteRange range = plan.ranges.front();
    response.fields.emplace_back("Content-Type", page.content_type);
    response.fields.emplace_back("Content-Range", http::content_range_of(range, whole.size()));
    response.body = whole.substr(range.first, range.bytes());
  } else {
    http::Multipart multipart =
        http::multipart_of(plan.ranges, whole, page.content_type, new_boundary());
    response.fields.emplace_back("Content-Type", std::move(multipart.content_type));
    response.body = std::move(multipart.body);
  }
  visit.exchange->respond(std::move(response));
}

// The page with another status: a 404 rule that shows it.
void Pages::send_as(Visit& visit, const cache::Page& page) {
  http::Response response;
  response.status = visit.rewritten_status;
  response.fields.emplace_back("Content-Type", page.content_type);
  for (const auto& field : page.fields)
    if (!field.second.empty()) response.fields.push_back(field);
  response.body = *page.find(Rendition::identity)->body;
  respond(visit, std::move(response));
}

namespace {

// The roles that a verified token names where Netlify's identity puts them, or as "roles".
std::vector<std::string> roles_of(const Visit& visit) {
  std::vector<std::string> roles;
  if (visit.token == nullptr) return roles;
  const text::Value* list = visit.token->claims.find("roles");
  for (const std::string_view name : {"app_metadata", "authorization", "roles"}) {
    const text::Value* from = name == "app_metadata" ? &visit.token->claims : list;
    const text::Value* next = from == nullptr ? nullptr : from->find(name);
    if (next == nullptr) break;
    list = next;
  }
  if (list == nullptr || list->array() == nullptr) return roles;
  for (const text::Value& role : *list->array())
    if (role.string() != nullptr) roles.push_back(*role.string());
  return roles;
}

}  // namespace

// True when the request has its answer, or the page that a rule shows is on its way.
bool Pages::follows_rule(Visit& visit, Asked asked) {
  if (const std::uint64_t now = cache_.activation(); now != activation_) {
    redirects_ = rules_.redirects_of(cache_);
    activation_ = now;
  }
  const http::Request& request = visit.exchange->request();
  if (redirects_ == nullptr || visit.rewritten || !request.path_is_utf8) return false;
  if (redirects_->shadows_pages() != (asked == Asked::before_pages)) return false;
  std::array<std::string_view, 8> cookies;
  std::size_t cookie_count = 0;
  text::RedirectRequest said;
  said.path = request.path;
  said.query = request.query;
  said.is_secure = request.secure;
  for (const http::Field& field : request.fields) {
    if (field.name == "cookie" && cookie_count < cookies.size())
      cookies[cookie_count++] = field.value;
    if (field.name == "accept-language") said.accept_language = field.value;
  }
  said.cookies = {cookies.data(), cookie_count};
  const std::string host = bare_host_of(request.host);
  said.host = host;
  const std::vector<std::string> roles = roles_of(visit);
  said.roles = roles;
  const auto found = redirects_->find(said, [&] {
    return asked == Asked::before_pages &&
           (has_page(request.path) || meaning_of(request.path).kind != Meaning::Kind::nothing);
  });
  if (!found) return false;
  if (!found->is_rewrite()) {
    redirect(visit, found->status, found->target, found->vary);
    return true;
  }
  if (request.method != http::Method::get && request.method != http::Method::head) return false;
  if (!found->vary.empty()) visit.fields += "Vary: " + std::string(found->vary) + "\r\n";
  visit.rewritten = true;
  visit.rewritten_status = found->status == 200 ? 0 : found->status;
  std::string key = found->target;
  if (!has_page(key)) {
    const Meaning meaning = meaning_of(key);
    if (meaning.kind != Meaning::Kind::nothing) key = meaning.path;
  }
  find_and_send(visit, key);
  return true;
}

void Pages::redirect(Visit& visit, int status, std::string target, std::string_view vary) {
  note_outcome(visit, CacheOutcome::bypass);
  visit.decision.status = status;
  http::Response response{status, {{"Location", std::move(target)}}, {}};
  response.fields.emplace_back("Cache-Control", "public, max-age=0, must-revalidate");
  if (!vary.empty()) response.fields.emplace_back("Vary", std::string(vary));
  respond(visit, std::move(response));
}

bool Pages::has_page(std::string_view path) {
  const Lookup found = cache_.find(*reader_, path);
  return found.kind == Lookup::Kind::wait ||
         (found.kind == Lookup::Kind::page && !found.page->gone);
}

Pages::Meaning Pages::meaning_of(std::string_view path) {
  using Kind = Meaning::Kind;
  constexpr std::string_view index_file = "index.html", index = "/index";
  const auto moved = [path](std::size_t cut, std::string_view added) {
    std::string to(path.substr(0, path.size() - cut));
    to += added;
    return Meaning{Kind::redirect, std::move(to), cut, added};
  };
  if (path.ends_with("/index.html")) {
    Meaning meaning = moved(index_file.size(), {});
    return has_page(meaning.path) ? meaning : Meaning{};
  }
  if (!path.empty() && !path.ends_with('/')) {
    Meaning meaning = moved(0, "/");
    if (has_page(meaning.path)) return meaning;
  }
  if (settings_.clean_urls == CleanUrls::off || path.size() < 2) return {};
  if (path.ends_with(index)) {
    Meaning meaning = moved(index.size() - 1, {});
    if (has_page(meaning.path)) return meaning;
  }
  const bool is_directory = path.ends_with('/');
  std::string file(path.substr(0, path.size() - (is_directory ? 1 : 0)));
  file += html_suffix;
  if (!has_page(file) || file.ends_with("/404.html")) return {};
  if (is_directory) return moved(1, {});
  return {Kind::page, std::move(file), 0, {}};
}

// To the request's own path, with its end changed. The path stays as it was sent, so that nothing
// is decoded or encoded anew; false when its end is not written plainly.
bool Pages::redirect_within(Visit& visit, std::size_t cut, std::string_view added) {
  const http::Request& request = visit.exchange->request();
  const std::string_view raw = request.raw_path;
  if (raw.size() < cut ||
      raw.substr(raw.size() - cut) != request.path.substr(request.path.size() - cut))
    return false;
  std::string target(raw.substr(0, raw.size() - cut));
  target += added;
  if (target.substr(0, 2) == "//") return false;  // would name another host
  if (!request.query.empty()) target += "?" + std::string(request.query);
  redirect(visit, 301, std::move(target), {});
  return true;
}

bool Pages::answers_meaning(Visit& visit) {
  const Meaning meaning = meaning_of(visit.exchange->request().path);
  if (meaning.kind == Meaning::Kind::redirect)
    return redirect_within(visit, meaning.cut, meaning.added);
  if (meaning.kind != Meaning::Kind::page) return false;
  visit.rewritten = true;
  find_and_send(visit, meaning.path);
  return true;
}

void Pages::answer_absent(Visit& visit, std::string_view key) {
  const http::Request& request = visit.exchange->request();
  const bool is_not_found_page = key.ends_with("/404.html");
  if (!visit.shows_not_found && !visit.rewritten && request.path_is_utf8) {
    if (answers_meaning(visit)) return;
    if (follows_rule(visit, Asked::behind_pages)) return;
  }
  visit.shows_not_found = true;
  visit.rewritten_status = 0;

  // The 404 page of the language (its first path segment), then the site's. Each was asked for once
  // at most.
  if (!is_not_found_page) {
    const std::size_t slash = request.path.find('/', 1);
    if (slash != std::string_view::npos) {
      scratch_ = request.path.substr(0, slash);
      scratch_ += "/404.html";
      const Lookup found = cache_.find(*reader_, scratch_);
      if (found.kind != Lookup::Kind::absent && request.path != scratch_) {
        const std::string language_key = scratch_;
        return find_and_send(visit, language_key);
      }
    }
  }
  if (key != "/404.html") {
    const Lookup found = cache_.find(*reader_, "/404.html");
    if (found.kind == Lookup::Kind::page && !found.page->gone) return send(visit, found, nullptr);
    if (found.kind == Lookup::Kind::wait) return load(visit, "/404.html");
  }
  note_outcome(visit, CacheOutcome::miss);
  refuse(visit, {404, "not-found", "There is no page at this address."});
}

}  // namespace weir::edge
