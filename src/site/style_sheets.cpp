#include "site/style_sheets.h"

#include "text/sass.h"

namespace weir::site {

namespace {

class SourceFiles final : public text::SassFiles {
 public:
  explicit SourceFiles(const SiteSource& source) : source_(source) {}
  bool exists(std::string_view path) override {
    const Result<bool> is_there = source_.exists(path);
    return is_there.ok() && *is_there;
  }
  Result<std::string> read(std::string_view path) override {
    read_.emplace_back(path);
    return source_.read(path);
  }
  std::vector<std::string> take() { return std::move(read_); }

 private:
  const SiteSource& source_;
  std::vector<std::string> read_;
};

}  // namespace

Result<std::shared_ptr<const StyleSheet>> StyleSheets::of(std::string_view file) const {
  std::shared_ptr<const StyleSheet> known =
      kept_.with([&](const Sheets& all) -> std::shared_ptr<const StyleSheet> {
        const auto at = all.find(file);
        return at == all.end() ? nullptr : at->second;
      });
  if (known) return known;
  SourceFiles files(source_);
  auto sheet = std::make_shared<StyleSheet>();
  sheet->css = TRY(text::compile_sass(file, files));
  sheet->files = files.take();
  // Two threads may have made the same one; the first is kept.
  return kept_.with([&](Sheets& all) { return all.emplace(file, std::move(sheet)).first->second; });
}

std::string style_sheet_of(std::string_view sass_file) {
  constexpr std::string_view root = "sass/";
  const std::size_t at = sass_file.starts_with(root) ? 0 : sass_file.find("/sass/") + 1;
  std::string target(sass_file.substr(at + root.size()));
  const std::size_t slash = target.rfind('/');
  if (target[slash == std::string::npos ? 0 : slash + 1] == '_') return {};
  target.resize(target.rfind('.'));
  return target + ".css";
}

}  // namespace weir::site
