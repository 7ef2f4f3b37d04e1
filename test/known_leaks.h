#pragma once
// Leaks of libraries that LeakSanitizer is not to report. Include it in one file of a program; a
// build without the sanitizer asks nobody.
//
// libsass 3.6.5 forgets the list of an import when what was imported does not parse: some eighty
// bytes for a style sheet that is wrong. It is theirs, and nobody can tell whether it may be freed.

extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:Sass::Context::call_loader\n"; }
