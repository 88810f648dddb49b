"""The whole graph as a function of the whole set of entries: what the incremental projector must always equal.

Pure and plain, written to be read and to be compared with; the projector computes the same in small steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

from headwater.graphmodel import elements, now, renaming, validity
from headwater.graphmodel.choice import Body, Event, body_rank, choose
from headwater.graphmodel.column_names import (
    NONE,
    ColumnNames,
    Mention,
    RenameRun,
    column_names,
    mentioned,
    named,
    named_schema,
    present_names,
)
from headwater.graphmodel.columns import ColumnClaim, column_claims, column_vertices
from headwater.graphmodel.constants import constants_of
from headwater.graphmodel.delta import Edge, Part, Vertex
from headwater.graphmodel.logic import Logic, Schema, Summary, aliases, logic, schemas, summary
from headwater.graphmodel.now import Read, State, Write
from headwater.graphmodel.statements.effective import StatementIndex, effective
from headwater.graphmodel.statements.model import LABELS, Said
from headwater.graphmodel.statements.shown import parts as statement_parts
from headwater.graphmodel.statements.shown import retirements
from headwater.graphmodel.statements.values import StatedDataset

T = TypeVar("T")


@dataclass
class Graph:
    """Vertices by id, edges by (label, source, key)."""

    vertices: dict[str, Vertex] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], Edge] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """Add the vertices and edges of a part; what is there already is the same, or gets further properties."""
        for v in part.vertices:
            before = self.vertices.get(v.id)
            self.vertices[v.id] = Vertex(v.id, v.label, {**before.properties, **v.properties}) if before else v
        self.edges.update(((e.label, e.source, e.key), e) for e in part.edges)


@dataclass(frozen=True)
class BestBody:
    """The body that counts for one plan id, mapped."""

    body: Body
    logic: Logic
    summary: Summary


def best_body_of(body: Body) -> BestBody:
    """Map a body that counts."""
    its_logic = logic(body.plan)
    return BestBody(body, its_logic, summary(body.plan, its_logic, body.sha256))


def best_bodies(bodies: Iterable[Body]) -> dict[str, BestBody]:
    """The body that counts, by the agent's plan id."""
    best: dict[str, Body] = {}
    for body in sorted(bodies, key=lambda b: body_rank(b.plan, b.sha256)):
        best.setdefault(body.plan.agent_plan_id, body)
    return {agent_plan_id: best_body_of(body) for agent_plan_id, body in best.items()}


def best_events(events: Iterable[Event]) -> dict[str, Event]:
    """The report that counts, by run id."""
    best: dict[str, Event] = {}
    for event in events:
        best[event.id] = choose(best[event.id], event) if event.id in best else event
    return best


def graph(
    bodies: Iterable[Body],
    events: Iterable[Event],
    statements: Iterable[Said] = (),
    *,
    until: int = validity.NO_END,
) -> Graph:
    """The graph of these bodies, events and statements, in whatever order they come.

    With `until`, in ms since 1970, the views of what holds now are of what held then; all else is the same.
    """
    said = list(statements)
    names = renaming.names(said)
    index = StatementIndex(effective(renaming.renamed_said(one, names) for one in said).values())
    best = best_bodies(replace(body, plan=renaming.renamed(body.plan, names.every)) for body in bodies)
    joined = [(e, best[e.run.agent_plan_id]) for e in best_events(events).values() if e.run.agent_plan_id in best]
    logics = {c.logic.plan: c.logic for _, c in joined}
    alive = {c.body.plan.agent_plan_id: c for e, c in joined if e.run.error is None}
    partitioned = {uri for c in best.values() for uri in c.summary.partitioned}

    whole = Graph()
    counted = [(write, of.summary.constants) for e, of in joined if (write := now.write_of(e, of.summary))]
    constants = now.newest((write, text) for write, text in counted if write.timestamp <= until)
    for event, of in joined:
        whole.add(elements.run_part(event, of.summary))
    writes = _by_dataset(((of.summary.target, now.write_of(e, of.summary)) for e, of in joined))
    reads = _by_dataset(((uri, now.read_of(e, of.summary)) for e, of in joined for uri in of.summary.inputs))
    called_otherwise = {of.logic.target for _, of in joined if of.summary.renames or of.logic.layout}
    names_of = {
        uri: _column_names(uri, joined, logics, writes.get(uri, []), partitioned=uri in partitioned, index=index)
        for uri in called_otherwise
    }
    logics = {plan: named(one, names_of) for plan, one in logics.items()}
    for one in logics.values():
        whole.add(elements.plan_part(one, constants.get(one.plan, "")))
    for part in _bodies_parts(alive.values(), logics):
        whole.add(part)
    by_dataset = _by_dataset((s.dataset, s) for c in alive.values() for s in schemas(c.body.plan, c.logic))
    listed = index.listed()
    for dataset in by_dataset.keys() | listed.keys():
        retired = tuple(retirements(index.about(dataset)))
        names_here = names_of.get(dataset, NONE)
        its_writes = [now.renamed(write, names_here.renamed) for write in writes.get(dataset, [])]
        view = View(dataset, its_writes, logics, constants, until, retired, partitioned=dataset in partitioned)
        its_schemas = [named_schema(one, names_here) for one in by_dataset.get(dataset, ())]
        for part in view.parts(reads.get(dataset, []), its_schemas, listed.get(dataset, ())):
            whole.add(part)
    for spelling, dataset in index.other_names():
        whole.add(elements.alias_part(spelling, dataset))
    nodes = {v.id: v.label for v in whole.vertices.values() if v.label in LABELS}
    for part in statement_parts(index, nodes):
        whole.add(part)
    return whole


