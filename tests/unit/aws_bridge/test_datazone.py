"""Events to DataZone: posted, asked for, failed; checked against botocore's model of the service, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from headwater.aws_bridge.datazone import Busy, Domain, Refused
from headwater.aws_bridge.session import NotAllowed
from headwater.graphstore.errors import Denied, TransientError
from headwater.ingest.publishing.backends import Sending
from headwater.ingest.publishing.datazone import DataZoneBackend
from headwater.openlineage_bridge.datazone import token
from tests.aws_client import unheard

DOMAIN = "dzd_4p9n6sw4qt9xgn"
ID = "abcdefghij0123"
END = {"eventType": "COMPLETE", "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}, "outputs": []}
START = {**END, "eventType": "START"}
BODY = json.dumps(END, separators=(",", ":")).encode()


class World:
    """A backend whose client answers what the test says, and what it slept."""

    def __init__(self) -> None:
        client = unheard("datazone")
        self.stub = Stubber(client)
        self.slept: list[float] = []
        self.domain = Domain(DOMAIN, client)
        self.backend = DataZoneBackend(self.domain, self.slept.append)

    def posts(self, body: bytes = BODY, identifier: str = ID) -> None:
        expected = {"domainIdentifier": DOMAIN, "event": body, "clientToken": token(body)}
        self.stub.add_response("post_lineage_event", {"id": identifier, "domainId": DOMAIN}, expected)

    def says(self, status: str, identifier: str = ID) -> None:
        expected = {"domainIdentifier": DOMAIN, "identifier": identifier}
        answer = {"id": identifier, "domainId": DOMAIN, "processingStatus": status}
        self.stub.add_response("get_lineage_event", answer, expected)

    def fails(self, call: str, code: str, status: int = 400) -> None:
        self.stub.add_client_error(call, code, "because", status)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.stub:
        yield made
        made.stub.assert_no_pending_responses()


def sending(*events: dict[str, Any], key: str = "run:1") -> Sending:
    return Sending(key, events)


def test_the_end_of_a_run_is_posted_and_its_processing_awaited(world: World) -> None:
    world.posts()
    for status in ("REQUESTED", "PROCESSING", "SUCCESS"):
        world.says(status)
    assert world.backend.send([sending(START, END)]) == {}
    assert world.slept == [0.5, 1.0]
    assert world.backend.place == f"datazone://{DOMAIN}"
    world.backend.close()


def test_what_could_not_be_processed_is_told(world: World) -> None:
    world.posts()
    world.says("FAILED")
    (reason,) = world.backend.send([sending(END)]).values()
    assert "gives no reason" in reason


def test_one_that_is_never_done_counts_as_taken(world: World) -> None:
    world.posts()
    for _ in range(8):
        world.says("PROCESSING")
    assert world.backend.send([sending(END)]) == {}
    assert len(world.slept) == 8


def test_what_is_not_valid_is_refused_and_the_others_go_on(world: World) -> None:
    world.fails("post_lineage_event", "ValidationException")
    other = {**END, "run": {"runId": "s"}}
    body = json.dumps(other, separators=(",", ":")).encode()
    world.posts(body)
    world.says("SUCCESS")
    refused = world.backend.send([sending(END), sending(other, key="run:2")])
    assert refused == {"run:1": "DataZone: ValidationException: because"}


def test_a_busy_service_is_waited_for(world: World) -> None:
    world.posts()
    world.fails("get_lineage_event", "InternalServerException")
    with pytest.raises(TransientError, match="InternalServerException"):
        world.backend.send([sending(END)])
    world.fails("post_lineage_event", "ServiceQuotaExceededException")
    with pytest.raises(TransientError, match="ServiceQuotaExceededException"):
        world.backend.send([sending(END)])
    world.posts()  # the same once more: it has the same token
    world.says("SUCCESS")
    assert world.backend.send([sending(END)]) == {}


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnauthorizedException", "ResourceNotFoundException"])
def test_without_permission_or_domain_it_stops(world: World, code: str) -> None:
    world.fails("post_lineage_event", code)
    with pytest.raises(Denied, match=code):
        world.backend.send([sending(END)])


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature"])
def test_with_wrong_keys_no_run_is_refused_for_ever(world: World, code: str) -> None:
    world.fails("post_lineage_event", code, 403)
    with pytest.raises(Denied, match=code):
        world.backend.send([sending(END)])


@pytest.mark.parametrize(("code", "status"), [("ServiceUnavailable", 503), ("TooManyRequestsException", 429)])
def test_a_service_that_cannot_now_refuses_nothing(world: World, code: str, status: int) -> None:
    world.fails("post_lineage_event", code, status)
    with pytest.raises(TransientError, match=code):
        world.backend.send([sending(END)])


def test_a_large_event_comes_in_parts_with_ids_of_their_own(world: World) -> None:
    fields = {f"c{n}": {"inputFields": [{"namespace": "n", "name": "x" * 90, "field": "f"}]} for n in range(3_000)}
    facets = {"columnLineage": {"fields": fields}}
    wide = {**END, "outputs": [{"namespace": "n", "name": "o", "facets": facets}]}
    identifiers = [f"abcdefghij000{n}" for n in range(2)]
    for identifier in identifiers:
        answer = {"id": identifier, "domainId": DOMAIN}
        world.stub.add_response("post_lineage_event", answer)  # botocore's model refuses more than 300,000 bytes
    for identifier in identifiers:
        world.says("SUCCESS", identifier)
    assert world.backend.send([sending(wide)]) == {}


def test_a_host_that_does_not_answer_is_busy() -> None:
    domain = World().domain
    with pytest.raises(Busy, match="cannot be reached"):
        domain.post(BODY, "t")
    with pytest.raises(Busy, match="cannot be reached"):
        domain.status(ID)


def test_a_wrong_domain_is_told_before_a_call() -> None:
    wrong = Domain("x", World().domain._client)
    with pytest.raises(NotAllowed, match="Parameter validation failed"):
        wrong.post(BODY, "")
    assert issubclass(Refused, Exception)
