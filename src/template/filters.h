#pragma once
// What the files of filters share: a filter's input of one kind, values by a dotted attribute,
// results bounded.

#include "base/limits.h"
#include "base/result.h"
#include "template/engine.h"

#include <string>
#include <string_view>

namespace weir::tmpl {

// The input, or an error that says what it is instead.
Result<std::string_view> text_input(const Value& input, const Call& call);
Result<double> number_input(const Value& input, const Call& call);
// An array of at most `template_items_max` items.
Result<const ArrayView*> array_input(const Value& input, const Call& call);

// The error of a string that would grow beyond what any render may print.
Error too_large_error(const Call& call);

// `a.b`, `a["b"].0`; the value itself when the attribute is empty; undefined when there is none.
Value value_at(const Value& value, std::string_view attribute, Recorder* recorder);

// "\n" and "\t" written as two characters mean newline and tab, in separators and patterns.
std::string unescaped(std::string_view text);

}  // namespace weir::tmpl
