"""Whether a version of a dataset has been overwritten since, and by which run."""

from __future__ import annotations

from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P, T
from gremlin_python.statics import long

from headwater.queries.answers.page import Row

#: Later writes that are looked at. The first that replaces all is what counts; what may have replaced a part is rarer.
_MOST = 1_000
_BEGIN = -(2**53)


class Overwritten:
    """Asks once for each newest version that a run saw: what it was added to lies under the same later writes."""

    def __init__(self, g: GraphTraversalSource) -> None:
        self._g = g
        self._later: dict[str, list[Row]] = {}

    def since(self, newest: Row, version: Row) -> Row:
        """`overwritten`: yes, perhaps or no; `overwrittenBy` which run, `overwrittenAt` when, in ms since 1970."""
        if newest["version"] not in self._later:
            self._later[newest["version"]] = self._writes_after(newest)
        later = self._later[newest["version"]]
        sure = next((write for write in later if _replaces(write)), None)
        perhaps = next((write for write in later if _may_replace(write, version)), None)
        by = sure or perhaps
        return {
            "overwritten": "yes" if sure else "perhaps" if perhaps else "no",
            "overwrittenBy": by["run"] if by else None,
            "overwrittenAt": by["timestamp"] if by else None,
        }

    def _writes_after(self, version: Row) -> list[Row]:
        """The later overwrites, and writes to a partition, in the order of time."""
        after = self._g.V(version["dataset"]).in_("versionOf").has("timestamp", P.gt(long(_at(version))))
        after = after.or_(__.has("effect", P.within("all", "overwrite")), __.has("partition"))
        cells: dict[str, Any] = {
            "timestamp": "timestamp",
            "effect": "effect",
            "partition": "partition",
            "run": __.in_("generated").id_(),
            "previous": __.out("appendsTo").id_(),
            "ahead": __.in_("generated").values("clockAhead"),
            "twins": __.in_("generated").both("sameWriteAs").values("timestamp").fold(),
        }
        rows = after.order().by("timestamp").by(T.id).limit(_MOST).project(*cells)
        for cell in cells.values():
            rows = rows.by(cell)
        found = ({name: row.get(name) for name in cells} for row in rows.to_list())
        return [row for row in found if _counts(row)]


def _at(version: Row) -> int:
    """Before all writes lies the initial version."""
    return _BEGIN if version["timestamp"] is None else int(version["timestamp"])


def _counts(write: Row) -> bool:
    """Whether it is one: not by a clock that is ahead, and of two reports of it the one that ended last."""
    return not write["ahead"] and all(twin <= write["timestamp"] for twin in write["twins"])


def _replaces(write: Row) -> bool:
    """Whether it replaced all: only then does its version hang on none."""
    return write["effect"] != "keep" and write["previous"] is None


def _may_replace(write: Row, version: Row) -> bool:
    same_partition = write["partition"] is not None and write["partition"] == version["partition"]
    return write["effect"] == "overwrite" or same_partition
