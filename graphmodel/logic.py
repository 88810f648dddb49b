"""The logic of a plan: what is left when ids, times and the order of its parts are taken away.

Two bodies with the same logic are one plan vertex. Whatever of a body is *not* logic, and is needed again when one of
its runs comes, is its `Summary`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import NamedTuple, TypeVar

from headwater.graphmodel import ids
from headwater.graphmodel.choice import BodyRank, body_rank
from headwater.graphmodel.constants import Constants, Form, constants_text, numbered, short_form
from headwater.graphmodel.delta import digest
from headwater.graphmodel.model import (
    ORIGINS,
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Operation,
    Origin,
    OutputColumn,
    Plan,
    Role,
    RowSource,
    SharedSources,
)


class Layout(NamedTuple):
    """The columns of files without names of columns, by position, in lower case.

    `partitions` are columns of the folders: no part of the files. Of what is read, they stand among the columns.
    """

    format: str
    columns: tuple[str, ...]
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Logic:
    """Column names are lower case; every part is sorted and without repetition.

    Its expressions are shapes: each literal is a placeholder with its number (`graphmodel.constants`). `constants` are
    those of the one body that it was made of, by number, and no part of the logic.

    `layout` is that of the target, `read_layouts` are those of inputs, by dataset. `identity` is the plan's id where
    the columns have other names than its payload gives them (`graphmodel.column_names`).
    """

    job: Job
    target: str
    effect: Effect
    inputs: tuple[str, ...]
    columns: tuple[OutputColumn, ...]
    derivations: tuple[Derivation, ...]
    dependencies: tuple[Dependency, ...]
    shared: tuple[SharedSources, ...] = ()
    row_sources: tuple[RowSource, ...] = ()
    constants: tuple[str, ...] = field(default=(), compare=False)
    layout: Layout | None = None
    read_layouts: tuple[tuple[str, Layout], ...] = ()
    renames: tuple[tuple[str, str], ...] = ()  #: columns of the target that it only renames: (old name, new name)
    identity: str = field(default="", compare=False)

    @cached_property
    def plan(self) -> str:
        """The id of the plan vertex: a hash of everything that is compared."""
        return self.identity or ids.plan_id(digest(*_text(self)))

    @cached_property
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
        taken = (g.sources for g in self.shared if any(d.type is DependencyType.DIRECT for d in g.targets))
        sources = chain(self.derivations, *taken)
        own = (d for d in sources if d.source_dataset == self.target)
        return frozenset(d.source_column for d in own if d.type is DependencyType.DIRECT)


class Schema(NamedTuple):
    """The columns of one dataset as one body spells them; `written` if the body writes the dataset."""

    dataset: str
    written: bool
    columns: tuple[str, ...]
    layouts: tuple[Layout, ...] = ()  #: where the body reads it by position


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
    constants: str = ""  #: of its expressions, as `constants_text` has them
    renames: tuple[tuple[str, str], ...] = ()  #: as in `Plan`, in lower case
    secondary: bool = False  #: as in `Plan`
    columns: str = ""  #: equal for the same output columns; empty for none

    @property
    def operations_rank(self) -> tuple[int, int, int, str]:
        """The body with the smallest one gives the plan its operations."""
        return (*self.rank[:3], self.operations_hash)


def logic(plan: Plan) -> Logic:
    """The logic of a plan. An output column without DIRECT sources and without an origin is `unresolved`."""
    target = plan.target.uri
    merged = _merged_derivations(plan.derivations, target)
    constants = _Numbering()
    groups = [_merged_shared(group) for group in plan.shared]
    made = chain((d for d, _ in merged), *((d for d, _ in targets) for targets, _ in groups))
    columns = tuple(constants.taken_out(c, own) for c, own in _columns(plan.columns, made))
    derivations = tuple(constants.taken_out(d, same) for d, same in merged)
    dependencies = tuple(constants.taken_out(d, same) for d, same in _merged_dependencies(plan))
    shared = tuple(
        SharedSources(*(tuple(constants.taken_out(d, same) for d, same in side) for side in group))
        for group in sorted(groups, key=_order)
    )
    sources = {d.source_dataset for d in chain(derivations, *(group.sources for group in shared))}
    sources |= {p.source_dataset for p in dependencies}
    low = {RowSource(one.dataset, one.target and one.target.lower()) for one in plan.row_sources}
    there = {None, *(c.name for c in columns)}
    row_sources = tuple(sorted((r for r in low if r.target in there), key=lambda one: (one.dataset, one.target or "")))
    sources |= {one.dataset for one in row_sources}
    inputs = tuple(sorted({d.uri for d in plan.inputs} | sources))
    return Logic(
        plan.job,
        target,
        plan.effect,
        inputs,
        columns,
        derivations,
        dependencies,
        shared,
        row_sources,
        constants=tuple(constants.found),
        layout=next(_layouts(plan.target), None),
        read_layouts=tuple(sorted({(d.uri, layout) for d in plan.inputs for layout in _layouts(d)})),
        renames=tuple(sorted({(old.lower(), new.lower()) for old, new in plan.renames})),
    )


def _layouts(dataset: Dataset) -> Iterator[Layout]:
    partitions = tuple(sorted(name.lower() for name in dataset.partition_columns))
    for columns in dataset.layouts:
        yield Layout(dataset.format or "", tuple(name.lower() for name in columns), partitions)


def summary(plan: Plan, its_logic: Logic, sha256: str) -> Summary:
    """The summary of a body; `its_logic` is that of its plan."""
    operations = operations_hash(plan)
    columns = digest("columns", *sorted(its_logic.outputs)) if its_logic.outputs else ""
    # What a secondary agent reads through a command it says of the command inside alone.
    sources = () if plan.secondary else ("sources", *its_logic.inputs)
    return Summary(
        agent_plan_id=plan.agent_plan_id,
        rank=body_rank(plan, sha256),
        plan=its_logic.plan,
        target=its_logic.target,
        effect=its_logic.effect,
        inputs=its_logic.inputs,
        role=plan.role,
        signature=digest("columns", *sorted(its_logic.outputs), *sources),
        time_travel=plan.time_travel,
        partition=plan.target.partition,
        job_run=plan.job_run,
        partitioned=tuple(sorted({d.uri for d in (plan.target, *plan.inputs) if d.partition or d.partition_columns})),
        operations_hash=operations,
        carried=its_logic.carried,
        constants=constants_text(Constants(its_logic.constants, operations_constants(plan), operations[:_HASH])),
        renames=its_logic.renames,
        secondary=plan.secondary,
        columns=columns[:_HASH],
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
    shared = chain(*(group.sources for group in its_logic.shared))
    sources: tuple[Derivation | Dependency, ...] = (*its_logic.derivations, *its_logic.dependencies, *shared)
    for source in sources:
        if source.source_column not in listed[source.source_dataset]:
            spellings[source.source_dataset, False].add(source.source_column)
    layouts: dict[str, list[Layout]] = {}
    for uri, layout in its_logic.read_layouts:
        layouts.setdefault(uri, []).append(layout)
    return tuple(
        Schema(uri, write, tuple(sorted(names)), () if write else tuple(layouts.get(uri, ())))
        for (uri, write), names in sorted(spellings.items())
    )


def aliases(plan: Plan) -> tuple[tuple[str, str], ...]:
    """(spelling, node) for each other name that a body gives a dataset, by its URI, or its job, by its id."""
    datasets: tuple[Dataset, ...] = (plan.target, *plan.inputs)
    names = {(name, d.uri) for d in datasets for name in d.spellings if name != d.uri}
    job = ids.job_id(plan.job.namespace, plan.job.name)
    return tuple(sorted(names | {(name, job) for name in plan.job_names}))


def operations_hash(plan: Plan) -> str:
    """A hash of the operations with the shapes of their expressions."""
    forms = [(o, form(o)) for o in plan.operations]
    return digest(*(_json(o.id, o.name, o.kind, o.inputs, f and f.shape, o.resolved) for o, f in forms))


def operations_constants(plan: Plan) -> tuple[str, ...]:
    """The literals of the operations' expressions, by number."""
    return tuple(constant for o in plan.operations if (f := form(o)) for constant in f.constants)


