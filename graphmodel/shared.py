"""Sources that many columns have in common: one edge of lineage out of the two that lead through them. Pure.

The graph has them as a vertex of its own, between the columns and their sources. An answer never shows it: it has the
edge that `through` gives, from each of the columns to each of the sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from headwater.graphmodel.model import DependencyType, Derivation, SharedSources, Subtype

_DIRECT = DependencyType.DIRECT.value
#: DIRECT subtypes, weakest first.
_STRENGTH = (Subtype.IDENTITY.value, Subtype.TRANSFORMATION.value, Subtype.AGGREGATION.value)


class Link(NamedTuple):
    """What an edge of lineage says of its two ends."""

    type: str
    subtype: str
    masking: bool = False
    exact: bool = True
    source_field: str | None = None
    expression: str | None = None


def through(use: Link, source: Link) -> Link:
    """The edge from a column to a source, out of the column's to what it shares and the edge from there to the source.

    A column that is INDIRECT on what it shares is so on all of its sources; else the source says what it is.
    """
    if use.type != _DIRECT:
        kind, subtype, shown = use.type, use.subtype, use.expression
    elif source.type != _DIRECT:
        return source
    else:
        kind, subtype, shown = _DIRECT, _stronger(use.subtype, source.subtype), use.expression
    exact = use.exact and source.exact
    return Link(kind, subtype, use.masking or source.masking, exact, use.source_field or source.source_field, shown)


def either(first: Link, second: Link) -> Link:
    """One column that a plan derives in two ways from one source: the stronger; masked if both are, exact if one is."""
    fields = {first.source_field, second.source_field}
    return Link(
        first.type,
        _stronger(first.subtype, second.subtype) if first.type == _DIRECT else first.subtype,
        first.masking and second.masking,
        first.exact or second.exact,
        None if None in fields else ", ".join(sorted(filter(None, fields))),
        first.expression or second.expression,
    )


def _stronger(first: str, second: str) -> str:
    return max(first, second, key=_STRENGTH.index)


def expanded(derivations: Iterable[Derivation], shared: Iterable[SharedSources], target: str) -> Iterator[Derivation]:
    """All edges of a plan that writes `target`: its own, and those that its shared sources stand for: a product.

    An edge from a column to itself is carried: the plan reads what it writes, and no column is its own source.
    """
    found: dict[tuple[str, str, str, str], Derivation] = {}
    for derivation in derivations:
        if found.setdefault(_pair(derivation), derivation) is not derivation:
            yield derivation
    for group in shared:
        for use in group.targets:
            for source in group.sources:
                one = _derivation(use, source, through(_link(use), _link(source)))
                before = found.get(_pair(one))
                link = either(_link(before), _link(one)) if before else _link(one)
                carried = (target, use.target.lower()) == (source.source_dataset, source.source_column.lower())
                found[_pair(one)] = replace(_derivation(use, source, link), carried=carried)
    yield from found.values()


def _pair(d: Derivation) -> tuple[str, str, str, str]:
    return d.target, d.source_dataset, d.source_column, "" if d.type is DependencyType.DIRECT else d.subtype.value


def _link(d: Derivation) -> Link:
    return Link(d.type.value, d.subtype.value, d.masking, d.exact, d.source_field, d.expression)


def _derivation(use: Derivation, source: Derivation, link: Link) -> Derivation:
    return replace(
        source,
        target=use.target,
        type=DependencyType(link.type),
        subtype=Subtype(link.subtype),
        masking=link.masking,
        exact=link.exact,
        source_field=link.source_field,
        expression=link.expression,
        form=None,
    )
