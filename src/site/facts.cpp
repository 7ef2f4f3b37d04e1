#include "site/facts.h"

#include "template/shown_time.h"

#include <algorithm>

namespace weir::site {

namespace {

using tmpl::ReadGroup;
using tmpl::ReadKind;

constexpr Hash128 nowhere{1, 0};  // the fact is about something that does not exist

class Digest {
 public:
  Digest() { bytes_.reserve(256); }
  Digest& add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    bytes_ += text;
    return *this;
  }
  Digest& add(std::uint64_t number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
    return *this;
  }
  Digest& add(const Hash128& hash) { return add(hash.low).add(hash.high); }
  Digest& add(const FileLook& look) {
    return add(look.bytes)
        .add(static_cast<std::uint64_t>(look.modified_ns))
        .add(static_cast<std::uint64_t>(look.changed_ns));
  }
  Hash128 value() const { return hash_of_input(bytes_); }

 private:
  std::string bytes_;
};

void add_meta(Digest& digest, const Content& content) {
  digest.add(content.relative_path)
      .add(content.path)
      .add(content.permalink)
      .add(content.front_hash);
  for (const Asset& asset : content.assets) digest.add(asset.file);
}

void add_dates(Digest& digest, const Page& page) {
  digest.add(page.permalink);
  for (const std::optional<Dated>* date : {&page.front.date, &page.front.updated})
    digest.add(*date ? std::string_view((*date)->text) : std::string_view());
}

// Of all that decides about its entries and what they show; the order follows from that.
void add_sitemap(Digest& digest, const Library& library) {
  for (const Page& page : library.pages) {
    if (!page.front.render) continue;
    digest.add(page.relative_path);  // the tags name it
    add_dates(digest, page);
    const text::Value::Object* extra = page.front.extra.object();
    if (extra != nullptr && !extra->empty()) digest.add(encode_value(page.front.extra));
  }
  const auto add_pagers = [&](std::size_t count, const std::optional<std::size_t>& paginate_by) {
    // As the sitemap counts them: none of an empty list (plan.h: sitemap_entries_of).
    digest.add(paginate_by ? (count + *paginate_by - 1) / *paginate_by : 0);
  };
  for (const Section& section : library.sections) {
    add_meta(digest, section);
    add_pagers(section.pages.size(), section.front.paginate_by);
  }
  for (const Taxonomy& taxonomy : library.taxonomies) {
    digest.add(taxonomy.permalink);
    for (const Term& term : taxonomy.terms) {
      digest.add(term.permalink);
      add_pagers(term.pages.size(), taxonomy.config->paginate_by);
    }
  }
}

}  // namespace

bool Facts::is_fact(const ReadSet::Name& name) {
  switch (name.kind) {
    case ReadKind::template_file:
    case ReadKind::page:
    case ReadKind::section:
    case ReadKind::term:
    case ReadKind::lookup:
    case ReadKind::clock:
    case ReadKind::whole: return true;
    case ReadKind::config:
    case ReadKind::translation:
    case ReadKind::image: return is_resized_image(name);
    case ReadKind::data:
    case ReadKind::environment:
    case ReadKind::volatile_: break;
  }
  return false;
}

FactName Facts::name_of_key(std::uint64_t key) const {
  FactName fact{key_kind(key), key_group(key), {}};
  const std::uint32_t id = key_id(key);
  if (fact.kind == ReadKind::page) fact.name = site_.library().pages[id].relative_path;
  if (fact.kind == ReadKind::section) fact.name = site_.library().sections[id].relative_path;
  if (fact.kind == ReadKind::template_file) fact.name = site_.template_names()[id];
  return fact;
}

Hash128 Facts::value_of(const FactName& fact) const {
  switch (fact.kind) {
    case ReadKind::page: {
      const PageId id = site_.library().page_of(fact.name);
      return id == no_id ? nowhere : page(fact.group, id);
    }
    case ReadKind::section: {
      const SectionId id = site_.library().section_of(fact.name);
      return id == no_id ? nowhere : section(fact.group, id);
    }
    case ReadKind::template_file: {
      const std::optional<std::uint32_t> id = site_.engine().template_id(fact.name);
      return id ? site_.template_hash(*id) : nowhere;
    }
    case ReadKind::term: return term(fact.name);
    case ReadKind::lookup: return lookup(fact.name);
    case ReadKind::image: return hash_of_input(fact.name);
    case ReadKind::clock: return value_of_time(fact, *site_.options().clock);
    default: return whole(fact.name);
  }
}

