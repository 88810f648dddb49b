"""Questions to the estate as a whole, on every store."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphmodel.delta import Edge, GraphDelta, Vertex, edge, vertex
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Table
from headwater.queries.answers.shapes import result_of
from headwater.queries.catalogue.catalogue import ESTATE, run
from tests.contract.queries_world import dataset, depends, derives, rows

A, B, C, D = (f"s3://lake/{name}" for name in "abcd")
DAY = 86_400_000


class World:
    """A graph put together job by job."""

    def __init__(self) -> None:
        self.vertices: list[Vertex] = []
        self.edges: list[Edge] = []

    def dataset(self, uri: str, *columns: str) -> World:
        some, others = dataset(uri, *columns)
        self.vertices += some
        self.edges += others
        return self

    def job(
        self, name: str, target: str, *sources: str, runs: tuple[int, ...] = (1,), status: str = "success"
    ) -> World:
        """A job of one plan that wrote the target from the sources, at these times."""
        plan = f"plan:{name}"
        job = f"job:glue/{name.partition('-')[0]}"
        self.vertices += [
            vertex(job, "job", name=name, namespace="glue"),
            vertex(plan, "plan", name=name, job=job, target=target, effect="all"),
        ]
        self.edges += [edge("hasPlan", job, plan)]
        if status == "success":
            self.edges += [edge("writes", plan, target)]
        for at in runs:
            run_ = vertex(f"run:{name}:{at}", "run", timestamp=at, status=status, appId=f"{name}-{at}")
            version = vertex(f"{target}@{name}{at}", "datasetVersion", dataset=target, timestamp=at)
            self.vertices += [run_, version]
            self.edges += [edge("executes", run_.id, plan), edge("versionOf", version.id, target)]
        for source in sources:
            more: dict[str, Any] = {"carried": True} if source == target else {}
            self.edges += self._both(target, source, plan, job, columns=1, subtype=None, **more)
            self.edges.append(edge("reads", plan, source))
        return self

    def column(self, target: str, source: str, plan: str, **more: Any) -> World:
        self.edges += self._both(target, source, f"plan:{plan}", f"job:glue/{plan.partition('-')[0]}", **more)
        return self

    def _both(self, target: str, source: str, plan: str, job: str, **more: Any) -> list[Edge]:
        labels = ("derivesFrom", "everDerivesFrom")
        return [derives(target, source, plan, label=label, job=job, **more) for label in labels]

    def delta(self) -> GraphDelta:
        return GraphDelta(tuple(self.vertices), tuple(self.edges))


def ask(store: GraphStore, world: World, query: str, **given: object) -> list[dict[str, Any]]:
    store.apply(world.delta())
    return rows(store, query, **given)


def test_datasets_that_nobody_reads(store: GraphStore) -> None:
    world = World().dataset(A, "x").dataset(B, "x").dataset(C, "x").job("one", B, A).job("two", C, B, runs=(5, 9))
    world.dataset(D, "x").job("merge", D, D)  # reads only what it writes itself
    assert ask(store, world, "unread-datasets") == [
        {"dataset": D, "jobs": ["job:glue/merge"], "lastWrite": 1},
        {"dataset": C, "jobs": ["job:glue/two"], "lastWrite": 9},
    ]


def test_columns_that_nobody_uses(store: GraphStore) -> None:
    world = World().dataset(A, "x").dataset(B, "used", "filtered", "kept", "unused").dataset(C, "x", "y")
    world.job("one", B, A).job("two", C, B).column(f"{C}#x", f"{B}#used", "two")
    world.column(f"{B}#kept", f"{B}#kept", "one", carried=True)
    world.edges.append(filtered(C, f"{B}#filtered"))
    assert ask(store, world, "unused-columns") == [
        {"column": f"{B}#kept", "dataset": B},
        {"column": f"{B}#unused", "dataset": B},
    ]


def filtered(target: str, source: str) -> Edge:
    return derives(target, source, label="everDependsOn", type="INDIRECT", subtype="FILTER")


def test_jobs_that_stopped_running(store: GraphStore) -> None:
    daily = tuple(day * DAY for day in range(1, 11))
    world = World().dataset(A, "x").dataset(B, "x").job("daily", B, A, runs=daily)
    world.job("weekly", B, A, runs=(3 * DAY, 10 * DAY, 17 * DAY)).job("once", B, A, runs=(DAY,))
    store.apply(world.delta())
    at = 15 * DAY
    assert rows(store, "stopped-jobs", at=at) == [
        {"job": "job:glue/daily", "lastRun": 10 * DAY, "intervalMs": DAY, "missed": 5}
    ]
    assert rows(store, "stopped-jobs", at=at, times=5) == []
    assert [row["job"] for row in rows(store, "stopped-jobs")] == ["job:glue/daily", "job:glue/weekly"]  # by the clock


def test_columns_that_changed_between_writes(store: GraphStore) -> None:
    world = World().dataset(A, "x").dataset(B, "a", "b", "c").dataset(C, "a")
    world.job("one-1", B, A, runs=(100, 300)).job("one-2", B, A, runs=(200,)).job("other", C, A)
    world.job("one-3", B, A, runs=(400,), status="failed")
    for plan, columns in (("one-1", "ab"), ("one-2", "bc"), ("one-3", "a"), ("other", "a")):
        for column in columns:
            world.column(f"{C if plan == 'other' else B}#{column}", f"{A}#x", plan)
    assert ask(store, world, "schema-drift") == [
        {
            "dataset": B,
            "at": 200,
            "added": ["c"],
            "dropped": ["a"],
            "job": "job:glue/one",
            "before": "plan:one-1",
            "after": "plan:one-2",
        }
    ]


def test_what_most_others_depend_on(store: GraphStore) -> None:
    world = World().dataset(A, "x", "y").dataset(B, "x").dataset(C, "x")
    world.job("one", B, A).job("two", C, A).job("three", C, B).job("merge", A, A)
    world.column(f"{B}#x", f"{A}#x", "one").column(f"{C}#x", f"{A}#x", "two")
    store.apply(world.delta())
    assert rows(store, "hot-spots") == [
        {"id": A, "dependents": 2, "jobs": 2},
        {"id": B, "dependents": 1, "jobs": 1},
    ]
    store.apply(GraphDelta(edges=(depends(C, f"{A}#y"),)))
    assert [(row["id"], row["dependents"]) for row in rows(store, "hot-spots", level="column")] == [
        (f"{A}#x", 2),
        (f"{A}#y", 1),
    ]


def test_datasets_that_feed_themselves_through_other_jobs(store: GraphStore) -> None:
    world = World()
    for uri in (A, B, C, D):
        world.dataset(uri, "x")
    world.job("one", B, A).job("two", C, B).job("back", A, C).job("out", D, C).job("merge", D, D)
    assert ask(store, world, "cycles") == [
        {"datasets": [A, B, C], "jobs": ["job:glue/back", "job:glue/one", "job:glue/two"]}
    ]


def test_why_jobs_lack_column_lineage(store: GraphStore) -> None:
    world = World().dataset(A, "x").dataset(B, "x", "y", "z").dataset(C, "x")
    world.job("one", B, A).column(f"{B}#x", f"{A}#x", "one", exact=False, expression="mapInPandas(f)")
    world.job("dead", C, A, status="failed").job("new", C, A, runs=())
    world.job("mixed-1", C, A, status="failed").job("mixed-2", C, A)  # once it succeeded
    world.job("blind", D, A).dataset(D)
    for each in (*world.edges,):
        if each.source == D and each.target == A and each.label == "derivesFrom":
            world.edges.append(Edge(each.label, D, A, each.key, {**each.properties, "columns": 0, "exact": False}))
    world.vertices += [
        vertex(f"{B}#y", "column", origin="unresolved", resolved=False),
        vertex(f"{B}#z", "column", resolved=False),
        vertex("plan:one/7", "operation", name="Filter", kind="transformation", plan="plan:one", resolved=False),
    ]
    world.edges.append(edge("hasOperation", "plan:one", "plan:one/7"))
    found = ask(store, world, "coverage")
    assert [(row["job"], row["dataset"], row["reason"], row["columns"], row["cause"]) for row in found] == [
        ("job:glue/new", C, "never ran", None, []),
        ("job:glue/dead", C, "failed only", None, []),
        ("job:glue/blind", D, "no columns", None, []),
        ("job:glue/one", B, "unresolved", 1, ["Filter"]),
        ("job:glue/one", B, "partly unresolved", 1, ["Filter"]),
        ("job:glue/one", B, "not exact", 1, ["mapInPandas(f)"]),
    ]


def test_what_was_written_without_any_source_is_not_left_out(store: GraphStore) -> None:
    """A write that was not understood, columns that nothing is known of, data without a name: each has its row."""
    unnamed = "unresolved:one/LogicalRDD"
    world = World().dataset(A, "x").dataset(B, "x", "y").dataset(C, "x").dataset(D).dataset(unnamed, "x")
    world.vertices.append(vertex(f"{A}#x", "column", origin="unresolved", resolved=False))
    world.vertices.append(vertex(f"{C}#x", "column", origin="constant"))
    world.job("blank", A).job("one", B, unnamed).column(f"{B}#x", f"{unnamed}#x", "one").job("made", C).job("odd", D)
    found = ask(store, world, "coverage")
    assert [(row["job"], row["dataset"], row["reason"], row["columns"], row["cause"]) for row in found] == [
        ("job:glue/odd", D, "nothing known", None, []),
        ("job:glue/blank", A, "unresolved", 1, []),
        ("job:glue/one", B, "unnamed source", 1, [unnamed]),
    ]


def test_a_job_that_makes_a_new_dataset_each_run_is_told_with_the_rule_that_joins_them(store: GraphStore) -> None:
    world = World()
    for number in range(1, 4):
        made = f"s3://lake/out/run-{number}"
        world.dataset(made, "x").job(f"nightly-{number}", made)
        world.vertices.append(vertex(f"{made}#x", "column", origin="constant"))
        world.edges.append(edge("hasPlan", "job:glue/nightly", f"plan:nightly-{number}"))
    world.vertices.append(vertex("job:glue/nightly", "job", name="nightly", namespace="glue"))
    found = [row for row in ask(store, world, "coverage") if row["reason"] == "dataset per run"]
    assert [(row["job"], row["dataset"], row["cause"]) for row in found] == [
        ("job:glue/nightly", "s3://lake/out/run-{number}", ["3 datasets", 'folders: ["run-{number}"]'])
    ]


def test_datasets_that_may_be_one(store: GraphStore) -> None:
    world = World().dataset("s3://lake/orders", "id", "price").dataset("s3://old/orders.parquet", "Price", "ID")
    world.dataset("s3://lake/other", "id", "price").dataset("s3://older/orders", "id")
    world.dataset("unresolved:1/orders", "id", "price")
    assert ask(store, world, "two-names") == [
        {"name": "orders", "datasets": ["s3://lake/orders", "s3://old/orders.parquet"], "columns": 2}
    ]


def test_what_people_retired_or_ignore_is_left_out(store: GraphStore) -> None:
    world = World().dataset(A, "x").dataset(B, "x").dataset(C, "x").job("one", B, A, runs=(DAY, 2 * DAY, 3 * DAY))
    world.job("two", C, A, runs=(DAY, 2 * DAY, 3 * DAY))
    for node, tag in ((B, "retired"), ("job:glue/one", "ignored"), (C, "owner=ann")):
        world.vertices.append(vertex(f"tag:{tag}", "tag", name=tag))
        world.edges.append(edge("taggedWith", node, f"tag:{tag}"))
    store.apply(world.delta())
    assert [row["dataset"] for row in rows(store, "unread-datasets")] == [C]
    assert [row["job"] for row in rows(store, "stopped-jobs", at=20 * DAY)] == ["job:glue/two"]


def test_the_instances_of_a_mapped_task_are_one_execution_of_its_job(store: GraphStore) -> None:
    world = World().dataset(A, "x").dataset(B, "x").job("mapped", B, A, runs=())
    for day in (1, 2, 3):
        for part in range(3):  # three instances, some seconds after each other, in one run of the DAG
            run_ = f"run:{day}-{part}"
            at = day * DAY + part * 1_000
            own = {"parentRun": f"dag-{day}", "jobRun": f"{day}-{part}"}
            world.vertices.append(vertex(run_, "run", timestamp=at, status="success", **own))
            world.edges.append(edge("executes", run_, "plan:mapped"))
    store.apply(world.delta())
    assert rows(store, "stopped-jobs", at=4 * DAY) == []
    assert [(row["job"], row["intervalMs"]) for row in rows(store, "stopped-jobs", at=9 * DAY)] == [
        ("job:glue/mapped", DAY)
    ]


@pytest.mark.parametrize("query", [query.name for query in ESTATE])
def test_a_deadline_says_that_not_all_was_looked_at(store: GraphStore, query: str) -> None:
    store.apply(World().dataset(A, "x").dataset(B, "x").job("one", B, A).column(f"{B}#x", f"{A}#x", "one").delta())
    whole = run(query, store.g, {})
    part = run(query, store.g, {}, deadline=0, clock=lambda: 1.0)
    assert isinstance(whole, Table)
    assert isinstance(part, Table)
    assert (whole.complete, whole.reason) == (True, None)
    assert (part.rows, part.complete, part.reason) == ((), False, "deadline")
    assert result_of(part.to_dict()) == part
