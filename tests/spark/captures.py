"""Captures as files: what was read from the JVM for each write of a job, so that it is reported without Spark.

``captured.json`` of a job lists its writes in the order they were heard of. Ids of JVMs and empty things are left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headwater.spline_bridge.agent import Captured, Report, Run, report
from headwater.spline_bridge.agent.model import Leaf
from tests.golden.recorded import PAYLOADS

RUN = Run("local-1", "nightly", "root", "3.5.9", started_ms=1_000, ended_ms=2_000, duration_ns=1_000_000_000)

_LEFT_OUT = frozenset({"jvmId", "metadata", "nonInheritableMetadataKeys", "createTime", "createVersion"})


@dataclass(frozen=True)
class Heard:
    """One write, and its error if it failed."""

    captured: Captured
    error: str | None = None

    def report(self) -> Report:
        return report(self.captured, RUN)


def recorded(case: str, name: str = "captured.json") -> list[Heard]:
    """The writes of a job, as they were recorded."""
    path = PAYLOADS / case / name
    return [_read(item) for item in json.loads(path.read_text())] if path.exists() else []


def cases(name: str = "captured.json") -> list[str]:
    """The jobs whose writes were recorded."""
    return sorted(path.parent.name for path in PAYLOADS.glob(f"*/{name}"))


def _read(item: dict[str, Any]) -> Heard:
    leaves = [Leaf(leaf["operator"], tuple(leaf["ids"]), leaf["details"]) for leaf in item["leaves"]]
    return Heard(Captured(json.dumps(item["plan"]), item["command"], tuple(leaves)), item.get("error"))


def written(heard: list[Heard], lake: str) -> str:
    """The text of ``captured.json``; the lake's root becomes that of all payloads."""
    items = [
        {
            "command": each.captured.command,
            "leaves": [asdict(leaf) for leaf in each.captured.leaves],
            "plan": _lean(json.loads(each.captured.plan)),
            **({"error": each.error} if each.error else {}),
        }
        for each in heard
    ]
    lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
    return f"[\n{lines}\n]\n".replace(lake, "/data/lake")


def moved(heard: list[Heard], lake: str) -> list[Heard]:
    """The writes as if they had been on the lake that the recorded jobs use."""
    return [_read(item) for item in json.loads(written(heard, lake))]


def _lean(value: Any) -> Any:
    if isinstance(value, list):
        return [_lean(item) for item in value]
    if isinstance(value, dict):
        return {key: _lean(item) for key, item in value.items() if key not in _LEFT_OUT}
    return value


def record(case: str, heard: list[Heard], lake: str, name: str = "captured.json") -> Path:
    """Keeps the writes of a job beside its payloads."""
    path = PAYLOADS / case / name
    path.write_text(written(heard, lake))
    return path
