#include "site/resident.h"

#include "site/increment.h"
#include "site/site.h"

#include <algorithm>

namespace weir::site {

class ResidentBuilder::Sink final : public OutputSink {
 public:
  explicit Sink(std::shared_ptr<const Outputs> before) : before_(std::move(before)) {}

  Status put(Output&& output) override {
    auto made = std::make_shared<const Output>(std::move(output));
    const auto old = before_->find(made->path);
    const bool is_new = old == before_->end() || old->second->bytes != made->bytes;
    outputs_.with([&](Made& all) {
      if (is_new) all.changed.push_back(made->path);
      all.outputs.insert_or_assign(made->path, std::move(made));
    });
    return done;
  }
  bool keep(const std::string&, const std::string& path) override {
    const auto old = before_->find(path);
    if (old == before_->end()) return false;
    outputs_.with([&](Made& all) { all.outputs.insert_or_assign(path, old->second); });
    return true;
  }

  bool holds(const std::string&, const std::string& path) const override {
    return before_->find(path) != before_->end();
  }

  struct Made {
    Outputs outputs;
    std::vector<std::string> changed;
  };
  Made take() {
    Made made = outputs_.with([](Made& all) { return std::move(all); });
    for (const auto& [path, output] : *before_)
      if (made.outputs.find(path) == made.outputs.end()) made.changed.push_back(path);
    std::sort(made.changed.begin(), made.changed.end());
    return made;
  }

