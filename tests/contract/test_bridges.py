"""What every bridge promises: what it accepts it decodes, and it refuses by its own errors alone, naming the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.naming import DEFAULT
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.intake.body import InvalidBody, Limits
from headwater.ingest.intake.bridge import Bridge, Decoded, DecodeError, Folded, Receipt
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.intake.loading import Found, read
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.intake.spline import EVENTS, PLANS
from headwater.ingest.intake.statements import STATEMENTS
from tests.golden import openlineage
from tests.golden.recorded import payloads

ROOT = Path(__file__).parents[2]
RECEIPT = Receipt("glue", at_ms=1_795_400_000_000)
NAN = b'{"x": NaN}'


@dataclass(frozen=True)
class Case:
    """A good body of a bridge; how many plans, runs and statements are in it; bad ones, with the field at fault."""

    content_type: str
    body: bytes
    counts: tuple[int, int, int]
    secret: tuple[bytes, bytes]  #: a body with a secret, and the secret
    bad: Mapping[bytes, str]
    unreadable: tuple[bytes, str]  #: a kept body that cannot be decoded, and the field at fault


(PLAN, EVENT) = payloads("l01_stage_customers")
(COMPLETE,) = [
    body
    for body in openlineage.bodies("l03_mart_customer_orders")
    if b'"COMPLETE"' in body and b"adaptive_spark_plan" in body
]
TAG = {"kind": "tag", "subject": "s3://lake/a", "value": "pii", "by": "me"}


def changed(body: bytes, **fields: Any) -> bytes:
    document = json.loads(body)
    (document[0] if isinstance(document, list) else document).update(fields)
    return json.dumps(document).encode()


CASES: dict[Bridge, Case] = {
    PLANS: Case(
        PLAN.content_type,
        PLAN.body,
        (1, 0, 0),
        (changed(PLAN.body, extraInfo={"url": "jdbc:postgresql://h/d?password=hunter2"}), b"hunter2"),
        {
            b"{}": "operations",
            b"[]": "$",
            changed(PLAN.body, id=7): "id",
        },
        (changed(PLAN.body, operations={}), "operations"),
    ),
    EVENTS: Case(
        EVENT.content_type,
        EVENT.body,
        (0, 1, 0),
        (changed(EVENT.body, error="cannot read s3://key:hunter2@bucket/x"), b"hunter2"),
        {b"[7]": "[0]", b"[{}]": "planId", changed(EVENT.body, timestamp="now"): "timestamp"},
        (b"[{}]", "planId"),
    ),
    OPENLINEAGE: Case(
        "application/json",
        COMPLETE,
        (1, 1, 0),
        (changed(COMPLETE, producer="https://u:hunter2@h/x"), b"hunter2"),
        {
            b"[]": "$",
            b"{}": "$",
            changed(COMPLETE, eventTime="yesterday"): "eventTime",
            changed(COMPLETE, eventTime=None): "eventTime",
            changed(COMPLETE, eventTime="2026-13-01T00:00:00Z"): "eventTime",
            changed(COMPLETE, eventTime="1969-12-31T23:59:59Z"): "eventTime",
            changed(COMPLETE, eventType=1): "eventType",
            changed(COMPLETE, run={}): "run.runId",
            changed(COMPLETE, job=None): "job",
            changed(COMPLETE, job={"namespace": "a"}): "job.name",
            changed(COMPLETE, inputs={}): "inputs",
            changed(COMPLETE, outputs=[{"name": "x"}]): "outputs[0].namespace",
            changed(COMPLETE, outputs=[{"namespace": "a", "name": "x", "facets": []}]): "outputs[0].facets",
        },
        (b"{}", "run"),
    ),
    STATEMENTS: Case(
        "application/json",
        json.dumps(TAG).encode(),
        (0, 0, 1),
        (json.dumps({**TAG, "kind": "description", "value": "password=hunter2"}).encode(), b"hunter2"),
        {
            b"[]": "body",
            json.dumps({**TAG, "subject": ""}).encode(): "subject",
            json.dumps({**TAG, "value": 7}).encode(): "value",
            json.dumps({**TAG, "at": 7}).encode(): "at",
        },
        (json.dumps(TAG).encode(), "at"),
    ),
}

every_bridge = pytest.mark.parametrize("bridge", BRIDGES.values(), ids=lambda bridge: bridge.kind)


def test_every_bridge_has_a_case_here() -> None:
    assert set(CASES) == set(BRIDGES.values())
    assert list(BRIDGES) == [bridge.kind for bridge in BRIDGES.values()]
    assert len({bridge.path for bridge in BRIDGES.values()}) == len(BRIDGES)


def counts(bridge: Bridge, decoded: Decoded) -> tuple[int, int, int]:
    """What an entry says, of a part: alone."""
    said: Decoded | Folded = decoded
    if decoded.part is not None:
        assert bridge.fold is not None
        said = bridge.fold([decoded.part.content], DEFAULT)
        assert said == bridge.fold([decoded.part.content, decoded.part.content], DEFAULT)
    return len(said.plans), len(said.runs), len(decoded.statements)


@every_bridge
def test_what_is_accepted_is_decoded_and_the_same_every_time(bridge: Bridge) -> None:
    case = CASES[bridge]
    accepted = bridge.accept(case.content_type, case.body, RECEIPT)
    assert accepted == bridge.accept(case.content_type, case.body, RECEIPT)
    (entry,) = accepted.entries
    assert (entry.kind, entry.content_type, entry.sender) == (bridge.kind, case.content_type, RECEIPT.sender)
    decoded = bridge.decode(entry.body, entry.content_type)
    assert counts(bridge, decoded) == case.counts
    assert decoded == bridge.decode(entry.body, entry.content_type)


@every_bridge
def test_what_was_accepted_is_accepted_again_as_it_is(bridge: Bridge) -> None:
    """So that a ledger's bodies can be loaded into another one: but for what a server sets itself."""
    case = CASES[bridge]
    (entry,) = bridge.accept(case.content_type, case.body, RECEIPT).entries
    body = entry.body if bridge is not STATEMENTS else json.dumps(TAG).encode()
    assert bridge.accept(case.content_type, body, RECEIPT).entries == (entry,)


