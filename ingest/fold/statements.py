"""What people state, brought into the graph: tags and descriptions, on the nodes there are and on those that come.

One object a batch, settled last: it looks at the nodes that the batch made or removed, and at the statements that came.
The rules are those of `graphmodel.statements`; without any statement it asks the tables once and changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import orjson

from headwater.graphmodel import ids, statements
from headwater.graphmodel.elements import Part
from headwater.graphmodel.statements import DESCRIPTION, LABELS, Key, Statement
from headwater.ingest.fold.changes import Changes


class Stated:
    """The changes of one batch in what statements show."""

    def __init__(self, db: sqlite3.Connection, changes: Changes) -> None:
        self._db = db
        self._changes = changes
        self._came: dict[Key, Statement] = {}

    def take(self, statement: Statement) -> None:
        """A statement came."""
        key = statement.key
        before = self._came.get(key) or self._standing(key)
        if statements.latest(before, statement) is statement:
            self._came[key] = statement
            said = statements.text(statement)
            self._db.execute("INSERT OR REPLACE INTO statements VALUES (?, ?, ?, ?)", (*key, said))

    def settle(self) -> None:
        """Work out what changes, for the nodes and the statements of this batch."""
        counting = counting_statements(self._db)
        if not counting:
            return
        about = statements.by_tag(counting)
        for node in self._changes.removed_vertices():
            self._forget(node)
        fresh = self._changes.vertices_of(*LABELS)
        for tag, given in about.items():
            for node in fresh:
                self._settle_tag(node, tag, given)
        for tag, came in statements.by_tag(self._came).items():
            for node in sorted(self._nodes(s.subject for s in came).keys() - fresh.keys()):
                self._settle_tag(node, tag, about[tag])
        subjects = [s.subject for s in self._came.values() if s.kind == DESCRIPTION]
        for node, label in {**fresh, **self._nodes(subjects)}.items():
            seen = statements.described(node, label, counting)
            if seen:
                self._changes.amend(seen)

    def _settle_tag(self, node: str, tag: str, about: list[Statement]) -> None:
        edge = statements.tag_edge(node, tag, about)
        if edge:
            self._db.execute("INSERT OR IGNORE INTO tagged VALUES (?, ?)", (tag, node))
            self._changes.add(Part((statements.tag_vertex(tag),), (edge,)))
        elif self._db.execute("DELETE FROM tagged WHERE tag = ? AND node = ?", (tag, node)).rowcount:
            self._changes.remove_edge(statements.edge_of(node, tag))
            self._drop_unused(tag)

    def _forget(self, node: str) -> None:
        """A node went, and its edges with it."""
        tags = [tag for (tag,) in self._db.execute("SELECT tag FROM tagged WHERE node = ?", (node,))]
        self._db.execute("DELETE FROM tagged WHERE node = ?", (node,))
        for tag in tags:
            self._drop_unused(tag)

    def _drop_unused(self, tag: str) -> None:
        if not self._db.execute("SELECT 1 FROM tagged WHERE tag = ? LIMIT 1", (tag,)).fetchone():
            self._changes.remove_vertex(ids.tag_id(tag))

    def _standing(self, key: Key) -> Statement | None:
        query = "SELECT statement FROM statements WHERE kind = ? AND subject = ? AND value = ?"
        found = self._db.execute(query, key).fetchone()
        return statements.parse(found[0]) if found else None

    def _nodes(self, subjects: Iterable[str]) -> dict[str, str]:
        """The nodes in the graph that these subjects, ids or patterns, are about: id -> label."""
        listed = list(subjects)
        found = dict(self._all()) if listed else {}
        exact = {s for s in listed if "*" not in s}
        patterns = [statements.pattern(s) for s in listed if "*" in s]
        return {n: label for n, label in found.items() if n in exact or any(p.fullmatch(n) for p in patterns)}

    def _all(self) -> Iterator[tuple[str, str]]:
        for uri, columns in self._db.execute("SELECT uri, columns FROM datasets"):
            yield uri, "dataset"
            yield from ((ids.column_id(uri, name), "column") for name in orjson.loads(columns))
        for (job,) in self._db.execute("SELECT DISTINCT job FROM logics"):
            yield job, "job"


def counting_statements(db: sqlite3.Connection) -> dict[Key, Statement]:
    """The statements that count, out of the derived tables."""
    said = db.execute("SELECT statement FROM statements")
    return statements.chosen(statements.parse(text) for (text,) in said)
