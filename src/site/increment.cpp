#include "site/increment.h"

#include "base/worker_pool.h"

#include <algorithm>
#include <set>

namespace weir::site {

namespace {

using tmpl::ReadGroup;
using tmpl::ReadKind;

constexpr std::string_view config_files[] = {"weir.toml", "zola.toml", "config.toml"};

void add(std::string& to, std::string_view text) {
  to += std::to_string(text.size()) + ':';
  to += text;
}

Hash128 hash_of_options(const BuildOptions& options) {
  std::string all;
  add(all, options.config_file);
  add(all, options.base_url ? "url " + *options.base_url : "");
  add(all, options.settings);
  for (const int choice : {static_cast<int>(options.mode), static_cast<int>(options.drafts),
                           static_cast<int>(options.strictness), static_cast<int>(options.network),
                           static_cast<int>(options.minify)})
    all += static_cast<char>('0' + choice);
  return hash_of_input(all);
}

std::vector<std::string> directories_of(const SiteConfig& config) {
  std::vector<std::string> directories = {"content", "sass", "static", "templates"};
  if (!config.theme.empty()) directories.push_back("themes/" + config.theme);
  return directories;
}

// The configuration and what steers the build without being asked for by name.
Hash128 hash_of_settings(const Site& site, Hash128 options) {
  std::string all = options.hex();
  std::vector<std::string> files(std::begin(config_files), std::end(config_files));
  files.push_back(site.config().file);
  for (const std::string& directory : {std::string(), "themes/" + site.config().theme + '/'})
    for (const std::string_view name : {"static/_headers", "static/_redirects", "theme.toml"})
      files.push_back(directory + std::string(name));
  if (site.config().markdown.highlighting)
    for (const std::string& file : site.config().markdown.highlighting->files)
      files.push_back(file);
  for (const std::string& file : files) {
    const Result<std::string> bytes = site.source().read(file);
    add(all, file);
    add(all, bytes.ok() ? *bytes : "");
    all += bytes.ok() ? '1' : '0';
  }
  // A template that comes or goes may be chosen instead of another.
  for (const std::string& name : site.template_names()) add(all, name);
  return hash_of_input(all);
}

// With the settings, everything that decides which outputs there are and how pages, sections and
// terms stand to each other. While it stays, an edit was one of bodies, templates or data.
Hash128 hash_of_structure(const Site& site) {
  std::string all;
  const auto add_content = [&](const Content& content) {
    add(all, content.relative_path);
    all.append(reinterpret_cast<const char*>(&content.front_hash), sizeof content.front_hash);
    for (const Asset& asset : content.assets) add(all, asset.file);
  };
  for (const Page& page : site.library().pages) add_content(page);
  all += "sections";
  for (const Section& section : site.library().sections) {
    add_content(section);
    all += section.has_file ? '1' : '0';
  }
  for (const Files::Copied& copied : site.files().copied()) {
    add(all, copied.file);
    add(all, copied.target);
  }
  all += "sass";
  for (const std::string& file : site.files().sass()) add(all, file);
  return hash_of_input(all);
}

// What of a site of one structure is always worth the same.
bool is_of_structure(const FactName& fact) {
  switch (fact.kind) {
    case ReadKind::page:
    case ReadKind::section:
      return fact.group == ReadGroup::meta || fact.group == ReadGroup::list ||
             fact.group == ReadGroup::links;
    case ReadKind::term: return true;
    case ReadKind::whole: return fact.name != whole_sass;
    default: return false;
  }
}
// What of a page or section is worth the same as long as its body is.
bool is_of_own_body(const FactName& fact) {
  return (fact.kind == ReadKind::page || fact.kind == ReadKind::section) &&
         (fact.group == ReadGroup::content || fact.group == ReadGroup::summary ||
          fact.group == ReadGroup::toc || fact.group == ReadGroup::size);
}

bool is_copy(const Planned& planned) {
  return planned.kind == OutputKind::asset || planned.kind == OutputKind::static_file;
}

// Read while no body is there yet, these are empty whatever they are later (S-49).
bool is_of_body(const FactName& fact) {
  return fact.group == ReadGroup::content || fact.group == ReadGroup::summary ||
         fact.group == ReadGroup::toc || fact.group == ReadGroup::backlinks;
}
bool is_not_of_body(const FactName& fact) { return !is_of_body(fact); }

// What is dear enough to be shared out, and too cheap to be handed out one by one.
template <class Work>
void for_each_in_chunks(std::size_t count, const BuildOptions& options, Work work) {
  constexpr std::size_t chunk = 256;
  const std::size_t threads = options.threads == 0 ? cores() : options.threads;
  for_each_parallel((count + chunk - 1) / chunk, threads, [&](std::size_t i) {
    for (std::size_t at = i * chunk; at < std::min(count, (i + 1) * chunk); ++at) work(at);
  });
}

}  // namespace

Increment::Increment(Site& site, const BuildOptions& options, const OutputSink& sink)
    : site_(site),
      sink_(sink),
      read_from_(options.before),
      options_(hash_of_options(options)),
      settings_(hash_of_settings(site, options_)),
      structure_(hash_of_structure(site)),
      facts_(site),
      fresh_(site.plan().outputs.size()) {
  if (options.before != nullptr && options.before->settings == settings_) before_ = options.before;
  has_same_structure_ = before_ != nullptr && before_->structure == structure_;
}

bool Increment::holds(Span32 facts) const {
  const auto numbers = before_->numbers_at(facts);
  return std::all_of(numbers.begin(), numbers.end(),
                     [&](std::uint32_t fact) { return holds_[fact] != 0; });
}

// Without a look at the site.
bool Increment::is_as_recorded(const FactName& fact) const {
  if (!has_same_structure_) return false;
  return is_of_structure(fact) || (is_of_own_body(fact) && fresh_contents_.count(fact.name) == 0);
}

void Increment::value_fact(std::uint32_t number) {
  const FactName fact = before_->fact_at(number);
  const Hash128 recorded = before_->facts[number].value;
  if (is_as_recorded(fact)) {
    values_[number] = recorded;
    return;
  }
  const Hash128 value = facts_.value_of(fact);
  holds_[number] = value == recorded;
  // Of the clock there is what was shown; an image has only to be there, since its name says from
  // which bytes it was made and how.
  values_[number] = fact.kind == ReadKind::clock ? recorded : value;
  if (fact.kind == ReadKind::image)
    holds_[number] = sink_.holds(std::string(fact.name), '/' + std::string(fact.name));
}

void Increment::value_facts(bool (*is_wanted)(const FactName& fact)) {
  for_each_in_chunks(before_->facts.size(), site_.options(), [&](std::size_t i) {
    const auto number = static_cast<std::uint32_t>(i);
    if (is_wanted(before_->fact_at(number))) value_fact(number);
  });
}

void Increment::note_fresh(const Content& content, bool is_known) {
  if (!is_known) fresh_contents_.insert(content.relative_path);
}

void Increment::keep_contents() {
  if (before_ == nullptr) return;
  site_.keep_from(*before_);
  values_.resize(before_->facts.size());
  holds_.assign(before_->facts.size(), 1);
  const Library& library = site_.library();
  const std::size_t pages = library.pages.size();
  // First those that were read anew, as their lengths may be others; then those to be rendered.
  for (const Page& page : library.pages) note_fresh(page, page.front_kept.empty());
  for (const Section& section : library.sections) note_fresh(section, section.front_kept.empty());
  value_facts(is_not_of_body);
  for_each_in_chunks(pages + library.sections.size(), site_.options(), [&](std::size_t i) {
    const ContentId id = i < pages ? ContentId{true, static_cast<std::uint32_t>(i)}
                                   : ContentId{false, static_cast<std::uint32_t>(i - pages)};
    const Content& content = site_.content_of(id);
    if (content.row_before == BuildMemory::none) return;
    const ContentRow& row = before_->contents[content.row_before];
    if (row.is_settled != 0 && row.body_hash == content.body_hash &&
        (has_same_structure_ || row.around == facts_.around(id)) && holds(row.facts))
      site_.keep_content(id, content.row_before);
  });
  for (PageId id = 0; id < pages; ++id)
    note_fresh(library.pages[id], site_.kept_row({true, id}) != nullptr);
  for (SectionId id = 0; id < library.sections.size(); ++id)
    note_fresh(library.sections[id], site_.kept_row({false, id}) != nullptr);
}

void Increment::compare_facts() {
  const std::vector<Planned>& outputs = site_.plan().outputs;
  plans_.resize(outputs.size());
  rows_.assign(outputs.size(), BuildMemory::none);
  if (before_ != nullptr) value_facts(is_of_body);
  for_each_in_chunks(outputs.size(), site_.options(), [&](std::size_t i) {
    if (before_ != nullptr)
      rows_[i] = before_->find_output(outputs[i].file, static_cast<std::uint32_t>(i));
    const bool is_known =
        has_same_structure_ && rows_[i] != BuildMemory::none && !is_copy(outputs[i]);
    plans_[i] = is_known ? before_->outputs[rows_[i]].plan : facts_.plan_hash(outputs[i]);
  });
}

bool Increment::is_unchanged(std::size_t output) const {
  if (rows_[output] == BuildMemory::none) return false;
  const OutputRow& row = before_->outputs[rows_[output]];
  return row.is_settled != 0 && row.plan == plans_[output] && holds(row.facts);
}

void Increment::note(std::size_t output, const ReadSet& reads) {
  Fresh& fresh = fresh_[output];
  fresh.is_rendered = true;
  fresh.is_volatile = reads.is_unsettled();
  fresh.keys = reads.keys();
  for (const ReadSet::Name& name : reads.names())
    if (Facts::is_fact(name)) fresh.names.push_back(name);
}

std::vector<std::string> Increment::images_of_kept() const {
  std::set<std::string> images;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (fresh_[i].is_rendered || rows_[i] == BuildMemory::none) continue;
    for (const std::uint32_t number : before_->numbers_at(before_->outputs[rows_[i]].facts))
      if (before_->facts[number].kind == static_cast<std::uint32_t>(ReadKind::image))
        images.emplace(before_->fact_at(number).name);
  }
  return {images.begin(), images.end()};
}

