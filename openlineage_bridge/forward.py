"""Events that came as OpenLineage events and are published as such: what is looked at, and what is changed. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from headwater.graphmodel.accounts import namespace_of
from headwater.openlineage_bridge.emit import run_uuid
from headwater.openlineage_bridge.events import LineageEvent


def pairs(event: LineageEvent) -> Iterator[tuple[str, str]]:
    """(namespace, name) of each dataset that it names as input or output, or is about."""
    for one in (*event.datasets("inputs"), *event.datasets("outputs")):
        yield one["namespace"], one["name"]


def forwarded(event: LineageEvent) -> dict[str, Any]:
    """The event as it came, as far as it was kept; a run id that is no UUID becomes one, the same for one run.

    A job that was reported for an account is named with it, as in the graph: another account can have one of its name.
    """
    document = dict(event.document)
    if event.account and event.job[0]:
        document["job"] = {**document["job"], "namespace": namespace_of(event.job[0], event.account)}
    if event.is_run and not _is_uuid(event.run_id):
        document["run"] = {**document["run"], "runId": run_uuid(event.group)}
    return document


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
