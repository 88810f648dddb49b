"""The vocabulary of the graph: each label with its key, its properties (type, unit), and its PROV and OpenLineage name.

A fact is only ever added. A view is computed from all that is in the ledger, and can be replaced. The docs page, the
checks of tests, the statistics and the headers of loader files are derived from these tables.
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
    """A property: its type, which is the same on every label, its meaning, and its unit if it has one."""

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


_NAME = _s("the name that people see")
_TIMESTAMP = Property("long", "when the agent's listener fired", "ms since 1970-01-01Z")
_CONSTANTS = "JSON: values, which of them each placeholder ⟨n⟩ has, how many are of the logic, hash of the operations"
_EXPRESSION = _s("readable, bounded to about 2,000 characters; a literal is a placeholder ⟨n⟩ of the plan's constants")
_DESCRIPTION = Property("string", "a description by people, or by a system; empty if it was withdrawn", view=True)
_FACTS = Property(
    "string",
    "JSON: what systems say of it, [{key, value, source, scope, at, name?}], e.g. type or format; empty if withdrawn",
    view=True,
)
_BUSINESS_NAMES = Property(
    "string",
    "in lower case: what catalogues call it for people, from the fact `businessName`; one a line, empty for none",
    view=True,
)

VERTICES: tuple[VertexLabel, ...] = (
    VertexLabel(
        "dataset",
        "canonical URI",
        "a table, path, topic, or database table",
        "prov:Entity",
        "Dataset",
        {
            "name": _s("last part of the URI"),
            "namespace": _s("OpenLineage namespace"),
            "description": _DESCRIPTION,
            "facts": _FACTS,
            "businessNames": _BUSINESS_NAMES,
        },
    ),
    VertexLabel(
        "column",
        "<dataset URI>#<lower-case column name>",
        "a top-level column of a dataset",
        "prov:Entity",
        "schema facet field",
        {
            "name": Property("string", "the spelling of a writer: of several the first in the alphabet", view=True),
            "dataset": _s("URI of its dataset"),
            "origin": Property(
                "string", "why it has no DIRECT source now; empty if it has one, or none is known", view=True
            ),
            "resolved": Property("boolean", "false: some of its sources could not be resolved", view=True),
            "expression": Property("string", "the literal, if the origin is constant; else empty", view=True),
            "ambiguous": Property("boolean", "two spellings differ by case alone", view=True),
            "description": _DESCRIPTION,
            "facts": _FACTS,
            "businessNames": _BUSINESS_NAMES,
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
            "effect": _s("all, overwrite, keep; end: dropped, emptied or renamed"),
            "partition": _s("the partition folder that was written"),
            "rowCount": Property("long", "rows that the run wrote", "rows"),
            "byteCount": Property("long", "bytes that the run wrote", "bytes"),
            "fileCount": Property("long", "files that the run wrote", "files"),
            "tableVersion": _s("the table format's own version of it: a snapshot of Iceberg, a version of Delta"),
            "tableFormat": _s("the format that counts so: iceberg, delta, hudi"),
            "columnTypes": _s("JSON: the type of each column, by its name in lower case"),
            "quality": _s("JSON: data-quality metrics and assertions, as the producer says them"),
        },
    ),
    VertexLabel(
        "job",
        "namespace + name",
        "what an engineer deploys, e.g. a Glue job",
        "prov:Plan",
        "Job",
        {
            "name": _NAME,
            "namespace": _s("glue, spark, or the sender's"),
            "description": _DESCRIPTION,
            "facts": _FACTS,
            "businessNames": _BUSINESS_NAMES,
        },
    ),
    VertexLabel(
        "plan",
        "hash of job, target, effect, inputs and column derivations without their literals",
        "one logic of a job: same logic, same vertex, however often it runs",
        "prov:Plan",
        "JobVersion",
        {
            "name": _NAME,
            "job": _s("id of its job"),
            "target": _s("URI of the dataset that it writes"),
            "effect": _s("all, overwrite, keep; end: dropped, emptied or renamed"),
            "origins": Property(
                "string",
                "JSON: [column, origin, resolved, expression] of what has no, or not all, DIRECT sources; empty: none",
                view=True,
            ),
            "constants": Property(
                "string", f"of its newest run that counts; {_CONSTANTS}; empty: it has none", view=True
            ),
            "renames": _s("JSON: [old name, new name] of each column of its target that it renames, and does no more"),
        },
    ),
    VertexLabel(
        "sharedSources",
        "plan + number + dataset",
        "columns that many output columns of a plan have in common as sources, as those of code that it does not show: "
        "the output columns derive from it, it from the sources; answers show each pair as one edge",
        None,
        None,
        {"plan": _s("id of its plan"), "dataset": _s("URI of its dataset")},
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
            "expression": _EXPRESSION,
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
            "jobRun": _s("Glue job-run id, jr_...; else OpenLineage's runId"),
            "agentPlanId": _s("the agent's id of the plan"),
            "constants": _s(f"the literals of what it executed; {_CONSTANTS}"),
            "clockAhead": Property("boolean", "its timestamp is more than a day ahead of its receipt"),
            "readVersions": _s("JSON: of tables that it read, by URI, [format, version], as the format counts them"),
            "parentJob": _s("the orchestrator's job that started it, namespace/name: OpenLineage's parent facet"),
            "parentRun": _s("that job's run, by the orchestrator's own id"),
            "runId": _s("OpenLineage's runId, where jobRun is Glue's"),
        },
    ),
    VertexLabel(
        "alias",
        "the spelling",
        "another name of a dataset, a plan or a job",
        "prov:Entity",
        "symlinks facet",
        {"name": _s("the spelling as it was given")},
        "view",
    ),
    VertexLabel(
        "tag",
        "key, or key=value",
        "a tag that people give to a dataset, column or job: pii, owner=..., retired, ignored",
        None,
        "tags facet, ownership facet",
        {"name": _s("key, or key=value")},
        "view",
    ),
    VertexLabel(
        "ledger",
        "the word ledger",
        "the ledger from which this graph is built, and how far it has been read",
        "prov:Bundle",
        None,
        {
            "applied": Property("long", "sequence of the last entry applied", "entries", view=True),
            "appliedHash": Property("string", "hash of that entry, and through the chain of all before", view=True),
            "ledgerId": _s("the unique id of the ledger"),
            "naming": _s("the naming rules with which the graph is built, as JSON; absent: the default ones"),
            "format": _s("the version of the graph model; a graph of another version is built anew"),
            "epoch": Property(
                "long", "how often a writer has taken over the graph; only in a store behind a socket", view=True
            ),
            "wholeFrom": Property(
                "long", "while `applied` is below it the graph is being rebuilt in its place", "entries", view=True
            ),
            "erased": Property(
                "long", "sequence of the last entry applied that says that a payload was erased", "entries", view=True
            ),
            "writer": Property("string", "the data folder that writes the graph now; empty if none does", view=True),
        },
        "view",
    ),
)

_LINEAGE = {
    "type": _s("DIRECT or INDIRECT"),
    "subtype": _s("OpenLineage's subtype"),
    "masking": Property("boolean", "the value is hashed or masked"),
    "exact": Property("boolean", "false: the data goes through code that a plan does not show, such as a UDF"),
    "sourceField": _s("path of the nested field that is read"),
    "expression": _EXPRESSION,
    "plan": _s("id of the plan that derives it"),
    "job": _s("id of that plan's job"),
    "carried": Property("boolean", "the rows that a MERGE, UPDATE, DELETE or self-read kept: not part of answers"),
    "columns": Property("long", "between datasets: how many column pairs it stands for", "pairs"),
}
_NOW = {**_LINEAGE, "certain": Property("boolean", "false: a later write may have replaced it", view=True)}
_COLUMN_ENDS = (
    ("column", "column"),
    ("dataset", "dataset"),
    ("column", "sharedSources"),
    ("sharedSources", "column"),
)

_DEPENDENCY_ENDS = (("dataset", "column"), ("dataset", "dataset"), ("column", "dataset"))

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
        _DEPENDENCY_ENDS,
        "view",
        "what holds now: columns on which all rows of the dataset depend (INDIRECT), stored once for all its columns; "
        "or a dataset of which only the rows count, as for count(*)",
        "prov:wasInfluencedBy",
        "columnLineage facet, dataset",
        _NOW,
    ),
    EdgeLabel(
        "everDerivesFrom",
        _COLUMN_ENDS,
        "fact",
        "as derivesFrom, but of every plan of which a run ever succeeded",
        "prov:wasDerivedFrom",
        "columnLineage facet",
        _LINEAGE,
    ),
    EdgeLabel(
        "everDependsOn",
        _DEPENDENCY_ENDS,
        "fact",
        "as dependsOn, but of every plan of which a run ever succeeded",
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
        "the plan contributes to the state of the dataset, from one time until another: what `asOf` reads",
        "prov:wasInfluencedBy",
        None,
        {
            "validFrom": Property("long", "the write from which on it contributes", "ms since 1970-01-01Z"),
            "validTo": Property(
                "long",
                "the write from which on it no longer contributes; the last ms of 9999: it still does",
                "ms since 1970-01-01Z",
                view=True,
            ),
            "certain": Property("boolean", "false: a later write may have replaced it", view=True),
            "onlyColumns": Property("string", "JSON: the columns that it contributes; empty for all", view=True),
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
        {
            "certain": Property(
                "boolean", "false: the write overlaps the run, or the plan may use time travel", view=True
            )
        },
    ),
    EdgeLabel("versionOf", (("datasetVersion", "dataset"),), "fact", "the dataset", "prov:specializationOf"),
    EdgeLabel(
        "appendsTo", (("datasetVersion", "datasetVersion"),), "view", "to the version before", "prov:wasRevisionOf"
    ),
    EdgeLabel(
        "aliasOf",
        (("alias", "dataset"), ("alias", "plan"), ("alias", "job")),
        "view",
        "what it names",
        "prov:alternateOf",
        "symlinks",
    ),
    EdgeLabel(
        "taggedWith",
        (("dataset", "tag"), ("column", "tag"), ("job", "tag")),
        "view",
        "a tag that people gave",
        None,
        "tags facet, ownership facet",
        {
            "statedBy": Property("string", "who stated it last; empty if not known", view=True),
            "statedAt": Property("long", "when it was stated", "ms since 1970-01-01Z", view=True),
            "reason": Property("string", "why it was stated; empty if no reason was given", view=True),
            "sources": Property("string", "people, or the systems that give the tag, separated by commas", view=True),
            "pattern": Property(
                "string", "the pattern that the node matches; empty if the statement named the node", view=True
            ),
        },
    ),
    EdgeLabel(
        "sameWriteAs",
        (("run", "run"),),
        "view",
        "two reports of one write, from the command that wraps the write to the write itself",
        "prov:alternateOf",
    ),
)

VERTEX_LABELS: Mapping[str, VertexLabel] = {label.name: label for label in VERTICES}
EDGE_LABELS: Mapping[str, EdgeLabel] = {label.name: label for label in EDGES}
