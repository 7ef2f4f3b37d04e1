#include "site/code_language.h"

#include "base/bytes.h"

#include <utility>

namespace weir::site {

namespace {

// Word after the fence, published name; a name stands for itself. Names and aliases are those of
// the TextMate grammars in common use, and words that authors write beside them.
// clang-format off
constexpr std::pair<std::string_view, std::string_view> words[] = {
    {"abap", "abap"}, {"ada", "ada"}, {"adoc", "asciidoc"}, {"apache", "apache"},
    {"apex", "apex"}, {"apl", "apl"}, {"applescript", "applescript"}, {"ara", "ara"},
    {"asciidoc", "asciidoc"}, {"asm", "asm"}, {"astro", "astro"}, {"awk", "awk"},
    {"ballerina", "ballerina"}, {"bash", "shellscript"}, {"bat", "bat"}, {"batch", "bat"},
    {"beancount", "beancount"}, {"berry", "berry"}, {"bibtex", "bibtex"}, {"bicep", "bicep"},
    {"bird", "bird2"}, {"bird2", "bird2"}, {"blade", "blade"}, {"c", "c"}, {"c#", "csharp"},
    {"c++", "cpp"}, {"c3", "c3"}, {"cairo", "cairo"}, {"cc", "cpp"}, {"cfg", "ini"},
    {"cjs", "javascript"}, {"clarity", "clarity"}, {"clj", "clojure"}, {"clojure", "clojure"},
    {"cmake", "cmake"}, {"cmd", "vb"}, {"cobol", "cobol"}, {"codeowners", "codeowners"},
    {"codeql", "codeql"}, {"coffee", "coffee"}, {"coffeescript", "coffee"},
    {"common-lisp", "common-lisp"}, {"conf", "ini"}, {"console", "shellsession"},
    {"containerfile", "docker"}, {"coq", "coq"}, {"cpp", "cpp"}, {"crystal", "crystal"},
    {"cs", "csharp"}, {"csharp", "csharp"}, {"css", "css"}, {"csv", "csv"}, {"cts", "typescript"},
    {"cue", "cue"}, {"cxx", "cpp"}, {"cypher", "cypher"}, {"d", "d"}, {"dart", "dart"},
    {"desktop", "desktop"}, {"diff", "diff"}, {"docker", "docker"}, {"dockerfile", "docker"},
    {"dotenv", "dotenv"}, {"ebnf", "ebnf"}, {"elisp", "emacs-lisp"}, {"elixir", "elixir"},
    {"elm", "elm"}, {"emacs-lisp", "emacs-lisp"}, {"env", "dotenv"}, {"erb", "erb"},
    {"erl", "erlang"}, {"erlang", "erlang"}, {"ex", "elixir"}, {"exp", "elixir"},
    {"exs", "elixir"}, {"f#", "fsharp"}, {"f90", "fortran-free-form"}, {"fennel", "fennel"},
    {"fish", "fish"}, {"fluent", "fluent"}, {"fortran-free-form", "fortran-free-form"},
    {"fs", "fsharp"}, {"fsharp", "fsharp"}, {"ftl", "fluent"}, {"gd", "gdscript"},
    {"gdscript", "gdscript"}, {"gherkin", "gherkin"}, {"git-commit", "git-commit"},
    {"git-rebase", "git-rebase"}, {"gitconfig", "ini"}, {"gleam", "gleam"}, {"glsl", "glsl"},
    {"gnumakefile", "make"}, {"gnuplot", "gnuplot"}, {"go", "go"}, {"golang", "go"},
    {"gql", "graphql"}, {"graphql", "graphql"}, {"groovy", "groovy"}, {"h", "c"},
    {"hack", "hack"}, {"haml", "haml"}, {"handlebars", "handlebars"}, {"haskell", "haskell"},
    {"haxe", "haxe"}, {"hbs", "handlebars"}, {"hcl", "hcl"}, {"hjson", "hjson"}, {"hlsl", "hlsl"},
    {"hpp", "cpp"}, {"hs", "haskell"}, {"htm", "html"}, {"html", "html"}, {"http", "http"},
    {"hurl", "hurl"}, {"hy", "hy"}, {"imba", "imba"}, {"ini", "ini"}, {"jade", "pug"},
    {"java", "java"}, {"javascript", "javascript"}, {"jinja", "jinja"}, {"jinja2", "jinja"},
    {"jl", "julia"}, {"js", "javascript"}, {"json", "json"}, {"json5", "json5"},
    {"jsonc", "jsonc"}, {"jsonl", "jsonl"}, {"jsonnet", "jsonnet"}, {"jsx", "jsx"},
    {"julia", "julia"}, {"just", "just"}, {"kdl", "kdl"}, {"kotlin", "kotlin"},
    {"ksh", "shellscript"}, {"kt", "kotlin"}, {"kts", "kotlin"}, {"latex", "latex"},
    {"lean", "lean"}, {"lean4", "lean"}, {"less", "less"}, {"liquid", "liquid"},
    {"lisp", "common-lisp"}, {"llvm", "llvm"}, {"log", "log"}, {"logo", "logo"}, {"lua", "lua"},
    {"luau", "luau"}, {"make", "make"}, {"makefile", "make"}, {"markdown", "markdown"},
    {"marko", "marko"}, {"matlab", "matlab"}, {"md", "markdown"}, {"mdx", "mdx"},
    {"mermaid", "mermaid"}, {"mjs", "javascript"}, {"mk", "make"}, {"mmd", "mermaid"},
    {"mojo", "mojo"}, {"move", "move"}, {"mts", "typescript"}, {"mysql", "sql"},
    {"nextflow", "nextflow"}, {"nginx", "nginx"}, {"nim", "nim"}, {"nix", "nix"},
    {"nu", "nushell"}, {"nushell", "nushell"}, {"objc", "objective-c"},
    {"objective-c", "objective-c"}, {"objective-cpp", "objective-cpp"},
    {"objectivec", "objective-c"}, {"ocaml", "ocaml"}, {"odin", "odin"}, {"openscad", "openscad"},
    {"org", "org"}, {"pascal", "pascal"}, {"patch", "diff"}, {"perl", "perl"}, {"perl6", "raku"},
    {"php", "php"}, {"pkl", "pkl"}, {"plain", "plain"}, {"plaintext", "plain"},
    {"plsql", "plsql"}, {"po", "po"}, {"polar", "polar"}, {"postcss", "postcss"},
    {"postgres", "sql"}, {"postgresql", "sql"}, {"powerquery", "powerquery"},
    {"powershell", "powershell"}, {"prisma", "prisma"}, {"prolog", "prolog"},
    {"properties", "ini"}, {"proto", "proto"}, {"protobuf", "proto"}, {"ps", "powershell"},
    {"ps1", "powershell"}, {"psql", "sql"}, {"pug", "pug"}, {"puppet", "puppet"},
    {"purescript", "purescript"}, {"pwsh", "powershell"}, {"py", "python"}, {"py3", "python"},
    {"python", "python"}, {"python3", "python"}, {"pyw", "python"}, {"qml", "qml"}, {"r", "r"},
    {"racket", "racket"}, {"raku", "raku"}, {"razor", "razor"}, {"rb", "ruby"}, {"reg", "reg"},
    {"regex", "regexp"}, {"regexp", "regexp"}, {"riscv", "riscv"}, {"ron", "ron"}, {"rs", "rust"},
    {"rss", "xml"}, {"rst", "rst"}, {"ruby", "ruby"}, {"rust", "rust"}, {"sas", "sas"},
    {"sass", "sass"}, {"scad", "openscad"}, {"scala", "scala"}, {"scheme", "scheme"},
    {"scss", "scss"}, {"sh", "shellscript"}, {"shader", "shaderlab"}, {"shaderlab", "shaderlab"},
    {"shell", "shellscript"}, {"shellscript", "shellscript"}, {"shellsession", "shellsession"},
    {"smalltalk", "smalltalk"}, {"solidity", "solidity"}, {"sparql", "sparql"},
    {"splunk", "splunk"}, {"sql", "sql"}, {"sqlite", "sql"}, {"ssh-config", "ssh-config"},
    {"stata", "stata"}, {"styl", "stylus"}, {"stylus", "stylus"}, {"surrealql", "surrealql"},
    {"svelte", "svelte"}, {"svg", "xml"}, {"swift", "swift"},
    {"system-verilog", "system-verilog"}, {"systemd", "systemd"}, {"tcl", "tcl"},
    {"templ", "templ"}, {"tera", "jinja"}, {"terraform", "terraform"}, {"tex", "tex"},
    {"text", "plain"}, {"tf", "terraform"}, {"tfvars", "terraform"}, {"toml", "toml"},
    {"ts", "typescript"}, {"tsv", "tsv"}, {"tsx", "tsx"}, {"turtle", "turtle"}, {"twig", "twig"},
    {"txt", "plain"}, {"typ", "typst"}, {"typescript", "typescript"}, {"typespec", "typespec"},
    {"typst", "typst"}, {"v", "v"}, {"vala", "vala"}, {"vb", "vb"}, {"verilog", "verilog"},
    {"vhdl", "vhdl"}, {"vim", "viml"}, {"viml", "viml"}, {"vimscript", "viml"}, {"vue", "vue"},
    {"vy", "vyper"}, {"vyper", "vyper"}, {"wasm", "wasm"}, {"wgsl", "wgsl"},
    {"wikitext", "wikitext"}, {"wit", "wit"}, {"wl", "wolfram"}, {"wolfram", "wolfram"},
    {"xhtml", "html"}, {"xml", "xml"}, {"xsl", "xsl"}, {"yaml", "yaml"}, {"yml", "yaml"},
    {"zenscript", "zenscript"}, {"zig", "zig"}, {"zsh", "shellscript"},
};
// clang-format on

}  // namespace

std::optional<std::string_view> language_name_of(std::string_view word) {
  const std::string lower_case = lower_of(word);
  for (const auto& [known, name] : words)
    if (known == lower_case) return name;
  return std::nullopt;
}

std::vector<std::string_view> language_words() {
  std::vector<std::string_view> all;
  for (const auto& [word, name] : words) all.push_back(word);
  return all;
}

}  // namespace weir::site
