"""Reading what senders wrote takes work that grows linearly with its length, whatever the text is.

Work is counted, not timed: lines of Python that run, and for regular expressions (whose work Python cannot count) their
shape, which must not allow more than a constant number of visits to one character.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headwater.spline_bridge
from headwater.graphmodel.expressions.values import Value
from headwater.graphmodel.model import Subtype
from headwater.spline_bridge import commands, jobs, plantext, rendering, subqueries, textvalues
from headwater.spline_bridge.agent import printed
from headwater.spline_bridge.operators import Rows
from headwater.spline_bridge.wire import Expression

_PREFIX = "re._" if sys.version_info >= (3, 11) else "sre_"  # where Python keeps what `re` is made of
constants: Any = importlib.import_module(_PREFIX + "constants")
parser: Any = importlib.import_module(_PREFIX + ("parser" if sys.version_info >= (3, 11) else "parse"))
compiler: Any = importlib.import_module(_PREFIX + ("compiler" if sys.version_info >= (3, 11) else "compile"))


class Nothing:
    """No leaf of a plan's text is bound to anything."""

    def cte(self, _key: str) -> Rows | None:
        return None

    def view(self, _name: str, _width: int) -> Rows | None:
        return None

    def relation(self, _table: str, _columns: Any, _format: str) -> Rows | None:
        return None

    def keys(self, _subtype: Subtype, values: Any) -> None:
        for _ in values:
            pass

    def spend(self, _steps: int) -> bool:
        return True


KNOWN = {"1": Value(), "2": Value()}

#: Every function that reads text which a sender wrote: name -> what is called.
READERS: dict[str, Callable[[str], object]] = {
    "ids": plantext.ids,
    "named_ids": plantext.named_ids,
    "parse": plantext.parse,
    "lists": plantext.lists,
    "split": plantext.split,
    "readable": plantext.readable,
    "without_alias": plantext.without_alias,
    "output_id": plantext.output_id,
    "text_value": lambda text: textvalues.text_value(text, KNOWN),
    "evaluate_text": lambda text: subqueries.evaluate_text(text, KNOWN, Nothing()),
    "lines of a plan": lambda text: subqueries.evaluate_text(text.replace(" ", "\n"), KNOWN, Nothing()),
    "clauses": lambda text: commands.clauses({"matchedClauses": [f"Update [{text}]"]}),
    "a list of clauses": lambda text: commands.clauses({"matchedClauses": text.split(" ")}),
    "printed expression": printed.expression,
    "function_name": lambda text: rendering.function_name(Expression("f", "PythonUDF", text)),
    "job": lambda text: jobs.identify(text, {}),
}

#: Pieces of what Spark prints, and what comes near to it.
PIECES = (
    "WHEN a ", " THEN b ", ")#1 ", "(a#1)#2", "aaaa ", "a#1 ", "#", "#1x", "if (", ") ", "outer(", "cast(", " as int)",
    "windowspecdefinition(", "[", "]", "(", ")", ",", " AS ", "actions: [", "condition: ", "exists#1 ", "list#2 ", "-",
    "\n", "+- Filter ", ":- Project [", "   ", ":  ", "nativespark-", "-jr_a", "$$Lambda/", "@abcdef", "a.b.", "_", "`",
    " = ", "x" * 9, "\\", "'", "é", "Distinct\n", "sum(", "stddev",
)  # fmt: skip

HOSTILE = st.builds(
    lambda head, units, tail: (head, "".join(units), tail),
    st.sampled_from(("", *PIECES)),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4),
    st.sampled_from(("", *PIECES)),
)
FEW, MANY = 40, 160


