"""The rule of the chain as pure functions: what a new entry becomes, and what the check says of a changed chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from headwater.ingest.ledger.chain import ChainCheck, KnownBody, NextEntry, link, never_erased, next_entry, start
from headwater.ingest.ledger.entries import ERASURE, Appended, Head, NewEntry, StoredEntry, pack

LEDGER = "0" * 32
EMPTY = start(LEDGER)


def new_entry(body: bytes, kind: str = "k") -> NewEntry:
    return NewEntry(kind, "c", body, "me")


def chain_of(*bodies: bytes) -> list[StoredEntry]:
    """A chain of entries with these bodies, as a ledger stores them."""
    found: list[StoredEntry] = []
    head = EMPTY
    for body in bodies:
        packed = pack(new_entry(body))
        new = next_entry(head, packed, 7, None)
        assert isinstance(new, NextEntry)
        found.append(StoredEntry(new.chained, new.hash, packed.salt, body))
        head = new.head
    return found


# ---- what a new entry becomes


def test_the_first_entry_follows_the_start() -> None:
    packed = pack(new_entry(b"a"))
    new = next_entry(EMPTY, packed, 7, None)
    assert isinstance(new, NextEntry)
    assert (new.chained.sequence, new.chained.received_ms, new.content) == (1, 7, 1)
    assert new.chained.salted == packed.salted
    assert new.hash == link(bytes.fromhex(EMPTY.hash), new.chained)
    assert new.head == Head(1, new.hash.hex())


def test_bytes_that_are_known_under_another_kind_share_the_body_and_its_salted_hash() -> None:
    new = next_entry(Head(4, "00"), pack(new_entry(b"a")), 7, KnownBody(2, b"salted", None))
    assert isinstance(new, NextEntry)
    assert (new.chained.sequence, new.chained.salted, new.content) == (5, b"salted", 2)


def test_a_duplicate_is_the_entry_that_is_there() -> None:
    known = KnownBody(2, b"salted", 3)
    assert next_entry(Head(4, "00"), pack(new_entry(b"a")), 7, known) == Appended(3, duplicate=True)


# ---- what the check says


def check(entries: Sequence[StoredEntry], anchor: Head | None = None) -> ChainCheck:
    checked = ChainCheck(EMPTY, anchor)
    for entry in entries:
        checked.add(entry)
    return checked


def sentences(entries: Sequence[StoredEntry]) -> list[str]:
    return [problem.sentence for problem in check(entries).finish()]


def altered(entry: StoredEntry, **changed: object) -> StoredEntry:
    return entry._replace(chained=entry.chained._replace(**changed))  # type: ignore[arg-type]


ALTERED = "entry {} was altered: its hash does not follow from it and the one before"
Change = Callable[[list[StoredEntry]], list[StoredEntry]]
CHANGES: list[tuple[str, Change, list[str]]] = [
    ("nothing", lambda e: e, []),
    ("one field", lambda e: [e[0], altered(e[1], sender="x"), *e[2:]], [ALTERED.format(2)]),
    ("two entries", lambda e: [altered(e[0], kind="x"), e[1], altered(e[2], kind="x"), e[3]],
     [ALTERED.format(1), ALTERED.format(3)]),
    ("a type", lambda e: [altered(e[0], received_ms="7"), *e[1:]], [ALTERED.format(1)]),
    ("a hash", lambda e: [e[0], e[1]._replace(hash=b"x"), *e[2:]], [ALTERED.format(2), ALTERED.format(3)]),
    ("a body", lambda e: [e[0], e[1]._replace(body=b"x"), *e[2:]], ["the body of entry 2 was altered"]),
    ("a body is gone", lambda e: [e[0], e[1]._replace(body=None), *e[2:]],
     ["the body of entry 2 is missing, and was never erased"]),
    ("a body that cannot be read", lambda e: [e[0], e[1]._replace(body=None, damage="is bad"), *e[2:]],
     ["the body of entry 2 is bad"]),
    ("dropped", lambda e: [e[0], *e[2:]], ["entry 2 was dropped: entry 3 stands in its place"]),
    ("moved", lambda e: [e[0], e[2], e[3], altered(e[1], sequence=9)],
     ["entry 2 was reordered: it now stands at 9", "entry 5 was dropped: entry 9 stands in its place"]),
    ("one too many", lambda e: [altered(e[3], sequence=-4), *e], ["entry 1 was dropped: entry -4 stands in its place"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_each_change_is_one_problem(change: Change, expected: list[str]) -> None:
    assert sentences(change(chain_of(b"1", b"2", b"3", b"4"))) == expected


def test_only_what_comes_before_the_first_problem_is_in_order() -> None:
    one, two, three = chain_of(b"1", b"2", b"3")
    checked = ChainCheck(EMPTY)
    assert [checked.add(entry) for entry in (one, altered(two, kind="x"), three)] == [True, False, False]
    assert checked.reached == checked.problems[0].before == Head(1, one.hash.hex())


def test_a_missing_body_is_in_order_if_a_later_entry_says_that_it_was_erased() -> None:
    (first,) = chain_of(b"1")
    notice = json.dumps({"saltedSha256": first.chained.salted.hex()}).encode()
    packed = pack(NewEntry(ERASURE, "c", notice))
    new = next_entry(Head(1, first.hash.hex()), packed, 7, None)
    assert isinstance(new, NextEntry)
    erasure = StoredEntry(new.chained, new.hash, packed.salt, notice)
    gone = first._replace(body=None, salt=None)
    assert sentences([gone, erasure]) == []
    assert check([gone, erasure]).without_body == 1
    assert len(sentences([gone])) == 1


def test_a_chain_checked_in_parts_is_the_same() -> None:
    entries = chain_of(b"1", b"2", b"3")
    first, second = ChainCheck(EMPTY), ChainCheck(Head(2, entries[1].hash.hex()))
    assert all(first.add(entry) for entry in entries[:2])
    assert second.add(entries[2]._replace(body=None))
    assert [p.sequence for p in never_erased({**first.missing, **second.missing}, first.erased | second.erased)] == [3]
    assert not ChainCheck(Head(2, "00")).add(entries[2])


@pytest.mark.parametrize(
    ("length", "anchor", "expected"),
    [
        (3, 3, []),
        (2, 3, ["the end was cut off: the anchor saw entry 3, the ledger ends at 2"]),
        (3, 2, []),
    ],
)
def test_an_anchor_finds_what_was_cut_off(length: int, anchor: int, expected: list[str]) -> None:
    entries = chain_of(b"1", b"2", b"3")
    seen = Head(anchor, entries[anchor - 1].hash.hex())
    assert [p.sentence for p in check(entries[:length], seen).finish()] == expected


def test_an_anchor_finds_a_chain_that_was_made_anew() -> None:
    seen = Head(2, chain_of(b"1", b"x")[1].hash.hex())
    (problem,) = check(chain_of(b"1", b"2"), seen).finish()
    assert problem.sentence == "entry 2 is not what the anchor saw: it or one before was rewritten"


def test_a_wholly_rewritten_chain_gives_a_hundred_problems_and_no_more() -> None:
    entries = [altered(entry, kind="x") for entry in chain_of(*(b"%d" % number for number in range(150)))]
    assert len(check(entries).problems) == 100