// --- what is left for the next build -------------------------------------------------------------

// Two ways to the same rows. The usual one takes the pools of before over as they are, so that a
// row that is kept is copied and what is new is behind them; facts keep their numbers. Without a
// memory of before, or when half of it is of rows that are no more, the pools are filled anew.
class MemoryWriter {
 public:
  explicit MemoryWriter(const Increment& increment)
      : increment_(increment),
        site_(increment.site_),
        before_(increment.before_),
        takes_over_(before_ != nullptr && !before_->is_sparse()),
        memory_(takes_over_ ? pools_of(increment) : BuildMemory()),
        numbers_(memory_) {
    if (before_ != nullptr && !takes_over_)
      number_of_old_.assign(before_->facts.size(), BuildMemory::none);
  }

  BuildMemory made(const BuildReport& report) {
    memory_.options = increment_.options_;
    memory_.settings = increment_.settings_;
    memory_.structure = increment_.structure_;
    memory_.begun_ns = site_.begun_ns();
    memory_.pages = report.pages;
    memory_.sections = report.sections;
    memory_.orphans = report.orphans;
    memory_.warnings = report.warnings;
    memory_.made = report.outputs;
    note_contents();
    note_outputs();
    note_files();
    for (const ContentRow& row : memory_.contents) memory_.has_unsettled |= 1 - row.is_settled;
    for (const OutputRow& row : memory_.outputs) memory_.has_unsettled |= 1 - row.is_settled;
    return std::move(memory_);
  }

