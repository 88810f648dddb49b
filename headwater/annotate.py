"""Tagging, describing and naming, for the command line and Python.

The subject is looked up where the graph is, by the server or in the data folder, so a misspelt node is told and nothing
is kept. Here: one function for each kind of statement, and `Receipt`, what is kept.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater.graphmodel.statements.model import DESCRIPTION, SAME, TAG

if TYPE_CHECKING:
    from headwater.source import Source


@dataclass(frozen=True)
class Receipt:
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
) -> Receipt:
    """Give a dataset, column or job, or all that match a pattern with ``*``, a tag; or take it back.

    `by` is this user if not given. WrongUse: there is no such node, nothing matches, the tag is not for such a node, or
    what is withdrawn was not stated.
    """
    return _state(source, {"kind": TAG, "subject": subject, "value": value, "withdrawn": withdraw}, by, reason)


def describe(
    source: Source,
    subject: str,
    text: str,
    *,
    withdraw: bool = False,
    by: str | None = None,
    reason: str | None = None,
) -> Receipt:
    """Describe a dataset, column or job; an earlier description of it no longer counts. WrongUse: no such node."""
    return _state(source, {"kind": DESCRIPTION, "subject": subject, "value": text, "withdrawn": withdraw}, by, reason)


def same(
    source: Source,
    kept: str,
    other: str,
    *,
    withdraw: bool = False,
    by: str | None = None,
    reason: str | None = None,
) -> Receipt:
    """Say that two datasets are one: `kept` stands for both, and `other` is another name of it.

    The graph is drawn anew, which takes its time. WrongUse: a dataset is not known, or they are one already; to
    withdraw: they were not said to be one.
    """
    return _state(source, {"kind": SAME, "subject": other, "value": kept, "withdrawn": withdraw}, by, reason)


def _state(source: Source, statement: Mapping[str, Any], by: str | None, reason: str | None) -> Receipt:
    more = {"by": by or _user(), "reason": reason}
    kept = source.state({**statement, **{name: value for name, value in more.items() if value}})
    return Receipt(kept["entry"], kept["subject"], kept["value"], kept["nodes"], statement["withdrawn"])


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for the user id, as in a container
        return None
