#include "cli/exporter.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/worker_pool.h"
#include "site/memory.h"

#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_name = ".weir-outputs";
constexpr std::string_view record_head = "weir-outputs 2\n";
constexpr std::string_view older_head = "weir-outputs 1\n";  // with SHA-256

Error io_error(const std::string& path, const std::error_code& error) {
  return Error{errc_of(error.value()), path + ": " + error.message()};
}

// In a directory of our own, so that nobody sees it before it is whole.
Status write_new_file(const std::string& path, std::string_view bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.is_open()) return io_error(path, std::error_code(errno, std::generic_category()));
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error(path, std::error_code(errno, std::generic_category()));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return done;
}

// Files come from the site's own paths; this is the second look at the same truth.
bool stays_inside(std::string_view file) {
  if (file.empty() || file.front() == '/') return false;
  for (std::size_t begin = 0; begin <= file.size();) {
    const std::string_view part = file.substr(begin, file.find('/', begin) - begin);
    if (part == ".." || part == ".") return false;
    begin += part.size() + 1;
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
    auto record = read_file(directory + "/" + std::string(record_name));
    exporter->has_record_ =
        record.ok() && (record->starts_with(record_head) || record->starts_with(older_head));
    if (exporter->has_record_) {
      exporter->record_ = std::move(record).value();
      exporter->parse_record();
      exporter->look_at_files();
    }
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
  Row row{std::string(file), site::hash_of_input(bytes).hex(), true, 0};
  const Known* const before = find(file);
  if (before != nullptr && before->hash == row.hash &&
      before->bytes == static_cast<std::int64_t>(bytes.size())) {
    row.changed = false;
  } else {
    row.aside = asides_.fetch_add(1, std::memory_order_relaxed);
    TRY(write_new_file(aside_of(row.aside), bytes));
  }
  now_.with([&](auto& rows) { rows.push_back(std::move(row)); });
  return done;
}

// "<hash> <file>" a line, sorted by file; xxh3-128 is against accidents, the files are the author's
// own.
void Exporter::parse_record() {
  std::string_view text = record_;
  text.remove_prefix(record_head.size());
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos && space + 1 < line.size())
      before_.push_back({line.substr(space + 1), line.substr(0, space)});
  }
  // Somebody may have edited it.
  const auto by_file = [](const Known& a, const Known& b) { return a.file < b.file; };
  if (!std::is_sorted(before_.begin(), before_.end(), by_file))
    std::stable_sort(before_.begin(), before_.end(), by_file);
  before_.erase(std::unique(before_.begin(), before_.end(),
                            [](const Known& a, const Known& b) { return a.file == b.file; }),
                before_.end());
}

// Each once, below an open directory: ten thousand walks from the root are half as dear again.
void Exporter::look_at_files() {
  const Descriptor top(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top.is_open()) return;
  std::string file;
  for (Known& known : before_) {
    file = known.file;
    struct stat status {};
    if (stays_inside(known.file) &&
        ::fstatat(top.number(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode))
      known.bytes = status.st_size;
  }
}

const Exporter::Known* Exporter::find(std::string_view file) const {
  const auto at = std::lower_bound(
      before_.begin(), before_.end(), file,
      [](const Known& known, std::string_view wanted) { return known.file < wanted; });
  return at == before_.end() || at->file != file ? nullptr : &*at;
}

bool Exporter::holds(std::string_view file) const {
  const Known* const known = find(file);
  return known != nullptr && known->bytes >= 0;
}

// Each row is one thread's, so the flags need no lock.
void Exporter::keep(std::string_view file) {
  before_[static_cast<std::size_t>(find(file) - before_.data())].is_kept = true;
}

bool Exporter::holds_all(std::size_t count) const {
  return before_.size() == count &&
         std::all_of(before_.begin(), before_.end(),
                     [](const Known& known) { return known.bytes >= 0; });
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

// Whether it was there.
bool Exporter::remove_left_over(std::string_view file) const {
  std::error_code error;
  const fs::path path = fs::path(directory_) / file;
  if (!stays_inside(file) || !fs::remove(path, error)) return false;
  // Directories that became empty go with it, up to the output directory.
  for (fs::path parent = path.parent_path();
       parent != directory_ && fs::is_empty(parent, error) && !error; parent = parent.parent_path())
    if (!fs::remove(parent, error)) break;
  return true;
}

Status Exporter::move_into_place(const Row& row) const {
  const std::string path = directory_ + "/" + row.file;
  const std::string aside = aside_of(row.aside);
  if (::rename(aside.c_str(), path.c_str()) == 0) return done;
  if (errno == ENOENT || errno == ENOTDIR) {
    // Most often only the last directory is missing.
    const std::string parent = path.substr(0, path.rfind('/'));
    if (::mkdir(parent.c_str(), 0755) != 0) TRY(make_directories(parent));
    if (::rename(aside.c_str(), path.c_str()) == 0) return done;
  }
  std::error_code error;
  if (fs::is_directory(path, error)) fs::remove_all(path, error);  // a page took its place
  fs::rename(aside, path, error);
  return error ? Status(io_error(path, error)) : Status(done);
}

Result<Exporter::Counts> Exporter::finish(DotFiles dot_files) {
  if (!has_record_) TRY(clear(dot_files));
  Counts counts;
  std::vector<Row> rows = now_.with([](auto& held) { return std::move(held); });
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.file < b.file; });
  const auto is_made = [&](std::string_view file) {
    const auto at =
        std::lower_bound(rows.begin(), rows.end(), file,
                         [](const Row& row, std::string_view wanted) { return row.file < wanted; });
    return at != rows.end() && at->file == file;
  };
  for (const Known& known : before_)
    if (!known.is_kept && !is_made(known.file) && remove_left_over(known.file)) ++counts.removed;
  TRY(try_each_parallel(rows.size(), cores(), [&](std::size_t i) -> Status {
    if (!rows[i].changed) return done;
    return move_into_place(rows[i]);
  }));
  std::string record(record_head);
  record.reserve(record_.size() + rows.size() * 64);
  const auto add = [&record](std::string_view hash, std::string_view file) {
    record.append(hash).append(" ").append(file).append("\n");
  };
  auto row = rows.begin();
  const auto add_rows_before = [&](const std::string_view* file) {
    for (; row != rows.end() && (file == nullptr || row->file < *file); ++row) {
      add(row->hash, row->file);
      ++(row->changed ? counts.written : counts.unchanged);
    }
  };
  for (const Known& known : before_) {
    if (!known.is_kept) continue;
    add_rows_before(&known.file);
    add(known.hash, known.file);
    ++counts.unchanged;
  }
  add_rows_before(nullptr);
  if (record == record_) return counts;
  TRY(write_file_atomically(directory_ + "/" + std::string(record_name), record, Sync::no));
  return counts;
}

}  // namespace weir::cli
