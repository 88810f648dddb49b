"""How many requests a question sends to its store: as many for a wide answer as for a narrow one (real engine)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from gremlin_python.process.traversal import Bytecode

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphmodel.ids import tag_id
from headwater.graphmodel.model import Dependency, Effect, Plan, Role, Subtype
from headwater.graphmodel.whole import graph
from headwater.graphstore import GraphStore
from headwater.graphstore.embedded.store import EmbeddedStore
from headwater.queries.answers.answer import Answer
from headwater.queries.catalogue.catalogue import run
from tests.contract.counting import Counting
from tests.contract.test_past import at, plan
from tests.contract.test_past import run as ran

MART, TAG = "s3://lake/mart", tag_id("pii")
#: Two Spark applications: everything runs in the first, then everything with other logic in the second.
FIRST, SECOND = "app1", "app2"
BETWEEN = str(at(150))


class CountingStore(EmbeddedStore):
    """Counts the requests that it answers."""

    requests = 0

    def run(self, bytecode: Bytecode, **more: Any) -> list[Any]:
        self.requests += 1
        return super().run(bytecode, **more)


def raw(number: int) -> str:
    return f"s3://lake/raw{number:02}"


def plans(width: int) -> Iterator[Plan]:
    """`width` sources, each made by a job of its own, a mart of all of them, and a report of each source."""
    sources = [raw(number) for number in range(width)]
    keys = tuple(Dependency(source, "v", Subtype.FILTER, expression="v > 0") for source in sources)
    for turn in (1, 2):
        for number, source in enumerate(sources):
            yield plan(f"load{number}.{turn}", source, {"v": (f"s3://landing/{number}#v", f"v + {turn}")})
            report = {"total": (f"{source}#v", f"sum({turn} * v)")}
            yield plan(f"report{number}.{turn}", f"s3://lake/report{number}", report)
        mart = {f"c{number}": (f"{source}#v", f"{turn} * v") for number, source in enumerate(sources)}
        yield plan(f"mart.{turn}", MART, mart, dependencies=keys)


def events(width: int) -> Iterator[Event]:
    for turn, app in enumerate((FIRST, SECOND), 1):
        for again in (0, 30):
            begin = turn * 100 + again
            yield from (ran(f"load{n}.{turn}", begin + n % 5, app) for n in range(width))
            yield ran(f"mart.{turn}", begin + 10, app)
            yield from (ran(f"report{n}.{turn}", begin + 20, app) for n in range(width))


CHAIN = 20


def chain() -> Iterator[Plan]:
    for number in range(CHAIN):
        yield plan(f"hop{number}", raw(number + 1), {"v": (f"{raw(number)}#v", "v + 1")})


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({}, 8),
        ({"type": "all"}, 8),
        ({"level": "dataset"}, 8),
        ({"asOf": "ever"}, 8),
        ({"direction": "downstream", "node": f"{raw(0)}#v"}, 8),
    ],
)
def test_a_long_chain_takes_few_requests(store: GraphStore, given: dict[str, object], most: int) -> None:
    """Each one is a round trip on a store behind a network."""
    whole = graph([Body(p, p.agent_plan_id) for p in chain()], [ran(f"hop{n}", n, FIRST) for n in range(CHAIN)])
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))
    counting = Counting(store.g)
    answer = run("lineage", counting.g, {"node": f"{raw(CHAIN)}#v", **given})
    assert isinstance(answer, Answer)
    assert (len(answer.nodes), len(answer.edges), answer.complete) == (CHAIN + 1, CHAIN, True)
    assert counting.requests <= most


def test_a_long_chain_of_writes_reported_twice_takes_few_requests(store: GraphStore) -> None:
    """As of ever each edge stands in the graph twice, and in the answer once."""
    reports = [
        replace(one, agent_plan_id=f"{one.agent_plan_id}{role.value}", role=role, effect=effect)
        for one in chain()
        for role, effect in ((Role.WRAPPER, Effect.ALL), (Role.INNER, Effect.OVERWRITE))
    ]
    ends = [ran(one.agent_plan_id, number // 2, FIRST, 1) for number, one in enumerate(reports)]
    whole = graph([Body(p, p.agent_plan_id) for p in reports], ends)
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))
    counting = Counting(store.g)
    answer = run("lineage", counting.g, {"node": f"{raw(CHAIN)}#v", "asOf": "ever"})
    assert isinstance(answer, Answer)
    assert (len(answer.nodes), len(answer.edges), answer.complete) == (CHAIN + 1, CHAIN, True)
    assert counting.requests <= 8


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CountingStore, CountingStore]]:
    """The same estate, narrow and wide; every source is tagged."""
    narrow, wide = (CountingStore(tmp_path_factory.mktemp("requests") / "graph") for _ in range(2))
    with narrow, wide:
        for store, width in ((narrow, 3), (wide, 12)):
            whole = graph([Body(p, p.agent_plan_id) for p in plans(width)], list(events(width)))
            told: dict[str, Any] = {"statedBy": "ann", "statedAt": 1, "reason": "", "pattern": ""}
            tagged = tuple(edge("taggedWith", raw(number), TAG, **told) for number in range(width))
            vertices = (*whole.vertices.values(), vertex(TAG, "tag", name="pii"))
            store.apply(GraphDelta(vertices, (*whole.edges.values(), *tagged)))
        yield narrow, wide


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("upstream", {"node": MART}),
        ("upstream", {"node": MART, "level": "column", "type": "all"}),
        ("upstream", {"node": MART, "level": "column", "type": "all", "behind": True}),
        ("upstream", {"node": MART, "level": "column", "type": "all", "asOf": BETWEEN}),
        ("upstream", {"node": MART, "level": "column", "type": "all", "asOf": f"run:mart.1:{at(110)}:{FIRST}"}),
        ("upstream", {"node": MART, "level": "column", "type": "all", "asOf": "ever"}),
        ("downstream", {"node": raw(0), "level": "column", "type": "all"}),
        ("downstream", {"node": raw(0), "level": "column", "type": "all", "asOf": BETWEEN}),
        ("impact", {"node": raw(0)}),
        ("search", {"q": "raw"}),
        ("datasets", {}),
        ("columns", {"dataset": MART}),
        ("jobs", {}),
        ("run", {"run": f"run:mart.1:{at(110)}:{FIRST}"}),
        ("inputs", {"node": f"run:mart.1:{at(110)}:{FIRST}"}),
        ("inputs", {"node": FIRST, "depth": 3}),
        ("inputs", {"node": MART, "depth": 3}),
        ("diff-runs", {"run": FIRST, "other": SECOND}),
        ("diff", {"node": MART, "from": BETWEEN}),
        ("changes", {"node": MART}),
        ("changes", {"node": MART, "upstream": True, "type": "all"}),
        ("tagged", {"tag": "pii"}),
        ("tag-flow", {"tag": "pii"}),
        ("matching", {"pattern": "s3://*"}),
        ("explain", {"node": MART}),
        ("unread-datasets", {}),
        ("hot-spots", {"level": "column"}),
    ],
)
def test_more_rows_are_no_more_requests(
    stores: tuple[CountingStore, CountingStore], query: str, given: dict[str, object]
) -> None:
    sizes, requests = [], []
    for store in stores:
        before = store.requests
        answer = run(query, store.g, given, now_ms=lambda: at(10_000)).to_dict()
        sizes.append(len(answer.get("rows") or answer.get("nodes") or answer["affected"]))
        requests.append(store.requests - before)
    assert sizes[0] < sizes[1]
    assert requests[0] == requests[1]
