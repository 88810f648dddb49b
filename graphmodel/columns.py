"""The views on a column vertex: its name out of the spellings seen, its origin out of the plans that stand. Pure.

Column vertices always carry every view property (`""` for none): an upsert can replace a property, not remove it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from graphmodel import ids
from graphmodel.delta import Vertex, vertex
from graphmodel.logic import Logic, Schema
from graphmodel.model import DependencyType, Origin
from graphmodel.now import Standing

MAX_EXPRESSION = 2_000

DIRECT = "direct"
PARTIAL = "partial"
#: Which origin is shown where plans that stand disagree: the one that leaves most open.
ORIGINS = (Origin.UNRESOLVED, Origin.CONDITIONAL, Origin.GENERATED, Origin.CONSTANT)


class Voice(NamedTuple):
    """What one standing plan says about one of its output columns: `direct`, `partial`, or an origin."""

    column: str
    says: str
    expression: str


Tally = Mapping[Voice, int]


def voices(known: Logic, standing: Standing) -> Counter[Voice]:
    """What a plan says about the columns with which it stands. A carried column says nothing: others do."""
    direct = {d.target for d in known.derivations if d.type is DependencyType.DIRECT and not d.carried}
    said: Counter[Voice] = Counter()
    for column in known.columns:
        if standing.columns is not None and column.name not in standing.columns:
            continue
        if column.name in direct:
            said[Voice(column.name, DIRECT, "")] += 1
        elif column.origin:
            said[Voice(column.name, column.origin.value, column.expression or "")] += 1
        if not column.resolved:
            said[Voice(column.name, PARTIAL, "")] += 1
    return said


def column_vertices(dataset: str, schemas: Iterable[Schema], tally: Tally) -> dict[str, Vertex]:
    """The column vertices of a dataset by lower-case name, from the schemas and the voices of the bodies that count."""
    said: dict[str, list[Voice]] = {}
    for voice in tally:
        said.setdefault(voice.column, []).append(voice)
    spellings = _spellings(schemas)
    return {name: _column(dataset, name, spellings[name], said.get(name, [])) for name in sorted(spellings)}


def _spellings(schemas: Iterable[Schema]) -> dict[str, set[str]]:
    # A writer's spelling is preferred: readers repeat it, or spell it as their query does.
    read: dict[str, set[str]] = {}
    written: dict[str, set[str]] = {}
    for schema in schemas:
        for spelling in schema.columns:
            (written if schema.written else read).setdefault(spelling.lower(), set()).add(spelling)
    return {**read, **written}


def _column(dataset: str, name: str, spellings: set[str], said: list[Voice]) -> Vertex:
    says = {v.says for v in said}
    origin = next((o.value for o in ORIGINS if o.value in says), "") if DIRECT not in says else ""
    expressions = sorted({v.expression for v in said if v.says == origin and v.expression})
    return vertex(
        ids.column_id(dataset, name),
        "column",
        name=min(spellings),
        dataset=dataset,
        origin=origin,
        resolved=not says & {PARTIAL, Origin.UNRESOLVED.value},
        expression=_bounded(" | ".join(expressions)),
        ambiguous=len(spellings) > 1,
    )


def _bounded(text: str) -> str:
    if len(text) <= MAX_EXPRESSION:
        return text
    half = MAX_EXPRESSION // 2
    return f"{text[:half]} ... ({len(text) - 2 * half} characters cut) ... {text[-half:]}"
