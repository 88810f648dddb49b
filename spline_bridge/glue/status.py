"""Whether a job reports its lineage, in one line; why it does not is in `findings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.spline_bridge.glue.attach import CONF, attached
from headwater.spline_bridge.glue.findings import ObservedJob
from headwater.spline_bridge.glue.masking import masked
from headwater.spline_bridge.glue.versions import CannotAttach, runtime

__all__ = ["JobStatus", "job_status"]


@dataclass(frozen=True)
class JobStatus:
    """Which agent a job has, and a detail for people: the URL it sends to, or the reason why it has none.

    `agent` is ``jar`` or ``python`` as attached by Headwater, ``by hand`` for a Spline agent that somebody else set up,
    ``none``, or ``no agent`` for a job to which no agent can be attached.
    """

    name: str
    agent: str
    detail: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"name": self.name, "agent": self.agent, "said": self.detail}


def job_status(job: Mapping[str, Any]) -> JobStatus:
    """The status of a job as GetJob gives it."""
    name, observed = job["Name"], ObservedJob(job)
    try:
        runtime(job)
        record = attached(observed.arguments)
    except CannotAttach as error:
        return JobStatus(name, "no agent", str(error))
    url = masked("--url", observed.url)
    if record is not None:
        return JobStatus(name, record.agent, url)
    return JobStatus(name, "by hand", url) if observed.has_listener else JobStatus(name, "none", f"no agent in {CONF}")
