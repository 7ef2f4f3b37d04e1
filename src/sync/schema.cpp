#include "sync/schema.h"

#include "base/bytes.h"
#include "base/crypto.h"

#include <array>
#include <string>
#include <string_view>

namespace weir::sync {

namespace {

// log has no secondary index and no uniqueness check: `high` keeps one counter per replica and
// document, and the index from document to positions is in memory (documents.h). That is five times
// cheaper per operation.
//   log.body   an operation as JSON without its opening brace (op.h)
//   doc.snap   folded state (crdt.h) up to snap_seq, doc.vv its version vector
//   doc.gone   rows up to here are deleted
//   kv.exp     Unix milliseconds
//   meta       epoch "<generation>-<random>"; seq and hlc: the last ones given, stored with each
//              commit
constexpr std::string_view version_1 = R"sql(
CREATE TABLE log (seq INTEGER PRIMARY KEY, doc INT NOT NULL, rep INT NOT NULL, ctr INT NOT NULL, hlc INT NOT NULL,
                  recv INT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE rep (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, subject TEXT NOT NULL) STRICT;
CREATE TABLE high (doc INT NOT NULL, rep INT NOT NULL, ctr INT NOT NULL, seen INT NOT NULL,
                   PRIMARY KEY (doc, rep)) STRICT, WITHOUT ROWID;
CREATE TABLE doc (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seq INT NOT NULL DEFAULT 0,
                  gone INT NOT NULL DEFAULT 0, is_full INT NOT NULL DEFAULT 0, snap_seq INT NOT NULL DEFAULT 0,
                  vv BLOB, snap BLOB) STRICT;
CREATE TABLE kv (k BLOB PRIMARY KEY, ver INT NOT NULL, exp INT, type TEXT NOT NULL, v BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX kv_exp ON kv (exp) WHERE exp IS NOT NULL;
CREATE TABLE meta (k TEXT PRIMARY KEY, v ANY) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('seq', 0), ('hlc', 0);
)sql";

constexpr std::array migrations{version_1};

Status write_epoch(data::Database& database) {
  const std::string random = random_bytes(8);
  data::Statement insert =
      TRY(database.prepare("INSERT INTO meta VALUES ('epoch', ?)", "write the epoch"));
  const std::string epoch = "1-" + hex_of(bytes_of(random));
  return insert.bind_text(1, epoch).run();
}

}  // namespace

Status migrate(data::Database& database) {
  const auto newest = static_cast<std::int64_t>(migrations.size());
  const std::int64_t version =
      TRY(database.read_integer("PRAGMA user_version", "read the schema version"));
  if (version == newest) return done;
  if (version > newest)
    return Error{Errc::denied, "the database has schema version " + std::to_string(version) +
                                   ", this weir knows up to " + std::to_string(newest)}
        .with_help("run the weir that wrote it, or a newer one");
  data::Transaction transaction =
      TRY(data::Transaction::begin(database, data::Transaction::Kind::write));
  for (std::int64_t i = version; i < newest; ++i)
    TRY(database.run(migrations[static_cast<std::size_t>(i)],
                     "bring the schema to version " + std::to_string(i + 1)));
  if (version == 0) TRY(write_epoch(database));
  TRY(database.run("PRAGMA user_version=" + std::to_string(newest), "write the schema version"));
  return transaction.commit();
}

}  // namespace weir::sync
