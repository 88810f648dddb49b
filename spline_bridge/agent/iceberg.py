"""What Iceberg does beside reading and writing its tables: branches by a setting, commands and procedures about them.

`spark.wap.branch` sends the writes of a session to a branch, and its reads too, of tables that say so. The plan does
not name it: what was executed does. The setting itself may be another one by the time that a listener is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headwater.spline_bridge.agent import relations
from headwater.spline_bridge.agent.getters import ask, class_name, private, split, text, value
from headwater.spline_bridge.agent.sources import source

#: The property by which a table follows ``spark.wap.branch`` and ``spark.wap.id``.
WAP = "write.wap.enabled"

_BRANCH_OF_SCAN = re.compile(r"\AIceberg\w*\(table=[^,]*, branch=(?P<branch>[^,]*), type=")


def audited(relation: Mapping[str, Any]) -> bool:
    """Whether a table follows the settings, and nothing else says which branch or snapshot of it is meant."""
    said = {"branch", "tag", "snapshot-id", "as-of-timestamp"} & {key.lower() for key in relation.get("options", {})}
    return relation.get("properties", {}).get(WAP) == "true" and not said and "branch" not in relation


def branches_read(query_execution: Any) -> dict[str, str]:
    """The branch of each Iceberg table that was scanned, by the table's name, where all scans of it agree."""
    found: dict[str, set[str]] = {}
    for leaf in relations.elements(query_execution.optimizedPlan().collectLeaves()):
        if class_name(leaf) == "DataSourceV2ScanRelation":
            scan = _BRANCH_OF_SCAN.match(str(leaf.scan().toString()))
            branch = scan["branch"] if scan else private(leaf.scan(), "branch")  # that of an UPDATE does not print it
            name = str(leaf.relation().table().name())
            found.setdefault(name, set()).add(str(branch or "null"))
    return {name: branch for name, (branch, *others) in found.items() if not others and branch != "null"}


def written(executed: Any) -> dict[str, Any]:
    """Where the rows of a write went, if not to the table as others see it: ``branch``, or ``staged`` as a snapshot."""
    write = executed.write()
    branch, staged = private(write, "branch"), private(write, "wapId") if private(write, "wapEnabled") else None
    found = {"branch": str(branch) if branch is not None else None, "staged": True if staged is not None else None}
    return {name: content for name, content in found.items() if content}


# Commands -------------------------------------------------------------------------------------------------------------

#: Procedures that change which rows a table has. Others clean up, or make a view.
PROCEDURES = re.compile(
    r"\A(AddFiles|SnapshotTable|Rollback|SetCurrentSnapshot|Cherrypick|PublishChanges|FastForward|Register)"
)


def branched(query_execution: Any) -> dict[str, Any]:
    """``ALTER TABLE t CREATE BRANCH b``: the branch begins as a copy of the table."""
    command = query_execution.analyzed()
    if not (command.create() or command.replace()):
        return {}
    found = _table(query_execution, split(command.table()))
    return {**found, "path": f"{found['path']}.branch_{command.branch()}", "format": "iceberg"}


def called(query_execution: Any) -> dict[str, Any]:
    """A procedure's table, and where it takes rows from, if it brings any."""
    command = query_execution.analyzed()
    procedure = command.procedure()
    kind = class_name(procedure)
    names = [str(parameter.name()).lower() for parameter in procedure.parameters()]
    given = [ask(text("value"), argument) for argument in relations.elements(command.args())]
    said = {name: each for name, each in zip(names, given, strict=False) if each is not None}
    catalog = str(private(procedure, "tableCatalog").name())
    table = _table(query_execution, [catalog, *_names(said["table"], catalog)])
    if kind == "FastForwardBranchProcedure":
        whole = table["path"]
        table["path"] = _branch(whole, said["branch"])
        table["clone"]["paths"] = [_branch(whole, said["to"])]
    elif kind in {"AddFilesProcedure", "SnapshotTableProcedure"}:
        from_, path = said["source_table"], _FILES.match(said["source_table"])
        if path:
            table["clone"] = {**table["clone"], "paths": [path["path"]], "format": path["format"].lower()}
        else:
            table["clone"] = _table(query_execution, _names(from_, ""))["clone"]
        table["append"] = kind == "AddFilesProcedure"
    else:
        del table["clone"]
    return {**table, "format": "iceberg"}


_FILES = re.compile(r"\A(?P<format>\w+)\.`(?P<path>[^`]*/[^`]*)`\Z")


def _branch(place: str, name: str) -> str:
    return place if name == "main" else f"{place}.branch_{name}"


def _names(table: str, catalog: str) -> list[str]:
    parts = [part.strip("`") for part in table.split(".")]
    return parts[1:] if parts[0] == catalog else parts


def _table(query_execution: Any, names: list[str]) -> dict[str, Any]:
    """A table's place, and all that it has as something to copy."""
    frame = query_execution.sparkSession().table(".".join(f"`{part}`" for part in names))
    details = relations.details(frame.queryExecution().analyzed())
    found = source(details, None)
    if found is None:
        raise ValueError("a table without a place")
    clone = {"paths": list(found.uris), "schema": str(frame.schema().json()), "format": found.format}
    return {"path": found.uris[0], "clone": clone}


#: Commands that are told by what they find in the catalog.
COMMANDS = {"CreateOrReplaceBranch": branched, "Call": called}


def is_told(plan: Any, name: str) -> bool:
    """Whether a command of Iceberg's changes rows."""
    if name == "Call":
        return bool(PROCEDURES.search(str(ask(lambda command: class_name(command.procedure()), plan))))
    return bool(ask(value("create"), plan) or ask(value("replace"), plan))
