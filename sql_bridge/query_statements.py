"""Statements that write what a query gives: CREATE TABLE AS, views, INSERT, SELECT INTO, UNLOAD, and COPY of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from headwater.graphmodel.expressions.values import Value, combine
from headwater.graphmodel.model import Effect
from headwater.sql_bridge.model import Known, Statement, Write
from headwater.sql_bridge.qualifying import table_name
from headwater.sql_bridge.relations import Query, Unreadable
from headwater.sql_bridge.session import SessionState
from headwater.sql_bridge.writes import names_of, reader_of, unknown_columns, write_of


def select(node: Any, session: SessionState) -> Statement | None:
    """A SELECT, which writes where it has INTO."""
    into = node.args.get("into")
    if into is None:
        return Statement("select")
    query = node.copy()
    query.set("into", None)
    return table_of_query(into.this, query, session, "create table", temporary=_is_temporary(into, into.this.name))


def create(node: Any, session: SessionState) -> Statement | None:
    """CREATE of a table or view, from a query, from another table, or from a list of columns."""
    kind = str(node.args.get("kind") or "").upper()
    if kind not in {"TABLE", "VIEW"}:
        return None
    target = node.this.this if isinstance(node.this, exp.Schema) else node.this
    name = table_name(target, session.dialect)
    clone = node.args.get("clone")
    if clone is not None:
        return table_of_query(target, exp.select("*").from_(clone.this.copy()), session, "create table")
    query = node.expression
    missing = (name,) if node.args.get("exists") else ()
    if query is None:
        columns = _defined(name, node, session)
        if _is_temporary(node, name):
            known = columns[name].columns if columns else ()
            session.temporary[name] = Query([(column, Value(literal=True)) for column in known])  # without rows
            return Statement("temporary table")
        return Statement("create table", created=columns, altered=(name,), if_missing=missing)
    query = with_common(node, query)
    names = [one.name for one in node.this.expressions] if isinstance(node.this, exp.Schema) else []
    if any(not isinstance(one, (exp.Identifier, exp.ColumnDef)) for one in getattr(node.this, "expressions", ())):
        names = []
    told = f"create {kind.lower()}"
    found = table_of_query(target, query, session, told, names=names, temporary=_is_temporary(node, name))
    writes = tuple(replace(one, if_missing=bool(missing)) for one in found.writes)
    return replace(found, writes=writes, if_missing=missing if writes else ())


def _is_temporary(node: Any, name: str) -> bool:
    if node.args.get("temporary"):
        return True
    properties = node.args.get("properties")
    listed = properties.expressions if properties else ()
    return any(isinstance(one, exp.TemporaryProperty) for one in listed) or name.rpartition(".")[2].startswith("#")


def table_of_query(
    target: Any, query: Any, session: SessionState, kind: str, *, names: Sequence[str] = (), temporary: bool = False
) -> Statement:
    """A table or view that a query makes. A temporary one is kept for the session, and is no dataset."""
    name = table_name(target, session.dialect)
    reader = reader_of(session)
    try:
        found = reader.read(query, with_types=session.types)
        if names:
            found = _under(found, names)
    except Unreadable as error:
        if temporary:
            return darkened(name, query, session, str(error))
        return Statement(kind, writes=(unknown_columns(name, Effect.ALL, query, session, str(error)),))
    if temporary:
        session.temporary[name] = replace(found, places=tuple(dict.fromkeys((*reader.tables, *reader.behind))))
        return Statement("temporary table")
    write = write_of(name, Effect.ALL, found, reader)
    created = {} if write.reason else {name: Known({one.name: one.type for one in write.columns})}
    return Statement(kind, writes=(write,), created=created)


def darkened(name: str, query: Any, session: SessionState, reason: str) -> Statement:
    """A temporary table that is made, or changed, by what cannot be read: of what is made of it the tables are told."""
    return _dark(name, unknown_columns(name, Effect.KEEP, query, session, reason).inputs, session, reason)


def _dark(name: str, places: Iterable[str], session: SessionState, reason: str) -> Statement:
    before = session.temporary.get(name) or Query()
    every = tuple(dict.fromkeys((*before.places, *(place for place in places if place != name))))
    session.temporary[name] = replace(before, dark=reason, places=every)
    return Statement("temporary table", reason=reason)


def _under(found: Query, names: Sequence[str]) -> Query:
    if found.whole or len(names) != len(found.columns):
        raise Unreadable(f"{len(names)} names for {len(found.columns)} columns")
    pairs = zip(names, found.columns, strict=True)
    return Query([(name, value) for name, (_, value) in pairs], found.keys, types=found.types)


def insert(node: Any, session: SessionState) -> Statement | None:
    """INSERT into a table, by position or by name, or into files."""
    target, names = node.this, None
    if isinstance(target, exp.Schema):
        target, names = target.this, [one.name for one in target.expressions]
    query = with_common(node, node.expression)
    if isinstance(target, exp.Directory) or not isinstance(target, exp.Table):
        place = getattr(target, "this", None)
        if not isinstance(place, exp.Literal):
            return None
        return unloaded(query, place.this, session, "insert")
    name = table_name(target, session.dialect)
    fixed = _partition(node, target)
    overwrite = bool(node.args.get("overwrite")) and not fixed
    effect = Effect.OVERWRITE if overwrite else Effect.KEEP
    reader = reader_of(session)
    temporary = name in session.temporary or name.rpartition(".")[2].startswith("#")
    try:
        found = reader.read(query, with_types=session.types)
        if not node.args.get("by_name"):
            found = _placed(found, names, name, set(fixed), session)
    except Unreadable as error:
        if temporary:
            return darkened(name, query, session, str(error))
        return Statement("insert", writes=(unknown_columns(name, effect, query, session, str(error)),))
    if temporary:
        found = replace(found, places=tuple(dict.fromkeys((*reader.tables, *reader.behind))))
        session.temporary[name] = _together(session.temporary.get(name), found)
        return Statement("temporary table")
    write = replace(write_of(name, effect, found, reader), whole_rows=names is None, keeps_types=True)
    return Statement("insert", writes=(write,))


def _placed(found: Query, names: Sequence[str] | None, name: str, fixed: set[str], session: SessionState) -> Query:
    """The query's columns under the names of the table's, which INSERT takes by position."""
    if names is None:
        temporary = session.temporary.get(name)
        known = Known({column: "" for column, _ in temporary.columns}) if temporary else session.catalog(name)
        if known is None or not (known.ordered and known.whole):
            raise Unreadable(f"INSERT goes by position, and the columns of {name} are not known in their order")
        names = [column for column in known.columns if column.lower() not in fixed]
    if found.whole:
        raise Unreadable(f"it takes all columns of {names_of(found.whole)}, which are not known")
    if len(names) < len(found.columns):
        raise Unreadable(f"it inserts {len(found.columns)} columns into {len(names)} of {name}")
    return _under(found, names[: len(found.columns)])


def _together(known: Query | None, more: Query) -> Query:
    """The rows of a temporary table and those that are inserted into it."""
    if known is None or known.whole or more.whole or not known.columns:
        return more
    added = dict(more.columns)
    columns = [(name, combine([value, added[name]], 0)._replace(text=value.text) if name in added else value)
               for name, value in known.columns]  # fmt: skip
    places = tuple(dict.fromkeys((*known.places, *more.places)))
    return Query(columns, [*known.keys, *more.keys], dark=known.dark, places=places)


def _partition(node: Any, target: Any) -> list[str]:
    """The partition columns that an INSERT names with a value: they are not among the query's columns."""
    found = node.args.get("partition") or target.args.get("partition")
    listed = found.expressions if found is not None else ()
    return [one.this.name.lower() for one in listed if isinstance(one, exp.EQ)]


