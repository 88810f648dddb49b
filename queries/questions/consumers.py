"""Which runs read what a run wrote, what they wrote from it, and so on; and in which order to run them again.

It is the question after a run wrote bad data. A version of a dataset holds what the run wrote if it is the run's own
version, or if later writes were added to it (`appendsTo` edges). A run that used one of these versions read it.

Not here: what runs read, the other way (`inputs`); which columns a change reaches (`impact`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import T

from headwater.graphmodel.constants import constants_of
from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.questions.inputs import later_writes, overwritten, runs_of
from headwater.queries.tracing.graph_algorithms import topological_order
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import DeadlinePassed, chunks

COLUMNS = (
    *("rerun", "job", "run", "timestamp", "distance", "stands", "certain", "read", "wrote", "status", "jobRun"),
    "constants",
)
#: Runs, and versions of one request, that are looked at; beyond that the answer says so.
_MOST = 10_000
#: Pairs of a run and a version that holds its data, of one level. A dataset that runs add to has as many as half of the
#: square of its runs, each some 60 bytes here and in what the runs read from.
_MOST_HELD = 2_000_000
_CHUNK = 200  #: versions whose later writes are asked for in one request: each may bring many rows

_RUN_CELLS: Mapping[str, Any] = {
    "run": T.id,
    "timestamp": "timestamp",
    "status": "status",
    "jobRun": "jobRun",
    "constants": "constants",
    "job": __.out("executes").values("job"),
    "twins": __.both("sameWriteAs").id_().fold(),
}
_VERSION_CELLS: Mapping[str, Any] = {
    "version": T.id,
    "dataset": "dataset",
    "timestamp": "timestamp",
    "effect": "effect",
    "partition": "partition",
    "previous": __.out("appendsTo").id_(),
}


@dataclass
class _Consumer:
    """One affected run: the versions that it read and wrote, and the runs from which it read."""

    distance: int
    certain: bool
    read: set[str] = field(default_factory=set)
    wrote: list[Row] = field(default_factory=list)
    feeders: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Holding:
    """A version that holds what `run` wrote. `certain` is False if a write between them perhaps replaced it."""

    run: str
    dataset: str
    certain: bool


def consumers(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One page of runs in the order in which to run them again; those that need it not come last, by distance.

    The first row is the run itself. `rerun` counts from 1: the runs that wrote data that still stands, each after the
    runs from which it read. `stands`: no if all that the run wrote was overwritten since.
    """
    found = _Found(g, deadline_passed)
    found.go_on(runs_of(g, values["node"]), values["depth"])
    listed = found.rows()
    about = {dataset for row in listed for dataset in row["wrote"]}
    return slice_page(listed, values, found.reason)._replace(about=about)


