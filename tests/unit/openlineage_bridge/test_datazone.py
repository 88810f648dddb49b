"""Events in DataZone's size: what is left out first, how they are split, and that no column is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.openlineage_bridge.datazone import LARGEST, TooLarge, reduced, taken, token

SCHEMA = {"fields": [{"name": "i0", "type": "x"}]}


def source(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "subtype": "X", "description": text}


def output(name: str, columns: int, text: str = "", kinds: tuple[str, ...] = ("DIRECT", "INDIRECT")) -> dict[str, Any]:
    fields = {
        f"c{number}": {
            "inputFields": [
                {"namespace": "s3://lake", "name": "in", "field": f"i{number}", "transformations": [source(kind, text)]}
                for kind in kinds
            ]
        }
        for number in range(columns)
    }
    whole = [{"namespace": "s3://lake", "name": "in", "field": "f", "transformations": [source("INDIRECT", text)]}]
    return {
        "namespace": "s3://lake",
        "name": name,
        "facets": {
            "schema": {"fields": [{"name": name, "type": "string"} for name in fields]},
            "columnLineage": {"fields": fields, "dataset": whole},
            "headwater_dataset": {"columns": []},
        },
    }


def event(*outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "run": {"runId": "r", "facets": {"headwater_run": {"plan": "p"}}},
        "job": {"namespace": "n", "name": "j"},
        "inputs": [
            {"namespace": "s3://lake", "name": "in", "facets": {"schema": {"fields": [{"name": "i0", "type": "x"}]}}}
        ],
        "outputs": list(outputs),
    }


def columns(bodies: tuple[bytes, ...]) -> list[tuple[str, str]]:
    """(output, column) of all bodies, in order."""
    found = []
    for body in bodies:
        for one in json.loads(body)["outputs"]:
            found += [(one["name"], name) for name in one["facets"]["columnLineage"]["fields"]]
    return found


THREE = ("descriptions of transformations", "facets of Headwater's own", "types of columns")
STEPS = [
    (),
    ("descriptions of transformations",),
    ("descriptions of transformations", "facets of Headwater's own"),
    THREE,
    (*THREE, "filters, joins and keys of the whole"),
    (*THREE, "filters, joins and keys of the whole", "conditions and windows of columns"),
]


def test_what_is_left_out_comes_in_the_order_that_the_docs_say() -> None:
    whole = event(output("out", 20, "because"))
    sizes = []
    limit = len(reduced(whole).bodies[0])
    for left_out in STEPS:
        parts = reduced(whole, limit)
        assert (len(parts.bodies), parts.left_out) == (1, left_out)
        sizes.append(len(parts.bodies[0]))
        limit = sizes[-1] - 1
    assert sizes == sorted(sizes, reverse=True)
    last = json.loads(parts.bodies[0])
    assert "headwater_run" not in last["run"]["facets"]
    kept = last["outputs"][0]["facets"]
    assert "dataset" not in kept["columnLineage"]
    assert [len(one["inputFields"]) for one in kept["columnLineage"]["fields"].values()] == [1] * 20


def test_an_event_that_fits_stays_as_it_is() -> None:
    whole = event(output("out", 3, "because"))
    (body,) = reduced(whole).bodies
    assert json.loads(body) == whole
    assert len(body) < LARGEST


def test_then_it_is_split_by_output_and_by_columns() -> None:
    one, two = output("one", 4, kinds=("DIRECT",)), output("two", 40, kinds=("DIRECT",))
    size = len(reduced(event(one)).bodies[0])
    parts = reduced(event(one, two), size)
    assert len(parts.bodies) > 2
    assert parts.left_out[-1] == f"it is sent in {len(parts.bodies)} parts"
    assert columns(parts.bodies) == [("one", f"c{n}") for n in range(4)] + [("two", f"c{n}") for n in range(40)]
    assert {json.loads(body)["run"]["runId"] for body in parts.bodies} == {"r"}
    schemas = [
        name["name"] for body in parts.bodies for name in json.loads(body)["outputs"][0]["facets"]["schema"]["fields"]
    ]
    assert len(schemas) == 44


def test_what_is_too_large_with_one_column_is_refused() -> None:
    with pytest.raises(TooLarge, match="with one column alone"):
        reduced(event(output("o" * 500, 2)), 400)


def test_an_output_without_columns_is_refused_if_it_is_too_large() -> None:
    bare = event({"namespace": "n", "name": "o" * 500})
    with pytest.raises(TooLarge):
        reduced({**bare, "inputs": []}, 300)
    tagged = event({"namespace": "n", "name": "o", "facets": {"tags": {"tags": ["x" * 500]}}})
    with pytest.raises(TooLarge):
        reduced({**tagged, "inputs": []}, 300)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.integers(700, 5_000), st.text(max_size=30))
def test_no_column_is_lost_and_no_body_is_too_large(sizes: list[int], largest: int, text: str) -> None:
    whole = event(*(output(f"o{number}", size, text) for number, size in enumerate(sizes)))
    try:
        parts = reduced(whole, largest)
    except TooLarge:
        return
    assert all(len(body) <= largest for body in parts.bodies)
    assert columns(parts.bodies) == [(f"o{number}", f"c{c}") for number, size in enumerate(sizes) for c in range(size)]
    assert whole == event(*(output(f"o{number}", size, text) for number, size in enumerate(sizes)))  # not changed


@pytest.mark.parametrize(
    "facets",
    [
        {"schema": {"fields": "none"}},
        {"columnLineage": {"fields": None}},
        {"columnLineage": {"fields": {"a": {}}, "dataset": 1}},
    ],
)
def test_a_large_event_with_facets_of_another_form_is_refused(facets: dict[str, Any]) -> None:
    with pytest.raises(TooLarge, match="not those of the specification"):
        reduced(event({"namespace": "n", "name": "o" * 900, "facets": facets}), 500)


def test_only_ends_of_runs_are_sent_under_the_digest_of_the_body() -> None:
    assert [taken({"eventType": kind, "run": {}}) for kind in ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT")] == [
        False, False, True, True, True
    ]  # fmt: skip
    assert not taken({"eventType": "COMPLETE"})
    assert token(b"a") == token(b"a") != token(b"b")
    assert len(token(b"a")) <= 128
