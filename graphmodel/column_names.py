"""What a column is called where the plan that names it cannot know: a view on logics, out of other plans. Pure.

Two cases. After ``ALTER TABLE t RENAME COLUMN old TO new`` a column has one vertex, under its new name, with what was
written and read under the old one. And files without names of columns (CSV, text) are read by position: whoever reads
them calls the columns as he likes (``_c0``), and means those that the writer put there.

The id of a plan does not depend on what is here: it is a function of the plan's own payload.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from headwater.graphmodel.logic import Layout, Logic, Schema
from headwater.graphmodel.model import Dependency, Derivation, OutputColumn, SharedSources, Subtype

Names = tuple[str, ...]


class RenameRun(NamedTuple):
    """A successful run that renamed a column of one dataset, between `start` and `timestamp` (ms since 1970)."""

    timestamp: int
    run: str
    start: int
    old: str
    new: str


class Mention(NamedTuple):
    """Columns of one dataset that a successful run named; `run` is empty where this stands for several runs.

    Then `start` is the latest of their starts, and `timestamp` the earliest of their ends.
    """

    run: str
    start: int
    timestamp: int
    columns: frozenset[str]


@dataclass(frozen=True)
class ColumnNames:
    """What the columns of one dataset are called; all names are in lower case.

    `renamed` gives the present name of an earlier one. `positions` gives, by format, the names that were written at
    each position: mostly one, more where several jobs append to one dataset. `partitions` are columns that are no part
    of the files, and are read by name.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    positions: Mapping[str, tuple[Names, ...]] = field(default_factory=dict)
    partitions: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether any column can be called otherwise than a plan says."""
        return bool(self.renamed or self.positions)


NONE = ColumnNames()


def column_names(writers: Iterable[Logic], renamed: Mapping[str, str]) -> ColumnNames:
    """The names of a dataset's columns, where `writers` are the logics that contribute to what it holds now."""
    layouts = sorted({its.layout for its in writers if its.layout is not None})
    positions: dict[str, tuple[Names, ...]] = {}
    for format_ in dict.fromkeys(layout.format for layout in layouts):
        rows = [layout.columns for layout in layouts if layout.format == format_]
        width = max(map(len, rows))
        positions[format_] = tuple(tuple(sorted({row[i] for row in rows if i < len(row)})) for i in range(width))
    partitions = frozenset(name for layout in layouts for name in layout.partitions)
    return ColumnNames(dict(renamed), positions, partitions)


def present_names(renames: Iterable[RenameRun], mentions: Iterable[Mention]) -> dict[str, str]:
    """Earlier name -> present name. A rename counts if each of its names belongs to one column at all times.

    It does not where the old name is used again by a run that began later, or the new one was used by a run that ended
    before: then they are two columns, and the new one comes from the old one, as the rename's own plan says.
    """
    listed = list(mentions)
    found: dict[str, str] = {}
    for rename in sorted(set(renames)):
        others = [m for m in listed if m.run != rename.run]
        again = any(rename.old in m.columns and m.start > rename.timestamp for m in others)
        before = any(rename.new in m.columns and m.timestamp < rename.start for m in others)
        if not again and not before and rename.old != rename.new:
            found = {earlier: rename.new if name == rename.old else name for earlier, name in found.items()}
            found[rename.old] = rename.new
    return {earlier: name for earlier, name in found.items() if earlier != name}


def is_out_of_time(rename: RenameRun, mention: Mention) -> bool:
    """Whether the run may be a reason for `rename` not to count."""
    again = rename.old in mention.columns and mention.start > rename.timestamp
    return again or (rename.new in mention.columns and mention.timestamp < rename.start)


def mentioned(its: Logic, dataset: str) -> frozenset[str]:
    """The columns of a dataset that a plan writes or uses."""
    shared = (source for group in its.shared for source in group.sources)
    sources: tuple[Derivation | Dependency, ...] = (*its.derivations, *its.dependencies, *shared)
    used = {source.source_column for source in sources if source.source_dataset == dataset}
    return frozenset(used | its.outputs if its.target == dataset else used)


