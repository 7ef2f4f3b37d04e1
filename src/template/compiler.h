#pragma once
// The tree of one template to instructions. Functions, filters and tests are resolved here; macros,
// includes and blocks need the other templates and are left to the linker (engine.cpp). A name that
// the library does not have becomes an instruction that fails when it runs, and a warning now.

#include "base/result.h"
#include "template/code.h"
#include "template/library.h"

#include <vector>

namespace weir::tmpl {

// Fills everything of `unit` that `unit.syntax` describes. Warnings are appended in the order of
// the text.
void compile(Unit& unit, Symbols& symbols, const Library& library, std::vector<Error>& warnings);

}  // namespace weir::tmpl
