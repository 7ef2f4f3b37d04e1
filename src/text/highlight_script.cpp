// Tables of the languages without (much) use for braces: scripts, functional ones, queries. As long
// as the languages are many; nothing in it depends on anything above.
#include "text/highlight_lexing.h"

namespace weir::text {

namespace {

using enum Scope;

constexpr auto python_words = word_table([] {
  return std::array{
      WordList{storage, "def", function},
      WordList{storage, "class", type},
      WordList{storage, "lambda"},
      WordList{keyword,
               "as assert async await break case continue del elif else except finally for from "
               "global if import match nonlocal pass raise return try while with yield"},
      WordList{operation, "and in is not or"},
      WordList{self, "self cls"},
      WordList{literal, "True False None Ellipsis NotImplemented __name__ __file__"},
      WordList{builtin,
               "abs all any ascii bin breakpoint callable chr classmethod compile delattr dir "
               "divmod enumerate eval exec filter format getattr globals hasattr hash help hex id "
               "input isinstance issubclass iter len locals map max min next oct open ord pow "
               "print property range repr reversed round setattr slice sorted staticmethod sum "
               "super vars zip __import__"},
      WordList{known_type,
               "bool bytearray bytes complex dict float frozenset int list memoryview object set "
               "str tuple type"}};
});
constexpr std::array python_strings{StringRule{"\"\"\"", "\"\"\"", true, true},
                                    StringRule{"'''", "'''", true, true}, StringRule{"\"", "\""},
                                    StringRule{"'", "'"}};
constexpr CodeTable python{
    .words = python_words.words(),
    .line_comments = {"#"},
    .strings = python_strings,
    .traits = python_prefixes | upper_is_type | upper_call_is_type | calls | decorators};

constexpr auto nim_words = word_table([] {
  return std::array{
      WordList{storage, "proc func method iterator macro template converter", function},
      WordList{storage, "type object enum tuple concept"},
      WordList{storage, "var let const"},
      WordList{modifier, "ref ptr static distinct out export mixin bind"},
      WordList{keyword,
               "asm block break case cast continue defer discard do elif else end except finally "
               "for from if import include interface of raise return try using when while yield"},
      WordList{operation, "and as div in is isnot mod not notin or shl shr xor addr nil"},
      WordList{literal, "true false"},
      WordList{known_type,
               "int int8 int16 int32 int64 uint float float32 float64 bool char string seq array "
               "set cstring"}};
});
constexpr CodeTable nim{.words = nim_words.words(),
                        .line_comments = {"#"},
                        .documentation = {"##"},
                        .block_comments = {BlockComment{"#[", "]#", true}},
                        .strings = python_strings,
                        .traits = upper_is_type | calls};

// ---- Ruby and its kin ----

constexpr auto ruby_words = word_table([] {
  return std::array{
      WordList{storage, "def", function},
      WordList{storage, "class module", type},
      WordList{modifier,
               "private protected public private_constant module_function attr_accessor "
               "attr_reader attr_writer"},
      WordList{keyword,
               "alias begin BEGIN break case do else elsif end END ensure for if in next redo "
               "rescue retry return then undef unless until when while yield raise loop require "
               "require_relative include extend prepend"},
      WordList{operation, "and defined? not or"},
      WordList{self, "self super __FILE__ __LINE__ __method__"},
      WordList{literal, "true false nil"},
      WordList{builtin,
               "puts print p pp gets lambda proc format sprintf printf sleep rand freeze"}};
});
constexpr std::array ruby_strings{StringRule{"\"", "\"", true, true, false, Hole::hash_brace},
                                  StringRule{"'", "'", true, true},
                                  StringRule{"`", "`", true, true, false, Hole::hash_brace}};
constexpr CodeTable ruby{.words = ruby_words.words(),
                         .line_comments = {"#"},
                         .block_comments = {BlockComment{"=begin\n", "\n=end"}},
                         .strings = ruby_strings,
                         .word_ends = "?!",
                         .traits = upper_is_type | calls | at_variables | dollar_variables |
                                   colon_symbols | colon_keys | slash_regexps | percent_literals |
                                   heredocs};

constexpr auto elixir_words = word_table([] {
  return std::array{
      WordList{storage, "def defp defmacro defmacrop defguard defguardp defdelegate", function},
      WordList{storage, "defmodule defprotocol defimpl", type},
      WordList{storage, "defstruct defexception defoverridable fn"},
      WordList{keyword,
               "after alias case catch cond do else end for if import quote raise receive require "
               "rescue try unless unquote use with throw reraise"},
      WordList{operation, "and in not or when"},
      WordList{self, "__MODULE__ __DIR__ __ENV__ __CALLER__"},
      WordList{literal, "true false nil"}};
});
constexpr std::array elixir_strings{
    StringRule{"\"\"\"", "\"\"\"", true, true, false, Hole::hash_brace},
    StringRule{"'''", "'''", true, true, false, Hole::hash_brace},
    StringRule{"\"", "\"", true, true, false, Hole::hash_brace},
    StringRule{"'", "'", true, true, false, Hole::hash_brace}};
constexpr CodeTable elixir{.words = elixir_words.words(),
                           .line_comments = {"#"},
                           .strings = elixir_strings,
                           .word_ends = "?!",
                           .traits = upper_is_type | caps_are_types | calls | at_variables |
                                     colon_symbols | colon_keys | sigils};

constexpr auto crystal_words = word_table([] {
  return std::array{WordList{storage, "def macro fun", function},
                    WordList{storage, "class module struct enum lib union annotation", type},
                    WordList{modifier, "abstract private protected getter setter property"},
                    WordList{keyword,
                             "alias as begin break case do else elsif end ensure extend for if in "
                             "include next of out require rescue return select then uninitialized "
                             "unless until verbatim when while with yield raise"},
                    WordList{operation, "is_a? nil? responds_to? sizeof typeof pointerof"},
                    WordList{self, "self super"},
                    WordList{literal, "true false nil"},
                    WordList{builtin, "puts print p pp gets"}};
});
constexpr CodeTable crystal{.words = crystal_words.words(),
                            .line_comments = {"#"},
                            .strings = ruby_strings,
                            .word_ends = "?!",
                            .traits = upper_is_type | calls | at_variables | colon_symbols |
                                      slash_regexps | percent_literals | heredocs};

// ---- Lua, Perl, R, Julia, CoffeeScript ----

constexpr auto lua_words = word_table([] {
  return std::array{
      WordList{storage, "function", function},
      WordList{storage, "local"},
      WordList{keyword, "break do else elseif end for goto if in repeat return then until while"},
      WordList{operation, "and not or"},
      WordList{self, "self _G _ENV _VERSION"},
      WordList{literal, "true false nil"},
      WordList{builtin,
               "assert collectgarbage dofile error getmetatable ipairs load loadfile next pairs "
               "pcall print rawequal rawget rawlen rawset require select setmetatable tonumber "
               "tostring type xpcall string table math io os coroutine"}};
});
constexpr std::array two_quotes{StringRule{"\"", "\""}, StringRule{"'", "'"}};
constexpr CodeTable lua{.words = lua_words.words(),
                        .line_comments = {"--", "#!"},
                        .documentation = {"---"},
                        .strings = two_quotes,
                        .traits = long_brackets | calls | equals_keys};

constexpr auto perl_words = word_table([] {
  return std::array{
      WordList{storage, "sub", function},
      WordList{storage, "package use no require", name_space},
      WordList{storage, "my our local state"},
      WordList{keyword,
               "do else elsif for foreach given if last next redo return unless until when while"},
      WordList{operation, "and cmp eq ge gt le lt ne not or x xor"},
      WordList{builtin,
               "bless chomp chop close defined delete die each eof exists grep join keys length lc "
               "map open pop print printf push ref reverse say scalar shift sort splice split "
               "sprintf substr uc undef unshift values wantarray warn"}};
});
constexpr std::array perl_strings{StringRule{"\"", "\"", true, true, false, Hole::dollar_word},
                                  StringRule{"'", "'", true, true},
                                  StringRule{"`", "`", true, true}};
constexpr CodeTable perl{
    .words = perl_words.words(),
    .line_comments = {"#"},
    .block_comments = {BlockComment{"=pod\n", "\n=cut"}},
    .strings = perl_strings,
    .traits = dollar_variables | at_variables | slash_regexps | calls | upper_is_type | heredocs};

constexpr auto r_words = word_table([] {
  return std::array{
      WordList{storage, "function"},
      WordList{keyword, "break else for if in next repeat return while"},
      WordList{literal, "TRUE FALSE NULL NA NaN Inf NA_integer_ NA_real_ NA_character_"},
      WordList{builtin, "library require c list print paste cat"}};
});
constexpr CodeTable r{.words = r_words.words(),
                      .line_comments = {"#"},
                      .strings = two_quotes,
                      .word_chars = ".",
                      .traits = calls | equals_keys};

constexpr auto julia_words = word_table([] {
  return std::array{WordList{storage, "function macro", function},
                    WordList{storage, "struct type", type},
                    WordList{storage, "module using import export", name_space},
                    WordList{storage, "const local global let mutable abstract primitive"},
                    WordList{keyword,
                             "begin break catch continue do else elseif end finally for if quote "
                             "return try while where"},
                    WordList{operation, "in isa"},
                    WordList{literal, "true false nothing missing Inf NaN"}};
});
constexpr std::array julia_strings{
    StringRule{"\"\"\"", "\"\"\"", true, true, false, Hole::dollar_word},
    StringRule{"\"", "\"", true, true, false, Hole::dollar_word}, StringRule{"`", "`", true, true}};
constexpr CodeTable julia{.words = julia_words.words(),
                          .line_comments = {"#"},
                          .block_comments = {BlockComment{"#=", "=#", true}},
                          .strings = julia_strings,
                          .word_ends = "!",
                          .traits = upper_is_type | calls | decorators | quote_chars};

constexpr auto coffee_words = word_table([] {
  return std::array{
      WordList{storage, "class", type},
      WordList{modifier, "extends static"},
      WordList{keyword,
               "await break by catch continue do else finally for if import export from loop own "
               "return switch then throw try unless until when while yield"},
      WordList{operation, "and delete in instanceof is isnt new not of or typeof"},
      WordList{self, "this super"},
      WordList{literal, "true false null undefined yes no on off"}};
});
constexpr std::array coffee_strings{
    StringRule{"\"\"\"", "\"\"\"", true, true, false, Hole::hash_brace},
    StringRule{"'''", "'''", true, true},
    StringRule{"\"", "\"", true, true, false, Hole::hash_brace}, StringRule{"'", "'", true, true}};
constexpr CodeTable coffee{
    .words = coffee_words.words(),
    .line_comments = {"#"},
    .block_comments = {BlockComment{"###", "###"}},
    .strings = coffee_strings,
    .traits = slash_regexps | upper_is_type | calls | at_variables | colon_keys};

// ---- the functional ones ----

constexpr auto haskell_words = word_table([] {
  return std::array{WordList{storage, "data newtype class instance type family", type},
                    WordList{storage, "module import", name_space},
                    WordList{modifier,
                             "qualified hiding deriving infix infixl infixr foreign default forall "
                             "via stock anyclass"},
                    WordList{keyword, "as case do else if in let mdo of proc rec then where"},
                    WordList{builtin,
                             "error undefined otherwise show print putStrLn return pure map filter "
                             "foldr foldl mapM_ fmap"}};
});
constexpr std::array double_quotes{StringRule{"\"", "\"", true, true}};
constexpr CodeTable haskell{
    .words = haskell_words.words(),
    .line_comments = {"--"},
    .documentation = {"-- |", "-- ^", "{-|"},
    .block_comments = {BlockComment{"{-#", "#-}"}, BlockComment{"{-", "-}", true}},
    .strings = double_quotes,
    .word_chars = "'",
    .traits = upper_is_type | caps_are_types | quote_chars | line_functions};

constexpr auto elm_words = word_table([] {
  return std::array{WordList{storage, "type alias", type},
                    WordList{storage, "module import", name_space},
                    WordList{modifier, "exposing port effect"},
                    WordList{keyword, "as case else if in let of then where"}};
});
constexpr std::array elm_strings{StringRule{"\"\"\"", "\"\"\"", true, true},
                                 StringRule{"\"", "\""}};
constexpr CodeTable elm{.words = elm_words.words(),
                        .line_comments = {"--"},
                        .block_comments = {BlockComment{"{-", "-}", true}},
                        .strings = elm_strings,
                        .traits = upper_is_type | caps_are_types | quote_chars | line_functions};

constexpr auto ocaml_words = word_table([] {
  return std::array{
      WordList{storage, "let and", function},
      WordList{storage, "type exception class module", type},
      WordList{storage, "open include", name_space},
      WordList{storage, "fun function val external method object"},
      WordList{modifier, "rec mutable private virtual inherit constraint nonrec lazy"},
      WordList{keyword,
               "as assert begin do done downto else end for functor if in initializer match new of "
               "sig struct then to try when while with raise"},
      WordList{operation, "asr land lor lsl lsr lxor mod or not"},
      WordList{literal, "true false"},
      WordList{known_type, "int float string char bool unit list array option ref bytes"}};
});
constexpr CodeTable ocaml{.words = ocaml_words.words(),
                          .documentation = {"(**"},
                          .block_comments = {BlockComment{"(*", "*)", true}},
                          .strings = double_quotes,
                          .word_chars = "'",
                          .traits = upper_is_type | quote_chars};

constexpr auto fsharp_words = word_table([] {
  return std::array{
      WordList{storage, "let and", function},
      WordList{storage, "type exception class interface", type},
      WordList{storage, "open namespace module", name_space},
      WordList{storage, "fun function val member new delegate"},
      WordList{modifier,
               "abstract default extern global inline internal mutable override private public rec "
               "static use inherit"},
      WordList{keyword,
               "as assert base begin do done downto elif else end finally fixed for if in lazy "
               "match of return select sig struct then to try upcast downcast void when while with "
               "yield async raise failwith"},
      WordList{operation, "not or"},
      WordList{literal, "true false null"},
      WordList{builtin, "printf printfn sprintf ignore id fst snd"},
      WordList{known_type,
               "int float string char bool unit list array option seq byte decimal int64 obj exn"}};
});
constexpr std::array fsharp_strings{StringRule{"\"\"\"", "\"\"\"", false, true},
                                    StringRule{"\"", "\"", true, true, false, Hole::percent}};
constexpr CodeTable fsharp{.words = fsharp_words.words(),
                           .line_comments = {"//"},
                           .documentation = {"///"},
                           .block_comments = {BlockComment{"(*", "*)", true}},
                           .strings = fsharp_strings,
                           .word_chars = "'",
                           .traits = upper_is_type | quote_chars | csharp_marks};

constexpr auto erlang_words = word_table([] {
  return std::array{
      WordList{keyword,
               "after begin case catch cond end fun if let maybe of receive try when else"},
      WordList{operation, "and andalso band bnot bor bsl bsr bxor div not or orelse rem xor"},
      WordList{literal, "true false undefined ok"},
      WordList{preprocessor, "module export import record define include behaviour spec"}};
});
constexpr std::array erlang_strings{StringRule{"\"", "\"", true, true}, StringRule{"'", "'"}};
constexpr CodeTable erlang{.words = erlang_words.words(),
                           .line_comments = {"%"},
                           .strings = erlang_strings,
                           .traits = calls};

constexpr auto lisp_words = word_table([] {
  return std::array{
      WordList{storage,
               "def defn defn- defun defmacro defmethod defmulti define define-syntax defvar "
               "defparameter defconstant define-record-type defgeneric",
               function},
      WordList{storage, "ns deftype defrecord defprotocol defclass defstruct in-package defpackage",
               type},
      WordList{keyword,
               "if let let* letrec cond case when unless do loop recur fn lambda progn begin set! "
               "setq setf quote for doseq dotimes dolist while try catch finally throw import "
               "require use if-let when-let and or not"},
      WordList{literal, "true false nil t #t #f"}};
});
constexpr CodeTable lisp{.words = lisp_words.words(),
                         .line_comments = {";"},
                         .block_comments = {BlockComment{"#|", "|#", true}},
                         .strings = double_quotes,
                         .word_starts = "*#",
                         .word_chars = "-*!?<>=/+'.",
                         .traits = lisp_lists | colon_symbols};

constexpr auto nix_words = word_table([] {
  return std::array{WordList{keyword, "assert else if in inherit let or rec then with"},
                    WordList{literal, "true false null"},
                    WordList{builtin,
                             "abort baseNameOf builtins derivation fetchTarball fetchGit fetchurl "
                             "import isNull map removeAttrs throw toString"}};
});
constexpr std::array nix_strings{StringRule{"''", "''", false, true, false, Hole::dollar_brace},
                                 StringRule{"\"", "\"", true, true, false, Hole::dollar_brace}};
constexpr CodeTable nix{.words = nix_words.words(),
                        .line_comments = {"#"},
                        .block_comments = {BlockComment{"/*", "*/"}},
                        .strings = nix_strings,
                        .word_chars = "-'",
                        .traits = equals_keys};

// ---- queries, shaders of text, old friends ----

constexpr auto sql_words = word_table([] {
  return std::array{
      WordList{
          keyword,
          "add after all alter analyze as asc attach before begin by cascade case check collate "
          "column commit conflict constraint create cross current database deallocate declare "
          "default deferrable deferred delete desc detach distinct do drop each else end escape "
          "except exclude execute explain fetch filter first following for foreign from full "
          "function generated grant group grouping having if ignore immediate index indexed "
          "initially inner insert instead intersect into join key language last lateral left limit "
          "local lock materialized matched merge natural next no nothing nulls of offset on only "
          "order outer over partition plan pragma preceding prepare primary procedure range "
          "recursive references reindex rename replace restrict return returning returns revoke "
          "right role rollback rollup row rows savepoint schema select sequence set show start "
          "table temp temporary then to transaction trigger truncate unbounded union unique update "
          "use using vacuum values view when where while window with within without"},
      WordList{
          operation,
          "and any between exists glob ilike in is isnull like not notnull or regexp similar some"},
      WordList{literal, "true false null"},
      WordList{known_type,
               "array bigint bigserial binary bit blob boolean bool bytea char character cidr clob "
               "date datetime decimal double enum float inet int integer interval json jsonb money "
               "numeric nvarchar precision real serial smallint text time timestamp timestamptz "
               "tinyint uuid varbinary varchar varying xml"},
      WordList{builtin,
               "abs avg ceil coalesce concat count cast current_date current_time "
               "current_timestamp date_trunc dense_rank extract floor greatest ifnull lag lead "
               "least length lower ltrim max min now nullif position random rank replace round "
               "row_number rtrim substr substring sum trim upper"}};
});
constexpr std::array sql_strings{
    StringRule{"'", "'", false, true, true},
    StringRule{"\"", "\"", false, true, true, Hole::none, Scope::variable},
    StringRule{"`", "`", false, false, true, Hole::none, Scope::variable},
    StringRule{"$$", "$$", false, true}};
constexpr CodeTable sql{.words = sql_words.words(),
                        .line_comments = {"--", "#"},
                        .block_comments = {BlockComment{"/*", "*/"}},
                        .strings = sql_strings,
                        .traits = any_case | calls | at_variables | dollar_variables};

constexpr auto viml_words = word_table([] {
  return std::array{
      WordList{storage, "function function! def", function},
      WordList{storage, "let const unlet var"},
      WordList{keyword,
               "abort autocmd augroup break call catch continue command else elseif endif endfor "
               "endfunction endtry endwhile execute finally finish for if in normal return set "
               "setlocal silent source throw try while echo map nmap vmap imap nnoremap vnoremap "
               "inoremap noremap colorscheme syntax highlight filetype"},
      WordList{literal, "v:true v:false v:null on off"}};
});
constexpr std::array viml_strings{StringRule{"'", "'", false, false, true}};
constexpr CodeTable viml{.words = viml_words.words(),
                         .line_comments = {"\"", "#"},
                         .strings = viml_strings,
                         .word_chars = "#:",
                         .word_ends = "!",
                         .traits = calls | at_variables};

constexpr auto cmake_words = word_table([] {
  return std::array{
      WordList{keyword,
               "if elseif else endif foreach endforeach while endwhile function endfunction macro "
               "endmacro return break continue include"},
      WordList{
          builtin,
          "add_executable add_library add_subdirectory add_custom_command add_custom_target "
          "add_test cmake_minimum_required configure_file enable_testing execute_process file "
          "find_package find_library find_path get_filename_component install link_directories "
          "link_libraries list message option project set string target_compile_definitions "
          "target_compile_features target_compile_options target_include_directories "
          "target_link_libraries target_sources set_target_properties unset include_directories"},
      WordList{operation,
               "and or not equal less greater matches strequal defined exists version_less "
               "version_greater"},
      WordList{literal, "true false on off"},
      WordList{
          modifier,
          "public private interface required components static shared module version languages"}};
});
constexpr std::array cmake_strings{
    StringRule{"\"", "\"", true, true, false, Hole::dollar_brace},
    StringRule{"${", "}", false, false, false, Hole::none, Scope::variable}};
constexpr CodeTable cmake{.words = cmake_words.words(),
                          .line_comments = {"#"},
                          .block_comments = {BlockComment{"#[[", "]]"}},
                          .strings = cmake_strings,
                          .traits = any_case | calls};

constexpr auto awk_words = word_table([] {
  return std::array{
      WordList{storage, "function func", function},
      WordList{keyword,
               "BEGIN END break continue delete do else exit for getline if in next nextfile print "
               "printf return while"},
      WordList{self, "NR NF FS OFS RS ORS FILENAME FNR ARGC ARGV ENVIRON SUBSEP RSTART RLENGTH"},
      WordList{builtin,
               "gsub sub match split length substr index sprintf tolower toupper int rand srand "
               "system close"}};
});
constexpr CodeTable awk{.words = awk_words.words(),
                        .line_comments = {"#"},
                        .strings = double_quotes,
                        .traits = calls | slash_regexps | dollar_variables};

constexpr auto assembly_words = word_table([] {
  return std::array{
      WordList{keyword,
               "mov movl movq movzx movsx movabs lea leaq push pushq pop popq call callq ret retq "
               "jmp je jne jz jnz jg jge jl jle ja jae jb jbe js jns loop cmp cmpq cmpl test testq "
               "testl add addq addl sub subq subl mul imul div idiv inc dec neg and or xor xorl "
               "xorq not shl shr sal sar rol ror nop int syscall sysenter leave enter cmove cmovne "
               "sete setne rep movsb stosb cpuid ud2 hlt endbr64 xchg ldr str ldp stp adr adrp b "
               "bl br blr cbz cbnz b.eq b.ne svc"},
      WordList{storage,
               "db dw dd dq resb resw resd resq equ times section segment global extern bits "
               "default org align"},
      WordList{variable,
               "rax rbx rcx rdx rsi rdi rbp rsp rip r8 r9 r10 r11 r12 r13 r14 r15 eax ebx ecx edx "
               "esi edi ebp esp ax bx cx dx al ah bl bh cl ch dl dh xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 "
               "xmm6 xmm7 ymm0 ymm1 x0 x1 x2 x3 x4 x5 x6 x7 x8 x16 x29 x30 w0 w1 w2 sp lr pc"},
      WordList{known_type, "byte word dword qword ptr offset"}};
});
constexpr std::array assembly_strings{StringRule{"\"", "\""}, StringRule{"'", "'"}};
constexpr CodeTable assembly{.words = assembly_words.words(),
                             .line_comments = {";", "#", "//"},
                             .block_comments = {BlockComment{"/*", "*/"}},
                             .strings = assembly_strings,
                             .word_starts = ".",
                             .word_chars = ".",
                             .traits = any_case | line_functions};

constexpr auto wasm_words = word_table([] {
  return std::array{WordList{storage,
                             "module func param result local global table memory type import "
                             "export data elem start mut"},
                    WordList{keyword,
                             "block loop if then else end br br_if br_table return call "
                             "call_indirect drop select unreachable nop"},
                    WordList{known_type, "i32 i64 f32 f64 v128 funcref externref anyfunc"}};
});
constexpr CodeTable wasm{.words = wasm_words.words(),
                         .line_comments = {";;"},
                         .block_comments = {BlockComment{"(;", ";)", true}},
                         .strings = double_quotes,
                         .word_chars = ".",
                         .traits = dollar_variables | lisp_lists};

constexpr auto nushell_words = word_table([] {
  return std::array{WordList{storage, "def", function},
                    WordList{storage, "let mut const alias export module use"},
                    WordList{keyword,
                             "break catch continue do else error for if in loop match return "
                             "source try where while overlay hide"},
                    WordList{operation, "and or not mod xor not-in"},
                    WordList{literal, "true false null"},
                    WordList{builtin,
                             "ls cd open save get select each filter sort-by to from str into "
                             "print echo length first last describe reduce"}};
});
constexpr std::array nushell_strings{StringRule{"\"", "\""}, StringRule{"'", "'", false, true},
                                     StringRule{"`", "`", false}};
constexpr CodeTable nushell{.words = nushell_words.words(),
                            .line_comments = {"#"},
                            .strings = nushell_strings,
                            .word_chars = "-",
                            .traits = dollar_variables | cmdlets | colon_keys};

constexpr auto powershell_words = word_table([] {
  return std::array{
      WordList{storage, "function filter workflow configuration", function},
      WordList{storage, "class enum", type},
      WordList{storage, "param using"},
      WordList{modifier, "static hidden private public global script local"},
      WordList{keyword,
               "begin break catch continue data do dynamicparam else elseif end exit finally for "
               "foreach from if in process return switch throw trap try until while"},
      WordList{builtin,
               "echo write-host write-output get-childitem set-location cd ls dir cat where select "
               "sort"}};
});
constexpr std::array powershell_strings{
    StringRule{"@\"\n", "\n\"@", false, true, false, Hole::dollar_word},
    StringRule{"@'\n", "\n'@", false, true},
    StringRule{"\"", "\"", false, true, true, Hole::dollar_word},
    StringRule{"'", "'", false, true, true}};
constexpr CodeTable powershell{
    .words = powershell_words.words(),
    .line_comments = {"#"},
    .block_comments = {BlockComment{"<#", "#>"}},
    .strings = powershell_strings,
    .word_chars = "-",
    .traits = any_case | dollar_variables | cmdlets | calls | equals_keys | upper_is_type};

constexpr std::array languages{
    CodeLanguage{"python", lex_code, &python},
    CodeLanguage{"nim", lex_code, &nim},
    CodeLanguage{"ruby", lex_code, &ruby},
    CodeLanguage{"crystal", lex_code, &crystal},
    CodeLanguage{"elixir", lex_code, &elixir},
    CodeLanguage{"lua", lex_code, &lua},
    CodeLanguage{"luau", lex_code, &lua},
    CodeLanguage{"perl", lex_code, &perl},
    CodeLanguage{"r", lex_code, &r},
    CodeLanguage{"julia", lex_code, &julia},
    CodeLanguage{"coffee", lex_code, &coffee},
    CodeLanguage{"haskell", lex_code, &haskell},
    CodeLanguage{"elm", lex_code, &elm},
    CodeLanguage{"ocaml", lex_code, &ocaml},
    CodeLanguage{"fsharp", lex_code, &fsharp},
    CodeLanguage{"erlang", lex_code, &erlang},
    CodeLanguage{"clojure", lex_code, &lisp},
    CodeLanguage{"common-lisp", lex_code, &lisp},
    CodeLanguage{"emacs-lisp", lex_code, &lisp},
    CodeLanguage{"scheme", lex_code, &lisp},
    CodeLanguage{"racket", lex_code, &lisp},
    CodeLanguage{"nix", lex_code, &nix},
    CodeLanguage{"sql", lex_code, &sql},
    CodeLanguage{"viml", lex_code, &viml},
    CodeLanguage{"cmake", lex_code, &cmake},
    CodeLanguage{"awk", lex_code, &awk},
    CodeLanguage{"asm", lex_code, &assembly},
    CodeLanguage{"wasm", lex_code, &wasm},
    CodeLanguage{"nushell", lex_code, &nushell},
    CodeLanguage{"powershell", lex_code, &powershell},
};

}  // namespace

std::span<const CodeLanguage> script_languages() { return languages; }

}  // namespace weir::text
