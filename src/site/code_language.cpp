#include "site/code_language.h"

#include "base/bytes.h"

#include <utility>

namespace weir::site {

namespace {

// Word after the fence, published name; a name stands for itself. Names and aliases are those of the TextMate
// grammars in common use.
constexpr std::pair<std::string_view, std::string_view> words[] = {
    {"asm", "asm"}, {"astro", "astro"}, {"awk", "awk"}, {"bash", "shellscript"}, {"bat", "bat"}, {"batch", "bat"},
    {"bibtex", "bibtex"}, {"c", "c"}, {"c#", "csharp"}, {"c++", "cpp"}, {"cjs", "javascript"}, {"clj", "clojure"},
    {"clojure", "clojure"}, {"cmake", "cmake"}, {"coffee", "coffee"}, {"console", "shellsession"}, {"cpp", "cpp"},
    {"cs", "csharp"}, {"csharp", "csharp"}, {"css", "css"}, {"csv", "csv"}, {"cts", "typescript"}, {"d", "d"},
    {"dart", "dart"}, {"diff", "diff"}, {"docker", "docker"}, {"dockerfile", "docker"}, {"elixir", "elixir"},
    {"elm", "elm"}, {"erl", "erlang"}, {"erlang", "erlang"}, {"f#", "fsharp"}, {"fish", "fish"}, {"fs", "fsharp"},
    {"fsharp", "fsharp"}, {"gleam", "gleam"}, {"glsl", "glsl"}, {"go", "go"}, {"gql", "graphql"}, {"graphql", "graphql"},
    {"groovy", "groovy"}, {"handlebars", "handlebars"}, {"haskell", "haskell"}, {"hbs", "handlebars"}, {"hcl", "hcl"},
    {"hs", "haskell"}, {"html", "html"}, {"http", "http"}, {"ini", "ini"}, {"java", "java"}, {"javascript", "javascript"},
    {"jinja", "jinja"}, {"jinja2", "jinja"}, {"jl", "julia"}, {"js", "javascript"}, {"json", "json"}, {"json5", "json5"},
    {"jsonc", "jsonc"}, {"jsx", "jsx"}, {"julia", "julia"}, {"kotlin", "kotlin"}, {"kt", "kotlin"}, {"kts", "kotlin"},
    {"latex", "latex"}, {"less", "less"}, {"lisp", "common-lisp"}, {"lua", "lua"}, {"make", "make"}, {"makefile", "make"},
    {"markdown", "markdown"}, {"matlab", "matlab"}, {"md", "markdown"}, {"mermaid", "mermaid"}, {"mjs", "javascript"},
    {"mts", "typescript"}, {"nginx", "nginx"}, {"nim", "nim"}, {"nix", "nix"}, {"nu", "nushell"}, {"nushell", "nushell"},
    {"objc", "objective-c"}, {"objective-c", "objective-c"}, {"ocaml", "ocaml"}, {"pascal", "pascal"}, {"perl", "perl"},
    {"php", "php"}, {"plain", "plain"}, {"plaintext", "plain"}, {"postcss", "postcss"}, {"powershell", "powershell"},
    {"prolog", "prolog"}, {"proto", "proto"}, {"protobuf", "proto"}, {"ps", "powershell"}, {"ps1", "powershell"},
    {"pug", "pug"}, {"py", "python"}, {"python", "python"}, {"r", "r"}, {"rb", "ruby"}, {"rs", "rust"}, {"ruby", "ruby"},
    {"rust", "rust"}, {"sass", "sass"}, {"scala", "scala"}, {"scheme", "scheme"}, {"scss", "scss"}, {"sh", "shellscript"},
    {"shell", "shellscript"}, {"shellscript", "shellscript"}, {"shellsession", "shellsession"}, {"sql", "sql"},
    {"svelte", "svelte"}, {"swift", "swift"}, {"terraform", "terraform"}, {"tex", "tex"}, {"text", "plain"},
    {"tf", "terraform"}, {"tfvars", "terraform"}, {"toml", "toml"}, {"ts", "typescript"}, {"tsx", "tsx"}, {"txt", "plain"},
    {"typescript", "typescript"}, {"typst", "typst"}, {"vb", "vb"}, {"vim", "viml"}, {"viml", "viml"}, {"vimscript", "viml"},
    {"vue", "vue"}, {"wasm", "wasm"}, {"wgsl", "wgsl"}, {"xml", "xml"}, {"yaml", "yaml"}, {"yml", "yaml"}, {"zig", "zig"},
    {"zsh", "shellscript"}};

}  // namespace

std::optional<std::string_view> language_name_of(std::string_view word) {
  const std::string lower_case = lower_of(word);
  for (const auto& [known, name] : words)
    if (known == lower_case) return name;
  return std::nullopt;
}

}  // namespace weir::site
