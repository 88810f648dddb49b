"""A regular expression, matched step by step and counted: what `re` does in C, without a clock.

A backtracking matcher over the standard library's own parse tree. It tries what `re` tries, in the same order, and
counts each try. Only what the project's expressions use is known here; anything else is a ValueError.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

if sys.version_info >= (3, 11):
    from re import _parser as sre
else:
    import sre_parse as sre

Next = Callable[[int], bool]


class TooMany(Exception):
    """The steps allowed were exceeded."""


class Counting:
    """One text and the steps that were taken on it."""

    def __init__(self, pattern: re.Pattern[str], text: str, limit: int) -> None:
        flags = pattern.flags
        self.ignore, self.dotall = bool(flags & re.IGNORECASE), bool(flags & re.DOTALL)
        self.tree = list(sre.parse(pattern.pattern, flags & ~re.UNICODE))
        self.text = text.lower() if self.ignore else text
        self.steps, self.limit = 0, limit
        self.groups: dict[int, tuple[int, int]] = {}

    def step(self) -> None:
        self.steps += 1
        if self.steps > self.limit:
            raise TooMany

    def at_beginning(self) -> None:
        """As `re.fullmatch` of a text that does not match: all ways are tried."""
        self.run(self.tree, 0, 0, lambda end: end == len(self.text))

    def finditer(self) -> Iterator[tuple[int, int]]:
        """As `re.finditer`: each start is tried, a match is passed over."""
        at = 0
        while at <= len(self.text):
            ends: list[int] = []
            self.groups.clear()
            self.step()
            if self.run(self.tree, 0, at, lambda end: not ends.append(end)):  # type: ignore[func-returns-value]  # noqa: B023
                yield at, ends[0]
                at = max(ends[0], at + 1)
            else:
                at += 1

    def run(self, nodes: list[Any], number: int, at: int, then: Next) -> bool:
        if number == len(nodes):
            return then(at)
        op, value = nodes[number]
        name = str(op)
        if self.single(name, value, -1) is not None:
            self.step()
            return (
                at < len(self.text) and bool(self.single(name, value, at)) and self.run(nodes, number + 1, at + 1, then)
            )
        return bool(getattr(self, f"on_{name.lower()}")(value, at, lambda end: self.run(nodes, number + 1, end, then)))

    def single(self, name: str, value: Any, at: int) -> bool | None:
        """Whether one character matches; None for what is not about one character."""
        if name not in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return None
        if at < 0:
            return True
        char = self.text[at]
        if name == "ANY":
            return self.dotall or char != "\n"
        if name == "IN":
            return self.is_in(value, char)
        same = char == (chr(value).lower() if self.ignore else chr(value))
        return same if name == "LITERAL" else not same

    def is_in(self, items: list[Any], char: str) -> bool:
        negate = str(items[0][0]) == "NEGATE"
        return negate != any(self.one_of(str(op), value, char) for op, value in items if str(op) != "NEGATE")

    def one_of(self, name: str, value: Any, char: str) -> bool:
        chars = {char, char.upper()} if self.ignore else {char}
        if name == "LITERAL":
            return any(c == chr(value) for c in chars)
        if name == "RANGE":
            return any(value[0] <= ord(c) <= value[1] for c in chars if len(c) == 1)
        expression = {"CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s", "CATEGORY_DIGIT": r"\d"}
        kind = str(value)
        positive = expression[kind.replace("_NOT_", "_")]
        return bool(re.match(positive, char)) != ("_NOT_" in kind)

    def on_branch(self, value: Any, at: int, then: Next) -> bool:
        return any(self.run(list(branch), 0, at, then) for branch in value[1])

    def on_subpattern(self, value: Any, at: int, then: Next) -> bool:
        group, nodes = value[0], list(value[3])

        def done(end: int) -> bool:
            before = self.groups.get(group)
            self.groups[group] = (at, end)
            if then(end):
                return True
            if before:
                self.groups[group] = before
            return False

        return self.run(nodes, 0, at, done)

    def on_groupref(self, value: Any, at: int, then: Next) -> bool:
        start, end = self.groups.get(value, (0, 0))
        wanted = self.text[start:end]
        common = 0
        while common < len(wanted) and self.text[at + common : at + common + 1] == wanted[common]:
            self.step()
            common += 1
        return common == len(wanted) and then(at + common)

    def on_assert(self, value: Any, at: int, then: Next) -> bool:
        return self.looks(value, at) and then(at)

    def on_assert_not(self, value: Any, at: int, then: Next) -> bool:
        return not self.looks(value, at) and then(at)

    def looks(self, value: Any, at: int) -> bool:
        direction, nodes = value
        start = at if direction > 0 else at - nodes.getwidth()[0]
        return start >= 0 and self.run(list(nodes), 0, start, lambda end: direction > 0 or end == at)

    def on_at(self, value: Any, at: int, then: Next) -> bool:
        self.step()
        kind = str(value)
        word = [0 <= i < len(self.text) and bool(re.match(r"\w", self.text[i])) for i in (at - 1, at)]
        holds = {
            "AT_BEGINNING": at == 0, "AT_BEGINNING_STRING": at == 0, "AT_END_STRING": at == len(self.text),
            "AT_END": at == len(self.text), "AT_BOUNDARY": word[0] != word[1],
        }  # fmt: skip
        return holds[kind] and then(at)

    def on_max_repeat(self, value: Any, at: int, then: Next) -> bool:
        least, most, nodes = value[0], int(value[1]), list(value[2])
        if len(nodes) == 1 and self.single(str(nodes[0][0]), nodes[0][1], -1) is not None:
            end = at
            while end - at < most and end < len(self.text) and self.single(str(nodes[0][0]), nodes[0][1], end):
                self.step()
                end += 1
            for back in range(end, at + least - 1, -1):
                self.step()
                if then(back):
                    return True
            return False

        def again(count: int, position: int) -> bool:
            self.step()
            more = lambda end: end > position and again(count + 1, end)  # noqa: E731 - beside its use
            return (count < most and self.run(nodes, 0, position, more)) or (count >= least and then(position))

        return again(0, at)

    def on_min_repeat(self, value: Any, at: int, then: Next) -> bool:
        least, most, nodes = value[0], int(value[1]), list(value[2])
        end = at
        for count in range(min(most, len(self.text)) + 1):
            self.step()
            if count >= least and then(end):
                return True
            ends: list[int] = []
            if not self.run(nodes, 0, end, lambda found: not ends.append(found)):  # type: ignore[func-returns-value]  # noqa: B023
                return False
            end = ends[0]
        return False


def steps(pattern: re.Pattern[str], text: str, limit: int, *, anchored: bool = False) -> int:
    """How many steps it takes to find all matches in a text, or one at its beginning (`anchored`).

    More than `limit` is TooMany.
    """
    counting = Counting(pattern, text, limit)
    failed: list[BaseException] = []

    def count() -> None:
        try:
            if anchored:
                counting.at_beginning()
            else:
                list(counting.finditer())
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            failed.append(error)

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(200_000)
    threading.stack_size(512 * 2**20)
    try:
        thread = threading.Thread(target=count)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)
        sys.setrecursionlimit(before)
    if failed:
        raise failed[0]
    return counting.steps


def lines(function: Callable[[], object]) -> int:
    """How many lines of Python and calls of C run while the function does."""
    counted = 0

    def trace(_frame: Any, _event: str, _arg: Any) -> Any:
        nonlocal counted
        counted += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return counted
