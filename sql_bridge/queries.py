"""One query: from which columns of which tables each column of its result comes, and what all its rows depend on.

sqlglot says first which table each column is of (`qualifying`). What it cannot say (a table of which nothing is known)
is resolved here where one table alone can be meant, and else `unresolved`. What a name in FROM means is in `relations`,
what functions mean in `functions`. The roles are those of `docs/concepts.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from sqlglot import exp

from headwater.graphmodel.expressions.text import printed, text
from headwater.graphmodel.expressions.values import (
    AGGREGATION,
    IDENTITY,
    TRANSFORMATION,
    Value,
    as_role,
    combine,
    influenced,
    unresolved,
)
from headwater.graphmodel.model import Subtype
from headwater.sql_bridge import functions
from headwater.sql_bridge.model import Catalog, Dialect
from headwater.sql_bridge.qualifying import MOST_COLUMNS, Widths, arg, qualified, table_name, types
from headwater.sql_bridge.relations import Query, Relation, Rows, Table, Unreadable

#: Levels of queries and expressions: Python's stack is not endless, and nobody writes as many.
_MOST_DEPTH = 150
#: Levels of sqlglot's tree, which has more of them: its own work grows with depth times size.
_MOST_LEVELS = 3 * _MOST_DEPTH
#: Dialects in which other expressions of a SELECT, or its HAVING, can name a column of its result.
_NAMES_ALIASES = frozenset({"bigquery", "mysql", "redshift", "snowflake", "spark", "sqlite"})
#: What the rows of one query depend on: each query hands on what those in its FROM do.
_MOST_KEYS = 20_000


class _Scope(NamedTuple):
    """Where a query or an expression stands, and so what the names in it mean."""

    ctes: Mapping[str, Query] = {}
    relations: tuple[dict[str, Relation], ...] = ()  #: by the names that the FROMs around give them, nearest first
    aliases: Mapping[str, Any] = {}  #: of the SELECT of which it is a clause: the expressions that have a name
    windows: tuple[Any, ...] = ()  #: and its WINDOW clause
    depth: int = 0

    def deeper(self) -> _Scope:
        """The scope of a part. Unreadable."""
        if self.depth >= _MOST_DEPTH:
            raise Unreadable("it is nested too deeply")
        return self._replace(depth=self.depth + 1)


class Reader:
    """Reads queries of one statement.

    `temporary` are tables of the session, by the query that made them. `named` gives the dataset of a table.
    """

    def __init__(
        self,
        dialect: Dialect,
        catalog: Catalog,
        temporary: Mapping[str, Query] | None = None,
        named: Callable[[Any], str] | None = None,
    ) -> None:
        self.dialect = dialect
        self.catalog = catalog
        self.temporary = temporary or {}
        self.tables: dict[str, Table] = {}  #: those that were read, by dataset
        self.behind: dict[str, None] = {}  #: the datasets that temporary tables are from, which were read
        self._named = named or partial(table_name, dialect=dialect)

    def read(self, node: Any, *, with_types: bool = False) -> Query:
        """A query that stands alone. `with_types`: the types of its columns too. Unreadable."""
        _refuse_deep(node)
        if any(star.args.get("ilike") for star in node.find_all(exp.Star)):
            raise Unreadable("a * by a pattern is not read")  # sqlglot takes it for all columns
        try:
            Widths(self.catalog, self._named, self.temporary).of(node, {})
            complete = qualified(self._without_natural_joins(node), self.dialect, self.catalog)
            query = self._query(complete, _Scope())
            if with_types:
                query.types = types(complete, self.dialect, self.catalog)
        except RecursionError:
            raise Unreadable("it is nested too deeply") from None
        return query

    def _without_natural_joins(self, node: Any) -> Any:
        """The query with USING in place of NATURAL, which sqlglot takes for a join without keys. Unreadable."""
        if not any(_is_natural(join) for join in node.find_all(exp.Join)):
            return node
        copy = node.copy()
        for select in copy.find_all(exp.Select):
            joins = select.args.get("joins") or ()
            from_ = arg(select, "from_")
            if not any(map(_is_natural, joins)) or from_ is None:
                continue
            sides = [self._names_of(one.this) for one in (from_, *joins)]
            for number, join in enumerate(joins, 1):
                if _is_natural(join):
                    left = {name for side in sides[:number] for name in side}
                    join.set("method", None)
                    join.set("using", [exp.to_identifier(name) for name in sides[number] if name in left])
        if any(_is_natural(join) for join in copy.find_all(exp.Join)):
            raise Unreadable("a NATURAL JOIN in parentheses is not read")
        return copy

    def _names_of(self, source: Any) -> list[str]:
        """The columns of a table of FROM, in the engine's case. Unreadable: it is no table, or they are not known."""
        dataset = self._named(source) if isinstance(source, exp.Table) else ""
        temporary, known = self.temporary.get(dataset), self.catalog(dataset) if dataset else None
        if temporary is None and (known is None or not known.whole):
            raise Unreadable("a NATURAL JOIN of what has no known columns is not read")
        names = [name for name, _ in temporary.columns] if temporary else list(known.columns if known else ())
        return [name.upper() if self.dialect.name == "snowflake" and name.islower() else name for name in names]

    # Queries ----------------------------------------------------------------------------------------------------------

    def _query(self, node: Any, scope: _Scope) -> Query:
        """A SELECT, a UNION, VALUES, or one of them in parentheses."""
        ctes = dict(scope.ctes)
        scope = scope.deeper()._replace(ctes=ctes, aliases={}, windows=())
        for cte in arg(node, "with_").expressions if arg(node, "with_") else ():
            ctes[cte.alias.lower()] = self._cte(cte, scope)
        if isinstance(node, exp.Subquery):
            return self._query(node.this, scope)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Values):
            return self._values(node, scope)
        if isinstance(node, exp.Table):  # TABLE t, INSERT INTO u TABLE t
            return self._select(exp.select("*").from_(node.copy()), scope)
        if not isinstance(node, exp.Select):
            raise Unreadable(f"{type(node).__name__} in place of a query is not read")
        return self._select(node, scope)

    def _cte(self, cte: Any, scope: _Scope) -> Query:
        """One of WITH. A recursive one is read twice: its own rows are those of its first part."""
        body, name = cte.this, cte.alias.lower()
        if isinstance(body, exp.SetOperation) and any(
            table.name.lower() == name and not table.db for table in body.expression.find_all(exp.Table)
        ):
            first = self._query(body.this, scope).renamed(cte.alias_column_names)
            scope = scope._replace(ctes={**scope.ctes, name: first})
        return self._query(body, scope).renamed(cte.alias_column_names)

    def _set_operation(self, node: Any, scope: _Scope) -> Query:
        left, right = self._query(node.this, scope), self._query(node.expression, scope)
        keys = _once([*left.keys, *right.keys])
        if left.whole or right.whole:
            if left.columns or right.columns:
                raise Unreadable("a UNION of tables whose columns are not known")
            return Query(keys=keys, whole=[*left.whole, *right.whole])
        if len(left.columns) != len(right.columns):
            raise Unreadable(f"a UNION of {len(left.columns)} and {len(right.columns)} columns")
        if not isinstance(node, exp.Union):
            keys += [(Subtype.FILTER, value) for _, value in (*left.columns, *right.columns)]
            return Query(left.columns, keys)
        pairs = zip(left.columns, right.columns, strict=True)
        columns = [(name, combine([a, b], IDENTITY)._replace(text=a.text, literal=a.literal and b.literal))
                   for (name, a), (_, b) in pairs]  # fmt: skip
        if node.args.get("distinct"):
            keys += [(Subtype.GROUP_BY, value) for _, value in columns]
        return Query(columns, keys)

    def _values(self, node: Any, scope: _Scope) -> Query:
        rows = [list(row.expressions) if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
        if not rows or any(len(row) != len(rows[0]) for row in rows):
            raise Unreadable("VALUES of unequal rows")
        names = node.alias_column_names or [f"column{number}" for number in range(1, len(rows[0]) + 1)]
        columns = []
        for name, cells in zip(names, zip(*rows, strict=True), strict=False):
            values = [self._value(cell, scope) for cell in cells]
            one = combine(values, IDENTITY)
            columns.append((name, one._replace(literal=all(v.literal for v in values), text=values[0].text)))
        return Query(columns)

    def _select(self, node: Any, outer: _Scope) -> Query:
        found = Query()
        _refuse_parts(node)
        around = outer._replace(relations=({}, *outer.relations))
        self._from(node, found, around)
        scope = around._replace(aliases=_aliases(node), windows=tuple(node.args.get("windows") or ()))
        for clause in ("where", "having", "qualify"):
            part = node.args.get(clause)
            if part is not None:
                found.keys.append((Subtype.FILTER, self._shown(part.this, scope)))
        for subtype, part in _connected(node):
            found.keys.append((subtype, self._shown(part, scope)))
        for projection in node.expressions:
            self._project(projection, found, scope, is_key=_groups_by_all(node) and not projection.find(exp.AggFunc))
            if len(found.columns) > MOST_COLUMNS:
                raise Unreadable(f"more than {MOST_COLUMNS:,} columns")
        found.keys += [(Subtype.GROUP_BY, self._key(key, found, scope)) for key in _group_keys(node)]
        distinct = node.args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            own = [self._key(key, found, scope) for key in on.expressions] if on else [v for _, v in found.columns]
            found.keys += [(Subtype.GROUP_BY, one) for one in own]
        for clause in ("order", "sort"):
            part = node.args.get(clause)
            keys = part.expressions if part is not None else ()
            found.keys += [(Subtype.SORT, self._key(key.this, found, scope)) for key in keys]
        found.keys = _once(found.keys)
        return found

    def _project(self, projection: Any, found: Query, scope: _Scope, *, is_key: bool) -> None:
        """Add the columns of one item of a SELECT. `is_key`: GROUP BY ALL groups by it."""
        if projection.is_star:
            self._star(projection, scope.relations[0], found)
            return
        if isinstance(projection, exp.Aliases):  # Spark's stack(2, a, b) AS (n, v)
            value, names = self._told(projection.this, scope), [one.name for one in projection.expressions]
        else:
            value = self._told(projection.unalias(), scope)
            names = [projection.alias_or_name or f"_col{len(found.columns)}"]
        found.columns += [(name, value) for name in names]
        if is_key:
            found.keys.append((Subtype.GROUP_BY, value))

    def _key(self, key: Any, found: Query, scope: _Scope) -> Value:
        """A key of GROUP BY or ORDER BY: an expression, the name of a column of the result, or its number."""
        if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.this) <= len(found.columns):
            return found.columns[int(key.this) - 1][1]
        own = found.column(key.name) if isinstance(key, exp.Column) and not key.table else None
        return self._told(key, scope) if own is None else own

    def _told(self, node: Any, scope: _Scope) -> Value:
        """The value with its text; a column of a query in FROM is told as that query makes it."""
        found = self._value(node, scope)
        told = isinstance(node, exp.Column) and found.text.head
        return found if told else found._replace(text=printed(self._sql(node)))

    def _shown(self, node: Any, scope: _Scope) -> Value:
        """The value with its own text."""
        return self._value(node, scope)._replace(text=printed(self._sql(node)))

    # FROM -------------------------------------------------------------------------------------------------------------

    def _from(self, node: Any, found: Query, scope: _Scope) -> None:
        """Fill the nearest of `scope.relations` in order, so that a lateral one sees those before it."""
        from_ = arg(node, "from_")
        if from_:
            self._add(from_.this, found, scope)
        self._join(node, found, scope)

    def _join(self, node: Any, found: Query, scope: _Scope) -> None:
        """What is joined to the first of a FROM, or of a join in parentheses; and what all rows depend on by that."""
        here = scope.relations[0]
        for join in node.args.get("joins") or ():
            self._add(join.this, found, scope)
            for on in (join.args.get("on"), join.args.get("match_condition")):
                if on is not None:
                    found.keys.append((Subtype.JOIN, self._shown(on, scope)))
            for key in join.args.get("using") or ():
                sides = [side for one in here.values() if (side := one.column(key.name)) is not None]
                found.keys.append((Subtype.JOIN, combine(sides, IDENTITY)._replace(text=text(key.name))))
        for lateral in node.args.get("laterals") or ():
            self._add(lateral, found, scope)

    def _add(self, source: Any, found: Query, scope: _Scope) -> None:
        _refuse_parts(source)
        if isinstance(source, exp.Subquery) and isinstance(source.this, (exp.Table, exp.Subquery)) and not source.alias:
            self._add(source.this, found, scope.deeper())  # parentheses
        else:
            relation = self._relation(source, found, scope)
            here = scope.relations[0]
            here[source.alias_or_name.lower() or f"?{len(here)}"] = relation
            if isinstance(relation, Query):
                found.keys += relation.keys
        if not isinstance(source, exp.Lateral):
            self._join(source, found, scope)

    def _relation(self, source: Any, found: Query, scope: _Scope) -> Relation:
        """What one item of FROM is."""
        if isinstance(source, exp.Table):
            return self._table(source, found, scope)
        nested = source.this
        if isinstance(source, exp.Subquery) or (isinstance(source, exp.Lateral) and isinstance(nested, exp.Subquery)):
            return self._query(nested, scope).renamed(source.alias_column_names)
        if isinstance(source, exp.Lateral):
            return self._rows_of(source, nested, found, scope)
        if isinstance(source, exp.Unnest):
            return self._rows_of(source, source, found, scope)
        if isinstance(source, exp.Values):
            return self._values(source, scope)
        if isinstance(source, exp.TableFromRows):  # Snowflake's TABLE(FLATTEN(...)); of others nothing is known
            rows = self._rows_of(source, nested, found, scope)
            if rows.value.direct or isinstance(nested, exp.Generator):
                return rows
            raise Unreadable(f"TABLE({self._sql(nested)}) in FROM is not read")
        raise Unreadable(f"{type(source).__name__} in FROM is not read")

    def _table(self, source: Any, found: Query, scope: _Scope) -> Relation:
        if not isinstance(source.this, (exp.Identifier, exp.Dot)):
            return self._rows_of(source, source.this, found, scope)
        cte = scope.ctes.get(source.name.lower()) if not source.db else None
        if cte is not None:
            return cte
        dataset = self._named(source)
        if dataset in self.temporary:
            known = self.temporary[dataset]
            self.behind.update(dict.fromkeys(known.places))
            if known.dark:
                raise Unreadable(known.dark)
            return known
        if dataset not in self.tables:
            self.tables[dataset] = Table(dataset, self.catalog(dataset))
        return self.tables[dataset]

    def _rows_of(self, source: Any, made_by: Any, found: Query, scope: _Scope) -> Rows:
        """The rows of a function, or of a nested value: how many there are decides about the other columns too."""
        if isinstance(made_by, (exp.Var, exp.Parameter)) or not hasattr(made_by, "iter_expressions"):
            raise Unreadable(f"{made_by} in FROM is not read")
        given = made_by.expressions if isinstance(made_by, exp.Unnest) else [made_by]
        values = [self._value(one, scope) for one in given]
        whole = combine(values, TRANSFORMATION)._replace(text=printed(self._sql(made_by)))
        whole = whole._replace(generated=whole.generated or not whole.direct)
        if whole.direct:
            found.keys.append((Subtype.JOIN, whole))
        names = [name.lower() for name in source.alias_column_names]
        if len(names) == len(values) > 1:
            pairs = zip(names, values, strict=True)
            return Rows(whole, {name: combine([one], TRANSFORMATION)._replace(text=whole.text) for name, one in pairs})
        return Rows(whole, dict.fromkeys(names, whole))

    def _star(self, projection: Any, here: Mapping[str, Relation], found: Query) -> None:
        table = projection.table.lower() if isinstance(projection, exp.Column) else ""
        star = projection.this if isinstance(projection, exp.Column) else projection
        if any(star.args.get(part) for part in ("except_", "except", "replace", "rename")):
            raise Unreadable("a * with exceptions, of tables whose columns are not known")
        for one in [here[table]] if table in here else list(here.values()):
            if isinstance(one, Query):
                found.columns += one.columns
                found.whole += one.whole
            elif isinstance(one, Rows):
                found.columns += list(one.columns.items())
            elif isinstance(one, Table):
                if one.known is None or one.is_open:
                    found.whole.append(one)
                else:
                    found.columns += [(name, one.named(name)) for name in one.known.columns]

    # Values -----------------------------------------------------------------------------------------------------------

    def _value(self, node: Any, scope: _Scope) -> Value:
        """The value of an expression, without its text."""
        scope = scope.deeper()
        kind = type(node).__name__
        if kind in functions.LITERAL:
            return Value(literal=True)
        if kind in functions.TRANSPARENT:
            if isinstance(node.this, exp.Expression):
                return self._value(node.this, scope)
            return combine([self._value(one, scope) for one in node.expressions], IDENTITY)
        called = node.name.lower() if isinstance(node, exp.Anonymous) else ""  # sqlglot has no class for it
        if kind in functions.GENERATED or called in functions.GENERATED:
            return Value(generated=True)
        for kinds, reading in self._EXPRESSIONS:
            if isinstance(node, kinds):
                return reading(self, node, scope)
        parts = [self._value(part, scope) for part in node.iter_expressions()]
        masking = kind in functions.MASKING or called in functions.MASKING
        value = combine(parts, AGGREGATION if called in functions.AGGREGATES else TRANSFORMATION, masking=masking)
        return value._replace(literal=bool(parts) and all(part.literal for part in parts) and not masking)

    def _case(self, node: Any, scope: _Scope) -> Value:
        """CASE and IF: results are DIRECT, conditions CONDITIONAL."""
        if isinstance(node, exp.If):
            whens, tested, default = [node], None, node.args.get("false")
        else:
            whens, tested, default = node.args.get("ifs") or [], node.this, node.args.get("default")
        tests = [*(when.this for when in whens), *([tested] if tested is not None else ())]
        ends = [*(when.args["true"] for when in whens), *([default] if default is not None else ())]
        conditions, results = ([self._value(one, scope) for one in listed] for listed in (tests, ends))
        value = combine(results, TRANSFORMATION)._replace(literal=all(one.literal for one in results))
        return influenced(value, as_role(conditions, Subtype.CONDITIONAL), by=conditions)

    def _decoded(self, node: Any, scope: _Scope) -> Value:
        """``decode(a, 1, b, 2, c, d)`` is ``CASE a WHEN 1 THEN b WHEN 2 THEN c ELSE d END``."""
        tested, *rest = [self._value(part, scope) for part in node.expressions]
        default = rest[-1:] if len(rest) % 2 else []
        pairs = rest[: len(rest) - len(default)]
        conditions, results = [tested, *pairs[::2]], [*pairs[1::2], *default]
        value = combine(results, TRANSFORMATION)._replace(literal=all(one.literal for one in results))
        return influenced(value, as_role(conditions, Subtype.CONDITIONAL), by=conditions)

    def _filtered(self, node: Any, scope: _Scope) -> Value:
        """``sum(a) FILTER (WHERE b)``."""
        condition = self._value(node.expression.this, scope)
        return influenced(self._value(node.this, scope), as_role([condition], Subtype.FILTER), by=[condition])

    def _chosen(self, node: Any, scope: _Scope) -> Value:
        """COALESCE, NVL2, NULLIF: what is looked at is CONDITIONAL, of COALESCE all that it takes."""
        given = [self._value(part, scope) for part in node.iter_expressions()]
        results, conditions = given, given
        if isinstance(node, exp.Nvl2):
            results, conditions = given[1:], given[:1]
        elif isinstance(node, exp.Nullif):
            results = given[:1]
        value = combine(results, TRANSFORMATION)._replace(literal=all(one.literal for one in given))
        return influenced(value, as_role(conditions, Subtype.CONDITIONAL), by=conditions)

    def _within_group(self, node: Any, scope: _Scope) -> Value:
        """``listagg(a) WITHIN GROUP (ORDER BY b)``; of ``percentile_cont(0.5)`` the key is what is aggregated."""
        value = self._value(node.this, scope)
        keys = [self._value(key.this, scope) for key in node.expression.expressions] if node.expression else []
        if not value.direct:
            return combine(keys, AGGREGATION)
        return influenced(value, as_role(keys, Subtype.WINDOW), by=keys)

    def _aggregate(self, node: Any, scope: _Scope) -> Value:
        kind = type(node).__name__
        if kind in functions.RANKS:
            return Value(generated=True)
        strength = TRANSFORMATION if kind in functions.OF_ONE_ROW else AGGREGATION
        ordered = [part for part in node.iter_expressions() if isinstance(part, exp.Order)]
        parts = [self._value(part, scope) for part in node.iter_expressions() if not isinstance(part, exp.Order)]
        value = combine(parts, strength, masking=kind in functions.MASKING)
        keys = [self._value(key.this, scope) for order in ordered for key in order.expressions]
        parts += [self._value(order.this, scope) for order in ordered if isinstance(order.this, exp.Expression)]
        if keys and not value.direct:
            value = combine(parts, strength)
        value = influenced(value, as_role(keys, Subtype.WINDOW), by=keys)
        return value._replace(generated=value.generated or not (value.direct or value.unresolved))

    def _window(self, node: Any, scope: _Scope) -> Value:
        """A function over a window, whose keys may stand in the query's own WINDOW clause."""
        named = node.args.get("alias")
        base = [one for one in scope.windows if named is not None and one.name.lower() == named.name.lower()]
        keys: list[Any] = []
        for one in (node, *base):
            keys += one.args.get("partition_by") or ()
            keys += [key.this for key in one.args["order"].expressions] if one.args.get("order") else []
        values = [self._value(key, scope) for key in keys]
        value = influenced(self._value(node.this, scope), as_role(values, Subtype.WINDOW), by=values)
        return value._replace(generated=value.generated or not (value.direct or value.unresolved))

    def _of_query(self, node: Any, scope: _Scope) -> Value:
        """A query in place of a value."""
        query = self._query(node, scope)
        value = combine([column for _, column in query.columns], IDENTITY)
        if query.whole:
            value = value._replace(unresolved=True)
        for subtype, key in query.keys:
            value = influenced(value, as_role([key], subtype), by=[key])
        return value

    def _column(self, node: Any, scope: _Scope) -> Value:
        table, name = node.table.lower(), node.name
        alias = None if table else scope.aliases.get(name.lower())
        for here in scope.relations:
            if table in here:
                return here[table].named(name)
            if table:
                continue
            sure = [found for one in here.values() if (found := one.column(name)) is not None]
            perhaps = [one for one in here.values() if one.is_open and one.column(name) is None]
            if len(sure) == 1:  # were it another one's too, the engine would have refused the statement
                return sure[0]
            if not sure and len(perhaps) == 1 and (alias is None or self.dialect.name not in _NAMES_ALIASES):
                return perhaps[0].named(name)
            if not sure and not perhaps and alias is not None:
                return self._value(alias, scope)
            if sure or perhaps:
                break
        if table and not any(one.is_open for here in scope.relations for one in here.values()):
            raise Unreadable(f"there is no table {node.table} in FROM")
        return unresolved(text(node.sql()))

    def _sql(self, node: Any) -> str:
        """An expression for people: without the table that its columns are of, where that is one."""
        copy = node.unalias().copy() if isinstance(node, exp.Expression) else node
        named = [*copy.find_all(exp.Column)]
        several = len({column.table for column in named}) > 1
        for column in () if several else named:
            for part in ("table", "db", "catalog"):
                column.set(part, None)
        found: str = copy.sql(self.dialect.name, normalize_functions="lower", comments=False)
        return found

    #: How each kind of expression is read; any other gives what its parts give.
    _EXPRESSIONS: tuple[tuple[Any, Callable[[Reader, Any, _Scope], Value]], ...] = (
        (exp.Column, _column),
        ((exp.Select, exp.Subquery, exp.SetOperation), _of_query),
        ((exp.Case, exp.If), _case),
        (exp.DecodeCase, _decoded),
        (exp.Window, _window),
        (exp.Filter, _filtered),
        ((exp.Coalesce, exp.Nvl2, exp.Nullif), _chosen),
        (exp.WithinGroup, _within_group),
        (exp.AggFunc, _aggregate),
    )


