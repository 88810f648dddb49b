"""Grades a lineage answer: which columns, datasets and jobs a change affects, and how badly. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Answer, Edge
from headwater.queries.answers.grades import (
    REMOVES_NAME,
    Change,
    EdgeKind,
    Grade,
    Link,
    NodeState,
    Propagation,
    Reached,
    edge_kind,
    propagate,
)
from headwater.queries.answers.impact import AffectedNode, UngradedJob


class Graded(NamedTuple):
    """The roots of an answer (a dataset with its columns, or a column), a change of them, and what it affects."""

    roots: frozenset[str]
    change: Change
    propagation: Propagation


def grade(answer: Answer, change: Change) -> Graded:
    """Follow a change through an answer that looks downstream and has all types of edges."""
    roots = frozenset(node.id for node in answer.nodes if node.distance == 0)
    return Graded(roots, change, propagate(roots, links(answer), change))


def links(answer: Answer) -> Mapping[str, list[Link]]:
    """The links downstream of each node; a dataset that is not the root also links to its own columns."""
    out: dict[str, list[Link]] = {}
    for number, edge in enumerate(answer.edges):
        kind = edge_kind(edge.type, edge.subtype, masking=edge.masking)
        out.setdefault(edge.source, []).append(Link(edge.target, kind, number))
    datasets = {node.id for node in answer.nodes if node.label == "dataset" and node.distance}
    for node in answer.nodes:
        if node.label == "column" and node.dataset in datasets:
            kind = EdgeKind.CONSTANT if node.origin == "constant" else EdgeKind.COLUMN
            out.setdefault(node.dataset, []).append(Link(node.id, kind))
    return out


def columns(graded: Graded) -> Iterator[AffectedNode]:
    """The columns that the change affects."""
    return (_affected(node, "column", at) for node, at in graded.propagation.reached.items() if "#" in node)


def datasets(graded: Graded) -> Iterator[AffectedNode]:
    """The datasets with an affected column, or whose rows may change, each with the worst grade among these."""
    found: dict[str, Reached] = {}
    for node, at in graded.propagation.reached.items():
        _worse(found, split_node(node)[0], at)
    return (_affected(dataset, "dataset", at) for dataset, at in found.items())


def jobs(graded: Graded, edges: Sequence[Edge], unknown: Iterable[UngradedJob]) -> Iterator[AffectedNode]:
    """The jobs of the edges that the change crosses, each with the worst grade among its edges.

    A change that removes a name breaks every job that reads the root by that name, whatever for. If the root is a
    dataset, it also breaks the jobs that read it and whose column lineage is not known.
    """
    found: dict[str, Reached] = {}
    for number, state in graded.propagation.edge_states.items():
        edge = edges[number]
        if edge.job is not None:
            _worse(found, edge.job, _of_job(graded, number, edge, state))
    for item in unknown:
        if item.reads in graded.roots and graded.change in REMOVES_NAME:
            _worse(found, item.job, Reached(NodeState.GONE.grade, 1, ()))
    return (_affected(job, "job", at) for job, at in found.items())


def _of_job(graded: Graded, number: int, edge: Edge, state: NodeState) -> Reached:
    source = graded.propagation.reached.get(edge.source)
    path, distance = (source.path, source.distance) if source else ((), 0)
    named = source is None and graded.change in REMOVES_NAME
    return Reached((NodeState.GONE if named else state).grade, distance + 1, (*path, number))


def _worse(found: dict[str, Reached], name: str, at: Reached) -> None:
    known = found.get(name, at)
    worst = min(known, at, key=lambda place: (place.grade.rank, place.distance, place.path))
    found[name] = worst._replace(distance=min(known.distance, at.distance))


def _affected(node: str, label: str, at: Reached) -> AffectedNode:
    return AffectedNode(node, label, at.grade.value, at.distance, at.path)


def numbered(affected: Sequence[AffectedNode], edges: Sequence[Edge]) -> tuple[list[AffectedNode], tuple[Edge, ...]]:
    """The same with the edges of its paths alone, numbered anew in their own order."""
    used = sorted({number for item in affected for number in item.path})
    new = {number: at for at, number in enumerate(used)}
    moved = [replace(item, path=tuple(new[number] for number in item.path)) for item in affected]
    return moved, tuple(edges[number] for number in used)


def order(item: AffectedNode) -> tuple[int, int, str, str]:
    """The worst first, then the nearest."""
    return Grade(item.grade).rank, item.distance, item.label, item.id
