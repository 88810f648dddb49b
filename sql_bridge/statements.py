"""One statement of SQL: what it writes, and from what. Read first.

`read` gives a `Statement` for any text and never raises. A table of `_KINDS` says which statement is read how: a query
that is written somewhere, or files (`query_statements`), rows that change where they are (`row_statements`), or tables
that change what they are (`definitions`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from headwater.graphmodel.model import Effect
from headwater.sql_bridge import definitions, query_statements, row_statements, tables
from headwater.sql_bridge.model import Catalog, Dialect, Statement, Write, nothing_known
from headwater.sql_bridge.parsing import parsed, sentence, unload_of
from headwater.sql_bridge.qualifying import table_name
from headwater.sql_bridge.relations import Unreadable
from headwater.sql_bridge.session import SessionState

#: Longest statement that is read, in characters: the parser's work grows with it.
MOST_CHARACTERS = 200_000


class Session(SessionState):
    """Reads the statements of one session in order."""

    def read(self, sql: str) -> Statement:
        """The next statement. What it creates is known to the next one."""
        found = _read(sql, self)
        self.learn(found)
        return found

    def script(self, sql: str) -> list[Statement]:
        """All statements of a script. SqlglotError is never raised: a script that is no SQL is one such statement."""
        try:
            parts = tables.split(sql, self.dialect.name)
        except SqlglotError as error:
            return [Statement("unknown", sql, reason=sentence(error))]
        return [self.read(part) for part in parts]


def read(sql: str, dialect: Dialect, catalog: Catalog = nothing_known) -> Statement:
    """One statement alone."""
    return Session(dialect, catalog).read(sql)


def _read(sql: str, session: SessionState) -> Statement:
    if len(sql) > MOST_CHARACTERS:
        return _unread(sql[:MOST_CHARACTERS], session, f"it is longer than {MOST_CHARACTERS:,} characters")
    try:
        unload = unload_of(sql, session.dialect)
        if unload is not None:
            query, place = unload
            return replace(query_statements.unloaded(parsed(query, session.dialect), place, session), text=sql)
        node = parsed(sql, session.dialect)
        for kind, reading in _KINDS:
            if isinstance(node, kind) and (found := reading(node, session)) is not None:
                return replace(found, text=sql)
        if isinstance(node, (exp.Alias, exp.Condition)):
            return _unread(sql, session, "it is no statement")
        return Statement("other", sql)
    except (SqlglotError, RecursionError, Unreadable) as error:
        return _unread(sql, session, sentence(error))


_TEMPLATE = re.compile(r"\{\{|\{%")


def _unread(sql: str, session: SessionState, reason: str) -> Statement:
    """The statement by its words alone: each table that is written, from each that is read."""
    if _TEMPLATE.search(sql):
        reason = f"{reason}. It is a template: give what it is compiled to"
    written, read_ = tables.tables(sql, session.dialect)
    written = tuple(name for name in written if name not in session.temporary)
    writes = tuple(Write(name, Effect.KEEP, inputs=read_, reason=reason) for name in written)
    return Statement("unknown", sql, writes, reason=reason)


def _load_data(node: Any, session: SessionState) -> Statement:
    """``LOAD DATA INPATH 'files' INTO TABLE t``: files that are moved into a table."""
    effect = Effect.OVERWRITE if node.args.get("overwrite") else Effect.KEEP
    reason = "LOAD DATA does not say which columns of the files go into which columns of the table"
    write = Write(table_name(node.this, session.dialect), effect, inputs=(node.args["inpath"].name,), reason=reason)
    return Statement("load data", writes=(write,))


def _several(node: Any, session: SessionState) -> Statement:
    """Snowflake's INSERT ALL: one query into several tables."""
    del session
    raise Unreadable(f"{type(node).__name__} (one query into several tables) is not read")


def _command(node: Any, session: SessionState) -> Statement:
    """What sqlglot does not parse, and keeps as text."""
    word, rest = str(node.this).upper(), str(node.expression)
    stream = _STREAM.match(rest) if word == "CREATE" else None
    if stream is not None:  # it has the rows of its table that changed
        name, table = (
            parsed(f"TRUNCATE TABLE {stream[part]}", session.dialect).expressions[0] for part in ("name", "table")
        )
        return query_statements.table_of_query(name, exp.select("*").from_(table), session, "create stream")
    if word == "EXECUTE":
        return Statement("unknown", reason="EXECUTE does not say what was prepared")
    if word in _WRITING_COMMANDS or (word == "ALTER" and " APPEND " in rest.upper()):
        raise Unreadable(f"{word} in this form is not read")
    if word == "ALTER" and rest.split(maxsplit=1)[:1] and rest.split(maxsplit=1)[0].upper() in {"TABLE", "VIEW"}:
        return definitions.unparsed_alter(f"ALTER{rest}", session)
    return Statement("other")


_STREAM = re.compile(
    r"\s*(?:OR\s+REPLACE\s+)?STREAM\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>[\w$.\"]+)\s+(?:COPY\s+GRANTS\s+)?"
    r"ON\s+(?:(?:EXTERNAL|DYNAMIC|EVENT)\s+)?(?:TABLE|VIEW)\s+(?P<table>[\w$.\"]+)",
    re.IGNORECASE,
)


_WRITING_COMMANDS = frozenset({"COPY", "CREATE", "INSERT", "MERGE", "UNLOAD", "UPDATE", "DELETE", "REPLACE", "REFRESH"})


_KINDS: tuple[tuple[Any, Callable[[Any, SessionState], Statement | None]], ...] = (
    (exp.Create, query_statements.create),
    (exp.Insert, query_statements.insert),
    (exp.Update, row_statements.update),
    (exp.Delete, row_statements.delete),
    (exp.Merge, row_statements.merge),
    (exp.Copy, query_statements.copy),
    (exp.LoadData, _load_data),
    (exp.TruncateTable, row_statements.truncate),
    (exp.Alter, definitions.alter),
    (exp.Drop, definitions.drop),
    (exp.MultitableInserts, _several),
    (exp.Select, query_statements.select),
    (exp.SetOperation, lambda _node, _session: Statement("select")),
    (exp.Command, _command),
)
