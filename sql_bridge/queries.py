"""One query: from which columns of which tables each column of its result comes, and what all its rows depend on.

sqlglot says first which table each column is of and what ``*`` stands for (`sqlglot.optimizer.qualify`), by what the
catalog knows. What it cannot say (a table of which nothing is known) is resolved here where one table alone can be
meant, and else `unresolved`. The roles are those of `docs/concepts.md`; values are those of `spline_bridge.values`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import Schema

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
from headwater.sql_bridge import functions
from headwater.sql_bridge.model import Catalog, Dialect

#: Levels of queries and expressions: Python's stack is not endless, and nobody writes as many.
_MOST_DEPTH = 150
#: Columns of one query that are followed: a wider one is not made by people.
_MOST_COLUMNS = 5_000
#: Columns of all queries of one statement, after each ``*`` has been written out: sqlglot makes an expression of each.
_MOST_WRITTEN_OUT = 50_000
#: What the rows of one query depend on: each query hands on what those in its FROM do.
_MOST_KEYS = 20_000


class Unreadable(Exception):
    """SQL that is not understood. The text says why, for people."""


@dataclass
class Query:
    """What a query gives: its columns in order, and what all its rows depend on.

    `whole` are tables of which all columns are given besides, under their own names, as their columns are not known.
    """

    columns: list[tuple[str, Value]] = field(default_factory=list)
    keys: list[tuple[Subtype, Value]] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    _by_name: dict[str, list[Value]] = field(default_factory=dict, repr=False, compare=False)
    _indexed: int = field(default=0, repr=False, compare=False)

    def column(self, name: str) -> Value | None:
        """The column of that name; None if the query has none, or several."""
        for known, value in self.columns[self._indexed :]:  # asked for each column of a wide query: no search each time
            self._by_name.setdefault(known.lower(), []).append(value)
        self._indexed = len(self.columns)
        found = self._by_name.get(name.lower(), ())
        return found[0] if len(found) == 1 else None


@dataclass
class _Made:
    """Rows that a function or a nested value gives: each of its columns comes from what it is given."""

    value: Value
    columns: dict[str, Value] = field(default_factory=dict)


_Item = str | Query | _Made  #: what a name in FROM means: a table by its name, a query, rows that are made
Items = Mapping[str, _Item]


def table_name(table: Any, dialect: Dialect) -> str:
    """The name of a table in the statement's text, filled up. Unreadable: it is no name, but a function."""
    if not isinstance(table.this, exp.Identifier):
        raise Unreadable(f"{type(table.this).__name__} in place of a table is not read")
    parts = [part.name for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    if "://" in table.name or table.name.startswith("/"):  # Spark's parquet.`s3://lake/orders`
        return str(table.name)
    return dialect.full(parts)


class Tables(Schema):
    """The catalog as sqlglot asks for it."""

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        self._catalog = catalog
        self._of = dialect

    @property
    def dialect(self) -> Any:
        """Sqlglot's."""
        from sqlglot.dialects.dialect import Dialect as Found

        return Found.get_or_raise(self._of.name)

    @property
    def empty(self) -> bool:
        """Never: what is known of a table is asked table by table."""
        return False

    @property
    def supported_table_args(self) -> tuple[str, ...]:
        """The parts of a table's name."""
        return ("this", "db", "catalog")

    def _columns(self, table: Any) -> Mapping[str, str]:
        try:
            known = self._catalog(table_name(table, self._of)) if isinstance(table, exp.Table) else None
        except Unreadable:
            return {}
        return known.columns if known and known.whole else {}

    def column_names(self, table: Any, *_arguments: Any, **_options: Any) -> list[str]:
        """As the catalog has them, all of them: else it is for the `Reader` to say which table a column is of."""
        return [self._cased(name) for name in self._columns(table)]

    def get_column_type(self, table: Any, column: Any, *_arguments: Any, **_options: Any) -> Any:
        """Of a column by its name, or as a node."""
        name = column if isinstance(column, str) else column.name
        types = {self._cased(known): type_ for known, type_ in self._columns(table).items()}
        try:
            return exp.DataType.build(types.get(name) or "unknown", dialect=self._of.name)
        except SqlglotError:
            return exp.DataType.build("unknown")

    def has_column(self, table: Any, column: Any, *_arguments: Any, **_options: Any) -> bool:
        """Whether the catalog has it."""
        name = column if isinstance(column, str) else column.name
        return name in self.column_names(table)

    def add_table(self, *_arguments: Any, **_options: Any) -> None:
        """Nothing: the catalog knows what it knows."""

    def _cased(self, name: str) -> str:
        return name.upper() if self._of.name == "snowflake" and name == name.lower() else name


class Reader:
    """Reads queries of one statement. `temporary` are tables of the session, by the query that made them."""

    def __init__(self, dialect: Dialect, catalog: Catalog, temporary: Mapping[str, Query] | None = None) -> None:
        self.dialect = dialect
        self.catalog = catalog
        self.temporary = temporary or {}
        self.inputs: dict[str, None] = {}
        self._aliases: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._names: dict[str, frozenset[str]] = {}

    def read(self, node: Any, *, types: bool = False) -> Query:
        """A query that stands alone. `types`: the types of its columns too. Unreadable."""
        refuse_deep(node)
        try:
            _Widths(self.catalog, self.dialect, self.temporary).of(node, {})
            qualified = self._qualified(node)
            query = self.query(qualified, {}, (), 0)
            if types:
                query.types = self._types(qualified)
        except RecursionError:
            raise Unreadable("it is nested too deeply") from None
        return query

    def _qualified(self, node: Any) -> Any:
        common: dict[str, Any] = {
            "dialect": self.dialect.name,
            "schema": Tables(self.catalog, self.dialect),
            "quote_identifiers": False,
            "validate_qualify_columns": False,
            "allow_partial_qualification": True,
        }
        for columns in (True, False):
            try:
                return qualify(node.copy(), qualify_columns=columns, **common)
            except (
                SqlglotError,
                KeyError,
                AttributeError,
                TypeError,
                ValueError,
            ):  # sqlglot's, of SQL it expects less of
                continue
        return node

    def _types(self, qualified: Any) -> list[str]:
        try:
            typed = annotate_types(qualified, schema=Tables(self.catalog, self.dialect), dialect=self.dialect.name)
        except (SqlglotError, KeyError, AttributeError, TypeError, ValueError):
            return []
        found = [one.type for one in typed.selects]
        return ["" if one is None or one.is_type("unknown") else one.sql(self.dialect.name).lower() for one in found]

    # Queries ----------------------------------------------------------------------------------------------------------

    def query(self, node: Any, ctes: Mapping[str, Query], outer: Sequence[Items], depth: int) -> Query:
        """A SELECT, a UNION, VALUES, or one of them in parentheses. `outer` are the FROMs around it, nearest first."""
        if depth > _MOST_DEPTH:
            raise Unreadable("it is nested too deeply")
        known = dict(ctes)
        for cte in _arg(node, "with_").expressions if _arg(node, "with_") else ():
            known[cte.alias.lower()] = self._cte(cte, known, outer, depth + 1)
        if isinstance(node, exp.Subquery):
            return self.query(node.this, known, outer, depth + 1)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, known, outer, depth)
        if isinstance(node, exp.Values):
            return self._values(node, known, outer, depth)
        if isinstance(node, exp.Table):
            return self._all_of(node, known, outer, depth)
        if not isinstance(node, exp.Select):
            raise Unreadable(f"{type(node).__name__} in place of a query is not read")
        return self._select(node, known, outer, depth)

    def _cte(self, cte: Any, ctes: Mapping[str, Query], outer: Sequence[Items], depth: int) -> Query:
        """One of WITH. A recursive one is read twice: its own rows are those of its first part."""
        body, name = cte.this, cte.alias.lower()
        if isinstance(body, exp.SetOperation) and any(
            table.name.lower() == name and not table.db for table in body.expression.find_all(exp.Table)
        ):
            first = _renamed(self.query(body.this, ctes, outer, depth), cte)
            return _renamed(self.query(body, {**ctes, name: first}, outer, depth), cte)
        return _renamed(self.query(body, ctes, outer, depth), cte)

    def _set_operation(self, node: Any, ctes: Mapping[str, Query], outer: Sequence[Items], depth: int) -> Query:
        left = self.query(node.this, ctes, outer, depth + 1)
        right = self.query(node.expression, ctes, outer, depth + 1)
        if left.whole or right.whole:
            if left.columns or right.columns:
                raise Unreadable("a UNION of tables whose columns are not known")
            return Query(keys=once([*left.keys, *right.keys]), whole=[*left.whole, *right.whole])
        if len(left.columns) != len(right.columns):
            raise Unreadable(f"a UNION of {len(left.columns)} and {len(right.columns)} columns")
        keys = once([*left.keys, *right.keys])
        if not isinstance(node, exp.Union):
            keys += [(Subtype.FILTER, value) for _, value in (*left.columns, *right.columns)]
            return Query(left.columns, keys)
        pairs = zip(left.columns, right.columns, strict=True)
        columns = [(name, combine([a, b], IDENTITY)._replace(text=a.text, literal=a.literal and b.literal))
                   for (name, a), (_, b) in pairs]  # fmt: skip
        if node.args.get("distinct"):
            keys += [(Subtype.GROUP_BY, value) for _, value in columns]
        return Query(columns, keys)

    def _values(self, node: Any, ctes: Mapping[str, Query], outer: Sequence[Items], depth: int) -> Query:
        value = partial(self.value, scopes=tuple(outer), ctes=ctes, depth=depth + 1)
        rows = [list(row.expressions) if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
        if not rows or any(len(row) != len(rows[0]) for row in rows):
            raise Unreadable("VALUES of unequal rows")
        names = node.alias_column_names or [f"column{number}" for number in range(1, len(rows[0]) + 1)]
        columns = []
        for name, cells in zip(names, zip(*rows, strict=True), strict=False):
            values = [value(cell) for cell in cells]
            one = combine(values, IDENTITY)
            columns.append((name, one._replace(literal=all(v.literal for v in values), text=values[0].text)))
        return Query(columns)

    def _all_of(self, node: Any, ctes: Mapping[str, Query], outer: Sequence[Items], depth: int) -> Query:
        """``TABLE t``, ``INSERT INTO u TABLE t``: all columns of a table."""
        return self._select(exp.select("*").from_(node.copy()), ctes, outer, depth)

    def _select(self, node: Any, ctes: Mapping[str, Query], outer: Sequence[Items], depth: int) -> Query:
        items: dict[str, _Item] = {}
        scopes = (items, *outer)
        found = Query()
        value = partial(self.value, scopes=scopes, ctes=ctes, depth=depth + 1, select=node)
        self._from(node, items, found, ctes, outer, depth)
        for clause in ("where", "having", "qualify"):
            part = node.args.get(clause)
            if part is not None:
                found.keys.append((Subtype.FILTER, value(part.this)._replace(text=text(self.shown(part.this)))))
        for projection in node.expressions:
            if projection.is_star:
                self._star(projection, items, found)
            else:
                name = projection.alias_or_name or f"_col{len(found.columns)}"
                found.columns.append((name, self._told(projection.unalias(), value)))
            if len(found.columns) > _MOST_COLUMNS:
                raise Unreadable(f"more than {_MOST_COLUMNS:,} columns")
        found.keys += [(Subtype.GROUP_BY, self._key(key, found, value)) for key in _group_keys(node)]
        distinct = node.args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            own = [self._key(key, found, value) for key in on.expressions] if on else [v for _, v in found.columns]
            found.keys += [(Subtype.GROUP_BY, one) for one in own]
        for clause in ("order", "sort"):
            part = node.args.get(clause)
            keys = part.expressions if part is not None else ()
            found.keys += [(Subtype.SORT, self._key(key.this, found, value)) for key in keys]
        found.keys = once(found.keys)
        return found

    def _key(self, key: Any, found: Query, value: Callable[..., Value]) -> Value:
        """A key of GROUP BY or ORDER BY: an expression, the name of a column of the result, or its number."""
        if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.this) <= len(found.columns):
            return found.columns[int(key.this) - 1][1]
        if isinstance(key, exp.Column) and not key.table:
            own = found.column(key.name)
            if own is not None:
                return own
        return self._told(key, value)

    def _told(self, node: Any, value: Callable[[Any], Value]) -> Value:
        """The value with its text; a column of a query in FROM is told as that query makes it."""
        found = value(node)
        return (
            found if isinstance(node, exp.Column) and found.text.head else found._replace(text=text(self.shown(node)))
        )

    # FROM -------------------------------------------------------------------------------------------------------------

    def _from(
        self,
        node: Any,
        items: dict[str, _Item],
        found: Query,
        ctes: Mapping[str, Query],
        outer: Sequence[Items],
        depth: int,
    ) -> None:
        """Fills `items` in order, so that a lateral one sees those before it; adds what joins depend on."""
        value = partial(self.value, scopes=(items, *outer), ctes=ctes, depth=depth + 1, select=node)
        from_ = _arg(node, "from_")
        for source in [from_.this] if from_ else []:
            self._add(source, items, found, ctes, outer, depth)
        for join in node.args.get("joins") or ():
            self._add(join.this, items, found, ctes, outer, depth)
            if join.args.get("on") is not None:
                found.keys.append(
                    (Subtype.JOIN, value(join.args["on"])._replace(text=text(self.shown(join.args["on"]))))
                )
            for key in join.args.get("using") or ():
                sides = [side for item in items.values() if (side := self._maybe(item, key.name)) is not None]
                found.keys.append((Subtype.JOIN, combine(sides, IDENTITY)._replace(text=text(key.name))))
        for lateral in node.args.get("laterals") or ():
            self._add(lateral, items, found, ctes, outer, depth)

    def _add(
        self,
        source: Any,
        items: dict[str, _Item],
        found: Query,
        ctes: Mapping[str, Query],
        outer: Sequence[Items],
        depth: int,
    ) -> None:
        name, item = self._item(source, items, found, ctes, outer, depth)
        if name or item is not None:
            items[name or f"?{len(items)}"] = item if item is not None else _Made(Value())
        if isinstance(item, Query):
            found.keys += item.keys
        for join in source.args.get("joins") or ():  # a join in parentheses
            self._add(join.this, items, found, ctes, outer, depth)
            on = join.args.get("on")
            if on is not None:
                value = self.value(on, (items, *outer), ctes, depth + 1)
                found.keys.append((Subtype.JOIN, value._replace(text=text(self.shown(on)))))
        for lateral in source.args.get("laterals") or () if isinstance(source, exp.Table) else ():
            self._add(lateral, items, found, ctes, outer, depth)

    def _item(  # noqa: C901, PLR0911 - one a kind
        self,
        source: Any,
        items: dict[str, _Item],
        found: Query,
        ctes: Mapping[str, Query],
        outer: Sequence[Items],
        depth: int,
    ) -> tuple[str, _Item | None]:
        name = source.alias_or_name.lower()
        if source.args.get("pivots"):
            raise Unreadable("PIVOT and UNPIVOT are not read")
        if isinstance(source, exp.Table):
            if not isinstance(source.this, (exp.Identifier, exp.Dot)):
                return name, self._rows_of(source, source.this, items, found, ctes, outer, depth)
            known = (
                ctes.get(source.name.lower()) if not source.db or source.name.lower() == source.alias.lower() else None
            )
            if known is not None and not source.db:
                return name, known
            dataset = table_name(source, self.dialect)
            if dataset in self.temporary:
                return name, self.temporary[dataset]
            self.inputs.setdefault(dataset)
            return name, dataset
        if isinstance(source, exp.Subquery):
            if isinstance(source.this, (exp.Table, exp.Subquery)) and not source.alias:
                self._add(source.this, items, found, ctes, outer, depth + 1)
                return "", None
            return name, _renamed(self.query(source.this, ctes, (items, *outer), depth + 1), source)
        if isinstance(source, exp.Lateral):
            if isinstance(source.this, exp.Subquery):
                return name, _renamed(self.query(source.this, ctes, (items, *outer), depth + 1), source)
            return name, self._rows_of(source, source.this, items, found, ctes, outer, depth)
        if isinstance(source, exp.Unnest):
            return name, self._rows_of(source, source, items, found, ctes, outer, depth)
        if isinstance(source, exp.Values):
            return name, self._values(source, ctes, outer, depth)
        raise Unreadable(f"{type(source).__name__} in FROM is not read")

    def _rows_of(
        self,
        source: Any,
        made_by: Any,
        items: Mapping[str, _Item],
        found: Query,
        ctes: Mapping[str, Query],
        outer: Sequence[Items],
        depth: int,
    ) -> _Made:
        """The rows of a function, or of a nested value: how many there are decides about the other columns too."""
        if isinstance(made_by, (exp.Var, exp.Parameter)) or not hasattr(made_by, "iter_expressions"):
            raise Unreadable(f"{made_by} in FROM is not read")
        given = made_by.expressions if isinstance(made_by, exp.Unnest) else [made_by]
        value = partial(self.value, scopes=(items, *outer), ctes=ctes, depth=depth + 1)
        values = [value(one) for one in given]
        whole = combine(values, TRANSFORMATION)._replace(text=text(self.shown(made_by)))
        whole = whole._replace(generated=whole.generated or not whole.direct)
        if whole.direct:
            found.keys.append((Subtype.JOIN, whole))
        names = [name.lower() for name in source.alias_column_names]
        if len(names) == len(values) > 1:
            pairs = zip(names, values, strict=True)
            return _Made(whole, {name: combine([one], TRANSFORMATION)._replace(text=whole.text) for name, one in pairs})
        return _Made(whole, dict.fromkeys(names, whole))

    def _star(self, projection: Any, items: Mapping[str, _Item], found: Query) -> None:
        table = projection.table.lower() if isinstance(projection, exp.Column) else ""
        star = projection.this if isinstance(projection, exp.Column) else projection
        if any(star.args.get(part) for part in ("except_", "except", "replace", "rename")):
            raise Unreadable("a * with exceptions, of tables whose columns are not known")
        for item in [items[table]] if table in items else list(items.values()):
            if isinstance(item, Query):
                found.columns += item.columns
                found.whole += item.whole
            elif isinstance(item, _Made):
                found.columns += list(item.columns.items())
            else:
                known = self.catalog(item)
                if known is None or not known.whole:
                    found.whole.append(item)
                else:
                    found.columns += [(name, self._named(item, name)) for name in known.columns]

    # Values -----------------------------------------------------------------------------------------------------------

    def value(  # noqa: C901, PLR0911 - one a kind
        self, node: Any, scopes: Sequence[Items], ctes: Mapping[str, Query], depth: int, select: Any = None
    ) -> Value:
        """The value of an expression, without its text."""
        if depth > _MOST_DEPTH:
            raise Unreadable("it is nested too deeply")
        kind = type(node).__name__
        inner = partial(self.value, scopes=scopes, ctes=ctes, depth=depth + 1, select=select)
        if isinstance(node, exp.Column):
            return self._column(node, scopes, select, inner)
        if kind in functions.LITERAL:
            return Value(literal=True)
        if kind in functions.TRANSPARENT:
            return (
                inner(node.this) if isinstance(node.this, exp.Expression) else combine(map(inner, node.expressions), 0)
            )
        if isinstance(node, (exp.Select, exp.Subquery, exp.SetOperation)):
            return self._of_query(node, scopes, ctes, depth)
        if isinstance(node, (exp.Case, exp.If)):
            return _case(node, inner)
        if isinstance(node, exp.Window):
            return self._window(node, inner, select)
        if isinstance(node, exp.Filter):
            condition = inner(node.expression.this)
            return influenced(inner(node.this), as_role([condition], Subtype.CONDITIONAL), by=[condition])
        if isinstance(node, exp.WithinGroup):
            return _within_group(node, inner)
        if kind in functions.GENERATED or _called(node) in functions.GENERATED:
            return Value(generated=True)
        if isinstance(node, exp.AggFunc):
            return self._aggregate(node, inner)
        parts = [inner(part) for part in node.iter_expressions()]
        masking = kind in functions.MASKING or _called(node) in functions.MASKING
        value = combine(parts, TRANSFORMATION, masking=masking)
        return value._replace(literal=bool(parts) and all(part.literal for part in parts) and not masking)

    def _aggregate(self, node: Any, inner: Callable[[Any], Value]) -> Value:
        kind = type(node).__name__
        if kind in functions.RANKS:
            return Value(generated=True)
        strength = TRANSFORMATION if kind in functions.OF_ONE_ROW else AGGREGATION
        ordered = [part for part in node.iter_expressions() if isinstance(part, exp.Order)]
        parts = [inner(part) for part in node.iter_expressions() if not isinstance(part, exp.Order)]
        value = combine(parts, strength, masking=kind in functions.MASKING)
        keys = [inner(key.this) for order in ordered for key in order.expressions]
        parts += [inner(order.this) for order in ordered if isinstance(order.this, exp.Expression)]
        if keys and not value.direct:
            value = combine(parts, strength)
        value = influenced(value, as_role(keys, Subtype.WINDOW), by=keys)
        return value._replace(generated=value.generated or not (value.direct or value.unresolved))

    def _window(self, node: Any, inner: Callable[[Any], Value], select: Any) -> Value:
        """A function over a window, whose keys may stand in the query's own WINDOW clause."""
        named = node.args.get("alias")
        others = (select.args.get("windows") or ()) if select is not None and named is not None else ()
        base = [one for one in others if one.name.lower() == named.name.lower()]
        keys: list[Any] = []
        for one in (node, *base):
            keys += one.args.get("partition_by") or ()
            keys += [key.this for key in one.args["order"].expressions] if one.args.get("order") else []
        values = [inner(key) for key in keys]
        value = influenced(inner(node.this), as_role(values, Subtype.WINDOW), by=values)
        return value._replace(generated=value.generated or not (value.direct or value.unresolved))

    def _of_query(self, node: Any, scopes: Sequence[Items], ctes: Mapping[str, Query], depth: int) -> Value:
        """A query in place of a value."""
        query = self.query(node, ctes, scopes, depth + 1)
        value = combine([column for _, column in query.columns], IDENTITY)
        if query.whole:
            value = value._replace(unresolved=True)
        for subtype, key in query.keys:
            value = influenced(value, as_role([key], subtype), by=[key])
        return value

    def _column(self, node: Any, scopes: Sequence[Items], select: Any, inner: Callable[[Any], Value]) -> Value:
        table, name = node.table.lower(), node.name
        alias = None if table or select is None else self._alias(select, node)
        for items in scopes:
            if table in items:
                return self._named(items[table], name)
            if table:
                continue
            sure: list[_Item] = []
            perhaps: list[_Item] = []
            for item in items.values():
                (sure if self._maybe(item, name) is not None else perhaps if self._open(item) else []).append(item)
            if len(sure) == 1:  # were it another one's too, the engine would have refused the statement
                return self._named(sure[0], name)
            if not sure and len(perhaps) == 1 and alias is None:
                return self._named(perhaps[0], name)
            if not sure and not perhaps and alias is not None:
                return inner(alias)
            if sure or perhaps:
                break
        if table and any(self._open(item) for items in scopes for item in items.values()) is False:
            raise Unreadable(f"there is no table {node.table} in FROM")
        return unresolved(text(node.sql()))

    def _alias(self, select: Any, column: Any) -> Any:
        """Another column of the same SELECT by that name: Redshift, Snowflake and Spark let an expression name it."""
        if id(select) not in self._aliases:  # the SELECT is kept too: its id belongs to no other one meanwhile
            named = [one for one in select.expressions if isinstance(one, exp.Alias)]
            self._aliases[id(select)] = (select, {one.alias.lower(): one for one in reversed(named)})
        one = self._aliases[id(select)][1].get(column.name.lower())
        above = column
        while one is not None and above is not None and above is not one:
            above = above.parent
        return None if one is None or above is one else one.this

    def _open(self, item: _Item) -> bool:
        """Whether an item may have columns that are not known."""
        if isinstance(item, Query):
            return bool(item.whole)
        if isinstance(item, _Made):
            return not item.columns
        known = self.catalog(item)
        return known is None or not known.whole

    def _maybe(self, item: _Item, name: str) -> Value | None:
        """A column of an item, where it is known to have it."""
        if isinstance(item, Query):
            return item.column(name)
        if isinstance(item, _Made):
            return item.columns.get(name.lower())
        known = self.catalog(item)
        if known is None:
            return None
        if item not in self._names:
            self._names[item] = frozenset(one.lower() for one in known.columns)
        return self._of_table(item, name) if name.lower() in self._names[item] else None

    def _named(self, item: _Item, name: str) -> Value:
        """A column of an item, by its name."""
        found = self._maybe(item, name)
        if found is not None:
            return found
        if isinstance(item, Query):
            return self._of_table(item.whole[0], name) if len(item.whole) == 1 else unresolved(text(name))
        if isinstance(item, _Made):
            return item.value
        return self._of_table(item, name)

    def _of_table(self, dataset: str, name: str) -> Value:
        return Value({(dataset, name.lower()): Use()}, text=text(name), path=name)

    def shown(self, node: Any) -> str:
        """An expression for people: without the table that its columns are of, where that is one."""
        copy = node.unalias().copy() if isinstance(node, exp.Expression) else node
        named = [*copy.find_all(exp.Column)]
        several = len({column.table for column in named}) > 1
        for column in () if several else named:
            for part in ("table", "db", "catalog"):
                column.set(part, None)
        found: str = copy.sql(self.dialect.name, normalize_functions="lower", comments=False)
        return found


