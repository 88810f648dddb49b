"""What one batch of entries changes in the graph, collected into one `GraphDelta`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.graphmodel.delta import Edge, GraphDelta, Part, Vertex

EdgeKey = tuple[str, str, str]  # label, source, key

#: A payload shows when its run does: runs are written last.
_LAST = {"run": 1}


def key_of(edge: Edge) -> EdgeKey:
    """What identifies an edge in a `GraphDelta`."""
    return edge.label, edge.source, edge.key


class Changes:
    """Upserts and removals. Within a batch the later one counts."""

    def __init__(self) -> None:
        self._vertices: dict[str, Vertex] = {}
        self._edges: dict[EdgeKey, Edge] = {}
        self._removed_vertices: dict[str, None] = {}
        self._removed_edges: dict[EdgeKey, None] = {}

    def add(self, part: Part) -> None:
        """Upsert vertices and edges."""
        self._vertices.update((v.id, v) for v in part.vertices)
        for edge in part.edges:
            self.add_edge(edge)

    def add_edge(self, edge: Edge) -> None:
        """Upsert an edge. Its properties are always the same ones: it need not be removed before."""
        self._add_edge(key_of(edge), edge)

    def _add_edge(self, key: EdgeKey, edge: Edge) -> None:
        self._edges[key] = edge
        if self._removed_edges:
            self._removed_edges.pop(key, None)

    def amend(self, vertex: Vertex) -> None:
        """Give a vertex that there is, or will be with this batch, further properties."""
        before = self._vertices.get(vertex.id)
        both = {**before.properties, **vertex.properties} if before else vertex.properties
        self._vertices[vertex.id] = Vertex(vertex.id, vertex.label, both)

    def vertices_of(self, *labels: str) -> dict[str, str]:
        """The vertices of these labels that are upserted so far: id -> label."""
        return {v.id: v.label for v in self._vertices.values() if v.label in labels}

    def removed_vertices(self) -> list[str]:
        """The vertices that are removed so far, and not made again."""
        return [v for v in self._removed_vertices if v not in self._vertices]

    def remove_vertex(self, vertex: str) -> None:
        """Remove a vertex, and with it its edges."""
        self._vertices.pop(vertex, None)
        self._removed_vertices[vertex] = None

    def remove_edge(self, edge: Edge) -> None:
        """Remove an edge."""
        self._edges.pop(key_of(edge), None)
        self._removed_edges[key_of(edge)] = None

    def replace(self, old: Part, new: Part) -> None:
        """Remove what only `old` has, upsert `new`.

        A vertex that loses a property is removed and made again (`is_rewritten`): an upsert takes no property away.
        """
        names = {v.id: v.properties.keys() for v in new.vertices}
        for vertex in old.vertices:
            if vertex.id not in names or vertex.properties.keys() - names[vertex.id]:
                self.remove_vertex(vertex.id)
        self.replace_edges(old.edges, new.edges)
        self.add(Part(new.vertices))

    def replace_edges(self, old: Iterable[Edge], new: Iterable[Edge]) -> None:
        """Remove the edges that only `old` has, upsert those of `new` that `old` has not just so."""
        before = {key_of(e): e for e in old}
        after = {key_of(e): e for e in new}
        for key in before.keys() - after.keys():
            self.remove_edge(before[key])
        for key, edge in after.items():
            if before.get(key) != edge or self.is_rewritten(edge.source) or self.is_rewritten(edge.target):
                self._add_edge(key, edge)

    def is_rewritten(self, vertex: str) -> bool:
        """Whether a vertex is removed in this batch: if it is made again, its edges have to be as well."""
        return vertex in self._removed_vertices

    def delta(self) -> GraphDelta:
        """All of it, facts and views before the runs."""
        return GraphDelta(
            tuple(sorted(self._vertices.values(), key=lambda v: _LAST.get(v.label, 0))),
            tuple(sorted(self._edges.values(), key=lambda e: _LAST.get(e.source[:3], 0))),
            tuple(self._removed_edges),
            tuple(self._removed_vertices),
        )
