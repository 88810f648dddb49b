"""Whatever a payload holds, decoding gives a plan or a `DecodeError`, and the same one every time."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.naming import canonical
from headwater.spline_bridge.decode import decode_events, decode_plan
from headwater.spline_bridge.errors import DecodeError
from tests.golden.recorded import ALL, Payload

PLANS = [p for p in ALL if p.kind == "plan" and len(p.body) < 40_000]
SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.sampled_from(["op-1", "attr-0", "expr-1"])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    out: list[tuple[Any, Any]] = []
    stack = [node]
    while stack:
        item = stack.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        for key in keys:
            out.append((item, key))
            stack.append(item[key])
    return out


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Payload, bytes]:
    """A recorded plan in which some values were replaced, removed, or swapped for others of it."""
    payload = draw(st.sampled_from(PLANS))
    document = json.loads(payload.body)
    for _ in range(draw(st.integers(1, 4))):
        found = places(document)
        container, key = found[draw(st.integers(0, len(found) - 1))]
        other, other_key = found[draw(st.integers(0, len(found) - 1))]
        value = draw(st.one_of(JSON, st.just(copy.deepcopy(other[other_key]))))
        container[key] = value
    return payload, json.dumps(document).encode()


@given(damaged())
def test_damaged_plans_are_mapped_or_refused(case: tuple[Payload, bytes]) -> None:
    payload, body = case
    try:
        plan = decode_plan(body, payload.content_type)
    except DecodeError:
        return
    assert plan == decode_plan(body, payload.content_type)
    read = {dataset.uri for dataset in plan.inputs}
    assert {d.source_dataset for d in plan.derivations} | {d.source_dataset for d in plan.dependencies} <= read
    assert {d.target for d in plan.derivations} <= {column.name for column in plan.columns}
    assert all(uri == canonical(uri) for uri in (plan.target.uri, *read))
    for column in plan.columns:
        fed = any(d.target == column.name and d.type.value == "DIRECT" for d in plan.derivations)
        assert fed or column.origin is not None


@given(st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()))
@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.absa.spline.producer.v1.2+json"])
def test_anything_else_is_refused_with_its_place(content_type: str, body: bytes) -> None:
    for decode in (decode_plan, decode_events):
        try:
            refused = decode(body, content_type) == ()
        except DecodeError as error:
            refused = error.path.startswith("$")
        assert refused
