"""What others posted to DataZone: read through botocore's model of the service, and brought into a real folder."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from headwater.aws_bridge.datazone import Busy, Domain
from headwater.aws_bridge.session import NotAllowed
from headwater.datazone import Imported, import_events
from headwater.queries.answers.answer import Answer
from headwater.source import Local, open_service
from tests.aws_client import unheard

DOMAIN = "dzd_4p9n6sw4qt9xgn"
AT = datetime(2026, 3, 1, tzinfo=timezone.utc)


def event(number: int, producer: str = "https://example.com/etl") -> dict[str, Any]:
    pair = {"namespace": "s3://lake", "name": "raw"}
    told = {"type": "DIRECT", "subtype": "IDENTITY"}
    fields = {"a": {"inputFields": [{**pair, "field": "b", "transformations": [told]}]}}
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T00:00:00Z",
        "run": {"runId": f"00000000-0000-4000-8000-{number:012d}"},
        "job": {"namespace": "n", "name": "j"},
        "producer": producer,
        "inputs": [pair],
        "outputs": [
            {"namespace": "s3://lake", "name": f"out{number}", "facets": {"columnLineage": {"fields": fields}}}
        ],
    }


class World:
    """A domain whose client answers what the test says, a data folder, and what was slept."""

    def __init__(self, folder: Path) -> None:
        client = unheard("datazone")
        self.stub = Stubber(client)
        self.slept: list[float] = []
        self.domain = Domain(DOMAIN, client)
        self.folder = folder
        self.source = Local(open_service(folder))

    def lists(self, *numbers: int, token: str | None = None, following: str | None = None, **more: Any) -> None:
        items = [self._item(number) for number in numbers]
        asked = {"domainIdentifier": DOMAIN, "maxResults": 50, "sortOrder": "ASCENDING", **more}
        asked |= {"nextToken": token} if token else {}
        answer = {"items": items, **({"nextToken": following} if following else {})}
        self.stub.add_response("list_lineage_events", answer, asked)

    def _item(self, number: int) -> dict[str, Any]:
        said = {"id": identifier(number), "domainId": DOMAIN, "eventTime": AT, "processingStatus": "SUCCESS"}
        return {**said, "createdAt": AT}

    def holds(self, number: int, body: Any, status: str = "SUCCESS") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = {
            "domainId": DOMAIN,
            "id": identifier(number),
            "event": StreamingBody(io.BytesIO(data), len(data)),
            "processingStatus": status,
        }
        asked = {"domainIdentifier": DOMAIN, "identifier": identifier(number)}
        self.stub.add_response("get_lineage_event", answer, asked)

    def imported(self, **options: Any) -> Imported:
        return import_events(self.source, self.domain, self.folder, sleep=self.slept.append, **options)


def identifier(number: int) -> str:
    return f"abcdefghij{number:04d}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with made.stub:
        yield made
        made.stub.assert_no_pending_responses()
    made.source.close()


def test_events_of_others_are_lineage(world: World) -> None:
    world.lists(1, 2, following="more")
    world.holds(1, event(1))
    world.holds(2, event(2, "urn:headwater:0.1"))
    world.lists(3, token="more")
    world.holds(3, b"no event")
    found = world.imported()
    assert (found.events, found.own, found.failed, found.waiting) == (1, 1, [], 0)
    (refused,) = found.refused
    assert refused["event"] == identifier(3)
    assert refused["reason"].startswith("it is no event of OpenLineage: ")
    world.source.settle(lambda _done, _of: None)
    answer = world.source.ask("upstream", [("node", "s3://lake/out1#a")])
    assert isinstance(answer, Answer)
    assert [edge.source for edge in answer.edges] == ["s3://lake/raw#b"]


def test_what_is_not_processed_is_waited_for_and_comes_later(world: World) -> None:
    world.lists(1, 2)
    world.holds(1, event(1), "REQUESTED")
    world.holds(1, event(1), "PROCESSING")
    world.holds(1, event(1))
    for _ in range(7):
        world.holds(2, event(2), "PROCESSING")
    found = world.imported()
    assert (found.events, found.waiting) == (1, 1)
    assert world.slept == [0.5, 1.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    world.holds(2, event(2))
    world.lists(1, 2, timestampAfter=datetime(2026, 2, 28, tzinfo=timezone.utc))  # a day before the newest
    again = world.imported()
    assert (again.events, again.waiting) == (1, 0)


def test_what_datazone_could_not_process_is_told_and_not_kept(world: World) -> None:
    world.lists(1, 2)
    world.holds(1, event(1), "FAILED")
    world.holds(2, {"eventType": "COMPLETE"})
    found = world.imported()
    assert (found.events, found.failed) == (0, [identifier(1)])
    (refused,) = found.refused
    assert refused["event"] == identifier(2)
    assert refused["reason"] == "it is no event of OpenLineage: $: expected a run, a job or a dataset"


def test_after_a_busy_service_the_next_import_begins_anew(world: World) -> None:
    world.lists(1)
    world.stub.add_client_error("get_lineage_event", "InternalServerException", "no", 500)
    with pytest.raises(Busy, match="InternalServerException"):
        world.imported()
    world.lists(1)
    world.holds(1, event(1))
    assert world.imported().events == 1


def test_a_missing_permission_is_named(world: World) -> None:
    world.stub.add_client_error("list_lineage_events", "AccessDeniedException", "no", 403)
    with pytest.raises(NotAllowed, match="the role needs datazone:ListLineageEvents"):
        world.imported()
