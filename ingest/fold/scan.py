"""The whole graph out of the derived tables, each element once, in the order of their keys: what an export writes.

The tables are read in one transaction, so that a server may go on beside it. The memory that it takes does not grow
with the history. The result equals `graphmodel.whole.graph` of the same entries.
"""
# ruff: noqa: S608 - queries are put together from constants alone

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain, groupby
from pathlib import Path

from headwater.graphmodel import elements, ids
from headwater.graphmodel.column_names import named
from headwater.graphmodel.delta import Part, Vertex
from headwater.graphmodel.logic import Logic
from headwater.graphmodel.renaming import Names
from headwater.graphmodel.statements.effective import StatementIndex
from headwater.graphmodel.statements.shown import tag_edges, tag_vertex, with_properties
from headwater.ingest.fold import rows
from headwater.ingest.fold.file import FORMAT, NAMES, RULES
from headwater.ingest.fold.reference_counts import PlanAt
from headwater.ingest.fold.statements import effective_statements
from headwater.ingest.fold.tables import EVENT, READ, VALIDITY, WRITE, Tables
from headwater.ingest.ledger.entries import LedgerError

_COUNTED = ("logics", "events", "aliases", "datasets", "validities", "writes", "reads")
_BY_TIME = "ORDER BY dataset, timestamp, run"  # their key


class NotReady(LedgerError):
    """The derived tables do not stand for the whole graph of this ledger at this moment."""


