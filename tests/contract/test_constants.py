"""A job with another date in its filter each day is one logic: what is shown, and what is news."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import pytest

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.model import (
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Operation,
    Origin,
    OutputColumn,
    Plan,
    Run,
    Subtype,
)
from headwater.graphmodel.whole import Graph, graph
from headwater.graphstore import GraphStore
from headwater.ingest.places.file_storage import open_storage
from headwater.queries.answers.answer import Answer
from headwater.queries.answers.shapes import Result
from headwater.queries.catalogue.catalogue import run
from headwater.source import Source
from headwater.watching.channels import deliver
from headwater.watching.definitions import Watch, parse
from headwater.watching.running import evaluate
from headwater.watching.state import States
from tests.contract.queries_world import rows

RAW, MART = "s3://lake/raw", "s3://lake/mart"
DAYS = 20
RAISED = 12  #: the day on which the factor became another one


def on(day: int) -> Body:
    """The job of a day: its date in the filter and in a column, and a factor that once changes."""
    factor, date = "1.1" if day < RAISED else "1.2", f"'2026-03-{day:02}'"
    kind = DependencyType.DIRECT
    made = Plan(
        f"p{day}",
        Job("spark", "daily"),
        Dataset(MART),
        Effect.KEEP,
        "Save",
        (Dataset(RAW),),
        (OutputColumn("day", Origin.CONSTANT, expression=date), OutputColumn("gross")),
        (Derivation("gross", RAW, "net", kind, Subtype.TRANSFORMATION, expression=f"net * {factor}"),),
        (Dependency(RAW, "dt", Subtype.FILTER, expression=f"dt = {date}"),),
        (Operation("op-0", "Filter", "transformation", (), f"dt = {date}"),),
    )
    return Body(made, made.agent_plan_id)


def at(day: int) -> int:
    return 10**12 + day * 86_400_000


def run_of(day: int) -> str:
    return f"run:p{day}:{at(day)}:app"


def drawn(days: Iterable[int]) -> Graph:
    days = list(days)
    return graph([on(day) for day in days], [Event(Run(f"p{day}", at(day), app_id="app"), at(day)) for day in days])


def fill(store: GraphStore, whole: Graph) -> None:
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))


@pytest.fixture
def daily(store: GraphStore) -> GraphStore:
    fill(store, drawn(range(1, DAYS + 1)))
    return store


def ask(store: GraphStore, **given: object) -> Result:
    return run(
        "upstream", store.g, cast("Mapping[str, object]", {"node": MART, "level": "column", "type": "all"} | given)
    )


def shown(store: GraphStore, **given: object) -> tuple[set[str | None], set[str | None]]:
    answer = ask(store, **given)
    assert isinstance(answer, Answer)
    return {edge.expression for edge in answer.edges}, {node.expression for node in answer.nodes if node.origin}


def test_one_logic_is_shown_with_the_constants_of_the_newest_run(daily: GraphStore) -> None:
    expected = {"net * 1.2", "dt = '2026-03-20'"}, {"'2026-03-20'"}
    assert shown(daily) == expected
    assert shown(daily, asOf="ever") == expected
    assert [row["runs"] for row in rows(daily, "plans", job="job:spark/daily")] == [DAYS]
    (row,) = rows(daily, "explain", node=f"{MART}#gross", source=f"{RAW}#net")
    assert row["expression"] == "net * 1.2"
    (plan,) = {edge.plan for edge in cast("Answer", ask(daily)).edges}
    assert [row["expression"] for row in rows(daily, "operations", plan=plan)] == ["dt = '2026-03-20'"]


def test_the_answer_for_many_runs_has_the_size_of_one(daily: GraphStore) -> None:
    many = cast("Answer", ask(daily))
    daily.clear()
    fill(daily, drawn([DAYS]))
    assert ask(daily) == many


@pytest.mark.parametrize("as_of", [str(at(3)), run_of(3)])
def test_a_time_shows_the_constants_of_then(daily: GraphStore, as_of: str) -> None:
    assert shown(daily, asOf=as_of) == ({"net * 1.1", "dt = '2026-03-03'"}, {"'2026-03-03'"})


def test_a_constant_that_changed_is_found_with_its_run_and_a_parameter_is_no_news(daily: GraphStore) -> None:
    found = rows(daily, "changes", node=MART, type="all", **{"from": str(at(2))})
    assert [(row["id"], row["change"], row["before"], row["after"], row["run"]) for row in found] == [
        (f"{MART}#gross", "changed", "net * 1.1", "net * 1.2", run_of(RAISED))
    ]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("diff", {"node": MART, "from": str(at(5)), "to": str(at(15))}),
        ("diff", {"node": "job:spark/daily"}),
        ("diff-runs", {"run": run_of(5), "other": run_of(15)}),
    ],
)
def test_what_differs_is_the_constant_that_changed(daily: GraphStore, name: str, given: dict[str, object]) -> None:
    found = [(row["id"], row["before"], row["after"]) for row in rows(daily, name, **given)]
    assert found == [(f"{MART}#gross", "net * 1.1", "net * 1.2")]


@pytest.mark.parametrize(
    "given",
    [{"node": MART, "from": str(at(13)), "to": str(at(15))}, {"node": MART, "from": str(at(2)), "to": str(at(11))}],
)
def test_nothing_differs_where_only_a_parameter_does(daily: GraphStore, given: dict[str, object]) -> None:
    assert rows(daily, "diff", **given) == []


class _OfStore:
    """A source that asks a store; of it, a watch needs no more."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Result:
        return run(name, self._store.g, dict(parameters))

    def erased(self) -> int:
        return 0


def test_a_watch_is_quiet_for_a_parameter_and_tells_of_a_change(
    store: GraphStore, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    watches: tuple[Watch, ...] = parse(
        f"""{{"watches": [{{"name": "w", "nodes": ["{MART}"], "question": "upstream", "tell": ["stdout"],
        "parameters": {{"level": "column", "type": "all"}}}}]}}""".encode(),
        "watches.yaml",
    )
    told = {}
    for day in range(8, DAYS + 1):
        fill(store, drawn(range(1, day + 1)))
        source = cast("Source", _OfStore(store))
        (outcome,) = evaluate(source, watches, States(open_storage(str(tmp_path))), deliver)
        told[day] = outcome.told
        said = capsys.readouterr().out
        assert ("net * 1.2" in said) == (day == RAISED)
    assert [day for day, count in told.items() if count] == [RAISED]
