"""What `ingest.ledger.port` promises, on every ledger: those that are written to, and those that are only read."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.ingest.ledger.chain import ChainCheck, genesis, start
from headwater.ingest.ledger.ledger import (
    ERASURE,
    Appended,
    Ledger,
    LedgerError,
    LedgerInUse,
    LedgerReader,
    NewEntry,
    open_ledger,
    open_reader,
)
from headwater.ingest.ledger.verify import check_ledger
from tests.contract.ledgers import BESIDE, NOW, READERS, WRITERS, clock

PAYLOADS = sorted((Path(__file__).parents[1] / "payloads").glob("*/*-plan.json"))
NOT_TEXT = b"\xff\x00"


def new(body: bytes, kind: str = "spline.plan", content_type: str = "application/json") -> NewEntry:
    return NewEntry(kind, content_type, body)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


# ---- what is written to


@pytest.fixture(params=WRITERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opener(kind: str) -> Callable[[Path], Ledger]:
    return WRITERS[kind]


@pytest.fixture
def ledger(opener: Callable[[Path], Ledger], folder: Path) -> Iterator[Ledger]:
    with opener(folder) as opened:
        yield opened


def test_what_is_appended_is_in_order_from_1_and_without_gaps(ledger: Ledger) -> None:
    assert ledger.append([new(b"a"), new(b"b")]) == [Appended(1, duplicate=False), Appended(2, duplicate=False)]
    assert ledger.append([new(b"c")]) == [Appended(3, duplicate=False)]
    assert [(entry.sequence, entry.body) for entry in ledger.read(0, 10)] == [(1, b"a"), (2, b"b"), (3, b"c")]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (new(b"{}"), Appended(1, duplicate=True)),
        (NewEntry("spline.plan", "application/json", b"{}", "other sender", ("x",)), Appended(1, duplicate=True)),
        (new(b"{}", kind="spline.events"), Appended(2, duplicate=False)),
        (new(b"{}", content_type="text/plain"), Appended(2, duplicate=False)),
        (new(b"{ }"), Appended(2, duplicate=False)),
    ],
    ids=["same", "other sender", "other kind", "other type", "other bytes"],
)
def test_a_duplicate_names_the_first_and_is_not_kept(ledger: Ledger, again: NewEntry, expected: Appended) -> None:
    ledger.append([new(b"{}")])
    assert ledger.append([again]) == [expected]
    assert ledger.count() == expected.sequence
    assert ledger.append([again]) == [Appended(expected.sequence, duplicate=True)]


def test_a_duplicate_in_the_same_call(ledger: Ledger) -> None:
    assert ledger.append([new(b"a"), new(b"b"), new(b"a")]) == [
        Appended(1, duplicate=False),
        Appended(2, duplicate=False),
        Appended(1, duplicate=True),
    ]


def test_appending_nothing_changes_nothing(ledger: Ledger) -> None:
    assert ledger.append([]) == []
    assert ledger.head() == start(ledger.id)


@pytest.mark.parametrize(
    "entry",
    [NewEntry("k\ud800", "c", b""), NewEntry("k", "c\udcff", b""), NewEntry("k", "c", b"", "s\udcff")],
    ids=["kind", "content type", "sender"],
)
def test_a_text_that_is_not_unicode_refuses_all_of_the_call(ledger: Ledger, entry: NewEntry) -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        ledger.append([new(b"a"), entry])
    assert ledger.count() == 0


def test_threads_append_and_read_at_once(ledger: Ledger) -> None:
    def work(worker: int) -> None:
        for number in range(20):
            (appended,) = ledger.append([new(b"%d/%d" % (worker, number))])
            entry = ledger.entry(appended.sequence)
            assert entry is not None
            bodies.append(entry.body)

    bodies: list[bytes | None] = []
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(body or b"" for body in bodies) == sorted(b"%d/%d" % (w, n) for w in range(4) for n in range(20))
    assert check_ledger(ledger).entries == 80


def test_a_reader_that_was_opened_before_sees_what_comes(kind: str, ledger: Ledger, folder: Path) -> None:
    with BESIDE[kind](folder) as reader:
        assert (reader.id, reader.read(0, 10)) == (ledger.id, [])
        ledger.append([new(b"a"), new(b"b")])
        assert [entry.body for entry in reader.read(0, 10)] == [b"a", b"b"]
        assert reader.head() == ledger.head()


def test_a_ledger_for_reading_alone_refuses_to_write(folder: Path) -> None:
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(b"a")])
    with open_ledger(folder, readonly=True) as reader:
        with pytest.raises(LedgerError, match="opened for reading alone"):
            reader.append([new(b"b")])
        with pytest.raises(LedgerError, match="opened for reading alone"):
            reader.erase(1, "why")
        assert reader.count() == 1


def test_what_was_appended_is_there_after_reopening(
    opener: Callable[[Path], Ledger], ledger: Ledger, folder: Path
) -> None:
    ledger.append([new(b"a"), new(b"b")])
    head = ledger.head()
    ledger.close()
    with opener(folder) as again:
        assert (again.id, again.head()) == (ledger.id, head)
        assert again.append([new(b"c")]) == [Appended(3, duplicate=False)]
        assert check_ledger(again).entries == 3


def test_a_second_writer_is_refused_until_the_first_one_closes(
    opener: Callable[[Path], Ledger], ledger: Ledger, folder: Path
) -> None:
    with pytest.raises(LedgerInUse):
        opener(folder)
    ledger.append([new(b"a")])  # the refused one did no harm
    ledger.close()
    ledger.close()
    opener(folder).close()


def test_a_closed_ledger_says_so(ledger: Ledger) -> None:
    ledger.append([new(b"a")])
    ledger.close()
    for call in (lambda: ledger.append([new(b"b")]), lambda: ledger.erase(1, "why")):
        with pytest.raises(LedgerError, match="is closed"):
            call()


def test_an_erased_body_is_gone_with_all_that_share_it(ledger: Ledger) -> None:
    ledger.append([new(b"secret"), new(b"secret", kind="other"), new(b"{}")])
    before = ledger.read(0, 10)
    assert ledger.erase(2, "asked for") == 4
    first, second, third, erasure = ledger.read(0, 10)
    assert [(e.body, e.sha256) for e in (first, second)] == [(None, ""), (None, "")]
    assert [e.hash for e in (first, second, third)] == [e.hash for e in before]
    assert (third.body, erasure.kind, erasure.content_type) == (b"{}", ERASURE, "application/json")
    notice = json.loads(erasure.body or b"")
    assert (notice["sequence"], notice["sequences"], notice["reason"]) == (2, [1, 2], "asked for")
    report = check_ledger(ledger)
    assert (report.ok, report.entries, report.erased) == (True, 4, 2)


def test_erased_bytes_that_are_sent_again_are_a_new_entry(ledger: Ledger) -> None:
    ledger.append([new(b"secret")])
    ledger.erase(1, "asked for")
    assert ledger.append([new(b"secret")]) == [Appended(3, duplicate=False)]


@pytest.mark.parametrize("sequence", [0, 1, 2, 9], ids=["before all", "erased already", "an erasure", "after all"])
def test_what_cannot_be_erased(ledger: Ledger, sequence: int) -> None:
    ledger.append([new(b"secret")])
    ledger.erase(1, "asked for")
    with pytest.raises(LedgerError):
        ledger.erase(sequence, "why not")
    assert ledger.count() == 2


# ---- what is read


@pytest.fixture
def filled(folder: Path) -> Path:
    """Entries 1 to 8: of two kinds, with all fields, without text, and 3 erased by 8."""
    with open_ledger(folder, clock=clock) as ledger:
        ledger.append([new(b"%010d" % number) for number in range(4)])
        ledger.append([NewEntry("spline.events", "text/plain", b"[]", "glue \u00e4", ("$.a: password", '$["\ud800"]'))])
        ledger.append([new(NOT_TEXT), new(NOT_TEXT, kind="other")])
        ledger.erase(3, "asked for")
    return folder


@pytest.fixture(params=READERS)
def reads(request: pytest.FixtureRequest) -> Callable[[Path], LedgerReader]:
    return READERS[request.param]


@pytest.fixture
def reader(reads: Callable[[Path], LedgerReader], filled: Path) -> Iterator[LedgerReader]:
    with reads(filled) as opened:
        yield opened


def test_all_fields_come_back(reader: LedgerReader) -> None:
    entry = reader.entry(5)
    assert entry is not None
    assert (entry.sequence, entry.received_ms, entry.sender, entry.kind) == (5, NOW, "glue \u00e4", "spline.events")
    assert (entry.content_type, entry.body) == ("text/plain", b"[]")
    assert entry.redactions == ("$.a: password", '$["\ud800"]')
    assert entry.sha256 == hashlib.sha256(b"[]").hexdigest()


def test_every_reader_reads_the_same(reader: LedgerReader, filled: Path) -> None:
    with open_reader(filled) as first:
        assert reader.read(0, 100) == first.read(0, 100)
        assert list(reader.stored()) == list(first.stored())
        assert (reader.id, reader.head(), reader.count()) == (first.id, first.head(), 8)


def test_the_head_is_the_last_entry(reader: LedgerReader) -> None:
    last = reader.entry(8)
    assert last is not None
    assert (reader.head().sequence, reader.head().hash) == (8, last.hash)


@pytest.mark.parametrize("sequence", [-1, 0, 9])
def test_an_entry_that_is_not_there(reader: LedgerReader, sequence: int) -> None:
    assert reader.entry(sequence) is None


@pytest.mark.parametrize(
    ("after", "limit", "max_bytes", "expected"),
    [
        (0, 10, 1000, [1, 2, 3, 4, 5, 6, 7, 8]),
        (0, 2, 1000, [1, 2]),
        (2, 2, 1000, [3, 4]),
        (8, 10, 1000, []),
        (99, 10, 1000, []),
        (0, 0, 1000, []),
        (0, 10, 25, [1, 2, 3]),  # bodies of 10 bytes each, and 3 has none
        (0, 10, 20, [1, 2, 3]),
        (1, 10, 1, [2]),  # at least one
    ],
)
def test_reading_in_pages(reader: LedgerReader, after: int, limit: int, max_bytes: int, expected: list[int]) -> None:
    assert [entry.sequence for entry in reader.read(after, limit, max_bytes=max_bytes)] == expected


@pytest.mark.parametrize(("limit", "max_bytes"), [(1, 1000), (3, 1000), (8, 15)])
def test_pages_one_after_another_are_the_whole(reader: LedgerReader, limit: int, max_bytes: int) -> None:
    found, after = [], 0
    while page := reader.read(after, limit, max_bytes=max_bytes):
        found += page
        after = page[-1].sequence
    assert found == reader.read(0, 100)


def test_an_erased_entry_is_there_without_its_body(reader: LedgerReader) -> None:
    entry = reader.entry(3)
    assert entry is not None
    assert (entry.body, entry.sha256, entry.kind) == (None, "", "spline.plan")
    assert [each.sequence for each in reader.of_kind(ERASURE)] == [8]


def test_entries_of_a_kind_are_in_order(reader: LedgerReader) -> None:
    assert [entry.sequence for entry in reader.of_kind("spline.plan")] == [1, 2, 3, 4, 6]
    assert reader.of_kind("none") == []


def test_what_is_stored_is_a_chain_from_the_first_entry_on(reader: LedgerReader) -> None:
    check = ChainCheck(start(reader.id))
    assert [check.add(entry) for entry in reader.stored()] == [True] * 8
    assert (check.finish(), check.reached, check.without_body) == ([], reader.head(), 1)


def test_a_ledger_without_entries(reads: Callable[[Path], LedgerReader], folder: Path) -> None:
    open_ledger(folder, clock=clock).close()
    with reads(folder) as reader:
        assert (reader.count(), reader.read(0, 10), reader.entry(1), list(reader.stored())) == (0, [], None, [])
        assert (reader.head().sequence, reader.head().hash) == (0, genesis(reader.id).hex())
        assert check_ledger(reader).ok


def test_recorded_payloads_come_back_byte_for_byte(reads: Callable[[Path], LedgerReader], folder: Path) -> None:
    bodies = [path.read_bytes() for path in PAYLOADS]
    with open_ledger(folder, clock=clock) as ledger:
        appended = ledger.append([new(body) for body in bodies])
    with reads(folder) as reader:
        kept = {entry.sequence: entry for entry in reader.read(0, len(bodies))}
    assert [kept[each.sequence].body for each in appended] == bodies
    assert [kept[each.sequence].sha256 for each in appended] == [hashlib.sha256(body).hexdigest() for body in bodies]


def test_a_closed_reader_says_so(reader: LedgerReader) -> None:
    reader.close()
    reader.close()
    for call in (
        reader.head,
        reader.count,
        lambda: reader.read(0, 1),
        lambda: reader.entry(1),
        lambda: reader.of_kind(ERASURE),
        lambda: next(reader.stored()),
    ):
        with pytest.raises(LedgerError, match="is closed"):
            call()
