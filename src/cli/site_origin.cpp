#include "cli/site_origin.h"

#include "cli/answer_fields.h"
#include "cli/release_source.h"

namespace weir::cli {

Result<std::shared_ptr<site::SiteRenderer>> SiteOrigin::renderer_of(
    const std::shared_ptr<const store::Release>& release) {
  auto known = opened_.with(
      [&](Opened& opened) { return opened.id == release->id() ? opened.renderer : nullptr; });
  if (known != nullptr) return known;
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
  std::shared_ptr<site::SiteRenderer> made =
      site::SiteRenderer::open(std::make_shared<ReleaseSource>(release), options);
  // Opening reads nothing, so two that come at once may both open; the first one stays.
  return opened_.with([&](Opened& opened) {
    if (opened.id != release->id()) opened = {release->id(), made};
    return opened.renderer;
  });
}

Result<cache::Rendered> SiteOrigin::render(const cache::RenderRequest& request) {
  if (request.release == nullptr) return Error{Errc::missing, "there is no release to render from"};
  const auto renderer = TRY(renderer_of(request.release));
  auto output = renderer->render(request.path);
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
  rendered.body = std::move(output->bytes);
  rendered.tags = std::move(output->tags);
  rendered.policy = policy_of(*output, config_);
  return rendered;
}

}  // namespace weir::cli