 private:
  static BuildMemory pools_of(const Increment& increment) {
    const BuildMemory& before = *increment.before_;
    BuildMemory memory;
    memory.ids = before.ids;
    memory.links = before.links;
    memory.numbers = before.numbers;
    memory.text = before.text;
    memory.facts = before.facts;
    for (std::size_t i = 0; i < memory.facts.size(); ++i)
      memory.facts[i].value = increment.values_[i];
    return memory;
  }

  TextPlace text(std::string_view text) { return memory_.add_text(text); }
  TextPlace taken(TextPlace place) {
    return takes_over_ ? place : memory_.add_text(before_->text_at(place));
  }
  std::uint32_t number_of(const FactName& fact) {
    return numbers_.of(
        fact, [this](const FactName& one) { return increment_.facts_.value_on_record(one); });
  }
  Span32 taken_facts(Span32 facts) {
    if (takes_over_) return facts;
    std::vector<std::uint32_t> all;
    for (const std::uint32_t fact : before_->numbers_at(facts)) {
      std::uint32_t& number = number_of_old_[fact];
      if (number == BuildMemory::none)
        number = numbers_.of(before_->fact_at(fact),
                             [&](const FactName&) { return increment_.values_[fact]; });
      all.push_back(number);
    }
    return memory_.add_numbers(all);
  }
  Span32 facts_of(const std::vector<std::uint64_t>& keys, const std::vector<ReadSet::Name>& names) {
    std::vector<std::uint32_t> all;
    all.reserve(keys.size() + names.size());
    for (const std::uint64_t key : keys)
      if (Facts::is_fact(key)) all.push_back(number_of(increment_.facts_.name_of_key(key)));
    for (const ReadSet::Name& name : names)
      if (Facts::is_fact(name)) all.push_back(number_of({name.kind, name.group, name.name}));
    return memory_.add_numbers(all);
  }

