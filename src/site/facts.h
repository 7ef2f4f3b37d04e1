#pragma once
// What everything that a render may read is worth in this site: one hash for each fact (memory.h),
// such that two sites that show the same to a template have the same hash.
//
// Made after the library is linked. Hashes of contents (HTML, summary, table of contents) need that
// content to be rendered or kept, see Site::content_hashes. Nothing is remembered here: who asks
// twice pays twice. Callable from any thread.

#include "site/site.h"

namespace weir::site {

class Facts {
 public:
  explicit Facts(const Site& site) : site_(site) {}

  Hash128 value_of(const FactName& fact) const;
  // What is noted for a render that has read it in this build: the same, but of the clock what was
  // shown then, since the time went on.
  Hash128 value_on_record(const FactName& fact) const;
  FactName name_of_key(std::uint64_t key) const;  // ReadSet::keys; the name is the site's
  // Config and translations are not facts: what changes them makes everything new. Addresses and
  // times that are not formatted are not either: nothing that read them is ever kept.
  static bool is_fact(const ReadSet::Name& name);

  // The same of ReadSet::keys. A page that was read as one of a list (ReadGroup::list) is a tag and
  // no fact: what was shown of it is in a `whole` that was read with it.
  static bool is_fact(std::uint64_t key) {
    return key_kind(key) != tmpl::ReadKind::page || key_group(key) != tmpl::ReadGroup::list;
  }

  // Of a plan: everything that decides which file is made from what.
  Hash128 plan_hash(const Planned& planned) const;
  // Of what the HTML of a body depends on without reading it.
  Hash128 around(ContentId id) const;

 private:
  Hash128 page(tmpl::ReadGroup group, PageId id) const;
  Hash128 section(tmpl::ReadGroup group, SectionId id) const;
  Hash128 content(tmpl::ReadGroup group, ContentId id) const;
  Hash128 term(std::string_view name) const;
  Hash128 lookup(std::string_view path) const;
  Hash128 whole(std::string_view name) const;

  const Site& site_;
};

// Of a ReadKind::clock.
Hash128 value_of_time(const FactName& fact, const Clock& clock);

}  // namespace weir::site