def with_common(node: Any, query: Any) -> Any:
    """The query with the WITH that stands before the statement."""
    common = node.args.get("with_") or node.args.get("with")
    if common is None or query is None or not hasattr(query, "ctes"):
        return query
    query = query.copy()
    key = "with_" if "with_" in exp.Select.arg_types else "with"
    own = query.args.get(key)
    query.set(key, exp.With(expressions=[*common.copy().expressions, *(own.expressions if own else [])]))
    return query


def unloaded(query: Any, place: str, session: SessionState, kind: str = "unload") -> Statement:
    """Rows of a query in files at a place."""
    reader = reader_of(session)
    try:
        found = reader.read(query, with_types=session.types)
    except Unreadable as error:
        return Statement(kind, writes=(unknown_columns(place, Effect.KEEP, query, session, str(error)),))
    return Statement(kind, writes=(write_of(place, Effect.KEEP, found, reader),))


def copy(node: Any, session: SessionState) -> Statement | None:
    """COPY: rows out of files into a table, or out of a table or query into files."""
    target, names = node.this, None
    if isinstance(target, exp.Schema):
        target, names = target.this, [one.name for one in target.expressions]
    files = node.args.get("files") or []
    place = _place(target)
    if place is not None or not node.args.get("kind"):  # COPY INTO 's3://...' FROM t; Postgres: COPY t TO '...'
        source = target if place is None else files[0] if files else None
        end = place or next((found for one in files if (found := _place(one)) is not None), None)
        if source is None or end is None:
            return None
        query = source.this if isinstance(source, exp.Subquery) else exp.select("*").from_(source.copy())
        return unloaded(query, end, session, "copy")
    name = table_name(target, session.dialect)
    given = [found for one in files if (found := _place(one)) is not None]
    listed = f" ({', '.join(names)})" if names else ""
    reason = f"COPY does not say which columns of the files go into which columns of the table{listed}"
    if not given and files and isinstance(files[0], exp.Subquery):
        given = [found for one in files[0].find_all(exp.Table) if (found := _place(one)) is not None]
        reason = "COPY out of a query over files names their columns by number"
    if name in session.temporary or name.rpartition(".")[2].startswith("#"):
        return _dark(name, given, session, reason)
    return Statement("copy", writes=(Write(name, Effect.KEEP, inputs=tuple(dict.fromkeys(given)), reason=reason),))


