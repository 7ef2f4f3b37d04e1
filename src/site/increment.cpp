#include "site/increment.h"

#include "base/worker_pool.h"

#include <algorithm>

namespace weir::site {

namespace {

using tmpl::ReadGroup;
using tmpl::ReadKind;

constexpr std::string_view config_files[] = {"weir.toml", "zola.toml", "config.toml"};

FileLook look_of(const FoundFile& file) { return {file.bytes, file.modified_ns, file.changed_ns}; }

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

// Read while no body is there yet, these are empty whatever they are later (S-49).
constexpr std::uint32_t unknown = 0xffff'ffff;

bool is_of_body(ReadGroup group) {
  return group == ReadGroup::content || group == ReadGroup::summary || group == ReadGroup::toc ||
         group == ReadGroup::backlinks;
}

}  // namespace

bool asks_for_images(const ReadSet& reads) {
  return std::any_of(reads.names().begin(), reads.names().end(), [](const ReadSet::Name& name) {
    return name.kind == ReadKind::image && name.name.starts_with("processed_images/");
  });
}

Increment::Increment(Site& site, const BuildOptions& options)
    : site_(site),
      options_(hash_of_options(options)),
      settings_(hash_of_settings(site, options_)),
      facts_(site),
      fresh_(site.plan().outputs.size()) {
  if (options.before != nullptr && options.before->settings == settings_) before_ = options.before;
}

Hash128 Increment::around(ContentId id) const {
  const Content& content = site_.content_of(id);
  const Library& library = site_.library();
  std::string all;
  add(all, content.permalink);
  add(all, content.relative_path);
  add(all, content.front_hash.hex());
  const SectionId owner = id.is_page ? library.pages[id.id].section : id.id;
  if (owner != no_id) add(all, library.sections[owner].front_hash.hex());
  return hash_of_input(all);
}

bool Increment::holds(const std::vector<std::uint32_t>& facts) const {
  return std::all_of(facts.begin(), facts.end(), [&](std::uint32_t fact) { return holds_[fact]; });
}

void Increment::keep_contents() {
  if (before_ == nullptr) return;
  holds_.resize(before_->facts.size());
  for (std::size_t i = 0; i < holds_.size(); ++i) {
    const FactName& fact = before_->facts[i];
    holds_[i] = is_of_body(fact.group) || facts_.value_of(fact) == before_->values[i];
  }
  const auto keep = [&](ContentId id) {
    const Content& content = site_.content_of(id);
    const auto note = before_->contents.find(content.file);
    if (note == before_->contents.end() || !note->second.is_settled) return;
    if (note->second.body_hash == content.body_hash && note->second.around == around(id) &&
        holds(note->second.facts))
      site_.keep_content(id, note->second);
  };
  const Library& library = site_.library();
  for (PageId id = 0; id < library.pages.size(); ++id) keep({true, id});
  for (SectionId id = 0; id < library.sections.size(); ++id) keep({false, id});
}

void Increment::compare_facts() {
  const std::vector<Planned>& outputs = site_.plan().outputs;
  plans_.resize(outputs.size());
  const std::size_t threads = site_.options().threads == 0 ? cores() : site_.options().threads;
  for_each_parallel(outputs.size(), threads,
                    [&](std::size_t i) { plans_[i] = facts_.plan_hash(outputs[i]); });
  if (before_ == nullptr) return;
  for (std::size_t i = 0; i < holds_.size(); ++i) {
    const FactName& fact = before_->facts[i];
    if (is_of_body(fact.group)) holds_[i] = facts_.value_of(fact) == before_->values[i];
  }
}

bool Increment::is_unchanged(std::size_t output) const {
  if (before_ == nullptr) return false;
  const auto note = before_->outputs.find(site_.plan().outputs[output].file);
  return note != before_->outputs.end() && note->second.is_settled &&
         note->second.plan == plans_[output] && holds(note->second.facts);
}

void Increment::note(std::size_t output, const ReadSet& reads) {
  Fresh& fresh = fresh_[output];
  fresh.is_rendered = true;
  fresh.is_volatile = reads.is_volatile() || asks_for_images(reads);
  fresh.keys = reads.keys();
  for (const ReadSet::Name& name : reads.names())
    if (Facts::is_fact(name.kind)) fresh.names.push_back(name);
}

std::uint32_t Increment::number_of(FactNumbers& numbers, FactName fact) {
  return numbers.of(std::move(fact), [this](const FactName& one) { return facts_.value_of(one); });
}

std::vector<std::uint32_t> Increment::numbers_of(FactNumbers& all,
                                                 const std::vector<std::uint32_t>& old) {
  if (number_of_old_.empty()) number_of_old_.assign(before_->facts.size(), unknown);
  std::vector<std::uint32_t> numbers;
  numbers.reserve(old.size());
  for (const std::uint32_t fact : old) {
    std::uint32_t& number = number_of_old_[fact];
    if (number == unknown) number = number_of(all, before_->facts[fact]);
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::uint32_t> Increment::numbers_of(FactNumbers& all,
                                                 const std::vector<std::uint64_t>& keys,
                                                 const std::vector<ReadSet::Name>& names) {
  std::vector<std::uint32_t> numbers;
  numbers.reserve(keys.size() + names.size());
  std::uint64_t kind = 0;
  std::vector<std::uint32_t>* known = nullptr;
  for (const std::uint64_t key : keys) {
    if (known == nullptr || key >> 32 != kind) {
      kind = key >> 32;
      known = &numbers_of_kind_[kind];
    }
    const std::uint32_t id = key_id(key);
    if (id >= known->size())
      known->resize(std::max<std::size_t>(id + 1, 2 * known->size()), unknown);
    std::uint32_t& number = (*known)[id];
    if (number == unknown) number = number_of(all, facts_.name_of_key(key));
    numbers.push_back(number);
  }
  for (const ReadSet::Name& name : names)
    numbers.push_back(number_of(all, {name.kind, name.group, name.name}));
  return numbers;
}

void Increment::note_files(BuildMemory& memory) const {
  memory.directories = directories_of(site_.config());
  for (const std::string& directory : memory.directories) {
    const Result<RootDirectory::Listing> listing = site_.source().list(directory);
    if (!listing.ok()) continue;
    for (const FoundFile& file : listing->files) memory.files.emplace(file.path, look_of(file));
  }
  // What was read is as old as the reading, not as this look.
  const auto note_content = [&](const Content& content) {
    if (content.has_text) memory.files[content.file] = content.look;
  };
  for (const Page& page : site_.library().pages) note_content(page);
  for (const Section& section : site_.library().sections) note_content(section);

  const auto note_path = [&](const std::string& path) {
    const Result<std::optional<FoundFile>> file = site_.source().look(path);
    if (file.ok() && *file) {
      memory.files.emplace(path, look_of(**file));
    } else {
      memory.absent.push_back(path);
    }
  };
  for (const std::string_view file : config_files) note_path(std::string(file));
  note_path(site_.config().file);
  if (site_.config().markdown.highlighting)
    for (const std::string& file : site_.config().markdown.highlighting->files) note_path(file);
  // A path is looked for in the root first, and what lies there is in no directory of the list.
  for (const FactName& fact : memory.facts) {
    if (fact.kind != ReadKind::lookup) continue;
    const std::size_t begin = fact.name.find_first_not_of('/');
    if (begin != std::string::npos && !fact.name.starts_with('@'))
      note_path(fact.name.substr(begin));
  }
}

void Increment::note_contents(BuildMemory& memory, FactNumbers& all) {
  const auto note = [&](ContentId id) {
    const Content& content = site_.content_of(id);
    ContentNote& fresh = memory.contents[content.file];
    fresh.front = content.front_kept;
    fresh.body_offset = content.body_offset;
    fresh.body_line = content.body_line;
    fresh.word_count = content.word_count;
    fresh.front_hash = content.front_hash;
    fresh.body_hash = content.body_hash;
    fresh.around = around(id);
    if (const ContentNote* kept = site_.kept_note(id); kept != nullptr) {
      fresh.is_settled = true;
      fresh.html = kept->html;
      fresh.summary = kept->summary;
      fresh.toc = kept->toc;
      fresh.ids = kept->ids;
      fresh.internal_links = kept->internal_links;
      fresh.facts = numbers_of(all, kept->facts);
      return;
    }
    const std::shared_ptr<const Rendered> rendered = site_.rendered_now(id);
    if (rendered == nullptr || rendered->reads.is_volatile() || asks_for_images(rendered->reads) ||
        !rendered->warnings.empty() || !rendered->plain_code.empty())
      return;
    fresh.is_settled = true;
    const ContentHashes hashes = site_.content_hashes(id);
    fresh.html = hashes.html;
    fresh.summary = hashes.summary;
    fresh.toc = hashes.toc;
    fresh.ids = rendered->ids;
    for (const text::FoundLink& link : rendered->internal_links)
      fresh.internal_links.push_back({link.target, link.place.line, link.place.column});
    std::vector<ReadSet::Name> names;
    for (const ReadSet::Name& name : rendered->reads.names())
      if (Facts::is_fact(name.kind)) names.push_back(name);
    fresh.facts = numbers_of(all, rendered->reads.keys(), names);
  };
  const Library& library = site_.library();
  for (PageId id = 0; id < library.pages.size(); ++id) note({true, id});
  for (SectionId id = 0; id < library.sections.size(); ++id)
    if (library.sections[id].has_file) note({false, id});
}

void Increment::note_outputs(BuildMemory& memory, FactNumbers& all) {
  const std::vector<Planned>& outputs = site_.plan().outputs;
  memory.outputs.reserve(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    OutputNote& fresh = memory.outputs[outputs[i].file];
    fresh.plan = plans_[i];
    if (!fresh_[i].is_rendered) {
      fresh.is_settled = true;
      fresh.facts = numbers_of(all, before_->outputs.at(outputs[i].file).facts);
      continue;
    }
    fresh.is_settled = !fresh_[i].is_volatile;
    const bool is_copy =
        outputs[i].kind == OutputKind::asset || outputs[i].kind == OutputKind::static_file;
    if (is_copy && !outputs[i].origin.starts_with("builtin:")) {
      const Result<std::optional<FoundFile>> file = site_.source().look(outputs[i].origin);
      fresh.is_settled = file.ok() && *file && !site_.is_racy(look_of(**file));
    }
    if (fresh.is_settled) fresh.facts = numbers_of(all, fresh_[i].keys, fresh_[i].names);
  }
}

BuildMemory Increment::take_memory(const BuildReport& report) {
  BuildMemory memory;
  memory.options = options_;
  memory.settings = settings_;
  memory.begun_ns = site_.begun_ns();
  memory.pages = report.pages;
  memory.sections = report.sections;
  memory.orphans = report.orphans;
  memory.warnings = report.warnings;
  FactNumbers numbers(memory);
  note_contents(memory, numbers);
  note_outputs(memory, numbers);
  note_files(memory);
  for (const auto& [file, note] : memory.contents) memory.has_unsettled |= !note.is_settled;
  for (const auto& [file, note] : memory.outputs) memory.has_unsettled |= !note.is_settled;
  return memory;
}

bool is_nothing_changed(const SiteSource& source, const BuildOptions& options,
                        const BuildMemory& before) {
  if (before.has_unsettled || before.warnings != 0 || before.options != hash_of_options(options))
    return false;
  std::size_t seen = 0;
  const auto is_same = [&](const FoundFile& file) {
    const auto known = before.files.find(file.path);
    ++seen;
    return known != before.files.end() && known->second == look_of(file) &&
           !before.is_racy(known->second);
  };
  const auto is_listed = [&](std::string_view path) {
    return std::any_of(before.directories.begin(), before.directories.end(),
                       [&](const std::string& directory) {
                         return path.size() > directory.size() && path.starts_with(directory) &&
                                path[directory.size()] == '/';
                       });
  };
  for (const std::string& directory : before.directories) {
    const Result<RootDirectory::Listing> listing = source.list(directory);
    if (!listing.ok() || !listing->left_out.empty()) return false;
    if (!std::all_of(listing->files.begin(), listing->files.end(), is_same)) return false;
  }
  for (const auto& [path, look] : before.files) {
    if (is_listed(path)) continue;
    const Result<std::optional<FoundFile>> file = source.look(path);
    if (!file.ok() || !*file || !is_same(**file)) return false;
  }
  for (const std::string& path : before.absent) {
    const Result<std::optional<FoundFile>> file = source.look(path);
    if (file.ok() && *file) return false;
  }
  return seen == before.files.size();
}

}  // namespace weir::site