class Scan:
    """The derived tables at one moment. Made by `scanning`."""

    def __init__(self, connection: sqlite3.Connection, ledger_id: str, plan_at: PlanAt, rules: str = "") -> None:
        """Begins the transaction. NotReady: they are of another ledger or other naming rules, or to be rebuilt."""
        self._db = connection
        self._tables = Tables(connection)
        self._plan_at = plan_at
        connection.execute("BEGIN")
        meta = dict(connection.execute("SELECT name, value FROM meta"))
        if meta["format"] != FORMAT or meta.get("ledger") != ledger_id:
            raise NotReady("the graph is not yet drawn from this ledger: `headwater replay`")
        if (meta.get(RULES) or "") != rules:
            raise NotReady("the naming rules were changed and the graph is to be drawn anew: `headwater replay`")
        if meta.get("clearing") or "erased" in meta:
            raise NotReady("an entry was erased and the graph is to be drawn anew: `headwater replay`, then again")
        self.names = Names.from_text(meta.get(NAMES, ""))  #: which names of datasets are one
        self.applied = int(meta.get("checkpoint", 0))  #: the sequence of the last entry that is in it

    def members(self, sequence: int) -> list[int]:
        """See `Tables.parts_up_to`."""
        return self._tables.parts_up_to(sequence)

    def rows(self) -> int:
        """How many parts there are about: for progress."""
        return sum(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _COUNTED)

    def parts(self) -> Iterator[Part]:
        """Every element of the graph once, but for the one that says that it is whole (`ledger`)."""
        index = effective_statements(self._db)
        for part in chain(self._plans(), self._runs(), self._aliases(), self._datasets()):
            yield with_properties(part, index) if index else part
        yield from self._validities()
        yield from self._writes()
        yield from self._reads()
        yield from self._tags(index)

    def _plans(self) -> Iterator[Part]:
        last_job = None
        for values in self._db.execute("SELECT * FROM logics ORDER BY job, plan"):
            row = rows.logic_of(values)
            logic = self._plan_at(row.ref).logic
            its_logic = named(logic, self._tables.column_names())
            part = elements.plan_part(its_logic, self._tables.shown_constants(row.plan))
            yield part if row.job != last_job else Part(tuple(v for v in part.vertices if v.id != row.job), part.edges)
            last_job = row.job
            if row.succeeded:
                yield Part(edges=tuple(elements.logic_edges(its_logic)))
            if row.operations:
                yield elements.operations_part(row.plan, self._plan_at(row.operations).plan)

    def _runs(self) -> Iterator[Part]:
        for values in self._db.execute(f"SELECT {EVENT} FROM events WHERE joined ORDER BY run"):
            event = rows.event_of(values)
            body = self._tables.body(event.run.agent_plan_id)
            assert body is not None, "an event is joined to a body"
            yield elements.run_part(event, body.summary)

    def _aliases(self) -> Iterator[Part]:
        found = self._db.execute("SELECT spelling, target FROM aliases ORDER BY spelling, target")
        for spelling, targets in groupby(found, key=lambda row: row[0]):
            parts = [elements.alias_part(spelling, target) for _, target in targets]
            yield Part(parts[0].vertices, tuple(edge for part in parts for edge in part.edges))

    def _datasets(self) -> Iterator[Part]:
        for uri, *views in self._db.execute("SELECT uri, state, claims, columns FROM datasets ORDER BY uri"):
            row = rows.dataset_of(*views)
            columns = tuple(Vertex(ids.column_id(uri, name), "column", found) for name, found in row.columns.items())
            edges = tuple(elements.column_edge(uri, name) for name in row.columns)
            yield Part((elements.dataset_vertex(uri), *columns), edges)
            for plan, contribution in row.state.items():
                yield Part(edges=tuple(elements.now_edges(self._logic(plan), contribution)))

    def _validities(self) -> Iterator[Part]:
        query = f"SELECT dataset, {VALIDITY} FROM validities ORDER BY dataset, plan, valid_from"
        for dataset, *values in self._db.execute(query):
            yield Part(edges=(elements.made_by_edge(dataset, rows.validity_of(tuple(values))),))

    def _writes(self) -> Iterator[Part]:
        for dataset, *values in self._db.execute(
            f"SELECT dataset, {WRITE} FROM writes ORDER BY dataset, timestamp, run"
        ):
            row = rows.write_of(tuple(values))
            twin = (elements.twin_edge(row.write.run, row.twin),) if row.twin else ()
            before = (elements.appends_edge(dataset, row.write.run, row.before),) if row.before else ()
            yield Part(edges=(*twin, *before))

    def _reads(self) -> Iterator[Part]:
        last_initial = None
        for dataset, *values in self._db.execute(f"SELECT dataset, {READ} FROM reads {_BY_TIME}"):
            row = rows.read_of(tuple(values))
            edge = elements.used_edge(row.read.run, dataset, row.seen[1] if row.seen else None, certain=row.certain)
            initial = Part() if row.seen or dataset == last_initial else elements.initial_part(dataset)
            last_initial = dataset if row.seen is None else last_initial
            yield Part(initial.vertices, (*initial.edges, edge))

    def _tags(self, index: StatementIndex) -> Iterator[Part]:
        found = self._db.execute("SELECT tag, node FROM tagged ORDER BY tag, node")
        for tag, nodes in groupby(found, key=lambda row: row[0]):
            edges = (tag_edges(node, index.about(node))[tag] for _, node in nodes)
            yield Part((tag_vertex(tag),), tuple(edges))

    def _logic(self, plan: str) -> Logic:
        row = self._tables.logic(plan)
        assert row is not None, "a plan that contributes is in the table"
        return named(self._plan_at(row.ref).logic, self._tables.column_names())


@contextmanager
def scanning(path: Path, ledger_id: str, plan_at: PlanAt, rules: str = "") -> Iterator[Scan]:
    """The derived tables in the file at `path`, read-only; `rules` is the text of the naming rules that they must have.

    NotReady; LedgerError: they cannot be read.
    """
    if not path.exists():
        raise NotReady(f"there is no {path}: `headwater replay` draws the graph")
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            yield Scan(connection, ledger_id, plan_at, rules)
    except sqlite3.Error as error:
        raise LedgerError(f"the derived tables {path} cannot be read ({error}): `headwater replay`") from error
