"""One statement of SQL: what it writes, and from what. Read first.

`read` gives a `Statement` for any text and never raises. A table of `_KINDS` says which statement is read how: a query
that is written somewhere (CREATE TABLE AS, INSERT, a view, UNLOAD), one that is made out of the statement's parts
(UPDATE, DELETE, MERGE: the rows that they look at are those of a SELECT), files (COPY), or columns that change their
table (DDL).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.tokenizer_core import TokenType

from headwater.graphmodel.expressions.values import STRENGTH, Value, combine
from headwater.graphmodel.model import DependencyType, Effect, Origin
from headwater.sql_bridge import tables
from headwater.sql_bridge.model import Catalog, Column, Dialect, Known, Source, Statement, Write, nothing_known
from headwater.sql_bridge.qualifying import table_name
from headwater.sql_bridge.queries import Reader
from headwater.sql_bridge.relations import Query, Table, Unreadable

#: Longest statement that is read, in characters: the parser's work grows with it.
MOST_CHARACTERS = 200_000
#: Edges between columns that one write may have.
_MOST_EDGES = 20_000


class Session:
    """Reads the statements of one session in order: a temporary table is no dataset, but the query that made it."""

    def __init__(self, dialect: Dialect, catalog: Catalog = nothing_known, *, types: bool = False) -> None:
        """`types`: the types of written columns are worked out too, which takes as long again."""
        self.dialect = dialect
        self.types = types
        self.temporary: dict[str, Query] = {}
        self.made: dict[str, Known] = {}
        self._gone: set[str] = set()  # tables that were dropped, of which the catalog outside may still know
        self._outside = catalog

    def catalog(self, name: str) -> Known | None:
        """What is known of a table: by the statements that were read, else by the catalog outside."""
        if name in self.made:
            return self.made[name]
        return None if name in self._gone else self._outside(name)

    def read(self, sql: str) -> Statement:
        """The next statement. What it creates is known to the next one."""
        found = _read(sql, self)
        there = {name for name in found.if_missing if (known := self.catalog(name)) is not None and known.whole}
        for name in found.dropped:
            self.made.pop(name, None)
            self._gone.add(name)
        self.made.update({name: known for name, known in found.created.items() if name not in there})
        self._gone -= found.created.keys()
        return found

    def script(self, sql: str) -> list[Statement]:
        """All statements of a script. SqlglotError is never raised: a script that is no SQL is one such statement."""
        try:
            parts = tables.split(sql, self.dialect.name)
        except SqlglotError as error:
            return [Statement("unknown", sql, reason=_sentence(error))]
        return [self.read(part) for part in parts]


def read(sql: str, dialect: Dialect, catalog: Catalog = nothing_known) -> Statement:
    """One statement alone."""
    return Session(dialect, catalog).read(sql)


def _read(sql: str, session: Session) -> Statement:
    if len(sql) > MOST_CHARACTERS:
        return _unread(sql[:MOST_CHARACTERS], session, f"it is longer than {MOST_CHARACTERS:,} characters")
    try:
        unload = _unload(sql, session.dialect)
        if unload is not None:
            query, place = unload
            return replace(_unloaded(_parsed(query, session.dialect), place, session), text=sql)
        node = _parsed(sql, session.dialect)
        for kind, reading in _KINDS:
            if isinstance(node, kind) and (found := reading(node, session)) is not None:
                return replace(found, text=sql)
        if isinstance(node, (exp.Alias, exp.Condition)):
            return _unread(sql, session, "it is no statement")
        return Statement("other", sql)
    except (SqlglotError, RecursionError, Unreadable) as error:
        return _unread(sql, session, _sentence(error))


def _parsed(sql: str, dialect: Dialect) -> Any:
    """The one statement of a text, its names in the engine's case. SqlglotError."""
    begin = _without_comments(sql)
    if dialect.name == "spark" and _REPLACE.match(begin):  # which says that there is one: else it is the same
        sql = f"CREATE OR {begin}"
    node = sqlglot.parse_one(sql, dialect=dialect.name, error_level=ErrorLevel.RAISE)
    if isinstance(node, exp.Command):
        return node
    return normalize_identifiers(node, dialect=dialect.name)


_REPLACE = re.compile(r"REPLACE\s+TABLE\b", re.IGNORECASE)