  ContentRow content_row(ContentId id) {
    const Content& content = site_.content_of(id);
    // Front matter is remembered also where the memory is good for nothing else.
    const BuildMemory* read_from = increment_.read_from_;
    const ContentRow* old = read_from == nullptr || content.row_before == BuildMemory::none
                                ? nullptr
                                : &read_from->contents[content.row_before];
    ContentRow row;
    row.file = old != nullptr && takes_over_ ? old->file : text(content.file);
    if (old == nullptr || old->front_hash != content.front_hash) {
      row.front = text(content.front_kept);
    } else {
      row.front = takes_over_ ? old->front : text(read_from->text_at(old->front));
    }
    row.body_offset = content.body_offset;
    row.body_line = content.body_line;
    row.word_count = content.word_count;
    row.front_hash = content.front_hash;
    row.body_hash = content.body_hash;
    if (const ContentRow* kept = site_.kept_row(id)) {
      take_body(*kept, row);
    } else {
      note_body(id, row);
    }
    return row;
  }
  void take_body(const ContentRow& kept, ContentRow& row) {
    row.is_settled = 1;
    row.around = kept.around;
    row.html = kept.html;
    row.summary = kept.summary;
    row.toc = kept.toc;
    row.facts = taken_facts(kept.facts);
    row.ids = kept.ids;
    row.links = kept.links;
    if (takes_over_) return;
    row.ids.first = static_cast<std::uint32_t>(memory_.ids.size());
    for (std::uint32_t i = 0; i < kept.ids.count; ++i)
      memory_.ids.push_back(taken(before_->ids[kept.ids.first + i]));
    row.links.first = static_cast<std::uint32_t>(memory_.links.size());
    for (std::uint32_t i = 0; i < kept.links.count; ++i) {
      const LinkRow& link = before_->links[kept.links.first + i];
      memory_.links.push_back({taken(link.target), link.line, link.column});
    }
  }
  void note_body(ContentId id, ContentRow& row) {
    const std::shared_ptr<const Rendered> rendered = site_.rendered_now(id);
    if (rendered == nullptr || rendered->reads.is_unsettled() || !rendered->warnings.empty() ||
        !rendered->plain_code.empty())
      return;
    row.is_settled = 1;
    row.around = increment_.facts_.around(id);
    const ContentHashes hashes = site_.content_hashes(id);
    row.html = hashes.html;
    row.summary = hashes.summary;
    row.toc = hashes.toc;
    row.ids = {static_cast<std::uint32_t>(memory_.ids.size()),
               static_cast<std::uint32_t>(rendered->ids.size())};
    for (const std::string& id_text : rendered->ids) memory_.ids.push_back(text(id_text));
    row.links = {static_cast<std::uint32_t>(memory_.links.size()),
                 static_cast<std::uint32_t>(rendered->internal_links.size())};
    for (const text::FoundLink& link : rendered->internal_links)
      memory_.links.push_back({text(link.target), link.place.line, link.place.column});
    const std::set<ReadSet::Name>& names = rendered->reads.names();
    row.facts = facts_of(rendered->reads.keys(), {names.begin(), names.end()});
  }
  void note_contents() {
    const Library& library = site_.library();
    memory_.contents.reserve(library.pages.size() + library.sections.size());
    for (PageId id = 0; id < library.pages.size(); ++id)
      memory_.contents.push_back(content_row({true, id}));
    const auto pages = static_cast<std::ptrdiff_t>(memory_.contents.size());
    for (SectionId id = 0; id < library.sections.size(); ++id)
      if (library.sections[id].has_file) memory_.contents.push_back(content_row({false, id}));
    // Both are in the order of their paths.
    std::inplace_merge(memory_.contents.begin(), memory_.contents.begin() + pages,
                       memory_.contents.end(), [&](const ContentRow& a, const ContentRow& b) {
                         return memory_.text_at(a.file) < memory_.text_at(b.file);
                       });
  }

