"""How a batch becomes requests of a bounded size that may run side by side."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphstore.neptune.request_lanes import RECORDS, Stage, joined, records, stages
from headwater.graphstore.writer import Batch

IDS = st.text("ab#", max_size=3)
PROPERTIES = st.dictionaries(st.sampled_from(["name", "type", "job"]), st.text("xy", max_size=2))
BATCHES = st.builds(
    Batch,
    st.dictionaries(st.sampled_from(["derivesFrom", "dependsOn"]), st.lists(st.tuples(IDS, IDS), min_size=1)),
    st.lists(IDS, unique=True),
    st.dictionaries(st.tuples(IDS, st.sampled_from(["column", "dataset"])), PROPERTIES),
    st.dictionaries(st.tuples(st.just("reads"), IDS, IDS, IDS), PROPERTIES),
)


def parts(found: list[Stage]) -> list[Batch]:
    return [joined(part) for stage in found for lane in stage for part in lane]


def changes(batches: list[Batch]) -> list[tuple[str, ...]]:
    """Every change, without regard to the order."""
    return sorted(
        itertools.chain.from_iterable(
            [
                *(("1", label, *one) for label, removed in batch.removed_edges.items() for one in removed),
                *(("2", id_) for id_ in batch.removed_vertices),
                *(("3", *key, repr(p)) for key, p in batch.vertices.items()),
                *(("4", *key, repr(p)) for key, p in batch.edges.items()),
            ]
            for batch in batches
        )
    )


def kinds(batch: Batch) -> list[int]:
    filled = (batch.removed_edges, batch.removed_vertices, batch.vertices, batch.edges)
    return [number for number, kind in enumerate(filled) if kind]


@given(BATCHES, st.integers(1, 12), st.integers(1, 5))
def test_parts_hold_every_change_once_in_order_and_within_the_limit(batch: Batch, limit: int, lanes: int) -> None:
    found = list(stages(batch, limit, lanes))
    assert changes(parts(found)) == changes([batch])
    assert all(len(stage) <= lanes for stage in found)
    assert all(records([part]) <= limit or len(changes([part])) == 1 for part in parts(found))
    if len(parts(found)) > 1:
        order = [kind for part in parts(found) for kind in kinds(part)]
        assert order == sorted(order)


@given(BATCHES, st.integers(1, 6), st.integers(2, 5))
def test_lanes_that_run_side_by_side_share_no_element_and_no_source(batch: Batch, limit: int, lanes: int) -> None:
    for stage in stages(batch, limit, lanes):
        owned = [
            {source for part in lane for source in (*part.removed_vertices, *(key[0] for key in part.vertices))}
            | {key[1] for part in lane for key in part.edges}
            | {source for part in lane for removed in part.removed_edges.values() for source, _ in removed}
            for lane in ([joined(part) for part in lane] for lane in stage)
        ]
        assert all(not one & other for one, other in itertools.combinations(owned, 2))


def many(count: int) -> Batch:
    return Batch(vertices={(f"v{i}", "column"): {"name": "n"} for i in range(count)})


def test_the_advised_size_is_kept() -> None:
    found = list(stages(many(1_000)))
    assert [records([part]) for part in parts(found)] == [RECORDS] * 10
    assert len(found) == 1


def test_what_fits_one_request_is_one() -> None:
    [only] = parts(list(stages(many(90))))
    assert only == many(90)


@pytest.mark.parametrize(("vertices", "wanted"), [(101, 1), (900, 2), (1_600, 4), (100_000, 4)])
def test_more_lanes_only_where_each_has_enough_to_do(vertices: int, wanted: int) -> None:
    assert len(next(stages(many(vertices), lanes=4))) == wanted


def test_an_edge_waits_for_all_vertices() -> None:
    batch = many(300)
    batch.edges[("hasColumn", "v1", "v2", "k")] = {}
    assert [{number for part in parts([stage]) for number in kinds(part)} for stage in stages(batch)] == [
        {2},
        {3},
    ]
