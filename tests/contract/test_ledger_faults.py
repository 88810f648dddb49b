"""Senders share commits; full disks, killed processes and impatient senders lose nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from headwater.ingest.ledger.entries import Packed
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.ingest.ledger.ledger import Appended, Ledger, LedgerUnavailable, NewEntry, open_ledger
from headwater.ingest.ledger.port import NO_REPEATS
from headwater.ingest.ledger.sqlite import checkpoint as ledger_checkpoint
from headwater.ingest.ledger.verify import verify
from tests.contract.ledgers import connection, writing

ROOT = Path(__file__).parents[2]


def new(body: bytes) -> NewEntry:
    return NewEntry("spline.plan", "application/json", body)


class Gate:
    """A ledger that counts its transactions, and begins the first one when told."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.groups: list[int] = []
        self.begun = threading.Event()
        self.opened = threading.Event()

    def append_packed(self, entries: Sequence[Packed], again: Mapping[int, int] = NO_REPEATS) -> list[Appended]:
        self.groups.append(len(entries))
        self.begun.set()
        self.opened.wait()
        return self.ledger.append_packed(entries, again)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@asynccontextmanager
async def gated(folder: Path, **options: int) -> AsyncIterator[tuple[GroupCommitter, Gate]]:
    with open_ledger(folder, clock=lambda: 1) as ledger:
        gate = Gate(ledger)
        committer = GroupCommitter(gate, **options)  # type: ignore[arg-type]
        try:
            yield committer, gate
        finally:
            gate.opened.set()
            await committer.close()


async def start(committer: GroupCommitter, bodies: Sequence[bytes]) -> list[asyncio.Task[Appended]]:
    """Senders that have all come as far as they can without the ledger."""
    tasks = [asyncio.create_task(committer.append(new(body))) for body in bodies]
    for _ in range(10):
        await asyncio.sleep(0)
    return tasks


async def test_senders_that_wait_share_one_commit(folder: Path) -> None:
    async with gated(folder) as (committer, gate):
        first = await start(committer, [b"first"])
        await asyncio.to_thread(gate.begun.wait)
        others = await start(committer, [b"%d" % number for number in range(99)])
        gate.opened.set()
        answers = await asyncio.gather(*first, *others)
        assert gate.groups == [1, 99]
        assert [answer.sequence for answer in answers] == list(range(1, 101))
    assert verify(folder).entries == 100


async def test_too_many_senders_wait_outside(folder: Path) -> None:
    async with gated(folder, max_waiting=2) as (committer, gate):
        tasks = await start(committer, [b"%d" % number for number in range(7)])
        gate.opened.set()
        await asyncio.gather(*tasks)
        assert max(gate.groups) <= 2
        assert sum(gate.groups) == 7


async def test_too_many_bytes_wait_outside_but_one_always_goes(folder: Path) -> None:
    async with gated(folder, max_waiting_bytes=10) as (committer, gate):
        tasks = await start(committer, [b"%050d" % number for number in range(4)])
        gate.opened.set()
        await asyncio.gather(*tasks)
        assert gate.groups == [1, 1, 1, 1]


async def test_large_bodies_are_packed_beside_the_loop(folder: Path) -> None:
    bodies = [secrets.token_bytes(300_000) for _ in range(3)]
    with open_ledger(folder, clock=lambda: 1) as ledger:
        committer = GroupCommitter(ledger)
        answers = await asyncio.gather(*(committer.append(new(body)) for body in bodies))
        await committer.close()
        kept = {entry.sequence: entry.body for entry in ledger.read(0, 10)}
        assert [kept[answer.sequence] for answer in answers] == bodies


async def test_the_projector_is_woken_for_what_is_new(folder: Path) -> None:
    woken: list[int] = []
    with open_ledger(folder, clock=lambda: 1) as ledger:
        committer = GroupCommitter(ledger, on_appended=woken.append)
        for body in (b"a", b"b", b"a"):
            await committer.append(new(body))
        await committer.close()
    assert woken == [1, 2]


async def test_bytes_that_came_again_are_counted_with_the_next_group(folder: Path) -> None:
    def counted() -> list[tuple[int, int]]:
        with closing(sqlite3.connect(folder / "ledger.sqlite")) as raw:
            return raw.execute("SELECT sequence, count FROM repeats").fetchall()

    with open_ledger(folder, clock=lambda: 1) as ledger:
        committer = GroupCommitter(ledger)
        await committer.append(new(b"a"))
        for _ in range(3):
            committer.came_again(1)
        assert counted() == []  # no transaction of their own
        await committer.append(new(b"b"))
        assert counted() == [(1, 3)]
        committer.came_again(2)
        await committer.append(new(b"a"))  # a duplicate, as the ledger finds it
        committer.came_again(1)
        await committer.close()
    assert counted() == [(1, 5), (2, 1)]


