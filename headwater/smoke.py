"""A deployed server is tried with one recorded plan: it is sent as an agent sends it, and its lineage is read back."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress

from headwater.client import Client
from headwater.demo import CONTENT_TYPE, recorded
from headwater.errors import HeadwaterError, WrongUse

JOB = "headwater-check"
"""The name of the job that the plan is of: ignored in answers, once it was tried."""

_RECORDED = "stage_customers"
_FILES = "/headwater/check/"
_TARGET = "file:///headwater/check/pipe/staging/customers"


def check(url: str, token: str) -> str | None:
    """What is wrong with a server; None: it took the plan and its event, and answers with its lineage.

    The token needs the scope admin.
    """
    client = Client(url, token, environment=False)
    plan, event = (_renamed(kind) for kind in ("plan", "event"))
    ignored = {"kind": "tag", "subject": f"job:spark/{JOB}", "value": "ignored"}
    try:
        with suppress(WrongUse):  # the first time there is no such job
            client.post_json("/api/v1/statements", {**ignored, "withdrawn": True})
        client.post("/producer/execution-plans", plan, CONTENT_TYPE)
        entry = client.post("/producer/execution-events", event, CONTENT_TYPE)
        answer = client.get("/api/v1/queries/upstream", [("node", _TARGET), ("after", entry)])
        client.post_json("/api/v1/statements", ignored)
    except HeadwaterError as error:
        return f"{url}: {error}"
    if not answer["edges"]:
        return f"{url}: the plan was taken, but its lineage is not in the graph"
    return None


def _renamed(kind: str) -> bytes:
    """A recorded payload, as if a job of another name had just run, on other files."""
    text = next(one.body for one in recorded() if one.job == _RECORDED and one.kind == kind).decode()
    document = json.loads(text.replace("/data/lake/", _FILES))
    its_id = str(uuid.uuid5(uuid.NAMESPACE_URL, JOB))
    if kind == "plan":
        return json.dumps(
            {**document, "id": its_id, "name": JOB, "extraInfo": {**document["extraInfo"], "appName": JOB}}
        ).encode()
    event = document[0] if isinstance(document, list) else document
    event = {**event, "planId": its_id, "timestamp": time.time_ns() // 1_000_000}
    return json.dumps([event] if isinstance(document, list) else event).encode()
