"""The views on a column vertex: its name out of the spellings seen, its origin out of the plans that count now. Pure.

Column vertices always carry every view property (`""` for none): an upsert can replace a property, not remove it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from headwater.graphmodel import ids
from headwater.graphmodel.constants import NONE, Constants, filled
from headwater.graphmodel.delta import Vertex, vertex
from headwater.graphmodel.logic import Logic, Schema
from headwater.graphmodel.model import ORIGINS, DependencyType, Origin
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.statements.values import StatedDataset

MAX_EXPRESSION = 2_000

UNNAMED = "unresolved:"  #: begins the URI of what a plan does not name (`naming.unresolved`)
NOBODY = "no known plan writes it"  #: is shown in place of an expression, at all times alike
DIRECT = "direct"
PARTIAL = "partial"


class ColumnClaim(NamedTuple):
    """What one plan says about one of its output columns: `direct`, `partial`, or an origin."""

    column: str
    says: str
    expression: str


ClaimCounts = Mapping[ColumnClaim, int]


def column_claims(logic: Logic, contribution: Contribution, constants: Constants = NONE) -> Counter[ColumnClaim]:
    """What a plan says about the columns that it contributes, with these constants.

    Carried columns are skipped: the plans that wrote the kept rows describe them.
    """
    direct = {d.target for d in logic.derivations if d.type is DependencyType.DIRECT and not d.carried}
    direct |= _shared_direct(logic)
    claims: Counter[ColumnClaim] = Counter()
    for column in logic.columns:
        if contribution.columns is not None and column.name not in contribution.columns:
            continue
        if column.name in direct:
            claims[ColumnClaim(column.name, DIRECT, "")] += 1
        elif column.origin:
            claims[ColumnClaim(column.name, column.origin.value, filled(column.expression or "", constants))] += 1
        if not column.resolved:
            claims[ColumnClaim(column.name, PARTIAL, "")] += 1
    return claims


def _shared_direct(logic: Logic) -> set[str]:
    """The columns with a DIRECT source among those that they have in common with others."""
    return {
        d.target
        for group in logic.shared
        if any(source.type is DependencyType.DIRECT for source in group.sources)
        for d in group.targets
        if d.type is DependencyType.DIRECT
    }


def origins_text(logic: Logic) -> str:
    """What a plan says of its columns that have no, or not all, DIRECT sources, as JSON; empty for nothing."""
    direct = {d.target for d in logic.derivations if d.type is DependencyType.DIRECT} | _shared_direct(logic)
    origins = [
        (c.name, "" if c.name in direct or c.origin is None else c.origin.value, c.resolved, c.expression or "")
        for c in logic.columns
        if not c.resolved or (c.origin and c.name not in direct)
    ]
    return json.dumps(origins, ensure_ascii=False, separators=(",", ":")) if origins else ""


def claims_in(text: str, contribution: Contribution, constants: Constants | None = None) -> Iterator[ColumnClaim]:
    """The claims in an `origins_text`, about the columns contributed; those that say `direct` are not among them.

    Expressions have their placeholders, or these constants.
    """
    for column, origin, resolved, expression in json.loads(text):
        if contribution.columns is None or column in contribution.columns:
            if origin:
                yield ColumnClaim(column, origin, expression if constants is None else filled(expression, constants))
            if not resolved:
                yield ColumnClaim(column, PARTIAL, "")


class Shown(NamedTuple):
    """What is shown of a column where it has no, or not all, DIRECT sources."""

    origin: str
    resolved: bool
    expression: str


def shown(claims: Iterable[ColumnClaim]) -> Shown:
    """One column, out of all claims about it of the plans that count."""
    distinct = set(claims)
    says = {claim.says for claim in distinct}
    origin = next((o.value for o in ORIGINS if o.value in says), "") if DIRECT not in says else ""
    expressions = sorted({claim.expression for claim in distinct if claim.says == origin and claim.expression})
    resolved = not says & {PARTIAL, Origin.UNRESOLVED.value}
    return Shown(origin, resolved, _bounded(" | ".join(expressions)))


def column_vertices(
    dataset: str, schemas: Iterable[Schema], counts: ClaimCounts, listed: Iterable[StatedDataset] = ()
) -> dict[str, Vertex]:
    """The column vertices of a dataset by lower-case name, from its schemas, the claims about them, and listings.

    A column that is read or listed, of a dataset whose known writers all write other columns, is unresolved: somebody
    makes it. So is each column of data that its plan does not name.
    """
    claims: dict[str, list[ColumnClaim]] = {}
    for claim in counts:
        claims.setdefault(claim.column, []).append(claim)
    read, written = _spellings(schemas)
    catalogued: dict[str, set[str]] = {}
    for one in listed:
        for name, column in one.columns.items():
            catalogued.setdefault(name, set()).add(column.name)
    for name in (read.keys() | catalogued.keys()) - written.keys() if written or dataset.startswith(UNNAMED) else ():
        claims.setdefault(name, [ColumnClaim(name, Origin.UNRESOLVED.value, NOBODY)])
    # A writer's is preferred: readers repeat it, or spell it as their query does; catalogues have lower case only.
    spellings = {**catalogued, **read, **written}
    return {name: _column(dataset, name, spellings[name], claims.get(name, [])) for name in sorted(spellings)}


def _spellings(schemas: Iterable[Schema]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """How the columns are spelled by those who read them, and by those who write them; by name in lower case."""
    read: dict[str, set[str]] = {}
    written: dict[str, set[str]] = {}
    for schema in schemas:
        for spelling in schema.columns:
            (written if schema.written else read).setdefault(spelling.lower(), set()).add(spelling)
    return read, written


def _column(dataset: str, name: str, spellings: set[str], claims: list[ColumnClaim]) -> Vertex:
    return vertex(
        ids.column_id(dataset, name),
        "column",
        name=min(spellings),
        dataset=dataset,
        ambiguous=len(spellings) > 1,
        **shown(claims)._asdict(),
    )


def _bounded(text: str) -> str:
    if len(text) <= MAX_EXPRESSION:
        return text
    half = MAX_EXPRESSION // 2
    return f"{text[:half]} ... ({len(text) - 2 * half} characters cut) ... {text[-half:]}"
