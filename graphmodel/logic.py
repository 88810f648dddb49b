"""The logic of a plan: what is left when ids, times and the order of its parts are taken away.

Two bodies with the same logic are one plan vertex. Whatever of a body is *not* logic, and is needed again when one of
its runs comes, is its `Summary`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from headwater.graphmodel import ids
from headwater.graphmodel.choice import BodyRank, body_rank
from headwater.graphmodel.delta import digest
from headwater.graphmodel.model import (
    ORIGINS,
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Origin,
    OutputColumn,
    Plan,
    Role,
)


@dataclass(frozen=True)
class Logic:
    """Column names are lower case; every part is sorted and without repetition."""

    job: Job
    target: str
    effect: Effect
    inputs: tuple[str, ...]
    columns: tuple[OutputColumn, ...]
    derivations: tuple[Derivation, ...]
    dependencies: tuple[Dependency, ...]

    @cached_property
    def plan(self) -> str:
        """The id of the plan vertex: a hash of everything here."""
        return ids.plan_id(digest(*_text(self)))

    @property
    def job_id(self) -> str:
        """The id of the job vertex."""
        return ids.job_id(self.job.namespace, self.job.name)

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The names of its output columns, in lower case."""
        return frozenset(c.name for c in self.columns)

    @cached_property
    def carried(self) -> frozenset[str]:
        """The columns of the target whose earlier values go into the new ones, where the plan reads what it writes."""
        own = (d for d in self.derivations if d.source_dataset == self.target)
        return frozenset(d.source_column for d in own if d.type is DependencyType.DIRECT)


@dataclass(frozen=True)
class Schema:
    """The columns of one dataset as one body spells them; `written` if the body writes the dataset."""

    dataset: str
    written: bool
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """What a run, and its dataset versions, need to know of the body that counts for its plan."""

    agent_plan_id: str
    rank: BodyRank
    plan: str  #: id of the plan vertex
    target: str
    effect: Effect
    inputs: tuple[str, ...]
    role: Role
    signature: str  #: equal for two reports of one write
    time_travel: bool
    partition: str | None  #: the partition folder that it writes
    job_run: str | None
    partitioned: tuple[str, ...]  #: datasets that it shows to be partitioned
    operations_hash: str
    carried: frozenset[str]  #: as in `Logic`

    @property
    def operations_rank(self) -> tuple[int, int, int, str]:
        """The body with the smallest one gives the plan its operations."""
        return (*self.rank[:3], self.operations_hash)


def logic(plan: Plan) -> Logic:
    """The logic of a plan. An output column without DIRECT sources and without an origin is `unresolved`."""
    target = plan.target.uri
    derivations = _merged_derivations(plan)
    dependencies = _merged_dependencies(plan)
    sources = {d.source_dataset for d in derivations} | {d.source_dataset for d in dependencies}
    inputs = tuple(sorted({d.uri for d in plan.inputs} | sources))
    columns = _columns(plan.columns, derivations)
    return Logic(plan.job, target, plan.effect, inputs, columns, derivations, dependencies)


def summary(plan: Plan, its_logic: Logic, sha256: str) -> Summary:
    """The summary of a body; `its_logic` is that of its plan."""
    return Summary(
        agent_plan_id=plan.agent_plan_id,
        rank=body_rank(plan, sha256),
        plan=its_logic.plan,
        target=its_logic.target,
        effect=its_logic.effect,
        inputs=its_logic.inputs,
        role=plan.role,
        signature=digest("columns", *sorted(its_logic.outputs), "sources", *its_logic.inputs),
        time_travel=plan.time_travel,
        partition=plan.target.partition,
        job_run=plan.job_run,
        partitioned=tuple(sorted({d.uri for d in (plan.target, *plan.inputs) if d.partition or d.partition_columns})),
        operations_hash=operations_hash(plan),
        carried=its_logic.carried,
    )


def schemas(plan: Plan, its_logic: Logic) -> tuple[Schema, ...]:
    """What a body tells about the columns of its target and of each dataset that it reads."""
    spellings: dict[tuple[str, bool], set[str]] = {(uri, False): set() for uri in its_logic.inputs}
    written = spellings.setdefault((its_logic.target, True), set())
    written.update(plan.target.columns, (c.name for c in plan.columns))
    written.update(its_logic.outputs - {name.lower() for name in written})
    for dataset in plan.inputs:
        spellings[dataset.uri, False].update(dataset.columns)
    # A derivation may name a column that the read does not list; in another case it is the same column.
    listed = {uri: {name.lower() for name in names} for (uri, write), names in spellings.items() if not write}
    sources: tuple[Derivation | Dependency, ...] = (*its_logic.derivations, *its_logic.dependencies)
    for source in sources:
        if source.source_column not in listed[source.source_dataset]:
            spellings[source.source_dataset, False].add(source.source_column)
    return tuple(Schema(uri, write, tuple(sorted(names))) for (uri, write), names in sorted(spellings.items()))


