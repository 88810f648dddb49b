"""Load on a real server, and a graph as something that can be compared."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gremlin_python.process.traversal import T

from headwater.graphstore import GraphStore, open_store
from headwater.ingest.folder.replaying import replay_into
from headwater.ingest.folder.service import Service
from tests.golden.recorded import ALL, FLAT

#: Plans to vary: small, of different shapes, and without anything that would be taken out of them.
_SEEDS = [
    p for p in ALL if p.kind == "plan" and p.content_type == FLAT and len(p.body) < 15_000 and b"func" not in p.body
]


def payload(number: int) -> tuple[str, bytes, bytes]:
    """The plan with this number and an event of it: id, plan body, event body."""
    document = json.loads(_SEEDS[number % 12].body)
    document["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    document["name"] = f"job {number % 7}"
    document["operations"]["write"]["outputSource"] = f"s3://lake/out/t{number % 23}"
    event = {
        "planId": document["id"],
        "timestamp": 1_790_000_000_000 + number,
        "durationNs": 5,
        "extra": {"appId": "a"},
    }
    return document["id"], json.dumps(document).encode(), json.dumps([event]).encode()


@dataclass
class Sender(threading.Thread):
    """Sends plans with their events, one after the other, until it is stopped or the server is gone."""

    url: str
    first: int
    step: int
    acknowledged: list[tuple[str, bytes]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
        number = self.first
        try:
            while not self.stopped.is_set():
                _, plan, event = payload(number)
                for path, body in (("execution-plans", plan), ("execution-events", event)):
                    connection.request("POST", f"/producer/{path}", body, {"Content-Type": FLAT})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 201:
                        self.acknowledged.append((path, body))
                    else:
                        self.refused.append(answer.status)
                number += self.step
        except (OSError, http.client.HTTPException):
            pass  # the server is gone, which is what is tested
        finally:
            connection.close()


def elements(store: GraphStore) -> tuple[list[str], list[str]]:
    """The whole graph but for the vertex that counts entries, as text."""
    vertices = store.g.V().element_map().to_list()
    edges = store.g.E().element_map().to_list()
    return (
        sorted(repr(sorted(map(repr, v.items()))) for v in vertices if v[T.label] != "ledger"),
        sorted(repr(sorted((repr(k), repr(x)) for k, x in e.items() if k is not T.id)) for e in edges),
    )


def graph_of(folder: Path) -> tuple[list[str], list[str]]:
    """The graph of a data folder, brought up to date."""
    with Service.open(folder) as service:
        service.catch_up()
        assert service.parked() == []
        return elements(service.store)


def bodies(folder: Path) -> set[bytes]:
    """All bodies in the ledger of a data folder."""
    with Service.open(folder) as service:
        kept: set[bytes] = set()
        after = 0
        while entries := service.ledger.read(after, 500):
            kept.update(e.body for e in entries if e.body is not None)
            after = entries[-1].sequence
        return kept


def replayed(folder: Path, fresh: Path) -> tuple[list[str], list[str]]:
    """The graph of a clean replay of the folder's ledger."""
    store = f"embedded:{fresh}"
    replay_into(folder, store, lambda _done, _total: None)
    with open_store(store) as opened:
        return elements(opened)
