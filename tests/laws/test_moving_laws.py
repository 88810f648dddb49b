"""However the graph is made, it is the same: from the derived tables, and in pieces on many machines."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, TypeVar

from fold_by_key import (
    DatasetFact,
    Executed,
    Facts,
    better_body,
    better_plan,
    joined,
    listed_facts,
    listed_names,
    logic_fact,
    plan_parts,
)
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel import now
from headwater.graphmodel.choice import Body, Event, choose
from headwater.graphmodel.delta import Part
from headwater.graphmodel.model import Effect
from headwater.graphmodel.now import Read, RelevantWrites, Write
from headwater.graphmodel.statements.effective import StatementIndex, effective
from headwater.graphmodel.statements.model import Snapshot, Statement
from headwater.graphmodel.statements.shown import retirements, with_statements
from headwater.graphmodel.whole import Graph
from headwater.graphstore.neptune_csv import lines
from headwater.ingest.fold.scan import Scan
from tests.laws.test_graph_laws import assert_equal, projected
from tests.laws.worlds import Entry, catalogues, whole, worlds

T = TypeVar("T")


def grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> dict[Any, list[T]]:
    found: dict[Any, list[T]] = {}
    for thing in things:
        found.setdefault(key(thing), []).append(thing)
    return found


def of(parts: Iterable[Part]) -> Graph:
    graph = Graph()
    for part in parts:
        graph.add(part)
    return graph


@given(worlds() | catalogues(), st.integers(1, 5))
def test_the_derived_tables_hold_the_whole_each_element_once(entries: list[Entry], size: int) -> None:
    world = projected(entries, size, close=False)
    with world.derived.transaction():
        world.derived.set_meta("ledger", "mine")
    parts = list(Scan(world.derived.connection, "mine", world.known.__getitem__).parts())
    world.derived.connection.execute("ROLLBACK")
    world.derived.close()
    assert_equal(of(parts), whole(entries))
    ids = [(line.table.kind, line.id) for part in parts for line in lines(part)]
    assert len(ids) == len(set(ids))


def in_pieces(entries: Sequence[Entry], split: int) -> Iterator[Part]:
    """What the distributed job does, with dictionaries for its shuffles."""
    index = StatementIndex(effective(e for e in entries if isinstance(e, Statement | Snapshot)).values())
    yield from (with_statements(part, index) for part in _in_pieces(entries, split, index))


def _in_pieces(entries: Sequence[Entry], split: int, index: StatementIndex) -> Iterator[Part]:
    all_bodies = [entry for entry in entries if isinstance(entry, Body)]
    all_events = [event for entry in entries if isinstance(entry, tuple) for event in entry]
    bodies = grouped(all_bodies, lambda body: body.plan.agent_plan_id)
    events = [reduce(choose, same) for same in grouped(all_events, lambda event: event.id).values()]
    runs: dict[str, list[Event]] = grouped(events, lambda event: event.run.agent_plan_id)
    told = []
    for plan_id in sorted(bodies.keys() | runs.keys()):
        best = [reduce(better_body, bodies[plan_id])] if plan_id in bodies else []
        told += list(joined(best, runs.get(plan_id, [])))
    executed = grouped((thing for thing in told if isinstance(thing, Executed)), lambda plan: plan.plan)
    plans = [reduce(better_plan, same) for same in executed.values()]
    yield from (thing for thing in told if isinstance(thing, Part))
    for plan in plans:
        yield from plan_parts(plan)
    facts_of = [thing for thing in told if isinstance(thing, DatasetFact)] + [logic_fact(plan) for plan in plans]
    facts_of += listed_facts(index)
    yield from listed_names(index)
    for dataset, same_dataset in grouped(facts_of, lambda about: about.dataset).items():
        facts = [about.fact for about in same_dataset]
        halves = (reduce(Facts.add, half, Facts()) for half in (facts[:split], facts[split:]))
        yield from reduce(Facts.merge, halves).parts(dataset, retirements(index.about(dataset)))


@given(worlds() | catalogues(), st.integers(0, 5))
def test_the_pieces_are_the_whole(entries: list[Entry], split: int) -> None:
    named = [_with_names_of_its_own(entry) for entry in entries]
    assert_equal(of(in_pieces(named, split)), whole(named))


def _with_names_of_its_own(entry: Entry) -> Entry:
    """Without columns that have their names from another plan, by a rename or by position: pieces do not know these."""
    if not isinstance(entry, Body):
        return entry
    plan = entry.plan
    inputs = tuple(replace(each, layouts=()) for each in plan.inputs)
    return replace(entry, plan=replace(plan, target=replace(plan.target, layouts=()), inputs=inputs, renames=()))


times = st.integers(0, 12)
apps = st.sampled_from(("one", "two", None))
writes = st.lists(
    st.builds(
        lambda end, length, run, app: Write(run, end, end - length, app, plan="p", effect=Effect.ALL),
        times,
        st.integers(-2, 6),
        st.sampled_from("abcdef"),
        apps,
    ),
    unique_by=lambda write: write.run,
)
reads = st.builds(
    lambda end, length, run, app: Read(run, end, end - length, app), times, times, st.sampled_from("adz"), apps
)


@given(writes, reads)
def test_what_a_run_saw_is_decided_by_the_writes_near_it(some: list[Write], reader: Read) -> None:
    timeline = now.timeline(some)
    assert now.seen(reader, RelevantWrites(timeline)(reader)) == now.seen(reader, timeline)