async def test_closing_answers_all_and_refuses_later_ones(folder: Path) -> None:
    async with gated(folder, max_waiting=2) as (committer, gate):
        tasks = await start(committer, [b"1", b"2", b"3"])
        closing_task = asyncio.create_task(committer.close())
        await asyncio.sleep(0)
        gate.opened.set()
        await closing_task
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Appended, Appended, LedgerUnavailable]
        with pytest.raises(LedgerUnavailable, match="closing"):
            await committer.append(new(b"4"))
    assert verify(folder).entries == 2


async def test_a_sender_that_goes_away_does_not_disturb_the_others(folder: Path) -> None:
    async with gated(folder) as (committer, gate):
        first, *others = await start(committer, [b"1", b"2", b"3"])
        first.cancel()
        others[0].cancel()
        gate.opened.set()
        assert (await others[1]).sequence == 3
        # all senders gone while theirs wait: closing still ends
        gate.opened.clear()
        for task in await start(committer, [b"4", b"5"]):
            task.cancel()
    assert verify(folder).entries == 5


async def test_what_cannot_be_kept_fails_its_own_sender_alone(folder: Path) -> None:
    async with gated(folder) as (committer, gate):
        gate.opened.set()
        answers = await asyncio.gather(
            committer.append(new(b"a")),
            committer.append(NewEntry("k", "text/\udcff", b"b")),
            committer.append(new(b"c")),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [Appended, UnicodeEncodeError, Appended]


async def test_a_full_disk_reaches_every_sender_and_passes(folder: Path) -> None:
    with open_ledger(folder, clock=lambda: 1) as ledger:
        committer = GroupCommitter(ledger)
        await committer.append(new(b"before"))
        limit = connection(ledger).execute("PRAGMA max_page_count").fetchone()[0]
        connection(ledger).execute("PRAGMA max_page_count = 1")  # what it has, and no more
        answers = await asyncio.gather(
            *(committer.append(new(secrets.token_bytes(50_000))) for _ in range(8)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {LedgerUnavailable}
        assert {str(answer) for answer in answers} == {"the ledger cannot be written: database or disk is full"}
        assert await committer.append(new(b"before")) == Appended(1, duplicate=True)
        assert ledger.count() == 1
        connection(ledger).execute(f"PRAGMA max_page_count = {limit}")
        assert await committer.append(new(b"after")) == Appended(2, duplicate=False)
        await committer.close()
    assert verify(folder).entries == 2


FILE_SIZE_LIMIT = """
import asyncio, pathlib, resource, secrets, sys
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.ingest.ledger.ledger import LedgerUnavailable, NewEntry, open_ledger
folder = pathlib.Path(sys.argv[1])

async def main():
    ledger = open_ledger(folder, clock=lambda: 1)
    committer = GroupCommitter(ledger)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, unlimited[1]))
    for _ in range(20):
        bodies = [secrets.token_bytes(5_000) for _ in range(8)]
        for answer in await asyncio.gather(
            *(committer.append(NewEntry("k", "c", body)) for body in bodies), return_exceptions=True
        ):
            print("refused" if isinstance(answer, LedgerUnavailable) else answer.sequence)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    print((await committer.append(NewEntry("k", "c", b"after"))).sequence)
    await committer.close()
    ledger.close()

asyncio.run(main())
"""


def test_a_disk_that_takes_no_more_bytes(folder: Path) -> None:
    out = subprocess.run(
        [sys.executable, "-c", FILE_SIZE_LIMIT, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    kept = [int(answer) for answer in out if answer != "refused"]
    assert "refused" in out
    assert kept == list(range(1, len(kept) + 1))
    assert verify(folder).entries == len(kept)


ENDLESS_SENDERS = """
import asyncio, pathlib, secrets, sys
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.ingest.ledger.ledger import NewEntry, open_ledger
ledger = open_ledger(pathlib.Path(sys.argv[1]), clock=lambda: 1)

async def send(committer):
    while True:
        body = secrets.token_hex(secrets.randbelow(4000) + 8)
        answer = await committer.append(NewEntry("k", "c", body.encode()))
        print(answer.sequence, body[:16], flush=True)

async def main():
    committer = GroupCommitter(ledger)
    await asyncio.gather(*(send(committer) for _ in range(8)))

asyncio.run(main())
"""


def test_a_killed_process_has_kept_what_it_acknowledged(folder: Path) -> None:
    acknowledged: dict[int, str] = {}
    for lines in (1, 40, 400):  # the same ledger, killed again and again
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS_SENDERS, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            heard = [child.stdout.readline() for _ in range(lines)]
            child.send_signal(signal.SIGKILL)
            heard += child.stdout.read().splitlines()
        whole = [line.split() for line in heard if len(line.split()) == 2 and len(line.split()[1]) == 16]
        acknowledged |= {int(sequence): start for sequence, start in whole}
        assert verify(folder).ok
    assert len(acknowledged) >= 441
    with open_ledger(folder, clock=lambda: 1) as ledger:
        kept = {entry.sequence: (entry.body or b"")[:16].decode() for entry in ledger.read(0, 1_000_000)}
    assert {sequence: kept.get(sequence) for sequence in acknowledged} == acknowledged


def test_the_write_ahead_log_is_cut_under_unbroken_load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_checkpoint, "CHECKPOINT_BYTES", 200_000)
    monkeypatch.setattr(ledger_checkpoint, "LARGEST_LOG", 5_000_000)
    log = folder / "ledger.sqlite-wal"
    sizes = [0]
    with open_ledger(folder, clock=lambda: 1) as ledger:
        for _ in range(5_000):  # how many it takes depends on the scheduler
            ledger.append([new(secrets.token_bytes(20_000))])
            sizes.append(log.stat().st_size)
            if sizes[-1] < sizes[-2]:
                break
        assert sizes[-1] < sizes[-2]
        assert ledger.count() == len(sizes) - 1
    assert verify(folder).entries == len(sizes) - 1


class CountedLock:
    """The writers' lock, and how often the checkpoint took it."""

    def __init__(self, lock: threading.Lock) -> None:
        self.lock = lock
        self.taken = 0

    def __enter__(self) -> None:
        self.lock.acquire()
        self.taken += 1

    def __exit__(self, *error: object) -> None:
        self.lock.release()


@pytest.mark.parametrize(("largest", "taken"), [(0, 1), (10**9, 0)], ids=["large log", "small log"])
def test_writers_are_held_for_a_large_log_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, largest: int, taken: int
) -> None:
    monkeypatch.setattr(ledger_checkpoint, "LARGEST_LOG", largest)
    with open_ledger(folder, clock=lambda: 1) as ledger:
        ledger.append([new(b"a")])
        checkpointer = writing(ledger).checkpointer
        lock = CountedLock(checkpointer._writing)
        checkpointer._writing = lock  # type: ignore[assignment]
        checkpointer._checkpoint()
        assert lock.taken == taken


def test_an_erasure_waits_for_a_reader_and_then_leaves_nothing_in_the_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_checkpoint, "_RETRY_SECONDS", 0.01)
    secret = secrets.token_bytes(5_000)
    log = folder / "ledger.sqlite-wal"
    with open_ledger(folder, clock=lambda: 1) as ledger:
        ledger.append([new(secret)])
        with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM entries").fetchall()
            ledger.erase(1, "why")
            assert log.stat().st_size > 0
            ledger.append([new(b"writers go on")])
        while log.stat().st_size > 0:
            assert ledger.count() == 3
    assert all(secret[:64] not in path.read_bytes() for path in folder.iterdir())


def test_a_file_locked_by_another_program_is_a_transient_error(folder: Path) -> None:
    with open_ledger(folder, clock=lambda: 1) as ledger:
        connection(ledger).execute("PRAGMA busy_timeout = 10")
        with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerUnavailable, match="database is locked"):
                ledger.append([new(b"a")])
            shell.execute("ROLLBACK")
        assert ledger.append([new(b"a")]) == [Appended(1, duplicate=False)]
    assert verify(folder).ok


@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_file_that_is_removed_while_it_is_open_takes_nothing_more(folder: Path, ending: str) -> None:
    """SQLite goes on writing to a file without a name: what it acknowledges then is gone with the process."""
    path, aside = folder / f"ledger.sqlite{ending}", folder / "aside"
    with open_ledger(folder, clock=lambda: 1) as ledger:
        ledger.append([new(b"before")])
        path.rename(aside)
        with pytest.raises(LedgerUnavailable, match="was removed or replaced while it was open"):
            ledger.append([new(b"lost")])
        with pytest.raises(LedgerUnavailable, match="was removed or replaced"):
            ledger.erase(1, "no longer wanted")
        aside.rename(path)
        assert ledger.append([new(b"after")]) == [Appended(2, duplicate=False)]
    assert verify(folder).entries == 2


def test_a_file_that_was_replaced_is_not_read_as_if_it_were_the_one_before(folder: Path) -> None:
    with open_ledger(folder, clock=lambda: 1) as ledger, open_ledger(folder, readonly=True) as reader:
        ledger.append([new(b"one")])
        assert reader.count() == 1
        reader.check_place()
        path = folder / "ledger.sqlite"
        shutil.copy(path, folder / "copy")
        (folder / "copy").replace(path)
        for ask in (ledger.head, reader.count, reader.check_place, lambda: reader.read(0, 9)):
            with pytest.raises(LedgerUnavailable, match="was removed or replaced"):
                ask()
