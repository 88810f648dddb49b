"""Which micro-batches of a stream have data, by what Spark says of their progress."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from headwater.spark.streams import _has_data


@pytest.mark.parametrize(
    ("rows", "offsets", "expected"),
    [
        (2, [("0", "1")], True),
        (0, [("1", "1")], False),  # to write what a watermark has closed
        (0, [(None, "0")], True),  # a sink plans the batch anew, so Spark counts no rows
        (0, [("1", "1"), ("3", "4")], True),  # of two sources one has something new
        (0, [], False),
    ],
)
def test_a_batch_has_data(rows: int, offsets: list[tuple[str | None, str]], expected: bool) -> None:
    sources = [SimpleNamespace(startOffset=start, endOffset=end) for start, end in offsets]
    assert _has_data(SimpleNamespace(numInputRows=rows, sources=sources)) is expected
