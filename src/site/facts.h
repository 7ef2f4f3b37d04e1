#pragma once
// What everything that a render may read is worth in this site: one hash for each fact (memory.h),
// such that two sites that show the same to a template have the same hash.
//
// Made after the library is linked. Hashes of contents (HTML, summary, table of contents) need that
// content to be rendered or kept, see Site::content_hashes. Each value is computed once. One
// thread.

#include "site/site.h"

#include <unordered_map>

namespace weir::site {

class Facts {
 public:
  explicit Facts(const Site& site) : site_(site) {}

  Hash128 value_of(const FactName& fact);
  Hash128 value_of_key(std::uint64_t key);  // ReadSet::keys
  FactName name_of_key(std::uint64_t key) const;
  // Config and translations are not facts: what changes them makes everything new. Times and
  // addresses are not either: nothing that read them is ever kept.
  static bool is_fact(tmpl::ReadKind kind);

  // Of a plan: everything that decides which file is made from what.
  Hash128 plan_hash(const Planned& planned) const;

 private:
  Hash128 page(tmpl::ReadGroup group, PageId id) const;
  Hash128 section(tmpl::ReadGroup group, SectionId id) const;
  Hash128 content(tmpl::ReadGroup group, ContentId id) const;
  Hash128 term(std::string_view name) const;
  Hash128 lookup(std::string_view path) const;
  Hash128 whole(std::string_view name);

  const Site& site_;
  std::unordered_map<std::uint64_t, Hash128> numbered_;
  std::unordered_map<std::string, Hash128> named_;
};

}  // namespace weir::site
