"""What the statements of a script do to each table, for producers that send the SQL of a run, but not its effect.

Airflow's provider, for one, reports ``CREATE TABLE``, ``TRUNCATE``, ``DELETE`` and ``INSERT`` alike: a dataset is an
output. A statement whose effect is not known is no answer for the whole script. Not here: where columns come from
(`statements`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from headwater.sql_bridge.model import Dialect, dialect_of
from headwater.sql_bridge.parsing import parsed
from headwater.sql_bridge.tables import split

#: Characters of a script that is read: the parser's work grows with it.
LONGEST = 20_000


class Did(Enum):
    """What statements did to a table, all together."""

    CREATED = "created"  #: an empty one was made, if there was none
    CHANGED = "changed"  #: rows or columns were taken away, or what describes it; nothing came from elsewhere
    EMPTIED = "emptied"
    DROPPED = "dropped"
    ADDED = "added"  #: rows were written beside those that may have been there
    REPLACED = "replaced"  #: whatever was there is gone, and other rows or another definition are there


Effects = dict[str, Did]


@lru_cache(256)
def effects(script: str, system: str = "") -> Mapping[str, Did]:
    """By the last part of each table's name, in lower case. Empty: there is a statement whose effect is not known.

    `system` is the database, by sqlglot's name or the scheme of its URIs (``postgres``, ``awsathena``).
    """
    if len(script) > LONGEST:
        return {}
    dialect = Dialect(dialect_of(system))
    found: Effects = {}
    try:
        for statement in split(script, dialect.name):
            for table, did in _read(parsed(statement, dialect)).items():
                found[table] = _after(found.get(table), did)
    except (SqlglotError, RecursionError, _NotKnown):
        return {}
    return found


class _NotKnown(Exception):
    """What a statement does is not known."""


def _after(before: Did | None, did: Did) -> Did:
    """What two statements did to a table, one after the other."""
    gone = before in (Did.DROPPED, Did.EMPTIED, Did.REPLACED)
    if did is Did.ADDED:
        return Did.REPLACED if gone else did
    if did is Did.CREATED and before is Did.DROPPED:
        return Did.EMPTIED
    if did in (Did.CREATED, Did.CHANGED) and before not in (None, Did.CREATED):
        return before
    return did


def _read(node: Any) -> Effects:
    """The tables of a statement, with what it does to them; none if it writes none. _NotKnown."""
    for kind, reading in _KINDS:
        if isinstance(node, kind):
            return reading(node)
    raise _NotKnown


def _created(node: Any) -> Effects:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in ("TABLE", "VIEW"):
        if kind in ("FUNCTION", "PROCEDURE", ""):
            raise _NotKnown
        return {}
    properties = {type(one) for one in node.find_all(exp.Property)}
    if exp.TemporaryProperty in properties:  # of no other session; its name may be that of a table that is kept
        return {}
    # LIKE and CLONE take from other tables, and an external table has the rows of its location.
    elsewhere = {exp.LikeProperty, exp.ExternalProperty, exp.LocationProperty} & properties or node.args.get("clone")
    rows = node.args.get("expression") is not None
    if node.args.get("exists"):
        made = Did.ADDED if rows or elsewhere else Did.CREATED
    elif rows or elsewhere:
        whole = node.args.get("replace") or (rows and exp.ExternalProperty not in properties)
        made = Did.REPLACED if whole else Did.ADDED
    else:
        made = Did.EMPTIED if node.args.get("replace") else Did.CREATED
    return {_name(node.this): made}


def _dropped(node: Any) -> Effects:
    if str(node.args.get("kind") or "").upper() not in ("TABLE", "VIEW"):
        return {}
    return dict.fromkeys(map(_name, node.args.get("tables") or [node.this]), Did.DROPPED)


def _emptied(node: Any) -> Effects:
    if node.args.get("partition"):
        return dict.fromkeys(map(_name, node.expressions), Did.CHANGED)
    return dict.fromkeys(map(_name, node.expressions), Did.EMPTIED)


def _deleted(node: Any) -> Effects:
    some = node.args.get("where") or node.args.get("using") or node.args.get("limit")
    return {_name(node.this): Did.CHANGED if some else Did.EMPTIED}


def _inserted(node: Any) -> Effects:
    if not node.this.find(exp.Table):  # into a directory
        raise _NotKnown
    whole = node.args.get("overwrite") and not node.args.get("partition") and not node.find(exp.Partition)
    return {_name(node.this): Did.REPLACED if whole else Did.ADDED}


def _updated(node: Any) -> Effects:
    return {_name(node.this): Did.ADDED}


def _altered(node: Any) -> Effects:
    """Columns and properties of a table. What moves rows or names is not known."""
    if not all(isinstance(action, _OF_COLUMNS) for action in node.args.get("actions") or [None]):
        raise _NotKnown
    return {_name(node.this): Did.CHANGED}


_OF_COLUMNS = (exp.ColumnDef, exp.AlterColumn, exp.RenameColumn, exp.AddConstraint, exp.Drop)


def _queried(node: Any) -> Effects:
    if any(each.args.get("into") for each in node.find_all(exp.Select)):
        raise _NotKnown
    return {}


def _command(node: Any) -> Effects:
    """What sqlglot keeps as text."""
    if str(node.this).upper() not in ("ANALYZE", "GRANT", "REVOKE", "RESET", "SAVEPOINT", "SET", "SHOW", "VACUUM"):
        raise _NotKnown
    return {}


def _nothing(_: Any) -> Effects:
    return {}


_KINDS: tuple[tuple[Any, Callable[[Any], Effects]], ...] = (
    (exp.Create, _created),
    (exp.Drop, _dropped),
    (exp.TruncateTable, _emptied),
    (exp.Delete, _deleted),
    (exp.Insert, _inserted),
    ((exp.Update, exp.Merge), _updated),
    (exp.Alter, _altered),
    (exp.Query, _queried),
    (exp.Command, _command),
    ((exp.Analyze, exp.Comment, exp.Commit, exp.Describe, exp.Grant, exp.Rollback, exp.Set, exp.Show), _nothing),
    ((exp.Transaction, exp.Use), _nothing),
)


def _name(node: Any) -> str:
    table = node if isinstance(node, exp.Table) else node.find(exp.Table)
    if table is None or not table.name:
        raise _NotKnown
    return str(table.name).lower()
