"""What is read out of a statement. Data.

A dataset is named as the statement's engine names it, in the engine's own case and with the defaults filled in:
``awsdatacatalog.sales.orders``; a place outside of the database is a URI: ``s3://lake/out``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.graphmodel.model import DependencyType, Effect, Origin, Subtype


class Known(NamedTuple):
    """What is known of a table: its columns with their types ("" where it is not known).

    `ordered`: they stand in the table's order, so that an INSERT without a list of columns can be read. `whole`: it has
    no others, so that ``*`` can be read.
    """

    columns: Mapping[str, str]
    ordered: bool = True
    whole: bool = True


Catalog = Callable[[str], "Known | None"]
"""The name of a dataset -> what is known of it; None: nothing."""


def nothing_known(_name: str) -> Known | None:
    """The catalog that has no table."""
    return None


@dataclass(frozen=True)
class Dialect:
    """How an engine's SQL is read. `catalog` and `database` are what a table's name is filled up with."""

    name: str  #: sqlglot's
    catalog: str = ""
    database: str = ""

    def full(self, parts: Sequence[str]) -> str:
        """A table's name out of its parts, filled up."""
        missing = (self.catalog, self.database)[: max(0, _PARTS - len(parts))]
        return ".".join([*filter(None, missing), *parts])


_PARTS = 3  #: of a full name: catalog, database, table


#: Names of databases, in URLs of JDBC and namespaces of OpenLineage, that sqlglot calls otherwise.
_NAMES_OF_DIALECTS = {
    "awsathena": "athena",
    "mariadb": "mysql",
    "mssql": "tsql",
    "postgresql": "postgres",
    "sqlserver": "tsql",
}


def dialect_of(database: str) -> str:
    """The name that sqlglot has for a database's SQL; empty, which is plain SQL, where it has none."""
    from sqlglot.dialects import Dialect as Known  # it takes a tenth of a second, and few plans need it

    name = _NAMES_OF_DIALECTS.get(database.lower(), database.lower())
    return name if Known.get(name) else ""


class Source(NamedTuple):
    """One column that a column, or the rows of a dataset, come from."""

    dataset: str
    column: str
    type: DependencyType
    subtype: Subtype
    masking: bool = False
    exact: bool = True
    expression: str = ""


@dataclass(frozen=True)
class Column:
    """A column that is written. `type` is the engine's word for it, as far as it is known."""

    name: str
    sources: tuple[Source, ...] = ()
    origin: Origin | None = None
    resolved: bool = True
    expression: str = ""
    type: str = ""


@dataclass(frozen=True)
class Write:
    """What a statement does to one dataset.

    `columns` are those that it writes; of a write that keeps the others of the row (UPDATE) those alone. `rows` is what
    the whole output depends on. `reason`: why the columns are not known; then the inputs are all that is.
    """

    target: str
    effect: Effect
    columns: tuple[Column, ...] = ()
    rows: tuple[Source, ...] = ()
    inputs: tuple[str, ...] = ()
    reason: str = ""
    whole_rows: bool = True  #: it says every column of the rows that it writes
    keeps_types: bool = False  #: the table is there, and what is written takes the types of its columns
    if_missing: bool = False  #: nothing is written where the dataset is there already


@dataclass(frozen=True)
class Statement:
    """One statement. `kind` is one word for it: ``insert``, ``create table``, ``select``; `text` as it was given.

    `created` are the columns that tables have after it, where it says so, `dropped` tables that it removes: what
    follows can be read by them. `renamed` are columns of them: (table, old name, new name), `retyped` those that get
    another type: (table, column). `altered` are the tables that DDL names, `if_missing` those that it creates only
    where there is none. `reason`: why nothing but that is known.
    """

    kind: str
    text: str = ""
    writes: tuple[Write, ...] = ()
    created: Mapping[str, Known] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str, str], ...] = ()
    retyped: tuple[tuple[str, str], ...] = ()
    altered: tuple[str, ...] = ()
    if_missing: tuple[str, ...] = ()
    reason: str = ""
