"""The recorded OpenLineage cases: events as their producers sent them, and the truth that was derived by hand."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.ledger.entries import NewEntry

EVENTS = Path(__file__).parents[1] / "openlineage"
CASES = sorted(path.parent.name for path in EVENTS.glob("*/events.jsonl"))


def bodies(case: str) -> list[bytes]:
    """The bodies of a case, in the order they were sent."""
    return (EVENTS / case / "events.jsonl").read_bytes().splitlines()


def entries(*cases: str) -> list[NewEntry]:
    """What is kept of the events of these cases, or of all."""
    sent = (body for case in cases or CASES for body in bodies(case))
    return [entry for body in sent for entry in OPENLINEAGE.accept("application/json", body, Receipt()).entries]


@lru_cache
def told(case: str) -> dict[str, Any]:
    """What OpenLineage tells otherwise than the truth, and what each run came to."""
    found: dict[str, Any] = json.loads((EVENTS / case / "openlineage.json").read_text())
    return found


@lru_cache
def expected(case: str) -> dict[str, Any]:
    """The truth of a case."""
    found: dict[str, Any] = json.loads((EVENTS / case / "expected.json").read_text())
    return found


def by_run(case: str) -> dict[str, list[dict[str, Any]]]:
    """The events of a case by their run's id."""
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in bodies(case):
        event = json.loads(body)
        runs[event["run"]["runId"]].append(event)
    return dict(runs)
