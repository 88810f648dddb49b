"""Readable expressions of bounded length, with their literals marked: cut in the middle over a bound, and says so.

A chain of two hundred steps can stand for more text than there are atoms. `Text` keeps only the head, the tail and
the true length, so composing never costs more than the bound. What is bounded is the shape, where a literal counts one
character: another literal never cuts elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from headwater.graphmodel.constants import MARK, MOST_OF_ONE, UNKNOWN, Form, cut, form_of

#: Longest expression kept whole, in characters; a cut one keeps half of it at each end.
BOUND = 2_000
_HALF = BOUND // 2
_MOST = 10**9


class Text(NamedTuple):
    """A text of `length` characters: whole in `head` if that is at most `BOUND`, else its two ends.

    A literal is one `MARK` in it; what it is stands in `constants` for the head, in `tail_constants` for the tail.
    """

    head: str
    tail: str
    length: int
    constants: tuple[str, ...] = ()
    tail_constants: tuple[str, ...] = ()
    more: int = 0  #: how many characters it has more with its literals, those that are cut off included

    def __str__(self) -> str:
        """The text with its literals, or its ends around a note of how much was cut."""
        head, length = _with(self.head, self.constants), self.length + self.more
        if length <= BOUND:
            return head
        gone = length - 2 * _HALF
        tail = _with(self.tail, self.tail_constants) if self.length > BOUND else head
        note = f"{gone if gone < _MOST else 'over ' + str(_MOST)} characters cut"
        return f"{head[:_HALF]} [... {note} ...] {tail[-_HALF:]}"

    @property
    def whole(self) -> bool:
        """Whether nothing is cut off."""
        return self.length <= BOUND

    @property
    def form(self) -> Form:
        """Its shape, and the literals in it."""
        if self.whole:
            return Form(self.head, self.constants)
        return Form(f"{self.head} [... cut ...] {self.tail}", (*self.constants, *self.tail_constants))


def text(value: str) -> Text:
    """A string without literals as `Text`."""
    if MARK in value:
        value = value.replace(MARK, UNKNOWN)
    if len(value) <= BOUND:
        return Text(value, "", len(value))
    return Text(value[:_HALF], value[-_HALF:], len(value))


def constant(value: str) -> Text:
    """A literal as `Text`, or several that are one in the shape."""
    value = cut(value, MOST_OF_ONE)
    return Text(MARK, "", 1, (value,), (), len(value) - 1)


def printed(value: str) -> Text:
    """Text that Spark or an SQL parser printed: its literals are found by how they look."""
    shape, found = form_of(value)
    constants = tuple(cut(one, MOST_OF_ONE) for one in found)
    more = sum(map(len, constants)) - len(constants)
    if len(shape) <= BOUND:
        return Text(shape, "", len(shape), constants, (), more)
    head, tail = shape[:_HALF], shape[-_HALF:]
    last = constants[len(constants) - tail.count(MARK) :]
    return Text(head, tail, len(shape), constants[: head.count(MARK)], last, more)


EMPTY = text("")
_piece = lru_cache(1_000)(text)  # mostly what stands between operands, and names: the same ones again and again


def concat(parts: Iterable[Text | str]) -> Text:
    """The parts one after the other."""
    pieces = [_piece(part) if isinstance(part, str) else part for part in parts]
    length = more = 0
    constants: list[str] = []
    for piece in pieces:
        length += piece.length
        more += piece.more
        if piece.constants and length <= BOUND:
            constants.extend(piece.constants)
    if length <= BOUND:
        return Text("".join([piece.head for piece in pieces]), "", length, tuple(constants), (), more)
    head, tail = _head(pieces), _tail(pieces)
    first = islice(chain.from_iterable(piece.constants for piece in pieces), head.count(MARK))
    ends = (p.constants if p.whole else p.tail_constants for p in reversed(pieces))
    last = islice((value for end in ends for value in reversed(end)), tail.count(MARK))
    return Text(head, tail, length, tuple(first), tuple(last)[::-1], more)


def join(separator: str, parts: Iterable[Text]) -> Text:
    """The parts with a separator between them."""
    pieces: list[Text | str] = []
    for part in parts:
        if pieces:
            pieces.append(separator)
        pieces.append(part)
    return concat(pieces)


def distinct(texts: Iterable[Text]) -> list[Text]:
    """The texts, those of one shape once: each literal in it as all that there are, ``1 | 2``.

    Whether two literals are the same is not seen in how many texts there are: it would make another logic.
    """
    groups: dict[tuple[str, str, int], list[Text]] = {}
    for one in texts:
        groups.setdefault((one.head, one.tail, one.length), []).append(one)
    return [
        _alike(same) if len(same) > 1 and same[0].constants + same[0].tail_constants else same[0]
        for same in groups.values()
    ]


def _alike(same: Sequence[Text]) -> Text:
    head = _all_of(one.constants for one in same)
    tail = _all_of(one.tail_constants for one in same)
    first = same[0]
    more = first.more + sum(map(len, head + tail)) - sum(map(len, first.constants + first.tail_constants))
    return first._replace(constants=head, tail_constants=tail, more=more)


def _all_of(constants: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(cut(" | ".join(dict.fromkeys(alike)), MOST_OF_ONE) for alike in zip(*constants, strict=True))


def _with(shape: str, constants: tuple[str, ...]) -> str:
    if not constants:
        return shape
    first, *rest = shape.split(MARK)
    return first + "".join([value + part for value, part in zip(constants, rest, strict=True)])


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
        end = piece.head if piece.whole else piece.tail
        out.append(end[-room:] if end else "")
        room -= len(out[-1])
        if room <= 0:
            break
    return "".join(reversed(out))
