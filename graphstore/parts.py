"""A batch of changes as requests of a bounded size, for a store that takes no more at once. Pure.

A *part* is a batch for one request, which is one transaction. A *stage* is a list of lanes that may run side by
side, each a list of parts for one connection; stages run one after the other, so that an edge finds its ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from zlib import crc32

from graphmodel.vocabulary import LEDGER
from graphstore.writer import Batch, Properties

RECORDS = 200  #: labels and properties that Neptune advises for one request
_REMOVED = 1  #: what a removal counts
_WORTH = 4  #: parts that a lane has at least: below that another connection does not pay

Lane = list[Batch]
Stage = list[Lane]
_Row = tuple[str, int, Batch]  # what decides about its lane, records, the change alone


def records(batch: Batch) -> int:
    """What the batch counts: labels, properties and removals."""
    return sum(size for _, size, _ in chain.from_iterable(_kinds(batch)))


def stages(batch: Batch, limit: int = RECORDS, lanes: int = 1) -> Iterator[Stage]:
    """The batch in parts of at most `limit` records (a larger element is a part of its own), in stages of `lanes`.

    What fits one request is one. Otherwise removed edges come first, then removed vertices, vertices, edges, and in
    the end the vertex that says how far the graph has read its ledger: it is there once all the others are. Elements
    are spread by their id, edges by the id of their source, so that lanes do not change the same element.
    """
    if records(batch) <= limit:
        yield [[batch]]
        return
    last = {key: properties for key, properties in batch.vertices.items() if key[1] == LEDGER}
    rest = {key: properties for key, properties in batch.vertices.items() if key[1] != LEDGER}
    small = Batch(batch.removed_edges, batch.removed_vertices, rest, batch.edges)
    for rows in _kinds(small):
        stage = _stage(rows, limit, lanes)
        if stage:
            yield stage
    if last:
        yield [[Batch(vertices=last)]]


def intention(batches: Iterable[Batch]) -> Batch | None:
    """What is written before the first of several parts: how far the graph will have read once all are there.

    A process that dies in between leaves this behind, and whoever goes on must write the very same changes first.
    None where nothing says how far.
    """
    for batch in batches:
        for key, properties in batch.vertices.items():
            if key[1] == LEDGER and "applied" in properties:
                begun: Properties = {**properties, "writing": properties["applied"]}
                del begun["applied"]
                return Batch(vertices={key: begun})
    return None


def halves(batch: Batch) -> tuple[Batch, Batch] | None:
    """The batch as two, to be written in this order; None for a single change."""
    kinds = [list(rows) for rows in _kinds(batch)]
    filled = [rows for rows in kinds if rows]
    if len(filled) > 1:
        return _joined(filled[0]), _joined(chain.from_iterable(filled[1:]))
    [rows] = filled or [[]]
    middle = len(rows) // 2
    return (_joined(rows[:middle]), _joined(rows[middle:])) if middle else None


def _stage(rows: Iterable[_Row], limit: int, lanes: int) -> Stage:
    ordered = sorted(rows, key=lambda row: row[0])
    wanted = max(1, min(lanes, sum(size for _, size, _ in ordered) // (limit * _WORTH)))
    spread: list[list[_Row]] = [[] for _ in range(wanted)]
    for row in ordered:
        spread[crc32(row[0].encode("utf-8", "surrogatepass")) % wanted].append(row)
    return [list(_parts(lane, limit)) for lane in spread if lane]


def _parts(rows: Iterable[_Row], limit: int) -> Iterator[Batch]:
    part: list[_Row] = []
    full = 0
    for row in rows:
        if part and full + row[1] > limit:
            yield _joined(part)
            part, full = [], 0
        part.append(row)
        full += row[1]
    if part:
        yield _joined(part)


def _kinds(batch: Batch) -> tuple[Iterator[_Row], ...]:
    """Every change of the batch alone, by kind, in the order in which kinds are written."""
    return (
        (
            (source, _REMOVED, Batch(removed_edges={label: [(source, key)]}))
            for label, removed in batch.removed_edges.items()
            for source, key in removed
        ),
        ((id_, _REMOVED, Batch(removed_vertices=[id_])) for id_ in batch.removed_vertices),
        ((key[0], 1 + len(p), Batch(vertices={key: p})) for key, p in batch.vertices.items()),
        ((key[1], 2 + len(p), Batch(edges={key: p})) for key, p in batch.edges.items()),
    )


def _joined(rows: Iterable[_Row]) -> Batch:
    whole = Batch()
    for _, _, one in rows:
        _extend(whole.removed_edges, one.removed_edges)
        whole.removed_vertices.extend(one.removed_vertices)
        whole.vertices.update(one.vertices)
        whole.edges.update(one.edges)
    return whole


def _extend(whole: dict[str, list[tuple[str, str]]], more: Mapping[str, list[tuple[str, str]]]) -> None:
    for label, removed in more.items():
        whole[label].extend(removed)