def _sentence(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, SqlglotError):
        details = getattr(error, "errors", None)
        place = (
            f" at line {details[0]['line']}, column {details[0]['col']}" if details and details[0].get("line") else ""
        )
        said = details[0]["description"].rstrip(".") if details else str(error).partition("\n")[0]
        said = said.partition(" but got <")[0].partition(" for <class")[0]
        return f"it cannot be parsed: {said}{place}"
    return str(error)


_TEMPLATE = re.compile(r"\{\{|\{%")


def _unread(sql: str, session: Session, reason: str) -> Statement:
    """The statement by its words alone: each table that is written, from each that is read."""
    if _TEMPLATE.search(sql):
        reason = f"{reason}. It is a template: give what it is compiled to"
    written, read_ = tables.tables(sql, session.dialect)
    written = tuple(name for name in written if name not in session.temporary)
    writes = tuple(Write(name, Effect.KEEP, inputs=read_, reason=reason) for name in written)
    return Statement("unknown", sql, writes, reason=reason)


# Writes of queries ----------------------------------------------------------------------------------------------------


def _select(node: Any, session: Session) -> Statement | None:
    into = node.args.get("into")
    if into is None:
        return Statement("select")
    query = node.copy()
    query.set("into", None)
    return _created(into.this, query, session, "create table", temporary=_is_temporary(into, into.this.name))


def _create(node: Any, session: Session) -> Statement | None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in {"TABLE", "VIEW"}:
        return None
    target = node.this.this if isinstance(node.this, exp.Schema) else node.this
    name = table_name(target, session.dialect)
    clone = node.args.get("clone")
    if clone is not None:
        return _created(target, exp.select("*").from_(clone.this.copy()), session, "create table")
    query = node.expression
    missing = (name,) if node.args.get("exists") else ()
    if query is None:
        temporary = _is_temporary(node, name)
        altered = () if temporary else (name,)
        return Statement("create table", created=_defined(name, node, session), altered=altered, if_missing=missing)
    query = _with_common(node, query)
    names = [one.name for one in node.this.expressions] if isinstance(node.this, exp.Schema) else []
    if any(not isinstance(one, (exp.Identifier, exp.ColumnDef)) for one in getattr(node.this, "expressions", ())):
        names = []
    told = f"create {kind.lower()}"
    found = _created(target, query, session, told, names=names, temporary=_is_temporary(node, name))
    writes = tuple(replace(one, if_missing=bool(missing)) for one in found.writes)
    return replace(found, writes=writes, if_missing=missing if writes else ())


def _is_temporary(node: Any, name: str) -> bool:
    if node.args.get("temporary"):
        return True
    properties = node.args.get("properties")
    listed = properties.expressions if properties else ()
    return any(isinstance(one, exp.TemporaryProperty) for one in listed) or name.rpartition(".")[2].startswith("#")


def _created(
    target: Any, query: Any, session: Session, kind: str, *, names: Sequence[str] = (), temporary: bool = False
) -> Statement:
    """A table or view that a query makes. A temporary one is kept for the session, and is no dataset."""
    name = table_name(target, session.dialect)
    reader = _reader(session)
    try:
        found = reader.read(query, with_types=session.types)
        if names:
            found = _under(found, names)
    except Unreadable as error:
        if temporary:
            raise
        return Statement(kind, writes=(_dark(name, Effect.ALL, query, session, str(error)),))
    if temporary:
        session.temporary[name] = found
        return Statement("temporary table")
    write = _write(name, Effect.ALL, found, reader)
    created = {} if write.reason else {name: Known({one.name: one.type for one in write.columns})}
    return Statement(kind, writes=(write,), created=created)


def _under(found: Query, names: Sequence[str]) -> Query:
    if found.whole or len(names) != len(found.columns):
        raise Unreadable(f"{len(names)} names for {len(found.columns)} columns")
    pairs = zip(names, found.columns, strict=True)
    return Query([(name, value) for name, (_, value) in pairs], found.keys, types=found.types)


