"""The law of writing: after any deltas, joined in any way, the embedded store holds what a plain model holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import T
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.graphmodel.delta import Edge, GraphDelta, Vertex
from headwater.graphstore.embedded.store import EmbeddedStore

IDS = ("a", "b", "c", "d")
Removal = tuple[str, str, str]
EdgeKey = tuple[str, str, str, str]

vertices = st.builds(
    Vertex,
    st.sampled_from(IDS),
    st.just("dataset"),
    st.dictionaries(st.sampled_from(["name", "format"]), st.sampled_from(["x", "y"]), max_size=2),
)
#: A view, whose properties change, and a fact, whose properties are functions of its key.
edges = st.builds(
    lambda label, source, target, certain: Edge(
        label, source, target, source + target, {"certain": certain} if label == "derivesFrom" else {"plan": "p"}
    ),
    st.sampled_from(["derivesFrom", "everDerivesFrom"]),
    st.sampled_from(IDS),
    st.sampled_from(IDS),
    st.booleans(),
)
removals = st.tuples(
    st.sampled_from(["derivesFrom", "everDerivesFrom"]), st.sampled_from(IDS), st.sampled_from(IDS)
).map(lambda parts: (parts[0], parts[1], parts[1] + parts[2]))
deltas = st.builds(
    GraphDelta,
    st.lists(vertices, max_size=3).map(tuple),
    st.lists(edges, max_size=3).map(tuple),
    st.lists(removals, max_size=2).map(tuple),
    st.lists(st.sampled_from(IDS), max_size=1).map(tuple),
)


#: With so many vertices the store is asked which ones are new.
FILLING = tuple(Vertex(f"filling{number}", "dataset") for number in range(50))


class Model:
    """What the port promises, in dictionaries."""

    def __init__(self) -> None:
        self.vertices: dict[str, dict[str, Any]] = {}
        self.edges: dict[EdgeKey, dict[str, Any]] = {}

    def apply(self, delta: GraphDelta) -> GraphDelta:
        """The delta as it may be written: without edges that would have no end."""
        for label, source, key in delta.removed_edges:
            self.edges = {k: p for k, p in self.edges.items() if (k[0], k[1], k[3]) != (label, source, key)}
        for gone in delta.removed_vertices:
            self.vertices.pop(gone, None)
            self.edges = {k: p for k, p in self.edges.items() if gone not in k[1:3]}
        for each in delta.vertices:
            self.vertices.setdefault(each.id, {}).update(each.properties)
        kept = tuple(e for e in delta.edges if e.source in self.vertices and e.target in self.vertices)
        for e in kept:
            self.edges.setdefault((e.label, e.source, e.target, e.key), {}).update(e.properties)
        return GraphDelta(delta.vertices, kept, delta.removed_edges, delta.removed_vertices)


@contextmanager
def emptied() -> Iterator[EmbeddedStore]:
    with TemporaryDirectory() as folder, EmbeddedStore(Path(folder) / "graph") as store:
        yield store


@settings(max_examples=60)
@given(st.lists(st.lists(deltas, min_size=1, max_size=4), min_size=1, max_size=4), st.booleans())
def test_the_store_holds_what_was_written(writes: list[list[GraphDelta]], many: bool) -> None:
    """Each list of deltas is one write: some of its vertices are new, some were there, some are made anew in it."""
    model = Model()
    with emptied() as store:
        for some in writes:
            more = FILLING if many else ()
            store.apply([model.apply(replace(delta, vertices=(*delta.vertices, *more))) for delta in some])
            assert dict(map(read, store.g.V().element_map().to_list())) == model.vertices
            rows = store.g.E().project("ends", "all").by(__.union(__.label(), __.out_v().id_(), __.in_v().id_()).fold())
            found = {}
            for row in rows.by(__.element_map()).to_list():
                _, properties = read(row["all"])
                found[(*row["ends"], properties.pop("key"))] = properties
            assert found == model.edges
            assert store.counts().get("derivesFrom", 0) == sum(key[0] == "derivesFrom" for key in model.edges)


def read(element: dict[Any, Any]) -> tuple[str, dict[str, Any]]:
    """The id and the properties."""
    return element[T.id], {key: value for key, value in element.items() if isinstance(key, str)}
