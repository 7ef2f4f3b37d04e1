#pragma once
// SQLite with owners: a Database closes itself, a Statement finalises itself, a Transaction rolls
// back unless it was committed. sqlite.cpp is the only file that knows <sqlite3.h>.
//
// Errors name the purpose that the caller gave ("append to the log"), the file and SQLite's reason.
// `Errc::full` = no room on the disk, now; `Errc::io` = a write, read or sync failed;
// `Errc::corrupt` = not our grammar. A failed sync is never retried here (data, D-7).
//
// A Database and what came from it belong to one thread at a time.

#include "base/bytes.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace weir::data {

class Database;

// A prepared statement. Bind, step, read columns, reset. Parameters count from 1, columns from 0,
// as in SQLite.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Bound views must live until the next reset or step to the end. Returns itself for chaining.
  Statement& bind(int parameter, std::int64_t number);
  Statement& bind_text(int parameter, std::string_view text);
  Statement& bind_blob(int parameter, std::string_view bytes);
  Statement& bind_null(int parameter);

  Result<bool> step();  // true = a row is there, false = the end
  // For statements without rows: steps to the end and resets.
  Status run();
  void reset();  // also forgets the bindings

  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;  // text or blob; until the next step or reset
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, std::string purpose)
      : statement_(statement), purpose_(std::move(purpose)) {}
  sqlite3_stmt* statement_ = nullptr;
  std::string purpose_;
};

enum class Access : std::uint8_t {
  create,  // read and write, made when missing
  write,   // read and write
  read_only,
};

// What a checkpoint found and did.
struct Checkpoint {
  std::int64_t wal_pages = 0;
  std::int64_t moved_pages = 0;
};

class Database {
 public:
  // Opens in WAL mode with wal_autocheckpoint=0; `synchronous` as asked.
  enum class Synchronous : std::uint8_t { full, normal };
  struct Options {
    Access access = Access::read_only;
    Synchronous synchronous = Synchronous::full;
  };
  static Result<Database> open(const std::string& path, const Options& options);

  Database();
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  // One or more statements without parameters or rows.
  Status run(std::string_view sql, std::string_view purpose);
  // A statement for use many times.
  Result<Statement> prepare(std::string_view sql, std::string_view purpose);
  // The first column of the first row.
  Result<std::int64_t> read_integer(std::string_view sql, std::string_view purpose);

  std::int64_t changes() const;   // rows that the last statement changed
  std::size_t wal_bytes() const;  // size of the WAL after the last commit of this connection
  // Writes zeros behind the log's end when little is left there, so that small commits overwrite
  // bytes that exist: a sync that must also move the end of a file took 2.9 ms, one that need not
  // 0.5 ms (bench/data). The zeros are no valid frames, recovery stops before them. Only for the
  // one connection that writes, between transactions.
  void reserve_log();
  bool in_transaction() const;
  enum class CheckpointMode : std::uint8_t { passive, restart };
  Result<Checkpoint> checkpoint(CheckpointMode mode);

 private:
  struct Wal;
  sqlite3* handle_ = nullptr;
  std::unique_ptr<Wal> wal_;
};

// BEGIN IMMEDIATE (write) or BEGIN (read) until commit, else ROLLBACK.
class Transaction {
 public:
  enum class Kind : std::uint8_t { read, write };
  static Result<Transaction> begin(Database& database, Kind kind);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace weir::data