def _insert(node: Any, session: Session) -> Statement | None:
    target, names = node.this, None
    if isinstance(target, exp.Schema):
        target, names = target.this, [one.name for one in target.expressions]
    query = _with_common(node, node.expression)
    if isinstance(target, exp.Directory) or not isinstance(target, exp.Table):
        place = getattr(target, "this", None)
        if not isinstance(place, exp.Literal):
            return None
        return _unloaded(query, place.this, session, "insert")
    name = table_name(target, session.dialect)
    fixed = _partition(node, target)
    overwrite = bool(node.args.get("overwrite")) and not fixed
    effect = Effect.OVERWRITE if overwrite else Effect.KEEP
    reader = _reader(session)
    temporary = name in session.temporary or name.rpartition(".")[2].startswith("#")
    try:
        found = reader.read(query, with_types=session.types)
        if not node.args.get("by_name"):
            found = _placed(found, names, name, set(fixed), session)
    except Unreadable as error:
        if temporary:
            session.temporary.pop(name, None)
            return Statement("temporary table", reason=str(error))
        return Statement("insert", writes=(_dark(name, effect, query, session, str(error)),))
    if temporary:
        session.temporary[name] = _together(session.temporary.get(name), found)
        return Statement("temporary table")
    write = replace(_write(name, effect, found, reader), whole_rows=names is None, keeps_types=True)
    return Statement("insert", writes=(write,))


def _placed(found: Query, names: Sequence[str] | None, name: str, fixed: set[str], session: Session) -> Query:
    """The query's columns under the names of the table's, which INSERT takes by position."""
    if names is None:
        temporary = session.temporary.get(name)
        known = Known({column: "" for column, _ in temporary.columns}) if temporary else session.catalog(name)
        if known is None or not (known.ordered and known.whole):
            raise Unreadable(f"INSERT goes by position, and the columns of {name} are not known in their order")
        names = [column for column in known.columns if column.lower() not in fixed]
    if found.whole:
        raise Unreadable(f"it takes all columns of {_names_of(found.whole)}, which are not known")
    if len(names) < len(found.columns):
        raise Unreadable(f"it inserts {len(found.columns)} columns into {len(names)} of {name}")
    return _under(found, names[: len(found.columns)])


def _together(known: Query | None, more: Query) -> Query:
    """The rows of a temporary table and those that are inserted into it."""
    if known is None or known.whole or more.whole:
        return more
    added = dict(more.columns)
    columns = [(name, combine([value, added[name]], 0)._replace(text=value.text) if name in added else value)
               for name, value in known.columns]  # fmt: skip
    return Query(columns, [*known.keys, *more.keys])


def _partition(node: Any, target: Any) -> list[str]:
    """The partition columns that an INSERT names with a value: they are not among the query's columns."""
    found = node.args.get("partition") or target.args.get("partition")
    listed = found.expressions if found is not None else ()
    return [one.this.name.lower() for one in listed if isinstance(one, exp.EQ)]


def _with_common(node: Any, query: Any) -> Any:
    """The query with the WITH that stands before the statement."""
    common = node.args.get("with_") or node.args.get("with")
    if common is None or query is None or not hasattr(query, "ctes"):
        return query
    query = query.copy()
    key = "with_" if "with_" in exp.Select.arg_types else "with"
    own = query.args.get(key)
    query.set(key, exp.With(expressions=[*common.copy().expressions, *(own.expressions if own else [])]))
    return query


def _unloaded(query: Any, place: str, session: Session, kind: str = "unload") -> Statement:
    reader = _reader(session)
    try:
        found = reader.read(query, with_types=session.types)
    except Unreadable as error:
        return Statement(kind, writes=(_dark(place, Effect.KEEP, query, session, str(error)),))
    return Statement(kind, writes=(_write(place, Effect.KEEP, found, reader),))


def _unload(sql: str, dialect: Dialect) -> tuple[str, str] | None:
    """(query, place) of ``UNLOAD (query) TO 'place'``, which sqlglot does not parse; None: it is none."""
    begin = _without_comments(sql)
    if begin[:6].upper() != "UNLOAD":
        return None
    rest = begin[6:]  # as a whole it is one token for sqlglot
    tokens = sqlglot.tokenize(rest, dialect=dialect.name)
    level = 0
    for index, token in enumerate(tokens):
        level += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if level == 0:
            if index + 2 >= len(tokens) or tokens[index + 1].text.upper() != "TO":
                return None
            inside = tokens[1:index]
            quoted = len(inside) == 1 and inside[0].token_type not in {TokenType.VAR, TokenType.IDENTIFIER}
            query = inside[0].text if quoted else rest[tokens[0].end + 1 : token.start]
            return query, tokens[index + 2].text
    return None


def _without_comments(sql: str) -> str:
    """The text from its first word on: dbt and others begin with a comment."""
    rest = sql.lstrip()
    while rest.startswith(("--", "/*")):
        rest = rest.partition("\n" if rest.startswith("--") else "*/")[2].lstrip()
    return rest


