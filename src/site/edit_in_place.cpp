#include "site/edit_in_place.h"

#include "base/worker_pool.h"
#include "site/content_render.h"
#include "site/increment.h"

#include <algorithm>
#include <filesystem>

namespace weir::site {

namespace {

using tmpl::ReadGroup;
using tmpl::ReadKind;

constexpr std::string_view content_root = "content/";
constexpr ReadGroup linked_groups[] = {ReadGroup::meta, ReadGroup::links, ReadGroup::list,
                                       ReadGroup::size};
constexpr ReadGroup body_groups[] = {ReadGroup::content, ReadGroup::summary, ReadGroup::toc};

ReadKind kind_of(ContentId id) { return id.is_page ? ReadKind::page : ReadKind::section; }

// Nothing when no such content is in the site.
std::optional<ContentId> content_at(const Library& library, std::string_view file) {
  if (!file.starts_with(content_root)) return std::nullopt;
  const std::string_view path = file.substr(content_root.size());
  if (const PageId page = library.page_of(path); page != no_id) return ContentId{true, page};
  const SectionId section = library.section_of(path);
  return section == no_id ? std::nullopt : std::optional(ContentId{false, section});
}

}  // namespace

EditInPlace::EditInPlace(Site& site, BuildMemory& memory, FactNumbers& numbers)
    : site_(site), memory_(memory), numbers_(numbers), facts_(site), is_new_(memory.facts.size()) {}

std::optional<std::vector<Output>> EditInPlace::made(std::span<const std::string> written) {
  if (!find_bodies(written) || shows_other_time() || !read_files()) return std::nullopt;
  value_linked();
  add_readers();
  if (!render_bodies()) return std::nullopt;
  value_bodies();
  if (!render_outputs()) return std::nullopt;
  bring_memory_up_to_date();
  std::vector<Output> outputs;
  for (Made& made : made_) outputs.push_back(std::move(made.output));
  return outputs;
}

// --- what was written ----------------------------------------------------------------------------

bool EditInPlace::find_bodies(std::span<const std::string> written) {
  for (const std::string& file : written) {
    const std::uint32_t row = memory_.find_file(file);
    if (row == BuildMemory::none) {
      // What an editor made beside the file, and took away again.
      const auto there = site_.source().look(file);
      if (there.ok() && !*there) continue;
      return false;
    }
    Body body;
    body.row = memory_.find_content(file);
    const std::optional<ContentId> id = content_at(site_.library(), file);
    if (!id || body.row == BuildMemory::none || has_second_path(row)) return false;
    if (std::any_of(bodies_.begin(), bodies_.end(),
                    [&](const Body& known) { return known.row == body.row; }))
      continue;
    body.id = *id;
    body.is_written = true;
    if (is_looked_up(site_.content_of(*id).relative_path)) return false;
    bodies_.push_back(std::move(body));
  }
  return !bodies_.empty();
}

// By way of a link, the same file may be another page too, or a copy: it then looked the same.
// Files that were written in one tick of the clock may as well; their whole build is the price.
bool EditInPlace::has_second_path(std::uint32_t file) const {
  const FileLook& look = memory_.files[file].look;
  for (std::uint32_t row = 0; row < memory_.files.size(); ++row)
    if (row != file && memory_.files[row].look == look) return true;
  return false;
}

// Whether a template asks for the file itself: its bytes or their hash.
bool EditInPlace::is_looked_up(std::string_view relative_path) const {
  for (std::uint32_t i = 0; i < memory_.facts.size(); ++i)
    if (memory_.facts[i].kind == static_cast<std::uint32_t>(ReadKind::lookup) &&
        // Templates may write "content//a.md"; it is found all the same.
        std::filesystem::path(memory_.fact_at(i).name)
            .lexically_normal()
            .string()
            .ends_with(relative_path))
      return true;
  return false;
}

bool EditInPlace::read_files() {
  for (Body& body : bodies_) {
    const auto look = site_.source().look(site_.content_of(body.id).file);
    if (!look.ok() || !*look || !site_.read_again(body.id, look_of(**look), relinked_))
      return false;
    body.has_new_front =
        site_.content_of(body.id).front_hash != memory_.contents[body.row].front_hash;
  }
  return true;
}

// What shows the time, and is not edited, may have to show another.
bool EditInPlace::shows_other_time() const {
  for (std::uint32_t i = 0; i < memory_.facts.size(); ++i)
    if (memory_.facts[i].kind == static_cast<std::uint32_t>(ReadKind::clock) &&
        facts_.value_of(memory_.fact_at(i)) != memory_.facts[i].value && memory_.is_read(i))
      return true;
  return false;
}

// --- facts ---------------------------------------------------------------------------------------

void EditInPlace::value(ReadKind kind, ReadGroup group, std::string_view name) {
  const FactName fact{kind, group, name};
  const std::uint32_t number = numbers_.find(fact);
  if (number == BuildMemory::none) return;
  const Hash128 now = facts_.value_of(fact);
  if (now == memory_.facts[number].value) return;
  new_values_.insert_or_assign(number, now);
  is_new_[number] = 1;
}

void EditInPlace::value_content(ContentId id, std::span<const ReadGroup> groups) {
  for (const ReadGroup group : groups)
    value(kind_of(id), group, site_.content_of(id).relative_path);
}

void EditInPlace::value_linked() {
  const Library& library = site_.library();
  bool has_new_front = false;
  for (const Body& body : bodies_) {
    value_content(body.id, linked_groups);
    if (!body.has_new_front) continue;
    has_new_front = true;
    const std::uint32_t group = site_.content_of(body.id).translations;
    if (group == no_id) continue;
    for (const Translation& one : library.translations[group])
      value_content(one.page != no_id ? ContentId{true, one.page} : ContentId{false, one.section},
                    linked_groups);
  }
  for (const PageId page : relinked_.neighbours) value_content({true, page}, linked_groups);
  for (const SectionId section : relinked_.lists) value_content({false, section}, linked_groups);
  // A term is one fact under whatever group it was read.
  constexpr ReadGroup groups[] = {ReadGroup::meta,      ReadGroup::content, ReadGroup::summary,
                                  ReadGroup::toc,       ReadGroup::links,   ReadGroup::size,
                                  ReadGroup::backlinks, ReadGroup::list};
  for (const std::string& term : relinked_.terms)
    for (const ReadGroup group : groups) value(ReadKind::term, group, term);
  if (!has_new_front) return;
  for (const ReadGroup group : groups) {
    value(ReadKind::whole, group, whole_sitemap);
    for (const LanguageConfig& language : site_.config().languages)
      for (const std::string_view pages : {whole_dates, whole_searched})
        value(ReadKind::whole, group, std::string(pages) + language.code);
  }
}

void EditInPlace::value_backlinks(const std::vector<std::string>& links) {
  for (const std::string& link : links) {
    if (!link.starts_with("@/")) continue;
    const Result<InternalLink> resolved = resolve_internal_link(site_, link);
    if (!resolved.ok()) continue;
    const ContentId target = resolved->target;
    value(kind_of(target), ReadGroup::backlinks, site_.content_of(target).relative_path);
  }
}

void EditInPlace::value_bodies() {
  for (const Body& body : bodies_)
    if (body.news.old_links != body.news.new_links) site_.note_backlinks(body.id, body.news);
  for (const Body& body : bodies_) {
    value_content(body.id, body_groups);
    if (!body.has_new_front && body.news.old_links == body.news.new_links) continue;
    value_backlinks(body.news.old_links);
    value_backlinks(body.news.new_links);
  }
}

bool EditInPlace::reads_new(Span32 facts) const {
  const auto read = memory_.numbers_at(facts);
  return std::any_of(read.begin(), read.end(),
                     [&](std::uint32_t fact) { return is_new_[fact] != 0; });
}

// An image that is resized for one of them may have to go.
bool EditInPlace::shows_image(Span32 facts) const {
  const auto read = memory_.numbers_at(facts);
  return std::any_of(read.begin(), read.end(), [&](std::uint32_t fact) {
    return memory_.facts[fact].kind == static_cast<std::uint32_t>(ReadKind::image);
  });
}

// --- bodies and outputs --------------------------------------------------------------------------

// Bodies of others that show what is new; those see no bodies, so that there are no more after
// them.
void EditInPlace::add_readers() {
  if (new_values_.empty()) return;
  for (std::uint32_t row = 0; row < memory_.contents.size(); ++row) {
    if (!reads_new(memory_.contents[row].facts)) continue;
    const auto known = [&](const Body& body) { return body.row == row; };
    if (std::any_of(bodies_.begin(), bodies_.end(), known)) continue;
    const std::optional<ContentId> id =
        content_at(site_.library(), memory_.text_at(memory_.contents[row].file));
    if (!id) continue;  // a draft
    Body body;
    body.id = *id;
    body.row = row;
    bodies_.push_back(std::move(body));
  }
}

template <class Work>
void EditInPlace::for_each(std::size_t count, Work work) const {
  const std::size_t threads = site_.options().threads == 0 ? cores() : site_.options().threads;
  constexpr std::size_t worth_threads = 8;
  for_each_parallel(count, count < worth_threads ? 1 : threads, work);
}

bool EditInPlace::render_bodies() {
  for (const Body& body : bodies_)
    if (shows_image(memory_.contents[body.row].facts)) return false;
  for_each(bodies_.size(),
           [&](std::size_t i) { bodies_[i].news = site_.render_again(bodies_[i].id); });
  std::vector<ContentId> ids;
  for (const Body& body : bodies_) {
    if (!body.news.is_plain) return false;
    ids.push_back(body.id);
  }
  return site_.has_all_anchors(ids);
}

bool EditInPlace::render_outputs() {
  const auto is_planned_anew = [&](const Planned& planned) {
    return std::any_of(bodies_.begin(), bodies_.end(), [&](const Body& body) {
      return body.has_new_front && (body.id.is_page ? planned.page : planned.section) == body.id.id;
    });
  };
  std::vector<const Planned*> all;
  std::uint32_t next = 0;
  for (const Planned& planned : site_.plan().outputs) {
    const std::uint32_t row = memory_.find_output(planned.file, next);
    if (row == BuildMemory::none) return false;
    next = row + 1;
    const bool is_anew = is_planned_anew(planned);
    if (!is_anew && !reads_new(memory_.outputs[row].facts)) continue;
    if (shows_image(memory_.outputs[row].facts)) return false;
    Made made;
    made.row = row;
    made.plan = is_anew ? facts_.plan_hash(planned) : memory_.outputs[row].plan;
    made_.push_back(std::move(made));
    all.push_back(&planned);
  }
  for_each(made_.size(), [&](std::size_t i) {
    Made& made = made_[i];
    auto output = site_.render(*all[i], &made.reads);
    made.is_good = output.ok() && !made.reads.is_unsettled() && !asks_for_images(made.reads);
    if (made.is_good) made.output = std::move(output).value();
  });
  return std::all_of(made_.begin(), made_.end(), [](const Made& made) { return made.is_good; });
}

// --- what is remembered --------------------------------------------------------------------------

Span32 EditInPlace::numbers_of(const ReadSet& reads) {
  const auto value_of = [&](const FactName& fact) { return facts_.value_on_record(fact); };
  std::vector<std::uint32_t> numbers;
  for (const std::uint64_t key : reads.keys())
    if (Facts::is_fact(key)) numbers.push_back(numbers_.of(facts_.name_of_key(key), value_of));
  for (const ReadSet::Name& name : reads.names())
    if (Facts::is_fact(name))
      numbers.push_back(numbers_.of({name.kind, name.group, name.name}, value_of));
  return memory_.add_numbers(numbers);
}

void EditInPlace::note(const Body& body) {
  const Content& content = site_.content_of(body.id);
  const std::shared_ptr<const Rendered> rendered = site_.rendered_now(body.id);
  const Span32 read = numbers_of(rendered->reads);
  ContentRow& row = memory_.contents[body.row];
  row.facts = read;
  row.body_offset = content.body_offset;
  row.body_line = content.body_line;
  row.word_count = content.word_count;
  row.body_hash = content.body_hash;
  row.around = facts_.around(body.id);
  const ContentHashes hashes = site_.content_hashes(body.id);
  row.html = hashes.html;
  row.summary = hashes.summary;
  row.toc = hashes.toc;
  row.ids = {static_cast<std::uint32_t>(memory_.ids.size()),
             static_cast<std::uint32_t>(rendered->ids.size())};
  for (const std::string& id : rendered->ids) memory_.ids.push_back(memory_.add_text(id));
  row.links = {static_cast<std::uint32_t>(memory_.links.size()),
               static_cast<std::uint32_t>(rendered->internal_links.size())};
  for (const text::FoundLink& link : rendered->internal_links)
    memory_.links.push_back({memory_.add_text(link.target), link.place.line, link.place.column});
  if (body.is_written) memory_.files[memory_.find_file(content.file)].look = content.look;
  if (!body.has_new_front) return;
  row.front = memory_.add_text(content.front_kept);
  row.front_hash = content.front_hash;
  memory_.structure = {};
}

void EditInPlace::bring_memory_up_to_date() {
  for (const auto& [number, now] : new_values_) memory_.facts[number].value = now;
  for (const Body& body : bodies_) note(body);
  for (Made& made : made_) {
    OutputRow& row = memory_.outputs[made.row];
    row.plan = made.plan;
    row.facts = numbers_of(made.reads);
  }
}

}  // namespace weir::site
