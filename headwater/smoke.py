"""A deployed server is tried with one recorded plan: it is sent as an agent sends it, and its lineage is read back."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress
from typing import NamedTuple

from headwater.client import Client
from headwater.demo import CONTENT_TYPE, recorded
from headwater.errors import HeadwaterError, WrongUse

JOB = "headwater-check"
"""The name of the job that the plan is of: ignored in answers, once it was tried."""

_RECORDED = "stage_customers"
_FILES = "/headwater/check/"
_LOOK_SECONDS = 1.0
_TARGET = "file:///headwater/check/pipe/staging/customers"


PATIENCE = 180.0
"""Seconds that what a receiver took may need, by S3, SQS and the ingester, into the graph."""


class Receiver(NamedTuple):
    """Where agents send, if that is not the server: a receiver before an inbox, with a token of its own."""

    url: str
    token: str


def check(url: str, token: str, receiver: Receiver | None = None, patience: float = PATIENCE) -> str | None:
    """What is wrong with a server; None: the plan and its event were taken, and it answers with their lineage.

    The token needs the scope admin.
    """
    client = Client(url, token, environment=False)
    sends = client if receiver is None else Client(receiver.url, receiver.token, environment=False)
    at_ms = time.time_ns() // 1_000_000
    plan, event = (_renamed(kind, at_ms) for kind in ("plan", "event"))
    ignored = {"kind": "tag", "subject": f"job:spark/{JOB}", "value": "ignored"}
    try:
        with suppress(WrongUse):  # the first time there is no such job
            client.post_json("/api/v1/statements", {**ignored, "withdrawn": True})
        sends.post("/producer/execution-plans", plan, CONTENT_TYPE)
        entry = sends.post("/producer/execution-events", event, CONTENT_TYPE)
        if receiver is not None and not _came(client, at_ms, time.monotonic() + patience):
            return f"{receiver.url}: the plan was taken, but after {patience:g} s {url} does not know its run"
        answer = client.get("/api/v1/queries/upstream", [("node", _TARGET), ("after", entry)])
        client.post_json("/api/v1/statements", ignored)
    except HeadwaterError as error:
        return f"{url}: {error}"
    if not answer["edges"]:
        return f"{url}: the plan was taken, but its lineage is not in the graph"
    return None


def _came(client: Client, at_ms: int, until: float) -> bool:
    """Whether the run of this time is in the graph, at the latest at `until` (of `time.monotonic`)."""
    while True:
        with suppress(WrongUse):  # the first time there is no such job
            found = client.get("/api/v1/queries/runs", [("job", f"spark/{JOB}"), ("limit", 10)])
            if any(row["timestamp"] == at_ms for row in found["rows"]):
                return True
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK_SECONDS)


def _renamed(kind: str, at_ms: int) -> bytes:
    """A recorded payload, as if a job of another name had just run, on other files."""
    text = next(one.body for one in recorded() if one.job == _RECORDED and one.kind == kind).decode()
    document = json.loads(text.replace("/data/lake/", _FILES))
    its_id = str(uuid.uuid5(uuid.NAMESPACE_URL, JOB))
    if kind == "plan":
        return json.dumps(
            {**document, "id": its_id, "name": JOB, "extraInfo": {**document["extraInfo"], "appName": JOB}}
        ).encode()
    event = document[0] if isinstance(document, list) else document
    event = {**event, "planId": its_id, "timestamp": at_ms}
    return json.dumps([event] if isinstance(document, list) else event).encode()
