"""What the agent in Python tells of table versions, out of what Spark 3.5 answers with Delta, Iceberg and Hudi."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.spline_bridge.agent.versions import told

TABLE = "file:/t"


def read(version: str, format_: str = "iceberg") -> list[dict[str, str]]:
    return [{"dataset": TABLE, "format": format_, "version": version}]


@pytest.mark.parametrize(
    ("reads", "target", "written", "expected"),
    [
        # Delta names the version in the plan, the newest one or an older one that the query asks for
        ([(TABLE, {"format": "delta", "now": "5", "read": "1"})], "file:/p", {}, {"readVersions": read("1", "delta")}),
        # Iceberg, without time travel: the newest snapshot
        ([(TABLE, {"format": "iceberg", "now": "20", "before": "10"})], "file:/p", {}, {"readVersions": read("20")}),
        # with it: the one asked for
        ([(TABLE, {"format": "iceberg", "now": "20", "read": "10"})], "file:/p", {}, {"readVersions": read("10")}),
        # MERGE reads its own target: the snapshot before its own
        (
            [(TABLE, {"format": "iceberg", "now": "20", "before": "10"})],
            TABLE,
            {"format": "iceberg", "now": "20", "before": "10"},
            {"readVersions": read("10"), "writtenVersion": {"format": "iceberg", "version": "20"}},
        ),
        # the first snapshot has none before it
        (
            [(TABLE, {"format": "iceberg", "now": "20", "before": "None"})],
            TABLE,
            {"format": "iceberg", "now": "20"},
            {"writtenVersion": {"format": "iceberg", "version": "20"}},
        ),
        # UPDATE of Delta: its index has moved on to what it wrote
        (
            [(TABLE, {"format": "delta", "now": "2", "read": "2"})],
            TABLE,
            {"format": "delta", "now": "2", "read": "2"},
            {"readVersions": read("1", "delta"), "writtenVersion": {"format": "delta", "version": "2"}},
        ),
        # Hudi: the last completed instant
        (
            [(TABLE, {"format": "hudi", "now": "20261129224041784"})],
            "file:/p",
            {},
            {"readVersions": read("20261129224041784", "hudi")},
        ),
        ([(TABLE, {"format": "iceberg"})], "file:/p", {}, {}),
        ([], "file:/p", {}, {}),
    ],
)
def test_versions_in_an_event(
    reads: list[tuple[str, dict[str, str]]], target: str, written: dict[str, str], expected: dict[str, Any]
) -> None:
    assert told(reads, target, written) == expected
