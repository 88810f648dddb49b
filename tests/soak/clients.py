"""The clients of a soak run, each a thread: senders, readers, slow ones, hostile ones, and one that asks `/ready`."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from bench.payloads import CONTENT_TYPE, job
from tests.faults.world import payload
from tests.soak.facts import Facts

_TIMEOUT = 60.0
_AGAIN_SECONDS = 0.5
_BUSY_SECONDS = 30.0  #: so long the graph's process may leave `/ready` without an answer: then it counts as deaf
_TAKEN, _OK, _NOT_FOUND, _UNAVAILABLE, _FAILED = 201, 200, 404, 503, 500

_AWAY = (OSError, http.client.HTTPException)  #: what a client meets while the server is killed, or begins again


class Client(threading.Thread):
    """Does `act` again and again, `rate` times a second at most, until the run ends."""

    def __init__(self, facts: Facts, port: int, over: threading.Event, rate: float, seed: int = 0) -> None:
        super().__init__(name=type(self).__name__, daemon=True)
        self.facts, self.port, self.over, self.rate = facts, port, over, rate
        self.chosen = random.Random(seed)
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                self.act()
                self.over.wait(self.chosen.uniform(0.0, 2.0 / self.rate))
        except Exception as error:  # noqa: BLE001 - a client that dies would make the run pass
            self.facts.found(f"{self.name} failed: {error!r}")

    def act(self) -> None:
        raise NotImplementedError

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, str | None]:
        """Status, content and the header Headwater-Entry. OSError, HTTPException: there was no answer."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT)
        try:
            self._connection.request(method, path, body or None, {k.replace("_", "-"): v for k, v in headers.items()})
            with self._connection.getresponse() as answer:
                return answer.status, answer.read(), answer.headers.get("Headwater-Entry")
        except BaseException:
            self._connection.close()
            self._connection = None
            raise


class Sender(Client):
    """Sends plans with their events as an agent does: each again until it is acknowledged."""

    def __init__(self, facts: Facts, port: int, over: threading.Event, rate: float, seed: int, senders: int) -> None:
        super().__init__(facts, port, over, rate, seed)
        self._number, self._senders = seed, senders

    def act(self) -> None:
        _, plan, event = payload(self._number)
        self._number += self._senders
        for path, body in (("execution-plans", plan), ("execution-events", event)):
            self._deliver(f"/producer/{path}", body)

    def _deliver(self, path: str, body: bytes) -> None:
        packed = self.chosen.random() < 0.3
        wire = gzip.compress(body) if packed else body
        headers = {"Content_Type": CONTENT_TYPE, **({"Content_Encoding": "gzip"} if packed else {})}
        while True:  # also after the end of the run: it waits for this, and the server is there
            begun = time.monotonic()
            self.facts.count("sent")
            try:
                status, answer, entry = self.ask("POST", path, wire, **headers)
            except _AWAY:
                self.facts.count("sent, no answer")
                if not self.facts.disturbed(begun):
                    self.facts.found(f"POST {path} was not answered, and nothing was done to the server")
            else:
                if status == _TAKEN and entry:
                    self.facts.acknowledge(int(entry), body)
                    self.facts.count("acknowledged")
                    return
                if status != _UNAVAILABLE:
                    self.facts.found(f"POST {path} was answered with {status}: {answer[:200]!r}")
                    return
                self.facts.count("told to come again")
            time.sleep(_AGAIN_SECONDS)


class Reader(Client):
    """Asks questions of many kinds."""

    def act(self) -> None:
        target = f"s3%3A//lake/out/t{self.chosen.randrange(25)}"
        path = self.chosen.choice(
            (
                f"/api/v1/lineage?node={target}&level=column",
                f"/api/v1/lineage?node={target}&direction=downstream&type=all",
                f"/api/v1/queries/impact?node={target}",
                f"/api/v1/queries/runs?job=job:spark/job%20{self.chosen.randrange(7)}",
                "/api/v1/queries/datasets?limit=1000",
                "/api/v1/search?q=t1",
                "/api/v1/stats",
                "/api/v1/parked",
                "/metrics",
                f"/api/v1/stats?after={self.facts.newest}",
            )
        )
        begun = time.monotonic()
        try:
            status, answer, _ = self.ask("GET", path)
        except _AWAY:
            status, answer = 0, b"no answer"
        self.facts.count("questions")
        if status in (_OK, _NOT_FOUND):
            return
        if status == _UNAVAILABLE and b"is not in the graph after" in answer:
            self.facts.count("questions that the graph lagged behind for")  # what `after` promises, on a busy machine
            return
        if status in (0, _UNAVAILABLE) and self.facts.disturbed(begun):
            self.facts.count("questions while the graph was away")
            return
        self.facts.found(f"GET {path} was answered with {status}: {answer[:200]!r}")