# Writes of rows that stay where they are ------------------------------------------------------------------------------


def _update(node: Any, session: Session) -> Statement | None:
    """``UPDATE t SET a = x FROM s WHERE w`` is what ``SELECT x AS a FROM t, s WHERE w`` gives."""
    target = node.this
    pairs = [(one.this, one.expression) for one in node.expressions if isinstance(one, exp.EQ)]
    query = exp.Select(expressions=[exp.alias_(value.copy(), column.name) for column, value in pairs])
    query = query.from_(_bare(target))
    from_ = node.args.get("from_") or node.args.get("from")
    if from_ is not None:
        query = _beside(query, [from_.this])
    query = _joined(query, target)
    if node.args.get("where") is not None:
        query = query.where(node.args["where"].this.copy())
    return _row_level("update", target, _with_common(node, query), session)


def _delete(node: Any, session: Session) -> Statement | None:
    target = node.this
    if not isinstance(target, exp.Table):
        return None
    if node.args.get("where") is None and not node.args.get("using"):
        return _emptied(target, session)
    query = exp.Select(expressions=[exp.alias_(exp.Literal.number(1), "_")]).from_(_bare(target))
    query = _beside(query, node.args.get("using") or [])
    if node.args.get("where") is not None:
        query = query.where(node.args["where"].this.copy())
    found = _row_level("delete", target, _with_common(node, query), session)
    return replace(found, writes=tuple(replace(one, columns=()) for one in found.writes))


def _merge(node: Any, session: Session) -> Statement | None:
    """All values that a MERGE writes, as the columns of one SELECT over the target and its source."""
    target, using = node.this, node.args["using"]
    whens = node.args["whens"].expressions if node.args.get("whens") is not None else node.expressions
    query = exp.Select().from_(_bare(target)).join(using.copy(), on=node.args["on"].copy(), join_type="full")
    names: list[str] = []
    for when in whens:
        if when.args.get("condition") is not None:
            query = query.where(when.args["condition"].copy())
        for column, value in _assigned(when.args.get("then"), target, using, session):
            query = query.select(exp.alias_(value.copy(), f"_{len(names)}"))
            names.append(column)
    if not names:
        query = query.select(exp.alias_(exp.Literal.number(1), "_"))
    found = _row_level("merge", target, _with_common(node, query), session, names)
    return found if names else replace(found, writes=tuple(replace(one, columns=()) for one in found.writes))


def _assigned(then: Any, target: Any, using: Any, session: Session) -> Iterator[tuple[str, Any]]:
    """(column, value) of one WHEN of a MERGE. Unreadable: which columns ``*`` stands for is not known."""
    if isinstance(then, exp.Update):
        if any(isinstance(one, exp.Star) for one in then.expressions) or isinstance(then.this, exp.Star):
            yield from _all_assigned(target, using, session)
        for one in then.expressions:
            if isinstance(one, exp.EQ):
                yield one.this.name, one.expression
    if isinstance(then, exp.Insert):
        columns, values = then.this, then.expression
        if not isinstance(values, (exp.Tuple, exp.Values)):
            yield from _all_assigned(target, using, session)
            return
        cells = _cells(values)
        names = [one.name for one in columns.expressions] if columns is not None else []
        if not names:
            known = session.catalog(table_name(target, session.dialect))
            if known is None or not (known.ordered and known.whole):
                raise Unreadable("INSERT goes by position, and the columns of the target are not known in their order")
            names = list(known.columns)[: len(cells)]
        if len(names) != len(cells):
            raise Unreadable(f"it inserts {len(cells)} values into {len(names)} columns")
        yield from zip(names, cells, strict=True)


def _cells(values: Any) -> list[Any]:
    inside = list(values.expressions)
    if len(inside) == 1 and isinstance(inside[0], exp.Tuple):
        return list(inside[0].expressions)
    return inside


def _all_assigned(target: Any, using: Any, session: Session) -> Iterator[tuple[str, Any]]:
    """``UPDATE SET *``: each column of the target from that of the source."""
    known = session.catalog(table_name(target, session.dialect))
    if (known is None or not known.whole) and isinstance(using, exp.Table):
        known = session.catalog(table_name(using, session.dialect))
    if known is None or not known.whole:
        raise Unreadable("which columns * stands for is not known")
    for name in known.columns:
        yield name, exp.column(name, table=using.alias_or_name)


