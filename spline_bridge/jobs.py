"""Which job a plan belongs to: Glue's application names, Spline labels and extra, else the application's name.

A date or an id of a run in an application's name is no part of the job's: it would be another job every day. A name
that somebody gives the job is taken as it is. Glue's own names are in `spline_bridge.glue_names`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from headwater.graphmodel.model import Job
from headwater.graphmodel.run_names import job_name
from headwater.spline_bridge.glue_names import APPLICATION, JOB_NAME, JOB_RUN_ID

_RUN = re.compile(r"^jr_[0-9a-zA-Z_-]+$")

_GLUE_NAMES = (JOB_NAME, "glueJobName", "glue_job_name", "glue.job.name", "JOB_NAME", "--JOB_NAME")
_NAMES = ("jobName", "job_name", "job.name", "job")
NAMESPACES = ("jobNamespace", "job_namespace", "job.namespace", "namespace")
"""Labels, and keys of `extraInfo`, that say the namespace of a job."""
_RUNS = (
    JOB_RUN_ID,
    "glueJobRunId",
    "glue_job_run_id",
    "glue.job.run.id",
    "JOB_RUN_ID",
    "jobRunId",
    "job_run_id",
)

UNNAMED = "unnamed"


def identify(application: str | None, *sources: Mapping[str, Any]) -> tuple[Job, str | None]:
    """The job, and the Glue job-run id if one is known. `sources` are labels and extra, first one first."""
    glue = APPLICATION.match(application or "")
    if glue:
        return Job("glue", glue["job"]), glue["run"]
    run = run_id(*sources)
    named = _first(sources, _GLUE_NAMES)
    if named:
        return Job("glue", named), run
    name = _first(sources, _NAMES) or job_name(application or "") or UNNAMED
    return Job(_first(sources, NAMESPACES) or ("glue" if run else "spark"), name), run


def run_id(*sources: Mapping[str, Any]) -> str | None:
    """A Glue job-run id, ``jr_...``, if the labels or extra have one."""
    found = _first(sources, _RUNS)
    return found if found and _RUN.match(found) else None


def _first(sources: Iterable[Mapping[str, Any]], keys: Iterable[str]) -> str | None:
    for source in sources:
        for key in keys:
            value = source.get(key)
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and value.strip():
                return value.strip()
    return None
