"""Whether a job reports its lineage, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headwater.spline_bridge.glue.attach import CONF, attached
from headwater.spline_bridge.glue.findings import Seen
from headwater.spline_bridge.glue.masking import masked
from headwater.spline_bridge.glue.versions import Unfit, runtime

__all__ = ["State", "state"]


@dataclass(frozen=True)
class State:
    """`agent`: jar or python; by hand for Spline without our record; none; no agent for what none fits."""

    name: str
    agent: str
    said: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)


def state(job: Mapping[str, Any]) -> State:
    """The state of a job as GetJob gives it."""
    name, seen = job["Name"], Seen(job)
    try:
        runtime(job)
        record = attached(seen.arguments)
    except Unfit as error:
        return State(name, "no agent", str(error))
    url = masked("--url", seen.url)
    if record is not None:
        return State(name, record.agent, url)
    return State(name, "by hand", url) if seen.listens else State(name, "none", f"no agent in {CONF}")
