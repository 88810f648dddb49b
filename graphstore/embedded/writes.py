"""Deltas as one script of the embedded engine (graphersal). Pure: no store, no I/O.

Rows of keys and properties are JSON, which the engine parses itself, injected and merged (mergeV, then mergeE), so that
deltas of any size are a few statements, which loop over the rows. All texts are this module's own and all values are
bound, so nothing is held against the list of allowed steps, as traversals of callers are (`bytecode`). Stores behind a
socket, which take a bounded request at a time, are written to by `graphstore.remote.requests`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.embedded.bytecode import Script
from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.writer import EDGE_KEY, FACTS, Batch, EdgeKey, Properties, batches

_PART = 200  #: edges that one statement removes: within() looks through its whole list
#: Rows that one traversal merges. The engine copies what is injected at each step of the traversal: rows that fit into
#: the processor's cache cost two thirds of what a thousand at once do, and fewer than twenty cost more again.
_CHUNK = 40
#: Write fewer vertices as if they were there: looking for them costs more than finding each as it is written.
_FEW = 50
#: Edges out of one vertex in a batch from which on adding each is faster than merging them by the chunk.
_FAN = 500

Row = dict[str, Any]
Edges = Mapping[EdgeKey, Properties]


def script_of_deltas(deltas: Sequence[GraphDelta], existing: Callable[[list[str]], Iterable[str]]) -> Script:
    """The script that writes the deltas, to be run in one transaction; its text is empty if there is nothing to write.

    `existing` says which of some vertices the store has before that. What it has not is made as a whole, and so are
    its edges: half the cost of looking for it and giving it its properties then. Nobody else may write meanwhile.
    Raises InvalidRequest, naming the element and the property, for a value that the store cannot hold.
    """
    script = Script()
    seen: set[str] = set()
    for batch in batches(deltas):
        ids = [id_ for id_, _ in batch.vertices]
        new = {*ids}.difference(seen, existing(ids)) if len(ids) >= _FEW else set()
        seen.update(ids)
        script.text += "".join(_statements(script, batch, new))
    return script


def script_of_existing(ids: Sequence[str]) -> Script:
    """The script that gives those of some vertices that are there."""
    script = Script()
    script.text = f"g.V(parse_json({script.bind(_json(ids))})).id().toList()"
    return script


def _statements(script: Script, batch: Batch, new: Container[str]) -> Iterator[str]:
    def bound(values: Sequence[object]) -> str:
        return f"parse_json({script.bind(_json(values))})"

    for label, removed in batch.removed_edges.items():
        for part in _parts(removed):
            sources = bound(list(dict.fromkeys(source for source, _ in part)))
            keys = bound([key for _, key in part])
            edges = f"g.V({sources}).outE({script.bind(label)})"
            yield f'{edges}.has("{EDGE_KEY}",P.within({keys})).drop().iterate();'
    if batch.removed_vertices:
        yield f"g.V({bound(batch.removed_vertices)}).drop().iterate();"

    merged, fans = _apart(batch.edges, new)
    for merge, (whole, changed) in (("mergeV", _vertex_rows(batch, new)), ("mergeE", _edge_rows(merged, new))):
        if whole:
            chunks = [whole[start : start + _CHUNK] for start in range(0, len(whole), _CHUNK)]
            yield f"for rows in {bound(chunks)} {{ g.inject(rows).unfold().{merge}().iterate() }};"
        if changed:
            # A traversal for each: to merge many by a part of each row, the engine copies the rows four times more.
            options = "option(Merge.onCreate,row.p).option(Merge.onMatch,row.p)"
            yield f"for row in {bound(changed)} {{ g.{merge}(row.k).{options}.iterate() }};"
    for names, rows in fans.items():
        given = "".join(f".property({script.bind(name)},row.p[{at}])" for at, name in enumerate(names))
        yield f"for row in {bound(rows)} {{ g.V(row.o).addE(row.l).to(__.V(row.i)){given}.iterate() }};"


def _apart(edges: Edges, new: Container[str]) -> tuple[Edges, dict[tuple[str, ...], list[Row]]]:
    """The edges to be merged; and, by the names of their properties, rows of new ones that leave a vertex with many.

    mergeE looks through all edges out of a vertex: a dataset with 20,000 new columns took 4 s, with twice as many four
    times as long, and meanwhile every question waits. An edge at a new vertex cannot be there, and is only added.
    """
    leaving = Counter(source for _, source, _, _ in edges)
    if all(count < _FAN for count in leaving.values()):
        return edges, {}
    merged: dict[EdgeKey, Properties] = {}
    added: dict[tuple[str, ...], list[Row]] = {}
    for key, properties in edges.items():
        label, source, target, own = key
        if leaving[source] < _FAN or (source not in new and target not in new):
            merged[key] = properties
        else:
            given = {EDGE_KEY: own, **properties}
            added.setdefault(tuple(given), []).append({"l": label, "o": source, "i": target, "p": [*given.values()]})
    return merged, added


def _parts(removed: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """In parts; those of one source together."""
    ordered = sorted(set(removed))
    return (ordered[start : start + _PART] for start in range(0, len(ordered), _PART))


def _vertex_rows(batch: Batch, new: Container[str]) -> tuple[list[Row], list[Row]]:
    """New vertices with all that they have, and rows of those that may be there and are changed."""
    whole: list[Row] = []
    changed: list[Row] = []
    for (id_, label), properties in batch.vertices.items():
        key = {"T.id": id_, "T.label": label}
        if id_ in new:
            whole.append({**key, **properties})
        else:
            changed.append({"k": key, "p": properties})
    return whole, changed


def _edge_rows(edges: Edges, new: Container[str]) -> tuple[list[Row], list[Row]]:
    """Edges that are merged by all that they have, and rows of those that are found by their key and changed.

    A fact's properties are functions of its key, so an edge with the key has them too. A `new` vertex has no edges yet.
    """
    whole: list[Row] = []
    changed: list[Row] = []
    for key, properties in edges.items():
        label, source, target, _ = key
        if properties and label not in FACTS and source not in new and target not in new:
            changed.append({"k": _edge_key(key), "p": properties})
        else:
            whole.append({**_edge_key(key), **properties})
    return whole, changed


def _edge_key(key: EdgeKey) -> Row:
    label, source, target, own = key
    return {"T.label": label, "Direction.OUT": source, "Direction.IN": target, EDGE_KEY: own}


def _json(values: Sequence[object]) -> str:
    try:
        return orjson.dumps(values).decode()
    except orjson.JSONEncodeError as error:
        raise InvalidRequest(f"a text cannot be stored: {error}") from error
