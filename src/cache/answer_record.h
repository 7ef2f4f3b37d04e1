#pragma once
// A stored answer as a record of the store, and back: what a fill has no member for goes among its
// fields, under names that no field has. So it lies on disk (answer_disk.h), and so it travels from
// the node that has asked for it to another (edge/fill_wire.h). Pure functions.

#include "cache/answer.h"
#include "store/store.h"

#include <string>
#include <string_view>

namespace weir::cache {

// Without `key`, `body_id` and `release`: whoever keeps it says under which name and where.
store::Fill record_of(const Answer& answer);

// Without `key`, `received` and `received_wall`: when it was received depends on whose clock the
// record has. Errc::corrupt: no such record.
Result<AnswerFacts> facts_of(const store::Fill& fill);

// "accept-language,cookie".
std::string text_of(const VaryNames& names);
VaryNames names_in(std::string_view text);

}  // namespace weir::cache
