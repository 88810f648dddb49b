"""What a bridge hands over: one plan's logic and one run of it, free of any wire format.

Only frozen data lives here. A bridge (Spline, OpenLineage) decodes bytes into `Plan` and `Run`;
`graphmodel.elements` turns these into vertices and edges.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from headwater.graphmodel.constants import Form


class Effect(str, Enum):
    """What a write does to what the dataset held before."""

    ALL = "all"  #: replaces the whole dataset
    OVERWRITE = "overwrite"  #: replaces the whole, or one partition where the dataset has partitions
    KEEP = "keep"  #: append, MERGE, UPDATE, DELETE, the overwrite of one named partition
    END = "end"  #: leaves nothing: the dataset was dropped, emptied, or has another name from then on


class Role(str, Enum):
    """Whether a write wraps another write, which the agent reports as well: two reports of one write."""

    NONE = "none"
    WRAPPER = "wrapper"
    INNER = "inner"


class DependencyType(str, Enum):
    """OpenLineage's transformation type: https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet."""

    DIRECT = "DIRECT"
    INDIRECT = "INDIRECT"


class Subtype(str, Enum):
    """OpenLineage's transformation subtype. DIRECT ones are ordered by strength, weakest first."""

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    FILTER = "FILTER"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"


class Origin(str, Enum):
    """Why an output column has no DIRECT source."""

    CONSTANT = "constant"  #: literals only
    GENERATED = "generated"  #: count(1), row_number, uuid, current_timestamp
    CONDITIONAL = "conditional"  #: a CASE of literals: only INDIRECT sources
    UNRESOLVED = "unresolved"  #: the payload does not say


ORIGINS = (Origin.UNRESOLVED, Origin.CONDITIONAL, Origin.GENERATED, Origin.CONSTANT)
"""Which origin counts where several are said of one column, the first of these: the one that leaves most open."""


@dataclass(frozen=True)
class Dataset:
    """A dataset as one plan names it: `uri` is canonical (`graphmodel.naming`), `spellings` are its other names."""

    uri: str
    spellings: tuple[str, ...] = ()
    partition: str | None = None  #: the folded partition path, e.g. ``dt=2026-01-01``
    columns: tuple[str, ...] = ()  #: column names as the plan spells them, in order
    partition_columns: tuple[str, ...] = ()  #: not empty: this payload shows that the dataset is partitioned
    format: str | None = None
    layouts: tuple[tuple[str, ...], ...] = ()
    """Of files without names of columns (CSV, text): the columns by position, as the write has them, or each read."""


@dataclass(frozen=True)
class OutputColumn:
    """A column of the write's target."""

    name: str
    origin: Origin | None = None
    resolved: bool = True  #: False: some of its sources could not be resolved
    expression: str | None = None  #: the literal of a constant, or the readable expression
    form: Form | None = field(default=None, compare=False)  #: of the expression; None: read out of its text


@dataclass(frozen=True)
class Derivation:
    """One edge of column lineage: output column `target` <- `source_column` of `source_dataset`."""

    target: str  #: output column name as written
    source_dataset: str  #: canonical URI
    source_column: str
    type: DependencyType
    subtype: Subtype
    masking: bool = False
    exact: bool = True
    source_field: str | None = None
    expression: str | None = None
    carried: bool = False  #: MERGE, UPDATE, DELETE: the column of rows that were kept
    form: Form | None = field(default=None, compare=False)  #: as in `OutputColumn`


@dataclass(frozen=True)
class SharedSources:
    """Sources that many output columns have in common, kept once: each of `targets` derives from each of `sources`.

    Code that a plan does not show makes all of its columns of all that it reads: n x m edges, of which n + m are kept.
    A part of `targets` has no source, a part of `sources` no target; `graphmodel.shared` puts two of them together.
    """

    targets: tuple[Derivation, ...]
    sources: tuple[Derivation, ...]


@dataclass(frozen=True)
class Dependency:
    """An INDIRECT dependency of the whole output on one read column."""

    source_dataset: str
    source_column: str
    subtype: Subtype
    exact: bool = True
    source_field: str | None = None
    expression: str | None = None
    form: Form | None = field(default=None, compare=False)  #: as in `OutputColumn`


@dataclass(frozen=True)
class RowSource:
    """A dataset on whose rows something depends, though none of its columns is used: ``SELECT count(*) FROM dataset``.

    `target` is the output column that does; None: which rows the whole output has.
    """

    dataset: str
    target: str | None = None


@dataclass(frozen=True)
class Operation:
    """One node of the plan, with its readable expressions. `inputs` are ids of operations that feed it."""

    id: str
    name: str
    kind: str  #: ``read``, ``write`` or ``transformation``
    inputs: tuple[str, ...] = ()
    expression: str | None = None
    resolved: bool = True  #: False: a condition or key of it could not be resolved
    form: Form | None = field(default=None, compare=False)  #: as in `OutputColumn`


@dataclass(frozen=True)
class Job:
    """What an engineer deploys."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Plan:
    """The logic of one write, as one payload tells it."""

    agent_plan_id: str
    job: Job
    target: Dataset
    effect: Effect
    command: str  #: the write operation's name
    inputs: tuple[Dataset, ...]
    columns: tuple[OutputColumn, ...]
    derivations: tuple[Derivation, ...]
    dependencies: tuple[Dependency, ...]
    operations: tuple[Operation, ...] = ()
    api_version: str = "1.2"
    agent: str | None = None  #: e.g. ``spline 2.2.0``
    system: str | None = None  #: e.g. ``spark 3.5.9``
    shared: tuple[SharedSources, ...] = ()
    row_sources: tuple[RowSource, ...] = ()
    role: Role = Role.NONE
    time_travel: bool = False  #: a read may hide a table format's time travel
    job_run: str | None = None  #: a Glue ``jr_...`` from the plan (app name, labels, extra)
    renames: tuple[tuple[str, str], ...] = ()  #: columns of the target that it only renames: (old name, new name)
    secondary: bool = False  #: where another agent reports the same write as well, that report is the one that counts
    job_names: tuple[str, ...] = ()  #: what its agent calls the job otherwise
    key: str = field(default="", compare=False)  #: not empty: equal keys have equal plans, but for ids of plan and run


READ_VERSIONS = "readVersions"


def read_versions(read: Mapping[str, tuple[str, str]]) -> str:
    """The fact `READ_VERSIONS`: of each dataset that was read, by URI, its format and the version, as JSON text."""
    return json.dumps(read, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Run:
    """One execution event. Times as on the wire: `timestamp` in ms since 1970, `duration_ns` in ns."""

    agent_plan_id: str
    timestamp: int
    duration_ns: int | None = None
    app_id: str | None = None
    user: str | None = None
    error: str | None = None  #: class and first line only; None is success
    job_run: str | None = None
    labels: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())
    parent_job: str | None = None  #: ``namespace/name`` of the orchestrator's task that started it
    parent_run: str | None = None  #: that task's run, by the orchestrator's own id
    #: Of the version that it wrote, by property of `datasetVersion`; and `READ_VERSIONS`, a property of the run.
    facts: tuple[tuple[str, str | int], ...] = ()
    run_id: str | None = None  #: OpenLineage's `runId`, where `job_run` is another id

    @property
    def start(self) -> int:
        """Start in ms since 1970; the event's own time where there is no duration."""
        return self.timestamp - (self.duration_ns or 0) // 1_000_000
