// Goal: sqlite.h's owners close, roll back and report as they promise.
// Method: real files in a temporary directory.

#include "data/sqlite.h"
#include "support.h"

#include <catch2/catch.hpp>

namespace weir::data {

namespace {

Database open_new(const std::string& path) {
  Database::Options options;
  options.access = Access::create;
  Database database = Database::open(path, options).value();
  REQUIRE(database.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)", "make a table").ok());
  return database;
}

std::int64_t count_of(Database& database) {
  return database.read_integer("SELECT count(*) FROM t", "count").value();
}

}  // namespace

TEST_CASE("values come back as they were bound", "[data]") {
  const test::TemporaryDirectory directory;
  Database database = open_new(directory / "a.db");
  Statement insert = database.prepare("INSERT INTO t VALUES (?, ?)", "insert").value();
  const std::string bytes("a\0b", 3);

  REQUIRE(insert.bind(1, 7).bind_blob(2, bytes).run().ok());
  REQUIRE(insert.bind(1, 8).bind_null(2).run().ok());
  REQUIRE(insert.bind(1, 9).bind_blob(2, {}).run().ok());
  Statement select = database.prepare("SELECT a, b FROM t ORDER BY a", "select").value();

  REQUIRE(select.step().value());
  CHECK(select.integer(0) == 7);
  CHECK(select.bytes(1) == bytes);
  REQUIRE(select.step().value());
  CHECK(select.is_null(1));
  REQUIRE(select.step().value());
  CHECK_FALSE(select.is_null(1));
  CHECK(select.bytes(1).empty());
  CHECK_FALSE(select.step().value());
}

TEST_CASE("a transaction that is not committed leaves nothing", "[data]") {
  const test::TemporaryDirectory directory;
  Database database = open_new(directory / "a.db");
  {
    const Transaction transaction = Transaction::begin(database, Transaction::Kind::write).value();
    REQUIRE(database.run("INSERT INTO t VALUES (1, NULL)", "insert").ok());
    CHECK(count_of(database) == 1);
  }
  CHECK(count_of(database) == 0);
  {
    Transaction transaction = Transaction::begin(database, Transaction::Kind::write).value();
    REQUIRE(database.run("INSERT INTO t VALUES (1, NULL)", "insert").ok());
    REQUIRE(transaction.commit().ok());
  }
  CHECK(count_of(database) == 1);
}

TEST_CASE("a reader sees one moment while others write", "[data]") {
  const test::TemporaryDirectory directory;
  Database writer = open_new(directory / "a.db");
  Database reader = Database::open(directory / "a.db", {}).value();
  const Transaction moment = Transaction::begin(reader, Transaction::Kind::read).value();
  CHECK(count_of(reader) == 0);

  REQUIRE(writer.run("INSERT INTO t VALUES (1, NULL)", "insert").ok());

  CHECK(count_of(reader) == 0);
  CHECK(count_of(writer) == 1);
}

TEST_CASE("errors name the purpose, the file and the kind", "[data]") {
  const test::TemporaryDirectory directory;
  Database database = open_new(directory / "a.db");
  REQUIRE(database.run("INSERT INTO t VALUES (1, NULL)", "insert").ok());

  const Status twice = database.run("INSERT INTO t VALUES (1, NULL)", "append to the log");
  const auto missing = Database::open(directory / "none/a.db", {});
  directory.write("b.db", "this is not a database, but it is long enough to look like one ......");
  Database::Options create;
  create.access = Access::create;
  const auto garbage = Database::open(directory / "b.db", create);

  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == Errc::exists);
  CHECK(twice.error().what.find("append to the log") != std::string::npos);
  CHECK(twice.error().what.find("a.db") != std::string::npos);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::denied);
  REQUIRE_FALSE(garbage);
  CHECK(garbage.error().code == Errc::corrupt);
}

TEST_CASE("the log grows until a checkpoint moves it", "[data]") {
  const test::TemporaryDirectory directory;
  Database database = open_new(directory / "a.db");
  const std::string bytes(100'000, 'x');
  Statement insert = database.prepare("INSERT INTO t VALUES (NULL, ?)", "insert").value();
  for (int i = 0; i < 60; ++i) REQUIRE(insert.bind_blob(1, bytes).run().ok());
  // SQLite alone would have moved it at 4 MB.
  CHECK(database.wal_bytes() > 6'000'000);

  Database::Options options;
  options.access = Access::write;
  Database keeper = Database::open(directory / "a.db", options).value();
  const auto moved = keeper.checkpoint(Database::CheckpointMode::restart);
  REQUIRE(insert.bind_blob(1, bytes).run().ok());

  REQUIRE(moved);
  CHECK(moved->moved_pages == moved->wal_pages);
  CHECK(database.wal_bytes() < 1'000'000);
}

}  // namespace weir::data
