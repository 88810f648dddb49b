"""Stating things about nodes, for the command line and Python: the subject is looked up first, so a typo is told."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater.errors import WrongUse
from headwater.graphmodel.statements import DESCRIPTION, SAME, TAG

if TYPE_CHECKING:
    from headwater.queries.answers.answer import Table
    from headwater.source import Source


@dataclass(frozen=True)
class Stated:
    """What was kept: as which ledger entry, about which node or pattern, and how many nodes that are now."""

    entry: int
    subject: str
    value: str
    nodes: int
    withdrawn: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self))


def tag(
    source: Source,
    subject: str,
    value: str,
    *,
    withdraw: bool = False,
    by: str | None = None,
    reason: str | None = None,
) -> Stated:
    """Give a dataset, column or job, or all that match a pattern with ``*``, a tag; or take it back.

    `by` is this user if not given. WrongUse: there is no such node, nothing matches, or nothing of the kind was stated
    that could be withdrawn.
    """
    node, nodes = _pattern(source, subject, withdraw=withdraw) if "*" in subject else _node(source, subject)
    if withdraw:
        asked = ("tagged", {"tag": value}) if "*" in subject else ("tags", {"node": node})
        _there(rows(source, asked[0], asked[1]), node, value)
    said = {"kind": TAG, "subject": node, "value": value, "withdrawn": withdraw}
    return _state(source, said, nodes, by, reason)


def describe(
    source: Source,
    subject: str,
    text: str,
    *,
    withdraw: bool = False,
    by: str | None = None,
    reason: str | None = None,
) -> Stated:
    """Describe a dataset, column or job; an earlier description of it no longer counts. WrongUse: no such node."""
    node, nodes = _node(source, subject)
    said = {"kind": DESCRIPTION, "subject": node, "value": text, "withdrawn": withdraw}
    return _state(source, said, nodes, by, reason)


def same(
    source: Source,
    kept: str,
    other: str,
    *,
    withdraw: bool = False,
    by: str | None = None,
    reason: str | None = None,
) -> Stated:
    """Say that two datasets are one: `kept` stands for both, and `other` is another name of it.

    The graph is drawn anew, which takes its time. WrongUse: a dataset is not known, or they are one already; to
    withdraw: they were not said to be one.
    """
    from headwater.graphmodel.naming import canonical

    name, _ = _dataset(source, kept)
    subject = canonical(other)
    if withdraw != (_dataset(source, other)[0] == name):
        raise WrongUse(f"{other} and {kept} are not one" if withdraw else f"{other} and {kept} are one already")
    said = {"kind": SAME, "subject": subject, "value": name, "withdrawn": withdraw}
    return _state(source, said, 1, by, reason)


def _dataset(source: Source, spelling: str) -> tuple[str, int]:
    return str(_page(source, "columns", {"dataset": spelling, "limit": 1}).parameters["dataset"]), 1


def _node(source: Source, spelling: str) -> tuple[str, int]:
    return str(_page(source, "tags", {"node": spelling}).parameters["node"]), 1


def _pattern(source: Source, subject: str, *, withdraw: bool) -> tuple[str, int]:
    found = rows(source, "matching", {"pattern": subject})
    if not found and not withdraw:
        raise WrongUse(f"nothing matches {subject!r}: a pattern is a node's id in which * stands for any text")
    return subject, len(found)


def _there(tags: list[Mapping[str, Any]], node: str, value: str) -> None:
    """WrongUse: the tag was not given to just this subject."""
    its = [row for row in tags if row["tag"] == value and node in (row["pattern"], row.get("node"))]
    if any(row["pattern"] in (None, node) for row in its):
        return
    if its:
        raise WrongUse(f"{value} comes from the pattern {its[0]['pattern']}: withdraw it there")
    raise WrongUse(f"{node} has no tag {value}")


def rows(source: Source, query: str, given: Mapping[str, object]) -> list[Mapping[str, Any]]:
    """The rows of all pages of a query."""
    found: list[Mapping[str, Any]] = []
    begin: str | None = "0"
    while begin is not None:
        page = _page(source, query, {**given, "limit": 10_000, "next": begin})
        found += page.rows
        begin = page.next
    return found


def _page(source: Source, query: str, given: Mapping[str, object]) -> Table:
    from headwater.queries.answers.answer import Table

    found = source.ask(query, given.items())
    assert isinstance(found, Table), "this query answers with rows"
    return found


def _state(source: Source, said: dict[str, Any], nodes: int, by: str | None, reason: str | None) -> Stated:
    more = {"by": by or _user(), "reason": reason}
    entry = source.state({**said, **{name: value for name, value in more.items() if value}})
    return Stated(entry, said["subject"], said["value"], nodes, said["withdrawn"])


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for the user id, as in a container
        return None