def _refuse_deep(node: Any) -> None:
    """Unreadable, if a statement is nested deeper than is read."""
    waiting = [(node, 0)]
    while waiting:
        one, level = waiting.pop()
        if level > _MOST_LEVELS:
            raise Unreadable("it is nested too deeply")
        waiting += [(part, level + 1) for part in one.iter_expressions()]


def _is_natural(join: Any) -> bool:
    return str(join.args.get("method") or "").upper() == "NATURAL"


def _refuse_parts(node: Any) -> None:
    """Unreadable, if it has a part that makes other columns of what is in FROM."""
    for name, called in _OTHER_COLUMNS.items():
        if node.args.get(name):
            raise Unreadable(f"{called} not read")


_OTHER_COLUMNS = {"pivots": "PIVOT and UNPIVOT are", "match": "MATCH_RECOGNIZE is"}


def _once(keys: list[tuple[Subtype, Value]]) -> list[tuple[Subtype, Value]]:
    """Each key once: a query that names another one twice would else have twice its keys, and so on with each level."""
    found = list({(subtype, id(value)): (subtype, value) for subtype, value in keys}.values())
    if len(found) > _MOST_KEYS:
        raise Unreadable(f"its rows depend on more than {_MOST_KEYS:,} conditions and keys")
    return found


def _aliases(select: Any) -> dict[str, Any]:
    """The expressions of a SELECT by the names that it gives them: Redshift, Snowflake and Spark let others name them.

    Not those that are made of a column of that name: then a table has such a column, which is meant everywhere, as in
    ``select upper(name) as name from t where name > 'x'``.
    """
    found: dict[str, Any] = {}
    for one in select.expressions:
        name = one.alias.lower() if isinstance(one, exp.Alias) else ""
        if name and not any(column.name.lower() == name for column in one.this.find_all(exp.Column)):
            found.setdefault(name, one.this)
    return found


def _connected(node: Any) -> Iterator[tuple[Subtype, Any]]:
    """``START WITH a CONNECT BY b``: the rows that a query finds from row to row."""
    connect = node.args.get("connect")
    parts = ((Subtype.FILTER, "start"), (Subtype.JOIN, "connect")) if connect is not None else ()
    for subtype, name in parts:
        if connect.args.get(name) is not None:
            yield subtype, connect.args[name]


def _groups_by_all(node: Any) -> bool:
    group = node.args.get("group")
    return group is not None and group.args.get("all") is True and not group.expressions


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
