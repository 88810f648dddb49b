"""Whatever happens between inbox, queue, ledger and graph: nothing is lost, nothing is there twice, the chain is whole.

Kills stand for the end of a process at a call to S3: before it was sent, or when it was done. What becomes of the graph
when its process is killed is in `tests/faults`.
"""

from __future__ import annotations

import io
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO, TypeVar

import pytest

from headwater.aws_bridge.s3 import Prefix
from headwater.aws_bridge.session import AwsError, Session
from headwater.aws_bridge.sqs import Queue
from headwater.ingest.graph.ownership import GraphTaken
from headwater.ingest.inbox.queue import QueuedFiles
from headwater.ingest.inbox.reading import InboxReader, Source, is_waiting
from headwater.ingest.ledger.entries import LedgerInUse, LedgerUnavailable, NewEntry
from headwater.ingest.ledger.export import check_export
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.places.file_storage import LocalFolder, ObjectStorage
from tests.inbox.cloud import BUCKET, REGION, Cloud
from tests.inbox.faulty import Faults, faulty
from tests.inbox.world import clock, event_plans, files, graph, ingester, plan_ids, quiet, replayed
from tests.neptune.standin import StandIn

_T = TypeVar("_T")


class Killed(BaseException):
    """The process ended here."""


class Life:
    """Ends at one of the calls: before it (even numbers), or after it was done (odd ones)."""

    def __init__(self, ends_at: int, *, begun: bool = True) -> None:
        self._left = ends_at
        self.begun = begun  #: calls before that are not counted
        self._lock = threading.Lock()

    def call(self, work: Callable[[], _T]) -> _T:
        """Do it, unless this is the end."""
        if not self.begun:
            return work()
        with self._lock:
            self._left -= 2
            left = self._left
        if left == -2:
            raise Killed
        done = work()
        if left == -1:
            raise Killed
        if left < -2:
            raise Killed  # nothing is done by a process that has ended
        return done


class Mortal:
    """A storage as a process sees it that will be killed."""

    def __init__(self, storage: ObjectStorage, life: Life) -> None:
        self._storage = storage
        self._life = life

    def names(self) -> list[str]:
        return self._life.call(self._storage.names)

    def put(self, name: str, path: Path) -> None:
        self._life.call(lambda: self._storage.put(name, path))

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self._life.call(lambda: self._storage.read(name)))

    def scratch(self) -> AbstractContextManager[Path]:
        return self._storage.scratch()

    def write(self, name: str, data: bytes, *, once: bool = False) -> None:
        self._life.call(lambda: self._storage.write(name, data, once=once))

    def read(self, name: str) -> bytes:
        return self._life.call(lambda: self._storage.read(name))

    def remove(self, *names: str) -> None:
        self._life.call(lambda: self._storage.remove(*names))

    def listed(self, under: str = "", after: str = "") -> Iterator[str]:
        return iter(self._life.call(lambda: list(self._storage.listed(under, after))))

    def __str__(self) -> str:
        return str(self._storage)


def nothing_lost_or_twice(ledger: ObjectStorage, count: int) -> None:
    plans = plan_ids(ledger)
    assert (len(plans), len(set(plans))) == (count, count)
    assert sorted(event_plans(ledger)) == sorted(plans)
    assert check_export(ledger, quiet).entries == 2 * count


def test_a_kill_at_each_call_of_a_step_loses_nothing_and_keeps_nothing_twice(tmp_path: Path) -> None:
    inbox, ledger = LocalFolder(tmp_path / "inbox"), LocalFolder(tmp_path / "ledger")
    sent = bad = survived = 0
    for ends_at in range(40):
        if not list(inbox.listed("2026")):
            for name, content in files(range(sent, sent + 2)):
                inbox.write(name, content)
            inbox.write(f"2026-03-02/bad-{bad}.json", b"{")
            sent, bad = sent + 2, bad + 1
        life = Life(ends_at, begun=False)
        with (
            suppress(Killed),
            ingester(Mortal(inbox, life), Mortal(ledger, life), tmp_path / "data") as made,
        ):
            life.begun = True
            made.run(once=True)
            survived += 1
    assert 0 < survived < 25  # the later ones are behind the last call
    with ingester(inbox, ledger, tmp_path / "data") as made:
        made.run(once=True)
        nothing_lost_or_twice(ledger, sent)
        assert graph(made) == replayed(ledger, tmp_path / "clean")
        assert made.reader.parked() == bad
    assert list(inbox.listed("2026")) == []


def test_a_kill_at_each_call_of_an_opening_does_no_harm(tmp_path: Path) -> None:
    """Also of the first one, which gives the ledger its id."""
    ledger = LocalFolder(tmp_path / "ledger")
    ends_at, opened = 0, False
    while not opened:
        with suppress(Killed):
            SegmentLedger.open(Mortal(ledger, Life(ends_at)), tmp_path / "work", clock).close()
            opened = True
        ends_at += 1
    assert ends_at > 5
    with SegmentLedger.open(ledger, tmp_path / "work", clock) as found:
        found.append([NewEntry("k", "c", b"1")])
    assert check_export(ledger, quiet).entries == 1


