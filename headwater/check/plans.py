"""Compares the plan of a changed job with what the same job writes into the same dataset now. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headwater.check.difference import ADD, Difference
from headwater.graphmodel.constants import Constants, constants_of, constants_text, filled
from headwater.graphmodel.ids import column_id, split_node
from headwater.graphmodel.logic import Logic
from headwater.graphmodel.model import DependencyType
from headwater.graphmodel.shared import expanded
from headwater.queries.answers.answer import Answer
from headwater.queries.answers.grades import Change

Source = tuple[str, str, str, str]  #: id of the source column, type, subtype, expression


@dataclass
class Made:
    """What a job writes into a dataset: the sources of each column, and what the rows depend on."""

    columns: dict[str, set[Source]] = field(default_factory=dict)
    rows: set[Source] = field(default_factory=set)
    shared: bool = False  #: other jobs write the dataset too
    kept: set[str] = field(default_factory=set)  #: columns of the rows that stay as they are: MERGE, UPDATE


def made_now(answer: Answer, job: str, plan: str | None) -> Made:
    """From a lineage answer of the dataset: upstream, one hop, all types, by column; `plan` None is every plan.

    A column without sources (a constant) has no edge that names its job: it is counted where no other job writes.
    """
    made = Made(shared=any(edge.job not in (None, job) for edge in answer.edges))
    for edge in answer.edges:
        dataset, column = split_node(edge.target)
        if "#" not in edge.source:  # the rows of a dataset: shown only where something decides them
            continue
        if edge.job != job or dataset != answer.root or plan not in (None, edge.plan):
            continue
        source = (edge.source, edge.type, edge.subtype or "", edge.expression or "")
        (made.rows if column is None else made.columns.setdefault(column, set())).add(source)
    if not made.shared:
        for node in answer.nodes:
            if node.label == "column" and node.distance == 0 and node.origin:
                origin = _origin(node.origin, node.expression)
                made.columns.setdefault(split_node(node.id)[1] or "", set()).add(origin)
    return made


def _origin(origin: str, expression: str | None) -> Source:
    return "", origin, "", expression or ""


def made_by(logic: Logic) -> Made:
    """The same of a new plan, without columns that it only carries on (rows that a MERGE keeps)."""
    known = constants_of(constants_text(Constants(logic.constants)))  # bounded as those in the graph
    derivations = list(expanded(logic.derivations, logic.shared, logic.target))
    made = Made(kept={d.target for d in derivations if d.carried})
    for column in logic.columns:
        if column.origin:
            made.columns[column.name] = {_origin(column.origin.value, filled(column.expression or "", known))}
    for d in derivations:
        if not d.carried:
            node = column_id(d.source_dataset, d.source_column)
            source = (node, d.type.value, d.subtype.value, filled(d.expression or "", known))
            made.columns.setdefault(d.target, set()).add(source)
    for p in logic.dependencies:
        node = column_id(p.source_dataset, p.source_column)
        made.rows.add((node, DependencyType.INDIRECT.value, p.subtype.value, filled(p.expression or "", known)))
    return made


def differences(
    dataset: str, old: Made, new: Made, old_types: Mapping[str, str], new_types: Mapping[str, str]
) -> Iterator[Difference]:
    """What the new plan does differently. A column whose type changed is not listed again for its expression."""
    new = _comparable(new) if old.shared else new
    for column in sorted(old.columns):
        types = old_types.get(column), new_types.get(column)
        if column not in new.columns and column not in new.kept:
            yield Difference(dataset, column, Change.DROP.value, _text(old.columns[column]))
        elif None not in types and types[0] != types[1]:
            yield Difference(dataset, column, Change.RETYPE.value, *types)
        elif old.columns[column] != new.columns.get(column, set()):
            texts = _text(old.columns[column]), _text(new.columns.get(column, set()))
            yield Difference(dataset, column, Change.SEMANTICS.value, *texts)
    for column in sorted(new.columns.keys() - old.columns.keys()):
        yield Difference(dataset, column, ADD, None, _text(new.columns[column]))
    if old.rows != new.rows and old.columns:
        yield Difference(dataset, None, Change.ROWS.value, _text(old.rows - new.rows), _text(new.rows - old.rows))


def _comparable(made: Made) -> Made:
    """Without origins, and the columns that have nothing else: of a shared dataset they are not known."""
    columns = {name: {source for source in sources if source[0]} for name, sources in made.columns.items()}
    return Made({name: sources for name, sources in columns.items() if sources}, made.rows, kept=made.kept)


def _text(sources: set[Source]) -> str:
    """The expressions, or where there are none the sources, in order and without repetition."""
    told = {expression or _short(source) for source, _, _, expression in sources}
    return ", ".join(sorted(told))


def _short(node: str) -> str:
    dataset, column = split_node(node)
    name = dataset.rpartition("/")[2]
    return f"{name}#{column}" if column else name
