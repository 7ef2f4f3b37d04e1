#pragma once
// What templates see of the library (S-48 to S-52): lazy objects that read a field when it is asked
// for, lend what the library holds, and report the read. Made once after the library is linked;
// never cloned (S-66).
//
// Callable from any thread.

#include "site/library.h"
#include "site/reads.h"
#include "template/value.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

class Site;

// How much of a page or section is shown.
enum class Shown : std::uint8_t {
  all,
  alone,        // without lower and higher
  in_markdown,  // without what is not known while its content is rendered (S-49)
  metadata,     // a section without its pages
};

class PageView final : public tmpl::ObjectView {
 public:
  PageView(const Site& site, PageId id, Shown shown) : site_(site), id_(id), shown_(shown) {}
  tmpl::Value find(std::string_view name, tmpl::Recorder* recorder) const override;
  std::size_t count() const override;
  std::string_view name_at(std::size_t index) const override;

 private:
  const Site& site_;
  PageId id_;
  Shown shown_;
};

class SectionView final : public tmpl::ObjectView {
 public:
  SectionView(const Site& site, SectionId id, Shown shown) : site_(site), id_(id), shown_(shown) {}
  tmpl::Value find(std::string_view name, tmpl::Recorder* recorder) const override;
  std::size_t count() const override;
  std::string_view name_at(std::size_t index) const override;

 private:
  const Site& site_;
  SectionId id_;
  Shown shown_;
};

class PageListView final : public tmpl::ArrayView {
 public:
  PageListView(const Site& site, const std::vector<PageId>& pages, Shown shown = Shown::all)
      : site_(site), pages_(pages), shown_(shown) {}
  std::size_t count() const override { return pages_.size(); }
  tmpl::Value at(std::size_t index, tmpl::Recorder* recorder) const override;

 private:
  const Site& site_;
  const std::vector<PageId>& pages_;
  Shown shown_;
};

class TermView final : public tmpl::ObjectView {
 public:
  enum class Pages : std::uint8_t { listed, left_out };
  TermView(const Site& site, const Taxonomy& taxonomy, const Term& term, Pages pages)
      : site_(site), taxonomy_(taxonomy), term_(term), pages_(site, term.pages), shows_(pages) {}
  tmpl::Value find(std::string_view name, tmpl::Recorder* recorder) const override;
  std::size_t count() const override;
  std::string_view name_at(std::size_t index) const override;

 private:
  const Site& site_;
  const Taxonomy& taxonomy_;
  const Term& term_;
  PageListView pages_;
  Pages shows_;
};

class TermListView final : public tmpl::ArrayView {
 public:
  explicit TermListView(const std::vector<std::unique_ptr<TermView>>& terms) : terms_(terms) {}
  std::size_t count() const override { return terms_.size(); }
  tmpl::Value at(std::size_t index, tmpl::Recorder*) const override {
    return tmpl::Value::lend(*terms_[index]);
  }

 private:
  const std::vector<std::unique_ptr<TermView>>& terms_;
};

// `config` as templates see it, for one language.
class ConfigView final : public tmpl::ObjectView {
 public:
  ConfigView(const SiteConfig& config, std::uint32_t language, Mode mode);
  tmpl::Value find(std::string_view name, tmpl::Recorder* recorder) const override;
  std::size_t count() const override { return members_.size(); }
  std::string_view name_at(std::size_t index) const override { return members_[index].first; }

 private:
  class ExtraView;
  std::vector<std::pair<std::string, tmpl::Value>> members_;
};

class Views {
 public:
  explicit Views(const Site& site);

  tmpl::Value page(PageId id, Shown shown) const;
  tmpl::Value section(SectionId id, Shown shown) const;
  tmpl::Value config(std::uint32_t language) const { return tmpl::Value::lend(configs_[language]); }
  // As numbered in the library.
  tmpl::Value term(std::uint32_t taxonomy, std::uint32_t term, TermView::Pages pages) const;
  tmpl::Value terms(std::uint32_t taxonomy) const {
    return tmpl::Value::lend(taxonomies_[taxonomy]->list);
  }
  tmpl::Value taxonomy_config(std::uint32_t taxonomy) const {
    return tmpl::Value::lend(taxonomies_[taxonomy]->config);
  }
  tmpl::Value section_pages(SectionId id) const { return tmpl::Value::lend(section_pages_[id]); }

 private:
  struct TaxonomyViews {
    std::vector<std::unique_ptr<TermView>> listed;
    std::vector<std::unique_ptr<TermView>> bare;
    TermListView list{listed};
    tmpl::Value config;
  };
  template <class View>
  struct Kinds {
    View all, alone, in_markdown, metadata;
  };
  std::vector<std::unique_ptr<Kinds<PageView>>> pages_;
  std::vector<std::unique_ptr<Kinds<SectionView>>> sections_;
  std::vector<std::unique_ptr<TaxonomyViews>> taxonomies_;
  std::vector<std::unique_ptr<PageListView>> section_page_lists_;
  std::vector<tmpl::Value> section_pages_;
  std::vector<std::unique_ptr<ConfigView>> config_views_;
  std::vector<tmpl::Value> configs_;
};

// An own object with a few values, for a paginator or a sitemap entry.
tmpl::Value toc_value_of(const std::vector<text::Heading>& toc);

}  // namespace weir::site
