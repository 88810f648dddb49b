"""A query that was read, as a `Write`: columns with their sources, and what all rows depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlglot import exp

from headwater.graphmodel.expressions.values import STRENGTH, Value
from headwater.graphmodel.model import DependencyType, Effect, Origin
from headwater.sql_bridge.model import Column, Source, Write
from headwater.sql_bridge.qualifying import table_name
from headwater.sql_bridge.queries import Reader
from headwater.sql_bridge.relations import Query, Table
from headwater.sql_bridge.session import SessionState

#: Edges between columns that one write may have.
_MOST_EDGES = 20_000


def reader_of(session: SessionState) -> Reader:
    """A reader of queries that knows what the session knows."""
    return Reader(session.dialect, session.catalog, session.temporary)


def names_of(tables: Iterable[Table]) -> str:
    """The names of tables, for people."""
    return ", ".join(dict.fromkeys(table.name for table in tables))


def unknown_columns(name: str, effect: Effect, query: Any, session: SessionState, reason: str) -> Write:
    """A write of which only the tables are known."""
    return Write(name, effect, inputs=tuple(_tables_of(query, session)), reason=reason)


def _tables_of(query: Any, session: SessionState) -> Iterator[str]:
    ctes = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    seen: set[str] = set()
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or (not table.db and table.name.lower() in ctes):
            continue
        name = table_name(table, session.dialect)
        used = session.temporary.get(name)
        of_columns = {one[0] for _, value in used.columns for one in value.direct} if used else set()
        names = [name] if used is None else sorted(of_columns.union(used.places))
        for one in names:
            if one not in seen:
                seen.add(one)
                yield one


def write_of(name: str, effect: Effect, found: Query, reader: Reader) -> Write:
    """What writes the rows of a query into a table. Too many edges, or columns that are not known, are its reason."""
    inputs = dict.fromkeys((*reader.tables, *reader.behind))
    if found.whole:
        reason = f"it takes all columns of {names_of(found.whole)}, which are not known"
        return Write(name, effect, inputs=tuple(inputs), reason=reason)
    types = dict(enumerate(found.types))
    columns = tuple(
        _column(name_, value, name, types.get(index, "")) for index, (name_, value) in enumerate(found.columns)
    )
    rows: dict[Source, None] = {}
    for subtype, key in found.keys:
        shown = str(key.text)
        for (dataset, column), use in key.direct.items():
            rows.setdefault(Source(dataset, column, DependencyType.INDIRECT, subtype, use.masking, use.exact, shown))
        for influence, use in key.indirect.items():
            dataset, column = influence.column
            rows.setdefault(Source(dataset, column, DependencyType.INDIRECT, subtype, use.masking, use.exact, shown))
    if len(rows) + sum(len(column.sources) for column in columns) > _MOST_EDGES:
        return Write(name, effect, inputs=tuple(inputs), reason=f"it has more than {_MOST_EDGES:,} edges of columns")
    inputs.update({source.dataset: None for column in columns for source in column.sources})  # of temporary tables
    inputs.update({source.dataset: None for source in rows})
    return Write(name, effect, columns, tuple(rows), tuple(inputs))


def _column(name: str, value: Value, target: str, type_: str) -> Column:
    shown = str(value.text)
    sources = [
        Source(dataset, column, DependencyType.DIRECT, STRENGTH[use.strength], use.masking, use.exact, shown)
        for (dataset, column), use in value.direct.items()
        if (dataset, column) != (target, name.lower())  # no node is its own source
    ]
    sources += [
        Source(*one.column, DependencyType.INDIRECT, one.subtype, use.masking, use.exact, shown)
        for one, use in value.indirect.items()
        if one.column != (target, name.lower())
    ]
    return Column(name, tuple(sources), _origin(value), not value.unresolved, shown, type_)


def _origin(value: Value) -> Origin | None:
    if value.direct:
        return None
    rules = (
        (value.unresolved, Origin.UNRESOLVED),
        (value.generated, Origin.GENERATED),
        (bool(value.indirect), Origin.CONDITIONAL),
    )
    return next((origin for holds, origin in rules if holds), Origin.CONSTANT)
