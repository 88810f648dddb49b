"""A batch of changes as requests of a bounded size, for a store that takes no more at once. Pure.

A *change* is a batch of one element. A *portion* is the changes of one request, which is one transaction. A *lane* is
the portions that one connection sends one after the other. A *stage* is lanes that may run side by side; stages run one
after the other, so that an edge finds its ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from zlib import crc32

from headwater.graphstore.writer import Batch

RECORDS = 200  #: labels and properties that Neptune advises for one request
_PORTIONS_PER_LANE = 4  #: at least: with fewer requests to send, opening another connection costs more than it saves

Portion = list[Batch]
Lane = list[Portion]
Stage = list[Lane]
_Row = tuple[str, int, Batch]  # what decides about its lane, what it counts, the change


def records(portion: Iterable[Batch]) -> int:
    """How many labels, properties and removals a portion has."""
    return sum(size for batch in portion for _, size, _ in chain.from_iterable(_changes_by_kind(batch)))


def stages(batch: Batch, limit: int = RECORDS, lanes: int = 1) -> Iterator[Stage]:
    """The batch in portions of at most `limit` records (a larger element is a portion of its own).

    A stage has at most `lanes` lanes. What fits one request is one stage of one portion. Otherwise removed edges come
    first, then removed vertices, vertices, and edges.
    Elements are spread by their id, edges by the id of their source, so that lanes do not change the same element.
    """
    kinds = [list(rows) for rows in _changes_by_kind(batch)]
    if sum(size for rows in kinds for _, size, _ in rows) <= limit:
        yield [[[change for rows in kinds for _, _, change in rows]]]
    else:
        yield from (_stage(rows, limit, lanes) for rows in kinds if rows)


def joined(portion: Iterable[Batch]) -> Batch:
    """The changes as one batch."""
    whole = Batch()
    for change in portion:
        for label, removed in change.removed_edges.items():
            whole.removed_edges[label].extend(removed)
        whole.removed_vertices.extend(change.removed_vertices)
        whole.vertices.update(change.vertices)
        whole.edges.update(change.edges)
    return whole


def _stage(rows: Sequence[_Row], limit: int, lanes: int) -> Stage:
    ordered = sorted(rows, key=lambda row: row[0])
    wanted = max(1, min(lanes, sum(size for _, size, _ in ordered) // (limit * _PORTIONS_PER_LANE)))
    spread: list[list[_Row]] = [[] for _ in range(wanted)]
    for row in ordered:
        spread[crc32(row[0].encode("utf-8", "surrogatepass")) % wanted].append(row)
    return [list(_portions(lane, limit)) for lane in spread if lane]


def _portions(rows: Iterable[_Row], limit: int) -> Iterator[Portion]:
    portion: Portion = []
    count = 0
    for _, size, change in rows:
        if portion and count + size > limit:
            yield portion
            portion, count = [], 0
        portion.append(change)
        count += size
    if portion:
        yield portion


def _changes_by_kind(batch: Batch) -> tuple[Iterator[_Row], ...]:
    """Every change of the batch, by kind, in the order in which kinds are written."""
    return (
        (
            (source, 1, Batch(removed_edges={label: [(source, key)]}))
            for label, removed in batch.removed_edges.items()
            for source, key in removed
        ),
        ((id_, 1, Batch(removed_vertices=[id_])) for id_ in batch.removed_vertices),
        ((key[0], 1 + len(p), Batch(vertices={key: p})) for key, p in batch.vertices.items()),
        ((key[1], 2 + len(p), Batch(edges={key: p})) for key, p in batch.edges.items()),
    )
