"""From a logic, its operations and its runs to vertices and edges: the facts, and the edges that views are made of.

Pure functions of one plan or one run each. What depends on the whole set of entries is in `graphmodel.now`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from headwater.graphmodel import ids, naming
from headwater.graphmodel.choice import Event
from headwater.graphmodel.columns import origins_text
from headwater.graphmodel.delta import Edge, Value, Vertex, edge, vertex
from headwater.graphmodel.logic import Logic, Summary
from headwater.graphmodel.model import Dependency, DependencyType, Derivation, Plan, Subtype
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import Validity, columns_text


@dataclass(frozen=True)
class Part:
    """Vertices and edges that belong together."""

    vertices: tuple[Vertex, ...] = ()
    edges: tuple[Edge, ...] = ()


@lru_cache(10_000)
def dataset_vertex(uri: str) -> Vertex:
    """A dataset."""
    name = naming.parse(uri)
    return vertex(uri, "dataset", name=name.display, namespace=name.namespace)


def plan_part(known: Logic) -> Part:
    """Job and plan, all that is known of a logic that never succeeded."""
    job = vertex(known.job_id, "job", name=known.job.name, namespace=known.job.namespace)
    name = f"{known.job.name} -> {dataset_vertex(known.target).properties['name']}"
    plan = vertex(
        known.plan,
        "plan",
        name=name,
        job=job.id,
        target=known.target,
        effect=known.effect.value,
        origins=origins_text(known),
    )
    return Part((job, plan), (edge("hasPlan", job.id, plan.id),))


def logic_edges(known: Logic) -> Iterator[Edge]:
    """What a logic that once succeeded reads, writes and derives; datasets and columns are not among it."""
    yield edge("writes", known.plan, known.target)
    for uri in known.inputs:
        yield edge("reads", known.plan, uri)
    for d in known.derivations:
        yield _derivation("everDerivesFrom", known, d)
    for p in known.dependencies:
        yield _dependency("everDependsOn", known, p)
    for uri in known.inputs:
        yield _between_datasets("everDerivesFrom", known, uri)


def now_edges(known: Logic, standing: Contribution) -> Iterator[Edge]:
    """The edges of a logic that stands in the state of its target, as far as it stands."""
    certain = standing.certain
    for d in known.derivations:
        if standing.columns is None or d.target in standing.columns:
            yield _derivation("derivesFrom", known, d, certain=certain)
    for p in known.dependencies:
        yield _dependency("dependsOn", known, p, certain=certain)
    for uri in known.inputs:
        yield _between_datasets("derivesFrom", known, uri, certain=certain)


def made_by_edge(dataset: str, valid: Validity) -> Edge:
    """From a dataset to a plan, as long as the plan stands in its state. It always has all of its properties."""
    return edge(
        "madeBy",
        dataset,
        valid.plan,
        str(valid.valid_from),
        validFrom=valid.valid_from,
        validTo=valid.valid_to,
        certain=valid.standing.certain,
        onlyColumns=columns_text(valid.standing.columns),
    )


def operations_part(plan: str, body: Plan) -> Part:
    """The operations of a plan vertex, as one body tells them. A feeding operation that is not listed gives no edge."""
    known = {o.id for o in body.operations}
    vertices = tuple(
        vertex(
            ids.operation_id(plan, o.id),
            "operation",
            name=o.name,
            kind=o.kind,
            plan=plan,
            expression=o.expression,
            resolved=None if o.resolved else False,
        )
        for o in body.operations
    )
    follows = ((o.id, i) for o in body.operations for i in dict.fromkeys(o.inputs) if i in known)
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
    )
    generated = edge("generated", it.id, version.id)
    return Part((version, it), (edge("versionOf", version.id, of.target), executes, generated))


def initial_part(dataset: str) -> Part:
    """The state of a dataset before any known write; in the graph if a run saw it."""
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
    """Another name of a dataset or of a plan."""
    alias = vertex(ids.alias_id(spelling), "alias", name=spelling)
    return Part((alias,), (edge("aliasOf", alias.id, target),))


def column_edge(dataset: str, column: str) -> Edge:
    """A column of a dataset."""
    return edge("hasColumn", dataset, ids.column_id(dataset, column))


def _derivation(label: str, known: Logic, d: Derivation, **view: Value) -> Edge:
    return edge(
        label,
        ids.column_id(known.target, d.target),
        ids.column_id(d.source_dataset, d.source_column),
        known.plan,
        d.type.value,
        d.subtype.value,
        **_lineage(known, d.type, d.subtype),
        masking=d.masking,
        exact=d.exact,
        sourceField=d.source_field,
        expression=d.expression,
        carried=True if d.carried else None,
        **view,
    )


def _dependency(label: str, known: Logic, p: Dependency, **view: Value) -> Edge:
    return edge(
        label,
        known.target,
        ids.column_id(p.source_dataset, p.source_column),
        known.plan,
        DependencyType.INDIRECT.value,
        p.subtype.value,
        **_lineage(known, DependencyType.INDIRECT, p.subtype),
        exact=p.exact,
        sourceField=p.source_field,
        expression=p.expression,
        **view,
    )


def _between_datasets(label: str, known: Logic, source: str, **view: Value) -> Edge:
    # The sum of the column edges. A dataset that is read and of whose columns nothing is known is DIRECT, not exact.
    derivations = [d for d in known.derivations if d.source_dataset == source]
    dependencies = [p for p in known.dependencies if p.source_dataset == source]
    pairs = {(d.target, d.source_column) for d in derivations} | {("", p.source_column) for p in dependencies}
    direct = any(d.type is DependencyType.DIRECT for d in derivations)
    kind = DependencyType.DIRECT if direct or not pairs else DependencyType.INDIRECT
    return edge(
        label,
        known.target,
        source,
        known.plan,
        **_lineage(known, kind, None),
        exact=bool(pairs) and all(d.exact for d in derivations) and all(p.exact for p in dependencies),
        columns=len(pairs),
        carried=True if source == known.target else None,
        **view,
    )


def _lineage(known: Logic, kind: DependencyType, subtype: Subtype | None) -> dict[str, Value | None]:
    return {"type": kind.value, "subtype": subtype.value if subtype else None, "plan": known.plan, "job": known.job_id}
