"""The ids of vertices. An id is a function of the content, so the same payloads give the same ids in every graph.

Ids of datasets, columns, jobs and tags can be read and typed by people; the others have hashes in them. All
vertices of a graph share one space of ids. Senders name datasets, so a name that could be the id of another kind of
vertex is written otherwise (`dataset_id`).
"""

from __future__ import annotations

import re

from headwater.graphmodel.delta import digest

INITIAL = "initial"
LEDGER = "ledger"  #: the id of the vertex that says which ledger a graph is drawn from
_SHARED = "shared:"
JOB = "job:"  #: what the ids of jobs begin with
OPENLINEAGE_PLAN = "openlineage:"  #: what the agent's plan ids of what OpenLineage told begin with
PREFIXES = ("alias:", JOB, "plan:", "run:", "tag:", _SHARED)
"""What the ids of vertices begin with that are no dataset, column or version."""

_VERSION = re.compile(rf"@(?:{INITIAL}|[0-9a-f]{{16}})\Z")


def dataset_id(uri: str) -> str:
    """The URI itself, unless it could be the id of another vertex; a dataset's id is its own dataset id.

    ``job:spark/x`` is ``dataset:job:spark/x``, ``ledger`` is ``dataset:ledger``; a name that ends as the id of a
    version does, ``x@initial``, is ``x@initial@``.
    """
    if uri == LEDGER or uri.startswith(PREFIXES):
        uri = f"dataset:{uri}"
    return f"{uri}@" if _VERSION.search(uri) else uri


def column_id(dataset: str, column: str) -> str:
    """``<dataset URI>#<lower-case column name>``; the first ``#`` of a node id separates the two."""
    return f"{dataset}#{column.lower()}"


def split_node(node: str) -> tuple[str, str | None]:
    """A node id as (dataset URI, column or None)."""
    dataset, separator, column = node.partition("#")
    return dataset, column if separator else None


def shared_id(plan: str, number: int, dataset: str) -> str:
    """Sources that columns of `dataset` have in common: ``shared:<32 hex digits of the plan>/<number>/<dataset>``."""
    return f"{_SHARED}{plan.rpartition(':')[2]}/{number}/{dataset}"


def is_shared(node: str) -> bool:
    """Whether an id is that of sources which several columns have in common."""
    return node.startswith(_SHARED)


def dataset_of(node: str) -> str:
    """The dataset of a node of lineage: of a column, of sources that columns have in common, or itself."""
    return node.split("/", 2)[2] if is_shared(node) else node.partition("#")[0]


def job_id(namespace: str, name: str) -> str:
    """``job:<namespace>/<name>``."""
    return f"{JOB}{namespace}/{name}"


def plan_id(fingerprint: str) -> str:
    """``plan:<32 hex digits>``."""
    return f"plan:{fingerprint}"


def operation_id(plan: str, operation: str) -> str:
    """``<plan id>/<operation id>``."""
    return f"{plan}/{operation}"


def run_id(agent_plan_id: str, timestamp: int, app_id: str | None) -> str:
    """``run:<agent's plan id>:<timestamp in ms>:<Spark app id>``; a missing app id is ``-``."""
    return f"run:{agent_plan_id}:{timestamp}:{app_id or '-'}"


def version_id(dataset: str, run: str) -> str:
    """The state of a dataset after one run's write: ``<dataset URI>@<16 hex digits of the run>``."""
    return f"{dataset}@{digest(run)[:16]}"


def initial_version_id(dataset: str) -> str:
    """The state of a dataset before any known write."""
    return f"{dataset}@{INITIAL}"


def alias_id(spelling: str) -> str:
    """``alias:<spelling>``."""
    return f"alias:{spelling}"


def tag_id(tag: str) -> str:
    """``tag:<key>`` or ``tag:<key>=<value>``."""
    return f"tag:{tag}"
