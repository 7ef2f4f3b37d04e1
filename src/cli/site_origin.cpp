#include "cli/site_origin.h"

#include "cli/answer_fields.h"
#include "cli/release_source.h"
#include "edge/site_rules.h"
#include "site/hosting.h"

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
  auto output = opened.renderer->render(request.path);
  cache::Rendered rendered;
  if (!output.ok()) {
    // The path is not the site's any more: an answer, not a failure.
    if (output.error().code != Errc::missing || !output.error().place.file.empty())
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
  rendered.policy = policy_of(*output, tables_()->config);
  return rendered;
}

}  // namespace weir::cli