def refuse_deep(node: Any) -> None:
    """Unreadable, if a statement is nested deeper than is read: sqlglot's own work grows with depth times size."""
    waiting = [(node, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > 2 * _MOST_DEPTH:  # sqlglot has more levels than there are queries and expressions
            raise Unreadable("it is nested too deeply")
        waiting += [(part, depth + 1) for part in one.iter_expressions()]


def once(keys: list[tuple[Subtype, Value]]) -> list[tuple[Subtype, Value]]:
    """Each key once: a query that names another one twice would else have twice its keys, and so on with each level."""
    found = list({(subtype, id(value)): (subtype, value) for subtype, value in keys}.values())
    if len(found) > _MOST_KEYS:
        raise Unreadable(f"its rows depend on more than {_MOST_KEYS:,} conditions and keys")
    return found


class _Widths:
    """How many columns each query of a statement has at most, counted before sqlglot writes each ``*`` out."""

    def __init__(self, catalog: Catalog, dialect: Dialect, temporary: Mapping[str, Query]) -> None:
        self._catalog, self._dialect, self._temporary = catalog, dialect, temporary
        self._all = 0

    def of(self, node: Any, ctes: Mapping[str, int]) -> int:
        """The columns of a query. Unreadable: there are more than are followed."""
        known = dict(ctes)
        for cte in _arg(node, "with_").expressions if _arg(node, "with_") else ():
            known[cte.alias.lower()] = self.of(cte.this, known)
        if isinstance(node, exp.SetOperation):
            return max(self.of(node.this, known), self.of(node.expression, known))
        if isinstance(node, (exp.Subquery, exp.Paren)):
            return self.of(node.this, known)
        if isinstance(node, exp.Table):
            return self._table(node, known)
        if not isinstance(node, exp.Select):
            return 1
        sources = [_arg(node, "from_"), *(node.args.get("joins") or ()), *(node.args.get("laterals") or ())]
        widths = {one.alias_or_name.lower(): self.of(one.this, known) for one in sources if one is not None}
        everything = sum(widths.values())
        width = 0
        for one in node.expressions:
            of_one = isinstance(one, exp.Column) and one.table.lower() in widths
            width += (widths[one.table.lower()] if of_one else everything) if one.is_star else 1
        self._all += width
        if width > _MOST_COLUMNS:
            raise Unreadable(f"more than {_MOST_COLUMNS:,} columns")
        if self._all > _MOST_WRITTEN_OUT:
            raise Unreadable(f"more than {_MOST_WRITTEN_OUT:,} columns in all its queries together")
        return width

    def _table(self, node: Any, ctes: Mapping[str, int]) -> int:
        if not node.db and node.name.lower() in ctes:
            return ctes[node.name.lower()]
        try:
            name = table_name(node, self._dialect)
        except Unreadable:
            return 1
        if name in self._temporary:
            return len(self._temporary[name].columns)
        known = self._catalog(name)
        return len(known.columns) if known is not None else 1


def _case(node: Any, inner: Callable[[Any], Value]) -> Value:
    """CASE and IF: results are DIRECT, conditions CONDITIONAL."""
    if isinstance(node, exp.If):
        whens, tested = [node], None
        default = node.args.get("false")
    else:
        whens, tested, default = node.args.get("ifs") or [], node.this, node.args.get("default")
    conditions = [inner(when.this) for when in whens] + ([inner(tested)] if tested is not None else [])
    results = [inner(when.args["true"]) for when in whens] + ([inner(default)] if default is not None else [])
    value = combine(results, TRANSFORMATION)._replace(literal=all(one.literal for one in results))
    return influenced(value, as_role(conditions, Subtype.CONDITIONAL), by=conditions)


def _within_group(node: Any, inner: Callable[[Any], Value]) -> Value:
    """``listagg(a) WITHIN GROUP (ORDER BY b)``; of ``percentile_cont(0.5)`` the key is what is aggregated."""
    value = inner(node.this)
    keys = [inner(key.this) for key in node.expression.expressions] if node.expression else []
    if not value.direct:
        return combine(keys, AGGREGATION)
    return influenced(value, as_role(keys, Subtype.WINDOW), by=keys)


def _called(node: Any) -> str:
    """The name of a function that sqlglot has no class for, in lower case."""
    return str(node.name).lower() if isinstance(node, exp.Anonymous) else ""


def _group_keys(node: Any) -> Iterator[Any]:
    group = node.args.get("group")
    if group is None:
        return
    for key in (*group.expressions, *_parts(group, ("grouping_sets", "cube", "rollup"))):
        yield from key.expressions if isinstance(key, (exp.Tuple, exp.Cube, exp.Rollup, exp.GroupingSets)) else [key]


def _parts(node: Any, names: Iterable[str]) -> Iterator[Any]:
    for name in names:
        found = node.args.get(name)
        for one in found if isinstance(found, list) else ():
            yield from one.expressions or [one]


def _arg(node: Any, name: str) -> Any:
    """An argument of a node; sqlglot has renamed those that are words of Python."""
    return node.args.get(name) or node.args.get(name.rstrip("_"))


def _renamed(query: Query, source: Any) -> Query:
    """A query under the column names that its alias gives: ``(select ...) q(a, b)``."""
    names = source.alias_column_names
    if not names or query.whole:
        return query
    renamed = [*names, *(name for name, _ in query.columns[len(names) :])]
    if len(names) > len(query.columns):
        raise Unreadable(f"{len(names)} names for {len(query.columns)} columns")
    return Query([(name, value) for name, (_, value) in zip(renamed, query.columns, strict=True)], query.keys)