def named(its: Logic, names_of: Mapping[str, ColumnNames]) -> Logic:
    """The logic with the present names of all columns, and the id that it had; itself if nothing is called otherwise.

    `names_of` are the names by dataset. A name at whose position several names were written stands for all of them.
    """
    datasets = {uri for uri in (its.target, *its.inputs) if names_of.get(uri)}
    as_read = {uri: _as_read(its, uri, names_of[uri]) for uri in datasets}
    as_written = names_of[its.target].renamed if its.target in datasets else {}
    if not as_written and not any(as_read.values()):
        return its

    def sources(part: Derivation | Dependency) -> Iterator[str]:
        yield from as_read.get(part.source_dataset, {}).get(part.source_column, (part.source_column,))

    columns = (replace(c, name=as_written.get(c.name, c.name)) for c in its.columns)
    lines = frozenset((uri, column) for uri in datasets for column in _other_lines(its, uri, names_of[uri]))
    told = (_of_lines(d, lines) for d in its.derivations)
    derivations = (_derivation(d, as_written, source, its) for d, source in _kept_first(told, sources))
    dependencies = (replace(p, source_column=source) for p, source in _kept_first(its.dependencies, sources))
    return replace(
        its,
        columns=tuple(_distinct(columns, lambda c: (c.name,))),
        derivations=tuple(_distinct(derivations, _derivation_key)),
        dependencies=tuple(_distinct(dependencies, _dependency_key)),
        row_sources=tuple(replace(r, target=as_written.get(r.target or "", r.target)) for r in its.row_sources),
        shared=tuple(
            SharedSources(
                tuple(_distinct((_derivation(d, as_written, "", its) for d in group.targets), _derivation_key)),
                tuple(
                    _distinct(
                        (replace(d, source_column=source) for d, source in _kept_first(group.sources, sources)),
                        _derivation_key,
                    )
                ),
            )
            for group in its.shared
        ),
        identity=its.plan,
    )


def named_schema(schema: Schema, names: ColumnNames) -> Schema:
    """The columns of a dataset as a body spells them, those that are called otherwise under their present names."""
    if not names:
        return schema
    called = _mapping(schema.layouts, names)
    columns: dict[str, None] = {}
    for column in schema.columns:
        present = called.get(column.lower(), (column.lower(),))
        columns.update(dict.fromkeys([column] if present == (column.lower(),) else present))
    return schema._replace(columns=tuple(sorted(columns)))


def _as_read(its: Logic, dataset: str, names: ColumnNames) -> dict[str, Names]:
    return _mapping([layout for uri, layout in its.read_layouts if uri == dataset], names)


def _mapping(layouts: Iterable[Layout], names: ColumnNames) -> dict[str, Names]:
    """What a reader's names of columns stand for, where that is not just these names."""
    found: dict[str, set[str]] = {}
    for layout in layouts:
        in_files = [column for column in layout.columns if column not in names.partitions]
        written = names.positions.get(layout.format) or _whole_lines(names, len(in_files))
        for column, there in zip(in_files, written, strict=False):
            found.setdefault(column, set()).update(there)
    called = {column: tuple(sorted({names.renamed.get(n, n) for n in there})) for column, there in found.items()}
    called.update((old, (new,)) for old, new in names.renamed.items() if old not in called)
    return {column: there for column, there in called.items() if there != (column,)}


def _whole_lines(names: ColumnNames, width: int) -> tuple[Names, ...]:
    """What a line's parts stand for where it was written in another format than it is read: all that was written.

    A CSV read as text has whole lines in one column; a text read as a CSV has parts of the one column that was written.
    """
    written = tuple(sorted({name for rows in names.positions.values() for there in rows for name in there}))
    return (written,) * width if written else ()


def _other_lines(its: Logic, dataset: str, names: ColumnNames) -> Iterator[str]:
    """The columns that a plan reads as parts of lines, or as whole lines, where the files were written otherwise."""
    for uri, layout in its.read_layouts:
        if uri == dataset and names.positions and layout.format not in names.positions:
            yield from (column for column in layout.columns if column not in names.partitions)


def _of_lines(d: Derivation, lines: Collection[tuple[str, str]]) -> Derivation:
    """What comes from a part of a line, or from a line put together, is not the value that was written."""
    if d.subtype is not Subtype.IDENTITY or (d.source_dataset, d.source_column) not in lines:
        return d
    return replace(d, subtype=Subtype.TRANSFORMATION)


def _derivation(d: Derivation, as_written: Mapping[str, str], source: str, its: Logic) -> Derivation:
    target = as_written.get(d.target, d.target)
    carried = d.carried or (d.source_dataset == its.target and source == target)
    return replace(d, target=target, source_column=source, carried=carried)


def _derivation_key(d: Derivation) -> tuple[str, ...]:
    return (d.target, d.source_dataset, d.source_column, d.type.value, d.subtype.value)


def _dependency_key(p: Dependency) -> tuple[str, ...]:
    return (p.source_dataset, p.source_column, p.subtype.value)


T = TypeVar("T", OutputColumn, Derivation, Dependency)
S = TypeVar("S", Derivation, Dependency)


def _kept_first(parts: Iterable[S], sources: Callable[[S], Iterable[str]]) -> list[tuple[S, str]]:
    """Each part with each present name of its source, those whose source keeps its name first.

    Where two become one, what is said of the latter stays as it was before the rename was known: it is a fact.
    """
    pairs = [(part, source) for part in parts for source in sources(part)]
    return sorted(pairs, key=lambda pair: pair[0].source_column != pair[1])


def _distinct(parts: Iterable[T], key: Callable[[T], tuple[str, ...]]) -> list[T]:
    """One part of each key, in their order; of several the first."""
    found: dict[tuple[str, ...], T] = {}
    for part in parts:
        found.setdefault(key(part), part)
    return [found[each] for each in sorted(found)]
