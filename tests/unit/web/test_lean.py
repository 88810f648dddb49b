"""What is sent to a browser: scripts and styles without comments and blanks, and nothing else of them is changed."""

from __future__ import annotations

import re

import pytest

from headwater.web import STATIC
from headwater.web.lean import _tokens, lean_script, lean_style


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/** What it is. */\nconst a = 1;\n", "const a=1;"),
        ("  // why\n  a();\n", "a();"),
        ("a(); // why\nb();", "a();b();"),
        ('const a = "http://b  c"; // it is "quoted"\nc();', 'const a="http://b  c";c();'),
        ("if (a) {\n  b();\n}\nc();", "if(a){b();}c();"),
        ("return /a \\/ [/ ]b/g.test( c );", "return/a \\/ [/ ]b/g.test(c);"),
        ("a = b / 2 / c; // d / e", "a=b/2/c;"),
        ("a = (b + c) / 2 + d[0] / 3;", "a=(b+c)/2+d[0]/3;"),
        ('`a  ${ b ? `c  // d` : "}  `" }  /* e */` ;', '`a  ${ b ? `c  // d` : "}  `" }  /* e */`;'),
        ("a + +b - -c + d++", "a+ +b- -c+d++"),
        ("const f = (a) => a\nlet c = f\n`x`", "const f=(a)=>a\nlet c=f\n`x`"),
        ("return  [a, ...b]\n  .map(c)", "return[a,...b].map(c)"),
        ("class A { static  #b = 1; #c() { return this . #b; } }", "class A{static #b=1;#c(){return this.#b;}}"),
        ("export const X_STYLE = `\na { b: c; /* why */ d: e; }\n`;", "export const X_STYLE=`\na{b: c;d: e;}`;"),
    ],
)
def test_a_script_is_sent_without_comments_and_blanks(text: str, left: str) -> None:
    assert lean_script(text) == left


def test_the_scripts_of_the_page_lose_only_blanks_and_comments() -> None:
    """Read again, what is sent has the same tokens; styles in templates apart."""
    for file in sorted((STATIC / "js").glob("*.js")):
        text = file.read_text(encoding="utf-8")
        sent = lean_script(text)
        before = [token for token in _tokens(text) if not token.isspace()]
        after = [token for token in _tokens(sent) if not token.isspace()]
        assert after == [lean_style(token) if token.startswith("`\n:host") else token for token in before], file.name


def test_a_style_is_sent_without_comments_and_blanks() -> None:
    given = "a , b { color: red; }\n\n/* why; not */\n@media (max-width: 9px) {\n  c { margin: 0 1px; }\n}\n"
    assert lean_style(given) == "a,b{color: red;}@media (max-width: 9px){c{margin: 0 1px;}}"
    assert not re.search(r"content: *['\"][^'\"]*[{};,]", (STATIC / "theme.css").read_text(encoding="utf-8"))
