"""Reading what senders wrote takes time linear in the text: counted in steps, with hostile texts of doubling size."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater.graphmodel import (
    jdbc,
    name_patterns,
    naming,
    naming_openlineage,
    naming_rules,
    naming_schemes,
)
from headwater.graphmodel.constants import MARK
from headwater.graphmodel.expressions.text import BOUND, Text, concat
from headwater.graphmodel.naming import Rules
from headwater.graphmodel.statements.model import pattern as node_pattern
from headwater.openlineage_bridge import datahub, mapping, sagemaker
from headwater.openlineage_bridge import events as openlineage_events
from headwater.spline_bridge import secret_patterns
from headwater.sql_bridge import statements as sql_statements
from headwater.sql_bridge import tables as sql_tables
from headwater.sqlhistory import athena
from headwater.sqlhistory import events as sql_events
from tests.laws.steps import lines, steps

_SIZE = 240  #: characters of the smaller text
_ROOM = (
    60_000  #: steps for a text of any size, before they have to be linear: bounded repetitions cost their bound once
)
_FACTOR = 2.6  #: of twice the text: 2 is linear, 4 is quadratic

#: What hostile texts are made of: the pieces that the expressions look for, and what can follow them.
PIECES = (
    *(
        "\\",
        '"',
        "'",
        "`",
        "a",
        "1",
        " ",
        "=",
        ":",
        ".",
        "-",
        "/",
        "@",
        "?",
        "&",
        ";",
        "(",
        ")",
        "{",
        "}",
        "<",
        ">",
        "%3D",
    ),
    *(
        "a=",
        'a="',
        "password=",
        '"password":',
        '\\"',
        "password '",
        "--password ",
        "identified by ",
        "<a>",
        "://",
        "a:",
    ),
    *(
        "eyJ",
        "ey",
        "ghp_",
        "sk-",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "passw",
        ":1",
        "a.",
        ':"a',
        "(HOST=",
        "\n",
    ),
    *(
        ".snowflakecomputing.com",
        "2026-03-01",
        "part-0",
        "metadata",
        "dt=1/",
        "jdbc:oracle:thin:",
        "bearer ",
        "basic ",
        "A",
    ),
    *(
        "drop column ",
        "alter table ",
        " comment '",
        " first",
        "set properties",
        "urn:li:dataset:(",
        "),",
        "values (",
        "as '",
    ),
    *("20260301", "_20260301", "x-", "e", "A1b/", "AKIA"),
)
HOSTILE = st.tuples(
    st.lists(st.sampled_from(PIECES), max_size=2).map("".join),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=2).map("".join),
)


def made(parts: tuple[str, str, str], size: int) -> str:
    head, unit, tail = parts
    return head + unit * (size // len(unit)) + tail


def expressions(module: ModuleType) -> Iterator[tuple[str, re.Pattern[str]]]:
    """All regular expressions that a module keeps, in tables and tuples too."""
    waiting: list[tuple[str, object]] = [
        (f"{module.__name__.rpartition('.')[2]}.{name}", value)
        for name, value in vars(module).items()
        if name[0] == "_"
    ]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, re.Pattern):
            yield f"{name}: {value.pattern[:60]}", value
        elif isinstance(value, dict):
            waiting += [(name, one) for one in value.values()]
        elif isinstance(value, (tuple, list)):
            waiting += [(name, one) for one in value]


MODULES = (
    *(jdbc, naming, naming_openlineage, naming_rules, naming_schemes, name_patterns, secret_patterns),
    *(openlineage_events, mapping, sagemaker, datahub, sql_statements, sql_tables, sql_events, athena),
)
SEARCHED = re.compile(r"(_[A-Z_]+)\.(?:search|sub|finditer|findall|split)\(")
MATCHED = re.compile(r"(_[A-Z_]+)\.match\(")


def anchored(name: str) -> bool:
    """Whether an expression is only tried at one place of a text. Those in tables of secrets are searched for."""
    module, _, constant = name.partition(":")[0].partition(".")
    source = next(inspect.getsource(one) for one in MODULES if one.__name__.endswith(f".{module}"))
    in_a_table = module == "secret_patterns" and constant not in MATCHED.findall(source)
    return not in_a_table and constant not in SEARCHED.findall(source)


ALL = {id(pattern): (name, pattern) for module in MODULES for name, pattern in expressions(module)}


@pytest.mark.parametrize(("name", "pattern"), ALL.values(), ids=[name for name, _ in ALL.values()])
@settings(max_examples=12, deadline=None)
@given(HOSTILE)
@example(("", "\\", ""))
@example(('"a=', "\\", ""))
@example(("", ":1", "x"))
@example(("", "1", "x"))
def test_every_expression_is_linear(name: str, pattern: re.Pattern[str], parts: tuple[str, str, str]) -> None:
    small = steps(pattern, made(parts, _SIZE), 10_000_000, anchored=anchored(name))
    large = steps(pattern, made(parts, 2 * _SIZE), 10_000_000, anchored=anchored(name))
    assert large <= max(_FACTOR * small, _ROOM), f"{small} steps, twice the text {large}"


RULES = Rules(names=("*_{date}", "*{number}", "{date}*"), folders=("*-{uuid}", "{timestamp}", "a/{number}"))
FUNCTIONS: dict[str, Callable[[str], object]] = {
    "canonical": naming.canonical,
    "canonical under rules": lambda text: naming.canonical(text, RULES),
    "a path under rules": lambda text: naming.canonical(f"s3://b/{text}", RULES),
    "a file": lambda text: naming.canonical(f"file:/{text}"),
    "a pair of OpenLineage": lambda text: naming.from_openlineage(text, text).uri,
    "a namespace": lambda text: naming.from_openlineage(f"s3://b/{text}", "db.t").uri,
    "a JDBC URL": lambda text: naming.jdbc(f"jdbc:postgresql://{text}", None, None, "p"),
    "a JDBC URL of SQL Server": lambda text: naming.jdbc(f"jdbc:sqlserver://h;{text}", text, None, "p"),
    "a JDBC URL of Redshift": lambda text: naming.jdbc(f"jdbc:redshift:iam://{text}", None, text, "p"),
    "a JDBC URL of Oracle": lambda text: naming.jdbc(f"jdbc:oracle:thin:@{text}", None, None, "p"),
    "a topic": lambda text: naming.kafka(text, text),
    "a table": naming.table_alias,
    "a secret": secret_patterns.clean_text,
    "a secret in a URL": lambda text: secret_patterns.clean_text(f"jdbc:{text}"),
    "an error": secret_patterns.clean_error,
    "texts": lambda text: secret_patterns.clean_texts([text, f"password={text}"]),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@settings(max_examples=15, deadline=None)
@given(HOSTILE)
def test_every_function_is_linear(function: Callable[[str], object], parts: tuple[str, str, str]) -> None:
    small = lines(lambda: function(made(parts, 4 * _SIZE)))
    large = lines(lambda: function(made(parts, 8 * _SIZE)))
    assert large <= max(_FACTOR * small, 10_000)


@pytest.mark.parametrize("unit", ["*", "*a", "*ab", "*a*b", "a*", "**", "*a?", "*/a", "*\n"])
@pytest.mark.parametrize("tail", ["", "b", "*", "*b", "#c"])
def test_a_pattern_of_nodes_is_matched_in_linear_time(unit: str, tail: str) -> None:
    counted = []
    for size in (_SIZE, 2 * _SIZE):
        made_of = node_pattern(unit * size + tail)
        nodes = [text * (size * 4) + end for text in ("a", "ab", "/a") for end in ("", "c", "#c", "\n")]
        counted.append(lines(lambda made_of=made_of, nodes=nodes: [made_of.matches(node) for node in nodes]))  # type: ignore[misc]
    assert counted[1] <= max(counted[0] * _FACTOR, 400)


@given(st.text("ab*#\n", max_size=8), st.text("ab#\n", max_size=8))
def test_a_pattern_of_nodes_matches_what_its_regular_expression_does(pattern: str, node: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert node_pattern(pattern).matches(node) == bool(re.fullmatch(expression, node, re.DOTALL))


class _Counted(tuple[str, ...]):
    """Literals of a part of an expression, that count how many are copied."""

    copied = 0
    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        _Counted.copied += len(self)
        return super().__iter__()

    def __radd__(self, before: tuple[str, ...]) -> tuple[str, ...]:
        _Counted.copied += len(before) + len(self)
        return (*before, *super().__iter__())


@pytest.mark.parametrize("count", [100, 20_000])
def test_the_literals_of_a_long_list_are_not_copied_again_and_again(count: int) -> None:
    parts = [Text(MARK, "", 1, _Counted(("x",))) for _ in range(count)]
    _Counted.copied = 0
    whole = concat(parts)
    assert (whole.length, len(whole.constants) + len(whole.tail_constants)) == (count, min(count, BOUND))
    assert _Counted.copied <= 2 * BOUND