Hash128 Facts::value_on_record(const FactName& fact) const {
  if (fact.kind != ReadKind::clock) return value_of(fact);
  const std::optional<std::string_view> shown = tmpl::text_shown(fact.name);
  return shown ? hash_of_input(*shown) : nowhere;
}

Hash128 value_of_time(const FactName& fact, const Clock& clock) {
  const std::optional<std::string> shown = tmpl::text_shown_now(fact.name, clock);
  return shown ? hash_of_input(*shown) : Hash128{2, 0};  // never what is on record
}

Hash128 Facts::around(ContentId id) const {
  const Content& content = site_.content_of(id);
  const Library& library = site_.library();
  Digest digest;
  digest.add(content.permalink).add(content.relative_path).add(content.front_hash);
  const SectionId owner = id.is_page ? library.pages[id.id].section : id.id;
  if (owner != no_id) digest.add(library.sections[owner].front_hash);
  return digest.value();
}

// What pages and sections have in common, of the groups that depend on their bodies or neighbours.
Hash128 Facts::content(ReadGroup group, ContentId id) const {
  const Content& content = site_.content_of(id);
  Digest digest;
  const auto add_other = [&](const ContentId& other) { add_meta(digest, site_.content_of(other)); };
  switch (group) {
    case ReadGroup::content: return site_.content_hashes(id).html;
    case ReadGroup::summary: return site_.content_hashes(id).summary;
    case ReadGroup::toc: return site_.content_hashes(id).toc;
    case ReadGroup::size: return digest.add(content.word_count).value();
    case ReadGroup::backlinks:
      for (const Backlink& link : site_.backlinks_of(id))
        add_other(link.page != no_id ? ContentId{true, link.page} : ContentId{false, link.section});
      return digest.value();
    case ReadGroup::links:
      for (const SectionId ancestor : content.ancestors)
        digest.add(site_.library().sections[ancestor].relative_path);
      if (content.translations != no_id)
        for (const Translation& one : site_.library().translations[content.translations])
          add_other(one.page != no_id ? ContentId{true, one.page} : ContentId{false, one.section});
      return digest.value();
    case ReadGroup::meta:
    case ReadGroup::list: break;
  }
  add_meta(digest, content);
  return digest.value();
}

Hash128 Facts::page(ReadGroup group, PageId id) const {
  const Page& page = site_.library().pages[id];
  const auto path_of = [&](PageId other) {
    return other == no_id ? std::string_view() : site_.library().pages[other].relative_path;
  };
  Digest digest;
  digest.add(content(group, {true, id}));
  if (group == ReadGroup::meta) digest.add(page.template_name);
  if (group == ReadGroup::links) digest.add(path_of(page.lower)).add(path_of(page.higher));
  return digest.value();
}

Hash128 Facts::section(ReadGroup group, SectionId id) const {
  const Section& section = site_.library().sections[id];
  Digest digest;
  digest.add(content(group, {false, id}));
  if (group == ReadGroup::list) {
    for (const std::vector<PageId>* pages : {&section.pages, &section.unsorted}) {
      digest.add(pages->size());
      for (const PageId page : *pages) digest.add(site_.library().pages[page].relative_path);
    }
    for (const SectionId below : section.subsections)
      digest.add(site_.library().sections[below].relative_path);
  }
  return digest.value();
}

