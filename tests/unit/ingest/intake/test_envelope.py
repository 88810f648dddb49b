"""The file of an accepted payload: what goes in comes out, and what was altered is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ingest.intake.bridge import DecodeError, Receipt
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.intake.envelope import file_of, parse_envelope
from headwater.ingest.intake.loading import Found, NotAPayload, read
from headwater.ingest.ledger.entries import NewEntry
from tests.golden.recorded import ALL, Payload

NOON = 1_772_366_400_000  #: 2026-03-01T12:00Z


@given(st.binary(), st.none() | st.text(st.characters(codec="utf-8")), st.lists(st.text(st.characters(codec="utf-8"))))
def test_what_goes_in_comes_out(body: bytes, sender: str | None, notes: list[str]) -> None:
    entry = NewEntry("spline.plan", "application/json", body, sender, tuple(notes))
    name, content = file_of(entry, NOON)
    told = parse_envelope(json.loads(gzip.decompress(content)))
    assert NewEntry(told.kind, told.content_type, told.body, told.sender, told.redactions) == entry
    assert (told.received_ms, name[:11], content) == (NOON, "2026-03-01/", file_of(entry, NOON)[1])


def test_the_name_is_that_of_the_content() -> None:
    entry = NewEntry("spline.plan", "application/json", b"{}", "one")
    same = NewEntry("spline.plan", "application/json", b"{}", "other", ("$.x",))
    others = [NewEntry("spline.plan", "application/json", b"{ }"), NewEntry("spline.events", "application/json", b"{}")]
    assert file_of(entry, NOON)[0] == file_of(same, NOON)[0]
    assert len({file_of(each, NOON)[0] for each in (entry, *others)}) == 3


def loaded(path: Path, content: bytes) -> list[Any]:
    path.write_bytes(content)
    return list(read(path, asked=True))


@pytest.mark.parametrize("payload", ALL[::7], ids=str)
def test_an_accepted_payload_is_the_same_entry_after_its_way_through_a_file(payload: Payload, tmp_path: Path) -> None:
    """Validated and cleaned twice is as once: the ledger has the same bytes, the sender and the notes."""
    bridge = next(b for b in BRIDGES.values() if b.kind == f"spline.{payload.kind}".replace("event", "events"))
    try:
        entries = bridge.accept(payload.content_type, payload.body, Receipt("glue", NOON)).entries
    except Exception:  # noqa: BLE001 - bodies that were refused when they were recorded
        pytest.skip("a body that is refused")
    for entry in entries:
        (found,) = loaded(tmp_path / "x.json.gz", file_of(entry, NOON)[1])
        assert isinstance(found, Found)
        assert found.accepted(Receipt("load", 0)) == (entry,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"headwaterInbox": 2}, "format 2 is not known"),
        ({"body": "[]"}, "altered or damaged"),
        ({"body": 1}, "body: expected"),
        ({"sender": 1}, "sender: expected"),
        ({"redactions": [1]}, "redactions: expected"),
        ({"receivedMs": "x"}, "receivedMs: expected"),
        ({"kind": "other"}, "'other' of 'application/json' is not known"),
        ({"kind": None}, "kind, contentType: expected"),
    ],
)
def test_an_altered_file_names_the_field(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    _, content = file_of(NewEntry("spline.plan", "application/json", b"{}"), NOON)
    document = {**json.loads(gzip.decompress(content)), **change}
    (found,) = loaded(tmp_path / "x.json", json.dumps(document).encode())
    assert isinstance(found, NotAPayload)
    assert reason in found.reason


def test_an_envelope_without_a_body_is_refused() -> None:
    with pytest.raises(DecodeError, match="body: expected"):
        parse_envelope({"headwaterInbox": 1})
