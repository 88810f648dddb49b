"""Runs of the graph as OpenLineage's events: the START of a run, and its COMPLETE or FAIL. Pure.

Here: which facet says what, for the model's `Plan` and `Run`. Not here: reading the ledger and sending
(`ingest.publishing`), the limits of DataZone (`datazone`), and events that come in (`mapping`).

One run of a plan is one run of the job ``<job>.<target>``, as OpenLineage's agents name a write of a Spark
application; the application (or Glue job run) is its parent. Run ids are UUIDs made of the run's id in the graph, so
that a run which is published twice is one run for whoever receives it.

What OpenLineage has no word for stands in two facets of our own: `headwater_run` (the plan, the ledger entry, columns
whose data goes through code that no plan shows) and `headwater_dataset` (why a column has no source).
Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import Any

from headwater.graphmodel import ids
from headwater.graphmodel.model import Dataset, DependencyType, Derivation, Effect, Plan, Run
from headwater.graphmodel.naming import canonical, name_of_uri, openlineage_pair
from headwater.graphmodel.shared import expanded
from headwater.openlineage_bridge.columns import MOST_EDGES, OWN, OWN_RUN, SOURCE

Event = dict[str, Any]

_SPEC = "https://openlineage.io/spec"
RUN_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"

#: Of each facet that is sent the version of its schema, and the name of its definition there.
_FACETS: Mapping[str, tuple[str, str]] = {
    "schema": ("1-2-0", "SchemaDatasetFacet"),
    "columnLineage": ("1-2-0", "ColumnLineageDatasetFacet"),
    "lifecycleStateChange": ("1-0-1", "LifecycleStateChangeDatasetFacet"),
    "symlinks": ("1-0-1", "SymlinksDatasetFacet"),
    "version": ("1-0-1", "DatasetVersionDatasetFacet"),
    "datasetTags": ("1-0-0", "TagsDatasetFacet"),
    "datasetOwnership": ("1-0-1", "OwnershipDatasetFacet"),
    "datasetDocumentation": ("1-1-0", "DocumentationDatasetFacet"),
    "jobTags": ("1-0-0", "TagsJobFacet"),
    "jobOwnership": ("1-0-1", "OwnershipJobFacet"),
    "jobDocumentation": ("1-1-0", "DocumentationJobFacet"),
    "jobType": ("2-0-4", "JobTypeJobFacet"),
    "processing_engine": ("1-1-1", "ProcessingEngineRunFacet"),
    "errorMessage": ("1-0-1", "ErrorMessageRunFacet"),
    "parent": ("1-1-0", "ParentRunFacet"),
}
_RUN_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:headwater:run")
_OWNER = "owner"  #: the key of a tag that says who is responsible
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_MS = 253_402_300_799_999  #: the end of the year 9999, the last that a date can have


@dataclass(frozen=True)
class Labels:
    """What people, or a catalog, say of nodes: by node id its tags (``key`` or ``key=value``), and its description."""

    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Described:
    """What all runs of one plan have in common: OpenLineage's job, inputs and outputs, and facets of the run."""

    plan: Plan
    logic: str  #: the id of its plan vertex
    job: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    run_facets: Mapping[str, Any]
    producer: str


@dataclass(frozen=True)
class Executed:
    """One run: `id` is that of its vertex, `entry` the ledger entry that reported it.

    `read` are the ids of the versions that it saw, by dataset URI, as far as they are known.
    """

    run: Run
    id: str
    entry: int
    read: Mapping[str, str] = field(default_factory=dict)


def producer(version: str) -> str:
    """The URI by which events name their producer, Headwater in this version."""
    return f"urn:headwater:{version}"


def run_uuid(run: str) -> str:
    """OpenLineage's run id for the id of a run vertex, or of anything else that runs: the same in all events."""
    return str(uuid.uuid5(_RUN_IDS, run))


