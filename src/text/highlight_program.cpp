// Tables of the languages with braces: which words, comments and strings they have. As long as the
// languages are many; nothing in it depends on anything above.
#include "text/highlight_lexing.h"

namespace weir::text {

namespace {

using enum Scope;

constexpr BlockComment c_comment{"/*", "*/"};
constexpr BlockComment nested_comment{"/*", "*/", true};

// ---- Rust ----

constexpr auto rust_words = word_table([] {
  return std::array{
      WordList{storage, "fn", function},
      WordList{storage, "struct enum union trait type impl", type},
      WordList{storage, "mod crate use extern", name_space},
      WordList{storage, "let const static"},
      WordList{modifier, "pub mut ref move unsafe async dyn default auto"},
      WordList{keyword,
               "as await break continue else for if in loop match return where while yield try do "
               "macro_rules"},
      WordList{self, "self Self super"},
      WordList{literal, "true false"},
      WordList{known_type,
               "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize"}};
});
constexpr std::array rust_strings{
    StringRule{"\"", "\"", true, true, false, Hole::brace_placeholder}};
constexpr CodeTable rust{
    .words = rust_words.words(),
    .line_comments = {"//"},
    .documentation = {"///", "//!", "/**"},
    .block_comments = {nested_comment},
    .strings = rust_strings,
    .traits = rust_marks | upper_is_type | upper_call_is_type | calls | colon_paths};

// ---- C, C++ and their kin ----

constexpr auto c_words = word_table([] {
  return std::array{
      WordList{storage, "struct enum union", type},
      WordList{
          storage,
          "void char short int long float double signed unsigned _Bool _Complex bool typedef auto"},
      WordList{modifier,
               "const volatile restrict static extern inline register _Atomic _Noreturn "
               "_Thread_local constexpr thread_local alignas"},
      WordList{keyword, "break case continue default do else for goto if return switch while"},
      WordList{operation, "sizeof _Alignof alignof typeof _Generic _Static_assert static_assert"},
      WordList{literal, "true false NULL nullptr"},
      WordList{known_type, "FILE size_t ssize_t ptrdiff_t"}};
});
constexpr std::array c_strings{StringRule{"\"", "\"", true, false, false, Hole::percent}};
constexpr CodeTable c{
    .words = c_words.words(),
    .line_comments = {"//"},
    .documentation = {"///", "/**", "//!"},
    .block_comments = {c_comment},
    .strings = c_strings,
    .traits = cpp_marks | preprocessor_lines | quote_chars | upper_is_type | calls};

constexpr auto cpp_words = word_table([] {
  return std::array{
      WordList{storage, "class struct enum union concept typename", type},
      WordList{storage, "namespace", name_space},
      WordList{storage,
               "void char short int long float double signed unsigned bool wchar_t char8_t "
               "char16_t char32_t auto typedef using template decltype operator"},
      WordList{modifier,
               "const constexpr consteval constinit volatile static extern inline register mutable "
               "virtual explicit friend public private protected override final noexcept "
               "thread_local alignas export import module"},
      WordList{keyword,
               "break case catch continue default do else for goto if return switch throw try "
               "while co_await co_return co_yield requires asm"},
      WordList{operation,
               "sizeof alignof new delete typeid static_cast dynamic_cast const_cast "
               "reinterpret_cast and or not xor bitand bitor compl static_assert"},
      WordList{self, "this"},
      WordList{literal, "true false nullptr NULL"},
      WordList{known_type,
               "size_t ssize_t string string_view vector map set array optional unique_ptr "
               "shared_ptr span"}};
});
constexpr CodeTable cpp{
    .words = cpp_words.words(),
    .line_comments = {"//"},
    .documentation = {"///", "/**", "//!"},
    .block_comments = {c_comment},
    .strings = c_strings,
    .traits = cpp_marks | preprocessor_lines | quote_chars | upper_is_type | calls | colon_paths};

constexpr auto objective_c_words = word_table([] {
  return std::array{
      WordList{storage, "struct enum union", type},
      WordList{storage,
               "void char short int long float double signed unsigned bool BOOL id instancetype "
               "SEL typedef auto"},
      WordList{modifier,
               "const volatile static extern inline strong weak nonatomic atomic copy assign "
               "readonly readwrite nullable nonnull __block __weak __strong"},
      WordList{keyword, "break case continue default do else for goto if return switch while in"},
      WordList{self, "self super _cmd"},
      WordList{operation, "sizeof typeof"},
      WordList{literal, "YES NO nil Nil NULL true false"}};
});
constexpr CodeTable objective_c{
    .words = objective_c_words.words(),
    .line_comments = {"//"},
    .documentation = {"///", "/**"},
    .block_comments = {c_comment},
    .strings = c_strings,
    .traits = cpp_marks | preprocessor_lines | quote_chars | upper_is_type | calls | decorators};

constexpr auto shader_words = word_table([] {
  return std::array{
      WordList{storage, "struct", type},
      WordList{storage, "fn", function},
      WordList{storage, "var let const override alias"},
      WordList{modifier,
               "in out inout uniform varying attribute layout precision highp mediump lowp flat "
               "smooth buffer shared readonly writeonly cbuffer register static"},
      WordList{
          keyword,
          "break case continue default discard do else for if return switch while loop continuing"},
      WordList{literal, "true false"},
      WordList{self, "gl_Position gl_FragColor gl_FragCoord gl_VertexID gl_InstanceID"},
      WordList{known_type,
               "void bool int uint float double half vec2 vec3 vec4 ivec2 ivec3 ivec4 uvec2 uvec3 "
               "uvec4 mat2 mat3 mat4 sampler2D samplerCube sampler2DArray float2 float3 float4 "
               "float4x4 i32 u32 f32 f16 vec2f vec3f vec4f mat4x4f array ptr texture_2d sampler"}};
});
constexpr CodeTable shader{.words = shader_words.words(),
                           .line_comments = {"//"},
                           .block_comments = {c_comment},
                           .strings = c_strings,
                           .traits = preprocessor_lines | upper_is_type | calls | decorators};

// ---- Go ----

constexpr auto go_words = word_table([] {
  return std::array{
      WordList{storage, "func", function},
      WordList{storage, "type", type},
      WordList{storage, "package import", name_space},
      WordList{storage, "var const struct interface map chan"},
      WordList{keyword,
               "break case continue default defer else fallthrough for go goto if range return "
               "select switch"},
      WordList{literal, "true false nil iota"},
      WordList{builtin,
               "append cap clear close complex copy delete imag len make max min new panic print "
               "println real recover"},
      WordList{known_type,
               "any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 "
               "int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr"}};
});
constexpr std::array go_strings{StringRule{"\"", "\"", true, false, false, Hole::percent},
                                StringRule{"`", "`", false, true, false, Hole::none}};
constexpr CodeTable go{.words = go_words.words(),
                       .line_comments = {"//"},
                       .block_comments = {c_comment},
                       .strings = go_strings,
                       .traits = quote_chars | calls | upper_is_type | colon_keys};

// ---- JavaScript, TypeScript ----

constexpr std::array script_strings{StringRule{"\"", "\""}, StringRule{"'", "'"},
                                    StringRule{"`", "`", true, true, false, Hole::dollar_brace}};
constexpr std::uint32_t script_traits =
    slash_regexps | upper_is_type | calls | decorators | colon_keys;

constexpr auto javascript_words = word_table([] {
  return std::array{
      WordList{storage, "function", function},
      WordList{storage, "class", type},
      WordList{storage, "const let var"},
      WordList{modifier, "async static get set extends"},
      WordList{keyword,
               "await break case catch continue debugger default do else export finally for from "
               "if import return switch throw try while with yield as"},
      WordList{operation, "delete in instanceof new of typeof void"},
      WordList{self, "this super arguments globalThis"},
      WordList{literal, "true false null undefined NaN Infinity"},
      WordList{builtin, "console document window module require process JSON Math Object"}};
});
constexpr CodeTable javascript{.words = javascript_words.words(),
                               .line_comments = {"//", "#!"},
                               .documentation = {"/**"},
                               .block_comments = {c_comment, {"<!--", "-->"}},
                               .strings = script_strings,
                               .word_starts = "$",
                               .word_chars = "$",
                               .traits = script_traits | jsx_tags};

constexpr auto typescript_words = word_table([] {
  return std::array{
      WordList{storage, "function", function},
      WordList{storage, "class interface enum type", type},
      WordList{storage, "namespace module", name_space},
      WordList{storage, "const let var"},
      WordList{modifier,
               "abstract async declare extends get implements override private protected public "
               "readonly set static accessor"},
      WordList{
          keyword,
          "as asserts await break case catch continue debugger default do else export finally for "
          "from if import infer is keyof return satisfies switch throw try while with yield"},
      WordList{operation, "delete in instanceof new of typeof"},
      WordList{self, "this super arguments globalThis"},
      WordList{literal, "true false null undefined NaN Infinity"},
      WordList{known_type, "any bigint boolean never number object string symbol unknown void"},
      WordList{builtin, "console document window require process JSON Math"}};
});
constexpr CodeTable typescript{.words = typescript_words.words(),
                               .line_comments = {"//", "#!"},
                               .documentation = {"/**"},
                               .block_comments = {c_comment},
                               .strings = script_strings,
                               .word_starts = "$",
                               .word_chars = "$",
                               .traits = script_traits};
constexpr CodeTable tsx{.words = typescript_words.words(),
                        .line_comments = {"//", "#!"},
                        .documentation = {"/**"},
                        .block_comments = {c_comment},
                        .strings = script_strings,
                        .word_starts = "$",
                        .word_chars = "$",
                        .traits = script_traits | jsx_tags};

// ---- the languages of the JVM and .NET ----

constexpr std::array java_strings{StringRule{"\"\"\"", "\"\"\"", true, true},
                                  StringRule{"\"", "\"", true, false, false, Hole::percent}};

constexpr auto java_words = word_table([] {
  return std::array{WordList{storage, "class interface enum record @interface", type},
                    WordList{storage, "package import", name_space},
                    WordList{storage, "boolean byte char double float int long short void var"},
                    WordList{modifier,
                             "abstract default extends final implements native non-sealed permits "
                             "private protected public sealed static strictfp synchronized throws "
                             "transient volatile module exports requires"},
                    WordList{keyword,
                             "assert break case catch continue do else finally for goto if return "
                             "switch throw try while yield"},
                    WordList{operation, "instanceof new"},
                    WordList{self, "this super"},
                    WordList{literal, "true false null"}};
});
constexpr CodeTable java{.words = java_words.words(),
                         .line_comments = {"//"},
                         .documentation = {"/**"},
                         .block_comments = {c_comment},
                         .strings = java_strings,
                         .traits = quote_chars | upper_is_type | calls | decorators};

constexpr std::array kotlin_strings{
    StringRule{"\"\"\"", "\"\"\"", false, true, false, Hole::dollar_word},
    StringRule{"\"", "\"", true, false, false, Hole::dollar_word}};

constexpr auto kotlin_words = word_table([] {
  return std::array{
      WordList{storage, "fun", function},
      WordList{storage, "class interface object typealias", type},
      WordList{storage, "package import", name_space},
      WordList{storage, "val var"},
      WordList{
          modifier,
          "abstract actual annotation by companion const constructor crossinline data enum expect "
          "external final infix init inline inner internal lateinit noinline open operator out "
          "override private protected public reified sealed suspend tailrec vararg where"},
      WordList{keyword,
               "break catch continue do else finally for get if return set throw try when while"},
      WordList{operation, "as in is"},
      WordList{self, "this super it"},
      WordList{literal, "true false null"},
      WordList{builtin,
               "println print listOf mapOf setOf mutableListOf mutableMapOf arrayOf require check "
               "error"}};
});
constexpr CodeTable kotlin{
    .words = kotlin_words.words(),
    .line_comments = {"//"},
    .documentation = {"/**"},
    .block_comments = {nested_comment},
    .strings = kotlin_strings,
    .traits = quote_chars | upper_is_type | upper_call_is_type | calls | decorators};

constexpr auto scala_words = word_table([] {
  return std::array{WordList{storage, "def", function},
                    WordList{storage, "class trait object type enum given", type},
                    WordList{storage, "package import", name_space},
                    WordList{storage, "val var"},
                    WordList{modifier,
                             "abstract case extends final implicit lazy override private protected "
                             "sealed with using inline opaque open transparent"},
                    WordList{keyword,
                             "catch do else end export finally for if match return then throw try "
                             "while yield extension derives"},
                    WordList{operation, "new"},
                    WordList{self, "this super"},
                    WordList{literal, "true false null"}};
});
constexpr std::array scala_strings{
    StringRule{"\"\"\"", "\"\"\"", false, true, false, Hole::dollar_word},
    StringRule{"\"", "\"", true, false, false, Hole::dollar_word}};
constexpr CodeTable scala{
    .words = scala_words.words(),
    .line_comments = {"//"},
    .documentation = {"/**"},
    .block_comments = {nested_comment},
    .strings = scala_strings,
    .traits = quote_chars | upper_is_type | upper_call_is_type | calls | decorators};

constexpr auto groovy_words = word_table([] {
  return std::array{WordList{storage, "class interface trait enum", type},
                    WordList{storage, "package import", name_space},
                    WordList{storage, "def var boolean byte char double float int long short void"},
                    WordList{modifier,
                             "abstract extends final implements private protected public static "
                             "synchronized throws transient volatile"},
                    WordList{keyword,
                             "assert break case catch continue default do else finally for if in "
                             "return switch throw try while as"},
                    WordList{operation, "instanceof new"},
                    WordList{self, "this super it"},
                    WordList{literal, "true false null"}};
});
constexpr std::array groovy_strings{
    StringRule{"\"\"\"", "\"\"\"", true, true, false, Hole::dollar_word},
    StringRule{"'''", "'''", true, true},
    StringRule{"\"", "\"", true, false, false, Hole::dollar_word}, StringRule{"'", "'"}};
constexpr CodeTable groovy{.words = groovy_words.words(),
                           .line_comments = {"//", "#!"},
                           .documentation = {"/**"},
                           .block_comments = {c_comment},
                           .strings = groovy_strings,
                           .traits = upper_is_type | calls | decorators | colon_keys};

constexpr auto csharp_words = word_table([] {
  return std::array{
      WordList{storage, "class interface struct enum record delegate", type},
      WordList{storage, "namespace using", name_space},
      WordList{storage,
               "bool byte char decimal double dynamic float int long nint nuint object sbyte short "
               "string uint ulong ushort var void"},
      WordList{modifier,
               "abstract async const event explicit extern file fixed global implicit in init "
               "internal operator out override params partial private protected public readonly "
               "ref required scoped sealed static unsafe virtual volatile where"},
      WordList{keyword,
               "add await break case catch checked continue default do else finally for foreach "
               "get goto if lock remove return select set switch throw try unchecked when while "
               "with yield from group join let orderby into"},
      WordList{operation, "and as is new nameof not or sizeof stackalloc typeof"},
      WordList{self, "this base value"},
      WordList{literal, "true false null"}};
});
constexpr std::array csharp_strings{StringRule{"\"\"\"", "\"\"\"", false, true},
                                    StringRule{"\"", "\""}};
constexpr CodeTable csharp{
    .words = csharp_words.words(),
    .line_comments = {"//"},
    .documentation = {"///"},
    .block_comments = {c_comment},
    .strings = csharp_strings,
    .traits = csharp_marks | quote_chars | upper_is_type | calls | preprocessor_lines};

constexpr auto dart_words = word_table([] {
  return std::array{
      WordList{storage, "class mixin enum extension typedef", type},
      WordList{storage, "import library part export", name_space},
      WordList{storage, "var final const void bool int double num dynamic"},
      WordList{modifier,
               "abstract async base covariant external extends factory get implements interface "
               "late on operator required sealed set static sync with show hide"},
      WordList{keyword,
               "assert await break case catch continue default do else finally for if in rethrow "
               "return switch throw try while yield when"},
      WordList{operation, "as is new"},
      WordList{self, "this super"},
      WordList{literal, "true false null"}};
});
constexpr std::array dart_strings{
    StringRule{"\"\"\"", "\"\"\"", true, true, false, Hole::dollar_word},
    StringRule{"'''", "'''", true, true, false, Hole::dollar_word},
    StringRule{"\"", "\"", true, false, false, Hole::dollar_word},
    StringRule{"'", "'", true, false, false, Hole::dollar_word}};
constexpr CodeTable dart{
    .words = dart_words.words(),
    .line_comments = {"//"},
    .documentation = {"///", "/**"},
    .block_comments = {c_comment},
    .strings = dart_strings,
    .traits = upper_is_type | upper_call_is_type | calls | decorators | colon_keys};

// ---- Swift ----

constexpr auto swift_words = word_table([] {
  return std::array{
      WordList{storage, "func macro", function},
      WordList{storage, "class struct enum protocol extension actor typealias associatedtype",
               type},
      WordList{storage, "import", name_space},
      WordList{storage, "let var init deinit subscript"},
      WordList{modifier,
               "async borrowing consuming convenience dynamic fileprivate final indirect infix "
               "inout internal isolated lazy mutating nonisolated nonmutating open operator "
               "optional override package postfix prefix private public required rethrows sending "
               "some any static throws unowned weak where"},
      WordList{keyword,
               "await break case catch continue default defer do else fallthrough for get guard if "
               "in repeat return set switch throw try while willSet didSet"},
      WordList{operation, "as is"},
      WordList{self, "self Self super"},
      WordList{literal, "true false nil"}};
});
constexpr std::array swift_strings{
    StringRule{"\"\"\"", "\"\"\"", true, true, false, Hole::backslash_paren},
    StringRule{"\"", "\"", true, false, false, Hole::backslash_paren}};
constexpr CodeTable swift{.words = swift_words.words(),
                          .line_comments = {"//"},
                          .documentation = {"///", "/**"},
                          .block_comments = {nested_comment},
                          .strings = swift_strings,
                          .traits = upper_is_type | upper_call_is_type | calls | decorators |
                                    hash_quotes | preprocessor_lines};

// ---- PHP: what stands between <?php and ?> ----

constexpr auto php_words = word_table([] {
  return std::array{
      WordList{storage, "function fn", function},
      WordList{storage, "class interface trait enum", type},
      WordList{storage, "namespace use", name_space},
      WordList{storage, "array bool callable float int iterable mixed never object string void"},
      WordList{modifier,
               "abstract const extends final global implements private protected public readonly "
               "static var"},
      WordList{keyword,
               "as break case catch continue declare default do echo else elseif enddeclare endfor "
               "endforeach endif endswitch endwhile exit finally for foreach goto if include "
               "include_once match print require require_once return switch throw try while yield "
               "from die isset unset empty list"},
      WordList{operation, "and clone instanceof insteadof new or xor"},
      WordList{self, "self parent"},
      WordList{literal, "true false null"}};
});
constexpr std::array php_strings{StringRule{"\"", "\"", true, true, false, Hole::dollar_word},
                                 StringRule{"'", "'", true, true},
                                 StringRule{"`", "`", true, true}};
constexpr CodeTable php{
    .words = php_words.words(),
    .line_comments = {"//", "#"},
    .documentation = {"/**"},
    .block_comments = {c_comment},
    .strings = php_strings,
    .traits = dollar_variables | upper_is_type | calls | any_case | heredocs | brackets_attributes};

// ---- Zig, and other young ones ----

constexpr auto zig_words = word_table([] {
  return std::array{
      WordList{storage, "fn", function},
      WordList{storage, "const var struct enum union opaque error test"},
      WordList{modifier,
               "align allowzero callconv comptime export extern inline linksection noalias "
               "noinline packed pub threadlocal usingnamespace volatile addrspace"},
      WordList{keyword,
               "asm async await break catch continue defer else errdefer for if nosuspend orelse "
               "resume return suspend switch try unreachable while"},
      WordList{operation, "and or"},
      WordList{literal, "true false null undefined"},
      WordList{known_type,
               "anyerror anyframe anyopaque anytype bool c_char c_int c_long c_uint comptime_float "
               "comptime_int f16 f32 f64 f128 i8 i16 i32 i64 i128 isize noreturn type u1 u8 u16 "
               "u32 u64 u128 usize void"}};
});
constexpr std::array zig_strings{
    StringRule{"\"", "\"", true, false, false, Hole::brace_placeholder}};
constexpr CodeTable zig{
    .words = zig_words.words(),
    .line_comments = {"//"},
    .documentation = {"///", "//!"},
    .strings = zig_strings,
    .traits = upper_is_type | calls | quote_chars | backslash_lines | decorators};

constexpr auto d_words = word_table([] {
  return std::array{
      WordList{storage, "class struct interface enum union template alias", type},
      WordList{storage, "module import", name_space},
      WordList{storage,
               "auto bool byte char dchar double float int long real short string ubyte uint ulong "
               "ushort void wchar size_t"},
      WordList{modifier,
               "abstract const deprecated export extern final immutable in inout lazy nothrow out "
               "override package private protected public pure ref scope shared static "
               "synchronized unittest"},
      WordList{keyword,
               "assert break case catch continue default do else finally for foreach "
               "foreach_reverse goto if return switch throw try version while with mixin body"},
      WordList{operation, "cast delete is new typeof typeid"},
      WordList{self, "this super"},
      WordList{literal, "true false null"}};
});
constexpr std::array d_strings{StringRule{"\"", "\"", true, true},
                               StringRule{"`", "`", false, true}};
constexpr CodeTable d{.words = d_words.words(),
                      .line_comments = {"//"},
                      .documentation = {"///", "/**"},
                      .block_comments = {c_comment, {"/+", "+/", true}},
                      .strings = d_strings,
                      .traits = quote_chars | upper_is_type | calls | decorators};

constexpr auto gleam_words = word_table([] {
  return std::array{
      WordList{storage, "fn", function},
      WordList{storage, "type", type},
      WordList{storage, "import", name_space},
      WordList{storage, "let const use"},
      WordList{modifier, "pub opaque external"},
      WordList{keyword,
               "as assert auto case delegate derive echo else if implement macro panic test todo"}};
});
constexpr std::array gleam_strings{StringRule{"\"", "\"", true, true}};
constexpr CodeTable gleam{
    .words = gleam_words.words(),
    .line_comments = {"//"},
    .documentation = {"///"},
    .strings = gleam_strings,
    .traits = upper_is_type | upper_call_is_type | calls | decorators | colon_keys};

constexpr auto typst_words = word_table([] {
  return std::array{
      WordList{storage, "let", function},
      WordList{keyword,
               "set show import include if else for while return break continue in as context"},
      WordList{operation, "and or not"}, WordList{literal, "true false none auto"}};
});
constexpr std::array typst_strings{StringRule{"\"", "\""}, StringRule{"$", "$", true, true},
                                   StringRule{"```", "```", false, true, false, Hole::none, raw},
                                   StringRule{"`", "`", false, false, false, Hole::none, raw}};
constexpr CodeTable typst{.words = typst_words.words(),
                          .line_comments = {"//"},
                          .block_comments = {c_comment},
                          .strings = typst_strings,
                          .word_starts = "#",
                          .traits = calls | colon_keys};

// ---- descriptions: GraphQL, Protobuf, HCL, KDL ----

constexpr auto graphql_words = word_table([] {
  return std::array{
      WordList{storage, "type interface input enum union scalar extend implements fragment on",
               type},
      WordList{storage, "query mutation subscription directive", function},
      WordList{storage, "schema repeatable"}, WordList{literal, "true false null"},
      WordList{known_type, "Int Float String Boolean ID"}};
});
constexpr std::array graphql_strings{
    StringRule{"\"\"\"", "\"\"\"", true, true, false, Hole::none, documentation},
    StringRule{"\"", "\""}};
constexpr CodeTable graphql{
    .words = graphql_words.words(),
    .line_comments = {"#"},
    .strings = graphql_strings,
    .traits = dollar_variables | decorators | upper_is_type | calls | colon_keys};

constexpr auto proto_words = word_table([] {
  return std::array{
      WordList{storage, "message enum service extend", type},
      WordList{storage, "rpc", function},
      WordList{storage, "package", name_space},
      WordList{storage, "oneof map group"},
      WordList{modifier,
               "optional repeated required reserved public weak stream returns to extensions"},
      WordList{keyword, "syntax edition import option"},
      WordList{literal, "true false max inf nan"},
      WordList{known_type,
               "bool bytes double fixed32 fixed64 float int32 int64 sfixed32 sfixed64 sint32 "
               "sint64 string uint32 uint64"}};
});
constexpr std::array plain_strings{StringRule{"\"", "\""}, StringRule{"'", "'"}};
constexpr CodeTable proto{.words = proto_words.words(),
                          .line_comments = {"//"},
                          .block_comments = {c_comment},
                          .strings = plain_strings,
                          .traits = upper_is_type | calls};

constexpr auto hcl_words = word_table([] {
  return std::array{WordList{storage,
                             "resource data provider variable output module locals terraform "
                             "backend provisioner dynamic moved import check removed"},
                    WordList{keyword, "for in if else endif endfor"},
                    WordList{self, "var local each self path count"},
                    WordList{literal, "true false null"},
                    WordList{known_type, "string number bool list map set object tuple any"}};
});
constexpr std::array hcl_strings{StringRule{"\"", "\"", true, false, false, Hole::dollar_brace}};
constexpr CodeTable hcl{.words = hcl_words.words(),
                        .line_comments = {"#", "//"},
                        .block_comments = {c_comment},
                        .strings = hcl_strings,
                        .word_chars = "-",
                        .traits = calls | equals_keys | heredocs};

constexpr auto kdl_words = word_table([] {
  return std::array{WordList{literal, "true false null #true #false #null #inf #-inf #nan"}};
});
constexpr std::array kdl_strings{StringRule{"\"\"\"", "\"\"\"", true, true},
                                 StringRule{"r#\"", "\"#", false, true},
                                 StringRule{"\"", "\"", true, true}};
constexpr CodeTable kdl{.words = kdl_words.words(),
                        .line_comments = {"//"},
                        .block_comments = {nested_comment},
                        .strings = kdl_strings,
                        .word_starts = "#",
                        .word_chars = "-.",
                        .traits = equals_keys | line_tags | hash_quotes};

constexpr std::array languages{
    CodeLanguage{"rust", lex_code, &rust},
    CodeLanguage{"c", lex_code, &c},
    CodeLanguage{"cpp", lex_code, &cpp},
    CodeLanguage{"objective-c", lex_code, &objective_c},
    CodeLanguage{"glsl", lex_code, &shader},
    CodeLanguage{"hlsl", lex_code, &shader},
    CodeLanguage{"wgsl", lex_code, &shader},
    CodeLanguage{"go", lex_code, &go},
    CodeLanguage{"javascript", lex_code, &javascript},
    CodeLanguage{"jsx", lex_code, &javascript},
    CodeLanguage{"typescript", lex_code, &typescript},
    CodeLanguage{"tsx", lex_code, &tsx},
    CodeLanguage{"java", lex_code, &java},
    CodeLanguage{"kotlin", lex_code, &kotlin},
    CodeLanguage{"scala", lex_code, &scala},
    CodeLanguage{"groovy", lex_code, &groovy},
    CodeLanguage{"csharp", lex_code, &csharp},
    CodeLanguage{"dart", lex_code, &dart},
    CodeLanguage{"swift", lex_code, &swift},
    CodeLanguage{"php-code", lex_code, &php},
    CodeLanguage{"zig", lex_code, &zig},
    CodeLanguage{"d", lex_code, &d},
    CodeLanguage{"gleam", lex_code, &gleam},
    CodeLanguage{"typst", lex_code, &typst},
    CodeLanguage{"graphql", lex_code, &graphql},
    CodeLanguage{"proto", lex_code, &proto},
    CodeLanguage{"hcl", lex_code, &hcl},
    CodeLanguage{"terraform", lex_code, &hcl},
    CodeLanguage{"kdl", lex_code, &kdl},
};

}  // namespace

std::span<const CodeLanguage> program_languages() { return languages; }

}  // namespace weir::text
