"""From a logic, its operations and its runs to vertices and edges: the facts, and the edges that views are made of.

Pure functions of one plan or one run each. What depends on the whole set of entries is in `graphmodel.now`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import lru_cache

from headwater.graphmodel import ids, naming
from headwater.graphmodel.choice import Event
from headwater.graphmodel.columns import origins_text
from headwater.graphmodel.delta import Edge, Part, Value, Vertex, digest, edge, vertex
from headwater.graphmodel.logic import Logic, Summary, operations_shapes
from headwater.graphmodel.model import READ_VERSIONS, Dependency, DependencyType, Derivation, Plan, Subtype
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import Validity, columns_text


@lru_cache(10_000)
def dataset_vertex(uri: str) -> Vertex:
    """A dataset."""
    name = naming.name_of_uri(uri)
    return vertex(uri, "dataset", name=name.display, namespace=name.namespace)


def plan_part(logic: Logic, constants: str = "") -> Part:
    """Job and plan, all that the graph has of a logic that never succeeded; with the constants that are shown.

    The sources that columns of the plan have in common are vertices of it: here without their edges.
    """
    job = vertex(logic.job_id, "job", name=logic.job.name, namespace=logic.job.namespace)
    name = f"{logic.job.name} -> {dataset_vertex(logic.target).properties['name']}"
    plan = vertex(
        logic.plan,
        "plan",
        name=name,
        job=job.id,
        target=logic.target,
        effect=logic.effect.value,
        origins=origins_text(logic),
        constants=constants,
        renames=json.dumps(logic.renames, ensure_ascii=False, separators=(",", ":")) if logic.renames else None,
    )
    return Part((job, plan, *shared_vertices(logic)), (edge("hasPlan", job.id, plan.id),))


def shared_vertices(logic: Logic) -> Iterator[Vertex]:
    """The sources that columns of a plan have in common."""
    for number in range(len(logic.shared)):
        id_ = ids.shared_id(logic.plan, number, logic.target)
        yield vertex(id_, "sharedSources", plan=logic.plan, dataset=logic.target)


def shown_constants(plan: str, constants: str) -> Vertex:
    """Of a plan vertex its view alone: the constants of its newest run that counts, as `constants_text` has them."""
    return vertex(plan, "plan", constants=constants)


def said_of_columns(logic: Logic) -> Vertex:
    """Of a plan vertex what it says of its columns alone; their names can change."""
    return vertex(logic.plan, "plan", origins=origins_text(logic))


def logic_edges(logic: Logic) -> Iterator[Edge]:
    """What a logic that once succeeded reads, writes and derives; datasets and columns are not among it."""
    yield edge("writes", logic.plan, logic.target)
    for uri in logic.inputs:
        yield edge("reads", logic.plan, uri)
    for d in logic.derivations:
        yield _derivation("everDerivesFrom", logic, d)
    for p in logic.dependencies:
        yield _dependency("everDependsOn", logic, p)
    yield from _shared("everDerivesFrom", logic, None)
    yield from _rows("everDependsOn", logic, None)
    yield from _between_datasets("everDerivesFrom", logic)


def now_edges(logic: Logic, contribution: Contribution) -> Iterator[Edge]:
    """The edges of a logic that contributes to the state of its target, into the columns that it contributes."""
    certain = contribution.certain
    for d in logic.derivations:
        if contribution.columns is None or d.target in contribution.columns:
            yield _derivation("derivesFrom", logic, d, certain=certain)
    for p in logic.dependencies:
        yield _dependency("dependsOn", logic, p, certain=certain)
    yield from _shared("derivesFrom", logic, contribution.columns, certain=certain)
    yield from _rows("dependsOn", logic, contribution.columns, certain=certain)
    yield from _between_datasets("derivesFrom", logic, certain=certain)


def made_by_edge(dataset: str, valid: Validity) -> Edge:
    """From a dataset to a plan that contributes to its state, with the time for which it does.

    It always has all of its properties: an upsert takes none away.
    """
    return edge(
        "madeBy",
        dataset,
        valid.plan,
        str(valid.valid_from),
        validFrom=valid.valid_from,
        validTo=valid.valid_to,
        certain=valid.contribution.certain,
        onlyColumns=columns_text(valid.contribution.columns),
    )


def operations_part(plan: str, body: Plan) -> Part:
    """The operations of a plan vertex, as one body tells them. A feeding operation that is not listed gives no edge."""
    listed = {o.id for o in body.operations}
    vertices = tuple(
        vertex(
            ids.operation_id(plan, o.id),
            "operation",
            name=o.name,
            kind=o.kind,
            plan=plan,
            expression=shape,
            resolved=None if o.resolved else False,
        )
        for o, shape in zip(body.operations, operations_shapes(body), strict=True)
    )
    follows = ((o.id, i) for o in body.operations for i in dict.fromkeys(o.inputs) if i in listed)
    return Part(
        vertices,
        (
            *(edge("hasOperation", plan, v.id) for v in vertices),
            *(edge("follows", ids.operation_id(plan, o), ids.operation_id(plan, i)) for o, i in follows),
        ),
    )


def run_part(event: Event, of: Summary) -> Part:
    """A run, the plan that it executes, and the dataset version that it generated if it succeeded."""
    run = event.run
    failed = run.error is not None
    facts = dict(run.facts)
    it = vertex(
        event.id,
        "run",
        timestamp=run.timestamp,
        durationNs=run.duration_ns,
        status="failed" if failed else "success",
        error=run.error,
        appId=run.app_id,
        user=run.user,
        jobRun=run.job_run or of.job_run,
        agentPlanId=run.agent_plan_id,
        clockAhead=True if event.clock_ahead else None,
        constants=of.constants or None,
        parentJob=run.parent_job,
        parentRun=run.parent_run,
        runId=run.run_id,
        readVersions=facts.pop(READ_VERSIONS, None),
    )
    executes = edge("executes", it.id, of.plan)
    if failed:
        return Part((it,), (executes,))
    version = vertex(
        ids.version_id(of.target, it.id),
        "datasetVersion",
        dataset=of.target,
        timestamp=run.timestamp,
        effect=of.effect.value,
        partition=of.partition,
        **facts,
    )
    generated = edge("generated", it.id, version.id)
    return Part((version, it), (edge("versionOf", version.id, of.target), executes, generated))


def initial_part(dataset: str) -> Part:
    """The state of a dataset before any logic write; in the graph if a run saw it."""
    version = vertex(ids.initial_version_id(dataset), "datasetVersion", dataset=dataset)
    return Part((version,), (edge("versionOf", version.id, dataset),))


def used_edge(run: str, dataset: str, writer: str | None, *, certain: bool) -> Edge:
    """The version of `dataset` that `run` saw: the one that the run `writer` generated, or the initial one."""
    version = ids.version_id(dataset, writer) if writer else ids.initial_version_id(dataset)
    return edge("used", run, version, certain=certain)


def appends_edge(dataset: str, run: str, before: str) -> Edge:
    """From the version that `run` generated to the one that the run `before` generated."""
    return edge("appendsTo", ids.version_id(dataset, run), ids.version_id(dataset, before))


def twin_edge(wrapper: str, inner: str) -> Edge:
    """Two reports of one write."""
    return edge("sameWriteAs", wrapper, inner)


def alias_part(spelling: str, target: str) -> Part:
    """Another name of a dataset, a plan or a job."""
    alias = vertex(ids.alias_id(spelling), "alias", name=spelling)
    return Part((alias,), (edge("aliasOf", alias.id, target),))


def column_edge(dataset: str, column: str) -> Edge:
    """A column of a dataset."""
    return edge("hasColumn", dataset, ids.column_id(dataset, column))


def _shared(label: str, logic: Logic, columns: Collection[str] | None, **view: Value) -> Iterator[Edge]:
    """What columns have in common, for these columns (None: all): an edge for each column, and one for each source."""
    for number, group in enumerate(logic.shared):
        id_ = ids.shared_id(logic.plan, number, logic.target)
        targets = [d for d in group.targets if columns is None or d.target in columns]
        for d in targets:
            yield _lineage_edge(label, logic, ids.column_id(logic.target, d.target), id_, d, **view)
        for d in group.sources if targets else ():
            yield _lineage_edge(label, logic, id_, ids.column_id(d.source_dataset, d.source_column), d, **view)


def _derivation(label: str, logic: Logic, d: Derivation, **view: Value) -> Edge:
    target, source = ids.column_id(logic.target, d.target), ids.column_id(d.source_dataset, d.source_column)
    return _lineage_edge(label, logic, target, source, d, **view)


def _lineage_edge(label: str, logic: Logic, target: str, source: str, d: Derivation, **view: Value) -> Edge:
    # As `edge` makes it, without its dictionaries: most of a new plan's elements are made here.
    kind, subtype, plan = d.type.value, d.subtype.value, logic.plan
    properties: dict[str, Value] = {
        "type": kind,
        "subtype": subtype,
        "plan": plan,
        "job": logic.job_id,
        "masking": d.masking,
        "exact": d.exact,
        **view,
    }
    if d.source_field is not None:
        properties["sourceField"] = d.source_field
    if d.expression is not None:
        properties["expression"] = d.expression
    if d.carried:
        properties["carried"] = True
    return Edge(label, target, source, digest(label, target, source, plan, kind, subtype), properties)


def _dependency(label: str, logic: Logic, p: Dependency, **view: Value) -> Edge:
    return edge(
        label,
        logic.target,
        ids.column_id(p.source_dataset, p.source_column),
        logic.plan,
        DependencyType.INDIRECT.value,
        p.subtype.value,
        **_lineage(logic, DependencyType.INDIRECT, p.subtype),
        exact=p.exact,
        sourceField=p.source_field,
        expression=p.expression,
        **view,
    )


def _rows(label: str, logic: Logic, columns: Collection[str] | None, **view: Value) -> Iterator[Edge]:
    """What depends on the rows of a dataset and on none of its columns."""
    for one in logic.row_sources:
        if one.target is None or columns is None or one.target in columns:
            end = logic.target if one.target is None else ids.column_id(logic.target, one.target)
            kind = DependencyType.INDIRECT
            told = _lineage(logic, kind, None)
            yield edge(label, end, one.dataset, logic.plan, kind.value, **told, exact=True, **view)


def _between_datasets(label: str, logic: Logic, **view: Value) -> Iterator[Edge]:
    """For each dataset that is read the sum of the column edges; DIRECT if of its columns nothing is logic.

    Then it is not exact, unless it is known that its rows alone count.

    Each edge of the logic is looked at once, and a pair of columns once however many ways lead from one to the other.
    """
    of: dict[str, _Sum] = {uri: _Sum() for uri in logic.inputs}
    rows = {one.dataset for one in logic.row_sources}
    for d in logic.derivations:
        of[d.source_dataset].add(d.type, exact=d.exact)
        of[d.source_dataset].sources[d.target].add(d.source_column)
    for p in logic.dependencies:
        of[p.source_dataset].add(DependencyType.INDIRECT, exact=p.exact)
        of[p.source_dataset].sources[""].add(p.source_column)
    for group in logic.shared:
        columns: dict[str, set[str]] = {}
        used = {d.type for d in group.targets}
        exact = all(d.exact for d in group.targets)
        for d in group.sources:
            columns.setdefault(d.source_dataset, set()).add(d.source_column)
            kind = d.type if DependencyType.DIRECT in used else DependencyType.INDIRECT
            of[d.source_dataset].add(kind, exact=exact and d.exact)
        for dataset, names in columns.items():
            for d in group.targets:
                of[dataset].shared[d.target].append(names)
    for uri, found in of.items():
        pairs = found.pairs
        yield edge(
            label,
            logic.target,
            uri,
            logic.plan,
            **_lineage(logic, DependencyType.DIRECT if found.direct or not pairs else DependencyType.INDIRECT, None),
            exact=(bool(pairs) or uri in rows) and found.exact,
            columns=pairs,
            carried=True if uri == logic.target else None,
            **view,
        )


class _Sum:
    """What the edges from the columns of one dataset come to."""

    def __init__(self) -> None:
        self.direct, self.exact = False, True
        self.sources: defaultdict[str, set[str]] = defaultdict(set)
        """By column of the output, the columns that it has alone; under the empty name those of all rows."""
        self.shared: defaultdict[str, list[set[str]]] = defaultdict(list)
        """By column of the output, the columns that it has in common with others: the same set for all of them."""

    def add(self, kind: DependencyType, *, exact: bool) -> None:
        """One edge."""
        self.direct |= kind is DependencyType.DIRECT
        self.exact &= exact

    @property
    def pairs(self) -> int:
        """How many pairs of columns there are."""
        plain = sum(len(names) for target, names in self.sources.items() if target not in self.shared)
        united: dict[tuple[int, ...], set[str]] = {}
        for target, parts in self.shared.items():
            which = tuple(map(id, parts))
            united[which] = united.get(which) or set().union(*parts)
            plain += len(united[which]) + len(self.sources.get(target, set()) - united[which])
        return plain


def _lineage(logic: Logic, kind: DependencyType, subtype: Subtype | None) -> dict[str, Value | None]:
    return {"type": kind.value, "subtype": subtype.value if subtype else None, "plan": logic.plan, "job": logic.job_id}
