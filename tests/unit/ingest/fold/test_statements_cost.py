"""What many statements cost a batch: counted in SQL and in rows of statements that are read, not in seconds."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from headwater.graphmodel.choice import Event
from headwater.graphmodel.logic import logic, summary
from headwater.graphmodel.model import Dataset, Effect, Job, OutputColumn, Plan, Run
from headwater.graphmodel.statements.json_text import snapshot
from headwater.graphmodel.statements.model import Said, Statement
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.file import Derived
from headwater.ingest.fold.projection import project
from headwater.ingest.fold.reference_counts import MappedPlan
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.fold.tables import Tables

DATASET = "s3://lake/orders"
MANY = 3_000


class World:
    """Derived tables with one dataset, and many statements about nodes that are not there."""

    def __init__(self) -> None:
        self.derived = Derived.open(None)
        self.tables = Tables(self.derived.connection)
        self.read = 0  #: rows with a statement
        self.sql: list[str] = []
        self.derived.connection.row_factory = self._row
        self.derived.connection.set_trace_callback(self.sql.append)
        output = (OutputColumn("email"),)
        plan = Plan("p", Job("spark", "one"), Dataset(DATASET), Effect.ALL, "Save", (), output, (), ())
        known = logic(plan)
        self.plan = MappedPlan(BodyRef(1), plan, known, summary(plan, known, hashlib.sha256(b"").hexdigest()))
        waiting = [Statement("tag", f"s3://lake/t{i}#c", "pii", i) for i in range(MANY)]
        listed = [{"kind": "tag", "subject": f"s3://lake/g{i}", "value": "gold"} for i in range(MANY)]
        self.project([*waiting, snapshot({"source": "glue", "scope": "db", "at": 1, "statements": listed})])
        self.project(plans=[self.plan], events=self.run(1))

    def _row(self, cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        self.read += cursor.description[0][0] == "statement"
        return row

    def run(self, at: int) -> list[Event]:
        return [Event(Run("p", at), 10)]

    def project(
        self, said: Sequence[Said] = (), plans: Sequence[MappedPlan] = (), events: Sequence[Event] = ()
    ) -> Changes:
        self.read, self.sql[:] = 0, []
        with self.derived.transaction():
            return project(self.tables, lambda _: self.plan, plans, events, said)

    @property
    def about_statements(self) -> list[str]:
        return [sql for sql in self.sql if "statements" in sql or "tagged" in sql]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.derived.close()


def test_a_batch_that_makes_no_node_reads_no_statement(world: World) -> None:
    world.project(events=world.run(2))
    assert (len(world.about_statements), world.read) == (1, 0)  # whether the one dataset that is written was dropped
    world.project()
    assert (world.about_statements, world.read) == ([], 0)


def test_a_tag_that_waits_for_its_node_looks_up_that_node_alone(world: World) -> None:
    world.project([Statement("tag", "s3://lake/later#c", "pii", 9)])
    assert world.read == 0
    assert not [sql for sql in world.sql if "FROM datasets" in sql and "uri =" not in sql]


def test_a_new_statement_reads_those_about_its_own_node(world: World) -> None:
    delta = world.project([Statement("tag", f"{DATASET}#email", "pii", 9)]).delta()
    assert [edge.source for edge in delta.edges] == [f"{DATASET}#email"]
    delta = world.project([Statement("tag", f"{DATASET}#email", "gdpr", 10)]).delta()
    assert [edge.target for edge in delta.edges] == ["tag:gdpr"]
    assert world.read == 2  # both tags of the one column


def test_a_snapshot_reads_what_its_own_scope_had(world: World) -> None:
    listed = [{"kind": "tag", "subject": DATASET, "value": "gold"}]
    delta = world.project([snapshot({"source": "glue", "scope": "hr", "at": 2, "statements": listed})]).delta()
    assert [edge.target for edge in delta.edges] == ["tag:gold"]
    assert world.read == 1
