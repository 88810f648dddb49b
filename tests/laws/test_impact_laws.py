"""The laws of grading: small graphs at random, against an oracle that tries every walk."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from headwater.queries.answers.grades import (
    START_STATES,
    TRANSITIONS,
    Change,
    EdgeKind,
    Grade,
    Link,
    NodeState,
    propagate,
)

NODES = "rabcdef"
_KINDS = st.sampled_from([kind for kind in EdgeKind if kind not in (EdgeKind.COLUMN, EdgeKind.CONSTANT)])
_EDGES = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), _KINDS), max_size=14)
_CHANGES = st.sampled_from(Change)
Edges = list[tuple[str, str, EdgeKind]]


def links(edges: Edges) -> dict[str, list[Link]]:
    out: dict[str, list[Link]] = {}
    for number, (source, target, kind) in enumerate(edges):
        out.setdefault(source, []).append(Link(target, kind, number))
    return out


def grades(edges: Edges, change: Change) -> dict[str, Grade]:
    return {node: at.grade for node, at in propagate({"r"}, links(edges), change).reached.items()}


def states(edges: Edges, change: Change) -> set[tuple[str, NodeState]]:
    """Every (node, state) there is, by closing the relation until nothing is added."""
    found = {("r", START_STATES[change])}
    while True:
        more = {
            (target, TRANSITIONS[state][kind])
            for node, state in found
            for source, target, kind in edges
            if source == node and target != "r" and kind in TRANSITIONS[state]
        }
        if more <= found:
            return found
        found |= more


@given(_EDGES, _CHANGES)
def test_the_grade_is_the_worst_that_any_walk_brings(edges: Edges, change: Change) -> None:
    worst: dict[str, Grade] = {}
    for node, state in states(edges, change):
        if node != "r":
            worst[node] = min(state.grade, worst.get(node, state.grade), key=lambda grade: grade.rank)
    assert grades(edges, change) == worst


@given(_EDGES, _EDGES, _CHANGES)
def test_more_edges_never_make_a_grade_better(edges: Edges, more: Edges, change: Change) -> None:
    before, after = grades(edges, change), grades(edges + more, change)
    assert before.keys() <= after.keys()
    assert all(after[node].rank <= grade.rank for node, grade in before.items())


@given(_EDGES, _CHANGES, st.randoms(use_true_random=False))
def test_the_order_of_edges_does_not_count(edges: Edges, change: Change, random: object) -> None:
    mixed = list(edges)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = propagate({"r"}, links(edges), change).reached, propagate({"r"}, links(mixed), change).reached
    assert {node: (at.grade, at.distance, len(at.path)) for node, at in one.items()} == {
        node: (at.grade, at.distance, len(at.path)) for node, at in other.items()
    }


@given(_EDGES, _CHANGES)
def test_a_path_is_one_and_brings_its_grade(edges: Edges, change: Change) -> None:
    for node, at in propagate({"r"}, links(edges), change).reached.items():
        walked = list(walk(edges, at.path, change))
        assert walked[-1] == (node, at.grade)
        assert at.distance <= len(at.path)


def walk(edges: Edges, path: tuple[int, ...], change: Change) -> Iterator[tuple[str, Grade]]:
    node, state = "r", START_STATES[change]
    for number in path:
        source, target, kind = edges[number]
        assert source == node
        node, state = target, TRANSITIONS[state][kind]
        yield node, state.grade
