"""What of decoded plans stays in memory (real ledger)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.payloads import CONTENT_TYPE, job
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.graph.decoding import Decoding, decoders
from headwater.ingest.ledger.entries import Entry, NewEntry
from headwater.ingest.ledger.ledger import Ledger, open_ledger

#: Columns of a plan: five such plans have more columns and derivations than are kept.
COLUMNS = 3_000
PLANS = 5


class Reads:
    """A ledger, and which of its entries were read one by one."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.read: list[int] = []

    def entry(self, sequence: int) -> Entry | None:
        self.read.append(sequence)
        return self.ledger.entry(sequence)


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[Reads]:
    """A ledger of plans of many columns each."""
    columns = {f"c{number}": [("s3://lake/in", f"c{number}")] for number in range(COLUMNS)}
    made = (job(f"job{number}", f"s3://lake/out{number}", columns, 1_000) for number in range(PLANS))
    with open_ledger(tmp_path / "data") as ledger:
        ledger.append([NewEntry("spline.plan", CONTENT_TYPE, one.plan) for one in made])
        yield Reads(ledger)


def test_a_summary_is_remembered_longer_than_its_plan(reads: Reads) -> None:
    """Each run of known logic needs that of an old plan: an estate of many logics is not decoded again and again."""
    decoding = Decoding(reads, decoders())  # type: ignore[arg-type]  # no more of it is asked for
    mapped = decoding.batch(reads.ledger.read(0, PLANS)).plans
    assert len(mapped) == PLANS
    assert [decoding.summary_at(one.ref) for one in mapped] == [one.summary for one in mapped]
    assert reads.read == []
    assert decoding.plan_at(BodyRef(1)).summary == mapped[0].summary
    assert reads.read == [1], "the plan itself had to make room"


def test_what_is_not_remembered_is_read(reads: Reads) -> None:
    decoding = Decoding(reads, decoders())  # type: ignore[arg-type]
    assert decoding.summary_at(BodyRef(2)).target == "s3://lake/out1"
    assert decoding.summary_at(BodyRef(2)).target == "s3://lake/out1"
    assert reads.read == [2]
