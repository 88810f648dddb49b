"""Readable expressions of bounded length: their text is exact up to a bound, then cut in the middle, and says so.

A chain of two hundred steps can stand for more text than there are atoms. `Text` keeps only the head, the tail and
the true length, so composing never costs more than the bound, and the result is what cutting the whole would give.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: Longest expression kept whole, in characters; a cut one keeps half of it at each end.
BOUND = 2_000
_HALF = BOUND // 2
_MOST = 10**9


class Text(NamedTuple):
    """A text of `length` characters: whole in `head` if that is at most `BOUND`, else its two ends."""

    head: str
    tail: str
    length: int

    def __str__(self) -> str:
        """The text, or its ends around a note of how much was cut."""
        if self.length <= BOUND:
            return self.head
        cut = self.length - 2 * _HALF
        return f"{self.head} [... {cut if cut < _MOST else 'over ' + str(_MOST)} characters cut ...] {self.tail}"


def text(value: str) -> Text:
    """A string as `Text`."""
    if len(value) <= BOUND:
        return Text(value, "", len(value))
    return Text(value[:_HALF], value[-_HALF:], len(value))


EMPTY = text("")


def concat(parts: Iterable[Text | str]) -> Text:
    """The parts one after the other."""
    pieces = [text(part) if isinstance(part, str) else part for part in parts]
    length = sum(piece.length for piece in pieces)
    if length <= BOUND:
        return Text("".join(piece.head for piece in pieces), "", length)
    return Text(_head(pieces), _tail(pieces), length)


def join(separator: str, parts: Iterable[Text]) -> Text:
    """The parts with a separator between them."""
    pieces: list[Text | str] = []
    for part in parts:
        if pieces:
            pieces.append(separator)
        pieces.append(part)
    return concat(pieces)


def _head(pieces: list[Text]) -> str:
    out, room = [], _HALF
    for piece in pieces:
        out.append(piece.head[:room])
        room -= len(out[-1])
        if room <= 0:
            break
    return "".join(out)


def _tail(pieces: list[Text]) -> str:
    out, room = [], _HALF
    for piece in reversed(pieces):
        end = piece.head if piece.length <= BOUND else piece.tail
        out.append(end[-room:] if end else "")
        room -= len(out[-1])
        if room <= 0:
            break
    return "".join(reversed(out))
