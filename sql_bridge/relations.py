"""What a name in FROM can mean: a table, a query, or the rows of a function; and which columns each has.

Data, without sqlglot: whoever only hands queries on does not wait for its import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from headwater.graphmodel.expressions.text import text
from headwater.graphmodel.expressions.values import Value, read_column, unresolved
from headwater.graphmodel.model import Subtype
from headwater.sql_bridge.model import Known


class Unreadable(Exception):
    """SQL that is not understood. The text says why, for people."""


class Relation(Protocol):
    """What a name in FROM means."""

    @property
    def is_open(self) -> bool:
        """Whether it may have columns that are not known."""

    def column(self, name: str) -> Value | None:
        """The column of that name, in any case; None: it is not known to have it, or it has several."""

    def named(self, name: str) -> Value:
        """The column that a statement says is of it, whether it is known to have it or not."""


@dataclass
class Table:
    """A table, with what the catalog knows of it, and its columns that the statement uses."""

    name: str  #: of the dataset
    known: Known | None = None
    used: dict[str, str] = field(default_factory=dict)  #: in lower case -> as the statement spells it

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(one.lower() for one in self.known.columns) if self.known else frozenset()

    @property
    def is_open(self) -> bool:
        """Whether the catalog does not know all columns."""
        return self.known is None or not self.known.whole

    def column(self, name: str) -> Value | None:
        """A column that the catalog knows."""
        return self.named(name) if name.lower() in self._names else None

    def named(self, name: str) -> Value:
        """A column of the table."""
        self.used.setdefault(name.lower(), name)
        return read_column(self.name, name, name)


@dataclass
class Query:
    """What a query gives: its columns in order, and what all its rows depend on.

    `whole` are tables of which all columns are given besides, under their own names, as their columns are not known.
    `dark`, of a temporary table: why it cannot be said where its columns come from; `places` are those that it is from.
    """

    columns: list[tuple[str, Value]] = field(default_factory=list)
    keys: list[tuple[Subtype, Value]] = field(default_factory=list)
    whole: list[Table] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    dark: str = ""
    places: tuple[str, ...] = ()
    _by_name: dict[str, list[Value]] = field(default_factory=dict, repr=False, compare=False)
    _indexed: int = field(default=0, repr=False, compare=False)

    @property
    def is_open(self) -> bool:
        """Whether it gives all columns of a table whose columns are not known."""
        return bool(self.whole)

    def column(self, name: str) -> Value | None:
        """One of its columns."""
        for known, value in self.columns[self._indexed :]:  # asked for each column of a wide query: no search each time
            self._by_name.setdefault(known.lower(), []).append(value)
        self._indexed = len(self.columns)
        found = self._by_name.get(name.lower(), ())
        return found[0] if len(found) == 1 else None

    def named(self, name: str) -> Value:
        """One of its columns; else one of the table of which it gives all, if that is one."""
        found = self.column(name)
        if found is not None:
            return found
        return self.whole[0].named(name) if len(self.whole) == 1 else unresolved(text(name))

    def renamed(self, names: list[str]) -> Query:
        """Under the names that an alias gives to its first columns: ``(select ...) q(a, b)``. Unreadable."""
        if not names or self.whole:
            return self
        if len(names) > len(self.columns):
            raise Unreadable(f"{len(names)} names for {len(self.columns)} columns")
        every = [*names, *(name for name, _ in self.columns[len(names) :])]
        return Query([(name, value) for name, (_, value) in zip(every, self.columns, strict=True)], self.keys)


@dataclass
class Rows:
    """Rows that a function or a nested value gives: each of its columns comes from what it is given."""

    value: Value
    columns: Mapping[str, Value] = field(default_factory=dict)  #: by name in lower case

    @property
    def is_open(self) -> bool:
        """Whether its columns have no names."""
        return not self.columns

    def column(self, name: str) -> Value | None:
        """One of its columns."""
        return self.columns.get(name.lower())

    def named(self, name: str) -> Value:
        """One of its columns; else all that it is given."""
        return self.columns.get(name.lower(), self.value)
