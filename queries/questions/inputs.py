"""What runs read: the versions of their inputs, and through the runs that wrote these, what lies further back.

A run's `used` edge leads to the newest version that it saw of a dataset. The versions that this one was added to (the
`appendsTo` edges) were read as well. Each row also says whether the version has been overwritten since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Order, P, T
from gremlin_python.statics import long

from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.questions.table_versions import with_versions
from headwater.queries.tracing.as_of import BEFORE_ALL
from headwater.queries.tracing.rows import filled, project, rows
from headwater.queries.tracing.tags import erased_reason, erasures_in, tags_of
from headwater.queries.tracing.walk import DeadlinePassed, chunks

#: Versions that are looked at; beyond that the answer says so.
_MOST = 10_000
#: Versions whose later writes are asked for in one request: each may bring up to `_MOST_WRITES` rows.
_CHUNK = 200
#: Later writes of one dataset that are looked at. The first that replaces all is what counts, and comes early.
_MOST_WRITES = 1_000


class _Use(NamedTuple):
    """A run used a version: the newest that it saw of a dataset."""

    run: str
    version: str
    certain: bool


_USE = {"run": __.out_v().id_(), "version": __.in_v().id_(), "certain": "certain"}


def inputs(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One page of versions, the nearest first: by distance in runs, dataset, and time, the newest first."""
    found = _Found(g, deadline_passed)
    found.go_back(runs_of(g, values["node"]), values["depth"])
    page_ = slice_page(sorted(found.rows, key=_order), values, found.reason)
    return _with_what_was_erased(g, page_._replace(rows=with_versions(g, page_.rows, "usedBy")))


def _with_what_was_erased(g: GraphTraversalSource, found: Page) -> Page:
    """Where an entry was erased that said how a dataset was written, it is not certain which version was read."""
    tags = tags_of(g, sorted({row["dataset"] for row in found.rows}))
    lost = {node: erasures_in(names, read=False) for node, names in tags.items()}
    certain = [{**row, "certain": row["certain"] and not lost.get(row["dataset"])} for row in found.rows]
    return found._replace(rows=certain, reason=found.reason or erased_reason(set().union(*lost.values())))


def runs_of(g: GraphTraversalSource, nodes: list[str]) -> list[str]:
    """Runs as they are; those that wrote a version, or the newest version of a dataset."""
    newest = __.in_("versionOf").has("timestamp").order().by("timestamp", Order.desc).by(T.id).limit(1)
    runs: list[str] = (
        g.V(nodes)
        .union(
            __.has_label("run"),
            __.has_label("datasetVersion").in_("generated"),
            __.has_label("dataset").flat_map(newest.in_("generated")),
        )
        .id_()
        .to_list()
    )
    return runs


