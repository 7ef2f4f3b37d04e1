// Property (C-23): a dictionary is well formed for us exactly when it is for a reference of another
// build; and what a targeted field says is what the reference reads in it.

#include "cache/http_reference.h"
#include "http/structured_fields.h"

#include "base/must.h"

#include <cstdint>

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes > 2'048) return 0;
  const std::string text(reinterpret_cast<const char*>(data), bytes);
  const auto ours = http::parse_dictionary(text);
  const auto theirs = cache::reference::Dictionary::read(text);
  MUST(ours.has_value() == theirs.has_value());
  if (ours) {
    MUST(ours->size() == theirs->size());
    for (const http::StructuredMember& member : *ours) {
      MUST(theirs->contains(member.key));
      MUST(member.is_inner_list || member.items.size() == 1);
      MUST(member.is_inner_list == (theirs->find(member.key)->second.text == "()"));
    }
  }
  http::parse_list(text);
  const std::vector<http::Field> fields{{"cdn-cache-control", text}};
  const auto directives = cache::parse_targeted(fields, "cdn-cache-control");
  const auto said = cache::reference::targeted(fields, "cdn-cache-control");
  MUST(directives.has_value() == said.has_value());
  if (!directives) return 0;
  MUST(directives->no_store == said->contains("no-store"));
  MUST(directives->is_private == said->contains("private"));
  MUST(directives->no_cache == said->contains("no-cache"));
  MUST(directives->max_age.has_value() == said->contains("max-age"));
  if (directives->max_age)
    MUST(static_cast<double>(*directives->max_age) == cache::reference::seconds(*said, "max-age"));
  return 0;
}