 private:
  std::shared_ptr<const Outputs> before_;
  Guarded<Made> outputs_;
};

ResidentBuilder::ResidentBuilder(const SiteSource& source, BuildOptions options)
    : source_(source), options_(std::move(options)), outputs_(std::make_shared<const Outputs>()) {
  options_.remembers = true;
}

ResidentBuilder::~ResidentBuilder() = default;

ResidentBuilder::Result ResidentBuilder::build() {
  Result result;
  auto listed = std::make_unique<ListedSource>(source_);
  if (memory_ && is_nothing_changed(*listed, options_, *memory_)) {
    result.is_same = true;
    return result;
  }
  BuildOptions options = options_;
  options.before = memory_.get();
  Sink sink(outputs_.with([](const auto& held) { return held; }));
  Workpiece work;
  result.report = site::build(*listed, options, sink, work);
  if (result.report.failed()) return result;
  Sink::Made made = sink.take();
  auto memory = std::make_unique<BuildMemory>(std::move(result.report.memory));
  // What was kept is in rows of the memory of before, which goes.
  const auto note_anew = [&](ContentId id) {
    if (work.site->kept_row(id) == nullptr) return;
    work.site->keep_content(id, memory->find_content(work.site->content_of(id).file, id.id));
  };
  const Library& library = work.site->library();
  for (PageId id = 0; id < library.pages.size(); ++id) note_anew({true, id});
  for (SectionId id = 0; id < library.sections.size(); ++id)
    if (library.sections[id].has_file) note_anew({false, id});
  work.site->keep_from(*memory);
  work_ = std::move(work);  // before the listing that the old one reads through
  listed_ = std::move(listed);
  fact_numbers_.reset();
  memory_ = std::move(memory);
  result.changed = std::move(made.changed);
  outputs_.with(
      [&](auto& held) { held = std::make_shared<const Outputs>(std::move(made.outputs)); });
  return result;
}

ResidentBuilder::Result ResidentBuilder::build(std::span<const std::string> written) {
  if (std::optional<Result> edited = edit(written)) return std::move(*edited);
  // A body that was replaced before another file turned out to need more is in the site and not in
  // the memory: the site goes, the memory is what counts.
  work_ = Workpiece();
  return build();
}

// Nothing when the files have to be built in the usual way.
std::optional<ResidentBuilder::Result> ResidentBuilder::edit(std::span<const std::string> written) {
  if (!work_.site || !memory_ || memory_->has_unsettled != 0 || memory_->warnings != 0 ||
      written.empty())
    return std::nullopt;
  Site& site = *work_.site;
  constexpr std::string_view content_root = "content/";
  std::vector<ContentId> contents;
  for (const std::string& file : written) {
    // What an editor made beside the file, and took away again.
    const auto there = source_.look(file);
    if (there.ok() && !*there && memory_->find_file(file) == BuildMemory::none) continue;
    if (!file.starts_with(content_root) || memory_->find_content(file) == BuildMemory::none)
      return std::nullopt;
    const std::string path = file.substr(content_root.size());
    const PageId page = site.library().page_of(path);
    const SectionId section = site.library().section_of(path);
    if (page == no_id && section == no_id) return std::nullopt;
    contents.push_back(page != no_id ? ContentId{true, page} : ContentId{false, section});
  }

  if (contents.empty()) return std::nullopt;

  // The bodies, and which facts are not what they were.
  std::vector<std::uint8_t> is_new(memory_->facts.size());
  for (const ContentId id : contents) {
    const auto look = source_.look(site.content_of(id).file);
    if (!look.ok() || !*look) return std::nullopt;
    if (!site.replace_body(id, {(*look)->bytes, (*look)->modified_ns, (*look)->changed_ns}))
      return std::nullopt;
  }
  Facts facts(site);
  // What shows the time, and is not edited, may have to show another.
  for (std::uint32_t i = 0; i < memory_->facts.size(); ++i) {
    const FactName fact = memory_->fact_at(i);
    if (fact.kind == tmpl::ReadKind::clock && facts.value_of(fact) != memory_->facts[i].value)
      return std::nullopt;
  }
  for (const ContentId id : contents) {
    const Content& content = site.content_of(id);
    const tmpl::ReadKind kind = id.is_page ? tmpl::ReadKind::page : tmpl::ReadKind::section;
    for (std::uint32_t i = 0; i < memory_->facts.size(); ++i) {
      const FactName fact = memory_->fact_at(i);
      if (fact.kind != kind || fact.name != content.relative_path) continue;
      is_new[i] = facts.value_of(fact) != memory_->facts[i].value;
    }
  }
  const auto reads_new = [&](Span32 facts_read) {
    const auto read = memory_->numbers_at(facts_read);
    return std::any_of(read.begin(), read.end(), [&](std::uint32_t fact) { return is_new[fact]; });
  };
  // An image that is resized for one of them may have to go.
  const auto shows_image = [&](Span32 facts_read) {
    const auto read = memory_->numbers_at(facts_read);
    return std::any_of(read.begin(), read.end(), [&](std::uint32_t fact) {
      return memory_->fact_at(fact).kind == tmpl::ReadKind::image;
    });
  };
  for (const ContentId id : contents)
    if (shows_image(memory_->contents[memory_->find_content(site.content_of(id).file)].facts))
      return std::nullopt;
  // Another body that shows the length of this one.
  for (const ContentRow& row : memory_->contents) {
    const std::string_view file = memory_->text_at(row.file);
    const auto read = memory_->numbers_at(row.facts);
    const bool is_edited = std::find(written.begin(), written.end(), file) != written.end();
    if (!is_edited && std::any_of(read.begin(), read.end(), [&](std::uint32_t fact) {
          return is_new[fact] && memory_->fact_at(fact).group == tmpl::ReadGroup::size;
        }))
      return std::nullopt;
  }

  // The outputs that read one of them.
  Result result;
  const std::shared_ptr<const Outputs> before =
      outputs_.with([](const auto& held) { return held; });
  struct Made {
    std::uint32_t row = 0;
    Output output;
    ReadSet reads;
  };
  std::vector<Made> all;
  std::uint32_t next = 0;
  for (const Planned& planned : site.plan().outputs) {
    const std::uint32_t row = memory_->find_output(planned.file, next);
    next = row + 1;
    if (row == BuildMemory::none || !reads_new(memory_->outputs[row].facts)) continue;
    if (shows_image(memory_->outputs[row].facts)) return std::nullopt;
    Made made;
    made.row = row;
    auto output = site.render(planned, &made.reads);
    if (!output.ok() || made.reads.is_unsettled() || asks_for_images(made.reads))
      return std::nullopt;
    made.output = std::move(output).value();
    all.push_back(std::move(made));
  }

  // All is well: what was found becomes what is known.
  for (std::size_t i = 0; i < is_new.size(); ++i)
    if (is_new[i] != 0)
      memory_->facts[i].value = facts.value_of(memory_->fact_at(static_cast<std::uint32_t>(i)));
  if (!fact_numbers_) fact_numbers_ = std::make_unique<FactNumbers>(*memory_);
  const auto numbers_of = [&](const ReadSet& reads) {
    const auto value_of = [&](const FactName& fact) { return facts.value_on_record(fact); };
    std::vector<std::uint32_t> numbers;
    for (const std::uint64_t key : reads.keys())
      numbers.push_back(fact_numbers_->of(facts.name_of_key(key), value_of));
    for (const ReadSet::Name& name : reads.names())
      if (Facts::is_fact(name))
        numbers.push_back(fact_numbers_->of({name.kind, name.group, name.name}, value_of));
    return memory_->add_numbers(numbers);
  };
  for (const ContentId id : contents) {
    const Content& content = site.content_of(id);
    const Span32 read = numbers_of(site.rendered_now(id)->reads);
    ContentRow& note = memory_->contents[memory_->find_content(content.file)];
    const ContentHashes hashes = site.content_hashes(id);
    note.body_offset = content.body_offset;
    note.body_line = content.body_line;
    note.word_count = content.word_count;
    note.body_hash = content.body_hash;
    note.html = hashes.html;
    note.summary = hashes.summary;
    note.toc = hashes.toc;
    note.facts = read;
    memory_->files[memory_->find_file(content.file)].look = content.look;
  }
  Outputs outputs = *before;
  for (Made& made : all) {
    memory_->outputs[made.row].facts = numbers_of(made.reads);
    const std::string path = made.output.path;
    const auto old = outputs.find(path);
    if (old == outputs.end() || old->second->bytes != made.output.bytes)
      result.changed.push_back(path);
    outputs.insert_or_assign(path, std::make_shared<const Output>(std::move(made.output)));
  }
  std::sort(result.changed.begin(), result.changed.end());
  result.report.outputs = outputs.size();
  result.report.kept = outputs.size() - all.size();
  outputs_.with([&](auto& held) { held = std::make_shared<const Outputs>(std::move(outputs)); });
  return result;
}

std::shared_ptr<const Output> ResidentBuilder::find(std::string_view path) const {
  const std::shared_ptr<const Outputs> outputs =
      outputs_.with([](const auto& held) { return held; });
  const auto at = outputs->find(std::string(path));
  return at == outputs->end() ? nullptr : at->second;
}

}  // namespace weir::site