@every_bridge
def test_a_secret_is_taken_out_and_noted(bridge: Bridge) -> None:
    case = CASES[bridge]
    body, secret = case.secret
    (entry,) = bridge.accept(case.content_type, body, RECEIPT).entries
    assert secret not in entry.body
    assert entry.redactions
    assert counts(bridge, bridge.decode(entry.body, entry.content_type)) == case.counts


@pytest.mark.parametrize(
    ("bridge", "body", "field"),
    [(bridge, body, field) for bridge, case in CASES.items() for body, field in case.bad.items()],
)
def test_a_bad_body_is_refused_by_the_name_of_its_field(bridge: Bridge, body: bytes, field: str) -> None:
    with pytest.raises(InvalidBody) as refused:
        bridge.accept(CASES[bridge].content_type, body, RECEIPT)
    assert refused.value.status == 400
    assert field in refused.value.sentence


@every_bridge
def test_an_entry_that_is_not_what_its_kind_says_names_its_field(bridge: Bridge) -> None:
    body, field = CASES[bridge].unreadable
    with pytest.raises(DecodeError, match=field):
        bridge.decode(body, CASES[bridge].content_type)


@every_bridge
@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"\xff", 400), (NAN, 400), (b"[" * 5_000, 400), (b"[1,2,3,4]", 413)],
)
def test_what_is_no_json_or_too_much_of_it(bridge: Bridge, body: bytes, status: int) -> None:
    with pytest.raises(InvalidBody) as refused:
        bridge.accept(CASES[bridge].content_type, body, Receipt(limits=Limits(values=3 if status == 413 else 10**7)))
    assert refused.value.status == status


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@every_bridge
@given(data=st.data())
def test_nothing_else_is_raised_whatever_a_field_holds(bridge: Bridge, data: st.DataObject) -> None:
    case = CASES[bridge]
    document = json.loads(case.body)
    target = document[0] if isinstance(document, list) else document
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(json_values)
    body = json.dumps(document).encode("utf-8", "surrogatepass")
    try:
        entries = bridge.accept(case.content_type, body, RECEIPT).entries
    except InvalidBody:
        entries = ()
    for kept in (body, *(entry.body for entry in entries)):
        try:
            bridge.decode(kept, case.content_type)
        except DecodeError:
            assert kept is body  # what was accepted decodes


@every_bridge
def test_a_file_is_recognised_by_the_bridge_that_takes_it(bridge: Bridge, tmp_path: Path) -> None:
    case = CASES[bridge]
    file = tmp_path / "payload.json"
    file.write_bytes(case.body)
    found = [item for item in read(file, asked=True) if isinstance(item, Found)]
    if not bridge.in_files:
        assert found == []
        return
    (one,) = found
    assert one.bridge == bridge
    (entry,) = bridge.accept(one.content_type, one.body, RECEIPT).entries
    assert counts(bridge, bridge.decode(entry.body, entry.content_type)) == case.counts


def test_no_other_module_knows_a_kind() -> None:
    """Code that compares a kind with a text would pass over the next bridge in silence."""
    own = {ROOT / "ingest" / "intake" / "spline.py", ROOT / "ingest" / "intake" / "openlineage.py"}
    folders = (
        "aws_bridge",
        "graphmodel",
        "graphstore",
        "infra",
        "ingest",
        "openlineage_bridge",
        "queries",
        "spline_bridge",
    )
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    files += (ROOT / "headwater").rglob("*.py")
    texts = {str(file): file.read_text("utf-8") for file in files if file.resolve() not in own}
    assert [
        name
        for name, text in texts.items()
        if any(kind in text for kind in ("spline.plan", "spline.event", "openlineage.event"))
    ] == []


@pytest.mark.parametrize("ref", [BodyRef(1), BodyRef(2**44 - 1), BodyRef(7, 1), BodyRef(2**44 - 1, 2**18)])
def test_the_place_of_a_body_is_one_integer_that_sqlite_takes(ref: BodyRef) -> None:
    assert BodyRef.of(ref.stored) == ref
    assert ref.stored < 2**63
    assert ref.index or ref.stored == ref.sequence
