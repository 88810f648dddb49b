"""Text made safe for where it is shown: a terminal, Mermaid, DOT. Names and expressions are other people's text."""

from __future__ import annotations

import re

#: C0 and C1 controls, and what reorders or hides text: escape sequences and bidirectional overrides.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
#: Characters with a meaning in Mermaid's quoted labels, in its directives (%%{...}%%), or in HTML.
_MERMAID = re.compile(r'["#%&<>`\\]')
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