def _place(node: Any) -> str | None:
    """The place of files: a URI, or a stage of Snowflake's."""
    inner = node.this if isinstance(node, (exp.Table, exp.Subquery)) else node
    if isinstance(inner, exp.Literal) and inner.is_string:
        return str(inner.this)
    if isinstance(inner, (exp.Var, exp.Parameter)) and str(inner.sql()).startswith("@"):
        return str(inner.sql())
    name = getattr(inner, "name", "")
    return name if isinstance(name, str) and ("://" in name or name.startswith("@")) else None


def _defined(name: str, node: Any, session: SessionState) -> Mapping[str, Known]:
    """The columns of a CREATE TABLE without a query."""
    listed = list(node.this.expressions) if isinstance(node.this, exp.Schema) else []
    properties = node.args.get("properties")
    for one in properties.expressions if properties else ():
        if isinstance(one, exp.PartitionedByProperty):
            listed += one.find_all(exp.ColumnDef)
        if isinstance(one, exp.LikeProperty):
            listed.append(one)
    columns: dict[str, str] = {}
    for one in listed:
        if isinstance(one, exp.ColumnDef):
            kind = one.args.get("kind")
            columns[one.name] = kind.sql(session.dialect.name).lower() if kind is not None else ""
        if isinstance(one, exp.LikeProperty) and isinstance(one.this, exp.Table):
            like = table_name(one.this, session.dialect)
            known = session.catalog(like)
            columns.update(known.columns if known else {})
            columns.update(
                {column: "" for column, _ in session.temporary[like].columns} if like in session.temporary else {}
            )
    return {name: Known(columns)} if columns else {}
