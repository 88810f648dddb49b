"""Text made safe for where it is shown: a terminal, Mermaid, DOT, CSV, Markdown. It is other people's text."""

from __future__ import annotations

import html
import re

#: C0 and C1 controls, and what reorders or hides text: escape sequences and bidirectional overrides.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
#: Characters with a meaning in Mermaid's quoted labels, in its directives (%%{...}%%), or in HTML.
_MERMAID = re.compile(r'["#%&<>`\\]')
#: What begins a formula in a spreadsheet: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_TICKS = re.compile("`+")
_BYTE = 0xFF


def terminal(text: str) -> str:
    """Control characters become visible escapes; nothing moves a cursor or reorders the line."""
    return _CONTROLS.sub(lambda found: _visible(found[0]), text)


def mermaid(text: str) -> str:
    """For a label in double quotes. Mermaid's entities are ``#`` and a decimal code."""
    return _MERMAID.sub(lambda found: f"#{ord(found[0])};", terminal(text))


def dot(text: str) -> str:
    """For a string in double quotes; a backslash would begin one of DOT's own escapes."""
    return terminal(text).replace("\\", "\\\\").replace('"', '\\"')


def csv_cell(text: str) -> str:
    """For a cell of a CSV file: a spreadsheet takes it for text. Quotes and commas are the writer's."""
    shown = terminal(text)
    return f"'{shown}" if shown.lstrip(" '").startswith(_FORMULA) or shown.startswith("'") else shown


def markdown(text: str) -> str:
    """A code span for GitHub's Markdown, in a table too: no markup, no HTML, no mention in it works."""
    shown = terminal(text)
    if not shown.strip():
        return ""
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    inner = shown.replace("|", "\\|")
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{inner}{pad}{fence}"


def html_text(text: str) -> str:
    """For HTML and SVG, between tags and inside quoted attributes."""
    return html.escape(terminal(text))


def shorten(text: str, length: int) -> str:
    """At most `length` characters, cut in the middle: both ends of an expression say something."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def _visible(character: str) -> str:
    if character in "\t\n\r":
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code <= _BYTE else f"\\u{code:04x}"