def operations_shapes(plan: Plan) -> list[str | None]:
    """The expressions of the operations, each literal a placeholder with its number."""
    of, first, out = "", 0, list[str | None]()
    for operation in plan.operations:
        its_form = form(operation)
        if its_form and its_form.constants:
            of = of or operations_hash(plan)[:_HASH]
            out.append(numbered(its_form.shape, first, of))
            first += len(its_form.constants)
        else:
            out.append(operation.expression)
    return out


_HASH = 8  #: characters of the operations' hash in a placeholder


def form(part: OutputColumn | Derivation | Dependency | Operation) -> Form | None:
    """The shape and the literals of an expression; None if there is none."""
    return (part.form or short_form(part.expression)) if part.expression else None


Part = TypeVar("Part", OutputColumn, Derivation, Dependency)


class _Numbering:
    """Takes the literals out of the parts of a logic, and numbers them."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def taken_out(self, part: Part, same: Sequence[Part]) -> Part:
        """One part with the shapes of the expressions of all that are `same`, without repetition.

        Expressions of one shape are shown once: where their constants differ, each constant as all that there are.
        """
        if len(same) == 1:  # nearly always
            its_form = form(same[0])
            if its_form is None or not its_form.constants:
                return part
            first = len(self.found)
            self.found += its_form.constants
            return replace(part, expression=numbered(its_form.shape, first), form=None)
        forms = [f for one in same if (f := form(one))]
        if not any(f.constants for f in forms):
            return part
        by_shape: dict[str, list[tuple[str, ...]]] = {}
        for shape, constants in sorted(forms):
            by_shape.setdefault(shape, []).append(constants)
        shown = []
        for shape, constants_of in by_shape.items():
            shown.append(numbered(shape, len(self.found)))
            self.found += [" | ".join(dict.fromkeys(alike)) for alike in zip(*constants_of, strict=True)]
        return replace(part, expression=", ".join(shown), form=None)


_Merged = list[tuple[Derivation, list[Derivation]]]  #: each derivation with all those that are the same


def _merged_derivations(derivations: Iterable[Derivation], written: str) -> _Merged:
    groups: dict[tuple[str, ...], list[Derivation]] = {}
    for d in derivations:
        target, source = d.target.lower(), d.source_column.lower()
        carried = d.carried or (source == target and d.source_dataset == written)
        if (target, source, carried) != (d.target, d.source_column, d.carried):  # replace() is what costs here
            d = replace(d, target=target, source_column=source, carried=carried)  # noqa: PLW2901
        groups.setdefault((target, d.source_dataset, source, d.type.value, d.subtype.value), []).append(d)
    return [(_one_derivation(groups[key]), groups[key]) for key in sorted(groups)]


def _merged_shared(group: SharedSources) -> tuple[_Merged, _Merged]:
    """Targets and sources. Which of them are one column is not told here: an answer leaves these pairs out."""
    return _merged_derivations(group.targets, ""), _merged_derivations(group.sources, "")


def _order(group: tuple[_Merged, _Merged]) -> list[str]:
    """By which shared sources are sorted: without the constants of expressions, which change from run to run."""
    return [
        _json(_derivation_text(replace(d, expression=None)), sorted({f.shape for one in same if (f := form(one))}))
        for side in group
        for d, same in side
    ]


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


def _merged_dependencies(plan: Plan) -> list[tuple[Dependency, list[Dependency]]]:
    groups: dict[tuple[str, ...], list[Dependency]] = {}
    for d in plan.dependencies:
        source = d.source_column.lower()
        low = d if source == d.source_column else replace(d, source_column=source)
        groups.setdefault((d.source_dataset, source, d.subtype.value), []).append(low)
    return [(_one_dependency(groups[key]), groups[key]) for key in sorted(groups)]


def _one_dependency(same: list[Dependency]) -> Dependency:
    if len(same) == 1:
        return same[0]
    return replace(
        same[0],
        exact=all(d.exact for d in same),
        source_field=_joined(d.source_field for d in same),
        expression=_joined(d.expression for d in same),
    )


def _columns(
    columns: Iterable[OutputColumn], derivations: Iterable[Derivation]
) -> Iterator[tuple[OutputColumn, list[OutputColumn]]]:
    derivations = list(derivations)
    direct = {d.target for d in derivations if d.type is DependencyType.DIRECT}  # what is shared has a DIRECT source
    groups: dict[str, list[OutputColumn]] = {d.target: [] for d in derivations}
    for column in columns:
        groups.setdefault(column.name.lower(), []).append(column)
    for name in sorted(groups):
        yield _one_column(name, groups[name], name in direct), [] if name in direct else groups[name]


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
    yield from map(_derivation_text, its_logic.derivations)
    for p in its_logic.dependencies:
        yield _json("dependency", p.source_dataset, p.source_column, p.subtype, p.exact, p.source_field, p.expression)
    if its_logic.layout or its_logic.read_layouts:
        yield _json("layouts", its_logic.layout, its_logic.read_layouts)
    if its_logic.renames:
        yield _json("renames", its_logic.renames)

    for one in its_logic.row_sources:
        yield _json("rows", one.dataset, one.target)
    for group in its_logic.shared:
        yield _json("shared", len(group.targets), len(group.sources))
        yield from map(_derivation_text, (*group.targets, *group.sources))


def _derivation_text(d: Derivation) -> str:
    return _json(
        "derivation", d.target, d.source_dataset, d.source_column, d.type, d.subtype,
        d.masking, d.exact, d.source_field, d.expression, d.carried,
    )  # fmt: skip


def _json(*parts: object) -> str:
    return _encode(parts)


_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps makes one for each call
