#include "text/sass.h"

#include "base/bytes.h"
#include "base/limits_site.h"
#include "text/css_compress.h"
#include "text/sass_modules.h"
#include "text/url.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <sass.h>
#include <sass2scss.h>

namespace weir::text {

namespace {

// What the callbacks of one compilation share. Paths are given to libsass as absolute ones below
// "/", so that it never joins them with the directory of the process.
struct Compilation {
  SassFiles& files;
  std::set<std::string, std::less<>> used;  // by @use: once each
  std::size_t imports = 0;
  std::optional<Error> error;  // of an import; libsass would flatten it into a line of prose
  std::vector<Sass_Import_List> failed = {};  // freed at the end, see import_failed
  ~Compilation() {
    for (Sass_Import_List list : failed) sass_delete_import_list(list);
  }
};

std::string directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash + 1));
}

std::optional<std::string> found_import(SassFiles& files, std::string_view from,
                                        std::string_view name) {
  const std::optional<std::string> path = folded_path(directory_of(from) + std::string(name));
  if (!path || path->empty()) return std::nullopt;
  const std::string directory = directory_of(*path);
  const std::string stem = path->substr(directory.size());
  const bool has_ending =
      stem.ends_with(".scss") || stem.ends_with(".sass") || stem.ends_with(".css");
  std::vector<std::string> candidates;
  if (has_ending) candidates = {directory + stem, directory + '_' + stem};
  for (const std::string_view ending : {".scss", ".sass", ".css"})
    for (const std::string_view prefix : {"", "_"})
      candidates.push_back(directory + std::string(prefix) + stem + std::string(ending));
  for (const std::string_view index :
       {"/index.scss", "/_index.scss", "/index.sass", "/_index.sass"})
    candidates.push_back(*path + std::string(index));
  for (std::string& candidate : candidates)
    if (files.exists(candidate)) return std::move(candidate);
  return std::nullopt;
}

// The text of a file as SCSS without modules.
Result<std::string> scss_of(SassFiles& files, std::string_view path) {
  std::string source = TRY(files.read(path));
  if (source.find('\0') != std::string::npos)
    return Error{Errc::invalid, std::string(path) + " is not text"}.at(
        {std::string(path), 0, 0, 0});
  if (path.ends_with(".sass")) {
    char* scss = sass2scss(source.c_str(), SASS2SCSS_PRETTIFY_1);
    if (scss == nullptr)
      return Error{Errc::invalid, std::string(path) + " cannot be read"}.at(
          {std::string(path), 0, 0, 0});
    source = scss;
    std::free(scss);
  }
  if (path.ends_with(".css")) return source;
  return sass_without_modules(source, path);
}