def _bare(target: Any) -> Any:
    copy = target.copy()
    for part in ("joins", "laterals"):
        copy.set(part, None)
    return copy


def _joined(query: Any, target: Any) -> Any:
    for join in target.args.get("joins") or ():
        query = query.join(join.this.copy(), on=join.args.get("on") and join.args["on"].copy())
    return query


def _beside(query: Any, sources: Iterable[Any]) -> Any:
    for source in sources:
        query = _joined(query.join(_bare(source), join_type="cross"), source)
    return query


def _row_level(kind: str, target: Any, query: Any, session: Session, names: Sequence[str] | None = None) -> Statement:
    """A statement that keeps the rows that it does not touch."""
    name = table_name(target, session.dialect)
    if name in session.temporary:
        return Statement("temporary table", reason=f"{kind.upper()} of a temporary table is not followed")
    reader = _reader(session)
    try:
        found = reader.read(query, with_types=session.types)
        if names:
            found = _by_name(found, names)
    except Unreadable as error:
        return Statement(kind, writes=(_dark(name, Effect.KEEP, query, session, str(error)),))
    write = _write(name, Effect.KEEP, found, reader)
    inputs = _used(write) | {one for one in write.inputs if one != name}
    return Statement(kind, writes=(replace(write, inputs=tuple(sorted(inputs)), whole_rows=False, keeps_types=True),))


def _by_name(found: Query, names: Sequence[str]) -> Query:
    """Several values of one column (of the UPDATE and the INSERT of a MERGE) are one."""
    values: dict[str, list[Value]] = {}
    for name, (_, value) in zip(names, found.columns, strict=True):
        values.setdefault(name, []).append(value)
    columns = [(name, several[0] if len(several) == 1 else combine(several, 0)._replace(text=several[0].text))
               for name, several in values.items()]  # fmt: skip
    return Query(columns, found.keys)


def _used(write: Write) -> set[str]:
    every = (*write.rows, *(source for column in write.columns for source in column.sources))
    return {source.dataset for source in every}


def _emptied(target: Any, session: Session) -> Statement:
    """All rows go: nothing of what was written before stands any more."""
    name = table_name(target, session.dialect)
    if name in session.temporary:
        found = session.temporary[name]
        session.temporary[name] = Query([(column, Value(literal=True)) for column, _ in found.columns])
        return Statement("temporary table")
    return Statement("truncate", writes=(Write(name, Effect.ALL, whole_rows=False),))


def _truncate(node: Any, session: Session) -> Statement | None:
    found = [_emptied(target, session) for target in node.expressions]
    return Statement("truncate", writes=tuple(write for one in found for write in one.writes))


# Files ----------------------------------------------------------------------------------------------------------------


def _copy(node: Any, session: Session) -> Statement | None:
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
        return _unloaded(query, end, session, "copy")
    name = table_name(target, session.dialect)
    given = [found for one in files if (found := _place(one)) is not None]
    listed = f" ({', '.join(names)})" if names else ""
    reason = f"COPY does not say which columns of the files go into which columns of the table{listed}"
    if not given and files and isinstance(files[0], exp.Subquery):
        given = [found for one in files[0].find_all(exp.Table) if (found := _place(one)) is not None]
        reason = "COPY out of a query over files names their columns by number"
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


# Definitions ----------------------------------------------------------------------------------------------------------


def _defined(name: str, node: Any, session: Session) -> Mapping[str, Known]:
    """The columns of a CREATE TABLE without a query."""
    listed = list(node.this.expressions) if isinstance(node.this, exp.Schema) else []
    properties = node.args.get("properties")
    for one in properties.expressions if properties else ():
        if isinstance(one, exp.PartitionedByProperty):
            listed += one.find_all(exp.ColumnDef)
    columns: dict[str, str] = {}
    for one in listed:
        if isinstance(one, exp.ColumnDef):
            kind = one.args.get("kind")
            columns[one.name] = kind.sql(session.dialect.name).lower() if kind is not None else ""
        if isinstance(one, exp.LikeProperty) and isinstance(one.this, exp.Table):
            known = session.catalog(table_name(one.this, session.dialect))
            columns.update(known.columns if known else {})
    return {name: Known(columns)} if columns else {}


