"""MERGE, UPDATE and DELETE: commands that change some rows of their target, and keep the others.

Each becomes an operation between the command and the plans that it reads, with a new attribute for each column of the
target: computed from every expression that may be assigned to it, and last from itself, since most rows keep it.
Conditions are told by reference, in the operation's `params`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from headwater.spline_bridge.agent.tree import Node, picked, roots

#: Assignments by column name in lower case, each an expression.
Assignments = list[tuple[str, Node]]

#: Arguments that hold the WHEN clauses of a MERGE, by class: Delta's command, and Spark's own plan.
_CLAUSES = ("matchedClauses", "notMatchedClauses", "notMatchedBySourceClauses")
_ACTIONS = ("matchedActions", "notMatchedActions", "notMatchedBySourceActions")
_INSTRUCTIONS = ("matchedInstructions", "notMatchedInstructions", "notMatchedBySourceInstructions")
_CONDITIONS = ("condition", "mergeCondition")

#: Arguments that are told in other words than by their names.
ARGUMENTS = frozenset({
    *_CLAUSES, *_ACTIONS, *_INSTRUCTIONS, *_CONDITIONS, "isSourceRowPresent", "isTargetRowPresent", "assignments",
    "updateExpressions", "sourceTable", "targetTable",
})  # fmt: skip


def clauses(command: Node) -> Iterator[Node]:
    """The WHEN clauses of a MERGE."""
    for name in (*_CLAUSES, *_ACTIONS):
        yield from roots(command.fields.get(name))


def instructions(node: Node) -> list[Node]:
    """What a `MergeRows` does with each kind of row: instructions with a condition and one or two lists of values."""
    return [item for name in _INSTRUCTIONS for item in roots(node.fields.get(name))]


def merged(node: Node, width: int) -> list[list[Node]]:
    """For each column that a `MergeRows` puts out, all values that it may get."""
    rows = [picked(item, name) for item in instructions(node) for name in ("output", "otherOutput")]
    return [_told(column) for column in zip(*(row for row in rows if len(row) == width), strict=True)]


def _told(values: Sequence[Node]) -> list[Node]:
    """Without the NULLs of rows that are only deleted, unless there is nothing else."""
    given = [value for value in values if value.name != "Literal" or value.fields.get("value") is not None]
    return given or list(values)


def conditions(command: Node) -> tuple[list[Node], list[Node]]:
    """What decides which rows change: conditions of the command itself, and those of a MERGE's WHEN clauses."""
    joined = any(child.name == "MergeRows" for child in command.children)  # a MERGE's ON is that of its join
    own = [] if joined else [item for name in _CONDITIONS for item in roots(command.fields.get(name))]
    parts = [*clauses(command), *instructions(command)]
    return own, [item for part in parts for item in picked(part, "condition") if item.name != "Literal"]


def assignments(command: Node, target: list[str]) -> Assignments:
    """All that the command may put into a column. `target` are the names of its columns, by position."""
    rule = _ASSIGNMENTS.get(command.name, _merged)
    return [(name.lower(), expression) for name, expression in rule(command, target)]


def _merged(command: Node, target: list[str]) -> Iterator[tuple[str, Node]]:
    for clause in clauses(command):
        for child in clause.children:
            if child.name == "DeltaMergeAction":
                yield _last_part(child.fields.get("targetColNameParts")), child.children[0]
            elif child.name == "Assignment":
                yield _column(child.children[0]), child.children[1]


def _assigned(command: Node, target: list[str]) -> Iterator[tuple[str, Node]]:
    for item in roots(command.fields.get("assignments")):
        yield _column(item.children[0]), item.children[1]


def _by_position(command: Node, target: list[str]) -> Iterator[tuple[str, Node]]:
    yield from zip(target, roots(command.fields.get("updateExpressions")), strict=False)


_NO_ID = -1


def column_named(name: str, type_: Any = None, expression_id: int = _NO_ID) -> Node:
    """A column that only a command names; Spark has no expression id for it."""
    fields = {"name": name, "dataType": type_, "exprId": expression_id}
    return Node("org.apache.spark.sql.catalyst.expressions.AttributeReference", 0, fields)


def _nothing(command: Node, target: list[str]) -> Iterator[tuple[str, Node]]:
    yield from ()


def _last_part(parts: Any) -> str:
    """The column of ``[country]``; a field of a struct is told by its column: ``[address, city]``."""
    return str(parts).strip("[]").partition(", ")[0]


def _column(key: Node) -> str:
    """The column that an assignment's left side is, or is a field of."""
    while key.children and "exprId" not in key.fields:
        key = key.children[0]
    return str(key.fields.get("name"))


_ASSIGNMENTS: Mapping[str, Callable[[Node, list[str]], Iterator[tuple[str, Node]]]] = {
    "UpdateCommand": _by_position,
    "UpdateTable": _assigned,
    **dict.fromkeys(("DeleteCommand", "DeleteFromTable"), _nothing),
}

#: Commands that change rows of their target, with the arguments that are the plans which they read, the target last.
READS: Mapping[str, tuple[str, ...]] = {
    "MergeIntoCommand": ("source", "target"),
    "MergeIntoTable": ("sourceTable", "targetTable"),
    **dict.fromkeys(("UpdateCommand", "DeleteCommand"), ("target",)),
    **dict.fromkeys(("UpdateTable", "DeleteFromTable"), ("table",)),
}


#: Commands that Spark makes of those for tables of catalog plugins: their query gives the rows as they are to be.
REWRITTEN = frozenset({"ReplaceData", "WriteDelta"})

#: All operators whose conditions decide which rows change.
CONDITIONAL = frozenset({*READS, *REWRITTEN, "MergeRows"})


def plans(command: Node) -> list[Node]:
    """The plans that a command reads, the target last: its children, or what its arguments hold."""
    return [plan for name in READS.get(command.name, ("query",)) for plan in picked(command, name)]


def operation(command: Node) -> Node:
    """The command as an operator over the plans that it reads."""
    made = Node(f"{command.package}.{command.name}", 0, command.fields)
    made.children = plans(command)
    return made
