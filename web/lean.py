"""JavaScript and CSS without comments and without the blanks that mean nothing: a third of the bytes of the page.

Only blanks and comments go; names and order stay, so an error in the browser's console can be found in the sources.
JavaScript is cut into tokens, so that what stands in texts, templates and regular expressions is never touched. It
has to end its statements with semicolons; where a line might end without one, its end stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""\s+ | //[^\n]* | /\*.*?\*/
      | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'
      | [\w$\#]+
      | .""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?![/*])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[\n])+/[a-z]*")
#: After these a slash begins a regular expression; after anything else it divides.
_BEFORE_REGEX = (*"(,=:[!&|?{};+-*%~^<>", "return", "case", "typeof", "of", "in")
#: No statement ends with the first, none begins with the second, so the end of a line between them means nothing.
_GOES_ON, _GOES_ON_WITH = frozenset(";{},([=>&|?:+-*<!."), frozenset("})],;.?:&|=+-*>")
#: The styles of elements with a shadow root are templates, by this ending of their names.
_STYLE_NAME = "_STYLE"


def lean_script(text: str) -> str:
    """A module's text as short as that."""
    out: list[str] = []
    gap = ""
    for token in _tokens(text):
        if token in {" ", "\n"}:
            gap = "\n" if "\n" in (gap, token) else " "
            continue
        if gap and out and _needs_gap(out[-1][-1], token[0], gap):
            out.append(gap)
        is_style = token[0] == "`" and len(out) > 1 and out[-2].endswith(_STYLE_NAME)
        out.append(lean_style(token) if is_style else token)
        gap = ""
    return "".join(out)


def lean_style(text: str) -> str:
    """CSS as short as that; no text of it may have a comment or one of ``{};,``."""
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))


def _needs_gap(before: str, after: str, gap: str) -> bool:
    if _is_word(before) and _is_word(after):
        return True
    if before in "+-" and before == after:
        return True
    return gap == "\n" and before not in _GOES_ON and after not in _GOES_ON_WITH


def _is_word(character: str) -> bool:
    return character.isalnum() or character in "_$#"


def _tokens(text: str) -> Iterator[str]:
    """The tokens; blanks and comments are a blank, or the end of a line if they have one."""
    at, last = 0, ";"
    while at < len(text):
        end = _token_end(text, at, last)
        token = text[at:end]
        if token.isspace() or token.startswith(("//", "/*")):
            yield "\n" if "\n" in token or token.startswith("//") else " "
        else:
            last = token
            yield token
        at = end


def _token_end(text: str, at: int, last: str) -> int:
    """Behind the token that begins here; `last` is the one before, without blanks."""
    if text[at] == "`":
        return _template_end(text, at)
    may_be_regex = last[-1] in _BEFORE_REGEX or last in _BEFORE_REGEX
    found = (_REGEX.match(text, at) if may_be_regex else None) or _TOKEN.match(text, at)
    assert found, "every character begins a token"
    return found.end()


def _template_end(text: str, begin: int) -> int:
    """Behind the closing backquote of the template that begins here; the code in its ``${...}`` may have templates."""
    at = begin + 1
    while text[at] != "`":
        if text.startswith("${", at):
            depth, at, last = 1, at + 2, "("
            while depth:
                end = _token_end(text, at, last)
                last, at = text[at:end].strip() or last, end
                depth += (last == "{") - (last == "}")
        else:
            at += 2 if text[at] == "\\" else 1
    return at + 1
