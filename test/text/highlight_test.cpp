// Goal: code is coloured as a reader of each language expects; and whatever the bytes are, the
// tokens are the code, in linear time.
// Method: a snippet for each language with the tokens that matter; then properties over every
// lexer: snippets, pieces of them, random bytes, and a megabyte of what hurts most, in steps, not
// in seconds.
#include "text/highlight.h"

#include "text/highlight_html.h"
#include "text/highlight_theme.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace weir;
using namespace weir::text;

namespace {

struct Expected {
  Scope scope;
  std::string_view text;
};

struct Snippet {
  std::string_view language;
  std::string_view code;
  std::vector<Expected> tokens;
};

using enum Scope;

const std::vector<Snippet>& snippets() {
  static const std::vector<Snippet> all{
      {"rust",
       "//! Doc\n#[derive(Debug)]\npub struct Point<'a> { x: &'a str }\nasync fn new(x: f64) -> "
       "Result<Self> {\n  let s = r#\"raw \"x\" {}\"#; /* a /* b */ c */\n  println!(\"{x:?} "
       "\\u{1F600}\", b'\\n', 0x_ffu8, 1..10);\n  if v > MAX_SIZE { std::mem::swap(a, b) }\n}\n",
       {{documentation, "//! Doc"},
        {decorator, "#[derive(Debug)]"},
        {modifier, "pub"},
        {storage, "struct"},
        {type, "Point"},
        {lifetime, "'a"},
        {known_type, "str"},
        {Scope::function, "new"},
        {string, "r#\"raw \"x\" "},
        {placeholder, "{}"},
        {comment, "/* a /* b */ c */"},
        {macro, "println"},
        {placeholder, "{x:?}"},
        {escape, "\\u{1F600}"},
        {number, "0x_ffu8"},
        {number, "1"},
        {number, "10"},
        {constant, "MAX_SIZE"},
        {name_space, "std"},
        {Scope::function, "swap"},
        {keyword, "if"}}},
      {"c",
       "#include <stdio.h>\nstatic int *foo(const char *s) { if (!s) return NULL; "
       "printf(\"%5.2f\\n\", 1.0f, 'a'); }\n",
       {{preprocessor, "#include"},
        {string, "<stdio.h>"},
        {modifier, "static"},
        {storage, "int"},
        {Scope::function, "foo"},
        {literal, "NULL"},
        {placeholder, "%5.2f"},
        {escape, "\\n"},
        {number, "1.0f"},
        {string, "'a'"}}},
      {"cpp",
       "#define MAX 10\nclass Foo : public Bar { int x = 1'000u; };\nauto s = R\"x(raw \")x\"; "
       "std::string t; uint32_t v;\n",
       {{constant, "MAX"},
        {storage, "class"},
        {type, "Foo"},
        {type, "Bar"},
        {number, "1'000u"},
        {string, "R\"x(raw \")x\""},
        {name_space, "std"},
        {known_type, "string"},
        {known_type, "uint32_t"}}},
      {"go",
       "package main\nfunc (f *Foo) Bar(a int) error { s := `raw`; fmt.Printf(\"%d\\n\", 'x'); "
       "return nil }\n",
       {{name_space, "main"},
        {type, "Foo"},
        {Scope::function, "Bar"},
        {known_type, "int"},
        {string, "`raw`"},
        {Scope::function, "Printf"},
        {placeholder, "%d"},
        {literal, "nil"}}},
      {"python",
       "@app.route(\"/\")\nasync def hi(name: str) -> None:\n  x = f\"hi {name!r:>10} {{}} "
       "{d['k']}\" + rb'\\x00'\n  if not isinstance(x, My) and 1_000.5j: return self.foo()  # c\n",
       {{decorator, "@app.route"},
        {keyword, "async"},
        {Scope::function, "hi"},
        {known_type, "str"},
        {literal, "None"},
        {embedded, "{"},
        {string, "'k'"},
        {escape, "{{}}"},
        {string, "'\\x00'"},
        {word_operation, "not"},
        {builtin, "isinstance"},
        {type, "My"},
        {number, "1_000.5j"},
        {self, "self"},
        {comment, "# c"}}},
      {"javascript",
       "const re = /ab[/]c/gi, q = a / b / 2; const t = `x ${a + `in ${b}`} y`; o.m(() => ({ key: "
       "null })); // c\n",
       {{storage, "const"},
        {regexp, "/ab[/]c/gi"},
        {operation, "/"},
        {string, "`x "},
        {embedded, "${"},
        {string, "`in "},
        {string, " y`"},
        {Scope::function, "m"},
        {key, "key"},
        {literal, "null"},
        {comment, "// c"}}},
      {"typescript",
       "export class Foo extends Bar { @Input() private x: number = 0x1F; }\ntype A = "
       "Promise<void>\n",
       {{keyword, "export"},
        {storage, "class"},
        {type, "Foo"},
        {modifier, "extends"},
        {decorator, "@Input"},
        {modifier, "private"},
        {known_type, "number"},
        {number, "0x1F"},
        {type, "Promise"},
        {known_type, "void"}}},
      {"jsx",
       "const A = () => <div className=\"a\" on={() => go(1)}>it's {x > 1 ? <b>y</b> : null} "
       "<Foo.Bar/></div>; let y = a < b;\n",
       {{tag, "div"},
        {attribute, "className"},
        {string, "\"a\""},
        {embedded, "{"},
        {Scope::function, "go"},
        {plain, "it's "},
        {tag, "b"},
        {plain, "y"},
        {literal, "null"},
        {type, "Foo.Bar"},
        {storage, "let"}}},
      {"tsx",
       "export const A: Page = (p: Props) => <p>{p.x}</p>;\n",
       {{type, "Page"}, {key, "p"}, {tag, "p"}, {property, "x"}}},
      {"html",
       "<!DOCTYPE html><!-- c --><body class=x data-a='&amp;'><style>a { color: #fff }</style>"
       "<script>const a = \"</b>\";</script> a < b\n",
       {{preprocessor, "<!DOCTYPE html>"},
        {comment, "<!-- c -->"},
        {tag, "body"},
        {attribute, "class"},
        {string, "x"},
        {escape, "&amp;"},
        {key, "color"},
        {constant, "#fff"},
        {storage, "const"},
        {string, "\"</b>\""},
        {tag, "script"}}},
      {"css",
       "a:hover, .b > #c { margin: 0 -1.5em !important; --x: var(--y) } @media (min-width: 10px) "
       "{}\n",
       {{tag, "a"},
        {decorator, ":hover"},
        {attribute, ".b"},
        {constant, "#c"},
        {key, "margin"},
        {number, "-1.5"},
        {storage, "em"},
        {keyword, "!important"},
        {key, "--x"},
        {builtin, "var"},
        {variable, "--y"},
        {keyword, "@media"}}},
      {"scss",
       "$x: 10px; // c\n@mixin foo($a: 1) { &:hover { width: calc(#{$x} + 1%); } }\n",
       {{variable, "$x"},
        {comment, "// c"},
        {keyword, "@mixin"},
        {Scope::function, "foo"},
        {self, "&"},
        {embedded, "#{"},
        {number, "1%"}}},
      {"json",
       "{\"a\": [1, -2.5e3, true, null], \"b\": \"x\\u00e9\"}\n",
       {{key, "\"a\""},
        {number, "1"},
        {number, "-2.5e3"},
        {literal, "true"},
        {literal, "null"},
        {string, "\"x"},
        {escape, "\\u00e9"}}},
      {"toml",
       "# c\n[package]\nname.x = \"v\\n\"\nd = 1979-05-27T07:32:00Z\na = [\"x\", { k = true }]\nm "
       "= "
       "'''\nb\n'''\n",
       {{comment, "# c"},
        {type, "package"},
        {key, "name.x"},
        {escape, "\\n"},
        {number, "1979-05-27T07:32:00Z"},
        {key, "k"},
        {literal, "true"},
        {string, "'''\nb\n'''"}}},
      {"yaml",
       "---\nurl: http://x.y # c\n- a: 1\n  \"b\": [x, {k: v}]\nblock: |\n  text: a\nnext: &anc "
       "*ref "
       "!!str ~\n",
       {{key, "url"},
        {string, "http://x.y "},
        {comment, "# c"},
        {number, "1"},
        {key, "\"b\""},
        {key, "k"},
        {string, "text: a"},
        {variable, "&anc"},
        {variable, "*ref"},
        {type, "!!str"}}},
      {"shellscript",
       "#!/bin/sh\nexport FOO=\"bar $HOME ${X:-y} $(ls -la | wc)\"\nif [[ -f \"$1\" ]]; then echo "
       "'hi' >&2; fi\ncat <<EOF\nhello $USER\nEOF\nf() { curl --x=1 a#b; } # c\n",
       {{comment, "#!/bin/sh"},
        {modifier, "export"},
        {variable, "FOO"},
        {variable, "$HOME"},
        {variable, "${X:-y}"},
        {embedded, "$("},
        {Scope::function, "ls"},
        {option, "-la"},
        {Scope::function, "wc"},
        {keyword, "if"},
        {builtin, "echo"},
        {string, "'hi'"},
        {keyword, "fi"},
        {string, "hello "},
        {variable, "$USER"},
        {Scope::function, "f"},
        {option, "--x"},
        {comment, "# c"}}},
      {"fish",
       "function hi\n  set -gx PATH $HOME; echo (date) 'x'\nend # c\n",
       {{storage, "function"},
        {Scope::function, "hi"},
        {modifier, "set"},
        {option, "-gx"},
        {variable, "PATH"},
        {embedded, "("},
        {Scope::function, "date"},
        {keyword, "end"},
        {comment, "# c"}}},
      {"shellsession",
       "$ ls -l\ntotal 0\n",
       {{prompt, "$"}, {Scope::function, "ls"}, {option, "-l"}, {plain, "\ntotal 0\n"}}},
      {"powershell",
       "function Get-Foo { param([string]$Name = \"x $y\") Get-Item -Path $env:HOME | "
       "Where-Object { $_.Length -gt 10 } } <# c #>\n",
       {{storage, "function"},
        {Scope::function, "Get-Foo"},
        {variable, "$Name"},
        {variable, "$y"},
        {option, "-Path"},
        {variable, "$env:HOME"},
        {Scope::function, "Where-Object"},
        {operation, "-gt"},
        {comment, "<# c #>"}}},
      {"sql",
       "SELECT u.id, count(*) FROM users u WHERE name = 'it''s' AND x > 1.5 -- c\n",
       {{keyword, "SELECT"},
        {builtin, "count"},
        {keyword, "FROM"},
        {string, "'it"},
        {escape, "''"},
        {word_operation, "AND"},
        {number, "1.5"},
        {comment, "-- c"}}},
      {"java",
       "package a.b;\n@Override public final class Foo<T> { static final int MAX = 10L; void go() "
       "throws X { new Foo().bar('c', \"%s\\n\"); } }\n",
       {{name_space, "b"},
        {decorator, "@Override"},
        {type, "Foo"},
        {constant, "MAX"},
        {number, "10L"},
        {Scope::function, "go"},
        {type, "X"},
        {string, "'c'"},
        {placeholder, "%s"}}},
      {"kotlin",
       "@Test fun main(a: Array<String>) { val x = \"a $b ${c.d()}\"; when (x) { is Int -> 1L } "
       "}\n",
       {{decorator, "@Test"},
        {storage, "fun"},
        {Scope::function, "main"},
        {type, "String"},
        {variable, "$b"},
        {embedded, "${"},
        {Scope::function, "d"},
        {keyword, "when"},
        {number, "1L"}}},
      {"swift",
       "@MainActor func hi(_ a: String) -> Int? { let s = \"a \\(b + \"c\") \\n\"; return nil }\n",
       {{decorator, "@MainActor"},
        {Scope::function, "hi"},
        {type, "Int"},
        {embedded, "\\("},
        {string, "\"c\""},
        {escape, "\\n"},
        {literal, "nil"}}},
      {"csharp",
       "namespace A.B { public record Foo(int X); var s = $\"a {x.Y + 1} {{\"; var v = @\"c:\\x "
       "\"\"q\"; }\n",
       {{name_space, "B"},
        {type, "Foo"},
        {storage, "int"},
        {string, "$\"a "},
        {number, "1"},
        {escape, "{{"},
        {string, "@\"c:\\x "},
        {escape, "\"\""}}},
      {"php",
       "<?php\n#[Attr]\nfinal class A { function go(?int $x): string { return \"hi $x\" . "
       "$this->foo(); } } // c\n?>\n<p><?= $x ?></p>\n",
       {{preprocessor, "<?php"},
        {decorator, "#[Attr]"},
        {type, "A"},
        {Scope::function, "go"},
        {variable, "$x"},
        {self, "$this"},
        {Scope::function, "foo"},
        {comment, "// c"},
        {tag, "p"}}},
      {"ruby",
       "class Foo < Bar\n  def hi?(a:) = puts \"x #{a + \"in\"} y\"\n  @v = %w[a b]; x =~ /re/i; h "
       "= { key: 1, :sym => nil }\n  t = <<~SQL\n    select #{x}\n  SQL\nend\n",
       {{type, "Foo"},
        {Scope::function, "hi?"},
        {key, "a"},
        {builtin, "puts"},
        {embedded, "#{"},
        {string, "\"in\""},
        {variable, "@v"},
        {string, "%w[a b]"},
        {regexp, "/re/i"},
        {key, "key"},
        {constant, ":sym"},
        {variable, "#{x}"},
        {keyword, "end"}}},
      {"lua",
       "local x = { a = 1 } -- c\nfunction M.foo(self) return [==[ long ]] ]==] end\n",
       {{storage, "local"},
        {key, "a"},
        {comment, "-- c"},
        {Scope::function, "foo"},
        {self, "self"},
        {string, "[==[ long ]] ]==]"}}},
      {"haskell",
       "{-# LANGUAGE X #-}\n-- | doc\nmain :: IO ()\nmain = do { let x' = 'c'; putStrLn \"a\\n\" "
       "}\n",
       {{comment, "{-# LANGUAGE X #-}"},
        {documentation, "-- | doc"},
        {Scope::function, "main"},
        {type, "IO"},
        {keyword, "do"},
        {plain, " x' "},
        {string, "'c'"},
        {builtin, "putStrLn"},
        {escape, "\\n"}}},
      {"elixir",
       "defmodule A.B do\n  @doc \"x\"\n  def foo(x) when is_nil(x), do: ~r/a/i |> "
       "IO.puts(\"#{x}\") "
       "&& :ok\nend\n",
       {{storage, "defmodule"},
        {type, "A"},
        {variable, "@doc"},
        {Scope::function, "foo"},
        {word_operation, "when"},
        {regexp, "~r/a/i"},
        {embedded, "#{"},
        {constant, ":ok"},
        {keyword, "end"}}},
      {"zig",
       "const std = @import(\"std\"); pub fn main() !void { const x: u32 = 0xff; print(\"{s}\", "
       ".{x}); }\n",
       {{storage, "const"},
        {decorator, "@import"},
        {modifier, "pub"},
        {Scope::function, "main"},
        {known_type, "void"},
        {number, "0xff"},
        {placeholder, "{s}"}}},
      {"nix",
       "{ pkgs, ... }: # c\nlet x = ''\n  a ${pkgs.foo} b\n''; in { enable = true; inherit x; }\n",
       {{comment, "# c"},
        {keyword, "let"},
        {key, "x"},
        {embedded, "${"},
        {property, "foo"},
        {key, "enable"},
        {literal, "true"},
        {keyword, "inherit"}}},
      {"docker",
       "FROM debian:12 AS base\nENV A=1\nRUN apt-get update && \\\n  rm -rf x # c\nCOPY "
       "--from=base /a /b\n",
       {{keyword, "FROM"},
        {keyword, "AS"},
        {key, "A"},
        {keyword, "RUN"},
        {Scope::function, "apt-get"},
        {Scope::function, "rm"},
        {option, "-rf"},
        {comment, "# c"},
        {option, "--from"}}},
      {"make",
       "# c\nCC ?= gcc\nall: $(OBJ) foo.o\n\t@echo \"x\" $(CC) $@ && ls\nifeq ($(A),b)\n",
       {{comment, "# c"},
        {variable, "CC"},
        {Scope::function, "all"},
        {variable, "$(OBJ)"},
        {builtin, "echo"},
        {variable, "$@"},
        {Scope::function, "ls"},
        {keyword, "ifeq"}}},
      {"diff",
       "diff --git a b\n@@ -1 +1 @@\n-x\n+y\n z\n",
       {{header, "diff --git a b"}, {changed, "@@ -1 +1 @@"}, {deleted, "-x"}, {inserted, "+y"}}},
      {"ini",
       "; c\n[a]\nb = 1\nc=\"d\"\n",
       {{comment, "; c"}, {type, "a"}, {number, "1"}, {string, "\"d\""}}},
      {"markdown",
       "# Head\nSome **bold** *it* `code` [l](http://x)\n- item\n> q\n```rust\nfn main() "
       "{}\n```\nend\n",
       {{heading, "# Head"},
        {bold, "**bold**"},
        {italic, "*it*"},
        {raw, "`code`"},
        {link, "http://x"},
        {list, "-"},
        {quote, ">"},
        {Scope::function, "main"},
        {plain, "\nend\n"}}},
      {"jinja",
       "{% extends \"base.html\" %}{# c #}<a href=\"{{ get_url(path='@/x.md') | safe }}\">{{ "
       "page.title }}</a>\n",
       {{embedded, "{%"},
        {keyword, "extends"},
        {string, "\"base.html\""},
        {comment, "{# c #}"},
        {tag, "a"},
        {attribute, "href"},
        {Scope::function, "get_url"},
        {key, "path"},
        {property, "title"}}},
      {"graphql",
       "query Q($id: ID!) { user(id: $id) @include(if: true) { name ...F } } # c\n",
       {{storage, "query"},
        {Scope::function, "Q"},
        {variable, "$id"},
        {known_type, "ID"},
        {Scope::function, "user"},
        {key, "id"},
        {decorator, "@include"},
        {literal, "true"},
        {comment, "# c"}}},
      {"proto",
       "syntax = \"proto3\"; message Foo { repeated string name = 1; } service S { rpc Go (Req) "
       "returns (Res); }\n",
       {{keyword, "syntax"},
        {type, "Foo"},
        {modifier, "repeated"},
        {known_type, "string"},
        {number, "1"},
        {Scope::function, "Go"},
        {modifier, "returns"}}},
      {"nginx",
       "server { listen 80; location ~ \\.php$ { add_header X \"a\"; proxy_pass $up; } } # c\n",
       {{keyword, "server"},
        {keyword, "listen"},
        {number, "80"},
        {operation, "~"},
        {string, "\"a\""},
        {variable, "$up"},
        {comment, "# c"}}},
      {"kdl",
       "package \"x\" version=1.0 {\n  dep optional=#true // c\n}\n",
       {{tag, "package"},
        {string, "\"x\""},
        {key, "version"},
        {number, "1.0"},
        {tag, "dep"},
        {literal, "#true"},
        {comment, "// c"}}},
      {"xml",
       "<?xml version=\"1.0\"?>\n<a:b c=\"d\"><![CDATA[x<y]]></a:b>\n",
       {{preprocessor, "<?xml version=\"1.0\"?>"},
        {tag, "a:b"},
        {attribute, "c"},
        {string, "\"d\""},
        {string, "<![CDATA[x<y]]>"}}},
  };
  return all;
}

// The tokens as (scope, text).
std::vector<std::pair<Scope, std::string>> pieces_of(std::string_view code, const Tokens& tokens) {
  std::vector<std::pair<Scope, std::string>> pieces;
  std::size_t at = 0;
  for (const Token& token : tokens.list) {
    pieces.emplace_back(token.scope, code.substr(at, token.end - at));
    at = token.end;
  }
  return pieces;
}

// What every lexer promises for any bytes.
void check_promises(std::string_view code, const CodeLanguage& language) {
  const Tokens tokens = tokens_of(code, language);
  std::size_t at = 0;
  bool grows = true;
  for (const Token& token : tokens.list) {
    grows = grows && token.end > at;
    at = token.end;
  }
  CHECK(grows);
  CHECK(at == code.size());
  constexpr std::size_t steps_per_byte_max = 12;
  CHECK(tokens.steps <= steps_per_byte_max * code.size() + 5'000);
}

std::string without_spans(std::string_view html) {
  std::string text;
  while (!html.empty()) {
    if (html.starts_with("<span") || html.starts_with("</span>")) {
      html.remove_prefix(html.find('>') + 1);
      continue;
    }
    text += html[0];
    html.remove_prefix(1);
  }
  return text;
}

std::string escaped(std::string_view code) {
  std::string text;
  for (const char c : code) {
    if (c == '<') text += "&lt;";
    else if (c == '>') text += "&gt;";
    else if (c == '&') text += "&amp;";
    else if (c == '"') text += "&quot;";
    else if (c == '\'') text += "&#39;";
    else text += c;
  }
  return text;
}

}  // namespace

TEST_CASE("each language has its words, strings and comments", "[text][highlight]") {
  for (const Snippet& snippet : snippets()) {
    const CodeLanguage* language = find_code_language(snippet.language);
    INFO(snippet.language);
    REQUIRE(language != nullptr);
    const auto pieces = pieces_of(snippet.code, tokens_of(snippet.code, *language));
    for (const Expected& expected : snippet.tokens) {
      INFO(scope_name_of(expected.scope) << " for " << expected.text);
      CHECK(std::any_of(pieces.begin(), pieces.end(), [&expected](const auto& piece) {
        return piece.first == expected.scope && piece.second == expected.text;
      }));
    }
  }
}

TEST_CASE("what must not be coloured is not", "[text][highlight]") {
  struct Row {
    std::string_view language, code;
    Scope scope;
    std::string_view text;
  };
  const std::vector<Row> rows{
      {"javascript", "x = a / b / c", regexp, "/ b /"},
      {"javascript", "obj.class.return = 1", keyword, "return"},
      {"rust", "x.r#type", string, "r#type"},
      {"rust", "'static", string, "'s'"},
      {"shellscript", "echo if then", keyword, "if"},
      {"shellscript", "echo a#b", comment, "#b"},
      {"yaml", "a: b#c", comment, "#c"},
      {"c", "int a = b / c; // x", comment, "/ c; // x"},
      {"html", "1 < 2 && 3 > 2", tag, "2"},
      {"python", "x = 'a # b'", comment, "# b'"},
      {"lua", "a[b[1]]", string, "[b[1]]"},
  };
  for (const Row& row : rows) {
    INFO(row.language << ": " << row.code);
    const auto pieces = pieces_of(row.code, tokens_of(row.code, *find_code_language(row.language)));
    CHECK(std::none_of(pieces.begin(), pieces.end(), [&row](const auto& piece) {
      return piece.first == row.scope && piece.second == row.text;
    }));
  }
}

TEST_CASE("spans taken away, the HTML is the code", "[text][highlight]") {
  CodeLook look;
  look.style = CodeStyle::classes;
  look.theme = *find_code_theme("github-light");
  for (const std::string_view name : code_language_names()) {
    for (const Snippet& snippet : snippets()) {
      INFO(name << " reads " << snippet.language);
      const std::string html = highlighted_html_of({snippet.code, name, find_code_language(name)},
                                                   code_fence_of(name), look);
      const std::string start = "<pre class=\"giallo z-code\"><code data-lang=\"";
      REQUIRE(html.starts_with(start));
      const std::string text = without_spans(html);
      const std::size_t begin = text.find('>', start.size()) + 1;
      std::string_view code = snippet.code;
      code.remove_suffix(code.ends_with('\n'));
      CHECK(text.substr(begin) == escaped(code) + "</code></pre>");
    }
  }
}

TEST_CASE("tokens cover any bytes once, whatever the language", "[text][highlight]") {
  std::mt19937 random(7);
  const std::string marks = "'\"`#/*{}()[]<>$@\\\n:;=-%!~ab0 \t\r&|\xC3\xA9";
  for (const std::string_view name : code_language_names()) {
    const CodeLanguage& language = *find_code_language(name);
    INFO(name);
    check_promises("", language);
    for (int round = 0; round < 60; ++round) {
      std::string bytes;
      const std::size_t count = random() % 300;
      const bool only_marks = round % 2 == 0;
      for (std::size_t i = 0; i < count; ++i)
        bytes += only_marks ? marks[random() % marks.size()] : static_cast<char>(random() % 256);
      check_promises(bytes, language);
    }
    for (const Snippet& snippet : snippets())
      for (std::size_t cut = 0; cut < snippet.code.size(); cut += 7)
        check_promises(snippet.code.substr(cut, random() % 80), language);
  }
}

TEST_CASE("a character of several bytes is never cut", "[text][highlight]") {
  const std::string text =
      "\xC3\xA9 \\\xC3\xA9 '\xF0\x9F\x98\x80' \"\\\xE2\x82\xAC\" $\xC3\xA9 #\xC3\xA9\n";
  for (const std::string_view name : code_language_names()) {
    INFO(name);
    for (const Token& token : tokens_of(text, *find_code_language(name)).list)
      CHECK((token.end == text.size() ||
             (static_cast<unsigned char>(text[token.end]) & 0xC0) != 0x80));
  }
}

// Every unit for every language, a little of it; then each, up to a megabyte, for one language
// after the other. What is not linear is seen in the steps long before it is seen on a clock.
TEST_CASE("a megabyte of what hurts most takes linear steps", "[text][highlight]") {
  constexpr std::size_t little_bytes = 1'500;
  constexpr std::size_t many_bytes = 1'000'000;
  const std::vector<std::string_view> languages = code_language_names();
  const auto repeated = [](std::string_view unit, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += unit;
    return text;
  };
  std::size_t turn = 0;
  for (const std::string_view unit :
       {"\"",       "'",      "`",   "/",      "/*",    "(*",   "{-",     "<!--", "<",
        "<a ",      "</",     "${",  "`${",    "\"#{",  "{{",   "{%",     "[",    "[[",
        "[=",       "(",      "{",   "$(",     "\"$(",  "<<A ", "<<A\n",  "#[",   "r#",
        "R\"(",     "\\",     "\\(", "a: ",    "- ",    "* ",   "**a",    "_a",   "[a](",
        "```\n",    "=",      "%w(", "~r/",    "f\"{",  "@",    "&a",     "=/[",  "?",
        ":",        " ",      "\n",  "\t",     "a",     "0",    "0x",     "1.",   "\xFF",
        "<script>", "<?php ", "--",  "\"\"\"", "''",    "|\n",  "a:|\n ", "|,",   "#{",
        "a{",       "a;",     "<A",  "<a>{",   "@\"\n", "/[",   "=a/",    "if "}) {
    const std::string little = repeated(unit, little_bytes);
    for (const std::string_view name : languages) {
      INFO(name << " reads much of " << unit);
      check_promises(little, *find_code_language(name));
    }
    INFO(languages[turn % languages.size()] << " reads very much of " << unit);
    const CodeLanguage& language = *find_code_language(languages[turn % languages.size()]);
    check_promises(repeated(unit, turn % 8 == 0 ? many_bytes : many_bytes / 20), language);
    ++turn;
  }
}

TEST_CASE("languages in languages end at a bound", "[text][highlight]") {
  std::string text;
  for (int i = 0; i < 10; ++i)
    text += std::string(static_cast<std::size_t>(13 - i), '`') + "markdown\n";
  check_promises(text, *find_code_language("markdown"));
}

TEST_CASE("no scope's classes are all classes of another, unless it begins so",
          "[text][highlight]") {
  const auto parts_of = [](std::string_view name) {
    std::vector<std::string_view> parts;
    while (!name.empty()) {
      const std::size_t dot = std::min(name.find('.'), name.size());
      parts.push_back(name.substr(0, dot));
      name.remove_prefix(std::min(dot + 1, name.size()));
    }
    std::sort(parts.begin(), parts.end());
    return parts;
  };
  for (std::size_t a = 1; a < scope_count; ++a)
    for (std::size_t b = 1; b < scope_count; ++b) {
      if (a == b) continue;
      const std::string_view small = scope_name_of(static_cast<Scope>(a));
      const std::string_view large = scope_name_of(static_cast<Scope>(b));
      const auto in = parts_of(small);
      const auto around = parts_of(large);
      INFO(small << " in " << large);
      if (std::includes(around.begin(), around.end(), in.begin(), in.end()))
        CHECK(large.starts_with(std::string(small) + '.'));
    }
}

TEST_CASE("a fence says what is shown of its code", "[text][highlight]") {
  const CodeFence fence = code_fence_of(
      "scss, linenos, linenostart=10, hl_lines=3-4 9-8 x, hide_lines=2 7, name=a b.scss, Copy "
      "Me=1");
  CHECK(fence.language == "scss");
  CHECK(fence.has_line_numbers);
  CHECK(fence.first_number == 10);
  REQUIRE(fence.marked.size() == 2);
  CHECK(fence.marked[1].first == 8);
  CHECK(fence.marked[1].last == 9);
  CHECK(fence.hidden.size() == 2);
  REQUIRE(fence.others.size() == 2);
  CHECK(fence.others[0] == std::pair<std::string, std::string>("copy-me", "1"));
  CHECK(fence.others[1] == std::pair<std::string, std::string>("name", "a b.scss"));
  std::string many = "x,hl_lines=";
  for (int i = 0; i < 1'001; ++i) many += "1 ";
  CHECK(code_fence_of(many).marked.size() == 1'000);
  CHECK(code_fence_of("").language.empty());
  CHECK(code_fence_of("toml ,name=x").language == "toml");
  CHECK(code_fence_of("name=x,rust,wrap").language == "rust");
}

TEST_CASE("lines, numbers, marks and names are written as Zola writes them", "[text][highlight]") {
  CodeLook look;
  look.style = CodeStyle::classes;
  look.theme = *find_code_theme("github-light");
  const CodeLanguage* rust = find_code_language("rust");
  const CodeFence fence =
      code_fence_of("rust,linenos,linenostart=9,hl_lines=3,hide_lines=2,name=\"a");
  CHECK(highlighted_html_of({"a\nb\n\nlet c\n\n", "rust", rust}, fence, look) ==
        "<pre class=\"giallo z-code\"><code data-lang=\"rust\" data-name=\"&quot;a\">"
        "<span class=\"giallo-l\"><span aria-hidden=\"true\" class=\"giallo-ln\">9</span>a</span>\n"
        "<span class=\"giallo-l z-hl\"><span aria-hidden=\"true\" "
        "class=\"giallo-ln\">11</span></span>\n"
        "<span class=\"giallo-l\"><span aria-hidden=\"true\" class=\"giallo-ln\">12</span>"
        "<span class=\"z-storage z-type\">let</span> c</span>\n"
        "<span class=\"giallo-l\"><span aria-hidden=\"true\" class=\"giallo-ln\">13</span></span>"
        "</code></pre>");
  look.style = CodeStyle::inline_styles;
  CHECK(highlighted_html_of({"let c", "rust", rust}, code_fence_of("rust,hl_lines=1,linenos"),
                            look) ==
        "<pre class=\"giallo\" style=\"color: #24292E; background-color: #FFFFFF;\"><code "
        "data-lang=\"rust\"><span class=\"giallo-l\" style=\"background-color: #24292E12;\"><span "
        "aria-hidden=\"true\" class=\"giallo-ln\" style=\"color: #8C9198;\">1</span><span "
        "style=\"color: #D73A49;\">let</span> c</span></code></pre>");
  look.dark_theme = find_code_theme("github-dark");
  CHECK(highlighted_html_of({"let", "rust", rust}, code_fence_of("rust"), look) ==
        "<pre class=\"giallo\" style=\"color-scheme: light dark; color: light-dark(#24292E, "
        "#E1E4E8); "
        "background-color: light-dark(#FFFFFF, #24292E);\"><code data-lang=\"rust\"><span "
        "class=\"giallo-l\"><span style=\"color: light-dark(#D73A49, #F97583);\">let</span></span>"
        "</code></pre>");
  CHECK(highlighted_html_of({"", "plain", nullptr}, {}, look)
            .ends_with("<code data-lang=\"plain\"></code></pre>"));
}

TEST_CASE("every theme has colours, and every old name a theme", "[text][highlight]") {
  for (const std::string_view name : code_theme_names()) {
    INFO(name);
    const auto theme = find_code_theme(name);
    REQUIRE(theme);
    CHECK_FALSE(theme->foreground == theme->background);
    CHECK(theme->style_of(keyword).foreground.has_value());
    const std::string css = style_sheet_of(*theme);
    CHECK(css.find(".z-code {\n  color: #") != std::string::npos);
    CHECK(css.find(".z-entity.z-name.z-function { color: #") != std::string::npos);
  }
  CHECK(find_code_theme("GitHub-Dark")->name == "github-dark");
  CHECK(find_code_theme("base16-ocean-dark"));
  CHECK(find_code_theme("OneHalfDark")->name == "one-dark-pro");
  CHECK_FALSE(find_code_theme("no-such-theme"));
}

TEST_CASE("colours are hexadecimal, short or long", "[text][highlight]") {
  const auto written = [](std::string_view text) {
    std::string out;
    if (const auto colour = parse_colour(text)) append_colour(out, *colour);
    return out;
  };
  CHECK(written("#fff") == "#FFFFFF");
  CHECK(written("#12345678") == "#12345678");
  CHECK(written("#abcdefff") == "#ABCDEF");
  CHECK(written("#f008") == "#FF000088");
  CHECK(written("red").empty());
  CHECK(written("#12345").empty());
  CHECK(written("#123456789").empty());
}

TEST_CASE("a theme file is asked as an editor asks it", "[text][highlight]") {
  const auto object = [](std::vector<std::pair<std::string_view, Value>> members) {
    Value made = Value::Object{};
    for (auto& [name, value] : members) made.set(name, std::move(value));
    return made;
  };
  const Value one = object({{"foreground", "#111111"}});
  const Value two = object({{"foreground", "#222222"}, {"fontStyle", "bold italic"}});
  const Value::Array both = {Value("entity.name"), Value("keyword")};
  const Value json =
      object({{"name", "mine"},
              {"colors", object({{"editor.foreground", "#ABCDEF"}, {"editor.background", "#000"}})},
              {"tokenColors",
               Value::Array{object({{"scope", both}, {"settings", one}}),
                            object({{"scope", "entity.name.function, comment"}, {"settings", two}}),
                            object({{"scope", "source.x string"}, {"settings", two}})}}});
  const auto theme = parse_code_theme(json);
  REQUIRE(theme.ok());
  CHECK(theme->name == "mine");
  CHECK(theme->foreground == *parse_colour("#ABCDEF"));
  CHECK(theme->style_of(type).foreground == parse_colour("#111111"));
  CHECK(theme->style_of(Scope::function).foreground == parse_colour("#222222"));
  CHECK(theme->style_of(macro).bold);
  CHECK(theme->style_of(keyword).foreground == parse_colour("#111111"));
  CHECK(theme->style_of(string).is_plain());
  CHECK_FALSE(theme->marked_line);
  CHECK_FALSE(parse_code_theme(Value::Object{}).ok());
}
