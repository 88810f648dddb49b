"""A chain that ends at a dataset which holds nothing any more says so; as of the time before it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw

DATABASE = "postgres://h:5432"
FACET = {"_producer": "test", "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/Test.json"}
SOURCE, STAGING, MART = (f"{DATABASE}/d.s.{name}" for name in ("source", "staging", "mart"))


def event(number: int, read: str | None, written: str, change: str) -> dict[str, Any]:
    """A job copies the column `a` of one table to another, or ends a table."""
    facets: dict[str, Any] = {
        "schema": {**FACET, "fields": [{"name": "a", "type": "int"}]},
        "lifecycleStateChange": {**FACET, "lifecycleStateChange": change},
    }
    if read:
        copied = {"namespace": DATABASE, "name": read, "field": "a"}
        made = {**copied, "transformations": [{"type": "DIRECT", "subtype": "IDENTITY"}]}
        facets["columnLineage"] = {**FACET, "fields": {"a": {"inputFields": [made]}}}
    return {
        "eventType": "COMPLETE",
        "eventTime": f"2026-01-01T00:0{number}:00Z",
        "producer": "test",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"00000000-0000-4000-8000-00000000000{number}"},
        "job": {"namespace": "n", "name": f"job{number}"},
        "inputs": [{"namespace": DATABASE, "name": read}] if read else [],
        "outputs": [{"namespace": DATABASE, "name": written, "facets": facets}],
    }


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[hw.Graph]:
    events = [event(1, "d.s.source", "d.s.staging", "OVERWRITE"), event(2, "d.s.staging", "d.s.mart", "OVERWRITE")]
    (tmp_path / "events.ndjson").write_text("\n".join(map(json.dumps, events)))
    with hw.open(tmp_path / "data") as opened:
        opened.load(tmp_path / "events.ndjson")
        yield opened


def origins(found: hw.Lineage) -> dict[str, str | None]:
    return {node.id: node.origin for node in found.nodes}


@pytest.mark.parametrize("change", ["DROP", "TRUNCATE"])
def test_what_was_dropped_or_emptied_says_so(graph: hw.Graph, tmp_path: Path, change: str) -> None:
    assert set(origins(graph.upstream(f"{MART}#a"))) == {f"{MART}#a", f"{STAGING}#a", f"{SOURCE}#a"}
    (tmp_path / "drop.ndjson").write_text(json.dumps(event(3, None, "d.s.staging", change)))
    graph.load(tmp_path / "drop.ndjson")
    now = graph.upstream(f"{MART}#a")
    assert origins(now) == {f"{MART}#a": None, f"{STAGING}#a": "ended"}
    assert "ended" in str(now)
    assert origins(graph.upstream(MART)) == {MART: None, STAGING: "ended"}
    assert origins(graph.upstream(f"{MART}#a", as_of="2026-01-01T00:03:30Z")) == origins(now)
    assert "ended" not in origins(graph.upstream(f"{MART}#a", as_of="ever")).values()
    assert origins(graph.upstream(f"{SOURCE}#a")) == {f"{SOURCE}#a": None}
    assert f"{SOURCE}#a" in origins(graph.upstream(f"{MART}#a", as_of="2026-01-01T00:02:30Z"))
    (tmp_path / "again.ndjson").write_text(json.dumps(event(4, "d.s.source", "d.s.staging", "OVERWRITE")))
    graph.load(tmp_path / "again.ndjson")
    assert origins(graph.upstream(f"{MART}#a"))[f"{STAGING}#a"] is None


def test_what_was_retired_says_so(graph: hw.Graph) -> None:
    graph.tag(STAGING, "retired")
    assert origins(graph.upstream(f"{MART}#a")) == {f"{MART}#a": None, f"{STAGING}#a": "ended"}
    graph.tag(STAGING, "retired", withdraw=True)
    assert origins(graph.upstream(f"{MART}#a"))[f"{STAGING}#a"] is None
