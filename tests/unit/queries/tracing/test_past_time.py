"""Times as people write them, in ms since 1970."""

from __future__ import annotations

import pytest

from headwater.queries.answers.errors import QueryError
from headwater.queries.tracing.as_of import milliseconds, shown

NOON = 1_772_366_400_000  # 2026-03-01T12:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00Z", NOON),
        ("2026-03-01T12:00", NOON),  # without an offset it is UTC
        (" 2026-03-01 12:00:00 ", NOON),
        ("2026-03-01T12:00:00.250Z", NOON + 250),
        ("2026-03-01 12:00:00.250999+00:00", NOON + 250),  # str(datetime)
        ("2026-03-01t13:30:00,5+01:30", NOON + 500),
        ("2026-03-01T13:30 01:30", NOON),  # a plus sign in a URL
        ("2026-03-01T07:00-0500", NOON),
        ("2026-03-01", NOON - 12 * 3_600_000),  # a date is its beginning
        (str(NOON), NOON),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        # what is no time may be a run
        ("20260301", None),
        ("2026", None),
        ("1772366400", 1772366400000),  # seconds
        ("1772366400.0425", 1772366400042),
        ("1772366400.5", 1772366400500),
        ("177236640", None),
        ("yesterday", None),
        ("2026-03-01T12", None),
        ("jr_1", None),
        ("٢٠٢٦-03-01", None),
        ("", None),
    ],
)
def test_a_time(text: str, expected: int | None) -> None:
    assert milliseconds(text, "asOf") == expected


@pytest.mark.parametrize("text", ["2026-02-30", "2026-03-01T24:00Z", "2026-03-01T12:60Z", "0000-01-01"])
def test_a_time_that_does_not_exist_is_the_askers_fault(text: str) -> None:
    with pytest.raises(QueryError, match="there is no time") as refused:
        milliseconds(text, "asOf")
    assert refused.value.field == "asOf"


@pytest.mark.parametrize("at", [NOON, NOON + 1, 0, -1])
def test_what_is_shown_is_read_again(at: int) -> None:
    assert milliseconds(shown(at), "asOf") == at
    assert shown(NOON) == "2026-03-01T12:00:00.000Z"
