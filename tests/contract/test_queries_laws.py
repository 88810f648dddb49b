"""The laws of lineage answers: small worlds at random, against an oracle that knows nothing of walks or requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.ids import split_node
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Answer
from tests.contract.queries_world import ask, dataset, depends, derives

DATASETS = ("s3://a", "s3://b", "s3://c", "s3://d")
COLUMNS = tuple(f"{name}#{column}" for name in DATASETS for column in "xyz")
KINDS = ("DIRECT", "INDIRECT")
Derived = set[tuple[str, str, str, bool]]
Depending = set[tuple[str, str]]
_DERIVED = st.sets(st.tuples(*[st.sampled_from(COLUMNS)] * 2, st.sampled_from(KINDS), st.booleans()), max_size=20)
_DEPENDING = st.sets(st.tuples(st.sampled_from(DATASETS), st.sampled_from(COLUMNS)), max_size=4)
_WORLDS = settings(max_examples=40, suppress_health_check=list(HealthCheck))


def build(store: GraphStore, derived: Derived, depending: Depending) -> None:
    store.clear()
    vertices, edges = [], []
    for uri in DATASETS:
        some, others = dataset(uri, "x", "y", "z")
        vertices += some
        edges += others
    edges += [derives(t, s, f"plan:{c}", type=k, carried=c or None) for t, s, k, c in derived]
    edges += [depends(target, source) for target, source in depending]
    store.apply(GraphDelta(tuple(vertices), tuple(edges)))


def followed(derived: Derived, kind: str) -> set[tuple[str, str]]:
    return {(target, source) for target, source, of, carried in derived if not carried and kind in ("all", of.lower())}


def expected(derived: Derived, depending: Depending, root: str, kind: str, direction: str) -> tuple[object, object]:
    """Distances and edges by plain relations: all hops between columns, breadth first."""
    pairs = followed(derived, kind)
    whole = depending if kind == "all" else set()
    hops = pairs | {(column, source) for name, source in whole for column in COLUMNS if split_node(column)[0] == name}
    if direction == "downstream":
        hops = {(source, target) for target, source in hops}
    far = reach(root, lambda node: (after for before, after in hops if before == node))
    for name, source in sorted(whole):
        if direction == "upstream":
            near = [at for node, at in far.items() if split_node(node)[0] == name]
        else:
            near = [far[source] + 1] if source in far else []
        if near:
            far[name] = min([*near, far.get(name, min(near))])
    return far, {(source, target) for target, source in pairs | whole if target in far and source in far}


def reach(root: str, after: Callable[[str], Iterable[str]]) -> dict[str, int]:
    far = {root: 0}
    for node in (queue := [root]):
        for found in after(node):
            if found not in far:
                far[found] = far[node] + 1
                queue.append(found)
    return far


@_WORLDS
@given(_DERIVED, _DEPENDING, st.sampled_from(COLUMNS), st.sampled_from(["direct", "all"]))
def test_an_answer_is_what_plain_relations_say(
    store: GraphStore, derived: Derived, depending: Depending, root: str, kind: str
) -> None:
    build(store, derived, depending)
    for direction in ("upstream", "downstream"):
        answer = ask(store, direction, node=root, type=kind)
        far = {node.id: node.distance for node in answer.nodes}
        assert (far, {(e.source, e.target) for e in answer.edges}) == expected(
            derived, depending, root, kind, direction
        )
        assert [(node.distance, node.id) for node in answer.nodes] == sorted((at, node) for node, at in far.items())
        assert list(answer.edges) == sorted(answer.edges, key=lambda edge: edge.order)
        assert answer.complete
        check_cuts(store, answer, direction, kind)


def check_cuts(store: GraphStore, whole: Answer, direction: str, kind: str) -> None:
    """Depth and limit leave out the farther nodes, say so, and keep every edge between those that stay."""
    for cut in ({"depth": 1}, {"limit": 4}, {"limit": len(whole.nodes)}):
        part = ask(store, direction, node=whole.root, type=kind, **cut)
        there = {node.id: node.distance for node in part.nodes}
        assert there.items() <= {node.id: node.distance for node in whole.nodes}.items()
        left = [node.distance for node in whole.nodes if node.id not in there]
        assert part.complete == (not left)
        assert max(there.values()) <= min(left, default=99)
        kept = [edge for edge in whole.edges if edge.source in there and edge.target in there]
        assert list(part.edges) == kept


@settings(_WORLDS, max_examples=15)
@given(_DERIVED, _DEPENDING, st.sampled_from(["direct", "indirect", "all"]))
def test_downstream_is_upstream_reversed(store: GraphStore, derived: Derived, depending: Depending, kind: str) -> None:
    build(store, derived, depending)
    up, down = (
        {
            (root, node.id, node.distance)
            for root in COLUMNS
            for node in ask(store, direction, node=root, type=kind).nodes
            if node.label == "column"
        }
        for direction in ("upstream", "downstream")
    )
    assert up == {(node, root, distance) for root, node, distance in down}
