"""A disk without room under a whole server: senders are told to try again, nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.door import PATIENCE, Server, eventually, serving
from tests.faults.test_faults import assert_nothing_is_lost
from tests.faults.world import payload
from tests.golden.recorded import FLAT

#: More jobs than fit into the room that is left, whichever file reaches its end first.
ENOUGH = 2_000


@contextmanager
def full(server: Server, room: int) -> Iterator[None]:
    """No file of the server may grow beyond `room` bytes, and every write beyond it fails."""
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)


def posted(server: Server, number: int) -> dict[bytes, int]:
    """The plan and the event with this number, each with its status."""
    _, plan, event = payload(number)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    found = {}
    for path, body in (("execution-plans", plan), ("execution-events", event)):
        connection.request("POST", f"/producer/{path}", body, {"Content-Type": FLAT})
        with connection.getresponse() as answer:
            answer.read()
            found[body] = answer.status
    connection.close()
    return found


def until_refused(server: Server) -> tuple[set[bytes], set[int]]:
    """What was acknowledged until there was no room, and the statuses of all that was not."""
    acknowledged: set[bytes] = set()
    for number in range(ENOUGH):
        found = posted(server, number)
        acknowledged |= {body for body, status in found.items() if status == 201}
        refused = set(found.values()) - {201}
        if refused:
            return acknowledged, refused
    raise AssertionError("there was room for everything")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process can be set on Linux alone")
@pytest.mark.parametrize("room", [100_000, 1_000_000])
def test_with_no_room_senders_are_asked_to_try_again_and_it_passes(room: int, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        with full(server, room):
            acknowledged, refused = until_refused(server)
            assert refused == {503}
            assert server.get("/health")[0] == 200
        after = posted(server, ENOUGH)
        assert set(after.values()) == {201}
        eventually(lambda: server.get("/ready")[1].get("lag") == 0)
        assert server.get("/api/v1/stats")[1]["parked"] == 0
        assert server.stop() == 0
    assert_nothing_is_lost(acknowledged | set(after), folder, tmp_path / "fresh")
