"""The SQL of a JDBC read, as far as it is certain: from which tables and columns each column of its result comes.

Spark hands such a query to the database unread, so a plan shows its text alone. No schema is known: a name without a
table belongs to the only table there is, or is unresolved. Not here: how SQL is read (`headwater.sql_bridge`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from headwater.sql_bridge.model import Dialect, dialect_of, nothing_known
from headwater.sql_bridge.relations import Query, Table, Unreadable

#: Longest query that is read, in characters: the parser's work grows with its length, and its depth is Python's stack.
MAX_QUERY = 50_000

#: Dialects that queries are read in; those of other databases as plain SQL, also where sqlglot has a dialect for them:
#: in that a text in double quotes can be no column, or an expression read otherwise, and then the ids of plans that are
#: in ledgers would be others (Databricks, Athena, Trino, ClickHouse).
_READ = frozenset({"bigquery", "mysql", "oracle", "postgres", "redshift", "snowflake", "sqlite", "tsql"})

#: The dataset of a table, by its name as the query has it.
Named = Callable[[str], str]


class JdbcQuery(NamedTuple):
    """What a query gives, and the tables that it reads, by dataset, with the columns that it uses of them."""

    result: Query
    tables: Mapping[str, Table]


def read_query(sql: str, url: str, named: Named) -> JdbcQuery | None:
    """The query that an option ``query`` or ``dbtable`` (then in parentheses) holds; None if it is not certain."""
    if len(sql) > MAX_QUERY:
        return None
    import sqlglot  # few plans have such a query, and the import takes a tenth of a second

    from headwater.sql_bridge.queries import Reader

    database = url.removeprefix("jdbc:").partition(":")[0].lower()
    known = dialect_of(database)
    dialect = Dialect(known if known in _READ else "")
    reader = Reader(dialect, nothing_known, named=lambda table: named(_name(table)))
    try:
        parsed = sqlglot.parse_one(_inner(sql), dialect=dialect.name)
        parsed.meta["case_sensitive"] = True  # which case a name has is for `named` to say
        found = reader.read(parsed)
    except (sqlglot.errors.SqlglotError, RecursionError, Unreadable):
        return None
    return JdbcQuery(found, reader.tables) if len(found.whole) <= 1 else None


def _inner(sql: str) -> str:
    """``(select ...) alias`` without parentheses and alias."""
    body = sql.strip().rstrip(";")
    return body[1 : body.rindex(")")] if body.startswith("(") and ")" in body else body


def _name(table: Any) -> str:
    """A table's name as the query has it, quoted where it is. Unreadable: a function of the database."""
    from sqlglot.expressions import Identifier

    parts = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    if not all(isinstance(part, Identifier) for part in parts):
        raise Unreadable("a function in place of a table is not read")
    return ".".join(f'"{part.name}"' if part.args.get("quoted") else part.name for part in parts)