def aliases(plan: Plan) -> tuple[tuple[str, str], ...]:
    """(spelling, dataset URI) for each other name that a body gives a dataset."""
    datasets: tuple[Dataset, ...] = (plan.target, *plan.inputs)
    return tuple(sorted({(name, d.uri) for d in datasets for name in d.spellings if name != d.uri}))


def operations_hash(plan: Plan) -> str:
    """A hash of the operations with their expressions."""
    return digest(*(_json(o.id, o.name, o.kind, o.inputs, o.expression, o.resolved) for o in plan.operations))


def _merged_derivations(plan: Plan) -> tuple[Derivation, ...]:
    groups: dict[tuple[str, ...], list[Derivation]] = {}
    for d in plan.derivations:
        target, source = d.target.lower(), d.source_column.lower()
        carried = d.carried or (source == target and d.source_dataset == plan.target.uri)
        if (target, source, carried) != (d.target, d.source_column, d.carried):  # replace() is what costs here
            d = replace(d, target=target, source_column=source, carried=carried)  # noqa: PLW2901
        groups.setdefault((target, d.source_dataset, source, d.type.value, d.subtype.value), []).append(d)
    return tuple(_one_derivation(groups[key]) for key in sorted(groups))


def _one_derivation(same: list[Derivation]) -> Derivation:
    if len(same) == 1:
        return same[0]
    return replace(
        same[0],
        masking=all(d.masking for d in same),
        exact=all(d.exact for d in same),
        source_field=_joined(d.source_field for d in same),
        expression=_joined(d.expression for d in same),
        carried=all(d.carried for d in same),
    )


def _merged_dependencies(plan: Plan) -> tuple[Dependency, ...]:
    groups: dict[tuple[str, ...], list[Dependency]] = {}
    for d in plan.dependencies:
        source = d.source_column.lower()
        low = d if source == d.source_column else replace(d, source_column=source)
        groups.setdefault((d.source_dataset, source, d.subtype.value), []).append(low)
    return tuple(_one_dependency(groups[key]) for key in sorted(groups))


def _one_dependency(same: list[Dependency]) -> Dependency:
    if len(same) == 1:
        return same[0]
    return replace(
        same[0],
        exact=all(d.exact for d in same),
        source_field=_joined(d.source_field for d in same),
        expression=_joined(d.expression for d in same),
    )


def _columns(columns: Iterable[OutputColumn], derivations: Iterable[Derivation]) -> tuple[OutputColumn, ...]:
    direct = {d.target for d in derivations if d.type is DependencyType.DIRECT}
    groups: dict[str, list[OutputColumn]] = {d.target: [] for d in derivations}
    for column in columns:
        groups.setdefault(column.name.lower(), []).append(column)
    return tuple(_one_column(name, groups[name], name in direct) for name in sorted(groups))


def _one_column(name: str, same: list[OutputColumn], direct: bool) -> OutputColumn:  # noqa: FBT001 - a plain fact
    resolved = all(c.resolved for c in same)
    if direct:
        return OutputColumn(name, None, resolved)
    origins = {c.origin for c in same} or {None}
    origin = Origin.UNRESOLVED if None in origins else min((o for o in origins if o), key=ORIGINS.index)
    resolved = resolved and origin is not Origin.UNRESOLVED
    return OutputColumn(name, origin, resolved, _joined(c.expression for c in same))


def _joined(texts: Iterable[str | None]) -> str | None:
    return ", ".join(sorted({t for t in texts if t is not None})) or None


def _text(its_logic: Logic) -> Iterable[str]:
    yield _json(
        "logic", its_logic.job.namespace, its_logic.job.name, its_logic.target, its_logic.effect, its_logic.inputs
    )
    for c in its_logic.columns:
        yield _json("column", c.name, c.origin, c.resolved, c.expression)
    for d in its_logic.derivations:
        yield _json(
            "derivation", d.target, d.source_dataset, d.source_column, d.type, d.subtype,
            d.masking, d.exact, d.source_field, d.expression, d.carried,
        )  # fmt: skip
    for p in its_logic.dependencies:
        yield _json("dependency", p.source_dataset, p.source_column, p.subtype, p.exact, p.source_field, p.expression)


def _json(*parts: object) -> str:
    return json.dumps(parts, separators=(",", ":"))
