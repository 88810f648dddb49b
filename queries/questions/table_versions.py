"""Versions of tables as their formats count them, and the read that brings one back: time travel in Spark.

What a run read counts first, as its agent told it; else what the writer of the version told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import T

from headwater.queries.answers.page import Row
from headwater.queries.tracing.facts import facts_of
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import chunks

#: Option of ``spark.read`` by format: https://docs.delta.io/latest/delta-batch.html,
#: https://iceberg.apache.org/docs/latest/spark-queries, https://hudi.apache.org/docs/sql_queries
_OPTIONS: Mapping[str, str] = {"delta": "versionAsOf", "iceberg": "snapshot-id", "hudi": "as.of.instant"}
#: What may stand in a command that people copy: versions and names are other people's text.
_VERSION = re.compile(r"[0-9]{1,25}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w{0,200}(?:\.[A-Za-z_]\w{0,200}){1,2}", re.ASCII)


def read_by(g: GraphTraversalSource, runs: Iterable[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """(run, dataset) -> (format, version), as far as the runs' agents told what they read."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for ids in chunks(sorted(set(runs))):
        for row in rows(g.V(ids).has("readVersions"), {"run": T.id, "read": "readVersions"}):
            for dataset, (kind, version) in json.loads(row["read"]).items():
                found[row["run"], dataset] = (kind, version)
    return found


def with_versions(g: GraphTraversalSource, found: Sequence[Row], run_key: str) -> list[Row]:
    """The rows with the version that `run_key`, a run, read of each: its number, its format, and how to read it again.

    `versionExists`: whether a catalogue still listed it when it was read last; None: no catalogue says.
    """
    told = read_by(g, (row[run_key] for row in found))
    versioned = []
    for row in found:
        kind, version = told.get((row[run_key], row["dataset"]), (row.get("tableFormat"), row.get("tableVersion")))
        versioned.append({**row, "tableFormat": kind or row.get("tableFormat"), "tableVersion": version})
    of_tables = {row["dataset"] for row in versioned if row["tableVersion"]}
    names, listed = _names(g, of_tables), _listed(g, of_tables)
    return [
        {
            **row,
            "reproduce": reproduce(row["dataset"], row["tableFormat"], row["tableVersion"], names),
            "versionExists": _exists(listed.get(row["dataset"]), row["tableFormat"], row["tableVersion"]),
        }
        for row in versioned
    ]


SNAPSHOTS = "snapshots"
"""The fact of an Iceberg table that a catalogue states: ``{"ids": [...], "whole": true}``, not whole: the newest."""


def _listed(g: GraphTraversalSource, datasets: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
    facts = facts_of(g, sorted(datasets))
    found = {node: [one.value for one in told if one.key == SNAPSHOTS] for node, told in facts.items()}
    return {node: [one for one in values if isinstance(one, Mapping)] for node, values in found.items()}


def _exists(listed: Sequence[Mapping[str, Any]] | None, kind: str | None, version: str | None) -> bool | None:
    if not listed or kind != "iceberg" or not version:
        return None
    if any(version in (one.get("ids") or ()) for one in listed):
        return True
    return False if all(one.get("whole") is True for one in listed) else None


def _names(g: GraphTraversalSource, datasets: Iterable[str]) -> dict[str, str]:
    """By dataset its name as a table of a catalog, the first of several."""
    found: dict[str, str] = {}
    for ids in chunks(sorted(datasets)):
        names = {"dataset": T.id, "names": __.in_("aliasOf").values("name").fold()}
        for row in rows(g.V(ids), names):
            known = sorted(name for name in row["names"] or () if _NAME.fullmatch(name))
            found.update({row["dataset"]: known[0]} if known else {})
    return found


def reproduce(dataset: str, kind: str | None, version: str | None, names: Mapping[str, str]) -> str | None:
    """The read in Spark that brings this version of the table back; None where it is not known how."""
    if not version or not _VERSION.fullmatch(version):
        return None
    if dataset in names and kind != "hudi":
        return f"SELECT * FROM {names[dataset]} VERSION AS OF {version}"  # noqa: S608 - checked; nothing here runs it
    if kind is None or kind not in _OPTIONS:
        return None
    place = json.dumps(dataset, ensure_ascii=False)
    return f'spark.read.format("{kind}").option("{_OPTIONS[kind]}", "{version}").load({place})'