def lines(work: Callable[[], object]) -> int:
    """How many lines of Python the work runs."""
    count = 0

    def step(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("reader", READERS)
@given(HOSTILE)
def test_four_times_the_text_is_at_most_some_four_times_the_work(reader: str, text: tuple[str, str, str]) -> None:
    head, unit, tail = text
    read = READERS[reader]
    read(head + unit * 2 + tail)  # what is cached is cached now
    few, many = (lines(lambda n=n: read(head + unit * n + tail)) for n in (FEW, MANY))  # type: ignore[misc]
    assert many <= few * (MANY / FEW) * 1.3 + 200


# The shape of regular expressions ------------------------------------------------------------------------------------

#: Expressions that read a bounded text, with its bound: (module, name).
BOUNDED = {
    ("headwater.spline_bridge.agent.names", "_WORDS"): "the name of a class",
}


def patterns() -> Iterator[tuple[str, str, re.Pattern[str]]]:
    for module in pkgutil.walk_packages(headwater.spline_bridge.__path__, "headwater.spline_bridge."):
        if ".glue" in module.name or module.name.endswith(("redact", "secret_patterns")):
            continue  # the set-up of Glue reads no sender's text; what masks secrets has laws of its own
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                yield module.name, name, value
            elif isinstance(value, dict):
                yield from ((module.name, f"{name}[{key}]", v) for key, v in value.items() if isinstance(v, re.Pattern))


@pytest.mark.parametrize(
    ("module", "name", "pattern"), [pytest.param(*each, id=".".join(each[:2])) for each in patterns()]
)
def test_no_regular_expression_visits_a_character_again_and_again(
    module: str, name: str, pattern: re.Pattern[str]
) -> None:
    assert not trouble(pattern) or (module, name) in BOUNDED


@pytest.mark.parametrize(
    "pattern",
    [r"WHEN (.*?) THEN", r"[^\s()]+#\d+", r"(a+)+b", r"cast\((.+) as \w+\)", r"(?:a|a\w)*c", r"actions: (.*)$"],
)
def test_the_check_finds_what_was_quadratic(pattern: str) -> None:
    assert trouble(re.compile(pattern))


ALPHABET = frozenset(map(chr, range(128)))


def trouble(pattern: re.Pattern[str]) -> str | None:
    """Why the pattern's work can grow faster than the text; None if it cannot.

    It cannot if no repetition holds another one whose beginning and end meet, and if a search that fails at one place
    has not looked beyond the next place where it can begin: a match begins with a character that no repetition takes.
    """
    tree = parser.parse(pattern.pattern, pattern.flags)
    repeats = list(_repeats(tree))
    anchored = tree.data[0][0] is constants.AT and tree.data[0][1] in (
        constants.AT_BEGINNING,
        constants.AT_BEGINNING_STRING,
    )
    for body, following, nested in repeats:
        taken = _characters(body, pattern.flags)
        if nested and not _separated(body, pattern.flags):
            return "a repetition within a repetition"
        apart = _begins_words_only(tree, taken) or _kept_apart(tree, taken, pattern.flags)
        if not anchored and following and not apart and first(tree, pattern.flags) & taken:
            return "a repetition can take what the expression begins with"
    return None


def _repeats(tree: Any, followed: bool = False) -> Iterator[tuple[Any, bool, bool]]:
    """Every unbounded repetition: what is repeated, whether anything follows, whether it holds a repetition."""
    for i, (op, argument) in enumerate(tree):
        rest = followed or i + 1 < len(tree)
        if op in (constants.MAX_REPEAT, constants.MIN_REPEAT) and argument[1] is constants.MAXREPEAT:
            inner = list(_repeats(argument[2], True))
            yield argument[2], rest, bool(inner)
            yield from inner
        else:
            for part in _parts(op, argument):
                yield from _repeats(part, rest)


def _parts(op: Any, argument: Any) -> list[Any]:
    if op in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        return [argument[2]]
    if op is constants.SUBPATTERN:
        return [argument[3]]
    if op is constants.BRANCH:
        return list(argument[1])
    return []


def _characters(tree: Any, flags: int) -> frozenset[str]:
    """The characters that any part of the tree can match."""
    found: set[str] = set()
    for op, argument in tree:
        if op in (constants.LITERAL, constants.NOT_LITERAL, constants.IN, constants.ANY):
            found |= _class(op, argument, flags)
        for part in _parts(op, argument):
            found |= _characters(part, flags)
    return frozenset(found)


def _class(op: Any, argument: Any, flags: int) -> frozenset[str]:
    one = parser.SubPattern(parser.State(), [(op, argument)])
    compiled = compiler.compile(one, flags)
    return frozenset(char for char in ALPHABET if compiled.fullmatch(char))


def first(tree: Any, flags: int) -> frozenset[str]:
    """The characters that a match can begin with."""
    found: set[str] = set()
    for op, argument in tree:
        if op in (constants.AT, constants.ASSERT, constants.ASSERT_NOT):
            continue
        if op in (constants.LITERAL, constants.NOT_LITERAL, constants.IN, constants.ANY):
            return frozenset(found | _class(op, argument, flags))
        for part in _parts(op, argument):
            found |= first(part, flags)
        if op not in (constants.MAX_REPEAT, constants.MIN_REPEAT) or argument[0] > 0:
            return frozenset(found)
    return frozenset(found)


WORD = frozenset(char for char in ALPHABET if re.match(r"\w", char))


def _begins_words_only(tree: Any, taken: frozenset[str]) -> bool:
    """``\\bstddev\\w*``: a word begins once, however long it is."""
    op, argument = tree.data[0]
    return op is constants.AT and argument is constants.AT_BOUNDARY and taken <= WORD


def _kept_apart(tree: Any, taken: frozenset[str], flags: int) -> bool:
    """``outer\\([^()]*\\)``: a match begins with a character that the repetition stops at."""
    for op, argument in tree:
        if op in (constants.LITERAL, constants.IN) and not _class(op, argument, flags) & taken:
            return True
        if op not in (constants.LITERAL, constants.IN, constants.AT):
            return False
    return False


def _separated(body: Any, flags: int) -> bool:
    """``(?:[a-z]\\w*\\.)+``: each round ends with a character that nothing else in it takes."""
    parts = list(body)
    while len(parts) == 1 and parts[0][0] is constants.SUBPATTERN:
        parts = list(parts[0][1][3])
    op, argument = parts[-1]
    if op is not constants.LITERAL:
        return False
    return not frozenset({chr(argument)}) & _characters(parts[:-1], flags)