  OutputRow output_row(std::size_t i) {
    const Planned& planned = site_.plan().outputs[i];
    const std::uint32_t old = increment_.rows_[i];
    OutputRow row;
    row.file = old == BuildMemory::none ? text(planned.file) : taken(before_->outputs[old].file);
    row.plan = increment_.plans_[i];
    const Increment::Fresh& fresh = increment_.fresh_[i];
    if (!fresh.is_rendered) {
      row.is_settled = 1;
      row.facts = taken_facts(before_->outputs[old].facts);
      return row;
    }
    bool is_settled = !fresh.is_volatile;
    if (is_copy(planned) && !planned.origin.starts_with("builtin:")) {
      const Result<std::optional<FoundFile>> file = site_.source().look(planned.origin);
      is_settled = file.ok() && *file && !site_.is_racy(look_of(**file));
    }
    row.is_settled = is_settled ? 1 : 0;
    if (is_settled) row.facts = facts_of(fresh.keys, fresh.names);
    return row;
  }
  void note_outputs() {
    const std::size_t count = site_.plan().outputs.size();
    // In the order that the rows of before have; those that are new are sorted in.
    std::vector<std::uint32_t> plan_of_row(before_ == nullptr ? 0 : before_->outputs.size(),
                                           BuildMemory::none);
    std::vector<std::uint32_t> added;
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = static_cast<std::uint32_t>(i);
      if (increment_.rows_[i] == BuildMemory::none) added.push_back(number);
      else plan_of_row[increment_.rows_[i]] = number;
    }
    memory_.outputs.reserve(count);
    for (const std::uint32_t i : plan_of_row)
      if (i != BuildMemory::none) memory_.outputs.push_back(output_row(i));
    const auto old_rows = static_cast<std::ptrdiff_t>(memory_.outputs.size());
    for (const std::uint32_t i : added) memory_.outputs.push_back(output_row(i));
    const auto by_file = [&](const OutputRow& a, const OutputRow& b) {
      return memory_.text_at(a.file) < memory_.text_at(b.file);
    };
    std::sort(memory_.outputs.begin() + old_rows, memory_.outputs.end(), by_file);
    std::inplace_merge(memory_.outputs.begin(), memory_.outputs.begin() + old_rows,
                       memory_.outputs.end(), by_file);
  }

  TextPlace path_text(std::string_view path) {
    if (before_ != nullptr) {
      const std::uint32_t row = before_->find_file(path, next_file_);
      if (row != BuildMemory::none) {
        next_file_ = row + 1;
        return taken(before_->files[row].path);
      }
    }
    return text(path);
  }
  void note_files() {
    std::vector<FileRow>& rows = memory_.files;
    for (const std::string& directory : directories_of(site_.config())) {
      memory_.directories.push_back(text(directory));
      const Result<SiteSource::SharedListing> listing = site_.source().listing(directory);
      if (!listing.ok()) continue;
      for (const FoundFile& file : (*listing)->files)
        rows.push_back({path_text(file.path), look_of(file)});
    }
    // In the order of the directories' names, which are no prefixes of each other.
    const auto by_path = [&](const FileRow& a, const FileRow& b) {
      return memory_.text_at(a.path) < memory_.text_at(b.path);
    };
    if (!std::is_sorted(rows.begin(), rows.end(), by_path))
      std::sort(rows.begin(), rows.end(), by_path);
    // What was read is as old as the reading, not as this look.
    std::uint32_t next = 0;
    const auto note_content = [&](const Content& content) {
      if (!content.has_text) return;
      const std::uint32_t row = memory_.find_file(content.file, next);
      if (row == BuildMemory::none) return;  // it went meanwhile
      rows[row].look = content.look;
      next = row + 1;
    };
    for (const Page& page : site_.library().pages) note_content(page);
    for (const Section& section : site_.library().sections) note_content(section);
    note_paths();
  }
  // What is read outside of the directories.
  void note_paths() {
    std::set<std::string> paths(std::begin(config_files), std::end(config_files));
    paths.insert(site_.config().file);
    if (const auto& highlighting = site_.config().markdown.highlighting)
      paths.insert(highlighting->files.begin(), highlighting->files.end());
    // A path is looked for in the root first, and what lies there is in no directory of the list.
    for (std::uint32_t i = 0; i < memory_.facts.size(); ++i) {
      const FactName fact = memory_.fact_at(i);
      if (fact.kind != ReadKind::lookup) continue;
      const std::size_t begin = fact.name.find_first_not_of('/');
      if (begin != std::string::npos && !fact.name.starts_with('@'))
        paths.emplace(fact.name.substr(begin));
    }
    std::vector<FileRow>& rows = memory_.files;
    const auto listed = static_cast<std::ptrdiff_t>(rows.size());
    std::vector<FileRow> added;
    for (const std::string& path : paths) {
      const Result<std::optional<FoundFile>> file = site_.source().look(path);
      if (!file.ok() || !*file) {
        memory_.absent.push_back(text(path));
      } else if (memory_.find_file(path) == BuildMemory::none) {
        added.push_back({text(path), look_of(**file)});
      }
    }
    rows.insert(rows.end(), added.begin(), added.end());
    std::inplace_merge(rows.begin(), rows.begin() + listed, rows.end(),
                       [&](const FileRow& a, const FileRow& b) {
                         return memory_.text_at(a.path) < memory_.text_at(b.path);
                       });
  }

  const Increment& increment_;
  Site& site_;
  const BuildMemory* const before_;
  const bool takes_over_;
  BuildMemory memory_;
  FactNumbers numbers_;
  std::vector<std::uint32_t> number_of_old_;
  std::uint32_t next_file_ = 0;
};

