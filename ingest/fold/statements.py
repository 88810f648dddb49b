"""What statements show in the graph: tags and properties, on the nodes that are there and on those that come later.

Also the datasets that systems list, with their other names.

One object a batch, settled last: it looks at the nodes that the batch made or removed, and at the statements that
came. The rules are those of `graphmodel.statements`. Only what the batch touches is looked up, however many statements
there are: those about a new node by its id, and the node of a new statement by its id. Patterns alone are compared
with nodes: all patterns with each new node, and a new pattern with all nodes whose id begins like it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

import orjson

from headwater.graphmodel import ids
from headwater.graphmodel.delta import Part, vertex
from headwater.graphmodel.renaming import name_pairs
from headwater.graphmodel.statements.effective import StatementIndex, alias_pairs, latest, withdrawn_by
from headwater.graphmodel.statements.model import (
    CALLED,
    DATASET,
    DESCRIPTION,
    FACTS,
    LABELS,
    PEOPLE,
    RETIRED,
    TAG,
    Key,
    Said,
    Snapshot,
    Statement,
)
from headwater.graphmodel.statements.shown import edge_of, said_of, tag_edges, tag_vertex
from headwater.ingest.fold import rows
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.reference_counts import settle_alias
from headwater.ingest.fold.tables import Tables

_IDS_OF_A_QUERY = 500  #: SQLite before 3.32 takes 999 values in a query
_LAST_CHARACTER = "\U0010ffff"  #: behind every id that begins alike


class StatementViews:
    """The changes of one batch in what statements show."""

    def __init__(self, tables: Tables, changes: Changes) -> None:
        self._tables = tables
        self._db = tables.connection
        self._changes = changes
        self._changed: dict[Key, Statement] = {}
        self._listed_before: dict[Key, Statement | None] = {}  # of the kinds that name datasets, before the batch

    def accept(self, said: Said) -> None:
        """A statement or a snapshot came, earlier or later than those that it replaces."""
        if isinstance(said, Statement):
            self._accept_statement(said)
            return
        last = self._snapshot_rank(said.source, said.scope)
        if last is None or said.rank > last:
            self._db.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)",
                (said.source, said.scope, *said.rank, said.digest),
            )
            self._withdraw_what_is_not_listed(said)
        for one in said.statements:
            self._accept_statement(one)

    def retired_datasets(self) -> list[str]:
        """The datasets in the graph before this batch that were said to be dropped, or no longer are."""
        about = (one for one in self._changed.values() if one.kind == TAG and one.value == RETIRED)
        return sorted({node for one in about for node, label in self._nodes_of(one).items() if label == "dataset"})

    def settle_listed(self) -> list[str]:
        """Give datasets the other names that systems list. The datasets that are listed otherwise than before."""
        counts: Counter[tuple[str, str]] = Counter()
        names: Counter[tuple[tuple[str, str], bool]] = Counter()
        for key, before in self._listed_before.items():
            counts.subtract(alias_pairs(before) if before else ())
            counts.update(alias_pairs(self._changed[key]))
            called = key.kind == CALLED
            names.subtract((pair, called) for pair in (name_pairs(before) if before else ()))
            names.update((pair, called) for pair in name_pairs(self._changed[key]))
        for (pair, called), count in names.items():
            if count:
                self._tables.count_listed_name(pair, count, called=called)
        for alias, count in counts.items():
            if count and self._tables.count_alias(alias, count):
                settle_alias(self._tables, self._changes, *alias)
        return sorted({key.subject for key in self._listed_before if key.kind == DATASET})

    def settle(self) -> None:
        """Work out what changes, for the nodes and the statements of this batch."""
        for node in self._changes.removed_vertices():
            self._forget(node)
        new = self._changes.vertices_of(*LABELS)
        if not new and not self._changed:
            return
        touched_tags: dict[str, set[str]] = {}  # by node: only these tags can have changed
        changed: dict[str, str] = {}  # nodes of which properties can have changed: id -> label
        for one in self._changed.values():
            for node, label in self._nodes_of(one).items():
                if one.kind in (DATASET, DESCRIPTION, FACTS):
                    changed[node] = label
                elif one.kind == TAG:
                    touched_tags.setdefault(node, set()).add(one.value)
        about = self._about({*new, *touched_tags, *changed})
        had = self._tags_of({*new, *touched_tags})
        for node in sorted(node for node in {*new, *touched_tags} if about[node] or node in had):
            self._settle_tags(node, about[node], had.get(node, set()), None if node in new else touched_tags[node])
        for node, label in {**changed, **new}.items():
            said = said_of(node, about[node]) if about[node] else {}
            if said:
                self._changes.amend(vertex(node, label, **said))

    def _accept_statement(self, one: Statement) -> None:
        snapshot = None if one.source == PEOPLE else self._snapshot_rank(one.source, one.scope)
        counts = withdrawn_by(one, snapshot) if snapshot else one
        before = self._changed.get(one.key) or self._counting(one.key)
        if latest(before, counts) is counts:
            self._put(counts)

    def _withdraw_what_is_not_listed(self, snapshot: Snapshot) -> None:
        listed = {one.key for one in snapshot.statements}
        query = "SELECT statement FROM statements WHERE source = ? AND scope = ? AND source <> 'people'"
        for one in _statements(self._db.execute(query, (snapshot.source, snapshot.scope)).fetchall()):
            counts = one if one.key in listed else withdrawn_by(one, snapshot.rank)
            if counts is not one:
                self._put(counts)

    def _put(self, one: Statement) -> None:
        if one.kind in (DATASET, CALLED) and one.key not in self._listed_before:
            self._listed_before[one.key] = self._counting(one.key)
        self._changed[one.key] = one
        self._db.execute("INSERT OR REPLACE INTO statements VALUES (?, ?, ?, ?, ?, ?, ?)", rows.statement_values(one))

    def _settle_tags(self, node: str, about: list[Statement], had: set[str], only: set[str] | None) -> None:
        """Add the edges of a node to its tags, and remove those to tags that it `had` and has not any more.

        `only` these tags can have changed; None: the node is made in this batch, and its edges with it.
        """
        edges = tag_edges(node, about)
        for tag in edges if only is None else sorted(edges.keys() & only):
            if tag not in had:
                self._db.execute("INSERT INTO tagged VALUES (?, ?)", (tag, node))
            self._changes.add(Part((tag_vertex(tag),), (edges[tag],)))
        for tag in sorted(had - edges.keys()):
            self._db.execute("DELETE FROM tagged WHERE tag = ? AND node = ?", (tag, node))
            self._changes.remove_edge(edge_of(node, tag))
            self._drop_unused(tag)

    def _tags_of(self, nodes: Iterable[str]) -> dict[str, set[str]]:
        """The tags that nodes have so far; those without any are left out."""
        found: dict[str, set[str]] = {}
        for some in _chunks(sorted(nodes)):
            marks = ", ".join("?" * len(some))
            query = f"SELECT node, tag FROM tagged WHERE node IN ({marks})"  # noqa: S608 - question marks alone
            for node, tag in self._db.execute(query, some):
                found.setdefault(node, set()).add(tag)
        return found

    def _forget(self, node: str) -> None:
        """A node was removed, and its edges with it."""
        tags = [tag for (tag,) in self._db.execute("SELECT tag FROM tagged WHERE node = ?", (node,))]
        if tags:
            self._db.execute("DELETE FROM tagged WHERE node = ?", (node,))
        for tag in tags:
            self._drop_unused(tag)

    def _drop_unused(self, tag: str) -> None:
        if not self._db.execute("SELECT 1 FROM tagged WHERE tag = ? LIMIT 1", (tag,)).fetchone():
            self._changes.remove_vertex(ids.tag_id(tag))

    # looked up

    def _counting(self, key: Key) -> Statement | None:
        query = """SELECT statement FROM statements
            WHERE kind = ? AND subject = ? AND value = ? AND source = ? AND scope = ?"""
        found = self._db.execute(query, key).fetchone()
        return rows.statement_of(found[0]) if found else None

    def _snapshot_rank(self, source: str, scope: str) -> tuple[int, str] | None:
        query = "SELECT at, id FROM snapshots WHERE source = ? AND scope = ?"
        found: tuple[int, str] | None = self._db.execute(query, (source, scope)).fetchone()
        return found

    @cached_property
    def _patterns(self) -> StatementIndex:
        """The patterns that are not withdrawn."""
        return StatementIndex(_statements(self._db.execute("SELECT statement FROM statements WHERE pattern")))

    def _about(self, nodes: Iterable[str]) -> dict[str, list[Statement]]:
        """The statements that count and are about these nodes."""
        found = {node: self._patterns.about(node) if self._patterns else [] for node in nodes}
        for some in _chunks(sorted(found)):
            marks = ", ".join("?" * len(some))
            query = f"SELECT statement FROM statements WHERE subject IN ({marks})"  # noqa: S608 - question marks alone
            for one in _statements(self._db.execute(query, some)):
                found[one.subject].append(one)
        columns = [node for node in found if ids.split_node(node)[1] is not None]
        listings: dict[str, list[Statement]] = {}
        for some in _chunks(sorted({ids.split_node(node)[0] for node in columns})):
            marks = ", ".join("?" * len(some))
            query = f"SELECT statement FROM statements WHERE kind = '{DATASET}' AND subject IN ({marks})"  # noqa: S608
            for one in _statements(self._db.execute(query, some)):
                listings.setdefault(one.subject, []).append(one)
        for node in columns:
            found[node] += listings.get(ids.split_node(node)[0], ())
        return found

    def _nodes_of(self, one: Statement) -> dict[str, str]:
        """The nodes in the graph that a statement is about: id -> label."""
        if one.is_pattern:
            return {node: label for node, label in self._beginning_like(one.subject) if one.matches(node)}
        dataset, column = ids.split_node(one.subject)
        found = self._db.execute("SELECT columns FROM datasets WHERE uri = ?", (dataset,)).fetchone()
        if found and one.kind == DATASET:
            columns = (ids.column_id(dataset, name) for name in orjson.loads(found[0]))
            return {one.subject: "dataset", **dict.fromkeys(columns, "column")}
        if found and column is None:
            return {one.subject: "dataset"}
        if found and column in orjson.loads(found[0]):
            return {one.subject: "column"}
        job = self._db.execute("SELECT 1 FROM logics WHERE job = ? LIMIT 1", (one.subject,)).fetchone()
        return {one.subject: "job"} if job else {}

    def _beginning_like(self, pattern: str) -> Iterator[tuple[str, str]]:
        """The nodes whose id can begin as the pattern does up to its first ``*``."""
        start, (dataset, column) = pattern.partition("*")[0], ids.split_node(pattern)
        first = dataset.partition("*")[0]
        query = "SELECT uri, columns FROM datasets WHERE uri BETWEEN ? AND ?"
        for uri, columns in self._db.execute(query, (first, first + _LAST_CHARACTER)):
            if column is None:
                yield uri, "dataset"
            else:
                yield from ((ids.column_id(uri, name), "column") for name in orjson.loads(columns))
        if column is None:
            query = "SELECT DISTINCT job FROM logics WHERE job BETWEEN ? AND ?"
            yield from ((job, "job") for (job,) in self._db.execute(query, (start, start + _LAST_CHARACTER)))


def effective_statements(db: sqlite3.Connection) -> StatementIndex:
    """All statements that count, out of the derived tables."""
    return StatementIndex(_statements(db.execute("SELECT statement FROM statements")))


def _statements(found: Iterable[tuple[bytes]]) -> Iterator[Statement]:
    return (rows.statement_of(text) for (text,) in found)


def _chunks(nodes: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(nodes), _IDS_OF_A_QUERY):
        yield nodes[start : start + _IDS_OF_A_QUERY]