@dataclass(frozen=True)
class View:
    """The views of one dataset, out of all its successful writes.

    `logics` has that of each plan that wrote it, `constants` what `now.newest` gives for it.
    """

    dataset: str
    writes: list[Write]
    logics: Mapping[str, Logic]
    constants: Mapping[str, str]
    until: int = validity.NO_END
    retired: tuple[int, ...] = ()  #: when it was dropped, in ms since 1970
    partitioned: bool = field(kw_only=True)

    def parts(
        self, reads: list[Read], its_schemas: list[Schema], listed: Iterable[StatedDataset] = ()
    ) -> Iterator[Part]:
        """All that depends on the set of its writes, of the successful runs that read it, and of what lists it."""
        timeline = now.timeline(self.writes)
        twins = now.twins(self.writes)
        yield Part(edges=tuple(elements.twin_edge(wrapper, inner) for wrapper, inner in twins.items()))
        yield Part(edges=tuple(self._appends(timeline)))
        relevant = now.RelevantWrites(timeline)
        for reader in reads:
            yield self._used(reader, relevant(reader))
        yield Part(edges=tuple(self._made_by(timeline)))
        state = self.state()
        claims: Counter[ColumnClaim] = Counter()
        for plan, contribution in state.items():
            claims += column_claims(self.logics[plan], contribution, constants_of(self.constants.get(plan, "")))
            yield Part(edges=tuple(elements.now_edges(self.logics[plan], contribution)))
        columns = column_vertices(self.dataset, its_schemas, claims, listed)
        edges = tuple(elements.column_edge(self.dataset, name) for name in columns)
        yield Part((elements.dataset_vertex(self.dataset), *columns.values()), edges)

    def state(self) -> State:
        """What holds now, or at `until`."""
        held = self._states(now.timeline(self.writes))
        return held[-1][1] if held else {}

    def _states(self, timeline: list[Write]) -> list[tuple[int, State]]:
        states = validity.states(timeline, self._outputs_of, partitioned=self.partitioned, retired=self.retired)
        return [(timestamp, state) for timestamp, state in states if timestamp <= self.until]

    def _outputs_of(self, plan: str) -> frozenset[str]:
        return self.logics[plan].outputs

    def _made_by(self, timeline: list[Write]) -> Iterator[Edge]:
        for valid in validity.validities(self._states(timeline)):
            yield elements.made_by_edge(self.dataset, valid)

    def _appends(self, timeline: list[Write]) -> Iterator[Edge]:
        for previous, write in pairwise(timeline):
            if now.before(write, previous, partitioned=self.partitioned):
                yield elements.appends_edge(self.dataset, write.run, previous.run)

    def _used(self, reader: Read, relevant: Sequence[Write]) -> Part:
        seen = now.seen(reader, relevant)
        writer = seen.write.run if seen.write else None
        initial = Part() if writer else elements.initial_part(self.dataset)
        edge = elements.used_edge(reader.run, self.dataset, writer, certain=seen.certain)
        return Part(initial.vertices, (*initial.edges, edge))


def _column_names(
    dataset: str,
    joined: Sequence[tuple[Event, BestBody]],
    logics: Mapping[str, Logic],
    writes: Sequence[Write],
    *,
    partitioned: bool,
    index: StatementIndex,
) -> ColumnNames:
    """What the columns of a dataset are called; `logics` have the names of their payloads."""
    succeeded = [(e, of) for e, of in joined if e.run.error is None]
    written = {write.run for write in writes}
    renames = [
        RenameRun(e.run.timestamp, e.id, e.run.start, old, new)
        for e, of in succeeded
        for old, new in of.summary.renames
        if e.id in written and of.summary.target == dataset
    ]
    mentions = [
        Mention(e.id, e.run.start, e.run.timestamp, mentioned(of.logic, dataset))
        for e, of in succeeded
        if e.id in written or dataset in of.summary.inputs
    ]
    renamed = present_names(renames, mentions)
    known = {plan: named(one, {dataset: ColumnNames(renamed)}) for plan, one in logics.items()}
    its_writes = [now.renamed(write, renamed) for write in writes]
    retired = tuple(retirements(index.about(dataset)))
    view = View(dataset, its_writes, known, {}, retired=retired, partitioned=partitioned)
    return column_names((logics[plan] for plan in view.state()), renamed)


def _bodies_parts(alive: Iterable[BestBody], logics: Mapping[str, Logic]) -> Iterator[Part]:
    best: dict[str, BestBody] = {}
    for c in sorted(alive, key=lambda c: c.summary.operations_rank):
        best.setdefault(c.logic.plan, c)
        yield Part(edges=tuple(elements.logic_edges(logics[c.logic.plan])))
        yield from alias_parts(c)
    for c in best.values():
        yield elements.operations_part(c.logic.plan, c.body.plan)


def alias_parts(c: BestBody) -> Iterator[Part]:
    """The other names that a body gives its plan and its datasets."""
    yield elements.alias_part(c.body.plan.agent_plan_id, c.logic.plan)
    for spelling, uri in aliases(c.body.plan):
        yield elements.alias_part(spelling, uri)


def _by_dataset(pairs: Iterable[tuple[str, T | None]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for dataset, thing in pairs:
        if thing is not None:
            found.setdefault(dataset, []).append(thing)
    return found
