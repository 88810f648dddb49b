"""Bodies packed in any allowed way arrive whole; bombs, broken ones and endless brackets are refused."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ingest.intake.body import InvalidBody, Limits, Reading, dump, gunzip, parse

LIMITS = Limits()


def refusal(limits: Limits, body: bytes) -> tuple[int, str]:
    with pytest.raises(InvalidBody) as refused:
        parse(body, limits)
    return refused.value.status, refused.value.sentence


@given(members=st.lists(st.binary(max_size=300), min_size=1, max_size=5), factor=st.sampled_from([1, 1000]))
def test_a_gzip_stream_of_any_members_unpacks(members: list[bytes], factor: int) -> None:
    packed = b"".join(gzip.compress(member * factor, mtime=0) for member in members)
    assert gunzip(packed, 10_000_000, 10) == b"".join(member * factor for member in members)


@given(body=st.binary(max_size=2000), cut=st.integers(1, 20))
def test_a_gzip_stream_that_was_cut_is_refused(body: bytes, cut: int) -> None:
    packed = gzip.compress(body, mtime=0)
    with pytest.raises(InvalidBody) as refused:
        gunzip(packed[:-cut], 10_000, 10)
    assert (refused.value.status, refused.value.sentence) == (400, "the gzip stream ends too early")


DAMAGED = "Content-Encoding says gzip, but the body is no gzip stream or is damaged"


@pytest.mark.parametrize(
    ("packed", "status", "sentence"),
    [
        (b"", 400, "the gzip stream ends too early"),
        (b'{"not":"packed"}', 400, DAMAGED),
        (zlib.compress(b"{}"), 400, DAMAGED),  # zlib is no gzip
        (gzip.compress(b"{}", mtime=0)[:-1] + b"x", 400, DAMAGED),  # the length at its end is wrong
        (gzip.compress(b"{}", mtime=0) + b"more", 400, DAMAGED),
        (gzip.compress(b"x" * 1001, mtime=0), 413, "the body has more than 1,000 bytes unpacked"),
        (gzip.compress(b"x" * 600, mtime=0) * 2, 413, "the body has more than 1,000 bytes unpacked"),
        (gzip.compress(b"", mtime=0) * 11, 400, "more than 10 gzip members"),
    ],
)
def test_a_broken_or_too_large_gzip_stream_is_refused(packed: bytes, status: int, sentence: str) -> None:
    with pytest.raises(InvalidBody) as refused:
        gunzip(packed, 1000, 10)
    assert (refused.value.status, refused.value.sentence) == (status, sentence)


def test_a_body_of_just_the_limit_unpacks() -> None:
    assert len(gunzip(gzip.compress(b"x" * 1000, mtime=0), 1000, 10)) == 1000
    assert len(gunzip(gzip.compress(b"x", mtime=0) * 10, 1000, 10)) == 10


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "$: expected JSON, got: Input is a zero-length, empty document at line 1, column 1"),
        (b"{", "$: expected JSON, got: unexpected end of data at line 1, column 2"),
        (b'{"a":1}x', "$: expected JSON, got: unexpected content after document at line 1, column 8"),
        (b'{"a":\n NaN}', "$: expected JSON, got NaN or Infinity at line 2, column 2"),
        (b"[1,Infinity]", "$: expected JSON, got NaN or Infinity at line 1, column 4"),
        (b"[-Infinity]", "$: expected JSON, got NaN or Infinity at line 1, column 3"),
        (b'["\xff"]', "$: expected JSON in UTF-8, got another byte at offset 2"),
        ('["\u00e9"]'.encode("latin-1"), "$: expected JSON in UTF-8, got another byte at offset 2"),
        ('{"a":1}'.encode("utf-16"), "$: expected JSON in UTF-8, got another byte at offset 0"),
        (b"[" * 1001 + b"]" * 1001, "$: expected at most 1,000 levels of nesting, got more"),
        (b'{"a":' * 1001 + b"1" + b"}" * 1001, "$: expected at most 1,000 levels of nesting, got more"),
        (b"[" * 100_000, "$: expected at most 1,000 levels of nesting, got more"),
    ],
)
def test_what_is_no_json_is_refused(body: bytes, sentence: str) -> None:
    assert refusal(LIMITS, body) == (400, sentence)


def test_too_many_values_are_refused_before_they_take_memory() -> None:
    assert refusal(Limits(values=100), b"[" + b"1," * 100 + b"1]") == (413, "the body has more than 100 JSON values")
    assert len(parse(b"[" + b"1," * 99 + b"1]", Limits(values=100))) == 100


@pytest.mark.parametrize(
    "body", [b"[" * 1000 + b"]" * 1000, b"[" + b"[],{}," * 2000 + b"1]", b'"' + b"[" * 5000 + b'"']
)
def test_what_is_wide_or_just_deep_enough_parses(body: bytes) -> None:
    assert dump(parse(body, LIMITS)) == body


def test_of_a_key_that_comes_twice_the_last_value_counts() -> None:
    assert parse(b'{"a":1,"a":2}', LIMITS) == {"a": 2}


NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(document=JSON)
def test_what_is_written_is_what_was_read_at_any_depth(document: Any) -> None:
    for _ in range(300):  # deeper than orjson writes
        document = {"a": [document, 1]}
    assert orjson.loads(dump(document)) == document


def test_bodies_share_the_room_that_there_is_and_give_it_back() -> None:
    reading = Reading(100)
    with reading.share() as one, reading.share() as other:
        one.reserve(60)
        with pytest.raises(InvalidBody) as refused:
            other.reserve(41)
        assert refused.value.status == 503
        assert refused.value.headers == {"Retry-After": "5"}
        other.reserve(40)
    assert reading.held == 0
