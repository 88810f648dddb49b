"""Statements that change what a table is: ALTER and DROP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlglot import exp

from headwater.sql_bridge import tables
from headwater.sql_bridge.model import Dialect, Statement
from headwater.sql_bridge.parsing import parsed
from headwater.sql_bridge.qualifying import table_name
from headwater.sql_bridge.query_statements import table_of_query
from headwater.sql_bridge.relations import Unreadable
from headwater.sql_bridge.row_statements import bare
from headwater.sql_bridge.session import SessionState


def alter(node: Any, session: SessionState) -> Statement | None:
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
            return table_of_query(node.this, action, session, "alter view")
    return _other_columns(table_name(node.this, session.dialect), actions, session)


def _other_columns(name: str, actions: Sequence[Any], session: SessionState) -> Statement:
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


def _swapped(first: Any, second: Any, session: SessionState) -> Statement:
    """Snowflake's SWAP WITH: each has the columns of the other one, and its rows."""
    one, other = (table_name(table, session.dialect) for table in (first, second))
    columns = {one: session.catalog(other), other: session.catalog(one)}
    created = {name: known for name, known in columns.items() if known is not None}
    reason = f"{one} and {other} are swapped: each has the rows of the other, of which the columns alone are compared"
    return Statement("alter table", created=created, altered=(one, other), reason=reason)


def _renamed_table(old: Any, new: Any, session: SessionState) -> Statement:
    """``ALTER TABLE a RENAME TO b``: b is what a was. A new name without a database is in that of the old one."""
    name = table_name(old, session.dialect)
    other = new.copy()
    for part in ("db", "catalog"):
        if not other.args.get(part) and old.args.get(part):
            other.set(part, old.args[part].copy())
    if name in session.temporary:
        session.temporary[table_name(other, session.dialect)] = session.temporary.pop(name)
        return Statement("temporary table")
    found = table_of_query(other, exp.select("*").from_(bare(old)), session, "rename table")
    return replace(found, dropped=(name,))


def drop(node: Any, session: SessionState) -> Statement | None:
    """DROP of tables and views; that of a whole schema is said, not followed."""
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


def unparsed_alter(sql: str, session: SessionState) -> Statement:
    """In the one other form that sqlglot knows for the same, or as not read."""
    plain = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", sql)  # a run would be read again and again
    end = max(plain.rfind(mark) for mark in "()'\"") + 1
    form = _PLACED.sub("", plain[:end] + _DROP_COLUMN.sub("DROP COLUMNS ", plain[end:]))
    if form != plain and isinstance(node := parsed(form, session.dialect), exp.Alter):
        found = alter(node, session)
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