def _alter(node: Any, session: Session) -> Statement | None:
    """A table under another name; columns that come, go, or get another name or type."""
    if not isinstance(node.this, exp.Table) or str(node.args.get("kind") or "").upper() not in {"TABLE", "VIEW"}:
        return None
    actions = [_column_renamed(node, one) for one in node.args.get("actions") or ()]
    for action in actions:
        if isinstance(action, exp.AlterRename):
            return _renamed_table(node.this, action.this, session)
        if isinstance(action, exp.SwapTable):
            return _swapped(node.this, action.this, session)
        if isinstance(action, exp.Query):
            return _created(node.this, action, session, "alter view")
    return _other_columns(table_name(node.this, session.dialect), actions, session)


def _other_columns(name: str, actions: Sequence[Any], session: Session) -> Statement:
    """What is not understood is said as `reason`, and then nothing is told of the columns: half of an ALTER is none."""
    try:
        steps = [step for action in actions for step in _steps(action, session.dialect)]
    except Unreadable as error:
        return Statement("alter table", altered=(name,), reason=str(error))
    renamed = tuple((name, step.column, step.new) for step in steps if step.new and step.new != step.column)
    retyped = tuple((name, step.new or step.column) for step in steps if step.retyped)
    known = session.catalog(name)
    told = Statement("alter table", renamed=renamed, retyped=retyped, altered=(name,))
    if known is None:
        return replace(told, reason=f"the columns of {name} are not known" if steps else "")
    columns, missing = dict(known.columns), []
    for step in steps:
        if step.needs and step.own(columns) is None:
            missing.append(step.column)
        columns = step.done(columns)
    reason = f"{name} is not known to have what it names: {', '.join(missing)}" if missing else ""
    return replace(told, created={name: known._replace(columns=columns)}, reason=reason)


class _Step(NamedTuple):
    """One change of a table's columns, whose names count without regard to case."""

    column: str
    new: str = ""  #: its name from now on, where that is another one
    type: str = ""
    retyped: bool = False
    gone: bool = False
    only: Mapping[str, str] | None = None  #: all columns from now on

    @property
    def needs(self) -> bool:
        """Whether it is about a column that is there."""
        return bool(self.new or self.retyped or self.gone)

    def own(self, columns: Mapping[str, str]) -> str | None:
        """Its column, as the table calls it."""
        return next((name for name in columns if name.lower() == self.column.lower()), None)

    def done(self, columns: Mapping[str, str]) -> dict[str, str]:
        """The columns after it."""
        if self.only is not None:
            return dict(self.only)
        own = self.own(columns)
        if self.gone:
            return {name: type_ for name, type_ in columns.items() if name != own}
        if not self.needs:
            return dict(columns) if own else {**columns, self.column: self.type}
        return {
            (self.new or name) if name == own else name: (self.type or type_) if name == own else type_
            for name, type_ in columns.items()
        }


def _column_renamed(alter: Any, action: Any) -> Any:
    """``ALTER TABLE t RENAME a TO b``, which sqlglot takes for a table's new name with an option."""
    to = next((one for one in alter.args.get("options") or () if isinstance(one, exp.ToTableProperty)), None)
    if isinstance(action, exp.AlterRename) and to is not None:
        return exp.RenameColumn(this=exp.column(action.this.name), to=exp.column(to.this.name))
    return action


def _steps(action: Any, dialect: Dialect) -> Iterator[_Step]:
    """What one action of an ALTER does to columns. Unreadable: it is not understood."""
    if isinstance(action, _OTHER_ACTIONS) and not action.args.get("location"):
        return
    for kind, reading in _ACTIONS:
        if isinstance(action, kind):
            yield from reading(action, dialect)
            return
    raise _not_read(action, dialect)


def _not_read(action: Any, dialect: Dialect) -> Unreadable:
    return Unreadable(f"ALTER is not read in this form: {' '.join(action.sql(dialect.name).split())[:_SHOWN]}")


def _added(action: Any, dialect: Dialect) -> Iterator[_Step]:
    yield _Step(action.name, type=_type_of(action, dialect))


def _replaced(action: Any, dialect: Dialect) -> Iterator[_Step]:
    yield _Step("", only={one.name: _type_of(one, dialect) for one in action.expressions})


def _gone(action: Any, dialect: Dialect) -> Iterator[_Step]:
    kind = str(action.args.get("kind") or "").upper()
    if kind in {"COLUMN", "COLUMNS"}:
        yield from (_Step(name, gone=True) for one in action.args.get("tables") or () for name in _names(one))
    elif kind != "CONSTRAINT":
        raise _not_read(action, dialect)


