"""Row-level commands: MERGE, UPDATE and DELETE. The Scala agent sends their expressions as text, ours refers to them.

Rows that a command does not touch keep their values, so every column of the target also comes from itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.graphmodel.expressions.text import distinct, join
from headwater.graphmodel.expressions.values import IDENTITY, Value, combine, unresolved
from headwater.graphmodel.model import Subtype
from headwater.spline_bridge.functions import ROW_LEVEL
from headwater.spline_bridge.operators import Context, Rows
from headwater.spline_bridge.plantext import named_ids, split
from headwater.spline_bridge.textvalues import text_value
from headwater.spline_bridge.wire import OperationNode, Ref, references

_CLAUSES = ("matchedClauses", "notMatchedClauses", "notMatchedBySourceClauses")
_CLAUSE = re.compile(r"^(?P<kind>\w+)\s*\[(?P<body>.*)\]$", re.DOTALL)
_CONDITION, _ACTIONS = "condition: ", "actions: ["


@dataclass(frozen=True)
class Clause:
    """A WHEN clause: its condition and its assignments by lower-case column name."""

    condition: str
    assignments: Mapping[str, str]
    inserts: bool


def clauses(params: Mapping[str, Any]) -> list[Clause]:
    """The WHEN clauses that Delta's MergeIntoCommand prints."""
    out = []
    for key in _CLAUSES:
        texts = params.get(key)
        for item in texts if isinstance(texts, list) else []:
            match = _CLAUSE.match(str(item).strip())
            if match:
                out.append(_clause(match.group("body"), inserts=key == "notMatchedClauses"))
    return out


def _clause(body: str, *, inserts: bool) -> Clause:
    head, found, actions = body.partition(_ACTIONS)
    assignments = {}
    for action in split(actions[:-1]) if found and actions.endswith("]") else []:
        column, separator, value = action.partition(" = ")
        if separator:
            assignments[column.strip().strip("`").replace("``", "`").lower()] = value
    condition = head.removeprefix(_CONDITION).removesuffix(", ") if head.startswith(_CONDITION) else ""
    return Clause(condition, assignments, inserts)


def merge(operation: OperationNode, source: Rows, target: Rows, names: Sequence[str], context: Context) -> Rows:
    """The target's columns after a MERGE. `names` are the names of its output, by position."""
    parsed = clauses(operation.params)
    condition = str(operation.params.get("condition") or "")
    known = _known_ids(condition, parsed, _by_name(source, context), _by_name(target, context))
    context.keys(Subtype.JOIN, [text_value(condition, known)] if condition else [])
    context.keys(Subtype.FILTER, [text_value(clause.condition, known) for clause in parsed if clause.condition])
    kept = _by_name(target, context)
    ids = operation.output or target.ids
    assigned: dict[str, list[Value]] = {}
    for clause in parsed:
        for column, body in clause.assignments.items():
            value = text_value(body, known) if context.spend(1) else unresolved()
            context.spend(len(value.direct) + len(value.indirect))
            assigned.setdefault(column, []).append(value)
    values = [
        _merged_column(name.lower(), i, kept, assigned.get(name.lower(), []), bool(parsed), context)
        for name, i in zip(names, ids, strict=False)
    ]
    return Rows(ids[: len(values)], tuple(values))


def _merged_column(
    name: str,
    attribute: str,
    kept: Mapping[str, Value],
    values: list[Value],
    has_clauses: bool,  # noqa: FBT001 - the last of the facts that are known of a MERGE
    context: Context,
) -> Value:
    computed = context.computed(attribute)
    if computed is not None and (not has_clauses or any(value.unresolved for value in values)):
        # The agent's own references are certain where it has them; those that it dropped stay unresolved.
        values = [value for value in values if not value.unresolved] + [computed]
    shown = distinct(value.text for value in values)
    result = combine([*values, *([kept[name]] if name in kept else [])], IDENTITY)
    return result._replace(text=join("; ", shown) if shown else result.text)


