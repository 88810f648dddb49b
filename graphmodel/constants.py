"""Expressions without their literals (shapes), and the literals of one run (constants). Pure.

`dt = '2026-03-01'` and `dt = '2026-03-02'` are one shape with another constant. A plan's identity is made of shapes;
its constants are numbered over all its expressions, and a placeholder says the number: ``dt = ⟨0⟩``. What makes the
shape out of an expression tree is in the bridge; here is what only needs text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

#: Stands in a `Form` for a literal: a character of Unicode's private use area, which no expression has.
MARK = "\ue000"
#: Shown for a constant that is not known: of a run that had too many, or of a plan that never succeeded.
UNKNOWN = "?"
#: Longest constant kept whole, in characters: an `IN` list can have a million values.
MOST_OF_ONE = 500
#: Longest text of all constants of a run, in characters. It is stored with every run; the ledger has them all.
MOST_OF_A_RUN = 4_000
#: Longest expression shown, in characters, about.
MOST_SHOWN = 2_000


class Form(NamedTuple):
    """An expression with a `MARK` for each literal, and these literals in order."""

    shape: str
    constants: tuple[str, ...] = ()


class Constants(NamedTuple):
    """The constants of one run: of the expressions that are its plan's logic, and of its operations' expressions.

    Bodies of one logic can have other operations: the latter only fit operations with the hash `of`.
    """

    logic: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    of: str = ""


NONE = Constants()
_PLACEHOLDER = re.compile("⟨(?:([0-9a-f]{8}):)?([0-9]{1,6})⟩")
#: A quoted name, a quoted string (a doubled quote in it is one), or a number, date or time; not the digits of a name.
_TOKEN = re.compile(r"`[^`]*`|'[^']*(?:''[^']*)*'|(?<![\w.$#@?⟨])[0-9][\w.]*(?:[-:][0-9][\w.]*)*")
_LIST = f" IN ({MARK}"


def form_of(text: str) -> Form:
    """The form of an expression of which only the text is there: SQL's quoted strings, numbers, dates and times."""
    constants: list[str] = []

    def marked(found: re.Match[str]) -> str:
        token = found.group()
        if token.startswith("`"):
            return token
        constants.append(token)
        return MARK

    shape = _TOKEN.sub(marked, text.replace(MARK, UNKNOWN))
    return Form(*_with_lists_as_one(shape, constants)) if _LIST in shape else Form(shape, tuple(constants))


def _with_lists_as_one(shape: str, constants: list[str]) -> tuple[str, tuple[str, ...]]:
    """An `IN` list of literals alone, however long, is one constant."""
    first, *rest = shape.split(_LIST)
    out, left = [first], iter(constants)
    kept = [next(left) for _ in range(first.count(MARK))]
    for part in rest:
        values, after = [next(left)], part
        while after.startswith(f", {MARK}"):
            values.append(next(left))
            after = after[len(MARK) + 2 :]
        if after.startswith(")"):
            kept.append(", ".join(values))
            out += [_LIST, after]
        else:
            kept += values
            out += [_LIST, part]
        kept += [next(left) for _ in range(after.count(MARK))]
    return "".join(out), tuple(kept)


@lru_cache(10_000)
def short_form(text: str) -> Form:
    """The same, remembered: for expressions of a plan, which are bounded."""
    return form_of(text)


def numbered(shape: str, first: int, of: str = "") -> str:
    """The shape with a placeholder for each mark, numbered from `first` on; `of`: the hash of the operations."""
    head, *rest = shape.replace("⟨", "<").split(MARK)
    named = f"{of}:" if of else ""
    return head + "".join([f"⟨{named}{number}⟩{part}" for number, part in enumerate(rest, first)])


def has_placeholder(text: str | None) -> bool:
    """Whether a text has a constant in it."""
    return text is not None and "⟨" in text and _PLACEHOLDER.search(text) is not None


def numbers(text: str) -> list[int]:
    """The numbers of the constants of a logic in a text."""
    return [int(number) for of, number in _PLACEHOLDER.findall(text) if not of] if "⟨" in text else []


def filled(text: str, constants: Constants) -> str:
    """The text with its constants, about 2,000 characters at most; `UNKNOWN` for those that are not there."""
    if "⟨" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        of, number = found.group(1), int(found.group(2))
        known = constants.logic if of is None else constants.operations if of == constants.of else ()
        return known[number] if number < len(known) else UNKNOWN

    return cut(_PLACEHOLDER.sub(value, text), MOST_SHOWN + 200)


def cut(text: str, most: int) -> str:
    """A text of at most `most` characters, about: its ends around a note of how much was cut."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} [... {len(text) - 2 * half} characters cut ...] {text[-half:]}"


def constants_text(constants: Constants) -> str:
    """Constants as JSON: the different ones, which of them each placeholder has, and how many are of the logic.

    It has at most `MOST_OF_A_RUN` characters, about; those with the highest numbers are left out. Empty for none.
    """
    values: dict[str, int] = {}
    which: list[int] = []
    room = MOST_OF_A_RUN
    for constant in (*constants.logic, *constants.operations):
        value = cut(constant, MOST_OF_ONE)
        new = 0 if value in values else len(json.dumps(value, ensure_ascii=False)) + 1
        room -= new + len(str(values.get(value, len(values)))) + 1
        if room < 0:
            break
        which.append(values.setdefault(value, len(values)))
    if not which:
        return ""
    listed = [list(values), which, min(len(constants.logic), len(which)), constants.of]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))


@lru_cache(1_000)
def constants_of(text: str) -> Constants:
    """The constants in a `constants_text`."""
    if not text:
        return NONE
    values, which, logic, of = json.loads(text)
    all_of_them = tuple(values[i] for i in which)
    return Constants(all_of_them[:logic], all_of_them[logic:], of)


def parameters(runs: Iterable[Sequence[str]]) -> frozenset[int]:
    """The numbers of the constants that differ in most runs, given the constants of runs in the order of time.

    Two runs do not show it: what differs in them is a change.
    """
    listed = list(runs)
    steps = len(listed) - 1
    if steps < 2:  # noqa: PLR2004 - as said above
        return frozenset()
    changes: dict[int, int] = {}
    for before, after in pairwise(listed):
        for number in _differing(before, after):
            changes[number] = changes.get(number, 0) + 1
    return frozenset(number for number, count in changes.items() if 2 * count > steps)


def _differing(before: Sequence[str], after: Sequence[str]) -> list[int]:
    return [i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other]
