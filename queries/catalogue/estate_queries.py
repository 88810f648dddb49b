"""The rows of the table of queries that are about the estate as a whole."""

from __future__ import annotations

from headwater.queries.catalogue.parameters import Parameter
from headwater.queries.catalogue.query import Query, paging
from headwater.queries.questions import estate, estate_state

ESTATE: tuple[Query, ...] = (
    Query(
        "unread-datasets",
        "datasets that some job writes and none ever read, but for the jobs that read what they write",
        paging(),
        columns=("dataset", "jobs", "lastWrite"),
        survey=estate.unread_datasets,
    ),
    Query(
        "unused-columns",
        "columns that a job writes and none ever used, of datasets that some job reads",
        paging(),
        columns=("column", "dataset"),
        survey=estate.unused_columns,
    ),
    Query(
        "stopped-jobs",
        "jobs without a run for longer than some times their usual interval, the longest overdue first",
        (
            Parameter("times", "how many of their intervals", "integer", 3, minimum=1, maximum=1_000),
            Parameter("at", "ms since 1970-01-01Z up to which is counted; absent: now", "integer"),
            *paging(),
        ),
        columns=("job", "lastRun", "intervalMs", "missed"),
        survey=estate.stopped_jobs,
    ),
    Query(
        "schema-drift",
        "datasets whose columns changed from one logic that wrote them to the next, the latest first",
        paging(),
        columns=("dataset", "at", "added", "dropped", "job", "before", "after"),
        survey=estate_state.schema_drift,
    ),
    Query(
        "hot-spots",
        "the datasets, or columns, that most others are directly made of or depend on",
        (Parameter("level", "dataset or column", default="dataset", choices=("dataset", "column")), *paging()),
        columns=("id", "dependents", "jobs"),
        survey=estate.hot_spots,
    ),
    Query(
        "cycles",
        "datasets that feed themselves through other jobs, now; each group with the jobs inside it",
        paging(),
        columns=("datasets", "jobs"),
        survey=estate_state.cycles,
    ),
    Query(
        "coverage",
        "jobs without, or without all of, their column lineage, and why",
        paging(),
        columns=("job", "dataset", "reason", "columns", "cause"),
        survey=estate_state.coverage,
    ),
    Query(
        "two-names",
        "datasets that may be one under several names: the same last part of the name, the same columns; suggestions",
        paging(),
        columns=("name", "datasets", "columns"),
        survey=estate.two_names,
    ),
)
