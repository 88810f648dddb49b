"""The ledger in an SQLite file: its chain, its folder, who may open it, and what SQL cannot change in it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.ingest.ledger.chain import genesis, link
from headwater.ingest.ledger.entries import Chained
from headwater.ingest.ledger.ledger import (
    Ledger,
    LedgerError,
    LedgerInUse,
    LedgerUnavailable,
    NewEntry,
    NewerLedger,
    NotALedger,
    open_ledger,
)
from headwater.ingest.ledger.verify import verify

ROOT = Path(__file__).parents[2]
PAYLOADS = sorted((ROOT / "tests" / "payloads").glob("*/*-plan.json"))
NOW = 1_700_000_000_000


def clock() -> int:
    return NOW


def new(body: bytes, kind: str = "spline.plan", content_type: str = "application/json") -> NewEntry:
    return NewEntry(kind, content_type, body)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with open_ledger(folder, clock=clock) as opened:
        yield opened


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


def test_the_chain_is_what_its_description_says(ledger: Ledger, folder: Path) -> None:
    ledger.append([NewEntry("k", "c", b"one"), NewEntry("k", "c", b"two", "é", ("a",))])
    with closing(sqlite3.connect(f"file:{folder}/ledger.sqlite?mode=ro", uri=True)) as raw:
        salts = [salt for (salt,) in raw.execute("SELECT salt FROM bodies ORDER BY content")]

    def field(value: bytes) -> bytes:
        return len(value).to_bytes(8, "big") + value

    def number(value: int) -> bytes:
        return field(value.to_bytes(8, "big", signed=True))

    digest = hashlib.sha256(b"headwater.ledger.1" + ledger.id.encode()).digest()
    for sequence, sender, redactions, body in ((1, b"", b"[]", b"one"), (2, b"\x01\xc3\xa9", b'["a"]', b"two")):
        salted = hashlib.sha256(salts[sequence - 1] + body).digest()
        texts = field(sender) + field(b"k") + field(b"c") + field(redactions)
        covered = field(digest) + number(sequence) + number(NOW) + texts + field(salted)
        digest = hashlib.sha256(b"headwater.ledger.1" + covered).digest()
    assert ledger.head().hash == digest.hex()


@pytest.mark.parametrize(
    "changed",
    [
        {"sequence": 2},
        {"received_ms": 6},
        {"sender": None},  # not the same as an empty sender
        {"kind": "kc", "content_type": ""},  # fields cannot run together
        {"redactions": '["x"]'},
        {"salted": b"\1"},
    ],
    ids="+".join,
)
def test_every_field_is_in_the_hash(changed: dict[str, object]) -> None:
    entry = Chained(1, 5, "", "k", "c", "[]", b"\0")
    before = genesis("id")
    assert link(before, entry) != link(before, entry._replace(**changed))  # type: ignore[arg-type]
    assert link(before, entry) != link(genesis("other"), entry)


def test_duplicates_are_counted(ledger: Ledger, folder: Path) -> None:
    for bodies in ([b"a", b"b"], [b"a"], [b"b", b"a", b"a"]):
        ledger.append([new(body) for body in bodies])
    with closing(sqlite3.connect(f"file:{folder}/ledger.sqlite?mode=ro", uri=True)) as raw:
        assert raw.execute("SELECT sequence, count, last_ms FROM repeats").fetchall() == [(1, 3, NOW), (2, 1, NOW)]


def test_bodies_are_kept_once_for_each_content(ledger: Ledger, folder: Path) -> None:
    ledger.append([new(b"{}"), new(b"{}", kind="other"), new(b"[]")])
    with closing(sqlite3.connect(f"file:{folder}/ledger.sqlite?mode=ro", uri=True)) as raw:
        assert raw.execute("SELECT COUNT(*) FROM bodies").fetchone() == (2,)
    assert [entry.body for entry in ledger.read(0, 10)] == [b"{}", b"{}", b"[]"]


def test_the_folder_and_its_files_are_closed_to_others(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    previous = os.umask(0)
    try:
        with open_ledger(folder, clock=clock) as ledger:
            ledger.append([new(b"a")])
            assert modes(folder) == {
                "data": 0o700,
                "ledger.sqlite": 0o600,
                "ledger.sqlite-wal": 0o600,
                "ledger.sqlite-shm": 0o600,
                "ledger.lock": 0o600,
            }
    finally:
        os.umask(previous)


def test_a_folder_with_other_things_in_it_keeps_its_mode(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    (folder / "notes.txt").touch()
    with open_ledger(folder, clock=clock):
        assert modes(folder)["data"] == 0o755
        assert modes(folder)["ledger.sqlite"] == 0o600


def test_a_second_writer_is_refused_with_the_folder_named(ledger: Ledger, folder: Path) -> None:
    ledger.append([new(b"a")])
    script = (
        "import sys, pathlib; from headwater.ingest.ledger.ledger import LedgerInUse, open_ledger\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "try: open_ledger(folder, clock=lambda: 1)\n"
        "except LedgerInUse as error: print(error)\n"
        "print(open_ledger(folder, clock=lambda: 1, readonly=True).read(0, 9)[0].body)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", script, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert out.splitlines() == [f"the ledger in {folder} is in use by another process ({os.getpid()})", "b'a'"]


def test_the_folder_is_free_after_closing(ledger: Ledger, folder: Path) -> None:
    with pytest.raises(LedgerInUse):
        open_ledger(folder, clock=clock)
    ledger.append([new(b"a")])  # the refused one did no harm
    ledger.close()
    ledger.close()
    open_ledger(folder, clock=clock).close()


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE meta (key TEXT, value TEXT)")


def newer_ledger(path: Path) -> None:
    open_ledger(path.parent, clock=clock).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
        raw.commit()


@pytest.mark.parametrize("readonly", [False, True], ids=["to write", "to read"])
@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda path: path.write_bytes(b"x" * 5000), NotALedger, "ledger.sqlite is not a ledger"),
        (other_database, NotALedger, "an SQLite database of something else"),
        (newer_ledger, NewerLedger, "has the ledger format 2; this version reads up to 1: upgrade Headwater"),
    ],
    ids=["text", "other database", "newer format"],
)
def test_opening_what_is_no_ledger_of_ours(
    folder: Path, make: object, error: type[LedgerError], sentence: str, *, readonly: bool
) -> None:
    assert callable(make)
    folder.mkdir()
    path = folder / "ledger.sqlite"
    make(path)
    before = path.read_bytes()
    with pytest.raises(error, match=sentence):
        open_ledger(folder, clock=clock, readonly=readonly)
    assert path.read_bytes() == before
    path.unlink()
    open_ledger(folder, clock=clock).close()  # the lock was let go


@pytest.mark.parametrize("place", ["nowhere", "empty", "new"])
def test_there_is_nothing_to_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "ledger.sqlite").touch()  # its making was interrupted
    with pytest.raises(NotALedger):
        open_ledger(tmp_path / place, clock=clock, readonly=True)
    with pytest.raises(NotALedger):
        verify(tmp_path / place)
    open_ledger(tmp_path / place, clock=clock).close()  # and to write, it is made


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(NotALedger, match="is a file, and a ledger needs a folder"):
        open_ledger(tmp_path / "data", clock=clock)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnavailable, match="cannot be opened"):
        open_ledger(tmp_path / "file" / "data", clock=clock)


FORBIDDEN = [
    "UPDATE entries SET sender = 'x'",
    "DELETE FROM entries",
    "DELETE FROM entries WHERE sequence = 2",
    "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE sequence = 1",
    "INSERT INTO entries SELECT sequence + 8, 1, '', '', '', '', 1, '', '' FROM entries WHERE sequence = 1",
    "UPDATE bodies SET packed = x''",
    "DELETE FROM bodies",
    "INSERT OR REPLACE INTO bodies SELECT * FROM bodies WHERE content = 1",
    "INSERT INTO erasures VALUES (1, 2)",  # entry 2 is no erasure
    "UPDATE erasures SET sequence = 1",
    "DELETE FROM erasures",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_sql_cannot_change_what_is_kept(ledger: Ledger, folder: Path, statement: str) -> None:
    ledger.append([new(b"a"), new(b"b"), new(b"c")])
    ledger.erase(3, "a mistake")
    with (
        closing(sqlite3.connect(folder / "ledger.sqlite")) as raw,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        raw.execute(statement)
    assert verify(folder).ok
