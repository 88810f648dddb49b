"""A lineage answer as people read it: the root, below it what it comes from (or what comes of it), and so on. Pure.

A node that was shown before is marked and not opened again; a wide fan is folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from headwater.queries.answers.answer import Answer, Edge, Node

#: Children shown below one node; the rest is counted.
FAN = 12


@dataclass(frozen=True)
class Branch:
    """One line and what is below it. `notes` follow the title in less weight; `mark` warns."""

    title: str
    notes: tuple[str, ...] = ()
    mark: str | None = None
    children: list[Branch] = field(default_factory=list)


class _Link(NamedTuple):
    node: str
    edge: Edge | None  #: None: a dataset and its columns
    plans: int = 1  #: how many plans derive it in the same way


def outline(answer: Answer, fan: int = FAN) -> Branch:
    """The answer as a tree. Where it looks both ways, the root has a branch for each."""
    nodes = {node.id: node for node in answer.nodes}
    if answer.direction == "both":
        root = Branch(answer.root, _root_notes(nodes.get(answer.root)))
        for direction in ("upstream", "downstream"):
            side = Branch(direction)
            side.children.extend(_grown(answer, nodes, direction, fan).children)
            root.children.append(side)
    else:
        root = _grown(answer, nodes, answer.direction, fan)
    if not answer.complete:
        root.children.append(Branch(f"not complete: {answer.reason}", mark="cut"))
    return root


def _grown(answer: Answer, nodes: Mapping[str, Node], direction: str, fan: int) -> Branch:
    """Depth first, with a stack: a chain may be longer than Python's own."""
    links = _links(answer, direction)
    root = Branch(answer.root, _root_notes(nodes.get(answer.root)))
    opened = {answer.root}
    stack: list[tuple[Branch, Iterator[_Link]]] = [(root, iter(links.get(answer.root, ())[:fan]))]
    _fold(root, links.get(answer.root, ()), fan)
    while stack:
        parent, rest = stack[-1]
        link = next(rest, None)
        if link is None:
            stack.pop()
            continue
        below = links.get(link.node, ())
        seen = link.node in opened and bool(below)
        mark = "shown above" if seen else None
        branch = Branch(link.node, _notes(nodes.get(link.node), link), mark)
        _insert(parent, branch)
        if not seen and below:
            opened.add(link.node)
            _fold(branch, below, fan)
            stack.append((branch, iter(below[:fan])))
    return root


def _fold(branch: Branch, below: Sequence[_Link], fan: int) -> None:
    if len(below) > fan:
        branch.children.append(Branch(f"+{len(below) - fan:,} more", mark="folded"))


def _insert(parent: Branch, branch: Branch) -> None:
    """Before the line that counts what is folded."""
    folded = bool(parent.children) and parent.children[-1].mark == "folded"
    parent.children.insert(len(parent.children) - folded, branch)


def _links(answer: Answer, direction: str) -> dict[str, list[_Link]]:
    """What is below each node: along the edges, and between a dataset and its columns where the walk went so."""
    links: dict[str, list[_Link]] = {}
    for edge, plans in _alike(answer.edges):
        above, below = (edge.target, edge.source) if direction == "upstream" else (edge.source, edge.target)
        links.setdefault(above, []).append(_Link(below, edge, plans))
    datasets = {node.id for node in answer.nodes if node.label == "dataset"}
    for node in answer.nodes:
        if node.label != "column" or node.dataset not in datasets:
            continue
        above, below = (node.dataset, node.id)
        if direction == "upstream" and node.dataset != answer.root:
            above, below = below, above
        links.setdefault(above, []).append(_Link(below, None))
    return links


def _alike(edges: Sequence[Edge]) -> list[tuple[Edge, int]]:
    """The edges, those that differ by their plan alone as one, with how many there are: certain if one is."""
    groups: dict[Edge, list[Edge]] = {}
    for edge in edges:
        groups.setdefault(replace(edge, plan=None, certain=True), []).append(edge)
    return [(max(same, key=lambda edge: edge.certain), len(same)) for same in groups.values()]


def _root_notes(node: Node | None) -> tuple[str, ...]:
    return tuple(_node_notes(node, beside=False)) if node else ()


def _notes(node: Node | None, link: _Link) -> tuple[str, ...]:
    """How the edge derives, and why the node has no sources of its own."""
    plans = (f"in {link.plans:,} plans",) if link.plans > 1 else ()
    edge = _edge_notes(link.edge) if link.edge else ()
    return (*edge, *plans, *(_node_notes(node, beside=link.edge is None) if node else ()))


def _edge_notes(edge: Edge) -> Iterator[str]:
    if edge.expression:
        yield edge.expression
    yield (edge.subtype or edge.type).lower() + (" (indirect)" if edge.type == "INDIRECT" else "")
    if edge.columns is not None:
        yield f"{edge.columns:,} columns" if edge.columns != 1 else "1 column"
    if edge.job:
        yield edge.job.removeprefix("job:")
    for shown, word in (
        (edge.masking, "masked"),
        (not edge.exact, "not exact"),
        (not edge.certain, "not certain"),
        (edge.behind, "behind"),
    ):
        if shown:
            yield word


def _node_notes(node: Node, *, beside: bool) -> Iterator[str]:
    if beside and node.label == "dataset":
        yield "the whole dataset"
    if node.origin:
        yield f"{node.origin}: {node.expression}" if node.expression else node.origin
    if not node.resolved and node.origin != "unresolved":
        yield "some sources unresolved"
