"""The laws of constants: they are no logic, the newest ones are shown, and only what is usually the same is news."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.constants import (
    MARK,
    MOST_OF_A_RUN,
    Constants,
    constants_of,
    constants_text,
    filled,
    form_of,
    numbered,
    parameters,
)
from headwater.graphmodel.logic import logic, summary
from headwater.graphmodel.model import Effect, Plan, Run
from tests.laws.test_graph_laws import assert_equal, projected
from tests.laws.worlds import HOUR, NOW, Entry, plans, whole, with_constants

days = st.integers(1, 9)
#: `madeBy` has the time of the first run in its key.
EDGES_OF_RUNS = {"executes", "generated", "used", "versionOf", "appendsTo", "aliasOf", "madeBy"}


def of_days(plan: Plan, ran: list[int]) -> list[Entry]:
    """A job that runs each hour with the literals of a day."""
    entries: list[Entry] = []
    for hour, day in enumerate(ran):
        one = with_constants(plan, f"p{hour}", day)
        entries.append(Body(one, hashlib.sha256(repr(one).encode()).hexdigest()))
        entries.append((Event(Run(one.agent_plan_id, NOW + hour * HOUR), NOW + 20 * HOUR),))
    return entries


@given(plans, days, days)
def test_constants_never_change_the_logic(plan: Plan, one: int, other: int) -> None:
    first, second = (logic(with_constants(plan, f"p{day}", day)) for day in (one, other))
    assert first == second
    assert first.plan == second.plan
    both = (summary(with_constants(plan, "p", day), first, "") for day in (one, other))
    assert len({of.operations_hash for of in both}) == 1


@given(plans, st.lists(days, min_size=2, max_size=6))
def test_many_constants_cost_their_runs_and_nothing_more(plan: Plan, ran: list[int]) -> None:
    plan = replace(plan, renames=())  # to rename a column a second time is another thing than other constants
    many, one = whole(of_days(plan, ran)), whole(of_days(plan, ran[-1:]))
    kept = {v for v, of in many.vertices.items() if of.label not in ("run", "datasetVersion", "alias")}
    assert kept == {v for v, of in one.vertices.items() if of.label not in ("run", "datasetVersion", "alias")}
    edges = {key for key, edge in many.edges.items() if edge.label not in EDGES_OF_RUNS}
    assert edges == {key for key, edge in one.edges.items() if edge.label not in EDGES_OF_RUNS}
    # What ends a dataset makes nothing of it.
    assert len([e for e in many.edges.values() if e.label == "madeBy"]) == (plan.effect is not Effect.END)
    for label in ("derivesFrom", "dependsOn", "everDerivesFrom", "everDependsOn", "hasOperation", "follows"):
        assert {k: e for k, e in many.edges.items() if e.label == label} == {
            k: e for k, e in one.edges.items() if e.label == label
        }


@given(plans, st.lists(days, min_size=2, max_size=6), st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_free_what_is_shown_is_of_the_newest_run(plan: Plan, ran: list[int], random: object, size: int) -> None:
    entries = of_days(plan, ran)
    shuffled = random.sample(entries, len(entries))  # type: ignore[attr-defined]
    expected = whole(entries)
    assert_equal(projected(shuffled, size).graph, expected)
    newest = logic(with_constants(plan, "p", ran[-1]))
    shown = constants_of(str(expected.vertices[newest.plan].properties["constants"]))
    assert shown.logic == newest.constants


@given(plans, st.lists(days, min_size=1, max_size=4), days)
def test_lean_a_further_run_with_other_constants_is_a_run_and_at_most_views_of_constants(
    plan: Plan, ran: list[int], day: int
) -> None:
    entries = of_days(plan, [*ran, ran[-1], day])
    world = projected(entries[:-2], len(entries), close=False)
    before = {v: of.properties.keys() for v, of in world.graph.vertices.items()}
    delta = world.take(entries[-2:])
    assert not delta.removed_vertices
    assert not delta.removed_edges
    assert {e.label for e in delta.edges} <= EDGES_OF_RUNS
    for vertex in delta.vertices:
        if vertex.id in before:
            assert vertex.label in ("plan", "column", "alias", "datasetVersion")
    (plans_changed,) = [[v for v in delta.vertices if v.label == "plan"]]
    assert all(v.properties.keys() == {"constants"} for v in plans_changed)
    world.derived.close()


pieces = st.sampled_from(("a", " > ", "'x'", "'it''s'", "12.5", "2026-01-01", "`1`", " IN (1, 2)", "⟨1⟩"))
texts = st.lists(pieces).map("".join)


@given(texts | st.text(max_size=30))
def test_a_form_says_its_expression(text: str) -> None:
    shape, constants = form_of(text)
    assert shape.count(MARK) == len(constants)
    if MARK not in text and "⟨" not in text:
        assert filled(numbered(shape, 0), Constants(constants)) == text


def test_a_quote_in_a_literal_is_no_second_literal() -> None:
    assert form_of("a = 'it''s' AND b = ''''") == (f"a = {MARK} AND b = {MARK}", ("'it''s'", "''''"))
    assert form_of("a = 'x'").shape == form_of("a = 'it''s'").shape


@given(st.lists(st.text(max_size=40), max_size=300), st.lists(st.text(max_size=40), max_size=30))
def test_the_text_of_constants_is_bounded_and_is_read_again(logic: list[str], operations: list[str]) -> None:
    text = constants_text(Constants(tuple(logic), tuple(operations), "0" * 8 if operations else ""))
    assert len(text) <= MOST_OF_A_RUN + 100
    found = constants_of(text)
    assert found.logic == tuple(logic[: len(found.logic)])
    assert found.operations == tuple(operations[: len(found.operations)])


@given(st.integers(3, 40), st.integers(1, 39))
def test_what_differs_in_most_runs_is_a_parameter_and_what_changed_once_is_none(runs: int, changed: int) -> None:
    listed = [(f"day {i}", "1.1" if i < changed else "1.2", "EU") for i in range(runs)]
    assert parameters(listed) == {0}
