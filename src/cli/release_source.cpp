#include "cli/release_source.h"

#include "text/json.h"

namespace weir::cli {

Result<RootDirectory::Listing> ReleaseSource::list(std::string_view directory) const {
  RootDirectory::Listing listing;
  listing.files = release_->list_inputs(directory);
  std::erase_if(listing.files,
                [](const FoundFile& file) { return file.path.starts_with(".weir/"); });
  return listing;
}

Result<std::string> ReleaseSource::read(std::string_view path) const {
  return release_->read_input(path);
}

Result<bool> ReleaseSource::exists(std::string_view path) const {
  auto found = release_->read_input(path);
  if (found.ok()) return true;
  if (found.error().code == Errc::missing) return false;
  return std::move(found).error();
}

std::string build_note_text(const BuildNote& note) {
  text::Value out = text::Value::Object{};
  out.set("config", note.config_file);
  if (note.has_base_url) out.set("base_url", note.base_url);
  out.set("drafts", note.drafts);
  out.set("minify", note.minify);
  out.set("site_url", note.site_url);
  return text::json_of(out);
}

Result<BuildNote> parse_build_note(std::string_view text) {
  const text::Value root = TRY(text::parse_json(text));
  BuildNote note;
  if (const text::Value* config = root.find("config");
      config != nullptr && config->string() != nullptr)
    note.config_file = *config->string();
  if (const text::Value* url = root.find("base_url"); url != nullptr && url->string() != nullptr) {
    note.base_url = *url->string();
    note.has_base_url = true;
  }
  if (const text::Value* drafts = root.find("drafts");
      drafts != nullptr && drafts->boolean() != nullptr)
    note.drafts = *drafts->boolean();
  if (const text::Value* minify = root.find("minify");
      minify != nullptr && minify->boolean() != nullptr)
    note.minify = *minify->boolean();
  if (const text::Value* url = root.find("site_url"); url != nullptr && url->string() != nullptr)
    note.site_url = *url->string();
  return note;
}

}  // namespace weir::cli
