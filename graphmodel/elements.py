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
from headwater.graphmodel.logic import Logic, Summary, operations_shapes
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
    name = naming.name_of_uri(uri)
    return vertex(uri, "dataset", name=name.display, namespace=name.namespace)


def plan_part(logic: Logic, constants: str = "") -> Part:
    """Job and plan, all that the graph has of a logic that never succeeded; with the constants that are shown."""
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
    )
    return Part((job, plan), (edge("hasPlan", job.id, plan.id),))


def shown_constants(plan: str, constants: str) -> Vertex:
    """Of a plan vertex its view alone: the constants of its newest run that counts, as `constants_text` has them."""
    return vertex(plan, "plan", constants=constants)


def logic_edges(logic: Logic) -> Iterator[Edge]:
    """What a logic that once succeeded reads, writes and derives; datasets and columns are not among it."""
    yield edge("writes", logic.plan, logic.target)
    for uri in logic.inputs:
        yield edge("reads", logic.plan, uri)
    for d in logic.derivations:
        yield _derivation("everDerivesFrom", logic, d)
    for p in logic.dependencies:
        yield _dependency("everDependsOn", logic, p)
    for uri in logic.inputs:
        yield _between_datasets("everDerivesFrom", logic, uri)


def now_edges(logic: Logic, contribution: Contribution) -> Iterator[Edge]:
    """The edges of a logic that contributes to the state of its target, into the columns that it contributes."""
    certain = contribution.certain
    for d in logic.derivations:
        if contribution.columns is None or d.target in contribution.columns:
            yield _derivation("derivesFrom", logic, d, certain=certain)
    for p in logic.dependencies:
        yield _dependency("dependsOn", logic, p, certain=certain)
    for uri in logic.inputs:
        yield _between_datasets("derivesFrom", logic, uri, certain=certain)


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
        **dict(run.facts),
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
    """Another name of a dataset or of a plan."""
    alias = vertex(ids.alias_id(spelling), "alias", name=spelling)
    return Part((alias,), (edge("aliasOf", alias.id, target),))


def column_edge(dataset: str, column: str) -> Edge:
    """A column of a dataset."""
    return edge("hasColumn", dataset, ids.column_id(dataset, column))


def _derivation(label: str, logic: Logic, d: Derivation, **view: Value) -> Edge:
    return edge(
        label,
        ids.column_id(logic.target, d.target),
        ids.column_id(d.source_dataset, d.source_column),
        logic.plan,
        d.type.value,
        d.subtype.value,
        **_lineage(logic, d.type, d.subtype),
        masking=d.masking,
        exact=d.exact,
        sourceField=d.source_field,
        expression=d.expression,
        carried=True if d.carried else None,
        **view,
    )


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


def _between_datasets(label: str, logic: Logic, source: str, **view: Value) -> Edge:
    # The sum of the column edges. A dataset that is read and of whose columns nothing is logic is DIRECT, not exact.
    derivations = [d for d in logic.derivations if d.source_dataset == source]
    dependencies = [p for p in logic.dependencies if p.source_dataset == source]
    pairs = {(d.target, d.source_column) for d in derivations} | {("", p.source_column) for p in dependencies}
    direct = any(d.type is DependencyType.DIRECT for d in derivations)
    kind = DependencyType.DIRECT if direct or not pairs else DependencyType.INDIRECT
    return edge(
        label,
        logic.target,
        source,
        logic.plan,
        **_lineage(logic, kind, None),
        exact=bool(pairs) and all(d.exact for d in derivations) and all(p.exact for p in dependencies),
        columns=len(pairs),
        carried=True if source == logic.target else None,
        **view,
    )


def _lineage(logic: Logic, kind: DependencyType, subtype: Subtype | None) -> dict[str, Value | None]:
    return {"type": kind.value, "subtype": subtype.value if subtype else None, "plan": logic.plan, "job": logic.job_id}