def describe(plan: Plan, logic: str, types: Mapping[str, str], labels: Labels, producer: str) -> Described:
    """What the runs of a plan have in common. `types`: the type of an output column by its name in lower case."""
    maker = _Facets(producer)
    display = name_of_uri(plan.target.uri).name
    job = {
        "namespace": plan.job.namespace,
        "name": f"{plan.job.name}.{display}",
        "facets": _job_facets(maker, plan, labels),
    }
    inputs = tuple(
        _dataset(one.uri, _input_facets(maker, one, labels)) for one in sorted(plan.inputs, key=lambda one: one.uri)
    )
    output = _dataset(plan.target.uri, _output_facets(maker, plan, types, labels))
    return Described(plan, logic, job, inputs, (output,), _engine(maker, plan), producer)


def run_events(described: Described, executed: Executed) -> tuple[Event, Event]:
    """The START of a run, which says that it runs, and its COMPLETE or FAIL, which says all that is known."""
    maker = _Facets(described.producer)
    run, plan = executed.run, described.plan
    failed = run.error is not None
    run_id = run_uuid(executed.id)
    known = {**described.run_facets, **_parent(maker, plan, run)}
    begin = {"runId": run_id, "facets": known}
    facets = {**known, **_own_run_facet(maker, described, executed)}
    if run.error is not None:
        facets["errorMessage"] = maker.facet("errorMessage", message=run.error, programmingLanguage="JVM")
    inputs = [_with_version(maker, one, uri, executed) for one, uri in zip(described.inputs, _uris(plan), strict=True)]
    outputs = list(described.outputs)
    if not failed:
        version = maker.facet("version", datasetVersion=ids.version_id(plan.target.uri, executed.id))
        outputs = [_with_facet(one, "version", version) for one in outputs]
    start = _event("START", run.start, begin, described.job, described.producer)
    ended = {"runId": run_id, "facets": facets}
    end = _event("FAIL" if failed else "COMPLETE", run.timestamp, ended, described.job, described.producer)
    return start, {**end, "inputs": inputs, "outputs": outputs}


class _Facets:
    """Makes facets, each with its producer and the URL of its schema."""

    def __init__(self, producer: str) -> None:
        self._producer = producer

    def facet(self, kind: str, **content: Any) -> dict[str, Any]:
        version, name = _FACETS[kind]
        return {
            "_producer": self._producer,
            "_schemaURL": f"{_SPEC}/facets/{version}/{name}.json#/$defs/{name}",
            **content,
        }

    def own(self, name: str, base: str, **content: Any) -> dict[str, Any]:
        """A facet that only Headwater has. Its schema is that of any facet of its place: `base`."""
        url = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/{base}"
        return {"_producer": self._producer, "_schemaURL": url, **content}


def _event(kind: str, at_ms: int, run: Mapping[str, Any], job: Mapping[str, Any], producer: str) -> Event:
    return {
        "eventType": kind,
        "eventTime": _time(at_ms),
        "run": run,
        "job": job,
        "inputs": [],
        "outputs": [],
        "producer": producer,
        "schemaURL": RUN_EVENT,
    }