// "tags" or "tags/weir", in all languages: of the first all terms, of the second its pages.
Hash128 Facts::term(std::string_view name) const {
  const std::string_view taxonomy_slug = name.substr(0, name.find('/'));
  const std::string_view term_slug =
      taxonomy_slug.size() == name.size() ? "" : name.substr(taxonomy_slug.size() + 1);
  Digest digest;
  for (const Taxonomy& taxonomy : site_.library().taxonomies) {
    if (taxonomy.config->slug != taxonomy_slug) continue;
    digest.add(taxonomy.permalink);
    for (const Term& term : taxonomy.terms) {
      if (term_slug.empty()) digest.add(term.slug).add(term.name).add(term.pages.size());
      if (term.slug != term_slug) continue;
      digest.add(term.name).add(term.permalink);
      for (const PageId page : term.pages) digest.add(site_.library().pages[page].relative_path);
    }
  }
  return digest.value();
}

Hash128 Facts::lookup(std::string_view path) const {
  const Result<std::optional<std::string>> found = site_.files().find(path);
  if (!found.ok() || !*found) return nowhere;
  Digest digest;
  digest.add(**found);
  const Result<std::optional<FoundFile>> file = site_.source().look(**found);
  if (!file.ok() || !*file) return nowhere;
  const FileLook look{(*file)->bytes, (*file)->modified_ns, (*file)->changed_ns};
  if (!site_.is_racy(look)) return digest.add(look).value();
  const Result<std::string> bytes = site_.source().read(**found);
  return bytes.ok() ? digest.add(*bytes).value() : nowhere;
}

Hash128 Facts::whole(std::string_view name) const {
  Digest digest;
  const Library& library = site_.library();
  const auto language_behind = [&](std::string_view begin) {
    return name.starts_with(begin) ? site_.config().language_of(name.substr(begin.size()))
                                   : std::nullopt;
  };
  if (const auto language = language_behind(whole_dates)) {
    for (const Page& page : library.pages)
      if (page.language == *language) add_dates(digest, page);
  } else if (const auto searched = language_behind(whole_searched)) {
    for (const Section& section : library.sections) {
      if (section.language != *searched || !section.front.in_search_index) continue;
      digest.add(section.relative_path).add(section.front.redirect_to ? 1 : 0);
      for (const PageId page : section.pages)
        if (library.pages[page].front.in_search_index)
          digest.add(library.pages[page].relative_path);
    }
  } else if (name == whole_sitemap) {
    add_sitemap(digest, library);
  } else if (name == whole_sass) {
    for (const std::string& directory :
         {std::string("sass"), "themes/" + site_.config().theme + "/sass"}) {
      const Result<SiteSource::SharedListing> listing = site_.source().listing(directory);
      if (!listing.ok()) continue;
      for (const FoundFile& file : (*listing)->files) {
        digest.add(file.path);
        const FileLook look{file.bytes, file.modified_ns, file.changed_ns};
        if (!site_.is_racy(look)) digest.add(look);
        else digest.add(site_.source().read(file.path).value_or(std::string()));
      }
    }
  }
  return digest.value();
}

Hash128 Facts::plan_hash(const Planned& planned) const {
  const Library& library = site_.library();
  Digest digest;
  digest.add(static_cast<std::uint64_t>(planned.kind))
      .add(planned.path)
      .add(planned.file)
      .add(planned.origin)
      .add(planned.language)
      .add(planned.pager)
      .add(planned.name)
      .add(planned.redirect)
      .add(planned.sitemap_part);
  if (planned.page != no_id) digest.add(library.pages[planned.page].relative_path);
  if (planned.section != no_id) digest.add(library.sections[planned.section].relative_path);
  if (planned.taxonomy != no_id) digest.add(library.taxonomies[planned.taxonomy].path);
  if (planned.term != no_id)
    digest.add(library.taxonomies[planned.taxonomy].terms[planned.term].slug);
  // The template is chosen by the page's or section's own words.
  if (planned.page != no_id) add_meta(digest, library.pages[planned.page]);
  if (planned.section != no_id) add_meta(digest, library.sections[planned.section]);
  const bool is_copy = planned.kind == OutputKind::asset || planned.kind == OutputKind::static_file;
  if (is_copy && !planned.origin.starts_with("builtin:")) {
    const Result<std::optional<FoundFile>> file = site_.source().look(planned.origin);
    if (file.ok() && *file)
      digest.add(FileLook{(*file)->bytes, (*file)->modified_ns, (*file)->changed_ns});
  }
  return digest.value();
}

}  // namespace weir::site