class _Found:
    """The versions found so far, and why there may be more (None: there are none). Three requests a level."""

    def __init__(self, g: GraphTraversalSource, deadline_passed: DeadlinePassed) -> None:
        self._g = g
        self._deadline_passed = deadline_passed
        self._seen: set[str] = set()
        self._runs: set[str] = set()
        self.rows: list[Row] = []
        self.reason: Reason | None = None

    def go_back(self, runs: Iterable[str], depth: int) -> None:
        """What these runs read, what the runs read that wrote it, and so on, as far as `depth` asks for."""
        level, distance = sorted(set(runs)), 1
        while level and distance <= depth and not self.reason:
            self._runs.update(level)
            before = len(self.rows)
            self._add(self._uses(level), distance)
            level = sorted({row["run"] for row in self.rows[before:] if row["run"]} - self._runs)
            distance += 1

    def _uses(self, runs: list[str]) -> list[_Use]:
        """What these runs used, but what they wrote themselves before."""
        found: list[_Use] = []
        for ids in chunks(runs):
            edges = self._g.V(ids).out_e("used")
            found += [_Use(**row) for row in rows(edges, _USE)]
        return sorted(found)

    def _add(self, uses: list[_Use], distance: int) -> None:
        """A row for each version that was used, and for each that this one was added to."""
        for some in chunks(uses, _CHUNK):
            if self._deadline_passed():
                self.reason = "deadline"
                return
            newest = sorted({use.version for use in some})
            versions = self._versions(newest)
            later = later_writes(self._g, newest)
            for use in some:
                for row in self._read(use, versions, later):
                    if len(self.rows) == _MOST:
                        self.reason = "limit"
                        return
                    self.rows.append({**row, "distance": distance})

    def _versions(self, newest: list[str]) -> dict[str, Row]:
        """These versions and all that they were added to."""
        cells: dict[str, Any] = {
            "version": T.id,
            "dataset": "dataset",
            "timestamp": "timestamp",
            "effect": "effect",
            "partition": "partition",
            "tableVersion": "tableVersion",
            "tableFormat": "tableFormat",
            "run": __.in_("generated").id_(),
            "job": __.in_("generated").out("executes").values("job"),
            "previous": __.out("appendsTo").id_(),
        }
        found = self._g.V(newest).emit().repeat(__.out("appendsTo").dedup()).dedup().limit(_MOST + 1)
        versions = {row["version"]: row for row in rows(found, cells)}
        if len(versions) > _MOST:
            self.reason = "limit"
        return versions

    def _read(self, use: _Use, versions: Mapping[str, Row], later: Mapping[str, Sequence[Row]]) -> Iterator[Row]:
        """The version used, then those it was added to. Before an overwrite of perhaps one partition none is certain.

        What a version was added to was replaced by the same later writes as the version itself.
        """
        version: str | None = use.version
        certain = use.certain
        while version and version in versions and version not in self._seen:
            self._seen.add(version)
            row = versions[version]
            yield {**row, "usedBy": use.run, "certain": certain, **overwritten(row, later.get(use.version, ()))}
            certain = certain and row["effect"] != "overwrite"
            version = row["previous"]


def later_writes(g: GraphTraversalSource, versions: list[str]) -> dict[str, list[Row]]:
    """By version: the later overwrites of its dataset, and later writes to a partition of it, in the order of time.

    The initial version, which has no time, lies before all writes.
    """
    cells: dict[str, Any] = {
        "timestamp": "timestamp",
        "effect": "effect",
        "partition": "partition",
        "run": __.in_("generated").id_(),
        "previous": __.out("appendsTo").id_(),
        "ahead": __.in_("generated").values("clockAhead"),
        "twins": __.in_("generated").both("sameWriteAs").values("timestamp").fold(),
    }
    time = __.coalesce(__.values("timestamp"), __.constant(long(BEFORE_ALL)))
    writes = (
        __.out("versionOf")
        .in_("versionOf")
        .or_(__.has("effect", P.within("all", "overwrite", "end")), __.has("partition"))
    )
    writes = writes.where(P.gt("version")).by(time).order().by("timestamp").by(T.id).limit(_MOST_WRITES)
    found = g.V(versions).as_("version").project("version", "writes").by(T.id).by(project(writes, cells).fold())
    return {
        row["version"]: [write for write in filled(row["writes"], cells) if _counts(write)] for row in found.to_list()
    }


def _counts(write: Row) -> bool:
    """Whether it is one: not by a clock that is ahead, and of two reports of it the one that ended last."""
    return not write["ahead"] and all(twin <= write["timestamp"] for twin in write["twins"])


def overwritten(version: Row, later: Sequence[Row]) -> Row:
    """`overwritten`: yes, perhaps or no; `overwrittenBy` which run, `overwrittenAt` when, in ms since 1970."""
    sure = next((write for write in later if _replaces_all(write)), None)
    perhaps = next((write for write in later if _may_replace(write, version)), None)
    by = sure or perhaps
    return {
        "overwritten": "yes" if sure else "perhaps" if perhaps else "no",
        "overwrittenBy": by["run"] if by else None,
        "overwrittenAt": by["timestamp"] if by else None,
    }


def _replaces_all(write: Row) -> bool:
    """Only a write that replaced all has a version that was added to none."""
    return write["effect"] != "keep" and write["previous"] is None


def _may_replace(write: Row, version: Row) -> bool:
    same_partition = write["partition"] is not None and write["partition"] == version["partition"]
    return write["effect"] == "overwrite" or same_partition


def _order(row: Row) -> tuple[Any, ...]:
    return row["distance"], row["dataset"], -(row["timestamp"] or 0), row["version"]
