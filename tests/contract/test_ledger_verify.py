"""Whoever changes the ledger behind its back is found out and the first place named; erasing by the rules is not."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.ingest.ledger.backup import back_up
from headwater.ingest.ledger.chain import link
from headwater.ingest.ledger.entries import Chained
from headwater.ingest.ledger.ledger import Appended, Head, LedgerError, NewEntry, NotALedger, open_ledger
from headwater.ingest.ledger.verify import verify

NOW = 1_700_000_000_000
ENTRIES = 6


def clock() -> int:
    return NOW


def new(body: bytes) -> NewEntry:
    return NewEntry("spline.plan", "application/json", body)


def fill(folder: Path, count: int = ENTRIES) -> Head:
    """Entries 1 to `count` of which the third was erased, by an entry after them."""
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(b"body %d" % number) for number in range(1, count + 1)])
        ledger.erase(3, "asked for")
        return ledger.head()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def raw(folder: Path) -> Iterator[sqlite3.Connection]:
    """The file without its triggers, as somebody with an SQLite shell would have it."""
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


ALTERED = "entry {} was altered"
TAMPERING = [
    # statements, the first wrong entry, what is said of it
    (["UPDATE entries SET sender = 'someone else' WHERE sequence = 4"], 4, ALTERED),
    (["UPDATE entries SET sender = '' WHERE sequence = 4"], 4, ALTERED),
    (["UPDATE entries SET received_ms = received_ms + 1 WHERE sequence = 1"], 1, ALTERED),
    (["UPDATE entries SET received_ms = 'soon' WHERE sequence = 1"], 1, ALTERED),
    (["UPDATE entries SET kind = 'spline.events' WHERE sequence = 7"], 3, "the body of entry 3 is missing"),
    (["UPDATE entries SET kind = CAST(x'ff00' AS TEXT) WHERE sequence = 4"], 4, ALTERED),
    (["UPDATE entries SET content_type = 'text/plain' WHERE sequence = 6"], 6, ALTERED),
    (["""UPDATE entries SET redactions = '["x"]' WHERE sequence = 6"""], 6, ALTERED),
    (["UPDATE entries SET salted = x'00' WHERE sequence = 2"], 2, ALTERED),
    (["UPDATE entries SET hash = x'00' WHERE sequence = 2"], 2, ALTERED),
    (["UPDATE entries SET hash = 7 WHERE sequence = 2"], 2, ALTERED),
    (["UPDATE entries SET sender = 'x' WHERE sequence IN (2, 5)"], 2, ALTERED),
    (["DELETE FROM entries WHERE sequence = 4"], 4, "entry 4 was dropped: entry 5 stands in its place"),
    (["DELETE FROM entries WHERE sequence = 1"], 1, "entry 1 was dropped: entry 2 stands in its place"),
    (["DELETE FROM entries WHERE sequence IN (4, 5)"], 4, "entry 4 was dropped: entry 6 stands in its place"),
    (
        ["UPDATE entries SET sequence = 99 WHERE sequence = 4", "UPDATE entries SET sequence = 4 WHERE sequence = 5",
         "UPDATE entries SET sequence = 5 WHERE sequence = 99"],
        4, "entry 4 was reordered: it now stands at 5",
    ),
    (["UPDATE entries SET sequence = -4 WHERE sequence = 4"], 1, "entry 1 was dropped: entry -4 stands in its place"),
    (["UPDATE entries SET sequence = 99 WHERE sequence = 2"], 2, "entry 2 was reordered: it now stands at 99"),
    (
        ["DELETE FROM entries WHERE sequence = 4", "UPDATE entries SET sequence = sequence - 1 WHERE sequence > 4",
         "UPDATE erasures SET sequence = 6"],
        4, ALTERED,
    ),
    (["UPDATE bodies SET packed = x'00' WHERE content = 5"], 5, "the body of entry 5 was altered"),
    (["UPDATE bodies SET packed = (SELECT packed FROM bodies WHERE content = 4) WHERE content = 5"], 5,
     "the body of entry 5 was altered"),
    (["UPDATE bodies SET packed = 'text' WHERE content = 5"], 5, "the body of entry 5 was altered"),
    (["UPDATE bodies SET salt = x'00' WHERE content = 5"], 5, "the body of entry 5 was altered"),
    (["UPDATE bodies SET sha256 = x'00' WHERE content = 5"], 5, "the body of entry 5 was altered"),
    (["UPDATE entries SET content = 4 WHERE sequence = 5"], 5, "the body of entry 5 was altered"),
    (["DELETE FROM bodies WHERE content = 5"], 5, "the body of entry 5 is missing, and was never erased"),
    (["DELETE FROM bodies WHERE content = 5", "INSERT INTO erasures VALUES (5, 7)"], 5,
     "the body of entry 5 is missing"),  # under the erasure of another entry
    (["DELETE FROM erasures"], 3, "the body of entry 3 is missing"),
    (["UPDATE bodies SET packed = x'00' WHERE content = 7"], 3, "the body of entry 3 is missing"),
    (["UPDATE meta SET value = 'another' WHERE key = 'ledger_id'"], 1, ALTERED),
]  # fmt: skip


@pytest.mark.parametrize(("statements", "sequence", "sentence"), TAMPERING)
def test_tampering_is_found_where_it_begins(
    folder: Path, raw: sqlite3.Connection, statements: list[str], sequence: int, sentence: str
) -> None:
    assert verify(folder).ok
    for statement in statements:
        raw.execute(statement)
    report = verify(folder)
    assert report.first_problem is not None
    assert (report.first_problem.sequence, report.entries) == (sequence, sequence - 1)
    assert report.first_problem.sentence.startswith(sentence.format(sequence))


def rewrite(raw: sqlite3.Connection, first: int) -> None:
    """Alter an entry and make a chain that is right in itself from there on."""
    raw.execute("UPDATE entries SET sender = 'forged' WHERE sequence = ?", (first,))
    (previous,) = raw.execute("SELECT hash FROM entries WHERE sequence = ?", (first - 1,)).fetchone()
    columns = ", ".join(Chained._fields)
    for row in raw.execute(f"SELECT {columns} FROM entries WHERE sequence >= ? ORDER BY 1", (first,)).fetchall():
        previous = link(previous, Chained(*row))
        raw.execute("UPDATE entries SET hash = ? WHERE sequence = ?", (previous, row[0]))


def test_the_anchor_finds_a_tail_that_was_cut_off(folder: Path, raw: sqlite3.Connection, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.json"
    assert verify(folder, anchor).ok
    recorded = anchor.read_bytes()
    raw.execute("DELETE FROM entries WHERE sequence > 2")
    assert verify(folder).ok  # without the anchor nothing shows
    report = verify(folder, anchor)
    assert report.first_problem is not None
    assert report.first_problem.sequence == 3
    assert report.first_problem.sentence == "the end was cut off: the anchor saw entry 7, the ledger ends at 2"
    assert anchor.read_bytes() == recorded  # what was found wrong is never recorded


def test_the_anchor_finds_a_chain_that_was_rewritten(folder: Path, raw: sqlite3.Connection, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.json"
    verify(folder, anchor)
    rewrite(raw, 5)
    assert verify(folder).ok
    report = verify(folder, anchor)
    assert report.first_problem is not None
    assert report.first_problem.sequence == 7
    assert "is not what the anchor saw" in report.first_problem.sentence


def test_the_anchor_moves_on_with_the_ledger(folder: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.json"
    for count in (7, 8):
        report = verify(folder, anchor, clock=clock)
        with open_ledger(folder, clock=clock) as ledger:
            assert json.loads(anchor.read_bytes()) == {
                "ledger": ledger.id,
                "sequence": count,
                "hash": ledger.head().hash,
                "when": "2023-11-14T22:13:20.000+00:00",
            }
            assert report.head == ledger.head()
            ledger.append([new(b"later %d" % count)])
    assert verify(folder, anchor).entries == 9


def test_the_anchor_of_another_ledger(folder: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.json"
    fill(tmp_path / "other")
    verify(tmp_path / "other", anchor)
    report = verify(folder, anchor)
    assert report.first_problem is not None
    assert report.first_problem.sentence == "the anchor was recorded for another ledger"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"ledger": "x", "sequence": "n", "hash": ""}'])
def test_a_file_that_is_no_anchor_is_not_overwritten(folder: Path, tmp_path: Path, content: bytes) -> None:
    anchor = tmp_path / "anchor.json"
    anchor.write_bytes(content)
    with pytest.raises(LedgerError, match="is not an anchor"):
        verify(folder, anchor)
    assert anchor.read_bytes() == content


def test_an_anchor_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be written"):
        verify(folder, tmp_path / "missing" / "anchor.json")


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_damaged_file_is_a_finding(folder: Path, keep: float) -> None:
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(secrets.token_bytes(5000)) for _ in range(40)])
    path = folder / "ledger.sqlite"
    content = path.read_bytes()
    middle = int(len(content) * keep) // 4096 * 4096
    path.write_bytes(content[:middle] + secrets.token_bytes(len(content) - middle))
    report = verify(folder)
    assert not report.ok
    assert report.entries < 47


def test_progress_is_reported_to_the_end(folder: Path) -> None:
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(b"more %d" % number) for number in range(493)])
    told: list[tuple[int, int]] = []
    verify(folder, progress=lambda done, total: told.append((done, total)))
    assert told == [(200, 500), (400, 500), (500, 500)]


def test_verifying_while_entries_come(folder: Path) -> None:
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(b"more %d" % number) for number in range(300)])

        def meanwhile(done: int, total: int) -> None:
            ledger.append([new(b"meanwhile %d" % done)])
            ledger.erase(250, "asked for") if done == 200 else None

        report = verify(folder, progress=meanwhile)
        assert (report.ok, report.entries, report.erased) == (True, 309, 2)  # also those that came while it was checked
        assert ledger.count() == 310


def test_an_erased_body_is_gone_and_an_entry_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    secret = secrets.token_hex(40_000).encode()
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(secret), NewEntry("other", "c", secret), new(b"{}")])
        with closing(sqlite3.connect(folder / "ledger.sqlite")) as raw:
            traces = raw.execute("SELECT salt, sha256, packed FROM bodies WHERE content = 1").fetchone()
            (salted,) = raw.execute("SELECT salted FROM entries WHERE sequence = 1").fetchone()
        before = ledger.entry(1)
        assert ledger.erase(2, "subject access request 17") == 4
        entry, other, kept, said = ledger.read(0, 10)
        assert before is not None
        assert (entry.body, entry.sha256, entry.hash) == (None, "", before.hash)
        assert (other.body, kept.body, said.kind, said.content_type) == (None, b"{}", "erasure", "application/json")
        assert json.loads(said.body or b"") == {
            "sequence": 2,
            "sequences": [1, 2],
            "reason": "subject access request 17",
            "saltedSha256": salted.hex(),
        }
        files = {path.name: path.stat().st_size for path in folder.iterdir()}
        assert files["ledger.sqlite-wal"] == 0
    left = b"".join(path.read_bytes() for path in folder.iterdir())
    salt, sha256, packed = traces
    chunks = [packed[at : at + 64] for at in range(0, len(packed) - 64, 64)]
    assert [trace for trace in (salt, sha256, *chunks) if trace in left] == []
    report = verify(folder)
    assert (report.ok, report.entries, report.erased) == (True, 4, 2)


def test_an_erased_body_that_is_sent_again_is_a_new_entry(folder: Path) -> None:
    with open_ledger(folder, clock=clock) as ledger:
        assert ledger.append([new(b"body 3")]) == [Appended(8, duplicate=False)]
        ledger.erase(8, "again")
    assert verify(folder).ok


@pytest.mark.parametrize(
    ("sequence", "sentence"),
    [
        (3, "there is no entry 3 in the ledger, or it is erased already"),
        (8, "there is no entry 8 in the ledger, or it is erased already"),
        (7, "entry 7 says what was erased: it cannot be erased itself"),
    ],
)
def test_what_cannot_be_erased(folder: Path, sequence: int, sentence: str) -> None:
    with open_ledger(folder, clock=clock) as ledger, pytest.raises(LedgerError, match=f"^{sentence}$"):
        ledger.erase(sequence, "why not")
    assert verify(folder).entries == 7


def test_a_backup_is_a_whole_ledger(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    told: list[tuple[int, int]] = []
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(secrets.token_bytes(100_000)) for _ in range(60)])  # more than one step
        head = ledger.head()

        def meanwhile(done: int, total: int) -> None:
            told.append((done, total))
            ledger.append([new(b"meanwhile %d" % done)])

        report = back_up(folder, target, meanwhile)
        assert (report.ok, report.head) == (True, head)
        assert len(told) > 1
        assert told[-1][0] == told[-1][1]
        assert ledger.count() == head.sequence + len(told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite", "data"]
    assert target.stat().st_mode & 0o777 == 0o600
    restored = tmp_path / "restored"
    restored.mkdir()
    target.rename(restored / "ledger.sqlite")
    with open_ledger(restored, clock=clock) as ledger:
        assert ledger.head() == head
        assert ledger.append([new(b"goes on")])[0].sequence == head.sequence + 1


def test_a_backup_that_can_be_verified_alone(folder: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.json"
    verify(folder, anchor)
    back_up(folder, tmp_path / "copy.sqlite")
    assert verify(tmp_path / "copy.sqlite", anchor).ok


def test_a_backup_of_a_ledger_that_was_altered_says_so(folder: Path, raw: sqlite3.Connection, tmp_path: Path) -> None:
    raw.execute("UPDATE entries SET sender = 'x' WHERE sequence = 2")
    report = back_up(folder, tmp_path / "copy.sqlite")
    assert report.first_problem is not None
    assert report.first_problem.sequence == 2
    assert (tmp_path / "copy.sqlite").exists()  # better than none


@pytest.mark.parametrize(
    ("place", "sentence"), [("anything", "exists: a backup never overwrites"), ("missing/copy", "cannot be written")]
)
def test_a_backup_that_is_refused(folder: Path, tmp_path: Path, place: str, sentence: str) -> None:
    (tmp_path / "anything").write_text("precious")
    with pytest.raises(LedgerError, match=sentence):
        back_up(folder, tmp_path / place)
    assert (tmp_path / "anything").read_text() == "precious"


def test_nothing_there_to_verify(tmp_path: Path) -> None:
    with pytest.raises(NotALedger, match="there is no ledger in"):
        verify(tmp_path / "nowhere")
