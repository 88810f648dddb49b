"""Compares what statements of SQL would write with what is written now, and DDL with the columns there are. Pure.

Columns are compared by where they come from. Their expressions too, in the words of sqlglot: Spark and the engines
write one expression in several ways, so a difference in words alone is none, as far as it can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from headwater.check.difference import ADD, Difference
from headwater.graphmodel.ids import column_id, split_node
from headwater.graphmodel.model import Origin
from headwater.queries.answers.answer import Answer
from headwater.queries.answers.grades import Change
from headwater.sql_bridge.model import Statement, Write

Source = tuple[str, str, str]  #: id of the source column, type, subtype
NodeOf = Callable[[str], str]
"""The name of a dataset in the statement -> the id of its node."""


@dataclass
class Written:
    """What is written into a dataset: of each column its sources, and its expressions; the same of the rows."""

    columns: dict[str, set[Source]] = field(default_factory=dict)
    rows: set[Source] = field(default_factory=set)
    told: dict[str, set[str]] = field(default_factory=dict)  #: column, or "" for the rows -> expressions
    jobs: set[str] = field(default_factory=set)


def written_now(answer: Answer) -> Written:
    """From a lineage answer of the dataset: upstream, one hop, all types, by column. Whichever jobs write it."""
    found = Written()
    for edge in answer.edges:
        dataset, column = split_node(edge.target)
        if "#" not in edge.source or dataset != answer.root:
            continue
        source = (edge.source, edge.type, edge.subtype or "")
        (found.rows if column is None else found.columns.setdefault(column, set())).add(source)
        if edge.expression and (column is None or edge.type == _DIRECT):
            found.told.setdefault(column or "", set()).add(edge.expression)
        if edge.job:
            found.jobs.add(edge.job)
    for node in answer.nodes:
        if node.label == "column" and node.distance == 0:
            column = split_node(node.id)[1] or ""
            found.columns.setdefault(column, set())
            if node.origin and node.expression:
                found.told.setdefault(column, set()).add(node.expression)
    return found


_DIRECT = "DIRECT"


def written_by(write: Write, node_of: NodeOf) -> Written:
    """The same of a statement."""
    found = Written()
    for column in write.columns:
        name = column.name.lower()
        found.columns[name] = {
            (column_id(node_of(one.dataset), one.column), one.type.value, one.subtype.value) for one in column.sources
        }
        if column.expression:
            found.told[name] = {column.expression}
    for one in write.rows:
        found.rows.add((column_id(node_of(one.dataset), one.column), one.type.value, one.subtype.value))
        if one.expression:
            found.told.setdefault("", set()).add(one.expression)
    return found


def differences(
    dataset: str,
    old: Written,
    new: Written,
    types: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    whole_rows: bool = True,
    guess_renames: bool = False,
) -> Iterator[Difference]:
    """What a statement would do differently. `types`: of the columns now, and after it, as far as they are known.

    `whole_rows`: the statement writes all columns, so that one that it does not write is dropped.
    """
    gone = [column for column in sorted(old.columns) if whole_rows and column not in new.columns]
    added = [column for column in sorted(new.columns) if column not in old.columns]
    renamed = dict(_renamed(gone, added, old, new)) if guess_renames else {}
    for column in gone:
        if column in renamed:
            yield Difference(dataset, column, Change.RENAME.value, column, renamed[column], guessed=True)
        else:
            yield Difference(dataset, column, Change.DROP.value, _text(old, column))
    for column in sorted(old.columns.keys() & new.columns.keys()):
        before, after = (kind(side.get(column, "")) for side in types)
        if before and after and before != after:
            yield Difference(dataset, column, Change.RETYPE.value, before, after)
        elif old.columns[column] != new.columns[column] or not _alike(old.told.get(column), new.told.get(column)):
            yield Difference(dataset, column, Change.SEMANTICS.value, _text(old, column), _text(new, column))
    for column in added:
        if column not in renamed.values():
            yield Difference(dataset, column, ADD, None, _text(new, column))
    if old.columns and old.rows != new.rows:
        yield Difference(dataset, None, Change.ROWS.value, _of_rows(old, new), _of_rows(new, old))


def _renamed(gone: list[str], added: list[str], old: Written, new: Written) -> Iterator[tuple[str, str]]:
    """A column that is gone, and a new one that comes from the same; none where several could be meant."""
    for column in gone:
        same = [one for one in added if new.columns[one] == old.columns[column] and old.columns[column]]
        if len(same) == 1:
            yield column, same[0]


def _alike(old: set[str] | None, new: set[str] | None) -> bool:
    """Whether expressions say the same; where one side says none, that is not known, and taken for the same."""
    if not old or not new:
        return True
    return {plain(one) for one in new} <= {plain(one) for one in old}


@lru_cache(10_000)
def plain(expression: str) -> str:
    """What stands for an expression however it is written: without tables, quotes, names and parentheses."""
    try:
        said = sqlglot.parse_one(expression, dialect="spark").sql("spark")  # one word for functions that have several
        root = exp.Paren(this=sqlglot.parse_one(said, dialect="spark"))
    except (SqlglotError, RecursionError):
        return " ".join(expression.lower().split())
    for column in list(root.find_all(exp.Column)):
        column.replace(exp.column(column.name.lower()))
    for paren in [one for one in root.find_all(exp.Paren) if one is not root]:
        paren.replace(paren.this)
    return repr(root.this.unalias())  # the tree, which says what goes together


def _text(side: Written, column: str) -> str:
    told = side.told.get(column)
    return ", ".join(sorted(told)) if told else ", ".join(sorted(_short(source) for source in side.columns[column]))


def _of_rows(side: Written, other: Written) -> str:
    return ", ".join(sorted(f"{subtype}: {_short((node,))}" for node, _, subtype in side.rows - other.rows))


def _short(source: tuple[str, ...]) -> str:
    dataset, column = split_node(source[0])
    return f"{dataset.rpartition('/')[2]}#{column}"


# Types and definitions ------------------------------------------------------------------------------------------------

#: Texts of any length are one type, as Spark has it.
_TEXTS = frozenset({"varchar", "char", "text", "nvarchar", "nchar", "string", "bpchar"})


@lru_cache(10_000)
def kind(text: str, dialect: str = "") -> str:
    """A type in Spark's words, whichever engine's it was; empty for one that is none."""
    if not text:
        return ""
    try:
        node = exp.DataType.build(text, dialect=dialect or "spark")
    except (SqlglotError, ValueError):
        return text.strip().lower()
    if node.this.value.lower() in _TEXTS:
        return "string"
    return node.sql("spark").lower().replace(", ", ",")


def definitions(
    statement: Statement, now: Callable[[str], Mapping[str, str] | None], node_of: NodeOf, dialect: str
) -> Iterator[tuple[str, list[Difference]]]:
    """(node, differences) of each dataset that DDL changes. `now`: its columns with their types; None: no such one.

    Of a script, all its statements together: what comes out in the end counts.
    """
    for name in statement.dropped:
        if now(name) is not None:
            yield node_of(name), [Difference(node_of(name), None, Change.DROP.value)]
    renamed = {(table, old.lower()): new.lower() for table, old, new in statement.renamed}
    retyped = {(table, column.lower()) for table, column in statement.retyped}
    for name, known in statement.created.items():
        old = now(name)
        if old is None:
            continue
        node, said = node_of(name), {column.lower(): type_ for column, type_ in known.columns.items()}
        # what the statement leaves as it is has its type in the words of the graph, not of the statement's engine
        new = {column: kind(type_, "" if type_ == old.get(column) else dialect) for column, type_ in said.items()}
        found = []
        for column, before in old.items():
            other = renamed.get((name, column))
            if other is not None:
                found.append(Difference(node, column, Change.RENAME.value, column, other))
            elif column not in new:
                found.append(Difference(node, column, Change.DROP.value, before or None))
            elif kind(before) and new[column] and kind(before) != new[column]:
                found.append(Difference(node, column, Change.RETYPE.value, kind(before), new[column]))
            elif not before and new[column] and (name, column) in retyped:
                found.append(Difference(node, column, Change.RETYPE.value, None, new[column]))
        added = new.keys() - old.keys() - set(renamed.values())
        found += [Difference(node, column, ADD, None, new[column] or None) for column in sorted(added)]
        yield node, found


def unresolved(write: Write) -> list[str]:
    """The columns of which nothing says where they come from: no table that is read has what they name."""
    return [one.name for one in write.columns if one.origin is Origin.UNRESOLVED or not one.resolved]
