"""The SQL of a JDBC read, as far as it is certain: from which tables and columns each column of its result comes.

Spark hands such a query to the database unread, so a plan shows its text alone. No schema is known: a name without a
table belongs to the only table there is, or is unresolved. Whatever cannot be parsed is no query here (None).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headwater.graphmodel.model import Subtype
from headwater.spline_bridge.text import text
from headwater.spline_bridge.values import (
    AGGREGATION,
    IDENTITY,
    TRANSFORMATION,
    Use,
    Value,
    as_role,
    combine,
    influenced,
    unresolved,
)

#: Longest query that is read, in characters: the parser's work grows with its length, and its depth is Python's stack.
MAX_QUERY = 50_000
_MOST_DEPTH = 60
#: Columns of one query, and what its rows depend on, that are followed: each query hands on those of the ones it names.
_MOST_COLUMNS = 5_000
_MOST_KEYS = 20_000
#: Characters of the texts of all expressions, each of which holds those inside it.
_MOST_TEXT = 200_000

#: Names of databases in URLs -> sqlglot's dialects. H2, Derby and others are read as plain SQL.
_DIALECTS = {
    "postgresql": "postgres", "redshift": "redshift", "mysql": "mysql", "mariadb": "mysql", "oracle": "oracle",
    "sqlserver": "tsql", "snowflake": "snowflake", "sqlite": "sqlite", "bigquery": "bigquery", "db2": "",
}  # fmt: skip

#: The dataset of a table, by its name as the query has it.
Named = Callable[[str], str]


@dataclass
class Query:
    """What a query gives: its columns by position, what all its rows depend on, and the tables that it reads."""

    columns: list[tuple[str, Value]] = field(default_factory=list)
    keys: list[tuple[Subtype, Value]] = field(default_factory=list)
    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    """Dataset -> the columns that are used of it, each by its lower-case name as the query spells it."""
    star: str | None = None
    """The dataset of which all columns are given, under their own names, beside those in `columns`."""
    by_name: dict[str, list[Value]] = field(default_factory=dict, repr=False, compare=False)
    indexed: int = field(default=0, repr=False, compare=False)

    def column(self, name: str) -> Value | None:
        """The column of that name; None if the query has none, or several."""
        for known, value in self.columns[self.indexed :]:  # asked for each column of a wide query: no search each time
            self.by_name.setdefault(known.lower(), []).append(value)
        self.indexed = len(self.columns)
        found = self.by_name.get(name.lower(), ())
        return found[0] if len(found) == 1 else None

    def of_star(self, name: str) -> Value:
        """The column of that name of the table of which all columns are given."""
        if self.star is None:
            return unresolved(text(name))
        self.tables[self.star].setdefault(name.lower(), name)
        return Value({(self.star, name.lower()): Use()}, text=text(name), path=name)


def read_query(sql: str, url: str, named: Named) -> Query | None:
    """The query that an option ``query`` or ``dbtable`` (then in parentheses) holds; None if it is not certain."""
    if len(sql) > MAX_QUERY:
        return None
    import sqlglot  # few plans have such a query, and the import takes a tenth of a second
    from sqlglot import exp

    database = url.removeprefix("jdbc:").partition(":")[0].lower()
    try:
        parsed = sqlglot.parse_one(_inner(sql), dialect=_DIALECTS.get(database) or None)
        _refuse_deep(parsed)
        reader = _Reader(named, exp)
        query = reader.query(parsed, {}, (), 0)
    except (sqlglot.errors.SqlglotError, RecursionError, _Unreadable):
        return None
    query.tables = reader.tables
    return query


def _inner(sql: str) -> str:
    """``(select ...) alias`` without parentheses and alias."""
    body = sql.strip().rstrip(";")
    return body[1 : body.rindex(")")] if body.startswith("(") and ")" in body else body


class _Unreadable(Exception):
    """SQL that is not understood."""


#: What the names of FROM items mean: the dataset of a table, or a query.
Scope = Mapping[str, "str | Query"]


class _Reader:
    """Reads one query. Nodes are sqlglot's; `exp_` is its module of them."""

    def __init__(self, named: Named, exp_: Any) -> None:
        self.named = named
        self.exp = exp_
        self.tables: dict[str, dict[str, str]] = {}
        self.room = _MOST_TEXT

    def query(self, node: Any, ctes: Scope, outer: Sequence[Scope], depth: int) -> Query:
        """A SELECT or a UNION. `outer` are the scopes around it, the nearest first."""
        if depth > _MOST_DEPTH:
            raise _Unreadable
        kinds = self.exp
        known = dict(ctes)
        with_ = node.args.get("with_") or node.args.get("with")
        for cte in with_.expressions if with_ else ():
            known[cte.alias.lower()] = _renamed(self.query(cte.this, known, outer, depth + 1), cte)
        if isinstance(node, kinds.Subquery):
            return self.query(node.this, known, outer, depth + 1)
        if isinstance(node, kinds.SetOperation):
            return self._set_operation(node, known, outer, depth)
        if not isinstance(node, kinds.Select):
            raise _Unreadable
        return self._select(node, known, outer, depth)

    def _set_operation(self, node: Any, ctes: Scope, outer: Sequence[Scope], depth: int) -> Query:
        left = self.query(node.this, ctes, outer, depth + 1)
        right = self.query(node.expression, ctes, outer, depth + 1)
        if left.star or right.star or len(left.columns) != len(right.columns):
            raise _Unreadable
        keys = _once([*left.keys, *right.keys])
        if not isinstance(node, self.exp.Union):
            keys += [(Subtype.FILTER, value) for _, value in (*left.columns, *right.columns)]
            return Query(left.columns, keys)
        pairs = zip(left.columns, right.columns, strict=True)
        columns = [(name, combine([a, b], IDENTITY)._replace(text=a.text)) for (name, a), (_, b) in pairs]
        return Query(columns, keys)

    def _select(self, node: Any, ctes: Scope, outer: Sequence[Scope], depth: int) -> Query:  # noqa: C901 - one step a clause
        kinds = self.exp
        items: dict[str, str | Query] = {}
        from_ = node.args.get("from_") or node.args.get("from")
        joins = node.args.get("joins") or []
        for source in [*([from_.this] if from_ else []), *(join.this for join in joins)]:
            name, item = self._item(source, ctes, (items, *outer), depth)
            items[name] = item
        scopes = (items, *outer)
        found = Query()
        for item in items.values():
            if isinstance(item, Query):
                found.keys += item.keys
        value = partial(self.value, scopes=scopes, ctes=ctes, depth=depth + 1)
        for join in joins:
            parts = [join.args["on"]] if join.args.get("on") else []
            found.keys += [(Subtype.JOIN, value(part)) for part in parts]
            for key in join.args.get("using") or ():
                sides = [self._named(item, key.name) for item in items.values()]
                found.keys.append((Subtype.JOIN, combine(sides, IDENTITY)))
        for clause, subtype in _CLAUSES.items():
            part = node.args.get(clause)
            if part is not None:
                roots = part.expressions or [part.this]
                found.keys += [(subtype, value(root)) for root in roots if root is not None]
        for projection in node.expressions:
            if isinstance(projection, kinds.Star) or (
                isinstance(projection, kinds.Column) and isinstance(projection.this, kinds.Star)
            ):
                self._star(projection, items, found)
            else:
                found.columns.append((projection.alias_or_name, value(projection.unalias())))
            if len(found.columns) > _MOST_COLUMNS:
                raise _Unreadable
        if node.args.get("distinct"):
            found.keys += [(Subtype.GROUP_BY, column) for _, column in found.columns]
        found.keys = _once(found.keys)
        return found

    def _item(self, source: Any, ctes: Scope, scopes: Sequence[Scope], depth: int) -> tuple[str, str | Query]:
        kinds = self.exp
        if isinstance(source, kinds.Table):
            known = ctes.get(source.name.lower()) if not source.db else None
            if known is not None:
                return source.alias_or_name.lower(), known
            parts = [part for part in (source.args.get("catalog"), source.args.get("db"), source.this) if part]
            if not all(isinstance(part, kinds.Identifier) for part in parts):
                raise _Unreadable  # a function of the database
            dataset = self.named(".".join(f'"{p.name}"' if p.args.get("quoted") else p.name for p in parts))
            self.tables.setdefault(dataset, {})
            return source.alias_or_name.lower(), dataset
        if isinstance(source, kinds.Subquery):
            inner = self.query(source.this, ctes, scopes[1:], depth + 1)
            return source.alias_or_name.lower(), _renamed(inner, source)
        raise _Unreadable

    def _star(self, projection: Any, items: Mapping[str, str | Query], found: Query) -> None:
        table = getattr(projection, "table", "").lower()
        taken = [items[table]] if table in items else list(items.values())
        for item in taken:
            if isinstance(item, Query):
                found.columns += item.columns
                star = item.star
            else:
                star = item
            if star is not None:
                if found.star is not None or len(taken) > 1:
                    raise _Unreadable  # which column is whose is not known without the schema
                found.star = star

    def value(self, node: Any, scopes: Sequence[Scope], ctes: Scope, depth: int) -> Value:  # noqa: PLR0911 - one a kind
        """The value of an expression; its text is the query's own."""
        if depth > _MOST_DEPTH:
            raise _Unreadable
        kinds = self.exp
        printed = node.sql()
        self.room -= len(printed)
        if self.room < 0:
            raise _Unreadable
        shown = text(printed)
        inner = partial(self.value, scopes=scopes, ctes=ctes, depth=depth + 1)
        if isinstance(node, kinds.Column):
            return self._column(node, scopes)
        if isinstance(node, (kinds.Paren, kinds.Alias)):
            return inner(node.this)
        if isinstance(node, (kinds.Literal, kinds.Null, kinds.Boolean)):
            return Value(text=shown, literal=True)
        if isinstance(node, (kinds.Select, kinds.Subquery, kinds.SetOperation)):
            query = self.query(node, ctes, scopes, depth + 1)
            value = combine([column for _, column in query.columns], IDENTITY)
            for subtype, key in query.keys:
                value = influenced(value, as_role([key], subtype), by=[key])
            return value._replace(text=shown)
        if isinstance(node, kinds.Case):
            whens = node.args.get("ifs") or []
            conditions = [inner(when.this) for when in whens]
            conditions += [inner(node.this)] if node.this is not None else []
            results = [inner(when.args["true"]) for when in whens]
            results += [inner(node.args["default"])] if node.args.get("default") else []
            value = influenced(
                combine(results, TRANSFORMATION), as_role(conditions, Subtype.CONDITIONAL), by=conditions
            )
            return value._replace(text=shown)
        if isinstance(node, kinds.Window):
            keys = [*(node.args.get("partition_by") or ())]
            keys += node.args["order"].expressions if node.args.get("order") else []
            known = [inner(key) for key in keys]
            value = influenced(combine([inner(node.this)], TRANSFORMATION), as_role(known, Subtype.WINDOW), by=known)
            return value._replace(text=shown, generated=value.generated or not value.direct)
        parts = [inner(part) for part in node.iter_expressions()]
        aggregate = isinstance(node, kinds.AggFunc)
        value = combine(parts, AGGREGATION if aggregate else TRANSFORMATION, masking=isinstance(node, kinds.Count))
        generated = value.generated or (aggregate and not value.direct)
        return value._replace(text=shown, generated=generated, literal=all(part.literal for part in parts))

    def _column(self, node: Any, scopes: Sequence[Scope]) -> Value:
        table, name = getattr(node, "table", "").lower(), node.name
        for items in scopes:
            if table and table in items:
                return self._named(items[table], name)
            if table:
                continue
            sure = [item for item in items.values() if isinstance(item, Query) and item.column(name) is not None]
            if len(sure) == 1 and all(isinstance(item, Query) and item.star is None for item in items.values()):
                return self._named(sure[0], name)
            if len(items) == 1:
                return self._named(next(iter(items.values())), name)
            break
        return unresolved(text(name))

    def _named(self, item: str | Query, name: str) -> Value:
        """A column of a FROM item."""
        if isinstance(item, Query):
            found = item.column(name)
            if found is not None:
                return found
            if item.star is None:
                return unresolved(text(name))
            item = item.star
        self.tables.setdefault(item, {}).setdefault(name.lower(), name)
        return Value({(item, name.lower()): Use()}, text=text(name), path=name)