class World:
    """An inbox, its queue, a ledger, a graph, and what becomes of the ingesters that are started on them."""

    def __init__(self, aws: Cloud, name: str, folder: Path, store: str | None, faults: Faults) -> None:
        self._aws, self._name, self._folder, self._store, self._faults = aws, name, folder, store, faults
        self._sqs = aws.client("sqs")
        attributes = {"VisibilityTimeout": "1"}
        self._queue = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._told = 0  #: messages since the queue was empty
        self.ended: Counter[str] = Counter()  #: ingesters, by what ended them
        self.inbox = aws.prefix(f"{name}/inbox")
        self.ledger = aws.prefix(f"{name}/ledger")

    def put(self, name: str, content: bytes, messages: int) -> None:
        """Store a payload, and tell the queue of it: not at all, once, or more often."""
        self.inbox.write(name, content)
        record = {"s3": {"bucket": {"name": BUCKET}, "object": {"key": f"{self._name}/inbox/{name}"}}}
        for _ in range(messages):
            self._sqs.send_message(QueueUrl=self._queue, MessageBody=json.dumps({"Records": [record]}))
        self._told += messages

    def lose_messages(self) -> None:
        """Empty a queue of many messages; their files are found in the inbox.

        moto looks at all messages of a queue for each one that it gives, and empties it no more than once a minute.
        """
        if self._told > _MOST_MESSAGES:
            with suppress(self._sqs.exceptions.PurgeQueueInProgress):
                self._sqs.purge_queue(QueueUrl=self._queue)
                self._told = 0

    def ingest(self, machine: str, calls: int, steps: int) -> None:
        """An ingester on a machine that ends at a call, or lives for some steps."""
        life, session = Life(calls), Session(REGION, connections=16)

        def place(name: str) -> Prefix:
            return Prefix(session, f"s3://{BUCKET}/{self._name}/{name}", self._faults.url)

        def source(reader: InboxReader) -> Source:
            queue = Queue(session, self._queue, self._faults.url)
            return QueuedFiles(queue, place("inbox"), reader, wait_seconds=0)

        inbox, ledger, snapshots = (Mortal(place(name), life) for name in ("inbox", "ledger", "snapshots"))
        data = self._folder / machine
        ends = (Killed, LedgerInUse, LedgerUnavailable, GraphTaken, AwsError)
        try:
            with ingester(inbox, ledger, data, self._store, source, snapshots) as made:
                for _ in range(steps):
                    made.step()
                made.save()
            self.ended["lived"] += 1
        except ends as end:
            self.ended[type(end).__name__] += 1


def suffer(world: World, drawn: random.Random, count: int, batch: int) -> None:
    """Bring `count` plans and their events in, some of them twice, by two ingesters that are killed again and again."""
    sent = files(range(count))
    sent += drawn.sample(sent, len(sent) // 4)  # duplicates
    drawn.shuffle(sent)
    number = 0
    while (waiting := sum(map(is_waiting, world.inbox.listed()))) or sent:
        room = max(batch - waiting, batch // 10)
        for name, content in sent[:room]:
            world.put(name, content, drawn.choice([0, 1, 1, 2]))
        del sent[:room]
        machines = [f"a{number // 7}", f"b{number // 11}"]  # now and then a new one, with an empty disk
        lives = [drawn.randrange(10, drawn.choice(_LIVES)) for _ in machines]
        two = [Thread(target=world.ingest, args=(*each, 3)) for each in zip(machines, lives, strict=True)]
        for thread in two:
            thread.start()
        for thread in two:
            thread.join()
        world.lose_messages()
        number += 1
        assert number < 400, "it does not get on"


_MOST_MESSAGES = 300
_LIVES = (120, 400, 4_000)  #: calls, at most: to open a ledger of a hundred segments and do three steps takes some 500


def settled(world: World, folder: Path, store: str | None, count: int) -> None:
    """What came of it, read by an ingester that nothing happens to."""
    with ingester(world.inbox, world.ledger, folder / "last", store) as made:
        made.run(once=True)
        nothing_lost_or_twice(world.ledger, count)
        assert graph(made) == replayed(world.ledger, folder / "clean")
        assert made.reader.parked() == 0


@pytest.mark.timeout(1_800)  # lost answers are waited for, and asked for again
def test_everything_at_once(aws: Cloud, tmp_path: Path) -> None:
    """Busy S3, lost answers, kills, two ingesters, messages twice, out of order, again and not at all."""
    with faulty(aws.url, Faults(refused=0.04, lost=0.03, seed=1)) as faults:
        world, drawn = World(aws, "chaos1", tmp_path, None, faults), random.Random(1)
        suffer(world, drawn, count=12, batch=12)
        while not world.ended["Killed"]:  # which of two ingesters ends by what is left to their threads
            suffer(world, drawn, count=12, batch=12)
        assert faults.counts["refuse"] + faults.counts["lose"] > 3
    settled(world, tmp_path, None, 12)


@pytest.mark.soak
@pytest.mark.timeout(14_400)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # a kill in the projector's thread
@pytest.mark.parametrize(
    ("store", "seed", "count"), [("neptune", 2, 500), ("neptune", 3, 5_000), ("embedded", 4, 1_000)]
)
def test_ten_thousand_payloads(store: str, seed: int, count: int, aws: Cloud, standin: StandIn, tmp_path: Path) -> None:
    """The same with machines that are lost with their disks, and Neptune's own troubles in every fiftieth request."""
    standin.suffer("conflict", "throttled", "failover", "dropped", "dropped after", "closed", rate=0.02, seed=seed)
    url = standin.url if store == "neptune" else None
    with faulty(aws.url, Faults(refused=0.01, lost=0.005, seed=seed)) as faults:
        world = World(aws, f"chaos{seed}", tmp_path, url, faults)
        suffer(world, random.Random(seed), count, batch=100)
        print(f"faults {faults.counts}, of Neptune {dict(standin.seen.faults)}, ingesters ended by {world.ended}")  # noqa: T201 - the figures of a long run
        assert min(faults.counts["refuse"], faults.counts["lose"]) > 3
    assert world.ended["Killed"] > 3
    assert min(world.ended["LedgerInUse"], world.ended["lived"]) > 0
    assert url is None or standin.seen.faults.total() > 3
    standin.suffer()
    settled(world, tmp_path, url, count)
