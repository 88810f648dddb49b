"""What runs read: the versions of their inputs, the versions behind these through the runs that wrote them.

A run's `used` leads to the newest version that it saw; what this one was added to hangs on it by `appendsTo`, and was
read as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Order, T

from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Page, Row, Values, cut
from headwater.queries.questions.overwritten import Overwritten
from headwater.queries.tracing.walk import DeadlinePassed, chunks

#: Versions that are looked at; beyond that the answer says so.
_MOST = 10_000


class _Use(NamedTuple):
    """A run used a version: the newest that it saw of a dataset."""

    run: str
    version: str
    certain: bool


def inputs(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One page of versions, the nearest first: by distance in runs, dataset, and time, the newest first."""
    found = _Found(g, deadline_passed)
    found.go_back(_runs(g, values["node"]), values["depth"])
    return cut(sorted(found.rows, key=_order), values, found.reason)


class _Found:
    """The versions found so far, and why there may be more (None: there are none)."""

    def __init__(self, g: GraphTraversalSource, deadline_passed: DeadlinePassed) -> None:
        self._g = g
        self._deadline_passed = deadline_passed
        self._overwritten = Overwritten(g)
        self._seen: set[str] = set()
        self._runs: set[str] = set()
        self.rows: list[Row] = []
        self.reason: Reason | None = None

    def go_back(self, runs: Iterable[str], depth: int) -> None:
        """What these runs read, what the runs read that wrote it, and so on, as far as `depth` asks for."""
        level, distance = sorted(set(runs)), 1
        while level and distance <= depth and not self.reason:
            self._runs.update(level)
            rows = list(self._level(self._uses(level), distance))
            level = sorted({row["run"] for row in rows if row["run"]} - self._runs)
            distance += 1

    def _level(self, uses: list[_Use], distance: int) -> Iterator[Row]:
        parts = self._parts(sorted({use.version for use in uses}))
        for use in uses:
            if self._deadline_passed():
                self.reason = "deadline"
                return
            for row in self._seen_by(use, parts):
                if len(self.rows) == _MOST:
                    self.reason = "limit"
                    return
                self.rows.append({**row, "distance": distance})
                yield row

    def _uses(self, runs: list[str]) -> list[_Use]:
        """What these runs used, but what they wrote themselves before."""
        found: list[_Use] = []
        for ids in chunks(runs):
            rows = self._g.V(ids).out_e("used").project("run", "version", "certain")
            rows = rows.by(__.out_v().id_()).by(__.in_v().id_()).by("certain")
            found += [_Use(**row) for row in rows.to_list()]
        return sorted(found)

    def _parts(self, versions: list[str]) -> dict[str, Row]:
        """These versions and all that they were added to."""
        found: dict[str, Row] = {}
        for ids in chunks(versions):
            old = self._g.V(ids).emit().repeat(__.out("appendsTo").dedup()).dedup().limit(_MOST + 1)
            found.update((row["version"], row) for row in _versions(old))
        if len(found) > _MOST:
            self.reason = "limit"
        return found

    def _seen_by(self, use: _Use, parts: Mapping[str, Row]) -> Iterator[Row]:
        """The version used and those that it hangs on; before a write of perhaps one partition none is certain."""
        version: str | None = use.version
        certain = use.certain
        newest = parts.get(use.version)
        while version and newest and version in parts and version not in self._seen:
            self._seen.add(version)
            row = parts[version]
            yield {**row, "usedBy": use.run, "certain": certain, **self._overwritten.since(newest, row)}
            certain = certain and row["effect"] != "overwrite"
            version = row["previous"]


def _versions(found: GraphTraversal) -> Iterator[Row]:
    cells: dict[str, Any] = {
        "version": T.id,
        "dataset": "dataset",
        "timestamp": "timestamp",
        "effect": "effect",
        "partition": "partition",
        "run": __.in_("generated").id_(),
        "job": __.in_("generated").out("executes").values("job"),
        "previous": __.out("appendsTo").id_(),
    }
    projected = found.project(*cells)
    for cell in cells.values():
        projected = projected.by(cell)
    return ({name: row.get(name) for name in cells} for row in projected.to_list())


def _runs(g: GraphTraversalSource, nodes: list[str]) -> list[str]:
    """Runs as they are; those that wrote a version, or the newest version of a dataset."""
    runs: list[str] = g.V(nodes).has_label("run").id_().to_list()
    runs += g.V(nodes).has_label("datasetVersion").in_("generated").id_().to_list()
    for dataset in g.V(nodes).has_label("dataset").id_().to_list():
        versions = g.V(dataset).in_("versionOf").has("timestamp").order().by("timestamp", Order.desc).by(T.id)
        runs += versions.limit(1).in_("generated").id_().to_list()
    return runs


def _order(row: Row) -> tuple[Any, ...]:
    return row["distance"], row["dataset"], -(row["timestamp"] or 0), row["version"]