class _Found:
    """The affected runs found so far, and why there may be more (None: there are none). Three requests a level."""

    def __init__(self, g: GraphTraversalSource, deadline_passed: DeadlinePassed) -> None:
        self._g = g
        self._deadline_passed = deadline_passed
        self._consumers: dict[str, _Consumer] = {}
        self.reason: Reason | None = None

    def go_on(self, runs: Iterable[str], depth: int | None) -> None:
        """The runs themselves, those that read what they wrote, and so on, as far as `depth` asks for (None: all)."""
        level = sorted(set(runs))
        self._consumers.update((run, _Consumer(0, certain=True)) for run in level)
        distance = 0
        while level:
            if self._deadline_passed():
                self.reason = "deadline"
                return
            holding = self._versions_with(level)
            if distance == depth or self.reason:
                return
            distance += 1
            level = self._readers(holding, distance)

    def _versions_with(self, level: list[str]) -> dict[str, list[_Holding]]:
        """By version: the runs of this level whose data it holds. Also notes what each of these runs wrote."""
        own: dict[str, str] = {}
        for ids in chunks(level):
            wrote = self._g.V(ids).out_e("generated").project("run", "version").by(__.out_v().id_()).by(__.in_v().id_())
            own.update((row["version"], row["run"]) for row in wrote.to_list())
        versions: dict[str, Row] = {}
        for ids in chunks(sorted(own)):
            later = self._g.V(ids).emit().repeat(__.in_("appendsTo").dedup()).dedup().limit(_MOST + 1)
            versions.update((row["version"], row) for row in rows(later, _VERSION_CELLS))
            if len(versions) > _MOST:
                self.reason = "limit"
        added_to: dict[str, list[str]] = {}
        for name, row in versions.items():
            added_to.setdefault(row["previous"], []).append(name)
        held: dict[str, list[_Holding]] = {}
        most = _MOST_HELD
        for version, run in own.items():
            if version not in versions:
                continue
            self._consumers[run].wrote.append(versions[version])
            if most < 0:
                self.reason = "limit"
                continue
            own_holding = _Holding(run, versions[version]["dataset"], certain=True)
            most -= _spread(held, version, own_holding, versions, added_to)
        return held

    def _readers(self, held: Mapping[str, list[_Holding]], distance: int) -> list[str]:
        """The runs that used one of these versions and were not met before."""
        fresh: list[str] = []
        for ids in chunks(sorted(held)):
            cells = {"run": __.out_v().id_(), "version": __.in_v().id_(), "certain": "certain"}
            for use in rows(self._g.V(ids).in_e("used"), cells):
                run, holdings = use["run"], held[use["version"]]
                if run not in self._consumers:
                    if len(self._consumers) >= _MOST:
                        self.reason = "limit"
                        continue
                    self._consumers[run] = _Consumer(distance, certain=False)
                    fresh.append(run)
                self._read(run, use["certain"] is not False, holdings)
        return sorted(fresh)

    def _read(self, run: str, certain: bool, holdings: Iterable[_Holding]) -> None:  # noqa: FBT001 - a property of the edge
        """Note on a run what it read, and from whom. It is certain if one way from the first run is."""
        consumer = self._consumers[run]
        for holding in holdings:
            if holding.run == run:
                continue
            consumer.read.add(holding.dataset)
            consumer.feeders.add(holding.run)
            feeder = self._consumers[holding.run]
            consumer.certain = consumer.certain or (certain and holding.certain and feeder.certain)

    def rows(self) -> list[Row]:
        """All runs as rows, in the order of `consumers`."""
        cells: dict[str, Row] = {}
        for ids in chunks(sorted(self._consumers)):
            cells.update((row["run"], row) for row in rows(self._g.V(ids), _RUN_CELLS))
        stands = self._stands()
        again = [
            run for run in self._in_order() if stands[run] in {"yes", "perhaps"} and not _reported_later(run, cells)
        ]
        number_of = {run: number for number, run in enumerate(again, start=1)}
        found = [
            {
                **cells[run],
                "constants": ", ".join(constants_of(cells[run]["constants"] or "").logic) or None,
                "rerun": number_of.get(run),
                "distance": consumer.distance,
                "read": sorted(consumer.read),
                "wrote": sorted({version["dataset"] for version in consumer.wrote}),
                "certain": consumer.certain,
                "stands": stands[run],
            }
            for run, consumer in self._consumers.items()
            if run in cells
        ]
        return sorted(found, key=_order)

    def _in_order(self) -> list[str]:
        """The runs, each after those from which it read, and else by time."""
        links: dict[str, list[str]] = {run: [] for run in self._consumers}
        for run, consumer in sorted(self._consumers.items()):
            for feeder in consumer.feeders:
                links[feeder].append(run)
        return topological_order(links)

    def _stands(self) -> dict[str, str | None]:
        """By run: yes, perhaps or no: whether what it wrote is still there. None: it wrote nothing."""
        versions = {row["version"]: row for consumer in self._consumers.values() for row in consumer.wrote}
        replaced: dict[str, str] = {}
        for ids in chunks(sorted(versions), _CHUNK):
            later = later_writes(self._g, ids)
            replaced.update((name, overwritten(versions[name], later.get(name, ()))["overwritten"]) for name in ids)
        found: dict[str, str | None] = {}
        for run, consumer in self._consumers.items():
            states = {replaced[row["version"]] for row in consumer.wrote}
            found[run] = "yes" if "no" in states else "perhaps" if "perhaps" in states else "no" if states else None
        return found


def _spread(
    held: dict[str, list[_Holding]],
    version: str,
    holding: _Holding,
    versions: Mapping[str, Row],
    added_to: Mapping[str, list[str]],
) -> int:
    """Note the holding on the version and on all that was added to it; on how many."""
    perhaps = replace(holding, certain=False)
    waiting = [(version, holding.certain)]
    for name, certain in waiting:
        held.setdefault(name, []).append(holding if certain else perhaps)
        for later in added_to.get(name, ()):
            row = versions[later]
            same_partition = row["partition"] is not None and row["partition"] == versions[version]["partition"]
            is_replaced = row["effect"] == "overwrite" or (same_partition and row["effect"] != "keep")
            waiting.append((later, certain and not is_replaced))
    return len(waiting)


def _reported_later(run: str, cells: Mapping[str, Row]) -> bool:
    """Whether another of these runs is a later report of the same write: then that one is run again."""
    if run not in cells:
        return True
    last = (cells[run]["timestamp"], run)
    return any((cells[twin]["timestamp"], twin) > last for twin in cells[run]["twins"] if twin in cells)


def _order(row: Row) -> tuple[Any, ...]:
    return row["rerun"] is None, row["rerun"] or 0, row["distance"], row["timestamp"] or 0, row["run"]
