"""Two names of one dataset, as people state it (``same as``): which name is kept, and a plan with that name. Pure.

A plan is renamed right after it is decoded, so that the whole graph has only the name that is kept. The other name
becomes one of the dataset's spellings, and so an alias.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from headwater.graphmodel import ids
from headwater.graphmodel.model import Dataset, Derivation, Plan
from headwater.graphmodel.statements.effective import effective
from headwater.graphmodel.statements.model import DATASET, PEOPLE, SAME, Said, Snapshot, Statement
from headwater.graphmodel.statements.values import dataset_text

Names = Mapping[str, str]  #: another name -> the name that is kept; the latter is never a key


def names(statements: Iterable[Said]) -> dict[str, str]:
    """Other name -> kept name, from what people stated. The last statement of a circle (a = b, b = a) is left out."""
    current = [s for s in effective(statements).values() if s.kind == SAME and not s.withdrawn]
    kept: dict[str, str] = {}
    for one in sorted(current, key=lambda s: s.rank):
        if _end(kept, one.value) != one.subject:
            kept[one.subject] = one.value
    return {other: _end(kept, other) for other in kept}


def _end(kept: Names, name: str) -> str:
    while name in kept:
        name = kept[name]
    return name


def renamed(plan: Plan, kept: Names) -> Plan:
    """The plan with each other name replaced by the kept one."""
    mentioned = {plan.target.uri, *(one.uri for one in plan.inputs)}
    mentioned.update(d.source_dataset for d in plan.derivations)
    mentioned.update(p.source_dataset for p in plan.dependencies)
    mentioned.update(d.source_dataset for group in plan.shared for d in group.sources)
    mentioned.update(one.dataset for one in plan.row_sources)
    if mentioned.isdisjoint(kept):
        return plan

    def of(name: str) -> str:
        return kept.get(name, name)

    def sources(derivations: Iterable[Derivation]) -> tuple[Derivation, ...]:
        return tuple(replace(d, source_dataset=of(d.source_dataset)) for d in derivations)

    return replace(
        plan,
        target=_dataset(plan.target, kept),
        inputs=_merged(_dataset(one, kept) for one in plan.inputs),
        derivations=sources(plan.derivations),
        shared=tuple(replace(group, sources=sources(group.sources)) for group in plan.shared),
        row_sources=tuple(replace(one, dataset=of(one.dataset)) for one in plan.row_sources),
        dependencies=tuple(replace(p, source_dataset=of(p.source_dataset)) for p in plan.dependencies),
    )


def _dataset(one: Dataset, kept: Names) -> Dataset:
    if one.uri not in kept:
        return one
    return replace(one, uri=kept[one.uri], spellings=(*one.spellings, one.uri))


def _merged(inputs: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """The inputs, each dataset once: a plan that reads both names of a dataset reads one dataset."""
    found: dict[str, Dataset] = {}
    for one in inputs:
        before = found.get(one.uri)
        found[one.uri] = _both(before, one) if before else one
    return tuple(found.values())


def _both(one: Dataset, other: Dataset) -> Dataset:
    return replace(
        one,
        spellings=tuple(dict.fromkeys((*one.spellings, *other.spellings))),
        partition=one.partition if one.partition == other.partition else None,
        columns=tuple(dict.fromkeys((*one.columns, *other.columns))),
        partition_columns=tuple(dict.fromkeys((*one.partition_columns, *other.partition_columns))),
        format=one.format or other.format,
    )


def renamed_said(said: Said, kept: Names) -> Said:
    """What a system states, about the names that are kept: it goes on with the names that it knows.

    People's statements are left as they are: they name what they see, and their kind ``same`` is where names come from.
    """
    if not kept or said.source == PEOPLE:
        return said
    if isinstance(said, Snapshot):
        return replace(said, statements=tuple(_renamed_statement(one, kept) for one in said.statements))
    return _renamed_statement(said, kept)


def _renamed_statement(one: Statement, kept: Names) -> Statement:
    dataset, column = ids.split_node(one.subject)
    if one.is_pattern or one.kind == SAME or dataset not in kept:
        return one
    subject = kept[dataset] if column is None else ids.column_id(kept[dataset], column)
    if one.kind != DATASET or one.withdrawn:
        return replace(one, subject=subject)
    said = json.loads(one.value)
    return replace(one, subject=subject, value=dataset_text({**said, "names": [*said.get("names", ()), dataset]}))
