// `weir init NAME`: a small complete site from a starter that travels in the binary. Never
// overwrites a file.

#include "cli/commands.h"

#include "base/embedded.h"
#include "base/file.h"

#include <filesystem>

namespace weir::cli {
namespace {

Result<bool> is_empty_directory(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return true;
  if (!std::filesystem::is_directory(path, error))
    return Error{Errc::exists, path + " is there and not a directory"};
  return std::filesystem::is_empty(path, error);
}

struct StarterFile {
  std::string path;  // relative to the new site
  std::string bytes;
};

// A starter's configuration says @NAME@ where the site's name belongs.
std::string named(std::string_view bytes, std::string_view name) {
  constexpr std::string_view hole = "@NAME@";
  std::string out(bytes);
  for (std::size_t at = out.find(hole); at != std::string::npos;
       at = out.find(hole, at + name.size())) {
    out.replace(at, hole.size(), name);
  }
  return out;
}

std::vector<StarterFile> files_of(std::string_view starter, std::string_view name) {
  const std::string prefix = "templates/starters/" + std::string(starter) + "/";
  std::vector<StarterFile> files;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.substr(0, prefix.size()) == prefix)
      files.push_back({std::string(file.path.substr(prefix.size())), named(file.bytes, name)});
  }
  return files;
}

Status write_site(const std::string& root, const std::vector<StarterFile>& files) {
  for (const StarterFile& file : files) {
    std::error_code error;
    if (std::filesystem::exists(root + "/" + file.path, error)) {
      return Error{Errc::exists, root + "/" + file.path + " is there already"}.with_help(
          "nothing was written");
    }
  }
  for (const StarterFile& file : files) {
    const std::string path = root + "/" + file.path;
    TRY(make_directories(path.substr(0, path.rfind('/'))));
    TRY(write_file_atomically(path, file.bytes, Sync::no));
  }
  return done;
}

}  // namespace

int run_init(const Arguments& arguments, Session& session) {
  const std::string& name = arguments.operands.front();
  const std::string root =
      name.front() == '/' ? name : arguments.find("root").value_or(".") + "/" + name;
  const auto empty = is_empty_directory(root);
  if (!empty.ok()) return session.fail(exit_code::failed, empty.error());
  if (!*empty && !arguments.has("force")) {
    return session.fail(exit_code::failed,
                        Error{Errc::exists, name + " is not empty"}.with_help(
                            "`weir init --force " + name + "` fills it in and overwrites nothing"));
  }
  const std::size_t slash = name.find_last_of('/');
  const std::vector<StarterFile> files =
      files_of(arguments.find("template").value_or("blog"),
               std::string_view(name).substr(slash == std::string::npos ? 0 : slash + 1));
  const Status written = write_site(root, files);
  if (!written.ok()) return session.fail(exit_code::failed, written.error());
  session.talk("Made " + name + " with " + std::to_string(files.size()) + " files. Next:\n\n  cd " +
               name + "\n  weir build\n  weir serve\n");
  return exit_code::done;
}

}  // namespace weir::cli
