"""How bad a change is behind each kind of edge, and which of several paths counts."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from headwater.queries.answers.grades import (
    START_STATES,
    TRANSITIONS,
    Change,
    EdgeKind,
    Grade,
    Link,
    NodeState,
    edge_kind,
    propagate,
)

BREAKS, VALUE, ROWS, STOPS = Grade
COPY, T, A, M, X = EdgeKind.IDENTITY, EdgeKind.TRANSFORMATION, EdgeKind.AGGREGATION, EdgeKind.MASKED, EdgeKind.INDIRECT
DROP, RENAME, RETYPE, SEMANTICS, OTHER_ROWS = Change


#: the change, the kinds of the edges of one path, the grade at its end (None: the change does not come so far)
PATHS: list[tuple[Change, tuple[EdgeKind, ...], Grade | None]] = [
    (DROP, (COPY,), BREAKS),
    (DROP, (T, A, COPY), BREAKS),
    (DROP, (M,), BREAKS),  # a mask needs its argument
    (DROP, (X,), ROWS),
    (DROP, (X, T), ROWS),
    (DROP, (COPY, X, M), ROWS),  # other rows are other rows, masked or not
    (RENAME, (COPY, COPY), BREAKS),
    (RETYPE, (COPY,), VALUE),  # the other type is handed on
    (RETYPE, (COPY, COPY, T), BREAKS),  # and meets an expression that was written for the old one
    (RETYPE, (A,), BREAKS),
    (RETYPE, (M,), STOPS),
    (RETYPE, (COPY, X), ROWS),
    (SEMANTICS, (COPY, T, A), VALUE),
    (SEMANTICS, (M,), STOPS),
    (SEMANTICS, (COPY, M, COPY), None),  # nothing comes through
    (SEMANTICS, (X,), ROWS),
    (SEMANTICS, (X, EdgeKind.COLUMN, COPY), ROWS),
    (SEMANTICS, (X, EdgeKind.CONSTANT), STOPS),
    (OTHER_ROWS, (A, M), ROWS),
    (SEMANTICS, (X, EdgeKind.CONSTANT, COPY), None),
]


@pytest.mark.parametrize(("change", "kinds", "grade"), PATHS)
def test_the_grade_at_the_end_of_a_path(change: Change, kinds: tuple[EdgeKind, ...], grade: Grade | None) -> None:
    links = {
        str(at): [Link(str(at + 1), kind, None if kind in (EdgeKind.COLUMN, EdgeKind.CONSTANT) else at)]
        for at, kind in enumerate(kinds)
    }
    found = propagate({"0"}, links, change).reached.get(str(len(kinds)))
    assert (found.grade if found else None) is grade


def test_every_state_has_its_row_and_no_edge_makes_a_change_worse_than_gone() -> None:
    assert set(TRANSITIONS) == set(NodeState)
    assert set(START_STATES) == set(Change)
    ranks = list(NodeState)
    # A worse state never hands on a better one, masks apart: what is a mere change ends there, other rows do not.
    for (worse, better), kind in product(pairwise(ranks), EdgeKind):
        if kind is not EdgeKind.MASKED and kind in TRANSITIONS[worse] and kind in TRANSITIONS[better]:
            assert ranks.index(TRANSITIONS[worse][kind]) <= ranks.index(TRANSITIONS[better][kind])


@pytest.mark.parametrize(
    ("type_", "subtype", "masking", "kind"),
    [
        ("DIRECT", "IDENTITY", False, COPY),
        ("DIRECT", "TRANSFORMATION", False, T),
        ("DIRECT", "AGGREGATION", False, A),
        ("DIRECT", "IDENTITY", True, M),
        ("DIRECT", None, False, T),  # not known further
        ("INDIRECT", "FILTER", False, X),
        ("INDIRECT", "CONDITIONAL", True, X),
    ],
)
def test_the_kind_of_an_edge(type_: str, subtype: str | None, masking: bool, kind: EdgeKind) -> None:
    assert edge_kind(type_, subtype, masking=masking) is kind


def test_the_worst_of_several_paths_counts_and_of_those_the_shortest() -> None:
    links = {
        "root": [Link("end", X, 0), Link("a", COPY, 1), Link("b", COPY, 2)],
        "a": [Link("c", COPY, 3)],
        "b": [Link("end", T, 4)],
        "c": [Link("end", COPY, 5)],
    }
    end = propagate({"root"}, links, SEMANTICS).reached["end"]
    assert (end.grade, end.distance, end.path) == (VALUE, 1, (2, 4))


def test_a_cycle_ends_and_the_root_is_not_its_own_victim() -> None:
    links = {"root": [Link("a", COPY, 0)], "a": [Link("b", X, 1)], "b": [Link("root", COPY, 2), Link("a", COPY, 3)]}
    found = propagate({"root"}, links, DROP)
    assert {node: at.grade for node, at in found.reached.items()} == {"a": BREAKS, "b": ROWS}
    assert found.edge_states == {0: NodeState.GONE, 1: NodeState.ROWS, 2: NodeState.ROWS, 3: NodeState.ROWS}
