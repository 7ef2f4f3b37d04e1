#pragma once
// The tables of a tenant's database (data, section 3) as numbered migrations.

#include "base/result.h"
#include "data/sqlite.h"

namespace weir::sync {

// Brings the file to the newest version in one transaction. A file that a newer weir has written is
// refused.
Status migrate(data::Database& database);

}  // namespace weir::sync