def _gone_by_text(action: Any, dialect: Dialect) -> Iterator[_Step]:
    """Snowflake's ``DROP a, b`` without the word COLUMN."""
    if not _DROPPED.fullmatch(f"{action.this} {action.expression}"):
        raise _not_read(action, dialect)
    for name in str(action.expression).split(","):
        yield _Step(name.strip(), gone=True)


def _under_another_name(action: Any, _dialect: Dialect) -> Iterator[_Step]:
    (old,), (new,) = _names(action.this), _names(action.args["to"])
    yield _Step(old, new=new)


def _changed(action: Any, dialect: Dialect) -> Iterator[_Step]:
    (column,) = _names(action.this)
    to, dtype = action.args.get("rename_to"), action.args.get("dtype")
    if to is not None or dtype is not None:
        type_ = dtype.sql(dialect.name).lower() if dtype is not None else ""
        yield _Step(column, to.name if to is not None else "", type_, retyped=to is None)


_ACTIONS: tuple[tuple[Any, Callable[[Any, Dialect], Iterator[_Step]]], ...] = (
    (exp.ColumnDef, _added),
    (exp.Schema, lambda action, dialect: (step for one in action.expressions for step in _steps(one, dialect))),
    (exp.ReplaceColumns, _replaced),
    (exp.Drop, _gone),
    (exp.Command, _gone_by_text),
    (exp.RenameColumn, _under_another_name),
    (exp.AlterColumn, _changed),
)
#: Actions of an ALTER that leave the columns as they are. SET LOCATION is none of them: other files, other columns.
_OTHER_ACTIONS = (
    exp.AddConstraint,
    exp.AddPartition,
    exp.AlterDistStyle,
    exp.AlterSet,
    exp.AlterSortKey,
    exp.ClusterProperty,
    exp.DropPartition,
)
_DROPPED = re.compile(r"DROP\s+[\w$]+(\s*,\s*[\w$]+)*", re.IGNORECASE)
_SHOWN = 60  #: characters of a statement in a reason


def _type_of(column: Any, dialect: Dialect) -> str:
    kind = column.args.get("kind")
    return kind.sql(dialect.name).lower() if kind is not None else ""


def _names(node: Any) -> list[str]:
    """Names of columns: one, or a list of them. Unreadable: a field within a column."""
    if isinstance(node, (exp.Schema, exp.Tuple)):
        return [name for one in node.expressions for name in _names(one)]
    if isinstance(node, exp.Paren):
        return _names(node.this)
    if isinstance(node, exp.Identifier) or (isinstance(node, exp.Column) and not node.table):
        return [str(node.name)]
    raise Unreadable(f"ALTER of a field within a column is not read: {node.sql()[:_SHOWN]}")


def _swapped(first: Any, second: Any, session: Session) -> Statement:
    """Snowflake's SWAP WITH: each has the columns of the other one, and its rows."""
    one, other = (table_name(table, session.dialect) for table in (first, second))
    columns = {one: session.catalog(other), other: session.catalog(one)}
    created = {name: known for name, known in columns.items() if known is not None}
    reason = f"{one} and {other} are swapped: each has the rows of the other, of which the columns alone are compared"
    return Statement("alter table", created=created, altered=(one, other), reason=reason)


def _renamed_table(old: Any, new: Any, session: Session) -> Statement:
    """``ALTER TABLE a RENAME TO b``: b is what a was. A new name without a database is in that of the old one."""
    name = table_name(old, session.dialect)
    other = new.copy()
    for part in ("db", "catalog"):
        if not other.args.get(part) and old.args.get(part):
            other.set(part, old.args[part].copy())
    if name in session.temporary:
        session.temporary[table_name(other, session.dialect)] = session.temporary.pop(name)
        return Statement("temporary table")
    found = _created(other, exp.select("*").from_(_bare(old)), session, "rename table")
    return replace(found, dropped=(name,))


def _drop(node: Any, session: Session) -> Statement | None:
    kind = str(node.args.get("kind") or "").upper()
    if kind in {"DATABASE", "SCHEMA"}:
        return Statement("drop", reason=f"DROP {kind} is not read: it does not say which tables go with it")
    if kind not in {"TABLE", "VIEW"}:
        return None
    names = [table_name(one, session.dialect) for one in node.args.get("tables") or () if isinstance(one, exp.Table)]
    lasting = tuple(name for name in names if name not in session.temporary)
    for name in names:
        session.temporary.pop(name, None)
    return Statement("drop", dropped=tuple(names), altered=lasting)


