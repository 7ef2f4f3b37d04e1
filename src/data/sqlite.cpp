#include "data/sqlite.h"

#include "base/file.h"
#include "base/must.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace weir::data {

namespace {

// Longer than any checkpoint that restarts the log keeps the write lock; then the writer says so.
constexpr int busy_ms_max = 10'000;

// A page and its frame header; the header of the log (SQLite's file format, section 4).
constexpr std::size_t frame_bytes = 4096 + 24;
constexpr std::size_t log_header_bytes = 32;
constexpr std::size_t reserve_bytes = 1 * MiB;
constexpr int reserve_pages_max = 64;  // of one commit

bool is_no_room(int system_error) { return system_error == ENOSPC || system_error == EDQUOT; }

Errc errc_of_sqlite(sqlite3* handle, int extended) {
  switch (extended & 0xff) {
    case SQLITE_FULL: return Errc::full;
    case SQLITE_IOERR:
      // A sync that failed may have lost what was written before it: never "there was no room".
      if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC) return Errc::io;
      return handle != nullptr && is_no_room(sqlite3_system_errno(handle)) ? Errc::full : Errc::io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return Errc::corrupt;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return Errc::denied;
    case SQLITE_CONSTRAINT: return Errc::exists;
    case SQLITE_TOOBIG: return Errc::too_large;
    default: return Errc::io;
  }
}

Error error_of(sqlite3* handle, int code, std::string_view purpose) {
  const int extended = handle == nullptr ? code : sqlite3_extended_errcode(handle);
  const char* file = handle == nullptr ? nullptr : sqlite3_db_filename(handle, "main");
  std::string what = "cannot " + std::string(purpose);
  if (file != nullptr && *file != '\0') what += " in " + std::string(file);
  what += ": ";
  what += handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
  what += " (SQLite " + std::to_string(extended) + ')';
  return Error{errc_of_sqlite(handle, extended), std::move(what)};
}

}  // namespace

