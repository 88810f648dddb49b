"""The pattern language of naming rules: ``*`` and placeholders such as ``{date}``, matched in linear time. Pure.

Here: patterns of one segment (the text between two ``/``). Not here: which segment a pattern is tried on, and what
then happens to the name (`graphmodel.naming_rules`).

A pattern is not a regular expression, because users write it and senders write the names that it reads: a regular
expression with two repetitions can take quadratic time. A pattern is a list of parts; the positions of a text that can
be reached after each part are a set, so the work is at most parts x characters, and a text is at most `LONGEST`
characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from headwater.graphmodel.run_names import DAY, HOUR, MONTH, YEAR

LONGEST = 255
"""Characters of a segment that a pattern with ``*`` or a placeholder can match: the longest file name of Linux."""

_DATES = tuple(rf"{YEAR}{separator}{MONTH}{separator}{DAY}" for separator in ("", "-", "_", r"\."))
_MONTHS = (rf"{YEAR}{MONTH}", rf"{YEAR}-{MONTH}", rf"{YEAR}_{MONTH}")
_SIXTY = r"[0-5][0-9]"
_CLOCKS = tuple(rf"{HOUR}{separator}{_SIXTY}(?:{separator}{_SIXTY})?" for separator in ("", "-", "_", ":", "%3A"))
_ZONES = r"(?:[.,][0-9]{1,9})?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2})?"
_HEX = "[0-9A-Fa-f]"

#: What each placeholder matches. Every repetition has an upper bound, so one match takes constant time.
_PLACEHOLDERS: dict[str, tuple[re.Pattern[str], ...]] = {
    name: tuple(map(re.compile, patterns))
    for name, patterns in {
        "date": (*_DATES, *_MONTHS),
        "timestamp": (
            *(rf"{date}[T _-]?{clock}{_ZONES}" for date in _DATES for clock in _CLOCKS),
            r"1[0-9]{9}",  # seconds since 1970
            r"1[0-9]{12}",  # ms since 1970
        ),
        "uuid": (rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}", rf"{_HEX}{{32}}"),
        "number": tuple(rf"[0-9]{{{digits}}}" for digits in range(1, 21)),
    }.items()
}

PLACEHOLDERS = tuple(_PLACEHOLDERS)
"""The names that can stand in braces."""

_PARTS = re.compile(r"\*+|\{[a-z]+\}|[^*{]+|\{")
_STAR = "*"
_SEPARATORS = "_-. "


class InvalidPattern(ValueError):
    """A pattern with a mistake; the message says which."""


def check(pattern: str) -> None:
    """Raises InvalidPattern: it is empty, or has a brace that encloses no placeholder."""
    if not pattern.strip("/"):
        raise InvalidPattern("a pattern must not be empty")
    rest = pattern
    for name in PLACEHOLDERS:
        rest = rest.replace(f"{{{name}}}", "")
    if "{" in rest or "}" in rest:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise InvalidPattern(f"{pattern!r} has a brace that encloses no placeholder; there are {known}")


@dataclass(frozen=True)
class Glob:
    """A pattern of one segment. `parts` are ``*``, placeholders in braces, and literal texts."""

    parts: tuple[str, ...]

    @property
    def is_literal(self) -> bool:
        """Whether it stands for one text alone."""
        return not any(part == _STAR or part[1:-1] in _PLACEHOLDERS for part in self.parts)

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches. ``*`` alone does not match an empty text: that is no name."""
        if self.is_literal:
            return text == "".join(self.parts)
        if not text or len(text) > LONGEST:
            return False
        positions = {0}
        for part in self.parts:
            positions = _positions_after(part, text, positions)
        return len(text) in positions

    def without_placeholders(self, text: str) -> str | None:
        """The text without what its placeholders match, each with one separator beside it; None: it does not match.

        ``orders_20260301`` under ``*_{date}`` is ``orders``. Of several ways to match, the one counts whose ``*``
        match as much as possible, from the left.
        """
        if self.is_literal or len(text) > LONGEST:
            return None
        spans = self._placeholder_spans(text)
        if not spans:
            return None
        kept, done = "", 0
        for start, end in spans:
            kept += text[done:start]
            if kept[-1:] in set(_SEPARATORS):
                kept = kept[:-1]
            elif not kept and text[end : end + 1] in set(_SEPARATORS):
                end += 1  # noqa: PLW2901 - a date at the beginning takes the separator behind it
            done = end
        return kept + text[done:]

    def _placeholder_spans(self, text: str) -> list[tuple[int, int]] | None:
        """The (start, end) of each placeholder's match; None if the text as a whole does not match."""
        positions = [{0}]
        for part in self.parts:
            positions.append(_positions_after(part, text, positions[-1]))
        if len(text) not in positions[-1]:
            return None
        spans: list[tuple[int, int]] = []
        end = len(text)
        for number in reversed(range(len(self.parts))):
            part = self.parts[number]
            start = self._start_of_match(part, text, positions[number], end)
            if part[1:-1] in _PLACEHOLDERS and part[0] == "{":
                spans.append((start, end))
            end = start
        return spans[::-1]

    @staticmethod
    def _start_of_match(part: str, text: str, starts: set[int], end: int) -> int:
        """The start from which `part` can end at `end`: for a placeholder the first (its longest match)."""
        if part == _STAR:
            return min(start for start in starts if start <= end)
        return min(start for start in starts if start <= end and end in _match_ends(part, text, start))


def _positions_after(part: str, text: str, positions: set[int]) -> set[int]:
    """The positions after a match of `part` that begins at one of `positions`."""
    if not positions:
        return positions
    if part == _STAR:
        return set(range(min(positions), len(text) + 1))
    return {end for start in positions for end in _match_ends(part, text, start)}


def _match_ends(part: str, text: str, start: int) -> Iterator[int]:
    """The ends of all matches of `part` that begin at `start`."""
    patterns = _PLACEHOLDERS.get(part[1:-1]) if part[0] == "{" else None
    if patterns is None:
        if text.startswith(part, start):
            yield start + len(part)
        return
    for pattern in patterns:
        match = pattern.match(text, start)
        if match:
            yield match.end()


@lru_cache(maxsize=4_096)
def glob(segment: str) -> Glob:
    """The pattern of one segment. A brace without a placeholder is literal text here; `check` refuses it before."""
    parts: list[str] = []
    for part in _PARTS.findall(segment):
        special = part[0] == "*" or part[1:-1] in _PLACEHOLDERS
        if special:
            parts.append(_STAR if part[0] == "*" else part)
        elif parts and not (parts[-1] == _STAR or parts[-1][1:-1] in _PLACEHOLDERS):
            parts[-1] += part
        else:
            parts.append(part)
    return Glob(tuple(parts))


def globs(pattern: str) -> tuple[Glob, ...]:
    """The patterns of the segments of a longer pattern."""
    return tuple(map(glob, pattern.split("/")))


def match_all(patterns: Iterable[Glob], segments: Iterable[str]) -> bool:
    """Whether each pattern matches the segment in its place; both have the same length."""
    return all(pattern.fullmatch(segment) for pattern, segment in zip(patterns, segments, strict=True))