char* owned(std::string_view text) {
  char* copy = static_cast<char*>(sass_alloc_memory(text.size() + 1));
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

// libsass throws when it sees the message and forgets the list; so it stays ours.
Sass_Import_List import_failed(Compilation& compilation, const char* name,
                               const std::string& what) {
  Sass_Import_List list = sass_make_import_list(1);
  Sass_Import_Entry entry = sass_make_import_entry(name, nullptr, nullptr);
  sass_import_set_error(entry, what.c_str(), std::string::npos, std::string::npos);
  list[0] = entry;
  compilation.failed.push_back(list);
  return list;
}

Sass_Import_List import(const char* name, Sass_Importer_Entry self, Sass_Compiler* compiler) {
  auto& compilation = *static_cast<Compilation*>(sass_importer_get_cookie(self));
  std::string_view wanted = name;
  const bool is_use = wanted.starts_with(sass_use_prefix);
  if (is_use) wanted.remove_prefix(sass_use_prefix.size());
  std::string_view from = sass_import_get_abs_path(sass_compiler_get_last_import(compiler));
  while (from.starts_with('/')) from.remove_prefix(1);
  if (++compilation.imports > limits::sass_imports_max)
    return import_failed(compilation, name,
                         "more than " + std::to_string(limits::sass_imports_max) +
                             " imports: do they import each other?");
  const std::optional<std::string> path = found_import(compilation.files, from, wanted);
  if (!path)
    return import_failed(compilation, name,
                         "there is no file to import for \"" + std::string(wanted) + "\"");
  if (is_use && !compilation.used.insert(*path).second) return sass_make_import_list(0);
  Result<std::string> source = scss_of(compilation.files, *path);
  if (!source.ok()) {
    if (!compilation.error) compilation.error = source.error();
    return import_failed(compilation, name, source.error().what);
  }
  Sass_Import_List list = sass_make_import_list(1);
  list[0] = sass_make_import(name, ('/' + *path).c_str(), owned(*source), nullptr);
  return list;
}

std::string css_of(const Sass_Value* value) {
  Sass_Value* text = sass_value_stringify(value, true, 10);
  std::string out = sass_value_is_string(text) ? sass_string_get_value(text) : "";
  sass_delete_value(text);
  return out;
}

// `min` and `max` are functions of Sass for numbers that can be compared, and of CSS for the
// others ("min(10em, 50%)"), which libsass calls an error.
Sass_Value* extreme(const Sass_Value* arguments, Sass_Function_Entry self, Sass_Compiler*) {
  const std::string_view signature = sass_function_get_signature(self);
  const std::string name(signature.substr(0, 3));
  const Sass_Value* list = sass_list_get_value(arguments, 0);
  const std::size_t count = sass_value_is_list(list) ? sass_list_get_length(list) : 0;
  const Sass_Value* best = nullptr;
  bool is_css = count == 0;
  std::string text = name + '(';
  for (std::size_t i = 0; i < count; ++i) {
    const Sass_Value* one = sass_list_get_value(list, i);
    text += (i == 0 ? "" : ",") + css_of(one);
    is_css = is_css || !sass_value_is_number(one);
    if (is_css) continue;
    if (best == nullptr) {
      best = one;
      continue;
    }
    const std::string_view unit = sass_number_get_unit(one);
    const std::string_view best_unit = sass_number_get_unit(best);
    if (unit != best_unit && !unit.empty() && !best_unit.empty()) {
      is_css = true;
      continue;
    }
    const bool is_less = sass_number_get_value(one) < sass_number_get_value(best);
    const bool is_more = sass_number_get_value(one) > sass_number_get_value(best);
    if (name == "min" ? is_less : is_more) best = one;
  }
  if (!is_css) return sass_clone_value(best);
  return sass_make_string((text + ')').c_str());
}

// @warn and @debug are for the author of the style sheet; a build says nothing of them.
Sass_Value* say_nothing(const Sass_Value*, Sass_Function_Entry, Sass_Compiler*) {
  return sass_make_null();
}

Error error_of(Sass_Context* context, std::string_view main) {
  const auto text_or = [](const char* text, std::string_view otherwise) {
    return std::string(text != nullptr ? std::string_view(text) : otherwise);
  };
  std::string what = text_or(sass_context_get_error_text(context), "it does not compile");
  std::string file = text_or(sass_context_get_error_file(context), main);
  while (file.starts_with('/')) file.erase(0, 1);
  if (file.empty() || file == "stdin") file = main;
  const std::size_t line = sass_context_get_error_line(context);
  const std::size_t column = sass_context_get_error_column(context);
  const bool has_place = line != std::string::npos && line < 1'000'000'000;
  return Error{Errc::invalid, "Sass: " + what}.at(
      {std::move(file), has_place ? static_cast<std::uint32_t>(line) : 0,
       has_place ? static_cast<std::uint32_t>(column) : 0, 0});
}

struct DeleteContext {
  void operator()(Sass_Data_Context* context) const { sass_delete_data_context(context); }
};

}  // namespace

Result<std::string> compile_sass(std::string_view path, SassFiles& files) {
  const std::string source = TRY(scss_of(files, path));
  if (trim(source).empty()) return std::string();
  Compilation compilation{files, {}, 0, {}};
  const std::unique_ptr<Sass_Data_Context, DeleteContext> data(
      sass_make_data_context(owned(source)));
  Sass_Context* context = sass_data_context_get_context(data.get());
  Sass_Options* options = sass_context_get_options(context);
  sass_option_set_output_style(options, SASS_STYLE_COMPRESSED);
  sass_option_set_precision(options, 10);
  sass_option_set_omit_source_map_url(options, true);
  sass_option_set_input_path(options, ('/' + std::string(path)).c_str());
  Sass_Importer_List importers = sass_make_importer_list(1);
  sass_importer_set_list_entry(importers, 0, sass_make_importer(import, 0, &compilation));
  sass_option_set_c_importers(options, importers);
  Sass_Function_List functions = sass_make_function_list(4);
  sass_function_set_list_entry(functions, 0, sass_make_function("@warn", say_nothing, nullptr));
  sass_function_set_list_entry(functions, 1, sass_make_function("@debug", say_nothing, nullptr));
  sass_function_set_list_entry(functions, 2,
                               sass_make_function("min($numbers...)", extreme, nullptr));
  sass_function_set_list_entry(functions, 3,
                               sass_make_function("max($numbers...)", extreme, nullptr));
  sass_option_set_c_functions(options, functions);

  sass_compile_data_context(data.get());
  if (compilation.error) return std::move(*compilation.error);
  if (sass_context_get_error_status(context) != 0) return error_of(context, path);
  std::string css = sass_context_get_output_string(context);
  if (css.ends_with('\n')) css.pop_back();
  return compressed_css(css);
}

}  // namespace weir::text
