"""What sqlglot says of a query before it is read: which table each column is of, what ``*`` stands for, and types.

By what the catalog knows. What sqlglot cannot say is left as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import Schema

from headwater.sql_bridge.model import Catalog, Dialect
from headwater.sql_bridge.relations import Query, Unreadable

#: Columns of one query that are followed: a wider one is not made by people.
MOST_COLUMNS = 5_000
#: Columns of all queries of one statement, after each ``*`` has been written out: sqlglot makes an expression of each.
_MOST_WRITTEN_OUT = 50_000
#: What sqlglot's optimizer raises of SQL that it does not expect.
_FAILURES = (SqlglotError, KeyError, AttributeError, TypeError, ValueError)


def table_name(table: Any, dialect: Dialect) -> str:
    """The name of a table in the statement's text, filled up. Unreadable: it is no name, but a function."""
    if not isinstance(table.this, exp.Identifier):
        raise Unreadable(f"{type(table.this).__name__} in place of a table is not read")
    parts = [part.name for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    if "://" in table.name or table.name.startswith("/"):  # Spark's parquet.`s3://lake/orders`
        return str(table.name)
    return dialect.full(parts)


def qualified(node: Any, dialect: Dialect, catalog: Catalog) -> Any:
    """A copy of a query in which columns say their table, as far as that is certain; or the query itself."""
    common: dict[str, Any] = {
        "dialect": dialect.name,
        "schema": _Tables(catalog, dialect),
        "quote_identifiers": False,
        "validate_qualify_columns": False,
        "allow_partial_qualification": True,
    }
    for columns in (True, False):
        try:
            return qualify(node.copy(), qualify_columns=columns, **common)
        except _FAILURES:
            continue
    return node


def types(query: Any, dialect: Dialect, catalog: Catalog) -> list[str]:
    """The types of a qualified query's columns; "" where it is not known, no list where none is."""
    try:
        typed = annotate_types(query, schema=_Tables(catalog, dialect), dialect=dialect.name)
    except _FAILURES:
        return []
    found = [one.type for one in typed.selects]
    return ["" if one is None or one.is_type("unknown") else one.sql(dialect.name).lower() for one in found]


class Widths:
    """How many columns each query of a statement has at most, counted before sqlglot writes each ``*`` out."""

    def __init__(self, catalog: Catalog, named: Callable[[Any], str], temporary: Mapping[str, Query]) -> None:
        """`named` gives the dataset of a table; `temporary` are tables of the session."""
        self._catalog, self._named, self._temporary = catalog, named, temporary
        self._all = 0

    def of(self, node: Any, ctes: Mapping[str, int]) -> int:
        """The columns of a query. Unreadable: there are more than are followed."""
        known = dict(ctes)
        for cte in arg(node, "with_").expressions if arg(node, "with_") else ():
            known[cte.alias.lower()] = self.of(cte.this, known)
        if isinstance(node, exp.SetOperation):
            return max(self.of(node.this, known), self.of(node.expression, known))
        if isinstance(node, (exp.Subquery, exp.Paren)):
            return self.of(node.this, known)
        if isinstance(node, exp.Table):
            return self._table(node, known)
        if not isinstance(node, exp.Select):
            return 1
        sources = [arg(node, "from_"), *(node.args.get("joins") or ()), *(node.args.get("laterals") or ())]
        widths = {one.alias_or_name.lower(): self.of(one.this, known) for one in sources if one is not None}
        everything = sum(widths.values())
        width = 0
        for one in node.expressions:
            of_one = isinstance(one, exp.Column) and one.table.lower() in widths
            width += (widths[one.table.lower()] if of_one else everything) if one.is_star else 1
        self._all += width
        if width > MOST_COLUMNS:
            raise Unreadable(f"more than {MOST_COLUMNS:,} columns")
        if self._all > _MOST_WRITTEN_OUT:
            raise Unreadable(f"more than {_MOST_WRITTEN_OUT:,} columns in all its queries together")
        return width

    def _table(self, node: Any, ctes: Mapping[str, int]) -> int:
        if not node.db and node.name.lower() in ctes:
            return ctes[node.name.lower()]
        try:
            name = self._named(node)
        except Unreadable:
            return 1
        if name in self._temporary:
            return len(self._temporary[name].columns)
        known = self._catalog(name)
        return len(known.columns) if known is not None else 1


class _Tables(Schema):
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
        by_name = {self._cased(known): type_ for known, type_ in self._columns(table).items()}
        try:
            return exp.DataType.build(by_name.get(name) or "unknown", dialect=self._of.name)
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


def arg(node: Any, name: str) -> Any:
    """An argument of a node; sqlglot has renamed those that are words of Python."""
    return node.args.get(name) or node.args.get(name.rstrip("_"))
