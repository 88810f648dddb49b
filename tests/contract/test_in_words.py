"""What is said of a dataset without known sources, which a known job writes: on every store."""

from __future__ import annotations

import pytest

from headwater.graphmodel.choice import DAY_MS, Body, Event
from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.model import (
    Dataset,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Origin,
    OutputColumn,
    Plan,
    Run,
    Subtype,
)
from headwater.graphmodel.statements.model import IGNORED, RETIRED, Statement
from headwater.graphmodel.whole import graph
from headwater.graphstore import GraphStore
from headwater.queries.tracing.as_of import shown
from tests.contract.queries_world import rows

RAW, CLEAN = "s3://lake/raw", "s3://lake/clean"
WRITTEN, BEFORE, LATER = 10**12, 10**12 - 1, 10**12 + 1_000


def build(store: GraphStore, *statements: Statement, resolved: bool = True, received: int = WRITTEN) -> GraphStore:
    """One job that writes clean once, from raw; or, where it is not `resolved`, from what it does not tell."""
    derived = Derivation("v", RAW, "v", DependencyType.DIRECT, Subtype.IDENTITY, expression="v")
    column = OutputColumn("v") if resolved else OutputColumn("v", origin=Origin.UNRESOLVED, resolved=False)
    written, read = Dataset(CLEAN, columns=("v",)), Dataset(RAW, columns=("v",))
    derivations = (derived,) if resolved else ()
    reads = (read,) if resolved else ()
    made = Plan("c", Job("spark", "daily"), written, Effect.ALL, "Save", reads, (column,), derivations, ())
    whole = graph([Body(made, "c")], [Event(Run("c", WRITTEN, 0, "app-1"), received)], statements=statements)
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))
    return store


def said(store: GraphStore, node: str = CLEAN, as_of: str | None = None) -> str:
    (row,) = rows(store, "in-words", node=node, asOf=as_of)
    return str(row["sentence"])


def test_before_its_first_write_it_was_not_written_yet(store: GraphStore) -> None:
    build(store)
    assert said(store) == "clean is written by daily from raw."
    why = f"was not written yet at {shown(BEFORE)}: its first known write was at {shown(WRITTEN)}."
    assert said(store, as_of=shown(BEFORE)) == f"clean {why}"
    assert said(store, f"{CLEAN}#v", shown(BEFORE)) == f"v is a column of clean, which {why}"
    assert said(store, RAW, shown(BEFORE)) == "raw comes from outside: no known job writes it from other data."


def test_what_is_retired_is_called_so_and_before_it_was_written(store: GraphStore) -> None:
    build(store, Statement("tag", CLEAN, RETIRED, LATER))
    why = f"is retired: people said at {shown(LATER)} that it was dropped, and no job wrote it since."
    assert said(store) == f"clean {why}"
    assert said(store, f"{CLEAN}#v") == f"v is a column of clean, which {why}"
    for time in (shown(WRITTEN), "ever"):
        assert said(store, as_of=time) == "clean is written by daily from raw."
    assert said(store, as_of=shown(BEFORE)).startswith("clean was not written yet at ")


def test_a_write_whose_clock_is_ahead_is_told(store: GraphStore) -> None:
    build(store, received=WRITTEN - DAY_MS - 1)
    why = f"is written by daily with a clock that is ahead ({shown(WRITTEN)}): such a write does not count, "
    assert said(store) == f"clean {why}and no other one is known."


def test_sources_that_are_not_told_are_not_outside(store: GraphStore) -> None:
    build(store, resolved=False)
    assert said(store) == "clean is written by daily, from sources that are not told."
    assert said(store, f"{CLEAN}#v") == "v comes from sources that its job does not tell."


@pytest.mark.parametrize("as_of", [None, "ever"])
def test_a_job_that_is_ignored_is_named_all_the_same(store: GraphStore, as_of: str | None) -> None:
    build(store, Statement("tag", "job:spark/daily", IGNORED, LATER))
    expected = "clean is only written by daily, whose lineage is left out: people say to ignore it."
    assert said(store, as_of=as_of) == expected
