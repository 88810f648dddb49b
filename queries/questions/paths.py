"""How data gets from one node to another: the shortest path, or all that lies between the two.

Both ways round are tried, always by walking upstream: the sources of a node are few where those made of it are many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gremlin_python.process.graph_traversal import GraphTraversalSource

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Answer, Reason
from headwater.queries.answers.page import Values
from headwater.queries.answers.paths import Paths
from headwater.queries.tracing.as_of import name_of
from headwater.queries.tracing.graph_algorithms import Path, between, distances, simple_paths
from headwater.queries.tracing.lineage import Question, trace_lineage
from headwater.queries.tracing.walk import DeadlinePassed

_NODES = 100_000  #: that are looked at while walking upstream
_STEPS = 100_000  #: that are taken to tell paths inside cycles from those that are none


def paths(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Paths:
    """The query: `values` has from, to, type, asOf, ways and limit."""
    start, end = values["from"], values["to"]
    empty = Paths(start, end, values["type"], name_of(values["asOf"]))
    columns = any(split_node(node)[1] is not None for node in (start, end))
    level = "column" if columns else "dataset"
    for source, target, direction in ((start, end, "downstream"), (end, start, "upstream")):
        question = Question("upstream", None, values["type"], values["asOf"], level, _NODES)
        answer = trace_lineage(g, target, question, deadline_passed)
        found = _found(answer, source, replace(empty, direction=direction), values)
        if found.paths:
            return found
        empty = replace(empty, complete=empty.complete and answer.complete, reason=empty.reason or answer.reason)
    return empty


def _found(answer: Answer, source: str, empty: Paths, values: Values) -> Paths:
    """The paths from `source` to the root of an answer that looks upstream; a dataset also stands for its columns."""
    links = _links(answer)
    starts, ends = ({n.id for n in answer.nodes if name in (n.id, n.dataset)} for name in (source, answer.root))
    whole = values["ways"] == "all"
    listed, cut = _listed(simple_paths(links, starts, ends, _STEPS), values["limit"] if whole else 1)
    kept = between(links, starts, ends) if whole else {node for path in listed for node in path}
    # The walk upstream has the nearest nodes: what it left out may hold a further path, never a shorter one.
    reason: Reason | None = answer.reason or ("limit" if cut else None)
    reason = None if listed and not whole and reason in _FARTHER else reason
    far = distances(links, starts)
    nodes = [replace(node, distance=far[node.id], direction="downstream") for node in answer.nodes if node.id in kept]
    return replace(
        empty,
        nodes=tuple(sorted(nodes, key=lambda node: (node.distance, node.id))),
        edges=tuple(edge for edge in answer.edges if edge.source in kept and edge.target in kept),
        paths=tuple(listed),
        complete=reason is None,
        reason=reason,
    )


#: Why an answer is not complete that lacks only what is farther away than all that it has.
_FARTHER: tuple[Reason, ...] = ("limit", "deadline", "depth")


def _listed(found: Iterable[Path | None], limit: int) -> tuple[list[Path], bool]:
    """Up to `limit` paths, and whether there are, or may be, more."""
    listed: list[Path] = []
    for path in found:
        if path is None or len(listed) == limit:
            return listed, True
        listed.append(path)
    return listed, False


def _links(answer: Answer) -> dict[str, list[str]]:
    """As the data flows: along the edges, and from a dataset that depends on something to its columns."""
    out: dict[str, set[str]] = {}
    for edge in answer.edges:
        out.setdefault(edge.source, set()).add(edge.target)
    datasets = {node.id for node in answer.nodes if node.label == "dataset"}
    for node in answer.nodes:
        if node.label == "column" and node.dataset in datasets:
            out.setdefault(node.dataset, set()).add(node.id)
    return {node: sorted(following) for node, following in out.items()}
