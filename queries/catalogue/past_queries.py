"""The rows of the table of queries that are about the past: what runs read, and what changed."""

from __future__ import annotations

from headwater.queries.catalogue.parameters import Parameter
from headwater.queries.catalogue.query import Query, node, paging
from headwater.queries.questions.changes import changes
from headwater.queries.questions.differences import differences, run_differences
from headwater.queries.questions.inputs import inputs

_INPUTS = Parameter(
    "node",
    "a run, or all of a Glue job run or Spark application; a dataset version; a dataset: its newest version",
    "node",
    required=True,
    labels=("run", "datasetVersion", "dataset"),
    many=True,
)

_CHANGE = ("change", "before", "after", "sourcesAdded", "sourcesDropped")
_DIFFERENCE = ("dataset", "kind", "id", *_CHANGE)


def _moment(name: str, meaning: str, default: str | None = None) -> Parameter:
    return Parameter(name, f"{meaning}: a time or a run, as asOf takes them", "moment", default)


def _runs(name: str, meaning: str) -> Parameter:
    return Parameter(name, meaning, "node", required=True, labels=("run",), many=True)


PAST: tuple[Query, ...] = (
    Query(
        "inputs",
        "the versions of datasets that a run read, who wrote each, and whether it has been overwritten since",
        (
            _INPUTS,
            Parameter("depth", "runs to go back; 1: what the run itself read", "integer", 1, minimum=1),
            *paging(1_000),
        ),
        columns=(
            *("distance", "dataset", "version", "timestamp", "partition", "run", "job", "usedBy", "certain"),
            *("overwritten", "overwrittenBy", "overwrittenAt"),
        ),
        survey=inputs,
    ),
    Query(
        "diff-runs",
        "what a run, `other`, did otherwise than one before it, `run`: columns, what rows depend on, inputs",
        (
            _runs("run", "a run, or all of a Glue job run or Spark application"),
            _runs("other", "the run, or runs, to compare it with"),
            *paging(1_000),
        ),
        columns=_DIFFERENCE,
        survey=run_differences,
    ),
    Query(
        "diff",
        "what changed in a dataset, or in what a job writes, between two times; a job's last two logics without `from`",
        (
            node("node", "the dataset or job", "dataset", "job"),
            _moment("from", "since when"),
            _moment("to", "until when", "now"),
            *paging(1_000),
        ),
        columns=_DIFFERENCE,
        survey=differences,
    ),
    Query(
        "changes",
        "when the logic of a dataset or column changed and by which run, the first change first",
        (
            node("node", "the dataset or column, in any spelling", "dataset", "column"),
            Parameter("upstream", "also the changes of all that it ever came from", "boolean", default=False),
            Parameter("type", "all: also of what its rows depend on", default="direct", choices=("direct", "all")),
            _moment("from", "only changes since then"),
            _moment("to", "only changes until then"),
            *paging(1_000),
        ),
        columns=("timestamp", "distance", "id", *_CHANGE, "run", "job"),
        survey=changes,
    ),
)