class Ready(Client):
    """Asks `/ready`, and holds the answer against what is known."""

    _answered = 0.0  #: when the graph's process was last known to answer

    def act(self) -> None:
        begun, newest = time.monotonic(), self.facts.newest
        try:
            status, answer, _ = self.ask("GET", "/ready")
            said: dict[str, Any] = json.loads(answer)
        except (*_AWAY, ValueError):
            self.facts.count("/ready: no answer")
            if not self.facts.disturbed(begun):
                self._wrong("there was no answer, and nothing was done to the server")
            return
        self.facts.count(f"/ready: {status}")
        if said.get("entries", 0) < newest:
            self._wrong(f"it counts {said.get('entries')} entries, and {newest} is acknowledged")
        if said.get("reason") != "no answer":
            self._answered = begun
        if status == _OK:
            self._asked_at_once(begun)
        elif said.get("reason") == "no answer" and begun - self._answered < _BUSY_SECONDS:
            self.facts.count("/ready: the graph's process was too busy to answer")  # true, on a busy machine
        elif not self.facts.disturbed(begun):
            self._wrong(f"{status} {said}, and nothing was done to the server")

    def _asked_at_once(self, begun: float) -> None:
        """What says that it is ready has to answer."""
        try:
            status, answer, _ = self.ask("GET", "/api/v1/naming")
        except _AWAY:
            status, answer = 0, b"no answer"
        if status != _OK and not self.facts.disturbed(begun):
            self._wrong(f"200, and the question behind it was answered with {status}: {answer[:200]!r}")

    def _wrong(self, sentence: str) -> None:
        self.facts.count("wrong answers of /ready")
        self.facts.found(f"/ready: {sentence}")


class Slow(Client):
    """Connections that send slowly, stop in the middle, or never read."""

    def act(self) -> None:
        first = b"POST /producer/execution-plans HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        kinds = (
            first,
            first + b"Content-Length: 100000\r\n\r\n" + b" " * 50_000,
            b"GET /api/v1/queries/datasets?limit=10000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20,
            b"",
        )
        opened = []
        with suppress(OSError):
            for _ in range(8):
                opened.append(socket.create_connection(("127.0.0.1", self.port), timeout=_TIMEOUT))
                opened[-1].setblocking(False)
                opened[-1].send(self.chosen.choice(kinds) or b"G")
        self.facts.counts["slow clients"] += len(opened)
        self.over.wait(self.chosen.uniform(1.0, 40.0))
        for each in opened:
            each.close()


class Hostile(Client):
    """Input that is made to hurt. Any answer will do but one of 500, and none for others being held up."""

    def act(self) -> None:
        what, method, path, body, headers = self.chosen.choice(_HOSTILE)
        begun = time.monotonic()
        self.facts.count("hostile requests")
        try:
            status, answer, entry = self.ask(method, path, body(), **headers)
        except _AWAY:
            return  # hung up on, which is an answer
        if status == _TAKEN and entry:
            with self.facts.lock:
                self.facts.hostile.add(int(entry))
        if status >= _FAILED and not (status == _UNAVAILABLE and self.facts.disturbed(begun)):
            self.facts.found(f"hostile input ({what}) was answered with {status}: {answer[:200]!r}")


def _plan_with(change: Callable[[dict[str, Any]], object]) -> Callable[[], bytes]:
    """A valid plan, changed; another id each time, so that it is no duplicate."""

    def made() -> bytes:
        document = json.loads(payload(random.randrange(10**9, 2 * 10**9))[1])
        change(document)
        return json.dumps(document).encode()

    return made


def _wide() -> bytes:
    """Each of 100 columns is made of 100: 10,000 edges."""
    sources = [("s3://lake/hostile/in", f"c{number}") for number in range(100)]
    tag = str(random.randrange(10**9))
    return job("hostile", "s3://lake/hostile/out", {f"c{n}": sources for n in range(100)}, 0, tag=tag).plan


_JSON = {"Content_Type": CONTENT_TYPE}
_PLANS, _EVENTS = "/producer/execution-plans", "/producer/execution-events"
_Hostile = tuple[str, str, str, Callable[[], bytes], dict[str, str]]


def _hostile() -> Iterator[_Hostile]:
    texts = {
        "backslashes": "a=" + "\\" * 60_000,
        "quotes": "password='" * 6_000,
        "words of SQL": "WHEN a " * 8_000,
        "brackets": ")#1 " * 8_000,
        "blanks": "aaaa " * 8_000,
        "control characters": "\u202e\x1b[2J" * 500,
    }
    for what, text in texts.items():
        yield what, "POST", _PLANS, _plan_with(lambda plan, text=text: plan.update(name=text)), _JSON  # type: ignore[misc]
        yield what, "POST", _PLANS, _plan_with(lambda plan, text=text: plan.update(extraInfo={"x": text})), _JSON  # type: ignore[misc]
        yield what, "POST", _EVENTS, lambda text=text: json.dumps(text).encode(), _JSON  # type: ignore[misc]
    yield "half a body", "POST", _PLANS, lambda: b'{"id": ', _JSON
    yield "nesting", "POST", _PLANS, lambda: b"[" * 200_000, _JSON
    yield "a bomb", "POST", _PLANS, lambda: gzip.compress(b" " * 300_000_000), {**_JSON, "Content_Encoding": "gzip"}
    yield "no gzip", "POST", _PLANS, lambda: b"\x1f\x8b nothing", {**_JSON, "Content_Encoding": "gzip"}
    yield "a wide plan", "POST", _PLANS, _wide, _JSON
    yield "many stars", "GET", f"/api/v1/queries/matching?pattern=s3{'*a' * 400}", bytes, {}
    yield "a long node", "GET", f"/api/v1/lineage?node={'x' * 6_000}", bytes, {}
    yield "a NUL", "GET", "/api/v1/lineage?node=%00", bytes, {}
    yield "another host", "GET", "/api/v1/stats", bytes, {"Host": "evil.example"}
    yield "another site", "POST", _PLANS, lambda: b"{}", {**_JSON, "Origin": "http://evil.example"}
    yield "no such path", "POST", "/api/v1/nothing", lambda: b"{}", _JSON
    yield "a method", "DELETE", "/api/v1/stats", bytes, {}


_HOSTILE = tuple(_hostile())
