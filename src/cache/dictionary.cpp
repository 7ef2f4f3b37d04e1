#include "cache/dictionary.h"

#include "base/bytes.h"
#include "base/limits_invalidation.h"

#include <algorithm>
#include <map>
#include <vector>

namespace weir::cache {
namespace {

constexpr std::string_view frame_head("\x5e\x2a\x4d\x18\x20\x00\x00\x00", 8);

struct Kind {
  std::size_t sample = 0;  // the first page of the kind, by path
  std::size_t count = 0;
};

// The templates that a page was made from name its kind.
std::vector<std::uint32_t> kind_of(const store::ReleaseEntry& entry) {
  std::vector<std::uint32_t> templates;
  for (std::size_t i = 0; i < entry.tag_count(); ++i)
    if (entry.tag(i).starts_with("tpl:")) templates.push_back(entry.tag_number(i));
  std::ranges::sort(templates);
  return templates;
}

bool is_page(const store::ReleaseEntry& entry) {
  return entry.status() == 200 && entry.content_type().starts_with("text/html") &&
         entry.body_bytes() >= limits::dictionary_page_bytes_min &&
         entry.body_bytes() <= limits::dictionary_bytes_max / 2;
}

}  // namespace

Dictionary::Dictionary(std::string bytes)
    : bytes_(std::move(bytes)),
      zstd_(store::zstd_of(bytes_)),
      sha256_(sha256_of(bytes_)),
      prepared_(store::prepare_dictionary(bytes_)) {
  name_ = hex_of(sha256_).substr(0, 32);
  available_ = ':' + base64_of(sha256_) + ':';
}

std::shared_ptr<const Dictionary> Dictionary::of_bytes(std::string bytes) {
  return std::shared_ptr<const Dictionary>(new Dictionary(std::move(bytes)));
}

std::shared_ptr<const Dictionary> Dictionary::of(const store::Release& release) {
  std::map<std::vector<std::uint32_t>, Kind> kinds;
  std::size_t pages = 0;
  const std::size_t step = release.count() / limits::dictionary_pages_looked_at + 1;
  for (std::size_t i = 0; i < release.count(); i += step) {
    const store::ReleaseEntry entry = release.at(i);
    if (!is_page(entry)) continue;
    ++pages;
    Kind& kind = kinds[kind_of(entry)];
    if (kind.count++ == 0) kind.sample = i;
  }
  if (pages < limits::dictionary_pages_min) return nullptr;
  std::vector<Kind> chosen;
  for (const auto& [templates, kind] : kinds) chosen.push_back(kind);
  std::ranges::sort(chosen, [](const Kind& a, const Kind& b) {
    return a.count != b.count ? a.count > b.count : a.sample < b.sample;
  });
  if (chosen.size() > limits::dictionary_kinds_max) chosen.resize(limits::dictionary_kinds_max);
  std::string bytes;
  for (const Kind& kind : chosen) {  // each in front of those that are more frequent
    auto body = release.read(release.at(kind.sample));
    if (!body || bytes.size() + body->identity.size() > limits::dictionary_bytes_max) continue;
    bytes.insert(0, body->identity);
  }
  return bytes.empty() ? nullptr : of_bytes(std::move(bytes));
}

std::string Dictionary::dcz_of(std::string_view body) const {
  std::string out(frame_head);
  out.append(reinterpret_cast<const char*>(sha256_.data()), sha256_.size());
  out += store::zstd_of(body, *prepared_);
  return out;
}

}  // namespace weir::cache