def _time(ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond; a time outside of the years 1970 to 9999 is the nearest within."""
    at = _EPOCH + timedelta(milliseconds=min(max(ms, 0), _LAST_MS))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _uris(plan: Plan) -> list[str]:
    return sorted(one.uri for one in plan.inputs)


# Datasets -------------------------------------------------------------------------------------------------------------


def _dataset(uri: str, facets: Mapping[str, Any]) -> dict[str, Any]:
    namespace, name = openlineage_pair(uri)
    return {"namespace": namespace, "name": name, "facets": facets}


def _with_facet(dataset: Mapping[str, Any], name: str, facet: Mapping[str, Any]) -> dict[str, Any]:
    return {**dataset, "facets": {**dataset["facets"], name: facet}}


def _with_version(maker: _Facets, dataset: Mapping[str, Any], uri: str, executed: Executed) -> Mapping[str, Any]:
    version = executed.read.get(uri)
    return (
        dataset if version is None else _with_facet(dataset, "version", maker.facet("version", datasetVersion=version))
    )


def _input_facets(maker: _Facets, dataset: Dataset, labels: Labels) -> dict[str, Any]:
    facets = {
        **_symlinks(maker, dataset),
        **_label_facets(maker, dataset.uri, labels, "dataset", dataset.columns),
        **_own_dataset_facet(maker, dataset),
    }
    if dataset.columns:
        facets["schema"] = maker.facet("schema", fields=[{"name": column} for column in dataset.columns])
    return facets


def _output_facets(maker: _Facets, plan: Plan, types: Mapping[str, str], labels: Labels) -> dict[str, Any]:
    columns = [column.name for column in plan.columns]
    facets = {
        **_symlinks(maker, plan.target),
        **_label_facets(maker, plan.target.uri, labels, "dataset", columns),
        **_column_lineage(maker, plan),
        **_own_dataset_facet(maker, plan.target, _unsourced(plan)),
    }
    if columns:
        typed = ({"name": name, "type": types.get(name.lower())} for name in columns)
        facets["schema"] = maker.facet("schema", fields=[_without_none(one) for one in typed])
    if plan.effect is not Effect.KEEP:
        facets["lifecycleStateChange"] = maker.facet("lifecycleStateChange", lifecycleStateChange="OVERWRITE")
    return facets


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _symlinks(maker: _Facets, dataset: Dataset) -> dict[str, Any]:
    """The other names of a dataset that are no other spelling of its name: tables of catalogs."""
    others = [one for one in dataset.spellings if canonical(one) != dataset.uri]
    pairs = (openlineage_pair(canonical(one)) for one in others)
    found = [{"namespace": space, "name": name, "type": "TABLE"} for space, name in sorted(set(pairs))]
    return {"symlinks": maker.facet("symlinks", identifiers=found)} if found else {}


# Column lineage -------------------------------------------------------------------------------------------------------


def _column_lineage(maker: _Facets, plan: Plan) -> dict[str, Any]:
    """Sources of each column, and what the whole output depends on; rows that were kept are no lineage."""
    fields: dict[str, dict[tuple[str, str], list[dict[str, Any]]]] = {}
    for d in plan.derivations if _shares_too_much(plan) else expanded(plan.derivations, plan.shared, plan.target.uri):
        if not d.carried:
            sources = fields.setdefault(d.target, {})
            sources.setdefault((d.source_dataset, d.source_column), []).append(_of_derivation(d))
    whole: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for p in plan.dependencies:
        transformation = _transformation(DependencyType.INDIRECT, p.subtype.value, p.expression, masking=False)
        whole.setdefault((p.source_dataset, p.source_column), []).append(transformation)
    if not fields and not whole:
        return {}
    content: dict[str, Any] = {
        "fields": {column: {"inputFields": _input_fields(sources)} for column, sources in sorted(fields.items())}
    }
    if whole:
        content["dataset"] = _input_fields(whole)
    return {"columnLineage": maker.facet("columnLineage", **content)}


def _shares_too_much(plan: Plan) -> bool:
    """Whether the sources that columns have in common are too many edges for an event, which has each of them."""
    product = sum(len(group.targets) * len(group.sources) for group in plan.shared)
    return bool(plan.shared) and len(plan.derivations) + product > MOST_EDGES


def _of_derivation(d: Derivation) -> dict[str, Any]:
    return _transformation(d.type, d.subtype.value, d.expression, masking=d.masking)


def _transformation(kind: DependencyType, subtype: str, expression: str | None, *, masking: bool) -> dict[str, Any]:
    told = {"type": kind.value, "subtype": subtype, "masking": masking}
    return {**told, "description": expression} if expression else told


def _input_fields(sources: Mapping[tuple[str, str], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    found = []
    for (dataset, column), transformations in sorted(sources.items()):
        namespace, name = openlineage_pair(dataset)
        ordered = sorted(transformations, key=lambda one: (one["type"], one["subtype"], one.get("description", "")))
        found.append({"namespace": namespace, "name": name, "field": column, "transformations": ordered})
    return found


def _own_dataset_facet(maker: _Facets, dataset: Dataset, columns: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Why columns have no source, and how the dataset is partitioned: one partition may be all that was replaced."""
    content = {
        "columns": list(columns),
        "partition": dataset.partition,
        "partitionColumns": list(dataset.partition_columns),
    }
    told = {key: value for key, value in content.items() if value}
    return {OWN: maker.own(OWN, "DatasetFacet", **told)} if told else {}


def _unsourced(plan: Plan) -> list[dict[str, Any]]:
    """Columns of which `columnLineage` cannot say why they have no, or not all, sources."""
    left_out = {d.target for group in plan.shared for d in group.targets} if _shares_too_much(plan) else set[str]()
    return [
        _without_none(
            {
                "name": column.name,
                "origin": column.origin.value if column.origin else None,
                "resolved": False if not column.resolved or column.name in left_out else None,
                "expression": column.expression,
            }
        )
        for column in plan.columns
        if column.origin is not None or not column.resolved or column.name in left_out
    ]


# What people say ------------------------------------------------------------------------------------------------------


def _label_facets(maker: _Facets, node: str, labels: Labels, kind: str, columns: Sequence[str] = ()) -> dict[str, Any]:
    """Tags, owners and the description of a dataset with its columns, or of a job. `kind`: ``dataset`` or ``job``."""
    tags = [_tag(tag) for tag in labels.tags.get(node, ())]
    owners = [{"name": tag["value"]} for tag in tags if tag["key"] == _OWNER]
    tags += [_tag(tag) | {"field": c} for c in columns for tag in labels.tags.get(ids.column_id(node, c), ())]
    tags = [tag for tag in tags if tag["key"] != _OWNER or "field" in tag]
    description = labels.descriptions.get(node)
    facets: dict[str, Any] = {}
    if tags:
        facets["tags"] = maker.facet(f"{kind}Tags", tags=tags)
    if owners:
        facets["ownership"] = maker.facet(f"{kind}Ownership", owners=owners)
    if description:
        facets["documentation"] = maker.facet(f"{kind}Documentation", description=description)
    return facets


def _tag(tag: str) -> dict[str, str]:
    """``pii`` has the value ``true``, as OpenLineage's tags need one."""
    key, equals, value = tag.partition("=")
    return {"key": key, "value": value if equals else "true", "source": SOURCE}


# Job and run ----------------------------------------------------------------------------------------------------------


def _job_facets(maker: _Facets, plan: Plan, labels: Labels) -> dict[str, Any]:
    job_type = maker.facet("jobType", processingType="BATCH", integration=SOURCE, jobType="JOB")
    return {"jobType": job_type, **_label_facets(maker, ids.job_id(plan.job.namespace, plan.job.name), labels, "job")}


def _engine(maker: _Facets, plan: Plan) -> dict[str, Any]:
    """What ran it, as ``spark 3.5.9`` says."""
    name, _, version = (plan.system or "").rpartition(" ")
    return {"processing_engine": maker.facet("processing_engine", name=name, version=version)} if name else {}


def _parent(maker: _Facets, plan: Plan, run: Run) -> dict[str, Any]:
    """The application or Glue job run, which is a run of the job itself; none where the run does not name it."""
    # What OpenLineage told has its own runId there, which is no run that it is a part of.
    job_run = plan.job_run if plan.secondary else run.job_run or plan.job_run
    parent = job_run or run.app_id
    if parent is None:
        return {}
    job = {"namespace": plan.job.namespace, "name": plan.job.name}
    return {"parent": maker.facet("parent", run={"runId": run_uuid(f"application:{parent}")}, job=job)}


def _own_run_facet(maker: _Facets, described: Described, executed: Executed) -> dict[str, Any]:
    plan = described.plan
    shared = (d for group in plan.shared for d in group.targets)
    inexact = sorted({d.target for d in chain(plan.derivations, shared) if not d.exact})
    content = {
        "plan": described.logic,
        "job": {"namespace": plan.job.namespace, "name": plan.job.name},
        "run": executed.id,
        "agentPlanId": plan.agent_plan_id,
        "agent": plan.agent,
        "applicationId": executed.run.app_id,
        "ledgerEntry": executed.entry,
        "effect": plan.effect.value,
        "command": plan.command,
        "inexactColumns": inexact or None,
    }
    return {OWN_RUN: maker.own(OWN_RUN, "RunFacet", **_without_none(content))}