def _known_ids(
    condition: str, parsed: Sequence[Clause], source: Mapping[str, Value], target: Mapping[str, Value]
) -> dict[str, Value]:
    """Values by expression id. An INSERT can only name source columns; a name of one side only is certain."""
    inserted = [
        body for clause in parsed if clause.inserts for body in (clause.condition, *clause.assignments.values())
    ]
    others = [
        body for clause in parsed if not clause.inserts for body in (clause.condition, *clause.assignments.values())
    ]
    from_source = {key for body in inserted for _, key in named_ids(body)}
    out: dict[str, Value] = {}
    open_ids: dict[str, set[str]] = {}
    for body in [condition, *inserted, *others]:
        for name, key in named_ids(body):
            column = name.strip().strip("`").lower()
            if key in from_source or column not in target:
                if column in source:
                    out[key] = source[column]
            elif column not in source:
                out[key] = target[column]
            else:
                open_ids.setdefault(column, set()).add(key)
    certain = {id(value) for value in out.values()}
    for column, keys in open_ids.items():
        if source[column].direct.keys() == target[column].direct.keys():  # the table merged with itself
            out.update(dict.fromkeys(keys, target[column]))
            continue
        # Both sides have the name; once the source's id is known, the other one is the target's.
        if len(keys) == 1 and id(source[column]) in certain:
            out[next(iter(keys))] = target[column]
    return out


def update(operation: OperationNode, rows: Rows, context: Context) -> Rows:
    """The target's columns after UPDATE or DELETE: by position of its expressions, each also from itself."""
    columns = _by_name(rows, context)
    condition = str(operation.params.get("condition") or "")
    expressions = operation.params.get("updateExpressions")
    texts = [str(item) for item in expressions] if isinstance(expressions, list) else []
    known = {
        key: columns[name.strip().strip("`").lower()]
        for body in [condition, *texts]
        for name, key in named_ids(body)
        if name.strip().strip("`").lower() in columns
    }
    context.keys(Subtype.FILTER, [text_value(condition, known)] if condition else [])
    if len(texts) != len(rows.values):
        return rows
    values = []
    for body, kept in zip(texts, rows.values, strict=False):
        value = text_value(body, known) if context.spend(1) else unresolved()
        context.spend(len(value.direct) + len(value.indirect))
        values.append(combine([value, kept], IDENTITY)._replace(text=value.text))
    return Rows(rows.ids, tuple(values))


def is_referenced(operation: OperationNode) -> bool:
    """Whether a row-level command refers to its expressions: then it is an operation of its own, under the write."""
    return operation.name in ROW_LEVEL and operation.kind == "transformation" and not _has_text(operation.params)


def _has_text(params: Mapping[str, Any]) -> bool:
    return isinstance(params.get("condition"), str) or any(key in params for key in _CLAUSES)


def referenced(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    """The target's columns: each from what is assigned to it and, as the agent says, from itself."""
    params = operation.params
    role = Subtype.JOIN if operation.name.startswith("Merge") else Subtype.FILTER
    conditions = [context.value(ref) for ref in references(params.get("condition"))]
    context.keys(role, conditions)
    context.keys(Subtype.FILTER, map(context.value, references(params.get("clauses"))))
    known = {i: value for rows in children for i, value in rows.environment.items()}
    ids = operation.output or ()
    told = frozenset(condition.text.form.shape for condition in conditions)
    return Rows(ids, tuple(_without(known[i], told) if i in known else _assigned(i, context) for i in ids))


def _without(value: Value, conditions: Collection[str]) -> Value:
    """The value without what decides about its whole row: Spark makes an UPDATE of ``if(condition, new, old)``."""
    kept = {
        influence: use
        for influence, use in value.indirect.items()
        if influence.subtype is not Subtype.CONDITIONAL or use.text is None or use.text.form.shape not in conditions
    }
    return value._replace(indirect=kept)


def _assigned(attribute: str, context: Context) -> Value:
    """All that a column may become, the last part is the column itself; without parts, a column made further below."""
    parts = context.parts(attribute)
    if not parts:
        return context.value(Ref("a", attribute))
    shown = distinct(value.text for value in parts[:-1] or parts)
    return combine(parts, IDENTITY)._replace(text=join("; ", shown))


def _by_name(rows: Rows, context: Context) -> dict[str, Value]:
    return {context.named(i).lower(): value for i, value in zip(rows.ids, rows.values, strict=False)}
