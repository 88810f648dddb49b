"""The types of a plan's output columns, recorded and nested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.spline_bridge.decode import decode_plan
from headwater.spline_bridge.errors import DecodeError
from headwater.spline_bridge.schema import output_types, type_text

PAYLOADS = Path(__file__).parents[2] / "payloads"
FLAT = "application/vnd.absa.spline.producer.v1.2+json"


def test_the_types_of_a_recorded_plan() -> None:
    body = (PAYLOADS / "l02_stage_orders" / "002-plan.json").read_bytes()
    assert output_types(body, FLAT) == {
        "order_id": "bigint",
        "customer_id": "int",
        "ordered_at": "timestamp",
        "amount_eur": "double",
        "channel": "string",
    }


def test_whoever_has_mapped_the_plan_need_not_have_it_mapped_again() -> None:
    """For each recorded plan of API 1.1 and 1.2."""
    looked_at = 0
    for file in sorted(PAYLOADS.glob("*/*plan*.json")):
        body = file.read_bytes()
        try:
            plan = decode_plan(body, FLAT)
        except DecodeError:
            continue
        assert output_types(body, FLAT, [column.name for column in plan.columns]) == output_types(body, FLAT), file
        looked_at += 1
    assert looked_at > 50


@pytest.mark.parametrize("cut", ["dataTypes", "childIds"])
def test_a_plan_that_does_not_say_gives_none(cut: str) -> None:
    document = json.loads((PAYLOADS / "l02_stage_orders" / "002-plan.json").read_bytes())
    place = document["extraInfo"] if cut == "dataTypes" else document["operations"]["write"]
    place.pop(cut)
    assert output_types(json.dumps(document).encode(), FLAT) == {}


TYPES: dict[str, dict[str, Any]] = {
    "i": {"id": "i", "name": "int"},
    "s": {"id": "s", "name": "string"},
    "struct": {"id": "struct", "fields": [{"name": "a", "dataTypeId": "i"}, {"name": "b", "dataTypeId": "list"}]},
    "list": {"id": "list", "elementDataTypeId": "s"},
    "map": {"id": "map", "keyDataTypeId": "s", "valueDataTypeId": "struct"},
    "loop": {"id": "loop", "elementDataTypeId": "loop"},
    "nameless": {"id": "nameless"},
}


@pytest.mark.parametrize(
    ("id_", "text"),
    [
        ("i", "int"),
        ("map", "map<string,struct<a:int,b:array<string>>>"),
        (None, "?"),
        ("nameless", "?"),
    ],
)
def test_types_are_written_as_spark_writes_them(id_: str | None, text: str) -> None:
    assert type_text(TYPES, id_) == text


def test_a_type_that_holds_itself_ends() -> None:
    assert type_text(TYPES, "loop").count("array<") == 20
