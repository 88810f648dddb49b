"""Whatever happens to a ledger in whatever order, it holds what was acknowledged, once, in order, and can prove it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headwater.ingest.ledger.backup import back_up
from headwater.ingest.ledger.ledger import ERASURE, Appended, Ledger, LedgerError, NewEntry, open_ledger
from headwater.ingest.ledger.sqlite.checkpoint import empty_log
from headwater.ingest.ledger.verify import verify
from tests.contract import ledgers

ENTRIES = st.builds(
    NewEntry,
    kind=st.sampled_from(["spline.plan", "spline.events"]),
    content_type=st.sampled_from(["application/json", "text/plain"]),
    body=st.sampled_from([b"", b"{}", b"[]"]) | st.binary(max_size=9_000),  # past a page, so with overflow pages too
    sender=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    redactions=st.lists(st.text(max_size=5), max_size=2).map(tuple),
)

# What somebody with an SQLite shell does to one entry.
TAMPERING = [
    "UPDATE entries SET sender = sender || 'x' WHERE sequence = :n AND sender IS NOT NULL",
    "UPDATE entries SET received_ms = received_ms + 1 WHERE sequence = :n",
    "UPDATE entries SET content_type = content_type || ' ' WHERE sequence = :n",
    "UPDATE entries SET hash = zeroblob(32) WHERE sequence = :n",
    "UPDATE bodies SET packed = packed || x'00', salt = zeroblob(16) WHERE content = :n",
    "DELETE FROM entries WHERE sequence = :n AND sequence < (SELECT MAX(sequence) FROM entries)",
    "UPDATE entries SET sequence = sequence + 1000 WHERE sequence = :n",
]


class LedgerMachine(RuleBasedStateMachine):
    """The model is a list: of each entry what was given, its body None once erased."""

    @initialize()
    def open(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ledger-machine-"))
        self.folders = 0
        self.now = 0
        self.model: list[NewEntry | None] = []
        self.folder = self.next_folder()
        self.ledger = self.open_ledger()

    def next_folder(self) -> Path:
        self.folders += 1
        return self.home / str(self.folders)

    def open_ledger(self) -> Ledger:
        return open_ledger(self.folder, clock=self.clock)

    def clock(self) -> int:
        self.now += 1
        return self.now

    def expect(self, entry: NewEntry) -> Appended:
        """What the model says of an append; it takes the entry in."""
        same = (entry.kind, entry.content_type, entry.body)
        for sequence, known in enumerate(self.model, start=1):
            if known and (known.kind, known.content_type, known.body) == same:
                return Appended(sequence, duplicate=True)
        self.model.append(entry)
        return Appended(len(self.model), duplicate=False)

    @rule(entries=st.lists(ENTRIES, max_size=6))
    def append(self, entries: list[NewEntry]) -> None:
        assert self.ledger.append(entries) == [self.expect(entry) for entry in entries]

    @rule(entries=st.lists(ENTRIES, min_size=1, max_size=4), room=st.integers(0, 2))
    def append_on_a_full_disk(self, entries: list[NewEntry], room: int) -> None:
        """All of the group or none of it."""
        connection = ledgers.connection(self.ledger)
        usual = connection.execute("PRAGMA max_page_count").fetchone()[0]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + room}")
        before = list(self.model)
        expected = [self.expect(entry) for entry in entries]
        try:
            assert self.ledger.append(entries) == expected
        except LedgerError:
            self.model = before
        connection.execute(f"PRAGMA max_page_count = {usual}")

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        sequence = data.draw(st.integers(1, len(self.model)))
        erased = self.model[sequence - 1]
        if erased is None or erased.kind == ERASURE:
            with pytest.raises(LedgerError):
                self.ledger.erase(sequence, "law")
            return
        said = self.ledger.erase(sequence, "law")
        self.model = [None if known and known.body == erased.body else known for known in self.model]
        notice = self.ledger.entry(said)
        assert notice is not None
        self.model.append(NewEntry(ERASURE, "application/json", notice.body or b""))
        assert said == len(self.model)

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = self.open_ledger()

    @rule()
    def lose_power(self) -> None:
        """What lies in the folder at this moment is all that is left of it."""
        after = self.next_folder()
        shutil.copytree(self.folder, after)
        self.ledger.close()
        self.folder = after
        self.ledger = self.open_ledger()

    @rule()
    def checkpoint(self) -> None:
        empty_log(ledgers.connection(self.ledger))

    @rule()
    def restore_a_backup(self) -> None:
        target = self.next_folder()
        target.mkdir()
        assert back_up(self.folder, target / "ledger.sqlite").ok
        self.ledger.close()
        self.folder = target
        self.ledger = self.open_ledger()

    @precondition(lambda self: self.model)
    @rule(data=st.data(), statement=st.sampled_from(TAMPERING))
    def tamper_with_a_copy(self, data: st.DataObject, statement: str) -> None:
        copy = self.next_folder()
        shutil.copytree(self.folder, copy)
        number = data.draw(st.integers(1, len(self.model)))
        with closing(sqlite3.connect(copy / "ledger.sqlite", isolation_level=None)) as raw:
            for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                raw.execute(f"DROP TRIGGER {name}")
            changed = raw.execute(statement, {"n": number}).rowcount
        report = verify(copy)
        assert report.ok == (changed == 0)
        assert report.first_problem is None or report.first_problem.sequence <= number

    @rule(after=st.integers(0, 30), limit=st.integers(0, 5), max_bytes=st.integers(0, 20_000))
    def read_a_page(self, after: int, limit: int, max_bytes: int) -> None:
        entries = self.ledger.read(after, limit, max_bytes=max_bytes)
        assert [entry.sequence for entry in entries] == list(range(after + 1, after + 1 + len(entries)))
        assert len(entries) <= limit
        assert entries or limit == 0 or after >= len(self.model)
        assert sum(len(entry.body or b"") for entry in entries[1:]) <= max_bytes

    @invariant()
    def it_holds_what_was_acknowledged(self) -> None:
        entries = self.ledger.read(0, len(self.model) + 1)
        assert [entry.body for entry in entries] == [known and known.body for known in self.model]
        for entry, known in zip(entries, self.model, strict=True):
            if known:
                given = (known.kind, known.content_type, known.sender, known.redactions)
                assert (entry.kind, entry.content_type, entry.sender, entry.redactions) == given
        assert self.ledger.count() == len(self.model)

    def teardown(self) -> None:
        self.ledger.close()
        report = verify(self.folder)
        assert (report.ok, report.entries, report.erased) == (True, len(self.model), self.model.count(None))
        shutil.rmtree(self.home)


TestLedger = LedgerMachine.TestCase
# An example is twenty rules, most of them with several fsyncs: a quarter of the usual number.
TestLedger.settings = settings(stateful_step_count=20, max_examples=max(4, settings().max_examples // 4))
