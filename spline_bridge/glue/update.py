"""From a job as GetJob gives it to what UpdateJob takes, which replaces the whole job: what is left out is reset."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["job_update"]

#: Fields of Job that JobUpdate has not, and the deprecated one that contradicts MaxCapacity.
_NEVER = frozenset({"Name", "CreatedOn", "LastModifiedOn", "ProfileName", "AutoUpgradeMetadata", "AllocatedCapacity"})


def job_update(job: Mapping[str, Any], arguments: Mapping[str, str], accepted: Collection[str]) -> dict[str, Any]:
    """The JobUpdate that gives `job` these arguments and leaves all else; `accepted` are JobUpdate's members."""
    update = {key: value for key, value in job.items() if key not in _NEVER and key in accepted}
    if "WorkerType" in job or "NumberOfWorkers" in job:
        update.pop("MaxCapacity", None)  # GetJob gives both, UpdateJob takes one
    if update.get("Timeout") == 0:
        del update["Timeout"]  # Glue's way to say that there is none; UpdateJob wants 1 or more
    if "SourceControlDetails" in update:  # the token comes masked: sending it back would overwrite the real one
        details = update["SourceControlDetails"]
        update["SourceControlDetails"] = {key: value for key, value in details.items() if key != "AuthToken"}
    return {**update, "DefaultArguments": dict(arguments)}