def _several(node: Any, session: Session) -> Statement:
    """Snowflake's INSERT ALL: one query into several tables."""
    del session
    raise Unreadable(f"{type(node).__name__} (one query into several tables) is not read")


def _command(node: Any, session: Session) -> Statement:
    """What sqlglot does not parse, and keeps as text."""
    word, rest = str(node.this).upper(), str(node.expression)
    if word in _WRITING_COMMANDS or (word == "ALTER" and " APPEND " in rest.upper()):
        raise Unreadable(f"{word} in this form is not read")
    if word == "ALTER" and rest.split(maxsplit=1)[:1] and rest.split(maxsplit=1)[0].upper() in {"TABLE", "VIEW"}:
        return _unparsed_alter(f"ALTER{rest}", session)
    return Statement("other")


def _unparsed_alter(sql: str, session: Session) -> Statement:
    """In the one other form that sqlglot knows for the same, or as not read."""
    plain = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", sql)  # a run would be read again and again
    end = max(plain.rfind(mark) for mark in "()'\"") + 1
    form = _PLACED.sub("", plain[:end] + _DROP_COLUMN.sub("DROP COLUMNS ", plain[end:]))
    if form != plain and isinstance(node := _parsed(form, session.dialect), exp.Alter):
        found = _alter(node, session)
        if found is not None:
            return found
    altered = tables.tables(sql, session.dialect)[0]
    if _OTHER_COMMANDS.fullmatch(plain):
        return Statement("alter table", altered=altered)
    return Statement(
        "alter table", altered=altered, reason=f"ALTER is not read in this form: {' '.join(sql.split())[:_SHOWN]}"
    )


_BLANKS = re.compile(r"\s+")
_DROP_COLUMN = re.compile(r"\bDROP\sCOLUMN\s", re.IGNORECASE)
_PLACED = re.compile(r"(\sCOMMENT\s'[^']*')?\s(FIRST|AFTER\s[\w`]+)\s?\Z", re.IGNORECASE)
#: Forms that sqlglot keeps as text, and that leave the columns as they are: one of them alone, after the table's name.
_OTHER_COMMANDS = re.compile(
    r"ALTER\s+(TABLE|VIEW)\s+\S+\s+(OWNER\s+TO|SET\s+PROPERTIES|UNSET\s+TBLPROPERTIES|RECOVER\s+PARTITIONS)\b[^,;]*",
    re.IGNORECASE,
)


_WRITING_COMMANDS = frozenset({"COPY", "CREATE", "INSERT", "MERGE", "UNLOAD", "UPDATE", "DELETE", "REPLACE", "REFRESH"})


_KINDS: tuple[tuple[Any, Callable[[Any, Session], Statement | None]], ...] = (
    (exp.Create, _create),
    (exp.Insert, _insert),
    (exp.Update, _update),
    (exp.Delete, _delete),
    (exp.Merge, _merge),
    (exp.Copy, _copy),
    (exp.TruncateTable, _truncate),
    (exp.Alter, _alter),
    (exp.Drop, _drop),
    (exp.MultitableInserts, _several),
    (exp.Select, _select),
    (exp.SetOperation, lambda _node, _session: Statement("select")),
    (exp.Command, _command),
)


# From values to columns -----------------------------------------------------------------------------------------------


def _reader(session: Session) -> Reader:
    return Reader(session.dialect, session.catalog, session.temporary)


def _names_of(tables: Iterable[Table]) -> str:
    return ", ".join(dict.fromkeys(table.name for table in tables))


def _dark(name: str, effect: Effect, query: Any, session: Session, reason: str) -> Write:
    """A write of which only the tables are known."""
    return Write(name, effect, inputs=tuple(_tables_of(query, session)), reason=reason)


def _tables_of(query: Any, session: Session) -> Iterator[str]:
    ctes = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    seen: set[str] = set()
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or (not table.db and table.name.lower() in ctes):
            continue
        name = table_name(table, session.dialect)
        used = session.temporary.get(name)
        names = [name] if used is None else sorted({one[0] for _, value in used.columns for one in value.direct})
        for one in names:
            if one not in seen:
                seen.add(one)
                yield one


def _write(name: str, effect: Effect, found: Query, reader: Reader) -> Write:
    inputs = dict.fromkeys(reader.tables)
    if found.whole:
        reason = f"it takes all columns of {_names_of(found.whole)}, which are not known"
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
