"""Makes the whole graph in parts, each from the data that has one key, for a job on many machines. Pure.

    bodies by the agent's plan id    better_body
    events by run                    headwater.graphmodel.choice.choose
    both by the agent's plan id      joined: parts, a body by its plan vertex, facts by the dataset that they are about
    bodies by plan vertex            better_plan, then plan_parts and one more fact
    facts by dataset                 Facts, then its parts

All parts together are the same graph as `graphmodel.whole.graph` makes; some elements are in several parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.graphmodel import elements, now
from headwater.graphmodel.choice import Body, Event, body_rank
from headwater.graphmodel.delta import Part
from headwater.graphmodel.logic import Logic, Schema, schemas
from headwater.graphmodel.now import Position, Read, Write
from headwater.graphmodel.statements.effective import StatementIndex
from headwater.graphmodel.statements.values import StatedDataset
from headwater.graphmodel.whole import BestBody, View, alias_parts, best_body_of


class Executed(NamedTuple):
    """The body that counts for a plan id, if runs executed it; `succeeded`: one of these runs succeeded.

    `last` is the newest write of a body with this logic that counts and whose run has constants, None for none;
    `constants` are those.
    """

    body: BestBody
    succeeded: bool
    last: Position | None = None
    constants: str = ""

    @property
    def plan(self) -> str:
        """The id of its plan vertex."""
        return self.body.logic.plan


class Partitioned(NamedTuple):
    """The fact that a dataset is partitioned, as one of the bodies shows."""


class ShownLogic(NamedTuple):
    """The logic of a plan that writes a dataset, and the constants that it is shown with."""

    logic: Logic
    constants: str


Fact = Write | Read | Schema | ShownLogic | Partitioned | StatedDataset


class DatasetFact(NamedTuple):
    """A fact about a dataset."""

    dataset: str
    fact: Fact


PlanFact = Part | Executed | DatasetFact


def better_body(one: Body, other: Body) -> Body:
    """Of two bodies with one plan id, the one that counts."""
    return min(one, other, key=lambda body: body_rank(body.plan, body.sha256))


def better_plan(first: Executed, second: Executed) -> Executed:
    """Of two bodies with the same logic, the one whose operations are shown: one that succeeded, then by rank.

    With the newest write of either.
    """
    best = min(first, second, key=lambda one: (not one.succeeded, one.body.summary.operations_rank))
    newest = max(first, second, key=lambda one: (one.last is not None, one.last or ()))
    return best._replace(last=newest.last, constants=newest.constants)


def joined(bodies: Iterable[Body], events: Iterable[Event]) -> Iterator[PlanFact]:
    """The facts in the body of one plan id together with its events. An event without a body gives none."""
    runs = list(events)
    for best in map(best_body_of, bodies):
        yield from (DatasetFact(uri, Partitioned()) for uri in best.summary.partitioned)
        if runs:
            constants = best.summary.constants
            writes = [write for event in runs if constants and (write := now.write_of(event, best.summary))]
            last = max((write.position for write in writes), default=None)
            succeeded = any(event.run.error is None for event in runs)
            yield from _executed(Executed(best, succeeded, last, constants if writes else ""), runs)


def _executed(body: Executed, runs: Iterable[Event]) -> Iterator[PlanFact]:
    best, of = body.body, body.body.summary
    yield body
    for event in runs:
        yield elements.run_part(event, of)
        yield from _accesses(event, best)
    if body.succeeded:
        yield from alias_parts(best)
        yield from (DatasetFact(schema.dataset, schema) for schema in schemas(best.body.plan, best.logic))


def _accesses(event: Event, best: BestBody) -> Iterator[DatasetFact]:
    of = best.summary
    write, read = now.write_of(event, of), now.read_of(event, of)
    if write:
        yield DatasetFact(of.target, write)
    if read:
        yield from (DatasetFact(uri, read) for uri in of.inputs)


def plan_parts(plan: Executed) -> Iterator[Part]:
    """A plan vertex with its edges and operations; only the vertex if no run of it succeeded."""
    logic = plan.body.logic
    yield elements.plan_part(logic, plan.constants)
    if plan.succeeded:
        yield Part(edges=tuple(elements.logic_edges(logic)))
        yield elements.operations_part(logic.plan, plan.body.body.plan)


def logic_fact(plan: Executed) -> DatasetFact:
    """The logic of a plan vertex, about the dataset that it writes."""
    return DatasetFact(plan.body.logic.target, ShownLogic(plan.body.logic, plan.constants))


def listed_facts(index: StatementIndex) -> list[DatasetFact]:
    """What systems list, about the datasets."""
    return [DatasetFact(dataset, one) for dataset, listings in index.listed().items() for one in listings]


def listed_names(index: StatementIndex) -> list[Part]:
    """The other names that systems give the datasets that they list."""
    return [elements.alias_part(*pair) for pair in index.other_names()]


@dataclass
class Facts:
    """All facts about one dataset; in whatever order they are added."""

    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    schemas: dict[Schema, None] = field(default_factory=dict)
    logics: dict[str, ShownLogic] = field(default_factory=dict)
    listed: list[StatedDataset] = field(default_factory=list)
    partitioned: bool = False

    def add(self, fact: Fact) -> Facts:
        """Add a fact; returns this object (as Spark's combineByKey needs it)."""
        if isinstance(fact, Write):
            self.writes.append(fact)
        elif isinstance(fact, Read):
            self.reads.append(fact)
        elif isinstance(fact, Schema):
            self.schemas[fact] = None
        elif isinstance(fact, ShownLogic):
            self.logics[fact.logic.plan] = fact
        elif isinstance(fact, StatedDataset):
            self.listed.append(fact)
        else:
            self.partitioned = True
        return self

    def merge(self, other: Facts) -> Facts:
        """Add the facts of another object; returns this object (as Spark's combineByKey needs it)."""
        self.writes += other.writes
        self.reads += other.reads
        self.schemas |= other.schemas
        self.logics |= other.logics
        self.listed += other.listed
        self.partitioned |= other.partitioned
        return self

    def parts(self, dataset: str, retired: Iterable[int] = ()) -> Iterator[Part]:
        """The views of the dataset; it is in the graph if a body that succeeded has it, or a system lists it.

        `retired` are the times (ms since 1970) at which it was dropped.
        """
        if self.schemas or self.listed:
            logics = {plan: shown.logic for plan, shown in self.logics.items()}
            constants = {plan: shown.constants for plan, shown in self.logics.items()}
            retired = tuple(retired)
            view = View(dataset, self.writes, logics, constants, retired=retired, partitioned=self.partitioned)
            yield from view.parts(self.reads, list(self.schemas), self.listed)