#: Clauses of a SELECT whose columns decide about all rows.
_CLAUSES = {
    "where": Subtype.FILTER,
    "having": Subtype.FILTER,
    "qualify": Subtype.FILTER,
    "group": Subtype.GROUP_BY,
    "order": Subtype.SORT,
}


def _refuse_deep(node: Any) -> None:
    """_Unreadable before any work, if it is nested deeper than is read."""
    waiting = [(node, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > 3 * _MOST_DEPTH:  # sqlglot has more levels than there are queries and expressions
            raise _Unreadable
        waiting += [(part, depth + 1) for part in one.iter_expressions()]


def _once(keys: list[tuple[Subtype, Value]]) -> list[tuple[Subtype, Value]]:
    """Each key once: a query that names another one twice would else have twice its keys, and so on with each level."""
    found = list({(subtype, id(value)): (subtype, value) for subtype, value in keys}.values())
    if len(found) > _MOST_KEYS:
        raise _Unreadable
    return found


def _renamed(query: Query, source: Any) -> Query:
    """A query under the column names that its alias gives: ``(select ...) q(a, b)``."""
    names = source.alias_column_names
    if not names:
        return query
    if len(names) != len(query.columns):
        raise _Unreadable
    columns = [(name, value) for name, (_, value) in zip(names, query.columns, strict=True)]
    return Query(columns, query.keys, query.tables, query.star)
