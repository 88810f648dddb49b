"""What is told of an OpenLineage event in the log has no secret in it."""

from __future__ import annotations

import json

from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.openlineage import OPENLINEAGE


def test_the_name_of_a_job_is_logged_as_it_is_kept() -> None:
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-01T00:00:00Z",
        "run": {"runId": "01a22714-8253-7b84-9241-f098e08d17ae"},
        "job": {"namespace": "etl", "name": "copy jdbc:postgresql://ann:hunter2@db/shop"},
    }
    accepted = OPENLINEAGE.accept("application/json", json.dumps(event).encode(), Receipt())
    (entry,) = accepted.entries
    assert b"hunter2" not in entry.body
    assert accepted.about.startswith("job copy jdbc:postgresql://")
    assert "hunter2" not in accepted.about
