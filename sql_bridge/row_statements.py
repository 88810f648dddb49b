"""Statements that keep the rows that they do not touch: UPDATE, DELETE, MERGE; and TRUNCATE, which keeps none.

Each is read as the SELECT over the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from headwater.graphmodel.expressions.values import Value, combine
from headwater.graphmodel.model import Effect
from headwater.sql_bridge.model import Statement, Write
from headwater.sql_bridge.qualifying import table_name
from headwater.sql_bridge.query_statements import darkened, with_common
from headwater.sql_bridge.relations import Query, Unreadable
from headwater.sql_bridge.session import SessionState
from headwater.sql_bridge.writes import reader_of, unknown_columns, write_of


def update(node: Any, session: SessionState) -> Statement | None:
    """``UPDATE t SET a = x FROM s WHERE w`` is what ``SELECT x AS a FROM t, s WHERE w`` gives."""
    target = node.this
    pairs = [(one.this, one.expression) for one in node.expressions if isinstance(one, exp.EQ)]
    query = exp.Select(expressions=[exp.alias_(value.copy(), column.name) for column, value in pairs])
    query = query.from_(bare(target))
    from_ = node.args.get("from_") or node.args.get("from")
    if from_ is not None:
        query = _beside(query, [from_.this])
    query = _joined(query, target)
    if node.args.get("where") is not None:
        query = query.where(node.args["where"].this.copy())
    return _row_level("update", target, with_common(node, query), session)


def delete(node: Any, session: SessionState) -> Statement | None:
    """DELETE: no column has other values, but which rows there are depends on its conditions."""
    target = node.this
    if not isinstance(target, exp.Table):
        return None
    if node.args.get("where") is None and not node.args.get("using"):
        return _emptied(target, session)
    query = exp.Select(expressions=[exp.alias_(exp.Literal.number(1), "_")]).from_(bare(target))
    query = _beside(query, node.args.get("using") or [])
    if node.args.get("where") is not None:
        query = query.where(node.args["where"].this.copy())
    found = _row_level("delete", target, with_common(node, query), session)
    return replace(found, writes=tuple(replace(one, columns=()) for one in found.writes))


def merge(node: Any, session: SessionState) -> Statement | None:
    """All values that a MERGE writes, as the columns of one SELECT over the target and its source."""
    target, using = node.this, node.args["using"]
    whens = node.args["whens"].expressions if node.args.get("whens") is not None else node.expressions
    query = exp.Select().from_(bare(target)).join(using.copy(), on=node.args["on"].copy(), join_type="full")
    names: list[str] = []
    for when in whens:
        if when.args.get("condition") is not None:
            query = query.where(when.args["condition"].copy())
        for column, value in _assigned(when.args.get("then"), target, using, session):
            query = query.select(exp.alias_(value.copy(), f"_{len(names)}"))
            names.append(column)
    if not names:
        query = query.select(exp.alias_(exp.Literal.number(1), "_"))
    found = _row_level("merge", target, with_common(node, query), session, names)
    return found if names else replace(found, writes=tuple(replace(one, columns=()) for one in found.writes))


def _assigned(then: Any, target: Any, using: Any, session: SessionState) -> Iterator[tuple[str, Any]]:
    """(column, value) of one WHEN of a MERGE. Unreadable: which columns ``*`` stands for is not known."""
    if isinstance(then, exp.Update):
        if any(isinstance(one, exp.Star) for one in then.expressions) or isinstance(then.this, exp.Star):
            yield from _all_assigned(target, using, session)
        for one in then.expressions:
            if isinstance(one, exp.EQ):
                yield one.this.name, one.expression
    if isinstance(then, exp.Insert):
        if isinstance(then.this, exp.Star):
            yield from _all_assigned(target, using, session)
            return
        columns, cells = _inserted(then)
        names = [one.name for one in columns]
        if not names:
            known = session.catalog(table_name(target, session.dialect))
            if known is None or not (known.ordered and known.whole):
                raise Unreadable("INSERT goes by position, and the columns of the target are not known in their order")
            names = list(known.columns)[: len(cells)]
        if len(names) != len(cells):
            raise Unreadable(f"it inserts {len(cells)} values into {len(names)} columns")
        yield from zip(names, cells, strict=True)


def _inserted(insert: Any) -> tuple[list[Any], list[Any]]:
    """The columns that the INSERT of a MERGE lists, [] for none, and its values. Unreadable: another form of it."""
    columns, values = insert.this, insert.expression
    listed = list(columns.expressions) if isinstance(columns, exp.Tuple) else []
    if not values and len(listed) == 1 and isinstance(listed[0], exp.Anonymous) and listed[0].name.upper() == "VALUES":
        return [], list(listed[0].expressions)  # VALUES without columns, as Redshift's dialect is parsed
    if not isinstance(values, (exp.Tuple, exp.Values)):
        raise Unreadable("its INSERT is not read in this form")
    cells = list(values.expressions)
    return listed, list(cells[0].expressions) if len(cells) == 1 and isinstance(cells[0], exp.Tuple) else cells


def _all_assigned(target: Any, using: Any, session: SessionState) -> Iterator[tuple[str, Any]]:
    """``UPDATE SET *``: each column of the target from that of the source."""
    known = session.catalog(table_name(target, session.dialect))
    if (known is None or not known.whole) and isinstance(using, exp.Table):
        known = session.catalog(table_name(using, session.dialect))
    if known is None or not known.whole:
        raise Unreadable("which columns * stands for is not known")
    for name in known.columns:
        yield name, exp.column(name, table=using.alias_or_name)


def bare(target: Any) -> Any:
    """A copy of a table in a statement, without what is joined to it there."""
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
        query = _joined(query.join(bare(source), join_type="cross"), source)
    return query


def _row_level(
    kind: str, target: Any, query: Any, session: SessionState, names: Sequence[str] | None = None
) -> Statement:
    """A statement that keeps the rows that it does not touch."""
    name = table_name(target, session.dialect)
    if name in session.temporary:
        reason = f"{kind.upper()} of a temporary table is not followed"
        if kind == "delete":  # the values of the rows that stay are what they were
            return Statement("temporary table", reason=reason)
        return darkened(name, query, session, reason)
    reader = reader_of(session)
    try:
        found = reader.read(query, with_types=session.types)
        if names:
            found = _by_name(found, names)
    except Unreadable as error:
        return Statement(kind, writes=(unknown_columns(name, Effect.KEEP, query, session, str(error)),))
    write = write_of(name, Effect.KEEP, found, reader)
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


def _emptied(target: Any, session: SessionState) -> Statement:
    """All rows go: nothing of what was written before stands any more."""
    name = table_name(target, session.dialect)
    if name in session.temporary:
        found = session.temporary[name]
        session.temporary[name] = Query([(column, Value(literal=True)) for column, _ in found.columns])
        return Statement("temporary table")
    return Statement("truncate", writes=(Write(name, Effect.ALL, whole_rows=False),))


def truncate(node: Any, session: SessionState) -> Statement | None:
    """TRUNCATE of one table or several."""
    found = [_emptied(target, session) for target in node.expressions]
    return Statement("truncate", writes=tuple(write for one in found for write in one.writes))