BuildMemory Increment::take_memory(const BuildReport& report) {
  return MemoryWriter(*this).made(report);
}

bool is_nothing_changed(const SiteSource& source, const BuildOptions& options,
                        const BuildMemory& before) {
  if (before.has_unsettled || before.warnings != 0 || before.options != hash_of_options(options))
    return false;
  for (std::uint32_t i = 0; i < before.facts.size(); ++i) {
    const FactRow& row = before.facts[i];
    if (row.kind == static_cast<std::uint32_t>(ReadKind::clock) &&
        value_of_time(before.fact_at(i), *options.clock) != row.value && before.is_read(i))
      return false;
  }
  // Both are sorted, so each file is met in its turn.
  std::vector<std::uint8_t> seen(before.files.size());
  std::uint32_t next = 0;
  const auto is_same = [&](const FoundFile& file) {
    const std::uint32_t row = before.find_file(file.path, next);
    if (row == BuildMemory::none) return false;
    next = row + 1;
    seen[row] = 1;
    const FileLook& look = before.files[row].look;
    return look == look_of(file) && !before.is_racy(look);
  };
  for (const TextPlace directory : before.directories) {
    const Result<SiteSource::SharedListing> listing = source.listing(before.text_at(directory));
    if (!listing.ok() || !(*listing)->left_out.empty()) return false;
    if (!std::all_of((*listing)->files.begin(), (*listing)->files.end(), is_same)) return false;
  }
  for (std::uint32_t row = 0; row < before.files.size(); ++row) {
    if (seen[row] != 0) continue;
    const Result<std::optional<FoundFile>> file =
        source.look(before.text_at(before.files[row].path));
    if (!file.ok() || !*file || !is_same(**file)) return false;
  }
  return std::none_of(before.absent.begin(), before.absent.end(), [&](TextPlace path) {
    const Result<std::optional<FoundFile>> file = source.look(before.text_at(path));
    return file.ok() && *file;
  });
}

}  // namespace weir::site
