"""Whatever happens between inbox, queue, ledger and graph: nothing is lost, nothing is there twice, the chain is whole.

Kills stand for the end of a process at a call to S3: before it was sent, or when it was done. What becomes of the graph
when its process is killed is in `tests/faults`.
"""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

import pytest

from headwater.aws_bridge.s3 import Prefix
from headwater.aws_bridge.session import AwsError, Session
from headwater.aws_bridge.sqs import Queue
from headwater.ingest.graph.ownership import GraphTaken
from headwater.ingest.inbox.queue import QueuedFiles
from headwater.ingest.inbox.reading import InboxReader, Source
from headwater.ingest.ledger.entries import LedgerInUse, LedgerUnavailable, NewEntry
from headwater.ingest.ledger.export import check_export
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.places.file_storage import LocalFolder, ObjectStorage
from tests.inbox.cloud import BUCKET, REGION, Cloud
from tests.inbox.faulty import Faults, faulty
from tests.inbox.world import clock, event_plans, files, graph, ingester, plan_ids, quiet, replayed

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


@pytest.mark.timeout(900)  # lost answers are waited for, and asked for again
@pytest.mark.parametrize(("seed", "count"), [(1, 12), pytest.param(2, 1_000, marks=pytest.mark.soak)])
def test_everything_at_once(seed: int, count: int, aws: Cloud, tmp_path: Path) -> None:
    """Busy S3, lost answers, kills, two ingesters, messages twice, out of order, again and not at all."""
    drawn = random.Random(seed)
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"chaos{seed}", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sent = files(range(count))
    sent += drawn.sample(sent, len(sent) // 4)  # duplicates
    drawn.shuffle(sent)
    plain = aws.prefix(f"chaos{seed}/ledger")
    with faulty(aws.url, Faults(refused=0.04, lost=0.03, seed=seed)) as faults:

        def place(name: str) -> Prefix:
            return Prefix(Session(REGION, connections=16), f"s3://{BUCKET}/chaos{seed}/{name}", faults.url)

        def source(reader: InboxReader) -> Source:
            return QueuedFiles(Queue(Session(REGION), url, faults.url), place("inbox"), reader, wait_seconds=0)

        def ingest(data: Path, life: Life) -> None:
            inbox, ledger = Mortal(place("inbox"), life), Mortal(place("ledger"), life)
            with (
                suppress(Killed, LedgerInUse, LedgerUnavailable, GraphTaken, AwsError),
                ingester(inbox, ledger, data, source=source) as made,
            ):
                for _ in range(3):
                    made.step()

        rounds = max(12, count // 10)
        while sent:
            for name, content in sent[:rounds]:
                aws.prefix(f"chaos{seed}/inbox").write(name, content)
                for _ in range(drawn.choice([0, 1, 1, 2])):
                    record = {"s3": {"bucket": {"name": BUCKET}, "object": {"key": f"chaos{seed}/inbox/{name}"}}}
                    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [record]}))
            del sent[:rounds]
            two = [
                threading.Thread(target=ingest, args=(tmp_path / name, Life(drawn.randrange(10, 120))))
                for name in ("a", "b")
            ]
            for each in two:
                each.start()
            for each in two:
                each.join()
        assert faults.counts["refuse"] + faults.counts["lose"] > 3
    with ingester(aws.prefix(f"chaos{seed}/inbox"), plain, tmp_path / "a") as made:
        made.run(once=True)
        nothing_lost_or_twice(plain, count)
        assert graph(made) == replayed(plain, tmp_path / "clean")
        assert made.reader.parked() == 0
