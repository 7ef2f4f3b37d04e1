// A built site, edited where it stands: one file is read again, its body rendered, and whoever it
// is linked with is told. What this costs depends on the edit and not on the site, except that
// lists are searched.

#include "site/content_render.h"
#include "site/site.h"
#include "text/front_matter.h"
#include "text/utf8.h"

#include <algorithm>

namespace weir::site {

namespace {

// What an "@/..." link leads to.
std::optional<ContentId> target_of(const Site& site, std::string_view link) {
  if (!link.starts_with("@/")) return std::nullopt;
  const Result<InternalLink> resolved = resolve_internal_link(site, link);
  return resolved.ok() ? std::optional(resolved->target) : std::nullopt;
}

std::string_view fragment_of(std::string_view link) {
  const std::size_t hash = link.find('#');
  return hash == std::string_view::npos ? std::string_view() : link.substr(hash + 1);
}

}  // namespace

bool Site::read_again(ContentId id, const FileLook& look, Relinked& relinked) {
  Content& content =
      id.is_page ? static_cast<Content&>(library_.pages[id.id]) : library_.sections[id.id];
  search_indexes_.forget();
  Result<std::string> text = source_.read(content.file);
  if (!text.ok() || text->empty() || text::find_utf8_error(*text) != std::string::npos)
    return false;
  const Result<text::FrontMatter> front = text::parse_front_matter(*text, content.file);
  if (!front.ok()) return false;
  content.body_offset = static_cast<std::uint32_t>(
      front->body.empty() ? text->size() : text->size() - front->body.size());
  content.body_line = front->body_line;
  content.text = std::move(text).value();
  content.has_text = true;
  content.word_count = text::markdown_words_of(content.body());
  content.body_hash = hash_of_input(content.body());
  content.look = look;
  content.front_kept = encode_value(front->data);
  const Hash128 front_hash = hash_of_input(content.front_kept);
  if (front_hash == content.front_hash) return true;

  content.front_hash = front_hash;
  Diagnostics complaints(Strictness::usual);
  if (id.is_page) {
    PageFront page = page_front_of(front->data, content.file, complaints);
    content.extra = tmpl::value_of(page.extra);
    return complaints.errors() + complaints.warnings() == 0 &&
           take_front(library_, config_, id.id, std::move(page), relinked);
  }
  SectionFront section = section_front_of(front->data, content.file, complaints);
  content.extra = tmpl::value_of(section.extra);
  return complaints.errors() + complaints.warnings() == 0 &&
         take_front(library_, id.id, std::move(section), relinked);
}

Site::NewBody Site::render_again(ContentId id) {
  NewBody body;
  for_each_link(
      id, [&](std::string_view target, const Place&) { body.old_links.emplace_back(target); });
  Content& content =
      id.is_page ? static_cast<Content&>(library_.pages[id.id]) : library_.sections[id.id];
  if (content.text.empty() && content.has_text) {
    Result<std::string> text = source_.read(content.file);
    if (!text.ok() || text->size() < content.body_offset) return body;
    content.text = std::move(text).value();
    // Another hand is on that file: its turn comes.
    if (hash_of_input(content.body()) != content.body_hash) return body;
  }
  const Result<std::shared_ptr<const Rendered>> rendered = render_content(*this, id);
  content.text = std::string();
  if (!rendered.ok()) return body;
  const Rendered& made = **rendered;
  body.is_plain = made.warnings.empty() && made.broken_links.empty() && made.plain_code.empty() &&
                  !made.reads.is_unsettled() && !asks_for_images(made.reads);
  for (const text::FoundLink& link : made.internal_links) body.new_links.push_back(link.target);
  // Each slot is written by one thread; other bodies do not read it.
  Slot& slot = slot_of(id);
  slot.hashes = hashes_of(made);
  slot.rendered = *rendered;
  slot.row = BuildMemory::none;
  return body;
}

bool Site::has_all_anchors(const std::vector<ContentId>& bodies) const {
  const auto is_one = [&](ContentId id) {
    return std::any_of(bodies.begin(), bodies.end(), [&](ContentId body) {
      return body.is_page == id.is_page && body.id == id.id;
    });
  };
  bool has_all = true;
  const auto look_at = [&](ContentId id) {
    for_each_link(id, [&](std::string_view link, const Place&) {
      const std::string_view fragment = fragment_of(link);
      if (fragment.empty()) return;
      const ContentId target = target_of(*this, link).value_or(id);
      if (is_one(id) || is_one(target))
        has_all = has_all && has_anchor(target, std::string(fragment));
    });
  };
  for (PageId id = 0; id < library_.pages.size() && has_all; ++id) look_at({true, id});
  for (SectionId id = 0; id < library_.sections.size() && has_all; ++id) look_at({false, id});
  return has_all;
}

void Site::note_backlinks(ContentId from, const NewBody& body) {
  if (backlinks_.empty()) return;  // nobody has asked yet
  const Backlink mine = from.is_page ? Backlink{from.id, no_id} : Backlink{no_id, from.id};
  const auto links_to = [&](ContentId target) -> std::vector<Backlink>& {
    return backlinks_[target.is_page ? target.id : library_.pages.size() + target.id];
  };
  const auto permalink_of = [this](const Backlink& link) -> const std::string& {
    return content_of(link.page != no_id ? ContentId{true, link.page}
                                         : ContentId{false, link.section})
        .permalink;
  };
  for (const std::string& link : body.old_links)
    if (const std::optional<ContentId> target = target_of(*this, link))
      std::erase_if(links_to(*target), [&](const Backlink& one) {
        return one.page == mine.page && one.section == mine.section;
      });
  for (const std::string& link : body.new_links) {
    const std::optional<ContentId> target = target_of(*this, link);
    if (!target) continue;
    std::vector<Backlink>& links = links_to(*target);
    const auto at = std::lower_bound(
        links.begin(), links.end(), mine,
        [&](const Backlink& a, const Backlink& b) { return permalink_of(a) < permalink_of(b); });
    if (at == links.end() || at->page != mine.page || at->section != mine.section)
      links.insert(at, mine);
  }
}

}  // namespace weir::site
