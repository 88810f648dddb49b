"""Which version of a table a run read and wrote, as the table's own format counts: Iceberg, Delta, Hudi.

Delta's plans name the version that they read. Of Iceberg and Hudi the metadata that the session has loaded is asked,
after the write has ended: what is said of a table that the run also wrote is the snapshot before its own. Each question
is one or a few calls to the JVM; a table of Delta or Hudi that is written is opened once more where the plan does not
hold it. What does not answer is not known. The versions stand in the event (`extra`), so the same logic stays one plan,
whatever version it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from headwater.spline_bridge.agent.getters import Reader, answers, ask, class_name, follow, private, value

DELTA, ICEBERG, HUDI = "delta", "iceberg", "hudi"
READ, WRITTEN = "readVersions", "writtenVersion"  #: keys of the event's `extra`

#: ``format``; ``now``: the newest version; ``before``: the one before that; ``seen``: the newest one when the table was
#: read, where that can be another; ``read``: the one that was asked for, or read
Version = dict[str, str]


def of_files(index: Any) -> Version:
    """Of what lists the files of a relation: Delta's and Hudi's own classes do. Empty for other files."""
    kind = class_name(index)
    if ask(lambda asked: asked.deltaLog(), index) is not None:
        read = ask(lambda asked: str(follow(asked, "snapshot.version")), index) or _named(str(index.toString()))
        return _version(DELTA, {"now": _delta_now, "read": lambda _: read}, index)
    return of_hudi(index) if "Hoodie" in kind else {}


def of_hudi(holder: Any) -> Version:
    """Of Hudi's own: what lists the files of a relation, or a relation. Empty for a query of changes alone."""
    return {} if "Incremental" in class_name(holder) else _version(HUDI, _HUDI, holder)


def of_table(table: Any) -> Version:
    """Of a table of a catalog plugin: `SparkTable` of Iceberg, `DeltaTableV2`. Empty for any other."""
    if ask(lambda asked: asked.deltaLog(), table) is not None:
        return _version(DELTA, {"now": _delta_now, "read": _delta_read}, table)
    if ask(lambda asked: asked.table().currentSnapshot(), table) is not None:
        return _version(ICEBERG, _ICEBERG, table)
    return {}


def of_path(query_execution: Any, path: str, format_: str = DELTA) -> Version:
    """Of a table of Delta or Hudi at a path, which is opened: its newest version."""
    table = query_execution.sparkSession().read().format(format_).load(path)
    relation = table.queryExecution().analyzed().relation()
    index = ask(value("location"), relation)
    return of_hudi(relation) if index is None else of_files(index)


def _version(format_: str, readers: Mapping[str, Reader], target: Any) -> Version:
    found = answers(readers, target)
    return {"format": format_, **{key: str(value) for key, value in found.items()}} if found else {}


def _named(index: str) -> str:
    """``Delta[version=3, file:/t]``."""
    return index.partition("Delta[version=")[2].partition(",")[0]


def _delta_now(holder: Any) -> str:
    return str(holder.deltaLog().unsafeVolatileSnapshot().version())


def _delta_read(table: Any) -> str:
    return str(table.initialSnapshot().version())


def _instant(at: int) -> Reader:
    """The newest instant of a table of Hudi's, or the one `at` places before it. A table without it has no answer."""

    def reader(holder: Any) -> str:
        newest = holder.metaClient().getActiveTimeline().reload()  # another one: what the relation reads by stays
        instant = newest.getCommitsTimeline().filterCompletedInstants().nthFromLastInstant(at)
        return str(instant.get().getTimestamp())

    return reader


def _known(holder: Any) -> Any:
    """The commits that a relation of Hudi's knew when it was read."""
    return holder.metaClient().getActiveTimeline().getCommitsTimeline().filterCompletedInstants()


def _asked(holder: Any) -> str | None:
    """The newest instant up to the one that ``as.of.instant`` or ``TIMESTAMP AS OF`` names; None: none was named."""
    fields = (private(holder, name) for name in ("specifiedQueryInstant", "specifiedQueryTimestamp"))
    named = next(filter(None, (re.search("[0-9]+", str(each.toString())) for each in fields if each is not None)), None)
    return (
        str(_known(holder).findInstantsBeforeOrEquals(named[0]).lastInstant().get().getTimestamp()) if named else None
    )


_HUDI: Mapping[str, Reader] = {
    "read": _asked,
    "seen": lambda holder: str(_known(holder).lastInstant().get().getTimestamp()),
    "now": _instant(0),
    "before": _instant(1),
}

_ICEBERG: Mapping[str, Reader] = {
    "now": lambda table: str(table.table().currentSnapshot().snapshotId()),
    "before": lambda table: str(table.table().currentSnapshot().parentId()),
    "read": lambda table: str(table.snapshotId()) if table.snapshotId() is not None else None,
}


def told(reads: Iterable[tuple[str, Mapping[str, Any]]], target: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """What the event says of versions. Pure. `reads`: URI and version of each source; `written`: that of the target."""
    said: dict[str, Any] = {}
    found: dict[str, Version] = {}
    for uri, version in reads:
        own = uri == target and written.get("now") is not None
        read = version.get("read") or (version.get("before") if own else version.get("seen") or version.get("now"))
        if own and version["format"] == DELTA and read == written["now"]:  # Delta counts its commits one by one
            read = str(int(written["now"]) - 1) if int(written["now"]) > 0 else None
        if read and read != "None":
            found[uri] = {"dataset": uri, "format": str(version["format"]), "version": str(read)}
    if found:
        said[READ] = [found[uri] for uri in sorted(found)]
    if written.get("now"):
        said[WRITTEN] = {"format": str(written["format"]), "version": str(written["now"])}
    return said
