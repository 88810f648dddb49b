"""What runs read, what differs and when it changed: a lake with a history, on every store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
    Origin,
    OutputColumn,
    Plan,
    Run,
    Subtype,
)
from headwater.graphmodel.whole import graph
from headwater.graphstore import GraphStore
from headwater.queries.answers.errors import QueryError
from headwater.queries.catalogue.catalogue import run as ask
from headwater.queries.tracing.as_of import shown
from tests.contract.queries_world import rows

RAW, CLEAN, LOG, PARTS, REPORT = (f"s3://lake/{name}" for name in ("raw", "clean", "log", "parts", "report"))


def plan(name: str, target: str, columns: dict[str, tuple[str, str]], effect: Effect = Effect.ALL, **more: Any) -> Plan:
    """Columns are made of (column of a dataset, with a name of one letter, expression); without one, of a constant."""
    made = {column: made_of for column, made_of in columns.items() if made_of[0]}
    derived = [
        Derivation(
            column, source[:-2], source[-1], DependencyType.DIRECT, Subtype.TRANSFORMATION, expression=expression
        )
        for column, (source, expression) in made.items()
    ]
    outputs = [
        OutputColumn(column, None if column in made else Origin.CONSTANT, expression=None if column in made else text)
        for column, (_, text) in columns.items()
    ]
    inputs = tuple(Dataset(uri) for uri in sorted({d.source_dataset for d in derived}))
    job = Job("spark", target.rpartition("/")[2])
    made_plan = Plan(name, job, Dataset(target), effect, "Save", inputs, tuple(outputs), tuple(derived), ())
    return replace(made_plan, **more)


def at(minute: int) -> int:
    return 10**12 + minute * 60_000


def run(name: str, minute: int, app: str = "-", minutes: int = 0, **more: Any) -> Event:
    ran = Run(name, at(minute), minutes * 60 * 10**9, f"{name}{minute}" if app == "-" else app, **more)
    return Event(ran, ran.timestamp)


def id_of(name: str, minute: int) -> str:
    return f"run:{name}:{at(minute)}:{name}{minute}"


def into(made: Plan, partition: str | None) -> Plan:
    """The same, into a partition of a dataset partitioned by day."""
    return replace(made, target=Dataset(made.target.uri, partition=partition, partition_columns=("dt",)))


PLANS = [
    plan("clean1", CLEAN, {"v": (f"{RAW}#v", "v + 1"), "unit": ("", "'EUR'")}),
    plan(
        "clean2",
        CLEAN,
        {"v": (f"{RAW}#v", "v + 2"), "unit": ("", "'USD'"), "new": (f"{LOG}#v", "v")},
        dependencies=(Dependency(RAW, "v", Subtype.FILTER, expression="v > 0"),),
    ),
    plan("log", LOG, {"v": (f"{RAW}#v", "v")}, Effect.KEEP),
    into(plan("parts", PARTS, {"v": (f"{LOG}#v", "v")}, Effect.OVERWRITE), None),
    into(plan("parts1", PARTS, {"v": (f"{LOG}#v", "v")}, Effect.KEEP), "dt=1"),
    plan("report", REPORT, {"total": (f"{CLEAN}#v", "sum(v)"), "lines": (f"{LOG}#v", "count(v)")}),
    plan("copy", REPORT, {"total": (f"{PARTS}#v", "v")}, Effect.KEEP),
]
EVENTS = [
    run("clean1", 10),
    run("log", 11),
    run("log", 12),
    run("clean1", 20),
    run("report", 30, minutes=5, job_run="jr_1"),
    run("log", 35),
    run("clean2", 40),
    run("clean2", 50),
    run("report", 60, minutes=5),
    run("parts1", 70),
    run("parts", 71),
    run("copy", 72),
    run("parts1", 73),
    run("clean2", 80, error="OutOfMemoryError"),
]


def fill(store: GraphStore, events: list[Event]) -> None:
    whole = graph([Body(p, p.agent_plan_id) for p in PLANS], events)
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))


@pytest.fixture
def lake(store: GraphStore) -> GraphStore:
    fill(store, EVENTS)
    return store


def read(store: GraphStore, node: str, **given: object) -> list[tuple[object, ...]]:
    names = ("distance", "dataset", "run", "certain", "overwritten", "overwrittenBy")
    return [tuple(row[name] for name in names) for row in rows(store, "inputs", node=node, **given)]


REPLACED = ("yes", id_of("clean2", 40))
RAW_READ = (2, RAW, None, True, "no", None)
FIRST_READ = [
    (1, CLEAN, id_of("clean1", 20), True, *REPLACED),
    (1, LOG, id_of("log", 12), True, "no", None),
    (1, LOG, id_of("log", 11), True, "no", None),
]


@pytest.mark.parametrize(
    ("node", "given", "expected"),
    [
        # the newest version that it saw, with what that was added to; one of the two has been overwritten since
        (id_of("report", 30), {}, FIRST_READ),
        ("jr_1", {}, FIRST_READ),
        ("report30", {}, FIRST_READ),
        (id_of("report", 30), {"depth": 2}, [*FIRST_READ, RAW_READ]),
        # by the dataset: its newest version, and what that hangs on by the runs that wrote it
        (CLEAN, {}, [(1, LOG, id_of("log", m), True, "no", None) for m in (35, 12, 11)] + [(1, *RAW_READ[1:])]),
        # a partition that may have been overwritten, in part or again
        (
            id_of("copy", 72),
            {},
            [
                (1, PARTS, id_of("parts", 71), True, "no", None),
                (1, PARTS, id_of("parts1", 70), False, "perhaps", id_of("parts1", 73)),
            ],
        ),
        # what failed read nothing that is known
        (id_of("clean2", 80), {}, []),
    ],
)
def test_what_a_run_read(lake: GraphStore, node: str, given: dict[str, object], expected: list[Any]) -> None:
    assert read(lake, node, **given) == expected


def test_what_a_version_hangs_on_is_named_by_its_id_too(lake: GraphStore) -> None:
    (version,) = [r["id"] for r in rows(lake, "dataset-versions", dataset=REPORT) if r["run"] == id_of("report", 30)]
    assert read(lake, version) == FIRST_READ


def test_reading_stops_at_the_deadline_and_says_so(lake: GraphStore) -> None:
    ticks = iter(range(100))
    given = {"node": id_of("report", 30), "depth": 2}
    answer = ask("inputs", lake.g, given, deadline=2, clock=lambda: next(ticks)).to_dict()
    found = [row["distance"] for row in answer["rows"]]
    assert (found, answer["complete"], answer["reason"]) == ([1] * len(FIRST_READ), False, "deadline")


V_CHANGED: tuple[Any, ...] = ("column", f"{CLEAN}#v", "changed", "v + 1", "v + 2", [], [])
CLEAN_CHANGED: list[tuple[Any, ...]] = [
    ("column", f"{CLEAN}#new", "added", None, "v", [f"{LOG}#v"], []),
    ("column", f"{CLEAN}#unit", "changed", "'EUR'", "'USD'", [], []),
    V_CHANGED,
    ("rows", CLEAN, "added", None, "v > 0", [f"{RAW}#v"], []),
    ("input", LOG, "added", None, None, None, None),
]


@pytest.mark.parametrize(
    ("query", "given", "expected"),
    [
        ("diff", {"node": "spark/clean"}, CLEAN_CHANGED),
        ("diff", {"node": CLEAN, "from": shown(at(39))}, CLEAN_CHANGED),
        ("diff", {"node": "spark/clean", "from": shown(at(39)), "to": shown(at(40))}, CLEAN_CHANGED),
        ("diff", {"node": CLEAN, "from": id_of("clean1", 20), "to": id_of("clean2", 50)}, CLEAN_CHANGED),
        ("diff-runs", {"run": id_of("clean1", 20), "other": id_of("clean2", 50)}, CLEAN_CHANGED),
        ("diff", {"node": CLEAN, "from": shown(at(40))}, []),
        ("diff", {"node": CLEAN, "from": shown(at(10)), "to": shown(at(39))}, []),
        ("diff-runs", {"run": id_of("log", 11), "other": id_of("log", 12)}, []),
        ("diff", {"node": "spark/log"}, []),  # it never had another logic
        # two jobs write the report: each has its own part of it
        (
            "diff",
            {"node": "spark/log", "from": shown(at(1))},
            [
                ("column", f"{LOG}#v", "added", None, "v", [f"{RAW}#v"], []),
                ("input", RAW, "added", None, None, None, None),
            ],
        ),
    ],
)
def test_what_differs(lake: GraphStore, query: str, given: dict[str, object], expected: list[Any]) -> None:
    names = ("kind", "id", "change", "before", "after", "sourcesAdded", "sourcesDropped")
    assert [tuple(row[name] for name in names) for row in rows(lake, query, **given)] == expected


def test_a_dataset_is_compared_with_a_time(lake: GraphStore) -> None:
    with pytest.raises(QueryError, match="from is needed") as refused:
        ask("diff", lake.g, {"node": CLEAN})
    assert refused.value.field == "from"


FIRST, SECOND = ("v + 1", id_of("clean1", 10)), ("v + 2", id_of("clean2", 40))
TOTAL = (f"{REPORT}#total", "sum(v)", id_of("report", 30))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"node": f"{CLEAN}#v"}, [(f"{CLEAN}#v", *FIRST), (f"{CLEAN}#v", *SECOND)]),
        ({"node": f"{CLEAN}#v", "from": shown(at(11))}, [(f"{CLEAN}#v", *SECOND)]),
        ({"node": f"{CLEAN}#v", "to": shown(at(39))}, [(f"{CLEAN}#v", *FIRST)]),
        ({"node": f"{CLEAN}#v", "from": shown(at(41))}, []),
        # a number moved: the cause lies upstream
        (
            {"node": f"{REPORT}#total", "upstream": True, "from": shown(at(31)), "to": shown(at(61))},
            [(f"{CLEAN}#v", *SECOND)],
        ),
        (
            {"node": f"{REPORT}#total", "upstream": True, "to": shown(at(40))},
            [
                (f"{CLEAN}#v", *FIRST),
                (f"{LOG}#v", "v", id_of("log", 11)),
                TOTAL,
                (f"{CLEAN}#v", *SECOND),
            ],
        ),
        # what rows depend on, and constants
        (
            {"node": CLEAN, "type": "all", "from": shown(at(11))},
            [
                (CLEAN, "v > 0", id_of("clean2", 40)),
                (f"{CLEAN}#new", "v", id_of("clean2", 40)),
                (f"{CLEAN}#unit", "'USD'", id_of("clean2", 40)),
                (f"{CLEAN}#v", *SECOND),
            ],
        ),
        ({"node": RAW, "upstream": True}, []),
    ],
)
def test_when_it_changed(lake: GraphStore, given: dict[str, object], expected: list[Any]) -> None:
    found = rows(lake, "changes", **given)
    assert [(row["id"], row["after"], row["run"]) for row in found] == expected


def test_a_change_says_what_was_before(lake: GraphStore) -> None:
    (row,) = rows(lake, "changes", node=f"{CLEAN}#v", **{"from": shown(at(11))})
    assert row == {
        "timestamp": at(40),
        "distance": 0,
        "id": f"{CLEAN}#v",
        "change": "changed",
        "before": "v + 1",
        "after": "v + 2",
        "sourcesAdded": [],
        "sourcesDropped": [],
        "run": id_of("clean2", 40),
        "job": "job:spark/clean",
    }


@pytest.mark.parametrize("node", [f"{REPORT}#total", REPORT])
def test_no_edge_is_stale_after_everything_was_read_again(lake: GraphStore, node: str) -> None:
    edges = run_query(lake, "upstream", node)["edges"]
    assert {edge["source"].partition("#")[0] for edge in edges} >= {RAW, CLEAN, PARTS}
    assert {edge["behind"] for edge in edges} == {False}


def test_an_edge_is_stale_until_its_target_reads_again(store: GraphStore) -> None:
    fill(store, [event for event in EVENTS if event.run.timestamp < at(60)])
    for query, node in (("upstream", f"{REPORT}#total"), ("downstream", f"{RAW}#v"), ("upstream", REPORT)):
        answer = run_query(store, query, node)
        hops = {(edge["source"].partition("#")[0], edge["target"].partition("#")[0]): edge for edge in answer["edges"]}
        assert (hops[CLEAN, REPORT]["behind"], hops[RAW, CLEAN]["behind"]) == (True, False)


def test_staleness_is_only_given_on_request_and_for_now(lake: GraphStore) -> None:
    assert "behind" not in ask("upstream", lake.g, {"node": REPORT}).to_dict()["edges"][0]
    with pytest.raises(QueryError, match="what holds now") as refused:
        ask("upstream", lake.g, {"node": REPORT, "behind": True, "asOf": "ever"})
    assert refused.value.field == "behind"
    with pytest.raises(QueryError, match="true or false"):
        ask("upstream", lake.g, {"node": REPORT, "behind": "perhaps"})


def run_query(store: GraphStore, query: str, node: str) -> dict[str, Any]:
    return ask(query, store.g, {"node": node, "behind": True}).to_dict()
