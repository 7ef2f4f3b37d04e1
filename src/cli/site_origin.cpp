#include "cli/site_origin.h"

#include "base/crypto.h"
#include "cli/answer_fields.h"
#include "cli/dev_pages.h"
#include "cli/release_source.h"
#include "edge/site_rules.h"
#include "site/hosting.h"

#include <future>

namespace weir::cli {

Result<SiteOrigin::Opened> SiteOrigin::opened_of(
    const std::shared_ptr<const store::Release>& release) {
  Opened known = opened_.with([](const Opened& opened) { return opened; });
  if (known.id == release->id() && known.renderer != nullptr) return known;
  const std::string note_text = TRY(release->read_input(build_note_name));
  const BuildNote note = TRY(parse_build_note(note_text));
  site::BuildOptions options;
  options.mode = site::Mode::serve;
  options.config_file = note.config_file;
  if (note.has_base_url) options.base_url = note.base_url;
  options.drafts = note.drafts ? site::Drafts::include : site::Drafts::skip;
  options.minify = note.minify;
  options.clock = &clock_;
  options.fetcher = &fetcher_;
  Opened made{release->id(),
              site::SiteRenderer::open(std::make_shared<ReleaseSource>(release), options), nullptr};
  if (const auto input = release->read_input(edge::headers_input_name); input.ok()) {
    const edge::KeptRules kept = edge::parse_kept_rules(*input);
    // The build has left other hosts' blocks out already by name; the host is in its note.
    auto parsed =
        text::HeaderRules::parse(kept.text, "_headers", kept.hosting, site::host_of(note.site_url));
    made.headers = std::make_shared<const text::HeaderRules>(std::move(parsed.rules));
  }
  // Opening reads nothing, so two that come at once may both open; the first one stays.
  return opened_.with([&](Opened& opened) {
    if (opened.id != release->id()) opened = made;
    return opened;
  });
}

Result<cache::Rendered> SiteOrigin::render(const cache::RenderRequest& request) {
  if (request.release == nullptr) return Error{Errc::missing, "there is no release to render from"};
  const Opened opened = TRY(opened_of(request.release));
  const auto tables = tables_();
  std::optional<edge::MadePage> page;  // what the release holds goes first
  if (!request.release->find(request.path.substr(0, request.path.find('?'))))
    page = edge::made_page_of(tables->pipeline->page_routes(), request.path);
  auto output = page ? made(opened, *page) : opened.renderer->render(request.path);
  cache::Rendered rendered;
  if (!output.ok()) {
    // The path is not the site's any more: an answer, not a failure.
    if (page || output.error().code != Errc::missing || !output.error().place.file.empty())
      return std::move(output).error();
    rendered.status = 404;
    return rendered;
  }
  rendered.status = status_of(*output);
  rendered.content_type = output->content_type;
  rendered.fields = fields_of(*output, {});
  if (opened.headers != nullptr)
    apply_header_rules(*opened.headers, output->path, rendered.fields, rendered.content_type);
  rendered.body = std::move(output->bytes);
  rendered.tags = std::move(output->tags);
  rendered.policy = page ? page->route->policy : policy_of(*output, tables->config);
  return rendered;
}

// A record as JSON; "null" when there is none.
Result<std::string> SiteOrigin::value_of(const std::string& key) {
  sync::SyncService* const data = data_.load();
  if (data == nullptr) return Error{Errc::io, "the data side is not there"};
  auto replied = std::make_shared<std::promise<sync::Reply>>();
  auto reply = replied->get_future();
  sync::Ask ask;
  ask.surface = sync::Surface::kv;
  ask.method = "GET";
  ask.path = key;
  data->answer(std::move(ask),
               [replied](sync::Reply said) { replied->set_value(std::move(said)); });
  if (reply.wait_for(limits::load_data_time_max) != std::future_status::ready)
    return Error{Errc::io, "the data side did not answer for " + key};
  const sync::Reply said = reply.get();
  if (said.status == 404) return std::string("null");
  if (said.failed() || said.status != 200)
    return Error{Errc::io, "kv " + key + ": status " + std::to_string(said.status) + " " +
                               said.detail +
                               (said.status == 401 || said.status == 403
                                    ? " (a page shows what everybody may read: see data.kv_rule)"
                                    : "")};
  return said.body == nullptr ? std::string("null") : *said.body;
}

Result<site::Output> SiteOrigin::made(const Opened& opened, const edge::MadePage& page) {
  const edge::PageSettings& said = page.route->settings;
  site::DynamicPage asked = dynamic_page_of(page);
  if (!said.kv.empty() && !page.is_shell) {
    std::string key = said.kv + '/';
    for (const auto& [name, value] : page.parameters)
      if (name == said.key) key += value;
    asked.literal_name = "kv/" + key;
    asked.literal = TRY(value_of(key));
    asked.key.clear();  // the value is the record
  }
  const std::string& source = page.route->rules->source;
  if (source.empty() || page.is_shell) return opened.renderer->render(asked);
  const auto breaker = breaker_of(source);
  if (!breaker->may_try(clock_.mono()))
    return Error{Errc::io, source + " has failed too often and is left alone for a while"};
  auto output = opened.renderer->render(asked);
  const Mono now = clock_.mono();
  if (output.ok()) breaker->succeeded(now);
  else if (output.error().code == Errc::io) breaker->failed(now);
  else breaker->left_open(now);  // a template's mistake says nothing about the source
  return output;
}

std::shared_ptr<guard::Breaker> SiteOrigin::breaker_of(const std::string& source) {
  return breakers_.with([&](auto& all) {
    std::shared_ptr<guard::Breaker>& breaker = all[source];
    if (breaker == nullptr)
      breaker = std::make_shared<guard::Breaker>(guard::BreakerSettings{}, random_u64());
    return breaker;
  });
}

std::shared_ptr<const cache::KeyRules> SiteOrigin::rules_of(std::string_view key) const {
  const auto tables = tables_();
  if (tables == nullptr) return nullptr;
  const auto route = edge::route_of_key(tables->pipeline->page_routes(), key);
  return route == nullptr ? nullptr : route->rules;
}

}  // namespace weir::cli
