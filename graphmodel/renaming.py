"""Two names of one dataset: which name is kept, and a plan with that name. Pure.

People state it (``same as``); a system that lists a dataset says its other names with it: what a job calls
``sales.orders``, or by an ARN, is the dataset at the location that the catalogue lists for this table; and events say
that the table with this ARN lies at a path (OpenLineage's symlinks), which counts where no system lists the name. A
name of several datasets, or that is listed as a dataset itself, names none of them: nothing is guessed.

A plan is renamed right after it is decoded, so that the whole graph has only the name that is kept. The other name
becomes one of the dataset's spellings, and so an alias.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from headwater.graphmodel import ids
from headwater.graphmodel.model import Dataset, Derivation, Plan
from headwater.graphmodel.naming import canonical
from headwater.graphmodel.statements.effective import effective
from headwater.graphmodel.statements.model import (
    CALLED,
    DATASET,
    PEOPLE,
    SAME,
    Said,
    Snapshot,
    Statement,
    statements_of,
)
from headwater.graphmodel.statements.values import dataset_text

Kept = Mapping[str, str]  #: another name -> the name that is kept; the latter is never a key


@dataclass(frozen=True)
class Names:
    """Which names are one: another name -> the name that is kept, as people state, and as systems or events list it."""

    stated: Kept = field(default_factory=dict)
    listed: Kept = field(default_factory=dict)

    @cached_property
    def every(self) -> Kept:
        """Both together. What people state counts before what systems list, and goes on from it."""
        both = {**self.listed, **self.stated}
        return {other: end for other in both if (end := _end(both, other)) != other}

    def text(self) -> str:
        """As JSON."""
        return json.dumps([self.stated, self.listed])

    @classmethod
    def from_text(cls, text: str) -> Names:
        """The inverse of `text`; of an empty text no names."""
        return cls(*json.loads(text)) if text else cls()


def names(statements: Iterable[Said]) -> Names:
    """The names that are one by these statements, in whatever order they come."""
    said = list(statements)
    stated = _stated(said)
    counting = effective(renamed_said(one, Names(stated)) for one in said).values()
    called: dict[str, set[str]] = {}
    listed: dict[str, set[str]] = {}
    for one in counting:
        for name, dataset in name_pairs(one):
            (called if one.kind == CALLED else listed).setdefault(name, set()).add(dataset)
    datasets = {**called, **listed}
    return Names(stated, {name: kept for name in datasets if (kept := listed_name(name, datasets[name]))})


def name_pairs(one: Statement) -> list[tuple[str, str]]:
    """(name, dataset) for each name that a statement gives the dataset that it lists, the dataset's own among them.

    Names are canonical, as plans have them. What a system lists (`DATASET`) counts before what events say (`CALLED`).
    """
    if one.kind == CALLED:
        return [] if one.withdrawn else [(name, one.subject) for name in {one.subject, one.value}]
    listed = one.dataset
    return [(name, one.subject) for name in {one.subject, *map(canonical, listed.names)}] if listed else []


def listed_name(name: str, datasets: Collection[str]) -> str | None:
    """The dataset that is called so by systems; `datasets` are all of `name_pairs` that have this name.

    None: it is the dataset's own name, several have it, or a system lists it as a dataset of its own.
    """
    return next((dataset for dataset in datasets if dataset != name), None) if len(datasets) == 1 else None


def _stated(statements: Iterable[Said]) -> dict[str, str]:
    """Other name -> kept name, from what people stated. The last statement of a circle (a = b, b = a) is left out."""
    current = [s for s in effective(statements).values() if s.kind == SAME and not s.withdrawn]
    kept: dict[str, str] = {}
    for one in sorted(current, key=lambda s: s.rank):
        if _end(kept, one.value) != one.subject:
            kept[one.subject] = one.value
    return {other: _end(kept, other) for other in kept}


def _end(kept: Kept, name: str) -> str:
    while name in kept:
        name = kept[name]
    return name


def mentioned(plan: Plan) -> set[str]:
    """The datasets that a plan names."""
    found = {plan.target.uri, *(one.uri for one in plan.inputs)}
    found.update(d.source_dataset for d in plan.derivations)
    found.update(p.source_dataset for p in plan.dependencies)
    found.update(d.source_dataset for group in plan.shared for d in group.sources)
    found.update(one.dataset for one in plan.row_sources)
    return found


def renamed(plan: Plan, kept: Kept) -> Plan:
    """The plan with each other name replaced by the kept one."""
    if mentioned(plan).isdisjoint(kept):
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


def _dataset(one: Dataset, kept: Kept) -> Dataset:
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


def renamed_said(said: Said, known: Names) -> Said:
    """What a system states, about the names that are kept: it goes on with the names that it knows.

    People's statements are left as they are: they name what they see, and their kind ``same`` is where names come from.
    The kinds ``dataset`` and ``called`` are where the names that systems list come from, so these change nothing in it.
    """
    if not known.every or said.source == PEOPLE:
        return said
    if isinstance(said, Snapshot):
        return replace(said, statements=tuple(_renamed_statement(one, known) for one in said.statements))
    return _renamed_statement(said, known)


#: The kinds that say how datasets are called.
_NAMING = (DATASET, CALLED)


def said_about(said: Said) -> set[str]:
    """The datasets about which a system states something else than that they exist: `renamed_said` names these."""
    if said.source == PEOPLE:
        return set()
    told = (one for one in statements_of(said) if one.kind not in _NAMING and not one.is_pattern)
    return {ids.split_node(one.subject)[0] for one in told}


def _renamed_statement(one: Statement, known: Names) -> Statement:
    kept = known.stated if one.kind in _NAMING else known.every
    dataset, column = ids.split_node(one.subject)
    if one.is_pattern or one.kind == SAME or dataset not in kept:
        return one
    subject = kept[dataset] if column is None else ids.column_id(kept[dataset], column)
    if one.kind != DATASET or one.withdrawn:
        return replace(one, subject=subject)
    said = json.loads(one.value)
    return replace(one, subject=subject, value=dataset_text({**said, "names": [*said.get("names", ()), dataset]}))
