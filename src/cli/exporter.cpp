#include "cli/exporter.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"

#include <algorithm>
#include <filesystem>

#include <sys/stat.h>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_name = ".weir-outputs";
constexpr std::string_view record_head = "weir-outputs 1\n";

Error io_error(const std::string& path, const std::error_code& error) {
  return Error{errc_of(error.value()), path + ": " + error.message()};
}

// "<64 hex digits> <file>" a line.
std::map<std::string, std::string, std::less<>> parse_record(std::string_view text) {
  std::map<std::string, std::string, std::less<>> rows;
  text.remove_prefix(record_head.size());
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.size() > 65 && line[64] == ' ') rows.emplace(line.substr(65), line.substr(0, 64));
  }
  return rows;
}

// Files come from the site's own paths; this is the second look at the same truth.
bool stays_inside(std::string_view file) {
  const fs::path path(file);
  if (path.empty() || path.is_absolute()) return false;
  for (const fs::path& part : path) {
    if (part == ".." || part == ".") return false;
  }
  return true;
}

}  // namespace

Status check_output_directory(const std::string& directory, const std::string& root,
                              const std::string& store) {
  std::error_code error;
  const auto whole = [&error](const std::string& path) {
    fs::path found = fs::weakly_canonical(fs::absolute(path, error), error);
    return found.has_filename() || found == found.root_path() ? found : found.parent_path();
  };
  const auto holds = [](const fs::path& outer, const fs::path& inner) {
    return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first ==
           outer.end();
  };
  const fs::path out = whole(directory);
  for (const std::string& kept : {root, store}) {
    if (holds(out, whole(kept))) {
      return Error{Errc::denied, directory + " cannot be the output directory: " + kept +
                                     " is in it, and plain files replace what is there"}
          .with_help("name a directory of its own, such as public");
    }
  }
  std::vector<std::string> inputs{store};
  for (const std::string_view name :
       {"content", "templates", "static", "data", "sass", "themes", "i18n"}) {
    inputs.push_back(root + "/" + std::string(name));
  }
  for (const std::string& kept : inputs) {
    if (holds(whole(kept), out)) {
      return Error{Errc::denied, directory + " cannot be the output directory: it is in " + kept}
          .with_help("name a directory of its own, such as public");
    }
  }
  return done;
}

Result<std::unique_ptr<Exporter>> Exporter::open(const std::string& directory, Claim claim) {
  std::unique_ptr<Exporter> exporter(new Exporter(directory));
  std::error_code error;
  const bool is_there = fs::exists(directory, error);
  if (is_there && !fs::is_directory(directory, error))
    return Error{Errc::exists, directory + " is not a directory"};
  if (is_there) {
    const auto record = read_file(directory + "/" + std::string(record_name));
    exporter->has_record_ = record.ok() && record->rfind(record_head, 0) == 0;
    if (exporter->has_record_) exporter->before_ = parse_record(*record);
    const bool foreign =
        !exporter->has_record_ && claim == Claim::asked_for && !fs::is_empty(directory, error);
    if (foreign) {
      return Error{Errc::exists, directory + " is not empty and was not made by weir"}.with_help(
          "--force replaces what is in it");
    }
  }
  TRY(make_directories(directory));
  fs::remove_all(exporter->side(), error);  // of a build that was killed
  TRY(make_directories(exporter->side()));
  return exporter;
}

Exporter::~Exporter() {
  std::error_code ignored;  // nothing that anybody needs is in there
  fs::remove_all(side(), ignored);
}

Status Exporter::put(std::string_view file, std::string_view bytes) {
  if (!stays_inside(file))
    return Error{Errc::denied,
                 "the output \"" + std::string(file) + "\" would leave " + directory_};
  const Sha256 hash = sha256_of(bytes);
  Row row{hex_of(hash), true, 0};
  std::error_code error;
  const auto before = before_.find(file);
  const std::string path = directory_ + "/" + std::string(file);
  if (before != before_.end() && before->second == row.sha256 && fs::is_regular_file(path, error) &&
      fs::file_size(path, error) == bytes.size()) {
    row.changed = false;
  } else {
    row.aside = asides_.fetch_add(1, std::memory_order_relaxed);
    TRY(write_file_atomically(aside_of(row.aside), bytes, Sync::no));
  }
  now_.with([&](auto& rows) { rows.insert_or_assign(std::string(file), std::move(row)); });
  return done;
}

bool Exporter::keep(const std::string& file) {
  const auto before = before_.find(file);
  if (before == before_.end() || !stays_inside(file)) return false;
  struct stat status {};
  if (::lstat((directory_ + "/" + file).c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return false;
  now_.with([&](auto& rows) { rows.insert_or_assign(file, Row{before->second, false, 0}); });
  return true;
}

bool Exporter::holds_all(std::size_t count) const {
  if (!has_record_ || before_.size() != count) return false;
  return std::all_of(before_.begin(), before_.end(), [this](const auto& row) {
    struct stat status {};
    return ::lstat((directory_ + "/" + row.first).c_str(), &status) == 0 && S_ISREG(status.st_mode);
  });
}

// Everything but our own side directory.
Status Exporter::clear(DotFiles dot_files) const {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    if (name == ".weir-new" || (dot_files == DotFiles::keep && name.front() == '.')) continue;
    fs::remove_all(entry.path(), error);
    if (error) return io_error(entry.path().string(), error);
  }
  return error ? Status(io_error(directory_, error)) : Status(done);
}

Result<Exporter::Counts> Exporter::finish(DotFiles dot_files) {
  if (!has_record_) TRY(clear(dot_files));
  Counts counts;
  std::string record(record_head);
  const auto rows = now_.with([](auto& held) { return std::move(held); });
  std::error_code error;
  for (const auto& [file, hash] : before_) {
    if (rows.find(file) != rows.end()) continue;
    const fs::path path = fs::path(directory_) / file;
    if (!stays_inside(file) || !fs::remove(path, error)) continue;
    ++counts.removed;
    // Directories that became empty go with it, up to the output directory.
    for (fs::path parent = path.parent_path();
         parent != directory_ && fs::is_empty(parent, error) && !error;
         parent = parent.parent_path()) {
      if (!fs::remove(parent, error)) break;
    }
  }
  for (const auto& [file, row] : rows) {
    record += row.sha256 + " " + file + "\n";
    if (!row.changed) {
      ++counts.unchanged;
      continue;
    }
    const std::string path = directory_ + "/" + file;
    TRY(make_directories(path.substr(0, path.rfind('/'))));
    if (fs::is_directory(path, error))
      fs::remove_all(path, error);  // a page took the place of a directory
    fs::rename(aside_of(row.aside), path, error);
    if (error) return io_error(path, error);
    ++counts.written;
  }
  TRY(write_file_atomically(directory_ + "/" + std::string(record_name), record, Sync::no));
  return counts;
}

}  // namespace weir::cli
