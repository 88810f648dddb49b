"""The vocabulary: every label, its key, its properties with type and unit, fact or view, PROV and OpenLineage names.

One table. The docs page, the store's checks, the statistics and the loader headers are derived from it.
PROV: https://www.w3.org/TR/prov-o/ ; OpenLineage: https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["fact", "view"]
Type = Literal["string", "long", "double", "boolean"]


@dataclass(frozen=True)
class Property:
    """A property: its one type everywhere it appears, its unit where it has one, its meaning."""

    type: Type
    meaning: str
    unit: str | None = None
    view: bool = False


@dataclass(frozen=True)
class VertexLabel:
    """A vertex label."""

    name: str
    key: str
    meaning: str
    prov: str | None
    openlineage: str | None
    properties: Mapping[str, Property] = field(default_factory=dict)
    kind: Kind = "fact"


@dataclass(frozen=True)
class EdgeLabel:
    """An edge label with the vertex labels of its ends, as (from, to) pairs."""

    name: str
    ends: tuple[tuple[str, str], ...]
    kind: Kind
    meaning: str
    prov: str | None = None
    openlineage: str | None = None
    properties: Mapping[str, Property] = field(default_factory=dict)


def _s(meaning: str) -> Property:
    return Property("string", meaning)


_NAME = _s("the name that people read")
_TIMESTAMP = Property("long", "when the agent's listener fired", "ms since 1970-01-01Z")
_DESCRIPTION = Property("string", "what people say of it; empty if they took it back", view=True)

VERTICES: tuple[VertexLabel, ...] = (
    VertexLabel(
        "dataset",
        "canonical URI",
        "a table, path, topic, or database table",
        "prov:Entity",
        "Dataset",
        {"name": _s("last part of the URI"), "namespace": _s("OpenLineage namespace"), "description": _DESCRIPTION},
    ),
    VertexLabel(
        "column",
        "<dataset URI>#<lower-case column name>",
        "a top-level column of a dataset",
        "prov:Entity",
        "schema facet field",
        {
            "name": Property("string", "a writer's spelling: the smallest of those seen", view=True),
            "dataset": _s("URI of its dataset"),
            "origin": Property(
                "string", "why it has no DIRECT source now; empty if it has one, or none is known", view=True
            ),
            "resolved": Property("boolean", "false: some of its sources could not be resolved", view=True),
            "expression": Property(
                "string", "what stands behind the origin: the literal of a constant; else empty", view=True
            ),
            "ambiguous": Property("boolean", "two spellings differ by case alone", view=True),
            "description": _DESCRIPTION,
        },
    ),
    VertexLabel(
        "datasetVersion",
        "dataset + the run that wrote it, or initial",
        "the state of a dataset after one write",
        "prov:Entity",
        "version facet",
        {
            "dataset": _s("URI of its dataset"),
            "timestamp": _TIMESTAMP,
            "effect": _s("all, overwrite or keep"),
            "partition": _s("the partition folder that was written"),
        },
    ),
    VertexLabel(
        "job",
        "namespace + name",
        "what an engineer deploys, e.g. a Glue job",
        "prov:Plan",
        "Job",
        {"name": _NAME, "namespace": _s("glue, spark, or the sender's"), "description": _DESCRIPTION},
    ),
    VertexLabel(
        "plan",
        "hash of job, target, effect, inputs and column derivations",
        "one logic of a job: same logic, same vertex, however often it runs",
        "prov:Plan",
        "JobVersion",
        {
            "name": _NAME,
            "job": _s("id of its job"),
            "target": _s("URI of the dataset that it writes"),
            "effect": _s("all, overwrite or keep"),
            "origins": _s("JSON: [column, origin, resolved, expression] of what has no, or not all, DIRECT sources"),
        },
    ),
    VertexLabel(
        "operation",
        "plan + operation id",
        "one node of the plan: join, filter, aggregate, ...",
        "prov:Activity",
        None,
        {
            "name": _NAME,
            "kind": _s("read, write or transformation"),
            "plan": _s("id of its plan"),
            "expression": _s("readable, bounded to about 2,000 characters"),
            "resolved": Property("boolean", "false: a condition or key of it could not be resolved"),
        },
        "view",
    ),
    VertexLabel(
        "run",
        "agent's plan id + timestamp + Spark app id",
        "one execution",
        "prov:Activity",
        "Run",
        {
            "timestamp": _TIMESTAMP,
            "durationNs": Property("long", "how long the action took", "ns"),
            "status": _s("success or failed"),
            "error": _s("class and first line of the error"),
            "appId": _s("Spark application id"),
            "user": _s("who ran it"),
            "jobRun": _s("Glue job-run id, jr_..."),
            "agentPlanId": _s("the agent's id of the plan"),
            "clockAhead": Property("boolean", "its timestamp is more than a day ahead of its receipt"),
        },
    ),
    VertexLabel(
        "alias",
        "the spelling",
        "another name of a dataset or of a plan",
        "prov:Entity",
        "symlinks facet",
        {"name": _s("the spelling as it was given")},
        "view",
    ),
    VertexLabel(
        "tag",
        "key, or key=value",
        "what people say that a dataset, column or job is: pii, owner=..., retired, ignored",
        None,
        "tags facet, ownership facet",
        {"name": _s("key, or key=value")},
        "view",
    ),
    VertexLabel(
        "ledger",
        "the word ledger",
        "how far this graph has read the ledger that it is a view of",
        "prov:Bundle",
        None,
        {
            "applied": Property("long", "sequence of the last entry applied", "entries", view=True),
            "ledgerId": _s("what tells the ledger from every other one"),
            "naming": _s("the naming rules that it is drawn with, as JSON; absent: the default ones"),
            "epoch": Property("long", "how often a writer has taken the graph; only behind a socket", view=True),
            "writer": Property("string", "the data folder that writes it now; empty if none does", view=True),
        },
        "view",
    ),
)

_LINEAGE = {
    "type": _s("DIRECT or INDIRECT"),
    "subtype": _s("OpenLineage's subtype"),
    "masking": Property("boolean", "the value is hashed or masked"),
    "exact": Property("boolean", "false: through code that a plan cannot show"),
    "sourceField": _s("path of the nested field that is read"),
    "expression": _s("readable, bounded to about 2,000 characters"),
    "plan": _s("id of the plan that derives it"),
    "job": _s("id of that plan's job"),
    "carried": Property("boolean", "rows kept by MERGE, UPDATE, DELETE or a self-read: left out of answers"),
    "columns": Property("long", "between datasets: how many column pairs it stands for", "pairs"),
}
_NOW = {**_LINEAGE, "certain": Property("boolean", "false: a later write may have replaced it", view=True)}
_COLUMN_ENDS = (("column", "column"), ("dataset", "dataset"))

EDGES: tuple[EdgeLabel, ...] = (
    EdgeLabel(
        "derivesFrom",
        _COLUMN_ENDS,
        "view",
        "what holds now; between datasets: the sum of the column edges",
        "prov:wasDerivedFrom",
        "columnLineage facet",
        _NOW,
    ),
    EdgeLabel(
        "dependsOn",
        (("dataset", "column"),),
        "view",
        "now, INDIRECT for the whole output: stored once, not once per column",
        "prov:wasInfluencedBy",
        "columnLineage facet, dataset",
        _NOW,
    ),
    EdgeLabel(
        "everDerivesFrom",
        _COLUMN_ENDS,
        "fact",
        "the same for every logic that ever succeeded",
        "prov:wasDerivedFrom",
        "columnLineage facet",
        _LINEAGE,
    ),
    EdgeLabel(
        "everDependsOn",
        (("dataset", "column"),),
        "fact",
        "the same for every logic that ever succeeded",
        "prov:wasInfluencedBy",
        "columnLineage facet, dataset",
        _LINEAGE,
    ),
    EdgeLabel(
        "hasColumn", (("dataset", "column"),), "fact", "a column of the dataset", "prov:hadMember", "schema facet"
    ),
    EdgeLabel("hasPlan", (("job", "plan"),), "fact", "a logic of the job", None, "JobVersion"),
    EdgeLabel("hasOperation", (("plan", "operation"),), "view", "a node of the plan"),
    EdgeLabel("follows", (("operation", "operation"),), "view", "to the operation that feeds it", "prov:wasInformedBy"),
    EdgeLabel("reads", (("plan", "dataset"),), "fact", "what the plan reads", "prov:used", "inputs"),
    EdgeLabel("writes", (("plan", "dataset"),), "fact", "what the plan writes", "prov:generated", "outputs"),
    EdgeLabel(
        "madeBy",
        (("dataset", "plan"),),
        "view",
        "the plan stands in the state of the dataset, from then until then: what `asOf` asks",
        "prov:wasInfluencedBy",
        None,
        {
            "validFrom": Property("long", "the write from which on it stands so", "ms since 1970-01-01Z"),
            "validTo": Property(
                "long",
                "the write from which on it does not; the last ms of 9999: it still does",
                "ms since 1970-01-01Z",
                view=True,
            ),
            "certain": Property("boolean", "false: a later write may have replaced it", view=True),
            "onlyColumns": Property("string", "JSON: the columns with which it stands; empty for all", view=True),
        },
    ),
    EdgeLabel(
        "executes", (("run", "plan"),), "fact", "the logic that the run executed", "prov:hadPlan", "job of a run"
    ),
    EdgeLabel("generated", (("run", "datasetVersion"),), "fact", "what the run wrote", "prov:generated", "outputs"),
    EdgeLabel(
        "used",
        (("run", "datasetVersion"),),
        "view",
        "the newest version that the run saw",
        "prov:used",
        "inputs",
        {"certain": Property("boolean", "false: intervals overlap, or time travel may hide in the plan", view=True)},
    ),
    EdgeLabel("versionOf", (("datasetVersion", "dataset"),), "fact", "the dataset", "prov:specializationOf"),
    EdgeLabel(
        "appendsTo", (("datasetVersion", "datasetVersion"),), "view", "to the version before", "prov:wasRevisionOf"
    ),
    EdgeLabel(
        "aliasOf", (("alias", "dataset"), ("alias", "plan")), "view", "the thing named", "prov:alternateOf", "symlinks"
    ),
    EdgeLabel(
        "taggedWith",
        (("dataset", "tag"), ("column", "tag"), ("job", "tag")),
        "view",
        "what people say",
        None,
        "tags facet, ownership facet",
        {
            "statedBy": Property("string", "who said so last; empty if not known", view=True),
            "statedAt": Property("long", "when", "ms since 1970-01-01Z", view=True),
            "reason": Property("string", "why; empty if not said", view=True),
            "sources": Property("string", "people, or the systems that give the tag; several with commas", view=True),
            "pattern": Property("string", "the pattern that the node matches; empty if it was named itself", view=True),
        },
    ),
    EdgeLabel(
        "sameWriteAs", (("run", "run"),), "view", "two reports of one write, wrapper to inner", "prov:alternateOf"
    ),
)

VERTEX_LABELS: Mapping[str, VertexLabel] = {label.name: label for label in VERTICES}
EDGE_LABELS: Mapping[str, EdgeLabel] = {label.name: label for label in EDGES}