// --- Statement -----------------------------------------------------------------------------------

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), purpose_(std::move(other.purpose_)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(purpose_, other.purpose_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int parameter, std::int64_t number) {
  MUST(sqlite3_bind_int64(statement_, parameter, number) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind_text(int parameter, std::string_view text) {
  // A null pointer would bind NULL, also for an empty text.
  const char* data = text.data() == nullptr ? "" : text.data();
  MUST(sqlite3_bind_text64(statement_, parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
       SQLITE_OK);
  return *this;
}
Statement& Statement::bind_blob(int parameter, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  MUST(sqlite3_bind_blob64(statement_, parameter, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind_null(int parameter) {
  MUST(sqlite3_bind_null(statement_, parameter) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = error_of(sqlite3_db_handle(statement_), code, purpose_);
  reset();
  return error;
}

Status Statement::run() {
  const bool has_row = TRY(step());
  MUST(!has_row);
  reset();
  return done;
}

void Statement::reset() {
  sqlite3_reset(statement_);  // repeats the error of the last step, which was reported there
  sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int count = sqlite3_column_bytes(statement_, column);
  return {static_cast<const char*>(data), data == nullptr ? 0 : static_cast<std::size_t>(count)};
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

// --- Database ------------------------------------------------------------------------------------

struct Database::Wal {
  int pages = 0;
  int pages_before = 0;      // at the last reserve_log
  Descriptor file;           // of the log, for zeros only
  std::size_t reserved = 0;  // bytes of it that exist

  static int on_commit(void* self, sqlite3*, const char*, int pages) {
    static_cast<Wal*>(self)->pages = pages;
    return SQLITE_OK;
  }
};

Result<Database> Database::open(const std::string& path, const Options& options) {
  Database database;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= options.access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (options.access == Access::create) flags |= SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &database.handle_, flags, nullptr);
  if (code != SQLITE_OK) return error_of(database.handle_, code, "open").in(path);
  sqlite3_busy_timeout(database.handle_, busy_ms_max);
  if (options.access != Access::read_only) {
    TRY(database.run("PRAGMA journal_mode=WAL", "turn on the write-ahead log"));
    TRY(database.run(options.synchronous == Synchronous::full ? "PRAGMA synchronous=FULL"
                                                              : "PRAGMA synchronous=NORMAL",
                     "choose when to sync"));
    TRY(database.run("PRAGMA wal_autocheckpoint=0", "keep checkpoints out of commits"));
    database.wal_ = std::make_unique<Wal>();
    sqlite3_wal_hook(database.handle_, &Wal::on_commit, database.wal_.get());
  }
  TRY(database.run("PRAGMA temp_store=MEMORY", "keep temporary tables in memory"));
  return database;
}

Database::Database() = default;

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), wal_(std::move(other.wal_)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(wal_, other.wal_);
  return *this;
}

// close_v2: a statement that is destroyed later keeps the connection until then.
Database::~Database() { sqlite3_close_v2(handle_); }

Status Database::run(std::string_view sql, std::string_view purpose) {
  const std::string text(sql);
  const int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, purpose);
  return done;
}

Result<Statement> Database::prepare(std::string_view sql, std::string_view purpose) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, purpose);
  return Statement(statement, std::string(purpose));
}

Result<std::int64_t> Database::read_integer(std::string_view sql, std::string_view purpose) {
  Statement statement = TRY(prepare(sql, purpose));
  const bool has_row = TRY(statement.step());
  if (!has_row) return Error{Errc::missing, "cannot " + std::string(purpose) + ": no row"};
  return statement.integer(0);
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }

std::size_t Database::wal_bytes() const {
  return wal_ == nullptr ? 0 : static_cast<std::size_t>(wal_->pages) * frame_bytes;
}

void Database::reserve_log() {
  MUST(wal_ != nullptr);
  const int grown = wal_->pages - std::exchange(wal_->pages_before, wal_->pages);
  // Large commits pay for their own room; what they wrote twice would cost more than the sync.
  if (wal_->pages == 0 || grown > reserve_pages_max) return;
  if (!wal_->file.is_open()) {
    const char* name = sqlite3_db_filename(handle_, "main");
    wal_->file = Descriptor(::open((std::string(name) + "-wal").c_str(), O_WRONLY | O_CLOEXEC));
    struct stat status {};
    if (!wal_->file.is_open() || ::fstat(wal_->file.number(), &status) != 0) return;
    wal_->reserved = static_cast<std::size_t>(status.st_size);
  }
  // The header and every frame so far lie before this; another commit may have passed what was
  // reserved.
  wal_->reserved = std::max(wal_->reserved, wal_bytes() + log_header_bytes);
  if (wal_->reserved - wal_bytes() > reserve_bytes / 2) return;
  static const std::string zeros(reserve_bytes, '\0');
  const ssize_t written =
      ::pwrite(wal_->file.number(), zeros.data(), zeros.size(), static_cast<off_t>(wal_->reserved));
  // No room is no error here: the commit that needs it will say so.
  if (written > 0) wal_->reserved += static_cast<std::size_t>(written);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Result<Checkpoint> Database::checkpoint(CheckpointMode mode) {
  constexpr int modes[] = {SQLITE_CHECKPOINT_PASSIVE, SQLITE_CHECKPOINT_RESTART};
  int wal_pages = 0;
  int moved_pages = 0;
  const int code = sqlite3_wal_checkpoint_v2(
      handle_, nullptr, modes[static_cast<std::size_t>(mode)], &wal_pages, &moved_pages);
  // Busy = a reader held on for longer than the timeout; what could be moved was moved.
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
    return error_of(handle_, code, "move the log into the database");
  return Checkpoint{wal_pages, moved_pages};
}

// --- Transaction ---------------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  TRY(database.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN", "begin a transaction"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself. A rollback that fails leaves nothing to do:
  // the next BEGIN says so.
  if (database_ != nullptr && database_->in_transaction())
    (void)database_->run("ROLLBACK", "roll back").ok();
}

Status Transaction::commit() {
  TRY(database_->run("COMMIT", "commit"));
  database_ = nullptr;
  return done;
}

}  // namespace weir::data
